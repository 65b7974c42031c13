/* The lane: the calls that `lane.Lane` answers, for READ, WRITE and GETATTR without its Python.
 *
 * It looks where that looks, in the same order, and leaves the same behind. Whatever it does not
 * know for certain it hands on to the lane in Python before anything has happened (ASK), which
 * takes it or declines. Nothing is remembered from call to call.
 *
 * The octets of a call may be memory that another process changes at any time: each is read once.
 * Python that is called from here may do anything; so objects are owned while they are used.
 */

#include "_lane.h"

enum {
    SHAPE = 56,           /* from the tag to the length of the handle */
    BEHIND_SEQUENCE = 48, /* from the arguments of COMPOUND to the operation after SEQUENCE */
    FINGERPRINT = 1024,
    HANDLE_MAX = 128,
    PLACED = 256,
    ANOTHER_RESULT = 8,
    ARGUMENTS = 8,
};

/* --- How objects are asked --- */

int lane_true(PyObject *object, enum name name)
{
    PyObject *value = get(object, name);
    int truth;

    if (value == NULL)
        return FAILED;
    truth = PyObject_IsTrue(value);
    Py_DECREF(value);
    return truth;
}

int lane_unsigned(PyObject *number, uint64_t *value)
{
    if (number == NULL)
        return FAILED;
    if (!PyLong_Check(number)) {
        Py_DECREF(number);
        return ASK;
    }
    *value = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    if (*value == UINT64_MAX && PyErr_Occurred()) {
        PyErr_Clear();
        return ASK;
    }
    return 0;
}

int lane_number(PyObject *object, enum name name, uint64_t *value)
{
    return lane_unsigned(get(object, name), value);
}

int lane_declines(const struct call *call)
{
    if (!PyErr_ExceptionMatches(call->lane->declining))
        return FAILED;
    PyErr_Clear();
    return NEVER;
}

int lane_asks(void)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return FAILED;
    PyErr_Clear();
    return ASK;
}

int lane_take(const struct call *call, Py_ssize_t octets, PyObject **reply, Py_buffer *view)
{
    PyObject *size = PyLong_FromSsize_t(octets);

    if (size == NULL)
        return lane_declines(call);
    *reply = PyObject_CallFunctionObjArgs(call->take, size, NULL);
    Py_DECREF(size);
    if (*reply == NULL)
        return lane_declines(call);
    if (PyObject_GetBuffer(*reply, view, PyBUF_WRITABLE) < 0) {
        Py_CLEAR(*reply);
        return FAILED;
    }
    if (view->len != octets) {
        PyBuffer_Release(view);
        Py_CLEAR(*reply);
        PyErr_SetString(PyExc_ValueError, "the memory for a reply has another length");
        return FAILED;
    }
    return 0;
}

/* --- Who calls, and where --- */

/* 0 if the octets have the shape of a call that is for this module; ASK, NEVER. */
static int recognize(struct call *call, Py_ssize_t at)
{
    const unsigned char *octets = call->octets + at;
    Py_ssize_t padded;

    if (at < 4 || call->end - at < SHAPE)
        return NEVER;
    call->xid = u32(call->octets);
    call->minor = u32(octets + 4);
    call->count = u32(octets + 8);
    memcpy(call->session_id, octets + 16, sizeof call->session_id);
    call->seqid = u32(octets + 32);
    call->number = u32(octets + 36);
    call->highest = u32(octets + 40);
    call->handle_size = u32(octets + 52);
    if (u32(octets) != 0 || u32(octets + 12) != OP_SEQUENCE || u32(octets + 44) != 0)
        return NEVER;
    if (u32(octets + 48) != OP_PUTFH || call->handle_size > HANDLE_MAX)
        return NEVER;
    if (call->count < 3 || call->count > 5 || call->minor > 31)
        return NEVER;
    if (!(call->lane->minors >> call->minor & 1))
        return NEVER;
    call->behind = at + BEHIND_SEQUENCE;
    call->handle_at = at + 56;
    padded = (call->handle_size + 3) & ~(Py_ssize_t)3;
    if (call->end - call->handle_at < padded + 4)
        return NEVER;
    call->start = call->handle_at + padded;
    call->first = u32(call->octets + call->start);
    switch (call->first) {
    case OP_READ:
    case OP_GETATTR:
    case OP_WRITE:
        return call->count == 3 ? 0 : ASK;
    default:
        return ASK;
    }
}

