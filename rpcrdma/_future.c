/* Futures and tasks: the classes of future.py, which has the words for them and is the oracle in the tests.
 *
 * A task that waits for a future is in the future's list itself, in the place of a callback. What
 * is called from here may be any code at all: it may complete, cancel, or drop what is on its way.
 * So whatever is used after a call is owned, and looked at again.
 */

#include "native.h"

enum { MAX_DEPTH = 16 };

typedef struct {
    PyObject_HEAD
    int done;
    PyObject *result, *error;
    PyObject *callbacks; /* NULL, one that is no list, or a list of several */
} Future;

typedef struct {
    Future future;
    PyObject *coroutine, *waiting_for;
    int advancing; /* or about to: then cancel() only sets a flag */
    int cancelled;
} Task;

/* What `await` goes through: it has the task wait, and then has the result. */
typedef struct {
    PyObject_HEAD
    PyObject *future; /* NULL when it is over */
    int waited;
} Awaiting;

/* A task that advances when those that were earlier have returned. */
struct put_off {
    struct put_off *next;
    PyObject *task, *error;
};

/* How deep the tasks of a thread are nested, and those put off. */
struct nest {
    int depth;
    struct put_off *first, *last;
};

static _Thread_local struct nest nest;
static PyTypeObject *future_type, *task_type, *awaiting_type;
static PyObject *cancelled_class, *tell_failed, *name_throw, *name_value;

static int advance(PyObject *task, PyObject *error);

static int is_future(PyObject *object)
{
    return PyObject_TypeCheck(object, future_type);
}

static int is_task(PyObject *object)
{
    return PyObject_TypeCheck(object, task_type);
}

/* --- Errors as objects --- */

/* The exception that is set, which is set no more; a new reference. */
static PyObject *caught(void)
{
    PyObject *type, *value, *trace;

    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL && value != NULL)
        PyException_SetTraceback(value, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
}

static void raise_again(PyObject *error)
{
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
}

/* --- Completion --- */

/* Call one that waits for a future. Fails for what is no `Exception` only. */
static int call_back(PyObject *callback, PyObject *future)
{
    PyObject *outcome, *error;

    if (is_task(callback)) {
        if (((Task *)callback)->waiting_for != future)
            return 0;
        return advance(callback, NULL);
    }
    outcome = PyObject_CallFunctionObjArgs(callback, future, NULL);
    if (outcome == NULL && PyErr_ExceptionMatches(PyExc_Exception)) {
        error = caught();
        outcome = PyObject_CallFunctionObjArgs(tell_failed, callback, error, NULL);
        Py_XDECREF(error);
    }
    if (outcome == NULL)
        return -1;
    Py_DECREF(outcome);
    return 0;
}

static int finish(Future *self)
{
    PyObject *callbacks = self->callbacks;
    int status = 0;

    self->done = 1;
    self->callbacks = NULL;
    if (callbacks == NULL)
        return 0;
    Py_INCREF((PyObject *)self);
    if (!PyList_CheckExact(callbacks))
        status = call_back(callbacks, (PyObject *)self);
    else
        for (Py_ssize_t each = 0; status == 0 && each < PyList_Size(callbacks); each++) {
            PyObject *callback = PyList_GetItem(callbacks, each);

            Py_INCREF(callback);
            status = call_back(callback, (PyObject *)self);
            Py_DECREF(callback);
        }
    Py_DECREF(callbacks);
    Py_DECREF((PyObject *)self);
    return status;
}

static int settle(Future *self, PyObject *result, PyObject *error)
{
    if (self->done) {
        PyErr_SetString(PyExc_AssertionError, "done twice");
        return -1;
    }
    Py_XINCREF(result);
    Py_XINCREF(error);
    self->result = result;
    self->error = error;
    return finish(self);
}

