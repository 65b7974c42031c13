/* One system call each way for a burst of datagrams: what `udp.py` does with the socket module.
 *
 * A burst of 15 packets is a gather list of 31 pieces. Through the socket module each of them is
 * an object to make, to parse and to throw away; here they go from the burst's parts straight into
 * the list that the kernel reads, and the payload from where it lies.
 */

#define _GNU_SOURCE
#include "native.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

enum {
    BTH_OCTETS = 12,
    FRAME_OCTETS = 16,
    MOST_PIECES = 1024, /* what the kernel takes: UIO_MAXIOV */
    MOST_VIEWS = 1024,
    CONTROL_OCTETS = 128,
    MOST_SLOTS = 16,
    MOST_TRAIN = 1024, /* packets */
    MOST_CUT = 128,    /* packets of one burst: what the kernel takes */
    MOST_EXTENSION = 28,
    PAUSES = 24,
};

/* A gather list, and the buffers that keep its memory in place. */
struct gather {
    struct iovec pieces[MOST_PIECES];
    size_t piece_count;
    Py_buffer views[MOST_VIEWS];
    size_t view_count;
};

static int too_many(void)
{
    PyErr_SetString(PyExc_ValueError, "a burst of too many pieces");
    return -1;
}

static Py_buffer *hold(struct gather *gather, PyObject *object)
{
    Py_buffer *view = &gather->views[gather->view_count];

    if (gather->view_count == MOST_VIEWS) {
        too_many();
        return NULL;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_SIMPLE) < 0)
        return NULL;
    gather->view_count++;
    return view;
}

static int add(struct gather *gather, void *octets, Py_ssize_t length)
{
    if (gather->piece_count == MOST_PIECES)
        return too_many();
    gather->pieces[gather->piece_count].iov_base = octets;
    gather->pieces[gather->piece_count++].iov_len = (size_t)length;
    return 0;
}

/* A row of packets, see `burst.Part`: header, payload, ICRC with the next header, ..., ICRC. */
static int add_row(struct gather *gather, PyObject *row)
{
    Py_buffer *frames, *view;
    Py_ssize_t start, mtu, packets;
    char *frame, *payload;

    if (PyTuple_Size(row) != 4) {
        PyErr_SetString(PyExc_ValueError, "a row of packets has four parts");
        return -1;
    }
    start = PyLong_AsSsize_t(PyTuple_GetItem(row, 2));
    mtu = PyLong_AsSsize_t(PyTuple_GetItem(row, 3));
    if (PyErr_Occurred() || (frames = hold(gather, PyTuple_GetItem(row, 0))) == NULL ||
        (view = hold(gather, PyTuple_GetItem(row, 1))) == NULL)
        return -1;
    packets = frames->len / FRAME_OCTETS;
    if (packets < 1 || start < 0 || mtu < 1 || start > view->len ||
        packets > (view->len - start) / mtu) {
        PyErr_SetString(PyExc_ValueError, "a row of packets that are not there");
        return -1;
    }
    frame = frames->buf;
    payload = (char *)view->buf + start;
    if (add(gather, frame, BTH_OCTETS) < 0)
        return -1;
    for (frame += BTH_OCTETS; packets > 0; packets--, frame += FRAME_OCTETS, payload += mtu)
        if (add(gather, payload, mtu) < 0 ||
            add(gather, frame, packets > 1 ? FRAME_OCTETS : FRAME_OCTETS - BTH_OCTETS) < 0)
            return -1;
    return 0;
}

static int add_part(struct gather *gather, PyObject *part)
{
    Py_buffer *view;

    if (PyTuple_Check(part))
        return add_row(gather, part);
    view = hold(gather, part);
    return view == NULL ? -1 : add(gather, view->buf, view->len);
}

/* Asking an object for its buffer may run its code: the part is held, the list looked at anew. */
static int add_parts(struct gather *gather, PyObject *parts)
{
    Py_ssize_t count = PyList_Size(parts);

    for (Py_ssize_t each = 0; each < count; each++) {
        PyObject *part = PySequence_GetItem(parts, each);
        int bad = part == NULL || add_part(gather, part) < 0;

        Py_XDECREF(part);
        if (bad)
            return -1;
    }
    return count < 0 ? -1 : 0;
}

/* One control message; `message->msg_controllen` is how much of the buffer is used. */
static void add_control(
    struct msghdr *message, int level, int kind, const void *data, size_t length)
{
    struct cmsghdr *control =
        (void *)((char *)message->msg_control + message->msg_controllen);

    control->cmsg_level = level;
    control->cmsg_type = kind;
    control->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(control), data, length);
    message->msg_controllen += CMSG_SPACE(length);
}

