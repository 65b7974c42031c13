"""Lines of Python under construction, and the fixed runs in them.

The emitted code is fast because neighbouring fields of fixed size share one ``struct.Struct``
(and so one call), across the borders of nested structures, the length words of what follows and
the discriminants of unions included. A *run* is such a row of fields that has not been written
out yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from .model import Array, Boolean, FixedArray, FixedOpaque, Opaque, Optional, Reference, Scalar
from .model import Type as Kind

WIDTH = 100


class Layouts:
    """The ``struct`` formats that a module uses, each under a name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, codes: list[str]) -> str:
        """The name of the layout made of ``codes``: ``_2IQ`` for ``I``, ``I``, ``Q``."""
        layout = re.sub(r"([a-zA-Z])\1+", lambda run: f"{len(run[0])}{run[1]}", _plain(codes))
        return self._names.setdefault(layout, f"_{layout}")

    def lines(self) -> list[str]:
        """The definitions of all of them."""
        return [f'{name} = Struct(">{layout}")' for layout, name in sorted(self._names.items())]


def _plain(codes: list[str]) -> str:
    """The codes one after the other; those that carry a count of their own do not merge."""
    joined = ""
    for code in codes:
        joined += code
    return joined


class Writer:
    """Indented lines, unique temporary names and a pending run."""

    def __init__(self, layouts: Layouts, depth: int) -> None:
        self.lines: list[str] = []
        self.layouts = layouts
        self.run: list[tuple[str, str]] = []
        self._depth = depth
        self._taken: set[str] = set()

    def add(self, line: str) -> None:
        """Append a line at the present depth."""
        self.lines.append("    " * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A line that ends in a colon, and what is written inside ``with`` below it."""
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    def fresh(self, stem: str) -> str:
        """A local name that nothing else in this function has."""
        name, number = stem, 1
        while name in self._taken:
            number += 1
            name = f"{stem}{number}"
        self._taken.add(name)
        return name


def opaque_code(size: int) -> str:
    """The format of a fixed opaque and its pad."""
    pad = -size & 3
    return f"{size}s{pad}x" if pad else f"{size}s"


def limit_text(limit: int | None) -> str:
    """A limit as an argument list's tail."""
    return "" if limit is None else str(limit)


__all__ = [
    "WIDTH",
    "Array",
    "Boolean",
    "FixedArray",
    "FixedOpaque",
    "Kind",
    "Layouts",
    "Opaque",
    "Optional",
    "Reference",
    "Scalar",
    "Writer",
    "limit_text",
    "opaque_code",
]
