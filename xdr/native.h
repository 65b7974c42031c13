/* What the native modules share: the Python headers, the switch that turns them off, big-endian words. */

#ifndef NFSRDMA_NATIVE_H
#define NFSRDMA_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whether NFSRDMA_NATIVE=0 asks for the twins in Python: then the import fails, and says so. */
static inline int native_refused(void)
{
    const char *asked = getenv("NFSRDMA_NATIVE");

    if (asked == NULL || strcmp(asked, "0") != 0)
        return 0;
    PyErr_SetString(PyExc_ImportError, "switched off by NFSRDMA_NATIVE=0 in the environment");
    return 1;
}

/* Big-endian words, as in XDR (RFC 4506, Section 3) and in packets; callers have checked the room. */

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

static inline unsigned char *put64(unsigned char *at, uint64_t value)
{
    return put32(put32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

#endif
