"""The server's lane answers as the machine does, and leaves the same behind."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.captures import ROOT
from tests.support.dissection import dissect
from tests.support.lanes import Twins, chosen, damaged
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    ROOT_USER,
    Op,
    Session,
    access,
    close,
    compound_message,
    getattr_,
    lock,
    lookup,
    mkdir,
    open_,
    open_downgrade,
    putfh,
    read,
    setattr_,
    write,
)

from nfsrdma.dissector.tracking.model import Message
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import decode_call, decode_reply, encode_call
from nfsrdma.rpcrdma.transport.header import RDMA_MSG, HeaderLimits, decode_header
from nfsrdma.server.engine import lane
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t

ALICE = Credentials.sys(1000, 1000)
STAT = (t.FATTR4_TYPE, t.FATTR4_CHANGE, t.FATTR4_SIZE, t.FATTR4_FILEID, t.FATTR4_MODE)


@pytest.fixture(autouse=True, params=["compiled", "in Python"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the twins is the lane once."""
    if request.param == "in Python":
        monkeypatch.setattr(lane, "_lane", None)
    elif not lane.native:
        pytest.skip("the compiled lane is not built, or NFSRDMA_NATIVE=0")


def opened(twins: Twins, **attrs: Any) -> tuple[Session, t.stateid4, bytes]:
    """A session with a file open, and everything seen before: the lane knows them."""
    session = twins.session(**attrs)
    stateid, handle = session.create(b"file", bytes(range(256)) * 40)
    session.ok(putfh(handle), read(stateid, 0, 16))
    return session, stateid, handle


def test_the_lane_takes_the_common_shape() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    for operation in (
        read(stateid, 0, 4096),
        read(t.stateid4(0, stateid.other), 4097, 1000),
        read(stateid, 10_000, 4096),  # up to the end
        write(stateid, b"abc", 3),
        write(stateid, bytes(5000), 100_000),
        getattr_(*STAT),
        getattr_(t.FATTR4_OWNER, t.FATTR4_TIME_CREATE, 77),
    ):
        before = twins.taken
        session.ok(putfh(handle), operation)
        assert twins.taken == before + 1, operation


def test_the_lane_places_data() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    before = twins.taken
    for offset, count, room in ((0, 4096, 4096), (3, 9999, 10_000), (10_000, 9999, 1 << 20)):
        at = session.sequence()
        twins.send(at, putfh(handle), read(stateid, offset, count), payload_room=[room])
    assert twins.taken == before + 3
    # What is more than the chunk holds, what is no READ, and what comes with more chunks.
    twins.send(session.sequence(), putfh(handle), read(stateid, 0, 4096), payload_room=[100])
    twins.send(session.sequence(), putfh(handle), getattr_(*STAT), payload_room=[4096])
    twins.send(session.sequence(), putfh(handle), write(stateid, b"x"), payload_room=[4096])
    both = write(stateid, b"x"), getattr_(*STAT)
    twins.send(session.sequence(), putfh(handle), *both, payload_room=[4096])
    twins.send(session.sequence(), putfh(handle), read(stateid, 0, 99), payload_room=[100, 100])
    twins.send(session.sequence(), putfh(handle), read(stateid, 0, 99), payload_room=[0])
    assert twins.taken == before + 3


def test_the_lane_takes_what_linux_writes() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    before = twins.taken
    for size in (1, 4096, 5000):
        session.ok(putfh(handle), write(stateid, bytes(size), 77), getattr_(*STAT))
    assert twins.taken == before + 3
    session.run(putfh(handle), write(stateid, b"x"), getattr_(t.FATTR4_TIME_MODIFY_SET))
    session.run(putfh(handle), write(stateid, b"x"), getattr_(t.FATTR4_SPACE_FREE))
    session.run(putfh(handle), write(stateid, b"x"), read(stateid, 0, 10))
    session.run(putfh(handle), write(stateid, b"x"), getattr_(*STAT), getattr_(*STAT))
    twins.send(session.sequence(), putfh(handle), write(stateid, b"x"), getattr_(*STAT), room=900)
    assert twins.taken == before + 3


