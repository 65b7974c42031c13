"""The FUSE protocol, octet by octet: requests and answers written out by hand."""

from __future__ import annotations

import struct
import sys

import pytest

from nfsrdma.client.attributes import Stat, StatVfs
from nfsrdma.client.fuse import answers, wire
from nfsrdma.client.fuse.wire import Feature, Header, Valid, WireError
from nfsrdma.xdr.nfs4 import types as t

pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="octets of a small-endian machine"
)


def octets(text: str) -> memoryview:
    return memoryview(bytes.fromhex(text.replace("|", " ")))


def test_the_head_of_a_request() -> None:
    request = octets(
        "30000000 0f000000 0200000000000000 0700000000000000 e8030000 64000000 39300000 0100 0000"
        "| ffffffffffffffff"
    )
    header = Header.parse(request)
    assert header == Header(48, 15, 2, 7, 1000, 100, 12345, 1, 0)
    assert wire.HEADER_SIZE == 40


def test_init() -> None:
    body = octets("07000000 2d000000 00000200 fbffff73 fd010000" + "00" * 44)
    init = wire.Init.parse(body)
    assert init[:3] == (7, 45, 131072)
    assert init.features == 0x1FD73FFFFFB
    old = wire.Init.parse(octets("07000000 1f000000 00000200 fbffff03"))
    assert old == wire.Init(7, 31, 131072, 0x03FFFFFB)
    answer = answers.Negotiated(45, 131072, Feature.INIT_EXT | 1 << 36, 64, 1 << 20).pack()
    assert answer == octets(
        "07000000 2d000000 00000200 00000040 4000 3000 00001000 01000000 0001 0000 10000000"
        + "00" * 28
    )


@pytest.mark.parametrize(
    ("parse", "body", "wanted"),
    [
        (wire.Nothing.parse, "", ()),
        (wire.Name.parse, "6100", (b"a",)),
        (wire.Name.parse, "00", (b"",)),
        (wire.GetAttr.parse, "01000000 00000000 0500000000000000", (1, 5)),
        (wire.SymLink.parse, "6c00 2f7400", (b"l", b"/t")),
        (
            wire.MkNod.parse,
            "a4210000 05010000 12000000 00000000 6e00",
            (0o20644, 0x105, 0o22, b"n"),
        ),
        (wire.MkDir.parse, "ed010000 12000000 6400", (0o755, 0o22, b"d")),
        (wire.Rename.parse, "0300000000000000 6100 6200", (3, b"a", b"b")),
        (wire.Rename2.parse, "0300000000000000 02000000 00000000 6100 6200", (3, 2, b"a", b"b")),
        (wire.Link.parse, "0400000000000000 6e00", (4, b"n")),
        (wire.Open.parse, "02040000 00000000", (0x402,)),
        (
            wire.Create.parse,
            "42000000 a4810000 12000000 00000000 6600",
            (0x42, 0o100644, 0o22, b"f"),
        ),
        (
            wire.Read.parse,
            "0100000000000000 0010000000000000 00000200 00000000 0000000000000000 0080000000000000",
            (1, 4096, 131072),
        ),
        (
            wire.Write.parse,
            "0100000000000000 0010000000000000 03000000 01000000 0000000000000000 01040000 00000000"
            "| 616263",
            (1, 4096, 1, 0x401, b"abc"),
        ),
        (wire.SetXattr.parse, "02000000 01000000 | 757365722e6100 | 6869", (b"user.a", b"hi", 1)),
        (wire.GetXattr.parse, "10000000 00000000 | 757365722e6100", (16, b"user.a")),
        (wire.ListXattr.parse, "10000000 00000000", (16,)),
        (wire.Flush.parse, "0100000000000000 00000000 00000000 0900000000000000", (1, 9)),
        (wire.Release.parse, "0100000000000000 02000000 01000000 0900000000000000", (1, 2, 1, 9)),
        (wire.Fsync.parse, "0100000000000000 01000000 00000000", (1, 1)),
        (wire.Access.parse, "06000000 00000000", (6,)),
        (wire.LSeek.parse, "0100000000000000 0010000000000000 03000000 00000000", (1, 4096, 3)),
        (
            wire.FAllocate.parse,
            "0100000000000000 0010000000000000 0020000000000000 03000000 00000000",
            (1, 4096, 8192, 3),
        ),
        (
            wire.Lock.parse,
            "0100000000000000 0900000000000000 0a00000000000000 ffffffffffffff7f 01000000 39300000"
            "| 01000000 00000000",
            (1, 9, 10, (1 << 63) - 1, 1, 12345, 1),
        ),
    ],
)
def test_arguments(parse: object, body: str, wanted: tuple[object, ...]) -> None:
    data = octets(body)
    assert callable(parse)
    assert parse(data) == wanted
    if len(data):
        with pytest.raises((WireError, struct.error)):
            parse(data[:-1])


def test_the_data_of_a_write_may_be_elsewhere() -> None:
    whole = octets(
        "0300000000000000 0500000000000000 02000000 01000000 0000000000000000 02040000 00000000"
        "| 6162 63"
    )
    data = whole[40:]
    found = wire.Write.parse_apart(whole[:40], data)
    assert found == wire.Write.parse(whole)
    assert found.data == b"ab"
    with pytest.raises(WireError, match="1 octets where 2"):
        wire.Write.parse_apart(whole[:40], data[:1])


