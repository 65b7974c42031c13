/* Entries of a directory with their attributes and handles: what `entries.py` does with a call for each.
 *
 * Directories are read, and entries looked at, for some of them at a time without the interpreter's
 * lock; only then are objects made of what was found. What the kernel says is copied to memory of our
 * own. Nothing is decided here that `entries.look_in_python` does not decide.
 */

#define _GNU_SOURCE
#include "_entries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
    AT_ONCE = 64,
    LIKELY_ENTRY = 40, /* octets of a directory entry as the kernel tells it */
    FEWEST_OCTETS = 1 << 12,
    MOST_OCTETS = 1 << 15,
    HANDLE_MAX = 128,
    KIND_OCTETS = 5, /* 'K', and the kind of a handle in network order */
};

/* As getdents64(2) has it: the C library's own is called differently from one to the next. */
struct entry {
    uint64_t inode;
    int64_t position;
    uint16_t length;
    uint8_t type;
    char name[];
};

struct handle {
    struct file_handle head;
    unsigned char octets[HANDLE_MAX];
};

struct reader {
    int fd;
    Py_ssize_t expected; /* entries that are still likely to be wanted */
    long start, size;
    int at_end;
    uint64_t buffer[MOST_OCTETS / sizeof(uint64_t)];
};

struct wanted {
    int directory;
    int mount;
    int birth;
    uint64_t device;
};

/* What was found of an entry: `error` if its attributes or its handle cannot be had. */
struct found {
    const struct entry *entry;
    int error;
    int kind;
    unsigned int size;
    struct statx status;
    unsigned char octets[HANDLE_MAX];
};

enum names {
    MTYPE, MODE, FILEID, NLINK, UID, GID, SIZE, SPACE, RDEV, ATIME, MTIME, CTIME, BTIME, NAMES,
};

static const char *const NAME[NAMES] = {
    "type", "mode", "fileid", "nlink", "uid", "gid", "size", "space_used", "rdev", "atime_ns",
    "mtime_ns", "ctime_ns", "btime_ns",
};

static PyObject *names[NAMES];

/* Return the next entry that is not one of the two of every directory; NULL at the end, and with
 * errno set on an error. Entries stay where they are until the next read. */
static const struct entry *next(struct reader *reader, int may_read)
{
    for (;;) {
        const struct entry *entry;
        const char *name;

        if (reader->start >= reader->size) {
            Py_ssize_t room = MOST_OCTETS;

            if (!may_read || reader->at_end)
                return NULL;
            if (reader->expected < MOST_OCTETS / LIKELY_ENTRY)
                room = reader->expected * LIKELY_ENTRY;
            if (room < FEWEST_OCTETS)
                room = FEWEST_OCTETS;
            reader->start = 0;
            reader->size = syscall(SYS_getdents64, reader->fd, reader->buffer, (size_t)room);
            if (reader->size <= 0) {
                reader->at_end = reader->size == 0;
                reader->size = 0;
                return NULL;
            }
        }
        entry = (const struct entry *)((const char *)reader->buffer + reader->start);
        reader->start += entry->length;
        name = entry->name;
        if (name[0] != '.' || (name[1] != '\0' && (name[1] != '.' || name[2] != '\0')))
            return entry;
    }
}

/* Whether there is an entry to be shown: its attributes and handle, or why they cannot be had. */
static int look_at(const struct wanted *wanted, const struct entry *entry, struct found *found)
{
    struct handle handle;
    int mount = 0;
    unsigned int mask = STATX_BASIC_STATS | (wanted->birth ? STATX_BTIME : 0);

    found->entry = entry;
    found->error = 0;
    if (statx(wanted->directory, entry->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, mask,
              &found->status) < 0)
        goto failed;
    /* A mount point is not ours to show. Only directories tell it by their device. */
    if (S_ISDIR(found->status.stx_mode) &&
        makedev(found->status.stx_dev_major, found->status.stx_dev_minor) != wanted->device)
        return 0;
    handle.head.handle_bytes = HANDLE_MAX;
    handle.head.handle_type = 0;
    if (name_to_handle_at(wanted->directory, entry->name, &handle.head, &mount, 0) < 0)
        goto failed;
    if (mount != wanted->mount)
        return 0;
    found->kind = handle.head.handle_type;
    found->size = handle.head.handle_bytes;
    memcpy(found->octets, handle.octets, found->size);
    return 1;
failed:
    found->error = errno;
    return found->error != ENOENT && found->error != EXDEV;
}

static PyObject *nanoseconds(const struct statx_timestamp *time)
{
    return entries_nanoseconds(time->tv_sec, (long)time->tv_nsec);
}

/* Set an attribute to a value, whose reference is taken. */
static int set(PyObject *object, int name, PyObject *value)
{
    int result = value == NULL ? -1 : PyObject_SetAttr(object, names[name], value);

    Py_XDECREF(value);
    return result;
}

static int fill(PyObject *object, const struct statx *status, int birth)
{
    int born = birth && status->stx_mask & STATX_BTIME;

    return set(object, MTYPE, PyLong_FromLong(status->stx_mode & S_IFMT)) < 0 ||
                   set(object, MODE, PyLong_FromLong(status->stx_mode & 07777)) < 0 ||
                   set(object, FILEID, PyLong_FromUnsignedLongLong(status->stx_ino)) < 0 ||
                   set(object, NLINK, PyLong_FromUnsignedLong(status->stx_nlink)) < 0 ||
                   set(object, UID, PyLong_FromUnsignedLong(status->stx_uid)) < 0 ||
                   set(object, GID, PyLong_FromUnsignedLong(status->stx_gid)) < 0 ||
                   set(object, SIZE, PyLong_FromUnsignedLongLong(status->stx_size)) < 0 ||
                   set(object, SPACE, PyLong_FromUnsignedLongLong(status->stx_blocks * 512)) < 0 ||
                   set(object, RDEV, Py_BuildValue("II", status->stx_rdev_major,
                                                   status->stx_rdev_minor)) < 0 ||
                   set(object, ATIME, nanoseconds(&status->stx_atime)) < 0 ||
                   set(object, MTIME, nanoseconds(&status->stx_mtime)) < 0 ||
                   set(object, CTIME, nanoseconds(&status->stx_ctime)) < 0 ||
                   set(object, BTIME, born ? nanoseconds(&status->stx_btime)
                                           : PyLong_FromLong(-1)) < 0
               ? -1
               : 0;
}

