"""The operations of NFS version 4 and its callbacks: their types, and where they are legal.

An operation that is not in a table does not exist (``NFS4ERR_OP_ILLEGAL``). One that must not be
implemented exists and is refused (``NFS4ERR_NOTSUPP``; RFC 8881, Section 17). How a server
executes operations is not said here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ..codec import Decoder, Encoder
from . import types
from .result_sizes import CALLBACK_RESULT_MAX, RESULT_MAX
from .types import nfs_cb_opnum4, nfs_opnum4


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation, in all minor versions."""

    name: str
    """As in the RFCs, without ``OP_``: ``"READ"``, ``"CB_RECALL"``."""
    number: int
    minors: frozenset[int]
    """The minor versions whose XDR has the operation."""
    must_not_implement: frozenset[int]
    """Those of them in which it must not be implemented."""
    arguments: type[Any] | None
    """The type of its arguments, ``int`` for an enumeration; ``None`` if it has none."""
    result: type[Any]
    """The type of its result; its first slot is the status."""
    result_max: int | None
    """The most octets that a successful result has after its status; ``None`` without a limit.

    Bitmaps count three words: the attributes that the specification has fit into those.
    """
    encode_arguments: Callable[[Encoder, Any], None]
    """The function that appends the arguments, without the operation's number."""
    decode_arguments: Callable[[Decoder], Any]
    """The function that reads the arguments, after the operation's number; it returns ``None``
    if there are none."""

    def legal(self, minor: int) -> bool:
        """Return whether the operation exists in a minor version and may be implemented there."""
        return minor in self.minors and minor not in self.must_not_implement


def _nothing(enc: Encoder, value: None) -> None:
    pass


def _void(dec: Decoder) -> None:
    return None


def _encode(enc: Encoder, value: Any) -> None:
    value.encode(enc)


def _table(
    numbers: type[nfs_opnum4] | type[nfs_cb_opnum4],
    first_of: Mapping[int, int],
    forbidden: Mapping[int, frozenset[int]],
    result_max: Mapping[int, int | None],
) -> Mapping[int, OperationSpec]:
    """Return the operations of an enumeration; ``first_of`` maps minor versions to their first."""
    table: dict[int, OperationSpec] = {}
    for member in numbers:
        name, number = member.name.removeprefix("OP_"), int(member)
        illegal = name.endswith("ILLEGAL")
        since = 0 if illegal else max(minor for minor, low in first_of.items() if low <= number)
        arguments = getattr(types, f"{name}4args", None)
        encode: Callable[[Encoder, Any], None] = _nothing
        decode: Callable[[Decoder], Any] = _void
        if arguments is int:
            encode, decode = Encoder.int32, Decoder.int32
        elif arguments is not None:
            encode, decode = _encode, arguments.decode
        table[number] = OperationSpec(
            name,
            number,
            frozenset(range(since, 3)),
            forbidden.get(number, frozenset()),
            arguments,
            getattr(types, f"{name}4res"),
            result_max[number],
            encode,
            decode,
        )
    return MappingProxyType(table)


_LATER = frozenset({1, 2})

OPERATIONS: Final = _table(
    nfs_opnum4,
    {0: 0, 1: types.OP_BACKCHANNEL_CTL, 2: types.OP_ALLOCATE},
    {
        types.OP_OPEN_CONFIRM: _LATER,
        types.OP_RENEW: _LATER,
        types.OP_SETCLIENTID: _LATER,
        types.OP_SETCLIENTID_CONFIRM: _LATER,
        types.OP_RELEASE_LOCKOWNER: _LATER,
        types.OP_GETDEVICELIST: frozenset({2}),
    },
    RESULT_MAX,
)
"""Every operation of ``COMPOUND`` by its number, ``OP_ILLEGAL`` included."""

CALLBACK_OPERATIONS: Final = _table(
    nfs_cb_opnum4,
    {0: 0, 1: types.OP_CB_LAYOUTRECALL, 2: types.OP_CB_OFFLOAD},
    {},
    CALLBACK_RESULT_MAX,
)
"""Every operation of ``CB_COMPOUND`` by its number, ``OP_CB_ILLEGAL`` included."""


def operation(number: int, minor: int) -> OperationSpec | None:
    """Return the operation with a number, or ``None`` if a minor version does not have it."""
    spec = OPERATIONS.get(number)
    return spec if spec is not None and minor in spec.minors else None


def name_of(number: int) -> str:
    """Return the name of an operation, for messages, or its number in words if it has none."""
    spec = OPERATIONS.get(number)
    return f"operation {number}" if spec is None else spec.name
