"""What Wireshark is known to get wrong: each case with a sentence that can be checked.

A known defect explains a difference only where its circumstances are in the capture, and only a
difference of the kind that it causes. Tried on tshark 4.0.17; the code in question was the same in
4.4.18 and at the head of 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ...messages.rpcrdma import VERSION_2
from ...tracking.kinds import Transport
from ...tracking.model import Exchange, Message
from .theirs import DATA, NFS, RPC, TRANSPORT

ABSENT, DIFFERS, EXTRA = "absent", "differs", "extra"
"""Wireshark has nothing; it has something else; it has what is not there."""


SENT_AGAIN = "sent-again"


class Case(NamedTuple):
    """The circumstances of a difference."""

    exchange: Exchange
    message: Message
    flags: frozenset[str]
    """What only shows in the capture as a whole: any of the constants below."""


REUSED = "reused"
"""A handle of the call was in an earlier one with the same address, or twice in this one."""
SAME_XID = "same-xid"
"""A call of the opposite direction with the same XID was in flight."""
OFFLOADED = "offloaded"
"""The capture has frames of several packets."""
LOW_PORT = "low-port"
"""UDP source ports below RoCE's, or a service that is NVMe's."""
LINK_TYPE = "link-type"
"""The capture's link type is one that Wireshark does not know."""
BROKEN = "broken"
"""The message breaks a rule."""


class Known(NamedTuple):
    """A defect. ``groups`` and ``kinds`` are what it may spoil."""

    id: str
    text: str
    applies: Callable[[Case], bool]
    groups: frozenset[str]
    kinds: frozenset[str]


_RPC = frozenset((RPC, NFS, DATA))
_ALL = frozenset((TRANSPORT, RPC, NFS, DATA))
_ANY = frozenset((ABSENT, DIFFERS, EXTRA))
_NOTHING = frozenset((ABSENT,))


def _flag(flag: str) -> Callable[[Case], bool]:
    return lambda case: flag in case.flags


def _infiniband(case: Case) -> bool:
    return case.message.side.flow is not None


def _no_handshake(case: Case) -> bool:
    return _infiniband(case) and case.exchange.requester.connection.paired_by != "CM"


def _iwarp(case: Case) -> bool:
    return case.exchange.requester.connection.transport == Transport.IWARP


def _several_chunks(case: Case) -> bool:
    kinds = [chunk.kind for chunk in case.exchange.chunks]
    return kinds.count("read") > 1 or kinds.count("write") > 1


def _odd_segments(case: Case) -> bool:
    return any(segment.length % 4 for c in case.exchange.chunks for segment in c.offered[:-1])


def _wraps(case: Case) -> bool:
    return any(
        op.sequence >> 24 != (max(op.end, op.sequence + 1) - 1) >> 24
        for op in case.exchange.operations
    )


def _mixed(case: Case) -> bool:
    """Return whether packets before a chunk's last have other sizes than the path's."""
    full = max((op.mtu for op in case.exchange.operations), default=0)
    return any(
        op.mtu < full or op.length % full
        for chunk in case.exchange.chunks
        for op in chunk.operations[:-1]
        if op.mtu
    )


def _messages(case: Case) -> list[Message]:
    return [m for m in (case.exchange.call, case.exchange.reply) if m is not None]


_MISSING = frozenset(("capture-hole", "capture-cut", "chunk-hole"))


def _lost(case: Case) -> bool:
    exchange = case.exchange
    return (
        any(finding.rule in _MISSING for finding in exchange.findings)
        or any(op.gaps for op in exchange.operations)
        or not all(message.content.complete for message in _messages(case))
        or not all(chunk.content.complete for chunk in exchange.chunks)
    )


def _resent(case: Case) -> bool:
    return any(message.resent for message in _messages(case)) or any(
        op.resent or op.retries for op in case.exchange.operations
    )


def _half(case: Case) -> bool:
    return case.exchange.call is None or case.exchange.reply is None


def _long_send(case: Case) -> bool:
    segments = sum(len(chunk.offered) for chunk in case.exchange.chunks)
    return segments > 1 and any(message.packets > 1 for message in _messages(case))


def _two_xids(case: Case) -> bool:
    call = case.exchange.call_rpc
    return call is not None and call.xid != case.exchange.xid


def _second(case: Case) -> bool:
    header = case.exchange.call_header or case.exchange.reply_header
    return header is not None and header.version == VERSION_2


def _reads_in_reply(case: Case) -> bool:
    header = case.exchange.reply_header
    return header is not None and bool(header.reads)


