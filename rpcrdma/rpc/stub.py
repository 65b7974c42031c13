"""The base classes of the clients and servers that ``nfsrdma xdrgen`` writes.

A :class:`ClientStub` has a method for each procedure, which encodes the arguments; its ``Caller``
sends the call and decodes the result. A :class:`ServerSkeleton` has a coroutine method for each
procedure, to be written in a subclass; :func:`programs` turns skeletons into the programs that
``program.RpcService`` serves. Neither depends on what runs it: ``api.connect`` and ``api.listen``
run them on asyncio, tests in virtual time.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from nfsrdma.xdr import Decoder, Encoder, XdrError

from ..task import Future
from .channel import Channel
from .client import RpcClient
from .message import RemoteFailure, RpcError
from .program import Call, Procedure, RpcProgram, null_procedure

_log = logging.getLogger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_REPLY: Final = 256 << 10
"""Octets of a result to which the specification sets no limit, unless something else is said."""

_REPLY_HEAD: Final = 24
"""Octets of the header of a successful reply (RFC 5531, Section 9), without a verifier's body."""

_ERROR: Final = 8
"""Octets that an error may have after that header (PROG_MISMATCH)."""

Buffer: TypeAlias = bytearray | memoryview
"""Memory that results may be placed in: it must be writable."""

Sinks: TypeAlias = Buffer | Sequence[Buffer]
"""Where the DDP-eligible items of a result go, in their order: one buffer or several."""


class Reply(Protocol[T_co]):
    """The result of a call that is under way: await it, or wait for it.

    Errors: ``RpcError`` if the server answers that it did not execute the call, and those of
    ``channel.Channel.call``.
    """

    def __await__(self) -> Generator[Any, None, T_co]:
        """Wait in an asyncio task."""

    def wait(self, timeout: float | None = None) -> T_co:
        """Wait for at most ``timeout`` seconds, on a connection that a plain ``with`` made.

        Errors: ``TimeoutError``, and those of the call.
        """

    def done(self) -> bool:
        """Return whether waiting would take no time."""


class Caller(Protocol):
    """Makes the calls of a client over some connection."""

    def call(
        self,
        program: int,
        version: int,
        procedure: int,
        encode: Callable[[Encoder], object],
        decode: Callable[[Decoder], T],
        *,
        max_reply: int | None = None,
        sinks: Sequence[memoryview] = (),
    ) -> Reply[T]:
        """Send a call, whose result ``decode`` reads.

        ``max_reply`` is the most octets of the result apart from what goes to the ``sinks``;
        ``None`` leaves that to the connection. What the server has more to say is refused.
        """


class TaskReply(Generic[T]):
    """A ``Reply`` for coroutines that run as a ``task.Task``, as in the simulator."""

    __slots__ = ("_future",)

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    def __await__(self) -> Generator[Any, None, T]:
        """Wait in a ``task.Task``."""
        return self._future.__await__()

    def wait(self, timeout: float | None = None) -> T:
        """Raise ``TypeError``: nobody turns a reactor here."""
        raise TypeError("await this reply")

    def done(self) -> bool:
        """Return whether waiting would take no time."""
        return self._future.done()


class ChannelCaller:
    """A ``Caller`` over one channel.

    ``rpc`` numbers the calls and says who makes them. ``max_reply`` bounds results to which the
    specification sets no limit, in octets.
    """

    def __init__(self, channel: Channel, rpc: RpcClient, max_reply: int = MAX_REPLY) -> None:
        self.channel = channel
        self._rpc = rpc
        self._max_reply = max_reply

    def call(
        self,
        program: int,
        version: int,
        procedure: int,
        encode: Callable[[Encoder], object],
        decode: Callable[[Decoder], T],
        *,
        max_reply: int | None = None,
        sinks: Sequence[memoryview] = (),
    ) -> Reply[T]:
        """See ``Caller.call``."""
        channel = self.channel
        room = max(self._max_reply if max_reply is None else max_reply, _ERROR) + _REPLY_HEAD
        results = self._rpc.call(
            channel,
            program,
            version,
            procedure,
            encode,
            max_reply=min(room, channel.max_message),
            sinks=sinks,
        )
        outcome: Future[T] = Future()

        def replied(reply: Future[Decoder]) -> None:
            try:
                value = decode(reply.result())
            except Exception as error:
                outcome.set_error(error)
            else:
                outcome.set_result(value)

        results.add_done_callback(replied)
        return self.reply(outcome, borrowed=bool(sinks))

    def reply(self, future: Future[T], *, borrowed: bool) -> Reply[T]:
        """Return how the caller waits; ``borrowed`` if the peer may write into its memory."""
        return TaskReply(future)


