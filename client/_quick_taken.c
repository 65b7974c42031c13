/* What comes of a call whose reply is there when it is sent: what such a reply begins with, and what is noted once
 * it is there. `answer_in_python`, `took_in_python` and `count_in_python` of quick.py are the oracles in the tests.
 */

#include "_quick.h"

/* What the reply begins with if all goes well: bytes. */
PyObject *quick_answer(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    const Asked *asked = quick_asked(args, count, 2, "answer(session, asked, /)");
    PyObject *id, *op, *behind, *made = NULL;
    uint32_t xid, seqid, slot, operation;
    Py_ssize_t more;

    (void)self;
    if (asked == NULL)
        return NULL;
    id = get(args[0], N_session_id);
    op = id == NULL ? NULL : get(asked->kind, N_op);
    behind = op == NULL ? NULL : get(asked->kind, N_behind);
    more = behind == NULL ? -1 : PyBytes_Size(behind);
    if (more >= 0) {
        xid = (uint32_t)PyLong_AsUnsignedLong(asked->xid);
        seqid = (uint32_t)PyLong_AsUnsignedLong(asked->seqid);
        slot = (uint32_t)PyLong_AsUnsignedLong(asked->slot);
        operation = (uint32_t)PyLong_AsUnsignedLong(op);
        if (!PyErr_Occurred() && (!PyBytes_Check(id) || PyBytes_Size(id) != SESSION_ID))
            PyErr_SetString(PyExc_ValueError, "a session's ID of another length");
        if (!PyErr_Occurred())
            made = PyBytes_FromStringAndSize(NULL, REPLY + more);
    }
    if (made != NULL) {
        unsigned char *at = (unsigned char *)PyBytes_AsString(made);

        memset(at, 0, REPLY);
        put32(at, xid);
        put32(at + 4, 1); /* REPLY, accepted, AUTH_NONE, no verifier, SUCCESS; NFS4_OK, no tag */
        put32(at + 32, OPERATIONS);
        put32(at + 36, OP_SEQUENCE);
        memcpy(at + ID_AT, PyBytes_AsString(id), SESSION_ID);
        put32(at + SEQID_AT, seqid);
        put32(at + SLOT_AT, slot);
        put32(at + PUTFH_AT, OP_PUTFH);
        put32(at + PUTFH_AT + 8, operation);
        memcpy(at + REPLY, PyBytes_AsString(behind), (size_t)more);
    }
    Py_XDECREF(id);
    Py_XDECREF(op);
    Py_XDECREF(behind);
    return made;
}

/* Note a reply that is what was expected. Returns the time. */
PyObject *quick_took(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    const Asked *asked = quick_asked(args, count, 3, "took(session, asked, reply, /)");
    PyObject *now;

    (void)self;
    if (asked == NULL)
        return NULL;
    if (!PyBytes_Check(args[2]) || PyBytes_Size(args[2]) < REPLY) {
        PyErr_SetString(PyExc_ValueError, "a reply that is too short");
        return NULL;
    }
    now = quick_time(args[0]);
    if (now != NULL
        && (set(args[0], N_heard_at, now) < 0 || set(args[0], N_renewed_at, asked->sent_at) < 0
            || quick_executed(args[0], asked, (const unsigned char *)PyBytes_AsString(args[2])) < 0))
        Py_CLEAR(now);
    return now;
}

/* The counters of a call (`Statistics.of`); NULL with an exception. */
static PyObject *counters(PyObject *session, PyObject *kind)
{
    PyObject *stats = get(session, N_stats), *name, *operations, *found = NULL;

    name = stats == NULL ? NULL : get(kind, N_name);
    operations = name == NULL ? NULL : get(stats, N_operations);
    if (operations != NULL && PyDict_Check(operations))
        found = PyDict_GetItemWithError(operations, name);
    Py_XINCREF(found);
    if (found == NULL && operations != NULL && !PyErr_Occurred())
        found = PyObject_CallMethodObjArgs(stats, quick_names[N_of], name, NULL);
    Py_XDECREF(stats);
    Py_XDECREF(name);
    Py_XDECREF(operations);
    return found;
}

/* Add to an attribute. */
static int add(PyObject *object, enum name name, PyObject *more)
{
    PyObject *before = get(object, name), *after;
    int status;

    after = before == NULL || more == NULL ? NULL : PyNumber_Add(before, more);
    status = after == NULL ? -1 : set(object, name, after);
    Py_XDECREF(before);
    Py_XDECREF(after);
    return status;
}

/* Make an attribute a time that is less, or more, than it. */
static int keep(PyObject *object, enum name name, PyObject *time, int less)
{
    PyObject *before = get(object, name);
    int beyond = before == NULL ? -1 : PyObject_RichCompareBool(time, before, less ? Py_LT : Py_GT);

    Py_XDECREF(before);
    return beyond > 0 ? set(object, name, time) : beyond;
}

/* Count a call that did not fail, and whose reply had so many octets (`OperationStats.record`). */
PyObject *quick_count(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    const Asked *asked = quick_asked(args, count, 4, "count(session, asked, now, received, /)");
    PyObject *found, *time, *one = NULL;
    int status = -1;

    (void)self;
    if (asked == NULL)
        return NULL;
    found = counters(args[0], asked->kind);
    time = found == NULL ? NULL : PyNumber_Subtract(args[2], asked->sent_at);
    if (time != NULL)
        one = PyLong_FromLong(1);
    if (one != NULL && add(found, N_calls, one) == 0 && add(found, N_bytes_sent, asked->octets) == 0
        && add(found, N_bytes_received, args[3]) == 0 && add(found, N_total_rtt, time) == 0
        && keep(found, N_min_rtt, time, 1) == 0)
        status = keep(found, N_max_rtt, time, 0);
    Py_XDECREF(found);
    Py_XDECREF(time);
    Py_XDECREF(one);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}
