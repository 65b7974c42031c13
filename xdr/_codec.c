/* The XDR decoder, compiled. What each method does is said in its twin, `decoder.py`, and is the same
 * here, errors and their words included; a property test holds the two against each other.
 *
 * Subclasses in Python work as with the twin: what they may override (`_take`, `_length`, `_short`,
 * `remaining`, `octets`, `uint32`) is called through them. Only a plain Decoder takes the short way.
 *
 * Making an object that the garbage collector knows (a tuple, a list, a memoryview), giving up a
 * reference and calling a method may each run any Python code: a finalizer that decodes, another
 * thread. So what is used afterwards is held: a layout by its count of users, a view by a reference;
 * and the octets are looked at only after the last such call.
 */

#include "native.h"

#include <stdint.h>
#include <structmember.h>

#define MAX_DEPTH 64
#define LAYOUTS 512 /* of the cache, a power of two */
#define LONGEST 64  /* fields of a layout that is decoded here */

typedef struct {
    PyObject_HEAD
    PyObject *view; /* a memoryview, of which `octets` has the contents */
    Py_buffer octets;
    Py_ssize_t end, offset, depth;
} Decoder;

/* A struct.Struct, taken apart: `code` is its letter, `size` what a string has. */
struct field {
    char code;
    Py_ssize_t size;
};
struct layout {
    PyObject *key;
    Py_ssize_t users; /* the cache is one */
    Py_ssize_t size, count, values; /* count -1: not for us */
    struct field fields[LONGEST];
};

static PyTypeObject *decoder_type;
static PyObject *xdr_error, *unpack_from;
static PyObject *name_take, *name_short, *name_remaining, *name_octets, *name_uint32;
static struct layout *layouts[LAYOUTS];

static int exact(Decoder *self)
{
    return Py_TYPE((PyObject *)self) == decoder_type;
}

/* -- numbers ------------------------------------------------------------------------------- */

static uint32_t word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t long_word(const unsigned char *at)
{
    return (uint64_t)word(at) << 32 | word(at + 4);
}

static PyObject *number(char code, const unsigned char *at)
{
    switch (code) {
    case 'I':
        return PyLong_FromUnsignedLong(word(at));
    case 'i':
        return PyLong_FromLong((int32_t)word(at));
    case 'Q':
        return PyLong_FromUnsignedLongLong(long_word(at));
    default:
        return PyLong_FromLongLong((int64_t)long_word(at));
    }
}

/* -- what goes wrong ----------------------------------------------------------------------- */

static Py_ssize_t remaining(Decoder *self)
{
    PyObject *left;
    Py_ssize_t count;

    if (exact(self))
        return self->end - self->offset;
    left = PyObject_CallMethodObjArgs((PyObject *)self, name_remaining, NULL);
    if (left == NULL)
        return -1;
    count = PyLong_AsSsize_t(left);
    Py_DECREF(left);
    return count;
}

static PyObject *make_short(Decoder *self, PyObject *wanted)
{
    PyObject *text, *error;
    Py_ssize_t left = remaining(self);

    if (left == -1 && PyErr_Occurred())
        return NULL;
    text = PyUnicode_FromFormat("%S octets wanted at %zd, %zd left", wanted, self->offset, left);
    if (text == NULL)
        return NULL;
    error = PyObject_CallFunctionObjArgs(xdr_error, text, NULL);
    Py_DECREF(text);
    return error;
}

