"""A specification with every name looked up, from which the emitter and the tests' oracle work.

Anonymous types have become definitions of their own (``parent_field``), typedefs have dissolved
into what they stand for, and every size is a number. ``hint`` is how a type is spelled in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import Position

_LONGEST = 1 << 32
_ROUNDS = 130

FLAT = 256
"""The most numbers and octet strings that a structure of fixed size may have to be coded so."""

SMALL = 4
"""The most leaves that a structure of variable size may have to be coded in place."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number: ``code`` is its letter in a ``struct`` format, big-endian."""

    code: str
    hint: str = field(default="int", compare=False)
    enum: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    """``bool``: a word that is 0 or 1."""

    hint: str = field(default="bool", compare=False)


@dataclass(frozen=True, slots=True)
class FixedOpaque:
    """The type of ``opaque x[size]``."""

    size: int
    hint: str = field(default="bytes", compare=False)


@dataclass(frozen=True, slots=True)
class Opaque:
    """``opaque x<limit>`` or ``string x<limit>``; ``bulk`` if it is DDP-eligible
    (RFC 8166, Section 3.4.1) and so is kept out of the encoder's buffer."""

    limit: int | None
    bulk: bool = False
    hint: str = field(default="bytes", compare=False)


@dataclass(frozen=True, slots=True)
class FixedArray:
    """The type of ``type x[count]``."""

    element: Type
    count: int
    hint: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Array:
    """The type of ``type x<limit>``."""

    element: Type
    limit: int | None
    hint: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Optional:
    """The type of ``type *x``."""

    element: Type
    hint: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """A structure or union, by name: ``Model.types`` has it."""

    name: str
    hint: str = field(default="", compare=False)


