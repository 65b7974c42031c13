"""Exports that change while the server runs."""

from __future__ import annotations

import errno
import itertools
from typing import Any

import pytest
from tests.support.delegations import BOTH, WANT_ANY, Holder, delegating_server
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    Clock,
    FakeReactor,
    Peer,
    close,
    lookup,
    make_server,
    open_,
    open_export,
    putfh,
    read,
    write,
)

from nfsrdma.rpcrdma.rpc import channel as rpc_channel
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import AuthError
from nfsrdma.server.authority import Authority, Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.namespace import BadHandle, Namespace
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import AUTH_NONE, AUTH_SYS

KEY = bytes(32)
_INSTANCES = itertools.count(1)


def fs() -> MemoryFileSystem:
    return MemoryFileSystem(lambda: 0, instance=next(_INSTANCES))


def wire(namespace: Namespace, export: Export) -> bytes:
    return namespace.encode(export, export.fs.root.identity)


# --- The tree ---


def test_what_stays_keeps_its_handles_and_what_goes_is_stale() -> None:
    a, b, c = Export("a", fs()), Export("b", fs()), Export("c", fs())
    namespace = Namespace([a, b], KEY, 1)
    handles = [wire(namespace, each) for each in (a, b)]
    top = namespace.root.wire
    assert namespace.decode(handles[1])
    namespace.replace([a, c], 2)
    assert namespace.decode(handles[0]).export is a
    with pytest.raises(OSError) as caught:
        namespace.decode(handles[1])
    assert caught.value.errno == errno.ESTALE
    assert namespace.decode(top).export is namespace.root.export, "the top is the top"
    assert namespace.root.export.fs.attributes(namespace.root.node).change == 2
    # It comes back: with the same root they are good again.
    namespace.replace([a, Export("b", b.fs)], 3)
    assert namespace.decode(handles[1]).node is b.fs.root


def test_another_root_of_the_same_name_is_not_what_it_was() -> None:
    a = Export("a", fs())
    namespace = Namespace([a], KEY, 1)
    before = wire(namespace, a)
    namespace.replace([Export("a", fs())], 2)
    with pytest.raises(OSError) as caught:
        namespace.decode(before)
    assert caught.value.errno == errno.ESTALE


def test_from_one_root_to_several_and_back() -> None:
    root, other = Export("", fs()), Export("other", fs())
    namespace = Namespace([root], KEY, 1)
    handle = namespace.root.wire
    namespace.replace([Export("a", fs()), other], 2)
    top = namespace.root.wire
    with pytest.raises(OSError):
        namespace.decode(handle)
    namespace.replace([root], 3)
    assert namespace.decode(handle).export is root
    with pytest.raises(OSError):
        namespace.decode(top)
    forged = top[:-1] + bytes([top[-1] ^ 1])
    with pytest.raises(BadHandle):
        namespace.decode(forged)


def test_what_cannot_be_changes_nothing() -> None:
    a = Export("a", fs())
    namespace = Namespace([a], KEY, 1)
    for wrong in ([], [a, Export("a/b", fs())], [a, Export("", fs())]):
        with pytest.raises(ValueError):
            namespace.replace(wrong, 2)
        assert namespace.exports == (a,)
        assert namespace.decode(wire(namespace, a)).export is a


def test_a_number_of_its_own_survives_a_new_name() -> None:
    a = Export("a", fs(), number=7)
    namespace = Namespace([a], KEY, 1)
    handle = wire(namespace, a)
    assert a.id == 7
    namespace.replace([Export("b", a.fs, number=7), Export("c", fs())], 2)
    assert namespace.decode(handle).node is a.fs.root
    with pytest.raises(ValueError, match="is the number"):
        Namespace([Export("b", fs(), number=7), Export("c", fs(), number=7)], KEY, 1)
    for number in (0, -1, 1 << 32):
        with pytest.raises(ValueError, match="no number of an export"):
            Export("a", fs(), number=number)


