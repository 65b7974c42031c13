"""Running the tests of a client one after the other, and judging how they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from nfsrdma.rpcrdma.task import Cancelled, Reactor
from nfsrdma.rpcrdma.verbs.types import VerbsError

from ..case import Case, Failed, Need, NotApplicable, Severity
from ..peer import Gone, Silence
from ..runner import Hung as OutOfTime
from ..runner import Outcome, Verdict, within
from .lab import ClientLab, Hung


class Stage(Protocol):
    """The surroundings of one test: a server, the relay before it, and what the client does."""

    lab: ClientLab

    async def leave(self) -> None:
        """Have the client unmount."""

    def close(self) -> None:
        """End the server and the relay."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds."""

    test_s: float
    leave_s: float = 30.0


class ClientRunner:
    """Runs tests of a client; ``outcomes`` grows."""

    def __init__(
        self,
        reactor: Reactor,
        open_stage: Callable[[Case], Stage],
        limits: Limits,
        *,
        packets: bool,
    ) -> None:
        self._reactor = reactor
        self._open_stage = open_stage
        self._limits = limits
        self._packets = packets
        self.outcomes: list[Outcome] = []
        self._stage: Stage | None = None

    async def run(
        self, cases: Sequence[Case], on_outcome: Callable[[Outcome], object] | None = None
    ) -> None:
        """Run all, in order. Raises ``OSError`` if there is no device, or no port."""
        for each in cases:
            outcome = await self._run_one(each)
            self.outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)

    async def tidy(self) -> None:
        """Have the client of the test in progress unmount; for interrupts."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.lab.leave_alone()
            await self._leave(stage)
            stage.close()

    async def _run_one(self, case: Case) -> Outcome:
        if Need.PACKETS in case.needs and not self._packets:
            text = "packets are out of reach with this provider"
            return Outcome(case, Verdict.SKIPPED, text, 0.0)
        began = self._reactor.time()
        self._stage = stage = self._open_stage(case)
        lab = stage.lab
        verdict, observed = await self._carry_out(case, lab)
        lab.leave_alone()
        await self._leave(stage)
        self._stage = None
        stage.close()
        verdict, observed = _with_rules(case, lab, verdict, observed)
        frames = lab.watch.frames if lab.watch is not None else []
        return Outcome(case, verdict, observed, self._reactor.time() - began, frames)

    async def _carry_out(self, case: Case, lab: ClientLab) -> tuple[Verdict, str]:
        failed = Verdict.NOTED if case.severity is Severity.QUALITY else Verdict.FAILED
        try:
            body: Any = case.run
            observed = await within(self._reactor, self._limits.test_s, body(lab))
            return Verdict.PASSED, observed or ""
        except NotApplicable as error:
            return Verdict.SKIPPED, str(error)
        except (Failed, Silence) as error:
            return failed, str(error)
        except Gone as error:
            return failed, f"the connection ended: {error}"
        except OutOfTime as error:
            return failed, f"the client hangs: {error}"
        except (VerbsError, OSError) as error:
            return Verdict.ERROR, f"{error}"
        except Cancelled:
            raise
        except Exception as error:
            # Whatever a client says must not end the run, even where a test did not expect it.
            return Verdict.ERROR, f"the test itself failed: {error!r}"

    async def _leave(self, stage: Stage) -> None:
        with suppress(OutOfTime, OSError, Failed, Hung):
            await within(self._reactor, self._limits.leave_s, stage.leave())


def _with_rules(case: Case, lab: ClientLab, verdict: Verdict, observed: str) -> tuple[Verdict, str]:
    """Return the verdict, worse if a rule of all messages was broken."""
    complaints = list(lab.record.complaints)
    if lab.record.over_grant > 0:
        complaints.append(
            f"{lab.record.over_grant} calls in flight beyond the grant (RFC 8166, Section 3.3.1)"
        )
    if verdict is Verdict.ERROR or not complaints:
        return verdict, observed
    failed = Verdict.NOTED if case.severity is Severity.QUALITY else Verdict.FAILED
    return failed, "; ".join([*([observed] if observed else []), *complaints[:5]])
