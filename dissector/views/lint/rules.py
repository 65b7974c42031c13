"""Every rule. The identifiers are stable: other projects' tests name them."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...base.finding import Finding, Severity

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR


class Rule(NamedTuple):
    """What is forbidden, and by which specification."""

    id: str
    severity: Severity
    source: str
    """The specification, and its section."""
    text: str
    """One sentence that holds for every finding."""


_ALL = (
    Rule("credit-overrun", ERROR, "RFC 8166, Section 3.3.1",
         "A requester has no more calls in progress than it was granted credits."),
    Rule("credit-zero", ERROR, "RFC 8166, Section 3.3.1",
         "Credits are granted in numbers above zero, and who asks for none may send nothing."),
    Rule("inline-too-long", ERROR, "RFC 8166, Section 3.3.2",
         "A message is no longer than the inline threshold of its direction."),
    Rule("message-form", ERROR, "RFC 8166, Section 4.2.4",
         "RDMA_NOMSG goes with a Position-Zero Read chunk or a used Reply chunk, and nothing "
         "follows it; RDMA_MSG with neither."),
    Rule("procedure-obsolete", ERROR, "RFC 8166, Section 4.6",
         "Nobody sends RDMA_MSGP or RDMA_DONE."),
    Rule("xid-differs", ERROR, "RFC 8166, Section 4.5.2",
         "The header has the XID of the RPC message that it goes with."),
    Rule("xid-unmatched", ERROR, "RFC 8166, Section 4.2.1",
         "A reply has the XID of a call in progress."),
    Rule("xid-reused", ERROR, "RFC 8166, Section 4.2.1",
         "A call does not have the XID of another one in progress on its connection."),
    Rule("reply-read-list", ERROR, "RFC 8166, Section 4.3.1",
         "A reply has no Read list."),
    Rule("position-misaligned", ERROR, "RFC 8166, Section 3.4.5",
         "The Position of a Read chunk is a multiple of four."),
    Rule("position-overlap", ERROR, "RFC 8166, Section 3.4.5",
         "Read chunks do not overlap in the message that they are parts of."),
    Rule("position-range", ERROR, "RFC 8166, Section 3.4.5",
         "The Position of a Read chunk is in its message."),
    Rule("chunk-ineligible", ERROR, "RFC 8166, Section 3.4.2",
         "Only what an upper-layer binding (RFC 8267) calls eligible is moved to Read and Write "
         "chunks."),
    Rule("gss-ddp", ERROR, "RFC 8166, Section 8.2",
         "Nothing that RPCSEC_GSS protects is moved to Read and Write chunks."),
    Rule("chunk-mismatch", ERROR, "RFC 8166, Section 3.4.6",
         "A reply returns the chunks of its call: as many, with as many segments, the same memory, "
         "and lengths that are no greater."),
    Rule("chunk-fill", WARNING, "RFC 8166, Section 3.4.6",
         "A segment is used when those before it in its chunk are full."),
    Rule("chunk-unwritten", ERROR, "RFC 8166, Section 3.4.6",
         "What a reply says it has written was written."),
    Rule("chunk-excess", ERROR, "RFC 8166, Section 3.4.6",
         "No more is written to a chunk than the reply says."),
    Rule("chunk-both", WARNING, "RFC 8166, Section 4.3.3",
         "A reply for which a Write chunk was used needs its Reply chunk as well only if the rest "
         "is too long; some requesters refuse that."),
    Rule("pad-read", NOTE, "RFC 8166, Section 3.4.5.2",
         "A Read chunk should not contain an XDR pad."),
    Rule("pad-written", ERROR, "RFC 8166, Section 3.4.6.2",
         "A Write chunk gets no XDR pad."),
    Rule("rdma-direction", ERROR, "RFC 8166, Sections 3.4.5 and 3.4.6",
         "Read chunks are read, Write and Reply chunks are written."),
    Rule("rdma-outside", ERROR, "RFC 8166, Section 3.4.3",
         "An RDMA operation stays inside of one advertised segment."),
    Rule("rdma-after-reply", ERROR, "RFC 8166, Sections 3.4.5.1 and 4.4.1",
         "Nothing happens to a call's memory once it was answered."),
    Rule("rdma-after-invalidation", ERROR, "RFC 8797, Section 3.2",
         "Nothing happens to memory once its handle was invalidated."),
    Rule("invalidate-unknown", ERROR, "RFC 8797, Section 3.2",
         "A SEND with Invalidate names a handle that the call offered."),
    Rule("invalidate-unasked", ERROR, "RFC 8797, Section 4.1",
         "Only who said so while connecting has its memory invalidated by its peer."),
    Rule("slot-busy", ERROR, "RFC 8881, Section 2.10.6.1",
         "A slot has one request in progress."),
    Rule("slot-sequence", ERROR, "RFC 8881, Section 2.10.6.1",
         "The sequence of a slot grows by one with each request."),
    Rule("slot-range", ERROR, "RFC 8881, Section 2.10.6.1",
         "A slot is one of those that the session has."),
    Rule("sequence-differs", ERROR, "RFC 8881, Section 18.46.3",
         "SEQUENCE's result has the session, slot and sequence of its arguments."),
    Rule("chunk-length", ERROR, "RFC 8166, Sections 3.4.5.2 and 3.4.6.2",
         "A chunk is as long as the item that is in it."),
    Rule("bad-header", ERROR, "RFC 8166, Section 4.5.2",
         "A header can be decoded."),
    Rule("undecoded", ERROR, "RFC 8881",
         "A message can be decoded."),
    Rule("rdma-error", WARNING, "RFC 8166, Section 4.5",
         "A call was answered with RDMA_ERROR."),
    Rule("record-mark", WARNING, "RFC 5531, Section 11",
         "On TCP, record marks delimit RPC messages."),
    Rule("mpa-length", ERROR, "RFC 5044, Section 4.1",
         "An FPDU has room for a DDP header."),
    Rule("mpa-marker", ERROR, "RFC 5044, Section 4.3",
         "A marker says how far back its FPDU begins."),
    Rule("mpa-crc", ERROR, "RFC 5044, Section 4.4",
         "The checksum of an FPDU fits."),
    Rule("ddp-header", ERROR, "RFC 5040, Section 4",
         "DDP and RDMAP headers are of version 1, and go together."),
    Rule("rdma-terminate", WARNING, "RFC 5040, Section 4.8",
         "A stream was not ended with a Terminate message."),
)  # fmt: skip

RULES: Final = {rule.id: rule for rule in _ALL}


def found(frame: int, rule: str, text: str, octets: tuple[int, int] | None = None) -> Finding:
    """Return the finding that a rule is broken."""
    return Finding(frame, RULES[rule].severity, rule, text, octets)
