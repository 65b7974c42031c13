/*
 * Post, look, take: talk(), look() and nap() of talk.py, which has the words for them and is the oracle in the tests.
 *
 * The peer may change all that it has mapped for writing at any moment. So a descriptor, and what an
 * answer begins with, are copied to memory of our own before they are looked at, and what is copied
 * from the peer is as long as our copy says, within what is mapped.
 */

#define _GNU_SOURCE /* sched_getcpu */

#include "_talk.h"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    PLACE = 17,
    LOOKS = 64,
    WRITE = 0, /* as in WrOpcode */
    INVALIDATES = 2,
    WRITES_MAX = 16,
    WORD_OCTETS = 4,
};

#define NAP_LIMIT 3600.0
static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static uint64_t here(void)
{
    int processor = sched_getcpu();

    return processor < 0 ? 0 : (uint64_t)processor + 1;
}

/* Whether a peer that has posted so much has posted more, or, if there is a ``wanted``, carried out so much. */
static int has_news(const Py_buffer *words, uint64_t seen, const uint64_t *wanted)
{
    return load(words, PRODUCED) != seen || (wanted != NULL && load(words, CONSUMED) >= *wanted);
}

static int look_for(const Py_buffer *words, uint64_t seen, const uint64_t *wanted, double seconds)
{
    double end = now() + seconds;

    if (has_news(words, seen, wanted))
        return OTHER;
    do {
        uint64_t place = load(words, PLACE);

        if (place && place == here())
            return BESIDE;
        for (int times = 0; times < LOOKS; times++) {
            if (has_news(words, seen, wanted))
                return OTHER;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    } while (now() < end);
    return LATE;
}

static int is_like(const char *answer, const Py_buffer *expected, const Py_buffer *mask)
{
    const char *wanted = expected->buf, *ones = mask->buf;
    char difference = 0;

    for (Py_ssize_t at = 0; at < expected->len; at++)
        difference |= (char)((answer[at] ^ wanted[at]) & ones[at]);
    return difference == 0;
}

static uint64_t last_word(const char *answer, Py_ssize_t size)
{
    const unsigned char *word = (const unsigned char *)answer + size - WORD_OCTETS;

    return (uint64_t)word[0] << 24 | (uint64_t)word[1] << 16 | (uint64_t)word[2] << 8 | word[3];
}

/* The answer, if the message at ``source`` is it; NULL if not, with an exception or without. */
static PyObject *answer_in(const struct rings *rings, const char *source, uint64_t length)
{
    Py_ssize_t size = rings->expected.len;
    PyObject *answer;
    const char *copy;

    if (length < (uint64_t)size)
        return NULL;
    answer = PyBytes_FromStringAndSize(source, rings->has_sink ? size : (Py_ssize_t)length);
    if (answer == NULL)
        return NULL;
    copy = PyBytes_AsString(answer);
    if (copy != NULL && is_like(copy, &rings->expected, &rings->mask)) {
        uint64_t count;

        if (!rings->has_sink)
            return answer;
        count = last_word(copy, size);
        if (count <= (uint64_t)rings->sink.len
            && (uint64_t)size + ((count + 3) & ~UINT64_C(3)) == length) {
            memcpy(rings->sink.buf, source + size, (size_t)count);
            return answer;
        }
    }
    Py_DECREF(answer);
    return NULL;
}

/* Take the message that ``found`` says, if it is the answer; one that invalidates is not carried out yet. */
static PyObject *take(const struct rings *rings, const struct call *call,
                      const struct descriptor *found)
{
    const Py_buffer *messages = &rings->peer_messages;
    uint64_t start = found->where ^ IN_RING;
    int invalidates = found->flags == INVALIDATES && call->rkey && found->rkey == call->rkey;
    PyObject *answer;

    if (found->opcode != SEND || (found->flags && !invalidates) || !(found->where & IN_RING)
        || found->length > call->most || load(&rings->peer_words, PRODUCED) != call->consumed + 1
        || start > (uint64_t)messages->len || found->length > (uint64_t)messages->len - start)
        return PyLong_FromLong(OTHER);
    answer = answer_in(rings, (const char *)messages->buf + start, found->length);
    if (answer == NULL)
        return PyErr_Occurred() ? NULL : PyLong_FromLong(OTHER);
    if (invalidates)
        ((double *)rings->report.buf)[INVALIDATED] = 1;
    else
        store(&rings->words, CONSUMED, call->consumed + 1);
    return answer;
}

/* Whether it is an RDMA WRITE of octets that are where they belong: there is nothing left to do. */
static int is_placed(const struct descriptor *found, const struct call *call)
{
    return found->opcode == WRITE && !found->flags && call->rkey && found->rkey == call->rkey
           && found->length && found->length <= call->octets && found->address >= call->address
           && found->address - call->address <= call->octets - found->length;
}

/* Look for what the peer posts, and take it, as long as it is what comes before an answer, or one. */
static PyObject *await_answer(const struct rings *rings, struct call *call)
{
    double end = now() + call->seconds;

    for (int writes = 0;; writes++) {
        const Py_buffer *descriptors = &rings->peer_descriptors;
        int outcome = look_for(&rings->peer_words, call->consumed, NULL, end - now());
        struct descriptor found;

        if (outcome != OTHER)
            return PyLong_FromLong(outcome);
        memcpy(&found, (const char *)descriptors->buf + place_of(descriptors, call->consumed),
               sizeof found);
        if (writes == WRITES_MAX || !is_placed(&found, call))
            return take(rings, call, &found);
        store(&rings->words, CONSUMED, ++call->consumed);
    }
}

static int are_rings(const struct rings *rings)
{
    if (talk_is_ring(&rings->words, &rings->descriptors, &rings->peer_words)
        && rings->peer_descriptors.len > 0
        && rings->peer_descriptors.len % (Py_ssize_t)sizeof(struct descriptor) == 0
        && rings->mask.len == rings->expected.len
        && rings->report.len == REPORTS * (Py_ssize_t)sizeof(double)
        && (!rings->has_sink || rings->expected.len >= WORD_OCTETS))
        return 1;
    PyErr_SetString(PyExc_ValueError, "these are no rings");
    return 0;
}

/* Ask to be woken again, and see whether there is something to do. */
static int arm(const struct rings *rings, const struct call *call)
{
    uint64_t consumed = load(&rings->words, CONSUMED), due = call->wanted;

    store(&rings->words, ARMED, call->arms);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return has_news(&rings->peer_words, consumed, &due);
}

/* Sleep without the slack that an ordinary thread's timers have; signals end it early. */
static void sleep_for(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds};
    PyThreadState *state = PyEval_SaveThread();
    int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    nanosleep(&time, NULL);
    if (slack > 0)
        prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
    PyEval_RestoreThread(state);
}

