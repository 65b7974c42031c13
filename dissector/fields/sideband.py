"""Wireshark's field names for the protocols beside NFS (see ``messages.sideband``)."""

from __future__ import annotations

from typing import Any, Final

from nfsrdma.xdr import rpcbind
from nfsrdma.xdr.nfs2 import nlm as nlm3
from nfsrdma.xdr.nfs2 import types as nfs2
from nfsrdma.xdr.nfs3 import nlm, sideband

_Fields = dict[tuple[type[Any], str], str]


def _alike(kinds: tuple[type[Any], ...], names: dict[str, str]) -> _Fields:
    """Return the fields of members that several types have."""
    return {
        (kind, member): name
        for kind in kinds
        for member, name in names.items()
        if member in kind.__slots__
    }


_NLM4: Final[_Fields] = _alike(
    (nlm.nlm4_lockargs, nlm.nlm4_cancargs, nlm.nlm4_testargs, nlm.nlm4_unlockargs, nlm.nlm4_res,
     nlm.nlm4_testres, nlm.nlm4_shareargs, nlm.nlm4_shareres, nlm.nlm4_lock, nlm.nlm4_holder,
     nlm3.nlm_lockargs, nlm3.nlm_cancargs, nlm3.nlm_testargs, nlm3.nlm_unlockargs, nlm3.nlm_res,
     nlm3.nlm_testres, nlm3.nlm_shareargs, nlm3.nlm_shareres, nlm3.nlm_lock, nlm3.nlm_holder),
    {
        "cookie": "nlm.cookie", "block": "nlm.block", "exclusive": "nlm.exclusive",
        "reclaim": "nlm.reclaim", "state": "nlm.state", "sequence": "nlm.sequence",
        "caller_name": "nlm.lock.caller_name", "fh": "nfs.fhandle", "oh": "nlm.lock.owner",
        "svid": "nlm.lock.svid", "uppid": "nlm.lock.svid",
    },
)  # fmt: skip
_NLM: Final[_Fields] = {
    **_NLM4,
    **_alike(
        (nlm.nlm4_lock, nlm.nlm4_holder),
        {"l_offset": "nlm.lock.l_offset64", "l_len": "nlm.lock.l_len64"},
    ),
    **_alike(
        (nlm3.nlm_lock, nlm3.nlm_holder),
        {"l_offset": "nlm.lock.l_offset", "l_len": "nlm.lock.l_len"},
    ),
    **_alike(
        (nlm.nlm4_share, nlm3.nlm_share),
        {"caller_name": "nlm.lock.caller_name", "fh": "nfs.fhandle", "oh": "nlm.lock.owner",
         "mode": "nlm.share.mode", "access": "nlm.share.access"},
    ),
    **_alike((nlm.nlm4_notify, nlm3.nlm_notify), {"name": "nlm.share.name", "state": "nlm.state"}),
}  # fmt: skip
_ACL: Final[_Fields] = {
    (sideband.acl_fh3, "data"): "nfs.fhandle",
    (sideband.GETXATTRDIR3args, "create"): "nfsacl.create",
    (sideband.acl_attr3, "attributes_follow"): "nfs.attributes_follow",
    **_alike(
        (sideband.secattr, sideband.GETACL3args, nfs2.secattr2, nfs2.GETACL2args),
        {"mask": "nfsacl.mask", "aclcnt": "nfsacl.aclcnt", "dfaclcnt": "nfsacl.dfaclcnt"},
    ),
    **_alike(
        (sideband.aclent, nfs2.aclent2),
        {"type": "nfsacl.aclent.type", "id": "nfsacl.aclent.uid", "perm": "nfsacl.aclent.perm"},
    ),
}
_MONITOR: Final[_Fields] = {
    (sideband.sm_name, "mon_name"): "stat.name",
    (sideband.mon_id, "mon_name"): "stat.mon_id.name",
    (sideband.my_id, "my_name"): "stat.my_id.hostname",
    (sideband.my_id, "my_prog"): "stat.my_id.prog",
    (sideband.my_id, "my_vers"): "stat.my_id.vers",
    (sideband.my_id, "my_proc"): "stat.my_id.proc",
    (sideband.mon, "priv"): "stat.priv",
    (sideband.sm_stat_res, "state"): "stat.stat_res.state",
    (sideband.sm_stat, "state"): "stat.state",
    (sideband.stat_chge, "mon_name"): "stat.mon_id.name",
    (sideband.stat_chge, "state"): "stat.state",
}
_QUOTA: Final[_Fields] = {
    **_alike(
        (sideband.getquota_args, sideband.ext_getquota_args),
        {"gqa_pathp": "rquota.pathp", "gqa_uid": "rquota.uid", "gqa_type": "rquota.type",
         "gqa_id": "rquota.id"},
    ),
    **_alike(
        (sideband.setquota_args, sideband.ext_setquota_args),
        {"sqa_pathp": "rquota.pathp", "sqa_type": "rquota.type", "sqa_id": "rquota.id"},
    ),
    **_alike(
        (sideband.rquota, sideband.sq_dqblk),
        {member: f"rquota.{member.removeprefix('rq_')}" for member in sideband.rquota.__slots__},
    ),
}  # fmt: skip
_BINDING: Final[_Fields] = {
    (rpcbind.mapping, "prog"): "portmap.prog",
    (rpcbind.mapping, "vers"): "portmap.version",
    (rpcbind.mapping, "prot"): "portmap.proto",
    (rpcbind.mapping, "port"): "portmap.port",
    (rpcbind.pmap_port, "port"): "portmap.port",
    (rpcbind.pmap_answer, "answer"): "portmap.answer",
    (rpcbind.rpcb, "r_prog"): "portmap.rpcb.prog",
    (rpcbind.rpcb, "r_vers"): "portmap.rpcb.version",
    (rpcbind.rpcb, "r_netid"): "portmap.rpcb.netid",
    (rpcbind.rpcb, "r_addr"): "portmap.rpcb.addr",
    (rpcbind.rpcb, "r_owner"): "portmap.rpcb.owner",
    (rpcbind.rpcb_uaddr, "uaddr"): "portmap.uaddr",
    **_alike(
        (rpcbind.call_args, rpcbind.rpcb_rmtcallargs),
        {"prog": "portmap.prog", "vers": "portmap.version", "proc": "portmap.proc",
         "args": "portmap.args"},
    ),
    (rpcbind.call_result, "port"): "portmap.port",
    (rpcbind.call_result, "res"): "portmap.result",
    (rpcbind.rpcb_rmtcallres, "addr"): "portmap.uaddr",
    (rpcbind.rpcb_rmtcallres, "results"): "portmap.result",
}  # fmt: skip
_NFS2: Final[_Fields] = {
    **{
        (nfs2.fattr, member): f"nfs.fattr.{member}"
        for member in ("nlink", "uid", "gid", "size", "blocksize", "rdev", "blocks", "fsid",
                       "fileid")
    },
    (nfs2.fattr, "type"): "nfs.ftype",
    (nfs2.fattr, "mode"): "nfs.mode",
    **_alike(
        (nfs2.fhandleargs, nfs2.diropargs, nfs2.diropok, nfs2.sattrargs, nfs2.readargs,
         nfs2.writeargs, nfs2.readdirargs, nfs2.linkargs, nfs2.GETACL2args, nfs2.SETACL2args,
         nfs2.ACCESS2args, nfs2.fhandleok),
        dict.fromkeys(("file", "dir", "from_", "directory"), "nfs.fhandle"),
    ),
    (nfs2.diropargs, "name"): "nfs.name",
    (nfs2.sattr, "mode"): "nfs.mode",
    (nfs2.sattr, "uid"): "nfs.fattr.uid",
    (nfs2.sattr, "gid"): "nfs.fattr.gid",
    (nfs2.sattr, "size"): "nfs.fattr.size",
    (nfs2.readargs, "offset"): "nfs.read.offset",
    (nfs2.readargs, "count"): "nfs.read.count",
    (nfs2.readargs, "totalcount"): "nfs.read.totalcount",
    (nfs2.writeargs, "beginoffset"): "nfs.write.beginoffset",
    (nfs2.writeargs, "offset"): "nfs.write.offset",
    (nfs2.writeargs, "totalcount"): "nfs.write.totalcount",
    (nfs2.readok, "data"): "nfs.read.data_length",
    (nfs2.writeargs, "data"): "nfs.write.data_length",
    (nfs2.symlinkargs, "target"): "nfs.symlink.to",
    (nfs2.readlinkok, "link"): "nfs.readlink.data",
    (nfs2.readdirargs, "cookie"): "nfs.readdir.cookie",
    (nfs2.readdirargs, "count"): "nfs.readdir.count",
    (nfs2.entry, "fileid"): "nfs.readdir.entry.fileid",
    (nfs2.entry, "name"): "nfs.readdir.entry.name",
    (nfs2.entry, "cookie"): "nfs.readdir.entry.cookie",
    (nfs2.readdirok, "eof"): "nfs.readdir.eof",
    **{(nfs2.statfsok, member): f"nfs.statfs.{member}" for member in nfs2.statfsok.__slots__},
    (nfs2.ACCESS2args, "access"): "nfs.access_check",
    (nfs2.ACCESS2resok, "access"): "nfs.access_rights",
    (nfs2.fhstatus, "status"): "mount.status",
    **{
        (nfs2.ppathcnf, member): f"mount.pathconf.{name}"
        for member, name in (
            ("pc_link_max", "link_max"), ("pc_max_canon", "max_canon"),
            ("pc_max_input", "max_input"), ("pc_name_max", "name_max"),
            ("pc_path_max", "path_max"), ("pc_pipe_buf", "pipe_buf"),
            ("pc_vdisable", "vdisable_char"),
        )
    },
}  # fmt: skip

FIELDS: Final[_Fields] = {**_NLM, **_ACL, **_MONITOR, **_QUOTA, **_BINDING, **_NFS2}
"""Type and member -> field."""
