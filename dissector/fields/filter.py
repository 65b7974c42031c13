"""A useful part of Wireshark's display filter language, over the fields of ``fields``.

    rpcordma.msg_type == 1 and nfs.opcode in {25, 38}
    nfs.name contains "passwd" || rpc.time > 0.01
    not rpcordma.errcode and ip.src == 10.0.0.1

A field that is there several times fits if any of its values does, as in Wireshark; ``!=`` fits if
there is a value and none is equal. A name alone asks whether the field is there, and protocols
(``nfs``, ``rpc``, ``tcp``) are fields that are where they are spoken. ``READ``, ``NFS4ERR_STALE``
and other names of the specification stand for their numbers. A field that there is not, and a
value that is none, are errors that say where and what comes near.
"""

from __future__ import annotations

import difflib
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t

from ..messages.rpcrdma import PROCEDURES
from .derived import DERIVED
from .names import FieldKind, known

Fields = dict[str, Any]
Test = Callable[[Fields], bool]

MAX_LENGTH = 4096
MAX_DEPTH = 50


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


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<operator>==|!=|<=|>=|&&|\|\||<|>|!|~|\(|\)|\{|\}|,|\.\.)
      | (?P<address>(?:\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)(?:/\d+)?)
      | (?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE]-?\d+)?))(?![\w])
      | (?P<word>[A-Za-z_][\w]*(?:\.[A-Za-z_0-9]+)*)
      | (?P<octets>[0-9a-fA-F]+)(?!\w)
    )""",
    re.VERBOSE,
)
_WORDS = {"eq": "==", "ne": "!=", "gt": ">", "lt": "<", "ge": ">=", "le": "<=", "and": "&&",
          "or": "||", "not": "!"}  # fmt: skip
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_CONSTANTS = {
    **{name: number for number, name in enumerate(PROCEDURES)},
    **{name.removeprefix("OP_"): int(value) for name, value in t.nfs_opnum4.__members__.items()},
    **{name: int(value) for name, value in t.nfsstat4.__members__.items()},
    **{name: int(value) for name, value in nfs3.nfsstat3.__members__.items()},
}
_COMPARE = frozenset(("==", "!=", "<=", ">=", "<", ">", "~", "in", "contains", "matches"))
_OPERATORS = (*_WORDS, "in", "contains", "matches")


class Token(NamedTuple):
    """A word of a filter, and where it stands."""

    kind: str
    text: str
    where: tuple[int, int]


class Filter:
    """The test that a text means, and how often what was asked about did fit.

    ``derived`` are the fields it wants beside those that messages have (see ``derived``).
    """

    def __init__(self, test: Test, names: Iterable[str] = ()) -> None:
        self._test = test
        self.derived = tuple(name for name in names if name in DERIVED)
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


def compile_filter(text: str) -> Filter:
    """Return the test that a filter means. Raises ``FilterError``."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter of {len(text)} characters")
    parser = _Parser(text)
    test = parser.parse()
    return Filter(test, sorted(parser.names))


def _tokens(text: str) -> Iterator[Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError(f"not understood: {text[start:end][:20]!r}", text, (start, end))
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind == "word" and value in _WORDS:
            kind, value = "operator", _WORDS[value]
        yield Token(kind, value, match.span(match.lastgroup or 0))
        at = match.end()


def _near(word: str, names: Iterable[str]) -> str:
    """Return the names that are most like a word, as a sentence."""
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), lowered, 3, 0.6)
    return f"\nnear to it: {', '.join(lowered[name] for name in found)}" if found else ""