ACCESS = 0x1FF


def test_the_lane_looks_up() -> None:
    twins = Twins()
    session, _, handle = opened(twins)
    folder = session.mkdir(b"folder")
    session.ok(putfh(folder), mkdir(b"below"))
    root = session.ok(PUTROOTFH, GETFH)[2].object
    session.ok(putfh(root), getattr_(*STAT))
    session.ok(putfh(folder), getattr_(*STAT))
    for directory, name in ((root, b"file"), (root, b"folder"), (folder, b"below")):
        before = twins.taken
        session.ok(putfh(directory), lookup(name), getattr_(*STAT))
        found = session.ok(putfh(directory), lookup(name), GETFH, getattr_(*STAT))[3].object
        session.ok(putfh(found), getattr_(*STAT))
        assert twins.taken >= before + 2, name
    before = twins.taken
    for operations in (
        (lookup(b"none"), getattr_(*STAT)),
        (lookup(b""), getattr_(*STAT)),
        (lookup(b".."), getattr_(*STAT)),
        (lookup(b"a/b"), getattr_(*STAT)),
        (lookup(b"x" * 256), GETFH, getattr_(*STAT)),
        (lookup(b"file"),),
        (lookup(b"file"), GETFH),
        (lookup(b"file"), GETFH, GETFH),
        (lookup(b"file"), getattr_(*STAT), GETFH),
        (lookup(b"file"), getattr_(t.FATTR4_ACL)),
        (lookup(b"folder"), lookup(b"below"), getattr_(*STAT)),
    ):
        session.run(putfh(root), *operations)
    session.fails(t.NFS4ERR_NOTDIR, putfh(handle), lookup(b"below"), getattr_(*STAT))
    session.ok(putfh(folder), setattr_({t.FATTR4_MODE: 0o700}))
    alice = {"credentials": ALICE}
    session.fails(t.NFS4ERR_ACCESS, putfh(folder), lookup(b"below"), getattr_(*STAT), **alice)
    assert twins.taken == before


def test_the_lane_tells_rights() -> None:
    twins = Twins()
    session, _, handle = opened(twins)
    folder = session.mkdir(b"folder")
    session.ok(putfh(folder), getattr_(*STAT))
    session.ok(putfh(handle), access(ACCESS), credentials=ALICE)
    before = twins.taken
    for mode in (0o644, 0o200, 0o755, 0):
        for wanted in (handle, folder):
            session.ok(putfh(wanted), setattr_({t.FATTR4_MODE: mode}))
            for credentials in (ROOT_USER, ALICE):
                how = {"credentials": credentials}
                session.ok(putfh(wanted), access(ACCESS), getattr_(*STAT), **how)
                session.ok(putfh(wanted), access(ACCESS), **how)
                session.ok(putfh(wanted), access(0), minor=1, **how)
    assert twins.taken == before + 4 * 2 * 2 * 3
    for server in twins.servers:
        server.namespace.root.export.read_only = True
    session.ok(putfh(folder), access(ACCESS), getattr_(*STAT))
    assert twins.taken == before + 49
    session.run(putfh(folder), access(ACCESS), GETFH)
    session.run(putfh(folder), access(ACCESS), getattr_(*STAT), getattr_(*STAT))
    assert twins.taken == before + 49


def test_who_watches_is_told_by_the_machine_what_is_looked_up() -> None:
    twins = Twins()
    session, _, _ = opened(twins)
    root = session.ok(PUTROOTFH, GETFH)[2].object
    session.ok(putfh(root), getattr_(*STAT))
    for server in twins.servers:
        server.tally.watch(0.0)
    before = twins.taken
    session.ok(putfh(root), lookup(b"file"), getattr_(*STAT))
    session.ok(putfh(root), access(1), getattr_(*STAT))
    assert twins.taken == before + 1
    ours, theirs = (server.tally.watch(0.0) for server in twins.servers)
    assert [work for _, work in ours.files.values()] == [work for _, work in theirs.files.values()]
    assert list(ours.files) == list(theirs.files)