class ClientStub:
    """The base of clients: calls one version of one program."""

    program: ClassVar[int]
    version: ClassVar[int]

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def _call(
        self,
        procedure: int,
        encode: Callable[[Encoder], object],
        decode: Callable[[Decoder], T],
        max_reply: int | None,
    ) -> Reply[T]:
        """Call a procedure whose result has at most ``max_reply`` octets, ``None`` for any."""
        return self._caller.call(
            self.program, self.version, procedure, encode, decode, max_reply=max_reply
        )

    def _call_into(
        self,
        procedure: int,
        encode: Callable[[Encoder], object],
        decode: Callable[[Decoder], T],
        max_reply: int | None,
        into: Sinks,
    ) -> Reply[T]:
        """Call a procedure whose DDP-eligible items go ``into`` the caller's memory.

        ``max_reply`` bounds the rest of the result. Without memory, all of it comes inline. With
        it the items are views of it, in the end, even if a transport brought them inline.
        """
        buffers = (into,) if isinstance(into, bytearray | memoryview) else into
        sinks = [memoryview(buffer).cast("B") for buffer in buffers]
        return self._caller.call(
            self.program,
            self.version,
            procedure,
            encode,
            lambda dec: decode(cast(Decoder, _Placing(dec, sinks))),
            max_reply=max_reply if sinks else None,
            sinks=sinks,
        )


class _Placing:
    """A decoder whose bulk data is in the caller's memory: copied there if it did not go there."""

    __slots__ = ("_dec", "_index", "_sinks")

    def __init__(self, dec: Decoder, sinks: Sequence[memoryview]) -> None:
        self._dec = dec
        self._sinks = sinks
        self._index = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._dec, name)

    def payload(self, limit: int | None = None) -> memoryview:
        """Read an item, which is a view of the next sink if there is one."""
        data = self._dec.payload(limit)
        if self._index == len(self._sinks):
            return data
        sink = self._sinks[self._index]
        self._index += 1
        if data.obj is sink.obj:
            return data
        if len(data) > len(sink):
            raise XdrError(f"{len(data)} octets where the caller has room for {len(sink)}")
        sink[: len(data)] = data
        return sink[: len(data)]


@dataclass(frozen=True, slots=True)
class ProcedureRow:
    """How a server answers a procedure: a row of its table."""

    start: Callable[[Decoder], Coroutine[Any, Any, Any]]
    """Decodes the arguments and calls the method, which it does not await."""
    encode: Callable[[Encoder, Any], object]
    """Appends the method's result."""


class ServerSkeleton(ABC):
    """The base of servers: answers one version of one program."""

    program: ClassVar[int]
    version: ClassVar[int]

    @abstractmethod
    def procedures(self) -> Mapping[int, ProcedureRow]:
        """Return how the procedures are answered, by number. Procedure 0 may be missing."""


Start = Callable[[Coroutine[Any, Any, Any], Call], Future[Any]]
"""Runs a method of a server for a call; the future is that of its result."""


def programs(servers: Iterable[ServerSkeleton], start: Start) -> list[RpcProgram]:
    """Return the programs that ``servers`` make up; several may serve versions of one program.

    Errors: ``ValueError`` if two serve the same version.
    """
    found: dict[int, dict[int, Mapping[int, Procedure]]] = {}
    for server in servers:
        versions = found.setdefault(server.program, {})
        if server.version in versions:
            raise ValueError(f"program {server.program} version {server.version} is served twice")
        rows = server.procedures()
        table: dict[int, Procedure] = {0: null_procedure}
        table.update({number: _answering(row, start) for number, row in rows.items()})
        versions[server.version] = table
    return [RpcProgram(program, versions) for program, versions in found.items()]


def _answering(row: ProcedureRow, start: Start) -> Procedure:
    def answer(call: Call) -> None:
        method = row.start(call.decoder)
        start(method, call).add_done_callback(lambda done: _reply(call, row, done))

    return answer


def _reply(call: Call, row: ProcedureRow, done: Future[Any]) -> None:
    try:
        result = done.result()
        enc = call.start_reply()
        row.encode(enc, result)
    except RpcError as error:
        call.fail(error)
    except Exception:
        _log.exception("%r of %r failed", call.header, call.channel.peer)
        call.fail(RemoteFailure())
    else:
        call.reply(enc)


def nothing(_: Encoder | Decoder) -> None:
    """Encode or decode ``void``."""


def encode_nothing(enc: Encoder, result: None) -> None:
    """Encode the result of a procedure that has none."""


def encode_optional(enc: Encoder, value: T | None, encode: Callable[[T], object]) -> None:
    """Encode ``type *value``: whether there is one, and if so itself (RFC 4506, Section 4.19)."""
    enc.boolean(value is not None)
    if value is not None:
        encode(value)


__all__ = [
    "Buffer",
    "Caller",
    "ChannelCaller",
    "ClientStub",
    "ProcedureRow",
    "Reply",
    "ServerSkeleton",
    "Sinks",
    "TaskReply",
    "encode_nothing",
    "encode_optional",
    "nothing",
    "programs",
]
