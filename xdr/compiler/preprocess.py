"""What rpcgen has the C preprocessor do, as far as specifications need it.

Lines that begin with ``%`` are text for the output, and lines that begin with ``#`` are
directives: conditionals, ``#define NAME number``, ``#include "other.x"`` and the line markers that
a real preprocessor leaves behind. Every other directive is left out with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import Position, SpecificationError

MAX_INCLUDES = 32
"""How deep files may include one another."""

MAX_LINES = 1 << 20
"""How many lines a specification may have, included files and all."""

Reader = Callable[[str, str], tuple[str, str]]
"""Finds an included file: its name as written and the name of the file that includes it, in; the
name of the file that was found and its text, out. Errors: ``OSError``, ``UnicodeError``."""

_DIRECTIVE = re.compile(r"\s*#\s*(\w*)\s*(.*)", re.DOTALL)
_INCLUDED = re.compile(r'"([^"]+\.x)"')
_DEFINED = re.compile(r"([A-Za-z_]\w*)(\s+(.*\S))?\s*")
_NUMBER = re.compile(r"-?(?:0[xX][0-9A-Fa-f]{1,32}|[0-9]{1,32})")
_SUM = re.compile(r"([A-Za-z_]\w*|\d{1,32}|0[xX][0-9A-Fa-f]{1,32})(?:\s*\+\s*(\d{1,9}))?")
_TERM = re.compile(
    r"\s*(?P<inverted>!?)\s*(?:defined\s*(?:\(\s*(\w+)\s*\)|(\w+))|(?P<plain>\w+))\s*"
)
_MARKER = re.compile(r'\s*#\s*(?:line\s+)?(\d{1,9})\s+"([^"]*)"')
_PRAGMA = re.compile(r"/\*\s*xdrgen:\s*ddp\s+([\w.,\s]*?)\s*\*/")


@dataclass(slots=True)
class Source:
    """A text that is ready for the lexer, and what was found on the way."""

    lines: list[str] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)
    """The file and the line that each line comes from."""
    constants: list[tuple[Position, str, str]] = field(default_factory=list)
    """The place, the name and the number of each ``#define`` of a number."""
    likely: list[tuple[Position, str, str, int]] = field(default_factory=list)
    """The same of each ``%#define``, which may name another one or add a number: they are C's, and
    good where the specification has no such name."""
    passed_through: list[str] = field(default_factory=list)
    """The ``%`` lines, without the sign."""
    ddp: list[tuple[Position, str]] = field(default_factory=list)
    """What ``/* xdrgen: ddp ITEM, ... */`` comments name as DDP-eligible, one by one."""
    warnings: list[tuple[Position, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All lines, joined."""
        return "\n".join(self.lines)


def preprocess(
    text: str,
    source: str,
    read: Reader | None = None,
    definitions: Mapping[str, str] | None = None,
) -> Source:
    """Carry out the directives of ``text``, which is called ``source`` in messages.

    ``definitions`` are those of the command line (``-D``). Without ``read`` nothing is included.
    Errors: ``SpecificationError``.
    """
    worker = _Preprocessor(read, dict(definitions or {}))
    worker.file(text, source, 0)
    return worker.out


class _Preprocessor:
    def __init__(self, read: Reader | None, macros: dict[str, str]) -> None:
        self.out = Source()
        self._read = read
        self._macros = macros
        for name, value in macros.items():
            if _NUMBER.fullmatch(value):
                self.out.constants.append((Position("<command line>", 1, 1), name, value))

    def file(self, text: str, source: str, depth: int) -> None:
        """Take one file, whole."""
        self._find_pragmas(text, source)
        conditions: list[_Condition] = []
        inside_comment = False
        name, number = source, 0
        lines = iter(text.replace("\r\n", "\n").split("\n"))
        for line in lines:
            number += 1
            at = Position(name, number, 1)
            if len(self.out.lines) >= MAX_LINES:
                raise SpecificationError(at, "the specification is too long")
            taken = all(condition.taken for condition in conditions)
            start = "" if inside_comment else line.lstrip()[:1]
            if start == "%":
                if taken:
                    self._pass_through(line.lstrip()[1:], at)
                self._blank(name, number)
            elif start == "#":
                marker = _MARKER.match(line)
                if marker is not None:
                    name, number = marker[2], int(marker[1]) - 1
                    continue
                self._blank(name, number)
                while line.endswith("\\"):
                    line = line[:-1] + next(lines, "")
                    number += 1
                    self._blank(name, number)
                self._directive(line, at, conditions, taken, depth)
            else:
                inside_comment = _ends_in_comment(line, inside_comment)
                # The borders of comments stay where they are, so that the lexer sees them whole.
                self._add(line if taken else "", name, number)
        if conditions:
            raise SpecificationError(conditions[-1].position, "this condition has no #endif")

    def _add(self, line: str, name: str, number: int) -> None:
        self.out.lines.append(line)
        self.out.places.append((name, number))

    def _pass_through(self, line: str, at: Position) -> None:
        self.out.passed_through.append(line)
        match = _DIRECTIVE.match(line)
        if match is not None and match[1] == "define":
            defined = _DEFINED.fullmatch(_without_comments(match[2]))
            value = defined and _SUM.fullmatch((defined[3] or "").strip("()"))
            if defined and value:
                self.out.likely.append((at, defined[1], value[1], int(value[2] or 0)))

    def _blank(self, name: str, number: int) -> None:
        self._add("", name, number)

    def _find_pragmas(self, text: str, source: str) -> None:
        for found in _PRAGMA.finditer(text):
            at = Position(source, text.count("\n", 0, found.start()) + 1, 1)
            for item in re.split(r"[,\s]+", found[1]):
                if item:
                    self.out.ddp.append((at, item))

    def _directive(
        self, line: str, at: Position, conditions: list[_Condition], taken: bool, depth: int
    ) -> None:
        match = _DIRECTIVE.match(line)
        assert match is not None
        word, rest = match[1], _without_comments(match[2])
        if word in ("if", "ifdef", "ifndef"):
            value = taken and self._holds(word, rest, at)
            conditions.append(_Condition(at, taken, value))
        elif word in ("elif", "else", "endif"):
            if not conditions or (conditions[-1].last and word != "endif"):
                raise SpecificationError(at, f"#{word} without #if")
            condition = conditions[-1]
            if word == "endif":
                conditions.pop()
            elif word == "else":
                condition.turn(True)
                condition.last = True
            else:
                wanted = condition.outer and not condition.met
                condition.turn(wanted and self._holds("if", rest, at))
        elif taken:
            self._carry_out(word, rest, at, depth)

    def _carry_out(self, word: str, rest: str, at: Position, depth: int) -> None:
        if word == "define":
            self._define(rest, at)
        elif word == "undef":
            self._macros.pop(rest, None)
        elif word == "include":
            self._include(rest, at, depth)
        elif word == "error":
            raise SpecificationError(at, f"#error {rest}")
        elif word:
            self._warn(at, f"#{word} is left out")

    def _define(self, rest: str, at: Position) -> None:
        match = _DEFINED.fullmatch(rest)
        if match is None:
            self._warn(at, "#define is left out: only names of numbers are taken")
            return
        name, value = match[1], (match[3] or "").strip("()")
        self._macros[name] = value
        if _NUMBER.fullmatch(value):
            self.out.constants.append((at, name, value))
        elif value:
            self._warn(at, f"#define {name} is left out: {value} is no number")

    def _include(self, rest: str, at: Position, depth: int) -> None:
        match = _INCLUDED.fullmatch(rest)
        if match is None or self._read is None:
            self._warn(at, f"#include {rest} is left out: it is no specification (.x)")
            return
        if depth >= MAX_INCLUDES:
            raise SpecificationError(at, "files include one another too deep")
        try:
            name, text = self._read(match[1], at.source)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SpecificationError(at, f"cannot include {match[1]}: {reason}") from None
        self.file(text, name, depth + 1)

    def _warn(self, at: Position, message: str) -> None:
        self.out.warnings.append((at, message))

    def _holds(self, word: str, expression: str, at: Position) -> bool:
        """Evaluate what follows ``#if``, ``#ifdef`` or ``#ifndef``."""
        if word != "if":
            return (expression in self._macros) == (word == "ifdef")
        return any(
            all(self._term(term, at) for term in alternative.split("&&"))
            for alternative in expression.split("||")
        )

    def _term(self, term: str, at: Position) -> bool:
        match = _TERM.fullmatch(term)
        if match is None:
            raise SpecificationError(
                at, "this condition is not understood: have it done by --cpp, or by -D"
            )
        plain = match["plain"]
        if plain is None:
            value = (match[2] or match[3]) in self._macros
        else:
            number = self._macros.get(plain, "0") if not plain[0].isdigit() else plain
            value = number.strip("0xXuUlL") != ""
        return value != bool(match["inverted"])


@dataclass(slots=True)
class _Condition:
    """An ``#if`` whose ``#endif`` has not come yet."""

    position: Position
    outer: bool
    """Whether the lines around it are taken."""
    taken: bool
    met: bool = False
    """Whether an earlier branch was taken."""
    last: bool = False
    """Whether it is past its ``#else``."""

    def __post_init__(self) -> None:
        self.met = self.taken

    def turn(self, value: bool) -> None:
        """Enter the next branch, which is taken if ``value`` and no branch was before."""
        self.taken = self.outer and value and not self.met
        self.met = self.met or self.taken


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|/\*.*|//.*", " ", text).strip()


def _ends_in_comment(line: str, inside: bool) -> bool:
    """Whether a comment is open at the end of a line."""
    at = 0
    while True:
        at = line.find("*/" if inside else "/*", at)
        if at < 0:
            return inside
        if not inside and "//" in line[:at]:
            return False
        inside = not inside
        at += 2
