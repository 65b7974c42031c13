"""The bodies of the emitted ``decode`` methods."""

from __future__ import annotations

from .encoding import condition
from .model import (
    Array,
    Boolean,
    FixedArray,
    FixedOpaque,
    Model,
    Opaque,
    Optional,
    Reference,
    Scalar,
    Structure,
    Type,
    Union,
    UnionArm,
)
from .writer import Layouts, Writer, opaque_code

_READERS = {"i": "int32", "I": "uint32", "q": "int64", "Q": "uint64"}


class DecodeWriter(Writer):
    """Code that reads values from the decoder ``dec`` into local variables."""

    def __init__(self, model: Model, layouts: Layouts, depth: int) -> None:
        super().__init__(model, layouts, depth)
        self._checks: list[tuple[str, str]] = []

    def flush(self) -> None:
        """Write the pending run out, and the checks of what it read."""
        if not self.run:
            return
        codes = [code for code, _ in self.run]
        names = [name for _, name in self.run]
        if len(codes) == 1 and codes[0] in _READERS:
            self.add(f"{names[0]} = dec.{_READERS[codes[0]]}()")
        else:
            layout = self.layouts.name(codes)
            targets = f"({names[0]},)" if len(names) == 1 else ", ".join(names)
            self.add(f"{targets} = dec.unpack({layout})")
        for test, error in self._checks:
            with self.block(f"if {test}:"):
                self.add(f"raise {error}")
        self.run, self._checks = [], []

    def get(self, stem: str, kind: Type, label: str) -> str:
        """Decode one value, and return the expression that yields it once the run is flushed."""
        match kind:
            case Scalar(code):
                return self._take(code, stem)
            case Boolean():
                return f"{self._get_flag(stem, label)} == 1"
            case FixedOpaque(size):
                return self._take(opaque_code(size), stem)
            case Opaque():
                return self._get_opaque(stem, kind, label)
            case Optional(element):
                return self._get_optional(stem, kind, element, label)
            case Array(element, limit):
                count = self._take("I", f"{stem}_n")
                self.flush()
                name = self.fresh(stem)
                self._get_elements(name, kind, element, count, label, limit)
                return name
            case FixedArray(element, fixed):
                self.flush()
                name = self.fresh(stem)
                self._get_elements(name, kind, element, str(fixed), label, None)
                return name
            case Reference():
                return self._get_reference(stem, kind)

    def get_fields(self, prefix: str, target: Structure) -> list[str]:
        """Decode a structure's members, and return the arguments of its constructor."""
        return [
            self.get(f"{prefix}{item.attribute}", item.type, f"{target.name}.{item.name}")
            for item in target.fields[: -1 if target.linked else None]
        ]

    def expression(self, kind: Type) -> str | None:
        """Return the one expression that decodes a ``kind``, or ``None`` if one is not enough."""
        match kind:
            case Scalar(code) if code in _READERS:
                return f"dec.{_READERS[code]}()"
            case Boolean():
                return "dec.boolean()"
            case FixedOpaque(size):
                return f"dec.fixed_opaque({size})"
            case Opaque(limit, bulk):
                method = "payload" if bulk else "opaque"
                return f"dec.{method}({'' if limit is None else limit})"
            case Reference(name):
                target = self.model.types[name]
                if isinstance(target, Structure):
                    return f"{name}.decode(dec)"
                return f"{name}.decode_arm(dec, {self.expression(target.discriminant.type)})"
            case _:
                return None

    def _take(self, code: str, stem: str) -> str:
        name = self.fresh(stem)
        self.run.append((code, name))
        return name

    def _get_flag(self, stem: str, label: str) -> str:
        name = self._take("I", stem)
        self._checks.append((f"{name} > 1", f'not_boolean("{label}", {name})'))
        return name

    def _get_opaque(self, stem: str, kind: Opaque, label: str) -> str:
        if kind.bulk:
            self.flush()
            name = self.fresh(stem)
            self.add(f"{name} = dec.payload({'' if kind.limit is None else kind.limit})")
            return name
        size = self._take("I", f"{stem}_n")
        if kind.limit is not None:
            self._checks.append(
                (f"{size} > {kind.limit}", f'too_long("{label}", {size}, {kind.limit})')
            )
        self.flush()
        name = self.fresh(stem)
        self.add(f'{name} = dec.octets({size}) if {size} else b""')
        return name

    def _get_optional(self, stem: str, kind: Type, element: Type, label: str) -> str:
        flag = self._get_flag(f"{stem}_set", label)
        self.flush()
        name = self.fresh(stem)
        one = self.expression(element)
        if one is not None:
            self.add(f"{name} = {one} if {flag} else None")
            return name
        self.add(f"{name}: {kind.hint} = None")
        with self.block(f"if {flag}:"):
            value = self.get(f"{stem}_value", element, label)
            self.flush()
            self.add(f"{name} = {value}")
        return name

    def _get_reference(self, stem: str, kind: Reference) -> str:
        inlined = self.model.inlined(kind)
        if inlined is not None:
            return f"{kind.name}({', '.join(self.get_fields(f'{stem}__', inlined))})"
        target = self.model.types[kind.name]
        source = "decode(dec)"
        if isinstance(target, Union):
            key = target.discriminant
            value = self.get(f"{stem}__{key.attribute}", key.type, f"{target.name}.{key.name}")
            source = f"decode_arm(dec, {value})"
        self.flush()
        name = self.fresh(stem)
        self.add(f"{name} = {kind.name}.{source}")
        return name

    def _get_elements(
        self, name: str, kind: Type, element: Type, count: str, label: str, limit: int | None
    ) -> None:
        tail = "" if limit is None else f", {limit}"
        size = self.model.min_size(element)
        if isinstance(element, Scalar):
            if limit is not None:
                with self.block(f"if {count} > {limit}:"):
                    self.add(f'raise too_long("{label}", {count}, {limit})')
            self.add(f'{name} = dec.numbers("{element.code}", {count})')
            return
        self.add(f"dec.check_count({count}, {size}{tail})")
        one = self.expression(element)
        if one is not None:
            self.add(f"{name} = [{one} for _ in range({count})]")
            return
        self.add(f"{name}: {kind.hint} = []")
        with self.block(f"for _ in range({count}):"):
            value = self.get(f"{name}_item", element, label)
            self.flush()
            self.add(f"{name}.append({value})")


