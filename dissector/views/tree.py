"""Everything about each RPC, as an indented tree (``-V``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields

from ..base.finding import Finding
from ..base.text import PLAIN, Paint, printable, text
from ..fields.fields import operation_values
from ..fields.summary import duration
from ..fields.values import lines
from ..messages.body import Body, status_name
from ..messages.rpc import FLAVORS, GSS_SERVICES, STARTTLS
from ..messages.rpcrdma import TransportHeader
from ..tracking.events import Events, Totals
from ..tracking.model import CmEvent, Exchange, Message
from .chunks import chunk_lines
from .line import LineView


class TreeView:
    """The line of each RPC, and below it all that was decoded."""

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        began: Callable[[], int] | None = None,
        paint: Paint = PLAIN,
    ) -> None:
        self._write = write
        self._line = LineView(write, brief=False, began=began, paint=paint)

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)
        events.cm.subscribe(self.cm)
        events.findings.subscribe(self.finding)
        events.closed.subscribe(self.close)

    def exchange(self, exchange: Exchange) -> None:
        """Show an RPC with everything in it."""
        self._line.shown += 1
        self._write("\n".join((self._line.line(exchange), *exchange_lines(exchange), "")))
        for finding in exchange.findings:
            self.finding(finding)
        self._write("\n")

    def cm(self, event: CmEvent) -> None:
        """Show a message of the connection manager, with its members."""
        self._line.cm(event)
        if event.message is not None:
            for field in fields(event.message):
                value = getattr(event.message, field.name)
                shown = bytes(value).rstrip(b"\0").hex() if isinstance(value, bytes) else value
                self._write(f"  {field.name}: {shown}\n")
            self._write("\n")

    def finding(self, finding: Finding) -> None:
        """Show a finding."""
        self._line.finding(finding)

    def close(self, totals: Totals) -> None:
        """Say so if there was no RPC."""
        self._line.close(totals)


def exchange_lines(exchange: Exchange) -> Iterator[str]:
    """Give the tree of one RPC."""
    if exchange.requester.connection.tunnels:
        yield f"  Inside {', '.join(exchange.requester.connection.tunnels)}"
    if exchange.call is not None:
        yield from _message("Call", exchange.call)
        if exchange.call_header is not None:
            yield from _transport(exchange.call_header)
        yield from _call(exchange)
        if exchange.call_body is not None:
            yield from _body(exchange.call_body)
    if exchange.chunks:
        yield "  Chunks"
        for chunk in exchange.chunks:
            yield from chunk_lines(exchange, chunk, "    ")
    if exchange.reply is not None:
        yield from _message("Reply", exchange.reply)
        if exchange.reply_header is not None:
            yield from _transport(exchange.reply_header)
        reply = exchange.reply_rpc
        if reply is not None and not reply.fault:
            yield f"    RPC reply: {reply.stat_name}, verifier {_flavor(reply.verifier_flavor)}"
            if reply.verifier == STARTTLS:
                yield "      STARTTLS: the server speaks TLS"
        if exchange.reply_body is not None:
            yield from _body(exchange.reply_body)


def _message(name: str, message: Message) -> Iterator[str]:
    line = f"  {name}: frame {message.frame}, {message.length} octets"
    if message.packets > 1:
        line += f" in {message.packets} packets from frame {message.first_frame}"
    if message.invalidated is not None:
        line += f", invalidates {message.invalidated:#010x}"
    if message.resent:
        line += f", {message.resent} packets sent again"
    if message.ack_frame:
        line += f", acknowledged in frame {message.ack_frame}"
        line += f" after {duration(message.ack_time_ns - message.time_ns)}"
    yield line


def _transport(header: TransportHeader) -> Iterator[str]:
    yield (
        f"    RPC-over-RDMA: {header.name}, version {header.version}, XID {header.xid:#010x}, "
        f"credits {header.credits}"
    )
    if header.error:
        yield f"      {header.error_name} versions {header.low}-{header.high}"
    for position, handle, length, offset in header.reads:
        yield f"      Read chunk at {position}: {length} octets at {handle:#010x}:{offset:#018x}"
    for name, segments in (
        *(("Write chunk", one) for one in header.writes),
        *([("Reply chunk", header.reply)] if header.reply is not None else ()),
    ):
        yield f"      {name}: {len(segments)} segments"
        for handle, length, offset in segments:
            yield f"        {length} octets at {handle:#010x}:{offset:#018x}"


def _flavor(flavor: int) -> str:
    return FLAVORS.get(flavor, str(flavor))


def _call(exchange: Exchange) -> Iterator[str]:
    call = exchange.call_rpc
    if call is None:
        return
    if call.program < 0:
        return
    flavor = f", {_flavor(call.flavor)}" if call.flavor >= 0 else ""
    yield (
        f"    RPC call: XID {call.xid:#010x}, program {call.program} version {call.version} "
        f"procedure {call.procedure}{flavor}"
    )
    sys = call.sys()
    if sys is not None:
        groups = f" groups {sys.gids}" if sys.gids else ""
        yield f"      {printable(text(sys.machinename))}: uid {sys.uid} gid {sys.gid}{groups}"
    if call.gss is not None:
        service = GSS_SERVICES.get(call.gss.service, str(call.gss.service))
        yield f"      GSS sequence {call.gss.sequence}, service {service}"


def _body(body: Body) -> Iterator[str]:
    if not body.kind:
        return
    words = body.kind
    if body.minor >= 0:
        words += f", minor version {body.minor}"
    if body.status >= 0:
        words += f", {body.ended or status_name(body.status, body.version)}"
    if body.tag:
        words += f", tag {printable(text(body.tag))}"
    yield f"    {words}"
    if body.sealed is not None:
        sealed = body.sealed
        yield (
            f"      Integrity: {sealed.length} octets, sequence {sealed.sequence}, "
            f"checksum {sealed.checksum.hex()}"
        )
    for values in operation_values(body):
        name = values.pop("op")
        if body.version != 3:
            yield f"      {name}"
        for key, value in values.items():
            yield from lines(value, key, "        ")
    if body.fault:
        yield f"      {printable(body.fault)}"
