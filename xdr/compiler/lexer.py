"""The words of the XDR language (RFC 4506, Section 6.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .errors import Position, SpecificationError

IDENTIFIER = "identifier"
NUMBER = "number"
KEYWORD = "keyword"
SYMBOL = "symbol"
TEXT = "text in quotes"
END = "end of file"

KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        "bool case const default double enum float hyper int opaque quadruple string struct "
        "switch typedef union unsigned void",
    )
)
"""RFC 4506, Section 6.4. RFC 5531's ``program`` and ``version`` are words only where they fit."""

_DIGITS = 40
"""More digits than any number that XDR has a type for."""

# A ``%`` line is what rpcgen hands on to the C compiler: it is passed over here.
_TOKEN = re.compile(
    r"""
      (?P<space>^[ \t]*%[^\n]* | [ \t\r\f]+)
    | (?P<newline>\n)
    | (?P<comment>/\*.*?\*/ | //[^\n]*)
    | (?P<identifier>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>-?(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?![A-Za-z0-9_]))
    | (?P<quoted>"[^"\\\n]*")
    | (?P<symbol>[{}()\[\]<>;:,=*])
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word: its kind, its text as written, its place, and its value if it is a number.

    ``comment`` is the comment on lines of its own right above it, if there is one.
    """

    kind: str
    text: str
    position: Position
    value: int = 0
    comment: str = ""

    def __str__(self) -> str:
        return self.kind if self.kind == END else f"'{self.text}'"


def tokenize(
    text: str, source: str, places: Sequence[tuple[str, int]] | None = None
) -> Iterator[Token]:
    """Yield the tokens of ``text``, the last one of kind ``END``.

    ``places`` says which file and line each line comes from, if not from ``source`` in order.
    Errors: ``SpecificationError`` at a character that begins no token.
    """
    line, line_start, offset = 1, 0, 0
    comment, comment_end = "", 0
    while offset < len(text):
        position = _position(source, line, offset - line_start + 1, places)
        match = _TOKEN.match(text, offset)
        if match is None:
            if text.startswith("/*", offset):
                raise SpecificationError(position, "this comment never ends")
            raise SpecificationError(position, f"no token begins with {text[offset]!r}")
        kind, word = match.lastgroup, match.group()
        if kind == "comment" and not text[line_start:offset].strip():
            comment, comment_end = word, line + word.count("\n")
        offset = match.end()
        if kind == "newline" or kind == "comment":
            breaks = word.count("\n")
            if breaks:
                line += breaks
                line_start = match.start() + word.rindex("\n") + 1
        elif kind == "identifier":
            above = comment if line - comment_end <= 1 else ""
            yield Token(KEYWORD if word in KEYWORDS else IDENTIFIER, word, position, 0, above)
        elif kind == "number":
            yield Token(NUMBER, word, position, number_of(word, position))
        elif kind == "symbol":
            yield Token(SYMBOL, word, position)
        elif kind == "quoted":
            yield Token(TEXT, word, position)
        if kind not in ("newline", "comment", "space"):
            comment = ""
    yield Token(END, "", _position(source, line, offset - line_start + 1, places))


def _position(
    source: str, line: int, column: int, places: Sequence[tuple[str, int]] | None
) -> Position:
    if places:
        source, line = places[min(line, len(places)) - 1]
    return Position(source, line, column)


def number_of(word: str, position: Position) -> int:
    """Return the value of a number as it is written: decimal, octal or hexadecimal.

    Errors: ``SpecificationError``.
    """
    digits = word.lstrip("-")
    octal = digits.startswith("0") and digits.isdigit()
    if len(digits) > _DIGITS:
        raise SpecificationError(position, f"a number of {len(digits)} digits")
    try:
        value = int(digits, 8) if octal else int(digits, 0)
    except ValueError:
        raise SpecificationError(position, f"{word} is no octal number") from None
    return -value if word.startswith("-") else value
