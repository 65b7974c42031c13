/* An exchange without a chunk, with what comes before and behind it: `Exchange._talk` of exchange.py, which is
 * the oracle in the tests. What is not simple is left to it before anything has happened.
 */

#include "_talk.h"

enum { WANTED = 32, MORE_WORDS = 33 /* at least */ };

enum name {
    N__doorbell, N__peer, N__report, N__responder, N__ring, N__sends, N__turns, N_arms, N_consumed,
    N_descriptors, N_messages, N_notify, N_ring, N_seen, N_wanted, N_words, NAMES,
};

static const char *const texts[NAMES] = {
    "_doorbell", "_peer", "_report", "_responder", "_ring", "_sends", "_turns", "arms", "consumed",
    "descriptors", "messages", "notify", "ring", "seen", "wanted", "words",
};

static PyObject *names[NAMES];

static PyObject *get(PyObject *object, enum name name)
{
    return PyObject_GetAttr(object, names[name]);
}

static int set(PyObject *object, enum name name, unsigned long long value)
{
    PyObject *made = PyLong_FromUnsignedLongLong(value);
    int status = made == NULL ? -1 : PyObject_SetAttr(object, names[name], made);

    Py_XDECREF(made);
    return status;
}

/* A number of 64 bits at most; 0 with an exception. */
static unsigned long long number(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    unsigned long long found = value == NULL ? 0 : PyLong_AsUnsignedLongLong(value);

    Py_XDECREF(value);
    return found;
}

