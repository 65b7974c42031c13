"""Minor version 0: clients that are called where they listen, and their read delegations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support.delegations import (
    BOTH,
    READ,
    WANT_NONE,
    WRITE,
    Holder,
    delegating_server,
    in_flight,
    settle,
)
from tests.support.nfs import (
    GETFH,
    LEASE,
    PUTROOTFH,
    SAVEFH,
    Credentials,
    FakeChannel,
    Incoming,
    Op,
    Peer,
    Reply,
    compound_message,
    getattr_,
    link,
    lock,
    locku,
    make_server,
    open_,
    putfh,
    read,
    remove,
    rename,
    setattr_,
    write,
)
from tests.support.nfs import close as close_open
from tests.support.nfs40 import Client40, close, renew, setclientid_confirm

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.message import decode_call, encode_accepted
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t

PROGRAM = 0x40000007
ADDRESS = "127.0.0.1"


class Line(FakeChannel):
    """A connection that the server made to a client."""

    def __init__(self, network: Network, port: int) -> None:
        super().__init__(ADDRESS)
        self._network = network
        self._port = port

    def call(self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()) -> Any:
        reply: Future[Decoder] = super().call(message, max_reply=max_reply)
        if not reply.done():
            answer = self._network.answer(self._port, message.to_bytes())
            if answer is not None:
                reply.set_result(Decoder(answer))
        return reply


class Network:
    """Where clients listen, by their ports; and what each has heard."""

    def __init__(self) -> None:
        self.listening: set[int] = set()
        self.deaf: set[int] = set()
        self.lines: list[Line] = []
        self.heard: list[tuple[int, t.CB_COMPOUND4args | None]] = []
        """Port and compound of each call; None for CB_NULL."""
        self.callers: list[Any] = []
        self.obeys: Callable[[t.nfs_cb_argop4], int] = lambda operation: t.NFS4_OK

    def connect(self, address: str, port: int, timeout_s: float) -> Future[Channel]:
        assert address == ADDRESS
        future: Future[Channel] = Future()
        if port in self.listening:
            self.lines.append(Line(self, port))
            future.set_result(self.lines[-1])
        else:
            future.set_error(ConnectionRefusedError("nobody listens"))
        return future

    def answer(self, port: int, message: bytes) -> bytes | None:
        dec = Decoder(message)
        header = decode_call(dec)
        assert (header.prog, header.vers) == (PROGRAM, 1)
        self.callers.append(header.cred)
        enc = Encoder()
        encode_accepted(enc, header.xid)
        if header.proc == t.CB_NULL:
            self.heard.append((port, None))
            return None if port in self.deaf else enc.to_bytes()
        compound = t.CB_COMPOUND4args.decode(dec)
        dec.done()
        self.heard.append((port, compound))
        if port in self.deaf:
            return None
        (operation,) = compound.argarray
        status = self.obeys(operation)
        enc.uint32(status)
        enc.opaque(b"")
        enc.uint32(1)
        enc.uint32(operation.argop)
        enc.uint32(status)
        return enc.to_bytes()

    def recalls(self, port: int) -> list[t.CB_RECALL4args]:
        compounds = [compound for where, compound in self.heard if where == port and compound]
        return [each.argarray[0].value for each in compounds]


def callback_at(port: int) -> t.cb_client4:
    where = f"{ADDRESS}.{port >> 8}.{port & 255}".encode()
    return t.cb_client4(PROGRAM, t.netaddr4(b"tcp", where))


class Bed:
    """A server, a client of minor version 0 that holds, and one of 4.2 that breaks."""

    def __init__(self, *, port: int = 1000, listens: bool = True, **how: Any) -> None:
        self.network = Network()
        if listens:
            self.network.listening.add(port)
        self.server, self.reactor = delegating_server(connect=self.network.connect, **how)
        self.other = Holder(self.server, b"other")
        self.file, result = self.other.open(b"f", BOTH | WANT_NONE, create=True)
        self.other.session.ok(putfh(self.file), write(result.stateid, b"contents"))
        self.other.session.ok(putfh(self.file), close_open(result.stateid))
        self.holder = self.client(b"holder", port)

    def client(self, name: bytes, port: int) -> Client40:
        client = Client40(Peer(self.server), name)
        client_id, confirm = client.introduce(b"verifier", callback=callback_at(port))
        client.ok(setclientid_confirm(client_id, confirm))
        self.settle()
        return client

    def settle(self) -> None:
        settle(self.reactor)

    def opens(
        self, client: Client40 | None = None, access: int = READ, name: bytes = b"f"
    ) -> tuple[t.stateid4, t.open_delegation4]:
        """Open the file twice: the owner is confirmed, then."""
        client = client or self.holder
        client.create(name, access=access, create=None)
        result = client.ok(PUTROOTFH, client.open_(name, access=access, create=None))[1]
        return result.stateid, result.delegation

    def delegated(self, client: Client40 | None = None, access: int = READ) -> t.stateid4:
        _, granted = self.opens(client, access)
        assert granted.delegation_type == t.OPEN_DELEGATE_READ
        stateid: t.stateid4 = granted.value.stateid
        return stateid

    def breaks(self, *ops: Op) -> Incoming:
        """Send what conflicts, from the other client."""
        return in_flight(self.server, self.other.session, *ops)

    def own(self, client: Client40, *ops: Op) -> Incoming:
        """Send what may have to wait, from a client of minor version 0."""
        Client40.xid += 1
        credentials = client.peer.credentials
        message = compound_message([*ops], 0, b"", credentials, xid=Client40.xid)
        incoming = Incoming(message, client.peer.channel, 8 << 20, ())
        self.server.service(incoming)
        self.settle()
        return incoming


@pytest.fixture
def bed() -> Bed:
    return Bed()


def delegreturn(stateid: t.stateid4) -> Op:
    return t.OP_DELEGRETURN, t.DELEGRETURN4args(stateid)


# --- The way to the client ---


def test_the_client_is_called_once_it_is_confirmed(bed: Bed) -> None:
    assert bed.network.heard == [(1000, None)]
    (caller,) = bed.network.callers
    assert caller == Credentials.sys(0, 0).to_auth()


def test_who_does_not_listen_gets_no_delegation() -> None:
    bed = Bed(listens=False)
    _, granted = bed.opens()
    assert granted.delegation_type == t.OPEN_DELEGATE_NONE


def test_who_does_not_answer_gets_no_delegation() -> None:
    bed = Bed(listens=False)
    bed.network.listening.add(1001)
    bed.network.deaf.add(1001)
    client = bed.client(b"deaf", 1001)
    bed.reactor.advance(LEASE)
    _, granted = bed.opens(client)
    assert granted.delegation_type == t.OPEN_DELEGATE_NONE
    assert all(line.closed for line in bed.network.lines)


def test_nobody_is_called_by_a_server_that_does_not_delegate() -> None:
    network = Network()
    server = make_server(connect=network.connect)
    client = Client40(Peer(server))
    client_id, confirm = client.introduce(b"verifier", callback=callback_at(1000))
    client.ok(setclientid_confirm(client_id, confirm))
    assert not network.lines


def test_connections_come_one_at_a_time_and_slowly(bed: Bed) -> None:
    for port in range(2000, 2050):
        bed.network.listening.add(port)
        client_id, confirm = bed.holder.introduce(b"verifier", callback=callback_at(port))
        bed.holder.ok(setclientid_confirm(client_id, confirm))
    assert len(bed.network.lines) == 1
    assert bed.network.lines[0].closed
    bed.reactor.advance(3)
    bed.settle()
    assert len(bed.network.lines) == 2
    assert bed.network.heard[-1] == (2049, None)
    bed.delegated()


def test_a_client_that_goes_is_hung_up(bed: Bed) -> None:
    (line,) = bed.network.lines
    bed.reactor.advance(2 * LEASE)
    assert line.closed


def test_many_clients_of_one_address_share_the_connections() -> None:
    bed = Bed()
    bed.server.callbacks._sessionless._room.free = 9  # type: ignore[union-attr]
    for number in range(20):
        bed.network.listening.add(3000 + number)
        bed.client(b"%d" % number, 3000 + number)
    assert 2 <= len(bed.network.lines) <= 8


# --- Delegations ---


def test_an_owner_that_is_not_confirmed_gets_none(bed: Bed) -> None:
    opened = bed.holder.ok(PUTROOTFH, bed.holder.open_(b"f", access=READ, create=None))[1]
    assert opened.rflags & t.OPEN4_RESULT_CONFIRM
    assert opened.delegation.delegation_type == t.OPEN_DELEGATE_NONE


@pytest.mark.parametrize("access", [READ, BOTH])
def test_only_read_delegations_are_granted(bed: Bed, access: int) -> None:
    bed.delegated(access=access)
    assert bed.server.delegations.table.exclusive == 0


def test_it_is_used_and_returned(bed: Bed) -> None:
    stateid, granted = bed.opens()
    delegation = granted.value.stateid
    bed.holder.ok(putfh(bed.file), close(stateid, bed.holder.next(b"owner")))
    assert bed.holder.ok(putfh(bed.file), read(delegation))[1].data == b"contents"
    bed.holder.fails(t.NFS4ERR_OPENMODE, putfh(bed.file), write(delegation, b"x"))
    bed.holder.ok(putfh(bed.file), delegreturn(delegation))
    bed.holder.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.file), delegreturn(delegation))
    bed.holder.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.file), read(delegation))
    assert len(bed.server.delegations.table) == 0


def test_what_returns_nothing(bed: Bed) -> None:
    stateid, granted = bed.opens()
    delegation = granted.value.stateid
    for wrong in (t.stateid4(0, bytes(12)), t.stateid4(1, bytes(12)), stateid):
        bed.holder.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.file), delegreturn(wrong))
    older = t.stateid4(0, delegation.other)
    bed.holder.fails(t.NFS4ERR_OLD_STATEID, putfh(bed.file), delegreturn(older))
    foreign = Client40(Peer(bed.server, address="192.0.2.9"), b"foreign")
    foreign.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.file), delegreturn(delegation))
    assert len(bed.server.delegations.table) == 1


def test_a_recall(bed: Bed) -> None:
    delegation = bed.delegated()
    opened = bed.breaks(putfh(bed.file), open_(None, WRITE | WANT_NONE))
    assert not opened.outcome
    (recall,) = bed.network.recalls(1000)
    assert (recall.stateid, recall.fh) == (delegation, bed.file)
    (_, compound) = bed.network.heard[-1]
    assert compound is not None
    assert (compound.minorversion, compound.callback_ident) == (0, 1)
    bed.holder.ok(putfh(bed.file), delegreturn(delegation))
    bed.settle()
    assert Reply(opened).status == t.NFS4_OK


def test_who_has_too_many_is_asked_for_the_oldest() -> None:
    bed = Bed(limits=StateLimits(delegations_per_client=2))
    for name in (b"f", b"g", b"h"):
        if name != b"f":
            bed.other.open(name, READ | WANT_NONE, create=True)
        _, granted = bed.opens(name=name)
        bed.reactor.advance(6)
        bed.settle()
    assert granted.delegation_type == t.OPEN_DELEGATE_NONE
    operations = [
        each.argop for _, compound in bed.network.heard if compound for each in compound.argarray
    ]
    assert operations
    assert set(operations) == {t.OP_CB_RECALL}
    assert bed.network.recalls(1000)[0].fh == bed.file


def test_who_waits_for_a_lock_polls(bed: Bed) -> None:
    handle, result = bed.other.open(b"f", BOTH | WANT_NONE)
    held = bed.other.session.ok(putfh(handle), lock(result.stateid))[2].lock_stateid
    opened, _ = bed.holder.create(b"f", create=None)
    number, locking = bed.holder.first_lock(opened)
    locking.locktype = t.WRITEW_LT
    bed.holder.fails(t.NFS4ERR_DENIED, putfh(handle), (number, locking))
    bed.other.session.ok(putfh(handle), locku(held))
    bed.settle()
    assert not len(bed.server.lock_notices.table)
    assert all(compound is None for _, compound in bed.network.heard)


def test_the_callback_moves(bed: Bed) -> None:
    delegation = bed.delegated()
    bed.network.listening.add(1001)
    client_id, confirm = bed.holder.introduce(b"verifier", callback=callback_at(1001))
    bed.holder.ok(setclientid_confirm(client_id, confirm))
    bed.reactor.advance(1.5)
    bed.settle()
    bed.breaks(putfh(bed.file), open_(None, WRITE | WANT_NONE))
    assert not bed.network.recalls(1000)
    assert [each.stateid for each in bed.network.recalls(1001)] == [delegation]


def test_a_connection_that_was_idle_for_too_long_is_made_again(bed: Bed) -> None:
    bed.delegated()
    bed.reactor.advance(5)
    bed.network.lines[0].close()
    bed.settle()
    assert len(bed.network.lines) == 2  # it has something that must be had back
    bed.breaks(putfh(bed.file), open_(None, WRITE | WANT_NONE))
    assert len(bed.network.recalls(1000)) == 1


def test_the_holder_is_known_in_open(bed: Bed) -> None:
    bed.delegated()
    bed.holder.ok(PUTROOTFH, bed.holder.open_(b"f", access=WRITE, create=None))
    assert not bed.network.recalls(1000)


@pytest.mark.parametrize(
    "ops",
    [
        (PUTROOTFH, remove(b"f")),
        (PUTROOTFH, SAVEFH, PUTROOTFH, rename(b"f", b"g")),
        (PUTROOTFH, SAVEFH, PUTROOTFH, rename(b"g", b"f")),
    ],
)
def test_the_holder_is_not_known_where_names_change(bed: Bed, ops: tuple[Op, ...]) -> None:
    bed.holder.create(b"g", owner=b"another")
    delegation = bed.delegated()
    change = bed.own(bed.holder, *ops)
    assert not change.outcome
    assert len(bed.network.recalls(1000)) == 1
    bed.holder.ok(putfh(bed.file), delegreturn(delegation))
    bed.settle()
    assert Reply(change).status == t.NFS4_OK


def test_a_link_and_a_change_of_mode_recall_too(bed: Bed) -> None:
    delegation = bed.delegated()
    linked = bed.own(bed.holder, putfh(bed.file), SAVEFH, PUTROOTFH, link(b"h"))
    bed.reactor.advance(1.5)
    bed.settle()
    assert Reply(linked).status == t.NFS4ERR_DELAY
    changed = bed.own(bed.holder, putfh(bed.file), setattr_({t.FATTR4_MODE: 0o600}))
    assert not changed.outcome
    bed.holder.ok(putfh(bed.file), delegreturn(delegation))
    bed.settle()
    assert Reply(changed).status == t.NFS4_OK
    assert len(bed.network.recalls(1000)) == 1


def test_a_look_is_in_no_holders_way(bed: Bed) -> None:
    bed.delegated()
    bed.other.session.ok(putfh(bed.file), getattr_(t.FATTR4_SIZE))
    bed.holder.ok(putfh(bed.file), getattr_(t.FATTR4_SIZE))
    assert not bed.network.recalls(1000)


def test_what_is_opened_by_itself_is_claimed_by_name(bed: Bed) -> None:
    delegation = bed.delegated()
    opened = bed.breaks(putfh(bed.file), open_(None, WRITE | WANT_NONE))
    info = t.open_claim_delegate_cur4(delegation, b"f")
    claim = t.open_claim4(t.CLAIM_DELEGATE_CUR, info)
    op = bed.holder.open_(b"f", owner=b"new", access=READ, create=None, claim=claim)
    reply = bed.holder.ok(PUTROOTFH, op, GETFH)
    assert bytes(reply[2].object) == bed.file
    assert not reply[1].rflags & t.OPEN4_RESULT_CONFIRM
    assert reply[1].delegation.delegation_type == t.OPEN_DELEGATE_NONE
    assert not opened.outcome
    bed.holder.ok(putfh(bed.file), delegreturn(delegation))


@pytest.mark.parametrize("answer", [None, t.NFS4ERR_BADHANDLE, t.NFS4ERR_SERVERFAULT])
def test_what_is_not_returned_is_revoked(bed: Bed, answer: int | None) -> None:
    delegation = bed.delegated()
    if answer is None:
        bed.network.deaf.add(1000)
    else:
        bed.network.obeys = lambda operation: answer
    for _ in range(5):
        bed.breaks(putfh(bed.file), open_(None, WRITE | WANT_NONE))
        bed.reactor.advance(LEASE / 4)
        bed.own(bed.holder, renew(bed.holder.id))
        bed.other.session.run()
        bed.settle()
    assert len(bed.server.delegations.table) == 0
    opened = bed.breaks(putfh(bed.file), open_(None, WRITE | WANT_NONE))
    assert Reply(opened).status == t.NFS4_OK
    bed.holder.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.file), read(delegation))
    bed.holder.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.file), delegreturn(delegation))
    (record,) = [
        each for each in bed.server.registry.clients.confirmed() if each.owner == b"holder"
    ]
    assert not record.revoked
    assert record.revocations == 1


def test_renew_says_that_delegations_cannot_be_had_back(bed: Bed) -> None:
    delegation = bed.delegated()
    bed.holder.ok(renew(bed.holder.id))
    bed.network.listening.clear()
    bed.reactor.advance(2)
    bed.network.lines[0].close()
    bed.settle()
    bed.holder.fails(t.NFS4ERR_CB_PATH_DOWN, renew(bed.holder.id))
    bed.reactor.advance(LEASE * 0.9)
    bed.holder.fails(t.NFS4ERR_CB_PATH_DOWN, renew(bed.holder.id))
    bed.reactor.advance(LEASE * 0.9)  # the lease was renewed all the same
    bed.network.listening.add(1000)
    bed.own(bed.holder, renew(bed.holder.id))
    bed.reactor.advance(2)
    bed.settle()
    bed.holder.ok(renew(bed.holder.id))
    bed.holder.ok(putfh(bed.file), delegreturn(delegation))


def test_renew_finds_out_what_nothing_else_would(bed: Bed) -> None:
    bed.delegated()
    bed.network.deaf.add(1000)  # the connection is up, and nobody is there
    statuses = []
    for _ in range(4):
        bed.reactor.advance(LEASE / 3)
        statuses.append(bed.holder.run(renew(bed.holder.id)).status)
    assert t.NFS4ERR_CB_PATH_DOWN in statuses


@pytest.mark.parametrize("reachable", [True, False])
def test_reclaimed_after_a_restart(reachable: bool) -> None:
    store = MemoryRecoveryStore()
    first = Bed(store=store)
    tree = first.server.namespace.exports[0].fs
    first.delegated()
    network = Network()
    if reachable:
        network.listening.add(1000)
    server, reactor = delegating_server(
        store=store, fs=tree, reactor=first.reactor, connect=network.connect, seed=2
    )
    holder = Client40(Peer(server), b"holder", b"verifie2")
    client_id, confirm = holder.introduce(b"verifie2", callback=callback_at(1000))
    holder.ok(setclientid_confirm(client_id, confirm))
    settle(reactor)
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_READ)
    op = holder.open_(b"", access=READ, create=None, claim=claim)
    granted = holder.ok(putfh(first.file), op)[1].delegation
    assert granted.delegation_type == t.OPEN_DELEGATE_READ
    assert granted.value.recall is not reachable
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_WRITE)
    op = holder.open_(b"", owner=b"two", access=BOTH, create=None, claim=claim)
    granted = holder.ok(putfh(first.file), op)[1].delegation
    assert granted.delegation_type == t.OPEN_DELEGATE_NONE