def _values(fields: Fields, name: str) -> list[Any]:
    value = fields.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self.names: set[str] = set()
        """The fields that are asked for."""

    def _error(self, reason: str, near: str = "") -> FilterError:
        """Return an error about the token that was taken last."""
        return FilterError(reason, self._text, self._tokens[self._at - 1].where, near)

    def parse(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise self._unexpected()
        return test

    def _unexpected(self) -> FilterError:
        self._at += 1
        token = self._tokens[self._at - 1]
        near = _near(token.text, _OPERATORS) if token.kind == "word" else ""
        return self._error(f"not expected: {token.text!r}", near)

    def _next(self) -> Token:
        if self._at == len(self._tokens):
            end = len(self._text.rstrip())
            raise FilterError("it ends too early", self._text, (end, end + 1))
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *operators: str) -> bool:
        if self._at == len(self._tokens):
            return False
        token = self._tokens[self._at]
        if token.kind != "operator" or token.text not in operators:
            return False
        self._at += 1
        return True

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda f: any(test(f) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda f: all(test(f) for test in tests)

    def _one(self) -> Test:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("nested too deeply")
        try:
            if self._take("!"):
                test = self._one()
                return lambda f: not test(f)
            if self._take("("):
                test = self._either()
                if not self._take(")"):
                    raise FilterError("a ) is missing", self._text, self._end())
                return test
            return self._comparison()
        finally:
            self._depth -= 1

    def _end(self) -> tuple[int, int]:
        """Return where the next token is, or would be."""
        if self._at < len(self._tokens):
            return self._tokens[self._at].where
        end = len(self._text.rstrip())
        return end, end + 1

    def _comparison(self) -> Test:
        word, name, _ = self._next()
        if word != "word":
            raise self._error(f"{name!r} is no field")
        kind = known().get(name)
        if kind is None:
            raise self._error(
                f"there is no field {name!r} (--fields lists them)", _near(name, known())
            )
        self.names.add(name)
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is not None and token.text in _COMPARE and token.kind in ("operator", "word"):
            self._at += 1
            if kind == FieldKind.PROTOCOL:
                raise self._error(f"{name} is a protocol: it is there or not")
            if token.text == "in":
                return self._member(name, kind)
            if token.text in ("~", "matches"):
                return self._matches(name)
            if token.text == "contains":
                return self._contains(name, kind)
            return _compare(name, token.text, self._value(kind))
        return lambda f: bool(_values(f, name))

    def _value(self, kind: FieldKind) -> Any:
        """Take a value that a field of a kind can have. Raises ``FilterError``."""
        sort, text, _ = self._next()
        if sort == "operator":
            raise self._error(f"{text!r} is no value")
        if sort == "string":
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == FieldKind.ADDRESS:
            return self._address(text)
        if kind == FieldKind.OCTETS:
            digits = text.lower().removeprefix("0x").replace(":", "").replace("-", "")
            if not digits or set(digits) - set("0123456789abcdef"):
                raise self._error(f"{text!r} is no octets: hexadecimal digits are wanted")
            return digits
        if kind == FieldKind.TEXT:
            return text
        if sort == "number":
            return _number(text)
        if sort == "word" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if kind == FieldKind.ANY:
            return text
        raise self._error(f"{text!r} is no number, nor the name of one", _near(text, _CONSTANTS))

    def _address(self, text: str) -> Any:
        """Return an address as text, or a network."""
        try:
            if "/" in text:
                return ipaddress.ip_network(text, strict=False)
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise self._error(f"{text!r} is no address") from None

    def _member(self, name: str, kind: FieldKind) -> Test:
        if not self._take("{"):
            raise FilterError("in needs a { } set", self._text, self._end())
        singles: list[Any] = []
        ranges: list[tuple[Any, Any]] = []
        while not self._take("}"):
            value = self._value(kind)
            if self._take(".."):
                ranges.append((value, self._value(kind)))
            else:
                singles.append(value)
            self._take(",")

        def test(fields: Fields) -> bool:
            return any(
                any(_equal(value, one) for one in singles)
                or any(_within(value, *bounds) for bounds in ranges)
                for value in _values(fields, name)
            )

        return test

    def _contains(self, name: str, kind: FieldKind) -> Test:
        """Return the test for a part of a text; of octets in hexadecimal digits."""
        part = str(self._value(kind if kind == FieldKind.OCTETS else FieldKind.ANY))
        return lambda f: any(part in str(value) for value in _values(f, name))

    def _matches(self, name: str) -> Test:
        text = self._next().text
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        try:
            pattern = re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise self._error(f"matches: {error}") from error
        return lambda f: any(pattern.search(str(value)) for value in _values(f, name))


def _number(text: str) -> int | float:
    hexadecimal = text.lower().lstrip("-").startswith("0x")
    whole = hexadecimal or not set(text) & set(".eE")
    return int(text, 16 if hexadecimal else 10) if whole else float(text)


def _equal(value: Any, wanted: Any) -> bool:
    """Return whether a value is the one wanted, or in the network wanted."""
    if not isinstance(wanted, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return bool(value == wanted)
    try:
        return ipaddress.ip_address(value) in wanted
    except ValueError:
        return False


def _within(value: Any, low: Any, high: Any) -> bool:
    try:
        return bool(low <= value <= high)
    except TypeError:
        return False


def _compare(name: str, symbol: str, wanted: Any) -> Test:
    if symbol == "==":
        return lambda f: any(_equal(value, wanted) for value in _values(f, name))
    if symbol == "!=":
        return lambda f: (
            bool(_values(f, name)) and not any(_equal(value, wanted) for value in _values(f, name))
        )
    order = _ORDER[symbol]

    def test(fields: Fields) -> bool:
        for value in _values(fields, name):
            try:
                if order(value, wanted):
                    return True
            except TypeError:
                continue
        return False

    return test
