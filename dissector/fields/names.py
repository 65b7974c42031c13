"""Every field that a display filter may ask for, and what kind of value it has.

The names are those that ``fields`` and ``nfs3`` give, and what ``derived`` adds; a test decodes
the whole corpus and looks whether one is missing here.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

from . import fields, nfs3, sideband
from .derived import DERIVED


class FieldKind(Enum):
    """What a field may be compared with."""

    NUMBER = "number"
    TEXT = "text"
    OCTETS = "octets"
    ADDRESS = "address"
    PROTOCOL = "protocol"
    ANY = "value"
    """A number or a text; which, depends on the program."""


_NUMBERS = """
frame.number frame.time_epoch
infiniband.bth.destqp infiniband.bth.psn infiniband.ieth infiniband.mad.transactionid
rpcordma.xid rpcordma.version rpcordma.flow_control rpcordma.msg_type rpcordma.errcode
rpcordma.vers_low rpcordma.vers_high rpcordma.reads_count rpcordma.writes_count
rpcordma.reply_count rpcordma.position rpcordma.segment_count rpcordma.rdma_handle
rpcordma.rdma_length rpcordma.rdma_offset
rpc.xid rpc.msgtyp rpc.repframe rpc.reqframe rpc.time rpc.version rpc.program rpc.programversion
rpc.procedure rpc.auth.flavor rpc.auth.stamp rpc.auth.uid rpc.auth.gid rpc.authgss.version
rpc.authgss.procedure rpc.authgss.seqnum rpc.authgss.service rpc.replystat rpc.state_accept
rpc.state_reject rpc.state_auth
nfs.procedure_v4 nfs.minorversion nfs.nfsstat4 nfs.status nfs.ops.count nfs.opcode
nfs.cb.operation nfs.main_opcode nfs.stateid.seqid nfs.fh.hash nfs.read.data_length
nfs.write.data_length
nfsrdma.exchange nfsrdma.connection nfsrdma.length nfsrdma.resent nfsrdma.ack_frame
nfsrdma.ack_time nfsrdma.read_octets nfsrdma.write_octets nfsrdma.reply_octets nfsrdma.octets
"""
_TEXTS = """
nfs.name nfs.path nfs.tag nfs.symlink.to nfs.readlink.data rpc.auth.machinename mount.path
mount.dump.hostname mount.dump.directory mount.export.group mount.export.directory
nfs.readdir.entry3.name nfs.readdirplus.entry.name
nfsrdma.tunnel nfsrdma.status nfsrdma.operations nfsrdma.finding nfsrdma.severity nfsrdma.text
nfsrdma.cm
"""
_OCTETS = """
nfs.session_id4 nfs.stateid.other nfs.fhandle nfs.verifier rpc.authgss.context
"""
_ADDRESSES = "ip.src ip.dst ip.addr ipv6.src ipv6.dst ipv6.addr"


@cache
def known() -> dict[str, FieldKind]:
    """Return name -> kind, in alphabetical order."""
    found = dict.fromkeys(fields.names(), FieldKind.NUMBER)
    found |= dict.fromkeys(_NUMBERS.split(), FieldKind.NUMBER)
    found |= dict.fromkeys(nfs3.names(), FieldKind.NUMBER)
    found |= dict.fromkeys(sideband.FIELDS.values(), FieldKind.ANY)
    found |= dict.fromkeys(
        (name for name, row in DERIVED.items() if row.protocol), FieldKind.PROTOCOL
    )
    found |= dict.fromkeys(
        (name for name, row in DERIVED.items() if not row.protocol), FieldKind.NUMBER
    )
    for kind, names in (
        (FieldKind.TEXT, _TEXTS), (FieldKind.OCTETS, _OCTETS), (FieldKind.ADDRESS, _ADDRESSES),
    ):  # fmt: skip
        found |= dict.fromkeys(names.split(), kind)
    return dict(sorted(found.items()))
