/* Packets that are to go: their headers, and the ICRCs.
 *
 * What each function does and returns is said by its twin in `twin.py`. A packet's ICRC is made
 * from its definition: over the pseudo header of the flow with the packet's length and IPv4
 * identification filled in, the BTH with octet 4 as ones, and the rest. Every access is held within
 * its buffer.
 */

#include "_kernel.h"

#define PSN_MASK 0xFFFFFFu
#define MOST_EXTENSION 28

static PyObject *pseudo_name;

int packets_start(void)
{
    if (pseudo_name == NULL)
        pseudo_name = PyUnicode_InternFromString("pseudo");
    return pseudo_name == NULL ? -1 : 0;
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The ICRC follows the packet in little-endian order. */
static void put_icrc(uint8_t *at, uint32_t reg)
{
    reg = ~reg;
    for (int octet = 0; octet < ICRC_OCTETS; octet++)
        at[octet] = (uint8_t)(reg >> 8 * octet);
}

int flow_of(PyObject *object, struct flow *flow)
{
    PyObject *pseudo = PyObject_GetAttr(object, pseudo_name);
    char *octets;
    Py_ssize_t length;
    int bad;

    if (pseudo == NULL)
        return -1;
    bad = PyBytes_AsStringAndSize(pseudo, &octets, &length) < 0;
    if (!bad && length != PREFIX_IPV4 && length != PREFIX_IPV6) {
        PyErr_SetString(PyExc_ValueError, "a pseudo header of a strange length");
        bad = 1;
    }
    if (!bad) {
        memcpy(flow->octets, octets, (size_t)length);
        flow->length = (size_t)length;
    }
    Py_DECREF(pseudo);
    return bad ? -1 : 0;
}

/* The register after the headers, the BTH included, of a packet of `size` octets. */
uint32_t icrc_begin(struct flow *flow, size_t size, uint32_t ident, const uint8_t *bth)
{
    uint8_t *ip = flow->octets + 8, *end = flow->octets + flow->length;

    if (flow->length == PREFIX_IPV4) {
        put16(ip + 2, size + 28);
        put16(ip + 4, ident & 0xFFFF);
    } else {
        put16(ip + 4, size + 8);
    }
    put16(end - 4, size + 8);
    memcpy(end, bth, BTH_OCTETS);
    end[4] = 0xFF;
    return crc_update(0xFFFFFFFFu, flow->octets, flow->length + BTH_OCTETS);
}

int takes_count(Py_ssize_t count, Py_ssize_t wanted, const char *name)
{
    if (count == wanted)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", name, wanted, count);
    return -1;
}

/* Whether `count` pieces of `length` octets, `step` apart from `at` on, lie within `total`. */
int pieces_within(
    Py_ssize_t total, Py_ssize_t at, Py_ssize_t step, Py_ssize_t count, Py_ssize_t length)
{
    if (at < 0 || count < 0 || length < 0 || length > step || at > total)
        return 0;
    if (count == 0 || step == 0)
        return 1;
    return length <= total - at && count - 1 <= (total - at - length) / step;
}

PyObject *kernel_frames(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct flow flow;
    Py_buffer view;
    PyObject *made = NULL;
    Py_ssize_t index, start, mtu, n;
    unsigned long long head;
    uint32_t psn, ask;
    uint8_t bth[BTH_OCTETS], *out;

    (void)self;
    if (takes_count(count, 9, "frames") < 0 || flow_of(args[0], &flow) < 0)
        return NULL;
    index = PyLong_AsSsize_t(args[1]);
    head = PyLong_AsUnsignedLongLong(args[2]);
    psn = (uint32_t)PyLong_AsUnsignedLongLongMask(args[3]);
    ask = (uint32_t)PyLong_AsUnsignedLongLongMask(args[4]);
    start = PyLong_AsSsize_t(args[6]);
    mtu = PyLong_AsSsize_t(args[7]);
    n = PyLong_AsSsize_t(args[8]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[5], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (index < 0 || mtu < 1 || mtu > 4096 || n < 1 || n > 0xFFFF ||
        !pieces_within(view.len, start, mtu, n, mtu)) {
        PyErr_SetString(PyExc_ValueError, "frames of what is not there");
        goto done;
    }
    made = PyBytes_FromStringAndSize(NULL, n * FRAME_OCTETS);
    if (made == NULL)
        goto done;
    out = (uint8_t *)PyBytes_AsString(made);
    put32(bth, (uint32_t)(head >> 32));
    put32(bth + 4, (uint32_t)head);
    for (Py_ssize_t packet = 0; packet < n; packet++, out += FRAME_OCTETS) {
        const uint8_t *payload = (const uint8_t *)view.buf + start + packet * mtu;
        uint32_t reg;

        put32(bth + 8, (psn++ & PSN_MASK) | (packet == n - 1 ? ask : 0));
        reg = icrc_begin(&flow, (size_t)mtu + FRAME_OCTETS, (uint32_t)index + (uint32_t)packet, bth);
        memcpy(out, bth, BTH_OCTETS);
        put_icrc(out + BTH_OCTETS, crc_update(reg, payload, (size_t)mtu));
    }
done:
    PyBuffer_Release(&view);
    return made;
}

/* What the packets of several bursts are made from. */
struct train {
    struct flow flow;
    uint64_t first, head;
    uint32_t psn, ask;
    const uint8_t *extension, *payload;
    Py_ssize_t extension_length, mtu, left;
};

/* The packets of one burst; returns where those of the next one begin. */
static uint8_t *add_burst(struct train *train, uint8_t *out, Py_ssize_t packets)
{
    for (Py_ssize_t index = 0; index < packets; index++) {
        const Py_ssize_t more = train->extension_length;
        uint32_t reg;

        train->left--;
        put32(out, (uint32_t)(train->first >> 32));
        put32(out + 4, (uint32_t)train->first);
        put32(out + 8, (train->psn++ & PSN_MASK) | (train->left == 0 ? train->ask : 0));
        memcpy(out + BTH_OCTETS, train->extension, (size_t)more);
        reg = icrc_begin(
            &train->flow, (size_t)(FRAME_OCTETS + more + train->mtu), (uint32_t)index, out);
        reg = crc_update(reg, train->extension, (size_t)more);
        out += BTH_OCTETS + more;
        put_icrc(out, crc_update(reg, train->payload, (size_t)train->mtu));
        out += ICRC_OCTETS;
        train->payload += train->mtu;
        train->first = train->head;
        train->extension_length = 0;
    }
    return out;
}

/* How many packets there are in all; or -1. */
static Py_ssize_t packets_of(PyObject *cuts)
{
    Py_ssize_t sum = 0;

    if (!PyTuple_Check(cuts)) {
        PyErr_SetString(PyExc_TypeError, "the cuts of a train are a tuple");
        return -1;
    }
    for (Py_ssize_t each = 0; each < PyTuple_Size(cuts); each++) {
        Py_ssize_t cut = PyLong_AsSsize_t(PyTuple_GetItem(cuts, each));

        if (PyErr_Occurred())
            return -1;
        if (cut < 1 || cut > MOST_TRAIN || (sum += cut) > MOST_TRAIN) {
            sum = 0;
            break;
        }
    }
    if (sum == 0)
        PyErr_SetString(PyExc_ValueError, "no bursts");
    return sum > 0 ? sum : -1;
}

PyObject *kernel_train(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct train train;
    char *extension;
    Py_buffer view;
    PyObject *made = NULL;
    Py_ssize_t start;

    (void)self;
    if (takes_count(count, 10, "train") < 0 || flow_of(args[0], &train.flow) < 0 ||
        PyBytes_AsStringAndSize(args[5], &extension, &train.extension_length) < 0 ||
        (train.left = packets_of(args[9])) < 0)
        return NULL;
    train.first = PyLong_AsUnsignedLongLong(args[1]);
    train.head = PyLong_AsUnsignedLongLong(args[2]);
    train.psn = (uint32_t)PyLong_AsUnsignedLongLongMask(args[3]);
    train.ask = (uint32_t)PyLong_AsUnsignedLongLongMask(args[4]);
    train.extension = (const uint8_t *)extension;
    start = PyLong_AsSsize_t(args[7]);
    train.mtu = PyLong_AsSsize_t(args[8]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[6], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (train.mtu < 1 || train.mtu > 4096 || train.extension_length > MOST_EXTENSION ||
        !pieces_within(view.len, start, train.mtu, train.left, train.mtu)) {
        PyErr_SetString(PyExc_ValueError, "packets of what is not there");
    } else {
        made = PyBytes_FromStringAndSize(
            NULL, train.left * FRAME_OCTETS + train.extension_length);
        if (made != NULL) {
            uint8_t *out = (uint8_t *)PyBytes_AsString(made);

            train.payload = (const uint8_t *)view.buf + start;
            for (Py_ssize_t each = 0; each < PyTuple_Size(args[9]); each++)
                out = add_burst(&train, out, PyLong_AsSsize_t(PyTuple_GetItem(args[9], each)));
        }
    }
    PyBuffer_Release(&view);
    return made;
}

/* A packet that is being built: in one piece in `copy`, or as a list of buffers. */
struct built {
    PyObject *parts;
    uint8_t *copy;
    uint32_t reg;
    Py_ssize_t skip;
    Py_ssize_t left;
};

/* Take of one view what belongs to the packet. */
static int add_view(struct built *built, PyObject *object)
{
    Py_buffer view;
    Py_ssize_t octets;

    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
        return -1;
    octets = view.len - built->skip;
    if (octets <= 0) {
        built->skip -= view.len;
        PyBuffer_Release(&view);
        return 0;
    }
    if (octets > built->left)
        octets = built->left;
    built->reg = crc_update(built->reg, (const uint8_t *)view.buf + built->skip, (size_t)octets);
    if (built->copy != NULL) {
        memcpy(built->copy, (const uint8_t *)view.buf + built->skip, (size_t)octets);
        built->copy += octets;
    }
    PyBuffer_Release(&view);
    if (built->copy == NULL) {
        PyObject *piece = PySequence_GetSlice(object, built->skip, built->skip + octets);
        int bad = piece == NULL || PyList_Append(built->parts, piece) < 0;

        Py_XDECREF(piece);
        if (bad)
            return -1;
    }
    built->skip = 0;
    built->left -= octets;
    return 0;
}

static int add_views(struct built *built, PyObject *views)
{
    Py_ssize_t count = PySequence_Size(views);

    for (Py_ssize_t each = 0; each < count && built->left > 0; each++) {
        PyObject *view = PySequence_GetItem(views, each);
        int bad = view == NULL || add_view(built, view) < 0;

        Py_XDECREF(view);
        if (bad)
            return -1;
    }
    if (count >= 0 && built->left > 0)
        PyErr_SetString(PyExc_ValueError, "not the parts of a packet");
    return count < 0 || built->left > 0 ? -1 : 0;
}

static int append(PyObject *list, PyObject *stolen)
{
    int bad = stolen == NULL || PyList_Append(list, stolen) < 0;

    Py_XDECREF(stolen);
    return bad ? -1 : 0;
}

/* Pad and ICRC after the payload: how many octets. */
static Py_ssize_t seal(uint8_t *end, Py_ssize_t pad, uint32_t reg)
{
    memset(end, 0, (size_t)pad);
    put_icrc(end + pad, crc_update(reg, end, (size_t)pad));
    return pad + ICRC_OCTETS;
}

PyObject *kernel_packet(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct flow flow;
    struct built built = {NULL, NULL, 0, 0, 0};
    char *header;
    uint8_t end[3 + ICRC_OCTETS];
    Py_ssize_t index, header_length, length, pad, size;

    (void)self;
    if (takes_count(count, 6, "packet") < 0 || flow_of(args[0], &flow) < 0 ||
        PyBytes_AsStringAndSize(args[2], &header, &header_length) < 0)
        return NULL;
    index = PyLong_AsSsize_t(args[1]);
    built.skip = PyLong_AsSsize_t(args[4]);
    built.left = length = PyLong_AsSsize_t(args[5]);
    if (PyErr_Occurred())
        return NULL;
    pad = -length & 3;
    if (index < 0 || built.skip < 0 || length < 0 || length > LONGEST ||
        header_length < BTH_OCTETS || header_length > LONGEST ||
        (size = header_length + length + pad + ICRC_OCTETS) > LONGEST) {
        PyErr_SetString(PyExc_ValueError, "not the parts of a packet");
        return NULL;
    }
    built.parts = PyList_New(0);
    if (built.parts == NULL)
        return NULL;
    built.reg = icrc_begin(&flow, (size_t)size, (uint32_t)index, (const uint8_t *)header);
    built.reg = crc_update(
        built.reg, (const uint8_t *)header + BTH_OCTETS, (size_t)(header_length - BTH_OCTETS));
    if (length <= COPIED) {
        PyObject *whole = PyBytes_FromStringAndSize(NULL, size);

        if (whole == NULL)
            goto failed;
        built.copy = (uint8_t *)PyBytes_AsString(whole);
        memcpy(built.copy, header, (size_t)header_length);
        built.copy += header_length;
        if (add_views(&built, args[3]) < 0) {
            Py_DECREF(whole);
            goto failed;
        }
        seal(built.copy, pad, built.reg);
        if (append(built.parts, whole) < 0) /* not before: it belongs to nobody else until then */
            goto failed;
        return built.parts;
    }
    Py_INCREF(args[2]);
    if (append(built.parts, args[2]) < 0 || add_views(&built, args[3]) < 0)
        goto failed;
    size = seal(end, pad, built.reg);
    if (append(built.parts, PyBytes_FromStringAndSize((const char *)end, size)) < 0)
        goto failed;
    return built.parts;
failed:
    Py_DECREF(built.parts);
    return NULL;
}

/* What the packets of a message are made from. */
struct whole {
    struct flow flow;
    uint64_t heads[4]; /* first, middle, last, only */
    uint32_t psn, ask;
    const uint8_t *extension;
    Py_ssize_t extension_length;
};

/* One packet of a message; returns where the next one begins. */
static uint8_t *add_packet(
    struct whole *whole, uint8_t *out, uint32_t index, const uint8_t *payload, Py_ssize_t length,
    int last)
{
    const Py_ssize_t pad = -length & 3, more = last ? whole->extension_length : 0;
    uint64_t head = whole->heads[!last ? (index == 0 ? 0 : 1) : (index == 0 ? 3 : 2)];
    uint8_t *end = out + BTH_OCTETS + more + length;
    uint32_t reg;

    head |= (uint64_t)pad << 52;
    put32(out, (uint32_t)(head >> 32));
    put32(out + 4, (uint32_t)head);
    put32(out + 8, ((whole->psn + index) & PSN_MASK) | (last ? whole->ask : 0));
    memcpy(out + BTH_OCTETS, whole->extension, (size_t)more);
    memcpy(out + BTH_OCTETS + more, payload, (size_t)length);
    reg = icrc_begin(&whole->flow, (size_t)(end - out + pad + ICRC_OCTETS), index, out);
    reg = crc_update(reg, out + BTH_OCTETS, (size_t)(more + length));
    return end + seal(end, pad, reg);
}

static PyObject *built_of(struct whole *whole, const Py_buffer *view, Py_ssize_t mtu)
{
    const Py_ssize_t packets = view->len > mtu ? (view->len + mtu - 1) / mtu : 1;
    const uint8_t *payload = view->buf;
    PyObject *made = PyBytes_FromStringAndSize(
        NULL, packets * FRAME_OCTETS + whole->extension_length + view->len + (-view->len & 3) +
                  (packets - 1) * (-mtu & 3));
    uint8_t *out;

    if (made == NULL)
        return NULL;
    out = (uint8_t *)PyBytes_AsString(made);
    for (Py_ssize_t index = 0; index < packets; index++, payload += mtu)
        out = add_packet(
            whole, out, (uint32_t)index, payload,
            index < packets - 1 ? mtu : view->len - index * mtu, index == packets - 1);
    return made;
}

PyObject *kernel_message(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct whole whole;
    char *extension;
    Py_buffer view;
    PyObject *made = NULL;
    Py_ssize_t mtu;

    (void)self;
    if (takes_count(count, 7, "message") < 0 || flow_of(args[0], &whole.flow) < 0)
        return NULL;
    if (!PyTuple_Check(args[1]) || PyTuple_Size(args[1]) != 4) {
        PyErr_SetString(PyExc_TypeError, "a message has four first words");
        return NULL;
    }
    for (int each = 0; each < 4; each++)
        whole.heads[each] = PyLong_AsUnsignedLongLong(PyTuple_GetItem(args[1], each));
    whole.psn = (uint32_t)PyLong_AsUnsignedLongLongMask(args[2]);
    whole.ask = (uint32_t)PyLong_AsUnsignedLongLongMask(args[3]);
    mtu = PyLong_AsSsize_t(args[6]);
    if (PyErr_Occurred() ||
        PyBytes_AsStringAndSize(args[4], &extension, &whole.extension_length) < 0 ||
        PyObject_GetBuffer(args[5], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    whole.extension = (const uint8_t *)extension;
    if (mtu < 1 || mtu > 4096 || view.len > MOST_COPIED ||
        whole.extension_length > LONGEST - 4096 - FRAME_OCTETS)
        PyErr_SetString(PyExc_ValueError, "no message of one burst");
    else
        made = built_of(&whole, &view, mtu);
    PyBuffer_Release(&view);
    return made;
}

/* Messages of one packet each, and what keeps them in place. */
struct onlies {
    Py_buffer views[MOST_ONLIES];
    Py_ssize_t count;
};

static Py_ssize_t padded(const Py_buffer *view)
{
    return view->len + (-view->len & 3);
}

/* Hold the next message. Asking for its buffer may run code: the list is looked at anew. */
static int hold_only(struct onlies *onlies, PyObject *views)
{
    PyObject *view = PySequence_GetItem(views, onlies->count);
    int bad = view == NULL || PyObject_GetBuffer(view, &onlies->views[onlies->count], PyBUF_SIMPLE);

    Py_XDECREF(view);
    if (!bad)
        onlies->count++;
    return bad ? -1 : 0;
}

/* Hold all of them: their octets, pads included, or -1. */
static Py_ssize_t hold_onlies(struct onlies *onlies, PyObject *views)
{
    Py_ssize_t count = PySequence_Size(views), octets = 0;
    int good = count > 0 && count <= MOST_ONLIES;

    if (count < 0)
        return -1;
    while (good && onlies->count < count) {
        const Py_buffer *first = &onlies->views[0], *view = &onlies->views[onlies->count];

        if (hold_only(onlies, views) < 0)
            return -1;
        good = view->len <= 4096 && (onlies->count < count ? padded(view) == padded(first)
                                                           : padded(view) <= padded(first));
        octets += padded(view);
    }
    if (!good)
        PyErr_SetString(PyExc_ValueError, "no burst of messages");
    return good ? octets : -1;
}

PyObject *kernel_onlies(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct whole whole = {.extension_length = 0, .extension = (const uint8_t *)""};
    struct onlies *onlies;
    PyObject *made = NULL;
    Py_ssize_t octets;

    (void)self;
    if (takes_count(count, 5, "onlies") < 0 || flow_of(args[0], &whole.flow) < 0)
        return NULL;
    whole.heads[0] = whole.heads[3] = PyLong_AsUnsignedLongLong(args[1]);
    whole.psn = (uint32_t)PyLong_AsUnsignedLongLongMask(args[2]);
    whole.ask = (uint32_t)PyLong_AsUnsignedLongLongMask(args[3]);
    if (PyErr_Occurred())
        return NULL;
    onlies = PyMem_Malloc(sizeof *onlies);
    if (onlies == NULL)
        return PyErr_NoMemory();
    onlies->count = 0;
    octets = hold_onlies(onlies, args[4]);
    if (octets >= 0)
        made = PyBytes_FromStringAndSize(NULL, octets + onlies->count * FRAME_OCTETS);
    if (made != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(made);

        whole.heads[1] = whole.heads[2] = whole.heads[0];
        for (Py_ssize_t each = 0; each < onlies->count; each++)
            out = add_packet(
                &whole, out, (uint32_t)each, onlies->views[each].buf, onlies->views[each].len,
                each == onlies->count - 1);
    }
    while (onlies->count > 0)
        PyBuffer_Release(&onlies->views[--onlies->count]);
    PyMem_Free(onlies);
    return made;
}
