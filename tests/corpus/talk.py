"""What the two sides of the scenarios say: calls and replies of NFS, complete with their RDMA."""

from __future__ import annotations

import struct
from typing import Any

from tests.corpus.scene import Payload, Rpc, Scene, pattern, reduced
from tests.support.company import Spoken, octets
from tests.support.rdma_wire import (
    CREDENTIAL,
    STATEID,
    compound,
    getattr_call,
    getattr_results,
    read_call,
    read_results,
    results,
    write_call,
    write_results,
)

from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.xdr import Encoder, link
from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import rpc_gss_init_arg, rpc_gss_init_res

HANDLE = b"handle-of-a-file"
VA = 0x7F00_0000_1000
SESSION = bytes(range(16))
CALLBACK_PROGRAM = 0x40000000


def segment(size: int, handle: int = 7, place: int = 0) -> Segment:
    """So many octets, ``place`` pages into memory."""
    return Segment(handle, size, VA + place * 4096)


def rpc_call(
    xid: int, program: int, version: int, procedure: int, credential: OpaqueAuth = CREDENTIAL
) -> bytes:
    enc = Encoder()
    encode_call(enc, xid, program, version, procedure, credential)
    return enc.to_bytes()


def rpc_reply(xid: int) -> bytes:
    enc = Encoder()
    encode_accepted(enc, xid)
    return enc.to_bytes()


def null(scene: Scene, xid: int, callback: bool = False) -> None:
    program, version = (CALLBACK_PROGRAM, 1) if callback else (100003, 4)
    rpc = scene.call(xid, [], rpc_call(xid, program, version, 0), callback=callback)
    scene.answer(rpc, rpc_reply(xid))


def getattr_(scene: Scene, xid: int) -> Rpc:
    rpc = scene.call(xid, ["PUTFH", "GETATTR"], compound(xid, getattr_call()))
    scene.answer(rpc, results(xid, getattr_results()))
    return rpc


def begin_read(scene: Scene, xid: int, data: bytes, segments: list[Segment], offset: int) -> Rpc:
    rpc = scene.call(
        xid, ["PUTFH", "READ"], compound(xid, read_call(offset, len(data))),
        write=[Chunk(segments)],
    )  # fmt: skip
    rpc.payloads.append(Payload("READ", offset, data))
    return rpc


def end_read(scene: Scene, rpc: Rpc, used: list[Segment], invalidate: int | None = None) -> None:
    data = rpc.payloads[0].data
    body = reduced(results(rpc.xid, read_results(data)), data)
    scene.answer(rpc, body, write=[Chunk(used)], invalidate=invalidate)


def read(
    scene: Scene, xid: int, data: bytes, segments: list[Segment] | None = None, offset: int = 4096
) -> Rpc:
    """READ into a Write chunk."""
    rpc = begin_read(scene, xid, data, segments or [segment(len(data))], offset)
    used = scene.spread(rpc.payloads[0], segments or [segment(len(data))], scene.put)
    end_read(scene, rpc, used)
    return rpc


def begin_write(scene: Scene, xid: int, data: bytes, segments: list[Segment], offset: int) -> Rpc:
    whole = compound(xid, write_call(offset, data))
    chunk = Chunk(segments, whole.index(data))
    rpc = scene.call(xid, ["PUTFH", "WRITE"], reduced(whole, data), read=[chunk])
    rpc.payloads.append(Payload("WRITE", offset, data))
    return rpc


def end_write(scene: Scene, rpc: Rpc) -> None:
    scene.answer(rpc, results(rpc.xid, write_results(len(rpc.payloads[0].data))))


def write(
    scene: Scene, xid: int, data: bytes, segments: list[Segment] | None = None, offset: int = 8192
) -> Rpc:
    """WRITE from a Read chunk."""
    segments = segments or [segment(len(data), 9)]
    rpc = begin_write(scene, xid, data, segments, offset)
    scene.spread(rpc.payloads[0], segments, scene.get)
    end_write(scene, rpc)
    return rpc


