"""How long RPCs took, by what they were for, and where the time went.

    call ----> its ACK ----> first data ----> last data ----> reply ----> its ACK
         ack          wait          transfer        finish          confirm

Times are those of the capture: at the client they have the network in them, at the server not.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from nfsrdma.xdr.nfs4 import types as t

from ...messages.body import PROGRAM_NAMES, Body
from ...tracking.events import Events, Totals
from ...tracking.model import Exchange, Message
from .measure import Timeline, Times
from .queues import Queues

STAGES = ("reply", "data", "ack", "wait", "transfer", "finish", "confirm")
"""``reply`` and ``data`` count from the call, to the reply and to the first data by RDMA. The
others follow one another: see the module. ``wait`` is the server's own time: from the call's ACK
to the first data, or to the reply if no data moved; 0 if the ACK came after that."""
CHAIN = ("ack", "wait", "transfer", "finish", "confirm")

MAX_KINDS = 512
"""Kinds of operations that are told apart: a peer may call any procedure of any program."""
OTHERS = "others"
MAX_PENDING = 1024
"""Replies whose acknowledgement is waited for."""

_BULK = frozenset((t.OP_READ, t.OP_WRITE, t.OP_READDIR, t.OP_READLINK))
_FRAMING = frozenset((t.OP_SEQUENCE, t.OP_PUTFH, t.OP_PUTROOTFH, t.OP_SAVEFH, t.OP_RESTOREFH,
                      t.OP_GETFH))  # fmt: skip
_MINOR = frozenset((t.OP_LOOKUP, t.OP_GETATTR, t.OP_ACCESS))


class Marks(NamedTuple):
    """When an RPC came to each point of its life, in nanoseconds; 0 where it was not seen."""

    call: int
    ack: int
    first_data: int
    last_data: int
    reply: int

    def stages(self) -> dict[str, int]:
        """Return the time of each stage that is known, without the reply's acknowledgement."""
        found = {"reply": self.reply - self.call}
        if self.ack:
            found["ack"] = self.ack - self.call
        if self.first_data:
            found["data"] = self.first_data - self.call
            found["transfer"] = self.last_data - self.first_data
            found["finish"] = max(0, self.reply - self.last_data)
        if self.ack:
            found["wait"] = max(0, (self.first_data or self.reply) - self.ack)
        return found


def marks(exchange: Exchange) -> Marks | None:
    """Return the marks of an exchange that has its call and its reply."""
    call, reply = exchange.call, exchange.reply
    if call is None or reply is None:
        return None
    first, last = exchange.data_times_ns or (0, 0)
    return Marks(call.first_time_ns, call.ack_time_ns, first, last, reply.time_ns)


class Rate(NamedTuple):
    """How fast the data of one kind of operation moved, in octets per second."""

    octets: int
    median: int
    slowest: int
    fastest: int


class _Rates:
    """Octets per second of single RPCs."""

    def __init__(self) -> None:
        self.octets = 0
        self.slowest = 0
        self.all = Times()

    def add(self, octets: int, time: int, call_frame: int, reply_frame: int) -> None:
        self.octets += octets
        if time > 0:
            rate = octets * 10**9 // time
            self.slowest = min(self.slowest or rate, rate)
            self.all.add(rate, call_frame, reply_frame)

    def rate(self) -> Rate:
        spread = self.all.spread()
        if spread is None:
            return Rate(self.octets, 0, 0, 0)
        return Rate(self.octets, spread.median, self.slowest, spread.worst)


class Latency:
    """A view that collects times; ``operations`` has those of each stage, by operation."""

    def __init__(self) -> None:
        self.operations: dict[str, dict[str, Times]] = {}
        self.rates: dict[str, _Rates] = {}
        self.queues = Queues()
        self.bulk = Timeline()
        """Octets that moved by RDMA, over time."""
        self.slow = Timeline()
        """Of each stretch of time the longest time from a call to its reply, by the call."""
        self._pending: deque[tuple[str, Message, Message]] = deque()

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        self.subscribe_early(events)
        events.exchanges.subscribe(self.exchange)
        events.closed.subscribe(self.close)

    def subscribe_early(self, events: Events) -> None:
        """Subscribe to calls as they are sent, for the depth of the queues.

        For a view that has times taken, and calls the other methods when it is their turn.
        """
        events.calls.subscribe(self.queues.called)

    def exchange(self, exchange: Exchange) -> None:
        """Take an RPC, if both its call and its reply are there."""
        call, reply = exchange.call, exchange.reply
        self.queues.answered(exchange)
        mark = marks(exchange)
        if call is None or reply is None or mark is None or mark.reply < mark.call:
            return
        name = main_operation(exchange)
        if name not in self.operations and len(self.operations) >= MAX_KINDS:
            name = OTHERS
        stages = self.operations.setdefault(name, {})
        for stage, time in mark.stages().items():
            if time >= 0:
                stages.setdefault(stage, Times()).add(time, call.frame, reply.frame)
        self.slow.add(mark.call, mark.reply - mark.call)
        if exchange.operations:
            self._moved(name, exchange, mark, call, reply)
        self._pending.append((name, call, reply))
        pending = self._pending
        while pending and (pending[0][2].ack_time_ns or len(pending) > MAX_PENDING):
            self._confirmed(*pending.popleft())

    def _moved(
        self, name: str, exchange: Exchange, mark: Marks, call: Message, reply: Message
    ) -> None:
        octets = sum(op.length for op in exchange.operations)
        rates = self.rates.setdefault(name, _Rates())
        rates.add(octets, mark.last_data - mark.first_data, call.frame, reply.frame)
        if mark.first_data:
            self.bulk.spread(mark.first_data, mark.last_data, octets)

    def _confirmed(self, name: str, call: Message, reply: Message) -> None:
        """Take the acknowledgement of a reply, which has come or is no longer waited for."""
        time = reply.ack_time_ns - reply.time_ns
        if reply.ack_time_ns and time >= 0:
            stages = self.operations[name]
            stages.setdefault("confirm", Times()).add(time, call.frame, reply.frame)

    def median(self, name: str) -> int | None:
        """Return the median time from call to reply of one kind of operation."""
        times = self.operations.get(name, {}).get("reply")
        return times.quantile(0.5) if times else None

    def close(self, totals: Totals) -> None:
        """Sort: what took the most time in total comes first."""
        while self._pending:
            self._confirmed(*self._pending.popleft())
        order = sorted(self.operations.items(), key=lambda item: -_total(item[1]))
        self.operations = dict(order)


def _total(stages: dict[str, Times]) -> int:
    return stages["reply"].total if "reply" in stages else 0


def main_operation(exchange: Exchange) -> str:
    """Return what an RPC is for: what moves data, else the first operation that does anything."""
    body, rpc = exchange.call_body, exchange.call_rpc
    if body is not None and body.operations:
        return _main(body)
    if body is not None and body.kind:
        return body.kind
    if rpc is None or rpc.fault:
        return "unknown"
    program = PROGRAM_NAMES.get(rpc.program, str(rpc.program))
    return f"{program}{rpc.version} procedure {rpc.procedure}"


def _main(body: Body) -> str:
    named = list(zip((op.number for op in body.operations), body.names(), strict=True))
    if body.callback:
        return named[-1][1]
    for number, name in named:
        if number in _BULK:
            return name
    telling = [pair for pair in named if pair[0] not in _FRAMING]
    for number, name in telling:
        if number not in _MINOR:
            return name
    return (telling or named)[0][1]