def cases(stateid: t.stateid4, handle: bytes) -> dict[str, tuple[Op, ...]]:
    """What is not for the lane."""
    other = t.stateid4(0, b"nobody's1234")
    return {
        "special stateid": (putfh(handle), read(ANONYMOUS, 0, 10)),
        "unknown stateid": (putfh(handle), read(other, 0, 10)),
        "old stateid": (putfh(handle), read(t.stateid4(9, stateid.other), 0, 10)),
        "beyond the end": (putfh(handle), read(stateid, 1 << 40, 10)),
        "last offset": (putfh(handle), read(stateid, (1 << 64) - 1, 10)),
        "nothing": (putfh(handle), read(stateid, 0, 0)),
        "more than is granted": (putfh(handle), read(stateid, 0, 1 << 24)),
        "nothing to write": (putfh(handle), write(stateid, b"")),
        "to be durable": (putfh(handle), write(stateid, b"x", 0, t.FILE_SYNC4)),
        "no such stability": (putfh(handle), write(stateid, b"x", 0, 3)),
        "past the last offset": (putfh(handle), write(stateid, b"xy", (1 << 64) - 1)),
        "too large": (putfh(handle), write(stateid, b"xy", (1 << 63) - 1)),
        "no such handle": (putfh(handle[:-1] + b"?"), getattr_(*STAT)),
        "no handle": (putfh(b""), getattr_(*STAT)),
        "long handle": (putfh(bytes(128)), getattr_(*STAT)),
        "two operations": (putfh(handle), getattr_(*STAT), getattr_(*STAT)),
        "one operation": (putfh(handle),),
        "another operation": (putfh(handle), GETFH),
        "no operation": (putfh(handle), (99, None)),
        "what is only set": (putfh(handle), getattr_(t.FATTR4_TIME_MODIFY_SET)),
        "room": (putfh(handle), getattr_(t.FATTR4_SPACE_FREE)),
        "access control list": (putfh(handle), getattr_(t.FATTR4_ACL)),
        "root": (PUTROOTFH, getattr_(*STAT)),
    }


@pytest.mark.parametrize("case", cases(t.stateid4(1, bytes(12)), bytes(16)))
def test_the_machine_answers_what_is_not(case: str) -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    before = twins.taken
    session.run(*cases(stateid, handle)[case])
    assert twins.taken == before
    # And the lane goes on behind it.
    session.ok(putfh(handle), read(stateid, 0, 4096))
    assert twins.taken == before + 1


def test_what_is_on_another_server_is_moved() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    for server in twins.servers:
        server.namespace.root.export.absent = True
    session.fails(t.NFS4ERR_MOVED, putfh(handle), read(stateid, 0, 10))
    session.fails(t.NFS4ERR_MOVED, putfh(handle), write(stateid, b"x"))
    session.fails(t.NFS4ERR_MOVED, putfh(handle), getattr_(*STAT))


def test_a_server_that_drains_delays() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    for server in twins.servers:
        server._core.draining = True
    session.fails(t.NFS4ERR_DELAY, putfh(handle), write(stateid, b"not any more"))
    session.fails(t.NFS4ERR_DELAY, putfh(handle), write(stateid, b"nor so"), getattr_(*STAT))
    session.ok(putfh(handle), read(stateid, 0, 10))


def test_repetitions_are_the_machines() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    session.ok(putfh(handle), read(stateid, 0, 100))
    before = twins.taken
    for seqid in (session.seqid, session.seqid - 1, session.seqid + 2):
        twins.send(session.sequence(seqid=seqid), putfh(handle), read(stateid, 0, 100))
    twins.send(session.sequence(seqid=session.seqid), putfh(handle), read(stateid, 0, 101))
    twins.send(session.sequence(cache=True), putfh(handle), read(stateid, 0, 100))
    twins.send(session.sequence(seqid=session.seqid), putfh(handle), read(stateid, 0, 100))
    assert twins.taken == before


