/* The two halves of a call of the common shape: `ask_in_python` and `heed_in_python` of quick.py, which
 * have the words for them and are the oracles in the tests.
 *
 * A session and its slots are asked as Python would ask them. What is not usual (a slot that others
 * wait for, another target, other flags, more slots than a word has bits) their own methods do. The
 * octets of a reply are bytes of our own, whatever the server sent.
 */

#include "_quick.h"

#include <stddef.h>
#include <structmember.h>

#define AS_TEXT(name) #name,
static const char *const texts[NAMES] = {QUICK_NAMES(AS_TEXT)};
#undef AS_TEXT

static PyObject *reply_octets;

PyObject *quick_names[NAMES];
static PyTypeObject *asked_type;

/* An attribute that is a number of 62 bits at most, and not below 0; -1 if it is not, and -2 with an exception. */
static long long number(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    long long found;
    int overflow;

    if (value == NULL)
        return -2;
    found = PyLong_AsLongLongAndOverflow(value, &overflow);
    Py_DECREF(value);
    if (found == -1 && PyErr_Occurred())
        return -2;
    return overflow || found < 0 || found >> BITS ? -1 : found;
}

/* 1 if an attribute is None; -1 with an exception. */
static int is_none(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    int none = value == Py_None;

    Py_XDECREF(value);
    return value == NULL ? -1 : none;
}

static int truth(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    int found = value == NULL ? -1 : PyObject_IsTrue(value);

    Py_XDECREF(value);
    return found;
}

PyObject *quick_time(PyObject *session)
{
    PyObject *reactor = get(session, N_reactor), *now;

    if (reactor == NULL)
        return NULL;
    now = PyObject_CallMethodObjArgs(reactor, quick_names[N_time], NULL);
    Py_DECREF(reactor);
    return now;
}

const Asked *quick_asked(PyObject *const *args, Py_ssize_t count, Py_ssize_t wanted, const char *usage)
{
    if (count == wanted && Py_TYPE(args[1]) == asked_type)
        return (const Asked *)args[1];
    PyErr_SetString(PyExc_TypeError, usage);
    return NULL;
}

/* --- Asking --- */

/* The lowest free slot, which is busy from now on; -1 if there is none, -2 with an exception. */
static long long acquire_slowly(PyObject *slots)
{
    PyObject *slot = PyObject_CallMethodObjArgs(slots, quick_names[N_try_acquire], NULL);
    long long number = slot == NULL ? -2 : PyLong_AsLongLong(slot);

    Py_XDECREF(slot);
    return PyErr_Occurred() ? -2 : number;
}

/* The same where it is simple; `highest` is the highest slot that is busy then. */
static long long acquire(PyObject *slots, long long *highest)
{
    long long busy = number(slots, N__busy), limit = busy < 0 ? busy : number(slots, N__limit), slot = 0;
    PyObject *after;
    int simple = limit >= 0;

    if (busy == -2 || limit == -2)
        return -2;
    while (simple && busy >> slot & 1)
        slot++;
    if (simple && slot >= BITS)
        simple = 0;
    if (simple && slot == 0)
        simple = is_none(slots, N_on_busy);
    if (simple < 0)
        return -2;
    if (!simple)
        slot = acquire_slowly(slots);
    else {
        int closed = truth(slots, N_closed);

        if (closed < 0)
            return -2;
        if (slot >= limit || closed)
            return -1;
        busy |= 1LL << slot;
        after = PyLong_FromLongLong(busy);
        if (after == NULL || set(slots, N__busy, after) < 0)
            slot = -2;
        Py_XDECREF(after);
    }
    *highest = -1;
    while (simple && busy) {
        busy >>= 1;
        ++*highest;
    }
    return slot;
}

/* The number of the highest busy slot, however many there are. */
static long long highest_of(PyObject *slots)
{
    PyObject *highest = PyObject_GetAttrString(slots, "highest_busy");
    long long number = highest == NULL ? -2 : PyLong_AsLongLong(highest);

    Py_XDECREF(highest);
    return PyErr_Occurred() ? -2 : number;
}

/* The next transaction identifier (`RpcClient.allocate_xid`). */
static PyObject *next_xid(PyObject *session)
{
    PyObject *rpc = get(session, N_rpc), *xid = NULL, *after = NULL;

    if (rpc != NULL)
        xid = get(rpc, N__next_xid);
    if (xid != NULL) {
        unsigned long value = PyLong_AsUnsignedLong(xid);

        after = PyErr_Occurred() ? NULL : PyLong_FromUnsignedLong((value + 1) & 0xFFFFFFFF);
        if (after == NULL || set(rpc, N__next_xid, after) < 0)
            Py_CLEAR(xid);
    }
    Py_XDECREF(after);
    Py_XDECREF(rpc);
    return xid;
}

