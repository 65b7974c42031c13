"""Shared memory: descriptors that a peer sends may be of files that answer when it likes."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.harness import HARNESSES, ProviderHarness, pair

from nfsrdma.rpcrdma.providers.shm import descriptors, messages, rendezvous
from nfsrdma.rpcrdma.providers.shm.memory import ARENA_OCTETS, SharedFile
from nfsrdma.rpcrdma.providers.shm.messages import BadMessage, Kind
from nfsrdma.rpcrdma.providers.shm.order import SUITABLE
from nfsrdma.rpcrdma.providers.shm.regions import ENTRY_WORDS
from nfsrdma.rpcrdma.verbs.types import Access

pytestmark = pytest.mark.skipif(not SUITABLE, reason="no shared memory on this processor")

PACKET = messages._HEAD.pack(b"nshm", 1, int(Kind.REQ))


@pytest.fixture
def harness() -> Iterator[ProviderHarness]:
    made = HARNESSES["shm"]()
    yield made
    made.close()


class Doors:
    """What ``os.close`` is kept from doing until :meth:`open`, and which threads asked for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._event = threading.Event()
        self.callers: list[threading.Thread] = []
        close = os.close

        def slow(fd: int) -> None:
            if not descriptors.are_plain([fd]):
                self.callers.append(threading.current_thread())
                self._event.wait(30)
            close(fd)

        monkeypatch.setattr(os, "close", slow)

    def open(self) -> None:
        """Let every close go on, and wait for that."""
        self._event.set()
        for thread in list(descriptors._closing):
            thread.join(30)


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    made = Doors(monkeypatch)
    yield made
    made.open()


