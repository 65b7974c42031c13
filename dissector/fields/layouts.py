"""Wireshark's field names for pNFS: layouts, devices, what is returned and reported of them.

Types and members are those of RFC 8881, Sections 13, 18.40 to 18.44 (files), RFC 8435 (flexible
files), RFC 5663 (blocks), RFC 8154 (SCSI) and RFC 7862, Sections 15.6 and 15.7.
"""

from __future__ import annotations

from typing import Any, Final

from nfsrdma.xdr.nfs4 import types as t

MEMBERS: Final[dict[tuple[type[Any], str], str]] = {
    (t.netaddr4, "na_r_netid"): "nfs.r_netid",
    (t.netaddr4, "na_r_addr"): "nfs.r_addr",
    (t.layout4, "lo_offset"): "nfs.offset4",
    (t.layout4, "lo_length"): "nfs.length4",
    (t.layout4, "lo_iomode"): "nfs.iomode",
    (t.layout_content4, "loc_type"): "nfs.layouttype",
    (t.device_addr4, "da_layout_type"): "nfs.layouttype",
    (t.layoutupdate4, "lou_type"): "nfs.layouttype",
    (t.layoutupdate4, "lou_body"): "nfs.layoutupdate",
    (t.GETDEVICEINFO4args, "gdia_device_id"): "nfs.deviceid",
    (t.GETDEVICEINFO4args, "gdia_layout_type"): "nfs.layouttype",
    (t.GETDEVICEINFO4args, "gdia_maxcount"): "nfs.maxcount",
    (t.LAYOUTGET4args, "loga_signal_layout_avail"): "nfs.layoutavail",
    (t.LAYOUTGET4args, "loga_layout_type"): "nfs.layouttype",
    (t.LAYOUTGET4args, "loga_iomode"): "nfs.iomode",
    (t.LAYOUTGET4args, "loga_offset"): "nfs.offset4",
    (t.LAYOUTGET4args, "loga_length"): "nfs.length4",
    (t.LAYOUTGET4args, "loga_minlength"): "nfs.minlength4",
    (t.LAYOUTGET4args, "loga_maxcount"): "nfs.maxcount",
    (t.LAYOUTGET4resok, "logr_return_on_close"): "nfs.retclose4",
    (t.LAYOUTCOMMIT4args, "loca_offset"): "nfs.offset4",
    (t.LAYOUTCOMMIT4args, "loca_length"): "nfs.length4",
    (t.LAYOUTCOMMIT4args, "loca_reclaim"): "nfs.reclaim4",
    (t.newoffset4, "no_newoffset"): "nfs.newoffset",
    (t.newoffset4, "value"): "nfs.offset4",
    (t.newtime4, "nt_timechanged"): "nfs.newtime",
    (t.newsize4, "ns_sizechanged"): "nfs.newsize",
    (t.newsize4, "value"): "nfs.length4",
    (t.LAYOUTRETURN4args, "lora_reclaim"): "nfs.reclaim4",
    (t.LAYOUTRETURN4args, "lora_layout_type"): "nfs.layouttype",
    (t.LAYOUTRETURN4args, "lora_iomode"): "nfs.iomode",
    (t.layoutreturn4, "lr_returntype"): "nfs.returntype",
    (t.layoutreturn_file4, "lrf_offset"): "nfs.offset4",
    (t.layoutreturn_file4, "lrf_length"): "nfs.length4",
    (t.layoutreturn_stateid, "lrs_present"): "nfs.lrs_present",
    (t.LAYOUTSTATS4args, "lsa_offset"): "nfs.offset4",
    (t.LAYOUTSTATS4args, "lsa_length"): "nfs.length4",
    (t.LAYOUTSTATS4args, "lsa_deviceid"): "nfs.deviceid",
    (t.LAYOUTERROR4args, "lea_offset"): "nfs.offset4",
    (t.LAYOUTERROR4args, "lea_length"): "nfs.length4",
    (t.CB_LAYOUTRECALL4args, "clora_type"): "nfs.layouttype",
    (t.CB_LAYOUTRECALL4args, "clora_iomode"): "nfs.iomode",
    (t.CB_LAYOUTRECALL4args, "clora_changed"): "nfs.clorachanged",
    (t.layoutrecall4, "lor_recalltype"): "nfs.recalltype",
    (t.layoutrecall_file4, "lor_offset"): "nfs.offset4",
    (t.layoutrecall_file4, "lor_length"): "nfs.length4",
    (t.io_info4, "ii_count"): "nfs.io_count",
    (t.io_info4, "ii_bytes"): "nfs.io_bytes",
    (t.device_error4, "de_deviceid"): "nfs.deviceid",
    (t.device_error4, "de_status"): "nfs.nfsstat4",
    (t.device_error4, "de_opnum"): "nfs.ff_ioerrs_op",
    # Files
    (t.nfsv4_1_file_layout4, "nfl_deviceid"): "nfs.deviceid",
    (t.nfsv4_1_file_layout4, "nfl_util"): "nfs.nfl_util",
    (t.nfsv4_1_file_layout4, "nfl_first_stripe_index"): "nfs.nfl_first_stripe_index",
    (t.nfsv4_1_file_layout4, "nfl_pattern_offset"): "nfs.offset4",
    # Flexible files
    (t.ff_device_versions4, "ffdv_version"): "nfs.ff.version",
    (t.ff_device_versions4, "ffdv_minorversion"): "nfs.ff.minorversion",
    (t.ff_device_versions4, "ffdv_rsize"): "nfs.ff.rsize",
    (t.ff_device_versions4, "ffdv_wsize"): "nfs.ff.wsize",
    (t.ff_device_versions4, "ffdv_tightly_coupled"): "nfs.ff.tightly_coupled",
    (t.ff_layout4, "ffl_stripe_unit"): "nfs.stripeunit",
    (t.ff_layout4, "ffl_flags"): "nfs.ff.layout_flags",
    (t.ff_layout4, "ffl_stats_collect_hint"): "nfs.ff.stats_collect_hint",
    (t.ff_data_server4, "ffds_deviceid"): "nfs.deviceid",
    (t.ff_data_server4, "ffds_efficiency"): "nfs.nff_mirror_eff",
    (t.ff_data_server4, "ffds_user"): "nfs.ff.synthetic_owner",
    (t.ff_data_server4, "ffds_group"): "nfs.ff.synthetic_owner_group",
    (t.ff_ioerr4, "ffie_offset"): "nfs.ff.ioerrs_offset",
    (t.ff_ioerr4, "ffie_length"): "nfs.ff.ioerrs_length",
    (t.ff_iostats4, "ffis_offset"): "nfs.offset4",
    (t.ff_iostats4, "ffis_length"): "nfs.length4",
    (t.ff_iostats4, "ffis_deviceid"): "nfs.deviceid",
    (t.ff_layoutupdate4, "ffl_local"): "nfs.ff.local",
    (t.ff_io_latency4, "ffil_ops_requested"): "nfs.ff.ops_requested",
    (t.ff_io_latency4, "ffil_bytes_requested"): "nfs.ff.bytes_requested",
    (t.ff_io_latency4, "ffil_ops_completed"): "nfs.ff.ops_completed",
    (t.ff_io_latency4, "ffil_bytes_completed"): "nfs.ff.bytes_completed",
    (t.ff_io_latency4, "ffil_bytes_not_delivered"): "nfs.ff.bytes_not_delivered",
    # SCSI, and blocks, for which Wireshark has no fields but the device's
    (t.pnfs_block_extent4, "bex_vol_id"): "nfs.deviceid",
    (t.pnfs_scsi_extent4, "se_vol_id"): "nfs.deviceid",
    (t.pnfs_scsi_extent4, "se_file_offset"): "nfs.scsil_ext_file_offset",
    (t.pnfs_scsi_extent4, "se_length"): "nfs.scsil_ext_length",
    (t.pnfs_scsi_extent4, "se_storage_offset"): "nfs.scsill_ext_vol_offset",
    (t.pnfs_scsi_extent4, "se_state"): "nfs.scsil_ext_state",
    (t.pnfs_scsi_volume4, "type"): "nfs.devaddr.scsi_volume_type",
    (t.pnfs_scsi_base_volume_info4, "sbv_code_set"): "nfs.devaddr.scsi_vpd_code_set",
    (t.pnfs_scsi_base_volume_info4, "sbv_designator_type"): "nfs.devaddr.scsi_vpd_designator_type",
    (t.pnfs_scsi_base_volume_info4, "sbv_designator"): "nfs.devaddr.scsi_vpd_designator",
    (t.pnfs_scsi_base_volume_info4, "sbv_pr_key"): "nfs.devaddr.scsi_private_key",
    (t.pnfs_scsi_slice_volume_info4, "ssv_start"): "nfs.devaddr.ssv_start",
    (t.pnfs_scsi_slice_volume_info4, "ssv_length"): "nfs.devaddr.ssv_length",
    (t.pnfs_scsi_slice_volume_info4, "ssv_volume"): "nfs.devaddr.scsi_volume_ref_index",
    (t.pnfs_scsi_stripe_volume_info4, "ssv_stripe_unit"): "nfs.devaddr.ssv_stripe_unit",
    # Notifications
    (t.notify_deviceid_delete4, "ndd_layouttype"): "nfs.layouttype",
    (t.notify_deviceid_delete4, "ndd_deviceid"): "nfs.deviceid",
    (t.notify_deviceid_change4, "ndc_layouttype"): "nfs.layouttype",
    (t.notify_deviceid_change4, "ndc_deviceid"): "nfs.deviceid",
    (t.notify_entry4, "ne_file"): "nfs.entry_name",
}
"""Type and member -> field."""
COUNTS: Final[dict[tuple[type[Any], str], str]] = {
    (t.ff_layout4, "ffl_mirrors"): "nfs.nfl_mirrors",
    (t.nfsv4_1_file_layout4, "nfl_fh_list"): "nfs.nfl_fhs",
    (t.ff_layoutreturn4, "fflr_ioerr_report"): "nfs.ff.ioerrs_count",
    (t.ff_layoutreturn4, "fflr_iostats_report"): "nfs.ff.iostats_count",
    (t.ff_ioerr4, "ffie_errors"): "nfs.device_error_count",
    (t.LAYOUTERROR4args, "lea_errors"): "nfs.device_error_count",
    (t.nfsv4_1_file_layout_ds_addr4, "nflda_stripe_indices"): "nfs.devicenum4",
}
"""Lists of which Wireshark shows how long they are."""
INDEXES: Final[dict[tuple[type[Any], str], str]] = {
    (t.ff_layoutreturn4, "fflr_ioerr_report"): "nfs.ff.ioerrs_index",
    (t.ff_layoutreturn4, "fflr_iostats_report"): "nfs.ff.iostats_index",
    (t.ff_ioerr4, "ffie_errors"): "nfs.device_errors_index",
    (t.LAYOUTERROR4args, "lea_errors"): "nfs.device_errors_index",
}
"""Lists whose items Wireshark numbers."""
EACH: Final[dict[tuple[type[Any], str], str]] = {
    (t.nfsv4_1_file_layout_ds_addr4, "nflda_stripe_indices"): "nfs.deviceidx",
}
"""Lists of numbers, each of which is shown."""
BITS: Final[dict[tuple[type[Any], str], tuple[str, str]]] = {
    (t.GETDEVICEINFO4args, "gdia_notify_types"): ("nfs.notify_mask", "nfs.notify_type"),
    (t.GETDEVICEINFO4resok, "gdir_notification"): ("nfs.notify_mask", "nfs.notify_type"),
    (t.notify4, "notify_mask"): ("nfs.notify_mask", "nfs.notify_type"),
}
"""Bitmaps, of which each word is shown, and the number of each bit."""
HANDLES: Final[frozenset[str]] = frozenset(("ffds_fh_vers", "nfl_fh_list"))
"""Lists of file handles."""
FLAGS: Final[dict[str, dict[str, int]]] = {
    "nfs.ff.layout_flags": {
        "nfs.ff.layout_flags.no_layoutcommit": t.FF_FLAGS_NO_LAYOUTCOMMIT,
        "nfs.ff.layout_flags.no_io_thru_mds": t.FF_FLAGS_NO_IO_THRU_MDS,
        "nfs.ff.layout_flags.no_read_io": t.FF_FLAGS_NO_READ_IO,
    },
}
UTIL: Final = {
    "nfs.nfl_util.stripe_size": t.NFL4_UFLG_STRIPE_UNIT_SIZE_MASK,
    "nfs.nfl_util.commit_thru_mds": t.NFL4_UFLG_COMMIT_THRU_MDS,
    "nfs.nfl_util.dense": t.NFL4_UFLG_DENSE,
}
"""What is in ``nfs.nfl_util``: a size, and two flags."""
NAMES: Final[frozenset[str]] = frozenset(
    (
        *MEMBERS.values(), *COUNTS.values(), *EACH.values(), *INDEXES.values(), *UTIL,
        *(name for pair in BITS.values() for name in pair),
        *(name for flags in FLAGS.values() for name in flags),
    )
)  # fmt: skip
