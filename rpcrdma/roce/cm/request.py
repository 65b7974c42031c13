"""The passive side's view of a connection before its owner has answered."""

from __future__ import annotations

from ...verbs import interfaces
from ...verbs.interfaces import Connection, ConnectionHandler
from ...verbs.types import ConnectOptions, QpOptions, VerbsError
from ..wire.cm_messages import RDMA_CM_HEADER_LENGTH, Rej, Rep
from .cm_id import CmId


class IncomingRequest:
    """A peer wants to connect (``verbs.interfaces.ConnectionRequest``)."""

    __slots__ = ("_cm_id", "_prepared", "private_data")

    def __init__(self, cm_id: CmId) -> None:
        request = cm_id.incoming
        assert request is not None
        self._cm_id = cm_id
        self._prepared = False
        self.private_data = request.private_data[RDMA_CM_HEADER_LENGTH:]

    @property
    def peer_address(self) -> tuple[str, int]:
        """The peer's address and port, as it says."""
        return self._cm_id.peer_address

    @property
    def responder_resources(self) -> int:
        """RDMA READs of ours that the peer offers to answer at a time."""
        assert self._cm_id.incoming is not None
        return self._cm_id.incoming.responder_resources

    @property
    def uid(self) -> int | None:
        """``None``: a request does not tell whose process the peer is."""
        return None

    def prepare(
        self,
        pd: interfaces.ProtectionDomain,
        send_cq: interfaces.CompletionQueue,
        recv_cq: interfaces.CompletionQueue,
        options: QpOptions,
    ) -> Connection:
        """Make the queue pair, so that receives can be posted before the peer may send."""
        if self._prepared:
            raise VerbsError("the request has been prepared already")
        self._cm_id.prepare(pd, send_cq, recv_cq, options)
        self._prepared = True
        return self._cm_id

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Accept. Raises ``VerbsError`` if not prepared or answered already."""
        if not self._prepared:
            raise VerbsError("a request must be prepared before it can be accepted")
        self._answer(options.private_data, Rep.PRIVATE_ROOM)
        self._cm_id.accept(options, handler)

    def reject(self, private_data: bytes = b"") -> None:
        """Reject (REJ, consumer reject). Raises ``VerbsError`` if answered already."""
        self._answer(private_data, Rej.PRIVATE_ROOM)
        self._cm_id.reject(private_data)

    def _answer(self, private_data: bytes, room: int) -> None:
        if self._cm_id.answered:
            raise VerbsError("the request has been answered already")
        if len(private_data) > room:
            raise VerbsError(f"private data of {len(private_data)} octets: room for {room}")
        self._cm_id.answered = True
