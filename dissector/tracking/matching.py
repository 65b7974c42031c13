"""Messages into RPCs: which reply belongs to which call.

Everything is looked up per connection and per direction: a callback may have the XID of a call in
flight, and two clients the same handles and addresses.

Messages come one after the other, and what one of them causes never interrupts another: when a
reply shows that its call still waits for its turn, or a message that those before it are
RPC-over-RDMA after all, they are put into the inbox, in front of the one that showed it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from struct import Struct
from typing import Protocol

from ..base.effort import Effort
from ..base.extent import Octets
from ..base.finding import Finding, Severity
from ..base.packet import head_of
from ..messages.rpcrdma import (
    CUT,
    DONE,
    ERROR,
    MSG,
    MSGP,
    NOMSG,
    VERSION_1,
    VERSION_2,
    TransportHeader,
    decode_transport,
)
from ..messages.rpcrdma2 import SecondHeader, decode_second
from .claims import CONSISTENT, MAX_DOUBTFUL, DecodeAs, Evidence, claimed_at_last, evidence, named
from .continued import Continued
from .events import Events
from .model import Connection, Exchange, Message, RdmaOp, Side
from .offers import advertise, claim, give, keep_unclaimed, offering, withdraw
from .placement import place_orphans
from .resolve import resolve

MAX_CALLS = 8192
"""Unanswered calls of one side that are waited for."""
REORDERED = 64
"""Frames that data may be late in the capture, behind the reply that speaks of them."""
MAX_OPEN = 1 << 16
"""Unanswered calls of all sides."""
MAX_COLLECTED = 1 << 19
"""Operations, and stretches of packets, that are kept of all calls in progress."""
MAX_FOREIGN = 64
"""Headers of other versions that are remembered of one side."""
_HEADER = 64 << 10
_FOREVER = 1 << 62
_PAIR = Struct(">2I")
CALL, REPLY = 0, 1


class Peers(Protocol):
    """What the matching asks of the pairing: which sides belong together."""

    def find_peer(self, side: Side, xid: int) -> Side | None:
        """Return the peer of a side by the XID of a reply that it sent, and pair the two."""

    def called(self, side: Side, xid: int, handles: Iterable[int]) -> None:
        """Learn of a call by a side without a peer, and of the memory that it offers."""

    def take_before(self, side: Side, frame: int) -> list[Message]:
        """Take out what a side sent before a frame and waits for its turn: it was answered."""


class Matching:
    """Makes exchanges of messages and RDMA operations, and emits each once it is over."""

    def __init__(
        self,
        events: Events,
        peers: Peers,
        source: Octets,
        effort: Effort,
        decode_as: DecodeAs | None = None,
    ) -> None:
        self._events = events
        self._peers = peers
        self._source = source
        self._decode_as = decode_as or DecodeAs()
        self.effort = effort
        self._count = 0
        self._open: OrderedDict[int, Exchange] = OrderedDict()
        self._continued = Continued()
        self._late: list[tuple[int, Exchange]] = []
        """Frames of replies, and exchanges whose data are not complete yet."""
        self._inbox: deque[Message] = deque()
        """SENDs that come before any other."""
        self._busy = False

    # --- SENDs, and which of them are RPC-over-RDMA ---

    def send(self, message: Message) -> bool:
        """Take an RDMA SEND; return whether it is RPC-over-RDMA."""
        assert not self._busy, "a message from inside of the matching of another"
        self._busy = True
        taken = self._send(message)
        while self._inbox:
            self._send(self._inbox.popleft())
        self._busy = False
        return taken

    def paired(self, connection: Connection) -> None:
        """Look again at what waits on a connection of which both sides are known now."""
        if connection.claimed and connection.doubtful:
            for message in _waiting(connection):
                self.send(message)

    def ended(self, connection: Connection) -> None:
        """Decide about what waits on a connection on which nothing more will come."""
        if claimed_at_last(connection):
            connection.claimed = True
            self.paired(connection)

    def _send(self, message: Message) -> bool:
        if self._late:
            self._settle(message.frame - REORDERED)
        content = message.content
        length = content.length + message.open_ended
        prefix = content.prefix()
        view = memoryview(content.read(self._source.view, min(prefix, _HEADER)))
        if prefix == length <= _HEADER:
            message.view = view
        if message.headless or (len(view) < 16 and length > len(view)):
            if length > len(view):
                message.side.blind = True
            return False
        connection = message.side.connection
        if len(view) < 16:
            connection.others += 1
            if connection.claimed:
                text = f"{length} octets are no header"
                self._note(message, "bad-header", text, Severity.ERROR)
            return connection.claimed
        header = decode_transport(view)
        if header.version == VERSION_2:
            header = decode_second(header, view)
        if not connection.claimed:
            if not self._claims(connection, message, header, view):
                return False
            connection = message.side.connection  # it may have been paired
            if connection.doubtful:
                self._first(_waiting(connection), message)
                return True
        self._keep_head(message)
        self._message(message, header, view)
        return True

    def _keep_head(self, message: Message) -> None:
        if message.carrier is not None:
            message.head = head_of(message.carrier, self._source.view)
            self._events.heads.emit(message)

    def _first(self, messages: list[Message], then: Message) -> None:
        """Put messages in front of all others, and behind them the one that showed them."""
        self._inbox.appendleft(then)
        self._inbox.extendleft(reversed(messages))

    def _claims(
        self, connection: Connection, message: Message, header: TransportHeader, view: memoryview
    ) -> bool:
        """Claim a connection for RPC-over-RDMA, if a message shows that; if not, it may wait."""
        said = evidence(header, view, message)
        known = self._decode_as.has(connection) or named(connection)
        if known or said == Evidence.CERTAIN:
            connection.claimed = True
            return True
        side = message.side
        if (
            said == Evidence.LIKELY
            and side.peer is None
            and self._peers.find_peer(side, header.xid) is not None
        ):
            return side.connection.claimed
        if said >= Evidence.SOME and known is None:
            connection.likely += said == Evidence.LIKELY
            if connection.likely >= CONSISTENT and not connection.others:
                connection.claimed = True
                return True
            connection.doubtful.append(message)
            if len(connection.doubtful) > MAX_DOUBTFUL:
                del connection.doubtful[0]
        else:
            connection.others += 1
        return False

    # --- Headers ---

    def _message(self, message: Message, header: TransportHeader, view: memoryview) -> None:
        """Take a message on a connection that is RPC-over-RDMA."""
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
            return
        whole = len(view) == message.length
        if isinstance(header, SecondHeader):
            self._second(message, header)
            return
        if header.fault and self._faulty(message, header, view, whole):
            return
        if header.proc == DONE:
            self._note(message, "rdma-done", "RDMA_DONE, which nobody sends any more")
        elif header.proc == ERROR:
            self._error(message, header)
        elif self._is_call(message.side, header, view):
            self._call(message, header.xid, header)
        else:
            self._reply(message, header.xid, header)

    def _second(self, message: Message, header: SecondHeader) -> None:
        """Take a message of RPC-over-RDMA version 2."""
        if header.fault:
            self._note(message, "version-2", header.fault)
            self._foreign(message, header)
        elif header.continued:
            if not self._continued.keep(message, header):
                self._note(message, "version-2", "a message in too many parts")
        elif header.ending:
            self._continued.complete(message, header)
            (self._call if header.is_call else self._reply)(message, header.xid, header)
        elif header.proc == ERROR:
            self._error(message, header)
        else:
            self._note(message, "version-2", header.said())

    def _faulty(
        self, message: Message, header: TransportHeader, view: memoryview, whole: bool
    ) -> bool:
        """Report a header that is cut or wrong; return whether nothing can be made of it."""
        ends_inside = header.fault == CUT and whole
        cut = header.fault == CUT and not whole
        text = header.fault
        if ends_inside:
            text = f"a SEND that ends inside of its header: {len(view)} octets"
        self._note(message, "bad-header", text, Severity.NOTE if cut else Severity.ERROR)
        message.side.blind = True
        if header.version != VERSION_1:
            self._foreign(message, header)
        return header.version != VERSION_1 or header.proc > ERROR or ends_inside

    def _foreign(self, message: Message, header: TransportHeader) -> None:
        """Remember a header of another version: it will be refused by its XID."""
        foreign = message.side.foreign
        if len(foreign) >= MAX_FOREIGN:
            del foreign[next(iter(foreign))]
        foreign[header.xid] = message.frame

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

    # --- Calls and replies ---

    def record(self, message: Message) -> bool:
        """Take an RPC message as such, from TCP or UDP; return whether it is one."""
        content = message.content
        view = content.read(self._source.view, min(content.prefix(), 8))
        if len(view) < 8:
            return False
        xid, direction = _PAIR.unpack_from(view)
        self._keep_head(message)
        if direction == CALL:
            self._call(message, xid, None)
        elif direction == REPLY:
            self._reply(message, xid, None)
        else:
            return False
        return True

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
            peer = side.peer
            if peer is not None and peer.flow is not None:
                exchange.horizon = peer.flow.tracker.next
            if header.reads or header.writes or header.reply:
                advertise(exchange, header, self.effort)
            if peer is None:
                self._peers.called(side, xid, header.handles())
        self._events.calls.emit(exchange)

    def _reply(self, message: Message, xid: int, header: TransportHeader | None) -> None:
        requester = self._requester(message.side, xid)
        exchange = requester.calls.pop(xid, None) if requester is not None else None
        if exchange is None:
            if requester is not None and self._call_waits(requester, message):
                return
            exchange = self._without_call(message, xid, header is not None)
        exchange.reply = message
        exchange.reply_header = header
        if header is not None:
            claim(exchange, header, self.effort)
            flow = message.side.flow
            if flow is not None and flow.orphans:
                place_orphans(flow, exchange, self.effort)
        if self._late:
            self._settle(_FOREVER, exchange.requester)
        if exchange.operations and _unfinished(exchange):
            # The rest of the data may be late in the capture, behind the reply.
            self._late.append((message.frame, exchange))
        else:
            self._finish(exchange)

    def _requester(self, side: Side, xid: int) -> Side | None:
        """Return the side whose call a message from ``side`` answers."""
        return side.peer or self._peers.find_peer(side, xid)

    def _call_waits(self, requester: Side, answer: Message) -> bool:
        """Put what the requester sent before an answer, and waits, in front of the answer."""
        earlier = self._peers.take_before(requester, answer.frame)
        if earlier:
            self._first(earlier, answer)
        return bool(earlier)

    def _without_call(self, message: Message, xid: int, rdma: bool) -> Exchange:
        """Return the exchange of a reply whose call was not seen."""
        requester = message.side.peer
        if requester is None:
            requester = Side(message.side.towards, message.side.connection)
            requester.peer = message.side
        exchange = self._new(requester, xid, rdma)
        exchange.responder = message.side
        self._note(message, "no-call", f"the call with XID {xid:#010x} is not in the capture")
        return exchange

    def _settle(self, before: int, of: Side | None = None) -> None:
        """Finish exchanges (of a requester) that are complete, or were answered before a frame.

        Those of one requester stay in their order, even if data are missing.
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

    def _error(self, message: Message, header: TransportHeader) -> None:
        name = header.error_name
        requester = self._requester(message.side, header.xid)
        exchange = requester.calls.pop(header.xid, None) if requester is not None else None
        if exchange is None:
            if requester is not None and self._call_waits(requester, message):
                return
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

    # --- RDMA ---

    def operation(self, op: RdmaOp) -> None:
        """Take an RDMA operation that has begun: find the call that it is for."""
        actor = op.actor
        actor.operations += 1
        owner = actor.peer
        if owner is not None:
            exchange = offering(owner, op, self.effort)
            if exchange is not None:
                give(exchange, op)
                return
        keep_unclaimed(op)
        self._events.loose.emit(op)

    # --- Ends ---

    def _new(self, requester: Side, xid: int, rdma: bool) -> Exchange:
        self._count += 1
        if len(self._open) >= MAX_OPEN:
            self._give_up(next(iter(self._open.values())))
        exchange = Exchange(self._count, requester, xid, rdma)
        self._open[exchange.number] = exchange
        return exchange

    def _finish(self, exchange: Exchange) -> None:
        """Emit an exchange for which nothing more will come."""
        self._open.pop(exchange.number, None)
        if exchange.responder is None:
            exchange.responder = exchange.requester.peer
        if exchange.offers:
            withdraw(exchange)
        resolve(exchange, self._source.view)
        self._events.exchanges.emit(exchange)

    def close(self) -> None:
        """Give up what is still in progress: the capture is over."""
        self._settle(_FOREVER)
        for exchange in list(self._open.values()):
            self._give_up(exchange)

    def _give_up(self, exchange: Exchange) -> None:
        """Wait no more for the reply of an exchange."""
        if exchange.requester.calls.get(exchange.xid) is exchange:
            del exchange.requester.calls[exchange.xid]
        self._finish(exchange)

    def left(self, side: Side) -> None:
        """Give up the calls of a side of which nothing more will be seen."""
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
        self._events.findings.emit(Finding(message.frame, severity, rule, text))


def _waiting(connection: Connection) -> list[Message]:
    """Take out the messages that wait until it is known what a connection is, in order."""
    waiting, connection.doubtful = connection.doubtful, []
    return sorted(waiting, key=lambda one: one.frame)


def _unfinished(exchange: Exchange) -> bool:
    """Return whether data of an operation have not been seen, of which more were to come."""
    return any(op.mtu and op.packets < op.end - op.sequence for op in exchange.operations)