/* Who calls, as `Authority.known` says. */
static int find_caller(struct call *call)
{
    PyObject *authority = call->lane->authority, *one = get(authority, N__claim), *other;
    int latest;

    if (one == NULL)
        return FAILED;
    other = get(authority, N__channel);
    latest = one == call->claim && other == call->channel;
    Py_DECREF(one);
    if (other == NULL)
        return FAILED;
    Py_DECREF(other);
    if (latest)
        call->caller = get(authority, N__caller);
    else
        call->caller = PyObject_CallMethodObjArgs(authority, lane_names[N_known], call->channel,
                                                  call->claim, NULL);
    if (call->caller == NULL)
        return FAILED;
    if (!PyTuple_Check(call->caller) || PyTuple_Size(call->caller) != 3)
        return ASK;
    return 0;
}

/* 0 if the session is one of the connection's. */
static int find_session(struct call *call)
{
    PyObject *id, *connections;
    int bound;

    id = PyBytes_FromStringAndSize((const char *)call->session_id, sizeof call->session_id);
    if (id == NULL)
        return FAILED;
    call->session = PyDict_GetItemWithError(call->lane->sessions, id);
    Py_XINCREF(call->session);
    Py_DECREF(id);
    if (call->session == NULL)
        return PyErr_Occurred() ? FAILED : ASK;
    connections = get(call->session, N_connections);
    if (connections == NULL)
        return FAILED;
    bound = PyDict_Check(connections) ? PyDict_Contains(connections, call->channel) : 0;
    Py_DECREF(connections);
    if (bound <= 0)
        return bound ? FAILED : ASK;
    call->client = get(call->session, N_client);
    return call->client == NULL ? FAILED : 0;
}

/* 0 if the call is within the session's limits, and how much room the reply has. */
static int check_limits(struct call *call)
{
    uint64_t request, response, operations, room;
    int status;

    call->fore = get(call->session, N_fore);
    if (call->fore == NULL)
        return FAILED;
    if ((status = lane_number(call->fore, N_ca_maxrequests, &call->slots)) < 0
        || (status = lane_number(call->fore, N_ca_maxrequestsize, &request)) < 0
        || (status = lane_number(call->fore, N_ca_maxoperations, &operations)) < 0
        || (status = lane_number(call->fore, N_ca_maxresponsesize, &response)) < 0)
        return status;
    if (call->number >= call->slots || call->highest >= call->slots
        || (uint64_t)call->end > request || call->count > operations)
        return ASK;
    room = call->room < 0 ? 0 : (uint64_t)call->room;
    if (call->place == NULL)
        room = room < response ? room : response;
    else
        room = room < PLACED ? 0 : response;
    if (room < ANOTHER_RESULT + RESULT_AT || room > PY_SSIZE_T_MAX)
        return ASK;
    call->room = (Py_ssize_t)room - ANOTHER_RESULT;
    return 0;
}

/* 0 if the slot is free, and this its next call. */
static int find_slot(struct call *call)
{
    PyObject *slots = get(call->session, N__slots), *pending;
    uint64_t seqid;
    int status, taken;

    if (slots == NULL)
        return FAILED;
    if (PyList_Check(slots) && (Py_ssize_t)call->number < PyList_Size(slots)) {
        call->slot = PyList_GetItem(slots, (Py_ssize_t)call->number);
        Py_XINCREF(call->slot);
    }
    Py_DECREF(slots);
    if (call->slot == NULL)
        return PyErr_Occurred() ? FAILED : ASK; /* it is made when it is first used */
    pending = get(call->slot, N__pending);
    if (pending == NULL)
        return FAILED;
    taken = pending != Py_None;
    Py_DECREF(pending);
    if (taken)
        return ASK;
    if ((status = lane_number(call->slot, N_seqid, &seqid)) < 0)
        return status;
    return call->seqid == (uint32_t)(seqid + 1) ? 0 : ASK;
}

/* 0 if the handle is one that is at hand: see `Namespace.at_hand`. */
static int find_handle(struct call *call)
{
    PyObject *handles = get(call->lane->namespace, N__handles), *wire, *done = NULL;

    if (handles == NULL)
        return FAILED;
    wire = PyBytes_FromStringAndSize((const char *)call->octets + call->handle_at,
                                     (Py_ssize_t)call->handle_size);
    if (wire != NULL && PyDict_Check(handles)) {
        call->handle = PyDict_GetItemWithError(handles, wire);
        Py_XINCREF(call->handle);
        if (call->handle != NULL)
            done = PyObject_CallMethodObjArgs(handles, lane_names[N_move_to_end], wire, NULL);
        Py_XDECREF(done);
    }
    Py_XDECREF(wire);
    Py_DECREF(handles);
    if (PyErr_Occurred())
        return FAILED;
    if (call->handle == NULL)
        return ASK;
    call->node = get(call->handle, N_node);
    call->export = get(call->handle, N_export);
    return call->node == NULL || call->export == NULL ? FAILED : 0;
}

