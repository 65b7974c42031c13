"""The fields of all messages, by column: what the page's filter asks, packed until it does.

A column is a field of the calls, or of the replies. Neighbouring rows with the same value are one
run, as most fields hardly ever change. Values are of the field's type, as the evaluation of a
filter in ``filter`` makes them; octets are hexadecimal digits, and numbers of more than 53 bits
texts, which JSON would not keep.
"""

from __future__ import annotations

import json
from typing import Any

from ...fields.fields import Fields
from ...fields.kinds import IN_OCTETS, FieldKind, FieldType, in_octets
from ...fields.names import known
from .packing import packed

BLOCK = 8192
"""Rows that are packed together."""
_EXACT = (1 << 53) - 1


class Columns:
    """The fields of the messages of one direction, row by row."""

    def __init__(self) -> None:
        self._types = known()
        self._runs: dict[str, list[Any]] = {}
        """Of this block: start, length and value of each run, the next after the one before."""
        self._shared: dict[int, tuple[Fields, list[int]]] = {}
        """Of this block: fields that rows share, and start and length of each run of such rows."""
        self._blocks: dict[str, list[str]] = {}
        self._rows = 0

    def add(self, row: int, fields: Fields, shared: list[Fields]) -> None:
        """Add the fields of a row; rows come in ascending order.

        No field is in two of them.
        """
        runs = self._runs
        for name, value in fields.items():
            column = runs.get(name)
            if column is None:
                runs[name] = [row, 1, value]
            elif column[-1] == value and column[-3] + column[-2] == row:
                column[-2] += 1
            else:
                column += (row, 1, value)
        for each in shared:
            found = self._shared.get(id(each))
            if found is None:
                self._shared[id(each)] = each, [row, 1]
            elif found[1][-2] + found[1][-1] == row:
                found[1][-1] += 1
            else:
                found[1].extend((row, 1))
        self._rows += 1
        if self._rows % BLOCK == 0:
            self._pack()

    def _unshare(self) -> None:
        """Make columns of the shared fields: of each row the latest value, runs in order."""
        of_rows: dict[str, list[tuple[int, int, Any]]] = {}
        for fields, runs in self._shared.values():
            for name, value in fields.items():
                column = of_rows.setdefault(name, [])
                column += [
                    (at, size, value) for at, size in zip(runs[::2], runs[1::2], strict=True)
                ]
        for name, found in of_rows.items():
            own = self._runs.get(name, ())
            found += zip(own[::3], own[1::3], own[2::3], strict=True)
            found.sort(key=_start)
            self._runs[name] = [item for run in found for item in run]
        self._shared = {}

    def _pack(self) -> None:
        self._unshare()
        for name, column in self._runs.items():
            type_ = self._types.get(name)
            if type_ is None:
                continue  # a filter cannot ask for it
            values = [_of_type(value, type_) for value in column[2::3]]
            if values.count(None) < len(values):
                block = packed(json.dumps([column[::3], column[1::3], values],
                                          separators=(",", ":")).encode())  # fmt: skip
                self._blocks.setdefault(name, []).append(block)
        self._runs = {}

    def data(self) -> dict[str, list[str]]:
        """Return field -> packed blocks, each runs: their starts, their lengths, their values."""
        self._pack()
        return self._blocks


def _start(run: tuple[int, int, Any]) -> int:
    return run[0]


def field_table() -> dict[str, list[object]]:
    """Return field -> kind, whether it is written in hexadecimal, and octets of a number."""
    return {
        name: [type_.kind.value, int(type_.hexadecimal), type_.width]
        for name, type_ in known().items()
    }


def _of_type(value: Any, type_: FieldType) -> Any:
    """Return a value, or a list of values, as a filter compares it; ``None`` if there is none."""
    if not isinstance(value, list):
        return _single(value, type_)
    several = [one for each in value if (one := _single(each, type_)) is not None]
    return several or None


def _single(value: Any, type_: FieldType) -> Any:
    kind = type_.kind
    if kind in IN_OCTETS:
        octets = in_octets(value, type_.width)
        return octets.hex() if octets is not None else None
    if kind == FieldKind.TEXT:
        return value if isinstance(value, str) else None
    if kind == FieldKind.PROTOCOL:
        return 1
    if isinstance(value, int) and abs(value) > _EXACT:
        return str(value)
    return value if isinstance(value, int | float) else None
