/* What the files of the `_quick` module share. */

#ifndef NFSRDMA_QUICK_H
#define NFSRDMA_QUICK_H

#include "native.h"

#include <stdint.h>

static inline uint32_t u32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t u64(const unsigned char *at)
{
    return (uint64_t)u32(at) << 32 | u32(at + 4);
}

/* Decode the attributes of a `Stat`: see _quick_stat.c. */
PyObject *quick_decode_stat(PyObject *self, PyObject *decoder);
int quick_prepare_stat(void);

#endif
