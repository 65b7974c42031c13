"""Results of operations, typed, and the decoders of those that the client reads itself.

Adding an operation to a compound returns a :class:`Result`; its ``value`` is there once the
compound was executed. Most values are the specification's own types.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from .errors import ProtocolError

T = TypeVar("T")

FILE_HANDLE_MAX: Final = 128
TARGET_MAX: Final = 16384
"""Octets of a link's target."""

_COMMITTED: Final = struct.Struct(">2I8s")


class Result(Generic[T]):
    """The result of one operation of a compound."""

    __slots__ = ("_decode", "_value")

    _value: T

    def __init__(self, decode: Callable[[Decoder], T]) -> None:
        self._decode = decode

    @property
    def known(self) -> bool:
        """Whether the operation has succeeded, which it may have in a compound that failed."""
        return hasattr(self, "_value")

    @property
    def value(self) -> T:
        """What the operation answered. Raises ``RuntimeError`` before it has succeeded."""
        try:
            return self._value
        except AttributeError:
            raise RuntimeError("the operation has not been executed: no result") from None

    def decode(self, dec: Decoder) -> None:
        """Read the value. Raises ``XdrError``."""
        self._value = self._decode(dec)


class ReadResult:
    """What READ answered: data, and whether it reaches the end of the file."""

    __slots__ = ("data", "eof")

    def __init__(self, eof: bool, data: memoryview) -> None:
        self.eof = eof
        self.data = data

    def place(self, sink: memoryview) -> int:
        """Put the data into ``sink`` unless the transport has; return the number of octets.

        A transport that could place the data has returned a view of the sink itself. Raises
        :class:`ProtocolError` if there is more than was asked for.
        """
        data = self.data
        count = len(data)
        if count > len(sink):
            raise ProtocolError(f"{count} octets read where {len(sink)} were asked for")
        if count and data.obj is not sink.obj:
            sink[:count] = data
        return count


# --- Decoders ---


def decode_handle(dec: Decoder) -> bytes:
    """Read the result of GETFH."""
    return dec.opaque(FILE_HANDLE_MAX)


def decode_target(dec: Decoder) -> bytes:
    """Read the result of READLINK."""
    return bytes(dec.payload(TARGET_MAX))


def decode_read(dec: Decoder) -> ReadResult:
    """Read the result of READ."""
    return ReadResult(dec.boolean(), dec.payload())


def decode_write(dec: Decoder) -> t.WRITE4resok:
    """Read the result of an UNSTABLE4 WRITE."""
    return t.WRITE4resok(*dec.unpack(_COMMITTED))


def decode_stable_write(dec: Decoder) -> t.WRITE4resok:
    """Read the result of a WRITE to stable storage.

    Raises ``XdrError`` if the data did not get there: a server may do more than was asked for,
    never less (RFC 8881, Section 18.32.3).
    """
    result = decode_write(dec)
    if result.committed == t.UNSTABLE4:
        raise XdrError("what was to be written to stable storage was not")
    return result


def decode_verifier(dec: Decoder) -> bytes:
    """Read the result of COMMIT: the write verifier."""
    return dec.fixed_opaque(8)
