/* Messages that are posted and not waited for: put() of talk.py, and what `SendQueue.put` does with the usual
 * ones, which are the oracles in the tests.
 *
 * A send queue is asked as Python would ask it. What is not usual (a long message, one that was begun,
 * no room before something is completed) is left to it before anything has happened.
 */

#include "_talk.h"

enum {
    LONGEST = 1 << 15, /* as in send_queue.py, like the next */
    QUIET_MOST = 64,
    BEGUN = 4, /* what is known of a message that is begun: where it ends is the second */
};

enum name {
    N__begun,
    N__doorbell,
    N__message_head,
    N__messages,
    N__messages_size,
    N__peer_words,
    N__ring,
    N__words,
    N__woken,
    N_append,
    N_descriptors,
    N_message_tail,
    N_notify,
    N_posted,
    N_produced,
    N_quiet,
    NAMES,
};

static const char *const texts[NAMES] = {
    "_begun", "_doorbell", "_message_head", "_messages", "_messages_size", "_peer_words",
    "_ring", "_words", "_woken", "append", "descriptors", "message_tail", "notify",
    "posted", "produced", "quiet",
};

static PyObject *names[NAMES];

/* --- In the rings --- */

int talk_is_ring(const Py_buffer *words, const Py_buffer *descriptors, const Py_buffer *peer_words)
{
    Py_ssize_t octets = WORDS * (Py_ssize_t)sizeof(uint64_t);

    return words->len >= octets && peer_words->len >= octets && descriptors->len > 0
           && descriptors->len % (Py_ssize_t)sizeof(struct descriptor) == 0;
}

Py_ssize_t talk_gather(const Py_buffer *messages, uint64_t start, PyObject *pieces)
{
    Py_ssize_t count = PyTuple_Size(pieces), total = 0;
    Py_buffer views[PIECES_MAX];
    int held = 0, failed = 0;

    if (count < 0)
        return -1;
    if (count > PIECES_MAX) {
        PyErr_SetString(PyExc_ValueError, "a message of too many pieces");
        return -1;
    }
    for (; held < count; held++) {
        PyObject *piece = PyTuple_GetItem(pieces, held);

        if (piece == NULL || PyObject_GetBuffer(piece, &views[held], PyBUF_SIMPLE) < 0) {
            failed = 1;
            break;
        }
        total += views[held].len;
    }
    if (!failed && (start > (uint64_t)messages->len
                    || (uint64_t)total > (uint64_t)messages->len - start)) {
        PyErr_SetString(PyExc_ValueError, "a message past the end of its ring");
        failed = 1;
    }
    if (!failed) {
        char *at = (char *)messages->buf + start;

        for (int each = 0; each < held; each++) {
            memcpy(at, views[each].buf, (size_t)views[each].len);
            at += views[each].len;
        }
    }
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return failed ? -1 : total;
}

void talk_post(const Py_buffer *words, const Py_buffer *descriptors, uint64_t produced, uint64_t start,
               Py_ssize_t length)
{
    struct descriptor posted = {.opcode = SEND, .length = (uint64_t)length, .where = IN_RING | start};
    char *at = (char *)descriptors->buf + place_of(descriptors, produced);

    /* The last 24 octets are not the descriptor's, and stay as they are. */
    memcpy(at, &posted, offsetof(struct descriptor, reserved));
    store(words, PRODUCED, produced + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Post a message and look at nothing but whether the peer sleeps. */
PyObject *talk_put(PyObject *self, PyObject *arguments)
{
    Py_buffer words, descriptors, messages, peer_words;
    unsigned long long produced, start;
    PyObject *pieces, *result = NULL;
    Py_ssize_t length;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "w*w*w*y*KKO!:put", &words, &descriptors, &messages, &peer_words,
                          &produced, &start, &PyTuple_Type, &pieces))
        return NULL;
    if (!talk_is_ring(&words, &descriptors, &peer_words))
        PyErr_SetString(PyExc_ValueError, "these are no rings");
    else if ((length = talk_gather(&messages, start, pieces)) >= 0) {
        talk_post(&words, &descriptors, produced, start, length);
        result = PyLong_FromUnsignedLongLong(load(&peer_words, ARMED));
    }
    PyBuffer_Release(&words);
    PyBuffer_Release(&descriptors);
    PyBuffer_Release(&messages);
    PyBuffer_Release(&peer_words);
    return result;
}

/* --- In a send queue --- */

/* An attribute that is a number; -1 with an exception. None of those asked for is below 0. */
static long long number(PyObject *object, enum name name)
{
    PyObject *value = PyObject_GetAttr(object, names[name]);
    long long found = value == NULL ? -1 : PyLong_AsLongLong(value);

    Py_XDECREF(value);
    return found;
}

static int set(PyObject *object, enum name name, unsigned long long value)
{
    PyObject *made = PyLong_FromUnsignedLongLong(value);
    int status = made == NULL ? -1 : PyObject_SetAttr(object, names[name], made);

    Py_XDECREF(made);
    return status;
}

Py_ssize_t talk_total(PyObject *pieces)
{
    Py_ssize_t count = PyTuple_Check(pieces) ? PyTuple_Size(pieces) : -1, octets = 0;

    if (count < 0 || count > PIECES_MAX)
        return -1;
    for (Py_ssize_t each = 0; each < count; each++) {
        Py_ssize_t size = PyObject_Size(PyTuple_GetItem(pieces, each));

        if (size < 0)
            return -2;
        octets += size;
        if (octets > LONGEST)
            return -1;
    }
    return octets;
}

