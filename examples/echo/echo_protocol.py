"""The protocol of echo.x.

Written by ``nfsrdma xdrgen`` from echo.x.
Do not edit: change that, and have it written anew.
"""

# ruff: noqa

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from struct import Struct
from typing import Final, TypeAlias

from nfsrdma.rpcrdma.rpc import stub as rpc
from nfsrdma.xdr.codec import Decoder, Encoder
from nfsrdma.xdr.runtime import PAD, StructError, too_long, unencodable
from nfsrdma.xdr.runtime import Struct as XdrStruct

# --- Constants ---

LONGEST: Final = 255
ECHO_PROG: Final = 0x20000E40
ECHO_VERS: Final = 1
ECHO_NULL: Final = 0
ECHO_SHOUT: Final = 1
ECHO_READ: Final = 2
ECHO_WRITE: Final = 3

# --- Layouts: the runs of fields that are packed in one step ---

_I = Struct(">I")
_Q = Struct(">Q")


line: TypeAlias = "bytes"


def encode_line(enc: Encoder, value: line) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 255:
            raise too_long("line", n, 255)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("line", error) from None


def decode_line(dec: Decoder) -> line:
    return dec.opaque(255)


class piece(XdrStruct):
    """A piece of the server's memory."""

    __slots__ = ("offset", "data")

    def __init__(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self.offset = offset
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _Q.pack(self.offset)
            enc.payload(self.data)
        except StructError as error:
            raise unencodable("piece", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> piece:
        offset = dec.uint64()
        data = dec.payload()
        return cls(offset, data)


class EchoClient(rpc.ClientStub):
    """Calls version 1 (``ECHO_VERS``) of the program ``ECHO_PROG``."""

    program = ECHO_PROG
    version = ECHO_VERS

    def null(self) -> rpc.Reply[None]:
        """Call procedure 0, ``ECHO_NULL``."""
        return self._call(ECHO_NULL, rpc.nothing, rpc.nothing, 0)

    def shout(self, arg: line) -> rpc.Reply[line]:
        """Call procedure 1, ``ECHO_SHOUT``.

        Return a line in capitals.
        """
        return self._call(
            ECHO_SHOUT, lambda enc: enc.opaque(arg, 255), lambda dec: dec.opaque(255), 260
        )

    def read(self, offset: int, count: int, into: rpc.Sinks = ()) -> rpc.Reply[piece]:
        """Call procedure 2, ``ECHO_READ``.

        Read at most count octets of the memory.
        """

        def encode(enc: Encoder) -> None:
            enc.uint64(offset)
            enc.uint32(count)

        return self._call_into(ECHO_READ, encode, piece.decode, 12, into)

    def write(self, arg: piece) -> rpc.Reply[None]:
        """Call procedure 3, ``ECHO_WRITE``.

        Write a piece of the memory.
        """
        return self._call(ECHO_WRITE, arg.encode, rpc.nothing, 0)


class EchoServer(rpc.ServerSkeleton):
    """Serves version 1 (``ECHO_VERS``) of the program ``ECHO_PROG``.

    Write a subclass with its methods.
    """

    program = ECHO_PROG
    version = ECHO_VERS

    async def null(self) -> None:
        """Answer procedure 0, ``ECHO_NULL``."""

    @abstractmethod
    async def shout(self, arg: line) -> line:
        """Answer procedure 1, ``ECHO_SHOUT``.

        Return a line in capitals.
        """

    @abstractmethod
    async def read(self, offset: int, count: int) -> piece:
        """Answer procedure 2, ``ECHO_READ``.

        Read at most count octets of the memory.
        """

    @abstractmethod
    async def write(self, arg: piece) -> None:
        """Answer procedure 3, ``ECHO_WRITE``.

        Write a piece of the memory.
        """

    def procedures(self) -> Mapping[int, rpc.ProcedureRow]:
        """Return how the procedures are answered, by number."""
        return {
            ECHO_NULL: rpc.ProcedureRow(lambda dec: self.null(), rpc.encode_nothing),
            ECHO_SHOUT: rpc.ProcedureRow(
                lambda dec: self.shout(dec.opaque(255)), lambda enc, result: enc.opaque(result, 255)
            ),
            ECHO_READ: rpc.ProcedureRow(
                lambda dec: self.read(dec.uint64(), dec.uint32()),
                lambda enc, result: result.encode(enc),
            ),
            ECHO_WRITE: rpc.ProcedureRow(
                lambda dec: self.write(piece.decode(dec)), rpc.encode_nothing
            ),
        }
