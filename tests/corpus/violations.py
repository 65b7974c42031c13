"""What peers may do wrong: for each rule of lint that a RoCE capture can break, how.

Each is played on a :class:`Wire` that is connected, whose 32 credits were granted by the reply to
XID 1. It breaks its rule, and no other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.support.rdma_wire import (
    Wire,
    compound,
    do_getattr,
    do_read,
    getattr_call,
    getattr_results,
    pattern,
    read_call,
    read_results,
    reduced,
    results,
    write_call,
    write_results,
)

from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

VA = 0x7F00_0000_1000
DATA = pattern(1001)
SESSION = bytes(range(16))
BROKEN: list[tuple[str, Callable[[Wire], object]]] = []
"""Rules, and what two peers do that breaks them once connected, with 32 credits."""


def breaks(rule: str) -> Callable[[Callable[[Wire], object]], Callable[[Wire], object]]:
    def register(play: Callable[[Wire], object]) -> Callable[[Wire], object]:
        BROKEN.append((rule, play))
        return play

    return register


def answer(wire: Wire, xid: int) -> None:
    wire.nfs_reply(xid, results(xid, getattr_results()))


def read_with(
    wire: Wire, offered: list[Segment], written: bytes, returned: list[Segment],
    data: bytes = DATA, invalidate: int | None = None,
) -> None:  # fmt: skip
    """READ of ``data``: ``written`` goes to where the first used segment was offered."""
    wire.nfs_call(2, read_call(0, len(data)), write=[Chunk(offered)])
    target = next(mine for mine, used in zip(offered, returned, strict=False) if used.length)
    if written:
        wire.rdma_write(wire.server, target.handle, target.offset, written)
    body = reduced(results(2, read_results(data)), data)
    wire.nfs_reply(2, body, write=[Chunk(returned)], invalidate=invalidate)


def write_at(wire: Wire, chunks: Callable[[int], list[Chunk]]) -> None:
    """WRITE of ``DATA`` by the Read chunks for the Position where it belongs."""
    whole = compound(2, write_call(0, DATA))
    read = chunks(whole.index(DATA))
    wire.nfs_call(2, [], read=read, inline=reduced(whole, DATA))
    for handle, length, address in read[0].segments:
        wire.rdma_read(wire.server, handle, address, DATA.ljust(length, b"\0")[:length])
    wire.nfs_reply(2, results(2, write_results(len(DATA))))


# Headers


@breaks("credit-zero")
def _(wire: Wire) -> None:
    """0 credits are granted."""
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), credits=0)


@breaks("credit-zero")
def _(wire: Wire) -> None:
    """0 credits are asked for."""
    wire.nfs_call(2, getattr_call(), credits=0)
    answer(wire, 2)


@breaks("inline-too-long")
def _(wire: Wire) -> None:
    """A call of more octets than the threshold that was agreed on."""
    wire.nfs_call(2, [t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"f" * 100))] * 40)
    answer(wire, 2)


@breaks("message-form")
def _(wire: Wire) -> None:
    """An RDMA_NOMSG that is followed by a message."""
    wire.nfs_call(2, getattr_call())
    wire.send(wire.server, bytes(encode_header(2, 32, 1)) + results(2, getattr_results()))


@breaks("message-form")
def _(wire: Wire) -> None:
    """An RDMA_MSG, although the Reply chunk was used."""
    chunk = Chunk([Segment(7, 4096, VA)])
    wire.nfs_call(2, getattr_call(), reply=chunk)
    body = results(2, getattr_results())
    wire.rdma_write(wire.server, 7, VA, body)
    wire.nfs_reply(2, body, reply=Chunk([Segment(7, len(body), VA)]))


@breaks("procedure-obsolete")
def _(wire: Wire) -> None:
    """An RDMA_MSGP."""
    head = struct.pack(">9I", 2, 1, 32, 2, 4, 100, 0, 0, 0)
    wire.send(wire.client, head + compound(2, getattr_call()))
    answer(wire, 2)


@breaks("procedure-obsolete")
def _(wire: Wire) -> None:
    """An RDMA_DONE."""
    wire.send(wire.client, struct.pack(">7I", 2, 1, 32, 3, 0, 0, 0))


@breaks("xid-differs")
def _(wire: Wire) -> None:
    """Another XID in the header than in the message."""
    whole = compound(0xBAD, getattr_call())
    wire.nfs_call(2, [], read=[Chunk([Segment(7, len(whole), VA)], 0)], inline=b"")
    wire.rdma_read(wire.server, 7, VA, whole)
    answer(wire, 2)


@breaks("xid-unmatched")
def _(wire: Wire) -> None:
    """A reply to nothing."""
    answer(wire, 99)
    do_getattr(wire, 3)


@breaks("xid-reused")
def _(wire: Wire) -> None:
    """A call with the XID of one in flight."""
    wire.nfs_call(2, getattr_call())
    wire.nfs_call(2, getattr_call())
    answer(wire, 2)


@breaks("reply-read-list")
def _(wire: Wire) -> None:
    """A reply that has a Read list."""
    wire.nfs_call(2, getattr_call())
    head = encode_header(2, 32, 0, [Chunk([Segment(7, 8, VA)], 40)])
    wire.send(wire.server, bytes(head) + results(2, getattr_results()))


@breaks("invalidate-unknown")
def _(wire: Wire) -> None:
    """A handle is invalidated that the call did not offer."""
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), invalidate=99)


# Read chunks


@breaks("position-misaligned")
def _(wire: Wire) -> None:
    """The Position of a Read chunk is no multiple of four."""
    write_at(wire, lambda at: [Chunk([Segment(7, 1001, VA)], at + 2)])


@breaks("position-overlap")
def _(wire: Wire) -> None:
    """Two Read chunks at the same place."""
    write_at(
        wire, lambda at: [Chunk([Segment(7, 1001, VA)], at), Chunk([Segment(8, 8, VA)], at + 8)]
    )


@breaks("position-range")
def _(wire: Wire) -> None:
    """A Read chunk behind the end of its message."""
    write_at(wire, lambda at: [Chunk([Segment(7, 1001, VA)], at + 4000)])


@breaks("pad-read")
def _(wire: Wire) -> None:
    """A Read chunk with the item's pad in it."""
    write_at(wire, lambda at: [Chunk([Segment(7, 1004, VA)], at)])