static void add_source(struct msghdr *message, const char *source, Py_ssize_t length)
{
    if (length == sizeof(struct in_pktinfo))
        add_control(message, IPPROTO_IP, IP_PKTINFO, source, (size_t)length);
    else if (length == sizeof(struct in6_pktinfo))
        add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, source, (size_t)length);
}

/* Py_BuildValue's types are what the caller has seen to; errors are the system call's. */
static PyObject *transmit(
    int fd, struct gather *gather, struct msghdr *message, const char *source,
    Py_ssize_t source_length, uint16_t segment_size)
{
    ssize_t sent;

    add_source(message, source, source_length);
    if (segment_size != 0)
        add_control(message, SOL_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size);
    message->msg_iov = gather->pieces;
    message->msg_iovlen = gather->piece_count;
    Py_BEGIN_ALLOW_THREADS
    sent = sendmsg(fd, message, MSG_DONTWAIT);
    Py_END_ALLOW_THREADS
    return sent < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromSsize_t(sent);
}

static PyObject *udp_send(PyObject *self, PyObject *arguments)
{
    _Alignas(struct cmsghdr) char control[CONTROL_OCTETS] = {0};
    struct msghdr message = {0};
    struct gather *gather;
    PyObject *parts, *sent = NULL;
    const char *name, *source;
    Py_ssize_t name_length, source_length;
    unsigned short segment_size;
    int fd;

    (void)self;
    if (!PyArg_ParseTuple(
            arguments, "iy#y#HO:send", &fd, &name, &name_length, &source, &source_length,
            &segment_size, &parts))
        return NULL;
    if (!PyList_Check(parts)) {
        PyErr_SetString(PyExc_TypeError, "the parts of a burst are a list");
        return NULL;
    }
    gather = PyMem_Malloc(sizeof *gather);
    if (gather == NULL)
        return PyErr_NoMemory();
    gather->piece_count = gather->view_count = 0;
    message.msg_name = (void *)name;
    message.msg_namelen = (socklen_t)name_length;
    message.msg_control = control;
    if (add_parts(gather, parts) == 0)
        sent = transmit(fd, gather, &message, source, source_length, segment_size);
    while (gather->view_count > 0)
        PyBuffer_Release(&gather->views[--gather->view_count]);
    PyMem_Free(gather);
    return sent;
}

/* Several bursts of packets with `mtu` octets each; see `burst.Train`. */
struct train {
    Py_buffer octets, view;
    Py_ssize_t start, mtu, bursts, packets;
    PyObject *cuts;
    const char *name, *source;
    Py_ssize_t name_length, source_length;
    struct mmsghdr *messages;
    struct iovec *pieces;
    char *controls;
};

/* Sum the packets, and see that all of it is there; the first header may be longer. */
static int check_train(struct train *train)
{
    train->bursts = PyTuple_Size(train->cuts);
    train->packets = 0;
    for (Py_ssize_t each = 0; each < train->bursts; each++) {
        Py_ssize_t cut = PyLong_AsSsize_t(PyTuple_GetItem(train->cuts, each));

        if (PyErr_Occurred())
            return -1;
        if (cut < 1 || cut > MOST_CUT || train->packets > MOST_TRAIN - cut) {
            PyErr_SetString(PyExc_ValueError, "a train of no such bursts");
            return -1;
        }
        train->packets += cut;
    }
    if (train->packets < 1 || train->start < 0 || train->mtu < 1 ||
        train->start > train->view.len ||
        train->packets > (train->view.len - train->start) / train->mtu ||
        train->octets.len < FRAME_OCTETS * train->packets ||
        train->octets.len - FRAME_OCTETS * train->packets > MOST_EXTENSION) {
        PyErr_SetString(PyExc_ValueError, "a train of packets that are not there");
        return -1;
    }
    return 0;
}

