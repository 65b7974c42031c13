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

/* Show messages that the peer posted: see _talk_show.c. */
PyObject *talk_show(PyObject *self, PyObject *const *args, Py_ssize_t count);
int talk_prepare_show(void);

#endif
