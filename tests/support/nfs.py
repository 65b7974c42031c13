"""An NFS server without a network, and peers that talk to it in compounds.

server = make_server()
peer = Peer(server)
session = peer.session(b"me")
session.ok(PUTROOTFH, lookup(b"a"), GETFH)
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from nfsrdma.rpcrdma.budget import unbounded
from nfsrdma.rpcrdma.rpc import channel as rpc_channel
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.authority import Policy
from nfsrdma.server.callback import Connect
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.engine.offload import Threads
from nfsrdma.server.owners import Database
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, encode_fattr4
from nfsrdma.xdr.nfs4.errors import name_of
from nfsrdma.xdr.nfs4.ops import OPERATIONS
from nfsrdma.xdr.rpc import AUTH_ERROR, MSG_DENIED

Op = tuple[int, Any]

ROOT_USER = Credentials.sys(0, 0)
LEASE = 90.0
CURRENT = t.stateid4(1, bytes(12))
ANONYMOUS = t.stateid4(0, bytes(12))
BYPASS = t.stateid4(0xFFFFFFFF, b"\xff" * 12)


class FakeReactor:
    """A reactor whose time moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._count = 0
        self.soon: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> _Timer:
        timer = _Timer(callback, args)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, timer = heapq.heappop(self._timers)
            timer.run()
        self.now = end

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self.soon.append((callback, args))

    def turn(self) -> None:
        """Call what is to be called soon, but not what that asks for."""
        for _ in range(len(self.soon)):
            callback, args = self.soon.popleft()
            callback(*args)

    def add_reader(self, *_: Any) -> None:
        raise AssertionError("the server has no descriptors to watch")

    remove_reader = add_writer = remove_writer = add_reader


class _Timer:
    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._callback: Callable[..., object] | None = callback
        self._args = args

    def run(self) -> None:
        if self._callback is not None:
            self._callback(*self._args)

    def cancel(self) -> None:
        self._callback = None


class Clock:
    """Nanoseconds that go up with every look."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1000
        return self.now


EVERYONE = Policy()
"""Takes every user's calls, as a server run by root does."""


def open_export(name: str, fs: FileSystem) -> Export:
    """An export for every host and user, root among them."""
    return Export(name, fs, squash=Squash.NONE, networks=[ANY])


def make_server(
    *exports: Export,
    fs: FileSystem | None = None,
    store: RecoveryStore | None = None,
    reactor: FakeReactor | None = None,
    config: ServerConfig | None = None,
    seed: int = 1,
    threads: Threads | None = None,
    policy: Policy | None = EVERYONE,
    connect: Connect | None = None,
    people: Database | None = None,
) -> NfsService:
    """A server of these exports, or of one file system as the root, for everybody as he is."""
    if not exports:
        exports = (open_export("", fs or MemoryFileSystem(Clock())),)
    config = config or ServerConfig(times=LeaseTimes(lease=LEASE, grace=LEASE))
    return NfsService(
        exports,
        reactor or FakeReactor(),
        random.Random(seed),
        config=config,
        store=store,
        threads=threads,
        policy=policy,
        connect=connect,
        people=people,
    )


class FakeChannel:
    """A connection that carries nothing."""

    def __init__(self, address: str = "127.0.0.1", uid: int | None = None) -> None:
        self.peer = rpc_channel.Peer("tcp", address, 1023, uid)
        self.account = unbounded()
        self.relied_on = False
        self.max_message = 1 << 20
        self.closed = False
        self.callbacks: list[tuple[Encoder, Future[Decoder]]] = []
        self._unanswered: list[Future[Decoder]] = []
        self._callbacks: list[Callable[[str], None]] = []

    def call(self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()) -> Any:
        """A callback: kept for the test to answer."""
        reply: Future[Decoder] = Future()
        if self.closed:
            reply.set_error(rpc_channel.TransportError("closed"))
        else:
            self.callbacks.append((message, reply))
            self._unanswered.append(reply)
        return reply

    def close(self, reason: str = "closed") -> None:
        self.closed = True
        for reply in self._unanswered:
            if not reply.done():
                reply.set_error(rpc_channel.TransportError(reason))
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(reason)

    def on_close(self, callback: Callable[[str], None]) -> None:
        self._callbacks.append(callback)