/* One message for each burst: header, payload, ICRC with the next header, ..., ICRC. */
static void lay_out(struct train *train)
{
    char *frame = train->octets.buf, *payload = (char *)train->view.buf + train->start;
    Py_ssize_t header = BTH_OCTETS + train->octets.len - FRAME_OCTETS * train->packets;
    struct iovec *piece = train->pieces;

    for (Py_ssize_t each = 0; each < train->bursts; each++) {
        const Py_ssize_t cut = PyLong_AsSsize_t(PyTuple_GetItem(train->cuts, each));
        const uint16_t segment_size = (uint16_t)(header + train->mtu + FRAME_OCTETS - BTH_OCTETS);
        struct msghdr *message = &train->messages[each].msg_hdr;

        memset(&train->messages[each], 0, sizeof train->messages[each]);
        message->msg_name = (void *)train->name;
        message->msg_namelen = (socklen_t)train->name_length;
        message->msg_control = train->controls + each * CONTROL_OCTETS;
        add_source(message, train->source, train->source_length);
        if (cut > 1)
            add_control(message, SOL_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size);
        message->msg_iov = piece;
        *piece++ = (struct iovec){frame, (size_t)header};
        frame += header;
        for (Py_ssize_t packet = 1; packet <= cut; packet++, payload += train->mtu) {
            Py_ssize_t more = packet < cut ? FRAME_OCTETS : FRAME_OCTETS - BTH_OCTETS;

            *piece++ = (struct iovec){payload, (size_t)train->mtu};
            *piece++ = (struct iovec){frame, (size_t)more};
            frame += more;
        }
        message->msg_iovlen = (size_t)(piece - message->msg_iov);
        header = BTH_OCTETS;
    }
}

static PyObject *transmit_train(int fd, struct train *train, Py_ssize_t skip)
{
    const size_t bursts = (size_t)train->bursts, packets = (size_t)train->packets;
    PyObject *made = NULL;
    int sent;

    train->messages = PyMem_Calloc(bursts, sizeof *train->messages);
    train->pieces = PyMem_Calloc(2 * packets + bursts, sizeof *train->pieces);
    train->controls = PyMem_Calloc(bursts, CONTROL_OCTETS);
    if (train->messages == NULL || train->pieces == NULL || train->controls == NULL) {
        PyErr_NoMemory();
    } else {
        lay_out(train);
        Py_BEGIN_ALLOW_THREADS
        sent = sendmmsg(
            fd, train->messages + skip, (unsigned int)(train->bursts - skip), MSG_DONTWAIT);
        Py_END_ALLOW_THREADS
        made = sent < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(sent);
    }
    PyMem_Free(train->messages);
    PyMem_Free(train->pieces);
    PyMem_Free(train->controls);
    return made;
}

static PyObject *udp_send_train(PyObject *self, PyObject *arguments)
{
    struct train train;
    PyObject *sent = NULL;
    Py_ssize_t skip;
    int fd;

    (void)self;
    if (!PyArg_ParseTuple(
            arguments, "iy#y#ny*y*nnO!:send_train", &fd, &train.name, &train.name_length,
            &train.source, &train.source_length, &skip, &train.octets, &train.view, &train.start,
            &train.mtu, &PyTuple_Type, &train.cuts))
        return NULL;
    if (check_train(&train) == 0) {
        if (skip < 0 || skip >= train.bursts)
            PyErr_SetString(PyExc_ValueError, "nothing of the train is left");
        else
            sent = transmit_train(fd, &train, skip);
    }
    PyBuffer_Release(&train.octets);
    PyBuffer_Release(&train.view);
    return sent;
}

/* What one receive call may bring: as many messages as there are slots in the caller's buffer. */
struct batch {
    struct mmsghdr messages[MOST_SLOTS];
    struct iovec pieces[MOST_SLOTS];
    struct sockaddr_storage names[MOST_SLOTS];
    _Alignas(struct cmsghdr) char controls[MOST_SLOTS][CONTROL_OCTETS];
    unsigned int slots;
};

/* Where a message comes from, and which of our addresses it is for, where the kernel tells. */
struct way {
    const void *name, *local;
    Py_ssize_t name_length, local_length;
    int segment_size;
};

/* Segment size, and our own address where the kernel tells: packed, IPv6 with its interface. */
static struct way way_of(struct msghdr *message, unsigned int length)
{
    struct way way = {message->msg_name, "", (Py_ssize_t)message->msg_namelen, 0, (int)length};

    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
         control = CMSG_NXTHDR(message, control)) {
        const void *data = CMSG_DATA(control);

        if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
            memcpy(&way.segment_size, data, sizeof way.segment_size);
        } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            way.local = (const char *)data + offsetof(struct in_pktinfo, ipi_addr);
            way.local_length = sizeof(struct in_addr);
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            way.local = data;
            way.local_length = sizeof(struct in6_pktinfo);
        }
    }
    return way;
}

static int same_way(const struct way *one, const struct way *other)
{
    return one->name_length == other->name_length && one->local_length == other->local_length &&
           memcmp(one->name, other->name, (size_t)one->name_length) == 0 &&
           memcmp(one->local, other->local, (size_t)one->local_length) == 0;
}

/* Append what `made` is to the list; it is taken in any case. */
static int append(PyObject *list, PyObject *made)
{
    int bad = made == NULL || PyList_Append(list, made) < 0;

    Py_XDECREF(made);
    return bad ? -1 : 0;
}

