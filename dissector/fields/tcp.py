"""Fields of TCP's header and of what iWARP has behind it, of the frame that a message ended in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from ..base.packet import Carrier, Spoken
from ..tracking.model import DdpSegment, Message

Fields = dict[str, Any]
KEPT = 1024
NAMES: Final[frozenset[str]] = frozenset(
    """
tcp.stream tcp.len tcp.seq tcp.seq_raw tcp.nxtseq tcp.ack tcp.ack_raw tcp.hdr_len tcp.flags
tcp.flags.res tcp.flags.ae tcp.flags.cwr tcp.flags.ece tcp.flags.urg tcp.flags.ack tcp.flags.push
tcp.flags.reset tcp.flags.syn tcp.flags.fin tcp.flags.str tcp.window_size_value tcp.window_size
tcp.window_size_scalefactor tcp.checksum tcp.checksum.status tcp.urgent_pointer tcp.options
tcp.option_kind tcp.option_len tcp.options.timestamp.tsval tcp.options.timestamp.tsecr
tcp.time_relative tcp.time_delta tcp.analysis.initial_rtt tcp.analysis.bytes_in_flight
tcp.analysis.push_bytes_sent tcp.analysis.acks_frame tcp.analysis.ack_rtt
iwarp_mpa.ulpdulength iwarp_ddp.tagged_flag iwarp_ddp.last_flag iwarp_ddp.rsvd iwarp_ddp.dv
iwarp_ddp.rsvdulp iwarp_ddp.qn iwarp_ddp.msn iwarp_ddp.mo iwarp_rdma.version iwarp_rdma.rsv
iwarp_rdma.opcode iwarp_rdma.reserved iwarp_rdma.inval_stag
""".split()  # noqa: SIM905 (one name a line is no easier to read)
)
_HEADER = Struct(">HHIIHHHH")
_UNTAGGED = Struct(">BBIIII")
_WORDS = Struct(">II")
_UNVERIFIED: Final = 2
"""What Wireshark has for a checksum that nobody looked at."""
_FLAGS = ("ae", "cwr", "ece", "urg", "ack", "push", "reset", "syn", "fin")
_LETTERS = "RRRACEUAPRSF"
_END, _NO_OPERATION, _TIMES = 0, 1, 8
_INVALIDATES = frozenset((4, 6))
"""RDMAP opcodes of SENDs that name a handle (RFC 5040, Section 4.1)."""


def tcp_fields(carrier: Carrier, spoken: Spoken, message: Message, view: bytes) -> Fields:
    """Return those of a segment that differ from one to the next."""
    at = carrier.tcp - carrier.offset
    _, _, sequence, acked, bits, window, checksum, urgent = _HEADER.unpack_from(view, at)
    found: Fields = {
        "tcp.stream": spoken.stream,
        "tcp.len": spoken.next - spoken.sequence - bool(bits & 2) - bool(bits & 1),
        "tcp.seq": spoken.sequence,
        "tcp.seq_raw": sequence,
        "tcp.nxtseq": spoken.next,
        "tcp.ack": spoken.acknowledged,
        "tcp.ack_raw": acked,
        "tcp.window_size_value": window,
        "tcp.window_size": window << max(0, spoken.scale),
        "tcp.window_size_scalefactor": spoken.scale if spoken.scale < 0 else 1 << spoken.scale,
        "tcp.checksum": checksum,
        "tcp.urgent_pointer": urgent,
        "tcp.time_relative": spoken.since_first / 1e9,
        "tcp.time_delta": spoken.since_before / 1e9,
        "tcp.analysis.bytes_in_flight": spoken.in_flight,
        "tcp.analysis.push_bytes_sent": spoken.pushed,
    }
    if spoken.round_trip:
        found["tcp.analysis.initial_rtt"] = spoken.round_trip / 1e9
    if spoken.acknowledges:
        found["tcp.analysis.acks_frame"] = spoken.acknowledges
        found["tcp.analysis.ack_rtt"] = spoken.after / 1e9
    options = view[at + _HEADER.size : at + (bits >> 12) * 4]
    if options:
        found.update(_options(options))
    if message.segment is not None:
        found.update(_iwarp(message.segment))
    return found


@lru_cache(KEPT)
def flag_fields(bits: int) -> Fields:
    """Return those of the header's length and flags."""
    flags = bits & 0xFFF
    fields: Fields = {
        "tcp.hdr_len": (bits >> 12) * 4,
        "tcp.flags": flags,
        "tcp.flags.res": bool(flags & 0xE00),
        "tcp.flags.str": "".join(
            letter if flags >> 11 - at & 1 else "·" for at, letter in enumerate(_LETTERS)
        ),
        "tcp.checksum.status": _UNVERIFIED,
    }
    for at, name in enumerate(_FLAGS):
        fields[f"tcp.flags.{name}"] = bool(flags >> 8 - at & 1)
    return fields


def _each(options: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(options):
        kind = options[at]
        size = (
            1 if kind in (_END, _NO_OPERATION) else max(2, int.from_bytes(options[at + 1 : at + 2]))
        )
        yield options[at : at + size]
        at += size
        if kind == _END:
            return


def _options(options: bytes) -> Fields:
    several = list(_each(options))
    found: Fields = {
        "tcp.options": options.hex(),
        "tcp.option_kind": [one[0] for one in several],
        "tcp.option_len": [one[1] for one in several if len(one) > 1],
    }
    for one in several:
        if one[0] == _TIMES and len(one) == 2 + _WORDS.size:
            mine, theirs = _WORDS.unpack_from(one, 2)
            found["tcp.options.timestamp.tsval"] = mine
            found["tcp.options.timestamp.tsecr"] = theirs
    return {name: value for name, value in found.items() if value != []}


def _iwarp(segment: DdpSegment) -> Fields:
    if len(segment.head) < _UNTAGGED.size:
        return {}
    control, rdma, _, queue, number, offset = _UNTAGGED.unpack(segment.head)
    last = segment.head[2:6]
    opcode = rdma & 15
    found: Fields = {
        "iwarp_mpa.ulpdulength": segment.length,
        "iwarp_ddp.tagged_flag": bool(control & 0x80),
        "iwarp_ddp.last_flag": bool(control & 0x40),
        "iwarp_ddp.rsvd": control >> 2 & 15,
        "iwarp_ddp.dv": control & 3,
        "iwarp_ddp.rsvdulp": segment.head[1:6].hex(),
        "iwarp_ddp.qn": queue,
        "iwarp_ddp.msn": number,
        "iwarp_ddp.mo": offset,
        "iwarp_rdma.version": rdma >> 6,
        "iwarp_rdma.rsv": rdma >> 4 & 3,
        "iwarp_rdma.opcode": opcode,
    }
    if opcode in _INVALIDATES:
        found["iwarp_rdma.inval_stag"] = int.from_bytes(last, "big")
    else:
        found["iwarp_rdma.reserved"] = last.hex()
    return found