def test_rights_are_the_callers() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o600}))
    before = twins.taken
    for operation in (read(stateid, 0, 10), write(stateid, b"mine")):
        session.fails(t.NFS4ERR_ACCESS, putfh(handle), operation, credentials=ALICE)
    assert twins.taken == before


def test_what_has_ended_is_not_remembered() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins)
    reading = t.OPEN4_SHARE_ACCESS_READ
    again = session.ok(PUTROOTFH, open_(b"file", reading))[2].stateid
    assert again.other == stateid.other
    session.ok(putfh(handle), open_downgrade(again, reading))
    latest = t.stateid4(0, stateid.other)
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(latest, b"x"))
    session.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), read(stateid, 0, 10))
    session.ok(putfh(handle), read(latest, 0, 10))
    session.ok(putfh(handle), close(latest))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(latest, 0, 10))
    for server in twins.servers:
        server.registry.expire(server.registry.clients.confirmed()[0])
    assert session.run(putfh(handle), getattr_(*STAT)).status == t.NFS4ERR_BADSESSION


def test_the_reply_has_to_fit() -> None:
    twins = Twins()
    session, stateid, handle = opened(twins, response=4200)
    for count in range(4060, 4110):
        session.run(putfh(handle), read(stateid, 0, count))
    for room in range(4180, 4230, 2):
        twins.send(session.sequence(), putfh(handle), read(stateid, 0, 4096), room=room)
        session.seqid = twins.servers[0].registry.session(session.id).slot(0).seqid
    assert twins.taken > 20


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_is_answered_as_by_the_machine(seed: int) -> None:
    rng = Random(seed)
    twins = Twins()
    session, stateid, handle = opened(twins, slots=4)
    stateids, handles = [stateid], [handle]
    for name in (b"second", b"third"):
        other, its = session.create(name, rng.randbytes(rng.randrange(9000)), owner=name)
        stateids.append(other)
        handles.append(its)
    locked = session.ok(putfh(handle), lock(stateid))[2]
    stateids += [locked.lock_stateid, ANONYMOUS]
    handles.append(session.mkdir(b"folder"))
    root = session.ok(PUTROOTFH, GETFH)[2].object
    session.ok(putfh(root), getattr_(*STAT))
    seqids = [session.seqid, 0, 0, 0]
    for _ in range(150):
        slot = rng.randrange(4)
        sid = chosen(rng, stateids[0], stateids)
        at = chosen(rng, putfh(handles[0]), [putfh(each) for each in handles])
        operation = rng.choice(
            (
                read(sid, rng.choice((0, 5000, 1 << 33)), rng.randrange(8000)),
                write(sid, rng.randbytes(rng.randrange(3000)), rng.randrange(12_000)),
                getattr_(*rng.sample(STAT, 3)),
                lookup(rng.choice((b"second", b"folder", b"none", b"", b"a/b"))),
                access(rng.randrange(1 << 10)),
            )
        )
        behind: tuple[Op, ...] = ()
        if operation[0] in (t.OP_WRITE, t.OP_LOOKUP, t.OP_ACCESS) and rng.random() < 0.8:
            behind = (getattr_(*STAT),)
        if operation[0] == t.OP_LOOKUP:
            at = chosen(rng, putfh(root), [at])
            behind = chosen(rng, behind, ((GETFH, *behind), (GETFH,)))
        seqid = chosen(rng, seqids[slot] + 1, (seqids[slot], seqids[slot] + 2))
        message = compound_message(
            (session.sequence(slot, seqid, rng.random() < 0.1), at, operation, *behind),
            chosen(rng, 2, (0, 1, 3)),
            b"",
            chosen(rng, ROOT_USER, (ALICE, Credentials.sys(0, 5))),
            xid=rng.getrandbits(32),
        )
        sent = chosen(rng, message, (damaged(message, rng), message))
        twins.message(sent, payload_room=chosen(rng, (), ([4096], [0], [1 << 16], [8, 8])))
        twins.advance(rng.choice((0.0, 0.5, 10.0)))
        slots = twins.servers[0].registry.session(session.id)._slots
        seqids = [known.seqid for known in slots] + [0] * (4 - len(slots))
    assert twins.taken > 30
    contents = [server.namespace.root.export.fs for server in twins.servers]
    assert twins.files == contents
    for each in handles[:3]:
        session.seqid = seqids[0]
        session.ok(putfh(each), read(ANONYMOUS, 0, 1 << 16))
        seqids[0] += 1


