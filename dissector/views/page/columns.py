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
        self._blocks: dict[str, list[str]] = {}
        self._rows = 0

    def add(self, row: int, fields: Fields) -> None:
        """Add the fields of a row; rows come in ascending order."""
        runs = self._runs
        for name, value in fields.items():
            column = runs.get(name)
            if column is None:
                runs[name] = [row, 1, value]
            elif column[-1] == value and column[-3] + column[-2] == row:
                column[-2] += 1
            else:
                column += (row, 1, value)
        self._rows += 1
        if self._rows % BLOCK == 0:
            self._pack()

    def _pack(self) -> None:
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
