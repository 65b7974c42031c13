/* The module `_short`, and its types. */

#include "_short.h"

#include <stddef.h>
#include <structmember.h>

PyObject *short_names[NAMES], *short_decoder, *short_fault;
PyTypeObject *short_pending_type;

#define AS_TEXT(name) #name,
static const char *const texts[NAMES] = {SHORT_NAMES(AS_TEXT)};
#undef AS_TEXT

/* --- PendingCall --- */

static PyObject *pending_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *xid, *message, *max_reply, *sinks;

    if (keywords != NULL && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "PendingCall takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOO:PendingCall", &xid, &message, &max_reply, &sinks))
        return NULL;
    return (PyObject *)short_pending(type, xid, message, max_reply, sinks);
}

static int pending_traverse(PyObject *self, visitproc visit, void *arg)
{
    PendingCall *call = (PendingCall *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(call->message);
    Py_VISIT(call->sinks);
    Py_VISIT(call->future);
    Py_VISIT(call->regions);
    Py_VISIT(call->offered);
    Py_VISIT(call->reply_chunk);
    Py_VISIT(call->reply_buffer);
    return 0;
}

static void pending_drop(PyObject *self)
{
    PendingCall *call = (PendingCall *)self;

    Py_CLEAR(call->xid);
    Py_CLEAR(call->message);
    Py_CLEAR(call->max_reply);
    Py_CLEAR(call->complaint);
    Py_CLEAR(call->sinks);
    Py_CLEAR(call->future);
    Py_CLEAR(call->regions);
    Py_CLEAR(call->offered);
    Py_CLEAR(call->reply_chunk);
    Py_CLEAR(call->reply_buffer);
}

static void release(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc freed = (freefunc)PyType_GetSlot(type, Py_tp_free);

    freed(self);
    Py_DECREF(type);
}

static void pending_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    pending_drop(self);
    release(self);
}

/* --- The types --- */

static int short_traverse(PyObject *object, visitproc visit, void *arg)
{
    Short *self = (Short *)object;

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->endpoint);
    Py_VISIT(self->requester);
    Py_VISIT(self->responder);
    Py_VISIT(self->other);
    Py_VISIT(self->send_queue);
    Py_VISIT(self->sent);
    Py_VISIT(self->waiting);
    Py_VISIT(self->account);
    Py_VISIT(self->held_back);
    Py_VISIT(self->taken);
    return 0;
}

static void short_dealloc(PyObject *object)
{
    Short *self = (Short *)object;

    PyObject_GC_UnTrack(object);
    Py_XDECREF(self->endpoint);
    Py_XDECREF(self->requester);
    Py_XDECREF(self->responder);
    Py_XDECREF(self->other);
    Py_XDECREF(self->stats);
    Py_XDECREF(self->send_queue);
    Py_XDECREF(self->sent);
    Py_XDECREF(self->waiting);
    Py_XDECREF(self->window);
    Py_XDECREF(self->grant);
    Py_XDECREF(self->account);
    Py_XDECREF(self->held_back);
    Py_XDECREF(self->scratch);
    Py_XDECREF(self->taken);
    release(object);
}

/* What of the endpoint and of its two roles is looked at for each message. */
static int find_parts(Short *self)
{
    self->stats = get(self->endpoint, N_stats);
    self->send_queue = get(self->endpoint, N_send_queue);
    self->sent = get(self->requester, N__sent);
    self->waiting = get(self->requester, N__waiting);
    self->window = get(self->requester, N__window);
    self->grant = get(self->responder, N_grant);
    self->account = get(self->responder, N__account);
    self->held_back = get(self->responder, N__waiting);
    if (PyErr_Occurred())
        return -1;
    if (PyDict_Check(self->sent) && PyDict_Check(self->waiting))
        return 0;
    PyErr_SetString(PyExc_TypeError, "the calls are no dictionaries");
    return -1;
}

