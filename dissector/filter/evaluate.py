"""From the tree of a display filter to functions of a message's fields."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from ..fields.kinds import IN_OCTETS, FieldKind, FieldType, in_octets
from .functions import call
from .patterns import Pattern
from .ranges import cut
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

Fields = dict[str, Any]
Values = list[Any]
Decide = Callable[[Fields], bool]
Get = Callable[[Fields], Values]

MAX_PAIRS = 100_000
"""Pairs of values that arithmetic and ``contains`` look at in one message; later ones are not."""
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "contains": operator.contains,
}


def decide(test: Test) -> Decide:
    """Return the function that a test is: of the fields of a message, whether they fit."""
    if isinstance(test, Logic):
        return _logic(test)
    if isinstance(test, Exists):
        found = get(test.operand)
        if isinstance(test.operand, Arithmetic):
            return lambda fields: any(found(fields))
        return lambda fields: bool(found(fields))
    if isinstance(test, Compare):
        return _compare(test)
    if isinstance(test, Member):
        return _member(test)
    return _matches(test)


def _logic(test: Logic) -> Decide:
    tests = [decide(one) for one in test.tests]
    if test.operator == "not":
        (only,) = tests
        return lambda fields: not only(fields)
    if test.operator == "and":
        return lambda fields: all(one(fields) for one in tests)
    if test.operator == "or":
        return lambda fields: any(one(fields) for one in tests)
    return lambda fields: sum(one(fields) for one in tests) % 2 == 1


def _quantified(every: bool) -> Callable[[Iterable[bool]], bool]:
    return all if every else any


def _compare(test: Compare) -> Decide:
    left, right = get(test.left), get(test.right)
    holds, quantified = _COMPARE[test.operator], _quantified(test.every)
    if isinstance(test.right, Constant):
        constant = test.right
        wanted = constant.value
        if constant.bits is not None:
            return _in_network(left, holds, quantified, constant)

        def with_constant(fields: Fields) -> bool:
            values = left(fields)
            return bool(values) and quantified([holds(value, wanted) for value in values])

        return with_constant

    def with_values(fields: Fields) -> bool:
        ours, theirs = left(fields), right(fields)
        return bool(ours) and bool(theirs) and _between(test, ours, theirs)

    return with_values


def _between(test: Compare, ours: Values, theirs: Values) -> bool:
    """Return whether any pair of values, or all pairs, compare so, without making the pairs.

    A directory's reply has tens of thousands of values of some fields.
    """
    holds, every = _COMPARE[test.operator], test.every
    if test.operator in ("==", "!="):
        if every == (test.operator == "!="):
            return set(ours).isdisjoint(theirs) == every  # any equal, or all different
        return (len({*ours, *theirs}) == 1) == every  # all equal, or any different
    if test.operator == "contains":
        pairs = islice(((one, other) for one in set(ours) for other in set(theirs)), MAX_PAIRS)
        return _quantified(every)(holds(one, other) for one, other in pairs)
    least, greatest = (min, max) if test.operator in ("<", "<=") else (max, min)
    if every:
        least, greatest = greatest, least
    return bool(holds(least(ours), greatest(theirs)))


def _masked(octets: bytes, bits: int) -> int:
    return int.from_bytes(octets, "big") >> (8 * len(octets) - bits)


def _in_network(
    left: Get,
    holds: Callable[[Any, Any], bool],
    quantified: Callable[[Iterable[bool]], bool],
    network: Constant,
) -> Decide:
    """Return the comparison of addresses with a network: only its bits count."""
    bits, size = network.bits or 0, len(network.value)
    wanted = _masked(network.value, bits)

    def test(fields: Fields) -> bool:
        values = [value for value in left(fields) if len(value) == size]
        return bool(values) and quantified([holds(_masked(one, bits), wanted) for one in values])

    return test


def _member(test: Member) -> Decide:
    found, quantified = get(test.operand), _quantified(test.every)
    singles = [low for low, high in test.items if high is None]
    networks = [one for one in singles if isinstance(one, Constant) and one.bits is not None]
    within = [_in_network(_itself, operator.eq, any, network) for network in networks]
    constants = frozenset(
        one.value for one in singles if isinstance(one, Constant) and one.bits is None
    )
    others = [get(one) for one in singles if not isinstance(one, Constant)]
    ranges = [(get(low), get(high)) for low, high in test.items if high is not None]

    def decided(fields: Fields) -> bool:
        values = found(fields)
        known = constants.union(*(other(fields) for other in others))
        bounds = [
            (min(lows), max(highs))
            for low, high in ranges
            if (lows := low(fields)) and (highs := high(fields))
        ]
        return bool(values) and quantified(
            value in known
            or any(low <= value <= high for low, high in bounds)
            or any(fits({"": [value]}) for fits in within)
            for value in values
        )

    return decided


def _itself(fields: Fields) -> Values:
    """Return the one value that is asked about."""
    return list(fields[""])


def _matches(test: Matches) -> Decide:
    found, quantified, pattern = get(test.operand), _quantified(test.every), Pattern(test.pattern)

    def fits(value: Any) -> bool:
        return pattern.search(value.decode("latin-1") if isinstance(value, bytes) else value)

    def decided(fields: Fields) -> bool:
        values = found(fields)
        return bool(values) and quantified([fits(value) for value in values])

    return decided


# --- Operands ---


def get(operand: Operand) -> Get:
    """Return the function that gives an operand's values."""
    if isinstance(operand, Constant):
        values = [operand.value]
        return lambda fields: values
    if isinstance(operand, Field):
        return _field(operand)
    if isinstance(operand, Slice):
        return _slice(operand)
    if isinstance(operand, Call):
        arguments = [get(one) for one in operand.arguments]
        return lambda fields: call(operand, [one(fields) for one in arguments])
    return _arithmetic(operand)


