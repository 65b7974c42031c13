/* GETATTR of the lane: the attributes of an inode into a reply, as `attributes.encode` has them.
 *
 * Those that are known without a question to the file system's settings, and that all minor versions
 * with sessions have. What asks for others is for Python.
 */

#include "_lane.h"

#include <sys/stat.h>

enum {
    MOST_WORDS = 8,
    BILLION = 1000000000,
};

/* Attributes by their numbers (RFC 8881, Sections 5.8 and 3.2.2): all are in the first two words. */
#define A_TYPE ((uint64_t)1 << 1)
#define A_CHANGE ((uint64_t)1 << 3)
#define A_SIZE ((uint64_t)1 << 4)
#define A_FSID ((uint64_t)1 << 8)
#define A_RDATTR_ERROR ((uint64_t)1 << 11)
#define A_FILEHANDLE ((uint64_t)1 << 19)
#define A_FILEID ((uint64_t)1 << 20)
#define A_MODE ((uint64_t)1 << 33)
#define A_NUMLINKS ((uint64_t)1 << 35)
#define A_OWNER ((uint64_t)1 << 36)
#define A_OWNER_GROUP ((uint64_t)1 << 37)
#define A_RAWDEV ((uint64_t)1 << 41)
#define A_SPACE_USED ((uint64_t)1 << 45)
#define A_TIME_ACCESS ((uint64_t)1 << 47)
#define A_TIME_METADATA ((uint64_t)1 << 52)
#define A_TIME_MODIFY ((uint64_t)1 << 53)
#define A_MOUNTED_ON_FILEID ((uint64_t)1 << 55)
#define A_OF_HOLDER (A_CHANGE | A_SIZE | A_TIME_ACCESS | A_TIME_METADATA | A_TIME_MODIFY)
#define A_ALL                                                                                      \
    (A_TYPE | A_FSID | A_RDATTR_ERROR | A_FILEID | A_MODE | A_NUMLINKS | A_OWNER | A_OWNER_GROUP   \
     | A_RAWDEV | A_SPACE_USED | A_MOUNTED_ON_FILEID | A_OF_HOLDER)

const uint64_t lane_attributes = A_ALL, lane_handle_attribute = A_FILEHANDLE;

static void put_number(struct writer *writer, PyObject *object, enum name name, int octets)
{
    uint64_t value = 0;
    int status;

    if (writer->status < 0)
        return;
    status = lane_number(object, name, &value);
    if (status == 0 && octets == 4 && value > UINT32_MAX)
        status = ASK;
    writer->status = status;
    if (status < 0)
        return;
    writer->at = octets == 4 ? put32(writer->at, (uint32_t)value) : put64(writer->at, value);
}

/* The type of an object, from what `stat` has of it. */
static void put_type(struct writer *writer)
{
    uint64_t format = 0;
    uint32_t type = 0;

    writer->status = lane_number(writer->attributes, N_type, &format);
    switch (format) {
    case S_IFREG: type = 1; break;
    case S_IFDIR: type = 2; break;
    case S_IFBLK: type = 3; break;
    case S_IFCHR: type = 4; break;
    case S_IFLNK: type = 5; break;
    case S_IFSOCK: type = 6; break;
    case S_IFIFO: type = 7; break;
    default: break;
    }
    if (writer->status == 0 && type == 0)
        writer->status = ASK;
    else if (writer->status == 0)
        writer->at = put32(writer->at, type);
}

/* An owner or a group as a number: a string of digits. */
static void put_owner(struct writer *writer, enum name name)
{
    unsigned char digits[20];
    uint64_t value = 0;
    unsigned size = 0, padding;

    if (writer->status < 0 || (writer->status = lane_number(writer->attributes, name, &value)) < 0)
        return;
    do {
        digits[size++] = (unsigned char)('0' + value % 10);
        value /= 10;
    } while (value);
    writer->at = put32(writer->at, size);
    padding = -size & 3;
    while (size)
        *writer->at++ = digits[--size];
    memset(writer->at, 0, padding);
    writer->at += padding;
}

static void put_device(struct writer *writer)
{
    PyObject *pair;

    if (writer->status < 0)
        return;
    pair = get(writer->attributes, N_rdev);
    if (pair == NULL) {
        writer->status = FAILED;
        return;
    }
    writer->status = PyTuple_Check(pair) && PyTuple_Size(pair) == 2 ? 0 : ASK;
    for (Py_ssize_t i = 0; i < 2 && writer->status == 0; i++) {
        PyObject *each = PyTuple_GetItem(pair, i);
        uint64_t value = 0;

        Py_INCREF(each);
        writer->status = lane_unsigned(each, &value);
        if (writer->status == 0 && value > UINT32_MAX)
            writer->status = ASK;
        writer->at = put32(writer->at, (uint32_t)value);
    }
    Py_DECREF(pair);
}

static void put_time(struct writer *writer, enum name name)
{
    PyObject *number;
    long long time, seconds, rest;

    if (writer->status < 0)
        return;
    number = get(writer->attributes, name);
    if (number == NULL) {
        writer->status = FAILED;
        return;
    }
    time = PyLong_AsLongLong(number);
    Py_DECREF(number);
    if (time == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        writer->status = ASK;
        return;
    }
    seconds = time / BILLION;
    rest = time % BILLION;
    if (rest < 0) {
        rest += BILLION;
        seconds--;
    }
    writer->at = put32(put64(writer->at, (uint64_t)seconds), (uint32_t)rest);
}

