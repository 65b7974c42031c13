/* The usual messages of a peer, shown to their owner one after the other: the first part of
 * `Responder.consume`, which is the oracle in the tests, and does the rest.
 *
 * A descriptor is copied before it is looked at, and so is a message, to a receive buffer of ours. What
 * is shown may post, carry out more, or close the connection: so nothing is held meanwhile, and all is
 * looked at again.
 */

#include "_talk.h"

enum name {
    N__entries,
    N__receives,
    N__recv_cq,
    N_buffer,
    N_consumed,
    N_received,
    N_state,
    NAMES,
};

static const char *const texts[NAMES] = {
    "_entries", "_receives", "_recv_cq", "buffer", "consumed", "received", "state",
};

static PyObject *names[NAMES];

struct showing {
    PyObject *descriptors, *messages, *words, *responder, *host, *prompt; /* borrowed */
    PyObject *receives, *entries, *state;
};

static PyObject *get(PyObject *object, enum name name)
{
    return PyObject_GetAttr(object, names[name]);
}

/* 1, and a descriptor, if that is of a message in the ring without any flag. */
static int find_descriptor(const struct showing *showing, uint64_t number, struct descriptor *found)
{
    Py_buffer view;

    if (PyObject_GetBuffer(showing->descriptors, &view, PyBUF_SIMPLE) < 0)
        return -1;
    if (view.len <= 0 || view.len % (Py_ssize_t)sizeof *found) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "these are no rings");
        return -1;
    }
    memcpy(found, (const char *)view.buf + number * sizeof *found % (uint64_t)view.len,
           sizeof *found);
    PyBuffer_Release(&view);
    return found->opcode == SEND && !found->flags && found->where & IN_RING;
}

/* 1 if the octets of a message are within the ring and were copied to the buffer; 0 if not. */
static int copy(const struct showing *showing, const struct descriptor *found, PyObject *buffer)
{
    uint64_t start = found->where ^ IN_RING;
    Py_buffer source, target;
    int fits;

    if (PyObject_GetBuffer(showing->messages, &source, PyBUF_SIMPLE) < 0)
        return -1;
    if (PyObject_GetBuffer(buffer, &target, PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&source);
        return -1;
    }
    fits = start <= (uint64_t)source.len && found->length <= (uint64_t)source.len - start
           && found->length <= (uint64_t)target.len;
    if (fits)
        memcpy(target.buf, (const char *)source.buf + start, (size_t)found->length);
    PyBuffer_Release(&target);
    PyBuffer_Release(&source);
    return fits;
}

/* The message, in the next receive buffer; NULL if there is none, or with an exception. */
static PyObject *next_message(const struct showing *showing, const struct descriptor *found)
{
    PyObject *receive, *buffer, *message = NULL;
    int status;

    if (PyObject_Size(showing->receives) <= 0)
        return NULL;
    receive = PySequence_GetItem(showing->receives, 0);
    if (receive == NULL)
        return NULL;
    buffer = get(receive, N_buffer);
    Py_DECREF(receive);
    if (buffer == NULL)
        return NULL;
    status = copy(showing, found, buffer);
    if (status > 0)
        message = PySequence_GetSlice(buffer, 0, (Py_ssize_t)found->length);
    Py_DECREF(buffer);
    return message;
}

/* Say that so many descriptors of the peer are carried out. */
static int carried_out(const struct showing *showing, PyObject *count)
{
    uint64_t value = PyLong_AsUnsignedLongLong(count);
    Py_buffer view;

    if (PyErr_Occurred() || PyObject_SetAttr(showing->responder, names[N_consumed], count) < 0
        || PyObject_GetBuffer(showing->words, &view, PyBUF_WRITABLE) < 0)
        return -1;
    if (view.len <= CONSUMED * (Py_ssize_t)sizeof value) {
        PyBuffer_Release(&view);
        PyErr_SetString(PyExc_ValueError, "these are no rings");
        return -1;
    }
    __atomic_store_n((uint64_t *)view.buf + CONSUMED, value, __ATOMIC_RELEASE);
    PyBuffer_Release(&view);
    return 0;
}