static int make_scratch(Short *self)
{
    PyObject *memory = PyByteArray_FromStringAndSize(NULL, COPIED);

    if (memory == NULL)
        return -1;
    memset(PyByteArray_AsString(memory), 0, COPIED);
    self->scratch = PyMemoryView_FromObject(memory);
    Py_DECREF(memory);
    return self->scratch == NULL ? -1 : 0;
}

static PyObject *short_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *endpoint, *requester, *responder, *other;
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    long long room_call, room_reply;
    Short *self;

    if (keywords != NULL && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Short takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOLL:Short", &endpoint, &requester, &responder, &other,
                          &room_call, &room_reply))
        return NULL;
    self = (Short *)make(type, 0);
    if (self == NULL)
        return NULL;
    Py_INCREF(endpoint);
    Py_INCREF(requester);
    Py_INCREF(responder);
    Py_INCREF(other);
    self->endpoint = endpoint;
    self->requester = requester;
    self->responder = responder;
    self->other = other;
    self->room_call = room_call;
    self->room_reply = room_reply;
    if (find_parts(self) < 0 || make_scratch(self) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyMemberDef pending_members[] = {
#define MEMBER(name) {#name, T_OBJECT_EX, offsetof(PendingCall, name), 0, NULL}
    MEMBER(xid), MEMBER(message), MEMBER(max_reply), MEMBER(complaint), MEMBER(sinks),
    MEMBER(future), MEMBER(regions), MEMBER(offered), MEMBER(reply_chunk), MEMBER(reply_buffer),
#undef MEMBER
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot pending_slots[] = {
    {Py_tp_doc, "A call that has no reply yet: see ``pending.PendingCall``."},
    {Py_tp_new, pending_new},
    {Py_tp_dealloc, pending_dealloc},
    {Py_tp_traverse, pending_traverse},
    {Py_tp_members, pending_members},
    {0, NULL},
};

static PyType_Spec pending_spec = {
    .name = "nfsrdma.rpcrdma.transport._short.PendingCall",
    .basicsize = sizeof(PendingCall),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = pending_slots,
};

static PyMethodDef short_methods[] = {
    {"prompted", short_prompted, METH_O,
     "Deal with a message that has no receive of its own, if that is quick."},
    {"post", (PyCFunction)(void (*)(void))short_post, METH_FASTCALL,
     "Send a call without waiting (``rpc.channel.Swift.post``)."},
    {"take", short_take, METH_O, "Return memory for the reply of a lane, behind a header."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot short_slots[] = {
    {Py_tp_doc, "The usual messages without chunks of one connection."},
    {Py_tp_new, short_new},
    {Py_tp_dealloc, short_dealloc},
    {Py_tp_traverse, short_traverse},
    {Py_tp_methods, short_methods},
    {0, NULL},
};

static PyType_Spec short_spec = {
    .name = "nfsrdma.rpcrdma.transport._short.Short",
    .basicsize = sizeof(Short),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = short_slots,
};

/* --- The module --- */

static int prepare(void)
{
    for (int name = 0; name < NAMES; name++)
        if (short_names[name] == NULL
            && (short_names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    short_decoder = short_of_module("nfsrdma.xdr", "Decoder");
    if (short_decoder != NULL)
        short_fault = short_of_module("nfsrdma.rpcrdma.transport.endpoint", "FAULT");
    return short_fault == NULL ? -1 : short_prepare_pending();
}

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_short", NULL, 0, NULL, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__short(void)
{
    PyObject *made, *type;

    if (native_refused())
        return NULL;
    if (short_pending_type == NULL
        && (prepare() < 0
            || (short_pending_type = (PyTypeObject *)PyType_FromSpec(&pending_spec)) == NULL))
        return NULL;
    made = PyModule_Create(&module);
    type = made == NULL ? NULL : PyType_FromSpec(&short_spec);
    if (type == NULL || PyModule_AddObjectRef(made, "Short", type) < 0
        || PyModule_AddObjectRef(made, "PendingCall", (PyObject *)short_pending_type) < 0)
        Py_CLEAR(made);
    Py_XDECREF(type);
    return made;
}
