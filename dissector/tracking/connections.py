"""Where each packet goes: the flows of a capture, and what becomes of what they hand on.

A packet is taken by its flow. What the flow makes of it (messages, RDMA operations, findings) is
then dealt with in order, before anything else: operations and messages go to the matching of calls
and replies. So everything below is called from above, and nothing calls back.
"""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    MESSAGES,
    PATH_MTUS,
    CmMessage,
    Rep,
    Req,
    decode_message,
    service_port,
)
from nfsrdma.rpcrdma.roce.wire.mad import MAD_LENGTH, MadError
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, WRITE_MIDDLE, Kind

from ..base.finding import Finding, Severity
from ..base.packet import Encapsulation, Packet
from .data import keep_orphan
from .events import Events, NewFlow
from .flow import Flow
from .handshakes import (
    Request,
    Requests,
    mad_of,
    name_of,
    private_data,
    private_data_of_request,
    rdma_cm_header,
    summary_of,
)
from .kinds import OpKind, Transport
from .matching import Matching
from .model import CmEvent, Connection, Message, RdmaOp, Side
from .offers import offering
from .pairing import Pairing
from .sends import Outbox
from .unanswered import place_unanswered

MAX_FLOWS = 1 << 14
"""Queue pairs that are followed at a time; of those that are not in use, the oldest go first."""
MAX_WAITING = 1 << 18
"""Packets and segments of all flows that may wait for others."""

_TRANSPORTS = {
    Encapsulation.ROCE_V2: Transport.ROCE_V2,
    Encapsulation.ROCE_V1: Transport.ROCE_V1,
    Encapsulation.INFINIBAND: Transport.INFINIBAND,
}
_SEND, _WRITE, _READ_REQUEST = int(Kind.SEND), int(Kind.WRITE), int(Kind.READ_REQUEST)
_READ_RESPONSE, _ACKNOWLEDGE = int(Kind.READ_RESPONSE), int(Kind.ACKNOWLEDGE)
_DATAGRAM = int(Kind.DATAGRAM)
_REQUESTS = frozenset((Kind.SEND, Kind.WRITE, Kind.READ_REQUEST))
_HAS_AETH = frozenset(code for code, row in OPCODES.items() if "AETH" in row.headers)
_ACK = 0
"""The kind of an AETH's syndrome that acknowledges; others complain about a packet."""


class Continuation(NamedTuple):
    """What the frames that follow may go on with: an RDMA operation with more packets to come."""

    flow: Flow
    """The flow of the packets."""
    owner: Flow
    """The flow of the request."""
    op: RdmaOp


