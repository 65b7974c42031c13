"""What a test of a client has: a relay that does as it is told, and the client's work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from nfsrdma.rpcrdma.providers.fates import Fate, Meddled
from nfsrdma.rpcrdma.task import Reactor, sleep
from nfsrdma.rpcrdma.transport.header import RpcRdmaHeader

from ..case import Failed, NotApplicable, expect
from ..packets import Watch
from ..relay import Link, Passing, Script
from ..relay.link import Pending
from ..relay.streams import Stream
from .record import Record

RIGHT, WRONG_DATA = 0, 3
"""Exit statuses of the work: all was right; what was read is not what was written."""


@dataclass(frozen=True, slots=True)
class Work:
    """How a piece of the client's work ended. ``status`` is None if nobody can tell."""

    status: int | None
    text: str = ""

    @property
    def failed(self) -> bool:
        """Whether the client told its user of an error."""
        return self.status not in (None, RIGHT)


Do = Callable[["ClientLab"], Coroutine[Any, Any, Work]]
"""Has the client mount, or work. Raises ``Hung`` if it does not end."""
Act = Callable[[Link, Passing, "Pending | None"], Awaitable[None] | None]
"""What a test does to a message that is about to go on."""


class Hung(Exception):
    """The client's work did not end in its time."""


class ClientLab(Script):
    """The surroundings of one test: the relay's script, which tests fill in."""

    def __init__(
        self,
        reactor: Reactor,
        rng: Random,
        *,
        mount: Do,
        work: Do,
        timeout_s: float,
        watch: Watch | None = None,
        meddling: Meddled | None = None,
    ) -> None:
        self.reactor = reactor
        self.rng = rng
        self.timeout_s = timeout_s
        self.watch = watch
        self.record = Record(reactor.time)
        self.links: list[Link] = []
        """Every connection that a message came on."""
        self.act: Act | None = None
        self.admit: Callable[[int], bool] | None = None
        self.data: Callable[[bytes], bytes] | None = None
        """What becomes of the server's private data."""
        self.requests: list[float] = []
        """When there were requests to connect."""
        self.done: list[str] = []
        """What was done to the client, in words."""
        self._mount = mount
        self._work = work
        self._meddling = meddling
        self._mounted = False

    # --- The client ---

    async def mount(self) -> None:
        """Have the client mount; once. Raises ``Failed`` if it cannot."""
        if not self._mounted:
            self._mounted = True
            try:
                worked = await self._mount(self)
            except Hung as error:
                self._mounted = False
                raise Failed(f"the client hangs: {error}") from None
            if worked.failed:
                self._mounted = False
                raise Failed(f"the client did not mount: {worked.text}")

    async def work(self) -> Work:
        """Have the client work. Raises ``Failed`` if it does not end."""
        await self.mount()
        try:
            return await self._work(self)
        except Hung as error:
            raise Failed(f"the client hangs: {error}") from None

    async def right(self) -> Work:
        """Have the client work, and be right. Raises ``Failed``."""
        worked = await self.work()
        expect(worked.status != WRONG_DATA, f"wrong data: {worked.text}")
        expect(not worked.failed, f"the client's work failed: {worked.text}")
        return worked

    async def tried(self) -> Work:
        """Have the client work; it may fail, but neither hang nor take wrong data for right.

        Afterwards it is left alone, and has to be right.
        """
        worked = await self.work()
        expect(worked.status != WRONG_DATA, f"wrong data: {worked.text}")
        self.leave_alone()
        after = await self.work()
        expect(after.status != WRONG_DATA, f"wrong data afterwards: {after.text}")
        expect(not after.failed, f"afterwards the client's work failed: {after.text}")
        return worked

    def leave_alone(self) -> None:
        """Do nothing to anything any more."""
        self.act = self.admit = None
        if self._meddling is not None:
            self._meddling.fate = None

    def meddle(self, fate: Fate) -> None:
        """Have every packet meddled with. Raises ``NotApplicable`` where none can be."""
        if self._meddling is None:
            raise NotApplicable("packets are out of reach with this provider")
        self._meddling.fate = fate

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await sleep(self.reactor, seconds)

    def did(self, what: str) -> None:
        """Note what was done to the client."""
        if len(self.done) < 1000:
            self.done.append(what)

    def needed(self, what: str) -> None:
        """Raise ``NotApplicable`` if nothing was done: the client gave no occasion to."""
        if not self.done:
            raise NotApplicable(what)

    # --- The relay's script ---

    def admits(self, number: int) -> bool:
        """Ask the test."""
        self.requests.append(self.reactor.time())
        return self.admit is None or self.admit(number)

    def private_data(self, link: Link, theirs: bytes) -> bytes:
        """Ask the test."""
        return theirs if self.data is None else self.data(theirs)

    def heard(
        self, link: Link, passing: Passing, stream: Stream, header: RpcRdmaHeader | None
    ) -> None:
        """Record it."""
        if link not in self.links:
            self.links.append(link)
        self.record.heard(link, passing, stream, header)

    async def passes(self, link: Link, passing: Passing, pending: Pending | None) -> None:
        """Do what the test does to it."""
        if self.act is not None:
            waiting = self.act(link, passing, pending)
            if waiting is not None:
                await waiting

    def passed(
        self, link: Link, passing: Passing, pending: Pending | None, *, arrived: bool
    ) -> None:
        """Record a reply."""
        if arrived and not passing.from_client:
            self.record.answered(link, passing)

    def ended(self, link: Link, reason: str) -> None:
        """Record it."""
        self.record.ended(link, reason)
