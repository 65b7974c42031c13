"""How long RPCs took, by what they were for: until the reply, until data moved, while it did.

Times are those of the capture: at the client they have the network in them, at the server not.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from nfsrdma.xdr.nfs4 import types as t

from .exchange import Exchange
from .messages.body import PROGRAM_NAMES, Body
from .model import CmEvent, Finding

if TYPE_CHECKING:
    from .pipeline import Pipeline

STAGES = ("reply", "data", "transfer")
"""From the call to the reply; from the call to the first data by RDMA; from those to the last."""

_BULK = frozenset((t.OP_READ, t.OP_WRITE, t.OP_READDIR, t.OP_READLINK))
_FRAMING = frozenset((t.OP_SEQUENCE, t.OP_PUTFH, t.OP_PUTROOTFH, t.OP_SAVEFH, t.OP_RESTOREFH,
                      t.OP_GETFH))  # fmt: skip
_MINOR = frozenset((t.OP_LOOKUP, t.OP_GETATTR, t.OP_ACCESS))


class Spread(NamedTuple):
    """Of many times, in nanoseconds: the middle one, the 99th of a hundred, the worst."""

    calls: int
    median: int
    p99: int
    worst: int
    call_frame: int
    reply_frame: int


class Times:
    """The times of one stage of one operation."""

    __slots__ = ("_all", "_frames", "_worst")

    def __init__(self) -> None:
        self._all = array("q")
        self._worst = -1
        self._frames = (0, 0)

    def add(self, time: int, call_frame: int, reply_frame: int) -> None:
        self._all.append(time)
        if time > self._worst:
            self._worst, self._frames = time, (call_frame, reply_frame)

    @property
    def total(self) -> int:
        return sum(self._all)

    def spread(self) -> Spread | None:
        """``None`` if there are none."""
        if not self._all:
            return None
        ordered = sorted(self._all)
        last = len(ordered) - 1
        return Spread(
            len(ordered), ordered[last // 2], ordered[-(-last * 99 // 100)], self._worst,
            *self._frames,
        )  # fmt: skip


class Latency:
    """A view that collects times; ``operations`` has those of each stage, by operation."""

    def __init__(self) -> None:
        self.operations: dict[str, dict[str, Times]] = {}

    def exchange(self, exchange: Exchange) -> None:
        """A call and its reply, if both are there."""
        call, reply = exchange.call, exchange.reply
        total = exchange.latency
        if call is None or reply is None or total is None or total < 0:
            return
        stages = self.operations.setdefault(main_operation(exchange), {})
        measured = {"reply": total}
        begun = [op.first_data_time for op in exchange.operations if op.first_data_time]
        if begun:
            first = min(begun)
            measured["data"] = first - call.first_time
            measured["transfer"] = max(op.last_time for op in exchange.operations) - first
        for stage, time in measured.items():
            if time >= 0:
                stages.setdefault(stage, Times()).add(time, call.frame, reply.frame)

    def cm(self, event: CmEvent) -> None:
        """Has no latency."""

    def finding(self, finding: Finding) -> None:
        """Has no latency."""

    def close(self, pipeline: Pipeline) -> None:
        """What took the most time in total comes first."""
        order = sorted(self.operations.items(), key=lambda item: -_total(item[1]))
        self.operations = dict(order)


def _total(stages: dict[str, Times]) -> int:
    return stages["reply"].total if "reply" in stages else 0


def main_operation(exchange: Exchange) -> str:
    """What an RPC is for: of a compound, what moves data, else the first that does anything."""
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
