"""Every back end that keeps byte ranges: against others that use the same files."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conformance.backends import Backend
from tests.support.backends import fails, put

from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, Foreign

pytestmark = pytest.mark.needs("writes", "locks")

END = 1 << 64


class Sides:
    """A file, by this back end and by another one that uses the same files."""

    def __init__(self, backend: Backend) -> None:
        assert backend.again is not None
        self.fs = backend.fs
        self.other = backend.settled(backend.again())
        self.node = put(self.fs, b"a", b"hello")
        self.keepers: list[Any] = []

    def here(self, access: int = READ | WRITE) -> Any:
        return self._keeper(self.fs, access)

    def there(self, access: int = READ | WRITE) -> Any:
        return self._keeper(self.other, access)

    def _keeper(self, fs: Any, access: int) -> Any:
        self.keepers.append(fs.keep_ranges(fs.node(self.node.identity), ROOT, access))
        return self.keepers[-1]


@pytest.fixture
def sides(backend: Backend) -> Iterator[Sides]:
    made = Sides(backend)
    yield made
    for keeper in made.keepers:
        keeper.close()


def what(found: Foreign | None) -> tuple[int, int, bool] | None:
    """What is in the way, but for whose it is."""
    return None if found is None else found[:3]


def test_a_range_that_is_held_keeps_others_off(sides: Sides) -> None:
    here, there = sides.here(), sides.there()
    assert here.hold(10, 20, True) is None
    assert what(there.hold(0, 11, False)) == (10, 20, True)
    assert what(there.conflict(19, END, False)) == (10, 20, True)
    assert here.conflict(0, END, True) is None
    assert there.hold(0, 10, True) is None
    assert there.hold(20, END, True) is None
    assert what(here.hold(10, 21, False)) == (20, END, True)
    assert what(there.conflict(10, 20, False)) == (10, 20, True), "a refusal changes nothing"


def test_readers_keep_off_writers_alone(sides: Sides) -> None:
    here, there = sides.here(READ), sides.there()
    assert here.hold(0, 10, False) is None
    assert there.hold(5, 15, False) is None
    assert what(there.hold(5, 15, True)) == (0, 10, False)
    fails(errno.EACCES, here.hold, 0, 10, True)
    here.release(0, 8)
    assert what(there.conflict(0, 20, True)) == (8, 10, False)
    here.release(0, END)
    assert there.hold(5, 15, True) is None


def test_up_and_down(sides: Sides) -> None:
    here, there = sides.here(), sides.there()
    assert here.hold(0, 10, False) is None
    assert here.hold(2, 4, True) is None
    assert there.hold(0, 2, False) is None
    assert what(there.conflict(0, END, False)) == (2, 4, True)
    assert here.hold(0, 10, False) is None
    assert there.conflict(0, END, False) is None


def test_closing_lets_go_of_everything(sides: Sides) -> None:
    here, there = sides.here(), sides.there()
    for start in range(0, 40, 4):
        assert here.hold(start, start + 2, bool(start % 8)) is None
    here.close()
    here.close()
    assert there.hold(0, END, True) is None
    fails(errno.EBADF, here.hold, 0, 1, False)


def test_it_goes_on_while_the_file_is_closed_and_removed(sides: Sides) -> None:
    here, there = sides.here(), sides.there()
    assert here.hold(0, 1, True) is None
    file = sides.fs.open(sides.node, ROOT, READ | WRITE)
    file.close()
    assert what(there.conflict(0, END, True)) == (0, 1, True)
    sides.fs.remove(sides.fs.root, b"a", ROOT)
    assert what(there.conflict(0, END, True)) == (0, 1, True)
    here.release(0, 1)
    assert there.conflict(0, END, True) is None
