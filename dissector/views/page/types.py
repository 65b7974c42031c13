"""The types of all messages, as the page needs them to decode octets: from the specifications.

A type is a letter (``I``, ``i``, ``Q``, ``q``: numbers; ``b``: a boolean) or a list that begins
with one: ``e`` and an enumeration's name, ``o`` and a size, ``O`` and whether it may be in a chunk,
``f``, a type and a count, ``a`` and a type, ``?`` and a type, ``r`` and a name.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from nfsrdma.xdr.compiler.manifest import MODULES
from nfsrdma.xdr.compiler.model import (
    Array,
    Boolean,
    Field,
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
from nfsrdma.xdr.nfs4 import attrs

from ...fields.values import BITMAPS, TEXT_FIELDS
from ...messages.nested import CONTENT
from ...messages.procedures import PROCEDURES
from ...messages.sideband import TABLES


@cache
def specification() -> dict[str, Any]:
    """Return modules of types, what programs' procedures take and give, and attributes of files."""
    models = {module.path: module.model() for module in MODULES}
    return {
        "modules": {path: _module(model) for path, model in models.items()},
        "programs": _programs(models),
        "attributes": {
            number: [spec.name, _type(models["nfs4/types.py"].aliases[name].type)]
            for number, spec in attrs.ATTRIBUTES.items()
            if (name := f"fattr4_{spec.name}") in models["nfs4/types.py"].aliases
        },
        "bodies": {
            kind.__name__: {number: body.__name__ for number, body in bodies.items()}
            for kind, bodies in CONTENT.items()
        },
        "text": sorted(TEXT_FIELDS),
        "bitmaps": sorted(BITMAPS),
    }


def _module(model: Model) -> dict[str, Any]:
    return {
        "types": {name: _definition(one) for name, one in model.types.items()},
        "enums": {
            name: {number: member for member, number in reversed(one.members.items())}
            for name, one in model.enums.items()
        },
    }


def _definition(one: Structure | Union) -> dict[str, Any]:
    if isinstance(one, Structure):
        found: dict[str, Any] = {"fields": [_field(item) for item in one.fields]}
        return found | {"linked": 1} if one.linked else found
    return {
        "switch": _field(one.discriminant),
        "arms": [[[label.value for label in arm.labels], _arm(arm)] for arm in one.arms],
        "default": _arm(one.default) if one.default is not None else 0,
    }


def _arm(arm: UnionArm) -> list[Any] | None:
    return _field(arm.field) if arm.field is not None else None


def _field(field: Field) -> list[Any]:
    return [field.name, _type(field.type)]


def _type(kind: Type) -> Any:
    match kind:
        case Scalar(code, _, enum):
            return ["e", enum] if enum else code
        case Boolean():
            return "b"
        case FixedOpaque(size):
            return ["o", size]
        case Opaque(_, bulk):
            return ["O", int(bulk)]
        case FixedArray(element, count):
            return ["f", _type(element), count]
        case Array(element):
            return ["a", _type(element)]
        case Optional(element):
            return ["?", _type(element)]
        case Reference(name):
            return ["r", name]


def _programs(models: dict[str, Model]) -> dict[str, list[list[Any]]]:
    """Return ``program.version`` -> name, module, arguments and result of each procedure."""
    found: dict[str, list[list[Any]]] = {}
    for (program, version), rows in (PROCEDURES | TABLES).items():
        found[f"{program}.{version}"] = [
            [row.name, *_place(models, row.arguments, row.result)] for row in rows
        ]
    compounds = (("NULL", "", ""), ("COMPOUND", "COMPOUND4args", "COMPOUND4res"))
    back = (("CB_NULL", "", ""), ("CB_COMPOUND", "CB_COMPOUND4args", "CB_COMPOUND4res"))
    for key, procedures in (("100003.4", compounds), ("callback", back)):
        found[key] = [[name, "nfs4/types.py", *types] for name, *types in procedures]
    return found


def _place(models: dict[str, Model], *classes: Any) -> list[str]:
    """Return the module of some types, and their names in it, empty for void."""
    path = ""
    names = []
    for one in classes:
        name = one.__name__ if one is not None else ""
        names.append(name)
        if name:
            path = "/".join(one.__module__.split(".")[2:]) + ".py"
    if path and any(name and name not in models[path].types for name in names):
        return ["", "", ""]
    return [path, *names]