/* Have a callback, or a task, called on completion. */
static int append(Future *self, PyObject *callback)
{
    PyObject *both;
    int status;

    if (self->callbacks == NULL) {
        Py_INCREF(callback);
        self->callbacks = callback;
        return 0;
    }
    if (PyList_CheckExact(self->callbacks))
        return PyList_Append(self->callbacks, callback);
    both = PyList_New(0);
    if (both == NULL)
        return -1;
    status = PyList_Append(both, self->callbacks);
    if (status == 0)
        status = PyList_Append(both, callback);
    if (status < 0) {
        Py_DECREF(both);
        return -1;
    }
    Py_DECREF(self->callbacks);
    self->callbacks = both;
    return 0;
}

/* The result, or NULL with the error raised. */
static PyObject *result_of(Future *self)
{
    if (!self->done) {
        PyErr_SetString(PyExc_AssertionError, "not done");
        return NULL;
    }
    if (self->error != NULL) {
        raise_again(self->error);
        return NULL;
    }
    if (self->result == NULL) /* it was garbage, and something that was so, too, asks for it */
        Py_RETURN_NONE;
    Py_INCREF(self->result);
    return self->result;
}

/* --- Future --- */

static int future_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    Future *future = (Future *)self;

    if (PyTuple_Size(args) || (keywords != NULL && PyDict_Size(keywords))) {
        PyErr_SetString(PyExc_TypeError, "a future takes no arguments");
        return -1;
    }
    future->done = 0;
    Py_CLEAR(future->result);
    Py_CLEAR(future->error);
    Py_CLEAR(future->callbacks);
    return 0;
}

static PyObject *future_done(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    return PyBool_FromLong(((Future *)self)->done);
}

static PyObject *future_result(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    return result_of((Future *)self);
}

static PyObject *future_error(PyObject *self, PyObject *nothing)
{
    PyObject *error = ((Future *)self)->error;

    (void)nothing;
    if (error == NULL)
        error = Py_None;
    Py_INCREF(error);
    return error;
}

static PyObject *none_if(int status)
{
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *future_set_result(PyObject *self, PyObject *result)
{
    return none_if(settle((Future *)self, result, NULL));
}

static PyObject *future_set_error(PyObject *self, PyObject *error)
{
    if (!PyExceptionInstance_Check(error)) {
        PyErr_SetString(PyExc_TypeError, "an error is an exception");
        return NULL;
    }
    return none_if(settle((Future *)self, NULL, error));
}

static PyObject *future_add_done_callback(PyObject *self, PyObject *callback)
{
    PyObject *outcome;

    if (is_task(callback)) { /* which would be taken for one that waits */
        PyErr_SetString(PyExc_TypeError, "a task is no callback");
        return NULL;
    }
    if (!((Future *)self)->done)
        return none_if(append((Future *)self, callback));
    outcome = PyObject_CallFunctionObjArgs(callback, self, NULL);
    Py_XDECREF(outcome);
    return none_if(outcome == NULL ? -1 : 0);
}

static PyObject *future_await(PyObject *self)
{
    allocfunc make = (allocfunc)PyType_GetSlot(awaiting_type, Py_tp_alloc);
    Awaiting *made = (Awaiting *)make(awaiting_type, 0);

    if (made == NULL)
        return NULL;
    Py_INCREF(self);
    made->future = self;
    made->waited = 0;
    return (PyObject *)made;
}

static int future_traverse(PyObject *self, visitproc visit, void *arg)
{
    Future *future = (Future *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(future->result);
    Py_VISIT(future->error);
    Py_VISIT(future->callbacks);
    return 0;
}

static int future_clear(PyObject *self)
{
    Future *future = (Future *)self;

    Py_CLEAR(future->result);
    Py_CLEAR(future->error);
    Py_CLEAR(future->callbacks);
    return 0;
}

static void release(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc freed = (freefunc)PyType_GetSlot(type, Py_tp_free);

    freed(self);
    Py_DECREF(type);
}

static void future_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    future_clear(self);
    release(self);
}

/* --- Awaiting --- */

static PySendResult awaiting_send(PyObject *self, PyObject *value, PyObject **result)
{
    Awaiting *awaiting = (Awaiting *)self;
    PyObject *future = awaiting->future;

    (void)value;
    *result = NULL;
    if (future == NULL) {
        Py_INCREF(Py_None);
        *result = Py_None;
        return PYGEN_RETURN;
    }
    if (!awaiting->waited && !((Future *)future)->done) {
        awaiting->waited = 1;
        Py_INCREF(future);
        *result = future;
        return PYGEN_NEXT;
    }
    awaiting->future = NULL;
    *result = result_of((Future *)future);
    Py_DECREF(future);
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PyObject *stop_iteration(PyObject *value)
{
    PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, value, NULL);

    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    return NULL;
}

static PyObject *awaiting_next(PyObject *self)
{
    PyObject *result;

    switch (awaiting_send(self, Py_None, &result)) {
    case PYGEN_NEXT:
        return result;
    case PYGEN_RETURN:
        stop_iteration(result);
        Py_DECREF(result);
        return NULL;
    default:
        return NULL;
    }
}

static PyObject *awaiting_send_value(PyObject *self, PyObject *value)
{
    (void)value;
    return awaiting_next(self);
}

static PyObject *awaiting_throw(PyObject *self, PyObject *args)
{
    PyObject *type, *value = NULL, *trace = NULL, *error;

    if (!PyArg_ParseTuple(args, "O|OO:throw", &type, &value, &trace))
        return NULL;
    Py_CLEAR(((Awaiting *)self)->future);
    if (PyExceptionInstance_Check(type)) {
        raise_again(type);
        return NULL;
    }
    if (!PyExceptionClass_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "what is thrown is an exception");
        return NULL;
    }
    PyErr_SetObject(type, value == NULL ? Py_None : value);
    error = caught();
    if (error != NULL && trace != NULL && trace != Py_None)
        PyException_SetTraceback(error, trace);
    if (error != NULL)
        raise_again(error);
    Py_XDECREF(error);
    return NULL;
}