class Replayed:
    """A captured conversation, its calls sent anew to the twins with handles of their own."""

    def __init__(self, twins: Twins) -> None:
        self._twins = twins
        self._session = twins.session(slots=1)
        self._handles: dict[bytes, bytes] = {}
        self._others: dict[bytes, bytes] = {}

    def call(self, args: t.COMPOUND4args, reply: t.COMPOUND4res | None) -> None:
        """Send one call that begins with SEQUENCE, and learn what its results are called here."""
        for op in args.argarray:
            if op.argop == t.OP_PUTFH:
                op.value.object = self._handles.get(op.value.object, op.value.object)
            elif op.argop == t.OP_SEQUENCE:
                op.value = self._session.sequence()[1]
        enc = Encoder()
        encode_call(enc, 7, t.NFS4_PROGRAM, t.NFS_V4, 1, ROOT_USER.to_auth())
        args.encode(enc)
        octets = enc.to_bytes()
        for theirs, ours in self._others.items():
            octets = octets.replace(theirs, ours)
        answer = self._twins.message(octets)
        assert answer.outcome == "reply"
        dec = Decoder(answer.message)
        decode_reply(dec)
        ours_results = t.COMPOUND4res.decode(dec).resarray
        for theirs_op, ours_op in zip(reply.resarray if reply else (), ours_results, strict=False):
            self._learn(theirs_op, ours_op)

    def _learn(self, theirs: Any, ours: Any) -> None:
        one, other = (getattr(each.value, "value", None) for each in (theirs, ours))
        if one is None or other is None:
            return
        if theirs.resop == t.OP_GETFH:
            self._handles[one.object] = other.object
        elif theirs.resop == t.OP_OPEN:
            self._others[one.stateid.other] = other.stateid.other


def conversation(path: Path) -> list[tuple[t.COMPOUND4args, t.COMPOUND4res | None]]:
    """The calls of a capture that came in one piece and begin with SEQUENCE, and their replies."""
    found = []
    for exchange in dissect(path).exchanges:
        dec = None if exchange.callback else in_one_piece(exchange.call)
        if dec is None:
            continue
        call = decode_call(dec)
        if (call.prog, call.proc) != (t.NFS4_PROGRAM, 1):
            continue
        args = t.COMPOUND4args.decode(dec)
        if args.argarray and args.argarray[0].argop == t.OP_SEQUENCE:
            reply = in_one_piece(exchange.reply)
            if reply is not None:
                decode_reply(reply)
            found.append((args, reply and t.COMPOUND4res.decode(reply)))
    return found


def in_one_piece(message: Message | None) -> Decoder | None:
    """A decoder of an RPC message without chunks."""
    if message is None or message.view is None:
        return None
    header = decode_header(message.view, HeaderLimits())
    if header.proc != RDMA_MSG or header.read_list or header.write_list:
        return None
    return Decoder(bytes(message.view[header.size :]))


FOLDER = ROOT / "tests/data/captures/linux"
LINUX = sorted(set(FOLDER.glob("*client-v4*.pcap")) - set(FOLDER.glob("*tcp*")))


def test_captured_calls_are_answered_alike() -> None:
    taken = 0
    for path in LINUX:
        twins = Twins()
        replayed = Replayed(twins)
        done = conversation(path)
        for args, reply in done:
            replayed.call(args, reply)
        assert len(done) > 20
        taken += twins.taken
    assert taken > 5


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from nfsrdma.server.config import ServerConfig

    monkeypatch.setenv("NFSRDMA_LANES", "0")
    assert not ServerConfig().lanes
    monkeypatch.delenv("NFSRDMA_LANES")
    assert ServerConfig().lanes