/* The messages by where they come from: [(name, local address, [(offset, octets, segment)])]. */
static PyObject *received(struct batch *batch, int count)
{
    PyObject *found = PyList_New(0), *bursts = NULL; /* borrowed: the list of the latest */
    struct way before = {0};

    for (int each = 0; found != NULL && each < count; each++) {
        struct mmsghdr *message = &batch->messages[each];
        struct way way = way_of(&message->msg_hdr, message->msg_len);
        int bad = 0;

        if (bursts == NULL || !same_way(&way, &before)) {
            bursts = PyList_New(0);
            bad = bursts == NULL ||
                  append(
                      found, Py_BuildValue(
                                 "(y#y#N)", (const char *)way.name, way.name_length,
                                 (const char *)way.local, way.local_length, bursts)) < 0;
            before = way;
        }
        if (bad || append(
                       bursts, Py_BuildValue(
                                   "(nIi)", (Py_ssize_t)each * (Py_ssize_t)batch->pieces[0].iov_len,
                                   message->msg_len, way.segment_size)) < 0)
            Py_CLEAR(found);
    }
    return found;
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Receive what is there: how many messages, or -1. */
static int receive_now(int fd, struct batch *batch)
{
    for (unsigned int each = 0; each < batch->slots; each++) {
        struct msghdr *message = &batch->messages[each].msg_hdr;

        memset(message, 0, sizeof *message);
        message->msg_name = &batch->names[each];
        message->msg_namelen = sizeof batch->names[each];
        message->msg_iov = &batch->pieces[each];
        message->msg_iovlen = 1;
        message->msg_control = batch->controls[each];
        message->msg_controllen = CONTROL_OCTETS;
    }
    return recvmmsg(fd, batch->messages, batch->slots, MSG_DONTWAIT, NULL);
}

/* Leave the processor to its other thread for about half a microsecond, if it has one. */
static void pause_for_a_moment(void)
{
#if defined(__x86_64__) || defined(__i386__)
    for (int each = 0; each < PAUSES; each++)
        __builtin_ia32_pause();
#endif
}

/* Receive what is there, or comes while looking for so many seconds and sleeping for so many. */
static int receive_within(int fd, struct batch *batch, double looking, double sleeping)
{
    struct pollfd awaited = {.fd = fd, .events = POLLIN};
    struct timespec longest;
    int count = receive_now(fd, batch);
    double end;

    if (count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        return count;
    end = looking > 0 ? seconds_now() + looking : 0;
    while (looking > 0 && seconds_now() < end) {
        pause_for_a_moment();
        count = receive_now(fd, batch);
        if (count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            return count;
    }
    if (sleeping <= 0) {
        errno = EAGAIN;
        return -1;
    }
    longest.tv_sec = (time_t)sleeping;
    longest.tv_nsec = (long)((sleeping - (double)longest.tv_sec) * 1e9);
    if (ppoll(&awaited, 1, &longest, NULL) <= 0) {
        errno = EAGAIN; /* nothing, or a signal: the interpreter sees to it */
        return -1;
    }
    return receive_now(fd, batch);
}

static PyObject *udp_receive(PyObject *self, PyObject *arguments)
{
    struct batch batch;
    Py_buffer view;
    double looking = 0, sleeping = 0;
    int fd, error, count;

    (void)self;
    if (!PyArg_ParseTuple(
            arguments, "iw*I|dd:receive", &fd, &view, &batch.slots, &looking, &sleeping))
        return NULL;
    if (batch.slots < 1 || batch.slots > MOST_SLOTS) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "no such number of slots");
        return NULL;
    }
    for (unsigned int each = 0; each < batch.slots; each++) {
        batch.pieces[each].iov_len = (size_t)view.len / batch.slots;
        batch.pieces[each].iov_base = (char *)view.buf + each * batch.pieces[each].iov_len;
    }
    Py_BEGIN_ALLOW_THREADS
    count = receive_within(fd, &batch, looking, sleeping);
    Py_END_ALLOW_THREADS
    error = errno;
    PyBuffer_Release(&view);
    if (count >= 0)
        return received(&batch, count);
    errno = error;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        Py_RETURN_NONE;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyMethodDef methods[] = {
    {"send", udp_send, METH_VARARGS, "send(fd, name, source, segment_size, parts, /)"},
    {"send_train", udp_send_train, METH_VARARGS,
     "send_train(fd, name, source, skip, octets, view, start, mtu, cuts, /)"},
    {"receive", udp_receive, METH_VARARGS, "receive(fd, buffer, slots, looking=0, sleeping=0, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_udp", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__udp(void)
{
    return native_refused() ? NULL : PyModule_Create(&module);
}