_ALL_KNOWN = (
    Known(
        "link-type",
        "Wireshark does not know LINKTYPE_INFINIBAND (247): it decodes nothing at all.",
        _flag(LINK_TYPE), _ALL, _NOTHING,
    ),
    Known(
        "second-version",
        "Wireshark knows version 1 of RPC-over-RDMA: it takes messages of version 2 for no RPC, or "
        "reads their headers as those of version 1.",
        _second, _ALL, _ANY,
    ),
    Known(
        "other-protocol",
        "Wireshark goes by the lower UDP port and by the service's: RoCE packets from source port "
        "69 are TFTP to it, connections to port 4420 NVMe over Fabrics.",
        _flag(LOW_PORT), _ALL, _NOTHING,
    ),
    Known(
        "no-mpa-handshake",
        "Without the MPA request and reply Wireshark sees no iWARP in a TCP stream.",
        lambda case: _iwarp(case) and not case.exchange.requester.connection.established,
        _ALL, _NOTHING,
    ),
    Known(
        "iwarp-segments",
        "Wireshark does not put a SEND of several DDP segments together; with its preference for "
        "that it stops with a failed assertion.",
        lambda case: _iwarp(case) and any(m.packets > 1 for m in _messages(case)), _ALL, _ANY,
    ),
    Known(
        "no-handshake",
        "Without the connection manager's frames Wireshark does not know which queue pairs belong "
        "together: replies find no call (program 0), and no chunk is put together.",
        _no_handshake, _RPC, _ANY,
    ),
    Known(
        "handle-reused",
        "Wireshark keeps one segment for each handle: of two segments with one handle, or of a "
        "later RPC with the same handle and address, it loses the octets.",
        _flag(REUSED), _RPC, _ANY,
    ),
    Known(
        "several-chunks",
        "Wireshark numbers the packets of each chunk from the same start: two Read or two Write "
        "chunks in an RPC overlap.",
        _several_chunks, _RPC, _ANY,
    ),
    Known(
        "odd-segments",
        "Wireshark keeps the pad of a segment's last packet: after a segment whose length is no "
        "multiple of four all octets are out of place.",
        _odd_segments, _RPC, _ANY,
    ),
    Known(
        "psn-wrap",
        "Wireshark subtracts packet sequence numbers without their wrap at 24 bits.",
        _wraps, _RPC, _ANY,
    ),
    Known(
        "mixed-sizes",
        "Wireshark places packets by the size of the largest that it has seen: RDMA operations of "
        "other sizes in one chunk go to wrong places.",
        _mixed, _RPC, _ANY,
    ),
    Known(
        "missing-packets",
        "Where packets are missing or cut Wireshark puts nothing together, or joins what it has.",
        _lost, _ALL, _ANY,
    ),
    Known(
        SENT_AGAIN,
        "Wireshark decodes each copy of a message that was sent again, and of a chunk that was "
        "transferred again it has no octets left for the later copy.",
        _resent, _RPC, _ANY,
    ),
    Known(
        "callback-xid",
        "Wireshark takes a callback with the XID of a call in flight for its retransmission.",
        _flag(SAME_XID), _RPC, _ANY,
    ),
    Known(
        "half-an-rpc",
        "Without its call a reply is decoded as far as its status, and not at all without program.",
        _half, _RPC, _ANY,
    ),
    Known(
        "segmentation-offload",
        "Of a frame of several packets Wireshark sees the first, and takes the rest for payload.",
        _flag(OFFLOADED), _ALL, _ANY,
    ),
    Known(
        "long-send",
        "Of chunks of several segments whose list came in a SEND of several packets Wireshark "
        "finds no octets.",
        _long_send, _RPC, _ANY,
    ),
    Known(
        "two-xids",
        "Wireshark takes a message whose RPC has another XID than its header for no RPC.",
        _two_xids, _RPC, _NOTHING,
    ),
    Known(
        "read-list-in-reply",
        "Wireshark waits for the Read chunks of a reply, which no reply may have.",
        _reads_in_reply, _RPC, _NOTHING,
    ),
    Known(
        "broken-message",
        "The message breaks a rule (see --lint). Wireshark does not say so, and goes on as if its "
        "chunks were as they should be.",
        _flag(BROKEN), _ALL, _ANY,
    ),
)  # fmt: skip

KNOWN: Final = {known.id: known for known in _ALL_KNOWN}


def explain(case: Case, group: str, kind: str) -> str:
    """Return the defect that explains a difference, or nothing."""
    for known in _ALL_KNOWN:
        if group in known.groups and kind in known.kinds and known.applies(case):
            return known.id
    return ""
