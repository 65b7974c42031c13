"""The bodies of the emitted ``encode`` methods."""

from __future__ import annotations

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
)
from .writer import Layouts, Writer, opaque_code

_BUFFER = "buf = enc.buffer"


class EncodeWriter(Writer):
    """Code that appends values to ``buf``, the buffer of the encoder ``enc``."""

    def flush(self) -> None:
        """Write the pending run out."""
        if not self.run:
            return
        layout = self.layouts.name([code for code, _ in self.run])
        self.add(f"buf += {layout}.pack({', '.join(text for _, text in self.run)})")
        self.run = []

    def put(self, text: str, kind: Type, label: str) -> None:
        """Encode the value of the expression ``text``; ``label`` names it in errors."""
        match kind:
            case Scalar(code):
                self.run.append((code, text))
            case Boolean():
                self.run.append(("I", f"1 if {text} else 0"))
            case FixedOpaque(size):
                self._exact(text, size, label)
                self.run.append((opaque_code(size), text))
            case Opaque():
                self._put_opaque(text, kind, label)
            case Optional(element):
                self._put_optional(text, element, label)
            case Array(element, limit):
                self._put_array(text, element, limit, label)
            case FixedArray(element, count):
                value = self.local(text)
                self._exact(value, count, label)
                if isinstance(element, Scalar):
                    self.run.append((f"{count}{element.code}", f"*{value}"))
                else:
                    self.flush()
                    self._put_elements(value, str(count), element, label)
            case Reference():
                target = self.model.inlined(kind)
                if target is not None:
                    self.put_fields(self.local(text), target)
                else:
                    self.flush()
                    self.add(f"{text}.encode(enc)")

    def put_fields(self, value: str, target: Structure) -> None:
        """Encode the members of the structure in the variable ``value``."""
        for item in target.fields[: -1 if target.linked else None]:
            self.put(f"{value}.{item.attribute}", item.type, f"{target.name}.{item.name}")

    def local(self, text: str) -> str:
        """Return a local variable that holds ``text``, which may be one already."""
        if text.isidentifier():
            return text
        name = self.fresh(text.rsplit(".", 1)[-1])
        self.add(f"{name} = {text}")
        return name

    def _exact(self, text: str, size: int, label: str) -> None:
        with self.block(f"if len({text}) != {size}:"):
            self.add(f'raise wrong_length("{label}", len({text}), {size})')

    def _counted(self, text: str, limit: int | None, label: str) -> tuple[str, str]:
        """Encode a length word, and return the names of the value and of its length."""
        value = self.local(text)
        size = self.fresh("n")
        self.add(f"{size} = len({value})")
        if limit is not None:
            with self.block(f"if {size} > {limit}:"):
                self.add(f'raise too_long("{label}", {size}, {limit})')
        self.run.append(("I", size))
        return value, size

    def _put_opaque(self, text: str, kind: Opaque, label: str) -> None:
        if kind.bulk:
            self.flush()
            self.add(f"enc.payload({text}{'' if kind.limit is None else f', {kind.limit}'})")
            return
        value, size = self._counted(text, kind.limit, label)
        self.flush()
        self.add(f"buf += {value}")
        with self.block(f"if {size} & 3:"):
            self.add(f"buf += PAD[{size} & 3]")

    def _put_array(self, text: str, element: Type, limit: int | None, label: str) -> None:
        value, size = self._counted(text, limit, label)
        self.flush()
        self._put_elements(value, size, element, label)

    def _put_optional(self, text: str, element: Type, label: str) -> None:
        value = self.local(text)
        before = list(self.run)
        with self.block(f"if {value} is None:"):
            self.run.append(("I", "0"))
            self.flush()
        self.run = [*before, ("I", "1")]
        with self.block("else:"):
            self.put(value, element, label)
            self.flush()

    def _put_elements(self, value: str, size: str, element: Type, label: str) -> None:
        if isinstance(element, Scalar):
            self.add(f'buf += pack(f">{{{size}}}{element.code}", *{value})')
            return
        item = self.fresh("item")
        with self.block(f"for {item} in {value}:"):
            self.put(item, element, label)
            self.flush()


