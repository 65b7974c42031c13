"""The syntax tree of a specification: the structure of its text, with no name looked up.

The shapes follow the grammar of RFC 4506, Section 6.3, and RFC 5531, Section 12.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from .errors import Position


@dataclass(frozen=True, slots=True)
class Value:
    """A number, or the name of one and ``more`` than that; ``text`` is how it is written."""

    position: Position
    text: str
    number: int | None = None
    more: int = 0

    def __str__(self) -> str:
        return self.text


class Primitive(Enum):
    """The types that the language has."""

    INT = "int"
    UNSIGNED_INT = "unsigned int"
    HYPER = "hyper"
    UNSIGNED_HYPER = "unsigned hyper"
    FLOAT = "float"
    DOUBLE = "double"
    QUADRUPLE = "quadruple"
    BOOL = "bool"
    OPAQUE = "opaque"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type defined somewhere else: ``stateid4``, or ``struct stateid4``."""

    position: Position
    name: str


@dataclass(frozen=True, slots=True)
class EnumMember:
    """One ``NAME = value``."""

    position: Position
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class EnumBody:
    """The body of an enumeration: ``{ A = 1, B = 2 }``."""

    position: Position
    members: tuple[EnumMember, ...]


@dataclass(frozen=True, slots=True)
class StructBody:
    """The body of a structure: ``{ type name; ... }``."""

    position: Position
    fields: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """The labels that fall through to one declaration; ``declaration`` is ``None`` for void."""

    position: Position
    labels: tuple[Value, ...]
    declaration: Declaration | None


@dataclass(frozen=True, slots=True)
class UnionBody:
    """The body of a union: ``switch (discriminant) { case ...: ...; default: ...; }``."""

    position: Position
    discriminant: Declaration
    arms: tuple[Arm, ...]
    default: Arm | None


TypeSpecifier = Primitive | TypeName | EnumBody | StructBody | UnionBody


class Form(Enum):
    """How often a declaration holds its type."""

    PLAIN = auto()
    OPTIONAL = auto()
    FIXED = auto()
    VARIABLE = auto()


@dataclass(frozen=True, slots=True)
class Declaration:
    """``type name``, ``type *name``, ``type name[size]`` or ``type name<size>``."""

    position: Position
    name: str
    type: TypeSpecifier
    form: Form = Form.PLAIN
    size: Value | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """``const NAME = value;``; rpcgen takes texts in quotes as well as numbers."""

    position: Position
    name: str
    value: Value | str


@dataclass(frozen=True, slots=True)
class Typedef:
    """``typedef declaration;``, and ``enum``, ``struct`` and ``union`` definitions, which are
    the same thing said shorter (RFC 4506, Section 4.18)."""

    declaration: Declaration
    comment: str = ""
    """The comment above it, as written."""

    @property
    def position(self) -> Position:
        """Where the name is."""
        return self.declaration.position

    @property
    def name(self) -> str:
        """The name that is defined."""
        return self.declaration.name


@dataclass(frozen=True, slots=True)
class Procedure:
    """One procedure of a version.

    ``result`` is ``None`` for void. Its name is empty, and so are those of arguments to which the
    text gives none.
    """

    position: Position
    name: str
    result: Declaration | None
    arguments: tuple[Declaration, ...]
    number: Value
    comment: str = ""
    """The comment above it, as written."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a program."""

    position: Position
    name: str
    procedures: tuple[Procedure, ...]
    number: Value


@dataclass(frozen=True, slots=True)
class Program:
    """``program NAME { version ... } = number;`` (RFC 5531, Section 12.2)."""

    position: Position
    name: str
    versions: tuple[Version, ...]
    number: Value


Definition = Constant | Typedef | Program


@dataclass(frozen=True, slots=True)
class Specification:
    """Definitions in the order of the text."""

    definitions: tuple[Definition, ...] = field(default=())
