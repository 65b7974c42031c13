/* READ and WRITE of the lane, as `ops/lanes.py` has them, of the caller's own open. */

#include "_lane.h"

#include <sys/stat.h>

enum {
    READ_SIZE = 32, /* the operation, stateid, offset, count */
    WRITE_SIZE = 36, /* the operation, stateid, offset, stable, length */
    STATEID_AT = 4,
    OTHER_AT = 8,
    OTHER_SIZE = 12,
    OFFSET_AT = 20,
    COUNT_AT = 28,
    STABLE_AT = 28,
    LENGTH_AT = 32,
    DATA_AT = RESULT_AT + 16,
    WRITTEN = RESULT_AT + 24,
    VERIFIER_SIZE = 8,
};

/* 1 if two handles are of one object. */
static int are_same(const struct call *call, PyObject *handle)
{
    PyObject *export, *node, *one, *other;
    int same;

    if (handle == call->handle)
        return 1;
    export = get(handle, N_export);
    if (export == NULL)
        return FAILED;
    Py_DECREF(export);
    if (export != call->export)
        return 0;
    node = get(handle, N_node);
    one = node == NULL ? NULL : get(node, N_identity);
    other = one == NULL ? NULL : get(call->node, N_identity);
    same = other == NULL ? FAILED : PyObject_RichCompareBool(one, other, Py_EQ);
    Py_XDECREF(node);
    Py_XDECREF(one);
    Py_XDECREF(other);
    return same;
}

/* 1 if an open is of the current file, and that a regular one. */
static int is_of(const struct call *call, PyObject *state)
{
    PyObject *file = get(state, N_file), *handle;
    uint64_t type;
    int same;

    if (file == NULL)
        return FAILED;
    handle = get(file, N_handle);
    Py_DECREF(file);
    if (handle == NULL)
        return FAILED;
    same = are_same(call, handle);
    Py_DECREF(handle);
    if (same <= 0)
        return same;
    if ((same = lane_number(call->node, N_type, &type)) < 0)
        return same;
    return type == S_IFREG;
}

/* 0, and the client's open of a stateid for the current file. */
static int own_open(const struct call *call, PyObject **found)
{
    const unsigned char *at = call->octets + call->start;
    uint32_t given = u32(at + STATEID_AT);
    PyObject *states = get(call->lane->states, N__states), *other, *state = NULL, *client;
    uint64_t seqid = 0;
    int well;

    if (states == NULL)
        return FAILED;
    other = PyBytes_FromStringAndSize((const char *)at + OTHER_AT, OTHER_SIZE);
    if (other != NULL && PyDict_Check(states))
        state = PyDict_GetItemWithError(states, other);
    Py_XINCREF(state);
    Py_XDECREF(other);
    Py_DECREF(states);
    if (state == NULL)
        return PyErr_Occurred() ? FAILED : ASK;
    well = PyObject_IsInstance(state, call->lane->data_state);
    if (well > 0) {
        client = get(state, N_client);
        well = client == NULL ? FAILED : client == call->client;
        Py_XDECREF(client);
    }
    if (well > 0 && given != 0)
        well = lane_number(state, N_seqid, &seqid) < 0 ? FAILED : seqid == given;
    if (well > 0)
        well = is_of(call, state);
    if (well <= 0) {
        Py_DECREF(state);
        return well ? well : ASK;
    }
    *found = state;
    return 0;
}

/* 0, and the file of the caller's open, if the caller itself opened it for that. */
static int own_file(const struct call *call, enum name opener, enum name opened, PyObject **file)
{
    PyObject *state = NULL, *who;
    int status = own_open(call, &state);

    if (status < 0)
        return status;
    who = get(state, opener);
    if (who == NULL)
        status = FAILED;
    else if (who != call->who)
        status = ASK;
    Py_XDECREF(who);
    if (status == 0) {
        *file = get(state, opened);
        if (*file == NULL)
            status = FAILED;
        else if (*file == Py_None) {
            Py_CLEAR(*file);
            status = ASK;
        }
    }
    Py_DECREF(state);
    return status;
}