/* 1 if the handle's export is in one of the caller's sets. */
static int among(const struct call *call, Py_ssize_t place)
{
    PyObject *set = PyTuple_GetItem(call->caller, place);
    Py_ssize_t size = set == NULL ? -1 : PySet_Size(set);

    if (size <= 0)
        return (int)size;
    return PySet_Contains(set, call->export);
}

/* 0 if the caller may use the export, and as which user. */
static int find_user(struct call *call)
{
    PyObject *credentials = PyTuple_GetItem(call->caller, 0), *latest;
    int no = among(call, 1);

    if (no == 0)
        no = lane_true(call->export, N_absent);
    if (no == 0 && call->first == OP_WRITE)
        no = among(call, 2);
    if (no)
        return no < 0 ? FAILED : ASK;
    latest = get(call->export, N__latest);
    if (latest == NULL)
        return FAILED;
    if (PyTuple_Check(latest) && PyTuple_Size(latest) == 2
        && PyTuple_GetItem(latest, 0) == credentials) {
        call->who = PyTuple_GetItem(latest, 1);
        Py_XINCREF(call->who);
    } else {
        call->who = PyObject_CallMethodObjArgs(call->export, lane_names[N_user], credentials, NULL);
    }
    Py_DECREF(latest);
    return call->who == NULL ? FAILED : 0;
}

/* --- What a call leaves behind --- */

/* As `Slot.execute`: the slot moves on, and keeps what tells a repetition. */
static int move_on(const struct call *call, uint32_t digest)
{
    PyObject *credentials = PyTuple_GetItem(call->caller, 0);
    PyObject *seqid = PyLong_FromUnsignedLong(call->seqid), *fingerprint;
    PyObject *flavor = get(credentials, N_flavor), *uid = get(credentials, N_uid), *octets;
    int status = FAILED;

    if (call->data != NULL)
        octets = PyLong_FromLong(-1);
    else
        octets = PyLong_FromUnsignedLongLong((uint64_t)(call->end - call->behind) << 32 | digest);
    fingerprint = PyTuple_New(4);
    if (seqid && flavor && uid && octets && fingerprint) {
        PyTuple_SetItem(fingerprint, 0, PyLong_FromUnsignedLong(call->count));
        PyTuple_SetItem(fingerprint, 1, flavor);
        PyTuple_SetItem(fingerprint, 2, uid);
        PyTuple_SetItem(fingerprint, 3, octets);
        flavor = uid = octets = NULL;
        if (PyObject_SetAttr(call->slot, lane_names[N_seqid], seqid) == 0
            && PyObject_SetAttr(call->slot, lane_names[N_fingerprint], fingerprint) == 0)
            status = PyObject_SetAttr(call->slot, lane_names[N_reply], Py_None);
    }
    Py_XDECREF(seqid);
    Py_XDECREF(flavor);
    Py_XDECREF(uid);
    Py_XDECREF(octets);
    Py_XDECREF(fingerprint);
    return status < 0 ? FAILED : 0;
}

/* Renew the lease, and return what SEQUENCE tells the client in `flags`. */
static int renew(const struct call *call, PyObject *now, uint64_t *flags)
{
    Lane *lane = call->lane;
    PyObject *back, *done;
    int well;

    if (PyObject_SetAttr(call->session, lane_names[N_used], now) < 0)
        return FAILED;
    done = PyObject_CallMethodObjArgs(lane->registry, lane_names[N_renew], call->client, now, NULL);
    if (done == NULL)
        return FAILED;
    Py_DECREF(done);
    *flags = 0;
    back = get(call->session, N_back);
    if (back == NULL)
        return FAILED;
    well = lane_true(back, N_operational);
    Py_DECREF(back);
    if (well > 0)
        well = lane_true(call->client, N_reclaim_complete);
    if (well > 0) {
        well = lane_true(call->client, N_revoked);
        well = well < 0 ? well : !well;
    }
    if (well)
        return well < 0 ? FAILED : 0;
    done = PyObject_CallFunctionObjArgs(lane->flags, lane->registry, call->session, now, NULL);
    return lane_unsigned(done, flags) < 0 ? FAILED : 0;
}

