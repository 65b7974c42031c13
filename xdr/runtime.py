"""The base classes and the errors of the emitted modules."""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as StructError
from typing import Any, ClassVar, TypeVar

from .codec import XdrError

__all__ = [
    "MISSING",
    "PAD",
    "LinkedStruct",
    "Struct",
    "StructError",
    "Union",
    "XdrError",
    "chain",
    "link",
    "no_arm",
    "not_boolean",
    "too_long",
    "unencodable",
    "wrong_arm",
    "wrong_length",
]

PAD = (b"", b"\0\0\0", b"\0\0", b"\0")
"""The pad of an opaque, by its length modulo four."""

MISSING: Any = object()
"""Marks an absent entry in a table where ``None`` means void."""

_SHOWN = 32
"""How many octets of opaque data a ``repr`` shows."""

L = TypeVar("L", bound="LinkedStruct")


def _show(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview) and len(value) > _SHOWN:
        return f"<{len(value)} octets {bytes(value[:_SHOWN])!r}...>"
    if isinstance(value, memoryview):
        return repr(bytes(value))
    return repr(value)


class Struct:
    """An XDR structure: its slots are its members, in order."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={_show(getattr(self, name))}" for name in self.__slots__)
        return f"{self.__class__.__name__}({members})"


class LinkedStruct(Struct):
    """A structure whose last member points at the next of its kind: one node of a list.

    Lists are walked, never recursed into, however long they are.
    """

    __slots__: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        *names, following = self.__slots__
        mine: object = self
        while mine is not None and other is not None:
            if any(getattr(mine, name) != getattr(other, name) for name in names):
                return False
            mine, other = getattr(mine, following), getattr(other, following)
        return mine is other

    __hash__ = None

    def __repr__(self) -> str:
        *names, following = self.__slots__
        members = "".join(f"{name}={_show(getattr(self, name))}, " for name in names)
        rest = "None" if getattr(self, following) is None else "..."
        return f"{self.__class__.__name__}({members}{following}={rest})"


def chain(head: L | None) -> Iterator[L]:
    """Yield the nodes of a linked list, one after the other."""
    while head is not None:
        yield head
        head = getattr(head, head.__slots__[-1])


def link(nodes: list[L]) -> L | None:
    """Link nodes in their order, and return the first, or ``None`` if there is none."""
    following: L | None = None
    for node in reversed(nodes):
        setattr(node, node.__slots__[-1], following)
        following = node
    return following


class Union:
    """An XDR union: its first slot is the discriminant, its second, ``value``, holds the arm."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = self.__slots__[0]
        shown = f"{self.__class__.__name__}({name}={getattr(self, name)!r}"
        value = getattr(self, "value")  # noqa: B009 (a slot of the subclasses)
        return f"{shown})" if value is None else f"{shown}, value={_show(value)})"


def too_long(name: str, length: int, limit: int) -> XdrError:
    """Return the error for more octets or elements than a limit allows."""
    return XdrError(f"{name}: {length} where at most {limit} fit")


def wrong_length(name: str, length: int, size: int) -> XdrError:
    """Return the error for a fixed-length value of another length."""
    return XdrError(f"{name}: {length} where exactly {size} belong")


def not_boolean(name: str, value: int) -> XdrError:
    """Return the error for a boolean that is neither 0 nor 1 (RFC 4506, Section 4.4)."""
    return XdrError(f"{name}: {value} is no boolean")


def no_arm(name: str, discriminant: int) -> XdrError:
    """Return the error for a discriminant that selects no arm (RFC 4506, Section 4.15)."""
    return XdrError(f"{name} has no arm for {discriminant}")


def wrong_arm(union: Union, arm: str) -> XdrError:
    """Return the error for looking at an arm that the discriminant does not select."""
    return XdrError(f"{union.__class__.__name__}.{arm} is not there: {union!r}")


def unencodable(name: str, error: StructError) -> XdrError:
    """Return the error for a number that its type cannot hold, or for something else."""
    return XdrError(f"{name}: {error}")