class Incoming:
    """A call as a transport would hand it in; it keeps what became of it."""

    def __init__(
        self, message: bytes, channel: FakeChannel, room: int, payload_room: Sequence[int]
    ) -> None:
        self.decoder = Decoder(message)
        self.channel = channel
        self.reply_room = room
        self.payload_room = payload_room
        self.reduced = False
        self.encoder: Encoder | None = None
        self.outcome = ""

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        assert not self.outcome, "answered twice"
        self.outcome = "reply"
        self.encoder = message
        self.message = message.to_bytes()
        if on_sent is not None:
            on_sent()

    @property
    def denied(self) -> int | None:
        """The ``auth_stat`` for which the call was denied; None if it was accepted."""
        dec = Decoder(self.message)
        words = [dec.uint32() for _ in range(5)]
        return words[4] if words[2:4] == [MSG_DENIED, AUTH_ERROR] else None

    def payload_target(self, index: int, size: int) -> memoryview | None:
        return None

    def refuse(self) -> None:
        assert not self.outcome, "answered twice"
        self.outcome = "refused"

    def drop(self) -> None:
        assert not self.outcome, "answered twice"
        self.outcome = "dropped"


def by_lane(server: NfsService, incoming: Incoming) -> bool:
    """Try the short way first, as transports do; whether it has answered."""
    lane = rpc_channel.lane_of(server.service)
    rooms = incoming.payload_room
    if lane is None or len(rooms) > 1 or 0 in rooms:
        return False
    taken: list[memoryview] = []
    placed: list[memoryview] = []

    def take(octets: int) -> memoryview:
        taken.append(memoryview(bytearray(b"\xa5" * octets)))
        return taken[0]

    def place(octets: int) -> memoryview | None:
        if octets > rooms[0]:
            return None
        placed.append(memoryview(bytearray(b"\xa5" * octets)))
        return placed[0]

    message = incoming.decoder.peek(1 << 30)
    place_or_not = place if rooms else None
    octets = lane(incoming.channel, message, incoming.reply_room, take, place_or_not)
    if octets:
        assert len(taken) == 1
        assert len(taken[0]) == octets
        enc = Encoder()
        enc.buffer += taken[0]
        if placed:
            del enc.buffer[-4:]
            enc.payload(placed[0])
        incoming.reply(enc)
    return octets > 0


def serve(server: NfsService, incoming: Incoming) -> None:
    """Hand a call in, and turn the loop until it is answered or nothing more happens."""
    if not by_lane(server, incoming):
        server.service(incoming)
    reactor = server._reactor
    while not incoming.outcome and isinstance(reactor, FakeReactor) and reactor.soon:
        reactor.turn()


class Reply:
    """A COMPOUND's reply, taken apart. ``body`` is what the slot would repeat."""

    def __init__(self, incoming: Incoming) -> None:
        assert incoming.outcome == "reply", incoming.outcome
        dec = Decoder(incoming.message)
        header = [dec.uint32() for _ in range(6)]
        self.accept_status = header[5]
        self.body = incoming.message[24:]
        assert self.accept_status == 0, f"accept_stat {self.accept_status}"
        self.result = t.COMPOUND4res.decode(dec)
        dec.done()
        self.status = self.result.status
        self.tag = self.result.tag
        self.ops = [result.resop for result in self.result.resarray]
        results = [result.value for result in self.result.resarray]
        self.statuses = [_status(result) for result in results]
        self.values = [getattr(result, "value", result) for result in results]

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    def __repr__(self) -> str:
        return f"{name_of(self.status)} {self.result.resarray}"


def _status(result: Any) -> int:
    return int(getattr(result, result.__slots__[0]))


def compound_message(
    ops: Sequence[Op],
    minor: int,
    tag: bytes,
    credentials: Credentials,
    count: int | None = None,
    xid: int = 7,
) -> bytes:
    """A whole RPC call; ``count`` may lie about the number of operations."""
    enc = Encoder()
    for word in (xid, 0, 2, 100003, 4, 1):
        enc.uint32(word)
    auth = credentials.to_auth()
    enc.uint32(auth.flavor)
    enc.opaque(auth.body)
    enc.uint32(0)
    enc.opaque(b"")
    encode_compound(enc, ops, minor, tag, count)
    return enc.to_bytes()