static int is_nap(double seconds)
{
    if (seconds >= 0 && seconds < NAP_LIMIT)
        return 1;
    PyErr_SetString(PyExc_ValueError, "no time for a nap");
    return 0;
}

PyObject *talk_talked(const struct rings *rings, struct call *call, PyObject *pieces)
{
    double *report = rings->report.buf;
    uint64_t place = here();
    Py_ssize_t length;
    PyObject *answer;

    if (!are_rings(rings) || !is_nap(call->nap))
        return NULL;
    memset(report, 0, REPORTS * sizeof *report);
    if (place && place == load(&rings->peer_words, PLACE))
        return PyLong_FromLong(DECLINED);
    length = talk_gather(&rings->messages, call->start, pieces);
    if (length < 0)
        return NULL;
    if (call->arms) {
        store(&rings->words, PLACE, place);
        store(&rings->words, ARMED, 0);
    }
    talk_post(&rings->words, &rings->descriptors, call->produced, call->start, length);
    if (load(&rings->peer_words, ARMED))
        return PyLong_FromLong(ASLEEP);
    if (call->nap > 0) {
        double began = now();

        sleep_for(call->nap);
        report[NAPPED] = now() - began;
        report[OVERSLEPT] = has_news(&rings->peer_words, call->consumed, NULL);
    }
    answer = await_answer(rings, call);
    if (call->arms && answer != NULL && PyBytes_Check(answer) && !report[INVALIDATED])
        report[NEWS] = arm(rings, call);
    return answer;
}