Type = Scalar | Boolean | FixedOpaque | Opaque | FixedArray | Array | Optional | Reference


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a structure, an arm's declaration, or a discriminant.

    ``name`` is the language's, ``attribute`` the Python attribute's: they differ where the name
    means something to Python.
    """

    name: str
    attribute: str
    type: Type


@dataclass(frozen=True, slots=True)
class Label:
    """A case of a union: its value, and how the text spells it."""

    value: int
    spelling: str


@dataclass(frozen=True, slots=True)
class UnionArm:
    """``field`` is ``None`` for void; the default arm has no labels."""

    labels: tuple[Label, ...]
    field: Field | None


@dataclass(slots=True)
class Structure:
    """A ``struct``. ``linked`` is set if its last member is a pointer to the next of its kind;
    ``recursive`` if it contains itself in some other way."""

    name: str
    position: Position
    fields: tuple[Field, ...] = ()
    linked: bool = False
    recursive: bool = False
    comment: str = ""
    """What the text says above it."""


@dataclass(slots=True)
class Union:
    """A ``union``; ``default`` is ``None`` if it has no default arm."""

    name: str
    position: Position
    discriminant: Field
    arms: tuple[UnionArm, ...] = ()
    default: UnionArm | None = None
    recursive: bool = False
    comment: str = ""
    """What the text says above it."""

    def every_arm(self) -> tuple[UnionArm, ...]:
        """Return the arms, the default one last."""
        return self.arms if self.default is None else (*self.arms, self.default)


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An ``enum`` and its members' numbers."""

    name: str
    members: dict[str, int]
    comment: str = ""
    """What the text says above it."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A typedef."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class NamedNumber:
    """A ``const``, or a program's, version's or procedure's number."""

    name: str
    value: int
    hexadecimal: bool


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure of a version; ``result`` is ``None`` for void. Arguments may have no name."""

    name: str
    number: int
    arguments: tuple[Field, ...]
    result: Type | None
    comment: str = ""
    """What the text says above it."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a program."""

    name: str
    number: int
    procedures: tuple[Procedure, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A program (RFC 5531, Section 12)."""

    name: str
    number: int
    versions: tuple[Version, ...]


@dataclass(slots=True)
class Model:
    """Everything one emitted module is made of, each kind in the order of the text."""

    numbers: list[NamedNumber] = field(default_factory=list)
    strings: dict[str, str] = field(default_factory=dict)
    """Constants that are texts."""
    enums: dict[str, Enumeration] = field(default_factory=dict)
    types: dict[str, Structure | Union] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    """The names of ``types`` and ``aliases``, interleaved as the text has them."""
    programs: list[Program] = field(default_factory=list)
    bulk_items: set[tuple[str, str]] = field(default_factory=set)
    """The DDP-eligible items that were found, as ``resolver.resolve`` was given them."""
    _names: set[str] = field(default_factory=set)
    _least: dict[str, int] = field(default_factory=dict)
    _flat: dict[str, bool] = field(default_factory=dict)
    _weights: dict[str, int] = field(default_factory=dict)

    def defines(self, name: str) -> bool:
        """Return whether a name is one of this specification's."""
        if not self._names:
            self._names.update(self.types, self.aliases, self.enums, self.strings)
            self._names.update(item.name for item in self.numbers)
            self._names.update(*(enum.members for enum in self.enums.values()))
        return name in self._names

    def is_type(self, name: str) -> bool:
        """Return whether a name is that of a type of this specification."""
        return name in self.types or name in self.aliases or name in self.enums

    def min_size(self, kind: Type) -> int:
        """Return the fewest octets that a value of ``kind`` takes inline.

        For types that contain themselves it may be fewer. It is never more than a length can be.
        """
        match kind:
            case Scalar(code):
                return 8 if code in "qQd" else 4
            case Boolean() | Opaque() | Array() | Optional():
                return 4
            case FixedOpaque(size):
                return (size + 3) & ~3
            case FixedArray(element, count):
                return min(count * self.min_size(element), _LONGEST)
            case Reference(name):
                if not self._least:
                    self._find_least()
                return self._least[name]

    def _find_least(self) -> None:
        """Find the least sizes of all types: those inside others first, or in a few rounds."""
        self._least = dict.fromkeys(self.types, 0)
        for _ in range(_ROUNDS):
            before = dict(self._least)
            for name, target in self.types.items():
                self._least[name] = min(self._least_of(target), _LONGEST)
            if before == self._least:
                break

    def _least_of(self, target: Structure | Union) -> int:
        if isinstance(target, Structure):
            return sum(self.min_size(item.type) for item in target.fields)
        return self.min_size(target.discriminant.type) + min(
            self.min_size(arm.field.type) if arm.field else 0 for arm in target.every_arm()
        )

    def max_size(
        self, kind: Type, limits: Mapping[str, int], *, inline: bool = False
    ) -> int | None:
        """Return the most octets that a value of ``kind`` takes, or ``None`` if there is no most.

        ``limits`` gives the most elements that values of some typedefs have, by the typedef's
        name, where the specification itself states no limit. ``inline`` leaves bulk data out.
        """
        return _Longest(self, limits, inline).size(kind)

    def holds_bulk(self, kind: Type) -> bool:
        """Return whether values of ``kind`` may contain bulk data."""
        pending: list[Type] = [kind]
        seen: set[str] = set()
        while pending:
            match pending.pop():
                case Opaque(_, bulk):
                    if bulk:
                        return True
                case FixedArray(element) | Array(element) | Optional(element):
                    pending.append(element)
                case Reference(name) if name not in seen:
                    seen.add(name)
                    target = self.types[name]
                    if isinstance(target, Structure):
                        pending += [item.type for item in target.fields]
                    else:
                        pending += [arm.field.type for arm in target.every_arm() if arm.field]
        return False

    def max_after_status(self, name: str, limits: Mapping[str, int]) -> int | None:
        """Return the most octets that a successful result has after its status, if limited.

        The result is a structure that begins with its status, or a union switched by it, in
        which 0 means success. ``limits`` is that of :meth:`max_size`.
        """
        alias = self.aliases.get(name)
        if alias is not None and isinstance(alias.type, Reference):
            name = alias.type.name
        target = self.types[name]
        longest = _Longest(self, limits, inline=False)
        if isinstance(target, Structure):
            return longest.sum(target.fields[1:])
        for arm in target.every_arm():
            if any(label.value == 0 for label in arm.labels) or arm is target.default:
                return longest.sum((arm.field,) if arm.field else ())
        return None

    def flat(self, kind: Type) -> bool:
        """Return whether every value of ``kind`` is one fixed run of numbers and octets."""
        match kind:
            case Scalar() | Boolean() | FixedOpaque():
                return True
            case Reference(name):
                if name not in self._flat:
                    target = self.types[name]
                    self._flat[name] = (
                        isinstance(target, Structure)
                        and not (target.linked or target.recursive)
                        and all(self.flat(item.type) for item in target.fields)
                    )
                return self._flat[name]
            case _:
                return False

    def inlined(self, kind: Type) -> Structure | None:
        """Return the structure whose members are coded in place, not by a call of their own.

        That is one that is flat, or so small that the call would cost more than the code.
        """
        if not isinstance(kind, Reference):
            return None
        target = self.types[kind.name]
        if not isinstance(target, Structure):
            return None
        return target if self._weight(kind) <= (FLAT if self.flat(kind) else SMALL) else None

    def _weight(self, kind: Type) -> int:
        """Return about how much code it takes to code a value in place."""
        match kind:
            case Scalar() | Boolean() | FixedOpaque() | Opaque():
                return 1
            case Array(element) if isinstance(element, Scalar):
                return 1
            case Reference(name):
                if name not in self._weights:
                    target = self.types[name]
                    self._weights[name] = SMALL + 1
                    if isinstance(target, Structure) and not (target.linked or target.recursive):
                        self._weights[name] = sum(self._weight(item.type) for item in target.fields)
                return self._weights[name]
        return SMALL + 1


class _Longest:
    """The most octets of types, each of which is measured once; ``None`` if there is no most."""

    def __init__(self, model: Model, limits: Mapping[str, int], inline: bool) -> None:
        self._model = model
        self._limits = limits
        self._inline = inline
        self._known: dict[str, int | None] = {}

    def size(self, kind: Type) -> int | None:
        """Return the most octets of one value."""
        match kind:
            case Scalar() | Boolean() | FixedOpaque():
                return self._model.min_size(kind)
            case Opaque(limit, bulk):
                if bulk and self._inline:
                    return 4
                limit = self._limits.get(kind.hint, limit)
                return None if limit is None else 4 + ((limit + 3) & ~3)
            case FixedArray(element, count):
                most = self.size(element)
                return None if most is None else count * most
            case Array(element, limit):
                limit = self._limits.get(kind.hint, limit)
                most = self.size(element)
                return None if limit is None or most is None else 4 + limit * most
            case Optional(element):
                most = self.size(element)
                return None if most is None else 4 + most
            case Reference(name):
                if name not in self._known:
                    self._known[name] = None  # what contains itself has no most
                    self._known[name] = self._of(self._model.types[name])
                return self._known[name]

    def sum(self, fields: tuple[Field, ...]) -> int | None:
        """Return the most octets of several members together."""
        total = 0
        for item in fields:
            most = self.size(item.type)
            if most is None:
                return None
            total += most
        return total

    def _of(self, target: Structure | Union) -> int | None:
        if isinstance(target, Structure):
            return self.sum(target.fields)
        longest = 0
        for arm in target.every_arm():
            most = self.sum((arm.field,) if arm.field else ())
            if most is None:
                return None
            longest = max(longest, most)
        return self._model.min_size(target.discriminant.type) + longest