def encode_compound(
    enc: Encoder, ops: Sequence[Op], minor: int = 2, tag: bytes = b"", count: int | None = None
) -> None:
    """Append COMPOUND4args; arguments that are octets go as they are."""
    enc.opaque(tag)
    enc.uint32(minor)
    enc.uint32(len(ops) if count is None else count)
    for number, arguments in ops:
        enc.uint32(number)
        spec = OPERATIONS.get(number)
        if isinstance(arguments, bytes):
            enc.buffer += arguments
        elif arguments is not None and spec is not None:
            spec.encode_arguments(enc, arguments)


class Peer:
    """Someone who sends calls over one connection."""

    def __init__(
        self,
        server: NfsService,
        credentials: Credentials = ROOT_USER,
        address: str = "127.0.0.1",
        uid: int | None = None,
    ) -> None:
        self.server = server
        self.credentials = credentials
        self.channel = FakeChannel(address, uid)

    def send(
        self,
        *ops: Op,
        minor: int = 2,
        tag: bytes = b"",
        credentials: Credentials | None = None,
        room: int = 8 << 20,
        payload_room: Sequence[int] = (),
        count: int | None = None,
        xid: int = 7,
    ) -> Incoming:
        """Send a compound; what became of it."""
        message = compound_message(ops, minor, tag, credentials or self.credentials, count, xid)
        incoming = Incoming(message, self.channel, room, payload_room)
        serve(self.server, incoming)
        assert incoming.outcome, "no answer"
        return incoming

    def call(self, *ops: Op, **how: Any) -> Reply:
        """Send a compound; its reply."""
        return Reply(self.send(*ops, **how))

    def exchange_id(
        self, owner: bytes, verifier: bytes = b"verifier", flags: int = 0, **how: Any
    ) -> Reply:
        return self.call(exchange_id(owner, verifier, flags), **how)

    def session(self, owner: bytes = b"client", *, complete: bool = True, **attrs: Any) -> Session:
        """A new session of a client, new or not, that has reclaimed what it wanted."""
        reply = self.exchange_id(owner)
        assert reply.status == t.NFS4_OK, reply
        client_id, sequence = reply[0].eir_clientid, reply[0].eir_sequenceid
        reply = self.call(create_session(client_id, sequence, **attrs))
        assert reply.status == t.NFS4_OK, reply
        session = Session(self, client_id, reply[0])
        if complete:
            done = session.run(reclaim_complete())
            assert done.status in (t.NFS4_OK, t.NFS4ERR_COMPLETE_ALREADY), done
        return session


class Session:
    """A session of a peer. ``run`` sends a SEQUENCE, on one slot, before what it is given."""

    def __init__(self, peer: Peer, client_id: int, created: t.CREATE_SESSION4resok) -> None:
        self.peer = peer
        self.client_id = client_id
        self.id = created.csr_sessionid
        self.created = created
        self.seqid = 0

    def sequence(self, slot: int = 0, seqid: int | None = None, cache: bool = False) -> Op:
        if seqid is None:
            self.seqid += 1
            seqid = self.seqid
        return t.OP_SEQUENCE, t.SEQUENCE4args(self.id, seqid, slot, slot, cache)

    def run(self, *ops: Op, cache: bool = False, **how: Any) -> Reply:
        """A compound in the session. The reply begins with SEQUENCE's result."""
        return self.peer.call(self.sequence(cache=cache), *ops, **how)

    def ok(self, *ops: Op, **how: Any) -> Reply:
        """The same; it has to succeed."""
        reply = self.run(*ops, **how)
        assert reply.status == t.NFS4_OK, reply
        return reply

    def fails(self, status: int, *ops: Op, **how: Any) -> Reply:
        """The same; the last of the results has to be that failure."""
        reply = self.run(*ops, **how)
        assert name_of(reply.status) == name_of(status), reply
        assert reply.statuses[-1] == status
        return reply

    # What nearly every test does

    def create(self, name: bytes, data: bytes = b"", **how: Any) -> tuple[t.stateid4, bytes]:
        """Create a file in the root and leave it open: its stateid and handle."""
        reply = self.ok(PUTROOTFH, open_(name, create=t.UNCHECKED4, **how), GETFH)
        stateid, handle = reply[2].stateid, reply[3].object
        if data:
            self.ok(putfh(handle), write(stateid, data))
        return stateid, handle

    def mkdir(self, name: bytes, parent: Op | None = None) -> bytes:
        reply = self.ok(parent or PUTROOTFH, mkdir(name), GETFH)
        return bytes(reply[3].object)

    def read(self, handle: bytes, stateid: t.stateid4 = ANONYMOUS) -> bytes:
        reply = self.ok(putfh(handle), read(stateid, 0, 1 << 16))
        return bytes(reply[2].data)

    def attributes(self, handle: bytes, *numbers: int) -> dict[int, Any]:
        reply = self.ok(putfh(handle), getattr_(*numbers))
        return decode_fattr4(reply[2].obj_attributes)


