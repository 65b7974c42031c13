"""Attributes: the quick way and the slow way give the same, and neither believes a lie."""

from __future__ import annotations

import stat
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.client.attributes import (
    ENTRY,
    STAT,
    Stat,
    StatVfs,
    bitmap,
    decode_entries,
    decode_stat,
    decode_values,
    encode_attributes,
    stat_from_values,
)
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, encode_fattr4, numbers_in

VALUES: dict[int, Any] = {
    t.FATTR4_TYPE: t.NF4REG,
    t.FATTR4_CHANGE: 77,
    t.FATTR4_SIZE: 1 << 40,
    t.FATTR4_FSID: t.fsid4(3, 4),
    t.FATTR4_FILEID: 99,
    t.FATTR4_MODE: 0o4755,
    t.FATTR4_NUMLINKS: 2,
    t.FATTR4_OWNER: b"1000",
    t.FATTR4_OWNER_GROUP: b"staff@example.org",
    t.FATTR4_RAWDEV: t.specdata4(8, 1),
    t.FATTR4_SPACE_USED: 1024,
    t.FATTR4_TIME_ACCESS: t.nfstime4(-1, 500_000_000),
    t.FATTR4_TIME_METADATA: t.nfstime4(2, 3),
    t.FATTR4_TIME_MODIFY: t.nfstime4(1_700_000_000, 4),
}


def encoded(values: dict[int, Any]) -> bytes:
    enc = Encoder()
    encode_fattr4(values).encode(enc)
    return bytes(enc.buffer)


def fields(status: Stat) -> dict[str, Any]:
    return {name: getattr(status, name) for name in Stat.__slots__}


def test_what_is_asked_for_is_what_is_decoded_quickly() -> None:
    assert bitmap(VALUES) == STAT
    assert encoded(VALUES).startswith(STAT)


def test_stat() -> None:
    dec = Decoder(encoded(VALUES))
    status = decode_stat(dec)
    dec.done()
    assert status.st_mode == stat.S_IFREG | 0o4755
    assert (status.st_size, status.st_ino, status.st_nlink) == (1 << 40, 99, 2)
    assert (status.st_uid, status.st_gid) == (1000, 65534)
    assert (status.owner, status.group) == (b"1000", b"staff@example.org")
    assert status.st_dev == 3 << 64 | 4
    assert (status.st_rdev, status.st_blocks, status.change) == (8 << 32 | 1, 2, 77)
    assert (status.st_atime_ns, status.st_atime) == (-500_000_000, -0.5)
    assert (status.st_ctime_ns, status.st_ctime) == (2_000_000_003, 2.000000003)
    assert status.st_mtime_ns == 1_700_000_000 * 10**9 + 4
    assert status.st_mtime == 1_700_000_000.000000004
    assert (status.is_file, status.is_dir, status.is_symlink) == (True, False, False)
    assert "st_size=1099511627776" in repr(status)


@pytest.mark.parametrize("without", [*VALUES, None])
def test_a_server_may_lack_any_attribute_but_the_type(without: int | None) -> None:
    values = {number: value for number, value in VALUES.items() if number != without}
    dec = Decoder(encoded(values))
    if without == t.FATTR4_TYPE:
        with pytest.raises(XdrError, match="without a type"):
            decode_stat(dec)
        return
    quick = decode_stat(dec)
    dec.done()
    assert fields(quick) == fields(stat_from_values(values))


def test_owners_by_name() -> None:
    for name, uid in ((b"root@here", 0), (b"nobody", 65534), (b"", 65534), (b"9" * 30, 65534)):
        assert decode_stat(Decoder(encoded(VALUES | {t.FATTR4_OWNER: name}))).st_uid == uid


@pytest.mark.parametrize(
    "change",
    [
        {t.FATTR4_TYPE: 77},
        {t.FATTR4_TIME_MODIFY: t.nfstime4(0, 10**9)},
        {t.FATTR4_OWNER: bytes(2000)},
    ],
)
def test_nonsense_is_refused(change: dict[int, Any]) -> None:
    with pytest.raises(XdrError):
        decode_stat(Decoder(encoded(VALUES | change)))


def test_a_wrong_length_is_refused() -> None:
    message = bytearray(encoded(VALUES))
    message[15] += 4
    with pytest.raises(XdrError):
        decode_stat(Decoder(bytes(message) + bytes(4)))


def page(entries: list[tuple[bytes, dict[int, Any]]], end: bool = True) -> bytes:
    enc = Encoder()
    enc.fixed_opaque(b"verifier", 8)
    for cookie, (name, values) in enumerate(entries, 3):
        enc.boolean(True)
        enc.uint64(cookie)
        enc.opaque(name)
        encode_fattr4(values).encode(enc)
    enc.boolean(False)
    enc.boolean(end)
    return bytes(enc.buffer)


