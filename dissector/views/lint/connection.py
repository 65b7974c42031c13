"""Checks that need the order of things on a connection: credits, unasked RDMA, XIDs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ...base.finding import Finding
from ...messages.rpcrdma import TransportHeader
from ...tracking.intact import complete, unbroken
from ...tracking.kinds import OpKind
from ...tracking.model import Connection, Exchange, RdmaOp, Side
from .rules import found

MAX_LOOSE = 64
"""Operations without a call that are kept for the reply that may claim them."""
MAX_ENDED = 4096
"""Handles of answered calls that are remembered, and requesters with their grants."""
_PER_HANDLE = 4


def _lossy(connection: Connection) -> bool:
    """Return whether packets are known to be missing: what is seen may be for an unseen call."""
    for side in (connection.first, connection.second):
        flow = side.flow if side is not None else None
        if side is not None and side.blind:
            return True
        if flow is not None and (flow.tracker.lost_count or flow.tracker.holes):
            return True
    return False


class Credits:
    """What each requester may send, and whether it does send more.

    A grant counts from its reply on. When one takes credits back, calls that are in flight may
    have been sent before it came: what was granted since the oldest call in progress counts.

    That a reply is missing shows only when the responder sends something else: what is found waits
    for that.
    """

    def __init__(self) -> None:
        self._grants: dict[Side, deque[tuple[int, int]]] = {}
        self._doubtful: deque[tuple[Side, Finding]] = deque(maxlen=MAX_ENDED)

    def granted(self, exchange: Exchange) -> Iterator[Finding]:
        """Take a reply, and what it grants."""
        header, reply = exchange.reply_header, exchange.reply
        if header is None or reply is None:
            return
        if self._doubtful:
            yield from self._judge(exchange.requester)
        if not header.credits:
            return
        if len(self._grants) > MAX_ENDED:
            del self._grants[next(iter(self._grants))]
        grants = self._grants.setdefault(exchange.requester, deque(maxlen=MAX_ENDED))
        if not grants or grants[-1][1] != header.credits:
            grants.append((reply.frame, header.credits))

    def close(self) -> Iterator[Finding]:
        """Judge what waits: nothing more will come."""
        while self._doubtful:
            yield from self._judge(self._doubtful[0][0])

    def _judge(self, side: Side) -> Iterator[Finding]:
        """Judge what waits for a responder that was heard of: is something missing?"""
        waiting, self._doubtful = self._doubtful, deque(maxlen=MAX_ENDED)
        for entry in waiting:
            if entry[0] is not side:
                self._doubtful.append(entry)
            elif complete(side.connection):
                yield entry[1]

    def called(self, exchange: Exchange) -> None:
        """Take a call that was sent."""
        side, call = exchange.requester, exchange.call
        if call is None or not complete(side.connection) or call.resent:
            return
        grants = self._grants.get(side)
        if grants is None:
            # What callbacks begin with, the handshake does not say.
            if side is not side.connection.first or len(self._grants) >= MAX_ENDED:
                return
            limit = 1
        else:
            oldest = next(iter(side.calls.values())).frame
            while len(grants) > 1 and grants[1][0] < oldest:
                grants.popleft()
            limit = max(credits for _, credits in grants)
        if len(side.calls) > limit:
            text = f"{len(side.calls)} calls are in progress, {limit} credits were granted"
            self._doubtful.append((side, found(call.frame, "credit-overrun", text)))


class Memory:
    """What RDMA operations do to memory that calls have, or have not, offered."""

    def __init__(self) -> None:
        self._loose: deque[RdmaOp] = deque()
        self._ended: dict[tuple[Side, int], deque[tuple[int, int, Exchange]]] = {}
        self._speaking: dict[Connection, None] = {}
        """Connections with calls: what happens by RDMA on others is not checked."""

    def loose(self, op: RdmaOp) -> Iterator[Finding]:
        """Take an operation for which there is no call; a reply may still claim it."""
        self._loose.append(op)
        if len(self._loose) > MAX_LOOSE:
            yield from self._judge(self._loose.popleft())

    def answered(self, exchange: Exchange) -> Iterator[Finding]:
        """Check the operations of an exchange that is over, and remember its memory."""
        header = exchange.call_header
        if header is None:
            return
        if len(self._speaking) >= MAX_ENDED:
            del self._speaking[next(iter(self._speaking))]
        self._speaking[exchange.requester.connection] = None
        offers = _offers(exchange, header)
        for op in () if _lossy(exchange.requester.connection) else exchange.operations:
            yield from _inside(exchange, op, offers)
        if exchange.reply is None:
            return
        for handle, start, end, _ in offers:
            key = (exchange.requester, handle)
            self._ended.setdefault(key, deque(maxlen=_PER_HANDLE)).append((start, end, exchange))
            if len(self._ended) > MAX_ENDED:
                del self._ended[next(iter(self._ended))]

    def close(self) -> Iterator[Finding]:
        """Judge what waits: no reply will come any more."""
        while self._loose:
            yield from self._judge(self._loose.popleft())

    def _judge(self, op: RdmaOp) -> Iterator[Finding]:
        owner = op.actor.peer
        if op.claimed or owner is None or not unbroken(owner.connection):
            return
        for start, end, exchange in reversed(self._ended.get((owner, op.handle), ())):
            if op.address < end and op.address + op.length > start:
                yield from _late(exchange, op)
                return
        if owner.connection.established and owner.connection in self._speaking:
            yield found(op.frame, "rdma-outside", f"{_name(op)} touches no segment of any call")


def _offers(exchange: Exchange, header: TransportHeader) -> list[tuple[int, int, int, str]]:
    offers = [
        (entry.handle, entry.offset, entry.offset + entry.length, "read") for entry in header.reads
    ]
    for chunk in header.writes:
        offers += [(s.handle, s.offset, s.offset + s.length, "write") for s in chunk]
    offers += [(s.handle, s.offset, s.offset + s.length, "reply") for s in header.reply or ()]
    return offers


def _inside(
    exchange: Exchange, op: RdmaOp, offers: list[tuple[int, int, int, str]]
) -> Iterator[Finding]:
    """Check an operation against the segments of the call that it is for."""
    reply = exchange.reply
    if reply is not None and op.sequence > reply.sequence and op.actor is reply.side:
        yield from _late(exchange, op)
        return
    touched = [
        (start, end, chunk)
        for handle, start, end, chunk in offers
        if handle == op.handle and op.address < end and op.address + op.length > start
    ]
    fitting = [
        chunk
        for start, end, chunk in touched
        if start <= op.address and op.address + op.length <= end
    ]
    if not op.length:
        return
    if not touched:
        text = f"{_name(op)} touches no segment of its call"
        yield found(op.frame, "rdma-outside", text)
    elif not fitting:
        start, end, chunk = touched[0]
        yield found(
            op.frame, "rdma-outside",
            f"{_name(op)} leaves the {chunk} segment of {end - start} octets at {start:#x}",
        )  # fmt: skip
    elif not any((chunk == "read") == (op.kind == OpKind.READ) for chunk in fitting):
        yield found(op.frame, "rdma-direction", f"{_name(op)} in a {fitting[0]} segment")


def _late(exchange: Exchange, op: RdmaOp) -> Iterator[Finding]:
    reply = exchange.reply
    if reply is None or op.sequence <= reply.sequence or op.actor is not reply.side:
        return
    if reply.invalidated == op.handle:
        yield found(
            op.frame, "rdma-after-invalidation",
            f"{_name(op)}, whose handle frame {reply.frame} has invalidated",
        )  # fmt: skip
    else:
        yield found(
            op.frame, "rdma-after-reply",
            f"{_name(op)}, for XID {exchange.xid:#010x}, which frame {reply.frame} has answered",
        )  # fmt: skip


def _name(op: RdmaOp) -> str:
    return (
        f"the RDMA {op.kind.name} of {op.length} octets at {op.address:#x}, "
        f"handle {op.handle:#010x}"
    )


class Xids:
    """A reply to nothing; a call with the XID of another."""

    def __init__(self) -> None:
        self._unmatched: deque[tuple[Exchange, int]] = deque()
        """Replies, and which sequence the requester's next packet was to have."""

    def answered(self, exchange: Exchange) -> Iterator[Finding]:
        """Take an exchange that is over. A reply without a call waits: is the call only unseen?"""
        call = exchange.call
        if call is None:
            self._unmatched.append((exchange, _next(exchange.requester)))
            if len(self._unmatched) > MAX_LOOSE:
                yield from self._judge(*self._unmatched.popleft())
        elif exchange.replaced:
            yield found(
                call.frame, "xid-reused",
                f"another call with XID {exchange.xid:#010x} came before the reply to this one",
                (0, 4),
            )  # fmt: skip

    def close(self) -> Iterator[Finding]:
        """Judge what waits: what is missing is known now."""
        while self._unmatched:
            yield from self._judge(*self._unmatched.popleft())

    @staticmethod
    def _judge(exchange: Exchange, following: int) -> Iterator[Finding]:
        reply = exchange.reply
        if _next(exchange.requester) <= following:
            return  # only a later packet would show that the call is missing
        if reply is not None and complete(reply.side.connection):
            text = f"no call in progress has XID {exchange.xid:#010x}"
            yield found(reply.frame, "xid-unmatched", text, (0, 4))


def _next(side: Side) -> int:
    return side.flow.tracker.next if side.flow is not None else -1