def test_the_data_of_a_write_outlives_memory_that_is_used_again() -> None:
    body = octets(
        "0100000000000000 0010000000000000 03000000 00000000 0000000000000000 01040000 00000000"
        "| 616263"
    )
    again = bytearray(body)
    data = wire.Write.parse(memoryview(again)).data
    again[:] = bytes(len(again))
    assert data == b"abc"
    # What nobody can write to is not copied.
    data = wire.Write.parse(body).data
    assert isinstance(data, memoryview)
    assert data.obj is body.obj


def test_setattr_with_times_before_1970() -> None:
    body = octets(
        "31010000 00000000 0700000000000000 0000000000000000 0000000000000000"
        "| ffffffffffffffff 0100000000000000 0000000000000000 00ca9a3b 00000000 00000000"
        "| a4010000 00000000 e8030000 64000000 00000000"
    )
    with pytest.raises(struct.error):
        wire.SetAttr.parse(body[:80])
    arguments = wire.SetAttr.parse(body)
    assert arguments.valid == 0x131
    assert arguments.valid & Valid.MTIME_NOW
    assert (arguments.atime_ns, arguments.mtime_ns) == (0, 10**9)
    assert (arguments.mode, arguments.uid, arguments.gid) == (0o644, 1000, 100)


def test_forgetting() -> None:
    assert wire.parse_forget(5, octets("0300000000000000")) == [(5, 3)]
    batch = octets(
        "02000000 00000000 0500000000000000 0300000000000000 0600000000000000 0100000000000000"
    )
    assert wire.parse_batch_forget(batch) == [(5, 3), (6, 1)]
    with pytest.raises(WireError, match="2 nodes in 39 octets"):
        wire.parse_batch_forget(batch[:-1])
    assert wire.parse_interrupt(octets("0800000000000000")) == 8


def made_stat() -> Stat:
    status = Stat()
    status.st_mode, status.st_size, status.st_ino, status.st_nlink = 0o100644, 5, 7, 2
    status.st_blocks = 8
    status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns = -1, 1_000_000_001, 2_000_000_000
    status.owner, status.group = b"1000", b"100"
    status.st_rdev = 8 << 32 | 300
    return status


ATTRIBUTES = (
    "0700000000000000 0500000000000000 0800000000000000 ffffffffffffffff 0100000000000000"
    "| 0200000000000000 ffc99a3b 01000000 00000000 a4810000 02000000 e8030000 64000000 2c081000"
    "| 00001000 00000000"
)


def test_attributes() -> None:
    assert answers.attributes_out(made_stat(), 7, 1.5) == octets(
        "0100000000000000 0065cd1d 00000000" + ATTRIBUTES
    )
    assert answers.entry_out(9, made_stat(), 7, 2, 0.25) == octets(
        "0900000000000000 0000000000000000 0200000000000000 0000000000000000 00000000 80b2e60e"
        + ATTRIBUTES
    )
    assert answers.no_entry_out(3) == octets(
        "0000000000000000 0000000000000000 0300000000000000" + "00" * 104
    )


def test_a_lifetime_that_is_too_long_for_the_kernel_is_shorter() -> None:
    assert struct.unpack_from("=QI", answers.attributes_out(made_stat(), 7, 1e30)) == (1 << 30, 0)


def test_answers() -> None:
    assert answers.head(2, 5) == octets("15000000 00000000 0200000000000000")
    assert answers.head(2, 0, 2) == octets("10000000 feffffff 0200000000000000")
    assert answers.open_out(1, 2) == octets("0100000000000000 02000000 00000000")
    assert answers.write_out(3) == octets("03000000 00000000")
    assert answers.lseek_out(4096) == octets("0010000000000000")
    assert answers.lock_out(1, 0, 9, 0) == octets(
        "0000000000000000 0900000000000000 01000000 00000000"
    )
    assert answers.entry_of_directory(7, 3, 0o100644, b"abc") == octets(
        "0700000000000000 0300000000000000 03000000 08000000 6162630000000000"
    )
    assert answers.invalidate_attributes(5) == octets(
        "28000000 02000000 0000000000000000 0500000000000000 ffffffffffffffff 0000000000000000"
    )
    values = {
        t.FATTR4_SPACE_TOTAL: 8 * 4096,
        t.FATTR4_SPACE_FREE: 4 * 4096,
        t.FATTR4_SPACE_AVAIL: 3 * 4096,
        t.FATTR4_FILES_TOTAL: 2,
        t.FATTR4_FILES_FREE: 1,
    }
    assert answers.statfs_out(StatVfs(values)) == octets(
        "0800000000000000 0400000000000000 0300000000000000 0200000000000000 0100000000000000"
        "| 00100000 ff000000 00100000" + "00" * 28
    )


def test_device_numbers_are_the_kernels() -> None:
    for major, minor in ((0, 0), (8, 1), (259, 70_000), (4095, 0xFFFFF)):
        assert answers.device_numbers(answers.device_of(major, minor)) == (major, minor)
    assert answers.device_of(8, 1) == 0x801