def entries(count: int) -> list[t.entry4]:
    attributes = t.fattr4([0x18], struct.pack(">QQ", 7, 4096))
    return [t.entry4(3 + index, b"entry-%03d" % index, attributes) for index in range(count)]


def readdir_octets(xid: int, count: int) -> tuple[bytes, bytes]:
    """A call of READDIR and its reply."""
    call = [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(HANDLE)),
        t.nfs_argop4(t.OP_READDIR, t.READDIR4args(0, bytes(8), 4096, 8192, [0x18])),
    ]
    listing = t.READDIR4resok(bytes(8), t.dirlist4(link(entries(count)), True))
    body = results(
        xid,
        [
            t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
            t.nfs_resop4(t.OP_READDIR, t.READDIR4res(0, listing)),
        ],
    )
    return compound(xid, call), body


def readdir(scene: Scene, xid: int, count: int = 30) -> None:
    """READDIR, its whole reply in a Reply chunk."""
    asked, body = readdir_octets(xid, count)
    room = segment(8192, 0x55)
    rpc = scene.call(xid, ["PUTFH", "READDIR"], asked, reply=Chunk([room]))
    rpc.payloads.append(Payload("READDIR", 0, body))
    used = scene.spread(rpc.payloads[0], [room], scene.put)
    scene.answer(rpc, b"", reply=Chunk(used))


def long_call(scene: Scene, xid: int) -> None:
    """A call that is too long to be inline, in a Position-Zero Read chunk."""
    names = ["PUTFH", "LOOKUP"] * 20
    ops = [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(HANDLE)),
        t.nfs_argop4(t.OP_LOOKUP, t.LOOKUP4args(b"n" * 200)),
    ] * 20
    body = compound(xid, ops)
    part = segment(len(body), 0x66)
    rpc = scene.call(xid, names, b"", read=[Chunk([part], 0)])
    scene.get(Payload("", 0, body), 0, part, body)
    failed = [
        t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
        t.nfs_resop4(t.OP_LOOKUP, t.LOOKUP4res(t.NFS4ERR_NOENT)),
    ]
    scene.answer(rpc, results(xid, failed, t.NFS4ERR_NOENT), status=t.NFS4ERR_NOENT)


def lookups(xid: int, count: int = 7) -> tuple[bytes, list[str], bytes]:
    """A call with long names, the names of its operations, and its reply."""
    ops = [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(HANDLE)),
        t.nfs_argop4(t.OP_LOOKUP, t.LOOKUP4args(b"n" * 200)),
    ] * count
    done = [
        t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
        t.nfs_resop4(t.OP_LOOKUP, t.LOOKUP4res(0)),
    ] * count
    return compound(xid, ops), ["PUTFH", "LOOKUP"] * count, results(xid, done)


def long_send(scene: Scene, xid: int) -> None:
    """A call of several packets, inline."""
    call, names, reply = lookups(xid, 3)
    scene.answer(scene.call(xid, names, call), reply)


def recall_call(xid: int) -> bytes:
    enc = Encoder()
    encode_call(enc, xid, CALLBACK_PROGRAM, 1, 1, OpaqueAuth(0, b""))
    ops = [
        t.nfs_cb_argop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4args(SESSION, 1, 0, 0, False, [])),
        t.nfs_cb_argop4(t.OP_CB_RECALL, t.CB_RECALL4args(STATEID, False, HANDLE)),
    ]
    t.CB_COMPOUND4args(b"", 1, 0, ops).encode(enc)
    return enc.to_bytes()


def recall_reply(xid: int) -> bytes:
    enc = Encoder()
    encode_accepted(enc, xid)
    done = t.CB_SEQUENCE4resok(SESSION, 1, 0, 0, 0)
    ops = [
        t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(0, done)),
        t.nfs_cb_resop4(t.OP_CB_RECALL, t.CB_RECALL4res(0)),
    ]
    t.CB_COMPOUND4res(0, b"", ops).encode(enc)
    return enc.to_bytes()


