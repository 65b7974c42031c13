"""What is said in RPC-over-RDMA version 2 (draft-ietf-nfsv4-rpcrdma-version-two-09, 6)."""

from __future__ import annotations

import struct

from tests.corpus import talk
from tests.corpus.scene import Payload, Rpc, Scene, Segment, pattern, reduced
from tests.support.rdma_wire import (
    compound,
    getattr_call,
    getattr_results,
    read_call,
    read_results,
    results,
    write_call,
    write_results,
)

ERROR, GRANT, PROPERTIES = 4, 5, 7
CALL_EXTERNAL, CALL_MIDDLE, CALL = 8, 9, 10
REPLY_EXTERNAL, REPLY_MIDDLE, REPLY = 11, 12, 13
_NO_CHUNKS = (0, 0, 0)


def head(xid: int, kind: int, *words: int) -> bytes:
    """A header, of words only."""
    return struct.pack(f">{4 + len(words)}I", xid, 2, 32, kind, *words)


def words_of(segments: list[Segment]) -> list[int]:
    """A chunk with the word that says that it is there."""
    found = [1, len(segments)]
    for handle, length, address in segments:
        found += [handle, length, address >> 32, address & 0xFFFFFFFF]
    return found


def entries_of(segments: list[Segment], position: int) -> list[int]:
    """A chunk as a Read list has it, without the list's end."""
    found = []
    for handle, length, address in segments:
        found += [1, position, handle, length, address >> 32, address & 0xFFFFFFFF]
    return found


def properties(scene: Scene) -> None:
    """Both sides say how much they receive; the server grants credits by itself."""
    for sender, size in ((scene.client, 4096), (scene.server, 8192)):
        scene.send(sender, head(0, PROPERTIES) + struct.pack(">4I", 1, 2, 4, size))
    scene.send(scene.server, head(0, GRANT))


def _begun(scene: Scene, xid: int, names: list[str], octets: bytes) -> Rpc:
    rpc = Rpc(xid, names)
    rpc.call = scene.send(scene.client, octets)
    scene.rpcs.append(rpc)
    return rpc


def getattr_(scene: Scene, xid: int) -> None:
    octets = head(xid, CALL, 0, *_NO_CHUNKS) + compound(xid, getattr_call())
    rpc = _begun(scene, xid, ["PUTFH", "GETATTR"], octets)
    rpc.reply = scene.send(scene.server, head(xid, REPLY, 0) + results(xid, getattr_results()))


def continued(scene: Scene, xid: int) -> None:
    """A call and a reply, each in two SENDs."""
    asked, answered = compound(xid, getattr_call()), results(xid, getattr_results())
    before = scene.send(scene.client, head(xid, CALL_MIDDLE, len(asked) - 40) + asked[:40])
    octets = head(xid, CALL, 0, *_NO_CHUNKS) + asked[40:]
    rpc = _begun(scene, xid, ["PUTFH", "GETATTR"], octets)
    rpc.call = before + rpc.call
    before = scene.send(scene.server, head(xid, REPLY_MIDDLE, len(answered) - 20) + answered[:20])
    rpc.reply = before + scene.send(scene.server, head(xid, REPLY, 0) + answered[20:])


def read(scene: Scene, xid: int, data: bytes, segments: list[Segment]) -> None:
    """READ into a Write chunk, whose first handle the reply may invalidate."""
    asked = head(xid, CALL, segments[0].handle, 0, *words_of(segments), 0, 0)
    rpc = _begun(scene, xid, ["PUTFH", "READ"], asked + compound(xid, read_call(0, len(data))))
    rpc.payloads.append(Payload("READ", 0, data))
    used = scene.spread(rpc.payloads[0], segments, scene.put)
    body = reduced(results(xid, read_results(data)), data)
    answer = head(xid, REPLY, *words_of(used), 0) + body
    rpc.reply = scene.send(scene.server, answer, invalidate=segments[0].handle)


def write(scene: Scene, xid: int, data: bytes, segments: list[Segment]) -> None:
    """WRITE from a Read chunk."""
    whole = compound(xid, write_call(0, data))
    chunk = entries_of(segments, whole.index(data))
    octets = head(xid, CALL, 0, *chunk, *_NO_CHUNKS) + reduced(whole, data)
    rpc = _begun(scene, xid, ["PUTFH", "WRITE"], octets)
    rpc.payloads.append(Payload("WRITE", 0, data))
    scene.spread(rpc.payloads[0], segments, scene.get)
    rpc.reply = scene.send(
        scene.server, head(xid, REPLY, 0) + results(xid, write_results(len(data)))
    )


def long_call(scene: Scene, xid: int) -> None:
    """A call that is in a chunk, all of it."""
    asked = compound(xid, getattr_call())
    room = [talk.segment(len(asked), 21)]
    octets = head(xid, CALL_EXTERNAL, 0, *entries_of(room, 0), 0, *_NO_CHUNKS)
    rpc = _begun(scene, xid, ["PUTFH", "GETATTR"], octets)
    scene.spread(Payload("", 0, asked), room, scene.get)
    rpc.reply = scene.send(scene.server, head(xid, REPLY, 0) + results(xid, getattr_results()))


def long_reply(scene: Scene, xid: int) -> None:
    """READDIR, whose reply is in the Reply chunk."""
    asked, body = talk.readdir_octets(xid, 20)
    room = [talk.segment(4096, 22)]
    octets = head(xid, CALL, 0, 0, 0, *words_of(room)) + asked
    rpc = _begun(scene, xid, ["PUTFH", "READDIR"], octets)
    rpc.payloads.append(Payload("READDIR", 0, body))
    used = scene.spread(rpc.payloads[0], room, scene.put)
    rpc.reply = scene.send(scene.server, head(xid, REPLY_EXTERNAL, 0, *words_of(used)))


def everything(scene: Scene) -> None:
    """One of each."""
    properties(scene)
    getattr_(scene, 1)
    continued(scene, 2)
    read(scene, 3, pattern(700, 3), [talk.segment(400, 7), talk.segment(300, 8, 1)])
    write(scene, 4, pattern(601, 4), [talk.segment(601, 9)])
    long_call(scene, 5)
    long_reply(scene, 6)
