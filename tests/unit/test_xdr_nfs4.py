"""NFSv4's tables: operations, attributes, errors, and the bytes of a few well-known messages."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.compiler.manifest import MODULES
from nfsrdma.xdr.compiler.model import Boolean, Reference, Scalar, Structure, Union
from nfsrdma.xdr.nfs4 import attrs, ddp, errors, ops
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.runtime import chain, link

MODEL = next(module for module in MODULES if module.path == "nfs4/types.py").model()


# Operations


def test_every_operation_is_in_the_table_with_the_types_of_the_unions() -> None:
    for table, arguments, results in (
        (ops.OPERATIONS, "nfs_argop4", "nfs_resop4"),
        (ops.CALLBACK_OPERATIONS, "nfs_cb_argop4", "nfs_cb_resop4"),
    ):
        for union_name, attribute in ((arguments, "arguments"), (results, "result")):
            union = MODEL.types[union_name]
            assert isinstance(union, Union)
            arms = {arm.labels[0].value: arm.field for arm in union.arms}
            assert arms.keys() == table.keys()
            for number, field in arms.items():
                kind = getattr(table[number], attribute)
                if field is None:
                    assert kind is None
                else:
                    hint = getattr(t, field.type.hint)
                    assert kind is hint, table[number].name


@pytest.mark.parametrize(
    ("number", "minor", "exists", "legal"),
    [
        (t.OP_READ, 0, True, True),
        (t.OP_READ, 2, True, True),
        (t.OP_RENEW, 0, True, True),
        (t.OP_RENEW, 1, True, False),
        (t.OP_SEQUENCE, 0, False, False),
        (t.OP_SEQUENCE, 1, True, True),
        (t.OP_GETDEVICELIST, 1, True, True),
        (t.OP_GETDEVICELIST, 2, True, False),
        (t.OP_SEEK, 1, False, False),
        (t.OP_REMOVEXATTR, 2, True, True),
        (t.OP_ILLEGAL, 0, True, True),
        (2, 0, False, False),
        (76, 2, False, False),
    ],
)
def test_operations_by_minor_version(number: int, minor: int, exists: bool, legal: bool) -> None:
    spec = ops.operation(number, minor)
    assert (spec is not None) == exists
    assert (spec is not None and spec.legal(minor)) == legal


def test_callback_operations_by_minor_version() -> None:
    table = ops.CALLBACK_OPERATIONS
    assert table[t.OP_CB_RECALL].minors == {0, 1, 2}
    assert table[t.OP_CB_SEQUENCE].minors == {1, 2}
    assert table[t.OP_CB_OFFLOAD].minors == {2}
    assert 2 not in table
    assert ops.name_of(t.OP_READ) == "READ"
    assert ops.name_of(77) == "operation 77"


@pytest.mark.parametrize(
    ("number", "value", "data"),
    [
        (t.OP_SAVEFH, None, b""),
        (t.OP_SECINFO_NO_NAME, t.SECINFO_STYLE4_PARENT, b"\0\0\0\1"),
        (t.OP_PUTFH, t.PUTFH4args(b"handle"), b"\0\0\0\6handle\0\0"),
    ],
)
def test_arguments_without_their_union(number: int, value: Any, data: bytes) -> None:
    spec = ops.OPERATIONS[number]
    enc = Encoder()
    spec.encode_arguments(enc, value)
    assert enc.to_bytes() == data
    assert spec.decode_arguments(Decoder(data)) == value


CHANGE_INFO, STATEID, BITMAP, VERIFIER = 4 + 8 + 8, 4 + 12, 4 + 3 * 4, 8


@pytest.mark.parametrize(
    ("number", "octets"),
    [
        (t.OP_LOOKUP, 0),
        (t.OP_ACCESS, 4 + 4),
        (t.OP_CLOSE, STATEID),
        (t.OP_COMMIT, VERIFIER),
        (t.OP_CREATE, CHANGE_INFO + BITMAP),
        (t.OP_GETFH, 4 + 128),
        (t.OP_LOCK, STATEID),
        (t.OP_RENAME, CHANGE_INFO + CHANGE_INFO),
        (t.OP_SETATTR, BITMAP),
        (t.OP_WRITE, 4 + 4 + VERIFIER),
        (t.OP_CREATE_SESSION, 16 + 4 + 4 + 2 * (6 * 4 + 4 + 4)),
        (t.OP_GET_DIR_DELEGATION, 4 + VERIFIER + STATEID + 3 * BITMAP),
        (t.OP_LAYOUTCOMMIT, 4 + 8),
        (t.OP_LAYOUTRETURN, 4 + STATEID),
        (t.OP_SEQUENCE, 16 + 5 * 4),
        (t.OP_COPY, (4 + STATEID) + 8 + 4 + VERIFIER + 2 * 4),
        (t.OP_SEEK, 4 + 8),
        (t.OP_ILLEGAL, 0),
        (t.OP_READ, None),
        (t.OP_OPEN, None),
        (t.OP_GETATTR, None),
        (t.OP_SECINFO_NO_NAME, None),
    ],
)
def test_how_long_results_may_be(number: int, octets: int | None) -> None:
    assert ops.OPERATIONS[number].result_max == octets


def test_how_long_results_of_callbacks_may_be() -> None:
    assert ops.CALLBACK_OPERATIONS[t.OP_CB_RECALL].result_max == 0
    assert ops.CALLBACK_OPERATIONS[t.OP_CB_SEQUENCE].result_max == 16 + 4 * 4
    assert ops.CALLBACK_OPERATIONS[t.OP_CB_GETATTR].result_max is None


def test_all_attributes_fit_into_the_bitmap_that_results_are_measured_with() -> None:
    assert max(attrs.ATTRIBUTES) < 3 * 32


# Messages


def test_a_compound_in_bytes() -> None:
    arguments = t.COMPOUND4args(
        b"tag",
        1,
        [
            t.nfs_argop4(t.OP_SEQUENCE, t.SEQUENCE4args(b"s" * 16, 7, 0, 0, False)),
            t.nfs_argop4(t.OP_PUTROOTFH),
            t.nfs_argop4(t.OP_GETATTR, t.GETATTR4args([0x10, 0x2])),
        ],
    )
    enc = Encoder()
    arguments.encode(enc)
    assert enc.to_bytes() == bytes.fromhex(
        "00000003 74616700 00000001 00000003"
        "00000035 73737373737373737373737373737373 00000007 00000000 00000000 00000000"
        "00000018"
        "00000009 00000002 00000010 00000002"
    )
    decoded = t.COMPOUND4args.decode(Decoder(enc.to_bytes()))
    assert decoded == arguments
    assert decoded.argarray[0].opsequence.sa_sequenceid == 7
    assert repr(decoded.argarray[1]) == f"nfs_argop4(argop={t.OP_PUTROOTFH})"


def test_bulk_data_of_reads_and_writes_is_not_copied() -> None:
    data = bytearray(1000)
    for value in (
        t.WRITE4args(t.stateid4(1, bytes(12)), 0, t.UNSTABLE4, data),
        t.READ4resok(True, data),
        t.READLINK4resok(data),
        t.createtype4(t.NF4LNK, data),
    ):
        enc = Encoder()
        value.encode(enc)
        assert [item.data.obj for item in enc.payloads] == [data]
        message = enc.to_bytes()
        decoded = type(value).decode(Decoder(message))
        assert decoded == value
        view = getattr(decoded, decoded.__slots__[-1])
        assert isinstance(view, memoryview)
        assert view.obj is message
        assert len(repr(decoded)) < 300


def test_bulk_data_is_what_the_table_says_and_nothing_else() -> None:
    assert len(ddp.DDP_ELIGIBLE) == 4
    bulk = {
        (target.name, field.name)
        for target in MODEL.types.values()
        for field in (
            [arm.field for arm in target.every_arm() if arm.field]
            if isinstance(target, Union)
            else target.fields
        )
        if getattr(field.type, "bulk", False)
    }
    assert bulk == ddp.DDP_ELIGIBLE


def test_a_directory_listing() -> None:
    entries = [t.entry4(number, b"name%d" % number, t.fattr4([], b"")) for number in range(3)]
    reply = t.READDIR4resok(bytes(8), t.dirlist4(link(entries), True))
    enc = Encoder()
    reply.encode(enc)
    decoded = t.READDIR4resok.decode(Decoder(enc.to_bytes()))
    assert decoded == reply
    assert [entry.name for entry in chain(decoded.reply.entries)] == [b"name0", b"name1", b"name2"]
    assert list(chain(link([]))) == []
    assert decoded != t.READDIR4resok(bytes(8), t.dirlist4(entries[1], True))
    assert entries[0] != "something else"


def test_values_of_different_types_are_not_equal() -> None:
    assert t.OFFLOAD_CANCEL4args(t.stateid4(1, b"")) != t.OFFLOAD_STATUS4args(t.stateid4(1, b""))
    assert t.settime4(t.SET_TO_SERVER_TIME4) != t.newoffset4(False)
    with pytest.raises(TypeError):
        hash(t.stateid4(1, b""))


# Attributes

SAMPLES: dict[int, Any] = {
    t.FATTR4_SUPPORTED_ATTRS: [1, 2],
    t.FATTR4_TYPE: t.NF4REG,
    t.FATTR4_CHANGE: 1 << 63,
    t.FATTR4_SIZE: 4096,
    t.FATTR4_LINK_SUPPORT: True,
    t.FATTR4_SYMLINK_SUPPORT: False,
    t.FATTR4_FSID: t.fsid4(1, 2),
    t.FATTR4_RDATTR_ERROR: t.NFS4ERR_ACCESS,
    t.FATTR4_ACL: [t.nfsace4(0, 0, 1, b"OWNER@")],
    t.FATTR4_FILEHANDLE: b"handle",
    t.FATTR4_FS_LOCATIONS: t.fs_locations4([b"a"], [t.fs_location4([b"host"], [b"b", b"c"])]),
    t.FATTR4_MODE: 0o644,
    t.FATTR4_NUMLINKS: 1,
    t.FATTR4_OWNER: b"root@example",
    t.FATTR4_OWNER_GROUP: b"0",
    t.FATTR4_RAWDEV: t.specdata4(8, 1),
    t.FATTR4_TIME_MODIFY: t.nfstime4(-1, 999_999_999),
    t.FATTR4_TIME_MODIFY_SET: t.settime4(t.SET_TO_CLIENT_TIME4, t.nfstime4(5, 6)),
    t.FATTR4_MOUNTED_ON_FILEID: 2,
    t.FATTR4_DACL: t.nfsacl41(0, []),
    t.FATTR4_LAYOUT_TYPES: [t.LAYOUT4_FLEX_FILES],
    t.FATTR4_XATTR_SUPPORT: True,
    t.FATTR4_MODE_UMASK: t.mode_umask4(0o666, 0o22),
    t.FATTR4_OPEN_ARGUMENTS: t.open_arguments4([1], [2], [3], [4], [5]),
}


def test_every_attribute_is_named_as_its_constant() -> None:
    constants = {
        value: name[7:].lower() for name, value in vars(t).items() if name.startswith("FATTR4_")
    }
    assert {number: spec.name for number, spec in attrs.ATTRIBUTES.items()} == constants
    assert {number: spec.number for number, spec in attrs.ATTRIBUTES.items()} == dict(
        zip(constants, constants, strict=True)
    )


def flat_codes(kind: Any) -> str:
    """The letters of a type of fixed size, or nothing."""
    match kind:
        case Scalar(code):
            return code
        case Boolean():
            return "?"
        case Reference(name):
            target = MODEL.types[name]
            if isinstance(target, Structure) and MODEL.flat(kind):
                return "".join(flat_codes(field.type) for field in target.fields)
    return ""


def test_every_attribute_is_encoded_as_its_type_says() -> None:
    for spec in attrs.ATTRIBUTES.values():
        kind = MODEL.aliases[f"fattr4_{spec.name}"].type
        assert spec.code == flat_codes(kind), spec.name
        if isinstance(kind, Reference):
            assert spec.type is getattr(t, kind.name)
            assert getattr(spec.decode, "__self__", None) is spec.type


@pytest.mark.parametrize(
    ("number", "minor", "settable", "readable"),
    [
        (t.FATTR4_SIZE, 0, True, True),
        (t.FATTR4_TYPE, 0, False, True),
        (t.FATTR4_TIME_MODIFY_SET, 0, True, False),
        (t.FATTR4_MOUNTED_ON_FILEID, 0, False, True),
        (t.FATTR4_DIR_NOTIF_DELAY, 1, False, True),
        (t.FATTR4_FS_CHARSET_CAP, 1, False, True),
        (t.FATTR4_CLONE_BLKSIZE, 2, False, True),
        (t.FATTR4_MODE_UMASK, 2, True, False),
    ],
)
def test_where_attributes_may_be_used(
    number: int, minor: int, settable: bool, readable: bool
) -> None:
    spec = attrs.ATTRIBUTES[number]
    assert (spec.minor, spec.settable, spec.readable) == (minor, settable, readable)
    assert bool(attrs.SETTABLE >> number & 1) == settable
    assert bool(attrs.READABLE >> number & 1) == readable
    assert [bool(known >> number & 1) for known in attrs.KNOWN] == [
        minor <= version for version in range(3)
    ]


def test_attributes_come_back() -> None:
    fattr = attrs.encode_fattr4(SAMPLES)
    assert fattr.attrmask == attrs.bitmap_from_mask(attrs.mask_of(*SAMPLES))
    decoded = attrs.decode_fattr4(fattr)
    assert decoded == SAMPLES
    assert list(decoded) == sorted(SAMPLES)
    assert decoded[t.FATTR4_LINK_SUPPORT] is True

    enc = Encoder()
    attrs.encode_attributes(enc, attrs.mask_of(*SAMPLES), SAMPLES)
    whole = Encoder()
    fattr.encode(whole)
    assert enc.to_bytes() == whole.to_bytes()


def test_attributes_in_bytes() -> None:
    """A bitmap of two words, then size, mode and time_modify in that order."""
    enc = Encoder()
    values = {t.FATTR4_TIME_MODIFY: t.nfstime4(1, 2), t.FATTR4_MODE: 3, t.FATTR4_SIZE: 4}
    attrs.encode_attributes(enc, attrs.mask_of(*values), values)
    assert enc.to_bytes() == struct.pack(">4IQIqI", 2, 1 << 4, 1 << 1 | 1 << 21, 24, 4, 3, 1, 2)


@pytest.mark.parametrize("number", sorted(SAMPLES))
def test_one_attribute_comes_back(number: int) -> None:
    values = {number: SAMPLES[number]}
    fattr = attrs.encode_fattr4(values)
    assert attrs.decode_fattr4(fattr) == values
    for damaged in (fattr.attr_vals[:-1], fattr.attr_vals + b"\0"):
        with pytest.raises(XdrError):
            attrs.decode_fattr4(t.fattr4(fattr.attrmask, damaged))


def test_no_attributes() -> None:
    assert attrs.encode_fattr4({}) == t.fattr4([], b"")
    assert attrs.decode_fattr4(t.fattr4([0, 0], b"")) == {}


def test_attributes_that_do_not_exist_or_fit() -> None:
    for mask in ([0, 0, 1 << 30], [0] * 100 + [1], [0xFFFFFFFF] * 100_000):
        with pytest.raises(XdrError, match="there is no attribute"):
            attrs.decode_fattr4(t.fattr4(mask, bytes(100)))
    with pytest.raises(XdrError, match="attributes"):
        attrs.encode_fattr4({t.FATTR4_SIZE: -1})
    with pytest.raises(KeyError):
        attrs.encode_attributes(Encoder(), attrs.mask_of(t.FATTR4_SIZE), {})
    with pytest.raises(XdrError, match="hidden: 7 is no boolean"):
        attrs.decode_fattr4(t.fattr4([1 << t.FATTR4_HIDDEN], b"\0\0\0\7"))


def test_bitmaps() -> None:
    mask = attrs.mask_of(0, 31, 32, 86)
    assert attrs.bitmap_from_mask(mask) == [0x80000001, 1, 1 << 22]
    assert attrs.mask_from_bitmap([0x80000001, 1, 1 << 22, 0, 0]) == mask
    assert attrs.numbers_in(mask) == (0, 31, 32, 86)
    assert attrs.bitmap_from_mask(0) == []
    assert attrs.mask_from_bitmap([]) == 0


# Errors


def test_every_status_is_explained() -> None:
    assert set(errors.EXPLANATIONS) == {int(status) for status in t.nfsstat4}
    assert all(text and len(text) < 70 for text in errors.EXPLANATIONS.values())
    assert errors.explain(4711) == "a status that no specification knows"
    assert errors.name_of(t.NFS4ERR_NOENT) == "NFS4ERR_NOENT"
    assert errors.name_of(4711) == "nfsstat4 4711"


@pytest.mark.parametrize(
    "name", ["PERM", "NOENT", "IO", "NXIO", "EXIST", "XDEV", "NOTDIR", "ISDIR", "INVAL", "FBIG"]
)
def test_statuses_named_after_an_errno_are_it(name: str) -> None:
    status = getattr(t, f"NFS4ERR_{name}")
    number = getattr(errno, f"E{name}")
    assert errors.errno_of(status) == number
    assert errors.status_of(OSError(number, "")) == status


def test_other_errors() -> None:
    assert errors.status_of(OSError(errno.EACCES, "")) == t.NFS4ERR_ACCESS
    assert errors.status_of(OSError(errno.ENOTSUP, "")) == t.NFS4ERR_NOTSUPP
    assert errors.status_of(OSError("no number")) == t.NFS4ERR_IO
    assert errors.status_of(OSError(9999, "")) == t.NFS4ERR_IO
    assert errors.errno_of(4711) == errno.EIO
    assert errors.errno_of(t.NFS4_OK) == 0


def test_the_exception() -> None:
    error = errors.NfsError(t.NFS4ERR_DELAY)
    assert error.status == t.NFS4ERR_DELAY
    assert str(error) == "NFS4ERR_DELAY: not now: try again after a while"
    assert str(errors.NfsError(t.NFS4ERR_INVAL, "why")) == "NFS4ERR_INVAL: why"