/* Raise that so many octets are not there. */
static PyObject *fall_short(Decoder *self, Py_ssize_t wanted)
{
    PyObject *size = PyLong_FromSsize_t(wanted), *error;

    if (size == NULL)
        return NULL;
    if (exact(self))
        error = make_short(self, size);
    else
        error = PyObject_CallMethodObjArgs((PyObject *)self, name_short, size, NULL);
    Py_DECREF(size);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

/* The next `size` octets of the view, past which the cursor goes; NULL if they are not there. */
static const unsigned char *advance(Decoder *self, Py_ssize_t size)
{
    Py_ssize_t at = self->offset;

    if (self->view == NULL || at < 0 || at > self->octets.len || self->octets.len - at < size) {
        fall_short(self, size);
        return NULL;
    }
    self->offset = at + size;
    return (const unsigned char *)self->octets.buf + at;
}

static int get_word(Decoder *self, uint32_t *value)
{
    const unsigned char *at;
    PyObject *result;

    if (exact(self)) {
        at = advance(self, 4);
        if (at == NULL)
            return -1;
        *value = word(at);
        return 0;
    }
    result = PyObject_CallMethodObjArgs((PyObject *)self, name_uint32, NULL);
    if (result == NULL)
        return -1;
    *value = (uint32_t)PyLong_AsUnsignedLong(result);
    Py_DECREF(result);
    return PyErr_Occurred() ? -1 : 0;
}

/* `limit` is an argument of the caller's: None, or absent, means none. */
static int within(unsigned long long count, PyObject *limit, const char *what)
{
    unsigned long long most;

    if (limit == NULL || limit == Py_None)
        return 0;
    most = PyLong_AsUnsignedLongLong(limit);
    if (most == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    if (count <= most)
        return 0;
    PyErr_Format(xdr_error, "%llu %s where at most %llu fit", count, what, most);
    return -1;
}

static int check_arguments(const char *name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most)
{
    if (count >= least && count <= most)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments", name, least, most);
    return -1;
}

/* -- the object ---------------------------------------------------------------------------- */

static int set_view(Decoder *self, PyObject *data)
{
    Py_buffer octets, old_octets;
    PyObject *view = PyMemoryView_FromObject(data), *old_view;

    if (view == NULL)
        return -1;
    if (PyObject_GetBuffer(view, &octets, PyBUF_SIMPLE) < 0) {
        Py_DECREF(view);
        return -1;
    }
    old_view = self->view;
    old_octets = self->octets;
    self->view = view;
    self->octets = octets;
    if (old_view != NULL) { /* which may end it, and run what its end runs */
        PyBuffer_Release(&old_octets);
        Py_DECREF(old_view);
    }
    return 0;
}

static int decoder_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"data", "offset", NULL};
    Decoder *self = (Decoder *)object;
    PyObject *data;
    Py_ssize_t offset = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n", names, &data, &offset))
        return -1;
    if (set_view(self, data) < 0)
        return -1;
    self->end = self->octets.len;
    self->offset = offset;
    self->depth = 0;
    return 0;
}

static void decoder_dealloc(PyObject *object)
{
    Decoder *self = (Decoder *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    if (self->view != NULL) {
        PyBuffer_Release(&self->octets);
        Py_DECREF(self->view);
    }
    release(object);
    Py_DECREF(type);
}

static PyObject *get_view_attribute(PyObject *object, void *unused)
{
    Decoder *self = (Decoder *)object;

    (void)unused;
    if (self->view == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_view");
        return NULL;
    }
    return Py_NewRef(self->view);
}

static int set_view_attribute(PyObject *object, PyObject *value, void *unused)
{
    (void)unused;
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_view");
        return -1;
    }
    return set_view((Decoder *)object, value);
}

/* A piece of the view, which Python code could replace meanwhile. */
static PyObject *slice_view(Decoder *self, Py_ssize_t start, Py_ssize_t stop)
{
    PyObject *view = Py_NewRef(self->view), *piece = PySequence_GetSlice(view, start, stop);

    Py_DECREF(view);
    return piece;
}

/* -- the cursor ---------------------------------------------------------------------------- */

static PyObject *decoder_tell(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(((Decoder *)self)->offset);
}

static PyObject *decoder_remaining(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSsize_t(((Decoder *)self)->end - ((Decoder *)self)->offset);
}

static PyObject *decoder_short(PyObject *self, PyObject *wanted)
{
    return make_short((Decoder *)self, wanted);
}

static PyObject *decoder_peek(PyObject *object, PyObject *size)
{
    Decoder *self = (Decoder *)object;
    Py_ssize_t count = PyLong_AsSsize_t(size), stop;

    if (count == -1 && PyErr_Occurred())
        return NULL;
    if (self->view == NULL)
        return PyErr_Format(PyExc_AttributeError, "_view");
    stop = count < self->end - self->offset ? self->offset + count : self->end;
    return slice_view(self, self->offset, stop);
}

