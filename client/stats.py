"""Counters of a mount: calls, octets, and round-trip times."""

from __future__ import annotations

from dataclasses import dataclass, field


class OperationStats:
    """Counters of one kind of call. Times are in seconds, sizes in octets."""

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "calls",
        "errors",
        "max_rtt",
        "min_rtt",
        "replays",
        "total_queued",
        "total_rtt",
    )

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.total_rtt = 0.0
        self.min_rtt = float("inf")
        self.max_rtt = 0.0
        self.replays = 0
        """How often such calls were sent again."""
        self.total_queued = 0.0
        """Seconds for which such calls waited until they could be sent."""

    def record(self, rtt: float, sent: int, received: int, failed: bool) -> None:
        """Count a call."""
        self.calls += 1
        self.bytes_sent += sent
        self.bytes_received += received
        self.total_rtt += rtt
        if rtt < self.min_rtt:
            self.min_rtt = rtt
        if rtt > self.max_rtt:
            self.max_rtt = rtt
        if failed:
            self.errors += 1

    def __repr__(self) -> str:
        return (
            f"<{self.calls} calls, {self.errors} errors, {self.bytes_sent} octets out, "
            f"{self.bytes_received} in, mean {self.mean_rtt * 1e6:.0f} µs>"
        )

    @property
    def mean_rtt(self) -> float:
        """The mean round-trip time, 0 before the first call."""
        return self.total_rtt / self.calls if self.calls else 0.0


@dataclass(slots=True)
class PathStats:
    """What went over one of several paths to the server. Sizes are in octets."""

    url: str
    """Where the path leads."""
    last_resort: bool = False
    """Whether it is used only while no other path can be."""
    up: int = 0
    """Connections that carry calls now."""
    trouble: str = ""
    """Why there are none; empty if there are, or if none is wanted."""
    connections: int = 0
    """Connections that were established so far."""
    lost: int = 0
    """Connections that carried calls and do not any more."""
    calls: int = 0
    """Calls that were sent, those included that were sent again."""
    bytes_sent: int = 0
    """Octets of these calls."""
    bytes_received: int = 0
    """Octets of their replies; a READ counts as long as it was asked for."""


@dataclass(slots=True)
class Statistics:
    """All counters of a mount."""

    operations: dict[str, OperationStats] = field(default_factory=dict)
    """By the name of the compound's main operation: ``READ``, ``OPEN``, ``GETATTR``..."""
    connections: int = 0
    """Connections that were established; 1 if none was ever lost."""
    sessions: int = 0
    """Sessions that were created; 1 if the server never forgot us."""
    replays: int = 0
    """Requests that were sent again in their slot after a connection was lost."""
    delays: int = 0
    """Calls that the server deferred (DELAY, GRACE)."""
    reclaimed: int = 0
    """Opens that were reclaimed after a restart of the server."""
    resent_writes: int = 0
    """Unstable writes that were sent again because the server lost them before COMMIT."""
    callbacks: int = 0
    """Callbacks from the server."""
    paths: list[PathStats] = field(default_factory=list)
    """By path, the URL's own first; empty unless the mount was given more paths."""

    def of(self, name: str) -> OperationStats:
        """Return the counters of ``name``, made on first use."""
        found = self.operations.get(name)
        if found is None:
            found = self.operations[name] = OperationStats()
        return found
