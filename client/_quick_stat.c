/* The attributes of stat(): `decode_stat_in_python` of attributes.py, which is the oracle in the tests.
 *
 * Only the usual reply is decoded here: the very attributes that were asked for, of a known type, with
 * names and times of the usual size, all of it there and as long as it says. Whatever else there is is
 * left as it is, to Python. The octets are a reply's, and each number is taken from them once.
 */

#include "_quick.h"

enum {
    USUAL = 256, /* octets that are looked at */
    WORDS = 2,   /* of the bitmap, behind their number */
    LIST_AT = 12, /* the length of the values */
    TYPE_AT = 16,
    CHANGE_AT = 20,
    SIZE_AT = 28,
    MAJOR_AT = 36,
    MINOR_AT = 44,
    FILEID_AT = 52,
    MODE_AT = 60,
    LINKS_AT = 64,
    NAMES_AT = 68,
    NAMES_MAX = 64, /* octets of a name that is decoded here */
    TAIL = STAT_TAIL,
    USED_AT = 8,
    TIMES_AT = 16,
    TIME = 12,
    BLOCK = 512,
    BILLION = 1000000000,
};

/* Bits of the attributes that are asked for (RFC 8881, Sections 5.8 and 3.2.2). */
#define FIRST_WORD (1U << 1 | 1U << 3 | 1U << 4 | 1U << 8 | 1U << 20)
#define SECOND_WORD                                                                                \
    (1U << 1 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 9 | 1U << 13 | 1U << 15 | 1U << 20 | 1U << 21)
#define LATEST_S INT64_C(9000000000) /* seconds that are counted here in nanoseconds */

static const uint32_t FILE_TYPES[] = {
    0, 0100000, 0040000, 0060000, 0020000, 0120000, 0140000, 0010000, 0040000, 0100000,
};

enum field { F_offset = STAT_FIELDS, F_peek, ALL };

static const char *const texts[ALL] = {
    "change", "fsid", "group", "handle", "owner", "st_atime_ns", "st_blocks", "st_ctime_ns",
    "st_ino", "st_mode", "st_mtime_ns", "st_nlink", "st_rdev", "st_size", "offset", "peek",
};

static PyObject *fields[ALL], *usual_octets, *no_handle;
static PyObject *stat_class, *in_python; /* found when they are first needed */
PyObject *quick_decoder_class;

struct found {
    const unsigned char *octets, *owner, *group, *tail;
    uint32_t owner_size, group_size, mode;
    long long times[3]; /* of access, of the last change, of modification */
    Py_ssize_t end;
};

int quick_find_times(const unsigned char *tail, long long *times)
{
    for (int each = 0; each < 3; each++) {
        const unsigned char *time = tail + TIMES_AT + TIME * each;
        int64_t seconds = (int64_t)u64(time);
        uint32_t rest = u32(time + 8);

        if (rest >= BILLION || seconds > LATEST_S || seconds < -LATEST_S)
            return 0;
        times[each] = seconds * BILLION + rest;
    }
    return 1;
}

uint32_t quick_mode(uint32_t type, uint32_t mode)
{
    if (type >= sizeof FILE_TYPES / sizeof *FILE_TYPES || FILE_TYPES[type] == 0)
        return 0;
    return FILE_TYPES[type] | (mode & 07777);
}

/* A name at `at`; 0 if it is not whole, too long, or badly padded. */
static int find_name(const Py_buffer *view, Py_ssize_t *at, const unsigned char **name, uint32_t *size)
{
    const unsigned char *octets = view->buf;
    Py_ssize_t padded;

    if (view->len - *at < 4)
        return 0;
    *size = u32(octets + *at);
    padded = (Py_ssize_t)((*size & ~3U) + (*size & 3 ? 4 : 0));
    if (*size > NAMES_MAX || view->len - *at - 4 < padded)
        return 0;
    *name = octets + *at + 4;
    for (Py_ssize_t each = (Py_ssize_t)*size; each < padded; each++)
        if ((*name)[each])
            return 0;
    *at += 4 + padded;
    return 1;
}

/* 1 if these are the usual attributes, and where they are. */
static int find(const Py_buffer *view, struct found *found)
{
    const unsigned char *octets = view->buf;
    Py_ssize_t at = NAMES_AT;

    if (view->len < NAMES_AT || u32(octets) != WORDS || u32(octets + 4) != FIRST_WORD
        || u32(octets + 8) != SECOND_WORD)
        return 0;
    found->mode = quick_mode(u32(octets + TYPE_AT), u32(octets + MODE_AT));
    if (found->mode == 0)
        return 0;
    if (!find_name(view, &at, &found->owner, &found->owner_size)
        || !find_name(view, &at, &found->group, &found->group_size) || view->len - at < TAIL
        || (Py_ssize_t)u32(octets + LIST_AT) != at + TAIL - TYPE_AT)
        return 0;
    found->octets = octets;
    found->tail = octets + at;
    found->end = at + TAIL;
    return quick_find_times(found->tail, found->times);
}

PyObject *quick_pair(uint64_t major, uint64_t minor)
{
    PyObject *pair = PyTuple_New(2);

    if (pair != NULL) {
        PyTuple_SetItem(pair, 0, PyLong_FromUnsignedLongLong(major));
        PyTuple_SetItem(pair, 1, PyLong_FromUnsignedLongLong(minor));
    }
    if (PyErr_Occurred())
        Py_CLEAR(pair);
    return pair;
}