def decode_structure(model: Model, layouts: Layouts, target: Structure) -> list[str]:
    """Return the body of a structure's ``decode``."""
    writer = DecodeWriter(model, layouts, 2)
    if target.recursive:
        writer.add("dec.descend()")
    if target.linked:
        _decode_linked(writer, target)
        return writer.lines
    arguments = writer.get_fields("", target)
    writer.flush()
    if target.recursive:
        writer.add("dec.ascend()")
    writer.add(f"return cls({', '.join(arguments)})")
    return writer.lines


def _decode_linked(writer: DecodeWriter, target: Structure) -> None:
    following = target.fields[-1]
    head, tail = writer.fresh("head_"), writer.fresh("tail_")
    writer.add(f"{head}: {target.name} | None = None")
    writer.add(f"{tail}: {target.name} | None = None")
    with writer.block("while True:"):
        arguments = writer.get_fields("", target)
        flag = writer.get("more_", Boolean(), f"{target.name}.{following.name}")
        writer.flush()
        node = writer.fresh("node_")
        writer.add(f"{node} = cls({', '.join(arguments)})")
        with writer.block(f"if {tail} is None:"):
            writer.add(f"{head} = {node}")
        with writer.block("else:"):
            writer.add(f"{tail}.{following.attribute} = {node}")
        writer.add(f"{tail} = {node}")
        with writer.block(f"if not ({flag}):"):
            if target.recursive:
                writer.add("dec.ascend()")
            writer.add(f"return {head} or {node}")


def decode_alias(model: Model, layouts: Layouts, name: str, kind: Type) -> list[str]:
    """Return the body of a typedef's ``decode_`` function."""
    writer = DecodeWriter(model, layouts, 1)
    one = writer.expression(kind)
    if one is None:
        one = writer.get("result", kind, name)
        writer.flush()
    writer.add(f"return {one}")
    return writer.lines


def decode_union(model: Model, layouts: Layouts, target: Union) -> list[str]:
    """Return the body of a union's ``decode_arm``, with its arms in a chain of conditions."""
    writer = DecodeWriter(model, layouts, 2)
    key = _enter(writer, target)
    open_end = True
    for arm in target.arms:
        if arm.field is None and target.default is not None and target.default.field is None:
            continue
        test = condition(target, key, arm.labels)
        if test == "True":
            _get_arm(writer, target, arm, key)
            open_end = False
            continue
        with writer.block(f"if {test}:"):
            _get_arm(writer, target, arm, key)
    if target.default is not None:
        _get_arm(writer, target, target.default, key)
    elif open_end:
        writer.add(f'raise no_arm("{target.name}", {key})')
    return writer.lines


def decode_table_union(model: Model, layouts: Layouts, target: Union, table: str) -> list[str]:
    """Return the body of the ``decode_arm`` of a union whose arms are in a table."""
    writer = DecodeWriter(model, layouts, 2)
    key = _enter(writer, target)
    writer.add(f"arm = {table}.get({key}, MISSING)")
    with writer.block("if arm is None:"):
        _return(writer, target, key)
    with writer.block("if arm is not MISSING:"):
        writer.add("value = arm(dec)")
        _return(writer, target, f"{key}, value")
    for arm in target.arms:
        if arm.field is not None and not isinstance(arm.field.type, Reference):
            with writer.block(f"if {condition(target, key, arm.labels)}:"):
                _get_arm(writer, target, arm, key)
    writer.add(f'raise no_arm("{target.name}", {key})')
    return writer.lines


def _enter(writer: DecodeWriter, target: Union) -> str:
    if target.recursive:
        writer.add("dec.descend()")
    return writer.fresh(target.discriminant.attribute)


def discriminant_expression(model: Model, layouts: Layouts, target: Union) -> str:
    """Return the expression that reads a union's discriminant."""
    return DecodeWriter(model, layouts, 2).expression(target.discriminant.type) or ""


def _get_arm(writer: DecodeWriter, target: Union, arm: UnionArm, key: str) -> None:
    if arm.field is None:
        _return(writer, target, key)
        return
    value = writer.get(arm.field.attribute, arm.field.type, f"{target.name}.{arm.field.name}")
    writer.flush()
    _return(writer, target, f"{key}, {value}")


def _return(writer: DecodeWriter, target: Union, arguments: str) -> None:
    if target.recursive:
        writer.add("dec.ascend()")
    writer.add(f"return cls({arguments})")