/* 0 if a length is one of those that are read or written at a time. */
static int check_length(const struct call *call, uint32_t length)
{
    PyObject *config = get(call->lane->core, N_config);
    uint64_t most;
    int status;

    if (config == NULL)
        return FAILED;
    status = lane_number(config, N_max_io, &most);
    Py_DECREF(config);
    if (status < 0)
        return status;
    return length > 0 && length <= most ? 0 : ASK;
}

/* How much there is to be read of what is wanted; 0 and whether that is up to the end. */
static int measure(PyObject *file, uint64_t offset, uint32_t *count, int *eof)
{
    PyObject *answer = PyObject_CallMethodObjArgs(file, lane_names[N_size_at_once], NULL);
    uint64_t size;
    int status = lane_unsigned(answer, &size); /* ASK, where it is -1 */

    if (status < 0)
        return status;
    if (offset >= size)
        return ASK;
    *eof = size - offset <= *count;
    if (*eof)
        *count = (uint32_t)(size - offset);
    return 0;
}

/* 0 if just that much is read into memory; NEVER. Takes the reference over. */
static int fill(const struct call *call, PyObject *file, uint64_t offset, PyObject *into,
                uint32_t count)
{
    PyObject *where, *done = NULL;
    long long read;

    if (into == NULL)
        return lane_declines(call);
    if (into == Py_None) {
        Py_DECREF(into);
        return NEVER;
    }
    where = PyLong_FromUnsignedLongLong(offset);
    if (where != NULL)
        done = PyObject_CallMethodObjArgs(file, lane_names[N_read_at_once], where, into, NULL);
    Py_XDECREF(where);
    Py_DECREF(into);
    if (done == NULL)
        return lane_declines(call);
    read = done == Py_None ? -1 : PyLong_AsLongLong(done);
    Py_DECREF(done);
    if (PyErr_Occurred())
        return FAILED;
    return read == count ? 0 : NEVER;
}

/* Take memory for the reply to a READ, and read: into the reply, or to the place of the caller. */
static int read_into(struct call *call, PyObject *file, uint64_t offset, uint32_t count,
                     PyObject **reply, Py_buffer *view)
{
    Py_ssize_t padded = ((Py_ssize_t)count + 3) & ~(Py_ssize_t)3;
    PyObject *into, *octets;
    int status;

    if (call->place == NULL) {
        if ((status = lane_take(call, DATA_AT + padded, reply, view)) < 0)
            return status;
        memset((unsigned char *)view->buf + DATA_AT + count, 0, (size_t)(padded - count));
        into = PySequence_GetSlice(*reply, DATA_AT, DATA_AT + (Py_ssize_t)count);
    } else {
        if ((status = lane_take(call, DATA_AT, reply, view)) < 0)
            return status;
        octets = PyLong_FromUnsignedLong(count);
        into = octets == NULL ? NULL : PyObject_CallFunctionObjArgs(call->place, octets, NULL);
        Py_XDECREF(octets);
    }
    return fill(call, file, offset, into, count);
}

int lane_read(struct call *call, PyObject **reply, Py_buffer *view)
{
    const unsigned char *at = call->octets + call->start;
    PyObject *file = NULL;
    unsigned char *result;
    uint64_t offset;
    uint32_t count;
    int eof = 0, status;

    if (call->end - call->start != READ_SIZE || call->data != NULL)
        return ASK;
    offset = u64(at + OFFSET_AT);
    count = u32(at + COUNT_AT);
    status = check_length(call, count);
    if (status == 0)
        status = own_file(call, N_reading, N_reader, &file);
    if (status == 0)
        status = measure(file, offset, &count, &eof);
    if (status == 0 && DATA_AT + (((Py_ssize_t)count + 3) & ~(Py_ssize_t)3) > call->room)
        status = ASK;
    if (status == FAILED)
        status = lane_asks();
    if (status == 0)
        status = read_into(call, file, offset, count, reply, view);
    Py_XDECREF(file);
    if (status < 0)
        return status;
    result = put32((unsigned char *)view->buf + RESULT_AT, OP_READ);
    result = put32(result, 0);
    result = put32(result, (uint32_t)eof);
    put32(result, count);
    call->moved = count;
    return 0;
}

