"""From a model to a Python module: typed, strict, and as fast as Python's ``struct`` allows.

The shape of what is emitted is a contract with the rest of the project: ARCHITECTURE.md,
"Contracts between the rooms".
"""

from __future__ import annotations

from dataclasses import dataclass

from .decoding import (
    decode_alias,
    decode_structure,
    decode_table_union,
    decode_union,
    discriminant_expression,
)
from .encoding import (
    condition,
    encode_alias,
    encode_structure,
    encode_table_union,
    encode_union,
)
from .finish import docstring, imports, printable, tidied
from .model import (
    Alias,
    Enumeration,
    Field,
    Model,
    NamedNumber,
    Reference,
    Scalar,
    Structure,
    Union,
    UnionArm,
)
from .model import Boolean as BooleanType
from .names import ENUMERATION, safe_name
from .programs import ProgramWriter
from .writer import WIDTH, Layouts

TABLE_ARMS = 12
"""A union with more arms than this finds them in a table."""

_IMPORTS = """\
from __future__ import annotations

from enum import IntEnum
from struct import Struct, pack
from typing import Any, Final, TypeAlias

from {dots}codec import Decoder, Encoder
from {dots}runtime import (
    MISSING,
    PAD,
    LinkedStruct,
    StructError,
    no_arm,
    not_boolean,
    too_long,
    unencodable,
    wrong_arm,
    wrong_length,
)
from {dots}runtime import Struct as XdrStruct
from {dots}runtime import Union as XdrUnion
"""