static PyObject *awaiting_close(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    Py_CLEAR(((Awaiting *)self)->future);
    Py_RETURN_NONE;
}

static PyObject *awaiting_iter(PyObject *self)
{
    Py_INCREF(self);
    return self;
}

static int awaiting_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Awaiting *)self)->future);
    return 0;
}

static int awaiting_clear(PyObject *self)
{
    Py_CLEAR(((Awaiting *)self)->future);
    return 0;
}

static void awaiting_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((Awaiting *)self)->future);
    release(self);
}

/* --- Task --- */

/* Resume the coroutine once, with an error raised in it if there is one. */
static PySendResult resume(Task *self, PyObject *error, PyObject **result)
{
    PyObject *stop;

    *result = NULL;
    if (self->coroutine == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a task without a coroutine");
        return PYGEN_ERROR;
    }
    if (error == NULL)
        return PyIter_Send(self->coroutine, Py_None, result);
    *result = PyObject_CallMethodObjArgs(self->coroutine, name_throw, error, NULL);
    if (*result != NULL)
        return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return PYGEN_ERROR;
    stop = caught();
    *result = stop == NULL ? NULL : PyObject_GetAttr(stop, name_value);
    Py_XDECREF(stop);
    return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* The coroutine has raised what is set: the task has failed. */
static int failed(Task *self)
{
    int passes_on = !PyErr_ExceptionMatches(PyExc_Exception), status;
    PyObject *error = caught();

    if (error == NULL)
        return -1;
    status = settle(&self->future, NULL, error);
    if (status == 0 && passes_on) {
        /* Such as KeyboardInterrupt: it goes to the waiter and to the caller of the loop. */
        raise_again(error);
        status = -1;
    }
    Py_DECREF(error);
    return status;
}

/* Why a task does not wait for what its coroutine yields, to be raised there; NULL if it does. */
static PyObject *no_wait(Task *self, PyObject *future)
{
    PyObject *error;

    if (self->cancelled) {
        self->cancelled = 0;
        return PyObject_CallNoArgs(cancelled_class);
    }
    if (is_future(future) && future != (PyObject *)self)
        return NULL;
    PyErr_Format(PyExc_TypeError, "a task cannot wait for %R", future);
    error = caught();
    return error;
}

static int step(PyObject *task, PyObject *error)
{
    Task *self = (Task *)task;
    PyObject *future;

    Py_XINCREF(error);
    /* A loop, not recursion: a long run of futures that are done at once must not nest. */
    for (;;) {
        PySendResult outcome = resume(self, error, &future);
        int status;

        Py_CLEAR(error);
        if (outcome == PYGEN_ERROR)
            return failed(self);
        if (outcome == PYGEN_RETURN) {
            status = settle(&self->future, future, NULL);
            Py_DECREF(future);
            return status;
        }
        error = no_wait(self, future);
        if (error == NULL && PyErr_Occurred()) {
            Py_DECREF(future);
            return failed(self);
        }
        if (error == NULL && !((Future *)future)->done) {
            status = append((Future *)future, task);
            self->advancing = 0;
            self->waiting_for = future; /* the reference is taken over */
            return status;
        }
        Py_DECREF(future);
    }
}

static int put_off(PyObject *task, PyObject *error)
{
    struct put_off *later = PyMem_Malloc(sizeof *later);

    if (later == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(task);
    Py_XINCREF(error);
    *later = (struct put_off){NULL, task, error};
    if (nest.first == NULL)
        nest.first = later;
    else
        nest.last->next = later;
    nest.last = later;
    return 0;
}

/* Advance the tasks that were put off. What is no `Exception` ends that, and is raised. */
static int catch_up(void)
{
    int status = 0;

    while (status == 0 && nest.first != NULL) {
        struct put_off *later = nest.first;

        nest.first = later->next;
        status = step(later->task, later->error);
        Py_DECREF(later->task);
        Py_XDECREF(later->error);
        PyMem_Free(later);
    }
    return status;
}

/* Resume the coroutine, or raise `error` in it; put off if nested too deep. */
static int advance(PyObject *task, PyObject *error)
{
    Task *self = (Task *)task;
    int status;

    self->advancing = 1;
    Py_CLEAR(self->waiting_for);
    if (nest.depth >= MAX_DEPTH)
        return put_off(task, error);
    nest.depth++;
    Py_INCREF(task);
    status = step(task, error);
    Py_DECREF(task);
    /* There are some at the greatest depth only, unless an interrupt left them. */
    if (nest.first != NULL) {
        PyObject *earlier = status < 0 ? caught() : NULL;

        status = catch_up();
        if (status == 0 && earlier != NULL) {
            raise_again(earlier);
            status = -1;
        }
        Py_XDECREF(earlier);
    }
    nest.depth--;
    return status;
}

static int task_init(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"coroutine", NULL};
    Task *task = (Task *)self;
    PyObject *coroutine;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:Task", names, &coroutine))
        return -1;
    if (task->coroutine != NULL) {
        PyErr_SetString(PyExc_TypeError, "a task is begun once");
        return -1;
    }
    Py_INCREF(coroutine);
    task->coroutine = coroutine;
    return advance(self, NULL);
}

static PyObject *task_cancel(PyObject *self, PyObject *nothing)
{
    Task *task = (Task *)self;
    PyObject *error;
    int status;

    (void)nothing;
    if (task->future.done)
        Py_RETURN_NONE;
    if (task->advancing) {
        task->cancelled = 1;
        Py_RETURN_NONE;
    }
    error = PyObject_CallNoArgs(cancelled_class);
    if (error == NULL)
        return NULL;
    status = advance(self, error);
    Py_DECREF(error);
    return none_if(status);
}

static int task_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Task *)self)->coroutine);
    Py_VISIT(((Task *)self)->waiting_for);
    return future_traverse(self, visit, arg);
}

