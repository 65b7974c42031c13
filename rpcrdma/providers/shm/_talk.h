/* What the files of the `_talk` module share: what is in the rings. */

#ifndef NFSRDMA_TALK_H
#define NFSRDMA_TALK_H

#include "native.h"

#include <stddef.h>
#include <stdint.h>

#define IN_RING (UINT64_C(1) << 63)

struct descriptor {
    uint8_t opcode;
    uint8_t flags;
    uint16_t nothing;
    uint32_t imm;
    uint64_t length;
    uint64_t where;
    uint64_t rkey;
    uint64_t address;
    uint64_t reserved[3];
};

_Static_assert(sizeof(struct descriptor) == 64, "DESCRIPTOR_OCTETS");

enum { ASLEEP, LATE, OTHER, BESIDE, DECLINED };

enum { /* places in a report */
    NAPPED,
    OVERSLEPT,
    INVALIDATED,
    NEWS,
    REPORTS,
};

enum {
    PRODUCED = 0, /* words of a ring */
    CONSUMED = 8,
    ARMED = 16,
    WORDS = 18, /* at least */
    SEND = 2,   /* as in WrOpcode */
    PIECES_MAX = 16,
};

static inline uint64_t load(const Py_buffer *words, int index)
{
    return __atomic_load_n((const uint64_t *)words->buf + index, __ATOMIC_ACQUIRE);
}

static inline void store(const Py_buffer *words, int index, uint64_t value)
{
    __atomic_store_n((uint64_t *)words->buf + index, value, __ATOMIC_RELEASE);
}

static inline uint64_t place_of(const Py_buffer *descriptors, uint64_t number)
{
    return number * sizeof(struct descriptor) % (uint64_t)descriptors->len;
}

struct rings {
    Py_buffer words, descriptors, messages;
    Py_buffer peer_words, peer_descriptors, peer_messages;
    Py_buffer expected, mask;
    Py_buffer sink;
    Py_buffer report;
    int has_sink;
};

struct call {
    unsigned long long produced, start, consumed, most;
    double nap, seconds;
    unsigned long long arms, wanted;
    unsigned long long rkey, address, octets; /* where the peer may have placed what it writes */
};

/* Where a message may be put in a send queue. */
struct place {
    unsigned long long produced, start, head;
    Py_ssize_t length;
};

/* Whether these are the words and descriptors of a ring, and the words of another. */
int talk_is_ring(const Py_buffer *words, const Py_buffer *descriptors, const Py_buffer *peer_words);
/* Copy the pieces, a tuple, to the ring of messages; return their octets, or -1 with an exception. */
Py_ssize_t talk_gather(const Py_buffer *messages, uint64_t start, PyObject *pieces);
/* Post a message that was copied there. */
void talk_post(const Py_buffer *words, const Py_buffer *descriptors, uint64_t produced, uint64_t start,
               Py_ssize_t length);
/* How many octets the pieces of a message have; -1 if they are not for us, -2 with an exception. */
Py_ssize_t talk_total(PyObject *pieces);
/* 1, and where a message may be put, as `SendQueue.start` says; 0 if not at once, -1 with an exception. */
int talk_find_place(PyObject *queue, struct place *place);
/* Note what is posted (`SendQueue.started`). */
int talk_note(PyObject *queue, const struct place *place, PyObject *request);
/* Post a message, look, and take the answer, in rings that are held: an outcome, or the answer. */
PyObject *talk_talked(const struct rings *rings, struct call *call, PyObject *pieces);
/* An exchange with all that comes before and behind it: see _talk_exchange.c. */
PyObject *talk_speak(PyObject *self, PyObject *const *args, Py_ssize_t count);
int talk_prepare_exchange(void);
/* Post messages and look for nothing: see _talk_post.c. */
PyObject *talk_put(PyObject *self, PyObject *arguments);
PyObject *talk_post_quietly(PyObject *self, PyObject *const *args, Py_ssize_t count);
int talk_prepare_post(void);
/* Show messages that the peer posted: see _talk_show.c. */
PyObject *talk_show(PyObject *self, PyObject *const *args, Py_ssize_t count);
int talk_prepare_show(void);

#endif