def emit(model: Model, title: str, sources: list[str], dots: str) -> str:
    """Return the text of a module of this package.

    ``title`` is the first line of its docstring, ``sources`` name the specifications it comes
    from, ``dots`` lead from its package to ``nfsrdma.xdr``.
    """
    return _Emitter(model).module(title, sources, dots)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a module has besides types and constants."""

    client: bool = True
    server: bool = True


def emit_for_others(
    model: Model, title: str, sources: list[str], passed_through: list[str], parts: Parts
) -> str:
    """Return the text of a module that stands by itself, as ``nfsrdma xdrgen`` writes it.

    ``title`` and ``sources`` are those of :func:`emit`; the ``%`` lines in ``passed_through``
    become comments.
    """
    return _Emitter(model, comments=True).module_for_others(title, sources, passed_through, parts)


class _Emitter:
    def __init__(self, model: Model, *, comments: bool = False) -> None:
        self._model = model
        self._comments = comments
        self._layouts = Layouts()
        self._tables: list[str] = []

    def module(self, title: str, sources: list[str], dots: str) -> str:
        """Return a module of this package."""
        body = self._types()
        head = [
            f'"""{title}',
            "",
            f"Emitted by nfsrdma.xdr.compiler from {', '.join(sources)}.",
            "Do not edit: change those, and run ``python -m nfsrdma.xdr.compiler``.",
            '"""',
            "",
            "# fmt: off",
            "# ruff: noqa",
            "",
            *_IMPORTS.format(dots=dots).splitlines(),
            *_section("Numbers", [_number(item) for item in self._model.numbers]),
            *_section("Enumerations", self._enumerations()),
            *_section(
                "Layouts: the runs of fields that are packed in one step", self._layouts.lines()
            ),
        ]
        return "\n".join([*head, *body, *self._tables]) + "\n"

    def module_for_others(
        self, title: str, sources: list[str], passed_through: list[str], parts: Parts
    ) -> str:
        """Return a module that imports what it uses from this package."""
        body = self._types()
        writer = ProgramWriter(self._model, self._layouts)
        programs = writer.lines(client=parts.client, server=parts.server)
        lines = [
            *_comments(passed_through),
            *_section("--- Constants ---", self._constants()),
            *_section("--- Enumerations ---", self._enumerations()),
            *_section(
                "--- Layouts: the runs of fields that are packed in one step ---",
                self._layouts.lines(),
            ),
            *body,
            *self._tables,
            *programs,
        ]
        head = [
            f'"""{printable(title)}',
            "",
            f"Written by ``nfsrdma xdrgen`` from {', '.join(map(printable, sources))}.",
            "Do not edit: change that, and have it written anew.",
            '"""',
            "",
            "# ruff: noqa",
            "",
            "from __future__ import annotations",
            "",
            *imports(lines),
        ]
        return "\n".join([*head, *tidied(lines), ""])

    def _constants(self) -> list[str]:
        lines = []
        for item in self._model.numbers:
            sign = "-" if item.value < 0 else ""
            value = f"{sign}0x{abs(item.value):X}" if item.hexadecimal else str(item.value)
            lines.append(f"{item.name}: Final = {value}")
        for name, text in self._model.strings.items():
            lines.append(f'{name}: Final = "{printable(text)}"')
        return lines

    def _types(self) -> list[str]:
        """Return the classes of structures and unions, and the typedefs."""
        body: list[str] = []
        for name in self._ordered():
            target = self._model.types.get(name)
            if isinstance(target, Structure):
                body += self._structure(target)
            elif isinstance(target, Union):
                body += self._union(target)
            else:
                body += self._alias(self._model.aliases[name])
        return body

    def _ordered(self) -> list[str]:
        """Return the names in the order of the text, but a typedef after the type it names."""
        ordered: list[str] = []
        waiting: dict[str, list[str]] = {}
        seen: set[str] = set()

        def take(name: str) -> None:
            ordered.append(name)
            seen.add(name)
            for other in waiting.pop(name, []):
                take(other)

        for name in self._model.order:
            alias = self._model.aliases.get(name)
            target = alias.type if alias is not None else None
            if isinstance(target, Reference) and target.name not in seen:
                waiting.setdefault(target.name, []).append(name)
            else:
                take(name)
        return ordered

    def _enumerations(self) -> list[str]:
        lines: list[str] = []
        for enum in self._model.enums.values():
            lines += _enumeration(enum, self._docstring(enum.comment))
        return lines

    def _docstring(self, comment: str) -> list[str]:
        """Return the docstring of a class, and the empty line after it."""
        lines = docstring(1, "", comment) if self._comments else []
        return [*lines, ""] if lines else []

    def _alias(self, alias: Alias) -> list[str]:
        name, kind = alias.name, alias.type
        if isinstance(kind, Reference):
            return ["", "", f"{name} = {kind.hint}"]
        spelled = kind.hint if isinstance(kind, Scalar | BooleanType) else f'"{kind.hint}"'
        lines = ["", "", f"{name}: TypeAlias = {spelled}"]
        if isinstance(kind, Scalar | BooleanType):
            return lines[1:]
        lines += ["", "", f"def encode_{name}(enc: Encoder, value: {name}) -> None:"]
        lines += encode_alias(self._model, self._layouts, name, kind)
        lines += ["", "", f"def decode_{name}(dec: Decoder) -> {name}:"]
        lines += decode_alias(self._model, self._layouts, name, kind)
        return lines

    def _structure(self, target: Structure) -> list[str]:
        slots = ", ".join(f'"{item.attribute}"' for item in target.fields)
        comma = "," if len(target.fields) == 1 else ""
        base = "LinkedStruct" if target.linked else "XdrStruct"
        parameters = [f"{item.attribute}: {item.type.hint}" for item in target.fields]
        if target.linked:
            parameters[-1] += " = None"
        return [
            "",
            "",
            f"class {target.name}({base}):",
            *self._docstring(target.comment),
            *_fitted("    __slots__ = (", slots, f"{comma})"),
            "",
            *_fitted("    def __init__(", ", ".join(["self", *parameters]), ") -> None:"),
            *(f"        self.{item.attribute} = {item.attribute}" for item in target.fields),
            "",
            "    def encode(self, enc: Encoder) -> None:",
            *encode_structure(self._model, self._layouts, target),
            "",
            "    @classmethod",
            f"    def decode(cls, dec: Decoder) -> {target.name}:",
            *decode_structure(self._model, self._layouts, target),
        ]

    def _union(self, target: Union) -> list[str]:
        key = target.discriminant
        hints = dict.fromkeys(arm.field.type.hint for arm in target.every_arm() if arm.field)
        value = " | ".join([*hints, "None"])
        lines = [
            "",
            "",
            f"class {target.name}(XdrUnion):",
            *self._docstring(target.comment),
            f'    __slots__ = ("{key.attribute}", "value")',
            "",
            *_fitted(
                "    def __init__(",
                f"self, {key.attribute}: {key.type.hint}, value: {value} = None",
                ") -> None:",
            ),
            f"        self.{key.attribute} = {key.attribute}",
            "        self.value: Any = value",
            "",
            "    def encode(self, enc: Encoder) -> None:",
        ]
        read = discriminant_expression(self._model, self._layouts, target)
        decode = [
            "",
            "    @classmethod",
            f"    def decode(cls, dec: Decoder) -> {target.name}:",
            f"        return cls.decode_arm(dec, {read})",
            "",
            "    @classmethod",
            *_fitted(
                "    def decode_arm(",
                f"cls, dec: Decoder, {key.attribute}: {key.type.hint}",
                f") -> {target.name}:",
            ),
        ]
        if self._tabled(target):
            table = f"_{target.name}_arms"
            self._tables += self._table(target, table)
            lines += encode_table_union(self._model, self._layouts, target, table)
            lines += decode + decode_table_union(self._model, self._layouts, target, table)
        else:
            lines += encode_union(self._model, self._layouts, target)
            lines += decode + decode_union(self._model, self._layouts, target)
        for arm in target.every_arm():
            if arm.field is not None:
                lines += _property(target, arm, arm.field)
        return lines

    def _tabled(self, target: Union) -> bool:
        return len(target.arms) > TABLE_ARMS and target.default is None

    def _table(self, target: Union, table: str) -> list[str]:
        lines = ["", f"{table}: Final[dict[int, Any]] = {{"]
        for arm in target.arms:
            for label in arm.labels:
                if arm.field is None:
                    lines.append(f"    {label.spelling}: None,")
                elif isinstance(arm.field.type, Reference):
                    lines.append(f"    {label.spelling}: {arm.field.type.name}.decode,")
        return [*lines, "}"]


