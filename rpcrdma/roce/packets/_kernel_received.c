/* Packets that have arrived: checked, cut into runs, their payloads put into place.
 *
 * What each function does and returns is said by its twin in `twin.py`. Whoever calls has seen to it
 * that the peer may do what it asks for; every access is held within its buffer here all the same.
 */

#include "_kernel.h"

#define PSN_MASK 0xFFFFFFu
#define ASK 0x80000000u
#define RESIDUE 0xDEBB20E3u
/* The register after a packet and its right ICRC. */
#define MOST_IDENTS 128
#define DEFAULT_PKEY 0x7FFFu

static uint32_t rewinds[(LONGEST - SHORTEST) / 4 + 1];
/* By size: what undoes the octets from the IPv4 identification (included) to the end. */

/* Octets from the BTH to the payload; 0 for what is no opcode. See `opcode.py`. */
static const uint8_t header_octets[256] = {
    [0x00] = 12, [0x01] = 12, [0x02] = 12, [0x03] = 16, [0x04] = 12, [0x05] = 16, [0x06] = 28,
    [0x07] = 12, [0x08] = 12, [0x09] = 16, [0x0A] = 28, [0x0B] = 32, [0x0C] = 28, [0x0D] = 16,
    [0x0E] = 12, [0x0F] = 16, [0x10] = 16, [0x11] = 16, [0x12] = 24, [0x13] = 40, [0x14] = 40,
    [0x16] = 16, [0x17] = 16, [0x64] = 20, [0x65] = 24, [0x81] = 12,
};

enum { SEND_FIRST = 0x00, SEND_MIDDLE = 0x01, SEND_LAST = 0x02, SEND_LAST_INV = 0x16 };

/* Opcodes whose packets with consecutive PSNs are one run. */
static int is_middle(uint8_t code)
{
    return code == SEND_MIDDLE || code == 0x07 || code == 0x0E;
}

void received_start(void)
{
    uint32_t back = crc_power(0xFFFFFFFFu - 32);

    rewinds[0] = crc_power(0xFFFFFFFFu - 8 * (2 + 14 + 8 + SHORTEST));
    for (size_t step = 1; step < sizeof rewinds / sizeof *rewinds; step++)
        rewinds[step] = crc_multiply(rewinds[step - 1], back);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whether the ICRC is right, of an IPv4 packet with `ident` or, if that is only likely, any. */
static int verify(struct flow *flow, const uint8_t *packet, size_t size, uint32_t ident, int known)
{
    uint32_t reg = icrc_begin(flow, size, ident, packet);

    reg = crc_update(reg, packet + BTH_OCTETS, size - BTH_OCTETS);
    if (reg == RESIDUE)
        return 1;
    if (known || flow->length != PREFIX_IPV4)
        return 0;
    return crc_multiply(reg ^ RESIDUE, rewinds[(size - SHORTEST) / 4]) <= 0xFFFF;
}

/* The IPv4 identification of a packet: what the source knows, or its place. -1: an error. */
static long ident_of(PyObject *idents, Py_ssize_t index)
{
    PyObject *item;
    long ident;

    if (idents == Py_None)
        return index < MOST_IDENTS ? (long)index : 0;
    item = PySequence_GetItem(idents, index);
    if (item == NULL)
        return -1;
    ident = PyLong_AsLong(item);
    Py_DECREF(item);
    if (ident < 0 || ident > 0xFFFF) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "an identification has 16 bits");
        return -1;
    }
    return ident;
}

struct burst {
    struct flow flow;
    const uint8_t *octets;
    Py_ssize_t end;
    Py_ssize_t segment_size;
    PyObject *idents;
};

static int right(struct burst *burst, const uint8_t *packet, Py_ssize_t size, long ident)
{
    return verify(&burst->flow, packet, (size_t)size, (uint32_t)ident, burst->idents != Py_None);
}

/* How many packets form a run with the one at `offset`; or -1. ORs their A bits into `asks`. */
static Py_ssize_t gather(
    struct burst *burst, Py_ssize_t offset, Py_ssize_t size, Py_ssize_t index, uint32_t *asks)
{
    const uint8_t *first = burst->octets + offset, *packet = first;
    uint32_t psn = get32(first + 8);
    Py_ssize_t most = (burst->end - offset) / size, count;

