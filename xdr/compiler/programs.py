"""Writes clients and servers of programs (RFC 5531, Section 12).

Both stand on ``nfsrdma.rpcrdma.rpc.stub``, which the emitted modules import as ``rpc``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .finish import docstring
from .model import (
    Boolean,
    Field,
    FixedOpaque,
    Model,
    Opaque,
    Optional,
    Procedure,
    Program,
    Reference,
    Scalar,
    Type,
    Version,
)
from .names import HINTS, safe_name
from .writer import WIDTH, Layouts

_WRITERS = {"i": "int32", "I": "uint32", "q": "int64", "Q": "uint64"}
_LOCALS = frozenset({"dec", "enc", "encode", "into", "result", "rpc", "self", "some"})
_METHODS = frozenset({"procedures", "program", "version"})
"""What the classes that are written have of their own."""


@dataclass(frozen=True, slots=True)
class Method:
    """A procedure as a method: its name, and its arguments under names that Python can have."""

    name: str
    procedure: Procedure
    arguments: tuple[Field, ...]
    number: str
    """The constant, or the number if no constant has it."""

    @property
    def result(self) -> Type | None:
        """The type of the result; ``None`` for void."""
        return self.procedure.result


class ProgramWriter:
    """Writes the classes of all programs of a model."""

    def __init__(self, model: Model, layouts: Layouts) -> None:
        self._model = model
        self._layouts = layouts
        self._numbers = {number.name: number.value for number in model.numbers}
        self._classes: set[str] = set()

    def lines(self, *, client: bool, server: bool) -> list[str]:
        """Return the classes: for each version a client, a server, or both."""
        lines: list[str] = []
        for program in self._model.programs:
            for version in program.versions:
                stem = class_stem(program, version)
                methods = self._methods(version)
                if client:
                    lines += self._client(
                        self._class_name(f"{stem}Client"), program, version, methods
                    )
                if server:
                    lines += self._server(
                        self._class_name(f"{stem}Server"), program, version, methods
                    )
        return lines

    def _class_name(self, name: str) -> str:
        while name in self._classes or self._model.defines(name):
            name += "_"
        self._classes.add(name)
        return name

    def _methods(self, version: Version) -> list[Method]:
        prefix = _common_prefix([procedure.name for procedure in version.procedures])
        methods: list[Method] = []
        taken = set(_METHODS | HINTS)
        for procedure in version.procedures:
            name = safe_name(procedure.name[len(prefix) :].lower(), taken)
            while name in taken or self._model.is_type(name):
                name += "_"
            taken.add(name)
            number = procedure.name
            if self._numbers.get(number) != procedure.number:
                number = str(procedure.number)
            methods.append(Method(name, procedure, self._arguments(procedure), number))
        return methods

    def _arguments(self, procedure: Procedure) -> tuple[Field, ...]:
        taken = set(_LOCALS)
        fields: list[Field] = []
        several = len(procedure.arguments) > 1
        for index, argument in enumerate(procedure.arguments, 1):
            name = safe_name(argument.name or (f"arg{index}" if several else "arg"), taken)
            while name in taken or self._model.defines(name):
                name += "_"
            taken.add(name)
            fields.append(Field(argument.name, name, argument.type))
        return tuple(fields)

    def _docstring(self, verb: str, method: Method) -> list[str]:
        procedure = method.procedure
        first = f"{verb} procedure {procedure.number}, ``{procedure.name}``."
        return docstring(2, first, procedure.comment)

    # --- Clients ---

    def _client(
        self, name: str, program: Program, version: Version, methods: list[Method]
    ) -> list[str]:
        lines = [
            *_class(name, "rpc.ClientStub"),
            f'    """Calls version {version.number} (``{version.name}``) of the program '
            f'``{program.name}``."""',
            *self._header(program, version),
        ]
        for method in methods:
            lines += self._calling(method)
        return lines

    def _header(self, program: Program, version: Version) -> list[str]:
        numbers = []
        for item in (program, version):
            known = self._numbers.get(item.name) == item.number
            numbers.append(item.name if known else str(item.number))
        return ["", f"    program = {numbers[0]}", f"    version = {numbers[1]}"]

    def _calling(self, method: Method) -> list[str]:
        result = _hint(method.result)
        bulk = method.result is not None and self._model.holds_bulk(method.result)
        parameters = ["self", *(f"{item.attribute}: {item.type.hint}" for item in method.arguments)]
        if bulk:
            parameters.append("into: rpc.Sinks = ()")
        lines = [
            "",
            *_call_line(f"    def {method.name}(", parameters, f") -> rpc.Reply[{result}]:"),
            *self._docstring("Call", method),
        ]
        encode, before = self._encoding(method.arguments)
        lines += before
        decode = "rpc.nothing" if method.result is None else self._decoder(method.result)
        most = 0
        if method.result is not None:
            size = self._model.max_size(method.result, {}, inline=True)
            most = -1 if size is None or size > _LONGEST else size
        limit = "None" if most < 0 else str(most)
        arguments = [method.number, encode, decode, limit, *(["into"] if bulk else [])]
        target = "_call_into" if bulk else "_call"
        return [*lines, *_call_line(f"        return self.{target}(", arguments, ")")]

    def _encoding(self, arguments: tuple[Field, ...]) -> tuple[str, list[str]]:
        """Return the function that encodes arguments, if it takes any, and its definition."""
        if not arguments:
            return "rpc.nothing", []
        if len(arguments) == 1:
            only = arguments[0]
            if isinstance(only.type, Reference):
                return f"{only.attribute}.encode", []
            return f"lambda enc: {self._put(only.attribute, only.type)}", []
        body = [f"            {self._put(item.attribute, item.type)}" for item in arguments]
        return "encode", ["", "        def encode(enc: Encoder) -> None:", *body, ""]

    def _put(self, name: str, kind: Type) -> str:
        """Return the expression that appends the value ``name`` to ``enc``."""
        match kind:
            case Reference():
                return f"{name}.encode(enc)"
            case Boolean():
                return f"enc.boolean({name})"
            case Scalar(code) if code in _WRITERS:
                return f"enc.{_WRITERS[code]}({name})"
            case Optional(element):
                some = self._put("some", element)
                return f"rpc.encode_optional(enc, {name}, lambda some: {some})"
            case Opaque(limit, bulk):
                method = "payload" if bulk else "opaque"
                return f"enc.{method}({name}{'' if limit is None else f', {limit}'})"
            case FixedOpaque(size):
                return f"enc.fixed_opaque({name}, {size})"
            case Scalar(code):
                return f"enc.buffer.extend({self._layouts.name([code])}.pack({name}))"
            case _:
                return f"encode_{kind.hint}(enc, {name})"

    # --- Decoding ---

    def _decoder(self, kind: Type) -> str:
        """Return the function that decodes a ``kind``."""
        match kind:
            case Reference(name):
                return f"{name}.decode"
            case Boolean():
                return "Decoder.boolean"
            case Scalar(code) if code in _WRITERS:
                return f"Decoder.{_WRITERS[code]}"
            case Opaque(None, False):
                return "Decoder.opaque"
        expression = self._get(kind)
        if expression == f"decode_{kind.hint}(dec)":
            return f"decode_{kind.hint}"
        return f"lambda dec: {expression}"

    def _get(self, kind: Type) -> str:
        """Return the expression that decodes a ``kind`` from ``dec``."""
        match kind:
            case Reference(name):
                return f"{name}.decode(dec)"
            case Boolean():
                return "dec.boolean()"
            case Scalar(code) if code in _WRITERS:
                return f"dec.{_WRITERS[code]}()"
            case Optional(element):
                return f"{self._get(element)} if dec.boolean() else None"
            case Opaque(limit, bulk):
                method = "payload" if bulk else "opaque"
                return f"dec.{method}({'' if limit is None else limit})"
            case FixedOpaque(size):
                return f"dec.fixed_opaque({size})"
            case Scalar(code):
                return f"float(dec.unpack({self._layouts.name([code])})[0])"
            case _:
                return f"decode_{kind.hint}(dec)"

    # --- Servers ---

    def _server(
        self, name: str, program: Program, version: Version, methods: list[Method]
    ) -> list[str]:
        lines = [
            *_class(name, "rpc.ServerSkeleton"),
            f'    """Serves version {version.number} (``{version.name}``) of the program '
            f"``{program.name}``.",
            "",
            "    Write a subclass with its methods.",
            '    """',
            *self._header(program, version),
        ]
        for method in methods:
            lines += self._answering(method)
        lines += [
            "",
            "    def procedures(self) -> Mapping[int, rpc.ProcedureRow]:",
            '        """Return how the procedures are answered, by number."""',
        ]
        if not methods:
            return [*lines, "        return {}"]
        lines.append("        return {")
        for method in methods:
            lines += self._row(method)
        return [*lines, "        }"]

    def _answering(self, method: Method) -> list[str]:
        parameters = ["self", *(f"{item.attribute}: {item.type.hint}" for item in method.arguments)]
        null = not method.arguments and method.result is None and not method.procedure.number
        return [
            "",
            *([] if null else ["    @abstractmethod"]),
            *_call_line(
                f"    async def {method.name}(", parameters, f") -> {_hint(method.result)}:"
            ),
            *self._docstring("Answer", method),
        ]

    def _row(self, method: Method) -> list[str]:
        arguments = ", ".join(self._get(item.type) for item in method.arguments)
        start = f"lambda dec: self.{method.name}({arguments})"
        encode = "rpc.encode_nothing"
        if method.result is not None:
            encode = f"lambda enc, result: {self._put('result', method.result)}"
        head = f"            {method.number}: rpc.ProcedureRow("
        line = f"{head}{start}, {encode}),"
        if len(line) <= WIDTH:
            return [line]
        both = f"                {start}, {encode}"
        if len(both) <= WIDTH:
            return [head, both, "            ),"]
        return [head, f"                {start},", f"                {encode},", "            ),"]


