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
    uint32_t reg;
    size_t way;
    int bad;

    (void)self;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "crc32 takes data, where to start, and which way");
        return NULL;
    }
    reg = ~(uint32_t)PyLong_AsUnsignedLongMask(args[1]);
    way = PyLong_AsSize_t(args[2]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0)
        return NULL;
    bad = crc_update_by(way, &reg, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    if (bad) {
        PyErr_SetString(PyExc_ValueError, "there is no such way here: see METHODS");
        return NULL;
    }
    return PyLong_FromUnsignedLong(~reg);
}

static PyObject *methods_of_crc(void)
{
    PyObject *names = PyList_New(0), *found;
    const char *name;

    for (size_t way = 0; names != NULL && (name = crc_method(way)) != NULL; way++) {
        PyObject *item = PyUnicode_FromString(name);
        int bad = item == NULL || PyList_Append(names, item) < 0;

        Py_XDECREF(item);
        if (bad) {
            Py_DECREF(names);
            return NULL;
        }
    }
    found = names == NULL ? NULL : PyList_AsTuple(names);
    Py_XDECREF(names);
    return found;
}

#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL

static PyMethodDef methods[] = {
    {"crc32", FAST(kernel_crc32), "crc32(data, value, way, /)"},
    {"scan", FAST(kernel_scan), "scan(flow, bursts, idents, /)"},
    {"frames", FAST(kernel_frames), "frames(flow, index, head, psn, ask, view, start, mtu, n, /)"},
    {"train", FAST(kernel_train),
     "train(flow, first, head, psn, ask, extension, view, start, mtu, cuts, /)"},
    {"packet", FAST(kernel_packet), "packet(flow, index, header, views, offset, length, /)"},
    {"message", FAST(kernel_message), "message(flow, heads, psn, ask, extension, view, mtu, /)"},
    {"onlies", FAST(kernel_onlies), "onlies(flow, head, psn, ask, views, /)"},
    {"place", FAST(kernel_place), "place(view, begin, size, count, length, sink, at, /)"},
    {"spread", FAST(kernel_spread), "spread(parts, header, size, length, sink, at, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_kernel", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    PyObject *made, *names;

    if (native_refused())
        return NULL;
    crc_start();
    received_start();
    if (packets_start() < 0)
        return NULL;
    names = methods_of_crc();
    made = names == NULL ? NULL : PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "METHODS", names) < 0) {
        Py_DECREF(made);
        made = NULL;
    }
    Py_XDECREF(names);
    return made;
}