class Connections:
    """All flows of a capture. Packets go in, events come out."""

    def __init__(
        self, events: Events, pairing: Pairing, matching: Matching, outbox: Outbox | None = None
    ) -> None:
        self._events = events
        self._pairing = pairing
        self._matching = matching
        self._outbox: Outbox = deque() if outbox is None else outbox
        self._flows: OrderedDict[tuple[str, str, int], Flow] = OrderedDict()
        """The oldest is at hand at once, unlike a dictionary's, of which the first have gone."""
        self._requests = Requests()
        self.other_sends = 0
        """SENDs that are no RPC-over-RDMA."""
        self.forgotten = 0
        """Flows that were dropped for want of room."""
        self.shed = 0
        """How often a flow had to give up what was waiting."""

    # --- Packets ---

    def packet(self, packet: Packet, operation: int, view: memoryview) -> Continuation | None:
        """Take a packet of a known kind of operation, whose octets are in ``view``.

        Return what the following frames may go on with, if it is the middle of something long.
        """
        if operation == _DATAGRAM:
            self._datagram(packet, view)
            return None
        flow = self._flows.get((packet.source, packet.destination, packet.qpn))
        if flow is None:
            flow = self._first_seen(packet)
        if not flow.source_port:
            flow.source_port = packet.source_port
        if operation == _READ_RESPONSE:
            return self._response(flow, packet)
        op: RdmaOp | None = None
        if operation == _ACKNOWLEDGE:
            self._acknowledge(flow, packet)
        elif operation == _SEND:
            flow.send(packet)
        elif operation == _WRITE:
            op = flow.write(packet)
        elif operation == _READ_REQUEST:
            flow.read_request(packet)
        if not flow.paired:
            self._pairing.moved(flow)
        if self._outbox:
            self._deal()
        if op is not None and packet.opcode == WRITE_MIDDLE:
            return Continuation(flow, flow, op)
        return None

    def cut(self, packet: Packet) -> None:
        """Take a packet whose base transport header alone is in the capture: it is not missing."""
        if OPCODES[packet.opcode].kind not in _REQUESTS:
            return
        flow = self.known(packet) or self._first_seen(packet)
        flow.cut(packet)
        if not flow.paired:
            self._pairing.moved(flow)
        if self._outbox:
            self._deal()

    def send(self, packet: Packet) -> None:
        """Take a packet that is known to be a SEND's, although parts of it are missing."""
        self.packet(packet, _SEND, memoryview(b""))

    def _response(self, flow: Flow, packet: Packet) -> Continuation | None:
        opposite = self._pairing.opposite.get(flow) or self._pair_by_psn(flow, packet.psn)
        if opposite is None:
            keep_orphan(flow.early, OpKind.READ, packet.psn, packet)
            return None
        op = opposite.response(packet)
        if packet.opcode in _HAS_AETH:
            self._acknowledge(flow, packet)
            op = None
        if self._outbox:
            self._deal()
        return Continuation(flow, opposite, op) if op is not None else None

    def _acknowledge(self, flow: Flow, packet: Packet) -> None:
        """Take what the AETH of a response says about the opposite flow's requests."""
        opposite = self._pairing.opposite.get(flow) or self._pair_by_psn(flow, packet.psn)
        if opposite is None:
            return
        psn = packet.psn
        if packet.syndrome >> 5 & 3 != _ACK:
            # Everything before the packet that is complained about has arrived.
            psn = psn - 1 & 0xFFFFFF
        opposite.acknowledged(psn, packet.number, packet.time_ns)

    def _pair_by_psn(self, flow: Flow, psn: int) -> Flow | None:
        """Return the flow without a peer whose requests a response in ``flow`` answers."""
        candidates = self._pairing.candidates(flow)
        other = candidates.by_psn(psn) if candidates is not None else None
        if other is not None:
            self._pair(flow, other, "acknowledgements")
        return other

    # --- What flows hand on ---

    def _deal(self) -> None:
        """Deal with what flows have handed on, in order, until nothing is left."""
        outbox = self._outbox
        while outbox:
            what = outbox.popleft()
            if isinstance(what, Message):
                if not self._matching.send(what):
                    self._no_rpc(what)
            elif isinstance(what, RdmaOp):
                self._operation(what)
            else:
                self._events.findings.emit(what)

    def _no_rpc(self, message: Message) -> None:
        """Take a SEND that is no RPC-over-RDMA, as far as is known now."""
        self.other_sends += 1
        if message.headless:
            text = "a SEND of which the first packet is missing"
            self._note(message.frame, "capture-hole", text)

    def _operation(self, op: RdmaOp) -> None:
        """Take an operation as it begins: the memory that it names may tell whose peer it is."""
        flow = op.actor.flow
        if op.actor.peer is None and isinstance(flow, Flow):
            candidates = self._pairing.candidates(flow)
            if candidates is not None:
                effort = self._matching.effort
                other = candidates.by_handle(
                    op.handle, lambda other: offering(other.side, op, effort) is not None
                )
                if other is not None:
                    self._pair(flow, other, "handles")
        self._matching.operation(op)

    def _pair(self, one: Flow, other: Flow, how: str) -> None:
        self._matching.paired(self._pairing.pair(one, other, how))

    # --- Flows ---

    def flows(self) -> Iterator[Flow]:
        """Iterate over all flows, the oldest first."""
        yield from self._flows.values()

    def known(self, packet: Packet) -> Flow | None:
        """Return the flow that a packet belongs to, if there is one."""
        return self._flows.get((packet.source, packet.destination, packet.qpn))

    def _first_seen(self, packet: Packet) -> Flow:
        return self._new_flow(packet.source, packet.destination, packet.qpn, packet)

    def _new_flow(self, source: str, destination: str, qpn: int, packet: Packet) -> Flow:
        if len(self._flows) >= MAX_FLOWS:
            self._make_room(packet.number)
        transport = _TRANSPORTS[packet.encapsulation]
        connection = self._pairing.open(transport, packet.number, packet.time_ns)
        connection.tunnels, connection.ethernet = packet.inside, packet.ethernet
        side = connection.first = Side(source, connection)
        flow = side.flow = Flow(source, destination, qpn, side, self._outbox)
        self._flows[flow.key] = flow
        self._pairing.add(flow)
        self._events.flows.emit(NewFlow(flow, packet))
        return flow

    def _make_room(self, frame: int) -> None:
        """Drop the oldest flow that was not used since it was last its turn."""
        self.forgotten += 1
        if self.forgotten == 1:
            text = f"more than {MAX_FLOWS} queue pairs: some forgotten"
            self._note(frame, "flow-limit", text)
        while True:
            flow = next(iter(self._flows.values()))
            other = self._pairing.opposite.get(flow, flow)
            now = (flow.tracker.next, other.tracker.next)
            if now == flow.snapshot:
                self._drop(flow)
                return
            flow.snapshot = now
            self._flows.move_to_end(flow.key)

    def _drop(self, flow: Flow) -> None:
        flow.release_all()
        self._deal()
        if flow not in self._pairing.opposite:
            self._matching.ended(flow.side.connection)
            self._unanswered(flow)
        self._matching.left(flow.side)
        self._flows.pop(flow.key, None)
        self._pairing.dropped(flow)
        flow.side.flow = None  # or they would keep each other alive

    def trim(self, frame: int) -> None:
        """Keep what waits within bounds: the oldest flows wait no more."""
        weights = [(flow, flow.weight()) for flow in self._flows.values()]
        total = sum(weight for _, weight in weights)
        if total <= MAX_WAITING:
            return
        if not self.shed:
            text = "too much is incomplete: the oldest of it is given up"
            self._note(frame, "memory-limit", text)
        for flow, weight in weights:
            if weight:
                flow.release_all()
                self._deal()
                flow.clear()
                self.shed += 1
                total -= weight
            if total <= MAX_WAITING // 2:
                break

    def close(self) -> None:
        """Hand on everything that waits: the capture is over."""
        for flow in self._flows.values():
            flow.release_all()
            self._deal()
        for connection in list(self._pairing.connections.values()):
            self._matching.ended(connection)
        for flow in self._flows.values():
            self._unanswered(flow)

    @staticmethod
    def _unanswered(flow: Flow) -> None:
        """Give what a side has sent of its memory to its calls, if nothing is there of its peer."""
        if flow.early and flow.side.peer is None:
            reader = Side(flow.destination, flow.side.connection)
            place_unanswered(flow.early, flow.side.calls.values(), reader)
            flow.early.clear()

    def _note(self, frame: int, rule: str, text: str) -> None:
        self._events.findings.emit(Finding(frame, Severity.NOTE, rule, text))

    # --- The connection manager ---

    def _datagram(self, packet: Packet, view: memoryview) -> None:
        """Take an unreliable datagram: it may be a message of the connection manager."""
        mad = mad_of(packet, view)
        if mad is None:
            return
        name = name_of(mad.attribute)
        message: CmMessage | None = None
        connection, summary = None, name
        try:
            if mad.attribute in MESSAGES and packet.have == MAD_LENGTH:
                message = decode_message(mad.attribute, mad.data)
                made = self._handshake(packet, message)
                connection, summary = made, summary_of(message, name)
        except (MadError, ValueError, struct.error) as error:
            self._note(packet.number, "cm-bad", f"{name}: {error}")
        self._events.cm.emit(
            CmEvent(
                packet.number, packet.time_ns, packet.source, packet.destination, name, message,
                summary, connection, mad.transaction,
                _TRANSPORTS[packet.encapsulation], packet.ethernet, int(mad.attribute),
                packet.source_qpn, packet.q_key,
            )
        )  # fmt: skip

    def _handshake(self, packet: Packet, message: CmMessage) -> Connection | None:
        """Learn from a REQ or a REP; return the connection that a REP makes."""
        if isinstance(message, Req):
            self._requests.remember(packet.source, message, packet.number)
        elif isinstance(message, Rep):
            request = self._requests.answered(packet.destination, message)
            if request is not None:
                return self._connect(packet, message, request)
        return None

    def _begun(self, source: str, destination: str, qpn: int, packet: Packet, psn: int) -> Flow:
        """Return the flow that begins with a handshake, ``packet`` being its REP.

        Where the frames of the two sides were not captured in order, it may have begun in the file
        before the REP has come: then its times say so, and it goes on.
        """
        old = self._flows.get((source, destination, qpn))
        if old is not None:
            connection = old.side.connection
            if not old.paired and packet.time_ns < connection.time_ns and old.tracker.begins(psn):
                return old
            self._drop(old)
        flow = self._new_flow(source, destination, qpn, packet)
        flow.tracker.start_at(psn)
        return flow

    def _connect(self, packet: Packet, reply: Rep, request: Request) -> Connection:
        """Make the two flows of a handshake, anew if there are older ones of their numbers."""
        client, server, asked = packet.destination, packet.source, request.message
        existing = self._flows.get((client, server, reply.local_qpn))
        if existing is not None and existing.side.connection.cm_frame == request.frame:
            return existing.side.connection  # the REP again
        # Each says with which number its peer shall begin.
        forth = self._begun(client, server, reply.local_qpn, packet, reply.starting_psn)
        back = self._begun(server, client, asked.local_qpn, packet, asked.starting_psn)
        self._pair(forth, back, "CM")
        forth.mtu = back.mtu = PATH_MTUS.get(asked.path_mtu, 0)
        connection = forth.side.connection
        connection.cm_frame, connection.established = request.frame, True
        back.side.port = service_port(asked.service_id) or 0
        connection.destination_cm = rdma_cm_header(asked)
        forth.side.private = private_data_of_request(asked)
        back.side.private = private_data(reply.private_data)
        return connection