def recall(scene: Scene, xid: int) -> None:
    """A callback that takes back a delegation."""
    rpc = scene.call(xid, ["CB_SEQUENCE", "CB_RECALL"], recall_call(xid), callback=True)
    scene.answer(rpc, recall_reply(xid))


def read3(scene: Scene, xid: int, data: bytes) -> None:
    """READ of NFS version 3, into a Write chunk."""
    enc = Encoder()
    nfs3.READ3args(nfs3.nfs_fh3(HANDLE), 4096, len(data)).encode(enc)
    part = segment(len(data))
    rpc = scene.call(
        xid, ["READ"], rpc_call(xid, 100003, 3, 6) + enc.to_bytes(), write=[Chunk([part])]
    )
    rpc.payloads.append(Payload("READ", 4096, data))
    used = scene.spread(rpc.payloads[0], [part], scene.put)
    enc = Encoder()
    found = nfs3.READ3resok(nfs3.post_op_attr(False), len(data), True, data)
    nfs3.READ3res(0, found).encode(enc)
    scene.answer(rpc, reduced(rpc_reply(xid) + enc.to_bytes(), data), write=[Chunk(used)])


def write3(scene: Scene, xid: int, data: bytes) -> None:
    """WRITE of NFS version 3, from a Read chunk."""
    enc = Encoder()
    nfs3.WRITE3args(nfs3.nfs_fh3(HANDLE), 0, len(data), 2, data).encode(enc)
    whole = rpc_call(xid, 100003, 3, 7) + enc.to_bytes()
    part = segment(len(data), 9)
    rpc = scene.call(xid, ["WRITE"], reduced(whole, data), read=[Chunk([part], whole.index(data))])
    rpc.payloads.append(Payload("WRITE", 0, data))
    scene.spread(rpc.payloads[0], [part], scene.get)
    nothing = nfs3.wcc_data(nfs3.pre_op_attr(False), nfs3.post_op_attr(False))
    enc = Encoder()
    nfs3.WRITE3res(0, nfs3.WRITE3resok(nothing, len(data), 2, bytes(8))).encode(enc)
    scene.answer(rpc, rpc_reply(xid) + enc.to_bytes())


def lookup3(scene: Scene, xid: int) -> None:
    """LOOKUP of NFS version 3, of a name that is not there."""
    enc = Encoder()
    nfs3.LOOKUP3args(nfs3.diropargs3(nfs3.nfs_fh3(HANDLE), b"absent")).encode(enc)
    rpc = scene.call(xid, ["LOOKUP"], rpc_call(xid, 100003, 3, 3) + enc.to_bytes())
    enc = Encoder()
    failed = nfs3.LOOKUP3resfail(nfs3.post_op_attr(False))
    nfs3.LOOKUP3res(nfs3.NFS3ERR_NOENT, failed).encode(enc)
    scene.answer(rpc, rpc_reply(xid) + enc.to_bytes(), status=nfs3.NFS3ERR_NOENT)


def procedure(scene: Scene, xid: int, spoken: Spoken) -> None:
    """One procedure of what goes beside NFS."""
    name = next(word for word in spoken.said.split()[1:])
    head = rpc_call(xid, spoken.program, spoken.version, spoken.procedure)
    rpc = scene.call(xid, [name], head + octets(spoken.arguments))
    scene.answer(rpc, rpc_reply(xid) + octets(spoken.result), status=max(0, spoken.status))


def operation(scene: Scene, xid: int, asked: Any, answered: Any) -> None:
    """One operation on a file."""
    call = [t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(HANDLE)), asked]
    names = ["PUTFH", t.nfs_opnum4(asked.argop).name.removeprefix("OP_")]
    rpc = scene.call(xid, names, compound(xid, call))
    done = [t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)), answered]
    scene.answer(rpc, results(xid, done))


