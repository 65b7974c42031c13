"""A capture changed so that Wireshark decodes what it otherwise cannot.

What is added or changed says so itself, in a comment on the frame. Nothing that an RPC says is ever
changed: only what Wireshark needs around it. ``docs/wireshark.md`` has the list, with reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from struct import Struct

from nfsrdma.rpcrdma.roce.wire.cm_messages import Req
from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Position
from nfsrdma.rpcrdma.roce.wire.opcode import Kind as Operation

from ..base.packet import Encapsulation, FrameKind, Packet
from ..capture.reader import Reader
from ..capture.rewrite import Output
from ..layers import Layers
from ..layers.link import ERF
from ..layers.offload import QUIET, packet_of, stride_of, with_headers
from ..layers.roce import ROCE_PORT
from ..tracking.events import Events, NewFlow, Totals
from ..tracking.model import CmEvent, Connection, Direction, Exchange
from .handshake import (
    NFS_RDMA_PORT,
    Template,
    client_of,
    fit_local_route,
    handshake,
    template_of,
)

ADDED, FIXED = "nfsrdma added: ", "nfsrdma fixed: "
"""What the comments begin with."""
NVME_PORT = 4420
INFINIBAND = 247
_ERF = Struct("<QBB")
_ERF_LENGTHS = Struct(">HHH")
_ERF_INFINIBAND, _ERF_VARYING = 21, 4
_ERF_LONGEST = 0xFFFF
_LONGEST = 0xFFFF
"""Octets that the length in an IP header can say."""
"""Octets of a record, whose length has 16 bits."""
_EPHEMERAL = 0xC000
_MAX_REQUESTS = 4096
# In a REQ's datagram: the MAD header, two words, then six octets before the port.
_PORT_IN_MAD = 24 + 8 + 6


class Repairs:
    """A view that finds out what to do, and then the editor that does it.

    It keeps what it knows of connections, never of packets. ``source`` gives the octets of the
    capture.
    """

    def __init__(self, source: Callable[[], memoryview]) -> None:
        self._source = source
        self._templates: dict[Direction, Template] = {}
        self._inserted: dict[int, list[Output]] = {}
        self._requests: dict[int, int] = {}
        """Frames of REQs for a port that Wireshark takes for another protocol's."""
        self._services: set[int] = set()
        self._layers = Layers()
        self.done: Counter[str] = Counter()
        """What was done, in words, and how often."""

    # --- As a view ---

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.flows.subscribe(self._flow)
        events.exchanges.subscribe(self.exchange)
        events.cm.subscribe(self.cm)
        events.closed.subscribe(self.close)

    def _flow(self, new: NewFlow) -> None:
        template = template_of(new.packet, self._source())
        if template is not None:
            self._templates[new.flow] = template

    def exchange(self, exchange: Exchange) -> None:
        """Note that a service whose port Wireshark misreads is NFS's."""
        connection = exchange.requester.connection
        if connection.cm_frame in self._requests:
            self._services.add(connection.cm_frame)

    def cm(self, event: CmEvent) -> None:
        """Note a request for a port that Wireshark takes for another protocol's."""
        if (
            isinstance(event.message, Req)
            and event.message.service_id & 0xFFFF == NVME_PORT
            and len(self._requests) < _MAX_REQUESTS
        ):
            self._requests[event.frame] = event.frame

    def close(self, totals: Totals) -> None:
        """Prepare the handshakes that are missing."""
        for connection in totals.connections:
            if connection.paired_by not in ("", "CM"):
                self.missing_handshake(connection)
        self._templates.clear()

    def missing_handshake(self, connection: Connection, before: int = 0) -> None:
        """Have a handshake put before a frame; before the connection's first one by default."""
        client = client_of(connection)
        if client is None or client.peer is None or client.flow is None:
            return
        forth = self._templates.get(client.flow)
        back = self._templates.get(client.peer.flow) if client.peer.flow is not None else None
        if forth is None or back is None:
            return
        known = f"queue pairs {client.qpn:#x} and {client.peer.qpn:#x} belong together"
        outputs = self._inserted.setdefault(before or min(forth.frame, back.frame), [])
        for name, frame in handshake(connection, client, forth, back):
            comment = (
                f"{ADDED}this {name} is made up, for the capture has none: {known}, "
                f"as their {connection.paired_by} show"
            )
            outputs.append(Output(frame, len(frame), (comment,)))

    # --- As an editor ---

    def link_type(self, link_type: int) -> int:
        """Return ERF for LINKTYPE_INFINIBAND, which Wireshark does not know."""
        return ERF if link_type == INFINIBAND else link_type

    def frame(self, reader: Reader) -> Sequence[Output] | None:
        """Return what a frame becomes, or ``None`` if it stays as it is."""
        before = self._inserted.get(reader.number, ())
        self.done["connection manager frames added"] += len(before)
        packet = self._layers.decode(reader)
        changed: list[Output] | None = None
        if packet.kind == FrameKind.ROCE:
            changed = self._changed(packet, reader.view)
        if changed is None and not before and reader.link_type != INFINIBAND:
            return None
        if changed is None:
            start = reader.offset
            changed = [Output(reader.view[start : start + reader.captured], reader.original)]
        outputs = [*before, *changed]
        if reader.link_type == INFINIBAND:
            self.done["frames put into ERF records"] += 1
            return [_in_erf(output, reader.time_ns) for output in outputs]
        return outputs

    def _changed(self, packet: Packet, view: memoryview) -> list[Output] | None:
        """Return the frame in other words, if it needs any."""
        stride = stride_of(packet, view) if packet.size > QUIET[packet.opcode] else 0
        routable = packet.encapsulation == Encapsulation.ROCE_V2
        renamed = routable and packet.source_port < ROCE_PORT
        cut = not stride and packet.offset + packet.captured < packet.transport_end
        moved = packet.number in self._services
        if not (stride or renamed or cut or moved):
            return None
        if stride:
            self.done["frames split into packets"] += 1
            edits = list(_split(packet, view, stride))
        else:
            octets = bytearray(view[packet.offset : packet.offset + packet.captured])
            edits = [Edit(octets, packet.bth - packet.offset, packet.original)]
        for edit in edits:
            if moved:
                self._move_service(packet, edit)
            if renamed:
                self._rename(packet, edit)
            if cut:
                self._complete(packet, edit)
            elif routable:
                edit.sign(packet)
        return [Output(bytes(e.octets), e.original, e.comments) for e in edits]

    def _move_service(self, packet: Packet, edit: Edit) -> None:
        at = packet.payload - packet.offset + _PORT_IN_MAD
        if at + 2 <= len(edit.octets):
            edit.octets[at : at + 2] = NFS_RDMA_PORT.to_bytes(2, "big")
            edit.comments.append(
                f"{FIXED}the service's port was {NVME_PORT}, for which Wireshark expects NVMe"
            )
            self.done["service ports changed"] += 1

    def _rename(self, packet: Packet, edit: Edit) -> None:
        """Give the datagram a source port that no other protocol has."""
        base, port = edit.base, packet.source_port
        edit.octets[base - 8 : base - 6] = (_EPHEMERAL | port & ~_EPHEMERAL).to_bytes(2, "big")
        edit.octets[base - 2 : base] = b"\0\0"
        edit.comments.append(
            f"{FIXED}the UDP source port was {port}, "
            "for which Wireshark may expect another protocol than RoCE"
        )
        self.done["UDP source ports changed"] += 1

    def _complete(self, packet: Packet, edit: Edit) -> None:
        """Complete a packet that the snapshot length has cut: Wireshark would not look into it.

        Where its octets have a place in something larger, zeros stand for those that are missing;
        the last packet of a message just ends where the capture does.
        """
        have = max(0, packet.have)
        missing = packet.size - have
        row = OPCODES.get(packet.opcode)
        ends = row is not None and row.kind == Operation.SEND and row.position & Position.LAST
        payload = packet.payload - packet.offset
        size = have & ~3 if ends else packet.size
        pad = -size % 4
        octets = edit.octets[: payload + min(have, size)].ljust(payload + size + pad, b"\0")
        octets += bytes(4 if packet.encapsulation != Encapsulation.INFINIBAND else 6)
        octets[edit.base + 1] = octets[edit.base + 1] & 0xCF | pad << 4
        network = packet.network - packet.offset
        if len(octets) - network > _LONGEST:
            return  # with a pad that it should have had it is longer than its header can say
        if packet.encapsulation == Encapsulation.INFINIBAND:
            fit_local_route(octets, network)
        if packet.encapsulation == Encapsulation.ROCE_V2:
            head = with_headers(bytes(octets[network : edit.base]), b"", len(octets) - edit.base)
            octets[network : edit.base] = head
        elif edit.base - network >= 40:
            at = edit.base - 36
            octets[at : at + 2] = (len(octets) - edit.base).to_bytes(2, "big")
        edit.octets, edit.original = octets, len(octets)
        what = "it ends there" if ends else "they are zeros here"
        edit.comments.append(f"{FIXED}{missing} octets of it were not captured: {what}")
        self.done["cut frames made whole"] += 1