def _field(field: Field) -> Get:
    name, accept = field.name, _accept(field.type)
    if field.layers is not None and not any(
        first in (1, -1) or (0 <= first <= 1 and (count is None or first + count > 1))
        for first, count in field.layers
    ):
        return lambda fields: []  # a message has the fields of one layer of each protocol

    def values(fields: Fields) -> Values:
        value = fields.get(name)
        if value is None:
            return []
        several = value if isinstance(value, list) else (value,)
        return [one for each in several if (one := accept(each)) is not None]

    return values


def _accept(type_: FieldType) -> Callable[[Any], Any]:
    """Return what makes of a field's value one of its type; ``None`` of others."""
    if type_.kind in IN_OCTETS:
        width = type_.width
        return lambda value: in_octets(value, width)
    if type_.kind == FieldKind.TEXT:
        return lambda value: value if isinstance(value, str) else None
    if type_.kind == FieldKind.PROTOCOL:
        return lambda value: value
    return lambda value: value if isinstance(value, int | float) else None


def _slice(operand: Slice) -> Get:
    of, ranges = get(operand.of), operand.ranges

    def values(fields: Fields) -> Values:
        found = []
        for value in of(fields):
            octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            part = cut(octets, ranges)
            if part is not None:
                found.append(part)
        return found

    return values


def _divided(one: Any, other: Any) -> Any:
    """Return a quotient, of whole numbers a whole one as in C; ``None`` if it has none."""
    if not other:
        return None
    if isinstance(one, int) and isinstance(other, int):
        quotient = abs(one) // abs(other)
        return quotient if (one < 0) == (other < 0) else -quotient
    return one / other


def _remainder(one: Any, other: Any) -> Any:
    whole = _divided(one, other)
    return None if whole is None else one - other * int(whole)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _remainder,
    "&": operator.and_,
}


def _arithmetic(node: Arithmetic) -> Get:
    left, right, work = get(node.left), get(node.right), _ARITHMETIC[node.operator]

    def values(fields: Fields) -> Values:
        pairs = ((one, other) for one in left(fields) for other in right(fields))
        found = [work(one, other) for one, other in islice(pairs, MAX_PAIRS)]
        return [one for one in found if one is not None]

    return values
