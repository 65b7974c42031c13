/*
 * What is readable at a server's socket: a call that comes alone and whole, and that the lane answers, in one go.
 *
 * The twin are `_Link._read` in link.py with `LaneAnswers.answer` and `answered` in stream_lane.py: the same octets, and
 * the same left behind. Whatever is not such a call is handed to those, with what was received. The octets are received into
 * memory that all connections of the process share, as a call that is answered here is over when this returns; so is
 * the memory for replies of ordinary length. Only the lane is called in between, and whoever comes meanwhile (another
 * thread, a nested turn) finds the memory busy, and is served the usual way.
 */

#include "native.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    MARK = 4,
    HEAD = 12, /* the mark, the XID and the direction */
    CALL = 0,
    ROOM = (64 << 10) + 1024,
    SLICE = 256 << 10, /* octets given to one system call, as in stream.py */
};

#define LAST UINT32_C(0x80000000)

#define SERVE_NAMES(X)                                                                                                 \
    X(_batching) X(_closed) X(_fragments) X(_held) X(_in_service) X(_lane) X(_limits) X(_out) X(_reader) X(_return_lent) X(_stub)      \
    X(_take) X(_taken) X(_unsent_replies) X(_waiting) X(account) X(answered) X(budget) X(declined) X(free) X(handle_lost) X(held) \
    X(max_incoming) X(max_record) X(max_unsent) X(octets_taken) X(records_received) X(take)

#define SERVE_ENUM(name) N_##name,
enum name { SERVE_NAMES(SERVE_ENUM) NAMES };
#define SERVE_TEXT(name) #name,
static const char *const TEXTS[NAMES] = {SERVE_NAMES(SERVE_TEXT)};
static PyObject *names[NAMES];

/* The memory that all share, views of it, and whether somebody uses it. */
static struct {
    PyObject *request, *reply, *nothing;
    unsigned char *request_at, *reply_at;
    int busy;
} shared;

typedef struct {
    PyObject_HEAD
    int fd;
    PyObject *stream, *usual, *lane, *room;
    long long max_record, max_incoming, max_unsent;
    Py_ssize_t taken; /* octets of the shared reply that the lane has asked for; 0: none of it */
    int holds;        /* whether it is we who use the shared memory */
} Reader;

static uint32_t word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_mark(unsigned char *at, Py_ssize_t octets)
{
    uint32_t mark = LAST | (uint32_t)octets;

    for (int each = 0; each < MARK; each++)
        at[each] = (unsigned char)(mark >> (24 - 8 * each));
}

/* --- How objects are asked: -1 is an exception --- */

static int is_true(PyObject *object, enum name name)
{
    PyObject *value = PyObject_GetAttr(object, names[name]);
    int truth = value == NULL ? -1 : PyObject_IsTrue(value);

    Py_XDECREF(value);
    return truth;
}

static int is_none(PyObject *object, enum name name)
{
    PyObject *value = PyObject_GetAttr(object, names[name]);
    int none = value == NULL ? -1 : value == Py_None;

    Py_XDECREF(value);
    return none;
}

static int number(PyObject *object, enum name name, long long *result)
{
    PyObject *value = PyObject_GetAttr(object, names[name]);

    *result = value == NULL ? -1 : PyLong_AsLongLong(value);
    Py_XDECREF(value);
    return *result == -1 && PyErr_Occurred() ? -1 : 0;
}

static int add(PyObject *object, enum name name, long long octets)
{
    PyObject *sum;
    long long before;
    int status;

    if (number(object, name, &before) < 0 || (sum = PyLong_FromLongLong(before + octets)) == NULL)
        return -1;
    status = PyObject_SetAttr(object, names[name], sum);
    Py_DECREF(sum);
    return status;
}

static void hold(Reader *self, int holds)
{
    if (self->holds != holds)
        shared.busy = self->holds = holds;
}

/* Whether the stream is open and nothing is under way in it: see `LaneAnswers.answer`. */
static int is_quiet(PyObject *stream)
{
    static const enum name BUSY[] = {N__out, N__batching, N__held, N__waiting};
    PyObject *reader;
    int truth = is_none(stream, N__closed);

    if (truth <= 0)
        return truth;
    for (size_t each = 0; each < sizeof BUSY / sizeof *BUSY; each++)
        if ((truth = is_true(stream, BUSY[each])) != 0)
            return truth < 0 ? -1 : 0;
    reader = PyObject_GetAttr(stream, names[N__reader]);
    if (reader == NULL)
        return -1;
    truth = is_true(reader, N__fragments);
    if (truth == 0)
        truth = is_true(reader, N__stub);
    Py_DECREF(reader);
    return truth < 0 ? -1 : !truth;
}