static PyObject *octets_of(const unsigned char *octets, uint32_t size)
{
    return PyBytes_FromStringAndSize((const char *)octets, (Py_ssize_t)size);
}

PyObject *quick_make_stat(PyObject *values[STAT_FIELDS])
{
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)stat_class, Py_tp_alloc);
    PyObject *made = allocate((PyTypeObject *)stat_class, 0);
    int failed = made == NULL;

    for (int each = 0; each < STAT_FIELDS; each++) {
        if (values[each] == NULL || failed || PyObject_SetAttr(made, fields[each], values[each]) < 0)
            failed = 1;
        Py_XDECREF(values[each]);
    }
    if (failed)
        Py_CLEAR(made);
    return made;
}

/* Make what was found. */
static PyObject *make(const struct found *found)
{
    const unsigned char *octets = found->octets, *tail = found->tail;
    PyObject *values[STAT_FIELDS];

    values[S_change] = PyLong_FromUnsignedLongLong(u64(octets + CHANGE_AT));
    values[S_fsid] = quick_pair(u64(octets + MAJOR_AT), u64(octets + MINOR_AT));
    values[S_group] = octets_of(found->group, found->group_size);
    values[S_handle] = Py_NewRef(no_handle);
    values[S_owner] = octets_of(found->owner, found->owner_size);
    values[S_atime_ns] = PyLong_FromLongLong(found->times[0]);
    values[S_blocks] = PyLong_FromUnsignedLongLong(u64(tail + USED_AT) / BLOCK);
    values[S_ctime_ns] = PyLong_FromLongLong(found->times[1]);
    values[S_ino] = PyLong_FromUnsignedLongLong(u64(octets + FILEID_AT));
    values[S_mode] = PyLong_FromUnsignedLong(found->mode);
    values[S_mtime_ns] = PyLong_FromLongLong(found->times[2]);
    values[S_nlink] = PyLong_FromUnsignedLong(u32(octets + LINKS_AT));
    values[S_rdev] = PyLong_FromUnsignedLongLong(u64(tail));
    values[S_size] = PyLong_FromUnsignedLongLong(u64(octets + SIZE_AT));
    return quick_make_stat(values);
}

static PyObject *of_module(const char *module, const char *name)
{
    PyObject *found = PyImport_ImportModule(module), *value;

    value = found == NULL ? NULL : PyObject_GetAttrString(found, name);
    Py_XDECREF(found);
    return value;
}

/* Find the classes; 0, or -1 with an exception. */
int quick_find_classes(void)
{
    if (quick_decoder_class == NULL)
        quick_decoder_class = of_module("nfsrdma.xdr", "Decoder");
    if (in_python == NULL)
        in_python = of_module("nfsrdma.client.attributes", "decode_stat_in_python");
    if (stat_class == NULL)
        stat_class = of_module("nfsrdma.client.attributes", "Stat");
    return quick_decoder_class && in_python && stat_class ? 0 : -1;
}

int quick_advance(PyObject *decoder, Py_ssize_t octets)
{
    PyObject *start = PyObject_GetAttr(decoder, fields[F_offset]), *count = PyLong_FromSsize_t(octets);
    PyObject *end = start != NULL && count != NULL ? PyNumber_Add(start, count) : NULL;
    int status = end == NULL ? -1 : PyObject_SetAttr(decoder, fields[F_offset], end);

    Py_XDECREF(start);
    Py_XDECREF(count);
    Py_XDECREF(end);
    return status;
}

/* Decode what is usual; NULL if it is not, with nothing changed, or with an exception. */
static PyObject *decode(PyObject *decoder)
{
    PyObject *view = PyObject_CallMethodObjArgs(decoder, fields[F_peek], usual_octets, NULL);
    PyObject *made = NULL;
    struct found found;
    Py_buffer octets;

    if (view == NULL)
        return NULL;
    if (PyObject_GetBuffer(view, &octets, PyBUF_SIMPLE) < 0) {
        Py_DECREF(view);
        return NULL;
    }
    if (find(&octets, &found))
        made = make(&found);
    PyBuffer_Release(&octets);
    Py_DECREF(view);
    if (made == NULL)
        return NULL;
    if (quick_advance(decoder, found.end) < 0)
        Py_CLEAR(made);
    return made;
}

PyObject *quick_decode_stat(PyObject *self, PyObject *decoder)
{
    PyObject *made = NULL;

    (void)self;
    if (quick_find_classes() < 0)
        return NULL;
    if ((PyObject *)Py_TYPE(decoder) == quick_decoder_class)
        made = decode(decoder);
    if (made != NULL || PyErr_Occurred())
        return made;
    return PyObject_CallFunctionObjArgs(in_python, decoder, NULL);
}

int quick_prepare_stat(void)
{
    for (int name = 0; name < ALL; name++)
        if (fields[name] == NULL
            && (fields[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    if (usual_octets == NULL && (usual_octets = PyLong_FromLong(USUAL)) == NULL)
        return -1;
    if (no_handle == NULL)
        no_handle = PyBytes_FromStringAndSize(NULL, 0);
    return no_handle == NULL ? -1 : 0;
}
