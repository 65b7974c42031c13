"""A connection to a fake server, in virtual time: calls and replies take a while, or are lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nfsrdma.rpcrdma.budget import unbounded
from nfsrdma.rpcrdma.rpc.channel import Peer, Service, TransportError
from nfsrdma.rpcrdma.rpc.message import peek_xid
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder

if TYPE_CHECKING:
    from tests.support.nfs_fake import FakeServer

LATENCY_S = 0.001


def latency() -> float:
    """Return for how many seconds a message is under way; tests have others."""
    return LATENCY_S


class FakeChannel:
    """A connection to a :class:`FakeServer`."""

    def __init__(self, server: FakeServer, service: Service | None = None) -> None:
        self.peer = Peer("tcp", "fake", 2049)
        self.account = unbounded()
        self.relied_on = False
        self.max_message = 1 << 23
        self.server = server
        self.service = service
        self.closed: str | None = None
        self._pending: dict[int, Future[Decoder]] = {}
        self._on_close: list[Callable[[str], None]] = []
        self.epoch = server.epoch

    def call(self, message: Encoder, *, max_reply: int, sinks: Any = ()) -> Future[Decoder]:
        reply: Future[Decoder] = Future()
        xid = peek_xid(message)
        assert xid not in self._pending, "an XID is used twice on one connection"
        if self.closed is not None:
            reply.set_error(TransportError(self.closed))
            return reply
        self._pending[xid] = reply
        reactor = self.server.reactor
        reactor.call_at(reactor.now + latency(), self._arrive, xid, message.to_bytes(), max_reply)
        return reply

    def _arrive(self, xid: int, message: bytes, max_reply: int) -> None:
        if self.closed is not None:
            return
        if self.epoch != self.server.epoch or not self.server.up:
            self.lose("the server is gone")
            return
        answer = self.server.handle(self, message)
        if answer is None or self.closed is not None:
            return
        if isinstance(answer, Exception):
            self._answer(xid, answer)
            return
        inline = self.server.inline
        assert inline <= max_reply, f"{inline} octets where {max_reply} were foreseen"
        reactor = self.server.reactor
        reactor.call_at(reactor.now + latency(), self._answer, xid, answer)

    def _answer(self, xid: int, answer: bytes | Exception) -> None:
        reply = self._pending.pop(xid, None)
        if reply is None:
            return
        if isinstance(answer, Exception):
            reply.set_error(answer)
        else:
            reply.set_result(Decoder(answer))

    def lose(self, reason: str = "lost") -> None:
        if self.closed is not None:
            return
        self.closed = reason
        pending, self._pending = self._pending, {}
        for reply in pending.values():
            reply.set_error(TransportError(reason))
        callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            callback(reason)

    def close(self, reason: str = "closed on this side") -> None:
        self.lose(reason)

    def on_close(self, callback: Callable[[str], None]) -> None:
        if self.closed is not None:
            callback(self.closed)
        else:
            self._on_close.append(callback)