static PyObject *decoder_done(PyObject *object, PyObject *unused)
{
    Decoder *self = (Decoder *)object;

    (void)unused;
    if (self->offset == self->end)
        Py_RETURN_NONE;
    return PyErr_Format(xdr_error, "%zd octets left over", self->end - self->offset);
}

static PyObject *decoder_descend(PyObject *object, PyObject *unused)
{
    (void)unused;
    if (++((Decoder *)object)->depth > MAX_DEPTH)
        return PyErr_Format(xdr_error, "data nested more than %d deep", MAX_DEPTH);
    Py_RETURN_NONE;
}

static PyObject *decoder_ascend(PyObject *object, PyObject *unused)
{
    (void)unused;
    ((Decoder *)object)->depth--;
    Py_RETURN_NONE;
}

/* -- numbers, and runs of them ------------------------------------------------------------- */

static PyObject *get_number(PyObject *self, char code, Py_ssize_t size)
{
    const unsigned char *at = advance((Decoder *)self, size);

    return at == NULL ? NULL : number(code, at);
}

#define NUMBER(name, code, size)                                                                   \
    static PyObject *decoder_##name(PyObject *self, PyObject *unused)                              \
    {                                                                                              \
        (void)unused;                                                                              \
        return get_number(self, code, size);                                                       \
    }

NUMBER(uint32, 'I', 4)
NUMBER(int32, 'i', 4)
NUMBER(uint64, 'Q', 8)
NUMBER(int64, 'q', 8)

static PyObject *decoder_boolean(PyObject *self, PyObject *unused)
{
    uint32_t value;

    (void)unused;
    if (get_word((Decoder *)self, &value) < 0)
        return NULL;
    if (value > 1)
        return PyErr_Format(xdr_error, "%u is no boolean", (unsigned)value);
    return PyBool_FromLong((long)value);
}

/* Take a struct.Struct apart: big-endian, of the letters that XDR has, strings and gaps. */
static int parse_layout(struct layout *parsed, PyObject *key)
{
    PyObject *size = PyObject_GetAttrString(key, "size"), *format = NULL, *ascii = NULL;
    Py_ssize_t octets, field;
    const char *at;
    int status = -1;

    parsed->size = size == NULL ? -1 : PyLong_AsSsize_t(size);
    parsed->count = parsed->values = 0;
    if (parsed->size < 0 || (format = PyObject_GetAttrString(key, "format")) == NULL)
        goto out;
    ascii = PyUnicode_AsASCIIString(format);
    if (ascii == NULL || (at = PyBytes_AsString(ascii)) == NULL)
        goto out;
    status = 0;
    if (*at++ != '>')
        parsed->count = -1;
    while (*at && parsed->count >= 0) {
        Py_ssize_t many = 0;
        int counted = 0;

        for (; *at >= '0' && *at <= '9' && many < 4096; at++, counted = 1)
            many = 10 * many + (*at - '0');
        if (!counted)
            many = 1;
        if (*at == '\0' || strchr("iIqQsx", *at) == NULL) {
            parsed->count = -1;
            break;
        }
        if (*at == 's' || *at == 'x') { /* a string of `many` octets is one field */
            if (parsed->count == LONGEST) {
                parsed->count = -1;
                break;
            }
            parsed->fields[parsed->count++] = (struct field){*at, many};
            parsed->values += *at == 's';
        } else {
            if (many > LONGEST - parsed->count) {
                parsed->count = -1;
                break;
            }
            for (; many; many--) {
                octets = *at == 'q' || *at == 'Q' ? 8 : 4;
                parsed->fields[parsed->count++] = (struct field){*at, octets};
                parsed->values++;
            }
        }
        at++;
    }
    for (octets = field = 0; field < parsed->count; field++)
        octets += parsed->fields[field].size;
    if (octets != parsed->size) /* no struct.Struct: whatever it is knows by itself */
        parsed->count = -1;
out:
    Py_XDECREF(size);
    Py_XDECREF(format);
    Py_XDECREF(ascii);
    return status;
}

