"""Patterns of paths, as ``glob`` has them: what each component of one matches."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Final

_MAGIC: Final = re.compile(r"[*?[]")


class Pattern:
    """A pattern in pieces: names as they are, patterns of one name, and ``**``.

    ``recursive`` says that ``**`` stands for any number of directories; else it is ``*``.
    ``include_hidden`` lets ``*`` and ``**`` match names that begin with a dot.
    """

    def __init__(self, text: str, *, recursive: bool = False, include_hidden: bool = False) -> None:
        pieces: list[str] = []
        self._matchers: list[re.Pattern[str] | None] = []
        self._hidden = include_hidden
        self.start = "/" if text.startswith("/") else ""
        """What the paths begin with."""
        self.directory = text.endswith("/")
        """Whether only directories are meant, and are shown with a ``/``."""
        for part in filter(None, text.split("/")):
            deep = recursive and part == "**"
            if deep and pieces and pieces[-1] == "**":
                continue  # once more says nothing new
            magic = bool(_MAGIC.search(part))
            if not magic and pieces and not _MAGIC.search(pieces[-1]):
                pieces[-1] += "/" + part
                continue
            pieces.append(part)
            self._matchers.append(re.compile(translate(part)) if magic and not deep else None)
        self.pieces: Final = tuple(pieces)
        self._recursive = recursive

    def is_deep(self, index: int) -> bool:
        """Return whether the piece stands for any number of directories."""
        return self._recursive and self.pieces[index] == "**"

    def is_plain(self, index: int) -> bool:
        """Return whether the piece is a name or a path, and no pattern."""
        return self._matchers[index] is None and not self.is_deep(index)

    def matches(self, index: int, name: str) -> bool:
        """Return whether a name is one that the piece stands for."""
        if name.startswith(".") and not self._hidden and not self.pieces[index].startswith("."):
            return False
        matcher = self._matchers[index]
        return matcher is None or matcher.match(name) is not None

    def below(self, top: str, index: int) -> str:
        """Return the path of a plain piece below ``top``."""
        return self.joined(top, self.pieces[index])

    def joined(self, top: str, name: str) -> str:
        """Return the path of a name below ``top``, which begins as the pattern does."""
        return f"{top.rstrip('/')}/{name}" if top else name

    def shown(self, path: str) -> str:
        """Return a path that matches as it is given out."""
        return f"{path}/" if self.directory else path
