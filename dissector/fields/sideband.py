"""Wireshark's field names for the protocols beside NFS version 3 (see ``messages.sideband``)."""

from __future__ import annotations

from typing import Any, Final

from nfsrdma.xdr.nfs3 import nlm, sideband

FIELDS: Final[dict[tuple[type[Any], str], str]] = {
    (sideband.acl_fh3, "data"): "nfs.fhandle",
    (sideband.secattr, "mask"): "nfsacl.mask",
    (sideband.GETACL3args, "mask"): "nfsacl.mask",
    (sideband.secattr, "aclcnt"): "nfsacl.aclcnt",
    (sideband.secattr, "dfaclcnt"): "nfsacl.dfaclcnt",
    (nlm.nlm4_lock, "caller_name"): "nlm.lock.caller_name",
    (nlm.nlm4_lock, "fh"): "nfs.fhandle",
    (nlm.nlm4_lock, "svid"): "nlm.lock.svid",
    (nlm.nlm4_lock, "l_offset"): "nlm.lock.l_offset64",
    (nlm.nlm4_lock, "l_len"): "nlm.lock.l_len64",
    (nlm.nlm4_lockargs, "block"): "nlm.block",
    (nlm.nlm4_lockargs, "exclusive"): "nlm.exclusive",
    (nlm.nlm4_lockargs, "reclaim"): "nlm.reclaim",
    (nlm.nlm4_testargs, "exclusive"): "nlm.exclusive",
    (nlm.nlm4_holder, "exclusive"): "nlm.exclusive",
    (nlm.nlm4_holder, "l_offset"): "nlm.lock.l_offset64",
    (nlm.nlm4_holder, "l_len"): "nlm.lock.l_len64",
    (sideband.sm_name, "mon_name"): "stat.name",
    (sideband.mon_id, "mon_name"): "stat.mon_id.name",
    (sideband.sm_stat_res, "state"): "stat.stat_res.state",
    (sideband.getquota_args, "gqa_pathp"): "rquota.pathp",
    (sideband.getquota_args, "gqa_uid"): "rquota.uid",
    (sideband.ext_getquota_args, "gqa_pathp"): "rquota.pathp",
    (sideband.ext_getquota_args, "gqa_type"): "rquota.type",
    (sideband.ext_getquota_args, "gqa_id"): "rquota.id",
}
"""Type and member -> field."""
