"""Attributes of a file, decoded by the compiled ``decode_stat`` and in Python: as right."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest

from nfsrdma.client import attributes, quick
from nfsrdma.client.attributes import STAT, Stat, decode_stat_in_python
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

if not quick.native:
    pytest.skip("not compiled, or NFSRDMA_NATIVE=0", allow_module_level=True)

CASES = int(os.environ.get("NFSRDMA_QUICK_STEPS", "1500")) * 4
WIDE = (1 << 64) - 1


class Other(Decoder):
    """A decoder of another type, which is for Python."""


def values(rng: Random) -> dict[int, Any]:
    """Return the attributes of an object, such as they are or could be."""

    def wide() -> int:
        return rng.choice((0, 5, 1 << 40, WIDE, rng.getrandbits(64)))

    def name() -> bytes:
        return rng.choice(
            (b"", b"0", b"1000", b"root@x", rng.randbytes(rng.choice((3, 63, 64, 65))))
        )

    def time() -> t.nfstime4:
        late = rng.choice((0, -1, 1_700_000_000, 9 * 10**9, -(10**10), (1 << 63) - 1, -(1 << 63)))
        return t.nfstime4(late, rng.choice((0, 999_999_999, rng.randrange(1_000_000_000))))

    return {
        t.FATTR4_TYPE: rng.choice((1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)),
        t.FATTR4_CHANGE: wide(),
        t.FATTR4_SIZE: wide(),
        t.FATTR4_FSID: t.fsid4(wide(), wide()),
        t.FATTR4_FILEID: wide(),
        t.FATTR4_MODE: rng.choice((0o644, 0o7777, 0o100644, (1 << 32) - 1)),
        t.FATTR4_NUMLINKS: rng.choice((0, 1, (1 << 32) - 1)),
        t.FATTR4_OWNER: name(),
        t.FATTR4_OWNER_GROUP: name(),
        t.FATTR4_RAWDEV: t.specdata4(rng.getrandbits(32), rng.choice((0, 1 << 31))),
        t.FATTR4_SPACE_USED: wide(),
        t.FATTR4_TIME_ACCESS: time(),
        t.FATTR4_TIME_METADATA: time(),
        t.FATTR4_TIME_MODIFY: time(),
    }


def octets(rng: Random) -> bytes:
    """Return attributes in a reply, more or less well."""
    given = values(rng)
    if rng.random() < 0.1:
        del given[rng.choice(list(given))]
    enc = Encoder()
    encode_fattr4(given).encode(enc)
    made = bytearray(enc.buffer)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 3))):
        at = rng.randrange(min(len(made), rng.choice((4, 20, 80, 1 << 10))))
        made[at] = rng.choice((0, 1, made[at] ^ 1 << rng.randrange(8), 255))
    if rng.random() < 0.1:
        del made[rng.randrange(len(made)) :]
    return bytes(made) + rng.randbytes(rng.choice((0, 0, 4, 300)))


def outcome(decode: Any, kind: type[Decoder], whole: bytes, start: int) -> tuple[object, ...]:
    """Return what comes of it."""
    decoder = kind(whole)
    decoder.offset = start
    try:
        found: Stat = decode(decoder)
    except XdrError as error:
        return "error", str(error), decoder.offset
    assert type(found) is Stat
    fields = [getattr(found, name) for name in Stat.__slots__]
    return fields, [type(value) for value in fields], decoder.offset


def test_same_as_in_python() -> None:
    well = 0
    for seed in range(CASES):
        rng = Random(seed)
        start = rng.choice((0, 96))
        whole = rng.randbytes(start) + octets(rng)
        kind = Other if rng.random() < 0.05 else Decoder
        expected = outcome(decode_stat_in_python, kind, whole, start)
        assert outcome(attributes.decode_stat, kind, whole, start) == expected, seed
        well += expected[0] != "error"
    assert CASES // 4 < well < CASES


def test_every_beginning_is_as_wrong() -> None:
    rng = Random(1)
    enc = Encoder()
    encode_fattr4(values(rng)).encode(enc)
    whole = bytes(enc.buffer)
    assert whole.startswith(STAT)
    for end in range(len(whole) + 1):
        part = whole[:end]
        expected = outcome(decode_stat_in_python, Decoder, part, 0)
        assert outcome(attributes.decode_stat, Decoder, part, 0) == expected, end
