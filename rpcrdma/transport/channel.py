"""``RdmaChannel``: one RPC-over-RDMA connection, both directions of it.

A connection has a requester and a responder at each end. Calls of the side that connected go in
the forward direction, and may use chunks; those of the other side go in the reverse direction,
inline only (RFC 8167; see ``backchannel``). The direction word of the RPC message says which of the
two a message is for, since the XIDs of the two directions are independent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.rpc import CALL, REPLY

from ..budget import Account, unbounded
from ..complaints import Complaints
from ..rpc.channel import CLOSED_HERE, Owner, Peer, Service, Swift
from ..task import Future, Reactor, TimerHandle
from ..verbs.interfaces import Connection, LendingDomain
from ..verbs.types import DeviceLimits, SendWR, VerbsError, WrOpcode
from .backchannel import direction, reverse_limit
from .endpoint import Queues, ReceiveSlot, RpcRdmaEndpoint
from .exchange import Exchanges
from .header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_DONE,
    RDMA_ERROR,
    SHORT_AND_RPC,
    SHORT_HEADER_SIZE,
    VERSION,
    RpcRdmaError,
    decode_header,
)
from .options import TransportOptions
from .pending import PendingCall
from .private_data import PrivateData
from .prompt import PromptCalls
from .reduction import Room
from .requester import RpcRdmaRequester
from .responder import RpcRdmaResponder, refuse_all
from .short import make_short

_log = logging.getLogger(__name__)

_SHORTEST = SHORT_AND_RPC.size
_PROC = slice(12, 16)
_ERROR = RDMA_ERROR.to_bytes(4, "big")
_ERRORS = frozenset((ERR_VERS, ERR_CHUNK))


class RdmaChannel:
    """A ``Channel`` over RDMA; made by ``connect_rdma`` and ``listen_rdma``.

    ``active`` is the side that connected: forward requester and reverse responder. What the peer
    makes us hold is charged to ``account``, which is given back at the end. ``complaints`` gets
    the reasons for which calls are refused.
    """

    def __init__(
        self,
        connection: Connection,
        queues: Queues,
        limits: DeviceLimits,
        options: TransportOptions,
        service: Service | None,
        *,
        active: bool,
        read_depth: int,
        complaints: Complaints,
        reactor: Reactor,
        account: Account | None = None,
    ) -> None:
        self.options = options
        self.established_at = 0.0
        """When it came up, in seconds of the reactor's clock."""
        self._active = active
        self.account = account if account is not None else unbounded()
        self._complaints = complaints
        self._reactor = reactor
        self._overdue: TimerHandle | None = None
        self._peer = Peer("rdma", *connection.peer_address)
        self._endpoint = RpcRdmaEndpoint(
            connection,
            queues,
            limits,
            options,
            read_depth=read_depth,
            on_message=self._on_message,
            on_prompt=self._on_prompt,
            on_failure=self._break_off,
            account=self.account,
        )
        self.stats = self._endpoint.stats
        called, answered = options.credits, options.reverse_credits
        if not active:
            called, answered = answered, called
        self.requester = RpcRdmaRequester(self._endpoint, called)
        self.requester.on_dropped = self._reply_dropped
        self.responder = RpcRdmaResponder(
            self._endpoint,
            self,
            service or refuse_all,
            answered,
            chunks=not active,
            on_refused=self._refused,
        )
        self.prompt = PromptCalls(self._endpoint, self.responder, chunks=not active)
        self._on_close: list[Callable[[str], None]] = []
        self._reason: str | None = None
        self.relied_on = False
        self.swift: Swift | None = None
        """The short way for calls of the side that connected, if there is one."""
        self.fault = ""
        """What the peer did to end the connection; empty if it did nothing."""
        self._received_before = -1
        self._probing = False

    # --- Life ---

    def belongs_to(self, owner: Owner | None) -> None:
        """Note whose process on this host the peer is, if it is one."""
        self._peer = self._peer.of(owner)

    def establish(self, private_data: bytes, now: float) -> None:
        """Begin: the connection is up, with the peer's ``private_data`` (RFC 8797)."""
        endpoint, options = self._endpoint, self.options
        self.established_at = now
        endpoint.negotiate(PrivateData.decode(private_data))
        if self._active:
            self.requester.room = Room(
                call=endpoint.send_threshold,
                reply=endpoint.receive_threshold,
                max_read_chunks=options.max_read_chunks,
                max_write_chunks=options.max_write_chunks,
                max_segments=options.max_segments,
                max_segment_length=options.max_segment_length,
                reduce_long_calls=options.reduce_long_calls,
            )
        short = make_short(endpoint, self.requester, self.responder)
        if endpoint.exchanging is not None and self.requester.room is not None:
            self.swift = Exchanges(
                endpoint, endpoint.exchanging, self.requester, self.requester.room, short
            )
        prompted = endpoint.prompted if short is None else short.prompted
        endpoint.start(prompted)

    @property
    def peer(self) -> Peer:
        """The peer's address, and its user if it is on this host."""
        return self._peer

    @property
    def max_message(self) -> int:
        """The longest call or reply, in octets, payloads not counted."""
        endpoint = self._endpoint
        if self._active:
            return self.options.max_long_message
        return reverse_limit(endpoint.send_threshold, endpoint.receive_threshold)

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._endpoint.closed

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        """See ``Channel.call``. Raises ``ValueError`` if the message's XID is in use."""
        return self.requester.call(message, max_reply, sinks)

    def lend(self, size: int, *, clear: bool = True) -> memoryview | None:
        """Return memory of ``size`` octets that needs no copy over this connection, if it has any.

        It is usable as any other when the connection is gone. If it need not be clear it may hold
        octets of before.
        """
        domain = self._endpoint.pd
        if self.closed or size <= 0 or not isinstance(domain, LendingDomain):
            return None
        try:
            return domain.lend(size, clear=clear)
        except VerbsError:
            return None

    def cancel(self, xid: int) -> bool:
        """Give up a call, see ``RpcRdmaRequester.cancel``."""
        return self.requester.cancel(xid)

    def close(self, reason: str = CLOSED_HERE) -> None:
        """See ``Channel.close``."""
        self._shut_down(reason)

    def on_close(self, callback: Callable[[str], None]) -> None:
        """See ``Channel.on_close``. Calls back at once if the channel is closed."""
        if self._reason is None:
            self._on_close.append(callback)
        else:
            callback(self._reason)

    def keep_alive(self) -> None:
        """Ask the peer for a sign of life if nothing came since the last time this was called.

        An empty RDMA WRITE needs no memory of the peer and is acknowledged by its adapter alone. If
        it is not, the queue pair fails, which ends the connection. Where queue pairs do not fail by
        themselves, a peer that has taken nothing of what was sent ends it as well.
        """
        if not self.closed and self._endpoint.send_threshold and self._endpoint.send_queue.stuck():
            self._break_off("the peer does not take what it is sent")
            return
        received = self.stats.bytes_inline_received
        silent = received == self._received_before and self._endpoint.send_threshold
        self._received_before = received
        if silent and not self._probing and not self.closed:
            self._probing = True
            self._endpoint.send_queue.post(SendWR(WrOpcode.RDMA_WRITE), self._probed)

    def look(self) -> None:
        """End the connection if the peer does not answer our RDMA READs."""
        self.responder.look()

    def _refused(self, error: RpcRdmaError) -> None:
        """Keep the reason for which a call was answered with RDMA_ERROR."""
        self.stats.count_refused(error.reason)
        self._complaints.about(
            self._peer, f"call refused, {error.reason}", error.detail, level=logging.DEBUG
        )

    def _reply_dropped(self, call: PendingCall) -> None:
        """Give the server a while to answer a call of which a reply was dropped.

        Nobody sends a reply twice over one connection. So that the call does not wait for ever, its
        connection is ended, and whoever has made it sends it again over the next one.
        """
        self._complaints.about(self._peer, "reply dropped", call.complaint)
        if self._active and self._overdue is None:
            self._wait_for_reply(call)

    def _wait_for_reply(self, call: PendingCall) -> None:
        when = self._reactor.time() + self.options.reply_timeout_s
        self._overdue = self._reactor.call_at(when, self._look_for_reply, call)

    def _look_for_reply(self, call: PendingCall) -> None:
        self._overdue = None
        if self.requester.awaits(call):
            self._break_off("no other reply came for one that was dropped")
        elif (other := self.requester.without_reply()) is not None:
            self._wait_for_reply(other)

    def _probed(self) -> None:
        self._probing = False

    def _break_off(self, fault: str) -> None:
        """End the connection for what the peer did, or did not do."""
        if self._reason is None:
            self.fault = fault
            self._shut_down(fault)

    def disconnected(self, reason: str) -> None:
        """Take note that the connection manager has ended the connection."""
        self._shut_down(reason)

    def _shut_down(self, reason: str) -> None:
        """Release everything, then call back those that wait for calls or for the end."""
        if self._reason is not None:
            return
        self._reason = reason
        self.swift = None
        if self._overdue is not None:
            self._overdue.cancel()
        calls = self.requester.shutdown()
        self._endpoint.close()
        self.responder.shutdown(reason)
        self._endpoint.finish_sends()
        self.requester.fail(calls, reason)
        callbacks, self._on_close = self._on_close, []
        for callback in callbacks:
            try:
                callback(reason)
            except Exception:
                # The other callbacks still have to run, and the caller is not to blame.
                _log.exception("%r, told that %r is gone, failed", callback, self._peer)

    # --- Messages ---

    def _on_message(self, slot: ReceiveSlot, view: memoryview, rkey: int | None) -> None:
        """Dispatch a message. Most have empty lists: nine words say what they are."""
        if len(view) >= _SHORTEST:
            xid, version, credit, proc, reads, writes, reply, rpc_xid, way = (
                SHORT_AND_RPC.unpack_from(view)
            )
            if not (proc or reads or writes or reply) and version == VERSION and rpc_xid == xid:
                if way == REPLY:
                    self.requester.short_reply(xid, credit, view[SHORT_HEADER_SIZE:], rkey)
                    self._endpoint.repost(slot)
                    return
                if way == CALL and rkey is None:
                    self.responder.short_call(slot, xid, view[SHORT_HEADER_SIZE:])
                    return
        self._on_other_message(slot, view, rkey)

    def _on_prompt(self, view: memoryview) -> bool:
        """Deal with a message now, as :meth:`_on_message` would, if it is a usual one."""
        if len(view) < _SHORTEST:
            return False
        xid, version, credit, proc, reads, writes, reply, rpc_xid, way = SHORT_AND_RPC.unpack_from(
            view
        )
        if proc or version != VERSION:
            return False
        if reads or writes or reply:
            return self.prompt.call_with_chunk(view)
        if rpc_xid != xid:
            return False
        if way == REPLY:
            self.requester.short_reply(xid, credit, view[SHORT_HEADER_SIZE:], None)
            return True
        return way == CALL and self.prompt.call(xid, view[SHORT_HEADER_SIZE:])

    def _on_other_message(self, slot: ReceiveSlot, view: memoryview, rkey: int | None) -> None:
        """Dispatch a message with chunks, without an RPC message, or without sense.

        One that is too short for a header is dropped, and so is an RDMA_ERROR of no known kind (RFC
        8166, Section 4.5).
        """
        if len(view) < SHORT_HEADER_SIZE and view[_PROC] != _ERROR:
            self._drop(slot, rkey)
            return
        try:
            header = decode_header(view, self.options.header_limits)
            if header.proc == RDMA_DONE or (
                header.proc == RDMA_ERROR and header.error not in _ERRORS
            ):
                self._drop(slot, rkey)
                return
            is_reply = header.proc == RDMA_ERROR or direction(header, view, self._active) == REPLY
        except RpcRdmaError as error:
            self._on_malformed(slot, view, rkey, error)
            return
        if not is_reply:
            if rkey is None:
                self.responder.call(slot, header, view)
            else:
                self._endpoint.fail("the peer invalidated memory with a call")
            return
        if header.proc == RDMA_ERROR:
            self.requester.refused(header, rkey)
        else:
            self.requester.reply(header, view, rkey)
        self._endpoint.repost(slot)

    def _on_malformed(
        self, slot: ReceiveSlot, view: memoryview, rkey: int | None, error: RpcRdmaError
    ) -> None:
        """Answer with the error on the passive side, drop the message on the active side."""
        if not self._active and rkey is None:
            self.responder.malformed(slot, view, error)
        elif self.requester.expects(xid := int.from_bytes(view[:4], "big")):
            self.requester.drop(xid, rkey, str(error))
            self._endpoint.repost(slot)
        else:
            self._drop(slot, rkey)

    def _drop(self, slot: ReceiveSlot, rkey: int | None) -> None:
        if rkey is not None:
            self._endpoint.fail("the peer invalidated memory without a reply")
        self.stats.messages_dropped += 1
        self._endpoint.repost(slot)