ENTRY_VALUES = VALUES | {t.FATTR4_RDATTR_ERROR: 0, t.FATTR4_FILEHANDLE: b"handle"}


def test_entries() -> None:
    fewer = {n: v for n, v in ENTRY_VALUES.items() if n != t.FATTR4_SPACE_USED}
    failed = {t.FATTR4_RDATTR_ERROR: t.NFS4ERR_ACCESS}
    entries = [(b"one", ENTRY_VALUES), (b"two", fewer), (b"three", failed), (b"four", {})]
    dec = Decoder(page(entries, end=False))
    found = decode_entries(dec)
    dec.done()
    assert bitmap(ENTRY_VALUES) == ENTRY
    assert (found.verifier, found.cookie, found.end) == (b"verifier", 6, False)
    (_, one), (_, two), three, four = found.entries
    assert isinstance(one, Stat)
    assert isinstance(two, Stat)
    assert one.handle == b"handle"
    assert fields(one) == fields(stat_from_values(ENTRY_VALUES))
    assert fields(two) == fields(stat_from_values(fewer))
    # An entry is an entry, also without its attributes.
    assert three == (b"three", t.NFS4ERR_ACCESS)
    assert four == (b"four", t.NFS4ERR_SERVERFAULT)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\0b"])
def test_names_that_would_lead_elsewhere_are_refused(name: bytes) -> None:
    with pytest.raises(XdrError, match="a directory entry called"):
        decode_entries(Decoder(page([(name, ENTRY_VALUES)])))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_pages_raise_typed_errors_only(data: st.DataObject) -> None:
    message = bytearray(page([(b"one", ENTRY_VALUES), (b"two", ENTRY_VALUES)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    del message[data.draw(st.integers(0, len(message))) :]
    with suppress(XdrError):
        decode_entries(Decoder(bytes(message)))


def test_what_can_be_set() -> None:
    fattr = encode_attributes(size=5, mode=0o170644, uid=7, gid=8, atime_ns=-1, mtime_ns=10**9 + 2)
    assert decode_fattr4(fattr) == {
        t.FATTR4_SIZE: 5,
        t.FATTR4_MODE: 0o644,
        t.FATTR4_OWNER: b"7",
        t.FATTR4_OWNER_GROUP: b"8",
        t.FATTR4_TIME_ACCESS_SET: t.settime4(1, t.nfstime4(-1, 999_999_999)),
        t.FATTR4_TIME_MODIFY_SET: t.settime4(1, t.nfstime4(1, 2)),
    }
    touch = decode_fattr4(encode_attributes(atime_now=True, mtime_now=True))
    assert touch == {
        t.FATTR4_TIME_ACCESS_SET: t.settime4(0),
        t.FATTR4_TIME_MODIFY_SET: t.settime4(0),
    }
    assert numbers_in(0) == ()
    assert decode_fattr4(encode_attributes()) == {}


def test_file_systems() -> None:
    found = StatVfs(
        decode_values(
            Decoder(
                encoded(
                    {
                        t.FATTR4_SPACE_TOTAL: 8192,
                        t.FATTR4_SPACE_FREE: 4096,
                        t.FATTR4_SPACE_AVAIL: 5000,
                        t.FATTR4_FILES_TOTAL: 3,
                    }
                )
            )
        )
    )
    assert (found.f_blocks, found.f_bfree, found.f_bavail, found.f_files) == (2, 1, 1, 3)
    assert (found.f_ffree, found.f_namemax) == (0, 255)


def test_entries_of_other_lengths_take_turns() -> None:
    """Handles and names of owners are of any length; what an entry has, its neighbors may not."""
    lengths = [(0, 1, 1), (128, 5, 1), (128, 5, 1), (3, 1, 1024), (4, 0, 0), (3, 1, 1024)]
    entries = []
    for number, (handle, owner, group) in enumerate(lengths):
        values = {
            **ENTRY_VALUES,
            t.FATTR4_FILEHANDLE: b"h" * handle,
            t.FATTR4_OWNER: b"o" * owner,
            t.FATTR4_OWNER_GROUP: b"g" * group,
            t.FATTR4_FSID: t.fsid4(number, 1),
        }
        entries.append((b"%d" % number, values))
    found = decode_entries(Decoder(page(entries))).entries
    assert [name for name, _ in found] == [b"%d" % number for number in range(len(lengths))]
    for number, (handle, owner, group) in enumerate(lengths):
        status = found[number][1]
        assert isinstance(status, Stat)
        assert (len(status.handle), len(status.owner), len(status.group)) == (handle, owner, group)
        assert status.fsid == (number, 1)
