"""The fields of a message under the names that Wireshark gives them.

One flat dictionary for each message, whose values are numbers and strings, or lists where a field
may be there several times; numbers are numbers, also those that Wireshark prints in hexadecimal.
What Wireshark has no name for begins with ``nfsrdma.``, but for ``nfs.path``.
A call has ``rpc.repframe``, where its reply is, and a reply ``rpc.reqframe``: Wireshark says so of
these names, and then uses each for the other. Where its habits count, ``derived`` swaps them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any

from nfsrdma.rpcrdma.roce.wire.psn import wrap
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import AUTH_ERROR, RPC_MISMATCH
from nfsrdma.xdr.runtime import Struct, Union

from ..base.finding import Finding
from ..base.text import text
from ..messages.body import Body
from ..messages.decoder import Placed
from ..messages.gss import control_of
from ..messages.rpcrdma import ERR_VERS, ERROR, TransportHeader
from ..tracking.kinds import Transport
from ..tracking.model import Exchange, Message
from . import summary
from .nfs3 import procedure_fields
from .tunnels import tunnel_fields
from .values import plain

Fields = dict[str, Any]

_NAMES: dict[str, str] = {
    "offset": "nfs.offset4",
    "count": "nfs.count4",
    "objname": "nfs.name",
    "target": "nfs.name",
    "oldname": "nfs.name",
    "newname": "nfs.name",
    "name": "nfs.name",
    "file": "nfs.name",
    "sa_sessionid": "nfs.session_id4",
    "sr_sessionid": "nfs.session_id4",
    "csa_sessionid": "nfs.session_id4",
    "csr_sessionid": "nfs.session_id4",
    "dsa_sessionid": "nfs.session_id4",
    "bctsa_sessid": "nfs.session_id4",
    "bctsr_sessid": "nfs.session_id4",
    "sa_slotid": "nfs.slotid",
    "sr_slotid": "nfs.slotid",
    "csa_slotid": "nfs.slotid",
    "csr_slotid": "nfs.slotid",
    "sa_sequenceid": "nfs.seqid",
    "sr_sequenceid": "nfs.seqid",
    "csa_sequenceid": "nfs.seqid",
    "csr_sequenceid": "nfs.seqid",
    "sa_highest_slotid": "nfs.high_slotid",
    "sr_highest_slotid": "nfs.high_slotid",
    "sr_target_highest_slotid": "nfs.target_high_slotid",
    "csa_highest_slotid": "nfs.high_slotid",
    "csr_highest_slotid": "nfs.high_slotid",
    "csr_target_highest_slotid": "nfs.target_high_slotid",
    "sa_cachethis": "nfs.cachethis4",
    "csa_cachethis": "nfs.cachethis4",
    "clientid": "nfs.clientid",
    "eof": "nfs.eof",
    "stable": "nfs.stable_how4",
    "cookie": "nfs.cookie4",
    "maxcount": "nfs.maxcount",
    "other": "nfs.stateid.other",
    "object": "nfs.fhandle",
    "fh": "nfs.fhandle",
    **dict.fromkeys(("lor_fh", "cna_fh", "cnla_fh", "coa_fh", "cpda_fh"), "nfs.fhandle"),
    **dict.fromkeys(
        (
            "sa_offset",
            "sr_offset",
            "aa_offset",
            "da_offset",
            "ca_src_offset",
            "ca_dst_offset",
            "cl_src_offset",
            "cl_dst_offset",
            "iaa_offset",
            "rpa_offset",
        ),
        "nfs.offset4",
    ),
}
"""Members' names in the RFCs -> Wireshark's field names."""
_HANDLES = frozenset(member for member, name in _NAMES.items() if name == "nfs.fhandle")
_MAX_DEPTH = 12
_MAX_LINKED = 20_000
"""Entries of a directory whose fields are shown."""
_LEAVES = (int, bytes)


def names() -> Iterable[str]:
    """Return the fields that members of operations have."""
    return _NAMES.values()


def address_fields(source: str, destination: str) -> Fields:
    """Return the addresses as fields, of either version of IP."""
    family = "ipv6" if ":" in source or ":" in destination else "ip"
    return {f"{family}.src": source, f"{family}.dst": destination}


def add(fields: Fields, name: str, value: Any) -> None:
    """Set a field, or make a list of it if it is there already."""
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def message_fields(exchange: Exchange, message: Message) -> Fields:
    """Return all fields of an exchange's call or reply."""
    is_call = message is exchange.call
    side = message.side
    fields: Fields = {"frame.number": message.frame, "frame.time_epoch": message.time_ns / 1e9}
    fields |= address_fields(side.address, side.towards)
    if side.connection.tunnels:
        fields["nfsrdma.tunnel"] = list(side.connection.tunnels)
        fields.update(tunnel_fields(side.connection.tunnels))
    if side.connection.transport in (Transport.ROCE_V2, Transport.ROCE_V1, Transport.INFINIBAND):
        if side.flow is not None:
            fields["infiniband.bth.destqp"] = side.flow.qpn
        fields["infiniband.bth.psn"] = wrap(message.end - 1)
        if message.invalidated is not None:
            fields["infiniband.ieth"] = message.invalidated
    header = exchange.call_header if is_call else exchange.reply_header
    if header is not None:
        _transport(fields, header)
    if is_call:
        _call(fields, exchange)
    else:
        _reply(fields, exchange)
    body = exchange.call_body if is_call else exchange.reply_body
    if body is not None:
        _body(fields, body, exchange)
    _own(fields, exchange, message)
    return fields