_LONGEST = 1 << 30


def class_stem(program: Program, version: Version) -> str:
    """Return what the classes of a version are called, before ``Client`` and ``Server``.

    That is the program's name, and the version's number if there are several.
    """
    name = program.name
    if name.isupper():
        name = re.sub(r"_?PROG(RAM)?(_|$)", r"\2", name) or name
    words = [word for word in name.split("_") if word]
    if name.isupper():
        words = [word.lower() for word in words]
    stem = "".join(word[0].upper() + word[1:] for word in words)
    return f"{stem}V{version.number}" if len(program.versions) > 1 else stem


def _common_prefix(names: list[str]) -> str:
    """Return what all names begin with, up to an underscore, so that something is left of each."""
    if len(names) < 2:
        return ""
    prefix = names[0]
    for name in names:
        while not name.startswith(prefix):
            prefix = prefix[:-1]
    prefix = prefix[: prefix.rfind("_") + 1]
    return prefix if all(name[len(prefix) : len(prefix) + 1].isalpha() for name in names) else ""


def _hint(kind: Type | None) -> str:
    return "None" if kind is None else kind.hint


def _class(name: str, base: str) -> list[str]:
    return ["", "", f"class {name}({base}):"]


def _call_line(head: str, items: list[str], tail: str) -> list[str]:
    """Return a bracketed list: on one line, indented on the next, or an item to a line."""
    line = f"{head}{', '.join(items)}{tail}"
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    inner = f"{indent}    {', '.join(items)}"
    if len(inner) <= WIDTH:
        return [head, inner, f"{indent}{tail}"]
    return [head, *(f"{indent}    {item}," for item in items), f"{indent}{tail}"]