class Edit:
    """A frame that is being changed; ``base`` is where its base transport header is."""

    def __init__(self, octets: bytearray, base: int, original: int) -> None:
        self.octets = octets
        self.base = base
        self.original = original
        self.comments: list[str] = []

    def sign(self, packet: Packet) -> None:
        """Give it the ICRC that fits, if it is all there."""
        network = packet.network - packet.offset
        end = self.base - 8 + int.from_bytes(self.octets[self.base - 4 : self.base - 2], "big")
        if end <= len(self.octets):
            icrc = packet_icrc(memoryview(self.octets)[network:end])
            self.octets[end - 4 : end] = icrc.to_bytes(4, "little")


def _split(packet: Packet, view: memoryview, stride: int) -> Iterator[Edit]:
    link = bytes(view[packet.offset : packet.network])
    whole = packet.transport_end - packet.bth
    count = -(-whole // stride)
    base = packet.bth - packet.offset
    for index in range(count):
        octets = bytearray(link + packet_of(packet, view, index, stride))
        edit = Edit(octets, base, base + min(stride, whole - index * stride))
        edit.comments.append(f"{FIXED}packet {index + 1} of {count} of a frame before segmentation")
        yield edit


def _in_erf(output: Output, time: int) -> Output:
    seconds, fraction = divmod(time, 10**9)
    stamp = seconds << 32 | (fraction << 32) // 10**9
    octets = bytes(output.frame[: _ERF_LONGEST - 16])
    record = _ERF.pack(stamp, _ERF_INFINIBAND, _ERF_VARYING)
    record += _ERF_LENGTHS.pack(16 + len(octets), 0, min(output.original, _ERF_LONGEST))
    comments = [
        *output.comments,
        f"{FIXED}its link type was LINKTYPE_INFINIBAND, which Wireshark does not know",
    ]
    if len(octets) < len(output.frame):
        comments.append(f"{FIXED}{len(output.frame) - len(octets)} octets more than ERF can hold")
    return Output(record + octets, 16 + output.original, comments)
