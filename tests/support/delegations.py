"""Clients that hold delegations, on a server without a network.

``Holder`` is a client of ``tests.support.nfs`` whose connection answers callbacks. It notes them,
and ``obeys`` says what it does when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nfsrdma.rpcrdma.rpc.message import decode_call, encode_accepted
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.callback import Connect
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

from .nfs import (
    GETFH,
    LEASE,
    PUTROOTFH,
    ROOT_USER,
    FakeChannel,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    channel_attributes,
    close,
    compound_message,
    make_server,
    open_,
    putfh,
    reclaim_complete,
    write,
)

BACK = t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN
READ = t.OPEN4_SHARE_ACCESS_READ
WRITE = t.OPEN4_SHARE_ACCESS_WRITE
BOTH = t.OPEN4_SHARE_ACCESS_BOTH
WANT_READ = t.OPEN4_SHARE_ACCESS_WANT_READ_DELEG
WANT_ANY = t.OPEN4_SHARE_ACCESS_WANT_ANY_DELEG
WANT_NONE = t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG

Answer = Callable[[t.nfs_cb_argop4], Any]
"""What a client answers to an operation; None if nothing at all."""


def delegating_server(
    *,
    limits: StateLimits | None = None,
    store: RecoveryStore | None = None,
    fs: FileSystem | None = None,
    reactor: FakeReactor | None = None,
    lease: float = LEASE,
    seed: int = 1,
    connect: Connect | None = None,
) -> tuple[NfsService, FakeReactor]:
    """Return a server that delegates, and its reactor."""
    reactor = reactor or FakeReactor()
    config = ServerConfig(
        times=LeaseTimes(lease, lease), state=limits or StateLimits(), delegations=True
    )
    made = make_server(
        reactor=reactor, config=config, store=store, fs=fs, seed=seed, connect=connect
    )
    return made, reactor


def settle(reactor: FakeReactor) -> None:
    """Turn the loop until nothing is left to be done at once."""
    while reactor.soon:
        reactor.turn()


def delegreturn(stateid: t.stateid4) -> Op:
    return t.OP_DELEGRETURN, t.DELEGRETURN4args(stateid)


def in_flight(server: NfsService, session: Session, *ops: Op) -> Incoming:
    """Send a compound whose reply may have to wait."""
    message = compound_message([session.sequence(), *ops], 2, b"", session.peer.credentials)
    incoming = Incoming(message, session.peer.channel, 8 << 20, ())
    server.service(incoming)
    assert isinstance(server._reactor, FakeReactor)
    settle(server._reactor)
    return incoming


class BackChannelWire(FakeChannel):
    """A connection whose other end answers callbacks at once."""

    def __init__(self, holder: Holder, address: str) -> None:
        super().__init__(address)
        self._holder = holder

    def call(self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()) -> Any:
        reply: Future[Decoder] = super().call(message, max_reply=max_reply)
        if not reply.done():
            self.callbacks.clear()
            answer = self._holder.answer(message.to_bytes())
            if answer is not None:
                reply.set_result(Decoder(answer))
        return reply


class Holder:
    """A client with a back channel."""

    def __init__(
        self,
        server: NfsService,
        name: bytes,
        *,
        address: str = "127.0.0.1",
        complete: bool = True,
        verifier: bytes = b"verifier",
    ) -> None:
        self.server = server
        self.seen: list[t.nfs_cb_argop4] = []
        """The operations of callbacks that have come."""
        self.referred: list[t.referring_call_list4] = []
        self.deaf = False
        """Whether it answers nothing."""
        self.obeys: Answer = lambda operation: t.NFS4_OK
        """What it answers: a status, or octets after the status' place."""
        self.peer = Peer(server, ROOT_USER, address)
        self.peer.channel = BackChannelWire(self, address)
        reply = self.peer.exchange_id(name, verifier)
        number = reply[0].eir_clientid
        arguments = t.CREATE_SESSION4args(
            *(number, reply[0].eir_sequenceid, BACK),
            *(channel_attributes(), channel_attributes(), 0x40000000, []),
        )
        created = self.peer.call((t.OP_CREATE_SESSION, arguments))[0]
        self.session = Session(self.peer, number, created)
        assert isinstance(server._reactor, FakeReactor)
        settle(server._reactor)
        if complete:
            self.session.ok(reclaim_complete())

    def answer(self, message: bytes) -> bytes | None:
        """Return the answer to a callback."""
        dec = Decoder(message)
        header = decode_call(dec)
        enc = Encoder()
        encode_accepted(enc, header.xid)
        if self.deaf:
            return None
        if header.proc == t.CB_NULL:
            return enc.to_bytes()
        compound = t.CB_COMPOUND4args.decode(dec)
        sequence = compound.argarray[0].value
        self.referred += sequence.csa_referring_call_lists
        ok = t.CB_SEQUENCE4resok(
            *(sequence.csa_sessionid, sequence.csa_sequenceid, sequence.csa_slotid, 15, 15)
        )
        results = Encoder()
        results.uint32(t.OP_CB_SEQUENCE)
        t.CB_SEQUENCE4res(0, ok).encode(results)
        status = t.NFS4_OK
        for operation in compound.argarray[1:]:
            self.seen.append(operation)
            results.uint32(operation.argop)
            answer = self.obeys(operation)
            if answer is None:
                return None
            if isinstance(answer, bytes):
                results.buffer += answer
            else:
                status = answer
                results.uint32(status)
        enc.uint32(status)
        enc.opaque(b"")
        enc.uint32(len(compound.argarray))
        enc.buffer += results.buffer
        return enc.to_bytes()

    def recalls(self) -> list[t.CB_RECALL4args]:
        """Return the recalls that have come."""
        return [each.value for each in self.seen if each.argop == t.OP_CB_RECALL]

    # --- Opens ---

    def open(
        self, name: bytes, access: int = READ, *, create: bool = False, owner: bytes = b"owner"
    ) -> tuple[bytes, t.OPEN4resok]:
        """Open a file of the root; return its handle and the result."""
        mode = t.UNCHECKED4 if create else None
        reply = self.session.ok(PUTROOTFH, open_(name, access, create=mode, owner=owner), GETFH)
        return bytes(reply[3].object), reply[2]

    def delegated(
        self, name: bytes, access: int = READ, *, create: bool = False
    ) -> tuple[bytes, t.stateid4, t.stateid4]:
        """Open a file; return its handle, the open's stateid and the delegation's."""
        handle, result = self.open(name, access, create=create)
        kind = result.delegation.delegation_type
        assert kind in (t.OPEN_DELEGATE_READ, t.OPEN_DELEGATE_WRITE), result.delegation
        return handle, result.stateid, result.delegation.value.stateid

    def give_back(self, handle: bytes, stateid: t.stateid4) -> Reply:
        """Return a delegation."""
        return self.session.run(putfh(handle), delegreturn(stateid))