def test_a_number_that_was_made_of_a_name_is_taken() -> None:
    plain = Export("plain", fs())
    namespace = Namespace([plain], KEY, 1)
    with pytest.raises(ValueError, match="the number"):
        namespace.replace([plain, Export("other", fs(), number=plain.id)], 2)
    # Together from the start the one that was chosen is given first.
    numbered = Export("other", fs(), number=plain.id)
    Namespace([plain, numbered], KEY, 1)
    assert numbered.number == numbered.id != plain.id


# --- Who may use it ---

_PEER = rpc_channel.Peer("tcp", "10.1.2.3", 700)


class _Channel:
    def __init__(self) -> None:
        self.peer = _PEER

    def on_close(self, callback: object) -> None:
        pass


def test_rules_that_changed_hold_for_the_next_call() -> None:
    export = Export("", fs(), networks=["10.0.0.0/8"])
    authority = Authority([export], Policy(), lambda: 0.0)
    channel, claim = _Channel(), Credentials(AUTH_SYS, 0, 0)
    caller = authority(channel, claim)  # type: ignore[arg-type]
    assert export.user(caller.credentials).uid != 0
    export.adopt(Export("", export.fs, networks=["10.0.0.0/8"], squash=Squash.NONE, read_only=True))
    authority.replace([export], Policy())
    assert export.user(authority(channel, claim).credentials).uid == 0  # type: ignore[arg-type]
    assert export.read_only
    export.adopt(Export("", export.fs, networks=["192.0.2.0/24"]))
    authority.replace([export], Policy())
    assert authority.known(channel, claim) is None  # type: ignore[arg-type]
    with pytest.raises(AuthError):
        authority(channel, claim)  # type: ignore[arg-type]


def test_flavors_of_an_export() -> None:
    both = Export("both", fs(), networks=["10.0.0.0/8"], squash=Squash.ALL)
    strict = Export("s", fs(), networks=["10.0.0.0/8"], squash=Squash.ALL, flavors=[AUTH_SYS])
    loose = Export("l", fs(), networks=["10.0.0.0/8"], squash=Squash.ALL, flavors=[AUTH_NONE])
    authority = Authority([both, strict, loose], Policy(), lambda: 0.0)
    assert authority.decide(_PEER, Credentials(AUTH_SYS, 1, 1)).barred == {loose}
    assert authority.decide(_PEER, Credentials(AUTH_NONE)).barred == {strict}
    with pytest.raises(Exception, match="flavor"):
        Authority([loose], Policy(), lambda: 0.0).decide(_PEER, Credentials(AUTH_SYS, 1, 1))
    with pytest.raises(ValueError, match="AUTH_SYS"):
        Export("x", fs(), flavors=[])


# --- The server ---

_WRITING = t.OPEN4_SHARE_ACCESS_BOTH


class _Closing(MemoryFileSystem):
    """A file system in memory that says when it was closed."""

    def __init__(self) -> None:
        super().__init__(Clock(), instance=next(_INSTANCES))
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Bed:
    """A server of the exports a and b, with one client that has a file open in each."""

    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.a, self.b = open_export("a", _Closing()), open_export("b", _Closing())
        self.server = make_server(self.a, self.b, reactor=self.reactor)
        self.session = Peer(self.server).session()
        self.opened: dict[str, tuple[bytes, t.stateid4]] = {}
        for name in ("a", "b"):
            opening = open_(b"f", _WRITING, create=t.UNCHECKED4)
            replies = self.session.ok(PUTROOTFH, lookup(name.encode()), opening, GETFH)
            self.opened[name] = replies[4].object, replies[3].stateid

    def same(self, export: Export, **rules: Any) -> Export:
        """The same export by other rules."""
        rules = {"squash": Squash.NONE, "networks": [ANY], **rules}
        return Export(export.name, export.fs, **rules)