def _transport(fields: Fields, header: TransportHeader) -> None:
    fields["rpcordma.xid"] = header.xid
    fields["rpcordma.version"] = header.version
    fields["rpcordma.flow_control"] = header.credits
    fields["rpcordma.msg_type"] = header.proc
    if header.proc == ERROR:
        fields["rpcordma.errcode"] = header.error
        if header.error == ERR_VERS:
            fields["rpcordma.vers_low"], fields["rpcordma.vers_high"] = header.low, header.high
        return
    if header.version != 1:
        return
    fields["rpcordma.reads_count"] = len(header.reads)
    fields["rpcordma.writes_count"] = len(header.writes)
    fields["rpcordma.reply_count"] = int(header.reply is not None)
    for entry in header.reads:
        add(fields, "rpcordma.position", entry.position)
        _segment(fields, *entry[1:])
    for segments in (*header.writes, *([header.reply] if header.reply is not None else ())):
        add(fields, "rpcordma.segment_count", len(segments))
        for segment in segments:
            _segment(fields, *segment)


def _segment(fields: Fields, handle: int, length: int, offset: int) -> None:
    add(fields, "rpcordma.rdma_handle", handle)
    add(fields, "rpcordma.rdma_length", length)
    add(fields, "rpcordma.rdma_offset", offset)


def _call(fields: Fields, exchange: Exchange) -> None:
    fields["rpc.xid"], fields["rpc.msgtyp"] = exchange.xid, 0
    if exchange.reply is not None:
        fields["rpc.repframe"] = exchange.reply.frame
    call = exchange.call_rpc
    if call is None:
        return
    if call.program >= 0:
        fields["rpc.version"] = call.rpc_version
        fields["rpc.program"], fields["rpc.programversion"] = call.program, call.version
        fields["rpc.procedure"] = call.procedure
    if call.flavor >= 0:
        fields["rpc.auth.flavor"] = call.flavor
    sys = call.sys()
    if sys is not None:
        fields["rpc.auth.stamp"] = sys.stamp
        fields["rpc.auth.machinename"] = text(sys.machinename)
        fields["rpc.auth.uid"] = sys.uid
        fields["rpc.auth.gid"] = [sys.gid, *sys.gids] if sys.gids else sys.gid
    gss = call.gss
    if gss is not None:
        fields["rpc.authgss.version"] = gss.version
        fields["rpc.authgss.procedure"] = gss.procedure
        fields["rpc.authgss.seqnum"] = gss.sequence
        fields["rpc.authgss.service"] = gss.service
        fields["rpc.authgss.context"] = gss.handle.hex()


def _reply(fields: Fields, exchange: Exchange) -> None:
    fields["rpc.xid"], fields["rpc.msgtyp"] = exchange.xid, 1
    if exchange.call is not None:
        fields["rpc.reqframe"] = exchange.call.frame
        if exchange.latency_ns is not None:
            fields["rpc.time"] = exchange.latency_ns / 1e9
    call = exchange.call_rpc
    if call is not None and not call.fault:
        fields["rpc.program"], fields["rpc.programversion"] = call.program, call.version
        fields["rpc.procedure"] = call.procedure
    reply = exchange.reply_rpc
    if reply is None:
        return
    if reply.stat < 0 and reply.accepted:
        return  # cut before it
    fields["rpc.replystat"] = int(not reply.accepted)
    if reply.accepted:
        fields["rpc.state_accept"] = reply.stat
    elif reply.stat < 0:
        fields["rpc.state_reject"] = RPC_MISMATCH
    else:
        fields["rpc.state_reject"], fields["rpc.state_auth"] = AUTH_ERROR, reply.stat


