"""Tables by column: thousands of small numbers in JSON, alike ones beside each other."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence


class Strings:
    """Every string once; tables have its index."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._index: dict[str, int] = {}

    def add(self, text: str) -> int:
        """Return the number of a string, which is added if it is new."""
        index = self._index.get(text)
        if index is None:
            index = self._index[text] = len(self.all)
            self.all.append(text)
        return index


class Table:
    """Columns of integers, those in ``deltas`` written as differences from row to row."""

    def __init__(self, names: Sequence[str], deltas: Iterable[str] = ()) -> None:
        self.names = tuple(names)
        self.columns = [array("q") for _ in self.names]
        self._deltas = frozenset(deltas)

    def __len__(self) -> int:
        return len(self.columns[0])

    def add(self, *values: int) -> int:
        """Add a row; return its index."""
        for column, value in zip(self.columns, values, strict=True):
            column.append(value if -_MAX <= value <= _MAX else -1)
        return len(self.columns[0]) - 1

    def column(self, name: str) -> array[int]:
        """Return the values of a column."""
        return self.columns[self.names.index(name)]

    def arranged(self, order: Sequence[int]) -> None:
        """Put the rows into another order."""
        self.columns = [array("q", [column[row] for row in order]) for column in self.columns]

    def as_dict(self) -> dict[str, object]:
        """Return columns by name. What is a column of differences is listed as ``deltas``."""
        fields: dict[str, object] = {"deltas": sorted(self._deltas)}
        for name, column in zip(self.names, self.columns, strict=True):
            fields[name] = _differences(column) if name in self._deltas else column.tolist()
        return fields


_MAX = (1 << 63) - 1


def _differences(column: array[int]) -> list[int]:
    before = 0
    found = []
    for value in column:
        found.append(value - before)
        before = value
    return found
