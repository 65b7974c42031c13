"""From the words of a display filter to its tree (``tree``), with all types checked.

The grammar is that of Wireshark 4.0 (wireshark-filter(4)), and of later versions ``xor``, ``vals``,
values on the left, and parentheses around operands. Each rule of it is a method, from the loosest
operator to the tightest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..fields.kinds import COUNTED, IN_OCTETS, OWN, FieldKind, FieldType, wireshark_fields
from ..fields.names import known
from .functions import FUNCTIONS
from .lexer import OPERATORS, FilterError, Token, Where, near, pattern_text, tokens
from .literals import ValueProblem, constant
from .patterns import Pattern
from .ranges import ranges_of
from .tree import (
    Arithmetic,
    Call,
    Compare,
    Constant,
    Exists,
    Field,
    Logic,
    Matches,
    Member,
    Operand,
    Slice,
    Test,
)

MAX_LENGTH = 4096
MAX_DEPTH = 50
_RELATIONS = frozenset(("==", "===", "!=", "!==", "<", "<=", ">", ">=", "contains", "~", "in"))
_GO_ON = _RELATIONS | frozenset("+-*/%&")
"""What makes an operand of what stands before it in parentheses."""


@dataclass(frozen=True, slots=True)
class _Literal:
    """A value whose type is known once the other side is."""

    token: Token
    minus: bool = False


_Untyped = Operand | _Literal


def parse(text: str) -> Test:
    """Return the tree of a filter. Raises ``FilterError``."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter of {len(text)} characters: {MAX_LENGTH} is the most")
    return _Parser(text).parse()


def _labels_of(operand: Operand) -> str:
    """Return the field whose names are meant by words beside an operand; empty if there is none."""
    if isinstance(operand, Field):
        return operand.name
    if isinstance(operand, Call) and operand.function in ("max", "min"):
        return _labels_of(operand.arguments[0])
    return ""


