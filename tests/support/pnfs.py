"""Operations of pNFS and callbacks whose opaque members have a structure, and what is in them."""

from __future__ import annotations

from typing import Any

from tests.support.company import octets

from nfsrdma.xdr.nfs4 import types as t

DEVICE = b"device-id-000001"
OTHER = bytes(range(12))
STATEID = t.stateid4(1, OTHER)
HANDLES = [b"first-handle", b"second-handle"]
ADDRESSES = [t.netaddr4(b"tcp", b"10.0.0.7.8.1"), t.netaddr4(b"rdma", b"10.0.0.7.78.81")]
TIME = t.nfstime4(1, 2)
SIZE = 1 << 20

LAYOUTS: dict[int, Any] = {
    t.LAYOUT4_NFSV4_1_FILES: t.nfsv4_1_file_layout4(DEVICE, 0x8003, 1, 4096, HANDLES),
    t.LAYOUT4_BLOCK_VOLUME: t.pnfs_block_layout4([t.pnfs_block_extent4(DEVICE, 0, SIZE, 512, 1)]),
    t.LAYOUT4_FLEX_FILES: t.ff_layout4(
        65536,
        [
            t.ff_mirror4([t.ff_data_server4(DEVICE, 5, STATEID, HANDLES[:1], b"1000", b"100")]),
            t.ff_mirror4([t.ff_data_server4(DEVICE, 6, STATEID, HANDLES[1:], b"1000", b"100")]),
        ],
        1,
        60,
    ),
    t.LAYOUT4_SCSI: t.pnfs_scsi_layout4([t.pnfs_scsi_extent4(DEVICE, 0, SIZE, 512, 2)]),
}
DEVICES: dict[int, Any] = {
    t.LAYOUT4_NFSV4_1_FILES: t.nfsv4_1_file_layout_ds_addr4([0, 1], [ADDRESSES, ADDRESSES[:1]]),
    t.LAYOUT4_BLOCK_VOLUME: t.pnfs_block_deviceaddr4(
        [
            t.pnfs_block_volume4(
                0, t.pnfs_block_simple_volume_info4([t.pnfs_block_sig_component4(-512, b"sig")])
            ),
            t.pnfs_block_volume4(1, t.pnfs_block_slice_volume_info4(0, SIZE, 0)),
            t.pnfs_block_volume4(2, t.pnfs_block_concat_volume_info4([0, 1])),
            t.pnfs_block_volume4(3, t.pnfs_block_stripe_volume_info4(4096, [0, 2])),
        ]
    ),
    t.LAYOUT4_FLEX_FILES: t.ff_device_addr4(
        ADDRESSES, [t.ff_device_versions4(4, 1, SIZE, SIZE, True)]
    ),
    t.LAYOUT4_SCSI: t.pnfs_scsi_deviceaddr4(
        [
            t.pnfs_scsi_volume4(4, t.pnfs_scsi_base_volume_info4(1, 3, b"naa.5000", 77)),
            t.pnfs_scsi_volume4(1, t.pnfs_scsi_slice_volume_info4(0, SIZE, 0)),
            t.pnfs_scsi_volume4(2, t.pnfs_scsi_concat_volume_info4([0, 1])),
            t.pnfs_scsi_volume4(3, t.pnfs_scsi_stripe_volume_info4(4096, [0, 1])),
        ]
    ),
}
LATENCY = t.ff_io_latency4(1, 2, 3, 4, 5, TIME, TIME)
UPDATES: dict[int, Any] = {
    t.LAYOUT4_BLOCK_VOLUME: t.pnfs_block_layoutupdate4(
        [t.pnfs_block_extent4(DEVICE, 0, 4096, 0, 0)]
    ),
    t.LAYOUT4_FLEX_FILES: t.ff_layoutupdate4(
        ADDRESSES[0], HANDLES[0], LATENCY, LATENCY, TIME, True
    ),
    t.LAYOUT4_SCSI: t.pnfs_scsi_layoutupdate4([t.pnfs_scsi_range4(0, 4096)]),
}
RETURNED = t.ff_layoutreturn4(
    [t.ff_ioerr4(0, 4096, STATEID, [t.device_error4(DEVICE, t.NFS4ERR_IO, t.OP_READ)])],
    [
        t.ff_iostats4(
            0, 4096, STATEID, t.io_info4(1, 2), t.io_info4(3, 4), DEVICE,
            UPDATES[t.LAYOUT4_FLEX_FILES],
        )
    ],
)  # fmt: skip


def asked_layout(kind: int) -> tuple[Any, Any]:
    """LAYOUTGET, and its result."""
    content = t.layout_content4(kind, octets(LAYOUTS[kind]))
    layout = t.layout4(0, SIZE, t.LAYOUTIOMODE4_RW, content)
    return (
        t.nfs_argop4(t.OP_LAYOUTGET, t.LAYOUTGET4args(
            False, kind, t.LAYOUTIOMODE4_RW, 0, SIZE, 4096, STATEID, 65536)),
        t.nfs_resop4(t.OP_LAYOUTGET, t.LAYOUTGET4res(
            0, t.LAYOUTGET4resok(True, STATEID, [layout]))),
    )  # fmt: skip


def asked_device(kind: int) -> tuple[Any, Any]:
    """GETDEVICEINFO, and its result."""
    address = t.device_addr4(kind, octets(DEVICES[kind]))
    return (
        t.nfs_argop4(t.OP_GETDEVICEINFO, t.GETDEVICEINFO4args(DEVICE, kind, 65536, [6])),
        t.nfs_resop4(t.OP_GETDEVICEINFO, t.GETDEVICEINFO4res(
            0, t.GETDEVICEINFO4resok(address, [6]))),
    )  # fmt: skip