def _body(fields: Fields, body: Body, exchange: Exchange) -> None:
    if not body.kind:
        return
    call = exchange.call_rpc
    if body.version == 3:
        if call is not None and control_of(call.gss) is not None:
            fields[f"nfs.procedure_v{call.version}"] = call.procedure
        elif call is not None:
            procedure_fields(fields, body, call, add)
        return
    if not body.callback and call is not None and call.procedure >= 0:
        fields["nfs.procedure_v4"] = call.procedure
    if not body.operations and body.status < 0:
        return
    if body.minor >= 0:
        fields["nfs.minorversion"] = body.minor
    fields["nfs.tag"] = text(body.tag)
    if body.status >= 0:
        add(fields, "nfs.nfsstat4", body.status)
        fields["nfs.status"] = body.status
    fields["nfs.ops.count"] = body.total
    name = "nfs.cb.operation" if body.callback else "nfs.opcode"
    framing = summary.CALLBACK_FRAMING if body.callback else summary.FRAMING
    for op in body.operations:
        add(fields, name, op.number)
        if op.number not in framing:
            add(fields, "nfs.main_opcode", op.number)
        if op.value is None:
            continue
        if body.status >= 0:
            status = getattr(op.value, op.value.__slots__[0], None)
            if isinstance(status, int):
                add(fields, "nfs.nfsstat4", status)
        special = _SPECIAL.get(op.number)
        if special is not None:
            special(fields, op.value)
        _members(fields, op.value, 0)


_PLANS: dict[type, tuple[tuple[str, str | None], ...] | None] = {}
"""The members of each structure that there was, with their fields; none of what is no structure."""


def _plan(kind: type) -> tuple[tuple[str, str | None], ...] | None:
    if issubclass(kind, Union):
        return None
    slots = kind.__slots__ if issubclass(kind, Struct) else ()
    return tuple((member, _NAMES.get(member)) for member in slots)


def _members(fields: Fields, value: Any, depth: int) -> None:
    """Add the members of an operation that have a field of their own."""
    if depth > _MAX_DEPTH:
        return
    for _ in range(_MAX_LINKED):
        value = _own_members(fields, value, depth)
        if value is None:
            return


def _own_members(fields: Fields, value: Any, depth: int) -> Any:
    """Do so for one structure, and return the one that is linked behind it."""
    kind = type(value)
    if kind not in _PLANS:
        _PLANS[kind] = _plan(kind)
    plan = _PLANS[kind]
    if plan is None:
        _members(fields, getattr(value, "value"), depth + 1)  # noqa: B009
        return None
    following = None
    if kind is t.stateid4:
        add(fields, "nfs.stateid.seqid", value.seqid)
    for member, name in plan:
        item = getattr(value, member)
        if type(item) is int:
            if name is not None:
                add(fields, name, item)
        elif name is not None and isinstance(item, _LEAVES):
            add(fields, name, plain(item, member))
            if member in _HANDLES and isinstance(item, bytes):
                add(fields, "nfs.fh.hash", zlib.crc32(item))
        elif member == "nextentry":
            following = item  # a directory may be longer than any depth
        elif type(item) is not t.fattr4:
            _members(fields, item, depth + 1)
    return following


def _length(name: str) -> Callable[[Fields, Any], None]:
    def put(fields: Fields, value: Any) -> None:
        arm = getattr(value, "value", value)
        data = getattr(arm, "data", None)
        if isinstance(data, bytes | memoryview | Placed):
            add(fields, name, len(data))

    return put


_SPECIAL: dict[int, Callable[[Fields, Any], None]] = {
    int(t.OP_READ): _length("nfs.read.data_length"),
    int(t.OP_WRITE): _length("nfs.write.data_length"),
}


def _own(fields: Fields, exchange: Exchange, message: Message) -> None:
    fields["nfsrdma.exchange"] = exchange.number
    fields["nfsrdma.connection"] = message.side.connection.number
    fields["nfsrdma.status"] = summary.status(exchange)
    fields["nfsrdma.operations"] = summary.operations(exchange, False)
    if exchange.paths:
        fields["nfs.path"] = exchange.paths[0] if len(exchange.paths) == 1 else list(exchange.paths)
    fields["nfsrdma.length"] = message.length
    if message.resent:
        fields["nfsrdma.resent"] = message.resent
    if message.ack_frame:
        fields["nfsrdma.ack_frame"] = message.ack_frame
        fields["nfsrdma.ack_time"] = (message.ack_time_ns - message.time_ns) / 1e9
    if message is (exchange.reply or exchange.call):
        for chunk in exchange.chunks:
            add(fields, f"nfsrdma.{chunk.kind}_octets", chunk.used_octets)
    for finding in exchange.findings:
        if finding.frame == message.frame:
            add(fields, "nfsrdma.finding", finding.rule)


def finding_fields(finding: Finding) -> Fields:
    """Return a finding as a record of its own."""
    fields: Fields = {
        "frame.number": finding.frame,
        "nfsrdma.finding": finding.rule,
        "nfsrdma.severity": finding.severity.name.lower(),
        "nfsrdma.text": finding.text,
    }
    if finding.octets is not None:
        fields["nfsrdma.octets"] = list(finding.octets)
    return fields


def operation_values(body: Body) -> list[dict[str, Any]]:
    """Return all operations of a compound with everything in them, as JSON can hold it."""
    return [
        {"op": name, **_flattened(plain(op.value))}
        for name, op in zip(body.names(), body.operations, strict=True)
    ]


def _flattened(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"value": value}