/* The octets of a call, `parts` being the header behind the XID, PUTFH, and the operation. */
static PyObject *message(uint32_t xid, PyObject *id, uint32_t seqid, uint32_t slot,
                         uint32_t highest, PyObject *const *parts)
{
    Py_ssize_t header = PyBytes_Size(parts[0]), putfh = PyBytes_Size(parts[1]);
    Py_ssize_t operation = PyBytes_Size(parts[2]);
    PyObject *made;
    unsigned char *at;

    if (header < 0 || putfh < 0 || operation < 0)
        return NULL;
    if (!PyBytes_Check(id) || PyBytes_Size(id) != SESSION_ID) {
        PyErr_SetString(PyExc_ValueError, "a session's ID of another length");
        return NULL;
    }
    made = PyBytes_FromStringAndSize(NULL, 4 + header + STAMP + putfh + operation);
    if (made == NULL)
        return NULL;
    at = put32((unsigned char *)PyBytes_AsString(made), xid);
    memcpy(at, PyBytes_AsString(parts[0]), (size_t)header);
    at = put32(put32(at + header, OPERATIONS), OP_SEQUENCE);
    memcpy(at, PyBytes_AsString(id), SESSION_ID);
    at = put32(put32(at + SESSION_ID, seqid), slot);
    at = put32(put32(at, highest), 0);
    memcpy(at, PyBytes_AsString(parts[1]), (size_t)putfh);
    memcpy(at + putfh, PyBytes_AsString(parts[2]), (size_t)operation);
    return made;
}

/* Fill in what is sent, in a slot that was acquired; 0, or -1 with an exception. */
static int fill(Asked *asked, PyObject *session, long long slot, long long highest,
                PyObject *const *parts)
{
    PyObject *seqids, *id, *octets = NULL;
    uint32_t xid, seqid;

    asked->slot = PyLong_FromLongLong(slot);
    asked->sent_at = quick_time(session);
    asked->xid = asked->sent_at == NULL ? NULL : next_xid(session);
    seqids = asked->xid == NULL ? NULL : get(asked->slots, N_seqids);
    if (asked->slot == NULL || seqids == NULL)
        return -1;
    asked->seqid = PySequence_GetItem(seqids, (Py_ssize_t)slot);
    Py_DECREF(seqids);
    id = asked->seqid == NULL ? NULL : get(session, N_session_id);
    if (id == NULL)
        return -1;
    xid = (uint32_t)PyLong_AsUnsignedLong(asked->xid);
    seqid = (uint32_t)PyLong_AsUnsignedLong(asked->seqid);
    if (!PyErr_Occurred())
        octets = message(xid, id, seqid, (uint32_t)slot, (uint32_t)highest, parts);
    Py_DECREF(id);
    if (octets == NULL)
        return -1;
    asked->octets = PyLong_FromSsize_t(PyBytes_Size(octets));
    asked->pieces = PyTuple_Pack(1, octets);
    Py_DECREF(octets);
    return asked->octets == NULL || asked->pieces == NULL ? -1 : 0;
}

/* 1 if the session can be used. */
static int is_usable(PyObject *session)
{
    int without = is_none(session, N_channel);

    if (without == 0) {
        without = is_none(session, N_gate);
        without = without < 0 ? without : !without;
    }
    return without < 0 ? -1 : !without;
}