@breaks("chunk-ineligible")
def _(wire: Wire) -> None:
    """The name of a LOOKUP in a Read chunk."""
    name = b"n" * 400
    whole = compound(2, [t.nfs_argop4(t.OP_LOOKUP, t.LOOKUP4args(name))])
    read = [Chunk([Segment(7, 400, VA)], whole.index(name))]
    wire.nfs_call(2, [], read=read, inline=reduced(whole, name))
    wire.rdma_read(wire.server, 7, VA, name)
    wire.nfs_reply(2, results(2, [t.nfs_resop4(t.OP_LOOKUP, t.LOOKUP4res(0))]))


@breaks("gss-ddp")
def _(wire: Wire) -> None:
    """Protected arguments in a Read chunk."""
    enc = Encoder()
    encode_call(enc, 2, 100003, 4, 1, OpaqueAuth(6, struct.pack(">5I", 1, 0, 1, 2, 0)))
    read = [Chunk([Segment(7, 400, VA)], 60)]
    wire.nfs_call(2, [], read=read, inline=enc.to_bytes() + bytes(16))


# Write and Reply chunks


@breaks("chunk-ineligible")
def _(wire: Wire) -> None:
    """A Write chunk is used for a GETATTR."""
    wire.nfs_call(2, getattr_call(), write=[Chunk([Segment(7, 4096, VA)])])
    wire.rdma_write(wire.server, 7, VA, bytes(8))
    wire.nfs_reply(2, results(2, getattr_results()), write=[Chunk([Segment(7, 8, VA)])])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    """A reply returns more segments than the call offered."""
    read_with(wire, [Segment(7, 1001, VA)], DATA, [Segment(7, 1001, VA), Segment(8, 0, VA)])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    """A reply returns memory that the call did not offer."""
    read_with(wire, [Segment(7, 1001, VA)], DATA, [Segment(7, 1001, VA + 4)])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    """A reply says that more was written than there was room for."""
    read_with(wire, [Segment(7, 1000, VA)], DATA[:1000], [Segment(7, 1001, VA)])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    """A reply returns a Reply chunk that was not offered."""
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), reply=Chunk([Segment(7, 0, VA)]))


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    """A reply returns a Write list that was not offered."""
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), write=[Chunk([Segment(7, 0, VA)])])


