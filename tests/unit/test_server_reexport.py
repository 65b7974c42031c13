"""Exports that change while the server runs."""

from __future__ import annotations

import errno
import itertools

import pytest

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.rpc.message import AuthError
from nfsrdma.server.authority import Authority, Policy
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.namespace import BadHandle, Namespace
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

_PEER = Peer("tcp", "10.1.2.3", 700)


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
    authority.replace([export])
    assert export.user(authority(channel, claim).credentials).uid == 0  # type: ignore[arg-type]
    assert export.read_only
    export.adopt(Export("", export.fs, networks=["192.0.2.0/24"]))
    authority.replace([export])
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