def test_a_changed_export_applies_to_the_next_operation() -> None:
    bed = Bed()
    handle, stateid = bed.opened["a"]
    bed.session.ok(putfh(handle), write(stateid, b"before"))
    bed.server.replace_exports([bed.same(bed.a, read_only=True), bed.b])
    bed.session.fails(t.NFS4ERR_ROFS, putfh(handle), write(stateid, b"after"))
    replies = bed.session.ok(putfh(handle), read(stateid, 0, 10))
    assert bytes(replies[2].data) == b"before"
    bed.server.replace_exports([bed.same(bed.a, networks=["192.0.2.0/24"]), bed.b])
    bed.session.fails(t.NFS4ERR_ACCESS, putfh(handle), read(stateid, 0, 10))
    bed.server.replace_exports([bed.same(bed.a), bed.b])
    bed.session.ok(putfh(handle), write(stateid, b"after"))
    bed.session.ok(putfh(handle), close(stateid))
    assert (bed.a.fs.closed, bed.b.fs.closed) == (0, 0)  # type: ignore[attr-defined]


def test_a_removed_export_is_stale_and_its_state_is_gone() -> None:
    bed = Bed()
    handle, stateid = bed.opened["b"]
    client = bed.server.registry.clients.confirmed()[0]
    assert len(client.open_states) == 2
    bed.server.replace_exports([bed.same(bed.a)])
    bed.session.fails(t.NFS4ERR_STALE, putfh(handle), read(stateid, 0, 10))
    assert len(client.open_states) == 1
    assert not bed.b.fs.closed, "what is under way may end"  # type: ignore[attr-defined]
    bed.reactor.advance(11)
    assert bed.b.fs.closed == 1  # type: ignore[attr-defined]
    kept, still = bed.opened["a"]
    bed.session.ok(putfh(kept), write(still, b"x"))
    bed.session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"b"))
    bed.server.close()
    assert (bed.a.fs.closed, bed.b.fs.closed) == (1, 1)  # type: ignore[attr-defined]


def test_an_export_that_comes_back_at_once_is_not_closed() -> None:
    bed = Bed()
    handle, stateid = bed.opened["b"]
    bed.server.replace_exports([bed.a])
    bed.server.replace_exports([bed.a, bed.same(bed.b)])
    bed.reactor.advance(20)
    assert not bed.b.fs.closed  # type: ignore[attr-defined]
    bed.session.ok(putfh(handle))
    bed.session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid, 0, 10))


def test_what_is_closed_with_the_server_is_closed_once() -> None:
    bed = Bed()
    bed.server.replace_exports([bed.a])
    bed.server.close()
    bed.reactor.advance(20)
    assert bed.b.fs.closed == 1  # type: ignore[attr-defined]


def test_exports_that_cannot_be_leave_all_as_it_was() -> None:
    bed = Bed()
    handle, stateid = bed.opened["a"]
    with pytest.raises(ValueError, match="in another's way"):
        bed.server.replace_exports([bed.same(bed.a, read_only=True), open_export("a/x", fs())])
    bed.session.ok(putfh(handle), write(stateid, b"x"))
    bed.session.ok(putfh(bed.opened["b"][0]))


def test_what_is_mounted_below_has_the_rules_of_what_is_around_it() -> None:
    bed = Bed()
    below = open_export("a/m", _Closing())
    below.above = bed.a, bed.a.fs.root.identity
    bed.server.replace_exports([bed.a, bed.b, below])
    bed.server.replace_exports([bed.same(bed.a, read_only=True), bed.b])
    assert below in bed.server.namespace.exports
    assert below.read_only
    bed.server.replace_exports([bed.b])
    assert below not in bed.server.namespace.exports


def test_delegations_of_a_removed_export_are_revoked() -> None:
    server, reactor = delegating_server()
    holder = Holder(server, b"holder")
    handle, result = holder.open(b"f", BOTH | WANT_ANY, create=True)
    assert result.delegation.delegation_type != t.OPEN_DELEGATE_NONE_EXT
    client = next(iter(server.registry.clients.confirmed()))
    assert client.delegations
    server.replace_exports([open_export("other", fs())])
    assert not client.delegations
    assert client.revoked
    assert not client.open_states
    holder.session.fails(t.NFS4ERR_STALE, putfh(handle))
    reactor.advance(20)


