"""A display filter as views use it: a test, and how often what was asked about did fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..fields.derived import derived_names
from .evaluate import Fields, decide
from .parser import parse
from .tree import Field, Test, portable


class Filter:
    """The test that a text means.

    ``derived`` are the fields it wants beside those that messages have (see ``fields.derived``).
    """

    def __init__(self, tree: Test) -> None:
        self.tree = tree
        self._test = decide(tree)
        self.derived = tuple(sorted(derived_names().intersection(_names(tree))))
        self.asked = self.fitted = 0
        self.began_ns: Callable[[], int] = lambda: 0
        """When frame 1 was."""

    def __call__(self, fields: Fields) -> bool:
        """Return whether a message's fields fit."""
        return self.any((fields,))

    def any(self, several: Iterable[Fields]) -> bool:
        """Return whether one of several fits; they count as one."""
        self.asked += 1
        fits = any(map(self._test, several))
        self.fitted += fits
        return fits

    def portable(self) -> Any:
        """Return the filter as JSON can hold it, for what evaluates it elsewhere (``tree``)."""
        return portable(self.tree)


def compile_filter(text: str) -> Filter:
    """Return the filter that a text is. Raises ``FilterError``."""
    return Filter(parse(text))


def _names(node: Any) -> Iterator[str]:
    """Give the fields that a tree asks for."""
    if isinstance(node, Field):
        yield node.name
    elif isinstance(node, tuple):
        for item in node:
            yield from _names(item)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from _names(getattr(node, name))
