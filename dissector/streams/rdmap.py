"""DDP segments into SENDs and RDMA operations (RFC 5041, RFC 5040), in the dissector's own terms.

An STag is a handle, a tagged offset an address. TCP has put the segments in order, so that one
message of each kind is in progress per direction.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from ..base.extent import ByteMap, Extent, Piece
from ..base.finding import Severity
from ..tracking.kinds import OpKind
from ..tracking.matching import Matching
from ..tracking.model import DdpSegment, Message, RdmaOp, Side
from .reassembly import Received

WRITE, READ_REQUEST, READ_RESPONSE, SEND, SEND_INVALIDATE = range(5)
SEND_SOLICITED, SEND_SOLICITED_INVALIDATE, TERMINATE = 5, 6, 7
MAX_SEND_PIECES = 1 << 14
"""Places in the file that one unfinished SEND may have."""
MAX_EXTENTS = 1 << 16
MAX_READS = 4096

_TAGGED = Struct(">BBIQ")
_UNTAGGED = Struct(">BBIIII")
_READ = Struct(">IQIIQ")
_WORD = Struct(">I")
_LAST = 0x40
_INVALIDATES = frozenset((SEND_INVALIDATE, SEND_SOLICITED_INVALIDATE))
_LAYERS = {0: "RDMAP", 1: "DDP", 2: "LLP"}

Note = Callable[[int, str, str, Severity], None]


class Wanted(NamedTuple):
    """A READ in progress and where its requester wants the octets."""

    op: RdmaOp
    handle: int
    address: int


class Rdmap:
    """What one side says. ``peer`` is set to the other side's."""

    def __init__(self, side: Side, matching: Matching, note: Note) -> None:
        self.side = side
        self.peer: Rdmap = self
        self._matching = matching
        self._note = note
        self.kinds: Counter[int] = Counter()
        """DDP segments by RDMAP opcode."""
        self._reads: deque[Wanted] = deque(maxlen=MAX_READS)
        self._write: RdmaOp | None = None
        self._send: Message | None = None
        self._number = 0

    def segment(self, content: ByteMap, view: memoryview, last: Received) -> None:
        """Take a DDP segment, which ``last`` of the TCP segments completed."""
        octets = content.cut(0, min(content.length, _UNTAGGED.size + _READ.size))
        head = octets.read(view, octets.prefix())
        if len(head) < 2:
            return
        control, opcode = head[0], head[1] & 0x0F
        if control & 3 != 1 or head[1] >> 6 != 1:
            self._fault(last, f"DDP and RDMAP versions {control & 3} and {head[1] >> 6}")
            return
        self.kinds[opcode] += 1
        if control & 0x80:
            if len(head) >= _TAGGED.size:
                self._tagged(control, opcode, memoryview(head), content, last)
        elif len(head) >= _UNTAGGED.size:
            self._untagged(control, opcode, memoryview(head), content, view, last)
        elif content.length < _UNTAGGED.size:
            self._fault(last, "a DDP segment shorter than its header")

    def _fault(self, last: Received, text: str) -> None:
        self._note(last.frame, "ddp-header", text, Severity.ERROR)

    # --- Tagged ---

    def _tagged(
        self, control: int, opcode: int, head: memoryview, content: ByteMap, last: Received
    ) -> None:
        _, _, handle, address = _TAGGED.unpack_from(head)
        payload = content.cut(_TAGGED.size, content.length)
        if opcode == WRITE:
            self._rdma_write(handle, address, payload, last)
            if control & _LAST:
                self.finish_write()
        elif opcode == READ_RESPONSE:
            self.peer.response(handle, address, payload, last, bool(control & _LAST))
        else:
            self._fault(last, f"a tagged message with the RDMAP opcode {opcode}")

    def _rdma_write(self, handle: int, address: int, payload: ByteMap, last: Received) -> None:
        op = self._write
        if op is not None and (op.handle != handle or op.address + op.length != address):
            self.finish_write()
            op = None
        if op is None:
            op = RdmaOp(OpKind.WRITE, self.side, handle, address, 0, last.frame, last.time_ns)
            op.first_data_time_ns = last.time_ns
            self._write = op
        op.length += payload.length
        _extend(op, address, payload, last)

    def finish_write(self) -> None:
        """Hand on the RDMA WRITE in progress, whose length is known now."""
        op, self._write = self._write, None
        if op is not None and op.length:
            self._matching.operation(op)

    def response(
        self, handle: int, address: int, payload: ByteMap, last: Received, final: bool
    ) -> None:
        """Take octets for a READ of this side."""
        for wanted in self._reads:
            op = wanted.op
            at = address - wanted.address
            if wanted.handle == handle and at >= 0 and at + payload.length <= op.length:
                if op.first_data_time_ns is None:
                    op.first_data_time_ns = last.time_ns
                _extend(op, op.address + at, payload, last)
                if final:
                    self._reads.remove(wanted)
                return

    # --- Untagged ---

    def _untagged(
        self, control: int, opcode: int, head: memoryview, content: ByteMap, view: memoryview,
        last: Received,
    ) -> None:  # fmt: skip
        _, _, reserved, _, number, offset = _UNTAGGED.unpack_from(head)
        payload = content.cut(_UNTAGGED.size, content.length)
        self.finish_write()
        if SEND <= opcode <= SEND_SOLICITED_INVALIDATE:
            invalidated = reserved if opcode in _INVALIDATES else None
            self._part(number, offset, payload, last)
            if self._send is not None and last.carrier is not None:
                self._send.segment = DdpSegment(content.length, bytes(head[: _UNTAGGED.size]))
            if control & _LAST:
                self._finish_send(invalidated)
        elif opcode == READ_REQUEST:
            if len(head) >= _UNTAGGED.size + _READ.size:
                self._read_request(_READ.unpack_from(head, _UNTAGGED.size), last)
        elif opcode == TERMINATE:
            self._terminate(payload, view, last)
        else:
            self._fault(last, f"an untagged message with the RDMAP opcode {opcode}")

    def _part(self, number: int, offset: int, payload: ByteMap, last: Received) -> None:
        """Take a segment of a SEND, whose place in it the DDP header tells."""
        message = self._send
        if message is not None and (
            number != self._number
            or offset < message.content.length
            or len(message.content.pieces) > MAX_SEND_PIECES
        ):
            self._finish_send(None, complete=False)
            message = None
        if message is None:
            message = self._send = Message(self.side, last.frame, last.time_ns, ByteMap(0, []))
            message.packets = 0
            message.headless = offset != 0
            message.sequence = self._number = number
        content = message.content
        content.pieces += [
            Piece(piece.start + offset, piece.length, piece.offset, piece.frame)
            for piece in payload.pieces
        ]
        content.length = offset + payload.length
        message.packets += 1
        message.frame, message.time_ns = last.frame, last.time_ns
        message.carrier = last.carrier

    def _finish_send(self, invalidated: int | None, complete: bool = True) -> None:
        message, self._send = self._send, None
        if message is None:
            return
        message.invalidated = invalidated
        message.end = message.sequence + 1
        if not complete:
            message.open_ended = True
        self._matching.send(message)

    def _read_request(self, fields: tuple[int, int, int, int, int], last: Received) -> None:
        sink_handle, sink_address, length, handle, address = fields
        if not length:
            return
        op = RdmaOp(OpKind.READ, self.side, handle, address, length, last.frame, last.time_ns)
        self._reads.append(Wanted(op, sink_handle, sink_address))
        self._matching.operation(op)

    def _terminate(self, payload: ByteMap, view: memoryview, last: Received) -> None:
        """Report layer, type and code of an error (RFC 5040, Section 4.8)."""
        octets = payload.read(view, min(4, payload.prefix()))
        if len(octets) < 4:
            return
        (word,) = _WORD.unpack(octets)
        layer = _LAYERS.get(word >> 28, str(word >> 28))
        self._note(
            last.frame, "rdma-terminate",
            f"Terminate: {layer} error type {word >> 24 & 15} code {word >> 16 & 0xFF:#04x}",
            Severity.WARNING,
        )  # fmt: skip

    def close(self) -> None:
        """Hand on what is in progress: nothing more will come."""
        self.finish_write()
        self._finish_send(None, complete=False)


def _extend(op: RdmaOp, address: int, payload: ByteMap, last: Received) -> None:
    """Add octets to an operation."""
    for start, length, offset, frame in payload.pieces:
        if len(op.extents) < MAX_EXTENTS:
            op.extents.append(Extent(address + start, length, length, offset, frame))
    op.packets += 1
    op.last_frame, op.last_time_ns = last.frame, last.time_ns
