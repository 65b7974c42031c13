/* Mapped files that may shrink: what is gone reads as zeros, where SIGBUS would end the process.
 *
 * A page of a mapped file that cannot be had (the file was cut, its disk fails, the file system of
 * a sparse file is full) is a SIGBUS for whoever looks at it. For a map that is guarded the handler
 * puts zeros in place of that page and all behind it, notes where they begin, and lets the reader
 * go on: he asks now and then. Every other SIGBUS goes to whoever had it before.
 */

#define _GNU_SOURCE
#include "native.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_MAPS = 256 };

/* A slot is free while its start is 0. The handler reads it, maybe in another thread: so its start
 * is written last, and taken back first. */
struct map {
    _Atomic uintptr_t start;
    _Atomic uintptr_t end;
    _Atomic uintptr_t lost;
};

static struct map maps[MOST_MAPS];
static struct sigaction before;
static uintptr_t page_octets;
static int installed;

static int replaced(uintptr_t address)
{
    for (size_t index = 0; index < MOST_MAPS; index++) {
        struct map *map = &maps[index];
        uintptr_t start = atomic_load(&map->start), end = atomic_load(&map->end);
        uintptr_t page = address & ~(page_octets - 1);
        uintptr_t lost = atomic_load(&map->lost);

        if (start == 0 || address < start || address >= end)
            continue;
        if (mmap((void *)page, end - page, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
            return 0;
        while (page < lost && !atomic_compare_exchange_weak(&map->lost, &lost, page))
            ;
        return 1;
    }
    return 0;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    if (info->si_code > 0 && replaced((uintptr_t)info->si_addr))
        return;
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        /* The instruction is tried again, and now it ends the process as it would have. */
        signal(number, SIG_DFL);
        if (info->si_code <= 0)
            raise(number);
    }
}

static int install(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (installed)
        return 0;
    page_octets = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &before) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    installed = 1;
    return 0;
}

static PyObject *guard(PyObject *module, PyObject *object)
{
    Py_buffer view;
    (void)module;

    if (install() < 0 || PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    for (long index = 0; index < MOST_MAPS; index++) {
        struct map *map = &maps[index];
        uintptr_t start = (uintptr_t)view.buf;

        if (atomic_load(&map->end) != 0)
            continue;
        /* The last page may be in part behind the file: it is there with all of it. */
        atomic_store(&map->end, (start + (uintptr_t)view.len + page_octets - 1) & ~(page_octets - 1));
        atomic_store(&map->lost, UINTPTR_MAX);
        atomic_store(&map->start, start);
        PyBuffer_Release(&view);
        return PyLong_FromLong(index);
    }
    PyBuffer_Release(&view);
    return PyLong_FromLong(-1);
}

static struct map *slot(PyObject *number)
{
    long index = PyLong_AsLong(number);

    if (index == -1 && PyErr_Occurred())
        return NULL;
    if (index < 0 || index >= MOST_MAPS) {
        PyErr_SetString(PyExc_ValueError, "no such guard");
        return NULL;
    }
    return &maps[index];
}

static PyObject *lost(PyObject *module, PyObject *number)
{
    struct map *map = slot(number);
    (void)module;

    if (map == NULL)
        return NULL;
    if (atomic_load(&map->lost) == UINTPTR_MAX)
        return PyLong_FromLong(-1);
    return PyLong_FromSize_t(atomic_load(&map->lost) - atomic_load(&map->start));
}

static PyObject *release(PyObject *module, PyObject *number)
{
    struct map *map = slot(number);
    (void)module;

    if (map == NULL)
        return NULL;
    atomic_store(&map->start, 0);
    atomic_store(&map->end, 0);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"guard", guard, METH_O, NULL},
    {"lost", lost, METH_O, NULL},
    {"release", release, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_guard",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__guard(void)
{
    return native_refused() ? NULL : PyModule_Create(&module);
}
