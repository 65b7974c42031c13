"""Linux's own RPC-over-RDMA messages: every one decodes, to its last octet."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.support.captures import Memory, Message, linux_captures, messages, require

from nfsrdma.rpcrdma.rpc.message import decode_call, decode_reply
from nfsrdma.rpcrdma.transport.backchannel import direction
from nfsrdma.rpcrdma.transport.chunk import Chunk, boundaries
from nfsrdma.rpcrdma.transport.header import (
    RDMA_NOMSG,
    HeaderLimits,
    RpcRdmaHeader,
    decode_header,
    encode_header,
)
from nfsrdma.rpcrdma.transport.reassembly import ChunkedDecoder, PlacedDecoder
from nfsrdma.rpcrdma.transport.reduction import plan_reply
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as nfs4
from nfsrdma.xdr.rpc import CALL

SERVER = "10.99.0.10"
NFS_PROGRAM = 100003


class Reader:
    """Follows one capture; each reply is matched with its call."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.calls: dict[tuple[bool, int], tuple[RpcRdmaHeader, int]] = {}
        self.seen: Counter[str] = Counter()

    def contents(self, host: str, chunk: Chunk) -> memoryview:
        parts = [
            self.memory.get(host, handle, offset, length)
            for handle, length, offset in chunk.segments
            if length
        ]
        return memoryview(b"".join(parts))

    def take(self, message: Message) -> None:
        view = memoryview(message.data)
        header = decode_header(view, HeaderLimits())
        encoded = encode_header(
            header.xid,
            header.credit,
            header.proc,
            header.read_list,
            header.write_list,
            header.reply_chunk,
        )
        assert encoded == view[: header.size]
        to_server = message.destination == SERVER
        way = direction(header, view, active=not to_server)
        if way == CALL:
            self._call(message, header, view, forward=to_server)
        else:
            self._reply(message, header, view, forward=not to_server)

    def _call(
        self, message: Message, header: RpcRdmaHeader, view: memoryview, forward: bool
    ) -> None:
        contents = [self.contents(message.source, chunk) for chunk in header.read_list]
        read_list, inline = list(header.read_list), view[header.size :]
        if header.proc == RDMA_NOMSG:
            inline = contents.pop(0)
            assert read_list.pop(0).position == 0
            self.seen["long calls"] += 1
        places = boundaries(read_list, len(inline))
        assert places is not None
        dec = ChunkedDecoder(inline, places, contents)
        call = decode_call(dec)
        assert call.xid == header.xid
        self.seen["read chunks"] += len(contents)
        self.calls[forward, header.xid] = header, call.proc
        if call.proc == 1:
            (nfs4.COMPOUND4args if forward else nfs4.CB_COMPOUND4args).decode(dec)
        dec.done()
        self.seen["calls" if forward else "reverse calls"] += 1

    def _reply(
        self, message: Message, header: RpcRdmaHeader, view: memoryview, forward: bool
    ) -> None:
        offered, proc = self.calls[forward, header.xid]
        assert len(header.write_list) == len(offered.write_list)
        results = [self.contents(message.destination, chunk) for chunk in header.write_list]
        inline = view[header.size :]
        if header.proc == RDMA_NOMSG:
            assert header.reply_chunk is not None
            inline = self.contents(message.destination, header.reply_chunk)
            self.seen["long replies"] += 1
        dec = PlacedDecoder(inline, results)
        assert decode_reply(dec)[0] == header.xid
        self.seen["write chunks"] += sum(1 for data in results if len(data))
        start = dec.offset
        if proc == 1:
            kind = nfs4.COMPOUND4res if forward else nfs4.CB_COMPOUND4res
            results4 = kind.decode(dec)
            if forward:
                self._as_we_would(offered, header, bytes(inline), start, results4)
        dec.done()

    def _as_we_would(
        self,
        offered: RpcRdmaHeader,
        got: RpcRdmaHeader,
        inline: bytes,
        start: int,
        results: nfs4.COMPOUND4res,
    ) -> None:
        """Our plan for the same reply moves the same octets to the same places."""
        reply = Encoder()
        reply.buffer += inline[:start]
        results.encode(reply)
        plan = plan_reply(reply, offered.write_list, offered.reply_chunk, 4096)
        assert plan is not None
        assert list(plan.write_list) == list(got.write_list)
        if got.proc != RDMA_NOMSG:
            assert b"".join(plan.inline) == inline
        elif plan.long:
            assert plan.reply_chunk == got.reply_chunk


@pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)
def test_every_message_of_a_mount(path: Path) -> None:
    sends, memory = messages(require(path))
    reader = Reader(memory)
    for message in sends:
        reader.take(message)
    assert reader.seen["calls"] > 500
    assert reader.seen["read chunks"] >= 4
    assert reader.seen["write chunks"] >= 8
    assert reader.seen["long replies"] > 0


def test_decoder_of_the_rest_is_plain() -> None:
    """Without results in chunks the two decoders are one."""
    data = b"\0\0\0\3abc\0"
    assert PlacedDecoder(memoryview(data), []).payload() == Decoder(data).payload()
