"""How requests are read from the kernel: a socket that keeps their borders plays ``/dev/fuse``."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from nfsrdma.client.fuse import device
from nfsrdma.client.fuse.device import Device
from nfsrdma.client.fuse.memory import Memory
from nfsrdma.client.fuse.wire import WRITE_HEAD
from nfsrdma.rpcrdma.io.reactor import SelectReactor

WHOLE = 2000


class Lender:
    """A connection whose peer reaches what it lends."""

    def __init__(self) -> None:
        self.lent: list[memoryview] = []

    def lend(self, size: int, *, clear: bool = True) -> memoryview:
        assert not clear, "it is overwritten"
        self.lent.append(memoryview(bytearray(b"\xee" * size)))
        return self.lent[-1]


class Kernel:
    """Requests that are read, one after the other; ``seen`` has the two parts of each."""

    def __init__(self, lender: Lender | None) -> None:
        self.lender = lender
        self.seen: list[tuple[bytes, memoryview]] = []
        self.reactor = SelectReactor()
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.device = Device(
            self.reactor,
            os.dup(theirs.fileno()),
            Memory(channel=lambda: self.lender),  # type: ignore[arg-type, return-value]
            lambda request, data: self.seen.append((bytes(request), data)),
            lambda: (),
            lambda: None,
        )
        theirs.close()

    def ask(self, *requests: bytes) -> list[tuple[bytes, memoryview]]:
        """Send requests, all in one turn; return how they were read."""
        self.seen.clear()
        for request in requests:
            self._ours.send(request)
        self.reactor.run_until(lambda: len(self.seen) == len(requests), 5.0)
        return list(self.seen)

    def close(self) -> None:
        self.device.close()
        self._ours.close()
        self.reactor.close()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.setattr(device, "_WHOLE", WHOLE)
    monkeypatch.setattr(device, "_BULKY", WHOLE // 2)
    kernel = Kernel(Lender())
    yield kernel
    kernel.close()


def write(letter: bytes, size: int) -> bytes:
    return b"h" * WRITE_HEAD + letter * size


def test_large_writes_go_where_the_server_takes_them(kernel: Kernel) -> None:
    first, second, third = kernel.ask(*(write(each, WHOLE) for each in (b"a", b"b", b"c")))
    lender = kernel.lender
    assert lender is not None
    assert first == (write(b"a", WHOLE), b""), "nobody knew that it is large"
    assert len(lender.lent) == 3, "one is at hand, as nobody knew that the third was the last"
    for (head, data), letter, lent in zip((second, third), (b"b", b"c"), lender.lent, strict=False):
        assert head == b"h" * WRITE_HEAD
        assert data == letter * WHOLE
        assert data.readonly
        assert data.obj is lent.obj
    ((_, data),) = kernel.ask(write(b"d", WHOLE))
    assert data.obj is lender.lent[2].obj
    assert second[1] == b"b" * WHOLE


def test_what_is_small_takes_no_large_piece(kernel: Kernel) -> None:
    lender = kernel.lender
    assert lender is not None
    requests = [write(b"a", WHOLE), write(b"b", WHOLE - 1), b"short", write(b"c", 10)]
    _, second, short, last = kernel.ask(*requests)
    assert [second[0] + second[1], short[0] + short[1], last[0] + last[1]] == requests[1:]
    assert all(each.obj is not lender.lent[0].obj for _, each in (second, short, last))
    assert len(lender.lent) == 1


def test_a_piece_is_not_kept_for_another_connection(kernel: Kernel) -> None:
    kernel.ask(write(b"a", WHOLE), write(b"b", WHOLE))
    kernel.lender = Lender()
    ((_, data),) = kernel.ask(write(b"c", WHOLE))
    assert data == b"c" * WHOLE
    assert data.obj is kernel.lender.lent[0].obj
    kernel.lender = None
    ((whole, data),) = kernel.ask(write(b"d", WHOLE))
    assert (whole, data) == (write(b"d", WHOLE), b"")