static PyObject *talk(PyObject *self, PyObject *arguments)
{
    struct rings rings;
    struct call call;
    PyObject *pieces, *sink, *result = NULL;

    (void)self;
    if (!PyArg_ParseTuple(
            arguments, "w*w*w*y*y*y*KKKO!y*y*KOdd(KKK)KKw*:talk", &rings.words, &rings.descriptors,
            &rings.messages, &rings.peer_words, &rings.peer_descriptors, &rings.peer_messages,
            &call.produced, &call.start, &call.consumed, &PyTuple_Type, &pieces, &rings.expected,
            &rings.mask, &call.most, &sink, &call.nap, &call.seconds, &call.rkey, &call.address,
            &call.octets, &call.arms, &call.wanted, &rings.report))
        return NULL;
    rings.has_sink = sink != Py_None;
    if (!rings.has_sink || PyObject_GetBuffer(sink, &rings.sink, PyBUF_WRITABLE) == 0) {
        result = talk_talked(&rings, &call, pieces);
        if (rings.has_sink)
            PyBuffer_Release(&rings.sink);
    }
    PyBuffer_Release(&rings.words);
    PyBuffer_Release(&rings.descriptors);
    PyBuffer_Release(&rings.messages);
    PyBuffer_Release(&rings.peer_words);
    PyBuffer_Release(&rings.peer_descriptors);
    PyBuffer_Release(&rings.peer_messages);
    PyBuffer_Release(&rings.expected);
    PyBuffer_Release(&rings.mask);
    PyBuffer_Release(&rings.report);
    return result;
}

/* Look at one peer's words. */
static PyObject *look(PyObject *self, PyObject *arguments)
{
    Py_buffer words;
    PyObject *number, *result = NULL;
    unsigned long long seen, wanted = 0;
    double seconds;

    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*KOd:look", &words, &seen, &number, &seconds))
        return NULL;
    if (number != Py_None)
        wanted = PyLong_AsUnsignedLongLong(number);
    if (words.len < WORDS * (Py_ssize_t)sizeof(uint64_t))
        PyErr_SetString(PyExc_ValueError, "these are no rings");
    else if (!PyErr_Occurred()) {
        uint64_t due = wanted;

        result = PyLong_FromLong(look_for(&words, seen, number == Py_None ? NULL : &due, seconds));
    }
    PyBuffer_Release(&words);
    return result;
}

static PyObject *nap(PyObject *self, PyObject *number)
{
    double seconds = PyFloat_AsDouble(number);

    (void)self;
    if (PyErr_Occurred() || !is_nap(seconds))
        return NULL;
    sleep_for(seconds);
    Py_RETURN_NONE;
}

static PyObject *place(PyObject *self, PyObject *nothing)
{
    (void)self;
    (void)nothing;
    return PyLong_FromUnsignedLongLong(here());
}

static PyMethodDef methods[] = {
    {"talk", talk, METH_VARARGS,
     "talk(words, descriptors, messages, peer_words, peer_descriptors, peer_messages, produced, "
     "start, consumed, pieces, expected, mask, most, sink, nap, seconds, reach, arms, "
     "wanted, report, /)"},
    {"put", talk_put, METH_VARARGS,
     "put(words, descriptors, messages, peer_words, produced, start, pieces, /)"},
    {"speak", (PyCFunction)(void (*)(void))talk_speak, METH_FASTCALL,
     "speak(exchange, pieces, expected, mask, most, sink, seconds, arms, request, /)"},
    {"post", (PyCFunction)(void (*)(void))talk_post_quietly, METH_FASTCALL,
     "post(send_queue, pieces, request, /)"},
    {"show", (PyCFunction)(void (*)(void))talk_show, METH_FASTCALL,
     "show(descriptors, messages, words, produced, responder, host, prompt, /)"},
    {"look", look, METH_VARARGS, "look(peer_words, seen, wanted, seconds, /)"},
    {"nap", nap, METH_O, "nap(seconds, /)"},
    {"place", place, METH_NOARGS, "place()"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_talk", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__talk(void)
{
    return native_refused() || talk_prepare_show() < 0 || talk_prepare_post() < 0
                   || talk_prepare_exchange() < 0
               ? NULL : PyModule_Create(&module);
}