@breaks("chunk-fill")
def _(wire: Wire) -> None:
    """The second segment is used, the first is not."""
    read_with(
        wire, [Segment(7, 1001, VA), Segment(8, 1001, VA)], DATA,
        [Segment(7, 0, VA), Segment(8, 1001, VA)],
    )  # fmt: skip


@breaks("chunk-unwritten")
def _(wire: Wire) -> None:
    """Nothing was written of what the reply returns."""
    read_with(wire, [Segment(7, 1001, VA)], b"", [Segment(7, 1001, VA)])


@breaks("chunk-excess")
def _(wire: Wire) -> None:
    """More was written than the reply returns."""
    read_with(wire, [Segment(7, 4096, VA)], DATA + bytes(99), [Segment(7, 1001, VA)])


@breaks("pad-written")
def _(wire: Wire) -> None:
    """A pad was written behind the item."""
    read_with(wire, [Segment(7, 4096, VA)], DATA + bytes(3), [Segment(7, 1001, VA)])


@breaks("pad-written")
def _(wire: Wire) -> None:
    """A pad was written, and is counted in the returned length."""
    read_with(wire, [Segment(7, 4096, VA)], DATA + bytes(3), [Segment(7, 1004, VA)])


@breaks("chunk-length")
def _(wire: Wire) -> None:
    """Half of the item was written."""
    read_with(wire, [Segment(7, 4096, VA)], DATA[:500], [Segment(7, 500, VA)])


@breaks("chunk-both")
def _(wire: Wire) -> None:
    """Both the Write chunk and the Reply chunk were used."""
    write, reply = Segment(7, 1001, VA), Segment(8, 4096, VA)
    wire.nfs_call(2, read_call(0, 1001), write=[Chunk([write])], reply=Chunk([reply]))
    wire.rdma_write(wire.server, 7, VA, DATA)
    body = reduced(results(2, read_results(DATA)), DATA)
    wire.rdma_write(wire.server, 8, VA, body)
    used = Chunk([Segment(8, len(body), VA)])
    wire.nfs_reply(2, b"", write=[Chunk([write])], reply=used)


# RDMA


@breaks("rdma-direction")
def _(wire: Wire) -> None:
    """A Write chunk is read from."""
    wire.nfs_call(2, read_call(0, 1001), write=[Chunk([Segment(7, 1001, VA)])])
    wire.rdma_read(wire.server, 7, VA, bytes(500))
    wire.nfs_reply(2, results(2, read_results(b"")), write=[Chunk([Segment(7, 0, VA)])])


@breaks("rdma-outside")
def _(wire: Wire) -> None:
    """An RDMA WRITE goes beyond its segment."""
    read_with(wire, [Segment(7, 1001, VA)], DATA + b"!", [Segment(7, 1001, VA)])


@breaks("rdma-outside")
def _(wire: Wire) -> None:
    """An RDMA WRITE to memory that nobody has offered."""
    wire.rdma_write(wire.server, 99, VA, DATA)
    do_getattr(wire, 2)


@breaks("rdma-after-reply")
def _(wire: Wire) -> None:
    """An RDMA WRITE after the reply."""
    do_read(wire, 2, DATA, [Segment(7, 1001, VA)])
    wire.rdma_write(wire.server, 7, VA, DATA)
    do_getattr(wire, 3)


