/* Calls that are sent: `PendingCall`, and `Exchanges.post`, which is the twin. */

#include "_short.h"

enum { PIECES_MAX = 8 };

static PyObject *future_class, *nothing_sent, *no_pieces, *no_buffer, *no_text;

/* --- PendingCall --- */

PendingCall *short_pending(PyTypeObject *type, PyObject *xid, PyObject *message,
                                 PyObject *max_reply, PyObject *sinks)
{
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PendingCall *made = (PendingCall *)make(type, 0);

    if (made == NULL)
        return NULL;
    Py_INCREF(xid);
    Py_INCREF(message);
    Py_INCREF(max_reply);
    Py_INCREF(sinks);
    Py_INCREF(no_text);
    Py_INCREF(Py_None);
    Py_INCREF(no_buffer);
    made->xid = xid;
    made->message = message;
    made->max_reply = max_reply;
    made->sinks = sinks;
    made->complaint = no_text;
    made->reply_chunk = Py_None;
    made->reply_buffer = no_buffer;
    made->regions = PyList_New(0);
    made->offered = PyList_New(0);
    made->future = PyObject_CallNoArgs(future_class);
    if (made->regions == NULL || made->offered == NULL || made->future == NULL) {
        Py_DECREF((PyObject *)made);
        return NULL;
    }
    return made;
}

/* --- Posting --- */

/* How many octets the pieces have; -1 with an exception. */
static Py_ssize_t total(PyObject *pieces, Py_ssize_t count)
{
    Py_ssize_t octets = HEAD;

    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t each = PyObject_Size(PyTuple_GetItem(pieces, i));

        if (each < 0)
            return -1;
        octets += each;
    }
    return octets;
}

/* 1 if a call would be sent at once, and inline; 0 if not, -1 with an exception. */
static int may_post(const Short *self, PyObject *xid, Py_ssize_t octets, long long max_reply)
{
    long long in_use, limit;
    int known;

    if (octets > self->room_call || max_reply > self->room_reply - HEAD)
        return 0;
    in_use = short_number(self->window, N_in_use);
    limit = PyErr_Occurred() ? -1 : short_number(self->window, N_limit);
    if (PyErr_Occurred())
        return -1;
    if (in_use >= limit || PyDict_Size(self->waiting))
        return 0;
    known = PyDict_Contains(self->sent, xid);
    if (known)
        return known < 0 ? -1 : 0;
    return short_is_ready(self);
}

/* 1 if the message is in the ring. */
static int post(const Short *self, PyObject *prompting, PyObject *xid, PyObject *pieces,
                Py_ssize_t count)
{
    unsigned long long id = PyLong_AsUnsignedLongLong(xid);
    long long ceiling = short_number(self->window, N_ceiling);
    unsigned char head[HEAD];
    PyObject *whole, *first, *done = NULL;
    int status;

    if (PyErr_Occurred())
        return -1;
    put_head(head, (uint32_t)id, (uint32_t)ceiling);
    whole = PyTuple_New(count + 1);
    first = PyBytes_FromStringAndSize((const char *)head, HEAD);
    if (whole == NULL || first == NULL) {
        Py_XDECREF(whole);
        Py_XDECREF(first);
        return -1;
    }
    PyTuple_SetItem(whole, 0, first);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *each = PyTuple_GetItem(pieces, i);

        Py_INCREF(each);
        PyTuple_SetItem(whole, i + 1, each);
    }
    done = PyObject_CallMethodObjArgs(prompting, short_names[N_put], whole, NULL);
    Py_DECREF(whole);
    if (done == NULL) {
        short_faulty(self);
        return -1;
    }
    status = PyObject_IsTrue(done);
    Py_DECREF(done);
    return status;
}

/* The call is sent: count it, and wait for its reply. */
static PyObject *note(const Short *self, PyObject *xid, PyObject *max_reply, Py_ssize_t octets,
                      Py_ssize_t count)
{
    PendingCall *call;
    PyObject *future;

    if (short_add(self->window, N_in_use, 1) < 0 || short_add(self->stats, N_calls_sent, 1) < 0
        || short_add(self->stats, N_bytes_inline_sent, octets) < 0
        || (count > 1 && short_add(self->stats, N_pullups, 1) < 0))
        return NULL;
    call = short_pending(short_pending_type, xid, nothing_sent, max_reply, no_pieces);
    if (call == NULL)
        return NULL;
    future = PyDict_SetItem(self->sent, xid, (PyObject *)call) < 0 ? NULL : call->future;
    Py_XINCREF(future);
    Py_DECREF((PyObject *)call);
    return future;
}

/* Send a call without waiting (`rpc.channel.Swift.post`). */
PyObject *short_post(PyObject *object, PyObject *const *args, Py_ssize_t given)
{
    Short *self = (Short *)object;
    PyObject *prompting, *future = NULL;
    Py_ssize_t octets, count;
    long long max_reply;
    int status;

    if (given != 3 || !PyTuple_Check(args[1]) || PyTuple_Size(args[1]) >= PIECES_MAX) {
        PyErr_SetString(PyExc_TypeError, "post(xid, message, max_reply, /), and few pieces");
        return NULL;
    }
    count = PyTuple_Size(args[1]);
    octets = total(args[1], count);
    max_reply = PyLong_AsLongLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    prompting = get(self->endpoint, N_prompting);
    if (prompting == NULL)
        return NULL;
    status = prompting == Py_None ? 0 : may_post(self, args[0], octets, max_reply);
    if (status > 0)
        status = post(self, prompting, args[0], args[1], count);
    Py_DECREF(prompting);
    if (status > 0)
        future = note(self, args[0], args[2], octets, count);
    else if (status == 0) {
        Py_INCREF(Py_None);
        future = Py_None;
    }
    return future;
}

/* --- What this needs of others --- */

PyObject *short_of_module(const char *module, const char *name)
{
    PyObject *found = PyImport_ImportModule(module), *value;

    if (found == NULL)
        return NULL;
    value = PyObject_GetAttrString(found, name);
    Py_DECREF(found);
    return value;
}

int short_prepare_pending(void)
{
    PyObject *empty = PyBytes_FromStringAndSize(NULL, 0);

    no_buffer = empty == NULL ? NULL : PyMemoryView_FromObject(empty);
    Py_XDECREF(empty);
    no_pieces = PyTuple_New(0);
    no_text = PyUnicode_FromString("");
    future_class = short_of_module("nfsrdma.rpcrdma.task", "Future");
    nothing_sent = future_class == NULL ? NULL
                                        : short_of_module("nfsrdma.rpcrdma.transport.pending", "SENT");
    return nothing_sent && no_buffer && no_pieces && no_text ? 0 : -1;
}
