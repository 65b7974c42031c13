"""Which queue pairs belong together, and where each packet goes.

The connection manager says it, if its handshake is in the capture. Otherwise it is inferred: a
packet names only its receiver's queue pair, but an acknowledgement carries the sequence number
of a request in the opposite direction, a reply the XID of a call, an RDMA WRITE the handle and
address of a segment. Any of these, if just one flow fits it, makes a pair.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    MESSAGES,
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
    decode_message,
    reject_reason_name,
    service_port,
)
from nfsrdma.rpcrdma.roce.wire.mad import GSI_QUEUE_PAIR, MAD_LENGTH, MadError, decode_mad
from nfsrdma.rpcrdma.transport.private_data import MAGIC, PrivateData

from ..base.packet import Encapsulation, Packet
from .flow import Flow
from .matching import Exchanges
from .model import CmEvent, Connection, Finding, Message, RdmaOp, Severity, Side, Transport
from .pairing import Hosts, Unpaired

MAX_FLOWS = 1 << 14
"""Queue pairs that are followed at a time; of those that nobody uses, the oldest go first."""
MAX_WAITING = 1 << 18
"""Packets and segments of all flows that may wait for others."""
MAX_HANDSHAKES = 4096

_TRANSPORTS = {
    Encapsulation.ROCE_V2: Transport.ROCE_V2,
    Encapsulation.ROCE_V1: Transport.ROCE_V1,
    Encapsulation.INFINIBAND: Transport.INFINIBAND,
}
_ACK, _RNR, _NAK = 0, 1, 3


class Connections:
    """All flows of a capture, and the connections that they make up."""

    def __init__(self, exchanges: Exchanges, on_finding: Callable[[Finding], None]) -> None:
        self.exchanges = exchanges
        exchanges.find_peer = self._peer_by_xid
        exchanges.release = self._release
        exchanges.on_unpaired = self._unpaired_call
        self._on_finding = on_finding
        self._flows: OrderedDict[tuple[str, str, int], Flow] = OrderedDict()
        """The oldest is at hand at once, unlike a dictionary's, of which the first have gone."""
        self._hosts: dict[Hosts, Unpaired] = {}
        """Flows that have no peer yet, by source and destination."""
        self._opposite: dict[Flow, Flow] = {}
        self._handshakes: dict[tuple[str, int], tuple[Req, Packet | None, int, int]] = {}
        self.all: dict[int, Connection] = {}
        self._connections = 0
        self.on_cm: Callable[[CmEvent], None] = lambda event: None
        self.on_flow: Callable[[Flow, Packet], None] = lambda flow, packet: None
        """Told of each flow and of the packet for which it was made."""
        self.on_pair: Callable[[Connection], None] = lambda connection: None
        """Told of each connection whose two sides are known."""
        self.other_sends = 0
        """SENDs that are no RPC-over-RDMA."""
        self.naks = 0
        self.forgotten = 0
        """Flows that were dropped for want of room."""
        self.shed = 0
        """Times that a flow had to give up what was waiting."""

    # Flows

    def flow(self, packet: Packet) -> Flow:
        """The flow that a packet belongs to."""
        key = (packet.source, packet.destination, packet.qpn)
        found = self._flows.get(key)
        if found is None:
            found = self._new_flow(*key, _TRANSPORTS[packet.encapsulation], packet)
        return found

    def _new_flow(
        self, source: str, destination: str, qpn: int, transport: Transport, packet: Packet
    ) -> Flow:
        if len(self._flows) >= MAX_FLOWS:
            self._make_room(packet.number)
        connection = self.open(transport, packet.number, packet.time)
        connection.tunnels, connection.ethernet = packet.inside, packet.ethernet
        side = connection.first = Side(source, connection)
        flow = side.flow = Flow(source, destination, qpn, side, self)
        flow.source_port = packet.source_port
        self._flows[source, destination, qpn] = flow
        self._hosts.setdefault((source, destination), Unpaired()).add(flow)
        self.on_flow(flow, packet)
        return flow

    def known(self, packet: Packet) -> Flow | None:
        """The flow that a packet belongs to, if there is one."""
        return self._flows.get((packet.source, packet.destination, packet.qpn))

    def pair_of(self, flow: Flow) -> Flow | None:
        """The flow in the opposite direction, if it is known."""
        return self._opposite.get(flow)

    def open(self, transport: Transport, frame: int, time: int) -> Connection:
        """A connection that was first seen in ``frame``, with the next number."""
        self._connections += 1
        connection = Connection(self._connections, transport, frame, time)
        self.all[connection.number] = connection
        return connection

    def _make_room(self, frame: int) -> None:
        """Drop the oldest flow that was not used since it was last its turn."""
        self.forgotten += 1
        if self.forgotten == 1:
            self.on_fault(frame, "flow-limit", f"more than {MAX_FLOWS} queue pairs: some forgotten")
        while True:
            flow = next(iter(self._flows.values()))
            other = self._opposite.get(flow, flow)
            now = (flow.tracker.next, other.tracker.next)
            if now == flow.snapshot:
                self._drop(flow)
                return
            flow.snapshot = now
            self._flows.move_to_end((flow.source, flow.destination, flow.qpn))

    def _drop(self, flow: Flow) -> None:
        flow.release_all()
        if flow not in self._opposite:
            self.exchanges.doubtful(flow.side.connection)
        self.exchanges.left(flow.side)
        self._flows.pop((flow.source, flow.destination, flow.qpn), None)
        self._paired(flow)
        other = self._opposite.pop(flow, None)
        if other is not None:
            self._opposite.pop(other, None)
        else:
            self.all.pop(flow.side.connection.number, None)
        flow.side.flow = None  # or they would keep each other alive

    def _paired(self, flow: Flow) -> None:
        """Nobody looks for a peer of this flow any more."""
        waiting = flow.unpaired
        if waiting is not None:
            waiting.remove(flow)
            if not waiting.flows:
                self._hosts.pop((flow.source, flow.destination), None)

    def _candidates(self, flow: Flow) -> Unpaired | None:
        """Flows in the opposite direction that have no peer."""
        return self._hosts.get((flow.destination, flow.source))

    @staticmethod
    def _unpaired_call(side: Side, xid: int, handles: Iterable[int]) -> None:
        if side.flow is not None and side.flow.unpaired is not None:
            side.flow.unpaired.called(side.flow, xid, handles)

    def trim(self, frame: int) -> None:
        """Keep what waits within bounds: the oldest flows wait no more."""
        weights = [(flow, flow.weight()) for flow in self._flows.values()]
        total = sum(weight for _, weight in weights)
        if total <= MAX_WAITING:
            return
        if not self.shed:
            self.on_fault(
                frame, "memory-limit", "too much is incomplete: the oldest of it is given up"
            )
        for flow, weight in weights:
            if weight:
                flow.shed()
                self.shed += 1
                total -= weight
            if total <= MAX_WAITING // 2:
                break

    def _pair(self, one: Flow, other: Flow, how: str) -> None:
        """``one`` was seen first."""
        if one.side.connection.number > other.side.connection.number:
            one, other = other, one
        self._opposite[one], self._opposite[other] = other, one
        self._paired(one)
        self._paired(other)
        connection = one.side.connection
        merged = self.all.pop(other.side.connection.number, None) or other.side.connection
        connection.doubtful += merged.doubtful
        connection.others += merged.others
        claimed = connection.claimed or merged.claimed
        other.side.connection = connection
        connection.first, connection.second = one.side, other.side
        connection.paired_by = how
        one.side.peer, other.side.peer = other.side, one.side
        one.side.qpn, other.side.qpn = other.qpn, one.qpn
        mtu = one.mtu or other.mtu
        one.mtu = other.mtu = mtu
        self.on_pair(connection)
        if claimed and not (connection.claimed and not connection.doubtful):
            self.exchanges.claimed(connection)

    def _peer_by_xid(self, side: Side, xid: int) -> Side | None:
        flow = side.flow
        if flow is None:
            return None
        candidates = self._candidates(flow)
        other = candidates.by_xid(xid) if candidates is not None else None
        if other is None:
            return None
        self._pair(flow, other, "XID")
        return other.side

    @staticmethod
    def _release(side: Side, frame: int) -> bool:
        """An answer was seen in ``frame`` to something that ``side`` has sent."""
        return side.flow is not None and side.flow.release_before(frame)

    def opposite(self, flow: Flow, psn: int) -> Flow | None:
        """The flow whose requests a response in ``flow`` answers."""
        found = self._opposite.get(flow)
        if found is not None:
            return found
        candidates = self._candidates(flow)
        other = candidates.by_psn(psn) if candidates is not None else None
        if other is not None:
            self._pair(flow, other, "acknowledgements")
        return other

    # Packets

    def acknowledge(self, flow: Flow, packet: Packet) -> None:
        """The AETH of a response: what it says about the opposite flow's requests."""
        opposite = self.opposite(flow, packet.psn)
        if opposite is None:
            return
        kind = packet.syndrome >> 5 & 3
        if kind == _ACK:
            opposite.acknowledged(packet.psn, packet.number, packet.time)
        else:
            self.naks += 1
            # Everything before the packet that is complained about has arrived.
            opposite.acknowledged(packet.psn - 1 & 0xFFFFFF, packet.number, packet.time)

    def on_message(self, flow: Flow, message: Message) -> None:
        """A flow's SEND, in sequence."""
        if not self.exchanges.on_send(message):
            self.other_sends += 1
            if message.headless:
                self.on_fault(
                    message.frame, "capture-hole", "a SEND of which the first packet is missing"
                )

    def on_operation(self, flow: Flow, op: RdmaOp) -> None:
        """A flow's RDMA operation, as it begins."""
        candidates = self._candidates(flow) if flow.side.peer is None else None
        if candidates is not None:
            offering = self.exchanges.offering
            other = candidates.by_handle(
                op.handle, lambda other: offering(other.side, op) is not None
            )
            if other is not None:
                self._pair(flow, other, "handles")
        self.exchanges.on_operation(op)

    def on_fault(self, frame: int, rule: str, text: str) -> None:
        self._on_finding(Finding(frame, Severity.NOTE, rule, text))

    def close(self) -> None:
        """The capture is over."""
        for flow in self._flows.values():
            flow.release_all()
        for connection in list(self.all.values()):
            self.exchanges.doubtful(connection)

    # The connection manager

    def datagram(self, packet: Packet, view: memoryview) -> None:
        """An unreliable datagram: to queue pair 1 it may be a message of the connection manager."""
        if packet.qpn != GSI_QUEUE_PAIR or packet.size != MAD_LENGTH:
            return
        octets = bytes(view[packet.payload : packet.payload + packet.have]).ljust(MAD_LENGTH, b"\0")
        try:
            mad = decode_mad(memoryview(octets))
        except MadError:
            return
        name = _cm_name(mad.attribute)
        message: CmMessage | None = None
        connection, summary = None, name
        try:
            if mad.attribute in MESSAGES and packet.have == MAD_LENGTH:
                message = decode_message(mad.attribute, mad.data)
                connection, summary = self._handshake(packet, message, name)
        except (MadError, ValueError, struct.error) as error:
            self.on_fault(packet.number, "cm-bad", f"{name}: {error}")
        self.on_cm(
            CmEvent(
                packet.number, packet.time, packet.source, packet.destination, name, message,
                summary, connection, mad.transaction,
                _TRANSPORTS[packet.encapsulation], packet.ethernet,
            )
        )  # fmt: skip

    def _handshake(
        self, packet: Packet, message: CmMessage, name: str
    ) -> tuple[Connection | None, str]:
        if isinstance(message, Req):
            if len(self._handshakes) >= MAX_HANDSHAKES:
                del self._handshakes[next(iter(self._handshakes))]
            key = (packet.source, message.local_comm_id)
            earlier = self._handshakes.get(key)
            if earlier is None or earlier[0] != message:  # or it is a copy, or sent again
                self._handshakes[key] = (message, None, packet.number, packet.time)
            return None, _req_summary(message)
        if isinstance(message, Rep):
            request = self._handshakes.get((packet.destination, message.remote_comm_id))
            connection = self._connect(packet, message, request[0], request[2]) if request else None
            private = _private(message.private_data)
            return (
                connection,
                f"REP QP {message.local_qpn:#x} PSN {message.starting_psn:#x}{private}",
            )
        if isinstance(message, Rej):
            return None, f"REJ {reject_reason_name(message.reason)}"
        if isinstance(message, Dreq):
            return None, f"DREQ QP {message.remote_qpn:#x}"
        if isinstance(message, Mra):
            return None, "MRA"
        return None, name

    def _connect(self, packet: Packet, rep: Rep, req: Req, cm_frame: int) -> Connection:
        """Both queue pairs are known: make the two flows, or what is left of older ones anew."""
        client, server = packet.destination, packet.source
        transport = _TRANSPORTS[packet.encapsulation]
        existing = self._flows.get((client, server, rep.local_qpn))
        if existing is not None and existing.side.connection.cm_frame == cm_frame:
            return existing.side.connection  # the REP again
        for key in ((client, server, rep.local_qpn), (server, client, req.local_qpn)):
            old = self._flows.get(key)
            if old is not None:
                self._drop(old)
        forth = self._new_flow(client, server, rep.local_qpn, transport, packet)
        back = self._new_flow(server, client, req.local_qpn, transport, packet)
        self._pair(forth, back, "CM")
        # Each says with which number its peer shall begin.
        forth.tracker.start_at(rep.starting_psn)
        back.tracker.start_at(req.starting_psn)
        forth.mtu = back.mtu = PATH_MTUS.get(req.path_mtu, 0)
        connection = forth.side.connection
        connection.cm_frame, connection.established = cm_frame, True
        back.side.port = service_port(req.service_id) or 0
        connection.destination_cm = _rdma_cm(req)
        after = RDMA_CM_HEADER_LENGTH if connection.destination_cm is not None else 0
        forth.side.private = _properties(req.private_data[after:])
        back.side.private = _properties(rep.private_data)
        return connection

    def flows(self) -> Iterator[Flow]:
        yield from self._flows.values()


