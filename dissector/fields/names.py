"""Every field that a display filter may ask for, and its type.

The names are those that ``fields`` and ``nfs3`` give, and what ``derived`` adds; a test decodes
the whole corpus and looks whether one is missing here. The types are Wireshark's
(``wireshark_table``), of our own fields ours.
"""

from __future__ import annotations

from functools import cache

from . import cm, fields, nfs3, sideband, tunnels
from .derived import DERIVED, derived_names
from .kinds import OWN, FieldKind, FieldType, wireshark_fields

_NAMES = """
frame.number frame.time_epoch infiniband.bth.destqp infiniband.bth.psn infiniband.ieth
infiniband.mad.transactionid rpcordma.xid rpcordma.version rpcordma.flow_control rpcordma.msg_type
rpcordma.errcode rpcordma.vers_low rpcordma.vers_high rpcordma.reads_count rpcordma.writes_count
rpcordma.reply_count rpcordma.position rpcordma.segment_count rpcordma.rdma_handle
rpcordma.rdma_length rpcordma.rdma_offset rpc.xid rpc.msgtyp rpc.repframe rpc.reqframe rpc.time
rpc.version rpc.program rpc.programversion rpc.procedure rpc.auth.flavor rpc.auth.stamp
rpc.auth.uid rpc.auth.gid rpc.authgss.version rpc.authgss.procedure rpc.authgss.seqnum
rpc.authgss.service rpc.replystat rpc.state_accept rpc.state_reject rpc.state_auth
nfs.procedure_v4 nfs.minorversion nfs.nfsstat4 nfs.status nfs.ops.count nfs.opcode
nfs.cb.operation nfs.main_opcode nfs.stateid.seqid nfs.fh.hash nfs.read.data_length
nfs.write.data_length nfs.name nfs.tag nfs.symlink.to nfs.readlink.data rpc.auth.machinename
mount.path mount.dump.hostname mount.dump.directory mount.export.group mount.export.directory
nfs.readdir.entry3.name nfs.readdirplus.entry.name nfs.session_id4 nfs.stateid.other nfs.fhandle
nfs.verifier rpc.authgss.context ip.src ip.dst ip.addr ipv6.src ipv6.dst ipv6.addr
"""
_OWN_NUMBERS = """
nfsrdma.exchange nfsrdma.connection nfsrdma.length nfsrdma.resent nfsrdma.ack_frame
nfsrdma.read_octets nfsrdma.write_octets nfsrdma.reply_octets nfsrdma.octets
"""
_OWN_SECONDS = "nfsrdma.ack_time"
_OWN_TEXTS = """
nfs.path nfsrdma.tunnel nfsrdma.status nfsrdma.operations nfsrdma.finding nfsrdma.severity
nfsrdma.text nfsrdma.cm
"""


@cache
def known() -> dict[str, FieldType]:
    """Return name -> type, in alphabetical order."""
    theirs = wireshark_fields()
    names = {
        *_NAMES.split(), *fields.names(), *nfs3.names(), *sideband.FIELDS.values(),
        *derived_names(),
        *cm.NAMES,
        *tunnels.NAMES,
    }  # fmt: skip
    found = {name: theirs.get(name, OWN[FieldKind.NUMBER]) for name in names}
    for kind, own in (
        (FieldKind.NUMBER, _OWN_NUMBERS),
        (FieldKind.SECONDS, _OWN_SECONDS),
        (FieldKind.TEXT, _OWN_TEXTS),
    ):
        found |= dict.fromkeys(own.split(), OWN[kind])
    for name, row in DERIVED.items():
        if row.protocol:
            found[name] = OWN[FieldKind.PROTOCOL]
    return dict(sorted(found.items()))
