"""What the fuzzer starts from: for each target, inputs that are as they should be."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

from tests.fuzz.targets import _PROGRAMS, record
from tests.support import nfs3, pnfs
from tests.support.captures import linux_captures
from tests.support.captures import messages as linux_messages
from tests.support.company import SPOKEN, octets
from tests.support.nfs3 import CALLS
from tests.support.rdma_wire import (
    LINK_TYPES,
    Frame,
    Wire,
    compound,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    pcapng,
    read_call,
    read_results,
    results,
    write_call,
    write_results,
)
from tests.support.tcp_wire import call, reply

from nfsrdma.dissector.messages.procedures import NFS3_NAMES
from nfsrdma.rpcrdma.roce.wire.cm_messages import RdmaCmHeader, Rep, Req, service_id
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import rpc_msg

_SEGMENTS = [Segment(7, 300, 0x1000), Segment(8, 300, 0x9000)]


def _session(encapsulation: str) -> list[Frame]:
    wire = Wire(encapsulation=encapsulation, mtu=256)
    wire.connect(PrivateData(), PrivateData())
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(501), _SEGMENTS)
    do_write(wire, 3, pattern(303), [Segment(9, 303, 0x1000)])
    return wire.frames


def file() -> Iterator[bytes]:
    for encapsulation, link in LINK_TYPES.items():
        yield pcap(_session(encapsulation), link)
    frames = _session("rocev2")
    yield pcapng(frames)
    yield pcapng(frames, order=">", resolution=6)
    yield pcap(frames, order=">", nano=True)
    yield pcap(frames, snaplen=90)
    yield gzip.compress(pcap(frames), mtime=0)


def frames() -> Iterator[bytes]:
    links = sorted(set(LINK_TYPES.values()))
    for encapsulation, link in LINK_TYPES.items():
        session = _session(encapsulation)
        yield bytes((links.index(link),)) + b"".join(record(9, frame.data) for frame in session)


def messages() -> Iterator[bytes]:
    head = bytes(encode_header(1, 32, 0))
    yield b"\1" + record(0, head + call(1)) + record(1, head + reply(1))
    data = pattern(500)
    head = bytes(encode_header(2, 32, 0, (), [Chunk(_SEGMENTS)]))
    moved = read_results(data)
    for connected in (b"\0", b"\1"):
        yield connected + b"".join(
            (
                record(0, head + compound(2, read_call(0, 500))),
                record(3, (0x1000).to_bytes(8, "big") + b"\0\0\0\7" + data[:300]),
                record(0x83, (0x9000).to_bytes(8, "big") + b"\0\0\0\10" + data[300:]),
                record(0x11, head + results(2, moved)[:-500]),
            )
        )
    whole = compound(3, write_call(0, data))
    at = whole.index(data)
    head = bytes(encode_header(3, 32, 0, [Chunk(_SEGMENTS, at)]))
    yield b"\1" + b"".join(
        (
            record(0, head + whole[:at]),
            record(5, (0x1000).to_bytes(8, "big") + b"\0\0\0\7" + data[:300]),
            record(5, (0x9000).to_bytes(8, "big") + b"\0\0\0\10" + data[300:]),
            record(7, b"\0" * 8 + b"\0\0\0\3"),
        )
    )
    yield b"\0" + record(0, encode_header(4, 32, 1, [Chunk(_SEGMENTS, 0)], (), Chunk(_SEGMENTS)))
    for proc in range(6):
        yield b"\1" + record(0, bytes.fromhex(f"0000000100000001000000200000000{proc}") + bytes(24))


def second() -> Iterator[bytes]:
    """Words of the draft's headers behind the first four; see ``targets.second``."""

    def said(xid: int, kind: int, rest: bytes, *words: int, server: bool = False) -> bytes:
        word = xid << 8 | kind << 1 | int(server)
        return record(word, b"".join(one.to_bytes(4, "big") for one in words) + rest)

    asked, answered = compound(1, getattr_call()), results(1, getattr_results())
    inline = said(1, 10, asked, 0, 0, 0, 0) + said(1, 13, answered, 0, server=True)
    yield inline
    yield (said(1, 9, asked[:40], len(asked) - 40) + said(1, 10, asked[40:], 0, 0, 0, 0)
           + said(1, 12, answered[:20], len(answered) - 20, server=True)
           + said(1, 13, answered[20:], 0, server=True))  # fmt: skip
    place = (0x1000).to_bytes(8, "big") + b"\0\0\0\7"
    external = said(1, 8, b"", 0, 1, 0, 7, len(asked), 0, 0x1000, 0, 0, 0, 0)
    yield external + record(0x23, place + asked) + said(1, 13, answered, 0, server=True)
    data = pattern(300)
    segment = (1, 1, 7, 300, 0, 0x1000)
    moved = results(2, read_results(data))
    at = moved.index(data)
    yield (said(2, 10, compound(2, read_call(0, 300)), 7, 0, *segment, 0, 0)
           + record(0x21, place + data)
           + said(2, 13, moved[:at] + moved[at + 300 :], *segment, 0, server=True))  # fmt: skip
    yield (said(3, 10, compound(3, getattr_call()), 0, 0, 0, 1, 1, 7, 300, 0, 0x1000)
           + record(0x21, place + results(3, getattr_results()))
           + said(3, 11, b"", 0, 1, 1, 7, len(answered), 0, 0x1000, server=True))  # fmt: skip
    yield said(0, 7, b"abc\0", 2, 2, 4, 4096, 6, 3) + said(0, 5, b"", server=True) + inline
    for error in range(13):
        yield said(1, 10, asked, 0, 0, 0, 0) + said(1, 4, b"", error, 1, 2, server=True)


