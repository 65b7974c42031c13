"""Files' contents as bytes: of the expected size, shorter, longer, and with views left about."""

from __future__ import annotations

import pytest

from nfsrdma.client.contents import Contents


def read(data: bytes, expected: int, kept: list[memoryview] | None = None) -> bytes:
    contents = Contents(expected)
    while True:
        rest = contents.rest()
        assert rest, "there is always room for one more"
        piece = data[contents.done : contents.done + len(rest)]
        rest[: len(piece)] = piece
        if kept is not None:
            kept.append(rest)
        del rest
        if not contents.filled(len(piece)):
            assert contents.done == len(data)
            return contents.take()


@pytest.mark.parametrize("expected", [0, 1, 99, 100, 101, 5000])
@pytest.mark.parametrize("keep", [False, True])
def test_all_of_it_whatever_was_expected(expected: int, keep: bool) -> None:
    data = bytes(range(100))
    assert read(data, expected, [] if keep else None) == data
    assert read(b"", expected) == b""


def test_a_file_that_grows_and_grows() -> None:
    data = bytes(range(256)) * 1000
    assert read(data, 1) == data
    assert read(data, 1, []) == data