def committed(kind: int) -> tuple[Any, Any]:
    """LAYOUTCOMMIT with an update, and its result; of flexible files LAYOUTSTATS."""
    update = t.layoutupdate4(kind, octets(UPDATES[kind]))
    if kind == t.LAYOUT4_FLEX_FILES:
        stats = t.LAYOUTSTATS4args(
            0, 4096, STATEID, t.io_info4(1, 4096), t.io_info4(2, 8192), DEVICE, update
        )
        return (
            t.nfs_argop4(t.OP_LAYOUTSTATS, stats),
            t.nfs_resop4(t.OP_LAYOUTSTATS, t.LAYOUTSTATS4res(0)),
        )
    commit = t.LAYOUTCOMMIT4args(
        0, 4096, False, STATEID, t.newoffset4(True, 4095), t.newtime4(False), update
    )
    done = t.LAYOUTCOMMIT4resok(t.newsize4(True, 4096))
    return (
        t.nfs_argop4(t.OP_LAYOUTCOMMIT, commit),
        t.nfs_resop4(t.OP_LAYOUTCOMMIT, t.LAYOUTCOMMIT4res(0, done)),
    )


def returned() -> tuple[Any, Any]:
    """LAYOUTRETURN of flexible files, with what went wrong, and its result."""
    body = t.layoutreturn_file4(0, SIZE, STATEID, octets(RETURNED))
    arguments = t.LAYOUTRETURN4args(
        False, t.LAYOUT4_FLEX_FILES, t.LAYOUTIOMODE4_ANY, t.layoutreturn4(1, body)
    )
    return (
        t.nfs_argop4(t.OP_LAYOUTRETURN, arguments),
        t.nfs_resop4(
            t.OP_LAYOUTRETURN, t.LAYOUTRETURN4res(0, t.layoutreturn_stateid(False))
        ),
    )  # fmt: skip


ENTRY = t.notify_entry4(b"a-name", t.fattr4([0x10], (4096).to_bytes(8, "big")))
REMOVED = t.notify_remove4(ENTRY, 7)
ADDED = t.notify_add4([], ENTRY, [8], [], True)
NOTICES: dict[int, Any] = {
    t.NOTIFY4_CHANGE_CHILD_ATTRS: t.notify_attr4(ENTRY),
    t.NOTIFY4_REMOVE_ENTRY: REMOVED,
    t.NOTIFY4_ADD_ENTRY: ADDED,
    t.NOTIFY4_RENAME_ENTRY: t.notify_rename4(REMOVED, ADDED),
    t.NOTIFY4_CHANGE_COOKIE_VERIFIER: t.notify_verifier4(bytes(8), b"verifier"),
}
DEVICE_NOTICES: dict[int, Any] = {
    t.NOTIFY_DEVICEID4_CHANGE: t.notify_deviceid_change4(t.LAYOUT4_FLEX_FILES, DEVICE, True),
    t.NOTIFY_DEVICEID4_DELETE: t.notify_deviceid_delete4(t.LAYOUT4_SCSI, DEVICE),
}


def _noticed(notices: dict[int, Any]) -> t.notify4:
    mask = sum(1 << number for number in notices)
    return t.notify4([mask], b"".join(octets(one) for one in notices.values()))


def callbacks() -> list[tuple[Any, Any]]:
    """Each callback of which something is opened, or that has a handle, and its result."""
    write = t.write_response4([], 4096, 2, bytes(8))
    return [
        (
            t.nfs_cb_argop4(t.OP_CB_NOTIFY, t.CB_NOTIFY4args(STATEID, b"dir", [_noticed(NOTICES)])),
            t.nfs_cb_resop4(t.OP_CB_NOTIFY, t.CB_NOTIFY4res(0)),
        ),
        (
            t.nfs_cb_argop4(t.OP_CB_NOTIFY_DEVICEID, t.CB_NOTIFY_DEVICEID4args(
                [_noticed(DEVICE_NOTICES)])),
            t.nfs_cb_resop4(t.OP_CB_NOTIFY_DEVICEID, t.CB_NOTIFY_DEVICEID4res(0)),
        ),
        (
            t.nfs_cb_argop4(t.OP_CB_LAYOUTRECALL, t.CB_LAYOUTRECALL4args(
                t.LAYOUT4_FLEX_FILES, 3, False, t.layoutrecall4(
                    1, t.layoutrecall_file4(b"a-file", 0, SIZE, STATEID)))),
            t.nfs_cb_resop4(t.OP_CB_LAYOUTRECALL, t.CB_LAYOUTRECALL4res(0)),
        ),
        (
            t.nfs_cb_argop4(t.OP_CB_NOTIFY_LOCK, t.CB_NOTIFY_LOCK4args(
                b"a-file", t.state_owner4(7, b"owner"))),
            t.nfs_cb_resop4(t.OP_CB_NOTIFY_LOCK, t.CB_NOTIFY_LOCK4res(0)),
        ),
        (
            t.nfs_cb_argop4(t.OP_CB_OFFLOAD, t.CB_OFFLOAD4args(
                b"a-file", STATEID, t.offload_info4(0, write))),
            t.nfs_cb_resop4(t.OP_CB_OFFLOAD, t.CB_OFFLOAD4res(0)),
        ),
        (
            t.nfs_cb_argop4(t.OP_CB_RECALL_ANY, t.CB_RECALL_ANY4args(10, [3])),
            t.nfs_cb_resop4(t.OP_CB_RECALL_ANY, t.CB_RECALL_ANY4res(0)),
        ),
    ]  # fmt: skip


def operations() -> list[tuple[Any, Any]]:
    """Each operation of which something is opened, and its result."""
    return [
        *map(asked_layout, LAYOUTS),
        *map(asked_device, DEVICES),
        *map(committed, UPDATES),
        returned(),
    ]
