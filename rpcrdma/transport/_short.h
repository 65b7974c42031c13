/* What the files of the `_short` module share: its two kinds of object, and how others are asked. */

#ifndef NFSRDMA_SHORT_H
#define NFSRDMA_SHORT_H

#include "native.h"

#include <stdint.h>

enum {
    HEAD = 28,      /* octets of a header without chunks */
    SHORTEST = 36,  /* with the first two words of the RPC message behind it */
    COPIED = 1024,  /* octets of a reply, header included, up to which it is made here and copied */
    VERSION = 1,
    RDMA_MSG = 0,
    CALL = 0,
    REPLY = 1,
};

#define SHORT_NAMES(X)                                                                             \
    X(_account) X(_backlog) X(_free) X(_sent) X(_waiting) X(_window) X(begin) X(budget)            \
    X(bytes_inline_received) X(bytes_inline_sent) X(calls_received) X(calls_sent) X(ceiling)       \
    X(channel) X(closed) X(declined) X(fail) X(finish) X(free) X(grant) X(held) X(in_use)          \
    X(lane) X(limit) X(offered) X(prompting) X(pullups) X(put) X(replies_received)                 \
    X(replies_sent) X(send) X(send_queue) X(send_threshold) X(set_result) X(stats) X(take)

#define AS_ENUM(name) N_##name,
enum name { SHORT_NAMES(AS_ENUM) NAMES };
#undef AS_ENUM

extern PyObject *short_names[NAMES];
extern PyObject *short_decoder; /* the class */
extern PyObject *short_fault;   /* the reason for which a connection is ended */
extern PyTypeObject *short_pending_type;

/* A call that has no reply yet: `pending.PendingCall`. */
typedef struct {
    PyObject_HEAD
    PyObject *xid, *message, *max_reply, *complaint, *sinks, *future, *regions, *offered;
    PyObject *reply_chunk, *reply_buffer;
} PendingCall;

typedef struct {
    PyObject_HEAD
    PyObject *endpoint, *requester, *responder, *other;
    PyObject *stats, *send_queue, *sent, *waiting, *window, *grant, *account, *held_back;
    PyObject *scratch; /* memory for a short reply */
    PyObject *taken;   /* what was asked for, header included; NULL if nothing was */
    long long room_call, room_reply;
    int begun; /* whether it was begun in the ring */
} Short;

static inline PyObject *get(PyObject *object, enum name name)
{
    return PyObject_GetAttr(object, short_names[name]);
}

/* An attribute that is a number; -1 with an exception. None of those asked for is below 0. */
long long short_number(PyObject *object, enum name name);
int short_set(PyObject *object, enum name name, long long value);
/* Add to an attribute, of any size. */
int short_add(PyObject *object, enum name name, long long more);
/* 1 if an attribute is true; -1 with an exception. */
int short_truth(PyObject *object, enum name name);
/* 1 if what is posted now goes out at once, as `SendQueue.ready` says. */
int short_is_ready(const Short *self);
/* Something failed halfway: the connection is ended, and the exception goes on. Returns NULL. */
PyObject *short_faulty(const Short *self);

/* A header with empty lists (RFC 8166, Section 4.1). */
static inline void put_head(unsigned char *at, uint32_t xid, uint32_t credits)
{
    put32(at, xid);
    put32(at + 4, VERSION);
    put32(at + 8, credits);
    put32(at + 12, RDMA_MSG);
    memset(at + 16, 0, 12);
}

/* A new `PendingCall`; NULL with an exception. */
PendingCall *short_pending(PyTypeObject *type, PyObject *xid, PyObject *message, PyObject *max_reply,
                           PyObject *sinks);

/* The methods of a `Short`. */
PyObject *short_prompted(PyObject *object, PyObject *message);
PyObject *short_take(PyObject *object, PyObject *octets);
PyObject *short_post(PyObject *object, PyObject *const *args, Py_ssize_t given);

/* What another module has by this name. */
PyObject *short_of_module(const char *module, const char *name);
/* Find what the module needs of others: 0, or -1 with an exception. */
int short_prepare_pending(void);

#endif
