"""Loopback addresses of this process's own: UDP port 4791 exists once per address, and other test
runs on the same machine have theirs."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET."""

_SET_FLAGS, _SET_ADDRESS = 0x8914, 0x8916
"""SIOCSIFFLAGS, SIOCSIFADDR."""

_UP, _RUNNING = 0x1, 0x40


def loopback(number: int) -> str:
    """An address in 127.0.0.0/8 that no other test process uses; ``number`` is 1 to 254."""
    pid = os.getpid()
    return f"127.{1 + pid // 250 % 250}.{1 + pid % 250}.{number}"


@contextmanager
def own_network() -> Iterator[bool]:
    """Have this thread in a network of its own, if we may: root may, as a rule.

    In it there is only ``lo``, with a second IPv6 address, as a machine with a network has one.

    Then what exists once per machine, ``::1`` or the ports of all addresses, is nobody else's.
    Yields whether it is so; threads and processes that are started meanwhile join it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK):
            yield False
            return
        try:
            _switch_on_lo()
            yield True
        finally:
            if libc.setns(before, _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "the way back to the machine's network")
    finally:
        os.close(before)


def _switch_on_lo() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP | _RUNNING))
    # Without IPv6 there is no such socket.
    with suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        second = socket.inet_pton(socket.AF_INET6, "fd4e::2")
        fcntl.ioctl(control, _SET_ADDRESS, struct.pack("16sIi", second, 128, 1))
        while not _can_be_bound("fd4e::2"):  # Linux looks for others that have it
            time.sleep(0.001)


def _can_be_bound(host: str) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True