def _property(target: Union, arm: UnionArm, field: Field) -> list[str]:
    key = f"self.{target.discriminant.attribute}"
    if arm.labels:
        test = condition(target, key, arm.labels)
    else:
        taken = tuple(label for other in target.arms for label in other.labels)
        test = f"not ({condition(target, key, taken)})"
    lines = ["", "    @property", f"    def {field.attribute}(self) -> {field.type.hint}:"]
    if test != "True":
        lines += [
            f"        if not ({test}):"
            if not test.startswith("not (")
            else f"        if {test[5:-1]}:",
            f'            raise wrong_arm(self, "{field.name}")',
        ]
    return [*lines, f"        arm: {field.type.hint} = self.value", "        return arm"]


def _number(item: NamedNumber) -> str:
    return f"{item.name}: Final = {hex(item.value) if item.hexadecimal else item.value}"


def _enumeration(enum: Enumeration, doc: list[str]) -> list[str]:
    members = [
        f"    {safe_name(name, ENUMERATION)} = {value}" for name, value in enum.members.items()
    ]
    numbers = [f"{name}: Final = {value}" for name, value in enum.members.items()]
    return ["", f"class {enum.name}(IntEnum):", *doc, *members, "", "", *numbers, ""]


def _comments(lines: list[str]) -> list[str]:
    """Return the lines that were meant for the C compiler, as comments."""
    return ["", *(f"# %{printable(line)}".rstrip() for line in lines)] if lines else []


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"# {title}", "", *lines] if lines else []


def _fitted(head: str, items: str, tail: str) -> list[str]:
    """Return a bracketed list on one line, or an item to a line if that is too long."""
    line = f"{head}{items}{tail}"
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    inner = [f"{indent}    {item}," for item in items.split(", ")]
    return [head, *inner, f"{indent}{tail.lstrip(',')}"]
