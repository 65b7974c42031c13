/* The attributes of an inode whose descriptor is at hand: the usual part of what
 * `LocalFileSystem.attributes_at_once` does, which is the oracle in the tests, and does the rest.
 *
 * The cache of descriptors is asked, and told of the use, as Python would do it. Directories, what is
 * gone, and whatever is not as it is as a rule are left to Python before anything has happened.
 */

#define _GNU_SOURCE
#include "_entries.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { BILLION = 1000000000, BLOCK = 512 };

#define MANY INT64_C(9000000000) /* seconds, of which the nanoseconds have 64 bits */

enum name {
    N_atime_ns, N_btime_ns, N_change, N_ctime_ns, N_fileid, N_gid, N_mode, N_mtime_ns, N_nlink,
    N_rdev, N_size, N_space_used, N_type, N_uid, FIELDS, N__kept = FIELDS, N__stamps, N_identity,
    N_move_to_end, N_pinned, NAMES,
};

static const char *const texts[NAMES] = {
    "atime_ns", "btime_ns", "change", "ctime_ns", "fileid", "gid", "mode", "mtime_ns", "nlink",
    "rdev", "size", "space_used", "type", "uid", "_kept", "_stamps", "identity", "move_to_end",
    "pinned",
};

static PyObject *names[NAMES], *no_birth, *no_device;

static PyObject *get(PyObject *object, enum name name)
{
    return PyObject_GetAttr(object, names[name]);
}

/* What a dictionary has for an identity, owned; NULL if nothing, or with an exception. */
static PyObject *entry_of(PyObject *object, enum name name, PyObject *identity)
{
    PyObject *dictionary = get(object, name), *found = NULL;

    if (dictionary != NULL && PyDict_Check(dictionary))
        found = PyDict_GetItemWithError(dictionary, identity);
    Py_XINCREF(found);
    Py_XDECREF(dictionary);
    return found;
}

/* The descriptor of a number, or -1; takes the reference over. */
static int descriptor(PyObject *number)
{
    long fd = number == NULL || !PyLong_Check(number) ? -1 : PyLong_AsLong(number);

    Py_XDECREF(number);
    return fd < 0 || fd > INT32_MAX ? -1 : (int)fd;
}

/* As `DescriptorCache.fd_of`: a descriptor to use now, or -1, with an exception or without. */
static int fd_of(PyObject *cache, PyObject *identity)
{
    PyObject *number = entry_of(cache, N__kept, identity), *list, *kept, *done = NULL;

    if (PyErr_Occurred())
        return -1;
    if (number != NULL) {
        kept = get(cache, N__kept);
        if (kept != NULL)
            done = PyObject_CallMethodObjArgs(kept, names[N_move_to_end], identity, NULL);
        Py_XDECREF(kept);
        if (done == NULL)
            Py_CLEAR(number);
        Py_XDECREF(done);
        return descriptor(number);
    }
    list = entry_of(cache, N_pinned, identity);
    if (list != NULL && PyList_Check(list) && PyList_Size(list) > 0)
        number = PyList_GetItem(list, PyList_Size(list) - 1);
    Py_XINCREF(number);
    Py_XDECREF(list);
    return descriptor(number);
}

PyObject *entries_nanoseconds(long long seconds, long rest)
{
    PyObject *whole, *billion, *part, *product = NULL, *sum = NULL;

    if (seconds < MANY && seconds > -MANY)
        return PyLong_FromLongLong(seconds * BILLION + rest);
    whole = PyLong_FromLongLong(seconds);
    billion = PyLong_FromLong(BILLION);
    part = PyLong_FromLong(rest);
    if (whole != NULL && billion != NULL && part != NULL)
        product = PyNumber_Multiply(whole, billion);
    if (product != NULL)
        sum = PyNumber_Add(product, part);
    Py_XDECREF(whole);
    Py_XDECREF(billion);
    Py_XDECREF(part);
    Py_XDECREF(product);
    return sum;
}

static PyObject *nanoseconds(const struct timespec *time)
{
    return entries_nanoseconds(time->tv_sec, time->tv_nsec);
}

