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
    TAIL = 52,      /* from the device to the time of modification */
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

enum field {
    F_change, F_fsid, F_group, F_handle, F_owner, F_st_atime_ns, F_st_blocks, F_st_ctime_ns,
    F_st_ino, F_st_mode, F_st_mtime_ns, F_st_nlink, F_st_rdev, F_st_size, FIELDS, F_offset = FIELDS,
    F_peek, ALL,
};

static const char *const texts[ALL] = {
    "change", "fsid", "group", "handle", "owner", "st_atime_ns", "st_blocks", "st_ctime_ns",
    "st_ino", "st_mode", "st_mtime_ns", "st_nlink", "st_rdev", "st_size", "offset", "peek",
};

static PyObject *fields[ALL], *usual_octets, *no_handle;
static PyObject *decoder_class, *stat_class, *in_python; /* found when they are first needed */

struct found {
    const unsigned char *octets, *owner, *group, *tail;
    uint32_t owner_size, group_size;
    long long times[3]; /* of access, of the last change, of modification */
    Py_ssize_t end;
};

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
    uint32_t type;

    if (view->len < NAMES_AT || u32(octets) != WORDS || u32(octets + 4) != FIRST_WORD
        || u32(octets + 8) != SECOND_WORD)
        return 0;
    type = u32(octets + TYPE_AT);
    if (type == 0 || type >= sizeof FILE_TYPES / sizeof *FILE_TYPES)
        return 0;
    if (!find_name(view, &at, &found->owner, &found->owner_size)
        || !find_name(view, &at, &found->group, &found->group_size) || view->len - at < TAIL
        || (Py_ssize_t)u32(octets + LIST_AT) != at + TAIL - TYPE_AT)
        return 0;
    found->octets = octets;
    found->tail = octets + at;
    found->end = at + TAIL;
    for (int each = 0; each < 3; each++) {
        const unsigned char *time = found->tail + TIMES_AT + TIME * each;
        int64_t seconds = (int64_t)u64(time);
        uint32_t rest = u32(time + 8);

        if (rest >= BILLION || seconds > LATEST_S || seconds < -LATEST_S)
            return 0;
        found->times[each] = seconds * BILLION + rest;
    }
    return 1;
}

static PyObject *of_device(uint64_t major, uint64_t minor)
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

/* Make what was found. */
static PyObject *make(const struct found *found)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)stat_class, Py_tp_alloc);
    const unsigned char *octets = found->octets, *tail = found->tail;
    PyObject *made = allocate((PyTypeObject *)stat_class, 0), *values[FIELDS];
    int failed = made == NULL;

    values[F_change] = PyLong_FromUnsignedLongLong(u64(octets + CHANGE_AT));
    values[F_fsid] = of_device(u64(octets + MAJOR_AT), u64(octets + MINOR_AT));
    values[F_group] = octets_of(found->group, found->group_size);
    values[F_handle] = Py_NewRef(no_handle);
    values[F_owner] = octets_of(found->owner, found->owner_size);
    values[F_st_atime_ns] = PyLong_FromLongLong(found->times[0]);
    values[F_st_blocks] = PyLong_FromUnsignedLongLong(u64(tail + USED_AT) / BLOCK);
    values[F_st_ctime_ns] = PyLong_FromLongLong(found->times[1]);
    values[F_st_ino] = PyLong_FromUnsignedLongLong(u64(octets + FILEID_AT));
    values[F_st_mode] = PyLong_FromUnsignedLong(FILE_TYPES[u32(octets + TYPE_AT)]
                                                | (u32(octets + MODE_AT) & 07777));
    values[F_st_mtime_ns] = PyLong_FromLongLong(found->times[2]);
    values[F_st_nlink] = PyLong_FromUnsignedLong(u32(octets + LINKS_AT));
    values[F_st_rdev] = PyLong_FromUnsignedLongLong(u64(tail));
    values[F_st_size] = PyLong_FromUnsignedLongLong(u64(octets + SIZE_AT));
    for (int each = 0; each < FIELDS; each++) {
        if (values[each] == NULL || failed || PyObject_SetAttr(made, fields[each], values[each]) < 0)
            failed = 1;
        Py_XDECREF(values[each]);
    }
    if (failed)
        Py_CLEAR(made);
    return made;
}

static PyObject *of_module(const char *module, const char *name)
{
    PyObject *found = PyImport_ImportModule(module), *value;

    value = found == NULL ? NULL : PyObject_GetAttrString(found, name);
    Py_XDECREF(found);
    return value;
}

/* Find the classes; 0, or -1 with an exception. */
static int find_classes(void)
{
    if (decoder_class == NULL)
        decoder_class = of_module("nfsrdma.xdr", "Decoder");
    if (in_python == NULL)
        in_python = of_module("nfsrdma.client.attributes", "decode_stat_in_python");
    if (stat_class == NULL)
        stat_class = of_module("nfsrdma.client.attributes", "Stat");
    return decoder_class && in_python && stat_class ? 0 : -1;
}

/* Decode what is usual; NULL if it is not, with nothing changed, or with an exception. */
static PyObject *decode(PyObject *decoder)
{
    PyObject *view = PyObject_CallMethodObjArgs(decoder, fields[F_peek], usual_octets, NULL);
    PyObject *made = NULL, *start, *length, *end = NULL;
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
    start = PyObject_GetAttr(decoder, fields[F_offset]);
    length = PyLong_FromSsize_t(found.end);
    if (start != NULL && length != NULL)
        end = PyNumber_Add(start, length);
    if (end == NULL || PyObject_SetAttr(decoder, fields[F_offset], end) < 0)
        Py_CLEAR(made);
    Py_XDECREF(start);
    Py_XDECREF(length);
    Py_XDECREF(end);
    return made;
}

PyObject *quick_decode_stat(PyObject *self, PyObject *decoder)
{
    PyObject *made = NULL;

    (void)self;
    if (find_classes() < 0)
        return NULL;
    if ((PyObject *)Py_TYPE(decoder) == decoder_class)
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