@breaks("rdma-after-invalidation")
def _(wire: Wire) -> None:
    """An RDMA WRITE after the reply has invalidated its handle."""
    segment = [Segment(7, 1001, VA)]
    read_with(wire, segment, DATA, segment, invalidate=7)
    wire.rdma_write(wire.server, 7, VA, DATA)


# Sessions


def sequence_call(slot: int, sequence: int) -> list[t.nfs_argop4]:
    args = t.SEQUENCE4args(SESSION, sequence, slot, 7, False)
    return [t.nfs_argop4(t.OP_SEQUENCE, args)]


def sequence_results(slot: int, sequence: int) -> list[t.nfs_resop4]:
    done = t.SEQUENCE4resok(SESSION, sequence, slot, 7, 7, 0)
    return [t.nfs_resop4(t.OP_SEQUENCE, t.SEQUENCE4res(0, done))]


def do_sequence(wire: Wire, xid: int, slot: int, sequence: int) -> None:
    wire.nfs_call(xid, sequence_call(slot, sequence))
    wire.nfs_reply(xid, results(xid, sequence_results(slot, sequence)))


def do_session(wire: Wire, slots: int = 4) -> None:
    attributes = t.channel_attrs4(0, 4096, 4096, 4096, 16, slots, [])
    asked = t.CREATE_SESSION4args(5, 1, 0, attributes, attributes, 0x40000000, [])
    made = t.CREATE_SESSION4resok(SESSION, 1, 0, attributes, attributes)
    wire.nfs_call(50, [t.nfs_argop4(t.OP_CREATE_SESSION, asked)])
    answered = t.nfs_resop4(t.OP_CREATE_SESSION, t.CREATE_SESSION4res(0, made))
    wire.nfs_reply(50, results(50, [answered]))


@breaks("slot-busy")
def _(wire: Wire) -> None:
    """A slot is used while it is busy."""
    do_sequence(wire, 2, 0, 7)
    wire.nfs_call(3, sequence_call(0, 8))
    wire.nfs_call(4, sequence_call(0, 9))
    for xid, sequence in ((3, 8), (4, 9)):
        wire.nfs_reply(xid, results(xid, sequence_results(0, sequence)))


@breaks("slot-sequence")
def _(wire: Wire) -> None:
    """The sequence of a slot skips one."""
    do_sequence(wire, 2, 0, 7)
    do_sequence(wire, 3, 0, 9)


@breaks("slot-sequence")
def _(wire: Wire) -> None:
    """The first sequence of a slot is not 1."""
    do_session(wire)
    do_sequence(wire, 2, 0, 2)


@breaks("slot-range")
def _(wire: Wire) -> None:
    """A slot beyond those of the session."""
    do_session(wire)
    do_sequence(wire, 2, 4, 1)


@breaks("sequence-differs")
def _(wire: Wire) -> None:
    """The result of SEQUENCE is that of another slot."""
    wire.nfs_call(2, sequence_call(3, 7))
    wire.nfs_reply(2, results(2, sequence_results(4, 7)))


@breaks("sequence-differs")
def _(wire: Wire) -> None:
    """The result of SEQUENCE is that of the request before."""
    do_sequence(wire, 2, 0, 7)
    wire.nfs_call(3, sequence_call(0, 8))
    wire.nfs_reply(3, results(3, sequence_results(0, 7)))


# What the decoder says


@breaks("bad-header")
def _(wire: Wire) -> None:
    """Garbage in the place of a chunk list."""
    wire.send(wire.client, struct.pack(">7I", 2, 1, 32, 1, 5, 0, 0))


@breaks("undecoded")
def _(wire: Wire) -> None:
    """Four octets too many behind the results."""
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()) + bytes(4))


@breaks("rdma-error")
def _(wire: Wire) -> None:
    """A call is answered with RDMA_ERROR."""
    wire.nfs_call(2, getattr_call())
    wire.send(wire.server, struct.pack(">5I", 2, 1, 32, 4, 2))