static void release_layout(struct layout *layout)
{
    if (--layout->users > 0)
        return;
    Py_DECREF(layout->key);
    free(layout);
}

/* The layout of a struct.Struct, with one more user: to be given back to `release_layout`. */
static struct layout *hold_layout(PyObject *key)
{
    struct layout **place = &layouts[(uintptr_t)key >> 4 & (LAYOUTS - 1)], *made, *old = *place;

    if (old != NULL && old->key == key) {
        old->users++;
        return old;
    }
    made = malloc(sizeof *made);
    if (made == NULL)
        return (struct layout *)PyErr_NoMemory();
    if (parse_layout(made, key) < 0) {
        free(made);
        return NULL;
    }
    made->key = Py_NewRef(key); /* so that its address means this one for as long as it is here */
    made->users = 2;
    old = *place; /* parsing may have brought another one */
    *place = made;
    if (old != NULL)
        release_layout(old);
    return made;
}

static PyObject *decoder_unpack(PyObject *object, PyObject *key)
{
    Decoder *self = (Decoder *)object;
    struct layout *layout = hold_layout(key);
    const unsigned char *at = NULL;
    PyObject *values = NULL, *value;
    Py_ssize_t field, index = 0;

    if (layout == NULL)
        return NULL;
    if (layout->count < 0) {
        if (advance(self, layout->size) != NULL) {
            PyObject *view = Py_NewRef(self->view);

            values = PyObject_CallMethod(
                key, "unpack_from", "On", view, self->offset - layout->size);
            Py_DECREF(view);
        }
        release_layout(layout);
        return values;
    }
    values = PyTuple_New(layout->values);
    if (values != NULL && (at = advance(self, layout->size)) == NULL)
        Py_CLEAR(values);
    for (field = 0; values != NULL && field < layout->count; field++) {
        struct field one = layout->fields[field];

        if (one.code != 'x') {
            value = one.code == 's' ? PyBytes_FromStringAndSize((const char *)at, one.size)
                                    : number(one.code, at);
            if (value == NULL || PyTuple_SetItem(values, index++, value) < 0)
                Py_CLEAR(values);
        }
        at += one.size;
    }
    release_layout(layout);
    return values;
}

