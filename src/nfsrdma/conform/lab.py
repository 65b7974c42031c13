"""What a test has: connections, sessions and files of its own, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from nfsrdma.rpcrdma.providers.fates import Fate, Meddled
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Reactor
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.header import RDMA_MSG, RDMA_NOMSG, RpcRdmaHeader
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.xdr.nfs4 import types as t

from . import nfs
from .case import Failed, NotApplicable, expect
from .memory import Offer
from .nfs import Call, Op, Results
from .outside import Outside
from .packets import Seen, Watch
from .peer import INLINE, Gone, RawPeer, Silence, Unasked
from .wire import Entry, Message, header, words

_REST: Final = 4096
"""Octets of a request or a reply for what is not data."""
GRACE_S: Final = 0.15
"""How long is waited for what must not come, once what must come after it is there."""


@dataclass(frozen=True, slots=True)
class Target:
    """The server under test: where it is, who we are there, and the directory for our files."""

    address: str
    port: int
    path: tuple[bytes, ...] = ()
    credentials: Credentials = field(default_factory=lambda: Credentials.sys(0, 0))


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to a call: its header, and the RPC message wherever that was."""

    message: Message
    header: RpcRdmaHeader
    body: bytes
    placed: list[bytes]
    """What was written to each Write chunk."""

    def results(self, call: Call) -> Results:
        """Decode the COMPOUND's results. Raises ``Failed``."""
        return nfs.decode_results(self.body, call, self.placed)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a call was answered: ``accepted``, ERR_CHUNK, or an error of RPC by its name."""

    how: str
    message: Message
    body: bytes | None = None
    """The RPC message of a reply that has a result."""
    placed: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """How a call was answered that might be refused: ``served``, ERR_CHUNK, an error's name."""

    how: str
    message: Message
    results: Results | None = None

    @property
    def served(self) -> bool:
        """Whether everything in the call was done."""
        return self.how == "served"


