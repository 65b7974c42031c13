"""From a syntax tree to a model: every name is looked up, and what means nothing is refused.

All names of a specification share one scope, enumerators included (RFC 4506, Section 6.4).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from . import ast
from .ast import Form, Primitive
from .checks import MAX_DEPTH, check
from .errors import Position, SpecificationError
from .model import (
    Alias,
    Array,
    Boolean,
    Enumeration,
    Field,
    FixedArray,
    FixedOpaque,
    Label,
    Model,
    NamedNumber,
    Opaque,
    Optional,
    Procedure,
    Program,
    Reference,
    Scalar,
    Structure,
    Type,
    Union,
    UnionArm,
    Version,
)
from .names import HINTS, MEMBERS, safe_name
from .predefined import PREDEFINED, PREDEFINED_NUMBERS

_SCALARS = {
    Primitive.INT: "i",
    Primitive.UNSIGNED_INT: "I",
    Primitive.HYPER: "q",
    Primitive.UNSIGNED_HYPER: "Q",
    Primitive.FLOAT: "f",
    Primitive.DOUBLE: "d",
}
_RANGES = {"i": (-(1 << 31), (1 << 31) - 1), "I": (0, (1 << 32) - 1)}
_Body = ast.EnumBody | ast.StructBody | ast.UnionBody

UINT32_MAX = 0xFFFFFFFF

_BULK_HINT = "bytes | bytearray | memoryview"

ELSEWHERE = "If another file defines it, name that file as well, before this one."


def resolve(
    specification: ast.Specification, bulk: Container[tuple[str, str]] = frozenset()
) -> Model:
    """Return the model of a specification.

    ``bulk`` names the DDP-eligible items: members as (type, member), results of procedures as
    (procedure, ``"result"``), arguments as (procedure, their name or ``"argument"``).

    Errors: ``SpecificationError``, at the place of the name or number that is wrong.
    """
    resolver = _Resolver(specification, bulk)
    resolver.run()
    check(resolver.model)
    return resolver.model


class _Resolver:
    def __init__(self, specification: ast.Specification, bulk: Container[tuple[str, str]]) -> None:
        self.model = Model()
        self._bulk = bulk
        self._scope: dict[str, Position] = {}
        self._constants: dict[str, ast.Value] = {}
        self._typedefs: dict[str, ast.Typedef] = {}
        self._resolving: list[str] = []
        self._bodies: dict[str, _Body] = {}
        self._numbers: set[str] = set()
        self._repeated: set[str] = set()
        self._strings: set[str] = set()
        self._numbered_names: set[str] = set()
        self._definitions = specification.definitions
        for definition in self._definitions:
            self._declare(definition)

    def _declare(self, definition: ast.Definition) -> None:
        """Enter what a definition defines into the scope: names may be used before it."""
        if isinstance(definition, ast.Program):
            self._numbered(definition)
            for version in definition.versions:
                self._numbered(version)
                for procedure in version.procedures:
                    self._numbered(procedure)
            return
        if isinstance(definition, ast.Constant) and isinstance(definition.value, str):
            self._name(definition.position, definition.name)
            self._strings.add(definition.name)
            return
        if isinstance(definition, ast.Constant):
            assert not isinstance(definition.value, str)
            self._constant(definition.position, definition.name, definition.value)
            return
        if _repeats(definition) and definition.name in self._typedefs:
            self._repeated.add(definition.name)
            return
        self._name(definition.position, definition.name)
        self._typedefs[definition.name] = definition
        for body in _enum_bodies(definition.declaration.type):
            for member in body.members:
                self._constant(member.position, member.name, member.value)

    def _numbered(self, item: ast.Program | ast.Version | ast.Procedure) -> None:
        """Enter the number of a program, a version or a procedure into the scope.

        Versions of a program repeat the names of their procedures (RFC 5531, Section 12.3): the
        first number is what the name stands for.
        """
        if item.name not in self._numbers:
            self._constant(item.position, item.name, item.number)
            self._numbers.add(item.name)

    def _name(self, position: Position, name: str) -> None:
        if name in self._scope:
            raise SpecificationError(position, f"{name} is defined at {self._scope[name]} already")
        self._scope[name] = position

    def _constant(self, position: Position, name: str, value: ast.Value) -> None:
        if name in ("TRUE", "FALSE"):
            raise SpecificationError(position, f"{name} is part of the language")
        self._name(position, name)
        self._constants[name] = value

    def run(self) -> None:
        for definition in self._definitions:
            match definition:
                case ast.Constant(_, name, str() as text):
                    self.model.strings[name] = text
                case ast.Constant(_, name, ast.Value() as value):
                    self._number(name, value)
                case ast.Program():
                    self._program(definition)
                case ast.Typedef():
                    self._definition(definition)
        for alias in self.model.aliases:
            for function in (f"encode_{alias}", f"decode_{alias}"):
                if function in self._scope:
                    position = self._scope[function]
                    raise SpecificationError(position, f"{function} is what comes of {alias}")

    # --- Numbers ---

    def _number(self, name: str, value: ast.Value) -> None:
        number = self.evaluate(value)
        hexadecimal = value.text.lower().startswith("0x")
        self.model.numbers.append(NamedNumber(name, number, hexadecimal))

    def evaluate(self, value: ast.Value) -> int:
        """Return the number that a value stands for."""
        seen: set[str] = set()
        more = value.more
        while value.number is None:
            if value.text not in self._constants and value.text in PREDEFINED_NUMBERS:
                return PREDEFINED_NUMBERS[value.text] + more
            if value.text not in self._constants or value.text in seen:
                if value.text in self._strings:
                    raise SpecificationError(value.position, f"{value} is a text, not a number")
                raise SpecificationError(value.position, f"{value} is no constant", ELSEWHERE)
            seen.add(value.text)
            value = self._constants[value.text]
            more += value.more
        return value.number + more

    def _size(self, value: ast.Value) -> int:
        size = self.evaluate(value)
        if not 0 <= size <= UINT32_MAX:
            raise SpecificationError(value.position, f"{value} cannot be a size")
        return size

    def _program(self, program: ast.Program) -> None:
        self._number_once(program)
        versions: list[Version] = []
        for version in program.versions:
            self._number_once(version)
            for procedure in version.procedures:
                self._number_once(procedure)
            versions.append(self._version(version))
        number = self._unsigned(program.number)
        self.model.programs.append(Program(program.name, number, tuple(versions)))

    def _number_once(self, item: ast.Program | ast.Version | ast.Procedure) -> None:
        if item.name not in self._numbered_names:
            self._numbered_names.add(item.name)
            self._number(item.name, item.number)

    def _unsigned(self, value: ast.Value) -> int:
        number = self.evaluate(value)
        if not 0 <= number <= UINT32_MAX:
            raise SpecificationError(value.position, f"{value} is no unsigned 32-bit number")
        return number

    def _version(self, version: ast.Version) -> Version:
        procedures: dict[int, Procedure] = {}
        names: set[str] = set()
        for procedure in version.procedures:
            number, name = self._unsigned(procedure.number), procedure.name
            if number in procedures or name in names:
                raise SpecificationError(procedure.position, f"a second procedure {name} {number}")
            names.add(name)
            result = procedure.result
            kind = None if result is None else self._passed(result, name, "result")
            arguments = tuple(self._argument(name, item) for item in procedure.arguments)
            procedures[number] = Procedure(name, number, arguments, kind, procedure.comment)
        number = self._unsigned(version.number)
        return Version(version.name, number, tuple(procedures.values()))

    def _argument(self, procedure: str, declaration: ast.Declaration) -> Field:
        kind = self._passed(declaration, procedure, declaration.name or "argument")
        return Field(declaration.name, declaration.name, kind)

    def _passed(self, declaration: ast.Declaration, procedure: str, role: str) -> Type:
        """Return the type of an argument or a result of a procedure."""
        kind = self._declared(declaration, f"{procedure}_{role}")
        return self._placed(kind, (procedure, role), declaration.position)

    def _placed(self, kind: Type, item: tuple[str, str], position: Position) -> Type:
        """Return the same type, as bulk data if the item is DDP-eligible."""
        if item not in self._bulk:
            return kind
        if not isinstance(kind, Opaque):
            raise SpecificationError(position, f"{item[1]} cannot be bulk data: it is not opaque<>")
        self.model.bulk_items.add(item)
        return Opaque(kind.limit, bulk=True, hint=_BULK_HINT)

    # --- Types ---

    def _definition(self, definition: ast.Typedef) -> None:
        declaration = definition.declaration
        name = declaration.name
        if _repeats(definition) and name in self._repeated:
            return
        inline = isinstance(declaration.type, _Body)
        if inline and declaration.form is Form.PLAIN:
            self._specifier(declaration.type, declaration.position, name)
            self._comment(name, definition.comment)
            return
        kind = self._declared(declaration, f"{name}_item")
        self.model.aliases[name] = Alias(name, kind)
        self.model.order.append(name)

    def _comment(self, name: str, comment: str) -> None:
        """Keep what the text says above a type."""
        if name in self.model.enums:
            self.model.enums[name] = replace(self.model.enums[name], comment=comment)
        else:
            self.model.types[name].comment = comment

    def _declared(self, declaration: ast.Declaration, anonymous: str) -> Type:
        """Return the type of a declaration; ``anonymous`` names it if the text does not."""
        form, size = declaration.form, declaration.size
        if declaration.type in (Primitive.OPAQUE, Primitive.STRING):
            if form is Form.FIXED and size is not None:
                return FixedOpaque(self._size(size))
            return Opaque(None if size is None else self._size(size))
        element = self._specifier(declaration.type, declaration.position, anonymous)
        if form is Form.PLAIN:
            return element
        if form is Form.OPTIONAL:
            return Optional(element, hint=f"{element.hint} | None")
        hint = f"list[{element.hint}]"
        if form is Form.FIXED and size is not None:
            return FixedArray(element, self._size(size), hint)
        return Array(element, None if size is None else self._size(size), hint)

    def _specifier(self, specifier: ast.TypeSpecifier, position: Position, name: str) -> Type:
        match specifier:
            case Primitive.BOOL:
                return Boolean()
            case Primitive.FLOAT | Primitive.DOUBLE:
                return Scalar(_SCALARS[specifier], "float")
            case Primitive.QUADRUPLE:
                raise SpecificationError(position, "Python has no quadruple")
            case Primitive():
                return Scalar(_SCALARS[specifier])
            case ast.TypeName():
                return self._lookup(specifier)
            case ast.EnumBody():
                return self._enum(specifier, name)
            case ast.StructBody():
                return self._struct(specifier, name)
            case ast.UnionBody():
                return self._union(specifier, name)

    def _lookup(self, reference: ast.TypeName) -> Type:
        name = reference.name
        definition = self._typedefs.get(name)
        if definition is None:
            if name in PREDEFINED:
                return PREDEFINED[name]
            raise SpecificationError(reference.position, f"{name} is no type", ELSEWHERE)
        declaration = definition.declaration
        if declaration.form is Form.PLAIN:
            if isinstance(declaration.type, ast.EnumBody):
                return Scalar("i", enum=name)
            if isinstance(declaration.type, ast.StructBody | ast.UnionBody):
                return Reference(name, name)
        if name in self._resolving:
            raise SpecificationError(reference.position, f"{name} is defined by itself")
        if len(self._resolving) >= MAX_DEPTH:
            raise SpecificationError(reference.position, "typedefs refer to one another too deep")
        self._resolving.append(name)
        kind = self._declared(declaration, f"{name}_item")
        self._resolving.pop()
        return _spelled(kind, name)

    def _enum(self, body: ast.EnumBody, name: str) -> Type:
        if not self._met(body, name):
            members: dict[str, int] = {}
            for member in body.members:
                value = self.evaluate(member.value)
                if not -(1 << 31) <= value < 1 << 31:
                    raise SpecificationError(member.position, f"{member.name} is too large")
                members[member.name] = value
            self.model.enums[name] = Enumeration(name, members)
        return Scalar("i", enum=name)

    def _met(self, body: _Body, name: str) -> bool:
        """Return whether a body was resolved before; if not, name it if it was anonymous."""
        if self._bodies.get(name) is body:
            return True
        definition = self._typedefs.get(name)
        if definition is None or definition.declaration.type is not body:
            self._name(body.position, name)
        self._bodies[name] = body
        return False

    def _struct(self, body: ast.StructBody, name: str) -> Type:
        if not self._met(body, name):
            structure = Structure(name, self._scope[name])
            self.model.types[name] = structure
            seen: set[str] = set()
            structure.fields = tuple(self._field(name, item, seen) for item in body.fields)
            last = structure.fields[-1].type
            structure.linked = isinstance(last, Optional) and last.element == Reference(name)
            self.model.order.append(name)
        return Reference(name, name)

    def _field(
        self,
        owner: str,
        declaration: ast.Declaration,
        seen: set[str],
        taken: frozenset[str] = frozenset(),
    ) -> Field:
        name = declaration.name
        if name in seen:
            raise SpecificationError(declaration.position, f"{owner} has a {name} already")
        kind = self._declared(declaration, f"{owner}_{name}")
        kind = self._placed(kind, (owner, name), declaration.position)
        attribute = safe_name(name, MEMBERS | seen | taken)
        seen |= {name, attribute}
        return Field(name, attribute, kind)

    def _union(self, body: ast.UnionBody, name: str) -> Type:
        if self._met(body, name):
            return Reference(name, name)
        seen: set[str] = set()
        discriminant = self._field(name, body.discriminant, seen)
        union = Union(name, self._scope[name], discriminant)
        self.model.types[name] = union
        values: set[int] = set()
        arms: list[UnionArm] = []
        for arm in body.arms:
            labels = tuple(self._label(label, discriminant.type, values) for label in arm.labels)
            arms.append(UnionArm(labels, self._arm(name, arm, seen)))
        union.arms = tuple(arms)
        if body.default is not None:
            union.default = UnionArm((), self._arm(name, body.default, seen))
        self.model.order.append(name)
        return Reference(name, name)

    def _arm(self, owner: str, arm: ast.Arm, seen: set[str]) -> Field | None:
        if arm.declaration is None:
            return None
        return self._field(owner, arm.declaration, seen, HINTS)

    def _label(self, label: ast.Value, discriminant: Type, seen: set[int]) -> Label:
        if isinstance(discriminant, Boolean):
            if label.text not in ("TRUE", "FALSE"):
                raise SpecificationError(label.position, f"{label} is neither TRUE nor FALSE")
            value = int(label.text == "TRUE")
        elif isinstance(discriminant, Scalar) and discriminant.code in "iI":
            value = self.evaluate(label)
            low, high = _RANGES[discriminant.code]
            if not low <= value <= high:
                raise SpecificationError(label.position, f"{label} is out of range")
            members = self._members(discriminant.enum)
            if members is not None and value not in members:
                raise SpecificationError(label.position, f"{label} is not in {discriminant.enum}")
        else:
            raise SpecificationError(label.position, "only integers and enums tell arms apart")
        if value in seen:
            raise SpecificationError(label.position, f"a second case {label}")
        seen.add(value)
        spelling = label.text if label.number is None else str(label.number)
        return Label(value, spelling)

    def _members(self, name: str) -> set[int] | None:
        """Return the values of an enumeration, which may be defined further down."""
        if name in self.model.enums:
            return set(self.model.enums[name].members.values())
        body = self._typedefs[name].declaration.type if name in self._typedefs else None
        if not isinstance(body, ast.EnumBody):
            return None
        return {self.evaluate(member.value) for member in body.members}


def _repeats(definition: ast.Typedef) -> bool:
    """Return whether a definition is ``typedef struct x x;``, which defines nothing."""
    declaration = definition.declaration
    return (
        isinstance(declaration.type, ast.TypeName)
        and declaration.type.name == declaration.name
        and declaration.form is Form.PLAIN
    )


def _enum_bodies(specifier: ast.TypeSpecifier) -> Iterator[ast.EnumBody]:
    """Yield the enumerations inside a type, whose members are global names."""
    match specifier:
        case ast.EnumBody():
            yield specifier
        case ast.StructBody(_, fields):
            for item in fields:
                yield from _enum_bodies(item.type)
        case ast.UnionBody(_, discriminant, arms, default):
            yield from _enum_bodies(discriminant.type)
            for arm in (*arms, *([default] if default else [])):
                if arm.declaration is not None:
                    yield from _enum_bodies(arm.declaration.type)


def _spelled(kind: Type, hint: str) -> Type:
    """Return the same type, spelled as a typedef spells it."""
    match kind:
        case Scalar(code, _, enum):
            return Scalar(code, hint, enum)
        case Boolean():
            return Boolean(hint)
        case FixedOpaque(size):
            return FixedOpaque(size, hint)
        case Opaque(limit):
            return Opaque(limit, hint=hint)
        case FixedArray(element, count):
            return FixedArray(element, count, hint)
        case Array(element, limit):
            return Array(element, limit, hint)
        case Optional(element):
            return Optional(element, hint)
        case Reference(name):
            return Reference(name, hint)