/* Everything of a reply before the operation's result. */
static void write_head(const struct call *call, unsigned char *at, uint32_t flags)
{
    uint32_t last = (uint32_t)call->slots - 1;

    at = put32(at, call->xid);
    at = put32(at, 1); /* REPLY, MSG_ACCEPTED, AUTH_NONE, no verifier, SUCCESS */
    memset(at, 0, 16);
    at = put32(at + 16, 0); /* NFS4_OK, no tag */
    at = put32(at, 0);
    at = put32(at, call->count);
    at = put32(at, OP_SEQUENCE);
    at = put32(at, 0);
    memcpy(at, call->session_id, sizeof call->session_id);
    at = put32(at + sizeof call->session_id, call->seqid);
    at = put32(at, call->number);
    at = put32(at, last);
    at = put32(at, last);
    at = put32(at, flags);
    at = put32(at, OP_PUTFH);
    put32(at, 0);
}

/* Add to a number in a list, or to an attribute of an object. */
static int add(PyObject *list, Py_ssize_t place)
{
    PyObject *number = list == NULL ? NULL : PyList_GetItem(list, place);
    long long value = number == NULL ? -1 : PyLong_AsLongLong(number);

    if (value == -1 && PyErr_Occurred())
        return FAILED;
    number = PyLong_FromLongLong(value + 1);
    return number == NULL ? FAILED : PyList_SetItem(list, place, number);
}

static int add_moved(PyObject *tally, enum name name, uint64_t octets)
{
    PyObject *before = get(tally, name), *more = PyLong_FromUnsignedLongLong(octets), *after;
    int status = FAILED;

    after = before == NULL || more == NULL ? NULL : PyNumber_Add(before, more);
    if (after != NULL)
        status = PyObject_SetAttr(tally, lane_names[name], after);
    Py_XDECREF(before);
    Py_XDECREF(more);
    Py_XDECREF(after);
    return status;
}

/* Count how long the call took, in `spans`. */
static int add_span(const Lane *lane, PyObject *spans, double seconds)
{
    PyObject *counts = get(spans, N_counts), *total = get(spans, N_total_s), *after = NULL;
    Py_ssize_t place = 0;
    int status = FAILED;

    while (place < lane->bounds_count && lane->bounds[place] < seconds)
        place++;
    if (total != NULL)
        after = PyFloat_FromDouble(PyFloat_AsDouble(total) + seconds);
    if (after != NULL && !PyErr_Occurred() && add(counts, place) == 0)
        status = PyObject_SetAttr(spans, lane_names[N_total_s], after);
    Py_XDECREF(counts);
    Py_XDECREF(total);
    Py_XDECREF(after);
    return status;
}

/* As `Tally.pass_lane`, which is called while somebody watches. */
static int tell(const struct call *call, PyObject *reply, double seconds)
{
    PyObject *tally = call->lane->tally, *one = get(tally, N_activity), *number, *spans;
    int status;

    if (one == NULL)
        return FAILED;
    Py_DECREF(one);
    if (one != Py_None) {
        PyObject *pass = get(tally, N_pass_lane);

        one = pass == NULL ? NULL
                           : PyObject_CallFunction(pass, "IIOiOOd", (unsigned)call->first,
                                                   (unsigned)call->count, reply, RESULT_AT,
                                                   call->client, call->handle, seconds);
        Py_XDECREF(pass);
        Py_XDECREF(one);
        return one == NULL ? FAILED : 0;
    }
    one = get(tally, N__succeeded);
    status = add(one, (Py_ssize_t)call->first);
    Py_XDECREF(one);
    if (status == 0) {
        one = get(tally, N__lanes);
        status = add(one, (Py_ssize_t)call->count);
        Py_XDECREF(one);
    }
    if (status == 0 && call->first == OP_READ)
        status = add_moved(tally, N_read, call->moved);
    else if (status == 0 && call->first == OP_WRITE)
        status = add_moved(tally, N_written, call->moved);
    if (status < 0)
        return FAILED;
    one = get(tally, N_spans);
    number = PyLong_FromUnsignedLong(call->first);
    spans = one == NULL || number == NULL ? NULL : PyObject_GetItem(one, number);
    status = spans == NULL ? FAILED : add_span(call->lane, spans, seconds);
    Py_XDECREF(one);
    Py_XDECREF(number);
    Py_XDECREF(spans);
    return status;
}

