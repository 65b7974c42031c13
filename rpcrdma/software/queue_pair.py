"""The rules of a queue pair: its states, its depths, and what is flushed when it fails."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from ..verbs.types import (
    COMPLETES,
    WC,
    QpOptions,
    QpState,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
)
from .completion import CompletionQueue
from .memory import octets

_FLUSHED = int(WcStatus.WR_FLUSH_ERR)
_RECV = int(WcOpcode.RECV)


class QpEvent(Enum):
    """What moves a queue pair from one state to another."""

    CREATE = auto()
    READY_TO_RECEIVE = auto()
    READY_TO_SEND = auto()
    FAIL = auto()
    DESTROY = auto()


TRANSITIONS: dict[tuple[QpState, QpEvent], QpState] = {
    (QpState.RESET, QpEvent.CREATE): QpState.INIT,
    (QpState.INIT, QpEvent.READY_TO_RECEIVE): QpState.RTR,
    (QpState.RTR, QpEvent.READY_TO_SEND): QpState.RTS,
    (QpState.INIT, QpEvent.FAIL): QpState.ERR,
    (QpState.RTR, QpEvent.FAIL): QpState.ERR,
    (QpState.RTS, QpEvent.FAIL): QpState.ERR,
    (QpState.ERR, QpEvent.FAIL): QpState.ERR,
    (QpState.INIT, QpEvent.DESTROY): QpState.RESET,
    (QpState.RTR, QpEvent.DESTROY): QpState.RESET,
    (QpState.RTS, QpEvent.DESTROY): QpState.RESET,
    (QpState.ERR, QpEvent.DESTROY): QpState.RESET,
    (QpState.RESET, QpEvent.DESTROY): QpState.RESET,
}
"""(state, event) -> state; what is absent is a mistake of the caller. SQD and SQE are not used."""


class SoftwareQueuePair:
    """State, depths and posted receives of a queue pair; a provider adds the traffic.

    A queue pair ends in one of three ways:

    ==============  ============================  =================================================
    verb            caller                        who is told
    ==============  ============================  =================================================
    ``fail``        owner, connection management  no one: the caller knows
    ``break_down``  the machines of the provider  the owner, from the reactor (``on_error``)
    ``destroy``     the device or the connection  no one; no callback follows at all
    ==============  ============================  =================================================

    Each of them completes what is posted with ``WR_FLUSH_ERR``, once.
    """

    def __init__(
        self,
        number: int,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
    ) -> None:
        self.number = number
        """24 bits, and not used again for a long while."""
        self.send_cq = send_cq
        self.recv_cq = recv_cq
        self.options = options
        self.send_depth = options.send_depth
        self.receives: deque[RecvWR] = deque()
        """The posted receives that no message has taken."""
        self.failed = False
        self.error: str | None = None
        """Why it failed."""
        self.state = QpState.RESET
        self.move(QpEvent.CREATE)

    def move(self, event: QpEvent) -> None:
        """Change the state. Raises ``VerbsError`` if ``event`` is not legal now."""
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            text = f"{event.name.lower()} in {self.state.name}"
            raise VerbsError(text, WcStatus.LOC_QP_OP_ERR)
        self.state = state

    def refuse_send(self, request: SendWR) -> None:
        """Deal with a send request that cannot be queued.

        A failed queue pair completes it as flushed. Raises ``VerbsError`` when the queue pair is
        not up yet or its send queue is full.
        """
        if self.failed:
            self.send_cq.push(flushed_send(request))
            return
        if self.state is not QpState.RTS:
            raise VerbsError(f"post_send in {self.state.name}", WcStatus.LOC_QP_OP_ERR)
        raise VerbsError("the send queue is full", WcStatus.LOC_QP_OP_ERR)

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer; a failed queue pair completes it as flushed.

        Raises ``VerbsError``: queue full, buffer not writable or not contiguous.
        """
        if self.failed:
            self.recv_cq.push(flushed_receive(request))
            return
        if len(self.receives) >= self.options.recv_depth:
            raise VerbsError("the receive queue is full", WcStatus.LOC_QP_OP_ERR)
        request.buffer = octets(request.buffer)
        if request.buffer.readonly:
            raise VerbsError("a receive into a read-only buffer", WcStatus.LOC_PROT_ERR)
        self.receives.append(request)

    def enter_error(self, reason: str) -> bool:
        """Move to ERR; return false if the queue pair was there before."""
        if self.failed:
            return False
        self.failed = True
        self.error = reason
        self.move(QpEvent.FAIL)
        return True

    def flush_receives(self) -> None:
        """Complete the posted receives as flushed."""
        receives, push = self.receives, self.recv_cq.push
        while receives:
            push(flushed_receive(receives.popleft()))


def flushed_send(request: SendWR, status: int = _FLUSHED) -> WC:
    """Return the completion of a send request that was not carried out."""
    return WC(request.wr_id, status, COMPLETES.get(request.opcode, WcOpcode.SEND))


def flushed_receive(request: RecvWR) -> WC:
    """Return the completion of a receive that no message has filled."""
    return WC(request.wr_id, _FLUSHED, _RECV)