# Operations

PUTROOTFH: Op = (t.OP_PUTROOTFH, None)
PUTPUBFH: Op = (t.OP_PUTPUBFH, None)
GETFH: Op = (t.OP_GETFH, None)
SAVEFH: Op = (t.OP_SAVEFH, None)
RESTOREFH: Op = (t.OP_RESTOREFH, None)
LOOKUPP: Op = (t.OP_LOOKUPP, None)
READLINK: Op = (t.OP_READLINK, None)


def channel_attributes(
    request: int = 1 << 20,
    response: int = 1 << 20,
    cached: int = 8192,
    operations: int = 64,
    slots: int = 8,
) -> t.channel_attrs4:
    return t.channel_attrs4(0, request, response, cached, operations, slots, [])


def exchange_id(owner: bytes, verifier: bytes = b"verifier", flags: int = 0) -> Op:
    return t.OP_EXCHANGE_ID, t.EXCHANGE_ID4args(
        t.client_owner4(verifier, owner), flags, t.state_protect4_a(t.SP4_NONE), []
    )


def create_session(client_id: int, sequence: int, flags: int = 0, **attrs: Any) -> Op:
    fore = channel_attributes(**attrs)
    return t.OP_CREATE_SESSION, t.CREATE_SESSION4args(
        client_id, sequence, flags, fore, channel_attributes(), 0x40000000, []
    )


def destroy_session(session_id: bytes) -> Op:
    return t.OP_DESTROY_SESSION, t.DESTROY_SESSION4args(session_id)


def destroy_clientid(client_id: int) -> Op:
    return t.OP_DESTROY_CLIENTID, t.DESTROY_CLIENTID4args(client_id)


def reclaim_complete(one_fs: bool = False) -> Op:
    return t.OP_RECLAIM_COMPLETE, t.RECLAIM_COMPLETE4args(one_fs)


def putfh(handle: bytes) -> Op:
    return t.OP_PUTFH, t.PUTFH4args(handle)


def lookup(name: bytes) -> Op:
    return t.OP_LOOKUP, t.LOOKUP4args(name)


