"""READDIR of files that another client has been delegated, and may have changed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.delegations import BOTH, WANT_NONE, Bed, attributes_answer, settle
from tests.support.nfs import PUTROOTFH, Reply, close, putfh, readdir

from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4

NUMBERS = (t.FATTR4_CHANGE, t.FATTR4_SIZE, t.FATTR4_TIME_MODIFY)


@pytest.fixture
def bed() -> Bed:
    return Bed()


def entries(reply: Reply) -> dict[bytes, dict[int, Any]]:
    """The attributes of what was listed, by name."""
    assert reply.status == t.NFS4_OK, reply
    listed = {}
    entry = reply[-1].reply.entries
    while entry is not None:
        listed[entry.name] = decode_fattr4(entry.attrs)
        entry = entry.nextentry
    return listed


def ls(bed: Bed, *numbers: int) -> dict[bytes, dict[int, Any]]:
    """List the root as the other client."""
    return entries(bed.other.session.run(PUTROOTFH, readdir(numbers=numbers)))


def test_entries_are_as_getattr_has_them(bed: Bed) -> None:
    handle, _, _ = bed.holder.delegated(b"f", BOTH)
    before = ls(bed, t.FATTR4_TYPE, t.FATTR4_FILEID)
    assert not bed.holder.seen, "nothing that the holder changes"
    assert set(before) == {b"f"}
    own = bed.holder.session.attributes(handle, *NUMBERS)
    bed.holder.obeys = lambda operation: attributes_answer(own[t.FATTR4_CHANGE], 8)
    assert ls(bed, *NUMBERS) == {b"f": own}
    bed.holder.obeys = lambda operation: attributes_answer(own[t.FATTR4_CHANGE] + 1, 5000)
    seen = [ls(bed, *NUMBERS)[b"f"] for _ in range(2)]
    seen.append(bed.other.session.attributes(handle, *NUMBERS))
    assert [each[t.FATTR4_SIZE] for each in seen] == [5000] * 3
    changes = [each[t.FATTR4_CHANGE] for each in seen]
    assert own[t.FATTR4_CHANGE] < changes[0] < changes[1] < changes[2]
    assert not bed.holder.recalls()


def test_the_holder_itself_is_not_asked(bed: Bed) -> None:
    bed.holder.delegated(b"f", BOTH)
    entries(bed.holder.session.run(PUTROOTFH, readdir(numbers=NUMBERS)))
    assert not bed.holder.seen


def test_a_holder_that_does_not_answer_holds_up_one_listing_alone(bed: Bed) -> None:
    bed.holder.delegated(b"f", BOTH)
    bed.holder.obeys = lambda operation: None
    listing = bed.breaks(PUTROOTFH, readdir(numbers=NUMBERS))
    assert not listing.outcome
    bed.reactor.advance(2)
    settle(bed.reactor)
    assert entries(Reply(listing))[b"f"][t.FATTR4_SIZE] == len(b"contents")
    assert len(bed.holder.recalls()) == 1
    assert set(ls(bed, *NUMBERS)) == {b"f"}


def test_so_many_are_asked_at_a_time(bed: Bed) -> None:
    for number in range(30):
        name = b"g%02d" % number
        handle, made = bed.other.open(name, BOTH | WANT_NONE, create=True)
        bed.other.session.ok(putfh(handle), close(made.stateid))
        bed.holder.delegated(name, BOTH)
    bed.holder.obeys = lambda operation: attributes_answer(1, 77)
    listed = ls(bed, t.FATTR4_SIZE)
    told = [name for name, values in listed.items() if values[t.FATTR4_SIZE] == 77]
    assert len(listed) == 31
    assert len(told) == len(bed.holder.seen) == 16
