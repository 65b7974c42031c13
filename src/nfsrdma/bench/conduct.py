"""The conductor: it runs every step on one target after the other, round after round.

A step is one operation of one group. In each round every target does a step before the next step
begins (A B C A B C), and another target begins each time. So the machine's other work, and the
frequency of its processors, are shared out evenly.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from nfsrdma.client import NfsError, mount

from .clients import Client, ClientFailed, Message
from .plan import CALL_OPS, META_OPS, Group, Plan, show_size
from .servers import OwnServer, cpu_seconds

_PATIENCE_S: Final = 90.0
"""Seconds that a step may take beyond its slice."""
_ERRORS_MAX: Final = 4
"""Failed steps after which a target is given up."""

Report = Callable[[str], None]
"""Called with every step, in words, before it begins."""


@dataclass(slots=True)
class Target:
    """A server by one transport. ``label`` names it in tables."""

    label: str
    transport: str
    url: str
    options: dict[str, Any] = field(default_factory=dict)
    own: OwnServer | None = None
    server_pid: int | None = None
    """The process whose processor time is the server's; None if it is not known."""
    start: Callable[[], Client] = Client
    """Makes a client: ours, or another one that answers the same orders."""
    clients: list[Client] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    limit: int = 0
    """Octets that one READ and one WRITE can carry."""
    errors: int = 0
    lost: bool = False

    @property
    def server(self) -> str:
        """``"own"``, or the URL of a server that is not ours."""
        return "own" if self.own is not None else self.url


@dataclass(frozen=True, slots=True)
class Sample:
    """One step on one target: an ``error``, or what was measured."""

    label: str
    transport: str
    server: str
    group: Group
    op: str
    ops: int = 0
    octets: int = 0
    rate: float = 0.0
    """Operations per second."""
    cpu_client: float = 0.0
    cpu_server: float | None = None
    rtts: tuple[float, ...] = ()
    fairness: float | None = None
    """The slowest client's rate over the fastest's; None for one client."""
    note: str = ""
    error: str = ""