/* 1 if a message was dealt with, 0 if it was not; -1 with an exception. */
static int show_one(const struct showing *showing, PyObject *message)
{
    PyObject *done = PyObject_CallFunctionObjArgs(showing->prompt, message, NULL);
    int taken = done == NULL ? -1 : PyObject_IsTrue(done);

    Py_XDECREF(done);
    return taken;
}

/* Whether the queue pair is still in the state it was in. */
static int goes_on(const struct showing *showing)
{
    PyObject *state = get(showing->host, N_state);

    Py_XDECREF(state);
    return state == NULL ? -1 : state == showing->state;
}

/* The message that was shown completes a receive. */
static int complete(const struct showing *showing, Py_ssize_t length)
{
    PyObject *octets = PyLong_FromSsize_t(length), *done = NULL;

    if (octets != NULL)
        done = PyObject_CallMethodObjArgs(showing->responder, names[N_received], octets, NULL);
    Py_XDECREF(octets);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Go on from `consumed` for as long as there are usual messages; 0, or -1 with an exception. */
static int show_all(const struct showing *showing, uint64_t consumed, uint64_t produced)
{
    while (consumed < produced && PyObject_Size(showing->entries) == 0) {
        struct descriptor found;
        PyObject *message, *count;
        int status = find_descriptor(showing, consumed, &found);

        message = status > 0 ? next_message(showing, &found) : NULL;
        if (message == NULL)
            return PyErr_Occurred() ? -1 : 0;
        count = PyLong_FromUnsignedLongLong(consumed + 1);
        status = count == NULL ? -1 : carried_out(showing, count);
        Py_XDECREF(count);
        if (status == 0)
            status = show_one(showing, message);
        Py_DECREF(message);
        if (status < 0)
            return -1;
        if (goes_on(showing) <= 0)
            return PyErr_Occurred() ? -1 : 0;
        if (!status)
            return complete(showing, (Py_ssize_t)found.length);
        count = get(showing->responder, N_consumed);
        consumed = count == NULL ? 0 : PyLong_AsUnsignedLongLong(count);
        Py_XDECREF(count);
        if (PyErr_Occurred())
            return -1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *talk_show(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct showing showing;
    uint64_t produced;
    PyObject *consumed, *queue;
    int status = -1;

    (void)self;
    if (count != 7) {
        PyErr_SetString(PyExc_TypeError, "show takes seven arguments");
        return NULL;
    }
    showing = (struct showing){
        .descriptors = args[0], .messages = args[1], .words = args[2],
        .responder = args[4], .host = args[5], .prompt = args[6],
    };
    produced = PyLong_AsUnsignedLongLong(args[3]);
    if (PyErr_Occurred())
        return NULL;
    consumed = get(showing.responder, N_consumed);
    queue = consumed == NULL ? NULL : get(showing.responder, N__recv_cq);
    showing.entries = queue == NULL ? NULL : get(queue, N__entries);
    showing.receives = showing.entries == NULL ? NULL : get(showing.responder, N__receives);
    showing.state = showing.receives == NULL ? NULL : get(showing.host, N_state);
    if (showing.state != NULL) {
        uint64_t from = PyLong_AsUnsignedLongLong(consumed);

        status = PyErr_Occurred() ? -1 : show_all(&showing, from, produced);
    }
    Py_XDECREF(consumed);
    Py_XDECREF(queue);
    Py_XDECREF(showing.entries);
    Py_XDECREF(showing.receives);
    Py_XDECREF(showing.state);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

int talk_prepare_show(void)
{
    for (int name = 0; name < NAMES; name++)
        if (names[name] == NULL
            && (names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    return 0;
}