static int task_clear(PyObject *self)
{
    Py_CLEAR(((Task *)self)->coroutine);
    Py_CLEAR(((Task *)self)->waiting_for);
    return future_clear(self);
}

static void task_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    task_clear(self);
    release(self);
}

/* --- The module --- */

static PyMethodDef future_methods[] = {
    {"done", future_done, METH_NOARGS, "Return whether there is a result or an error."},
    {"result", future_result, METH_NOARGS,
     "Return the result, or raise the error; only once done."},
    {"error", future_error, METH_NOARGS, "Return the error, or None if there is none (yet)."},
    {"set_result", future_set_result, METH_O, "Complete the future with a result."},
    {"set_error", future_set_error, METH_O, "Complete the future with an error."},
    {"add_done_callback", future_add_done_callback, METH_O,
     "Call ``callback(self)`` on completion, or at once if it is done."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot future_slots[] = {
    {Py_tp_doc, "A result that is yet to come: see ``future.Future``, its twin in Python."},
    {Py_tp_init, future_init},
    {Py_tp_dealloc, future_dealloc},
    {Py_tp_traverse, future_traverse},
    {Py_tp_clear, future_clear},
    {Py_tp_methods, future_methods},
    {Py_am_await, future_await},
    {0, NULL},
};

static PyType_Spec future_spec = {
    .name = "nfsrdma.rpcrdma._future.Future",
    .basicsize = sizeof(Future),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = future_slots,
};

static PyMethodDef task_methods[] = {
    {"cancel", task_cancel, METH_NOARGS,
     "Raise ``Cancelled`` where the coroutine waits, or will wait next."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot task_slots[] = {
    {Py_tp_doc, "Runs a coroutine to its end: see ``future.Task``, its twin in Python."},
    {Py_tp_init, task_init},
    {Py_tp_dealloc, task_dealloc},
    {Py_tp_traverse, task_traverse},
    {Py_tp_clear, task_clear},
    {Py_tp_methods, task_methods},
    {0, NULL},
};

static PyType_Spec task_spec = {
    .name = "nfsrdma.rpcrdma._future.Task",
    .basicsize = sizeof(Task),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = task_slots,
};

static PyMethodDef awaiting_methods[] = {
    {"send", awaiting_send_value, METH_O, NULL},
    {"throw", awaiting_throw, METH_VARARGS, NULL},
    {"close", awaiting_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot awaiting_slots[] = {
    {Py_tp_dealloc, awaiting_dealloc},
    {Py_tp_traverse, awaiting_traverse},
    {Py_tp_clear, awaiting_clear},
    {Py_tp_iter, awaiting_iter},
    {Py_tp_iternext, awaiting_next},
    {Py_tp_methods, awaiting_methods},
    {Py_am_send, awaiting_send},
    {0, NULL},
};

static PyType_Spec awaiting_spec = {
    .name = "nfsrdma.rpcrdma._future.Awaiting",
    .basicsize = sizeof(Awaiting),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = awaiting_slots,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_future", NULL, 0, NULL, NULL, NULL, NULL, NULL,
};

/* What is needed of the twin: 0, or -1 with an exception. */
static int find_twin(void)
{
    PyObject *twin = PyImport_ImportModule("nfsrdma.rpcrdma.future");

    if (twin == NULL)
        return -1;
    cancelled_class = PyObject_GetAttrString(twin, "Cancelled");
    tell_failed = PyObject_GetAttrString(twin, "callback_failed");
    name_throw = PyUnicode_InternFromString("throw");
    name_value = PyUnicode_InternFromString("value");
    Py_DECREF(twin);
    return cancelled_class && tell_failed && name_throw && name_value ? 0 : -1;
}

static int make_types(void)
{
    PyObject *bases;

    future_type = (PyTypeObject *)PyType_FromSpec(&future_spec);
    awaiting_type = (PyTypeObject *)PyType_FromSpec(&awaiting_spec);
    bases = future_type == NULL ? NULL : PyTuple_Pack(1, future_type);
    if (bases == NULL)
        return -1;
    task_type = (PyTypeObject *)PyType_FromSpecWithBases(&task_spec, bases);
    Py_DECREF(bases);
    return awaiting_type && task_type ? 0 : -1;
}

PyMODINIT_FUNC PyInit__future(void)
{
    PyObject *made;

    if (native_refused())
        return NULL;
    if (future_type == NULL && (find_twin() < 0 || make_types() < 0))
        return NULL;
    made = PyModule_Create(&module);
    if (made == NULL || PyModule_AddObjectRef(made, "Future", (PyObject *)future_type) < 0
        || PyModule_AddObjectRef(made, "Task", (PyObject *)task_type) < 0)
        Py_CLEAR(made);
    return made;
}
