"""The RoCE engine of one endpoint (signatures; the machines are being written)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

from ..verbs.types import DeviceLimits, QpOptions
from .burst import Address, Burst
from .completion import CompletionQueue
from .memory import ProtectionDomain
from .queue_pair import QueuePair
from .tuning import Tuning


class Mads(Protocol):
    """What the engine needs of the connection manager, ``cm.ConnectionManager``."""

    def handle_mad(
        self, mad: memoryview, source: Address, destination: Address, now: float
    ) -> None: ...

    def next_timeout(self) -> float | None: ...

    def handle_timeout(self, now: float) -> None: ...


class Engine:
    """Queue pairs, memory and the connection manager of one endpoint, sans-IO.

    A driver does: ``handle_burst`` / ``handle_timeout`` on input, then ``poll_transmit`` until
    ``None``. When ``on_ready`` was called: ``deliver()`` then ``poll_transmit`` until ``None``,
    from the reactor soon (never from inside ``on_ready`` itself).
    """

    cm: Mads | None
    on_ready: Callable[[], None]

    def __init__(
        self,
        *,
        rng: Random,
        mtu_limit: int = 4096,
        gso: bool = True,
        name: str = "soft",
        tuning: Tuning | None = None,
    ) -> None:
        self.name = name
        self.mtu_limit = mtu_limit
        self.limits = DeviceLimits()

    def create_pd(self) -> ProtectionDomain: ...

    def create_cq(self, depth: int) -> CompletionQueue: ...

    def create_queue_pair(
        self,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
    ) -> QueuePair:
        """A queue pair in INIT: receives can be posted."""

    def destroy_queue_pair(self, queue_pair: QueuePair) -> None:
        """Flush it and forget it. Harmless to repeat."""

    def listen(self, *args: Any, **kwargs: Any) -> Any:
        """Delegated to ``cm.listen`` with the same arguments."""

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Delegated to ``cm.connect`` with the same arguments."""

    def send_mad(self, mad: bytes, source: Address, destination: Address) -> None:
        """Queue a management datagram from QP1 to the peer's QP1."""

    def handle_burst(
        self,
        view: memoryview,
        segment_size: int,
        source: Address,
        destination: Address,
        now: float,
        idents: Sequence[int] | None = None,
    ) -> None: ...

    def poll_transmit(self, now: float) -> Burst | None: ...

    def next_timeout(self) -> float | None: ...

    def handle_timeout(self, now: float) -> None: ...

    def deliver(self) -> None:
        """Call the handlers of completion queues with news, and ``on_error`` of failed QPs."""

    def close(self) -> None: ...
