"""Running tests one after the other, each with a lab of its own, and judging how they end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from nfsrdma.rpcrdma.task import Cancelled, Reactor, Task, settled
from nfsrdma.rpcrdma.verbs.types import VerbsError

from . import nfs
from .case import LONG_S, Case, Failed, Need, NotApplicable, Severity
from .lab import Lab, Session
from .packets import Frame
from .peer import Gone, Silence, Unasked

T = TypeVar("T")

_TIDY_S: Final = 5.0
_SILENT_MAX: Final = 3
"""Tests in a row behind which the server does not answer, until the rest is given up."""


class Verdict(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOTED = "noted"
    """A test of quality that did not pass."""
    SKIPPED = "skipped"
    ERROR = "error"
    """The test itself could not be carried out."""


@dataclass(slots=True)
class Outcome:
    """What became of one test."""

    case: Case
    verdict: Verdict
    observed: str
    seconds: float
    frames: list[Frame] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    """What a dissector says of the packets."""


OpenLab = Callable[[Case], Lab]
"""Makes the surroundings of a test: a device of its own. Raises ``OSError``."""


class Hung(Exception):
    """A test took longer than it may."""


async def within(reactor: Reactor, seconds: float, coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns. Raises ``Hung`` if it takes longer."""
    late = False
    task: Task[T] = Task(coroutine)

    def stop() -> None:
        nonlocal late
        late = True
        task.cancel()

    timer = reactor.call_at(reactor.time() + seconds, stop)
    try:
        await settled(task)
    except Cancelled:
        task.cancel()
        raise
    finally:
        timer.cancel()
    if late and isinstance(task.error(), Cancelled):
        raise Hung(f"nothing came of it in {seconds:g} s")
    return task.result()


class Runner:
    """Runs tests; ``outcomes`` grows. ``limit_s`` is the time of each test."""

    def __init__(
        self, reactor: Reactor, open_lab: OpenLab, limit_s: float, *, packets: bool
    ) -> None:
        self._reactor = reactor
        self._open_lab = open_lab
        self._limit_s = limit_s
        self._packets = packets
        self.outcomes: list[Outcome] = []
        self._lab: Lab | None = None
        self.silent = 0
        """Tests in a row behind which the server did not answer."""
        self.silent_max = _SILENT_MAX

    async def run(
        self, cases: Sequence[Case], on_outcome: Callable[[Outcome], object] | None = None
    ) -> None:
        """Run all, in order, as long as the server lives: :attr:`gave_up` tells."""
        for each in cases:
            if self.gave_up:
                return
            outcome = await self._run_one(each)
            self.outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)

    @property
    def gave_up(self) -> bool:
        """Whether the server is gone: nothing else would come of more tests."""
        return self.silent >= self.silent_max

    async def reach(self, probe: Case) -> None:
        """Call NULL once. Raises ``Unreachable`` with the reason if nobody answers."""
        lab = None
        try:
            lab = self._open_lab(probe)
            await within(self._reactor, self._limit_s, lab.alive())
        except (OSError, ValueError, VerbsError) as error:
            raise Unreachable(str(error)) from error
        except Hung as error:
            text = f"the server does not answer NULL within {self._limit_s:g} s"
            raise Unreachable(text) from error
        except Failed as error:
            raise Unreachable(str(error)) from error
        finally:
            if lab is not None:
                _close(lab)

    async def tidy(self) -> None:
        """Remove what the test in progress has left at the server; for interrupts."""
        lab, self._lab = self._lab, None
        if lab is not None:
            await self._tidy(lab)
            _close(lab)

    async def _run_one(self, case: Case) -> Outcome:
        began = self._reactor.time()
        if Need.PACKETS in case.needs and not self._packets:
            text = "packets are not observable with this provider"
            return Outcome(case, Verdict.SKIPPED, text, 0.0)
        try:
            self._lab = lab = self._open_lab(case)
        except (OSError, VerbsError) as error:
            return Outcome(case, Verdict.ERROR, f"no device: {error}", 0.0)
        verdict, observed = await self._judge(case, lab)
        await self._tidy(lab)
        self._lab = None
        _close(lab)
        frames = lab.watch.frames if lab.watch is not None else []
        return Outcome(case, verdict, observed, self._reactor.time() - began, frames)

    async def _judge(self, case: Case, lab: Lab) -> tuple[Verdict, str]:
        """Run the test itself, look at the canaries, and ask whether the server is still there."""
        verdict, observed = await self._carry_out(case, lab)
        lab.leave_packets_alone()
        for peer in lab.peers:
            try:
                peer.memory.check()
            except Failed as error:
                verdict, observed = _failed(case), f"{observed}; {error}".removeprefix("; ")
        try:
            await within(self._reactor, self._limit_s, lab.alive())
        except (Failed, Hung, Gone, Silence) as error:
            self.silent += 1
            return _failed(case), f"{observed}; afterwards {error}".removeprefix("; ")
        self.silent = 0
        return verdict, observed

    async def _carry_out(self, case: Case, lab: Lab) -> tuple[Verdict, str]:
        try:
            limit_s = self._limit_s + LONG_S * (Need.LONG in case.needs)
            observed = await within(self._reactor, limit_s, case.run(lab))
            return Verdict.PASSED, observed or ""
        except NotApplicable as error:
            return Verdict.SKIPPED, str(error)
        except Failed as error:
            return _failed(case), str(error)
        except Gone as error:
            return _failed(case), f"the connection ended: {error}"
        except (Silence, Unasked, Hung) as error:
            return _failed(case), str(error)
        except VerbsError as error:
            return Verdict.ERROR, f"{error}"
        except Cancelled:
            raise
        except Exception as error:
            # Whatever a peer answers must not end the run, even where a test did not expect it.
            return Verdict.ERROR, f"the test itself failed: {error!r}"

    async def _tidy(self, lab: Lab) -> None:
        """Remove the files of a test, and end its sessions, over a new connection if need be."""
        with suppress(Failed, Gone, Silence, Unasked, NotApplicable, Hung, VerbsError):
            await within(self._reactor, _TIDY_S, _clean(lab))


class Unreachable(Exception):
    """There is no server to test; the message says why."""


def _failed(case: Case) -> Verdict:
    return Verdict.NOTED if case.severity is Severity.QUALITY else Verdict.FAILED


async def _clean(lab: Lab) -> None:
    for session in lab.sessions:
        if session.peer.ended is None:
            with suppress(Failed, Gone, Silence, Unasked):
                await _remove(lab, session.directory, session.run)
                await _end(lab, session)
    sessions = [each for each in lab.sessions if each.id]
    if lab.leftovers or sessions:
        last = await lab.session()
        await _remove(lab, last.directory, last.run)
        for session in sessions:
            session.peer = last.peer
            with suppress(Failed, Gone, Silence, Unasked):
                await _end(lab, session)
        await last.end()


async def _end(lab: Lab, session: Session) -> None:
    for file in [each for each in lab.files if each.session is session]:
        lab.files.remove(file)
        await session.run(nfs.putfh(file.handle), nfs.close(file.stateid))
    await session.end()


async def _remove(lab: Lab, directory: bytes, run: Callable[..., Any]) -> None:
    while lab.leftovers and directory:
        parent, name = lab.leftovers[-1]
        await run(nfs.putfh(parent or directory), nfs.remove(name))
        lab.leftovers.pop()


def _close(lab: Lab) -> None:
    for peer in lab.peers:
        peer.close()
    lab.device.close()