class Conductor:
    """Runs a plan on targets, and collects :attr:`samples`.

    ``measured`` is called with each one at once.
    """

    def __init__(
        self,
        plan: Plan,
        targets: Sequence[Target],
        report: Report,
        measured: Callable[[Sample], object] | None = None,
    ) -> None:
        self._plan = plan
        self._targets = list(targets)
        self._report = report
        self._measured = measured
        self._skipped: set[str] = set()
        self.samples: list[Sample] = []
        self.left_behind: list[str] = []
        """Files that could not be removed, in words."""

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.left_behind) or any(sample.error for sample in self.samples)

    def run(self) -> None:
        """Run all rounds, and tidy up, even after an interrupt."""
        with self._clients():
            for number in range(self._plan.rounds):
                for group in self._plan.groups:
                    self._group(number, group)

    @contextmanager
    def _clients(self) -> Iterator[None]:
        try:
            for target in self._targets:
                self._start(target)
            yield
        finally:
            for target in self._targets:
                self._end(target)

    def _start(self, target: Target) -> None:
        plan = self._plan
        self._report(f"mounting {target.url}")
        for _ in range(plan.clients):
            client = target.start()
            folder = f"nfsrdma-bench-{secrets.token_hex(4)}"
            target.clients.append(client)
            target.folders.append(folder)
            order = {
                "do": "mount",
                "url": target.url,
                "options": target.options,
                "folder": folder,
                "record_max": plan.record_max,
                "seed": plan.seed,
                "verify": plan.verify,
                "cached": plan.cached,
                "split": plan.split,
            }
            try:
                answer = client.ask(order, _PATIENCE_S)
                target.limit = min(answer["rsize"], answer["wsize"])
            except ClientFailed as failure:
                target.lost = True
                self._failure(target, self._plan.groups[0], "mount", failure)
                return

    def _group(self, number: int, group: Group) -> None:
        self._skipped.clear()
        for step, op in enumerate(group.ops):
            for target in self._turn(number + step):
                self._step(target, group, op)
        if group.record is not None:
            for target in self._turn(number):
                self._finish(target, group)

    def _turn(self, number: int) -> list[Target]:
        """Return the targets that still take part, in this step's order."""
        first = number % max(1, len(self._targets))
        order = self._targets[first:] + self._targets[:first]
        return [each for each in order if not each.lost and each.label not in self._skipped]

    def _step(self, target: Target, group: Group, op: str) -> None:
        self._report(f"{describe(group, op)}, {target.label}")
        order = asdict(group) | {"do": "measure", "op": op, "slice_s": self._plan.slice_s}
        try:
            before = self._server_cpu(target)
            answers = self._ask(target, order, self._plan.slice_s + _PATIENCE_S)
            after = self._server_cpu(target)
        except ClientFailed as failure:
            self._failure(target, group, op, failure)
            return
        rates = [answer["ops"] / answer["elapsed"] for answer in answers]
        self._note_sample(
            Sample(
                target.label,
                target.transport,
                target.server,
                group,
                op,
                sum(answer["ops"] for answer in answers),
                sum(answer["octets"] for answer in answers),
                sum(rates),
                sum(answer["cpu"] for answer in answers),
                None if before is None or after is None else after - before,
                tuple(rtt for answer in answers for rtt in answer["rtts"]),
                min(rates) / max(rates) if len(rates) > 1 and max(rates) else None,
                self._note(target, group),
            )
        )

    def _note_sample(self, sample: Sample) -> None:
        self.samples.append(sample)
        if self._measured is not None:
            self._measured(sample)

    def _note(self, target: Target, group: Group) -> str:
        record = group.record or 0
        if record <= target.limit:
            return ""
        pieces = -(-record // target.limit)
        return f"in {pieces} requests: the server takes {show_size(target.limit)} at a time"

    def _ask(self, target: Target, order: Message, timeout_s: float) -> list[Message]:
        """Ask all clients of a target at once. Raises the first failure when all have answered."""
        for client in target.clients:
            client.tell(order)
        answers, failures = [], []
        for client in target.clients:
            try:
                answers.append(client.answer(timeout_s))
            except ClientFailed as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        return answers

    def _finish(self, target: Target, group: Group) -> None:
        """Compare every octet that is left, and remove the files."""
        try:
            if self._plan.verify:
                self._ask(target, {"do": "check"}, _PATIENCE_S)
            self._ask(target, {"do": "drop"}, _PATIENCE_S)
        except ClientFailed as failure:
            self._failure(target, group, "check", failure)

    def _server_cpu(self, target: Target) -> float | None:
        if target.server_pid is None:
            return None
        try:
            return cpu_seconds(target.server_pid)
        except OSError:
            return None  # it died; the next call will say so

    def _failure(self, target: Target, group: Group, op: str, failure: ClientFailed) -> None:
        """Record a failure, and give up the group, or the target."""
        text = str(failure)
        obituary = target.own.obituary if target.own is not None else None
        target.errors += 1
        if failure.lost or obituary or target.errors >= _ERRORS_MAX:
            target.lost = True
        self._note_sample(
            Sample(target.label, target.transport, target.server, group, op, error=obituary or text)
        )
        if group.record is not None and not target.lost and op != "check":
            self._skipped.add(target.label)
            with suppress(ClientFailed):
                self._ask(target, {"do": "drop"}, _PATIENCE_S)

    def _end(self, target: Target) -> None:
        dead = target.own is not None and target.own.obituary is not None
        for client, folder in zip(target.clients, target.folders, strict=True):
            if dead:
                client.kill()  # no server is left; the scratch folder will be removed
            elif not client.leave() and target.own is None:
                self._sweep(target, folder)

    def _sweep(self, target: Target, folder: str) -> None:
        """Remove what a client could not, through another mount."""
        try:
            with mount(target.url, **target.options) as again:
                if again.exists(folder):
                    again.rmtree(folder)
        except (NfsError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.left_behind.append(f"{folder} may be left at {target.url}: {reason}")


def describe(group: Group, op: str) -> str:
    """Return a step in words."""
    text = op if op in CALL_OPS or op in META_OPS else f"{op} {show_size(group.record or 0)}"
    if group.size is not None:
        text += f" of {show_size(group.size)}"
    text += f", {group.depth} in flight"
    return text + (f", {group.threads} threads" if group.threads > 1 else "")