    if (most > MOST_IDENTS - index)
        most = MOST_IDENTS - index;
    for (count = 1; count < most; count++) {
        uint32_t tail;
        long ident;

        packet += size;
        tail = get32(packet + 8);
        if (memcmp(packet, first, 8) != 0 || ((tail ^ ++psn) & PSN_MASK) != 0)
            break;
        ident = ident_of(burst->idents, index + count);
        if (ident < 0)
            return -1;
        if (!right(burst, packet, size, ident))
            break;
        *asks |= tail;
    }
    return count;
}

/* Whether it is a packet that somebody might want: opcode, length, version and partition. */
static int sound(const uint8_t *packet, Py_ssize_t size)
{
    Py_ssize_t header = header_octets[packet[0]];

    return header != 0 && size >= header + ICRC_OCTETS && (packet[1] & 0x0F) == 0 &&
           (get32(packet) & DEFAULT_PKEY) == DEFAULT_PKEY;
}

/* The fields of a `run.Run`, before it is one. */
struct run {
    uint32_t number, psn, next;
    uint8_t code;
    int asks;
    PyObject *view;
    Py_ssize_t offset, size, here, count, length;
    PyObject *rest;
};

struct sorted {
    struct run *runs;
    Py_ssize_t count, room;
    Py_ssize_t malformed, damaged;
};