static PyObject *device_of(dev_t device)
{
    PyObject *pair;

    if (!device)
        return Py_NewRef(no_device);
    pair = PyTuple_New(2);
    if (pair == NULL)
        return NULL;
    PyTuple_SetItem(pair, 0, PyLong_FromUnsignedLong(major(device)));
    PyTuple_SetItem(pair, 1, PyLong_FromUnsignedLong(minor(device)));
    if (PyErr_Occurred())
        Py_CLEAR(pair);
    return pair;
}

/* The change attribute, as `Stamps.change` says. */
static PyObject *change_of(PyObject *stamps, PyObject *identity, PyObject *ctime_ns)
{
    PyObject *stamp = entry_of(stamps, N__stamps, identity), *change;

    if (stamp == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(ctime_ns);
    Py_DECREF(stamp);
    change = PyObject_CallMethodObjArgs(stamps, names[N_change], identity, ctime_ns, NULL);
    return change;
}

static PyObject *make(PyObject *type, PyObject *stamps, PyObject *identity, const struct stat *status)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc);
    PyObject *made = allocate((PyTypeObject *)type, 0), *values[FIELDS];
    int failed = made == NULL;

    values[N_atime_ns] = nanoseconds(&status->st_atim);
    values[N_btime_ns] = Py_NewRef(no_birth);
    values[N_ctime_ns] = nanoseconds(&status->st_ctim);
    values[N_change] = values[N_ctime_ns] == NULL
                           ? NULL
                           : change_of(stamps, identity, values[N_ctime_ns]);
    values[N_fileid] = PyLong_FromUnsignedLongLong(status->st_ino);
    values[N_gid] = PyLong_FromUnsignedLong(status->st_gid);
    values[N_mode] = PyLong_FromUnsignedLong(status->st_mode & 07777);
    values[N_mtime_ns] = nanoseconds(&status->st_mtim);
    values[N_nlink] = PyLong_FromUnsignedLongLong(status->st_nlink);
    values[N_rdev] = device_of(status->st_rdev);
    values[N_size] = PyLong_FromLongLong(status->st_size);
    values[N_space_used] = PyLong_FromLongLong((long long)status->st_blocks * BLOCK);
    values[N_type] = PyLong_FromUnsignedLong(status->st_mode & S_IFMT);
    values[N_uid] = PyLong_FromUnsignedLong(status->st_uid);
    for (int each = 0; each < FIELDS; each++) {
        if (values[each] == NULL || failed || PyObject_SetAttr(made, names[each], values[each]) < 0)
            failed = 1;
        Py_XDECREF(values[each]);
    }
    if (failed)
        Py_CLEAR(made);
    return made;
}

/* 1 if a node is no directory; -1 with an exception. */
static int is_simple(PyObject *node)
{
    PyObject *type = get(node, N_type);
    long value = type == NULL ? -1 : PyLong_AsLong(type);

    Py_XDECREF(type);
    return PyErr_Occurred() ? -1 : value != S_IFDIR;
}

/* Attributes, or None: then nothing has happened but that a descriptor was used. */
PyObject *entries_at_hand(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *identity, *made = NULL;
    struct stat status;
    int simple, fd;

    (void)self;
    if (count != 4 || !PyType_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "at_hand(cache, stamps, node, make, /)");
        return NULL;
    }
    simple = is_simple(args[2]);
    if (simple < 0)
        return NULL;
    identity = simple ? get(args[2], N_identity) : NULL;
    fd = identity == NULL ? -1 : fd_of(args[0], identity);
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_nlink)
        made = make(args[3], args[1], identity, &status);
    Py_XDECREF(identity);
    if (made != NULL || PyErr_Occurred())
        return made;
    Py_RETURN_NONE;
}

int entries_prepare_node(void)
{
    for (int name = 0; name < NAMES; name++)
        if (names[name] == NULL
            && (names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    if (no_birth == NULL)
        no_birth = PyLong_FromLong(-1);
    if (no_device == NULL)
        no_device = Py_BuildValue("ii", 0, 0);
    return no_birth && no_device ? 0 : -1;
}
