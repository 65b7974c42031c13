"""Every message of the Linux captures decodes, and encodes back to the octets it came from.

ICRC of every packet; every RPC-over-RDMA header; every RPC message, with what travelled in chunks
taken from the RDMA READs and WRITEs of the capture.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.transport.chunk import Segment, boundaries
from nfsrdma.rpcrdma.transport.header import (
    RDMA_MSG,
    RDMA_NOMSG,
    HeaderLimits,
    RpcRdmaHeader,
    decode_header,
    encode_header,
)
from nfsrdma.rpcrdma.transport.reassembly import ChunkedDecoder, PlacedDecoder
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4.types import CB_COMPOUND4args, CB_COMPOUND4res, COMPOUND4args, COMPOUND4res
from nfsrdma.xdr.rpc import CALL, rpc_msg
from nfsrdma.xdr.rpcrdma1 import rdma_msg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.captures import Memory, Message, frames, linux_captures, messages, require

NFS_PROGRAM = 100003

captures = pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)


@captures
def test_every_icrc_is_ours(path: Path) -> None:
    count = 0
    for frame in frames(require(path)):
        ours = packet_icrc(frame.packet)
        assert ours.to_bytes(4, "little") == frame.packet[-4:], f"frame {frame.number}"
        count += 1
    assert count > 3000


@captures
def test_every_header_encodes_back(path: Path) -> None:
    for message in messages(require(path))[0]:
        header = decode_header(memoryview(message.data), HeaderLimits())
        octets = message.data[: header.size]
        where = f"frame {message.frame}"
        assert header.proc in (RDMA_MSG, RDMA_NOMSG), where
        again = encode_header(
            header.xid,
            header.credit,
            header.proc,
            header.read_list,
            header.write_list,
            header.reply_chunk,
        )
        assert bytes(again) == octets, where
        dec = Decoder(message.data)
        emitted = rdma_msg.decode(dec)
        assert dec.offset == header.size, where
        enc = Encoder()
        emitted.encode(enc)
        assert enc.to_bytes() == octets, where


class Conversation:
    """Decodes the messages of one capture in order: a reply's type is known from its call's."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._procedures: dict[tuple[str, int], tuple[int, int]] = {}  # by caller and XID
        self.calls = self.replies = self.chunked = self.reply_chunks = 0

    def check(self, message: Message) -> None:
        """Decode one message to its end, encode it, and compare."""
        header = decode_header(memoryview(message.data), HeaderLimits())
        direction = message.data[header.size + 4 : header.size + 8]
        if header.proc == RDMA_NOMSG:
            is_call = bool(header.read_list)
        else:
            is_call = direction == CALL.to_bytes(4, "big")
        stream, contents = self._stream(message, header, is_call)
        dec: Decoder
        if is_call:
            chunks = [chunk for chunk in header.read_list if chunk.position]
            places = boundaries(chunks, len(stream))
            assert places is not None
            dec = ChunkedDecoder(memoryview(stream), places, contents)
        else:
            dec = PlacedDecoder(memoryview(stream), contents)
        enc = Encoder()
        self._round_trip(message, is_call, dec, enc)
        dec.done()
        self._compare(message, stream, contents, enc)

    def _stream(
        self, message: Message, header: RpcRdmaHeader, is_call: bool
    ) -> tuple[bytes, list[memoryview]]:
        """The reduced RPC message, and what its data chunks held."""
        caller = message.source if is_call else message.destination
        stream = message.data[header.size :]
        lists = [chunk for chunk in header.read_list if chunk.position]
        if is_call:
            for chunk in header.read_list:
                if chunk.position == 0:
                    stream = self._fetch(caller, chunk.segments)
        else:
            lists = list(header.write_list)
            if header.proc == RDMA_NOMSG:
                assert header.reply_chunk is not None
                self.reply_chunks += 1
                stream = self._fetch(caller, header.reply_chunk.segments)
        return stream, [memoryview(self._fetch(caller, chunk.segments)) for chunk in lists]

    def _fetch(self, host: str, segments: Iterable[Segment]) -> bytes:
        return b"".join(
            self._memory.get(host, handle, offset, length)
            for handle, length, offset in segments
            if length
        )

    def _round_trip(self, message: Message, is_call: bool, dec: Decoder, enc: Encoder) -> None:
        envelope = rpc_msg.decode(dec)
        envelope.encode(enc)
        if is_call:
            self.calls += 1
            call = envelope.body.cbody
            program, procedure = call.prog, call.proc
            self._procedures[message.source, envelope.xid] = (program, procedure)
            body = COMPOUND4args if program == NFS_PROGRAM else CB_COMPOUND4args
        else:
            self.replies += 1
            program, procedure = self._procedures[message.destination, envelope.xid]
            body = COMPOUND4res if program == NFS_PROGRAM else CB_COMPOUND4res
        if procedure:
            body.decode(dec).encode(enc)

    def _compare(
        self, message: Message, stream: bytes, contents: list[memoryview], enc: Encoder
    ) -> None:
        where = f"frame {message.frame}"
        if not any(contents):
            assert enc.to_bytes() == stream, where
            return
        self.chunked += 1
        assert bytes(enc.buffer) == stream, where
        for content, payload in zip(contents, enc.payloads, strict=True):
            # A chunk may be padded; its data may not be short.
            assert bytes(content[: len(payload.data)]) == bytes(payload.data), where
            assert len(content) - len(payload.data) < 4, where


@captures
def test_every_rpc_message_encodes_back(path: Path) -> None:
    sent, memory = messages(require(path))
    conversation = Conversation(memory)
    for message in sent:
        conversation.check(message)
    assert conversation.calls == conversation.replies > 500
    assert conversation.chunked >= 12  # 2 MiB read and 1 MiB written, at most 256 KiB a time
    assert conversation.reply_chunks >= 4