/* Add a run, the first of whose packets is in `view`. */
static int add_run(struct sorted *sorted, struct run *run, PyObject *view)
{
    if (sorted->count == sorted->room) {
        Py_ssize_t room = sorted->room ? 2 * sorted->room : 32;
        struct run *runs = PyMem_Realloc(sorted->runs, (size_t)room * sizeof *runs);

        if (runs == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        sorted->runs = runs;
        sorted->room = room;
    }
    run->rest = PyList_New(0);
    if (run->rest == NULL)
        return -1;
    Py_INCREF(view);
    run->view = view;
    sorted->runs[sorted->count++] = *run;
    return 0;
}

static void forget_runs(struct sorted *sorted)
{
    for (Py_ssize_t each = 0; each < sorted->count; each++) {
        Py_XDECREF(sorted->runs[each].view);
        Py_XDECREF(sorted->runs[each].rest);
    }
    PyMem_Free(sorted->runs);
}

/* Append the packets of `run`, the first of their burst, to the latest one, if they go on there:
 * 1 if they do, -1 for an error. */
static int go_on(struct sorted *sorted, const struct run *run, PyObject *view)
{
    struct run *latest = sorted->count ? &sorted->runs[sorted->count - 1] : NULL;
    PyObject *part;
    int bad;

    if (latest == NULL || run->code != latest->code || run->number != latest->number ||
        run->psn != latest->next || run->size != latest->size || run->length != latest->length)
        return 0;
    part = Py_BuildValue("(Onn)", view, run->offset, run->count);
    bad = part == NULL || PyList_Append(latest->rest, part) < 0;
    Py_XDECREF(part);
    latest->asks |= run->asks;
    latest->count += run->count;
    latest->next = run->next;
    return bad ? -1 : 1;
}

/* Whether a run goes on with the message of the one before. */
static int follows(const struct run *run, const struct run *before)
{
    return run->number == before->number && run->psn == before->next;
}

/* How many runs, from the one at `each` on, are a SEND from its first packet to its last; or 0.
 * Only the last packet may ask for an acknowledgement. */
static Py_ssize_t whole(const struct sorted *sorted, Py_ssize_t each)
{
    const struct run *first = &sorted->runs[each], *end = sorted->runs + sorted->count;
    const struct run *last = first + 1;

    if (first->code != SEND_FIRST || first->asks || last == end)
        return 0;
    if (last->code == SEND_MIDDLE) {
        if (last->asks || last->size != first->size || last->length != first->length ||
            !follows(last, first) || last + 1 == end)
            return 0;
        last++;
    }
    if ((last->code != SEND_LAST && last->code != SEND_LAST_INV) || last->length < 0 ||
        !follows(last, last - 1))
        return 0;
    return last - first + 1;
}

/* Have the first run go on with the MIDDLE packets of the next one. */
static int take_in(struct run *first, struct run *middle)
{
    PyObject *rest = middle->rest;

    if (middle->view == first->view && middle->offset == first->offset + first->size) {
        first->here += middle->here;
    } else {
        PyObject *part = Py_BuildValue("(Onn)", middle->view, middle->offset, middle->here);
        int bad = part == NULL || PyList_Insert(rest, 0, part) < 0;

        Py_XDECREF(part);
        if (bad)
            return -1;
    }
    first->count += middle->count;
    middle->rest = first->rest;
    first->rest = rest;
    return 0;
}

/* A run as the fields of a `run.Run`, with what it ends with: that is taken in any case. */
static PyObject *fields_of(const struct run *run, int asks, Py_ssize_t count, PyObject *last)
{
    return last == NULL
               ? NULL
               : Py_BuildValue(
                     "(IiINOnnnnnON)", run->number, run->code, run->psn, PyBool_FromLong(asks),
                     run->view, run->offset, run->size, run->here, count, run->length, run->rest,
                     last);
}

/* A whole SEND, of which there are so many runs. */
static PyObject *fields_of_whole(struct run *first, Py_ssize_t runs)
{
    const struct run *last = first + runs - 1;

    if (runs == 3 && take_in(first, first + 1) < 0)
        return NULL;
    return fields_of(
        first, last->asks, first->count + 1,
        Py_BuildValue(
            "(Onnni)", last->view, last->offset, last->size, last->length, last->code));
}

/* The runs as a list. */
static PyObject *listed(struct sorted *sorted)
{
    PyObject *found = PyList_New(0);

    for (Py_ssize_t each = 0; found != NULL && each < sorted->count;) {
        struct run *run = &sorted->runs[each];
        Py_ssize_t runs = whole(sorted, each);
        PyObject *made;

        if (runs) {
            made = fields_of_whole(run, runs);
        } else {
            Py_INCREF(Py_None);
            made = fields_of(run, run->asks, run->count, Py_None);
        }
        if (made == NULL || PyList_Append(found, made) < 0)
            Py_CLEAR(found);
        Py_XDECREF(made);
        each += runs ? runs : 1;
    }
    return found;
}

/* What lies at `offset`, as a run of one packet or more; its `size` and `count` in any case. 1 if
 * it is one, 0 if there is something wrong with it, which is counted, -1 for an error. */
static int look_at(
    struct sorted *sorted, struct burst *burst, Py_ssize_t offset, Py_ssize_t index,
    struct run *run)
{
    const uint8_t *packet = burst->octets + offset;
    uint32_t asks;
    long ident = ident_of(burst->idents, index);

    if (ident < 0)
        return -1;
    run->count = 1;
    run->size = burst->end - offset;
    if (run->size > burst->segment_size)
        run->size = burst->segment_size;
    if (run->size < SHORTEST || run->size & 3 || run->size > LONGEST) {
        sorted->malformed++;
        return 0;
    }
    if (!right(burst, packet, run->size, ident)) {
        sorted->damaged++;
        return 0;
    }
    if (!sound(packet, run->size)) {
        sorted->malformed++;
        return 0;
    }
    asks = get32(packet + 8);
    run->code = packet[0];
    run->number = get32(packet + 4) & PSN_MASK;
    run->psn = asks & PSN_MASK;
    if (is_middle(run->code) &&
        (run->count = gather(burst, offset, run->size, index, &asks)) < 0)
        return -1;
    run->next = (run->psn + (uint32_t)run->count) & PSN_MASK;
    run->asks = (asks & ASK) != 0;
    run->offset = offset;
    run->here = run->count;
    run->length = run->size - header_octets[run->code] - ICRC_OCTETS - (packet[1] >> 4 & 3);
    return 1;
}

static int sort_burst(struct sorted *sorted, struct burst *burst, PyObject *view)
{
    Py_ssize_t index = 0;
    int first = 1;
    struct run run;

    for (Py_ssize_t offset = 0; offset < burst->end;
         offset += run.count * run.size, index += run.count) {
        int found = look_at(sorted, burst, offset, index, &run);

        if (found < 0)
            return -1;
        if (!found)
            continue;
        if (first && is_middle(run.code)) {
            found = go_on(sorted, &run, view);
            if (found < 0)
                return -1;
            first = 0;
            if (found)
                continue;
        }
        first = 0;
        if (add_run(sorted, &run, view) < 0)
            return -1;
    }
    return 0;
}

/* Sort what came in a burst: its view, and the octets of each of its packets but the last. */
static int sort(struct sorted *sorted, struct burst *burst, PyObject *pair)
{
    Py_buffer octets;
    PyObject *view;
    int bad;

    if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "a burst is a view and a size");
        return -1;
    }
    view = PyTuple_GetItem(pair, 0);
    burst->segment_size = PyLong_AsSsize_t(PyTuple_GetItem(pair, 1));
    if (burst->segment_size < 1) {
        sorted->malformed++;
        return PyErr_Occurred() ? -1 : 0;
    }
    if (PyObject_GetBuffer(view, &octets, PyBUF_SIMPLE) < 0)
        return -1;
    burst->octets = octets.buf;
    burst->end = octets.len;
    bad = sort_burst(sorted, burst, view);
    PyBuffer_Release(&octets);
    return bad;
}

