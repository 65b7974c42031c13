/* From a call that came in one piece to the lane of its procedure, and the lane of NULL: `lane_in_python`
 * and `null_lane_in_python` of program.py, which are the oracles in the tests.
 *
 * The octets of a call may be memory that another process changes at any time: what is looked up by
 * is copied first.
 */

#include "native.h"

#include <stdint.h>

enum {
    HEAD_MIN = 40, /* octets of a call without a credential's body, its XID included */
    XID = 4,
    SIZE_AT = 28,
    BODY_MAX = 400, /* of a credential (RFC 5531, Section 8.2) */
    ACCEPTED = 24,  /* octets of a reply without results */
    MEANING = 4,    /* header, credentials, procedure, lane */
    CREDENTIALS_AT = 1,
    LANE_AT = 3,
};

typedef struct {
    PyObject_HEAD
    PyObject *known;  /* what heads of calls mean */
    PyObject *failed; /* is told of a lane that raised */
} Lanes;

/* The octets between the XID and the arguments, and where these begin; NULL if it has none, or with an exception. */
static PyObject *head_of(PyObject *message, Py_ssize_t *at)
{
    PyObject *head = NULL;
    Py_buffer view;

    if (PyObject_GetBuffer(message, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (view.len >= HEAD_MIN) {
        uint32_t size = u32((const unsigned char *)view.buf + SIZE_AT);

        *at = HEAD_MIN + (Py_ssize_t)((size + 3) & ~UINT32_C(3));
        if (size <= BODY_MAX && *at <= view.len)
            head = PyBytes_FromStringAndSize((const char *)view.buf + XID, *at - XID);
    }
    PyBuffer_Release(&view);
    return head;
}

/* What a head means, owned; NULL if it is not known, or with an exception. */
static PyObject *meaning_of(const Lanes *self, PyObject *head)
{
    PyObject *meaning = PyDict_GetItemWithError(self->known, head);

    if (meaning == NULL || !PyTuple_Check(meaning) || PyTuple_Size(meaning) != MEANING)
        return NULL;
    Py_INCREF(meaning);
    return meaning;
}

/* A lane has raised: whoever watches is told, and the call is declined. */
static PyObject *failed(const Lanes *self, PyObject *header, PyObject *channel)
{
    PyObject *type, *value, *trace, *done;

    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL)
        PyException_SetTraceback(value, trace);
    done = PyObject_CallFunctionObjArgs(self->failed, header, channel, value, NULL);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    if (done == NULL)
        return NULL;
    Py_DECREF(done);
    return PyLong_FromLong(0);
}

/* Answer a call whose head is known, if its procedure has a lane that takes it. */
static PyObject *answer(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    const Lanes *self = (const Lanes *)object;
    PyObject *head, *meaning, *lane, *offset, *octets = NULL;
    Py_ssize_t at = 0;

    if (count < 4 || count > 6) {
        PyErr_SetString(PyExc_TypeError, "answer(channel, message, room, take[, place[, data]])");
        return NULL;
    }
    head = head_of(args[1], &at);
    meaning = head == NULL ? NULL : meaning_of(self, head);
    Py_XDECREF(head);
    if (meaning == NULL)
        return PyErr_Occurred() ? NULL : PyLong_FromLong(0);
    lane = PyTuple_GetItem(meaning, LANE_AT);
    offset = lane == Py_None ? NULL : PyLong_FromSsize_t(at);
    if (offset != NULL) {
        octets = PyObject_CallFunctionObjArgs(
            lane, args[0], PyTuple_GetItem(meaning, CREDENTIALS_AT), args[1], offset, args[2],
            args[3], count > 4 ? args[4] : Py_None, count > 5 ? args[5] : Py_None, NULL);
        if (octets == NULL)
            octets = failed(self, PyTuple_GetItem(meaning, 0), args[0]);
        Py_DECREF(offset);
    } else if (!PyErr_Occurred())
        octets = PyLong_FromLong(0);
    Py_DECREF(meaning);
    return octets;
}

/* The XID of a call without arguments, for which nothing is to be placed; 0 if it is another. */
static int find_xid(PyObject *message, Py_ssize_t at, unsigned char *xid)
{
    Py_buffer view;
    int found;

    if (PyObject_GetBuffer(message, &view, PyBUF_SIMPLE) < 0)
        return -1;
    found = view.len == at && view.len >= XID;
    if (found)
        memcpy(xid, view.buf, XID);
    PyBuffer_Release(&view);
    return found;
}

/* Answer procedure 0, whose reply is a header (RFC 5531, Section 9): MSG_ACCEPTED, SUCCESS. */
static PyObject *null_lane(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    unsigned char reply[ACCEPTED] = {[7] = 1};
    Py_ssize_t at, room;
    PyObject *size, *taken = NULL;
    Py_buffer view;
    int found;

    (void)module;
    if (count != 8) {
        PyErr_SetString(PyExc_TypeError, "a lane takes eight arguments");
        return NULL;
    }
    at = PyLong_AsSsize_t(args[3]);
    room = PyErr_Occurred() ? -1 : PyLong_AsSsize_t(args[4]);
    found = PyErr_Occurred() ? -1 : find_xid(args[2], at, reply);
    if (found <= 0 || room < ACCEPTED || args[6] != Py_None || args[7] != Py_None)
        return found < 0 ? NULL : PyLong_FromLong(0);
    size = PyLong_FromLong(ACCEPTED);
    if (size != NULL)
        taken = PyObject_CallFunctionObjArgs(args[5], size, NULL);
    if (taken == NULL || PyObject_GetBuffer(taken, &view, PyBUF_WRITABLE) < 0) {
        Py_XDECREF(taken);
        Py_XDECREF(size);
        return NULL;
    }
    if (view.len == ACCEPTED)
        memcpy(view.buf, reply, ACCEPTED);
    else {
        PyErr_SetString(PyExc_ValueError, "the memory for a reply has another length");
        Py_CLEAR(size);
    }
    PyBuffer_Release(&view);
    Py_DECREF(taken);
    return size;
}

static int lanes_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Lanes *)object)->known);
    Py_VISIT(((Lanes *)object)->failed);
    return 0;
}

