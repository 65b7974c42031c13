"""Typed results of operations, and the decoders that are not the specification's own.

Adding an operation to a compound returns a :class:`Result`, whose ``value`` is known once the
compound was executed. Most values are of the specification's types.
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
"""Octets of a link's target that are accepted at most."""
XATTR_MAX: Final = 1 << 16
"""Octets of the value of an extended attribute that are accepted at most."""

_COMMITTED: Final = struct.Struct(">2I8s")


class Result(Generic[T]):
    """The result of one operation of a compound."""

    __slots__ = ("_decode", "_value")

    _value: T

    def __init__(self, decode: Callable[[Decoder], T]) -> None:
        self._decode = decode

    @property
    def known(self) -> bool:
        """Whether the operation has succeeded, even if its compound failed later."""
        return hasattr(self, "_value")

    @property
    def if_known(self) -> T | None:
        """The result; None if it is not known."""
        return self._value if self.known else None

    @property
    def value(self) -> T:
        """The result. Raises ``RuntimeError`` before the operation has succeeded."""
        try:
            return self._value
        except AttributeError:
            raise RuntimeError("the operation has not been executed: no result") from None

    def decode(self, dec: Decoder) -> None:
        """Decode the value. Raises ``XdrError``."""
        self._value = self._decode(dec)


class ReadResult:
    """The result of READ: data, and whether it reaches the end of file."""

    __slots__ = ("data", "eof")

    def __init__(self, eof: bool, data: memoryview) -> None:
        self.eof = eof
        self.data = data

    def place(self, sink: memoryview) -> int:
        """Copy the data into ``sink`` unless the transport placed it; return its length.

        A transport that placed the data has returned a view of the sink itself. Raises
        :class:`ProtocolError` if there is more data than was requested.
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
    """Decode the result of GETFH."""
    return dec.opaque(FILE_HANDLE_MAX)


def decode_target(dec: Decoder) -> bytes:
    """Decode the result of READLINK."""
    return bytes(dec.payload(TARGET_MAX))


def decode_xattr(dec: Decoder) -> bytes:
    """Decode the result of GETXATTR."""
    return dec.opaque(XATTR_MAX)


def decode_read(dec: Decoder) -> ReadResult:
    """Decode the result of READ."""
    return ReadResult(dec.boolean(), dec.payload())


def decode_write(dec: Decoder) -> t.WRITE4resok:
    """Decode the result of an UNSTABLE4 WRITE."""
    return t.WRITE4resok(*dec.unpack(_COMMITTED))


def decode_stable_write(dec: Decoder) -> t.WRITE4resok:
    """Decode the result of a WRITE to stable storage.

    Raises ``XdrError`` if the data is not there: a server may do more than was requested, but not
    less (RFC 8881, Section 18.32.3).
    """
    result = decode_write(dec)
    if result.committed == t.UNSTABLE4:
        raise XdrError("what was to be written to stable storage was not")
    return result


def decode_verifier(dec: Decoder) -> bytes:
    """Decode the result of COMMIT: the write verifier."""
    return dec.fixed_opaque(8)
