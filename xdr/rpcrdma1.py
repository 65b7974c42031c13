"""RPC-over-RDMA version 1 (RFC 8166).

Emitted by nfsrdma.xdr.compiler from specs/rpcrdma1.x.
Do not edit: change those, and run ``python -m nfsrdma.xdr.compiler``.
"""

# fmt: off
# ruff: noqa

from __future__ import annotations

from enum import IntEnum
from struct import Struct, pack
from typing import Any, Final, TypeAlias

from .codec import Decoder, Encoder
from .runtime import (
    MISSING,
    PAD,
    LinkedStruct,
    StructError,
    no_arm,
    not_boolean,
    too_long,
    unencodable,
    wrong_arm,
    wrong_length,
)
from .runtime import Struct as XdrStruct
from .runtime import Union as XdrUnion

# Enumerations


class rpc_rdma_errcode(IntEnum):
    ERR_VERS = 1
    ERR_CHUNK = 2


ERR_VERS: Final = 1
ERR_CHUNK: Final = 2


class rdma_proc(IntEnum):
    RDMA_MSG = 0
    RDMA_NOMSG = 1
    RDMA_MSGP = 2
    RDMA_DONE = 3
    RDMA_ERROR = 4


RDMA_MSG: Final = 0
RDMA_NOMSG: Final = 1
RDMA_MSGP: Final = 2
RDMA_DONE: Final = 3
RDMA_ERROR: Final = 4


# Layouts: the runs of fields that are packed in one step

_2I = Struct(">2I")
_2IQ = Struct(">2IQ")
_3I = Struct(">3I")
_3IQ = Struct(">3IQ")
_3IQI = Struct(">3IQI")
_3Ii = Struct(">3Ii")
_I = Struct(">I")
_i = Struct(">i")
_i2I = Struct(">i2I")

uint32: TypeAlias = int

uint64: TypeAlias = int


