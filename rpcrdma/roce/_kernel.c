/* The native kernel of the RoCE engine: what is done for every packet and every octet.
 *
 * Its twin in Python, and the oracle that it is held to, is `kernel.py`, which says what each
 * function does. Nothing here keeps anything between calls, or looks at a clock.
 */

#include "native.h"

static PyMethodDef methods[] = {
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_kernel", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return native_refused() ? NULL : PyModule_Create(&module);
}