def callback(scene: Scene, xid: int, asked: Any, answered: Any) -> None:
    """One operation of a callback."""
    enc = Encoder()
    encode_call(enc, xid, CALLBACK_PROGRAM, 1, 1, OpaqueAuth(0, b""))
    sequence = t.nfs_cb_argop4(
        t.OP_CB_SEQUENCE, t.CB_SEQUENCE4args(SESSION, xid, 0, 0, False, [])
    )  # fmt: skip
    t.CB_COMPOUND4args(b"", 1, 0, [sequence, asked]).encode(enc)
    names = ["CB_SEQUENCE", t.nfs_cb_opnum4(asked.argop).name.removeprefix("OP_")]
    rpc = scene.call(xid, names, enc.to_bytes(), callback=True)
    done = t.CB_SEQUENCE4res(0, t.CB_SEQUENCE4resok(SESSION, xid, 0, 0, 0))
    enc = Encoder()
    encode_accepted(enc, xid)
    t.CB_COMPOUND4res(0, b"", [t.nfs_cb_resop4(t.OP_CB_SEQUENCE, done), answered]).encode(enc)
    scene.answer(rpc, enc.to_bytes())


_KRB5 = bytes.fromhex("06092a864886f712010202")


def context(scene: Scene) -> None:
    """RPCSEC_GSS_INIT and its answer, a GETATTR with integrity, RPCSEC_GSS_DESTROY."""
    names = ("RPCSEC_GSS_INIT", "RPCSEC_GSS_CONTINUE_INIT", "RPCSEC_GSS_DESTROY")
    asked = bytes((0x60, 200)) + _KRB5 + b"\1\0" + pattern(185)
    told = bytes((0x60, 100)) + _KRB5 + b"\2\0" + pattern(87)
    for xid, (number, major) in enumerate(((1, 1), (2, 0)), 1):
        credential = OpaqueAuth(6, struct.pack(">5I", 1, number, 0, 1, 0))
        body = rpc_call(xid, 100003, 4, 0, credential) + octets(rpc_gss_init_arg(asked))
        rpc = scene.call(xid, [names[number - 1]], body)
        done = rpc_gss_init_res(b"ctx!", major, 0, 128, told)
        scene.answer(rpc, rpc_reply(xid) + octets(done), status=major)
    protected(scene, 3, 2)
    credential = OpaqueAuth(6, struct.pack(">5I", 1, 3, 4, 1, 4) + b"ctx!")
    rpc = scene.call(4, [names[2]], rpc_call(4, 100003, 4, 0, credential))
    scene.answer(rpc, rpc_reply(4))


def protected(scene: Scene, xid: int, service: int) -> None:
    """GETATTR under RPCSEC_GSS with integrity (2) or privacy (3), as RFC 2203 wraps it."""
    credential = OpaqueAuth(6, struct.pack(">5I", 1, 0, xid, service, 4) + b"ctx!")
    names = ["PUTFH", "GETATTR"] if service == 2 else []
    inner = compound(xid, getattr_call())[len(rpc_call(xid, 100003, 4, 1)) :]
    answered = results(xid, getattr_results())[len(rpc_reply(xid)) :]
    rpc = scene.call(
        xid, names, rpc_call(xid, 100003, 4, 1, credential) + _wrapped(xid, inner, service)
    )
    scene.answer(rpc, rpc_reply(xid) + _wrapped(xid, answered, service))


def _wrapped(sequence: int, inner: bytes, service: int) -> bytes:
    if service == 3:
        sealed = bytes(octet ^ 0xA5 for octet in inner)
        return struct.pack(">I", len(sealed)) + sealed + bytes(-len(sealed) % 4)
    body = struct.pack(">I", sequence) + inner
    mic = pattern(28)
    return struct.pack(">I", len(body)) + body + struct.pack(">I", len(mic)) + mic