/* What is to be written: a view of the message, or of what came apart from it. */
static PyObject *data_of(const struct call *call, uint32_t length)
{
    Py_ssize_t at = call->start + WRITE_SIZE;

    if (call->data != NULL)
        return PySequence_GetSlice(call->data, 0, (Py_ssize_t)length);
    return PySequence_GetSlice(call->message, at, at + (Py_ssize_t)length);
}

/* 0 if the data is written. */
static int write_to(const struct call *call, PyObject *file, uint64_t offset, uint32_t length)
{
    PyObject *where = PyLong_FromUnsignedLongLong(offset), *data = NULL, *done = NULL;
    int written;

    if (where != NULL)
        data = data_of(call, length);
    if (data != NULL)
        done = PyObject_CallMethodObjArgs(file, lane_names[N_write_at_once], where, data, NULL);
    Py_XDECREF(where);
    Py_XDECREF(data);
    if (done == NULL)
        return lane_declines(call);
    written = PyObject_IsTrue(done);
    Py_DECREF(done);
    if (written < 0)
        return FAILED;
    return written ? 0 : NEVER;
}

/* 0 if the arguments are those of a WRITE that may be done at once, and the file. */
static int may_write(const struct call *call, uint64_t offset, uint32_t length, PyObject **file)
{
    Py_ssize_t apart = call->data == NULL ? -1 : PyObject_Size(call->data);
    Py_ssize_t padded = ((Py_ssize_t)length + 3) & ~(Py_ssize_t)3;
    int status = check_length(call, length);

    if (status < 0)
        return status;
    if (length > UINT64_MAX - offset)
        return ASK;
    if (call->data != NULL && apart != (Py_ssize_t)length && apart != padded)
        return PyErr_Occurred() ? FAILED : ASK;
    if ((status = lane_true(call->export, N_read_only)) != 0)
        return status < 0 ? status : ASK;
    return own_file(call, N_writing, N_writer, file);
}

/* The verifier of what is written, which is asked for before: what is done must be answered. */
static int find_verifier(const struct call *call, unsigned char *verifier)
{
    PyObject *value = get(call->lane->registry, N_write_verifier);
    int status = ASK;

    if (value == NULL)
        return FAILED;
    if (PyBytes_Check(value) && PyBytes_Size(value) == VERIFIER_SIZE) {
        memcpy(verifier, PyBytes_AsString(value), VERIFIER_SIZE);
        status = 0;
    }
    Py_DECREF(value);
    return status;
}

/* Where a WRITE's arguments end, from where they begin; 0 if not within the message. */
static Py_ssize_t end_of_write(const struct call *call, uint32_t *length)
{
    Py_ssize_t left = call->end - call->start - WRITE_SIZE, padded;

    if (left < 0)
        return 0;
    *length = u32(call->octets + call->start + LENGTH_AT);
    if (call->data != NULL)
        return WRITE_SIZE;
    padded = ((Py_ssize_t)*length + 3) & ~(Py_ssize_t)3;
    return padded <= left ? WRITE_SIZE + padded : 0;
}

int lane_write(struct call *call, PyObject **reply, Py_buffer *view)
{
    const unsigned char *at = call->octets + call->start;
    unsigned char verifier[VERIFIER_SIZE] = {0}, *result;
    PyObject *file = NULL;
    uint32_t length = 0;
    uint64_t offset;
    Py_ssize_t size = end_of_write(call, &length);
    int status;

    if (size == 0 || size != call->end - call->start || call->count != 3 || call->place != NULL)
        return ASK;
    if (call->room < WRITTEN || u32(at + STABLE_AT) != 0)
        return ASK;
    offset = u64(at + OFFSET_AT);
    status = may_write(call, offset, length, &file);
    if (status == 0)
        status = find_verifier(call, verifier);
    if (status == FAILED)
        status = lane_asks();
    if (status == 0)
        status = write_to(call, file, offset, length);
    Py_XDECREF(file);
    if (status == 0)
        status = lane_take(call, WRITTEN, reply, view);
    if (status < 0)
        return status;
    result = put32((unsigned char *)view->buf + RESULT_AT, OP_WRITE);
    result = put32(result, 0);
    result = put32(result, length);
    result = put32(result, 0); /* UNSTABLE4 */
    memcpy(result, verifier, VERIFIER_SIZE);
    call->moved = length;
    return 0;
}
