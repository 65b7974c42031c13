/* The entries of a listing: what `decode_entries` of attributes.py does one by one, as long as they are
 * usual.
 *
 * That is with the very attributes that were asked for, of a known type, with names, handles and times of
 * the usual size, and zeros for padding. At anything else this stops: that entry is for Python, the
 * oracle in the tests. Each number is taken from the octets once, as they are a reply's; names are
 * looked at when they are our own.
 */

#include "_quick.h"

enum {
    PEEKED = 1 << 28, /* octets that are looked at, at most */
    LONGEST_NAME = 255,
    OWNER_MAX = 64,
    HANDLE_MAX = 128,
    WORDS = 2,
    HEAD = 56, /* of an entry's attributes: from the bitmap to what stands for an error */
    LIST_AT = 12,
    TYPE_AT = 16,
    CHANGE_AT = 20,
    SIZE_AT = 28,
    MAJOR_AT = 36,
    MINOR_AT = 44,
    MIDDLE = 16, /* from the number of the file to the count of its links */
    MODE_AT = 8,
    LINKS_AT = 12,
    USED_AT = 8, /* in the tail */
    BLOCK = 512,
};

/* As in _quick_stat.c, with rdattr_error and the handle. */
#define FIRST_WORD (1U << 1 | 1U << 3 | 1U << 4 | 1U << 8 | 1U << 11 | 1U << 19 | 1U << 20)
#define SECOND_WORD                                                                                \
    (1U << 1 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 9 | 1U << 13 | 1U << 15 | 1U << 20 | 1U << 21)

static PyObject *peek_name, *peeked;

/* Octets that are taken one after the other. */
struct cursor {
    const unsigned char *at, *end;
};

/* What neighbours have in common, as objects; NULL at first. */
struct common {
    PyObject *owner, *group, *fsid;
    uint64_t major, minor;
};

static const unsigned char *take(struct cursor *cursor, Py_ssize_t octets)
{
    const unsigned char *at = cursor->at;

    if (cursor->end - at < octets)
        return NULL;
    cursor->at = at + octets;
    return at;
}

/* An opaque of `most` octets at most, which may be the same as `last`; NULL if it is not usual, or with an
 * exception. */
static PyObject *take_opaque(struct cursor *cursor, uint32_t most, PyObject *last)
{
    const unsigned char *at = take(cursor, 4), *octets;
    uint32_t size = at == NULL ? most + 1 : u32(at), padding = -size & 3;

    if (size > most || (octets = take(cursor, (Py_ssize_t)(size + padding))) == NULL)
        return NULL;
    for (uint32_t each = 0; each < padding; each++)
        if (octets[size + each])
            return NULL;
    if (last != NULL && PyBytes_Size(last) == (Py_ssize_t)size
        && !memcmp(PyBytes_AsString(last), octets, size))
        return Py_NewRef(last);
    return PyBytes_FromStringAndSize((const char *)octets, (Py_ssize_t)size);
}

/* Take an owner or a group, and keep it for the next; 0 if it is not usual, or with an exception. */
static int take_owner(struct cursor *cursor, PyObject **kept)
{
    PyObject *owner = take_opaque(cursor, OWNER_MAX, *kept);

    if (owner == NULL)
        return 0;
    Py_XDECREF(*kept);
    *kept = owner;
    return 1;
}

/* The same of a file system. */
static int take_fsid(const unsigned char *head, struct common *common)
{
    uint64_t major = u64(head + MAJOR_AT), minor = u64(head + MINOR_AT);

    if (common->fsid == NULL || common->major != major || common->minor != minor) {
        Py_XDECREF(common->fsid);
        common->fsid = quick_pair(major, minor);
        common->major = major;
        common->minor = minor;
    }
    return common->fsid != NULL;
}

