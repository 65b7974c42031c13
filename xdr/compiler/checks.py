"""What a model may be refused for as a whole: types that cannot end, or that nest too deep."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import Position, SpecificationError
from .model import Array, FixedArray, Model, Optional, Reference, Structure, Type, Union

MAX_DEPTH = 64
"""How deep types may stand inside one another."""


def check(model: Model) -> None:
    """Mark the types that contain themselves, and refuse what no code can be written for.

    That is types that always contain themselves, types that nest too deep, and arrays of elements
    without octets, of which a message could claim any number. The link of a linked list does not
    count: the emitted code follows it in a loop. Errors: ``SpecificationError``.
    """
    _check_depth(model)
    for name, target in model.types.items():
        if _reaches(model, name, always=True):
            raise SpecificationError(target.position, f"{name} cannot end: it contains itself")
        target.recursive = _reaches(model, name, always=False)
    for name, target in model.types.items():
        for kind in _kinds(target):
            _check_arrays(model, kind, target.position, name)
    for alias in model.aliases.values():
        _check_arrays(model, alias.type, Position("typedef", 0, 0), alias.name)


def _check_depth(model: Model) -> None:
    """Refuse types that stand too deep inside one another: what follows walks them recursively."""
    heights: dict[str, int] = {}
    for start in model.types:
        path: list[tuple[str, Iterator[str]]] = [(start, _children(model.types[start], False))]
        heights.setdefault(start, 0)
        while path:
            name, children = path[-1]
            child = next(children, None)
            if child is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    heights[above] = max(heights[above], heights[name] + 1)
            elif child in heights:
                heights[name] = max(heights[name], heights[child] + 1)
            else:
                heights[child] = 0
                path.append((child, _children(model.types[child], False)))
            if heights[name] > MAX_DEPTH:
                raise SpecificationError(model.types[name].position, f"{name} nests too deep")


def _check_arrays(model: Model, kind: Type, position: Position, name: str) -> None:
    while isinstance(kind, Optional | Array | FixedArray):
        if not isinstance(kind, Optional) and not model.min_size(kind.element):
            raise SpecificationError(position, f"{name} has an array of elements without octets")
        kind = kind.element


def _reaches(model: Model, goal: str, *, always: bool) -> bool:
    pending, seen = [goal], set[str]()
    while pending:
        for child in _children(model.types[pending.pop()], always):
            if child == goal:
                return True
            if child not in seen:
                seen.add(child)
                pending.append(child)
    return False


def _kinds(target: Structure | Union) -> list[Type]:
    """Return the types of a structure's members, or of a union's arms."""
    if isinstance(target, Structure):
        return [item.type for item in target.fields[: -1 if target.linked else None]]
    return [arm.field.type for arm in target.every_arm() if arm.field is not None]


def _children(target: Structure | Union, always: bool) -> Iterator[str]:
    """Yield the types directly inside one; with ``always`` those that every value contains."""
    kinds = _kinds(target)
    if always and isinstance(target, Union) and len(target.every_arm()) > 1:
        return
    for kind in kinds:
        while isinstance(kind, Optional | Array | FixedArray):
            if always and not isinstance(kind, FixedArray):
                break
            kind = kind.element
        if isinstance(kind, Reference):
            yield kind.name
