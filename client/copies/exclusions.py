"""Names that a copy leaves out, by patterns as of a shell, on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from ..trees import Branch


class Exclusions:
    """Patterns of names. Raises ``ValueError`` for one that is empty.

    A pattern without ``/`` fits a name at any depth; another fits a path from the top, name by
    name. With a ``/`` at its end, it fits directories only. What is below a directory that a
    pattern fits is left out with it.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns: list[tuple[list[re.Pattern[str]], bool, bool]] = []
        for pattern in patterns:
            names = [name for name in pattern.split("/") if name]
            if not names:
                raise ValueError(f"{pattern!r} is no pattern of names")
            matchers = [re.compile(translate(name)) for name in names]
            anchored = "/" in pattern.rstrip("/")
            self._patterns.append((matchers, anchored, pattern.endswith("/")))

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def fit(self, names: list[str], is_directory: bool) -> bool:
        """Return whether a path, as names from the top on, is left out."""
        for matchers, anchored, directories in self._patterns:
            if directories and not is_directory:
                continue
            against = names if anchored else names[-1:]
            if len(against) == len(matchers) and all(
                matcher.match(name) for matcher, name in zip(matchers, against, strict=True)
            ):
                return True
        return False


def names_below(branch: Branch, name: str) -> list[str]:
    """Return the names that lead from the top of a walk to ``name`` in ``branch``."""
    names = [name]
    at = branch
    while at.parent is not None:
        names.append(at.name)
        at = at.parent
    names.reverse()
    return names
