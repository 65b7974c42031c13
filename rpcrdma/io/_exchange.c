/*
 * A call and its reply over a stream socket: talk() of exchange.py, which has the words for it and is the oracle in
 * the tests.
 *
 * What comes is received behind one another into three places: the head (the record's mark and the reply up to its
 * data), the caller's memory, and a tail. Nothing of it is believed before it is checked, and no more is received than
 * the three have room for. What is not the answer goes back to Python, octet for octet, in the order in which it came.
 */

#define _GNU_SOURCE /* ppoll */

#include "native.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum {
    MARK = 4,
    WORD_OCTETS = 4,
    PIECES_MAX = 8,
    PLACES = 3,
    HEAD_MAX = 4096,
    TAIL = 4,
    SLICE = 256 << 10, /* octets given to one system call, as in stream.py */
};

#define LAST UINT32_C(0x80000000)

struct exchange {
    int fd;
    Py_buffer pieces[PIECES_MAX];
    int held;
    Py_buffer expected, mask, sink;
    int has_sink;
    size_t most;
    double look_s, sleep_s, end;
    size_t total, sent;
    unsigned char head[MARK + HEAD_MAX], tail[TAIL];
    struct iovec places[PLACES];
    size_t room, got, record; /* of the places; what came; what the record has with its mark, once that is known */
    int error, slept;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static uint32_t word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Sleep until the socket is ready for ``events``; whether it is, in time. */
static int is_ready(struct exchange *exchange, short events)
{
    struct pollfd polled = {.fd = exchange->fd, .events = events};
    double left = exchange->end - now(), most = exchange->sleep_s < left ? exchange->sleep_s : left;
    struct timespec timeout;
    int ready;

    if (most <= 0)
        return 0;
    timeout.tv_sec = (time_t)most;
    timeout.tv_nsec = (long)(1e9 * (most - (double)timeout.tv_sec));
    ready = ppoll(&polled, 1, &timeout, NULL);
    if (ready < 0)
        exchange->error = errno;
    return ready > 0;
}

/* The first SLICE octets of the pieces behind those that are sent. */
static size_t gather(const struct exchange *exchange, struct iovec *list)
{
    size_t skipped = exchange->sent, room = SLICE, count = 0;

    for (int each = 0; each < exchange->held && room; each++) {
        size_t size = (size_t)exchange->pieces[each].len;

        if (skipped >= size) {
            skipped -= size;
            continue;
        }
        list[count].iov_base = (char *)exchange->pieces[each].buf + skipped;
        list[count].iov_len = size - skipped < room ? size - skipped : room;
        skipped = 0;
        room -= list[count++].iov_len;
    }
    return count;
}

/* Send all of the pieces; whether they are sent. */
static int send_all(struct exchange *exchange)
{
    while (exchange->sent < exchange->total) {
        struct iovec list[PIECES_MAX];
        struct msghdr message = {.msg_iov = list, .msg_iovlen = gather(exchange, list)};
        ssize_t count = sendmsg(exchange->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (count >= 0)
            exchange->sent += (size_t)count;
        else if (errno != EAGAIN)
            exchange->error = errno;
        if (exchange->error || (count < 0 && !is_ready(exchange, POLLOUT)))
            return 0;
    }
    return 1;
}

/* Receive behind what has come: the count, 0 at the end of the stream, -1 if there is nothing or in error. */
static ssize_t receive(struct exchange *exchange)
{
    struct iovec list[PLACES];
    struct msghdr message = {.msg_iov = list};
    size_t skipped = exchange->got;
    ssize_t count;

    for (int each = 0; each < PLACES; each++) {
        struct iovec place = exchange->places[each];
        size_t over = skipped < place.iov_len ? skipped : place.iov_len;

        skipped -= over;
        place.iov_base = (char *)place.iov_base + over;
        place.iov_len -= over;
        if (place.iov_len)
            list[message.msg_iovlen++] = place;
    }
    count = recvmsg(exchange->fd, &message, MSG_DONTWAIT);
    if (count > 0)
        exchange->got += (size_t)count;
    else if (count < 0 && errno != EAGAIN)
        exchange->error = errno;
    return count;
}

/* Wait for more, and receive it; whether any came. Looks for a while before it sleeps. */
static int wait_for_more(struct exchange *exchange)
{
    double look_end = exchange->look_s > 0 ? now() + exchange->look_s : 0;
    ssize_t count = -1;

    do
        count = look_end ? receive(exchange) : -1;
    while (count < 0 && !exchange->error && look_end && now() < look_end);
    while (count < 0 && !exchange->error) {
        exchange->slept = 1;
        if (!is_ready(exchange, POLLIN))
            return 0;
        count = receive(exchange);
    }
    return count > 0;
}

static int is_like(const struct exchange *exchange)
{
    const unsigned char *answer = exchange->head + MARK;
    const unsigned char *wanted = exchange->expected.buf, *ones = exchange->mask.buf;
    unsigned char difference = 0;

    for (Py_ssize_t at = 0; at < exchange->expected.len; at++)
        difference |= (unsigned char)((answer[at] ^ wanted[at]) & ones[at]);
    return difference == 0;
}

/* Whether what came may still be the answer, once its mark or its head is complete. */
static int is_hopeful(struct exchange *exchange)
{
    size_t size = (size_t)exchange->expected.len, length;
    uint32_t mark, count;

    if (exchange->got < MARK)
        return 1;
    mark = word(exchange->head);
    length = mark & ~LAST;
    exchange->record = MARK + length;
    if (!(mark & LAST) || length < size || exchange->record > exchange->room)
        return 0;
    if (!exchange->has_sink && length > exchange->most)
        return 0;
    if (exchange->got < MARK + size)
        return 1;
    if (!is_like(exchange))
        return 0;
    if (!exchange->has_sink)
        return 1;
    count = word(exchange->head + MARK + size - WORD_OCTETS);
    return count <= (size_t)exchange->sink.len && size + (((size_t)count + 3) & ~(size_t)3) == length;
}

/* Send, and receive the answer; whether it is there. Needs no Python. */
static int exchanged(struct exchange *exchange)
{
    if (!send_all(exchange))
        return 0;
    do {
        if (!wait_for_more(exchange) || !is_hopeful(exchange))
            return 0;
    } while (exchange->got < MARK || exchange->got < exchange->record);
    return 1;
}

/* What came from ``start`` on, in one piece. */
static PyObject *came_from(const struct exchange *exchange, size_t start)
{
    PyObject *octets = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(exchange->got - start));
    char *to = octets == NULL ? NULL : PyBytes_AsString(octets);
    size_t before = 0;

    if (to == NULL)
        return octets;
    for (int each = 0; each < PLACES; each++) {
        size_t end = before + exchange->places[each].iov_len;

        if (end > exchange->got)
            end = exchange->got;
        if (end > start) {
            memcpy(to, (char *)exchange->places[each].iov_base + (start - before), end - start);
            to += end - start;
            start = end;
        }
        before += exchange->places[each].iov_len;
    }
    return octets;
}

/* Lay out where things go; 0, or -1 with an exception. */
static int prepare(struct exchange *exchange)
{
    size_t size = (size_t)exchange->expected.len;

    if (exchange->mask.len != exchange->expected.len || size > HEAD_MAX
        || (exchange->has_sink && size < WORD_OCTETS)) {
        PyErr_SetString(PyExc_ValueError, "this is no answer");
        return -1;
    }
    for (int each = 0; each < exchange->held; each++)
        exchange->total += (size_t)exchange->pieces[each].len;
    exchange->places[0] = (struct iovec){exchange->head, MARK + HEAD_MAX};
    if (exchange->has_sink) {
        exchange->places[0].iov_len = MARK + size;
        exchange->places[1] = (struct iovec){exchange->sink.buf, (size_t)exchange->sink.len};
        exchange->places[2] = (struct iovec){exchange->tail, (size_t)(-exchange->sink.len & 3)};
    }
    for (int each = 0; each < PLACES; each++)
        exchange->room += exchange->places[each].iov_len;
    return 0;
}

static PyObject *talked(struct exchange *exchange)
{
    PyObject *answer = NULL, *rest = NULL, *result = NULL;
    int found;

    if (prepare(exchange) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    found = exchanged(exchange);
    Py_END_ALLOW_THREADS
    if (exchange->error == EINTR) {
        if (PyErr_CheckSignals() < 0)
            return NULL;
    } else if (exchange->error) {
        errno = exchange->error;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    if (found)
        answer = PyBytes_FromStringAndSize(
            (const char *)exchange->head + MARK,
            exchange->has_sink ? exchange->expected.len : (Py_ssize_t)exchange->record - MARK);
    else
        answer = Py_NewRef(Py_None);
    rest = came_from(exchange, found ? exchange->record : 0);
    if (answer != NULL && rest != NULL)
        result = Py_BuildValue("nOOi", (Py_ssize_t)exchange->sent, answer, rest, exchange->slept);
    Py_XDECREF(answer);
    Py_XDECREF(rest);
    return result;
}

/* Hold the pieces in place; 0, or -1 with an exception. */
static int hold(struct exchange *exchange, PyObject *pieces)
{
    Py_ssize_t count = PyTuple_Size(pieces);

    if (count > PIECES_MAX) {
        PyErr_SetString(PyExc_ValueError, "a message of too many pieces");
        return -1;
    }
    for (; exchange->held < count; exchange->held++) {
        PyObject *piece = PyTuple_GetItem(pieces, exchange->held);

        if (piece == NULL || PyObject_GetBuffer(piece, &exchange->pieces[exchange->held], PyBUF_SIMPLE) < 0)
            return -1;
    }
    return 0;
}

static PyObject *talk(PyObject *self, PyObject *arguments)
{
    struct exchange exchange = {.fd = -1};
    PyObject *pieces, *sink, *result = NULL;
    Py_ssize_t most;
    double in_all_s;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "iO!y*y*nOddd:talk", &exchange.fd, &PyTuple_Type, &pieces, &exchange.expected,
                          &exchange.mask, &most, &sink, &exchange.look_s, &exchange.sleep_s, &in_all_s))
        return NULL;
    exchange.has_sink = sink != Py_None;
    exchange.most = most < 0 ? 0 : (size_t)most;
    exchange.end = now() + in_all_s;
    if (!exchange.has_sink || PyObject_GetBuffer(sink, &exchange.sink, PyBUF_WRITABLE) == 0) {
        if (hold(&exchange, pieces) == 0)
            result = talked(&exchange);
        if (exchange.has_sink)
            PyBuffer_Release(&exchange.sink);
    }
    while (exchange.held > 0)
        PyBuffer_Release(&exchange.pieces[--exchange.held]);
    PyBuffer_Release(&exchange.expected);
    PyBuffer_Release(&exchange.mask);
    return result;
}

static PyMethodDef methods[] = {
    {"talk", talk, METH_VARARGS, "talk(fd, pieces, expected, mask, most, sink, look_s, sleep_s, in_all_s, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_exchange", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__exchange(void)
{
    return native_refused() ? NULL : PyModule_Create(&module);
}
