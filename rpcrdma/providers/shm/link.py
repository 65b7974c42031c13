"""What a queue pair's machines share while it is connected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from ...software.completion import CompletionQueue
from ...verbs.types import QpOptions, QpState, RecvWR
from .doorbell import Doorbell
from .regions import ProtectionDomain
from .remote import RemoteMemory
from .ring import Ring


class Host(Protocol):
    """What the machines need from their queue pair."""

    state: QpState
    pd: ProtectionDomain
    send_cq: CompletionQueue
    recv_cq: CompletionQueue
    receives: deque[RecvWR]
    options: QpOptions
    later: Callable[[float], None]
    """Asks for a turn in so many seconds."""
    time: Callable[[], float]

    def break_down(self, reason: str) -> None:
        """Fail by itself: flush everything and tell the owner."""


class Link:
    """Our ring and the peer's, the peer's memory, and the doorbell between the two."""

    __slots__ = ("doorbell", "peer", "remote", "ring")

    def __init__(
        self, ring: Ring, peer: Ring, remote: RemoteMemory, wake: Callable[[], object]
    ) -> None:
        self.ring = ring
        self.peer = peer
        self.remote = remote
        self.doorbell = Doorbell(ring.words, peer.words, wake)

    def close(self) -> None:
        """Unmap what is the peer's."""
        self.remote.close()
        self.peer.close()