def bitmap(*numbers: int) -> list[int]:
    words = [0] * (max(numbers, default=0) // 32 + 1)
    for number in numbers:
        words[number // 32] |= 1 << number % 32
    return words


def getattr_(*numbers: int) -> Op:
    return t.OP_GETATTR, t.GETATTR4args(bitmap(*numbers))


def setattr_(values: dict[int, Any], stateid: t.stateid4 = ANONYMOUS) -> Op:
    return t.OP_SETATTR, t.SETATTR4args(stateid, encode_fattr4(values))


def access(bits: int) -> Op:
    return t.OP_ACCESS, t.ACCESS4args(bits)


def mkdir(name: bytes, values: dict[int, Any] | None = None) -> Op:
    return make(t.createtype4(t.NF4DIR), name, values)


def symlink(name: bytes, target: bytes) -> Op:
    return make(t.createtype4(t.NF4LNK, target), name)


def make(kind: t.createtype4, name: bytes, values: dict[int, Any] | None = None) -> Op:
    return t.OP_CREATE, t.CREATE4args(kind, name, encode_fattr4(values or {}))


def remove(name: bytes) -> Op:
    return t.OP_REMOVE, t.REMOVE4args(name)


def rename(old: bytes, new: bytes) -> Op:
    return t.OP_RENAME, t.RENAME4args(old, new)


def link(name: bytes) -> Op:
    return t.OP_LINK, t.LINK4args(name)


def readdir(
    cookie: int = 0,
    verifier: bytes = bytes(8),
    dircount: int = 0,
    maxcount: int = 1 << 16,
    numbers: Sequence[int] = (),
) -> Op:
    return t.OP_READDIR, t.READDIR4args(cookie, verifier, dircount, maxcount, bitmap(*numbers))


def open_(
    name: bytes | None = None,
    access: int = t.OPEN4_SHARE_ACCESS_BOTH,
    deny: int = 0,
    *,
    owner: bytes = b"owner",
    create: int | None = None,
    values: dict[int, Any] | None = None,
    verifier: bytes = b"exclusiv",
    claim: t.open_claim4 | None = None,
) -> Op:
    """OPEN: by name if one is given, else of the current file; ``create`` is a ``createmode4``."""
    if create is None:
        how = t.openflag4(t.OPEN4_NOCREATE)
    else:
        attributes = encode_fattr4(values or {})
        arms: dict[int, Any] = {
            t.EXCLUSIVE4: verifier,
            t.EXCLUSIVE4_1: t.creatverfattr(verifier, attributes),
        }
        how = t.openflag4(t.OPEN4_CREATE, t.createhow4(create, arms.get(create, attributes)))
    if claim is None:
        claim = t.open_claim4(t.CLAIM_FH) if name is None else t.open_claim4(t.CLAIM_NULL, name)
    open_owner = t.open_owner4(0, owner)
    return t.OP_OPEN, t.OPEN4args(0, access, deny, open_owner, how, claim)


def close(stateid: t.stateid4) -> Op:
    return t.OP_CLOSE, t.CLOSE4args(0, stateid)


def open_downgrade(stateid: t.stateid4, access: int, deny: int = 0) -> Op:
    return t.OP_OPEN_DOWNGRADE, t.OPEN_DOWNGRADE4args(stateid, 0, access, deny)


def read(stateid: t.stateid4, offset: int = 0, count: int = 4096) -> Op:
    return t.OP_READ, t.READ4args(stateid, offset, count)


def write(stateid: t.stateid4, data: bytes, offset: int = 0, stable: int = t.UNSTABLE4) -> Op:
    return t.OP_WRITE, t.WRITE4args(stateid, offset, stable, data)


def commit(offset: int = 0, count: int = 0) -> Op:
    return t.OP_COMMIT, t.COMMIT4args(offset, count)


def lock(
    stateid: t.stateid4,
    offset: int = 0,
    length: int = (1 << 64) - 1,
    kind: int = t.WRITE_LT,
    *,
    owner: bytes | None = b"locker",
    reclaim: bool = False,
) -> Op:
    """LOCK by a new lock owner through an open, or, without an owner, by a lock's stateid."""
    if owner is None:
        locker = t.locker4(False, t.exist_lock_owner4(stateid, 0))
    else:
        opening = t.open_to_lock_owner4(0, stateid, 0, t.lock_owner4(0, owner))
        locker = t.locker4(True, opening)
    return t.OP_LOCK, t.LOCK4args(kind, reclaim, offset, length, locker)


def lockt(
    offset: int = 0,
    length: int = (1 << 64) - 1,
    kind: int = t.WRITE_LT,
    owner: bytes = b"tester",
) -> Op:
    return t.OP_LOCKT, t.LOCKT4args(kind, offset, length, t.lock_owner4(0, owner))


def locku(stateid: t.stateid4, offset: int = 0, length: int = (1 << 64) - 1) -> Op:
    return t.OP_LOCKU, t.LOCKU4args(t.WRITE_LT, 0, stateid, offset, length)


def free_stateid(stateid: t.stateid4) -> Op:
    return t.OP_FREE_STATEID, t.FREE_STATEID4args(stateid)


def test_stateid(*stateids: t.stateid4) -> Op:
    return t.OP_TEST_STATEID, t.TEST_STATEID4args(list(stateids))


test_stateid.__test__ = False  # type: ignore[attr-defined]