def _linux_bodies() -> Iterator[tuple[int, bytes, bytes]]:
    """Arguments and results of calls of Linux peers, one of each length that there is."""
    seen = set()
    for path in linux_captures():
        if not path.exists():
            continue
        calls: dict[int, bytes] = {}
        for message in linux_messages(path)[0]:
            inline = message.data[28:]
            if message.data[16:28] != bytes(12) or len(inline) > 2000:
                continue
            try:
                dec = Decoder(memoryview(inline))
                decoded = rpc_msg.decode(dec)
            except XdrError:
                continue
            xid = int.from_bytes(inline[:4], "big")
            if int(decoded.body.mtype) == 0:
                calls[xid] = inline[dec.offset :]
            elif xid in calls and len(calls[xid]) not in seen:
                seen.add(len(calls[xid]))
                yield (1, calls[xid], inline[dec.offset :])


def body(word: int, arguments: bytes, found: bytes) -> bytes:
    """One call and its reply."""
    return record(word, len(arguments).to_bytes(2, "big") + arguments + found)


def bodies() -> Iterator[bytes]:
    # Behind the 24 octets of a call's header come its credential and its verifier.
    skip = len(compound(1, [])) - 12
    for asked, answered in (
        (getattr_call(), getattr_results()),
        (read_call(0, 64), read_results(pattern(64))),
        (write_call(0, pattern(64)), write_results(64)),
    ):
        yield body(1, compound(1, asked)[skip:], results(1, answered)[24:])
    for word, arguments, found in _linux_bodies():
        yield body(word, arguments, found)
    for number, name in enumerate(NFS3_NAMES):
        if name in CALLS:
            arguments, done = CALLS[name]
            yield body(
                0x100 | number, _encoded(arguments), _encoded(nfs3.result_of(name, done))
            )  # fmt: skip

    programs = {key: index for index, key in enumerate(_PROGRAMS)}
    for spoken in SPOKEN:
        if (spoken.program, spoken.version) not in programs:
            continue
        word = programs[spoken.program, spoken.version] << 8 | spoken.procedure
        yield body(word, octets(spoken.arguments), octets(spoken.result))
    for asked, answered in pnfs.operations():
        yield body(1, compound(1, [asked])[skip:], results(1, [answered])[24:])
    for asked, answered in pnfs.callbacks():
        yield body(
            0x201,
            octets(t.CB_COMPOUND4args(b"", 1, 0, [asked])),
            octets(t.CB_COMPOUND4res(0, b"", [answered])),
        )


def _encoded(value: Any) -> bytes:
    enc = Encoder()
    value.encode(enc)
    return enc.to_bytes()


def stream() -> Iterator[bytes]:
    for flags in (0, 0x80, 0x82):
        yield bytes((flags,)) + record(0xFF02, call(1)) + record(0x2003, reply(1))
    yield b"\0" + record(4, call(1)) + record(5, reply(1))


def tls() -> Iterator[bytes]:
    talk = record(0xFF08, call(1)) + record(0x4009, reply(1))
    yield talk
    yield record(2, b"") + record(3, b"") + talk
    yield record(0x2028, call(1)) + talk + record(4, b"\x17\3\3\0\5hello") + record(16, b"\4\0\0\0")


def iwarp() -> Iterator[bytes]:
    head = bytes(encode_header(1, 32, 0))
    for flags in (0x1A, 0x1B, 0x1E, 2, 3, 0):
        yield bytes((flags,)) + record(2, head + call(1)) + record(3, head + reply(1))
        yield bytes((flags,)) + record(5, pattern(99)) + record(0, pattern(40))


def cm() -> Iterator[bytes]:
    head = RdmaCmHeader("10.0.0.1", 40000, "10.0.0.2").encode()
    said = PrivateData().encode()
    request = Req(local_comm_id=5, service_id=service_id(20049), local_ca_guid=1, local_qpn=0x11,
                  starting_psn=1, local_gid=bytes(16), remote_gid=bytes(16), path_mtu=3,
                  private_data=head + said)  # fmt: skip
    accepted = Rep(local_comm_id=6, remote_comm_id=5, local_qpn=0x22, starting_psn=7,
                   local_ca_guid=2, private_data=said)  # fmt: skip
    yield record(0, request.encode()) + record(3 << 1 | 1, accepted.encode())
    for attribute in range(16):
        yield record(attribute << 1, pattern(232))


def expression() -> Iterator[bytes]:
    for text in (
        'nfs.opcode in {READ, 9 .. 25} and not (nfs.name contains "a" or rpc.time > 0.5)',
        "rpcordma.msg_type == 1 && ip.src == 10.0.0.1",
        'nfs.name matches "^a+$" || nfs.eof == true',
        "frame.number >= 0x10 and nfs.opcode != 3",
        "ipv6.src == fe80::1",
    ):
        yield text.encode()


SEEDS = {maker.__name__: maker for maker in (file, frames, messages, second, bodies, stream, tls,
                                             iwarp, cm, expression)}  # fmt: skip
SEEDS["pair"] = messages  # the same traffic, seen twice