class xdr_rdma_segment(XdrStruct):
    __slots__ = ("handle", "length", "offset")

    def __init__(self, handle: uint32, length: uint32, offset: uint64) -> None:
        self.handle = handle
        self.length = length
        self.offset = offset

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2IQ.pack(self.handle, self.length, self.offset)
        except StructError as error:
            raise unencodable("xdr_rdma_segment", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> xdr_rdma_segment:
        handle, length, offset = dec.unpack(_2IQ)
        return cls(handle, length, offset)


class xdr_read_chunk(XdrStruct):
    __slots__ = ("position", "target")

    def __init__(self, position: uint32, target: xdr_rdma_segment) -> None:
        self.position = position
        self.target = target

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            target = self.target
            buf += _3IQ.pack(self.position, target.handle, target.length, target.offset)
        except StructError as error:
            raise unencodable("xdr_read_chunk", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> xdr_read_chunk:
        position, target__handle, target__length, target__offset = dec.unpack(_3IQ)
        return cls(position, xdr_rdma_segment(target__handle, target__length, target__offset))


class xdr_read_list(LinkedStruct):
    __slots__ = ("entry", "next")

    def __init__(self, entry: xdr_read_chunk, next: xdr_read_list | None = None) -> None:
        self.entry = entry
        self.next = next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: xdr_read_list | None = self
            while node is not None:
                entry = node.entry
                target = entry.target
                next = node.next
                buf += _3IQI.pack(entry.position, target.handle, target.length, target.offset, 0 if next is None else 1)
                node = next
        except StructError as error:
            raise unencodable("xdr_read_list", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> xdr_read_list:
        head_: xdr_read_list | None = None
        tail_: xdr_read_list | None = None
        while True:
            entry__position, entry__target__handle, entry__target__length, entry__target__offset, more_ = dec.unpack(_3IQI)
            if more_ > 1:
                raise not_boolean("xdr_read_list.next", more_)
            node_ = cls(xdr_read_chunk(entry__position, xdr_rdma_segment(entry__target__handle, entry__target__length, entry__target__offset)))
            if tail_ is None:
                head_ = node_
            else:
                tail_.next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class xdr_write_chunk(XdrStruct):
    __slots__ = ("target",)

    def __init__(self, target: list[xdr_rdma_segment]) -> None:
        self.target = target

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            target = self.target
            n = len(target)
            buf += _I.pack(n)
            for item in target:
                buf += _2IQ.pack(item.handle, item.length, item.offset)
        except StructError as error:
            raise unencodable("xdr_write_chunk", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> xdr_write_chunk:
        target_n = dec.uint32()
        dec.check_count(target_n, 16)
        target = [xdr_rdma_segment.decode(dec) for _ in range(target_n)]
        return cls(target)


class xdr_write_list(LinkedStruct):
    __slots__ = ("entry", "next")

    def __init__(self, entry: xdr_write_chunk, next: xdr_write_list | None = None) -> None:
        self.entry = entry
        self.next = next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: xdr_write_list | None = self
            while node is not None:
                node.entry.encode(enc)
                next = node.next
                buf += _I.pack(0 if next is None else 1)
                node = next
        except StructError as error:
            raise unencodable("xdr_write_list", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> xdr_write_list:
        head_: xdr_write_list | None = None
        tail_: xdr_write_list | None = None
        while True:
            entry = xdr_write_chunk.decode(dec)
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("xdr_write_list.next", more_)
            node_ = cls(entry)
            if tail_ is None:
                head_ = node_
            else:
                tail_.next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class rpc_rdma_header(XdrStruct):
    __slots__ = ("rdma_reads", "rdma_writes", "rdma_reply")

    def __init__(
        self,
        rdma_reads: xdr_read_list | None,
        rdma_writes: xdr_write_list | None,
        rdma_reply: xdr_write_chunk | None,
    ) -> None:
        self.rdma_reads = rdma_reads
        self.rdma_writes = rdma_writes
        self.rdma_reply = rdma_reply

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rdma_reads = self.rdma_reads
            if rdma_reads is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_reads.encode(enc)
            rdma_writes = self.rdma_writes
            if rdma_writes is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_writes.encode(enc)
            rdma_reply = self.rdma_reply
            if rdma_reply is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_reply.encode(enc)
        except StructError as error:
            raise unencodable("rpc_rdma_header", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_rdma_header:
        rdma_reads_set = dec.uint32()
        if rdma_reads_set > 1:
            raise not_boolean("rpc_rdma_header.rdma_reads", rdma_reads_set)
        rdma_reads = xdr_read_list.decode(dec) if rdma_reads_set else None
        rdma_writes_set = dec.uint32()
        if rdma_writes_set > 1:
            raise not_boolean("rpc_rdma_header.rdma_writes", rdma_writes_set)
        rdma_writes = xdr_write_list.decode(dec) if rdma_writes_set else None
        rdma_reply_set = dec.uint32()
        if rdma_reply_set > 1:
            raise not_boolean("rpc_rdma_header.rdma_reply", rdma_reply_set)
        rdma_reply = xdr_write_chunk.decode(dec) if rdma_reply_set else None
        return cls(rdma_reads, rdma_writes, rdma_reply)


class rpc_rdma_header_nomsg(XdrStruct):
    __slots__ = ("rdma_reads", "rdma_writes", "rdma_reply")

    def __init__(
        self,
        rdma_reads: xdr_read_list | None,
        rdma_writes: xdr_write_list | None,
        rdma_reply: xdr_write_chunk | None,
    ) -> None:
        self.rdma_reads = rdma_reads
        self.rdma_writes = rdma_writes
        self.rdma_reply = rdma_reply

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rdma_reads = self.rdma_reads
            if rdma_reads is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_reads.encode(enc)
            rdma_writes = self.rdma_writes
            if rdma_writes is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_writes.encode(enc)
            rdma_reply = self.rdma_reply
            if rdma_reply is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_reply.encode(enc)
        except StructError as error:
            raise unencodable("rpc_rdma_header_nomsg", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_rdma_header_nomsg:
        rdma_reads_set = dec.uint32()
        if rdma_reads_set > 1:
            raise not_boolean("rpc_rdma_header_nomsg.rdma_reads", rdma_reads_set)
        rdma_reads = xdr_read_list.decode(dec) if rdma_reads_set else None
        rdma_writes_set = dec.uint32()
        if rdma_writes_set > 1:
            raise not_boolean("rpc_rdma_header_nomsg.rdma_writes", rdma_writes_set)
        rdma_writes = xdr_write_list.decode(dec) if rdma_writes_set else None
        rdma_reply_set = dec.uint32()
        if rdma_reply_set > 1:
            raise not_boolean("rpc_rdma_header_nomsg.rdma_reply", rdma_reply_set)
        rdma_reply = xdr_write_chunk.decode(dec) if rdma_reply_set else None
        return cls(rdma_reads, rdma_writes, rdma_reply)


class rpc_rdma_header_padded(XdrStruct):
    __slots__ = ("rdma_align", "rdma_thresh", "rdma_reads", "rdma_writes", "rdma_reply")

    def __init__(
        self,
        rdma_align: uint32,
        rdma_thresh: uint32,
        rdma_reads: xdr_read_list | None,
        rdma_writes: xdr_write_list | None,
        rdma_reply: xdr_write_chunk | None,
    ) -> None:
        self.rdma_align = rdma_align
        self.rdma_thresh = rdma_thresh
        self.rdma_reads = rdma_reads
        self.rdma_writes = rdma_writes
        self.rdma_reply = rdma_reply

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rdma_reads = self.rdma_reads
            if rdma_reads is None:
                buf += _3I.pack(self.rdma_align, self.rdma_thresh, 0)
            else:
                buf += _3I.pack(self.rdma_align, self.rdma_thresh, 1)
                rdma_reads.encode(enc)
            rdma_writes = self.rdma_writes
            if rdma_writes is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_writes.encode(enc)
            rdma_reply = self.rdma_reply
            if rdma_reply is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rdma_reply.encode(enc)
        except StructError as error:
            raise unencodable("rpc_rdma_header_padded", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_rdma_header_padded:
        rdma_align, rdma_thresh, rdma_reads_set = dec.unpack(_3I)
        if rdma_reads_set > 1:
            raise not_boolean("rpc_rdma_header_padded.rdma_reads", rdma_reads_set)
        rdma_reads = xdr_read_list.decode(dec) if rdma_reads_set else None
        rdma_writes_set = dec.uint32()
        if rdma_writes_set > 1:
            raise not_boolean("rpc_rdma_header_padded.rdma_writes", rdma_writes_set)
        rdma_writes = xdr_write_list.decode(dec) if rdma_writes_set else None
        rdma_reply_set = dec.uint32()
        if rdma_reply_set > 1:
            raise not_boolean("rpc_rdma_header_padded.rdma_reply", rdma_reply_set)
        rdma_reply = xdr_write_chunk.decode(dec) if rdma_reply_set else None
        return cls(rdma_align, rdma_thresh, rdma_reads, rdma_writes, rdma_reply)


class rpc_rdma_errvers(XdrStruct):
    __slots__ = ("rdma_vers_low", "rdma_vers_high")

    def __init__(self, rdma_vers_low: uint32, rdma_vers_high: uint32) -> None:
        self.rdma_vers_low = rdma_vers_low
        self.rdma_vers_high = rdma_vers_high

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.rdma_vers_low, self.rdma_vers_high)
        except StructError as error:
            raise unencodable("rpc_rdma_errvers", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_rdma_errvers:
        rdma_vers_low, rdma_vers_high = dec.unpack(_2I)
        return cls(rdma_vers_low, rdma_vers_high)


class rpc_rdma_error(XdrUnion):
    __slots__ = ("err", "value")

    def __init__(self, err: int, value: rpc_rdma_errvers | None = None) -> None:
        self.err = err
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        err = self.err
        try:
            if err == ERR_VERS:
                buf += _i2I.pack(err, value.rdma_vers_low, value.rdma_vers_high)
            elif err == ERR_CHUNK:
                buf += _i.pack(err)
            else:
                raise no_arm("rpc_rdma_error", err)
        except StructError as error:
            raise unencodable("rpc_rdma_error", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_rdma_error:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, err: int) -> rpc_rdma_error:
        if err == ERR_VERS:
            range__rdma_vers_low, range__rdma_vers_high = dec.unpack(_2I)
            return cls(err, rpc_rdma_errvers(range__rdma_vers_low, range__rdma_vers_high))
        if err == ERR_CHUNK:
            return cls(err)
        raise no_arm("rpc_rdma_error", err)

    @property
    def range(self) -> rpc_rdma_errvers:
        if not (self.err == ERR_VERS):
            raise wrong_arm(self, "range")
        arm: rpc_rdma_errvers = self.value
        return arm


class rdma_body(XdrUnion):
    __slots__ = ("proc", "value")

    def __init__(
        self,
        proc: int,
        value: rpc_rdma_header | rpc_rdma_header_nomsg | rpc_rdma_header_padded | rpc_rdma_error | None = None,
    ) -> None:
        self.proc = proc
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        proc = self.proc
        try:
            if proc == RDMA_MSG:
                buf += _i.pack(proc)
                value.encode(enc)
            elif proc == RDMA_NOMSG:
                buf += _i.pack(proc)
                value.encode(enc)
            elif proc == RDMA_MSGP:
                buf += _i.pack(proc)
                value.encode(enc)
            elif proc == RDMA_DONE:
                buf += _i.pack(proc)
            elif proc == RDMA_ERROR:
                buf += _i.pack(proc)
                value.encode(enc)
            else:
                raise no_arm("rdma_body", proc)
        except StructError as error:
            raise unencodable("rdma_body", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rdma_body:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, proc: int) -> rdma_body:
        if proc == RDMA_MSG:
            rdma_msg2 = rpc_rdma_header.decode(dec)
            return cls(proc, rdma_msg2)
        if proc == RDMA_NOMSG:
            rdma_nomsg = rpc_rdma_header_nomsg.decode(dec)
            return cls(proc, rdma_nomsg)
        if proc == RDMA_MSGP:
            rdma_msgp = rpc_rdma_header_padded.decode(dec)
            return cls(proc, rdma_msgp)
        if proc == RDMA_DONE:
            return cls(proc)
        if proc == RDMA_ERROR:
            rdma_error__err = dec.int32()
            rdma_error = rpc_rdma_error.decode_arm(dec, rdma_error__err)
            return cls(proc, rdma_error)
        raise no_arm("rdma_body", proc)

    @property
    def rdma_msg(self) -> rpc_rdma_header:
        if not (self.proc == RDMA_MSG):
            raise wrong_arm(self, "rdma_msg")
        arm: rpc_rdma_header = self.value
        return arm

    @property
    def rdma_nomsg(self) -> rpc_rdma_header_nomsg:
        if not (self.proc == RDMA_NOMSG):
            raise wrong_arm(self, "rdma_nomsg")
        arm: rpc_rdma_header_nomsg = self.value
        return arm

    @property
    def rdma_msgp(self) -> rpc_rdma_header_padded:
        if not (self.proc == RDMA_MSGP):
            raise wrong_arm(self, "rdma_msgp")
        arm: rpc_rdma_header_padded = self.value
        return arm

    @property
    def rdma_error(self) -> rpc_rdma_error:
        if not (self.proc == RDMA_ERROR):
            raise wrong_arm(self, "rdma_error")
        arm: rpc_rdma_error = self.value
        return arm


class rdma_msg(XdrStruct):
    __slots__ = ("rdma_xid", "rdma_vers", "rdma_credit", "rdma_body")

    def __init__(
        self,
        rdma_xid: uint32,
        rdma_vers: uint32,
        rdma_credit: uint32,
        rdma_body: rdma_body,
    ) -> None:
        self.rdma_xid = rdma_xid
        self.rdma_vers = rdma_vers
        self.rdma_credit = rdma_credit
        self.rdma_body = rdma_body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _3I.pack(self.rdma_xid, self.rdma_vers, self.rdma_credit)
            self.rdma_body.encode(enc)
        except StructError as error:
            raise unencodable("rdma_msg", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rdma_msg:
        rdma_xid, rdma_vers, rdma_credit, rdma_body__proc = dec.unpack(_3Ii)
        rdma_body2 = rdma_body.decode_arm(dec, rdma_body__proc)
        return cls(rdma_xid, rdma_vers, rdma_credit, rdma_body2)
