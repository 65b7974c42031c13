/* The native kernel of the RoCE engine: what is done for every packet and every octet.
 *
 * Its twin in Python, which says what each function does and which it is held to by the tests, is
 * `twin.py`. Nothing here keeps anything between calls, looks at a clock or makes a system call.
 * The interpreter's lock is kept: a burst has 64 KiB at most, which takes a few microseconds, and
 * getting the lock back from a busy thread may take milliseconds.
 */

#include "_kernel.h"

static PyObject *kernel_crc32(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_buffer view;
    uint32_t reg = 0;

    (void)self;
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "crc32 takes data and, if need be, where to start");
        return NULL;
    }
    if (count == 2) {
        reg = (uint32_t)PyLong_AsUnsignedLongMask(args[1]);
        if (PyErr_Occurred())
            return NULL;
    }
    if (PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    reg = ~crc_update(~reg, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return PyLong_FromUnsignedLong(reg);
}

#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL

static PyMethodDef methods[] = {
    {"crc32", FAST(kernel_crc32), "crc32(data, value=0, /)"},
    {"scan", FAST(kernel_scan), "scan(flow, view, segment_size, idents, /)"},
    {"frames", FAST(kernel_frames), "frames(flow, index, head, psn, ask, view, start, mtu, n, /)"},
    {"packet", FAST(kernel_packet), "packet(flow, index, header, views, offset, length, /)"},
    {"place", FAST(kernel_place), "place(view, begin, size, count, length, sink, at, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_kernel", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    PyObject *made;

    if (native_refused())
        return NULL;
    crc_start();
    if (packets_start() < 0)
        return NULL;
    made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddStringConstant(made, "METHOD", crc_method()) < 0) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}
