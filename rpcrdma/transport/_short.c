/* Messages without chunks, one way and the other: what `RpcRdmaEndpoint._prompted` does with the usual
 * ones, and `Exchanges.post`, which are the oracles in the tests.
 *
 * What is odd in any way is handed on to Python before anything has happened. Objects are asked as
 * Python would ask them, so that both see the same; only a `PendingCall` is known here from inside.
 * A message is in a receive buffer of ours, which nobody changes until this returns or posts.
 */

#include "_short.h"

/* --- How objects are asked --- */

/* An attribute that is a number; -1 with an exception. None of those asked for is below 0. */
long long short_number(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    long long found;

    if (value == NULL)
        return -1;
    found = PyLong_AsLongLong(value);
    Py_DECREF(value);
    return found;
}

int short_set(PyObject *object, enum name name, long long value)
{
    PyObject *made = PyLong_FromLongLong(value);
    int status = made == NULL ? -1 : PyObject_SetAttr(object, short_names[name], made);

    Py_XDECREF(made);
    return status;
}

/* Add to an attribute, of any size. */
int short_add(PyObject *object, enum name name, long long more)
{
    PyObject *before = get(object, name), *by = PyLong_FromLongLong(more), *after = NULL;
    int status = -1;

    if (before != NULL && by != NULL)
        after = PyNumber_Add(before, by);
    if (after != NULL)
        status = PyObject_SetAttr(object, short_names[name], after);
    Py_XDECREF(before);
    Py_XDECREF(by);
    Py_XDECREF(after);
    return status;
}

/* 1 if an attribute is true; -1 with an exception. */
int short_truth(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    int found;

    if (value == NULL)
        return -1;
    found = PyObject_IsTrue(value);
    Py_DECREF(value);
    return found;
}

/* 1 if what is posted now goes out at once, as `SendQueue.ready` says. */
int short_is_ready(const Short *self)
{
    long long places = short_number(self->send_queue, N__free);
    int waits;

    if (places <= 0)
        return places < 0 && PyErr_Occurred() ? -1 : 0;
    waits = short_truth(self->send_queue, N__backlog);
    return waits < 0 ? -1 : !waits;
}

/* Something failed halfway: the connection is ended, and the exception goes on. */
PyObject *short_faulty(const Short *self)
{
    PyObject *type, *value, *trace, *done;

    PyErr_Fetch(&type, &value, &trace);
    done = PyObject_CallMethodObjArgs(self->endpoint, short_names[N_fail], short_fault, NULL);
    if (done == NULL) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        return NULL;
    }
    Py_DECREF(done);
    PyErr_Restore(type, value, trace);
    return NULL;
}

/* --- Replies --- */

/* The call of a reply that can be taken here, owned; NULL if there is none, or with an exception. */
static PendingCall *find_call(const Short *self, PyObject *xid, uint32_t credit)
{
    PyObject *found;
    PendingCall *call;

    if (!credit || PyDict_Size(self->waiting))
        return NULL;
    found = PyDict_GetItemWithError(self->sent, xid);
    if (found == NULL || Py_TYPE(found) != short_pending_type)
        return NULL;
    call = (PendingCall *)found;
    if (call->regions == NULL || !PyList_Check(call->regions) || PyList_Size(call->regions))
        return NULL;
    Py_INCREF(found);
    return call;
}

/* As `CreditWindow.release`, of a credit that is not 0. */
static int release_credit(const Short *self, uint32_t credit)
{
    long long ceiling = short_number(self->window, N_ceiling), in_use = short_number(self->window, N_in_use);

    if (PyErr_Occurred() || short_set(self->window, N_in_use, in_use - 1) < 0)
        return -1;
    return short_set(self->window, N_limit, credit < ceiling ? credit : ceiling);
}

