"""CL19, CL20 and more: calls in the reverse direction (RFC 8167)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from ...case import Severity, expect
from ...relay import CALL, CALLBACK, REPLY, Link, Passing
from ...relay.link import Pending
from ...wire import chunk, header, words
from ..catalogue import scenario
from ..lab import ClientLab

_TRIES: Final = 5
_ANSWER_S: Final = 5.0
_FLAG: Final = t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN


class Caller:
    """Calls a client back, and swallows its replies."""

    def __init__(self, lab: ClientLab, make: Callable[[Link, int, int], bytes]) -> None:
        self._lab = lab
        self._make = make
        self.programs: dict[int, int] = {}
        """Connections that take callbacks -> the program that they are for."""
        self.sent: dict[tuple[int, int], float] = {}
        self.answers: list[bytes] = []
        self._mounted = False

    async def mount(self) -> None:
        """Have the client mount, and see what it says of its back channel; then call it."""
        self._lab.act = self.act
        await self._lab.mount()
        self._mounted = True

    async def act(self, link: Link, passing: Passing, pending: Pending | None) -> None:
        """Call back in front of some replies, with their XID."""
        if passing.kind == CALL and pending is not None:
            for each in pending.stream.operations:
                if each.argop == t.OP_CREATE_SESSION and each.value.csa_flags & _FLAG:
                    self.programs[link.number] = each.value.csa_cb_program
        elif passing.kind == CALLBACK and passing.from_client:
            if (link.number, passing.xid) in self.sent:
                self.answers.append(passing.raw)
                passing.dropped = True
        elif passing.kind == REPLY and link.number in self.programs:
            enough = len(self.sent) >= _TRIES or "CREATE_SESSION" in passing.operations
            if self._mounted and not enough and passing.number % 4 == 0:
                xid = passing.xid
                self.sent[link.number, xid] = self._lab.reactor.time()
                link.near.send(self._make(link, xid, self.programs[link.number]))
                self._lab.did("a callback")

    async def answered(self) -> int:
        """Return how many were answered, after a while."""
        until = self._lab.reactor.time() + _ANSWER_S
        while len(self.answers) < len(self.sent) and self._lab.reactor.time() < until:
            if all(link.ended for link in self._lab.links):
                break
            await self._lab.wait(0.05)
        return len(self.answers)


def _null(link: Link, xid: int, program: int) -> bytes:
    return header(xid, credit=1) + words(xid, 0, 2, program, 1, 0, 0, 0, 0, 0)


_NO_CHANNEL: Final = "the client asks for no back channel on its connection"


@scenario("CL19", "RFC 8167, Section 2.4", Severity.MUST)
async def equal_xids(lab: ClientLab) -> str:
    """Tell a callback from the reply to a call if both have the same XID, and answer it."""
    caller = Caller(lab, _null)
    await caller.mount()
    await lab.right()
    lab.needed(_NO_CHANNEL)
    count = await caller.answered()
    expect(count >= len(caller.sent), f"{count} of {len(caller.sent)} callbacks were answered")
    for octets in caller.answers:
        expect(octets[32:36] == words(1), f"the answer to CB_NULL is {octets[28:52].hex(' ', 4)}")
    return f"{count} callbacks"


@scenario("CL20", "RFC 8167, Section 4.2", Severity.ROBUSTNESS)
async def too_long(lab: ClientLab) -> str:
    """Survive a callback that is longer than its receives: the connection may be lost."""

    def make(link: Link, xid: int, program: int) -> bytes:
        room = lab.record.connection(link).reply_threshold
        return _null(link, xid, program) + bytes(room + 4096)

    caller = Caller(lab, make)
    await caller.mount()
    await lab.tried()
    lab.needed(_NO_CHANNEL)
    return f"{len(caller.sent)} callbacks"


@scenario("CL36", "RFC 8167, Section 5.1", Severity.ROBUSTNESS)
async def with_chunks(lab: ClientLab) -> str:
    """Survive a callback with chunks, and write nothing there."""
    offers = []

    def make(link: Link, xid: int, program: int) -> bytes:
        offer = link.near.memory.offer(256)
        offers.append(offer)
        plain = _null(link, xid, program)
        lists = words(0) + chunk(offer.segments) + words(0) + chunk(offer.segments)
        return plain[:16] + lists + plain[28:]

    caller = Caller(lab, make)
    await caller.mount()
    await lab.tried()
    lab.needed(_NO_CHANNEL)
    expect(not any(each.touched for each in offers), "memory that a callback named was written")
    return f"{len(caller.answers)} of {len(caller.sent)} callbacks were answered"


@scenario("CL37", "RFC 8167, Section 5.1", Severity.ROBUSTNESS)
async def unknown_program(lab: ClientLab) -> str:
    """Answer a callback of a program that the client does not have by RPC, or drop it."""
    caller = Caller(lab, lambda link, xid, program: _null(link, xid, program ^ 0x1234))
    await caller.mount()
    await lab.right()
    lab.needed(_NO_CHANNEL)
    count = await caller.answered()
    for octets in caller.answers:
        good = octets[32:36] == words(1) and octets[36:40] == words(0) and octets[48:52] == words(0)
        expect(not good, "a callback of a strange program was accepted")
    if not count:
        return "dropped"
    return f"{count} of {len(caller.sent)} were answered"
