"""``RdmaCall``: a call that arrived over RDMA, until it is answered.

It belongs to a receive buffer, which is posted again before the answer goes out, since the answer
grants the credit for it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from nfsrdma.xdr import Decoder, Encoder, Payload

from ..rpc.channel import Channel
from ..verbs.types import Access
from .chunk import WriteList, handles
from .credits import CreditGrant
from .endpoint import ReceiveSlot, RpcRdmaEndpoint
from .fetch import Fetch
from .header import (
    RDMA_MSG,
    RDMA_NOMSG,
    SHORT,
    SHORT_HEADER_SIZE,
    VERSION,
    RpcRdmaHeader,
    encode_chunk_error,
    encode_header,
)
from .reduction import ReplyPlan, Write, plan_reply, reply_header_size
from .stats import TransportStats

_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)


class Answering(Protocol):
    """What a call needs of the responder that took it."""

    channel: Channel
    endpoint: RpcRdmaEndpoint
    grant: CreditGrant
    stats: TransportStats

    def post_writes(self, writes: Sequence[Write], targets: Sequence[memoryview]) -> None:
        """Post the RDMA WRITEs of a reply."""

    def release(self, fetch: Fetch) -> None:
        """Give back the memory of a call."""


class RdmaCall:
    """An ``IncomingCall`` over RDMA.

    ``decoder`` and the views it returns are valid until the call is answered. A payload of the
    reply may all the same be such a view: buffers that RDMA READs filled are kept for it until the
    reply is sent, and what is in the receive buffer is copied.
    """

    __slots__ = (
        "_responder",
        "_slot",
        "_target_keys",
        "_targets",
        "decoder",
        "fetch",
        "header",
        "xid",
    )

    decoder: Decoder

    def __init__(
        self, responder: Answering, slot: ReceiveSlot, xid: int, header: RpcRdmaHeader | None
    ) -> None:
        self._responder = responder
        self._slot: ReceiveSlot | None = slot
        self.fetch: Fetch | None = None
        """What the call has to wait for; its memory is released when the call is answered."""
        self._target_keys: Sequence[int] = ()
        """The R_keys of the caller's memory that the service writes to."""
        self._targets: Sequence[memoryview] = ()
        """That memory, as it is mapped here."""
        self.xid = xid
        self.header = header
        """What the call offers, or ``None`` if it offers nothing."""

    @property
    def channel(self) -> Channel:
        """The connection that the call came over."""
        return self._responder.channel

    @property
    def answered(self) -> bool:
        """Whether the call has been replied to, refused or dropped."""
        return self._slot is None

    @property
    def reduced(self) -> bool:
        """Whether the call has a Read chunk besides the Position-Zero one."""
        header = self.header
        return header is not None and any(chunk.position for chunk in header.read_list)

    @property
    def reply_room(self) -> int:
        """The longer of what can be sent inline and what the Reply chunk holds."""
        threshold = self._responder.endpoint.send_threshold
        header = self.header
        if header is None:
            return threshold - SHORT_HEADER_SIZE
        inline = threshold - reply_header_size(header.write_list, header.reply_chunk)
        if header.reply_chunk is None:
            return inline
        return max(inline, header.reply_chunk.length)

    @property
    def payload_room(self) -> Sequence[int]:
        """The octets that each Write chunk holds; 0 for an empty one."""
        if self.header is None:
            return ()
        return [chunk.length for chunk in self.header.write_list]

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """See ``IncomingCall.payload_target``: only a chunk of one segment can be mapped."""
        header = self.header
        mapping = self._responder.endpoint.mapping
        if mapping is None or header is None or index >= len(header.write_list):
            return None
        segments = header.write_list[index].segments
        if len(segments) != 1 or not 0 < size <= segments[0].length:
            return None
        handle, _, offset = segments[0]
        view = mapping.map_remote(handle, offset, size, _REMOTE_WRITE)
        if view is not None:
            self._target_keys = (*self._target_keys, handle)
            self._targets = (*self._targets, view)
        return view

    def forget_targets(self) -> None:
        """Take back what :meth:`payload_target` returned: it is not used."""
        if self._target_keys:
            mapping = self._responder.endpoint.mapping
            assert mapping is not None
            for handle in self._target_keys:
                mapping.unmap_remote(handle)
            self._target_keys = self._targets = ()

    # --- The answer ---

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """See ``IncomingCall.reply``. What travels inline is copied at once."""
        responder = self._responder
        endpoint = responder.endpoint
        if self.header is not None or message.tell() + SHORT_HEADER_SIZE > endpoint.send_threshold:
            self._reply_planned(message, on_sent)
            return
        head = SHORT.pack(self.xid, VERSION, responder.grant.offered, RDMA_MSG, 0, 0, 0)
        responder.stats.replies_sent += 1
        payloads = message.payloads
        if payloads and _borrows(payloads, endpoint.receive_memory):
            # Joined before the receive buffer is given back.
            joined = b"".join((head, *message.parts()))
            self._finish()
            endpoint.send(joined)
        else:
            self._finish()
            endpoint.send_whole(head, message)
        if on_sent is not None:
            on_sent()

    def reply_short(self, message: memoryview) -> None:
        """Send a reply without chunks, which begins with room for its header."""
        responder, endpoint = self._responder, self._responder.endpoint
        rkey = self._rkey() if endpoint.may_invalidate else None
        offered = responder.grant.offered
        SHORT.pack_into(message, 0, self.xid, VERSION, offered, RDMA_MSG, 0, 0, 0)
        self._finish()
        responder.stats.replies_sent += 1
        endpoint.send(message, rkey=rkey)

    def refuse(self) -> None:
        """See ``IncomingCall.refuse``."""
        credit = self._finish()
        self._responder.stats.errors_sent += 1
        self._responder.endpoint.send(encode_chunk_error(self.xid, credit))

    def drop(self) -> None:
        """See ``IncomingCall.drop``. Over RDMA the caller loses a credit by it for good."""
        self._finish()
        self._responder.stats.messages_dropped += 1

    def _finish(self) -> int:
        """Give everything back but what a reply may still refer to.

        Returns the credits to grant. The receive is posted again before they are.
        """
        slot = self._slot
        assert slot is not None, "answered twice"
        self._slot = None
        responder = self._responder
        if self.fetch is not None:
            fetch, self.fetch = self.fetch, None
            responder.release(fetch)
        self.forget_targets()
        responder.grant.release()
        responder.endpoint.repost(slot)
        return responder.grant.offered

    def _reply_planned(self, message: Encoder, on_sent: Callable[[], None] | None) -> None:
        responder = self._responder
        header = self.header
        write_list: WriteList = header.write_list if header is not None else ()
        reply_chunk = header.reply_chunk if header is not None else None
        plan = plan_reply(message, write_list, reply_chunk, responder.endpoint.send_threshold)
        if plan is None:
            # The service should have looked at the room before it did anything.
            responder.stats.replies_too_long += 1
            self.refuse()
            if on_sent is not None:
                on_sent()
            return
        self._send_planned(plan, on_sent)

    def _send_planned(self, plan: ReplyPlan, on_sent: Callable[[], None] | None) -> None:
        responder = self._responder
        endpoint = responder.endpoint
        done = on_sent
        if plan.writes:
            fetch = self.fetch
            if fetch is not None and fetch.buffers:
                # The RDMA WRITEs may be from the buffers of the call itself.
                self.fetch = None
                done = _after(responder, fetch, on_sent)
            responder.post_writes(plan.writes, self._targets)
        proc = RDMA_NOMSG if plan.long else RDMA_MSG
        grant = responder.grant.offered
        head = encode_header(self.xid, grant, proc, (), plan.write_list, plan.reply_chunk)
        message = b"".join((head, *plan.inline))
        rkey = self._rkey() if endpoint.may_invalidate else None
        self._finish()
        responder.stats.replies_sent += 1
        if plan.writes:
            endpoint.send(message, rkey=rkey, done=done)
        else:
            endpoint.send(message, rkey=rkey)
            if done is not None:
                done()

    def _rkey(self) -> int | None:
        """Return the R_key to invalidate: any that the call named (RFC 8797, Section 4)."""
        header = self.header
        if header is None:
            return None
        return next(handles(header.read_list, header.write_list, header.reply_chunk), None)


def _after(
    responder: Answering, fetch: Fetch, on_sent: Callable[[], None] | None
) -> Callable[[], None]:
    """Return what is to be done once the RDMA WRITEs from the buffers of a fetch are over."""

    def done() -> None:
        responder.release(fetch)
        if on_sent is not None:
            on_sent()

    return done


def _borrows(payloads: Sequence[Payload], memory: object) -> bool:
    """Tell whether any payload is a view of ``memory``."""
    for payload in payloads:  # noqa: SIM110 (a generator costs more than all of this)
        if payload.data.obj is memory:
            return True
    return False
