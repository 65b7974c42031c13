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

/* The attributes of a `Stat`, by the order of their names. */
enum stat_field {
    S_change, S_fsid, S_group, S_handle, S_owner, S_atime_ns, S_blocks, S_ctime_ns, S_ino, S_mode,
    S_mtime_ns, S_nlink, S_rdev, S_size, STAT_FIELDS,
};

enum { STAT_TAIL = 52 }; /* octets from the device to the time of modification */

extern PyObject *quick_decoder_class;

/* Find the classes; 0, or -1 with an exception. */
int quick_find_classes(void);
/* Move a decoder on; 0, or -1 with an exception. */
int quick_advance(PyObject *decoder, Py_ssize_t octets);
/* 1, and the times of access, of the last change and of modification in nanoseconds, of STAT_TAIL octets
 * at `tail`; 0 if they are not usual. */
int quick_find_times(const unsigned char *tail, long long *times);
/* What `st_mode` has of a type of file and a mode; 0 for a type that there is not. */
uint32_t quick_mode(uint32_t type, uint32_t mode);
/* A pair of numbers. */
PyObject *quick_pair(uint64_t major, uint64_t minor);
/* A `Stat` of its attributes, whose references are taken over; NULL, with an exception, if one is NULL. */
PyObject *quick_make_stat(PyObject *values[STAT_FIELDS]);

/* Append the usual entries of a listing: see _quick_entries.c. */
PyObject *quick_take_entries(PyObject *self, PyObject *const *args, Py_ssize_t count);
int quick_prepare_entries(void);

/* Decode the attributes of a `Stat`: see _quick_stat.c. */
PyObject *quick_decode_stat(PyObject *self, PyObject *decoder);
int quick_prepare_stat(void);

#endif