/* 1 if a message was begun, and is not posted; -1 with an exception. */
static int is_begun(PyObject *queue)
{
    PyObject *begun = PyObject_GetAttr(queue, names[N__begun]);
    long long end = -1;
    int nothing = 0;

    if (begun != NULL && PyTuple_Check(begun) && PyTuple_Size(begun) == BEGUN) {
        end = PyLong_AsLongLong(PyTuple_GetItem(begun, 1));
        nothing = end == -1 && PyTuple_GetItem(begun, 2) == Py_None;
    }
    Py_XDECREF(begun);
    return PyErr_Occurred() ? -1 : !nothing;
}

int talk_find_place(PyObject *queue, struct place *place)
{
    PyObject *posted = PyObject_GetAttr(queue, names[N_posted]);
    Py_ssize_t waiting = posted == NULL ? -1 : PyObject_Size(posted);
    long long size, head, tail, produced;
    int begun;

    Py_XDECREF(posted);
    if (waiting < 0 || waiting >= QUIET_MOST - 1)
        return waiting < 0 ? -1 : 0;
    begun = is_begun(queue);
    if (begun)
        return begun < 0 ? -1 : 0;
    if ((size = number(queue, N__messages_size)) < 0 || (head = number(queue, N__message_head)) < 0
        || (tail = number(queue, N_message_tail)) < 0 || (produced = number(queue, N_produced)) < 0)
        return PyErr_Occurred() ? -1 : 0;
    if (size <= 0 || size & (size - 1))
        return 0;
    place->start = (unsigned long long)(head & (size - 1));
    if (place->start + (unsigned long long)place->length > (unsigned long long)size) {
        head += size - (long long)place->start;
        place->start = 0;
    }
    place->head = (unsigned long long)(head + place->length);
    place->produced = (unsigned long long)produced;
    return (long long)place->head - tail <= size;
}

int talk_note(PyObject *queue, const struct place *place, PyObject *request)
{
    PyObject *posted = PyObject_GetAttr(queue, names[N_posted]), *one, *done = NULL;

    one = posted == NULL
              ? NULL
              : Py_BuildValue("KOKO", place->produced + 1, request, place->head, Py_None);
    if (one != NULL)
        done = PyObject_CallMethodObjArgs(posted, names[N_append], one, NULL);
    Py_XDECREF(posted);
    Py_XDECREF(one);
    Py_XDECREF(done);
    if (done == NULL || set(queue, N__message_head, place->head) < 0
        || set(queue, N_produced, place->produced + 1) < 0)
        return -1;
    return PyObject_SetAttr(queue, names[N_quiet], Py_False);
}

/* Copy the pieces to their place, and post them. Returns the peer's ARMED in `armed`; -1 with an exception. */
static int carry_out(PyObject *queue, const struct place *place, PyObject *pieces, uint64_t *armed)
{
    static const enum name PARTS[] = {N__words, N__messages, N__peer_words};
    static const int FLAGS[] = {PyBUF_WRITABLE, PyBUF_WRITABLE, PyBUF_SIMPLE, PyBUF_WRITABLE};
    PyObject *parts[4] = {NULL}, *ring = PyObject_GetAttr(queue, names[N__ring]);
    Py_buffer views[4];
    int held = 0, status = -1;

    for (int each = 0; each < 3; each++)
        parts[each] = PyObject_GetAttr(queue, names[PARTS[each]]);
    parts[3] = ring == NULL ? NULL : PyObject_GetAttr(ring, names[N_descriptors]);
    Py_XDECREF(ring);
    while (held < 4 && parts[held] != NULL
           && PyObject_GetBuffer(parts[held], &views[held], FLAGS[held]) == 0)
        held++;
    if (held == 4) {
        if (!talk_is_ring(&views[0], &views[3], &views[2]))
            PyErr_SetString(PyExc_ValueError, "these are no rings");
        else if (talk_gather(&views[1], place->start, pieces) == place->length) {
            talk_post(&views[0], &views[3], place->produced, place->start, place->length);
            *armed = load(&views[2], ARMED);
            status = 0;
        } else if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a message of another length than it said");
    }
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    for (int each = 0; each < 4; each++)
        Py_XDECREF(parts[each]);
    return status;
}

/* Wake the peer, unless that was done since it asked for it. */
static int notify(PyObject *queue, uint64_t armed)
{
    PyObject *doorbell = PyObject_GetAttr(queue, names[N__doorbell]), *woken, *done = NULL;
    uint64_t last;

    if (doorbell == NULL)
        return -1;
    woken = PyObject_GetAttr(doorbell, names[N__woken]);
    last = woken == NULL ? 0 : PyLong_AsUnsignedLongLong(woken);
    Py_XDECREF(woken);
    if (!PyErr_Occurred() && last == armed) {
        Py_DECREF(doorbell);
        return 0;
    }
    if (!PyErr_Occurred())
        done = PyObject_CallMethodObjArgs(doorbell, names[N_notify], NULL);
    Py_DECREF(doorbell);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Post a message quietly, if that can be done at once: True, or False before anything has happened. */
PyObject *talk_post_quietly(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct place place = {0};
    uint64_t armed = 0;
    int status;

    (void)self;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "post(send_queue, pieces, request, /)");
        return NULL;
    }
    place.length = talk_total(args[1]);
    status = place.length < 0 ? (int)place.length + 1 : talk_find_place(args[0], &place);
    if (status <= 0)
        return status < 0 ? NULL : PyBool_FromLong(0);
    if (carry_out(args[0], &place, args[1], &armed) < 0 || talk_note(args[0], &place, args[2]) < 0
        || (armed && notify(args[0], armed) < 0))
        return NULL;
    return PyBool_FromLong(1);
}

int talk_prepare_post(void)
{
    for (int name = 0; name < NAMES; name++)
        if (names[name] == NULL
            && (names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return -1;
    return 0;
}