static int tell(PyObject *object, enum name method)
{
    PyObject *done = PyObject_CallMethodObjArgs(object, names[method], NULL);

    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Hold the memory of an attribute; takes no reference but that of the view. */
static int hold(PyObject *object, enum name name, Py_buffer *view, int flags)
{
    PyObject *memory = get(object, name);
    int status = memory == NULL ? -1 : PyObject_GetBuffer(memory, view, flags);

    Py_XDECREF(memory);
    return status;
}

enum { HELD = 10 };

/* What is used, and owned meanwhile. */
struct parts {
    PyObject *sends, *ring, *peer, *responder, *doorbell;
    Py_buffer *held[HELD];
    int count;
};

static int held(struct parts *parts, Py_buffer *view, int status)
{
    if (status == 0)
        parts->held[parts->count++] = view;
    return status;
}

static void release(struct parts *parts)
{
    while (parts->count > 0)
        PyBuffer_Release(parts->held[--parts->count]);
    Py_XDECREF(parts->sends);
    Py_XDECREF(parts->ring);
    Py_XDECREF(parts->peer);
    Py_XDECREF(parts->responder);
    Py_XDECREF(parts->doorbell);
}

static int find_parts(PyObject *exchange, struct parts *parts)
{
    parts->sends = get(exchange, N__sends);
    parts->ring = parts->sends == NULL ? NULL : get(exchange, N__ring);
    parts->peer = parts->ring == NULL ? NULL : get(exchange, N__peer);
    parts->responder = parts->peer == NULL ? NULL : get(exchange, N__responder);
    parts->doorbell = parts->responder == NULL ? NULL : get(exchange, N__doorbell);
    return parts->doorbell == NULL ? -1 : 0;
}

static int hold_rings(PyObject *exchange, struct parts *parts, struct rings *rings, PyObject *const *args)
{
    PyObject *ring = parts->ring, *peer = parts->peer;

    rings->has_sink = args[5] != Py_None;
    if (held(parts, &rings->words, hold(ring, N_words, &rings->words, PyBUF_WRITABLE)) < 0
        || held(parts, &rings->descriptors, hold(ring, N_descriptors, &rings->descriptors, PyBUF_WRITABLE)) < 0
        || held(parts, &rings->messages, hold(ring, N_messages, &rings->messages, PyBUF_WRITABLE)) < 0
        || held(parts, &rings->peer_words, hold(peer, N_words, &rings->peer_words, PyBUF_SIMPLE)) < 0
        || held(parts, &rings->peer_descriptors,
                hold(peer, N_descriptors, &rings->peer_descriptors, PyBUF_SIMPLE)) < 0
        || held(parts, &rings->peer_messages, hold(peer, N_messages, &rings->peer_messages, PyBUF_SIMPLE)) < 0
        || held(parts, &rings->report, hold(exchange, N__report, &rings->report, PyBUF_WRITABLE)) < 0
        || held(parts, &rings->expected, PyObject_GetBuffer(args[2], &rings->expected, PyBUF_SIMPLE)) < 0
        || held(parts, &rings->mask, PyObject_GetBuffer(args[3], &rings->mask, PyBUF_SIMPLE)) < 0)
        return -1;
    if (rings->peer_words.len < MORE_WORDS * (Py_ssize_t)sizeof(uint64_t)) {
        PyErr_SetString(PyExc_ValueError, "these are no rings");
        return -1;
    }
    return rings->has_sink
               ? held(parts, &rings->sink, PyObject_GetBuffer(args[5], &rings->sink, PyBUF_WRITABLE))
               : 0;
}

/* Note that descriptors of the peer are carried out, as our words say (`Exchange._carried_out`). */
static int carried_out(const struct parts *parts, const struct rings *rings, unsigned long long before)
{
    uint64_t consumed = load(&rings->words, CONSUMED), wanted;

    if (set(parts->responder, N_consumed, consumed) < 0 || set(parts->responder, N_seen, consumed) < 0)
        return -1;
    wanted = load(&rings->peer_words, WANTED);
    return before < wanted && wanted <= consumed ? tell(parts->doorbell, N_notify) : 0;
}

/* We have asked to be woken again. */
static int note_armed(PyObject *exchange, const struct parts *parts, const struct rings *rings,
                      unsigned long long arms)
{
    PyObject *turns;
    int status;

    if (set(parts->doorbell, N_arms, arms) < 0)
        return -1;
    if (!((const double *)rings->report.buf)[NEWS])
        return 0;
    turns = get(exchange, N__turns);
    status = turns == NULL ? -1 : tell(turns, N_ring);
    Py_XDECREF(turns);
    return status;
}

/* The outcome, or the answer; None before anything has happened. */
static PyObject *speak(PyObject *const *args, struct parts *parts, struct place *place, struct call *call)
{
    struct rings rings = {0};
    unsigned long long before;
    PyObject *outcome;
    int status = find_parts(args[0], parts);

    if (status == 0)
        status = talk_find_place(parts->sends, place);
    if (status <= 0)
        return status < 0 ? NULL : Py_NewRef(Py_None);
    call->produced = place->produced;
    call->start = place->start;
    call->consumed = number(parts->responder, N_consumed);
    call->wanted = PyErr_Occurred() ? 0 : number(parts->sends, N_wanted);
    if (PyErr_Occurred() || hold_rings(args[0], parts, &rings, args) < 0)
        return NULL;
    before = call->consumed;
    outcome = talk_talked(&rings, call, args[1]);
    if (outcome == NULL || (PyLong_Check(outcome) && PyLong_AsLong(outcome) == DECLINED))
        return outcome;
    if (talk_note(parts->sends, place, args[8]) < 0 || carried_out(parts, &rings, before) < 0
        || (call->arms && PyBytes_Check(outcome) && note_armed(args[0], parts, &rings, call->arms) < 0))
        Py_CLEAR(outcome);
    return outcome;
}

PyObject *talk_speak(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct parts parts = {0};
    struct place place = {0};
    struct call call = {0};
    PyObject *outcome;

    (void)self;
    if (count != 9) {
        PyErr_SetString(PyExc_TypeError, "speak takes nine arguments");
        return NULL;
    }
    call.most = PyLong_AsUnsignedLongLong(args[4]);
    call.seconds = PyErr_Occurred() ? 0 : PyFloat_AsDouble(args[6]);
    call.arms = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLong(args[7]);
    if (PyErr_Occurred())
        return NULL;
    place.length = talk_total(args[1]);
    if (place.length < 0)
        return place.length == -1 ? Py_NewRef(Py_None) : NULL;
    outcome = speak(args, &parts, &place, &call);
    release(&parts);
    return outcome;
}

int talk_prepare_exchange(void)
{
    for (int name = 0; name < NAMES; name++)
        if (names[name] == NULL
            && (names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    return 0;
}
