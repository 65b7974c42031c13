"""A useful part of Wireshark's display filter language, over the fields of ``render.fields``.

    rpcordma.msg_type == 1 and nfs.opcode in {25, 38}
    nfs.name contains "passwd" || rpc.time > 0.01
    not rpcordma.errcode and ip.src == 10.0.0.1

A field that is there several times fits if any of its values does, as in Wireshark; ``!=`` fits if
there is a value and none is equal. A name alone asks whether the field is there. ``READ``,
``NFS4ERR_STALE`` and other names of the specification stand for their numbers.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t

from .messages.transport import PROCEDURES

Fields = dict[str, Any]
Test = Callable[[Fields], bool]

MAX_LENGTH = 4096
MAX_DEPTH = 50


class FilterError(ValueError):
    """The text is no filter."""


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<operator>==|!=|<=|>=|&&|\|\||<|>|!|~|\(|\)|\{|\}|,|\.\.)
      | (?P<address>\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)
      | (?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE]-?\d+)?))(?![\w])
      | (?P<word>[A-Za-z_][\w]*(?:\.[A-Za-z_0-9]+)*)
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

Token = tuple[str, str]


def compile_filter(text: str) -> Test:
    """The test that a filter means. Raises ``FilterError``."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter of {len(text)} characters")
    return _Parser(_tokens(text)).parse()


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"not understood: {text[at:].strip()[:20]!r}")
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind == "word" and value in _WORDS:
            kind, value = "operator", _WORDS[value]
        tokens.append((kind, value))
        at = match.end()
    return tokens


def _values(fields: Fields, name: str) -> list[Any]:
    value = fields.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def parse(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise FilterError(f"not expected: {self._tokens[self._at][1]!r}")
        return test

    def _next(self) -> Token:
        if self._at == len(self._tokens):
            raise FilterError("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *operators: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] in [
            ("operator", one) for one in operators
        ]:
            self._at += 1
            return True
        return False

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
            raise FilterError("nested too deeply")
        try:
            if self._take("!"):
                test = self._one()
                return lambda f: not test(f)
            if self._take("("):
                test = self._either()
                if not self._take(")"):
                    raise FilterError("a ) is missing")
                return test
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        kind, name = self._next()
        if kind != "word":
            raise FilterError(f"{name!r} is no field")
        for symbol in ("==", "!=", "<=", ">=", "<", ">", "~"):
            if self._take(symbol):
                return (
                    self._matches(name) if symbol == "~" else _compare(name, symbol, self._value())
                )
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "word":
            word = self._tokens[self._at][1]
            if word in ("contains", "matches", "in"):
                self._at += 1
                if word == "in":
                    return self._member(name)
                return self._contains(name) if word == "contains" else self._matches(name)
        return lambda f: bool(_values(f, name))

    def _value(self) -> Any:
        kind, text = self._next()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            hexadecimal = text.lower().lstrip("-").startswith("0x")
            whole = hexadecimal or not set(text) & set(".eE")
            return int(text, 16 if hexadecimal else 10) if whole else float(text)
        if kind == "address":
            return text
        if kind == "word":
            if text.lower() in ("true", "false"):
                return text.lower() == "true"
            return _CONSTANTS.get(text, text)
        raise FilterError(f"{text!r} is no value")

    def _member(self, name: str) -> Test:
        if not self._take("{"):
            raise FilterError("in needs a { } set")
        singles: list[Any] = []
        ranges: list[tuple[Any, Any]] = []
        while not self._take("}"):
            value = self._value()
            if self._take(".."):
                ranges.append((value, self._value()))
            else:
                singles.append(value)
            self._take(",")

        def test(fields: Fields) -> bool:
            return any(
                value in singles or any(_within(value, *bounds) for bounds in ranges)
                for value in _values(fields, name)
            )

        return test

    def _contains(self, name: str) -> Test:
        part = str(self._value())
        return lambda f: any(part in str(value) for value in _values(f, name))

    def _matches(self, name: str) -> Test:
        try:
            pattern = re.compile(str(self._value()), re.IGNORECASE)
        except re.error as error:
            raise FilterError(f"matches: {error}") from error
        return lambda f: any(pattern.search(str(value)) for value in _values(f, name))


def _within(value: Any, low: Any, high: Any) -> bool:
    try:
        return bool(low <= value <= high)
    except TypeError:
        return False


def _compare(name: str, symbol: str, wanted: Any) -> Test:
    if symbol == "==":
        return lambda f: any(value == wanted for value in _values(f, name))
    if symbol == "!=":
        return lambda f: bool(_values(f, name)) and all(v != wanted for v in _values(f, name))
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
