/* What the files of the `_lane` module share: a call on its way, and how objects are asked. */

#ifndef NFSRDMA_LANE_H
#define NFSRDMA_LANE_H

#include "native.h"

#include <stdint.h>

enum {
    RESULT_AT = 88, /* octets of a reply before the third result */
    MOST_BOUNDS = 32,
    OP_GETATTR = 9,
    OP_PUTFH = 22,
    OP_READ = 25,
    OP_WRITE = 38,
    OP_SEQUENCE = 53,
};

/* What becomes of a call. A positive number is the length of its reply, 0 goes on. */
enum {
    FAILED = -1, /* an exception is set */
    ASK = -2,    /* nothing has happened: the lane in Python finds out what to do */
    NEVER = -3,  /* nothing has happened that counts: the machine executes it */
};

#define LANE_NAMES(X)                                                                              \
    X(absent) X(activity) X(atime_ns) X(attributes_at_once) X(back) X(ca_maxoperations)            \
    X(ca_maxrequests) X(ca_maxrequestsize) X(ca_maxresponsesize) X(change) X(client) X(config)     \
    X(connections) X(counts) X(courtesy) X(ctime_ns) X(draining) X(exclusive) X(export) X(file)    \
    X(fileid) X(fingerprint) X(flavor) X(fore) X(fs) X(gid) X(handle) X(id) X(identity) X(known) X(max_io)     \
    X(mode) X(mounted_on) X(move_to_end) X(mtime_ns) X(nlink) X(node) X(operational) X(pass_lane)  \
    X(rdev) X(read) X(read_at_once) X(read_only) X(reader) X(reading) X(reclaim_complete)          \
    X(renew) X(reply) X(revoked) X(sends_names) X(seqid) X(size) X(size_at_once) X(space_used)     \
    X(spans) X(total_s) X(type) X(uid) X(used) X(user) X(write_at_once) X(write_verifier)          \
    X(writer) X(writing) X(written)                                                                \
    X(_caller) X(_channel) X(_claim) X(_handles) X(_lanes) X(_latest) X(_pending) X(_slots)        \
    X(_states) X(_succeeded)

#define LANE_ENUM(name) N_##name,
enum name { LANE_NAMES(LANE_ENUM) NAMES };
#undef LANE_ENUM

extern PyObject *lane_names[NAMES];

typedef struct {
    PyObject_HEAD
    PyObject *fallback; /* the lane in Python */
    PyObject *core, *authority, *clock, *namespace, *registry, *sessions, *states, *tally, *owners;
    PyObject *delegations; /* the table of them */
    PyObject *flags;       /* the function that makes the status flags of SEQUENCE */
    PyObject *data_state;  /* the type of an open, or of a delegation */
    PyObject *declining;   /* exceptions that only mean that the machine is to say it */
    unsigned long minors;  /* a bit for each */
    double bounds[MOST_BOUNDS]; /* of spans of time: `tally.BOUNDS` */
    Py_ssize_t bounds_count;
} Lane;

/* A call, whose octets are read once each, as they may be another process's memory. */
struct call {
    Lane *lane;
    PyObject *channel, *claim, *message, *take; /* borrowed, as are the next two; NULL is None */
    PyObject *place, *data;
    const unsigned char *octets;
    Py_ssize_t end, behind, handle_at, start, room;
    uint32_t xid, minor, count, seqid, number, highest, handle_size, first;
    unsigned char session_id[16];
    uint64_t slots;
    PyObject *session, *client, *fore, *slot, *caller, *handle, *export, *node, *who, *began;
    uint64_t moved; /* octets of a file */
};

static inline PyObject *get(PyObject *object, enum name name)
{
    return PyObject_GetAttr(object, lane_names[name]);
}

/* 1 if an attribute is true, 0 if it is not, FAILED. */
int lane_true(PyObject *object, enum name name);
/* 0, and an attribute that is a number of up to 64 bits; else FAILED, or ASK if it is none. */
int lane_number(PyObject *object, enum name name, uint64_t *value);
/* The same of a number, or of NULL with an exception. Takes the reference over. */
int lane_unsigned(PyObject *number, uint64_t *value);
/* 0, and memory for a reply of so many octets; else FAILED or NEVER. */
int lane_take(const struct call *call, Py_ssize_t octets, PyObject **reply, Py_buffer *view);
/* What an exception means once something may have happened: NEVER, or FAILED. */
int lane_declines(const struct call *call);
/* What one means before that: ASK; FAILED for those that are no `Exception`. */
int lane_asks(void);

/* Octets of attributes that are written here, and their bitmap; a handle is not among them. */
enum { MOST_ATTRIBUTES = 256, MOST_HANDLE = 128 };

/* What is written, and whether everything could be: ASK or FAILED once something could not. */
struct writer {
    PyObject *attributes, *export; /* borrowed */
    PyObject *handle;              /* borrowed, bytes of MOST_HANDLE at most; NULL if it is not asked for */
    unsigned char *at;
    int status;
};

/* Write a `fattr4` of what `mask` has, all of it known to `lane_attributes`, or the handle. */
void lane_put_attributes(struct writer *writer, uint64_t mask);
/* What can be written, by the numbers of attributes, and the handle's alone. */
extern const uint64_t lane_attributes, lane_handle_attribute;

/* Append entries of a directory to a listing: see `_lane.pyi`. */
PyObject *lane_entries(PyObject *self, PyObject *const *args, Py_ssize_t count);

/* Answer a call (`rpc.program.ProcedureLane`), or return 0. */
PyObject *lane_call(PyObject *self, PyObject *const *args, Py_ssize_t count);

uint32_t lane_crc32(const unsigned char *octets, Py_ssize_t size);
void lane_prepare_crc32(void);

/* The operations: 0, and the reply with its result behind RESULT_AT. */
int lane_read(struct call *call, PyObject **reply, Py_buffer *view);
int lane_write(struct call *call, PyObject **reply, Py_buffer *view);
int lane_getattr(struct call *call, PyObject **reply, Py_buffer *view);

#endif
