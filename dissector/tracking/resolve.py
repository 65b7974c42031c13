"""Decode what an exchange's messages say, once all of it is there."""

from __future__ import annotations

from ..base.extent import ByteMap
from ..base.finding import Finding, Severity
from ..messages.body import NFS_PROGRAM, Body, decode_arguments, decode_results
from ..messages.decoder import CallDecoder, ReplyDecoder, WitnessDecoder
from ..messages.rpc import decode_call, decode_reply
from .chunks import as_far_as_seen, build_chunks
from .intact import complete
from .model import Exchange, Message

MAX_LONG = 64 << 20
"""Octets of a message that are put together from chunks."""


def resolve(exchange: Exchange, source: memoryview) -> None:
    """Fill in the chunks, the RPC headers and the bodies of an exchange."""
    if exchange.resolved:
        return
    exchange.resolved = True
    if exchange.rdma:
        header = as_far_as_seen(exchange.call_header)
        back = as_far_as_seen(exchange.reply_header)
        if (header and (header.reads or header.writes or header.reply is not None)) or (
            back and (back.writes or back.reply is not None)
        ):
            exchange.chunks = build_chunks(exchange)
    if exchange.call is not None:
        _call(exchange, exchange.call, source)
    if exchange.reply is not None and exchange.error is None:
        _reply(exchange, exchange.reply, source)
    _lost(exchange)


def _call(exchange: Exchange, message: Message, source: memoryview) -> None:
    header = exchange.call_header
    if header is not None and header.fault:
        return  # where its lists end, and what follows them, is not known
    chunks = exchange.chunks_of("read")
    if header is None:
        stream, holes = _inline_part(message, 0, source)
    elif header.long:
        zero = [chunk for chunk in chunks if chunk.position == 0]
        stream, holes = _long_message(zero[0].content if zero else _NOTHING, source)
    else:
        stream, holes = _inline_part(message, header.size, source)
    if holes is not None and holes.prefix() < 8:
        return
    moved = [chunk for chunk in chunks if chunk.position]
    dec: WitnessDecoder
    dec = CallDecoder(stream, source, moved) if moved else WitnessDecoder(stream, source)
    if holes is not None:
        dec.holed(holes)
    call = exchange.call_rpc = decode_call(dec)
    if call.fault:
        body = exchange.call_body = Body("")
        body.fault = call.fault
    else:
        body = exchange.call_body = decode_arguments(call, dec)
        exchange.requester.program = (call.program, call.version)
    _explain(exchange, message, body, dec, holes)


def _reply(exchange: Exchange, message: Message, source: memoryview) -> None:
    header = exchange.reply_header
    if header is not None and header.fault:
        return
    results = exchange.chunks_of("write")
    if header is None:
        stream, holes = _inline_part(message, 0, source)
    elif header.long:
        chunk = next(iter(exchange.chunks_of("reply")), None)
        stream, holes = _long_message(chunk.content if chunk else _NOTHING, source)
    else:
        stream, holes = _inline_part(message, header.size, source)
    if holes is not None and holes.prefix() < 8:
        return
    dec = ReplyDecoder(stream, source, results)
    if holes is not None:
        dec.holed(holes)
    reply = exchange.reply_rpc = decode_reply(dec)
    if reply.fault:
        body = exchange.reply_body = Body("")
        body.fault = reply.fault
    elif reply.success:
        call = exchange.call_rpc
        if call is not None and call.fault:
            call = None
        callback = _is_callback(exchange)
        program = exchange.requester.program
        version = program[1] if program is not None and program[0] == NFS_PROGRAM else None
        if holes is not None and version is None:
            version = 4  # what cannot be decoded is explained by what is missing
        body = exchange.reply_body = decode_results(call, dec, callback, version)
    else:
        body = exchange.reply_body = Body("")
    _explain(exchange, message, body, dec, holes)


def _is_callback(exchange: Exchange) -> bool:
    """Return whether a reply without a call is a client's, as its sender is one that calls."""
    responder = exchange.responder
    return responder is not None and responder.program is not None and responder.program[1] == 4


_NOTHING = ByteMap(1, [])
"""A message in a chunk that is not there."""


def _inline_part(
    message: Message, start: int, source: memoryview
) -> tuple[memoryview, ByteMap | None]:
    """Return what follows the header, and where it is if not all of it is there."""
    view = message.view
    if view is not None:
        return view[start:], None
    content = message.content
    if start or not content.complete:
        content = content.cut(min(start, content.prefix()), content.length)
    return _octets(content, source)


def _long_message(content: ByteMap, source: memoryview) -> tuple[memoryview, ByteMap | None]:
    """Return a message that traveled in a chunk, and where it is if not all of it is there."""
    if content.length > MAX_LONG:
        kept = content.cut(0, MAX_LONG)
        content = ByteMap(content.length, kept.pieces)
    return _octets(content, source)


def _octets(content: ByteMap, source: memoryview) -> tuple[memoryview, ByteMap | None]:
    """Return octets with zeros in the holes, no further than the last that is there."""
    last = content.pieces[-1] if content.pieces else None
    stream = memoryview(content.read(source, last.start + last.length if last else 0))
    return stream, None if content.complete else content


def _explain(
    exchange: Exchange, message: Message, body: Body, dec: WitnessDecoder, holes: ByteMap | None
) -> None:
    """Say why a body could not be decoded: octets that are missing are no fault of its sender."""
    if holes is not None and (body.fault or dec.stepped):
        done = f"{len(body.operations)} of {body.total} operations" if body.total else "nothing"
        if not body.fault:
            done = "all but data is"
        body.fault = ""
        exchange.findings.append(
            Finding(
                message.frame,
                Severity.NOTE,
                "capture-cut",
                f"{holes.length - holes.present} octets are not in the capture: {done} decoded",
            )
        )
    elif body.fault:
        exchange.findings.append(Finding(message.frame, Severity.ERROR, "undecoded", body.fault))
    for fault in dec.faults if holes is None else ():
        exchange.findings.append(Finding(message.frame, Severity.ERROR, "chunk-length", fault))


def _lost(exchange: Exchange) -> None:
    """Report holes in what the chunks carried: the capture lacks it, or it was never sent."""
    if exchange.reply is None or exchange.error is not None:
        return
    for chunk in exchange.chunks:
        wanted = chunk.used_octets
        present = chunk.carried() if wanted else 0
        if present >= wanted:
            continue
        # Octets are missing, packets are not: they were written elsewhere, too late, or not at all.
        never = complete(exchange.requester.connection)
        verb = "read" if chunk.kind == "read" else "written"
        said = f"were not {verb} before the reply" if never else "are not in the capture"
        exchange.findings.append(
            Finding(
                exchange.frame,
                Severity.NOTE,
                "chunk-hole" if never else "capture-hole",
                f"{wanted - present} of {wanted} octets of the {chunk.kind} chunk "
                f"{chunk.position} {said}",
            )
        )
