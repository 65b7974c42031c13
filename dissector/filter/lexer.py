"""The words of a display filter, and errors that show where in it something is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

Where = tuple[int, int]
"""From which character to which."""


class FilterError(ValueError):
    """A text that is no filter. ``where`` is the part that is wrong, shown above carets."""

    def __init__(
        self, reason: str, text: str = "", where: tuple[int, int] = (0, 0), near: str = ""
    ) -> None:
        self.reason = reason
        start, end = where
        shown = "".join(c if c.isprintable() else "?" for c in text)
        carets = f"\n  {shown}\n  {' ' * start}{'^' * max(1, end - start)}" if text else ""
        super().__init__(f"{reason}{carets}{near}")


class Token(NamedTuple):
    """A word of a filter, and where it stands."""

    kind: str
    """``string``, ``raw``, ``char``, ``slice``, ``layers``, ``operator``, or ``word``."""
    text: str
    where: Where


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<raw>[rR]"(?:[^"\\]|\\.)*")
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<char>'(?:\\[^']+|[^'\\])')
      | (?P<slice>\[[-\d:,\s]*\])
      | (?P<layers>\#(?:\d+|\[[-\d:,\s]*\]))
      | (?P<operator>===|!==|==|!=|~=|<=|>=|&&|\|\||\^\^|\.\.|[-+*/%&<>!~(){},])
      | (?P<word>(?:
            [0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){2,}                         # octets
          | [0-9a-fA-F]{2}(?:\.[0-9a-fA-F]{2}){3,}(?:/\d+)?(?![\w.])
          | \d+\.\d+\.\d+\.\d+(?:/\d+)?                                   # IPv4
          | [0-9a-fA-F]*:[0-9a-fA-F:]*(?:\d+\.\d+\.\d+\.\d+)?(?:/\d+)?    # IPv6, octets
          | \d+(?:\.\d+)?[eE]-?\d+
          | \.?\w+(?:\.\w+)*
        ))
    )""",
    re.VERBOSE,
)
_WORDS = {
    "eq": "==", "any_eq": "==", "all_eq": "===", "ne": "!=", "all_ne": "!=", "any_ne": "!==",
    "~=": "!==", "gt": ">", "lt": "<", "ge": ">=", "le": "<=", "and": "&&", "or": "||",
    "xor": "^^", "not": "!", "matches": "~", "bitand": "&", "bitwise_and": "&",
    "in": "in", "contains": "contains", "any": "any", "all": "all",
}  # fmt: skip
"""Other spellings of operators. Those that are words stay words where a value is wanted."""
OPERATORS = tuple(_WORDS)


def tokens(text: str) -> Iterator[Token]:
    """Give the words of a filter. Raises ``FilterError`` for what can be no part of one."""
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError(f"not understood: {text[start:end][:20]!r}", text, (start, end))
        kind = match.lastgroup or ""
        value, where = match.group(kind), match.span(kind)
        if kind in ("word", "operator") and value in _WORDS:
            kind, value = "operator", _WORDS[value]
        yield Token(kind, value, where)
        at = match.end()


def near(word: str, names: Iterable[str]) -> str:
    """Return the names that are most like a word, as a sentence of an error."""
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), lowered, 3, 0.6)
    return f"\nnear to it: {', '.join(lowered[name] for name in found)}" if found else ""


_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}


def _escaped(match: re.Match[str]) -> str:
    what = match[1]
    if what[0] == "x" and len(what) > 1:
        return chr(int(what[1:], 16))
    if what[0] in "01234567":
        return chr(int(what, 8))
    return _NAMED.get(what, what)


def unquoted(token: Token) -> str:
    """Return the text of a string or character in quotes, or of a word as it is."""
    if token.kind == "raw":
        return token.text[2:-1]
    if token.kind in ("string", "char"):
        return _ESCAPE.sub(_escaped, token.text[1:-1])
    return token.text


def pattern_text(token: Token) -> str:
    r"""Return a regular expression: of escapes only ``\\`` and ``\"`` are resolved."""
    if token.kind == "string":
        return re.sub(r'\\([\\"])', r"\1", token.text[1:-1])
    return unquoted(token)