def test_limits_that_become_lower_take_nothing_away() -> None:
    bed = Bed()
    handle, stateid = bed.opened["a"]
    usual = bed.server.config
    bed.server.resize(StateLimits(states=1), usual.memory)
    bed.session.ok(putfh(handle), write(stateid, b"x"))
    more = PUTROOTFH, lookup(b"a"), open_(b"g", _WRITING, create=t.UNCHECKED4)
    bed.session.fails(t.NFS4ERR_DELAY, *more)
    bed.server.resize(usual.state, usual.memory)
    bed.session.ok(*more)
    with pytest.raises(ValueError, match="sixteen"):
        bed.server.resize(usual.state, 1)


# --- A planned end ---


@pytest.mark.parametrize("holding", [True, False])
def test_after_a_planned_end_only_those_with_state_have_to_be_waited_for(holding: bool) -> None:
    store, disk = MemoryRecoveryStore(), fs()
    server = make_server(fs=disk, store=store)
    session = Peer(server).session()
    stateid, handle = session.create(b"f")
    if not holding:
        session.ok(putfh(handle), close(stateid))
    server.close()
    again = make_server(fs=disk, store=store, seed=2)
    assert again.registry.grace.active(again._reactor.time()) == holding


# --- Hosts that may change nothing ---


@pytest.mark.parametrize(
    ("writers", "readers", "frozen"),
    [
        ([ANY], [], False),
        ([], [ANY], True),
        (["10.1.2.3"], ["10.0.0.0/8"], False),
        (["10.0.0.0/8"], ["10.1.2.3"], True),
        ([ANY], ["10.1.0.0/16"], True),
        (["10.1.0.0/16"], [ANY], False),
        (["10.0.0.0/8"], ["10.0.0.0/8"], True),
        (["192.0.2.0/24"], [ANY], True),
    ],
)
def test_the_closer_network_says_who_may_change_something(
    writers: list[str], readers: list[str], frozen: bool
) -> None:
    export = Export("", fs(), networks=writers, readers=readers)
    assert export.admits(_PEER)
    assert export.freezes(_PEER) == frozen
    assert Export("", fs(), networks=writers, readers=readers, read_only=True).freezes(_PEER)
    caller = Authority([export], Policy(), lambda: 0.0).decide(_PEER, Credentials(AUTH_SYS, 1, 1))
    assert (export in caller.frozen) == frozen


@pytest.mark.parametrize("lanes", [False, True])
def test_a_host_that_may_read_only_changes_nothing(lanes: bool) -> None:
    export = Export("", fs(), squash=Squash.NONE, networks=["10.0.0.1"], readers=["10.0.0.2"])
    server = make_server(export, config=ServerConfig(lanes=lanes))
    writer = Peer(server, address="10.0.0.1").session(b"writer")
    reader = Peer(server, address="10.0.0.2").session(b"reader")
    stateid, handle = writer.create(b"f", b"contents")
    assert reader.read(handle) == b"contents"
    wish = open_(b"f", t.OPEN4_SHARE_ACCESS_WRITE)
    reader.fails(t.NFS4ERR_ROFS, PUTROOTFH, wish)
    reader.fails(t.NFS4ERR_ROFS, putfh(handle), write(ANONYMOUS, b"x"))
    writer.ok(putfh(handle), write(stateid, b"changed!"))
    opened = reader.ok(PUTROOTFH, open_(b"f", t.OPEN4_SHARE_ACCESS_READ))[2].stateid
    reader.fails(t.NFS4ERR_ROFS, putfh(handle), write(opened, b"x"))
    # The same hosts, the other way round.
    rules = Export("", export.fs, squash=Squash.NONE, networks=["10.0.0.2"], readers=["10.0.0.1"])
    server.replace_exports([rules])
    writer.fails(t.NFS4ERR_ROFS, putfh(handle), write(stateid, b"x"))
    assert writer.read(handle, stateid) == b"changed!"
    reader.ok(PUTROOTFH, open_(b"f", t.OPEN4_SHARE_ACCESS_BOTH))
