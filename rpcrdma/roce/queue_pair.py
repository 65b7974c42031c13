"""Queue pairs (signatures; the machines are being written)."""

from __future__ import annotations

from collections.abc import Callable

from ..verbs.types import QpState, RecvWR, SendWR
from .burst import Address


class QueuePair:
    """A reliable connection's end (``verbs.interfaces.QueuePair``)."""

    number: int
    state: QpState
    on_error: Callable[[str], None] | None
    """Called from the reactor when the queue pair failed by itself, not by ``fail``."""

    def post_send(self, request: SendWR) -> None: ...

    def post_recv(self, request: RecvWR) -> None: ...

    def ready_to_receive(
        self,
        *,
        local: Address,
        remote: Address,
        remote_qpn: int,
        receive_psn: int,
        path_mtu: int,
        responder_resources: int,
        rnr_timer: int = 12,
    ) -> None:
        """INIT to RTR. ``path_mtu`` in octets; addresses with the port 4791 for both sides."""

    def ready_to_send(
        self, *, send_psn: int, initiator_depth: int, retry_count: int, rnr_retry_count: int
    ) -> None:
        """RTR to RTS."""

    def fail(self, reason: str) -> None:
        """To ERR: flush everything. ``on_error`` is not called. Harmless to repeat."""
