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

/* Py_BuildValue's types are what the caller has seen to; errors are the system call's. */
static PyObject *transmit(
    int fd, struct gather *gather, struct msghdr *message, const char *source,
    Py_ssize_t source_length, uint16_t segment_size)
{
    ssize_t sent;

    if (source_length == sizeof(struct in_pktinfo))
        add_control(message, IPPROTO_IP, IP_PKTINFO, source, (size_t)source_length);
    else if (source_length == sizeof(struct in6_pktinfo))
        add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, source, (size_t)source_length);
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

/* Segment size, and our own address where the kernel tells: packed, IPv6 with its interface. */
static PyObject *received(struct msghdr *message, ssize_t length)
{
    int segment_size = (int)length;
    const void *local = "";
    Py_ssize_t local_length = 0;

    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL;
         control = CMSG_NXTHDR(message, control)) {
        const void *data = CMSG_DATA(control);

        if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
            memcpy(&segment_size, data, sizeof segment_size);
        } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            local = (const char *)data + offsetof(struct in_pktinfo, ipi_addr);
            local_length = sizeof(struct in_addr);
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            local = data;
            local_length = sizeof(struct in6_pktinfo);
        }
    }
    return Py_BuildValue(
        "(niy#y#)", (Py_ssize_t)length, segment_size, (const char *)message->msg_name,
        (Py_ssize_t)message->msg_namelen, (const char *)local, local_length);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Receive what is there, or comes while looking for so many seconds and sleeping for so many. */
static ssize_t receive_within(int fd, struct msghdr *message, double looking, double sleeping)
{
    struct pollfd awaited = {.fd = fd, .events = POLLIN};
    struct timespec longest;
    socklen_t name = message->msg_namelen;
    size_t control = message->msg_controllen;
    ssize_t length = recvmsg(fd, message, MSG_DONTWAIT);
    double end;

    if (length >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK) || sleeping <= 0)
        return length;
    end = looking > 0 ? seconds_now() + looking : 0;
    while (looking > 0 && seconds_now() < end) {
        message->msg_namelen = name;
        message->msg_controllen = control;
        length = recvmsg(fd, message, MSG_DONTWAIT);
        if (length >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            return length;
    }
    longest.tv_sec = (time_t)sleeping;
    longest.tv_nsec = (long)((sleeping - (double)longest.tv_sec) * 1e9);
    if (ppoll(&awaited, 1, &longest, NULL) <= 0) {
        errno = EAGAIN; /* nothing, or a signal: the interpreter sees to it */
        return -1;
    }
    message->msg_namelen = name;
    message->msg_controllen = control;
    return recvmsg(fd, message, MSG_DONTWAIT);
}

static PyObject *udp_receive(PyObject *self, PyObject *arguments)
{
    _Alignas(struct cmsghdr) char control[CONTROL_OCTETS];
    struct sockaddr_storage name;
    struct msghdr message = {0};
    struct iovec piece;
    Py_buffer view;
    ssize_t length;
    double looking = 0, sleeping = 0;
    int fd, error;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "iw*|dd:receive", &fd, &view, &looking, &sleeping))
        return NULL;
    piece.iov_base = view.buf;
    piece.iov_len = (size_t)view.len;
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    Py_BEGIN_ALLOW_THREADS
    length = receive_within(fd, &message, looking, sleeping);
    Py_END_ALLOW_THREADS
    error = errno;
    PyBuffer_Release(&view);
    if (length >= 0)
        return received(&message, length);
    errno = error;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        Py_RETURN_NONE;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyMethodDef methods[] = {
    {"send", udp_send, METH_VARARGS, "send(fd, name, source, segment_size, parts, /)"},
    {"receive", udp_receive, METH_VARARGS, "receive(fd, buffer, looking=0, sleeping=0, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_udp", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__udp(void)
{
    return native_refused() ? NULL : PyModule_Create(&module);
}
