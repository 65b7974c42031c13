/* READDIR: entries with the usual attributes, as `_Page.extend` appends them one by one.
 *
 * What is unusual about an entry (an error in its place, a name or a handle that is too long) is left
 * to that: the entries before it are in the listing, and nothing of this one.
 */

#include "_lane.h"

enum {
    MOST_NAME = 1024,
    BEFORE_NAME = 16, /* that there is an entry, its cookie, and the name's length */
    MOST_ENTRY = BEFORE_NAME + MOST_NAME + MOST_ATTRIBUTES + 4 + MOST_HANDLE,
};

/* A listing that grows: `limit` is how long it may be, `names` what names and cookies may still take. */
struct listing {
    PyObject *buffer, *export, *handle_of;
    uint64_t mask;
    Py_ssize_t limit, names, count, counted;
    unsigned char octets[MOST_ENTRY];
};

static Py_ssize_t padded(Py_ssize_t size)
{
    return size + (-size & 3);
}

/* The octets of an entry before its attributes, and their end; NULL for a name that is too long. */
static unsigned char *put_name(unsigned char *octets, uint64_t cookie, PyObject *name)
{
    Py_ssize_t size = PyBytes_Check(name) ? PyBytes_Size(name) : -1;
    unsigned char *at = put32(put64(put32(octets, 1), cookie), (uint32_t)size);

    if (size < 0 || size > MOST_NAME)
        return NULL;
    memcpy(at, PyBytes_AsString(name), (size_t)size);
    memset(at + size, 0, (size_t)(padded(size) - size));
    return at + padded(size);
}

/* The length of an entry that was made in `octets`; ASK, FAILED. */
static Py_ssize_t make(struct listing *listing, PyObject *entry)
{
    PyObject *cookie, *found, *identity;
    struct writer writer = {NULL, listing->export, NULL, NULL, 0};
    uint64_t number;

    if (!PyTuple_Check(entry) || PyTuple_Size(entry) != 3)
        return ASK;
    found = PyTuple_GetItem(entry, 2);
    if (!PyTuple_Check(found) || PyTuple_Size(found) != 2)
        return ASK;
    cookie = PyTuple_GetItem(entry, 0);
    Py_INCREF(cookie);
    if ((writer.status = lane_unsigned(cookie, &number)) < 0)
        return writer.status;
    writer.at = put_name(listing->octets, number, PyTuple_GetItem(entry, 1));
    if (writer.at == NULL)
        return ASK;
    writer.attributes = PyTuple_GetItem(found, 0);
    identity = PyTuple_GetItem(found, 1);
    if (listing->mask & lane_handle_attribute) {
        writer.handle
            = PyObject_CallFunctionObjArgs(listing->handle_of, listing->export, identity, NULL);
        if (writer.handle == NULL)
            return FAILED;
        if (!PyBytes_Check(writer.handle) || PyBytes_Size(writer.handle) > MOST_HANDLE)
            writer.status = ASK;
    }
    if (writer.status == 0)
        lane_put_attributes(&writer, listing->mask);
    Py_XDECREF(writer.handle);
    return writer.status < 0 ? writer.status : writer.at - listing->octets;
}

/* 1 if an entry was appended, 0 if there is no room for it; ASK, FAILED. */
static int append(struct listing *listing, PyObject *entry)
{
    Py_ssize_t size = make(listing, entry), used = PyByteArray_Size(listing->buffer);
    Py_ssize_t name;

    if (size < 0)
        return size == FAILED ? lane_asks() : (int)size;
    name = PyBytes_Size(PyTuple_GetItem(entry, 1));
    listing->names -= 16 + padded(name);
    if (size > listing->limit - used || (listing->counted + listing->count && listing->names < 0))
        return 0;
    if (PyByteArray_Resize(listing->buffer, used + size) < 0)
        return FAILED;
    memcpy(PyByteArray_AsString(listing->buffer) + used, listing->octets, (size_t)size);
    listing->count++;
    return 1;
}

/* 0, and what the arguments say; else FAILED. */
static int prepare(struct listing *listing, PyObject *const *args, Py_ssize_t count)
{
    if (count != 9 || !PyByteArray_Check(args[0]) || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "a buffer, a list of entries, and seven more arguments");
        return FAILED;
    }
    listing->buffer = args[0];
    listing->limit = PyLong_AsSsize_t(args[3]);
    listing->names = PyLong_AsSsize_t(args[4]);
    listing->counted = PyLong_AsSsize_t(args[5]);
    listing->mask = PyLong_AsUnsignedLongLong(args[6]);
    listing->export = args[7];
    listing->handle_of = args[8];
    listing->count = 0;
    if (PyErr_Occurred())
        return FAILED;
    if (listing->mask & ~(lane_attributes | lane_handle_attribute)) {
        PyErr_SetString(PyExc_ValueError, "attributes that are not for this module");
        return FAILED;
    }
    return 0;
}

PyObject *lane_entries(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct listing listing;
    Py_ssize_t index;
    int status = 1;

    (void)self;
    if (prepare(&listing, args, count) < 0)
        return NULL;
    index = PyLong_AsSsize_t(args[2]);
    if (index < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "an index below 0");
        return NULL;
    }
    /* (What makes handles could change the list: its length is asked for each time.) */
    while (status == 1 && index < PyList_Size(args[1])) {
        PyObject *entry = PyList_GetItem(args[1], index);

        Py_INCREF(entry);
        status = append(&listing, entry);
        Py_DECREF(entry);
        index += status == 1;
    }
    if (status == FAILED)
        return NULL;
    return Py_BuildValue("nnnO", index, listing.names, listing.count,
                         status == 0 ? Py_True : Py_False);
}
