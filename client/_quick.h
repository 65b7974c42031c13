/* What the files of the `_quick` module share. */

#ifndef NFSRDMA_QUICK_H
#define NFSRDMA_QUICK_H

#include "native.h"

#include <stdint.h>

enum {
    SESSION_ID = 16,
    STAMP = 40,  /* from the number of operations to the last argument of SEQUENCE */
    REPLY = 96,  /* up to the third result's status */
    WELL_AT = 4, /* in the reply, where it says that all is well */
    ID_AT = 44,
    SEQID_AT = 60,
    SLOT_AT = 64,
    TARGET_AT = 72,
    FLAGS_AT = 76,
    PUTFH_AT = 80,
    OPERATIONS = 3,
    OP_PUTFH = 22,
    OP_SEQUENCE = 53,
    BITS = 62, /* of busy slots that are looked at here */
};

#define QUICK_NAMES(X)                                                                             \
    X(_busy) X(_limit) X(_next_xid) X(_waiting) X(behind) X(bytes_received) X(bytes_sent)          \
    X(calls) X(channel) X(closed) X(executed) X(flags) X(gate) X(heard_at) X(max_rtt) X(min_rtt)   \
    X(name) X(of) X(offset) X(on_busy) X(op) X(operations) X(peek) X(reactor) X(renewed_at)        \
    X(rpc) X(seqids) X(session_id) X(slots) X(stats) X(time) X(total_rtt) X(try_acquire)

#define AS_ENUM(name) N_##name,
enum name { QUICK_NAMES(AS_ENUM) NAMES };
#undef AS_ENUM

/* A call in its slot, as it is sent: `quick.Asked`. */
typedef struct {
    PyObject_HEAD
    PyObject *kind, *where, *slots, *slot, *seqid, *xid, *sent_at, *pieces, *octets;
} Asked;

extern PyObject *quick_names[NAMES];

static inline PyObject *get(PyObject *object, enum name name)
{
    return PyObject_GetAttr(object, quick_names[name]);
}

static inline int set(PyObject *object, enum name name, PyObject *value)
{
    return PyObject_SetAttr(object, quick_names[name], value);
}

static inline uint32_t u32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t u64(const unsigned char *at)
{
    return (uint64_t)u32(at) << 32 | u32(at + 4);
}

static inline unsigned char *put32(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value >> 24);
    at[1] = (unsigned char)(value >> 16);
    at[2] = (unsigned char)(value >> 8);
    at[3] = (unsigned char)value;
    return at + 4;
}

/* The time of the session's reactor. */
PyObject *quick_time(PyObject *session);
/* Release the slot, and heed what SEQUENCE said besides (`Session.executed`). */
int quick_executed(PyObject *session, const Asked *asked, const unsigned char *octets);
/* The second of so many arguments, which is what was asked; NULL with an exception. */
const Asked *quick_asked(PyObject *const *args, Py_ssize_t count, Py_ssize_t wanted, const char *usage);

/* What comes of an exchange: see _quick_taken.c. */
PyObject *quick_answer(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *quick_took(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *quick_count(PyObject *self, PyObject *const *args, Py_ssize_t count);
/* Decode the attributes of a `Stat`: see _quick_stat.c. */
PyObject *quick_decode_stat(PyObject *self, PyObject *decoder);
int quick_prepare_stat(void);

#endif
