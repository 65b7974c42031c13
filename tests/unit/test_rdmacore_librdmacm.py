"""What is handed to the C library and taken from it, with a C library of Python functions."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nfsrdma.rpcrdma.providers.rdmacore import librdmacm
from nfsrdma.rpcrdma.providers.rdmacore.librdmacm import ConnectionParameters, Library


class Function:
    """A C function: records its arguments, and answers as the test says."""

    def __init__(self, name: str, answer: Callable[..., Any]) -> None:
        self.name = name
        self.answer = answer
        self.argtypes: list[Any] = []
        self.restype: Any = None

    def __call__(self, *arguments: Any) -> Any:
        assert len(arguments) == len(self.argtypes)
        return self.answer(*arguments)


class CLibrary:
    """Stands for the loaded library; every function succeeds unless the test says otherwise."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Function:
        def succeed(*arguments: Any) -> int:
            self.calls.append((name, *arguments))
            return 0

        return self.functions.setdefault(name, Function(name, succeed))


@pytest.fixture
def c(monkeypatch: pytest.MonkeyPatch) -> CLibrary:
    made = CLibrary()
    monkeypatch.setattr(librdmacm.ctypes, "CDLL", lambda name, use_errno: made)
    return made


@pytest.fixture
def library(c: CLibrary) -> Library:
    return Library()


def fail(code: int) -> Callable[..., int]:
    def answer(*_: Any) -> int:
        ctypes.set_errno(code)
        return -1

    return answer


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_channel_does_not_block(c: CLibrary, library: Library, pipe: tuple[int, int]) -> None:
    channel = librdmacm._Channel(pipe[0])
    c.rdma_create_event_channel.answer = lambda: ctypes.pointer(channel)
    address, descriptor = library.create_channel()
    assert (address, descriptor) == (ctypes.addressof(channel), pipe[0])
    assert not os.get_blocking(pipe[0])
    library.destroy_channel(address)
    assert c.calls == [("rdma_destroy_event_channel", address)]


@pytest.mark.parametrize("code", [0, errno.ENOENT])
def test_no_channel(c: CLibrary, library: Library, code: int) -> None:
    def refuse() -> Any:
        ctypes.set_errno(code)
        return ctypes.POINTER(librdmacm._Channel)()

    c.rdma_create_event_channel.answer = refuse
    with pytest.raises(OSError, match="modprobe rdma_ucm") as caught:
        library.create_channel()
    assert caught.value.errno == (code or errno.ENODEV)


def test_events(c: CLibrary, library: Library) -> None:
    data = ctypes.create_string_buffer(b"private", 7)
    head = librdmacm._EventHead(
        id=0x1000,
        listen_id=0x2000,
        event=librdmacm.CONNECT_REQUEST,
        status=-5,
        conn=librdmacm._ConnParam(ctypes.addressof(data), 7, 3, 4),
    )
    waiting, alive = [head], [head]

    def next_event(channel: int, found: Any) -> int:
        if not waiting:
            return fail(errno.EAGAIN)()
        pointer = ctypes.cast(found, ctypes.POINTER(ctypes.c_void_p))
        pointer[0] = ctypes.addressof(waiting.pop())
        return 0

    c.rdma_get_cm_event.answer = next_event
    event = library.next_event(7)
    assert event == (librdmacm.CONNECT_REQUEST, 0x1000, 0x2000, -5, b"private", 3, 4)
    assert [call[0] for call in c.calls] == ["rdma_ack_cm_event"]
    assert library.next_event(7) is None
    alive.append(librdmacm._EventHead(id=0x1000, event=librdmacm.ESTABLISHED))
    waiting.append(alive[-1])
    assert library.next_event(7) == (librdmacm.ESTABLISHED, 0x1000, 0, 0, b"", 0, 0)


def test_identifiers(c: CLibrary, library: Library) -> None:
    def create(channel: int, made: Any, context: None, space: int) -> int:
        assert (channel, context, space) == (7, None, 0x0106)
        made._obj.value = 0x1000
        return 0

    c.rdma_create_id.answer = create
    assert library.create_id(7) == 0x1000
    to = librdmacm.encode_address(("10.0.0.2", 20049))
    source = librdmacm.encode_address(("10.0.0.1", 0))
    library.bind(1, ("10.0.0.2", 20049))
    library.listen(1)
    library.resolve_address(1, None, ("10.0.0.2", 20049), 1.5)
    library.resolve_address(1, "10.0.0.1", ("10.0.0.2", 20049), 1e-9)
    library.resolve_route(1, 2)
    library.establish(1)
    library.reject(1, b"no")
    library.disconnect(1)
    library.destroy_id(1)
    assert c.calls == [
        ("rdma_bind_addr", 1, to),
        ("rdma_listen", 1, 0),
        ("rdma_resolve_addr", 1, None, to, 1500),
        ("rdma_resolve_addr", 1, source, to, 1),
        ("rdma_resolve_route", 1, 2000),
        ("rdma_establish", 1),
        ("rdma_reject", 1, b"no", 2),
        ("rdma_disconnect", 1),
        ("rdma_destroy_id", 1),
    ]


@pytest.mark.parametrize("private_data", [b"hello", b""])
@pytest.mark.parametrize("verb", ["connect", "accept"])
def test_parameters(c: CLibrary, library: Library, verb: str, private_data: bytes) -> None:
    seen: list[Any] = []

    def take(identifier: int, parameters: Any) -> int:
        given = parameters._obj
        seen.append(ctypes.string_at(given.private_data, given.private_data_len))
        seen.append((given.responder_resources, given.initiator_depth))
        seen.append((given.retry_count, given.rnr_retry_count, given.qp_num))
        return 0

    getattr(c, f"rdma_{verb}").answer = take
    getattr(library, verb)(1, ConnectionParameters(0x123456, private_data, 1, 2, 3, 4))
    assert seen == [private_data, (1, 2), (3, 4, 0x123456)]


def test_attributes_of_a_queue_pair(c: CLibrary, library: Library) -> None:
    def fill(identifier: int, attributes: Any, mask: Any) -> int:
        assert attributes._obj.qp_state == 2
        attributes._obj.dest_qp_num = 99
        mask._obj.value = 0x1234
        return 0

    c.rdma_init_qp_attr.answer = fill
    attributes, mask = library.qp_attributes(1, 2)
    assert (attributes.dest_qp_num, mask) == (99, 0x1234)


@pytest.mark.parametrize("code", [0, errno.EADDRINUSE])
def test_failures_are_errors(c: CLibrary, library: Library, code: int) -> None:
    c.rdma_listen.answer = fail(code)
    with pytest.raises(OSError, match="cannot listen") as caught:
        library.listen(1)
    assert caught.value.errno == (code or errno.EIO)


def test_addresses_and_device(library: Library) -> None:
    device = librdmacm._DeviceHead(name=b"rxe0")
    context = librdmacm._ContextHead(ctypes.pointer(device))
    found = librdmacm._Id(port_num=2)
    identifier = ctypes.addressof(found)
    assert library.device(identifier) == ("", 0)
    found.verbs = ctypes.pointer(context)
    for name, address in (("source", ("10.0.0.1", 5)), ("destination", ("fd99::1", 6))):
        encoded = librdmacm.encode_address(address)
        ctypes.memmove(identifier + getattr(librdmacm._Id, name).offset, encoded, len(encoded))
    assert library.device(identifier) == ("rxe0", 2)
    assert library.addresses(identifier) == (("10.0.0.1", 5), ("fd99::1", 6))