def _comparable(left: FieldType, right: FieldType) -> bool:
    for kinds in (COUNTED, IN_OCTETS):
        if left.kind in kinds and right.kind in kinds:
            return True
    return left.kind == right.kind != FieldKind.PROTOCOL


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    # --- Words ---

    def _error(self, reason: str, similar: str = "", where: Where | None = None) -> FilterError:
        """Return an error, about the token that was taken last if nothing else is said."""
        if where is None:
            where = self._tokens[self._at - 1].where
        return FilterError(reason, self._text, where, similar)

    def _end(self) -> Where:
        """Return where the next token is, or would be."""
        if self._at < len(self._tokens):
            return self._tokens[self._at].where
        end = len(self._text.rstrip())
        return end, end + 1

    def _ahead(self, more: int = 0) -> str:
        """Return the operator that comes next, or after ``more`` tokens; empty if it is none."""
        if self._at + more >= len(self._tokens):
            return ""
        token = self._tokens[self._at + more]
        return token.text if token.kind == "operator" else ""

    def _next(self) -> Token:
        if self._at == len(self._tokens):
            raise self._error("it ends too early", where=self._end())
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, *operators: str) -> bool:
        found = self._ahead() in operators
        self._at += found
        return found

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise self._error(f"a {operator} is missing", where=self._end())

    # --- Tests ---

    def parse(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            token = self._next()
            words = (*OPERATORS, *FUNCTIONS)
            similar = near(token.text, words) if token.kind == "word" else ""
            raise self._error(f"not expected: {token.text!r}", similar)
        return test

    def _joined(self, operator: str, name: str, part: Callable[[], Test]) -> Test:
        tests = [part()]
        while self._take(operator):
            tests.append(part())
        return tests[0] if len(tests) == 1 else Logic(name, tuple(tests))

    def _either(self) -> Test:
        return self._joined("||", "or", self._exclusive)

    def _exclusive(self) -> Test:
        return self._joined("^^", "xor", self._both)

    def _both(self) -> Test:
        return self._joined("&&", "and", self._one)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("nested too deeply", where=self._end())

    def _one(self) -> Test:
        self._deeper()
        try:
            if self._take("!"):
                return Logic("not", (self._one(),))
            if not self._take("("):
                return self._relation()
            test = self._either()
            self._expect(")")
            if isinstance(test, Exists) and self._ahead() in _GO_ON:
                return self._relation(test.operand)
            return test
        finally:
            self._depth -= 1

    def _relation(self, begun: _Untyped | None = None) -> Test:
        """Return a comparison, several in a chain, or whether an operand is there."""
        every: bool | None = None
        if begun is None and self._ahead() in ("any", "all"):
            every = self._next().text == "all"
        start = self._end()
        left = self._bits(begun)
        if self._ahead() == "in" or (self._ahead() == "!" and self._ahead(1) == "in"):
            return self._member(left, bool(every), start)
        tests: list[Test] = []
        while self._ahead() in _RELATIONS:
            test, left = self._comparison(left, every, start)
            tests.append(test)
            if self._ahead() == "in":
                raise self._error("in cannot follow another comparison", where=self._end())
        if not tests:
            if every is not None:
                raise self._error("any and all go with a comparison", where=self._end())
            return self._there(left, start)
        return tests[0] if len(tests) == 1 else Logic("and", tuple(tests))

    def _there(self, operand: _Untyped, start: Where) -> Test:
        if self._ahead() == ")" and self._ahead(1) in _GO_ON:
            return Exists(operand)  # type: ignore[arg-type]  # it becomes an operand again
        if isinstance(operand, _Literal):
            raise self._no_field(operand.token)
        if isinstance(operand, Arithmetic) and operand.operator != "&":
            last = self._tokens[self._at - 1].where[1]
            raise self._error("compare it with something", where=(start[0], last))
        return Exists(operand)

    def _no_field(self, token: Token) -> FilterError:
        name = token.text
        if token.kind != "word":
            return self._error(f"{name!r} is no field", where=token.where)
        if name in wireshark_fields():
            return self._error(f"{name} is a field of Wireshark's that is not decoded here "
                               "(--fields lists those that are)", where=token.where)  # fmt: skip
        return self._error(
            f"there is no field {name!r} (--fields lists them)", near(name, known()), token.where
        )

    def _comparison(
        self, left: _Untyped, every: bool | None, start: Where
    ) -> tuple[Test, _Untyped]:
        """Return a comparison with what follows, and its right side."""
        token = self._next()
        operator = token.text
        if isinstance(left, Field | Slice) and left.type.kind == FieldKind.PROTOCOL:
            raise self._error(f"{left.name} is a protocol: it is there or not")  # type: ignore[union-attr]
        if operator == "~":
            return self._matches(self._typed_alone(left), bool(every)), left
        right = self._bits()
        if operator == "contains":
            return self._contains(self._typed_alone(left), right, bool(every), token.where), right
        one, other = self._typed(left, right, token)
        if operator in ("===", "!=") and every is None:
            every = True
        operator = {"===": "==", "!==": "!="}.get(operator, operator)
        return Compare(operator, bool(every), one, other), other

    def _typed_alone(self, operand: _Untyped) -> Operand:
        if isinstance(operand, _Literal):
            raise self._no_field(operand.token)
        return operand

    def _typed(self, left: _Untyped, right: _Untyped, token: Token) -> tuple[Operand, Operand]:
        """Return two sides, each of a type that the other can be compared with."""
        if isinstance(left, _Literal):
            if isinstance(right, _Literal):
                raise self._no_field(left.token)
            left = self._constant(left, right)
        elif isinstance(right, _Literal):
            right = self._constant(right, left)
        if not _comparable(left.type, right.type):
            raise self._error(
                f"{left.type.kind.value} and {right.type.kind.value} cannot be compared",
                where=token.where,
            )
        return left, right

    def _constant(
        self, literal: _Literal, beside: Operand, type_: FieldType | None = None
    ) -> Constant:
        """Return a value of the type of the operand beside it."""
        try:
            return constant(
                literal.token, type_ or beside.type, _labels_of(beside), literal.minus
            )  # fmt: skip
        except ValueProblem as problem:
            raise self._error(str(problem), problem.near, literal.token.where) from None

    def _contains(self, left: Operand, right: _Untyped, every: bool, where: Where) -> Test:
        kind = left.type.kind
        if kind != FieldKind.TEXT and kind not in IN_OCTETS:
            raise self._error(f"a {kind.value} contains nothing: try string()", where=where)
        if isinstance(right, _Literal):
            type_ = OWN[FieldKind.TEXT if kind == FieldKind.TEXT else FieldKind.OCTETS]
            right = self._constant(right, left, type_)
        if (right.type.kind == FieldKind.TEXT) != (kind == FieldKind.TEXT):
            raise self._error(f"a {kind.value} cannot contain a {right.type.kind.value}")
        return Compare("contains", every, left, right)

    def _matches(self, left: Operand, every: bool) -> Test:
        kind = left.type.kind
        if kind not in (FieldKind.TEXT, FieldKind.OCTETS):
            raise self._error(f"a {kind.value} matches nothing: try string()")
        token = self._next()
        if token.kind not in ("string", "raw", "word"):
            raise self._error("matches needs a regular expression in quotes")
        pattern = pattern_text(token)
        try:
            Pattern(pattern)
        except ValueError as problem:
            raise self._error(f"matches: {problem}") from problem
        return Matches(left, pattern, every)

    def _member(self, left: _Untyped, every: bool, start: Where) -> Test:
        operand = self._typed_alone(left)
        if operand.type.kind == FieldKind.PROTOCOL:
            raise self._error("a protocol is there or not", where=start)
        negated = self._take("!")
        self._expect("in")
        if not self._take("{"):
            raise self._error("in needs a { } set", where=self._end())
        items: list[tuple[Operand, Operand | None]] = []
        while not self._take("}"):
            low = self._item(operand)
            items.append((low, self._item(operand) if self._take("..") else None))
            if not self._take(",") and self._ahead() != "}" and self._at < len(self._tokens):
                continue  # a space is enough, as it was in older versions
        if not items:
            raise self._error("an empty set")
        test = Member(operand, tuple(items), every)
        return Logic("not", (test,)) if negated else test

    def _item(self, beside: Operand) -> Operand:
        start = self._end()
        item = self._bits()
        if isinstance(item, _Literal):
            return self._constant(item, beside)
        if not _comparable(item.type, beside.type):
            raise self._error(f"no {beside.type.kind.value}", where=(start[0], start[1]))
        return item

    # --- Operands ---

    def _bits(self, begun: _Untyped | None = None) -> _Untyped:
        return self._operation("&", self._sum, begun)

    def _sum(self, begun: _Untyped | None = None) -> _Untyped:
        return self._operation("+-", self._product, begun)

    def _product(self, begun: _Untyped | None = None) -> _Untyped:
        return self._operation("*/%", self._signed, begun)

    def _operation(
        self, operators: str, part: Callable[[_Untyped | None], _Untyped], begun: _Untyped | None
    ) -> _Untyped:
        left = part(begun)
        while (operator := self._ahead()) and operator in operators:
            token = self._next()
            right = part(None)
            if isinstance(left, _Literal) and isinstance(right, _Literal):
                left = self._constant(left, Constant(0, OWN[FieldKind.NUMBER]))
            one, other = self._typed(left, right, token)
            wanted = COUNTED if operator != "&" else (FieldKind.NUMBER, FieldKind.BOOLEAN)
            if one.type.kind not in wanted or other.type.kind not in wanted:
                raise self._error(f"{operator} is of numbers", where=token.where)
            left = Arithmetic(operator, one, other, one.type)
        return left

    def _signed(self, begun: _Untyped | None = None) -> _Untyped:
        if begun is not None:
            return begun
        if not self._take("-"):
            return self._primary()
        self._deeper()
        operand = self._signed()
        self._depth -= 1
        if isinstance(operand, _Literal):
            return _Literal(operand.token, not operand.minus)
        if operand.type.kind not in COUNTED:
            raise self._error("- is of numbers")
        return Arithmetic("-", Constant(0, operand.type), operand, operand.type)

    def _primary(self) -> _Untyped:
        for opening, closing in (("{", "}"), ("(", ")")):
            if self._take(opening):
                self._deeper()
                operand = self._bits()
                self._expect(closing)
                self._depth -= 1
                return operand
        token = self._next()
        if token.kind == "operator":
            word = self._text[slice(*token.where)]
            hint = ": put it in quotes" if word[0].isalpha() else ""
            raise self._error(f"{word!r} is no value{hint}")
        if token.kind in ("slice", "layers"):
            raise self._error(f"{token.text!r} of what?")
        if token.kind != "word":
            return self._sliced(_Literal(token))
        if self._ahead() == "(":
            return self._sliced(self._call(token))
        name = token.text.removeprefix(".")
        type_ = known().get(name)
        if type_ is not None:
            return self._sliced(self._layered(name, type_))
        if token.text != name or name in wireshark_fields():
            raise self._no_field(Token(token.kind, name, token.where))
        return self._sliced(_Literal(token))

    def _layered(self, name: str, type_: FieldType) -> Field:
        if self._at == len(self._tokens) or self._tokens[self._at].kind != "layers":
            return Field(name, type_)
        try:
            return Field(name, type_, ranges_of(self._next().text[1:]))
        except ValueError as problem:
            raise self._error(str(problem)) from None

    def _sliced(self, operand: _Untyped) -> _Untyped:
        if self._at == len(self._tokens) or self._tokens[self._at].kind != "slice":
            return operand
        token = self._next()
        if isinstance(operand, _Literal):
            raise self._no_field(operand.token)
        if operand.type.kind != FieldKind.TEXT and operand.type.kind not in IN_OCTETS:
            raise self._error(f"a {operand.type.kind.value} has no parts")
        try:
            return Slice(operand, ranges_of(token.text))
        except ValueError as problem:
            raise self._error(str(problem)) from None

    def _call(self, token: Token) -> Call:
        function = FUNCTIONS.get(token.text)
        if function is None:
            similar = near(token.text, FUNCTIONS) or f"\nthere are: {', '.join(FUNCTIONS)}"
            raise self._error(f"there is no function {token.text!r}", similar)
        self._deeper()
        self._expect("(")
        given: list[_Untyped] = [self._bits()]
        while function.several and self._take(","):
            given.append(self._bits())
        self._expect(")")
        self._depth -= 1
        first = next((one for one in given if not isinstance(one, _Literal)), None)
        if first is None:
            raise self._error(f"{token.text} needs a field", where=token.where)
        typed = tuple(
            self._constant(one, first) if isinstance(one, _Literal) else one for one in given
        )
        for operand in typed:
            fault = function.fault(operand)
            if fault or not (len(typed) == 1 or _comparable(operand.type, first.type)):
                raise self._error(f"{token.text}: {fault or 'of one kind'}", where=token.where)
        return Call(token.text, typed, function.type or first.type)