static void lanes_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc freed = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(object);
    Py_XDECREF(((Lanes *)object)->known);
    Py_XDECREF(((Lanes *)object)->failed);
    freed(object);
    Py_DECREF(type);
}

static PyObject *lanes_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *known, *tell;
    Lanes *self;

    if (keywords != NULL && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Lanes takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!O:Lanes", &PyDict_Type, &known, &tell))
        return NULL;
    self = (Lanes *)make(type, 0);
    if (self == NULL)
        return NULL;
    Py_INCREF(known);
    Py_INCREF(tell);
    self->known = known;
    self->failed = tell;
    return (PyObject *)self;
}

static PyMethodDef lanes_methods[] = {
    {"answer", (PyCFunction)(void (*)(void))answer, METH_FASTCALL,
     "Answer a call (``rpc.channel.Lane``), or return 0."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot lanes_slots[] = {
    {Py_tp_doc, "The lanes of the procedures of a service."},
    {Py_tp_new, lanes_new},
    {Py_tp_dealloc, lanes_dealloc},
    {Py_tp_traverse, lanes_traverse},
    {Py_tp_methods, lanes_methods},
    {0, NULL},
};

static PyType_Spec lanes_spec = {
    .name = "nfsrdma.rpcrdma.rpc._lanes.Lanes",
    .basicsize = sizeof(Lanes),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = lanes_slots,
};

static PyMethodDef methods[] = {
    {"null_lane", (PyCFunction)(void (*)(void))null_lane, METH_FASTCALL,
     "Answer procedure 0 (``program.ProcedureLane``), or return 0."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_lanes", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__lanes(void)
{
    PyObject *made, *type;

    if (native_refused())
        return NULL;
    made = PyModule_Create(&module);
    type = made == NULL ? NULL : PyType_FromSpec(&lanes_spec);
    if (type == NULL || PyModule_AddObjectRef(made, "Lanes", type) < 0)
        Py_CLEAR(made);
    Py_XDECREF(type);
    return made;
}
