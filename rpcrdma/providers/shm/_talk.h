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

/* Whether these are the words and descriptors of a ring, and the words of another. */
int talk_is_ring(const Py_buffer *words, const Py_buffer *descriptors, const Py_buffer *peer_words);
/* Copy the pieces, a tuple, to the ring of messages; return their octets, or -1 with an exception. */
Py_ssize_t talk_gather(const Py_buffer *messages, uint64_t start, PyObject *pieces);
/* Post a message that was copied there. */
void talk_post(const Py_buffer *words, const Py_buffer *descriptors, uint64_t produced, uint64_t start,
               Py_ssize_t length);
/* Post messages and look for nothing: see _talk_post.c. */
PyObject *talk_put(PyObject *self, PyObject *arguments);
PyObject *talk_post_quietly(PyObject *self, PyObject *const *args, Py_ssize_t count);
int talk_prepare_post(void);
/* Show messages that the peer posted: see _talk_show.c. */
PyObject *talk_show(PyObject *self, PyObject *const *args, Py_ssize_t count);
int talk_prepare_show(void);

#endif