PyObject *kernel_scan(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct burst burst;
    struct sorted sorted = {.runs = NULL};
    PyObject *found = NULL;
    Py_ssize_t bursts;
    int bad = 0;

    (void)self;
    if (takes_count(count, 3, "scan") < 0 || flow_of(args[0], &burst.flow) < 0 ||
        (bursts = PySequence_Size(args[1])) < 0)
        return NULL;
    burst.idents = args[2];
    for (Py_ssize_t each = 0; each < bursts && !bad; each++) {
        PyObject *pair = PySequence_GetItem(args[1], each);

        bad = pair == NULL || sort(&sorted, &burst, pair) < 0;
        Py_XDECREF(pair);
    }
    if (!bad && (found = listed(&sorted)) != NULL)
        found = Py_BuildValue("(Nnn)", found, sorted.malformed, sorted.damaged);
    forget_runs(&sorted);
    return found;
}

/* What several copies have in common. */
struct copying {
    Py_ssize_t size, length, at;
    Py_buffer sink;
};

/* Copy `count` payloads of `view` from `icrc_begin` on, and go on behind them in the sink. */
static int copy_from(struct copying *copying, PyObject *object, Py_ssize_t begin, Py_ssize_t count)
{
    const Py_ssize_t size = copying->size, length = copying->length, at = copying->at;
    Py_buffer view;
    int good;

    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
        return -1;
    good = pieces_within(view.len, begin, size, count, length) &&
           pieces_within(copying->sink.len, at, length, count, length);
    if (good)
        for (Py_ssize_t packet = 0; packet < count; packet++)
            memmove(
                (uint8_t *)copying->sink.buf + at + packet * length,
                (const uint8_t *)view.buf + begin + packet * size, (size_t)length);
    else
        PyErr_SetString(PyExc_ValueError, "payloads that do not fit");
    PyBuffer_Release(&view);
    if (good)
        copying->at += count * length;
    return good ? 0 : -1;
}

PyObject *kernel_place(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct copying copying;
    Py_ssize_t begin, packets;
    int bad;

    (void)self;
    if (takes_count(count, 7, "place") < 0)
        return NULL;
    begin = PyLong_AsSsize_t(args[1]);
    copying.size = PyLong_AsSsize_t(args[2]);
    packets = PyLong_AsSsize_t(args[3]);
    copying.length = PyLong_AsSsize_t(args[4]);
    copying.at = PyLong_AsSsize_t(args[6]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[5], &copying.sink, PyBUF_WRITABLE) < 0)
        return NULL;
    bad = copy_from(&copying, args[0], begin, packets) < 0;
    PyBuffer_Release(&copying.sink);
    if (bad)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *kernel_spread(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct copying copying;
    Py_ssize_t header, parts;
    int bad = 0;

    (void)self;
    if (takes_count(count, 6, "spread") < 0 || (parts = PySequence_Size(args[0])) < 0)
        return NULL;
    header = PyLong_AsSsize_t(args[1]);
    copying.size = PyLong_AsSsize_t(args[2]);
    copying.length = PyLong_AsSsize_t(args[3]);
    copying.at = PyLong_AsSsize_t(args[5]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[4], &copying.sink, PyBUF_WRITABLE) < 0)
        return NULL;
    for (Py_ssize_t each = 0; each < parts && !bad; each++) {
        PyObject *part = PySequence_GetItem(args[0], each);
        Py_ssize_t offset, packets;

        bad = part == NULL;
        if (!bad && (!PyTuple_Check(part) || PyTuple_Size(part) != 3)) {
            PyErr_SetString(PyExc_TypeError, "a part of a run is a view, an offset and a count");
            bad = 1;
        }
        if (!bad) {
            offset = PyLong_AsSsize_t(PyTuple_GetItem(part, 1));
            packets = PyLong_AsSsize_t(PyTuple_GetItem(part, 2));
            bad = PyErr_Occurred() != NULL;
        }
        if (!bad && (header < 0 || offset < 0 || offset > PY_SSIZE_T_MAX - header)) {
            PyErr_SetString(PyExc_ValueError, "payloads that do not fit");
            bad = 1;
        }
        if (!bad)
            bad = copy_from(&copying, PyTuple_GetItem(part, 0), offset + header, packets) < 0;
        Py_XDECREF(part);
    }
    PyBuffer_Release(&copying.sink);
    if (bad)
        return NULL;
    Py_RETURN_NONE;
}