def sent(fds: list[int]) -> socket.socket:
    """Return the end at which a REQ has come with descriptors."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.send_fds(theirs, [PACKET], fds)
    theirs.close()
    ours.setblocking(False)
    return ours


def test_what_is_plain_is_passed_on() -> None:
    memory, bell = SharedFile(4096, writable=False), os.eventfd(0)
    with sent([memory.fd, memory.fd, bell]) as end:
        received = messages.receive(end)
    assert received is not None
    assert len(received[2]) == 3
    for fd in (*received[2], bell):
        os.close(fd)
    memory.close()


def test_whatever_else_is_closed_by_a_thread(doors: Doors, tmp_path: Path) -> None:
    memory, bell = SharedFile(4096, writable=False), os.eventfd(0)
    strange = [os.open(tmp_path, os.O_RDONLY), *os.pipe(), socket.socket().detach()]
    doors.callers.clear()
    for each in strange:
        with sent([memory.fd, each, bell]) as end, pytest.raises(BadMessage, match="something"):
            messages.receive(end)
        doors.open()
    assert len(doors.callers) == len(strange)
    assert threading.current_thread() not in doors.callers
    assert not descriptors._closing


def test_whose_cannot_be_closed_is_not_listened_to(doors: Doors, tmp_path: Path) -> None:
    strange = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2):
        with sent([strange] * 8) as end, pytest.raises(BadMessage, match="with a REQ"):
            messages.receive(end)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with sent([strange] * 8) as end, pytest.raises(BadMessage, match="cannot be closed"):
            messages.receive(end)
    assert len(os.listdir("/proc/self/fd")) == before
    doors.open()
    with sent([strange]) as end, pytest.raises(BadMessage, match="with a REQ"):
        messages.receive(end)
    os.close(strange)


def test_slabs_have_a_size_together(harness: ProviderHarness) -> None:
    """A file with holes costs nothing, and whoever maps it would be out of addresses."""
    client, server = pair(harness, receives=1)
    good = client.connection._slabs._shown  # type: ignore[attr-defined]
    for index, size in enumerate((ARENA_OCTETS // 2, ARENA_OCTETS // 2, 4096), 100 + good):
        fd = os.memfd_create("holes", os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        client.connection._line.send(  # type: ignore[attr-defined]
            Kind.SLAB, messages.encode_slab(index, size), (fd,)
        )
        os.close(fd)
    harness.run_until(lambda: server.told("disconnected"))


def test_a_table_that_changes_while_it_is_read(harness: ProviderHarness) -> None:
    """The start of a region is read again for the place in its slab: no place is below that."""
    client, server = pair(harness, receives=1)
    region = client.pd.register(
        memoryview(bytearray(4096)), Access.LOCAL_WRITE | Access.REMOTE_WRITE
    )
    harness.run_for(0.02)
    remote = server.connection.queue_pair._machines.link.remote  # type: ignore[attr-defined]
    words = client.pd._words  # type: ignore[attr-defined]
    at = region.slot * ENTRY_WORDS  # type: ignore[attr-defined]
    permitted = remote.permitted
    reached = Access.REMOTE_WRITE

    def permit(*asked: int) -> int | None:
        found: int | None = permitted(*asked)
        words[at + 1] = region.address + 100
        return found

    assert remote.map(region.rkey, region.address, 10, reached) is not None
    remote.unmap(region.rkey)
    # The slots of the object are its own: what looks is put in its place in the class.
    original = type(remote).permitted
    try:
        type(remote).permitted = lambda self, *asked: permit(*asked)
        assert remote.map(region.rkey, region.address, 10, reached) is None
    finally:
        type(remote).permitted = original
    assert not any(server.connection._ring.marks)  # type: ignore[attr-defined]


def test_a_doorbell_that_its_other_holder_makes_wait(harness: ProviderHarness) -> None:
    """Whether reads and writes wait is a flag of the open file, which the peer has too."""
    client, server = pair(harness, receives=2)
    bell: int = server.connection._doorbell_fd  # type: ignore[attr-defined]
    fcntl.fcntl(bell, fcntl.F_SETFL, fcntl.fcntl(bell, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    server.connection._woken()  # type: ignore[attr-defined]  # somebody else has read it by now
    server.connection._slabs.trusted = False  # type: ignore[attr-defined]
    os.eventfd_write(bell, (1 << 64) - 2)  # no more fits
    server.connection.ring()  # type: ignore[attr-defined]
    server.connection._woken()  # type: ignore[attr-defined]
    client.send(b"hello")
    harness.run_until(lambda: server.received)
    assert not select.select([bell], [], [], 0)[0]


# A real file system whose daemon does not answer.

_IN = struct.Struct("=IIQQIIII")
_OUT = struct.Struct("=IiQ")
_ATTRIBUTES = struct.pack("=6Q10I", 2, 0, 0, 0, 0, 0, 0, 0, 0, 0o100644, 1, 0, 0, 0, 4096, 0)
_LOOKUP, _GETATTR, _OPEN, _FLUSH, _INIT = 1, 3, 14, 25, 26


class Daemon:
    """A FUSE file system with one file, which answers nothing once it is open."""

    def __init__(self, where: Path) -> None:
        self._where = os.fsencode(where)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0".encode()
        if self._libc.mount(b"silent", self._where, b"fuse.silent", 0, options):
            os.close(self.fd)
            pytest.skip("cannot mount here")
        self.asked: list[int] = []
        self.ended = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        opened = False
        while True:
            try:
                request = os.read(self.fd, 1 << 20)
            except OSError:
                return
            _, opcode, unique, node, *_ = _IN.unpack_from(request)
            self.asked.append(opcode)
            if opcode == _INIT:
                body = struct.pack("=IIIIHHIIHHII24x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0, 0)
            elif opcode == _LOOKUP:
                body = struct.pack("=4Q2I", 2, 0, 0, 0, 0, 0) + _ATTRIBUTES
            elif opcode == _GETATTR and not opened:
                attributes = bytearray(_ATTRIBUTES)
                if node == 1:
                    struct.pack_into("=I", attributes, 60, 0o040755)
                body = struct.pack("=QII", 0, 0, 0) + attributes
            elif opcode == _OPEN:
                opened = True
                body = struct.pack("=QII", 1, 0, 0)
            else:
                continue
            os.write(self.fd, _OUT.pack(_OUT.size + len(body), 0, unique) + body)

    def end(self) -> None:
        """Unmount: whoever waits gets an error. Harmless to repeat."""
        if self.ended:
            return
        self.ended = True
        self._libc.umount2(self._where, 3)  # MNT_FORCE | MNT_DETACH
        self.thread.join(10)
        os.close(self.fd)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    if os.geteuid() or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("wants root, and FUSE")
    where = tmp_path / "silent"
    where.mkdir()
    made = Daemon(where)
    guard = threading.Timer(20, made.end)  # lest an unmended server hang here for ever
    guard.start()
    yield made
    guard.cancel()
    made.end()


def test_a_file_system_that_does_not_answer(
    harness: ProviderHarness, daemon: Daemon, tmp_path: Path
) -> None:
    requests: list[object] = []
    port = harness.new_port()
    listener = harness.a.listen(harness.host, port, requests.append)
    directory = harness.a._directory  # type: ignore[attr-defined]
    fd = os.open(tmp_path / "silent" / "file", os.O_RDWR)
    stranger, _ = rendezvous.meet(harness.host, port, directory)
    offer = messages.Offer(1, 64, 4096, 6, 1, 0, 7, 50000, "127.0.0.1", b"").encode()
    socket.send_fds(stranger, [PACKET + offer], [fd, fd, fd])
    harness.run_for(0.1)
    assert not requests
    client, server = pair(harness, receives=1)
    client.send(b"hello")
    harness.run_until(lambda: server.received)
    assert daemon.thread.is_alive()
    assert _FLUSH in daemon.asked  # somebody waits for that, and it is not the server
    listener.close()
    stranger.close()
    (waiting,) = descriptors._closing
    daemon.end()
    waiting.join(10)
    assert not descriptors._closing
    with contextlib.suppress(OSError):  # it cannot be asked any more
        os.close(fd)
