"""Live capture: an interface as an endless pcap stream, for the reader of pcap files.

Frames come from an ``AF_PACKET`` socket, which tells of every frame that it was several packets
before segmentation, and of what size: such a frame is taken apart here. ``any`` is all interfaces,
in the form that is called "cooked". What is filtered out never leaves the kernel; the filter is
compiled by libpcap.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which
from struct import Struct

from ..layers.link import COOKED2, ETHERNET
from ..layers.offload import segments
from .opening import reader_of
from .pcap import NANOSECONDS
from .reader import CaptureError, Reader
from .source import Spool

ANY = "any"
_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_STATISTICS, _PACKET_VNET_HDR = 263, 1, 6, 15
_PACKET_MR_PROMISC = 1
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE, _SO_ATTACH_FILTER = 35, 33, 26
_OUTGOING, _ETHERNET_HARDWARE, _LOOPBACK_HARDWARE = 4, 1, 772
_ETHERNET_LIKE = frozenset((_ETHERNET_HARDWARE, _LOOPBACK_HARDWARE))
_ETHERNET_HEADER = 14
_GSO_UDP = 5
_BUFFER = 64 << 20
_SNAPLEN = 1 << 18
_POLL_S = 0.2
_BATCH = 1 << 18
_RAW = 12

_FILE_HEADER = Struct("<IHHiIII")
_RECORD = Struct("<IIII")
_VNET = Struct("<BBHHHH")
_TIMESPEC = Struct("@ll")
_SLL2 = Struct(">HHIHBB8s")


class Live:
    """Captures from an interface until it is stopped; ``fill`` is what a ``Spool`` reads from.

    Raises ``PermissionError`` or ``OSError`` where that is not possible, ``CaptureError`` for a
    filter that cannot be compiled. ``idle`` is called before anything is waited for.
    """

    def __init__(
        self,
        interface: str,
        expression: str = "",
        *,
        duration: float = 0,
        count: int = 0,
        idle: Callable[[], object] = lambda: None,
    ) -> None:
        self._cooked = interface == ANY or _hardware(interface) not in _ETHERNET_LIKE
        self.link_type = COOKED2 if self._cooked else ETHERNET
        self._idle = idle
        self._left = count or -1
        self._end = time.monotonic() + duration if duration else 0.0
        self._stopped = False
        self._pending = bytearray(
            _FILE_HEADER.pack(NANOSECONDS, 2, 4, 0, 0, _SNAPLEN, self.link_type)
        )
        everything = socket.htons(_ETH_P_ALL) if interface == ANY else 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, everything)
        try:
            self._prepare(interface, expression)
        except BaseException:
            self._socket.close()
            raise
        self._frame = memoryview(bytearray(_SNAPLEN))

    def _prepare(self, interface: str, expression: str) -> None:
        sock = self._socket
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        if expression:
            plain = self._cooked and interface != ANY
            _attach(sock, expression, _RAW if plain else ETHERNET)
        name = "" if interface == ANY else interface
        if name:
            index = socket.if_nametoindex(name)
            request = Struct("@IHH8s").pack(index, _PACKET_MR_PROMISC, 0, b"")
            sock.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
            sock.bind((name, _ETH_P_ALL))
        else:
            # It has been seeing everything, unfiltered, since it was made.
            with suppress(BlockingIOError):
                while True:
                    sock.recv(_SNAPLEN, socket.MSG_DONTWAIT)

    def stop(self) -> None:
        """End soon: may be called by a signal handler."""
        self._stopped = True

    def dropped(self) -> int:
        """Return how many frames the kernel had no room for, since this was last asked."""
        if self._socket.fileno() < 0:
            return 0
        raw = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(Struct("@II").unpack(raw)[1])

    def close(self) -> None:
        """Capture no more."""
        self._socket.close()

    def fill(self, room: memoryview) -> int:
        """Put some records into ``room``; return how many octets, 0 at the end."""
        while not self._pending and not self._over():
            self._idle()
            if select.select([self._socket], [], [], self._wait())[0]:
                self._receive()
        taken = min(len(room), len(self._pending))
        room[:taken] = self._pending[:taken]
        del self._pending[:taken]
        return taken

    def _over(self) -> bool:
        late = self._end and time.monotonic() >= self._end
        return self._stopped or bool(late) or not self._left

    def _wait(self) -> float:
        return min(_POLL_S, max(0.0, self._end - time.monotonic())) if self._end else _POLL_S

    def _receive(self) -> None:
        while len(self._pending) < _BATCH and self._left:
            try:
                size, ancillary, _, address = self._socket.recvmsg_into(
                    [self._frame], 64, socket.MSG_DONTWAIT | socket.MSG_TRUNC
                )
            except BlockingIOError:
                return
            _, protocol, direction, hardware, link_address = address
            if direction == _OUTGOING and hardware == _LOOPBACK_HARDWARE:
                continue  # it comes again, as received
            self._left -= 1
            seconds, nanoseconds = divmod(time.time_ns(), 10**9)
            for _, kind, data in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            _, gso, _, gso_size, _, _ = _VNET.unpack_from(self._frame)
            there = bytes(self._frame[_VNET.size : min(size, _SNAPLEN)])
            size -= _VNET.size
            head = b""
            if self._cooked:
                if hardware in _ETHERNET_LIKE:
                    there, size = there[_ETHERNET_HEADER:], size - _ETHERNET_HEADER
                padded = bytes(link_address)[:8].ljust(8, b"\0")
                head = _SLL2.pack(
                    protocol, 0, 0, hardware, direction, min(8, len(link_address)), padded
                )
            whole = size == len(there)
            parts: Iterator[bytes] = iter((there,))
            if gso & 0x7F == _GSO_UDP and gso_size and whole:
                parts = segments(there, gso_size, protocol if self._cooked else None)
            for part in parts:
                frame = head + part
                original = len(frame) if whole else len(head) + size
                self._pending += _RECORD.pack(seconds, nanoseconds, len(frame), original) + frame


def open_live(live: Live) -> Reader:
    """Return the frames of a capture that is being made."""
    return reader_of(Spool(live.fill, endless=True))


def open_dumpcap(
    interface: str, expression: str, duration: float, count: int, idle: Callable[[], object]
) -> tuple[Reader, subprocess.Popen[bytes]] | None:
    """Capture with ``dumpcap`` instead, if it is there: it may be allowed what we are not."""
    program = which("dumpcap")
    if program is None:
        return None
    command = [program, "-q", "-i", interface, "-w", "-"]
    command += ["-f", expression] if expression else []
    command += ["-a", f"duration:{max(1, round(duration))}"] if duration else []
    command += ["-c", str(count)] if count else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    descriptor = process.stdout.fileno()

    def fill(room: memoryview) -> int:
        idle()
        return os.readv(descriptor, [room])

    return reader_of(Spool(fill, endless=True)), process


def _hardware(interface: str) -> int:
    """Return the ARP hardware type of an interface. Raises ``OSError`` if there is none."""
    socket.if_nametoindex(interface)
    try:
        return int(Path(f"/sys/class/net/{interface}/type").read_text())
    except (OSError, ValueError):
        return _ETHERNET_HARDWARE


class _Program(ctypes.Structure):
    """A BPF program: ``struct bpf_program``; ``struct sock_fprog`` has another first field."""

    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.c_void_p)]


def _attach(sock: socket.socket, expression: str, link_type: int) -> None:
    """Compile a filter and hand it to the kernel. Raises ``CaptureError``."""
    name = ctypes.util.find_library("pcap")
    if name is None:
        raise CaptureError("a filter needs libpcap (Debian: apt-get install libpcap0.8)")
    library = ctypes.CDLL(name)
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(library.pcap_open_dead(link_type, _SNAPLEN))
    program = _Program()
    try:
        if library.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, -1) < 0:
            raise CaptureError(f"the filter: {library.pcap_geterr(handle).decode()}")
        raw = Struct("@HP").pack(program.length, program.instructions)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, raw)
        finally:
            library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