static PyObject *decoder_numbers(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    Decoder *self = (Decoder *)object;
    PyObject *list, *value, *ascii;
    Py_ssize_t many, index, size;
    const unsigned char *at;
    char code;

    if (check_arguments("numbers", count, 2, 2) < 0)
        return NULL;
    ascii = PyUnicode_AsASCIIString(args[0]);
    if (ascii == NULL)
        return NULL;
    code = *PyBytes_AsString(ascii);
    Py_DECREF(ascii);
    many = PyLong_AsSsize_t(args[1]);
    if (many == -1 && PyErr_Occurred())
        return NULL;
    size = strchr("qQd", code) != NULL ? 8 : 4;
    if (many < 0 || many > PY_SSIZE_T_MAX / 8 || many * size > self->end - self->offset)
        return fall_short(self, many < 0 || many > PY_SSIZE_T_MAX / 8 ? many : many * size);
    if (code == '\0' || strchr("iIqQ", code) == NULL)
        return PyObject_CallFunction(unpack_from, "OOO", (PyObject *)self, args[0], args[1]);
    list = PyList_New(many);
    at = list == NULL ? NULL : advance(self, many * size);
    if (at == NULL)
        Py_CLEAR(list);
    for (index = 0; list != NULL && index < many; index++, at += size) {
        value = number(code, at);
        if (value == NULL || PyList_SetItem(list, index, value) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *decoder_check_count(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    unsigned long long many;
    Py_ssize_t left, each, octets;

    if (check_arguments("check_count", count, 2, 3) < 0)
        return NULL;
    many = PyLong_AsUnsignedLongLong(args[0]);
    each = PyLong_AsSsize_t(args[1]);
    if (PyErr_Occurred() || within(many, count > 2 ? args[2] : NULL, "elements") < 0)
        return NULL;
    left = remaining((Decoder *)self);
    if (left == -1 && PyErr_Occurred())
        return NULL;
    if (left < 0 || (each > 0 && many > (unsigned long long)left / (unsigned long long)each))
        return fall_short(
            (Decoder *)self,
            __builtin_mul_overflow(many, each, &octets) ? PY_SSIZE_T_MAX : octets);
    Py_RETURN_NONE;
}

/* -- octets -------------------------------------------------------------------------------- */

static Py_ssize_t padded(Py_ssize_t size)
{
    return (size + 3) & ~(Py_ssize_t)3;
}

/* Whether so many octets and their pad are inline; the cursor is valid then. */
static int is_inline(Decoder *self, Py_ssize_t size)
{
    Py_ssize_t left = self->end - self->offset;

    return size >= 0 && self->offset >= 0 && self->end <= self->octets.len && left >= 0
           && size <= left && padded(size) <= left;
}

static PyObject *decoder_take(PyObject *object, PyObject *size)
{
    Decoder *self = (Decoder *)object;
    Py_ssize_t count = PyLong_AsSsize_t(size), at = self->offset;

    if (count == -1 && PyErr_Occurred())
        return NULL;
    if (self->view == NULL || !is_inline(self, count))
        return fall_short(self, padded(count));
    self->offset = at + padded(count);
    return slice_view(self, at, at + count);
}

static PyObject *take(Decoder *self, Py_ssize_t size)
{
    PyObject *count = PyLong_FromSsize_t(size), *taken;

    if (count == NULL)
        return NULL;
    if (exact(self))
        taken = decoder_take((PyObject *)self, count);
    else
        taken = PyObject_CallMethodObjArgs((PyObject *)self, name_take, count, NULL);
    Py_DECREF(count);
    return taken;
}

static PyObject *get_octets(Decoder *self, Py_ssize_t size)
{
    PyObject *taken, *octets;
    Py_ssize_t at = self->offset;

    if (is_inline(self, size)) {
        self->offset = at + padded(size);
        return PyBytes_FromStringAndSize((const char *)self->octets.buf + at, size);
    }
    taken = take(self, size); /* raises, unless a subclass has the data elsewhere */
    if (taken == NULL)
        return NULL;
    octets = PyBytes_FromObject(taken);
    Py_DECREF(taken);
    return octets;
}

static PyObject *decoder_octets(PyObject *self, PyObject *size)
{
    Py_ssize_t count = PyLong_AsSsize_t(size);

    if (count == -1 && PyErr_Occurred())
        return NULL;
    return get_octets((Decoder *)self, count);
}

static int get_length(Decoder *self, PyObject *limit, Py_ssize_t *size)
{
    uint32_t length;

    if (get_word(self, &length) < 0 || within(length, limit, "octets") < 0)
        return -1;
    *size = (Py_ssize_t)length;
    return 0;
}

static PyObject *decoder_length(PyObject *self, PyObject *limit)
{
    Py_ssize_t size;

    return get_length((Decoder *)self, limit, &size) < 0 ? NULL : PyLong_FromSsize_t(size);
}

static int limit_of(PyObject *args, PyObject *kwargs, PyObject **limit)
{
    static char *names[] = {"limit", NULL};

    *limit = NULL;
    return PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, limit) ? 0 : -1;
}

static PyObject *decoder_opaque(PyObject *object, PyObject *args, PyObject *kwargs)
{
    Decoder *self = (Decoder *)object;
    PyObject *limit, *count, *octets;
    Py_ssize_t size;

    if (limit_of(args, kwargs, &limit) < 0 || get_length(self, limit, &size) < 0)
        return NULL;
    if (exact(self))
        return get_octets(self, size);
    count = PyLong_FromSsize_t(size);
    if (count == NULL)
        return NULL;
    octets = PyObject_CallMethodObjArgs(object, name_octets, count, NULL);
    Py_DECREF(count);
    return octets;
}

static PyObject *decoder_payload(PyObject *object, PyObject *args, PyObject *kwargs)
{
    Decoder *self = (Decoder *)object;
    PyObject *limit;
    Py_ssize_t size;

    if (limit_of(args, kwargs, &limit) < 0 || get_length(self, limit, &size) < 0)
        return NULL;
    return take(self, size);
}

static PyObject *decoder_array(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"decode", "limit", NULL};
    Decoder *self = (Decoder *)object;
    PyObject *decode, *limit, *list, *value;
    Py_ssize_t left;
    uint32_t count;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", names, &decode, &limit))
        return NULL;
    if (get_word(self, &count) < 0 || within(count, limit, "elements") < 0)
        return NULL;
    left = remaining(self);
    if (left == -1 && PyErr_Occurred())
        return NULL;
    if ((Py_ssize_t)count * 4 > left)
        return fall_short(self, (Py_ssize_t)count * 4);
    list = PyList_New(0);
    for (; list != NULL && count; count--) {
        value = PyObject_CallNoArgs(decode);
        if (value == NULL || PyList_Append(list, value) < 0)
            Py_CLEAR(list);
        Py_XDECREF(value);
    }
    return list;
}

/* -- the module ---------------------------------------------------------------------------- */

#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL
#define KEYS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"tell", decoder_tell, METH_NOARGS, NULL},
    {"remaining", decoder_remaining, METH_NOARGS, NULL},
    {"peek", decoder_peek, METH_O, NULL},
    {"done", decoder_done, METH_NOARGS, NULL},
    {"unpack", decoder_unpack, METH_O, NULL},
    {"uint32", decoder_uint32, METH_NOARGS, NULL},
    {"int32", decoder_int32, METH_NOARGS, NULL},
    {"uint64", decoder_uint64, METH_NOARGS, NULL},
    {"int64", decoder_int64, METH_NOARGS, NULL},
    {"boolean", decoder_boolean, METH_NOARGS, NULL},
    {"fixed_opaque", decoder_octets, METH_O, NULL},
    {"opaque", KEYS(decoder_opaque), NULL},
    {"octets", decoder_octets, METH_O, NULL},
    {"payload", KEYS(decoder_payload), NULL},
    {"array", KEYS(decoder_array), NULL},
    {"check_count", FAST(decoder_check_count), NULL},
    {"numbers", FAST(decoder_numbers), NULL},
    {"descend", decoder_descend, METH_NOARGS, NULL},
    {"ascend", decoder_ascend, METH_NOARGS, NULL},
    {"_length", decoder_length, METH_O, NULL},
    {"_take", decoder_take, METH_O, NULL},
    {"_short", decoder_short, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"offset", T_PYSSIZET, offsetof(Decoder, offset), 0, NULL},
    {"_end", T_PYSSIZET, offsetof(Decoder, end), 0, NULL},
    {"_depth", T_PYSSIZET, offsetof(Decoder, depth), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"_view", get_view_attribute, set_view_attribute, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A cursor over one XDR stream: see ``nfsrdma.xdr.decoder.Decoder``."},
    {Py_tp_init, decoder_init},
    {Py_tp_dealloc, decoder_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    "nfsrdma.xdr._codec.Decoder", sizeof(Decoder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_codec", NULL, 0, NULL, NULL, NULL, NULL, NULL,
};

static int intern_names(void)
{
    name_take = PyUnicode_InternFromString("_take");
    name_short = PyUnicode_InternFromString("_short");
    name_remaining = PyUnicode_InternFromString("remaining");
    name_octets = PyUnicode_InternFromString("octets");
    name_uint32 = PyUnicode_InternFromString("uint32");
    return name_take && name_short && name_remaining && name_octets && name_uint32
               ? 0
               : -1;
}

PyMODINIT_FUNC PyInit__codec(void)
{
    PyObject *twin, *made;

    if (native_refused())
        return NULL;
    twin = PyImport_ImportModule("nfsrdma.xdr.decoder");
    if (twin == NULL)
        return NULL;
    xdr_error = PyObject_GetAttrString(twin, "XdrError");
    unpack_from = PyObject_GetAttrString(twin, "unpack_numbers");
    Py_DECREF(twin);
    decoder_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (xdr_error == NULL || unpack_from == NULL || decoder_type == NULL || intern_names() < 0)
        return NULL;
    made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "Decoder", (PyObject *)decoder_type) < 0)
        Py_CLEAR(made);
    return made;
}
