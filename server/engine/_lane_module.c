/* The module `_lane`, and the type of its one kind of object. */

#include "_lane.h"

PyObject *lane_names[NAMES];

#define LANE_TEXT(name) #name,
static const char *const TEXTS[NAMES] = {LANE_NAMES(LANE_TEXT)};

static int lane_traverse(PyObject *self, visitproc visit, void *arg)
{
    Lane *lane = (Lane *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(lane->fallback);
    Py_VISIT(lane->core);
    Py_VISIT(lane->authority);
    Py_VISIT(lane->clock);
    Py_VISIT(lane->namespace);
    Py_VISIT(lane->registry);
    Py_VISIT(lane->sessions);
    Py_VISIT(lane->states);
    Py_VISIT(lane->tally);
    Py_VISIT(lane->owners);
    Py_VISIT(lane->delegations);
    Py_VISIT(lane->flags);
    Py_VISIT(lane->data_state);
    Py_VISIT(lane->declining);
    return 0;
}

static void lane_dealloc(PyObject *self)
{
    Lane *lane = (Lane *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(lane->fallback);
    Py_XDECREF(lane->core);
    Py_XDECREF(lane->authority);
    Py_XDECREF(lane->clock);
    Py_XDECREF(lane->namespace);
    Py_XDECREF(lane->registry);
    Py_XDECREF(lane->sessions);
    Py_XDECREF(lane->states);
    Py_XDECREF(lane->tally);
    Py_XDECREF(lane->owners);
    Py_XDECREF(lane->delegations);
    Py_XDECREF(lane->flags);
    Py_XDECREF(lane->data_state);
    Py_XDECREF(lane->declining);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* Everything that the calls of a server have in common; 0, or FAILED. */
static int find_parts(Lane *lane)
{
    PyObject *delegations = PyObject_GetAttrString(lane->core, "delegations");

    if (delegations != NULL)
        lane->delegations = PyObject_GetAttrString(delegations, "table");
    Py_XDECREF(delegations);
    lane->authority = PyObject_GetAttrString(lane->core, "authority");
    lane->clock = PyObject_GetAttrString(lane->core, "clock");
    lane->namespace = PyObject_GetAttrString(lane->core, "namespace");
    lane->registry = PyObject_GetAttrString(lane->core, "registry");
    lane->tally = PyObject_GetAttrString(lane->core, "tally");
    lane->owners = PyObject_GetAttrString(lane->core, "owners");
    if (lane->registry != NULL) {
        lane->sessions = PyObject_GetAttrString(lane->registry, "sessions");
        lane->states = PyObject_GetAttrString(lane->registry, "states");
    }
    if (PyErr_Occurred())
        return FAILED;
    if (!PyDict_Check(lane->sessions)) {
        PyErr_SetString(PyExc_TypeError, "the sessions are no dictionary");
        return FAILED;
    }
    return 0;
}

/* The minor versions, and the bounds of spans of time. 0, or FAILED. */
static int find_numbers(Lane *lane, PyObject *minors, PyObject *bounds)
{
    for (long minor = 1; minor < 32; minor++) {
        PyObject *number = PyLong_FromLong(minor);
        int has = number == NULL ? -1 : PySequence_Contains(minors, number);

        Py_XDECREF(number);
        if (has < 0)
            return FAILED;
        lane->minors |= (unsigned long)has << minor;
    }
    lane->bounds_count = PyTuple_Size(bounds);
    if (lane->bounds_count > MOST_BOUNDS)
        PyErr_SetString(PyExc_ValueError, "too many bounds");
    for (Py_ssize_t i = 0; i < lane->bounds_count && !PyErr_Occurred(); i++)
        lane->bounds[i] = PyFloat_AsDouble(PyTuple_GetItem(bounds, i));
    return PyErr_Occurred() ? FAILED : 0;
}

static PyObject *lane_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *fallback, *core, *minors, *bounds, *flags, *data_state, *declining;
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Lane *lane;

    if (keywords != NULL && PyDict_Size(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Lane takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOO!OOO:Lane", &fallback, &core, &minors, &PyTuple_Type, &bounds,
                          &flags, &data_state, &declining))
        return NULL;
    lane = (Lane *)make(type, 0);
    if (lane == NULL)
        return NULL;
    Py_INCREF(fallback);
    Py_INCREF(core);
    Py_INCREF(flags);
    Py_INCREF(data_state);
    Py_INCREF(declining);
    lane->fallback = fallback;
    lane->core = core;
    lane->flags = flags;
    lane->data_state = data_state;
    lane->declining = declining;
    if (find_parts(lane) < 0 || find_numbers(lane, minors, bounds) < 0) {
        Py_DECREF(lane);
        return NULL;
    }
    return (PyObject *)lane;
}

static PyMethodDef lane_methods[] = {
    {"answer", (PyCFunction)(void (*)(void))lane_call, METH_FASTCALL,
     "Answer a call (``rpc.program.ProcedureLane``), or return 0."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot lane_slots[] = {
    {Py_tp_new, lane_new},
    {Py_tp_dealloc, lane_dealloc},
    {Py_tp_traverse, lane_traverse},
    {Py_tp_methods, lane_methods},
    {0, NULL},
};

static PyType_Spec lane_spec = {
    .name = "nfsrdma.server.engine._lane.Lane",
    .basicsize = sizeof(Lane),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = lane_slots,
};

static PyObject *crc32(PyObject *self, PyObject *octets)
{
    Py_buffer view;
    uint32_t crc;

    (void)self;
    if (PyObject_GetBuffer(octets, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    crc = lane_crc32(view.buf, view.len);
    PyBuffer_Release(&view);
    return PyLong_FromUnsignedLong(crc);
}

static PyMethodDef methods[] = {
    {"crc32", crc32, METH_O, "Return what ``zlib.crc32`` does."},
    {"entries", (PyCFunction)(void (*)(void))lane_entries, METH_FASTCALL,
     "Append entries of a directory to a listing."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_lane", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__lane(void)
{
    PyObject *made, *type;

    if (native_refused())
        return NULL;
    for (int name = 0; name < NAMES; name++)
        if (lane_names[name] == NULL
            && (lane_names[name] = PyUnicode_InternFromString(TEXTS[name])) == NULL)
            return NULL;
    lane_prepare_crc32();
    made = PyModule_Create(&module);
    type = made == NULL ? NULL : PyType_FromSpec(&lane_spec);
    if (type == NULL || PyModule_AddObjectRef(made, "Lane", type) < 0)
        Py_CLEAR(made);
    Py_XDECREF(type);
    return made;
}