def _cm_name(attribute: int) -> str:
    try:
        return CmAttribute(attribute).name
    except ValueError:
        return f"CM attribute {attribute:#x}"


def _rdma_cm(req: Req) -> RdmaCmHeader | None:
    if service_port(req.service_id) is None:
        return None
    try:
        return RdmaCmHeader.decode(req.private_data)
    except MadError:
        return None


def _properties(data: bytes) -> PrivateData | None:
    """What RFC 8797 private data say, or ``None`` if there are none."""
    if bytes(data[:4]) != MAGIC.to_bytes(4, "big"):
        return None
    return PrivateData.decode(data)


def _private(data: bytes) -> str:
    said = _properties(data)
    if said is None:
        return ""
    invalidation = ", remote invalidation" if said.remote_invalidation else ""
    return f" inline send {said.inline_send} receive {said.inline_receive}{invalidation}"


def _req_summary(req: Req) -> str:
    port = service_port(req.service_id)
    where = f"port {port}" if port is not None else f"service {req.service_id:#x}"
    header = _rdma_cm(req)
    data = req.private_data[RDMA_CM_HEADER_LENGTH if header is not None else 0 :]
    mtu = PATH_MTUS.get(req.path_mtu, 0)
    return f"REQ {where} QP {req.local_qpn:#x} PSN {req.starting_psn:#x} MTU {mtu}{_private(data)}"
