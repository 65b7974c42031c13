"""The lock engine against a model that keeps a holder for every octet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.server.state import lock
from nfsrdma.server.state.lock import RangeLocks

SIZE = 24


@dataclass(frozen=True)
class _Holder:
    owner: bytes
    client: int


@pytest.fixture(autouse=True, scope="module")
def short_blocks() -> Iterator[None]:
    """Let few ranges make several blocks."""
    with mock.patch.object(lock, "_BLOCK", 3):
        yield


HOLDERS: list[Any] = [_Holder(b"%d" % n, n // 2) for n in range(4)]

steps = st.lists(
    st.tuples(
        st.sampled_from(["lock", "share", "unlock", "drop"]),
        st.integers(0, 3),
        st.integers(0, SIZE - 1),
        st.integers(1, SIZE),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_same_as_octet_by_octet(todo: list[tuple[str, int, int, int]]) -> None:
    locks = RangeLocks()
    model: list[dict[int, bool]] = [{} for _ in range(SIZE)]
    for what, number, start, length in todo:
        holder, end = HOLDERS[number], min(SIZE, start + length)
        if what == "drop":
            locks.drop(holder)
            for held in model:
                held.pop(number, None)
        elif what == "unlock":
            before_, splits = locks.held_by(holder), locks.splits(start, end, holder)
            locks.unlock(start, end, holder)
            assert splits == (locks.held_by(holder) > before_)
            for held in model[start:end]:
                held.pop(number, None)
        else:
            exclusive = what == "lock"
            conflict = locks.conflict(start, end, exclusive, holder.client, holder.owner)
            expected = any(
                other != number and (exclusive or kind)
                for held in model[start:end]
                for other, kind in held.items()
            )
            assert (conflict is not None) == expected
            if conflict is None:
                locks.lock(start, end, exclusive, holder)
                for held in model[start:end]:
                    held[number] = exclusive
        for number_, each in enumerate(HOLDERS):
            runs = 0
            before: bool | None = None
            for held in model:
                kind = held.get(number_)
                runs += kind is not None and kind != before
                before = kind
            assert locks.held_by(each) == runs
        assert len(locks) == sum(map(locks.held_by, HOLDERS))