class Lab:
    """The surroundings of one test. Everything that it makes is ended with it."""

    def __init__(
        self,
        device: Device,
        reactor: Reactor,
        rng: Random,
        target: Target,
        *,
        name: str,
        timeout_s: float,
        watch: Watch | None,
        meddling: Meddled | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.outside = outside or Outside()
        self.device = device
        self.reactor = reactor
        self.rng = rng
        self.target = target
        self.name = name
        self.timeout_s = timeout_s
        self.watch = watch
        self._meddling = meddling
        self.peers: list[RawPeer] = []
        self.sessions: list[Session] = []
        self.files: list[File] = []
        self.leftovers: list[tuple[bytes, bytes]] = []
        """What is to be removed, the last first: the handle of a directory (empty for that of the
        URL), and a name."""

    def xid(self) -> int:
        """Return a new XID."""
        return self.rng.getrandbits(32)

    def new_peer(
        self,
        *,
        receive_size: int = INLINE,
        receives: int = 64,
        on_message: Callable[[Message], bool] | None = None,
    ) -> RawPeer:
        """Return an end that is not connected yet."""
        peer = RawPeer(
            self.device,
            self.reactor,
            self.rng,
            timeout_s=self.timeout_s,
            receive_size=receive_size,
            receives=receives,
            on_message=on_message,
        )
        self.peers.append(peer)
        return peer

    async def peer(
        self,
        *,
        private_data: bytes | None = None,
        receive_size: int = INLINE,
        receives: int = 64,
        on_message: Callable[[Message], bool] | None = None,
    ) -> RawPeer:
        """Return a connection to the server."""
        peer = self.new_peer(receive_size=receive_size, receives=receives, on_message=on_message)
        await peer.connect(self.target.address, self.target.port, private_data=private_data)
        return peer

    async def session(self, peer: RawPeer | None = None, **how: int) -> Session:
        """Return an NFSv4.1 session, on a new connection unless one is given."""
        session = Session(self, peer or await self.peer(), **how)
        self.sessions.append(session)
        await session.begin()
        return session

    async def file(self, content: bytes = b"", session: Session | None = None) -> File:
        """Return an open file with this content, in a session of its own unless one is given."""
        session = session or await self.session()
        file = File(session, self.file_name())
        await file.create()
        self.files.append(file)
        if content:
            await file.fill(content)
        return file

    def file_name(self) -> bytes:
        """Return a new name of our own, which is removed with the test."""
        name = f".nfsrdma-conform-{self.name}-{self.rng.getrandbits(64):016x}".encode()
        self.leftovers.append((b"", name))
        return name

    def mark(self) -> int:
        """Return where the record of packets ends now, for :meth:`packets`."""
        return len(self.watch.frames) if self.watch is not None else 0

    def packets(self, mark: int = 0) -> list[Seen]:
        """Return the server's packets since a mark. Raises ``NotApplicable`` without any."""
        if self.watch is None:
            raise NotApplicable("packets are not observable with this provider")
        return self.watch.since(mark, self.target.address)

    @property
    def meddling(self) -> Meddled:
        """The device, if it lets packets be meddled with. Raises ``NotApplicable``."""
        if self._meddling is None:
            raise NotApplicable("packets are out of reach with this provider")
        return self._meddling

    def meddle(self, fate: Fate | None) -> None:
        """Have every packet meddled with, or none any more. Raises ``NotApplicable``."""
        self.meddling.fate = fate

    def leave_packets_alone(self) -> None:
        """End what :meth:`meddle` began."""
        if self._meddling is not None:
            self._meddling.fate = None

    async def alive(self, peer: RawPeer | None = None) -> None:
        """Call NULL, on a new connection unless one is given. Raises ``Failed``."""
        where = "on a new connection" if peer is None else "on the same connection"
        try:
            peer = peer or await self.peer()
            xid = self.xid()
            answer = await peer.ask(header(xid) + nfs.null(xid))
        except (Gone, Silence) as error:
            raise Failed(f"the server does not answer NULL {where}: {error}") from None
        expect(
            answer.xid == xid and not answer.is_chunk_error,
            f"NULL {where} was answered by {answer.brief()} for XID {answer.xid:#x}",
        )
        found = check_reply(answer, xid)
        left = nfs.accepted(answer.octets[found.size :], xid).remaining()
        expect(not left, f"{left} octets behind the reply to NULL, which has no result")

    async def dropped(self, peer: RawPeer, octets: bytes) -> None:
        """Send what must be dropped: no answer may come, and the connection has to live."""
        peer.send(octets)
        try:
            await self.alive(peer)
            await peer.quiet(GRACE_S)
        except Unasked as error:
            raise Failed(str(error)) from None
        except Gone as error:
            raise Failed(f"the connection ended: {error}") from None

    async def refused(self, peer: RawPeer, octets: bytes, xid: int) -> None:
        """Send what must be answered with ERR_CHUNK, on a connection that has to live."""
        try:
            answer = await peer.ask(octets)
        except Gone as error:
            raise Failed(f"the connection ended instead of ERR_CHUNK: {error}") from None
        except Silence:
            raise Failed("no answer instead of ERR_CHUNK") from None
        expect(answer.is_chunk_error, f"{answer.brief()} instead of ERR_CHUNK")
        expect(answer.xid == xid, f"ERR_CHUNK for XID {answer.xid:#x} instead of {xid:#x}")
        await self.alive(peer)

    async def attempt(
        self,
        peer: RawPeer,
        octets: bytes,
        call: Call,
        writes: Sequence[Offer] = (),
        reply: Offer | None = None,
    ) -> Attempt:
        """Send a call that transport or RPC may refuse, one way or other, but must answer.

        Raises ``Failed`` if they do not, or break a rule in doing so.
        """
        try:
            message = await peer.ask(octets)
        except Gone as error:
            raise Failed(f"the connection ended instead of an answer: {error}") from None
        except Silence as error:
            raise Failed(f"no answer: {error}") from None
        if message.is_chunk_error:
            expect(message.xid == call.xid, f"ERR_CHUNK for XID {message.xid:#x}")
            expect(
                not any(offer.touched for offer in (*writes, *((reply,) if reply else ()))),
                "ERR_CHUNK, and memory of the call was written",
            )
            return Attempt("ERR_CHUNK", message)
        answer = take_apart(message, call.xid, writes, reply)
        if how := _refused_by_rpc(answer.body):
            return Attempt(how, message)
        return Attempt("accepted", message, answer.body, answer.placed)

    async def try_out(
        self,
        peer: RawPeer,
        octets: bytes,
        call: Call,
        writes: Sequence[Offer] = (),
        reply: Offer | None = None,
    ) -> Tried:
        """Send a COMPOUND that the server may refuse, one way or other, but must answer.

        Raises ``Failed`` if it does not, or breaks a rule in doing so.
        """
        found = await self.attempt(peer, octets, call, writes, reply)
        if found.body is None:
            return Tried(found.how, found.message)
        results = nfs.decode_results(found.body, call, found.placed)
        name = "served" if results.status == t.NFS4_OK else results.status_name
        return Tried(name, found.message, results)

    async def call(
        self,
        peer: RawPeer,
        call: Call,
        *,
        reads: Sequence[Entry] = (),
        writes: Sequence[Offer] = (),
        reply: Offer | None = None,
        body: bytes | None = None,
        proc: int = RDMA_MSG,
    ) -> Answer:
        """Send a call with these chunks, and take its reply apart.

        ``body`` is what follows the header: all of the call unless it is given. Raises ``Failed``
        for an answer that is no reply, or one that breaks a rule.
        """
        head = header(
            call.xid,
            proc,
            reads=reads,
            writes=[offer.segments for offer in writes],
            reply=None if reply is None else reply.segments,
        )
        octets = head + (call.whole if body is None else body)
        try:
            message = await peer.ask(octets)
        except Gone as error:
            raise Failed(f"the connection ended instead of a reply: {error}") from None
        except Silence as error:
            raise Failed(f"no reply: {error}") from None
        return take_apart(message, call.xid, writes, reply)


def _refused_by_rpc(reply: bytes) -> str:
    """Return the name of the error in an RPC reply; nothing if the call was executed."""
    if reply[8:12] == words(1):
        return "denied by RPC"
    if reply[8:12] != words(0):
        return ""
    at = 20 + (int.from_bytes(reply[16:20], "big") + 3) // 4 * 4  # behind the verifier
    status = int.from_bytes(reply[at : at + 4], "big")
    names = {1: "PROG_UNAVAIL", 2: "PROG_MISMATCH", 3: "PROC_UNAVAIL", 4: "GARBAGE_ARGS"}
    names[5] = "SYSTEM_ERR"
    return names.get(status, f"accept_stat {status}") if status else ""


def check_reply(message: Message, xid: int) -> RpcRdmaHeader:
    """Return the header of a reply. Raises ``Failed`` if it breaks a rule of all replies."""
    found = message.header()
    expect(found.proc in (RDMA_MSG, RDMA_NOMSG), f"{message.brief()} instead of a reply")
    expect(found.xid == xid, f"a reply with XID {found.xid:#x} to a call with {xid:#x}")
    expect(found.credit >= 1, "a reply that grants no credit (RFC 8166, Section 3.3.1)")
    expect(not found.read_list, "a reply with a Read list (RFC 8166, Section 4.3.1)")
    return found


def take_apart(
    message: Message, xid: int, writes: Sequence[Offer] = (), reply: Offer | None = None
) -> Answer:
    """Return a reply and what came of the chunks that were offered. Raises ``Failed``."""
    found = check_reply(message, xid)
    expect(
        len(found.write_list) == len(writes),
        f"{len(found.write_list)} Write chunks came back of {len(writes)}",
    )
    placed = [
        offer.taken(back.segments) for offer, back in zip(writes, found.write_list, strict=True)
    ]
    returned: Sequence[Segment] = ()
    if found.reply_chunk is not None:
        expect(reply is not None, "a Reply chunk that was not offered")
        returned = found.reply_chunk.segments
    long = b""
    if reply is not None:
        if found.reply_chunk is None:
            expect(not reply.touched, "the Reply chunk was written and not returned")
        else:
            long = reply.taken(returned)
    if found.proc == RDMA_NOMSG:
        expect(bool(long), "RDMA_NOMSG with nothing in the Reply chunk")
        expect(
            len(message.octets) == found.size,
            f"{len(message.octets) - found.size} octets behind the lists of RDMA_NOMSG",
        )
        return Answer(message, found, long, placed)
    expect(not long, "RDMA_MSG, although the Reply chunk was used")
    return Answer(message, found, message.octets[found.size :], placed)


class Session:
    """An NFSv4.1 session; :meth:`sequence` counts its slot 0."""

    def __init__(
        self,
        lab: Lab,
        peer: RawPeer,
        *,
        flags: int = 0,
        slots: int = 4,
        request: int = nfs.MAX_IO + 4096,
        reply: int = nfs.MAX_IO + 4096,
    ) -> None:
        self.lab = lab
        self.peer = peer
        self._flags = flags
        self._fore = nfs.channel(slots=slots, request=request, reply=reply)
        self._owner = b"nfsrdma conform " + lab.rng.randbytes(8).hex().encode()
        self._verifier = lab.rng.randbytes(8)
        self.id = b""
        self.client_id = 0
        self.seqid = 0
        self.created: t.CREATE_SESSION4resok
        self.directory = b""
        """The handle of the directory for our files."""

    async def begin(self, *, reclaims: bool = False) -> None:
        """Make the session, again if the server has restarted.

        With ``reclaims`` it is not said that there is nothing to reclaim. Raises ``NotApplicable``
        if the server has none for us.
        """
        made = nfs.needed(
            await self._plain(nfs.exchange_id(self._owner, self._verifier)), "EXCHANGE_ID"
        )[0]
        self.client_id = made.eir_clientid
        created = nfs.needed(
            await self._plain(
                nfs.create_session(self.client_id, made.eir_sequenceid, self._flags, self._fore)
            ),
            "CREATE_SESSION",
        )
        self.created = created[0]
        self.id = self.created.csr_sessionid
        self.seqid = 0
        if not reclaims:
            await self.run(nfs.RECLAIM_COMPLETE)
        steps = [nfs.lookup(name) for name in self.lab.target.path]
        found = nfs.needed(
            await self.run(nfs.PUTROOTFH, *steps, nfs.GETFH), "the directory of the URL"
        )
        self.directory = found[-1].object

    async def _plain(self, *ops: Op) -> Results:
        call = nfs.compound(self.lab.xid(), ops, self.lab.target.credentials)
        answer = await self.lab.call(self.peer, call)
        return answer.results(call)

    def sequence(self, *, slot: int = 0, seqid: int | None = None, cache: bool = False) -> Op:
        """Return SEQUENCE, the next one of slot 0 unless a ``seqid`` is given."""
        if seqid is None:
            self.seqid += 1
            seqid = self.seqid
        highest = max(slot, 0)
        return t.OP_SEQUENCE, t.SEQUENCE4args(self.id, seqid, slot, highest, cache)

    def compound(self, *ops: Op, cache: bool = False, seqid: int | None = None) -> Call:
        """Return a call in the session."""
        sequence = self.sequence(cache=cache, seqid=seqid)
        return nfs.compound(self.lab.xid(), (sequence, *ops), self.lab.target.credentials)

    async def run(self, *ops: Op, cache: bool = False) -> Results:
        """Send a compound inline; return its results, SEQUENCE's first."""
        call = self.compound(*ops, cache=cache)
        answer = await self.lab.call(self.peer, call)
        return answer.results(call)

    async def ok(self, *ops: Op) -> Results:
        """Send a compound that has to succeed. Raises ``Failed``."""
        results = await self.run(*ops)
        if results.status != t.NFS4_OK:
            raise Failed(f"operation {results.ops[-1]} failed: {results.status_name}")
        return results

    async def settle(self) -> None:
        """Bring slot 0 in order behind a call that was refused, whether its SEQUENCE ran or not.

        A bare SEQUENCE of the same number is either executed, or is a repetition.
        """
        call = self.compound(seqid=self.seqid)
        await self.lab.call(self.peer, call)

    @property
    def room(self) -> int:
        """The octets that one READ or WRITE of the session may move, and a bit is left."""
        fore = self.created.csr_fore_chan_attrs
        longest = min(fore.ca_maxrequestsize, fore.ca_maxresponsesize, nfs.MAX_IO + _REST)
        return longest - _REST

    async def end(self) -> None:
        """Destroy session and client, so that nothing of us is left."""
        if not self.id:
            return
        await self._plain((t.OP_DESTROY_SESSION, t.DESTROY_SESSION4args(self.id)))
        self.id = b""
        await self._plain((t.OP_DESTROY_CLIENTID, t.DESTROY_CLIENTID4args(self.client_id)))


class File:
    """An open file of a test's own."""

    def __init__(self, session: Session, name: bytes) -> None:
        self.session = session
        self.lab = session.lab
        self.name = name
        self.handle = b""
        self.stateid = nfs.ANONYMOUS

    async def create(self) -> None:
        """Create it. Raises ``NotApplicable`` if we may not."""
        session = self.session
        opened = nfs.needed(
            await session.run(
                nfs.putfh(session.directory),
                nfs.open_(self.name, b"conform", create=True),
                nfs.GETFH,
            ),
            "a file cannot be created",
        )
        self.stateid, self.handle = opened[2].stateid, opened[3].object

    async def fill(self, content: bytes) -> None:
        """Write the content, in pieces that the session has room for."""
        room = self.session.room
        for start in range(0, len(content), room):
            call = self.writing(content[start : start + room], start)
            await self.written(call, len(content[start : start + room]), await self.reduced(call))

    def writing(self, data: bytes, offset: int = 0) -> Call:
        """Return a call that writes."""
        put, write = nfs.putfh(self.handle), nfs.write(self.stateid, offset, data)
        return self.session.compound(put, write)

    def reading(self, count: int, offset: int = 0) -> Call:
        """Return a call that reads."""
        put, read = nfs.putfh(self.handle), nfs.read(self.stateid, offset, count)
        return self.session.compound(put, read)

    async def reduced(self, call: Call, cuts: Sequence[int] = (), pad: bool = False) -> Answer:
        """Send a WRITE with its data in a Read chunk, cut at these places."""
        ((position, data),) = call.payloads
        octets = data + bytes(-len(data) % 4) if pad else data
        segments = self.session.peer.memory.expose(octets, cuts)
        reads = [(position, segment) for segment in segments]
        return await self.lab.call(self.session.peer, call, reads=reads, body=call.reduced)

    async def written(self, call: Call, count: int, answer: Answer) -> None:
        """Check what a WRITE was answered."""
        results = answer.results(call)
        expect(results.status == t.NFS4_OK, f"WRITE failed: {results.status_name}")
        done = results[-1].count
        expect(done == count, f"{done} octets were written of {count}")

    async def content(self, count: int, offset: int = 0) -> bytes:
        """Read through Write chunks of one segment; a server may give less at a time."""
        found = b""
        while len(found) < count:
            part = min(count - len(found), self.session.room)
            offer = self.session.peer.memory.offer(part)
            call = self.reading(part, offset + len(found))
            answer = await self.lab.call(self.session.peer, call, writes=[offer])
            results = answer.results(call)
            expect(results.status == t.NFS4_OK, f"READ failed: {results.status_name}")
            data = bytes(results[-1].data)
            found += data
            if results[-1].eof:
                break
            expect(data, "READ gave nothing, and the file does not end there")
        return found

    async def holds(self, content: bytes) -> None:
        """Check that the file has this content, and ends behind it."""
        found = await self.content(len(content) + 64)
        if found != content:
            at = next(
                (i for i, (a, b) in enumerate(zip(found, content, strict=False)) if a != b),
                min(len(found), len(content)),
            )
            raise Failed(
                f"the file differs from octet {at} on: {len(found)} octets instead of "
                f"{len(content)}"
            )
