"""Lines of ``nfsrdma shell``: how they are split into words, and how a name is written as one.

Quotation marks and backslashes mean what they do in a shell. A ``*``, ``?`` or ``[`` that is not
quoted is *wild*: it has :data:`WILD` before it, which is no character, so a word stays plain text
on its way through a command's own parser. What a shell would do with ``;``, ``|``, ``&``, ``<``
and ``>`` is not done here: they are errors unless quoted, lest ``rm a > log`` removes ``log``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

WILD: Final = "\ufdd0"
"""What stands before a character of a pattern: one that no text has (Unicode, Section 23.7)."""
_WILD_CHARACTERS: Final = "*?["
_OPERATORS: Final = ";|&<>"
_SPECIAL: Final = frozenset(f" \t\\'\"*?[#~!{_OPERATORS}")
"""What a name written as a word has a backslash before."""


class Word(NamedTuple):
    """A word, and where it stands in its line."""

    text: str
    start: int
    end: int


class _Splitter:
    """Reads one line. With ``unfinished`` a quotation mark need not be closed."""

    def __init__(self, line: str, unfinished: bool) -> None:
        self._line = line
        self._at = 0
        self._unfinished = unfinished

    def words(self) -> list[Word]:
        """Return the words."""
        found: list[Word] = []
        line = self._line
        while True:
            while self._at < len(line) and line[self._at].isspace():
                self._at += 1
            if self._at == len(line) or line[self._at] == "#":
                return found
            start = self._at
            found.append(Word(self._word(), start, self._at))

    def _word(self) -> str:
        line, text = self._line, ""
        while self._at < len(line) and not line[self._at].isspace():
            character = line[self._at]
            self._at += 1
            if character in "'\"":
                text += self._quotation(character)
            elif character == "\\":
                text += self._escaped()
            elif character in _OPERATORS and not self._unfinished:
                raise ValueError(
                    f"a {character} does nothing here: one command a line; in a name it is quoted"
                )
            else:
                text += WILD + character if character in _WILD_CHARACTERS else character
        return text

    def _quotation(self, mark: str) -> str:
        line, text = self._line, ""
        while self._at < len(line):
            character = line[self._at]
            self._at += 1
            if character == mark:
                return text
            if character == "\\" and mark == '"' and line[self._at : self._at + 1] in ('"', "\\"):
                character = self._escaped()
            text += character
        if not self._unfinished:
            raise ValueError(f"a {mark} is not closed")
        return text

    def _escaped(self) -> str:
        if self._at == len(self._line):
            if not self._unfinished:
                raise ValueError("nothing follows the backslash at the end")
            return ""
        self._at += 1
        return self._line[self._at - 1]


def split_words(line: str, *, unfinished: bool = False) -> list[Word]:
    """Split a line into words; a ``#`` where one would begin ends it.

    Raises ``ValueError`` for a quotation that does not end, and for an operator of shells, unless
    the line is ``unfinished``.
    """
    for character, name in (("\0", "a null character"), (WILD, "U+FDD0, which is no character,")):
        if character in line:
            raise ValueError(f"a line cannot have {name} in it")
    return _Splitter(line, unfinished).words()


def is_wild(word: str) -> bool:
    """Return whether a word is a pattern."""
    return WILD in word


def literal(word: str) -> str:
    """Return what a word means if it is no pattern."""
    return word.replace(WILD, "")


def pattern(word: str) -> str:
    """Return a word as a pattern of ``glob``, where what was quoted means itself."""
    pieces = word.split(WILD)
    first, rest = pieces[0], pieces[1:]
    return _plain(first) + "".join(piece[:1] + _plain(piece[1:]) for piece in rest)


def _plain(text: str) -> str:
    return "".join(f"[{c}]" if c in _WILD_CHARACTERS else c for c in text)


def quoted(name: str) -> str:
    """Return a name as a word that means it."""
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in name)
