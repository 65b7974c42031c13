"""The completer: acknowledgements, NAKs and READ responses, for the requester.

A response names the last request packet that the peer has carried out, so it acknowledges all
earlier ones, with one exception: an RDMA READ is finished only when its data have arrived. An
acknowledgement that passes an unanswered READ therefore tells that responses were lost (IBA:
"implied NAK"), and the READ is asked for again from the first missing packet.

Responses that arrive early are placed all the same. What is missing then may be lost or only late;
``early`` learns which of the two is usual on this network.
"""

from __future__ import annotations

from ...verbs.types import WcStatus
from ..packets.kernel import pieces
from ..packets.run import Run
from ..wire.headers import (
    NAK_INVALID_REQUEST,
    NAK_REMOTE_ACCESS,
    NAK_REMOTE_OPERATION,
    NAK_SEQUENCE,
    RNR_TIMER_MICROSECONDS,
)
from ..wire.opcode import OPCODES, Kind, Position
from ..wire.psn import unwrap
from .requester import Requester
from .requests import Wqe
from .shared import SharedState

_FATAL = {
    NAK_INVALID_REQUEST: (WcStatus.REM_INV_REQ_ERR, "the peer calls the request invalid"),
    NAK_REMOTE_ACCESS: (WcStatus.REM_ACCESS_ERR, "the peer refuses access to its memory"),
    NAK_REMOTE_OPERATION: (WcStatus.REM_OP_ERR, "the peer failed to carry out the request"),
}
_CLASS_ACK, _CLASS_RNR = 0, 1
_ENDS = {
    code: bool(row.position & Position.LAST)
    for code, row in OPCODES.items()
    if row.kind == Kind.READ_RESPONSE
}
_HEADER_OCTETS = {code: OPCODES[code].header_octets for code in _ENDS}


class Completer:
    """The part of a queue pair that takes responses."""

    def __init__(self, qp: SharedState, requester: Requester) -> None:
        self._qp = qp
        self._requester = requester

    def handle(self, run: Run, now: float) -> None:
        """Take response packets other than acknowledgements."""
        if run.code in _ENDS:
            self._read_response(run, now)
        else:
            # The answer to an atomic operation, which we never request.
            self._qp.counters.bad_responses += 1

    def acknowledge(self, syndrome: int, psn: int, now: float) -> None:
        """Take an acknowledgement or a NAK."""
        qp = self._qp
        requester = self._requester
        flight = requester.flight
        una = flight.una
        sequence = unwrap(psn, una)
        if not una - 1 <= sequence < flight.high:
            qp.counters.duplicates += 1
            return
        kind = syndrome >> 5
        if kind == _CLASS_ACK:
            qp.counters.acks_received += 1
            if requester.reads:
                self._advance(sequence + 1, now)
            elif sequence >= una:
                requester.advance(sequence + 1, now)
            if sequence < una:
                requester.answered_twice(sequence, 1)
        elif sequence < una:
            qp.counters.duplicates += 1
        elif kind == _CLASS_RNR:
            qp.counters.rnr_received += 1
            if self._advance(sequence, now):
                microseconds = RNR_TIMER_MICROSECONDS[syndrome & 0x1F]
                requester.wait(sequence, microseconds / 1e6, now)
        elif syndrome == NAK_SEQUENCE:
            qp.counters.naks_received += 1
            if self._advance(sequence, now):
                requester.lost(sequence)
        elif syndrome in _FATAL:
            qp.counters.naks_received += 1
            self._advance(sequence, now)
            requester.fail(sequence, *_FATAL[syndrome])
        else:
            qp.counters.bad_responses += 1

    def _advance(self, sequence: int, now: float) -> bool:
        """Acknowledge everything before ``sequence``; false if a READ there is unanswered."""
        requester = self._requester
        reads = requester.reads
        if reads and sequence > reads[0][0]:
            missing = max(reads[0][0], requester.flight.una)
            requester.advance(missing, now)
            if sequence > missing:
                requester.lost(missing)
                return False
            return True
        requester.advance(sequence, now)
        return True

    def _read_response(self, run: Run, now: float) -> None:
        qp, requester = self._qp, self._requester
        flight, reads = requester.flight, requester.reads
        una = flight.una
        sequence = unwrap(run.psn, una)
        if not reads or not una <= sequence < flight.high:
            qp.counters.duplicates += run.count
            requester.answered_twice(sequence, run.count)
            return
        begin, end = reads[0]
        expected = una
        if begin > una:
            # The response acknowledges what came before the READ.
            expected = begin
            if sequence >= begin:
                requester.advance(begin, now)
        if sequence != expected:
            if sequence > expected:
                qp.counters.out_of_order += run.count
                if not qp.failed:
                    self._take_early(run, sequence)
                    if requester.early.lost(expected, run.count):
                        requester.lost(expected)
            else:
                qp.counters.bad_responses += run.count
            return
        wqe = requester.head()
        if wqe is None or qp.failed or not self._fits(run, wqe, sequence, end):
            qp.counters.bad_responses += run.count
            return
        self._place(run, wqe, (sequence - wqe.first) * qp.mtu)
        requester.advance(sequence + run.count, now)
        if requester.early.sequences:
            requester.catch_up(now)

    def _take_early(self, run: Run, sequence: int) -> None:
        """Place responses that arrived before the ones that precede them."""
        requester = self._requester
        end = next((stop for begin, stop in requester.reads if begin <= sequence < stop), None)
        wqe = requester.wqe_of(sequence)
        if end is None or wqe is None or not self._fits(run, wqe, sequence, end):
            self._qp.counters.bad_responses += run.count
            return
        self._place(run, wqe, (sequence - wqe.first) * self._qp.mtu)
        requester.early.add(sequence, run.count)

    def _fits(self, run: Run, wqe: Wqe, sequence: int, end: int) -> bool:
        """Return whether the response's place in the message and its length are as requested."""
        mtu = self._qp.mtu
        payload = run.length
        if not _ENDS[run.code]:
            return sequence + run.count < end and payload == mtu
        left = wqe.length - (sequence - wqe.first) * mtu
        return sequence + 1 == end and payload == min(left, mtu)

    def _place(self, run: Run, wqe: Wqe, target: int) -> None:
        """Copy the payloads into the work request's buffers, from octet ``target`` on."""
        header, size, length = _HEADER_OCTETS[run.code], run.size, run.length
        if wqe.view is not None:
            run.place(header, wqe.view, target)
            return
        if not length:
            return
        for view, offset, count in run.parts:
            for begin in range(offset + header, offset + header + count * size, size):
                at = begin
                for piece in pieces(wqe.views, target, length):
                    piece[:] = view[at : at + len(piece)]
                    at += len(piece)
                target += length
