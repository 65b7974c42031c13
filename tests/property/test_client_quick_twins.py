"""The client's short way, compiled and in Python: the same is sent, and heeded, whatever comes."""

from __future__ import annotations

import os
import struct
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from nfsrdma.client import quick
from nfsrdma.client.quick import _GETATTR, _READ, _REPLY, _WELL, _WRITE, Asked, Kind
from nfsrdma.client.slots import SlotTable
from nfsrdma.client.stats import OperationStats, Statistics
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.task import Task
from nfsrdma.xdr import Decoder
from nfsrdma.xdr.nfs4 import types as t

if not quick.native:
    pytest.skip("not compiled, or NFSRDMA_NATIVE=0", allow_module_level=True)

STEPS = int(os.environ.get("NFSRDMA_QUICK_STEPS", "1500"))
KINDS = (_READ, _WRITE, _GETATTR)


class Clock:
    """A reactor, for its time: one more each time."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        self.now += 1
        return self.now


class Fake:
    """What of a session is looked at, with real slots."""

    def __init__(self, seed: int, size: int) -> None:
        self.reactor = Clock()
        self.rpc = RpcClient(Random(seed))
        self.rpc._next_xid = 0xFFFFFFF0
        self.channel: object | None = object()
        self.gate: object | None = None
        self.session_id = bytes(range(16))
        self.slots: SlotTable | None = SlotTable(size)
        self.heard_at = self.renewed_at = 0.0
        self.flags = 0
        self.stats = Statistics()
        self.told: list[object] = []

    def executed(self, slots: SlotTable, slot: int, target: int, flags: int) -> None:
        self.told.append((slot, target, flags))
        slots.executed(slot, target)
        self.flags = flags

    def state(self) -> list[object]:
        """All that may have changed."""
        slots = self.slots
        told = None if slots is None else (slots.seqids, slots._busy, slots.limit, slots.waiting)
        return [
            *(self.rpc._next_xid, self.heard_at, self.renewed_at, self.flags, self.reactor.now),
            told,
        ]


def reply(rng: Random, asked: Asked, session_id: bytes, size: int) -> bytes:
    """Return a reply to a call, more or less the usual one."""
    target = size - 1 if rng.random() < 0.9 else rng.choice((0, size // 2, 1 << 20, (1 << 32) - 1))
    flags = 0 if rng.random() < 0.9 else rng.choice((1, 1 << 31))
    octets = bytearray(
        _REPLY.pack(
            *(asked.xid, *_WELL, session_id, asked.seqid, asked.slot, 0, target, flags),
            *(t.OP_PUTFH, 0, asked.kind.op, 0),
        )
    )
    octets += rng.randbytes(rng.choice((0, 8, 200)))
    if rng.random() < 0.2:
        octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.05:
        del octets[rng.randrange(len(octets)) :]
    return bytes(octets)


def told(asked: Asked | None) -> object:
    """What a call is, for comparison."""
    if asked is None:
        return None
    each = asked
    return (
        *(each.kind.name, each.where(), each.slot, each.seqid, each.xid, each.sent_at),
        *(each.pieces, each.octets),
    )


def repr_of(counts: OperationStats) -> list[object]:
    """All counters."""
    return [getattr(counts, name) for name in OperationStats.__slots__]


NAMES = ("ask", "heed", "answer", "took", "count")
NATIVE = SimpleNamespace(**{name: getattr(quick, name) for name in NAMES})
TWIN = SimpleNamespace(**{name: getattr(quick, f"{name}_in_python") for name in NAMES})


class Conversation:
    """Calls and replies in a session, by one twin."""

    def __init__(self, way: Any, seed: int) -> None:
        self.ask, self.heed, self.rng = way.ask, way.heed, Random(seed)
        self.way = way
        self.size = self.rng.choice((1, 2, 8, 61, 62, 63, 64, 100))
        self.session = Fake(seed, self.size)
        self.asked: list[Asked] = []
        self.said: list[object] = []

    def call(self) -> None:
        kind: Kind = self.rng.choice(KINDS)
        header, putfh, arguments = (self.rng.randbytes(4 * self.rng.randrange(9)) for _ in range(3))
        asked = self.ask(self.session, kind, lambda: "somewhere", header, putfh, arguments)
        self.said.append(told(asked))
        if asked is not None:
            self.asked.append(asked)

    def answer(self) -> None:
        asked = self.asked.pop(self.rng.randrange(len(self.asked)))
        if self.rng.random() < 0.3 and asked.slots is self.session.slots:
            self.take(asked)
            return
        offset = self.rng.choice((0, 0, 4))
        octets = bytes(offset) + reply(self.rng, asked, self.session.session_id, self.size)
        decoder = Decoder(octets, offset)
        now = self.heed(self.session, asked, decoder)
        self.said.append((now, decoder.offset, list(self.session.told)))
        slots = self.session.slots
        if now is None and slots is not None and slots is asked.slots:
            slots.release(asked.slot)

    def take(self, asked: Asked) -> None:
        """Take the reply that was expected, as an exchange brings it."""
        rng, session, way = self.rng, self.session, self.way
        octets = bytearray(way.answer(session, asked))
        self.said.append(bytes(octets))
        target = self.size - 1 if rng.random() < 0.9 else rng.choice((0, self.size // 2, 1 << 20))
        flags = rng.choice((0, 0, 0, 1, 1 << 31))
        octets[68:80] = struct.pack(">3I", rng.getrandbits(32), target, flags)
        now = way.took(session, asked, bytes(octets) + rng.randbytes(rng.randrange(9)))
        way.count(session, asked, now, rng.getrandbits(40))
        counts = {name: repr_of(each) for name, each in session.stats.operations.items()}
        self.said.append((now, counts))

    def change(self) -> None:
        """Have something happen to the session."""
        kind, session = self.rng.randrange(7), self.session
        slots = session.slots
        if kind == 0:
            session.gate = None if session.gate else object()
        elif kind == 1:
            session.channel = None if session.channel else object()
        elif kind == 2 and self.rng.random() < 0.2:
            session.slots = None if slots is not None else SlotTable(self.size)
        elif kind == 3 and slots is not None:
            slots.on_busy = lambda: self.said.append("busy")
        elif kind == 4 and slots is not None:
            Task(slots.acquire()).add_done_callback(
                lambda task: self.asked or self.said.append(task.result())
            )
        elif kind == 5 and slots is not None and self.rng.random() < 0.05:
            slots.close()
        elif kind == 6 and slots is not None:
            slots.seqids[self.rng.randrange(self.size)] = 0xFFFFFFFF

    def run(self) -> list[object]:
        for _ in range(STEPS):
            what = self.rng.random()
            if what < 0.55:
                self.call()
            elif what < 0.96 and self.asked:
                self.answer()
            else:
                self.change()
            self.said.append(self.session.state())
        return self.said


@pytest.mark.parametrize("seed", range(16))
def test_both_say_the_same(seed: int) -> None:
    ours, theirs = Conversation(NATIVE, seed), Conversation(TWIN, seed)
    for one, other in zip(ours.run(), theirs.run(), strict=True):
        # Only what is not usual is told to the session.
        if isinstance(one, tuple) and isinstance(one[-1], list):
            one, other = one[:-1], other[:-1]  # type: ignore[index]
        assert one == other


def test_misuse_is_refused() -> None:
    session: Any = Fake(0, 4)
    made: Any = quick.ask
    heed: Any = quick.heed
    with pytest.raises(TypeError):
        made(session)
    with pytest.raises(TypeError):
        made(session, _READ, str, "text", b"", b"")
    session.session_id = b"short"
    with pytest.raises(ValueError, match="another length"):
        made(session, _READ, str, b"", b"", b"")
    wrong: Any = Asked(_READ, str, SlotTable(1), 0, 1, 0.0, b"")
    for function in (quick.answer, quick.took, quick.count):
        with pytest.raises(TypeError):
            function(session, wrong, b"", 0)  # type: ignore[operator]
    asked = made(Fake(0, 4), _READ, str, b"", b"", b"")
    with pytest.raises(ValueError, match="too short"):
        quick.took(session, asked, bytes(95))
    with pytest.raises(ValueError, match="another length"):
        quick.answer(session, asked)
    with pytest.raises(TypeError):
        heed(session, Asked(_READ, str, SlotTable(1), 0, 1, 0.0, b""), Decoder(b""))
