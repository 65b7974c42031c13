/* What the files of the `_entries` module share. */

#ifndef NFSRDMA_ENTRIES_H
#define NFSRDMA_ENTRIES_H

#include "native.h"

/* The attributes of an inode whose descriptor is at hand: see _entries_node.c. */
PyObject *entries_at_hand(PyObject *self, PyObject *const *args, Py_ssize_t count);
int entries_prepare_node(void);
/* A time in nanoseconds, which may be more than 64 bits have: file systems know years beyond 2262. */
PyObject *entries_nanoseconds(long long seconds, long rest);

#endif