static PyObject *identity(const struct found *found)
{
    unsigned char octets[KIND_OCTETS + HANDLE_MAX];
    uint32_t kind = (uint32_t)found->kind;

    octets[0] = 'K';
    octets[1] = (unsigned char)(kind >> 24);
    octets[2] = (unsigned char)(kind >> 16);
    octets[3] = (unsigned char)(kind >> 8);
    octets[4] = (unsigned char)kind;
    memcpy(octets + KIND_OCTETS, found->octets, found->size);
    return PyBytes_FromStringAndSize((const char *)octets, KIND_OCTETS + (Py_ssize_t)found->size);
}

/* Return what the list has of an entry: its position, its name, and attributes with identity. */
static PyObject *told(const struct found *found, PyObject *make, int birth)
{
    const char *name = found->entry->name;
    PyObject *what, *attributes, *who;

    if (found->error)
        return Py_BuildValue("Lyi", (long long)found->entry->position, name, found->error);
    attributes = PyObject_CallNoArgs(make);
    if (attributes == NULL)
        return NULL;
    if (fill(attributes, &found->status, birth) < 0 || (who = identity(found)) == NULL) {
        Py_DECREF(attributes);
        return NULL;
    }
    what = PyTuple_Pack(2, attributes, who);
    Py_DECREF(attributes);
    Py_DECREF(who);
    if (what == NULL)
        return NULL;
    return Py_BuildValue("LyN", (long long)found->entry->position, name, what);
}

/* Append entries until there are `most`; -1 with an exception. */
static int collect(PyObject *list, struct reader *reader, const struct wanted *wanted,
                   struct found *found, Py_ssize_t most, PyObject *make)
{
    Py_ssize_t count = 0;

    while (count < most && !reader->at_end) {
        int number = 0, error = 0, index;

        Py_BEGIN_ALLOW_THREADS
        errno = 0;
        while (number < AT_ONCE && count + number < most) {
            /* What is to be told still lies in the buffer: only an empty one is read anew. */
            const struct entry *entry = next(reader, number == 0);

            if (entry == NULL)
                break;
            reader->expected--;
            number += look_at(wanted, entry, &found[number]);
        }
        if (number == 0 && !reader->at_end && reader->size == 0)
            error = errno;
        Py_END_ALLOW_THREADS
        if (error) {
            errno = error;
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        for (index = 0; index < number; index++) {
            PyObject *each = told(&found[index], make, wanted->birth);

            if (each == NULL || PyList_Append(list, each) < 0) {
                Py_XDECREF(each);
                return -1;
            }
            Py_DECREF(each);
        }
        count += number;
    }
    return 0;
}

/* Whether there is nothing after what was collected; -1 with an exception. */
static int ends(struct reader *reader)
{
    const struct entry *entry;
    int error;

    if (reader->at_end)
        return 1;
    Py_BEGIN_ALLOW_THREADS
    entry = next(reader, 1);
    error = errno;
    Py_END_ALLOW_THREADS
    if (entry == NULL && !reader->at_end) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return entry == NULL;
}

static PyObject *look(PyObject *self, PyObject *arguments)
{
    struct wanted wanted;
    struct reader *reader;
    struct found *found;
    unsigned long long device;
    Py_ssize_t most;
    PyObject *make, *list, *result = NULL;
    int fd, end;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "iinpKiO:look", &fd, &wanted.directory, &most, &wanted.birth,
                          &device, &wanted.mount, &make))
        return NULL;
    if (most < 1) {
        PyErr_SetString(PyExc_ValueError, "one entry is to be listed at least");
        return NULL;
    }
    wanted.device = device;
    reader = malloc(sizeof *reader);
    found = malloc(AT_ONCE * sizeof *found);
    list = PyList_New(0);
    if (reader == NULL || found == NULL || list == NULL) {
        PyErr_NoMemory();
    } else {
        reader->fd = fd;
        /* With those two that are not shown, and one to know whether there are more. */
        reader->expected = most < MOST_OCTETS ? most + 3 : MOST_OCTETS;
        reader->start = reader->size = 0;
        reader->at_end = 0;
        if (collect(list, reader, &wanted, found, most, make) == 0 && (end = ends(reader)) >= 0)
            result = PyTuple_Pack(2, list, end ? Py_True : Py_False);
    }
    Py_XDECREF(list);
    free(found);
    free(reader);
    return result;
}

static PyMethodDef methods[] = {
    {"look", look, METH_VARARGS, "look(fd, directory, most, birth, device, mount, make, /)"},
    {"at_hand", (PyCFunction)(void (*)(void))entries_at_hand, METH_FASTCALL,
     "at_hand(cache, stamps, node, make, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_entries", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__entries(void)
{
    int index;

    if (native_refused())
        return NULL;
    for (index = 0; index < NAMES; index++)
        if (names[index] == NULL && (names[index] = PyUnicode_InternFromString(NAME[index])) == NULL)
            return NULL;
    return entries_prepare_node() < 0 ? NULL : PyModule_Create(&module);
}
