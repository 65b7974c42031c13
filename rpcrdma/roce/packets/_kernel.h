/* The native kernel's inner interface: checksums, and which packets there are. */

#ifndef NFSRDMA_KERNEL_H
#define NFSRDMA_KERNEL_H

#include "native.h"

#include <stdint.h>

enum {
    BTH_OCTETS = 12,
    ICRC_OCTETS = 4,
    SHORTEST = BTH_OCTETS + ICRC_OCTETS,
    LONGEST = BTH_OCTETS + 28 + 4096 + ICRC_OCTETS,
    PREFIX_IPV4 = 8 + 20 + 8,
    PREFIX_IPV6 = 8 + 40 + 8,
    FRAME_OCTETS = BTH_OCTETS + ICRC_OCTETS,
    COPIED = 1024,
    MOST_COPIED = 20480,
    MOST_TRAIN = 1024,
    MOST_ONLIES = 128,
};

/* _kernel_crc.c: the CRC register as it is, without the inversions before and after. */
void crc_start(void);
uint32_t crc_update(uint32_t reg, const uint8_t *data, size_t octets);
uint32_t crc_multiply(uint32_t a, uint32_t b);
uint32_t crc_power(uint32_t exponent);
int crc_update_by(size_t way, uint32_t *reg, const uint8_t *data, size_t octets);
const char *crc_method(size_t way);

/* A flow's pseudo header, with what differs from packet to packet filled in by `icrc_begin`. */
struct flow {
    uint8_t octets[PREFIX_IPV6 + BTH_OCTETS];
    size_t length;
};

/* _kernel_packets.c; `icrc_begin` returns the register after the headers, the BTH included, of a
 * packet of `size` octets; `pieces_within`, whether `count` pieces of `length` octets, `step` apart
 * from `at` on, lie within `total`; `takes_count` is -1 for another number of arguments. */
int packets_start(void);
int flow_of(PyObject *object, struct flow *flow);
uint32_t icrc_begin(struct flow *flow, size_t size, uint32_t ident, const uint8_t *bth);
int takes_count(Py_ssize_t count, Py_ssize_t wanted, const char *name);
int pieces_within(
    Py_ssize_t total, Py_ssize_t at, Py_ssize_t step, Py_ssize_t count, Py_ssize_t length);
PyObject *kernel_frames(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *kernel_train(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *kernel_packet(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *kernel_onlies(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *kernel_message(PyObject *self, PyObject *const *args, Py_ssize_t count);

/* _kernel_received.c */
void received_start(void);
PyObject *kernel_scan(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *kernel_place(PyObject *self, PyObject *const *args, Py_ssize_t count);
PyObject *kernel_spread(PyObject *self, PyObject *const *args, Py_ssize_t count);

#endif
