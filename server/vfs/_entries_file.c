/* What is in the page cache of an open file: `LocalFile.read_at_once` and `size_at_once`, whose twins in Python are
 * beside them, are the oracles in the tests, and do what is not simple.
 *
 * They are found as methods by whoever has a `LocalFile`. Its descriptor cannot be closed meanwhile by this thread,
 * which waits here; a call elsewhere has a descriptor of its own.
 */

#define _GNU_SOURCE /* preadv2 */
#include "_entries.h"

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

enum name {
    N__busy, N__closed, N__fd, N__pace, N_any_may_block, N_blocks, N_has_cached_reads, N_read_in_python, N_size_in_python,
    NAMES,
};

static const char *const texts[NAMES] = {
    "_busy", "_closed", "_fd", "_pace", "any_may_block", "blocks", "has_cached_reads", "read_in_python",
    "size_in_python",
};

static PyObject *names[NAMES];

/* 1 if an attribute is true; -1 with an exception. */
static int is_true(PyObject *object, enum name name)
{
    PyObject *value = PyObject_GetAttr(object, names[name]);
    int truth = value == NULL ? -1 : PyObject_IsTrue(value);

    Py_XDECREF(value);
    return truth;
}

/* The descriptor; -1 with an exception. */
static int descriptor(PyObject *file)
{
    PyObject *number = PyObject_GetAttr(file, names[N__fd]);
    long fd = number == NULL ? -1 : PyLong_AsLong(number);

    Py_XDECREF(number);
    if (!PyErr_Occurred() && (fd < 0 || fd > INT32_MAX))
        PyErr_SetString(PyExc_ValueError, "no descriptor");
    return PyErr_Occurred() ? -1 : (int)fd;
}

/* Whether the file's pace says so; -1 with an exception. */
static int paced(PyObject *file, enum name name)
{
    PyObject *pace = PyObject_GetAttr(file, names[N__pace]);
    int truth = pace == NULL ? -1 : is_true(pace, name);

    Py_XDECREF(pace);
    return truth;
}

/* Read until the buffer is full, or the file ends; -1, and what went wrong in `error`. */
static Py_ssize_t fill(int fd, const Py_buffer *into, uint64_t offset, int flags, int *error)
{
    Py_ssize_t done = 0;

    while (done < into->len) {
        struct iovec place = {(char *)into->buf + done, (size_t)(into->len - done)};
        ssize_t count = preadv2(fd, &place, 1, (off_t)(offset + (uint64_t)done), flags);

        if (count < 0) {
            *error = errno;
            return -1;
        }
        if (count == 0)
            break;
        done += count;
    }
    return done;
}

/* 0 if a file can be read here, and the flags; 1 if that is for Python, -1 with an exception. */
static int may_read(PyObject *file, int *flags)
{
    int no = is_true(file, N__closed);

    *flags = 0;
    if (no == 0)
        no = is_true(file, N__busy);
    if (no == 0 && (no = paced(file, N_blocks)) > 0) {
        *flags = RWF_NOWAIT;
        no = paced(file, N_has_cached_reads);
        no = no < 0 ? no : !no;
    }
    return no;
}

/* How much was read, -1 if that is for Python to do, -2 with an exception. */
static Py_ssize_t read_here(PyObject *file, PyObject *position, PyObject *memory)
{
    unsigned long long offset = PyLong_AsUnsignedLongLong(position);
    int flags, no = PyErr_Occurred() ? -1 : may_read(file, &flags), fd, error = 0;
    Py_ssize_t done = -1;
    Py_buffer into;

    fd = no == 0 ? descriptor(file) : -1;
    if (no || fd < 0)
        return no > 0 ? -1 : -2;
    if (PyObject_GetBuffer(memory, &into, PyBUF_WRITABLE) < 0)
        return -2;
    if (offset <= INT64_MAX && (uint64_t)into.len <= (uint64_t)INT64_MAX - offset) {
        Py_BEGIN_ALLOW_THREADS
        done = fill(fd, &into, offset, flags, &error);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&into);
    return done;
}

static PyObject *read_at_once(PyObject *file, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t done;

    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "read_at_once(offset, into, /)");
        return NULL;
    }
    done = read_here(file, args[0], args[1]);
    if (done == -2)
        return NULL;
    if (done == -1)
        return PyObject_CallMethodObjArgs(file, names[N_read_in_python], args[0], args[1], NULL);
    return PyLong_FromSsize_t(done);
}

static PyObject *size_at_once(PyObject *file, PyObject *nothing)
{
    int no = paced(file, N_any_may_block), fd;
    off_t size = -1;

    (void)nothing;
    if (no == 0)
        no = is_true(file, N__closed);
    fd = no == 0 ? descriptor(file) : -1;
    if (PyErr_Occurred())
        return NULL;
    if (fd >= 0)
        size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return PyObject_CallMethodObjArgs(file, names[N_size_in_python], NULL);
    return PyLong_FromLongLong(size);
}

static PyMethodDef methods[] = {
    {"read_at_once", (PyCFunction)(void (*)(void))read_at_once, METH_FASTCALL,
     "Read what is in the page cache, if that is all."},
    {"size_at_once", size_at_once, METH_NOARGS, "Return the file's size, where that is known without waiting."},
    {NULL, NULL, 0, NULL},
};

/* Add the methods to the module, as functions that become methods of any class that has them. */
int entries_add_file(PyObject *module)
{
    for (int name = 0; name < NAMES; name++)
        if (names[name] == NULL && (names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    for (PyMethodDef *each = methods; each->ml_name != NULL; each++) {
        PyObject *method = PyDescr_NewMethod(&PyBaseObject_Type, each);
        int status = method == NULL ? -1 : PyModule_AddObjectRef(module, each->ml_name, method);

        Py_XDECREF(method);
        if (status < 0)
            return -1;
    }
    return 0;
}
