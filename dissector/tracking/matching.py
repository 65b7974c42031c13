"""Messages into RPCs: which reply belongs to which call, and which RDMA to which of them.

Everything is looked up per connection and per direction: a callback may have the XID of a call in
flight, and two clients the same handles and addresses. An RDMA operation belongs to the call in
progress whose segment it touches. Where a capture begins in the midst of an RPC there is no such
call: the operation waits, and the reply that returns the chunk claims it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from struct import Struct
from typing import TypeVar

from ..base.effort import Effort
from ..messages.rpcrdma import (
    CUT,
    DONE,
    ERROR,
    ERRORS,
    MSG,
    MSGP,
    NOMSG,
    VERSION_1,
    VERSION_2,
    Segment,
    TransportHeader,
    decode_transport,
)
from .claims import CONSISTENT, MAX_DOUBTFUL, DecodeAs, Evidence, claimed_at_last, evidence, named
from .exchange import Exchange
from .model import Connection, Finding, Message, RdmaOp, Severity, Side
from .placement import place_orphans
from .resolve import resolve

MAX_CALLS = 8192
"""Unanswered calls of one side that are waited for."""
MAX_UNCLAIMED = 4096
"""Operations of one side that no call has announced."""
REORDERED = 64
"""Frames that data may be late in the capture, behind the reply that speaks of them."""
MAX_OPEN = 1 << 16
"""Unanswered calls of all sides."""
MAX_OPERATIONS = 1 << 14
"""Operations that are kept of one call."""
MAX_COLLECTED = 1 << 19
"""Operations, and stretches of packets, that are kept of all calls in progress."""
MAX_FOREIGN = 64
"""Headers of other versions that are remembered of one side."""
MAX_OFFERS = 1 << 15
"""Segments that the calls of one side may offer at once."""
_HEADER = 64 << 10
_PAIR = Struct(">2I")
CALL, REPLY = 0, 1

T = TypeVar("T")


def both(first: Callable[[T], None], second: Callable[[T], None]) -> Callable[[T], None]:
    """Who listens already, and one more."""

    def tell(what: T) -> None:
        first(what)
        second(what)

    return tell


class Exchanges:
    """Gives each exchange, once it is complete or given up, to ``emit``."""

    def __init__(
        self,
        source: Callable[[], memoryview],
        emit: Callable[[Exchange], None],
        effort: Effort,
    ) -> None:
        self._source = source
        self._emit = emit
        self.effort = effort
        self.decode_as = DecodeAs()
        self._count = 0
        self._open: OrderedDict[int, Exchange] = OrderedDict()
        self._late: list[tuple[int, Exchange]] = []
        """Frames of replies, and exchanges whose data are not complete yet."""
        self.find_peer: Callable[[Side, int], Side | None] = lambda side, xid: None
        """Whose call with this XID a reply from an unpaired side may answer."""
        self.release: Callable[[Side, int], bool] = lambda side, frame: False
        """Hands on what a side sent before a frame and that waits for its turn; if anything."""
        self.on_unpaired: Callable[[Side, int, Iterable[int]], None] = lambda side, xid, handles: (
            None
        )
        """Told of each call of a side without a peer: its XID, the handles that it offers."""
        self.on_finding: Callable[[Finding], None] = lambda finding: None
        self.on_call: Callable[[Exchange], None] = lambda exchange: None
        """Told of each call as it is sent, the calls in progress being ``requester.calls``."""
        self.on_loose: Callable[[RdmaOp], None] = lambda op: None
        """Told of each RDMA operation that no call in progress has offered memory for."""

    # Messages

    def on_send(self, message: Message) -> bool:
        """An RDMA SEND; whether it is RPC-over-RDMA."""
        if self._late:
            self._settle(message.frame - REORDERED)
        source = self._source()
        content = message.content
        prefix = content.prefix()
        view = memoryview(content.read(source, min(prefix, _HEADER)))
        if prefix == content.length <= _HEADER:
            message.view = view
        if message.headless or (len(view) < 16 and content.length > len(view)):
            if content.length > len(view):
                message.side.blind = True
            return False
        connection = message.side.connection
        if len(view) < 16:
            connection.others += 1
            if connection.claimed:
                self._note(
                    message, "bad-header", f"{content.length} octets are no header", Severity.ERROR
                )
            return connection.claimed
        header = decode_transport(view)
        return (connection.claimed or self._claims(connection, message, header, view)) and (
            self._message(message, header, view)
        )

    def _claims(
        self, connection: Connection, message: Message, header: TransportHeader, view: memoryview
    ) -> bool:
        """Whether a message is to be taken for RPC-over-RDMA now; if not, it may wait."""
        said = evidence(header, view, message)
        known = self.decode_as.has(connection) or named(connection)
        if known or (said == Evidence.CERTAIN):
            self.claimed(connection)
            return True
        side = message.side
        if said == Evidence.LIKELY and side.peer is None and self.find_peer(side, header.xid):
            return side.connection.claimed
        if said >= Evidence.SOME and known is None:
            connection.likely += said == Evidence.LIKELY
            if connection.likely >= CONSISTENT and not connection.others:
                self.claimed(connection)
                return True
            connection.doubtful.append(message)
            if len(connection.doubtful) > MAX_DOUBTFUL:
                del connection.doubtful[0]
        else:
            connection.others += 1
        return False

    def claimed(self, connection: Connection) -> None:
        """It is certain: what has waited for that comes first."""
        connection.claimed = True
        waiting, connection.doubtful = connection.doubtful, []
        for message in sorted(waiting, key=lambda one: one.frame):
            self.on_send(message)

    def doubtful(self, connection: Connection) -> None:
        """Nothing more will come on a connection of which it is not known what it is."""
        if claimed_at_last(connection):
            self.claimed(connection)

    def _message(self, message: Message, header: TransportHeader, view: memoryview) -> bool:
        """A message on a connection that is RPC-over-RDMA: whether it is understood."""
        if (
            header.version == VERSION_1
            and header.proc in (MSG, MSGP)
            and not header.fault
            and len(view) >= header.size + 8
        ):
            direction = _PAIR.unpack_from(view, header.size)[1]
            if direction == CALL:
                self._call(message, header.xid, header)
            elif direction == REPLY:
                self._reply(message, header.xid, header)
            else:
                text = f"what follows the header is no RPC message: direction {direction}"
                self._note(message, "bad-header", text, Severity.ERROR)
            return True
        whole = len(view) == message.content.length
        if header.version == VERSION_2:
            self._note(message, "version-2", "an RPC-over-RDMA version 2 header")
            self._foreign(message, header)
            return True
        if header.fault:
            cut = header.fault == CUT and not whole
            text = f"a SEND that ends inside of its header: {len(view)} octets"
            self._note(
                message,
                "bad-header",
                text if header.fault == CUT and whole else header.fault,
                Severity.NOTE if cut else Severity.ERROR,
            )
            message.side.blind = True
            if header.version != VERSION_1:
                self._foreign(message, header)
            if (
                header.version != VERSION_1
                or header.proc > ERROR
                or (header.fault == CUT and whole)
            ):
                return True
        if header.proc == DONE:
            self._note(message, "rdma-done", "RDMA_DONE, which nobody sends any more")
        elif header.proc == ERROR:
            self._error(message, header)
        elif self._is_call(message.side, header, view):
            self._call(message, header.xid, header)
        else:
            self._reply(message, header.xid, header)
        return True

    def _foreign(self, message: Message, header: TransportHeader) -> None:
        """Remember a header of another version: it will be refused by its XID."""
        foreign = message.side.foreign
        if len(foreign) >= MAX_FOREIGN:
            del foreign[next(iter(foreign))]
        foreign[header.xid] = message.frame

    def on_record(self, message: Message) -> bool:
        """An RPC message as such, from TCP or UDP; whether it is one."""
        content = message.content
        view = content.read(self._source(), min(content.prefix(), 8))
        if len(view) < 8:
            return False
        xid, direction = _PAIR.unpack_from(view)
        if direction == CALL:
            self._call(message, xid, None)
        elif direction == REPLY:
            self._reply(message, xid, None)
        else:
            return False
        return True

    def _is_call(self, side: Side, header: TransportHeader, view: memoryview) -> bool:
        if header.proc == NOMSG:
            if any(segment.position == 0 for segment in header.reads):
                return True
            return not (side.peer is not None and header.xid in side.peer.calls) and (
                header.reply is None
            )
        if len(view) >= header.size + 8:
            return bool(_PAIR.unpack_from(view, header.size)[1] == CALL)
        # Cut before the direction: replies answer something.
        return not (side.peer is not None and header.xid in side.peer.calls)

    def _call(self, message: Message, xid: int, header: TransportHeader | None) -> None:
        side = message.side
        earlier = side.calls.pop(xid, None)
        if earlier is not None:
            earlier.replaced = True
            self._finish(earlier)
        elif len(side.calls) >= MAX_CALLS:
            self._finish(side.calls.pop(next(iter(side.calls))))
        exchange = self._new(side, xid, header is not None)
        exchange.call = message
        exchange.call_header = header
        side.calls[xid] = exchange
        if header is not None:
            if side.peer is not None and side.peer.flow is not None:
                exchange.horizon = side.peer.flow.tracker.next
            for segment in header.reads:
                self._advertise(side, exchange, Segment(*segment[1:]))
            for segments in header.writes:
                for one in segments:
                    self._advertise(side, exchange, one)
            for one in header.reply or ():
                self._advertise(side, exchange, one)
            if side.peer is None:
                self.on_unpaired(side, xid, header.handles())
        self.on_call(exchange)

    def _reply(self, message: Message, xid: int, header: TransportHeader | None) -> None:
        exchange = self._answered(message.side, xid, message.frame)
        if exchange is None:
            requester = message.side.peer
            if requester is None:
                requester = Side(message.side.towards, message.side.connection)
                requester.peer = message.side
            exchange = self._new(requester, xid, header is not None)
            exchange.responder = message.side
            self._note(message, "no-call", f"the call with XID {xid:#010x} is not in the capture")
        exchange.reply = message
        exchange.reply_header = header
        if header is not None:
            self._claim(exchange, header)
            flow = message.side.flow
            if flow is not None and flow.orphans:
                place_orphans(flow, exchange, self.effort)
        if self._late:
            self._settle(1 << 62, exchange.requester)
        if _unfinished(exchange):
            # The rest of the data may be late in the capture, behind the reply.
            self._late.append((message.frame, exchange))
        else:
            self._finish(exchange)

    def _settle(self, before: int, of: Side | None = None) -> None:
        """Exchanges (of a requester) that are complete, or were answered before a frame.

        Those of one requester stay in their order, whatever is missing.
        """
        waiting, self._late = self._late, []
        for frame, exchange in waiting:
            if exchange.number not in self._open:
                continue
            due = frame < before or not _unfinished(exchange)
            if due and (of is None or exchange.requester is of):
                self._finish(exchange)
            else:
                self._late.append((frame, exchange))

    def _answered(self, side: Side, xid: int, frame: int) -> Exchange | None:
        """The call in progress that a message from ``side`` answers."""
        requester = side.peer or self.find_peer(side, xid)
        if requester is None:
            return None
        found = requester.calls.pop(xid, None)
        if found is None and self.release(requester, frame):
            found = requester.calls.pop(xid, None)
        return found

    def _error(self, message: Message, header: TransportHeader) -> None:
        name = ERRORS.get(header.error, str(header.error))
        exchange = self._answered(message.side, header.xid, message.frame)
        if exchange is None:
            peer = message.side.peer
            frame = peer.foreign.pop(header.xid, 0) if peer is not None else 0
            what = f"the header in frame {frame}" if frame else "an unknown call"
            self._note(message, "rdma-error", f"RDMA_ERROR {name} for {what}")
            return
        exchange.reply, exchange.reply_header, exchange.error = message, header, header
        exchange.findings.append(
            Finding(message.frame, Severity.WARNING, "rdma-error", f"RDMA_ERROR {name}")
        )
        self._finish(exchange)

    # RDMA

    def on_operation(self, op: RdmaOp) -> None:
        """An operation has begun: find the call that it is for."""
        actor = op.actor
        actor.operations += 1
        owner = actor.peer
        if owner is not None:
            exchange = self.offering(owner, op)
            if exchange is not None:
                op.exchange = exchange
                if len(exchange.operations) < MAX_OPERATIONS:
                    exchange.operations.append(op)
                return
        actor.unclaimed.add(op.handle, op.address, op.address + op.length, op)
        self.on_loose(op)
        if len(actor.unclaimed) > MAX_UNCLAIMED:
            actor.unclaimed.drop_oldest()

    def offering(self, owner: Side, op: RdmaOp) -> Exchange | None:
        """The latest call of ``owner`` with a segment that an operation is in, or touches."""
        first, last = op.address, op.address + op.length
        within = touching = 0
        exchange: Exchange | None = None
        for start, number, end, offer in owner.offers.near(op.handle, first, last, self.effort):
            if start <= first and last <= end:
                if number > within:
                    within, exchange = number, offer
            elif not within and number > touching and first < end and last > start:
                touching, exchange = number, offer
        return exchange

    def _advertise(self, side: Side, exchange: Exchange, segment: Segment) -> None:
        handle, length, offset = segment
        if len(side.offers) >= MAX_OFFERS:
            side.blind = True
            return
        exchange.offers.append(side.offers.add(handle, offset, offset + length, exchange))
        actor = side.peer
        if actor is not None and handle in actor.unclaimed:
            # The memory has a new meaning: what was done to it before is nobody's.
            self._forget(actor, handle, offset, offset + length)

    def _forget(self, actor: Side, handle: int, start: int, end: int) -> list[RdmaOp]:
        """Take the waiting operations on these addresses."""
        waiting = actor.unclaimed
        taken = waiting.touching(handle, start, end, self.effort)
        for one in taken:
            waiting.remove(one.number)
        return [one.what for one in taken]

    def _claim(self, exchange: Exchange, header: TransportHeader) -> None:
        """Operations that waited for the reply to say whose they are."""
        actor = exchange.responder
        if actor is None or not actor.unclaimed:
            return
        segments = [one for chunk in header.writes for one in chunk] + (header.reply or [])
        if exchange.call_header is not None:
            segments += [Segment(*one[1:]) for one in exchange.call_header.reads]
        for handle, length, offset in segments:
            if handle in actor.unclaimed:
                for op in self._forget(actor, handle, offset, offset + length):
                    op.exchange = exchange
                    if len(exchange.operations) < MAX_OPERATIONS:
                        exchange.operations.append(op)

    # Ends

    def _new(self, requester: Side, xid: int, rdma: bool) -> Exchange:
        self._count += 1
        if len(self._open) >= MAX_OPEN:
            self._give_up(next(iter(self._open.values())))
        exchange = Exchange(self._count, requester, xid, rdma)
        self._open[exchange.number] = exchange
        return exchange

    def _finish(self, exchange: Exchange) -> None:
        """Nothing more will come for it."""
        self._open.pop(exchange.number, None)
        if exchange.responder is None:
            exchange.responder = exchange.requester.peer
        self._withdraw(exchange)
        resolve(exchange, self._source())
        self._emit(exchange)

    def _withdraw(self, exchange: Exchange) -> None:
        offers = exchange.requester.offers
        for number in exchange.offers:
            offers.remove(number)
        exchange.offers.clear()

    def close(self) -> None:
        """The capture is over: give up what is still in progress."""
        self._settle(1 << 62)
        for exchange in list(self._open.values()):
            self._give_up(exchange)

    def _give_up(self, exchange: Exchange) -> None:
        """Wait no more for its reply."""
        if exchange.requester.calls.get(exchange.xid) is exchange:
            del exchange.requester.calls[exchange.xid]
        self._finish(exchange)

    def left(self, side: Side) -> None:
        """Nothing more will be seen of a side: its calls stay unanswered."""
        for exchange in list(side.calls.values()):
            self._give_up(exchange)

    def trim(self) -> None:
        """Keep what calls in progress have collected within bounds: the oldest are given up."""
        weights = [
            (exchange, sum(1 + len(op.extents) for op in exchange.operations))
            for exchange in self._open.values()
        ]
        total = sum(weight for _, weight in weights)
        if total > MAX_COLLECTED:
            for exchange, weight in weights:
                if total <= MAX_COLLECTED // 2:
                    break
                if weight:
                    self._give_up(exchange)
                    total -= weight

    def _note(
        self, message: Message, rule: str, text: str, severity: Severity = Severity.NOTE
    ) -> None:
        self.on_finding(Finding(message.frame, severity, rule, text))


def _unfinished(exchange: Exchange) -> bool:
    """Whether data of an operation have not been seen, of which more were to come."""
    return any(op.mtu and op.packets < op.end - op.sequence for op in exchange.operations)