/* The reply is here: complete its call. */
static int complete(const Short *self, PendingCall *call, PyObject *decoder, Py_ssize_t size)
{
    PyObject *future = call->future, *done;

    if (short_add(self->stats, N_replies_received, 1) < 0
        || short_add(self->stats, N_bytes_inline_received, size) < 0)
        return -1;
    Py_INCREF(Py_None);
    call->future = Py_None;
    if (future == NULL || future == Py_None) {
        Py_XDECREF(future);
        return 0;
    }
    done = PyObject_CallMethodObjArgs(future, short_names[N_set_result], decoder, NULL);
    Py_DECREF(future);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* 1 if the reply was taken, 0 if it is for Python; -1 with an exception, faulty. */
static int take_reply(const Short *self, Py_buffer *message)
{
    const unsigned char *octets = message->buf;
    uint32_t credit = u32(octets + 8);
    Py_ssize_t size = message->len;
    PyObject *xid = PyLong_FromUnsignedLong(u32(octets)), *body, *decoder = NULL;
    PendingCall *call = xid == NULL ? NULL : find_call(self, xid, credit);
    int status = -1;

    if (call == NULL) {
        Py_XDECREF(xid);
        return PyErr_Occurred() ? -1 : 0;
    }
    body = PyBytes_FromStringAndSize((const char *)octets + HEAD, size - HEAD);
    if (body != NULL)
        decoder = PyObject_CallFunctionObjArgs(short_decoder, body, NULL);
    if (decoder != NULL && PyDict_DelItem(self->sent, xid) == 0
        && release_credit(self, credit) == 0)
        status = complete(self, call, decoder, size);
    Py_XDECREF(body);
    Py_XDECREF(decoder);
    Py_DECREF(xid);
    Py_DECREF((PyObject *)call);
    return status < 0 ? -1 : 1;
}

/* --- Calls --- */

/* 1 if a call may be answered at once, as `RpcRdmaResponder.may_answer` says. */
static int may_answer(const Short *self)
{
    PyObject *budget;
    long long held, available;

    if (PyObject_Size(self->held_back))
        return PyErr_Occurred() ? -1 : 0;
    budget = get(self->account, N_budget);
    if (budget == NULL)
        return -1;
    held = short_number(self->account, N_held);
    available = PyErr_Occurred() ? -1 : short_number(budget, N_free);
    Py_DECREF(budget);
    if (PyErr_Occurred())
        return -1;
    if (held >= available)
        return 0;
    held = short_number(self->grant, N_in_use);
    available = PyErr_Occurred() ? -1 : short_number(self->grant, N_ceiling);
    return PyErr_Occurred() ? -1 : held < available;
}

/* Memory for a long reply: begun in the ring if that can be. A new reference. */
static PyObject *begin(Short *self, Py_ssize_t size)
{
    PyObject *prompting = get(self->endpoint, N_prompting), *length, *view = NULL;
    int ready = prompting == NULL ? -1 : prompting == Py_None ? 0 : short_is_ready(self);

    if (ready > 0) {
        length = PyLong_FromSsize_t(size);
        if (length != NULL)
            view = PyObject_CallMethodObjArgs(prompting, short_names[N_begin], length, NULL);
        Py_XDECREF(length);
        if (view == NULL)
            ready = -1;
        self->begun = view != NULL && view != Py_None;
    }
    Py_XDECREF(prompting);
    if (ready < 0)
        return NULL;
    if (view != NULL && view != Py_None)
        return view;
    Py_XDECREF(view);
    length = PyByteArray_FromStringAndSize(NULL, size);
    if (length == NULL)
        return NULL;
    memset(PyByteArray_AsString(length), 0, (size_t)size);
    view = PyMemoryView_FromObject(length);
    Py_DECREF(length);
    return view;
}

/* The memory for a reply behind its header (`rpc.channel.Take`). */
PyObject *short_take(PyObject *object, PyObject *octets)
{
    Short *self = (Short *)object;
    Py_ssize_t size = PyLong_AsSsize_t(octets);

    if (size < 0 || size > PY_SSIZE_T_MAX - HEAD) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a reply of no such length");
        return NULL;
    }
    size += HEAD;
    Py_CLEAR(self->taken);
    self->begun = 0;
    if (size <= COPIED)
        self->taken = PySequence_GetSlice(self->scratch, 0, size);
    else
        self->taken = begin(self, size);
    return self->taken == NULL ? NULL : PySequence_GetSlice(self->taken, HEAD, size);
}

