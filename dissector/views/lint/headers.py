"""The transport headers of one exchange, each for itself and against the other."""

from __future__ import annotations

from collections.abc import Iterator

from nfsrdma.rpcrdma.transport.private_data import PrivateData, thresholds

from ...base.finding import Finding
from ...messages.rpcrdma import CUT, MSG, MSGP, NOMSG, TransportHeader
from ...tracking.model import Exchange, Message, Side
from .rules import found

XID, CREDITS, PROC = (0, 4), (8, 12), (12, 16)


def check_headers(exchange: Exchange) -> Iterator[Finding]:
    """Give what is wrong with the headers of a call and its reply."""
    for message, header in (
        (exchange.call, exchange.call_header),
        (exchange.reply, exchange.reply_header),
    ):
        if message is None or header is None or header.fault == CUT:
            continue
        if not header.credits:
            verb = "granted" if header is exchange.reply_header else "asked for"
            yield found(message.frame, "credit-zero", f"0 credits are {verb}", CREDITS)
        if header.proc == MSGP:
            yield found(message.frame, "procedure-obsolete", "RDMA_MSGP", PROC)
        yield from _length(message)
        yield from _form(exchange, message, header)
    reply = exchange.reply
    if reply is not None and exchange.reply_header is not None:
        yield from _xid(exchange, reply)
        yield from _invalidation(exchange, reply)


def _length(message: Message) -> Iterator[Finding]:
    """Check against the threshold that the two sides agreed on, if their handshake was seen."""
    side = message.side
    if not side.connection.established or side.peer is None:
        return
    ours, theirs = side.private or PrivateData(), side.peer.private or PrivateData()
    limit, _ = thresholds(ours, theirs)
    length = message.length
    if length > limit:
        yield found(
            message.frame, "inline-too-long", f"{length} octets, the threshold is {limit}",
            (limit, length),
        )  # fmt: skip


def _form(exchange: Exchange, message: Message, header: TransportHeader) -> Iterator[Finding]:
    if header.proc not in (MSG, NOMSG) or header.fault:
        return
    after = message.length - header.size
    is_call = header is exchange.call_header
    if is_call:
        long, chunk = any(not entry.position for entry in header.reads), "Position-Zero Read chunk"
    else:
        long, chunk = any(length for _, length, _ in header.reply or ()), "used Reply chunk"
        if header.reads:
            yield found(
                message.frame, "reply-read-list", f"{len(header.reads)} segments",
                (16, 20 + 24 * len(header.reads)),
            )  # fmt: skip
    if header.proc == NOMSG and after > 0:
        yield found(
            message.frame, "message-form", f"{after} octets follow an RDMA_NOMSG",
            (header.size, message.length),
        )  # fmt: skip
    if long != (header.proc == NOMSG):
        text = f"{header.name} with{'' if long else 'out'} a {chunk}"
        yield found(message.frame, "message-form", text, PROC)


def _xid(exchange: Exchange, reply: Message) -> Iterator[Finding]:
    call_rpc, reply_rpc = exchange.call_rpc, exchange.reply_rpc
    for message, rpc in ((exchange.call, call_rpc), (reply, reply_rpc)):
        if message is not None and rpc is not None and not rpc.fault and rpc.xid != exchange.xid:
            yield found(
                message.frame, "xid-differs",
                f"{exchange.xid:#010x} in the header, {rpc.xid:#010x} in the message", XID,
            )  # fmt: skip


def _invalidation(exchange: Exchange, reply: Message) -> Iterator[Finding]:
    handle = reply.invalidated
    header = exchange.call_header
    if handle is None:
        return
    if header is not None and not header.fault and handle not in offered_handles(header):
        yield found(
            reply.frame, "invalidate-unknown",
            f"handle {handle:#010x} is invalidated, which the call did not offer",
        )  # fmt: skip
    requester = exchange.requester
    if requester.connection.established and not _allows(requester):
        yield found(
            reply.frame, "invalidate-unasked",
            f"handle {handle:#010x} is invalidated, but the requester did not set the R flag",
        )  # fmt: skip


def _allows(side: Side) -> bool:
    return side.private is not None and side.private.remote_invalidation


def offered_handles(header: TransportHeader) -> set[int]:
    """Return the handles of all memory that a call offers."""
    handles = {entry.handle for entry in header.reads}
    handles.update(segment.handle for chunk in header.writes for segment in chunk)
    handles.update(segment.handle for segment in header.reply or ())
    return handles
