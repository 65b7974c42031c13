"""A peer that sends whatever it likes: it gets NFS errors, and the server goes on."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.nfs import (
    ANONYMOUS,
    BYPASS,
    CURRENT,
    GETFH,
    LOOKUPP,
    PUTROOTFH,
    READLINK,
    RESTOREFH,
    SAVEFH,
    FakeChannel,
    Incoming,
    Peer,
    Reply,
    Session,
    access,
    close,
    commit,
    compound_message,
    free_stateid,
    getattr_,
    link,
    lock,
    lockt,
    locku,
    lookup,
    make,
    make_server,
    mkdir,
    open_,
    open_downgrade,
    putfh,
    read,
    readdir,
    reclaim_complete,
    remove,
    rename,
    serve,
    setattr_,
    symlink,
    test_stateid,
    write,
)

from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.ops import OPERATIONS

NAMES = st.sampled_from([b"a", b"b", b"c", b"d", b"", b".", b"..", b"a/b", b"\0", b"x" * 300])
NUMBERS = st.sampled_from([0, 1, 2, 3, 7, 100, 1 << 16, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
SHORT = st.sampled_from([0, 1, 2, 3, 4, 5, 100, 1 << 31, (1 << 32) - 1])


class Memory:
    """Stateids and handles that the server gave, for use in the wrong places."""

    def __init__(self) -> None:
        self.stateids: list[t.stateid4] = [ANONYMOUS, BYPASS, CURRENT, t.stateid4(1, b"x" * 12)]
        self.handles: list[bytes] = [b"", b"x" * 128]


@st.composite
def operation(draw: st.DrawFn, memory: Memory) -> tuple[int, Any]:
    def number() -> int:
        return draw(NUMBERS)

    def short() -> int:
        return draw(SHORT)

    name = draw(NAMES)
    stateid = memory.stateids[draw(st.integers(0, 1000)) % len(memory.stateids)]
    handle = memory.handles[draw(st.integers(0, 1000)) % len(memory.handles)]
    builders = [
        lambda: PUTROOTFH,
        lambda: GETFH,
        lambda: SAVEFH,
        lambda: RESTOREFH,
        lambda: LOOKUPP,
        lambda: READLINK,
        lambda: putfh(handle),
        lambda: lookup(name),
        lambda: getattr_(*draw(st.lists(st.integers(0, 90), max_size=8))),
        lambda: setattr_({t.FATTR4_SIZE: number()}, stateid),
        lambda: setattr_({t.FATTR4_MODE: short()}, stateid),
        lambda: access(short()),
        lambda: mkdir(name),
        lambda: symlink(name, name),
        lambda: make(t.createtype4(t.NF4CHR, t.specdata4(short(), short())), name),
        lambda: remove(name),
        lambda: rename(name, draw(NAMES)),
        lambda: link(name),
        lambda: readdir(number(), draw(st.binary(min_size=8, max_size=8)), short(), short()),
        lambda: open_(name, short(), short(), create=draw(st.sampled_from([None, 0, 1, 2, 3]))),
        lambda: open_(None, short(), short()),
        lambda: close(stateid),
        lambda: open_downgrade(stateid, short(), short()),
        lambda: read(stateid, number(), short()),
        lambda: write(stateid, draw(st.binary(max_size=50)), number(), short() & 3),
        lambda: commit(number(), short()),
        lambda: lock(stateid, number(), number(), short() & 0x7FFFFFFF),
        lambda: lock(stateid, number(), number(), owner=None),
        lambda: lockt(number(), number(), short() & 0x7FFFFFFF),
        lambda: locku(stateid, number(), number()),
        lambda: free_stateid(stateid),
        lambda: test_stateid(stateid, stateid),
        lambda: reclaim_complete(draw(st.booleans())),
        lambda: (t.OP_ALLOCATE, t.ALLOCATE4args(stateid, number(), number())),
        lambda: (t.OP_DEALLOCATE, t.DEALLOCATE4args(stateid, number(), number())),
        lambda: (t.OP_SEEK, t.SEEK4args(stateid, number(), short() & 0x7FFFFFFF)),
        lambda: (t.OP_SECINFO, t.SECINFO4args(name)),
        lambda: (draw(st.integers(0, 80)), draw(st.binary(max_size=64).map(_whole_words))),
    ]
    return draw(st.sampled_from(builders))()


def _whole_words(data: bytes) -> bytes:
    return data[: len(data) & ~3]


def _learn(memory: Memory, session: Session, ops: list[tuple[int, Any]], reply: Any) -> None:
    for number, value in zip(reply.ops, reply.values, strict=True):
        if number == t.OP_GETFH and hasattr(value, "object"):
            memory.handles.append(value.object)
        for name in ("stateid", "lock_stateid", "open_stateid"):
            found = getattr(value, name, None)
            if isinstance(found, t.stateid4):
                memory.stateids.append(found)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.data())
def test_any_compound_gets_a_proper_answer(data: st.DataObject) -> None:
    fs = MemoryFileSystem(iter(range(1 << 60)).__next__, capacity=1 << 20, max_files=50)
    session = Peer(make_server(fs=fs)).session()
    memory = Memory()
    fails = {t.NFS4ERR_SERVERFAULT, t.NFS4ERR_IO}
    for _ in range(12):
        ops = [data.draw(operation(memory)) for _ in range(data.draw(st.integers(1, 6)))]
        room = data.draw(st.sampled_from([1 << 20, 1000, 400, 250]))
        sequence = session.sequence(cache=data.draw(st.booleans()))
        incoming = session.peer.send(sequence, PUTROOTFH, *ops, room=room)
        if incoming.outcome == "refused":
            session.seqid -= 1
            continue
        assert len(incoming.message) <= room
        reply = Reply(incoming)
        assert reply.status not in fails, (ops, reply)
        assert len(reply.ops) <= len(ops) + 2
        _learn(memory, session, ops, reply)
    session.ok(PUTROOTFH)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_octets_after_the_header(tail: bytes, count: int) -> None:
    peer = Peer(make_server())
    message = compound_message([], 2, b"", peer.credentials, count) + tail
    incoming = Incoming(message, FakeChannel(), 1 << 20, ())
    serve(peer.server, incoming)
    assert incoming.outcome == "reply"


def test_damaged_messages() -> None:
    rng = random.Random(5)
    peer = Peer(make_server())
    session = peer.session()
    for round_ in range(400):
        ops = [PUTROOTFH, mkdir(b"%d" % round_), getattr_(1, 3, 4), readdir(), GETFH]
        message = bytearray(compound_message([session.sequence(), *ops], 2, b"", peer.credentials))
        for _ in range(rng.randrange(1, 4)):
            message[rng.randrange(40, len(message))] = rng.randrange(256)
        cut = rng.choice([len(message), rng.randrange(len(message)) & ~3])
        incoming = Incoming(bytes(message[:cut]), FakeChannel(), 1 << 20, ())
        serve(peer.server, incoming)
        assert incoming.outcome in ("reply", "dropped")
        # The slot may or may not have moved on.
        session.seqid = session.peer.server.registry.sessions[session.id].slot(0).seqid
    session.ok(PUTROOTFH)


def test_every_operation_with_random_arguments() -> None:
    rng = random.Random(6)
    session = Peer(make_server()).session()
    _, handle = session.create(b"f", b"data")
    for number in OPERATIONS:
        if number in (t.OP_SEQUENCE, t.OP_DESTROY_SESSION):
            continue
        for size in (0, 4, 8, 16, 40, 100):
            arguments = rng.randbytes(size)
            reply = session.run(putfh(handle), SAVEFH, PUTROOTFH, (number, arguments))
            assert reply.status != t.NFS4ERR_SERVERFAULT, (number, arguments)
    session.ok(PUTROOTFH)
