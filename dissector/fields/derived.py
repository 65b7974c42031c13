"""Fields that only a filter asks for: protocols, and what is made of other fields.

They are worked out when a filter names them and are in no JSON, so they cost nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Kind, Position

from ..tracking.events import Events
from ..tracking.kinds import Transport
from ..tracking.model import CmEvent, Exchange, Message
from . import company, gss, nfs4, rdma, rpc
from .cm import cm_fields
from .fields import Fields, add, address_fields, message_fields
from .headers import KEPT, header_fields, headers_of
from .headers import NAMES as _HEADERS

_INFINIBAND = frozenset((Transport.ROCE_V2, Transport.ROCE_V1, Transport.INFINIBAND))
_WITHOUT_IP = frozenset((Transport.ROCE_V1, Transport.INFINIBAND))
_ROCE_PORT = 4791
_SWAPPED = (("rpc.repframe", "rpc.reqframe"), ("rpc.reqframe", "rpc.repframe"))
"""What names a frame -> how Wireshark calls it."""
_NFS, _CALLBACK = 100003, 0x40000000
_SENDS = {
    (row.position, row.headers): code for code, row in OPCODES.items() if row.kind == Kind.SEND
}
"""The opcodes of SENDs, by position and by the header that follows."""


class Asked(NamedTuple):
    """What a derived field is worked out from."""

    fields: Fields
    exchange: Exchange | None
    message: Message | None
    transport: Transport
    ethernet: bool
    time: int
    began: int
    """When frame 1 was."""


class Derived(NamedTuple):
    """How a derived field is worked out."""

    value: Callable[[Asked], Any]
    """``None`` where the field is not there."""
    protocol: bool = False


def _there(test: Callable[[Asked], bool]) -> Derived:
    return Derived(lambda asked: test(asked) or None, protocol=True)


def _ip(family: str) -> Callable[[Asked], bool]:
    """Return the test for an IP version: without IP, other addresses have its fields."""
    source = f"{family}.src"
    return lambda asked: source in asked.fields and asked.transport not in _WITHOUT_IP


def _has_rpc(asked: Asked) -> bool:
    exchange = asked.exchange
    if exchange is None:
        return False
    return (exchange.call_rpc if asked.message is exchange.call else exchange.reply_rpc) is not None


def _program(asked: Asked) -> int:
    """Return the program of an RPC, by its call, or by what its reply was decoded as."""
    exchange = asked.exchange
    if exchange is None or not _has_rpc(asked):
        return 0
    if exchange.call_rpc is not None:
        return exchange.call_rpc.program
    body = exchange.reply_body
    if body is None or not body.kind.endswith("COMPOUND"):
        return 0
    return _CALLBACK if body.callback else _NFS


def _addresses(family: str) -> Derived:
    def both(asked: Asked) -> list[str] | None:
        ends = [asked.fields.get(f"{family}.{end}") for end in ("src", "dst")]
        return [end for end in ends if end] or None

    return Derived(both)


def _ports(asked: Asked, kinds: tuple[Transport, ...]) -> tuple[int, int] | None:
    """Return source and destination port, as far as they are known."""
    transport, message = asked.transport, asked.message
    if transport not in kinds:
        return None
    if message is None:
        return 0, _ROCE_PORT
    side = message.side
    if transport == Transport.ROCE_V2:
        return side.flow.source_port if side.flow is not None else 0, _ROCE_PORT
    return side.port, side.peer.port if side.peer is not None else 0


_UDP = (Transport.ROCE_V2, Transport.UDP)
_TCP = (Transport.TCP, Transport.IWARP)


def _port(kinds: tuple[Transport, ...], *ends: int) -> Derived:
    def ports(asked: Asked) -> list[int] | None:
        pair = _ports(asked, kinds)
        return [pair[end] for end in ends if pair[end]] if pair is not None else None

    return Derived(ports)


def _opcode(asked: Asked) -> int | None:
    """Return the opcode of the packet with which a message ended."""
    message = asked.message
    if message is None or asked.transport not in _INFINIBAND:
        return None
    position = Position.LAST if message.end - message.sequence > 1 else Position.ONLY
    if message.invalidated is not None:
        return _SENDS[position, ("IETH",)]
    return _SENDS[position, ("ImmDt",) if message.immediate is not None else ()]


def _protocols(asked: Asked) -> str | None:
    """Return the protocols of a frame as Wireshark lists them; without tags and tunnels."""
    if asked.exchange is None:
        return None
    names = ["eth:ethertype"] if asked.ethernet else []
    names += [family for family in ("ip", "ipv6") if _ip(family)(asked)]
    names += ["udp"] if asked.transport in _UDP else []
    names += ["tcp"] if asked.transport in _TCP else []
    names += ["iwarp_mpa:iwarp_ddp_rdmap"] if asked.transport == Transport.IWARP else []
    names += ["infiniband"] if asked.transport in _INFINIBAND else []
    names += ["rpcordma"] if "rpcordma.xid" in asked.fields else []
    names += ["rpc"] if _has_rpc(asked) else []
    spoken = _program(asked) == _NFS and _spoken(asked.exchange)
    return ":".join(names + (["nfs"] if spoken else []))


def _spoken(exchange: Exchange | None) -> bool:
    """Return whether there is more than an RPC header."""
    body = None if exchange is None else exchange.call_body or exchange.reply_body
    return body is not None and bool(body.operations)


DERIVED: dict[str, Derived] = {
    "frame": _there(lambda asked: True),
    "eth": _there(lambda asked: asked.ethernet),
    "ip": _there(_ip("ip")),
    "ipv6": _there(_ip("ipv6")),
    "udp": _there(lambda asked: asked.transport in _UDP),
    "tcp": _there(lambda asked: asked.transport in _TCP),
    "infiniband": _there(lambda asked: asked.transport in _INFINIBAND),
    "rpcordma": _there(lambda asked: "rpcordma.xid" in asked.fields),
    "rpc": _there(_has_rpc),
    "nfs": _there(lambda asked: _program(asked) in (_NFS, 100227)),
    "nfs.cb": _there(lambda asked: _program(asked) == _CALLBACK),
    "nfsacl": _there(lambda asked: _program(asked) == 100227),
    "mount": _there(lambda asked: _program(asked) == 100005),
    "nlm": _there(lambda asked: _program(asked) == 100021),
    "stat": _there(lambda asked: _program(asked) == 100024),
    "rquota": _there(lambda asked: _program(asked) == 100011),
    "portmap": _there(lambda asked: _program(asked) == 100000),
    "ip.addr": _addresses("ip"),
    "ipv6.addr": _addresses("ipv6"),
    "udp.srcport": _port(_UDP, 0),
    "udp.dstport": _port(_UDP, 1),
    "udp.port": _port(_UDP, 0, 1),
    "tcp.srcport": _port(_TCP, 0),
    "tcp.dstport": _port(_TCP, 1),
    "tcp.port": _port(_TCP, 0, 1),
    "frame.time_relative": Derived(lambda asked: (asked.time - asked.began) / 1e9),
    "infiniband.bth.opcode": Derived(_opcode),
    "frame.protocols": Derived(_protocols),
}


_EACH = frozenset(("frame.time_relative",))
"""Derived fields that each message has for itself."""


@cache
def derived_names() -> frozenset[str]:
    """Return all fields that are worked out only when something asks for them."""
    return frozenset(
        (*_HEADERS, *nfs4.NAMES, *rpc.NAMES, *gss.NAMES, *rdma.NAMES, *company.NAMES,
         *DERIVED)
    )  # fmt: skip


def keep_for(events: Events, names: Iterable[str]) -> None:
    """Have kept what fields need that are not made of the message itself; before the pass."""
    if not _HEADERS.isdisjoint(names):
        events.heads.subscribe(_nothing)


def _nothing(message: Message) -> None:
    """Take note of nothing: that somebody subscribes is enough."""


Source = Callable[[Exchange, Message, Fields], Iterable[tuple[str, Any]]]


def _from_rpc(exchange: Exchange, message: Message, fields: Fields) -> Iterable[tuple[str, Any]]:
    return rpc.rpc_fields(exchange, message)


def _from_gss(exchange: Exchange, message: Message, fields: Fields) -> Iterable[tuple[str, Any]]:
    call = exchange.call_rpc
    return () if call is None or call.gss is None else gss.gss_fields(exchange, message)


def _from_rdma(exchange: Exchange, message: Message, fields: Fields) -> Iterable[tuple[str, Any]]:
    return rdma.rdma_fields(exchange, message)


def _from_body(exchange: Exchange, message: Message, fields: Fields) -> Iterable[tuple[str, Any]]:
    body = exchange.call_body if message is exchange.call else exchange.reply_body
    if body is None:
        return ()
    if body.version == 3:
        return tuple(company.detail_fields(fields))
    return nfs4.detail_fields(body)


_SOURCES: tuple[tuple[frozenset[str], Source], ...] = (
    (rpc.NAMES, _from_rpc),
    (gss.NAMES, _from_gss),
    (rdma.NAMES, _from_rdma),
    (company.NAMES | nfs4.NAMES, _from_body),
)


class _Plan(NamedTuple):
    """How the fields that something asks for are worked out."""

    derived: tuple[tuple[str, Callable[[Asked], Any]], ...]
    alike: tuple[tuple[str, Callable[[Asked], Any]], ...]
    """Of the derived ones, those that all messages of a kind and connection have alike."""
    kinds: dict[Any, Fields]
    """These fields, by kind."""
    headers: frozenset[str]
    sources: tuple[tuple[frozenset[str], Source], ...]


@lru_cache(64)
def _plan(names: frozenset[str]) -> _Plan:
    rows = [(name, DERIVED[name].value) for name in sorted(names & DERIVED.keys())]
    return _Plan(
        tuple(row for row in rows if row[0] in _EACH),
        tuple(row for row in rows if row[0] not in _EACH),
        {},
        names & _HEADERS,
        tuple((names & theirs, source) for theirs, source in _SOURCES if names & theirs),
    )


def _add(asked: Asked, names: Iterable[str]) -> Fields:
    plan = _plan(names if isinstance(names, frozenset) else frozenset(names))
    fields = asked.fields
    if plan.alike:
        fields.update(_alike(plan, asked))
    for name, value_of in plan.derived:
        value = value_of(asked)
        if value is not None:
            fields[name] = value
    message, exchange = asked.message, asked.exchange
    if message is None or exchange is None:
        return fields
    if plan.headers:
        found = header_fields(message)
        if len(plan.headers) < len(_HEADERS):
            found = {name: found[name] for name in found.keys() & plan.headers}
        fields.update(found)
    _detailed(fields, plan, exchange, message)
    return fields


def _as_wireshark(exchange: Exchange, message: Message) -> Fields:
    """Return the fields of a message with the frame of its other half as Wireshark names it.

    That of a call's reply is ``rpc.reqframe`` there, and that of a reply's call ``rpc.repframe``.
    """
    fields = message_fields(exchange, message)
    for name, others in _SWAPPED:
        if name in fields:
            fields[others] = fields.pop(name)
            break
    return fields


def parts_of_message(
    exchange: Exchange, message: Message, began: int
) -> tuple[Fields, list[Fields]]:
    """Return all fields of a message, derived ones too, in its own and in those that others share.

    The latter are dictionaries that are the same objects for all messages that have them, so that
    whoever keeps many messages need not look at each field of each. No field is in two of them.
    """
    plan, fields = _plan(derived_names()), _as_wireshark(exchange, message)
    connection = message.side.connection
    asked = Asked(
        fields, exchange, message, connection.transport, connection.ethernet, message.time_ns, began
    )
    headers = headers_of(message)
    shared = [*headers.shared, _alike(plan, asked, without_ports="udp.length" in headers.own)]
    for name, value_of in plan.derived:
        value = value_of(asked)
        if value is not None:
            fields[name] = value
    fields.update(headers.own)
    _detailed(fields, plan, exchange, message)
    return fields, shared


def _alike(plan: _Plan, asked: Asked, without_ports: bool = False) -> Fields:
    """Return the derived fields that all messages of one kind and connection have.

    ``without_ports`` leaves out those that a header has said.
    """
    fields, message, exchange = asked.fields, asked.message, asked.exchange
    family = "ipv6" if "ipv6.src" in fields else "ip"
    kind = (
        asked.transport, asked.ethernet, fields[f"{family}.src"], fields[f"{family}.dst"],
        _ports(asked, _UDP), _ports(asked, _TCP), _opcode(asked), "rpcordma.xid" in fields,
        _has_rpc(asked), _program(asked), _spoken(exchange), message is None,
        without_ports,
    )  # fmt: skip
    found = plan.kinds.get(kind)
    if found is None:
        if len(plan.kinds) >= KEPT:
            plan.kinds.clear()
        left = _HEADERS if without_ports else ()
        values = ((name, value_of(asked)) for name, value_of in plan.alike if name not in left)
        found = plan.kinds[kind] = {name: value for name, value in values if value is not None}
    return found


def _detailed(fields: Fields, plan: _Plan, exchange: Exchange, message: Message) -> None:
    for wanted, source in plan.sources:
        for name, value in source(exchange, message, fields):
            if name in wanted:
                add(fields, name, value)


def asked_of_message(
    exchange: Exchange, message: Message, names: Iterable[str], began: int
) -> Fields:
    """Return all fields of a message, and those of ``names`` that are derived."""
    fields = _as_wireshark(exchange, message)
    connection = message.side.connection
    asked = Asked(
        fields, exchange, message, connection.transport, connection.ethernet, message.time_ns, began
    )
    return _add(asked, names)


def asked_of_cm(event: CmEvent, names: Iterable[str], began: int) -> Fields:
    """Return the same for a message of the connection manager."""
    fields = {
        "frame.number": event.frame,
        "frame.time_epoch": event.time_ns / 1e9,
        **address_fields(event.source, event.destination),
        "infiniband.mad.transactionid": event.transaction,
        "nfsrdma.cm": event.name,
        "nfsrdma.text": event.summary,
    }
    if event.attribute:
        fields.update(cm_fields(event))
    asked = Asked(fields, None, None, event.transport, event.ethernet, event.time_ns, began)
    return _add(asked, names)
