"""What is kept of an RPC until its other half is found in the other capture."""

from __future__ import annotations

from ..fields.summary import protocol, status
from ..tracking.kinds import OpKind
from ..tracking.model import Exchange, Message, Side, called
from ..views.latency.latency import main_operation

Key = tuple[str, str, str, int, int]


class Brief:
    """An RPC of one capture. Times are those of its clock, in nanoseconds; 0 if not seen."""

    __slots__ = (
        "answered",
        "back",
        "call_frame",
        "call_length",
        "callback",
        "called",
        "connection",
        "destination",
        "first_data",
        "fits",
        "forth",
        "keys",
        "last_data",
        "operation",
        "path",
        "protocol",
        "reply_frame",
        "reply_length",
        "sent",
        "source",
        "status",
    )

    def __init__(self, exchange: Exchange, fits: bool) -> None:
        call, reply = exchange.call, exchange.reply
        self.fits = fits
        """Whether it is what a filter wants."""
        self.connection = exchange.requester.connection.number
        self.source = exchange.requester.address
        self.destination = called(exchange)
        self.callback = exchange.callback
        self.protocol = protocol(exchange)
        self.operation = main_operation(exchange)
        self.status = status(exchange)
        self.path = exchange.paths[0] if exchange.paths else ""
        self.call_frame = call.frame if call is not None else 0
        self.reply_frame = reply.frame if reply is not None else 0
        self.call_length = call.length if call is not None else -1
        self.reply_length = reply.length if reply is not None else -1
        self.sent = call.first_time_ns if call is not None else 0
        """When the first packet of the call was seen."""
        self.called = call.time_ns if call is not None else 0
        """When its last packet was."""
        self.answered = reply.time_ns if reply is not None else 0
        ops = exchange.operations
        self.first_data = min((op.time_ns for op in ops), default=0)
        """When the first packet of an RDMA operation was seen: of a READ its request."""
        self.last_data = max((op.last_time_ns for op in ops), default=0)
        self.forth = _packets(call)
        """Packets that the requester sent for it, each time that they were sent."""
        self.back = _packets(reply)
        for op in ops:
            if op.kind == OpKind.WRITE:
                self.back += op.packets + op.resent
            else:
                self.forth += op.packets + op.resent
                self.back += 1 + len(op.retries)
        self.keys = tuple(_keys(exchange))

    @property
    def latency(self) -> int | None:
        """From the call's first packet to the reply's last one, if both were seen."""
        if not self.call_frame or not self.reply_frame:
            return None
        return max(0, self.answered - self.sent)

    @property
    def frames(self) -> str:
        """The frames of call and reply: ``12>14``."""
        return f"{self.call_frame or '?'}>{self.reply_frame or '?'}"

    def __str__(self) -> str:
        """Return it in words, without its frames."""
        words = f"{self.source or '?'} -> {self.destination or '?'} {self.protocol}"
        words += f" {self.operation} {self.status}"
        return f"{words} {self.path}" if self.path else words


def _packets(message: Message | None) -> int:
    return message.packets + message.resent if message is not None else 0


def _keys(exchange: Exchange) -> list[Key]:
    """Return what it may be known by in another capture: by its call, and by its reply.

    An XID is unique among the calls in progress of one connection. A connection is known by what
    every packet of it has: addresses, and the receiver's queue pair or the requester's port.
    """
    found: list[Key] = []
    source, destination = exchange.requester.address, called(exchange)
    for kind, message in (("call", exchange.call), ("reply", exchange.reply)):
        if message is not None:
            number = _number(message.side, exchange.requester)
            found.append((kind, source, destination, number, exchange.xid))
    return found


def _number(sender: Side, requester: Side) -> int:
    return sender.flow.qpn if sender.flow is not None else requester.port