static void put_second_word(struct writer *writer, uint64_t mask)
{
    if (mask & A_MODE)
        put_number(writer, writer->attributes, N_mode, 4);
    if (mask & A_NUMLINKS)
        put_number(writer, writer->attributes, N_nlink, 4);
    if (mask & A_OWNER)
        put_owner(writer, N_uid);
    if (mask & A_OWNER_GROUP)
        put_owner(writer, N_gid);
    if (mask & A_RAWDEV)
        put_device(writer);
    if (mask & A_SPACE_USED)
        put_number(writer, writer->attributes, N_space_used, 8);
    if (mask & A_TIME_ACCESS)
        put_time(writer, N_atime_ns);
    if (mask & A_TIME_METADATA)
        put_time(writer, N_ctime_ns);
    if (mask & A_TIME_MODIFY)
        put_time(writer, N_mtime_ns);
    if (mask & A_MOUNTED_ON_FILEID)
        put_number(writer, writer->attributes, N_fileid, 8);
}

/* The handle, whose length was looked at. */
static void put_handle(struct writer *writer)
{
    Py_ssize_t size = PyBytes_Size(writer->handle), padding = -size & 3;

    writer->at = put32(writer->at, (uint32_t)size);
    memcpy(writer->at, PyBytes_AsString(writer->handle), (size_t)size);
    memset(writer->at + size, 0, (size_t)padding);
    writer->at += size + padding;
}

/* The values of attributes in the order of their numbers. */
static void put_values(struct writer *writer, uint64_t mask)
{
    if (mask & A_TYPE)
        put_type(writer);
    if (mask & A_CHANGE)
        put_number(writer, writer->attributes, N_change, 8);
    if (mask & A_SIZE)
        put_number(writer, writer->attributes, N_size, 8);
    if (mask & A_FSID) {
        put_number(writer, writer->export, N_id, 8);
        writer->at = put64(writer->at, 0);
    }
    if (mask & A_RDATTR_ERROR)
        writer->at = put32(writer->at, 0);
    if (mask & A_FILEHANDLE)
        put_handle(writer);
    if (mask & A_FILEID)
        put_number(writer, writer->attributes, N_fileid, 8);
    put_second_word(writer, mask);
}

void lane_put_attributes(struct writer *writer, uint64_t mask)
{
    uint32_t low = (uint32_t)mask, high = (uint32_t)(mask >> 32);
    unsigned char *values;

    writer->at = put32(writer->at, high ? 2 : low ? 1 : 0);
    if (low || high)
        writer->at = put32(writer->at, low);
    if (high)
        writer->at = put32(writer->at, high);
    values = writer->at + 4;
    writer->at = values;
    put_values(writer, mask);
    put32(values - 4, (uint32_t)(writer->at - values));
}

/* The result of a GETATTR. Returns its length; ASK, FAILED. */
static Py_ssize_t put_result(const struct call *call, PyObject *attributes, uint64_t mask,
                             unsigned char *octets)
{
    struct writer writer = {attributes, call->export, NULL, put32(put32(octets, OP_GETATTR), 0), 0};

    lane_put_attributes(&writer, mask);
    return writer.status < 0 ? writer.status : writer.at - octets;
}

/* 0, and what a GETATTR asks for, with which the call ends, if that is for this module. */
static int wanted(const struct call *call, Py_ssize_t at, uint64_t *mask)
{
    Py_ssize_t left = call->end - at - 8;
    uint32_t words;
    int no = 0;

    if (left < 0 || u32(call->octets + at) != OP_GETATTR)
        return ASK;
    words = u32(call->octets + at + 4);
    if (words > MOST_WORDS || left != 4 * (Py_ssize_t)words)
        return ASK;
    *mask = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t word = u32(call->octets + at + 8 + 4 * i);

        if (i < 2)
            *mask |= (uint64_t)word << (32 * i);
        else if (word)
            return ASK;
    }
    if (*mask & ~A_ALL)
        return ASK;
    if (*mask & A_OF_HOLDER)
        no = lane_true(call->lane->delegations, N_exclusive);
    if (no == 0 && *mask & (A_OWNER | A_OWNER_GROUP))
        no = lane_true(call->lane->owners, N_sends_names);
    if (no == 0 && *mask & A_MOUNTED_ON_FILEID) {
        PyObject *covered = get(call->export, N_mounted_on);

        no = covered == NULL ? FAILED : covered != Py_None;
        Py_XDECREF(covered);
    }
    return no > 0 ? ASK : no;
}

/* The result for the current file. Returns its length; ASK, NEVER, FAILED. */
static Py_ssize_t look(const struct call *call, uint64_t mask, unsigned char *octets)
{
    PyObject *fs = get(call->export, N_fs), *attributes;
    Py_ssize_t size;

    if (fs == NULL)
        return FAILED;
    attributes = PyObject_CallMethodObjArgs(fs, lane_names[N_attributes_at_once], call->node, NULL);
    Py_DECREF(fs);
    if (attributes == NULL)
        return FAILED;
    size = attributes == Py_None ? NEVER : put_result(call, attributes, mask, octets);
    Py_DECREF(attributes);
    return size;
}

int lane_getattr(struct call *call, PyObject **reply, Py_buffer *view)
{
    unsigned char octets[MOST_ATTRIBUTES];
    Py_ssize_t size;
    uint64_t mask;
    int status;

    if (call->place != NULL || call->data != NULL)
        return ASK;
    status = wanted(call, call->start, &mask);
    size = status < 0 ? status : look(call, mask, octets);
    if (size == FAILED)
        return lane_asks();
    if (size < 0)
        return (int)size;
    if (size > call->room - RESULT_AT)
        return ASK;
    if ((status = lane_take(call, RESULT_AT + size, reply, view)) < 0)
        return status;
    memcpy((unsigned char *)view->buf + RESULT_AT, octets, (size_t)size);
    return 0;
}