/* The attributes of an entry; NULL if they are not usual, or with an exception. */
static PyObject *take_status(struct cursor *cursor, struct common *common)
{
    const unsigned char *head = take(cursor, HEAD), *middle, *tail;
    PyObject *handle, *values[STAT_FIELDS];
    long long times[3];
    uint32_t mode;

    if (head == NULL || u32(head) != WORDS || u32(head + 4) != FIRST_WORD
        || u32(head + 8) != SECOND_WORD)
        return NULL;
    handle = take_opaque(cursor, HANDLE_MAX, NULL);
    middle = handle == NULL ? NULL : take(cursor, MIDDLE);
    if (middle == NULL || !take_owner(cursor, &common->owner)
        || !take_owner(cursor, &common->group) || (tail = take(cursor, STAT_TAIL)) == NULL
        || cursor->at - head - TYPE_AT != (Py_ssize_t)u32(head + LIST_AT)
        || (mode = quick_mode(u32(head + TYPE_AT), u32(middle + MODE_AT))) == 0
        || !quick_find_times(tail, times) || !take_fsid(head, common)) {
        Py_XDECREF(handle);
        return NULL;
    }
    values[S_change] = PyLong_FromUnsignedLongLong(u64(head + CHANGE_AT));
    values[S_fsid] = Py_NewRef(common->fsid);
    values[S_group] = Py_NewRef(common->group);
    values[S_handle] = handle;
    values[S_owner] = Py_NewRef(common->owner);
    values[S_atime_ns] = PyLong_FromLongLong(times[0]);
    values[S_blocks] = PyLong_FromUnsignedLongLong(u64(tail + USED_AT) / BLOCK);
    values[S_ctime_ns] = PyLong_FromLongLong(times[1]);
    values[S_ino] = PyLong_FromUnsignedLongLong(u64(middle));
    values[S_mode] = PyLong_FromUnsignedLong(mode);
    values[S_mtime_ns] = PyLong_FromLongLong(times[2]);
    values[S_nlink] = PyLong_FromUnsignedLong(u32(middle + LINKS_AT));
    values[S_rdev] = PyLong_FromUnsignedLongLong(u64(tail));
    values[S_size] = PyLong_FromUnsignedLongLong(u64(head + SIZE_AT));
    return quick_make_stat(values);
}

/* 1 if a directory can hold the name. */
static int is_name(PyObject *name)
{
    const char *octets = PyBytes_AsString(name);
    size_t size = (size_t)PyBytes_Size(name);

    if (size == 0 || memchr(octets, '/', size) != NULL || memchr(octets, 0, size) != NULL)
        return 0;
    return octets[0] != '.' || (size > 1 && (octets[1] != '.' || size > 2));
}

/* The name and the attributes of an entry; NULL as above. */
static PyObject *take_entry(struct cursor *cursor, struct common *common)
{
    PyObject *name = take_opaque(cursor, LONGEST_NAME, NULL), *status = NULL, *entry = NULL;

    if (name != NULL && is_name(name))
        status = take_status(cursor, common);
    if (status != NULL)
        entry = PyTuple_Pack(2, name, status);
    Py_XDECREF(name);
    Py_XDECREF(status);
    return entry;
}

/* Append usual entries; the octets that they took, or -1 with an exception. */
static Py_ssize_t take_all(const Py_buffer *view, PyObject *entries, PyObject *cookies)
{
    struct cursor cursor = {view->buf, (const unsigned char *)view->buf + view->len};
    struct common common = {NULL, NULL, NULL, 0, 0};
    const unsigned char *begin = cursor.at, *done = begin;
    int failed = 0;

    while (!failed) {
        const unsigned char *head = take(&cursor, 12);
        PyObject *entry, *cookie;

        if (head == NULL || u32(head) != 1)
            break;
        cookie = PyLong_FromUnsignedLongLong(u64(head + 4));
        entry = cookie == NULL ? NULL : take_entry(&cursor, &common);
        if (entry != NULL) {
            failed = PyList_Append(entries, entry) < 0 || PyList_Append(cookies, cookie) < 0;
            done = cursor.at;
        }
        Py_XDECREF(cookie);
        Py_XDECREF(entry);
        if (entry == NULL)
            break;
    }
    Py_XDECREF(common.owner);
    Py_XDECREF(common.group);
    Py_XDECREF(common.fsid);
    return failed || PyErr_Occurred() ? -1 : done - begin;
}

PyObject *quick_take_entries(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *octets;
    Py_buffer view;
    Py_ssize_t size;

    (void)self;
    if (count != 3 || !PyList_Check(args[1]) || !PyList_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "a decoder, and two lists");
        return NULL;
    }
    if (quick_find_classes() < 0)
        return NULL;
    if ((PyObject *)Py_TYPE(args[0]) != quick_decoder_class)
        Py_RETURN_NONE;
    octets = PyObject_CallMethodObjArgs(args[0], peek_name, peeked, NULL);
    if (octets == NULL)
        return NULL;
    if (PyObject_GetBuffer(octets, &view, PyBUF_SIMPLE) < 0) {
        Py_DECREF(octets);
        return NULL;
    }
    size = take_all(&view, args[1], args[2]);
    PyBuffer_Release(&view);
    Py_DECREF(octets);
    if (size < 0 || (size && quick_advance(args[0], size) < 0))
        return NULL;
    Py_RETURN_NONE;
}

int quick_prepare_entries(void)
{
    if (peek_name == NULL)
        peek_name = PyUnicode_InternFromString("peek");
    if (peeked == NULL)
        peeked = PyLong_FromLong(PEEKED);
    return peek_name && peeked ? 0 : -1;
}