class Bed:
    """A server, a client that holds, and one that breaks."""

    def __init__(self, **how: Any) -> None:
        self.server, self.reactor = delegating_server(**how)
        self.holder = Holder(self.server, b"holder")
        self.other = Holder(self.server, b"other")
        handle, result = self.other.open(b"f", BOTH | WANT_NONE, create=True)
        self.other.session.ok(putfh(handle), write(result.stateid, b"contents"))
        self.other.session.ok(putfh(handle), close(result.stateid))
        self.handle = handle

    def breaks(self, *ops: Op) -> Any:
        """Send what conflicts, from the other client."""
        return in_flight(self.server, self.other.session, *ops)


def revoked(bed: Bed) -> tuple[bytes, t.stateid4]:
    """Have the holder's delegation revoked; it renews its lease, but does not return it."""
    handle, _, delegation = bed.holder.delegated(b"f")
    bed.breaks(putfh(handle), open_(None, WRITE | WANT_NONE))
    for _ in range(11):
        bed.reactor.advance(LEASE / 10)
        settle(bed.reactor)
        bed.holder.session.ok()
        bed.other.session.ok()
    return handle, delegation


def attributes_answer(change: int, size: int, times: dict[int, int] | None = None) -> bytes:
    """Return an answer to CB_GETATTR; ``times`` are nanoseconds, by attribute."""
    enc = Encoder()
    values: dict[int, Any] = {t.FATTR4_CHANGE: change, t.FATTR4_SIZE: size}
    values |= {number: t.nfstime4(*divmod(ns, 10**9)) for number, ns in (times or {}).items()}
    t.CB_GETATTR4res(t.NFS4_OK, t.CB_GETATTR4resok(encode_fattr4(values))).encode(enc)
    return enc.to_bytes()
