/* What the native modules share: the Python headers, and the switch that turns them off. */

#ifndef NFSRDMA_NATIVE_H
#define NFSRDMA_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

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

#endif