/* --- A call --- */

static int look_up(struct call *call)
{
    int status;

    if ((status = lane_true(call->lane->core, N_draining)) != 0)
        return status < 0 ? status : ASK;
    call->began = PyObject_CallNoArgs(call->lane->clock);
    if (call->began == NULL)
        return FAILED;
    if ((status = find_session(call)) < 0 || (status = find_caller(call)) < 0
        || (status = check_limits(call)) < 0 || (status = find_slot(call)) < 0
        || (status = find_handle(call)) < 0)
        return status;
    return find_user(call);
}

/* The operation is done: leave behind what the call leaves, and complete its reply. */
static int conclude(const struct call *call, PyObject *reply, Py_buffer *view)
{
    Py_ssize_t size = call->end - call->behind;
    uint32_t digest = 0;
    uint64_t flags;
    PyObject *now;
    double seconds;
    int status;

    if (call->data == NULL)
        digest = lane_crc32(call->octets + call->behind, size < FINGERPRINT ? size : FINGERPRINT);
    if (move_on(call, digest) < 0)
        return FAILED;
    now = PyObject_CallNoArgs(call->lane->clock);
    if (now == NULL)
        return FAILED;
    status = renew(call, now, &flags);
    seconds = PyFloat_AsDouble(now) - PyFloat_AsDouble(call->began);
    Py_DECREF(now);
    if (status < 0 || PyErr_Occurred())
        return FAILED;
    write_head(call, view->buf, (uint32_t)flags);
    return tell(call, reply, seconds);
}

/* The length of the reply; else ASK, NEVER, or FAILED. */
static Py_ssize_t answer(struct call *call)
{
    PyObject *reply = NULL;
    Py_buffer view;
    Py_ssize_t size;
    int status = look_up(call);

    if (status == FAILED)
        return lane_asks();
    if (status < 0)
        return status;
    switch (call->first) {
    case OP_READ: status = lane_read(call, &reply, &view); break;
    case OP_WRITE: status = lane_write(call, &reply, &view); break;
    default: status = lane_getattr(call, &reply, &view); break;
    }
    if (reply == NULL)
        return status < 0 ? status : ASK;
    if (status == 0)
        status = conclude(call, reply, &view);
    size = view.len;
    PyBuffer_Release(&view);
    Py_DECREF(reply);
    return status < 0 ? status : size;
}

static void release(struct call *call)
{
    Py_XDECREF(call->session);
    Py_XDECREF(call->client);
    Py_XDECREF(call->fore);
    Py_XDECREF(call->slot);
    Py_XDECREF(call->caller);
    Py_XDECREF(call->handle);
    Py_XDECREF(call->export);
    Py_XDECREF(call->node);
    Py_XDECREF(call->who);
    Py_XDECREF(call->began);
}

static PyObject *ask(const Lane *lane, PyObject *const *args)
{
    PyObject *tuple = PyTuple_New(ARGUMENTS), *octets;

    if (tuple == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < ARGUMENTS; i++) {
        Py_INCREF(args[i]);
        PyTuple_SetItem(tuple, i, args[i]);
    }
    octets = PyObject_CallObject(lane->fallback, tuple);
    Py_DECREF(tuple);
    return octets;
}

PyObject *lane_call(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct call call = {.lane = (Lane *)self};
    Py_buffer message;
    Py_ssize_t at, status;

    if (count != ARGUMENTS) {
        PyErr_SetString(PyExc_TypeError, "a call takes eight arguments");
        return NULL;
    }
    at = PyLong_AsSsize_t(args[3]);
    call.room = PyLong_AsSsize_t(args[4]);
    if (PyErr_Occurred() || PyObject_GetBuffer(args[2], &message, PyBUF_SIMPLE) < 0)
        return NULL;
    call.channel = args[0];
    call.claim = args[1];
    call.message = args[2];
    call.take = args[5];
    call.place = args[6] == Py_None ? NULL : args[6];
    call.data = args[7] == Py_None ? NULL : args[7];
    call.octets = message.buf;
    call.end = message.len;
    status = recognize(&call, at);
    if (status == 0)
        status = answer(&call);
    release(&call);
    PyBuffer_Release(&message);
    if (status == FAILED)
        return NULL;
    if (status == ASK)
        return ask(call.lane, args);
    return PyLong_FromSsize_t(status == NEVER ? 0 : status);
}