def encode_structure(model: Model, layouts: Layouts, target: Structure) -> list[str]:
    """Return the body of a structure's ``encode``."""
    writer = EncodeWriter(model, layouts, 2)
    writer.add(_BUFFER)
    with writer.block("try:"):
        if target.linked:
            following = target.fields[-1].attribute
            node = writer.fresh("node")
            writer.add(f"{node}: {target.name} | None = self")
            with writer.block(f"while {node} is not None:"):
                writer.put_fields(node, target)
                next_node = writer.local(f"{node}.{following}")
                writer.run.append(("I", f"0 if {next_node} is None else 1"))
                writer.flush()
                writer.add(f"{node} = {next_node}")
        else:
            writer.put_fields("self", target)
            writer.flush()
    _guard(writer, target.name)
    return writer.lines


def encode_alias(model: Model, layouts: Layouts, name: str, kind: Type) -> list[str]:
    """Return the body of a typedef's ``encode_`` function."""
    writer = EncodeWriter(model, layouts, 1)
    writer.add(_BUFFER)
    with writer.block("try:"):
        writer.put("value", kind, name)
        writer.flush()
    _guard(writer, name)
    return writer.lines


def encode_union(model: Model, layouts: Layouts, target: Union) -> list[str]:
    """Return the body of a union's ``encode``, with its arms in a chain of conditions."""
    writer = EncodeWriter(model, layouts, 2)
    key = writer.fresh(target.discriminant.attribute)
    writer.add(_BUFFER)
    writer.add("value: Any = self.value")
    writer.add(f"{key} = self.{target.discriminant.attribute}")
    with writer.block("try:"):
        _put_arms(writer, target, key)
    _guard(writer, target.name)
    return writer.lines


def _put_arms(writer: EncodeWriter, target: Union, key: str) -> None:
    word = "if"
    for arm in target.arms:
        if arm.field is None and target.default is not None and target.default.field is None:
            continue
        with writer.block(f"{word} {condition(target, key, arm.labels)}:"):
            writer.put(key, target.discriminant.type, target.name)
            if arm.field is not None:
                writer.put("value", arm.field.type, f"{target.name}.{arm.field.name}")
            writer.flush()
        word = "elif"
    if word == "if":
        writer.put(key, target.discriminant.type, target.name)
        writer.flush()
        return
    with writer.block("else:"):
        if target.default is None:
            writer.add(f'raise no_arm("{target.name}", {key})')
            return
        writer.put(key, target.discriminant.type, target.name)
        if target.default.field is not None:
            field = target.default.field
            writer.put("value", field.type, f"{target.name}.{field.name}")
        writer.flush()


def encode_table_union(model: Model, layouts: Layouts, target: Union, table: str) -> list[str]:
    """Return the body of the ``encode`` of a union whose arms are in a table."""
    writer = EncodeWriter(model, layouts, 2)
    key = writer.fresh(target.discriminant.attribute)
    writer.add(_BUFFER)
    writer.add("value: Any = self.value")
    writer.add(f"{key} = self.{target.discriminant.attribute}")
    writer.add(f"arm = {table}.get({key}, MISSING)")
    with writer.block("try:"):
        with writer.block("if arm is not MISSING:"):
            writer.put(key, target.discriminant.type, target.name)
            writer.flush()
            with writer.block("if arm is not None:"):
                writer.add("value.encode(enc)")
        for arm in target.arms:
            if arm.field is None or isinstance(arm.field.type, Reference):
                continue
            with writer.block(f"elif {condition(target, key, arm.labels)}:"):
                writer.put(key, target.discriminant.type, target.name)
                writer.put("value", arm.field.type, f"{target.name}.{arm.field.name}")
                writer.flush()
        with writer.block("else:"):
            writer.add(f'raise no_arm("{target.name}", {key})')
    _guard(writer, target.name)
    return writer.lines


def condition(target: Union, key: str, labels: tuple[object, ...]) -> str:
    """Return the test whether the discriminant in ``key`` is one of an arm's labels."""
    names = [str(getattr(label, "spelling", label)) for label in labels]
    if isinstance(target.discriminant.type, Boolean):
        if len(names) == 2:
            return "True"
        return key if names == ["TRUE"] else f"not {key}"
    if len(names) == 1:
        return f"{key} == {names[0]}"
    return f"{key} in ({', '.join(names)})"


def _guard(writer: Writer, name: str) -> None:
    if not any("buf +=" in line for line in writer.lines):
        writer.lines.remove(next(line for line in writer.lines if line.endswith(_BUFFER)))
    with writer.block("except StructError as error:"):
        writer.add(f'raise unencodable("{name}", error) from None')
