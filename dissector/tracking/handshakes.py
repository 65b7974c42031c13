"""The connection manager: the datagrams of its handshakes, and what they say of a connection."""

from __future__ import annotations

from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    PATH_MTUS,
    RDMA_CM_HEADER_LENGTH,
    CmAttribute,
    CmMessage,
    Dreq,
    Mra,
    RdmaCmHeader,
    Rej,
    Rep,
    Req,
    reject_reason_name,
    service_port,
)
from nfsrdma.rpcrdma.roce.wire.mad import GSI_QUEUE_PAIR, MAD_LENGTH, Mad, MadError, decode_mad
from nfsrdma.rpcrdma.transport.private_data import MAGIC, PrivateData

from ..base.packet import Packet

MAX_REQUESTS = 4096
"""REQs that are remembered until a REP answers them; the oldest are forgotten."""


class Request(NamedTuple):
    """A REQ, and the frame that it came in."""

    message: Req
    frame: int


class Requests:
    """REQs without a REP so far, by sender and local communication ID."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], Request] = {}

    def remember(self, source: str, request: Req, frame: int) -> None:
        """Remember a REQ, unless it is a copy of one, or one that was sent again."""
        if len(self._requests) >= MAX_REQUESTS:
            del self._requests[next(iter(self._requests))]
        key = (source, request.local_comm_id)
        earlier = self._requests.get(key)
        if earlier is None or earlier.message != request:
            self._requests[key] = Request(request, frame)

    def answered(self, destination: str, reply: Rep) -> Request | None:
        """Return the REQ that a REP to ``destination`` answers, if it was seen."""
        return self._requests.get((destination, reply.remote_comm_id))


def mad_of(packet: Packet, view: memoryview) -> Mad | None:
    """Return the management datagram in an unreliable datagram, if it is one to queue pair 1.

    What was not captured of it is zeros.
    """
    if packet.qpn != GSI_QUEUE_PAIR or packet.size != MAD_LENGTH:
        return None
    octets = bytes(view[packet.payload : packet.payload + packet.have]).ljust(MAD_LENGTH, b"\0")
    try:
        return decode_mad(memoryview(octets))
    except MadError:
        return None


def name_of(attribute: int) -> str:
    """Return the name of a message of the connection manager."""
    try:
        return CmAttribute(attribute).name
    except ValueError:
        return f"CM attribute {attribute:#x}"


def summary_of(message: CmMessage, name: str) -> str:
    """Return what a message of the connection manager says, in one line."""
    if isinstance(message, Req):
        return _request_summary(message)
    if isinstance(message, Rep):
        private = _private_summary(message.private_data)
        return f"REP QP {message.local_qpn:#x} PSN {message.starting_psn:#x}{private}"
    if isinstance(message, Rej):
        return f"REJ {reject_reason_name(message.reason)}"
    if isinstance(message, Dreq):
        return f"DREQ QP {message.remote_qpn:#x}"
    return "MRA" if isinstance(message, Mra) else name


def rdma_cm_header(request: Req) -> RdmaCmHeader | None:
    """Return the RDMA CM header of a REQ, if it has one."""
    if service_port(request.service_id) is None:
        return None
    try:
        return RdmaCmHeader.decode(request.private_data)
    except MadError:
        return None


def private_data(data: bytes) -> PrivateData | None:
    """Return what RFC 8797 private data say, or ``None`` if there are none."""
    if bytes(data[:4]) != MAGIC.to_bytes(4, "big"):
        return None
    return PrivateData.decode(data)


def private_data_of_request(request: Req) -> PrivateData | None:
    """Return what a REQ's private data say (RFC 8797), behind the RDMA CM header if it has one."""
    return private_data(_behind_header(request))


def _behind_header(request: Req) -> bytes:
    header = RDMA_CM_HEADER_LENGTH if rdma_cm_header(request) is not None else 0
    return request.private_data[header:]


def _private_summary(data: bytes) -> str:
    said = private_data(data)
    if said is None:
        return ""
    invalidation = ", remote invalidation" if said.remote_invalidation else ""
    return f" inline send {said.inline_send} receive {said.inline_receive}{invalidation}"


def _request_summary(request: Req) -> str:
    port = service_port(request.service_id)
    where = f"port {port}" if port is not None else f"service {request.service_id:#x}"
    mtu = PATH_MTUS.get(request.path_mtu, 0)
    private = _private_summary(_behind_header(request))
    return f"REQ {where} QP {request.local_qpn:#x} PSN {request.starting_psn:#x} MTU {mtu}{private}"