/* Send what was made here: by a copy into the ring if that can be. */
static int send_copy(const Short *self, PyObject *taken, Py_ssize_t size)
{
    PyObject *prompting = get(self->endpoint, N_prompting), *pieces = NULL, *done;
    int sent = prompting == NULL ? -1 : prompting == Py_None ? 0 : short_is_ready(self);

    if (sent > 0) {
        pieces = PyTuple_Pack(1, taken);
        done = pieces == NULL
                   ? NULL
                   : PyObject_CallMethodObjArgs(prompting, short_names[N_put], pieces, NULL);
        Py_XDECREF(pieces);
        sent = done == NULL ? -1 : PyObject_IsTrue(done);
        Py_XDECREF(done);
    }
    Py_XDECREF(prompting);
    if (sent)
        return sent < 0 ? -1 : short_add(self->stats, N_bytes_inline_sent, size);
    pieces = PyBytes_FromObject(taken);
    if (pieces == NULL)
        return -1;
    done = PyObject_CallMethodObjArgs(self->endpoint, short_names[N_send], pieces, NULL);
    Py_DECREF(pieces);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Send what was begun in the ring. */
static int send_begun(const Short *self, Py_ssize_t size)
{
    PyObject *prompting = get(self->endpoint, N_prompting), *done;

    if (prompting == NULL)
        return -1;
    if (prompting == Py_None) { /* the lane has ended the connection */
        Py_DECREF(prompting);
        return 0;
    }
    if (short_add(self->stats, N_bytes_inline_sent, size) < 0) {
        Py_DECREF(prompting);
        return -1;
    }
    done = PyObject_CallMethodObjArgs(prompting, short_names[N_finish], NULL);
    Py_DECREF(prompting);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* The lane has answered in `taken`: send that. */
static int answer(const Short *self, PyObject *taken, uint32_t xid)
{
    long long offered = short_number(self->grant, N_offered);
    Py_buffer view;
    Py_ssize_t size;

    if (PyErr_Occurred() || PyObject_GetBuffer(taken, &view, PyBUF_WRITABLE) < 0)
        return -1;
    size = view.len;
    put_head(view.buf, xid, (uint32_t)offered);
    PyBuffer_Release(&view);
    if (short_add(self->stats, N_calls_received, 1) < 0 || short_add(self->stats, N_replies_sent, 1) < 0)
        return -1;
    return self->begun ? send_begun(self, size) : send_copy(self, taken, size);
}

/* Ask the lane. Returns how long its reply is, 0 if it has none; -1 with an exception. */
static long long ask_lane(const Short *self, PyObject *lane, PyObject *message, Py_ssize_t size)
{
    long long room = short_number(self->endpoint, N_send_threshold), octets;
    PyObject *channel, *body, *space, *take, *done = NULL;

    if (PyErr_Occurred())
        return -1;
    channel = get(self->responder, N_channel);
    body = PySequence_GetSlice(message, HEAD, size);
    space = PyLong_FromLongLong(room - HEAD);
    take = get((PyObject *)self, N_take);
    if (channel != NULL && body != NULL && space != NULL && take != NULL)
        done = PyObject_CallFunctionObjArgs(lane, channel, body, space, take, NULL);
    Py_XDECREF(take);
    Py_XDECREF(channel);
    Py_XDECREF(body);
    Py_XDECREF(space);
    if (done == NULL)
        return -1;
    octets = PyLong_AsLongLong(done);
    Py_DECREF(done);
    return octets;
}

/* 1 if the call was answered, 0 if it is to be received; -1 with an exception, faulty. */
static int take_call(Short *self, PyObject *message, uint32_t xid, Py_ssize_t size)
{
    PyObject *lane = get(self->responder, N_lane), *taken;
    int status = lane == NULL ? -1 : lane == Py_None ? 0 : may_answer(self);
    long long octets;

    if (status <= 0) {
        Py_XDECREF(lane);
        return status;
    }
    Py_CLEAR(self->taken);
    self->begun = 0;
    octets = ask_lane(self, lane, message, size);
    Py_DECREF(lane);
    taken = self->taken;
    self->taken = NULL;
    if (octets > 0 && taken != NULL)
        status = answer(self, taken, xid) < 0 ? -1 : 1;
    else
        status = octets < 0 && PyErr_Occurred() ? -1 : 0;
    if (status == 0 && short_set(self->responder, N_declined, xid) < 0)
        status = -1;
    if (status > 0 && short_add(self->stats, N_bytes_inline_received, size) < 0)
        status = -1;
    Py_XDECREF(taken);
    return status;
}

/* --- Both --- */

static PyObject *ask(const Short *self, PyObject *message)
{
    return PyObject_CallFunctionObjArgs(self->other, message, NULL);
}

/* Deal with a message that has no receive of its own, if that is quick. */
PyObject *short_prompted(PyObject *object, PyObject *message)
{
    Short *self = (Short *)object;
    unsigned char head[SHORTEST];
    Py_buffer view;
    Py_ssize_t size;
    int status = 0, closed = short_truth(self->endpoint, N_closed);

    if (closed < 0 || PyObject_GetBuffer(message, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    size = view.len;
    if (size < SHORTEST || closed) {
        PyBuffer_Release(&view);
        return ask(self, message);
    }
    memcpy(head, view.buf, sizeof head);
    /* Version 1, RDMA_MSG, no lists, and the XID of the header in the RPC message. */
    if (u32(head + 4) != VERSION || u32(head + 12) || u32(head + 16) || u32(head + 20)
        || u32(head + 24) || memcmp(head, head + HEAD, 4)) {
        PyBuffer_Release(&view);
        return ask(self, message);
    }
    if (u32(head + HEAD + 4) == REPLY) {
        status = take_reply(self, &view);
        PyBuffer_Release(&view);
        if (status == 0)
            return ask(self, message);
    } else {
        PyBuffer_Release(&view);
        if (u32(head + HEAD + 4) != CALL)
            return ask(self, message);
        status = take_call(self, message, u32(head), size);
    }
    return status < 0 ? short_faulty(self) : PyBool_FromLong(status);
}
