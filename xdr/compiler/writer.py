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

from .model import Model
from .names import USED

WIDTH = 100
"""How long a line may be."""

_TAKEN = USED | {"arm", "buf", "cls", "dec", "enc", "error", "self", "value"}
"""Names that the emitted functions use themselves."""


class Layouts:
    """The ``struct`` formats that a module uses, each under a name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, codes: list[str]) -> str:
        """Return the name of the layout made of ``codes``: ``_2IQ`` for ``I``, ``I``, ``Q``."""
        layout = re.sub(
            r"(?<![0-9])([a-zA-Z])\1+", lambda run: f"{len(run[0])}{run[1]}", "".join(codes)
        )
        return self._names.setdefault(layout, f"_{layout}")

    def lines(self) -> list[str]:
        """Return the definitions of all of them."""
        return [f'{name} = Struct(">{layout}")' for layout, name in sorted(self._names.items())]


class Writer:
    """A function under construction: indented lines, unique names and a pending run."""

    def __init__(self, model: Model, layouts: Layouts, depth: int) -> None:
        self.lines: list[str] = []
        self.layouts = layouts
        self.model = model
        self.run: list[tuple[str, str]] = []
        self._depth = depth
        self._taken = set(_TAKEN)

    def add(self, line: str) -> None:
        """Append a line at the present depth."""
        self.lines.append("    " * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Append a line that ends in a colon; what is written inside ``with`` goes below it."""
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    def fresh(self, stem: str) -> str:
        """Return a local name that nothing else has, in this function or in the whole module."""
        name, number = stem, 1
        while name in self._taken or self.model.defines(name):
            number += 1
            name = f"{stem}{number}"
        self._taken.add(name)
        return name


def opaque_code(size: int) -> str:
    """Return the format of a fixed opaque and its pad."""
    pad = -size & 3
    return f"{size}s{pad}x" if pad else f"{size}s"
