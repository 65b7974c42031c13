"""Entries of a listing, by the compiled ``take_entries`` and one by one in Python: the same."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest

from nfsrdma.client import attributes, quick
from nfsrdma.client.attributes import Page, Stat, decode_entries
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

if not quick.native:
    pytest.skip("not compiled, or NFSRDMA_NATIVE=0", allow_module_level=True)

CASES = int(os.environ.get("NFSRDMA_QUICK_STEPS", "1500"))
WIDE = (1 << 64) - 1
NAMES = (b"a", b"name", b"n" * 255, b"n" * 256, b"..x", b"...", b"\xff\xfe", b" ")
NO_NAMES = (b"", b".", b"..", b"a/b", b"/", b"a\0b", b"\0", b"n" * 1024, b"n" * 1025)


class Other(Decoder):
    """A decoder of another type, which is for Python."""


def values(rng: Random) -> dict[int, Any]:
    """Return the attributes of an entry, such as they are or could be."""

    def wide() -> int:
        return rng.choice((0, 5, 1 << 40, WIDE, rng.getrandbits(64)))

    def owner() -> bytes:
        usual = (b"0", b"0", b"1000", b"root@x", b"")
        return rng.choice((*usual, rng.randbytes(rng.choice((63, 64, 65, 1024)))))

    def time() -> t.nfstime4:
        late = rng.choice((0, -1, 1_700_000_000, 9 * 10**9, 10**10, (1 << 63) - 1, -(1 << 63)))
        few = (0, -1, 1_700_000_000)
        return t.nfstime4(
            late if not rng.randrange(20) else rng.choice(few), rng.randrange(1_000_000_000)
        )

    return {
        t.FATTR4_TYPE: rng.choice((1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)),
        t.FATTR4_CHANGE: wide(),
        t.FATTR4_SIZE: wide(),
        t.FATTR4_FSID: t.fsid4(rng.choice((7, 7, 7, wide())), 0),
        t.FATTR4_RDATTR_ERROR: rng.choice((0, 0, 0, t.NFS4ERR_ACCESS)),
        t.FATTR4_FILEHANDLE: rng.randbytes(rng.choice((1, 27, 28, 128))),
        t.FATTR4_FILEID: wide(),
        t.FATTR4_MODE: rng.choice((0o644, 0o7777, 0o100644, (1 << 32) - 1)),
        t.FATTR4_NUMLINKS: rng.choice((0, 1, (1 << 32) - 1)),
        t.FATTR4_OWNER: owner() if not rng.randrange(5) else b"0",
        t.FATTR4_OWNER_GROUP: owner() if not rng.randrange(5) else b"1000",
        t.FATTR4_RAWDEV: t.specdata4(rng.getrandbits(32), rng.choice((0, 1 << 31))),
        t.FATTR4_SPACE_USED: wide(),
        t.FATTR4_TIME_ACCESS: time(),
        t.FATTR4_TIME_METADATA: time(),
        t.FATTR4_TIME_MODIFY: time(),
    }


def listing(rng: Random) -> bytes:
    """Return a page in a reply, more or less well."""
    enc = Encoder()
    enc.fixed_opaque(b"verifier", 8)
    for _ in range(rng.choice((0, 1, 5, 20))):
        enc.boolean(True)
        enc.uint64(rng.getrandbits(64))
        enc.opaque(rng.choice(NO_NAMES if not rng.randrange(60) else NAMES))
        given = values(rng)
        if not rng.randrange(10):
            for number in rng.sample(list(given), rng.choice((1, 1, len(given)))):
                del given[number]
        encode_fattr4(given).encode(enc)
    enc.boolean(False)
    enc.boolean(rng.random() < 0.5)
    made = bytearray(enc.buffer)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 3))):
        at = rng.randrange(min(len(made), rng.choice((8, 40, 80, 1 << 12))))
        made[at] = rng.choice((0, 1, made[at] ^ 1 << rng.randrange(8), 255))
    if rng.random() < 0.1:
        del made[rng.randrange(len(made)) :]
    return bytes(made) + rng.randbytes(rng.choice((0, 0, 4, 300)))


def told(status: Stat | int) -> object:
    """All that there is to an entry."""
    if not isinstance(status, Stat):
        return status
    fields = [getattr(status, name) for name in Stat.__slots__]
    return fields, [type(value) for value in fields]


def outcome(kind: type[Decoder], whole: bytes) -> tuple[object, ...]:
    """Return what comes of it."""
    decoder = kind(whole)
    decoder.offset = 4
    try:
        page: Page = decode_entries(decoder)
    except XdrError as error:
        return "error", str(error), decoder.offset
    entries = [(name, told(status)) for name, status in page.entries]
    return page.verifier, page.cookie, page.cookies, page.end, entries, decoder.offset


def none_taken(*_: Any) -> None:
    """Leave all entries to Python."""


def both(monkeypatch: pytest.MonkeyPatch, kind: type[Decoder], whole: bytes) -> Any:
    """Return what comes of it both ways."""
    found = outcome(kind, whole)
    with monkeypatch.context() as patch:
        patch.setattr(attributes, "take_entries", none_taken)
        assert outcome(kind, whole) == found
    return found


def test_same_as_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    well = 0
    for seed in range(CASES):
        rng = Random(seed)
        whole = rng.randbytes(4) + listing(rng)
        kind = Other if rng.random() < 0.05 else Decoder
        well += both(monkeypatch, kind, whole)[0] != "error"
    assert CASES // 4 < well < CASES


def test_every_beginning_is_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(2)
    whole = bytes(4) + listing(rng)
    for end in range(4, min(len(whole), 1500) + 1):
        both(monkeypatch, Decoder, whole[:end])


def test_the_usual_is_taken() -> None:
    """And what is not stops it, with the decoder at the beginning of that."""
    enc = Encoder()
    for number in range(4):
        enc.boolean(True)
        enc.uint64(number)
        enc.opaque(b"name" if number != 2 else b"..")
        given = values(Random(4)) | {t.FATTR4_OWNER: b"0", t.FATTR4_OWNER_GROUP: b"0"}
        given |= dict.fromkeys(
            (t.FATTR4_TIME_ACCESS, t.FATTR4_TIME_METADATA, t.FATTR4_TIME_MODIFY), t.nfstime4(5, 6)
        )
        encode_fattr4(given).encode(enc)
    decoder, entries, cookies = Decoder(bytes(enc.buffer)), list[Any](), list[int]()
    attributes.take_entries(decoder, entries, cookies)
    assert (len(entries), cookies, decoder.offset) == (2, [0, 1], len(enc.buffer) // 2)
    attributes.take_entries(decoder, entries, cookies)
    assert len(entries) == 2
    attributes.take_entries(Other(bytes(enc.buffer)), entries, cookies)
    assert len(entries) == 2
    wrong: tuple[Any, Any]
    for wrong in (((), []), ([], ())):
        with pytest.raises(TypeError):
            attributes.take_entries(decoder, *wrong)