/* Whether the limits let a call be served: `StreamChannel._may_serve`. */
static int may_serve(const Reader *self)
{
    PyObject *account, *budget;
    long long in_service, unsent, held, free = 0;
    int status;

    if (number(self->stream, N__in_service, &in_service) < 0 || number(self->stream, N__unsent_replies, &unsent) < 0)
        return -1;
    if (in_service >= self->max_incoming || unsent > self->max_unsent)
        return 0;
    account = PyObject_GetAttr(self->stream, names[N_account]);
    if (account == NULL)
        return -1;
    budget = PyObject_GetAttr(account, names[N_budget]);
    status = budget == NULL ? -1 : number(account, N_held, &held);
    if (status == 0)
        status = number(budget, N_free, &free);
    Py_XDECREF(budget);
    Py_DECREF(account);
    return status < 0 ? -1 : held < free;
}

/* --- A call and its reply --- */

static PyObject *reader_take(PyObject *object, PyObject *octets)
{
    Reader *self = (Reader *)object;
    Py_ssize_t size = PyLong_AsSsize_t(octets);

    if (size == -1 && PyErr_Occurred())
        return NULL;
    if (size < 0 || size > ROOM - MARK)
        return PyObject_CallMethodObjArgs(self->stream, names[N__take], octets, NULL);
    self->taken = size;
    return PySequence_GetSlice(shared.reply, MARK, MARK + size);
}

/* Send what the kernel takes at once of a record. In error nothing: it is tried again, and then finds the same. */
static size_t send_now(int fd, const unsigned char *record, size_t size)
{
    ssize_t sent;

    Py_BEGIN_ALLOW_THREADS
    sent = send(fd, record, size < SLICE ? size : SLICE, MSG_DONTWAIT | MSG_NOSIGNAL);
    Py_END_ALLOW_THREADS
    return sent < 0 ? 0 : (size_t)sent;
}