static PyObject *ask(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    allocfunc make = (allocfunc)PyType_GetSlot(asked_type, Py_tp_alloc);
    long long slot, highest = -1;
    PyObject *session, *slots;
    Asked *asked;
    int usable;

    (void)self;
    if (count != 6) {
        PyErr_SetString(PyExc_TypeError, "ask takes six arguments");
        return NULL;
    }
    session = args[0];
    slots = get(session, N_slots);
    usable = slots == NULL ? -1 : slots == Py_None ? 0 : is_usable(session);
    slot = usable > 0 ? acquire(slots, &highest) : -1;
    if (slot >= 0 && highest < 0)
        highest = highest_of(slots);
    if (usable <= 0 || slot < 0 || highest < 0) {
        Py_XDECREF(slots);
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    asked = (Asked *)make(asked_type, 0);
    if (asked == NULL) {
        Py_DECREF(slots);
        return NULL;
    }
    asked->slots = slots;
    Py_INCREF(args[1]);
    asked->kind = args[1];
    Py_INCREF(args[2]);
    asked->where = args[2];
    if (fill(asked, session, slot, highest, args + 3) < 0) {
        Py_DECREF((PyObject *)asked);
        return NULL;
    }
    return (PyObject *)asked;
}

/* --- Heeding --- */

/* 1 if a reply says that all was executed, in the slot that was asked. */
static int is_well(const unsigned char *octets, PyObject *id, uint32_t seqid, uint32_t slot,
                   uint32_t op)
{
    static const unsigned char well[ID_AT - WELL_AT] = {
        [3] = 1, [31] = OPERATIONS, [35] = OP_SEQUENCE,
    };
    const unsigned char *rest = octets + PUTFH_AT;

    return PyBytes_Check(id) && PyBytes_Size(id) == SESSION_ID
           && !memcmp(octets + WELL_AT, well, sizeof well)
           && !memcmp(octets + ID_AT, PyBytes_AsString(id), SESSION_ID)
           && u32(octets + SEQID_AT) == seqid && u32(octets + SLOT_AT) == slot
           && u32(rest) == OP_PUTFH && !u32(rest + 4) && u32(rest + 8) == op && !u32(rest + 12);
}

/* 1, and what a reply begins with, if it has so much; its decoder stays where it is. */
static int peek(PyObject *decoder, unsigned char *octets)
{
    PyObject *found = PyObject_CallMethodObjArgs(decoder, quick_names[N_peek], reply_octets, NULL);
    Py_buffer view;
    int whole;

    if (found == NULL)
        return -1;
    whole = PyObject_GetBuffer(found, &view, PyBUF_SIMPLE);
    Py_DECREF(found);
    if (whole < 0)
        return -1;
    whole = view.len == REPLY;
    if (whole)
        memcpy(octets, view.buf, REPLY);
    PyBuffer_Release(&view);
    return whole;
}

/* 1 if the slots need nothing but to be one busy slot fewer, and were told; 0 if they need more. */
static int release_simply(const Asked *asked, long long slot, long long target)
{
    PyObject *slots = asked->slots, *waiting, *seqids, *seqid, *next, *after;
    long long busy = number(slots, N__busy), limit = busy < 0 ? busy : number(slots, N__limit);
    unsigned long last;
    Py_ssize_t waits;
    int status = -1;

    if (busy == -2 || limit == -2)
        return -1;
    if (limit != target + 1 || slot >= BITS || !(busy >> slot & 1))
        return 0;
    waiting = get(slots, N__waiting);
    waits = waiting == NULL ? -1 : PyObject_Size(waiting);
    Py_XDECREF(waiting);
    if (waits)
        return waits < 0 ? -1 : 0;
    seqids = get(slots, N_seqids);
    if (seqids == NULL)
        return -1;
    seqid = PySequence_GetItem(seqids, (Py_ssize_t)slot);
    last = seqid == NULL ? 0 : PyLong_AsUnsignedLong(seqid);
    Py_XDECREF(seqid);
    next = PyErr_Occurred() ? NULL : PyLong_FromUnsignedLong((last + 1) & 0xFFFFFFFF);
    after = PyLong_FromLongLong(busy & ~(1LL << slot));
    if (next != NULL && after != NULL
        && PySequence_SetItem(seqids, (Py_ssize_t)slot, next) == 0
        && set(slots, N__busy, after) == 0)
        status = 1;
    Py_XDECREF(next);
    Py_XDECREF(after);
    Py_DECREF(seqids);
    return status;
}

int quick_executed(PyObject *session, const Asked *asked, const unsigned char *octets)
{
    long long flags = number(session, N_flags), slot = PyLong_AsLongLong(asked->slot);
    uint32_t target = u32(octets + TARGET_AT), told = u32(octets + FLAGS_AT);
    PyObject *number_of_target, *number_of_flags, *done = NULL;
    int status = 0;

    if (flags == -2 || PyErr_Occurred())
        return -1;
    if (flags == told)
        status = release_simply(asked, slot, target);
    if (status)
        return status < 0 ? -1 : 0;
    number_of_target = PyLong_FromUnsignedLong(target);
    number_of_flags = PyLong_FromUnsignedLong(told);
    if (number_of_target != NULL && number_of_flags != NULL)
        done = PyObject_CallMethodObjArgs(session, quick_names[N_executed], asked->slots, asked->slot,
                                          number_of_target, number_of_flags, NULL);
    Py_XDECREF(number_of_target);
    Py_XDECREF(number_of_flags);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Move a decoder behind what was looked at. */
static int advance(PyObject *decoder)
{
    PyObject *offset = get(decoder, N_offset), *after;
    int status = -1;

    after = offset == NULL ? NULL : PyNumber_Add(offset, reply_octets);
    if (after != NULL)
        status = set(decoder, N_offset, after);
    Py_XDECREF(offset);
    Py_XDECREF(after);
    return status;
}

/* 1 if a reply is the usual one to what was asked, in a session that is the same. */
static int answers(PyObject *session, const Asked *asked, const unsigned char *octets)
{
    PyObject *slots = get(session, N_slots), *id = NULL;
    uint32_t seqid, slot;
    long long op;
    int well = slots == asked->slots;

    Py_XDECREF(slots);
    if (slots == NULL)
        return -1;
    op = number(asked->kind, N_op);
    seqid = op < 0 ? 0 : (uint32_t)PyLong_AsUnsignedLong(asked->seqid);
    slot = op < 0 ? 0 : (uint32_t)PyLong_AsUnsignedLong(asked->slot);
    if (!PyErr_Occurred())
        id = get(session, N_session_id);
    if (id == NULL)
        return -1;
    well = well && is_well(octets, id, seqid, slot, (uint32_t)op);
    Py_DECREF(id);
    return well;
}

static PyObject *heed(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    unsigned char octets[REPLY];
    PyObject *session, *decoder, *now;
    const Asked *asked;
    int status;

    (void)self;
    asked = quick_asked(args, count, 3, "heed(session, asked, decoder, /)");
    if (asked == NULL)
        return NULL;
    session = args[0];
    decoder = args[2];
    status = peek(decoder, octets);
    if (status > 0)
        status = answers(session, asked, octets);
    if (status <= 0) {
        if (status < 0)
            return NULL;
        Py_RETURN_NONE;
    }
    now = advance(decoder) < 0 ? NULL : quick_time(session);
    if (now != NULL
        && (set(session, N_heard_at, now) < 0 || set(session, N_renewed_at, asked->sent_at) < 0
            || quick_executed(session, asked, octets) < 0))
        Py_CLEAR(now);
    return now;
}

/* --- The module --- */

static int asked_traverse(PyObject *self, visitproc visit, void *arg)
{
    Asked *asked = (Asked *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(asked->kind);
    Py_VISIT(asked->where);
    Py_VISIT(asked->slots);
    Py_VISIT(asked->pieces);
    return 0;
}

static void asked_dealloc(PyObject *self)
{
    Asked *asked = (Asked *)self;
    PyTypeObject *type = Py_TYPE(self);
    freefunc freed = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(asked->kind);
    Py_XDECREF(asked->where);
    Py_XDECREF(asked->slots);
    Py_XDECREF(asked->slot);
    Py_XDECREF(asked->seqid);
    Py_XDECREF(asked->xid);
    Py_XDECREF(asked->sent_at);
    Py_XDECREF(asked->pieces);
    Py_XDECREF(asked->octets);
    freed(self);
    Py_DECREF(type);
}

static PyMemberDef asked_members[] = {
#define MEMBER(name, flag) {#name, T_OBJECT_EX, offsetof(Asked, name), flag, NULL}
    MEMBER(kind, READONLY), MEMBER(where, READONLY), MEMBER(slots, READONLY),
    MEMBER(slot, READONLY), MEMBER(seqid, READONLY), MEMBER(xid, READONLY),
    MEMBER(sent_at, READONLY), MEMBER(pieces, 0), MEMBER(octets, 0),
#undef MEMBER
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot asked_slots[] = {
    {Py_tp_doc, "A call in its slot, as it is sent: see ``quick.Asked``."},
    {Py_tp_dealloc, asked_dealloc},
    {Py_tp_traverse, asked_traverse},
    {Py_tp_members, asked_members},
    {0, NULL},
};

static PyType_Spec asked_spec = {
    .name = "nfsrdma.client._quick.Asked",
    .basicsize = sizeof(Asked),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = asked_slots,
};

static PyMethodDef methods[] = {
    {"ask", (PyCFunction)(void (*)(void))ask, METH_FASTCALL,
     "ask(session, kind, where, header, putfh, arguments, /)"},
    {"heed", (PyCFunction)(void (*)(void))heed, METH_FASTCALL, "heed(session, asked, decoder, /)"},
    {"answer", (PyCFunction)(void (*)(void))quick_answer, METH_FASTCALL, "answer(session, asked, /)"},
    {"took", (PyCFunction)(void (*)(void))quick_took, METH_FASTCALL, "took(session, asked, reply, /)"},
    {"count", (PyCFunction)(void (*)(void))quick_count, METH_FASTCALL,
     "count(session, asked, now, received, /)"},
    {"decode_stat", quick_decode_stat, METH_O, "decode_stat(decoder, /)"},
    {"take_entries", (PyCFunction)(void (*)(void))quick_take_entries, METH_FASTCALL,
     "take_entries(decoder, entries, cookies, /)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_quick", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__quick(void)
{
    if (native_refused())
        return NULL;
    for (int name = 0; name < NAMES; name++)
        if (quick_names[name] == NULL
            && (quick_names[name] = PyUnicode_InternFromString(texts[name])) == NULL)
            return NULL;
    if (quick_prepare_stat() < 0 || quick_prepare_entries() < 0)
        return NULL;
    if (reply_octets == NULL && (reply_octets = PyLong_FromLong(REPLY)) == NULL)
        return NULL;
    if (asked_type == NULL
        && (asked_type = (PyTypeObject *)PyType_FromSpec(&asked_spec)) == NULL)
        return NULL;
    return PyModule_Create(&module);
}