/* Have the stream send the rest of a record; a new reference to it is taken over. 0, or -1. */
static int leave(const Reader *self, PyObject *record, size_t sent)
{
    PyObject *view = record == NULL ? NULL : PyMemoryView_FromObject(record), *count = PyLong_FromSize_t(sent);
    PyObject *done = NULL;

    if (view != NULL && count != NULL)
        done = PyObject_CallMethodObjArgs(self->stream, names[N_answered], view, count, NULL);
    Py_XDECREF(record);
    Py_XDECREF(view);
    Py_XDECREF(count);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Send a reply that is in the shared memory. */
static int send_shared(const Reader *self, Py_ssize_t octets, int waits)
{
    size_t size = (size_t)(MARK + octets), sent;

    write_mark(shared.reply_at, octets);
    sent = waits ? 0 : send_now(self->fd, shared.reply_at, size);
    if (sent == size)
        return add(self->stream, N_octets_taken, (long long)sent);
    return leave(self, PyBytes_FromStringAndSize((const char *)shared.reply_at, (Py_ssize_t)size), sent);
}

/* Send a reply that is in memory of the stream's. */
static int send_own(const Reader *self, Py_ssize_t octets, int waits)
{
    PyObject *record = PyObject_GetAttr(self->stream, names[N__taken]);
    size_t sent = 0;
    Py_buffer view;

    if (record == NULL || PyObject_GetBuffer(record, &view, PyBUF_WRITABLE) < 0) {
        Py_XDECREF(record);
        return -1;
    }
    if (view.len == MARK + octets) {
        write_mark(view.buf, octets);
        if (!waits)
            sent = send_now(self->fd, view.buf, (size_t)view.len);
    } else {
        PyErr_SetString(PyExc_ValueError, "a reply of another length than was asked for");
    }
    PyBuffer_Release(&view);
    if (PyErr_Occurred() || PyObject_SetAttr(self->stream, names[N__taken], shared.nothing) < 0) {
        Py_DECREF(record);
        return -1;
    }
    return leave(self, record, sent);
}

/* Call a method of the stream; 0, or -1. */
static int tell(const Reader *self, enum name method, PyObject *argument)
{
    PyObject *done = PyObject_CallMethodObjArgs(self->stream, names[method], argument, NULL);

    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Ask the lane about the call in the shared memory; send its reply. 1 if that was done, 0 if it declines, or -1. */
static int answer(Reader *self, Py_ssize_t size)
{
    PyObject *message = PySequence_GetSlice(shared.request, MARK, size), *made = NULL;
    PyObject *take = PyObject_GetAttr((PyObject *)self, names[N_take]);
    Py_ssize_t octets;
    int waits;

    self->taken = 0;
    if (message != NULL && take != NULL)
        made = PyObject_CallFunctionObjArgs(self->lane, self->stream, message, self->room, take, NULL);
    Py_XDECREF(message);
    Py_XDECREF(take);
    if (made == NULL)
        return -1;
    octets = PyLong_AsSsize_t(made);
    Py_DECREF(made);
    if (octets <= 0)
        return PyErr_Occurred() ? -1 : 0;
    if (self->taken && self->taken != octets) {
        PyErr_SetString(PyExc_ValueError, "a reply of another length than was asked for");
        return -1;
    }
    if ((waits = is_none(self->stream, N__closed)) == 0)
        return tell(self, N__return_lent, NULL) < 0 ? -1 : 1;
    if (waits > 0)
        waits = is_true(self->stream, N__out); /* what the lane has sent goes first */
    if (waits < 0)
        return -1;
    return (self->taken ? send_shared : send_own)(self, octets, waits) < 0 ? -1 : 1;
}

/* Whether what was received is one whole call, which may be served. */
static int is_call(const Reader *self, Py_ssize_t size)
{
    const unsigned char *at = shared.request_at;

    if (size < HEAD || size - MARK > self->max_record || word(at) != (LAST | (uint32_t)(size - MARK))
        || word(at + 8) != CALL)
        return 0;
    return may_serve(self);
}

/* Hand octets of the shared memory to the usual way, or the number of an error. Takes the reference over. */
static int hand_on(Reader *self, PyObject *what)
{
    PyObject *done = what == NULL ? NULL : PyObject_CallFunctionObjArgs(self->usual, what, NULL);

    Py_XDECREF(what);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* A copy of what is in the shared memory, which is free from then on. */
static PyObject *copied(Reader *self, Py_ssize_t start, Py_ssize_t end)
{
    PyObject *copy = PyBytes_FromStringAndSize((const char *)shared.request_at + start, end - start);

    hold(self, 0);
    return copy;
}

/* Deal with octets that were received; 0, or -1. */
static int handle(Reader *self, Py_ssize_t size)
{
    int status = is_call(self, size);
    PyObject *record;

    if (status == 0)
        return hand_on(self, copied(self, 0, size));
    if (status > 0)
        status = add(self->stream, N_records_received, 1);
    if (status == 0)
        status = answer(self, size);
    if (status != 0)
        return status < 0 ? -1 : 0;
    record = copied(self, MARK, size);
    status = record == NULL ? -1 : tell(self, N_declined, record);
    Py_XDECREF(record);
    return status;
}

/* End the stream, which may be halfway through something, and keep the exception. */
static void end(const Reader *self)
{
    PyObject *type, *value, *traceback, *reason;

    PyErr_Fetch(&type, &value, &traceback);
    reason = PyUnicode_FromString("interrupted");
    if (reason == NULL || tell(self, N_handle_lost, reason) < 0)
        PyErr_Clear();
    Py_XDECREF(reason);
    PyErr_Restore(type, value, traceback);
}

/* Receive, and deal with it; 0, or -1. */
static int receive(Reader *self)
{
    ssize_t size;
    int error;

    Py_BEGIN_ALLOW_THREADS
    size = recv(self->fd, shared.request_at, ROOM, MSG_DONTWAIT);
    error = errno;
    Py_END_ALLOW_THREADS
    if (size > 0)
        return handle(self, size);
    if (size < 0 && (error == EAGAIN || error == EINTR))
        return 0;
    return hand_on(self, size == 0 ? copied(self, 0, 0) : PyLong_FromLong(error));
}

static PyObject *reader_ready(PyObject *object, PyObject *nothing)
{
    Reader *self = (Reader *)object;
    int status = shared.busy ? 0 : is_quiet(self->stream);

    (void)nothing;
    if (status < 0)
        return NULL;
    if (status == 0)
        return PyObject_CallFunctionObjArgs(self->usual, Py_None, NULL);
    Py_INCREF(object);
    hold(self, 1);
    status = receive(self);
    hold(self, 0);
    if (status < 0)
        end(self);
    Py_DECREF(object);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* --- The module --- */

static int make_shared(void)
{
    if (shared.request == NULL) {
        PyObject *request = PyByteArray_FromStringAndSize(NULL, ROOM);
        PyObject *reply = PyByteArray_FromStringAndSize(NULL, ROOM);

        if (request != NULL && reply != NULL) {
            memset(PyByteArray_AsString(request), 0, ROOM);
            memset(PyByteArray_AsString(reply), 0, ROOM);
            shared.request = PyMemoryView_FromObject(request);
            shared.reply = PyMemoryView_FromObject(reply);
            shared.request_at = (unsigned char *)PyByteArray_AsString(request);
            shared.reply_at = (unsigned char *)PyByteArray_AsString(reply);
        }
        Py_XDECREF(request);
        Py_XDECREF(reply);
        request = PyBytes_FromStringAndSize(NULL, 0);
        shared.nothing = request == NULL ? NULL : PyMemoryView_FromObject(request);
        Py_XDECREF(request);
        if (shared.reply == NULL || shared.nothing == NULL)
            Py_CLEAR(shared.request);
    }
    return shared.request == NULL ? -1 : 0;
}

static int reader_traverse(PyObject *object, visitproc visit, void *arg)
{
    Reader *self = (Reader *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->stream);
    Py_VISIT(self->usual);
    Py_VISIT(self->lane);
    return 0;
}

static int reader_clear(PyObject *object)
{
    Py_CLEAR(((Reader *)object)->usual);
    return 0;
}

static void reader_dealloc(PyObject *object)
{
    Reader *self = (Reader *)object;
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    Py_XDECREF(self->stream);
    Py_XDECREF(self->usual);
    Py_XDECREF(self->lane);
    Py_XDECREF(self->room);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

/* What a stream's limits and its service are; 0, or -1. */
static int look_up(Reader *self)
{
    PyObject *limits = PyObject_GetAttr(self->stream, names[N__limits]);
    int status = -1;

    self->lane = PyObject_GetAttr(self->stream, names[N__lane]);
    if (limits != NULL && self->lane != NULL && number(limits, N_max_record, &self->max_record) == 0
        && number(limits, N_max_incoming, &self->max_incoming) == 0
        && number(limits, N_max_unsent, &self->max_unsent) == 0)
        self->room = PyObject_GetAttr(limits, names[N_max_record]);
    if (self->room != NULL)
        status = make_shared();
    Py_XDECREF(limits);
    return status;
}

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *stream, *usual;
    Reader *self;
    int fd;

    if (keywords != NULL && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Reader takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "iOO:Reader", &fd, &stream, &usual) || (self = (Reader *)make(type, 0)) == NULL)
        return NULL;
    self->fd = fd;
    self->stream = Py_NewRef(stream);
    self->usual = Py_NewRef(usual);
    if (look_up(self) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyMethodDef reader_methods[] = {
    {"ready", reader_ready, METH_NOARGS, "Receive, and answer a call that the lane answers."},
    {"take", reader_take, METH_O, "Return memory for a reply: see ``rpc.channel.Take``."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_methods, reader_methods},
    {0, NULL},
};

static PyType_Spec reader_spec = {
    .name = "nfsrdma.rpcrdma.io._serve.Reader",
    .basicsize = sizeof(Reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = reader_slots,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_serve", NULL, 0, NULL, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__serve(void)
{
    PyObject *made, *type;

    if (native_refused())
        return NULL;
    for (int name = 0; name < NAMES; name++)
        if (names[name] == NULL && (names[name] = PyUnicode_InternFromString(TEXTS[name])) == NULL)
            return NULL;
    made = PyModule_Create(&module);
    type = made == NULL ? NULL : PyType_FromSpec(&reader_spec);
    if (type == NULL || PyModule_AddObjectRef(made, "Reader", type) < 0)
        Py_CLEAR(made);
    Py_XDECREF(type);
    return made;
}
