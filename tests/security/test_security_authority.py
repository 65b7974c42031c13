"""Who a caller is: what the server believes, and of whom."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.hosts import loopback
from tests.support.nfs import (
    PUTROOTFH,
    Clock,
    Peer,
    exchange_id,
    getattr_,
    make_server,
    mkdir,
    open_,
    setattr_,
)

from nfsrdma.rpcrdma.io import tcp
from nfsrdma.rpcrdma.io.owners import is_this_host, owner_of_peer, owner_of_port
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc import channel as rpc_channel
from nfsrdma.rpcrdma.rpc.auth import NOBODY, Credentials
from nfsrdma.rpcrdma.rpc.channel import UNKNOWN_USER, Owner
from nfsrdma.rpcrdma.rpc.program import RpcService
from nfsrdma.server.authority import Authority, Policy, Rejection
from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.interface import ROOT, Changes
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4
from nfsrdma.xdr.rpc import AUTH_TOOWEAK

ALICE, BOB = 1000, 1001
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which takes root")


def memory() -> MemoryFileSystem:
    return MemoryFileSystem(Clock())


def here(uid: int, transport: str = "rdma", port: int = 50000) -> rpc_channel.Peer:
    return rpc_channel.Peer(transport, "127.0.0.1", port, uid, at_home=uid == 0)


def elsewhere(port: int = 700, transport: str = "tcp") -> rpc_channel.Peer:
    return rpc_channel.Peer(transport, "192.0.2.7", port)


def authority(policy: Policy, *exports: Export) -> Authority:
    return Authority(exports or [Export("", memory(), networks=[ANY])], policy, lambda: 0.0)


def groups(uid: int) -> frozenset[int]:
    return frozenset({uid, 50})


BY_ROOT = Policy(groups_of=groups)
BY_ALICE = Policy(ALICE, frozenset({ALICE, 0}), groups_of=groups)


# The rules


@pytest.mark.parametrize(
    ("policy", "peer", "uid", "served"),
    [
        # On this host: only for oneself, unless one is root or the server's own user.
        (BY_ROOT, here(BOB), BOB, True),
        (BY_ROOT, here(BOB), ALICE, False),
        (BY_ROOT, here(BOB), 0, False),
        (BY_ROOT, here(BOB, "tcp", 700), 0, False),
        (BY_ROOT, here(NOBODY), 0, False),
        (BY_ROOT, here(NOBODY), NOBODY, True),
        (BY_ROOT, here(0), ALICE, True),
        (BY_ROOT, here(UNKNOWN_USER), ALICE, False),
        (BY_ROOT, here(UNKNOWN_USER), NOBODY, False),
        (BY_ALICE, here(ALICE), ALICE, True),
        (BY_ALICE, here(ALICE), BOB, True),
        (BY_ALICE, here(0), 0, True),
        (BY_ALICE, here(BOB), BOB, False),
        (BY_ALICE, here(BOB), ALICE, False),
        (BY_ALICE, here(UNKNOWN_USER), ALICE, False),
        # On other hosts: as claimed, from a port of root's over TCP.
        (BY_ROOT, elsewhere(), BOB, True),
        (BY_ROOT, elsewhere(1023), 0, True),
        (BY_ROOT, elsewhere(1024), BOB, False),
        (BY_ROOT, elsewhere(0), BOB, False),
        (BY_ROOT, elsewhere(4791, "rdma"), BOB, True),
        (Policy(insecure=True), elsewhere(40000), BOB, True),
        (BY_ALICE, elsewhere(40000), ALICE, True),
        (BY_ALICE, elsewhere(700), BOB, False),
        (Policy(ALICE), elsewhere(40000), BOB, True),
        (Policy(insecure=True), here(BOB), 0, False),
    ],
)
def test_claims(policy: Policy, peer: rpc_channel.Peer, uid: int, served: bool) -> None:
    claim = Credentials.sys(uid, uid, (50,))
    decide = authority(policy).decide
    if served:
        assert decide(peer, claim).credentials.uid == uid
    else:
        with pytest.raises(Rejection):
            decide(peer, claim)


def test_groups_are_those_that_a_user_has() -> None:
    decide = authority(BY_ROOT).decide
    claim = Credentials.sys(BOB, 0, (0, 50, BOB, 27))
    granted = decide(here(BOB, "tcp"), claim).credentials
    assert (granted.gid, granted.groups) == (NOBODY, (50, BOB))
    told = rpc_channel.Peer("rdma", "127.0.0.1", 1, BOB, frozenset({27}))
    granted = decide(told, claim).credentials
    assert (granted.gid, granted.groups) == (NOBODY, (27,))
    assert decide(elsewhere(), claim).credentials == claim


def test_nobody_is_served_where_everybody_is_nobody() -> None:
    anonymous = Credentials()
    public = Export("p", memory(), squash=Squash.ALL, networks=[ANY])
    private = Export("q", memory(), networks=[ANY])
    for peer in (here(BOB), elsewhere(), here(0)):
        with pytest.raises(Rejection):
            authority(BY_ROOT, private).decide(peer, anonymous)
        assert authority(BY_ROOT, public, private).decide(peer, anonymous).barred == {private}
    with pytest.raises(Rejection):
        authority(BY_ALICE, public).decide(elsewhere(), anonymous)


def test_what_is_offered_is_what_is_taken() -> None:
    """SECINFO (RFC 8881, Section 18.29) has AUTH_NONE for exports where everybody is nobody."""
    for squash, flavors in ((Squash.ROOT, [1]), (Squash.NONE, [1]), (Squash.ALL, [1, 0])):
        session = Peer(make_server(Export("", memory(), squash=squash))).session()
        reply = session.ok(PUTROOTFH, (t.OP_SECINFO_NO_NAME, t.SECINFO_STYLE4_CURRENT_FH))
        assert [each.flavor for each in reply[-1]] == flavors


@pytest.mark.parametrize(
    ("peer", "squash", "insists", "uid"),
    [
        (elsewhere(), Squash.ROOT, False, NOBODY),
        (elsewhere(), Squash.NONE, False, 0),
        (here(0), Squash.ROOT, False, 0),
        (here(0), Squash.ROOT, True, NOBODY),
        (here(0), Squash.ALL, False, NOBODY),
        (here(0, "tcp", 40000), Squash.ROOT, False, 0),
        (here(BOB), Squash.NONE, False, None),
        (here(UNKNOWN_USER), Squash.NONE, False, None),
        (replace(here(0), at_home=False), Squash.ROOT, False, NOBODY),  # of a container
    ],
)
def test_root(peer: rpc_channel.Peer, squash: Squash, insists: bool, uid: int | None) -> None:
    """Who claims to be root, and whom the export takes it for; None: it is refused."""
    export = Export("", memory(), squash=squash, squash_local_root=insists, networks=[ANY])
    if uid is None:
        with pytest.raises(Rejection):
            authority(BY_ROOT, export).decide(peer, Credentials.sys(0, 0))
        return
    granted = authority(BY_ROOT, export).decide(peer, Credentials.sys(0, 0)).credentials
    assert export.user(granted).uid == uid


def test_the_wire_cannot_vouch() -> None:
    assert not Credentials.sys(0, 0).vouched


def test_a_back_end_of_one_user_is_that_users(tmp_path: Path) -> None:
    fs = LocalFileSystem(tmp_path)
    fs.acts_as = ALICE
    policy = Policy.suiting([Export("", fs)])
    assert (policy.server_user, policy.users) == (ALICE, {ALICE, 0})
    fs.close()


# What comes of it


def test_who_is_refused_gets_nothing_but_null(caplog: pytest.LogCaptureFixture) -> None:
    server = make_server(policy=BY_ALICE)
    stranger = Peer(server, Credentials.sys(BOB, BOB))
    stranger.channel.peer = here(BOB)
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            assert stranger.send(exchange_id(b"x")).denied == AUTH_TOOWEAK
            assert stranger.send(PUTROOTFH).denied == AUTH_TOOWEAK
    assert list(server.registry.clients.confirmed()) == []
    (line,) = (record.getMessage() for record in caplog.records)
    assert "127.0.0.1 over rdma, user 1001: refused" in line


def test_each_claim_of_a_connection_is_judged_by_itself() -> None:
    server = make_server(policy=BY_ROOT)
    bob = Peer(server, Credentials.sys(BOB, BOB))
    bob.channel.peer = here(BOB)
    session = bob.session()
    for _ in range(3):
        session.ok(PUTROOTFH)
        for uid in (0, ALICE, *range(2000, 2100)):
            claim = Credentials.sys(uid, 0)
            assert bob.send(exchange_id(b"y"), credentials=claim).denied == AUTH_TOOWEAK
    # The same octets over another connection are another's.
    other = Peer(server, Credentials.sys(BOB, BOB))
    other.channel.peer = here(ALICE)
    assert other.send(exchange_id(b"z")).denied == AUTH_TOOWEAK


def test_nothing_is_kept_of_connections_that_are_gone() -> None:
    decide = authority(BY_ROOT)
    server = make_server()
    for _ in range(100):
        peer = Peer(server)
        decide(peer.channel, peer.credentials)
        for uid in range(200):
            decide(peer.channel, Credentials.sys(uid, 0))
        assert len(decide._channels[peer.channel]) <= 64
        for callback in peer.channel._callbacks:
            callback("gone")
    assert not decide._channels
    assert decide._channel is None


def test_set_user_id_devices_and_owners_are_for_whom_a_caller_is() -> None:
    """A squashed root makes what nobody could make."""
    fs = memory()
    fs.change(fs.root, ROOT, Changes(mode=0o777))
    session = Peer(make_server(Export("", fs))).session()
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.UNCHECKED4), getattr_(36))
    assert decode_fattr4(reply[3].obj_attributes) == {36: b"65534"}
    session.ok(PUTROOTFH, mkdir(b"d"))
    for value in ({t.FATTR4_OWNER: b"0"}, {t.FATTR4_OWNER_GROUP: b"0"}):
        session.fails(
            t.NFS4ERR_PERM, PUTROOTFH, (t.OP_LOOKUP, t.LOOKUP4args(b"f")), setattr_(value)
        )
    device = t.createtype4(t.NF4CHR, t.specdata4(1, 3))
    attributes = t.fattr4([], b"")
    session.fails(t.NFS4ERR_PERM, PUTROOTFH, (t.OP_CREATE, t.CREATE4args(device, b"c", attributes)))


# What the kernel knows


@contextmanager
def child_of(
    uid: int, code: str, *arguments: object, prefix: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A process of another user that runs ``code``, and says a line when it has begun."""
    # Not before it runs: another user may not be able to start our interpreter.
    become = f"import os, socket, sys; os.setresuid({uid}, {uid}, {uid})"
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", become + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def listening(host: str, family: int = socket.AF_INET) -> Iterator[socket.socket]:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        listener.settimeout(10)
        yield listener


CONNECT = """
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.connect((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
for line in sys.stdin:
    s.shutdown(socket.SHUT_WR) if line == "half\\n" else s.close()
    print("done", flush=True)
"""


@as_root
@pytest.mark.parametrize(
    ("listens", "connects", "family"),
    [
        ("127.0.0.1", "127.0.0.1", socket.AF_INET),
        ("::1", "::1", socket.AF_INET6),
        ("::", "127.0.0.1", socket.AF_INET6),
        ("::", "::ffff:127.0.0.1", socket.AF_INET6),
    ],
)
def test_owner_of_a_tcp_peer(listens: str, connects: str, family: int) -> None:
    with listening(listens, family) as listener:
        port = listener.getsockname()[1]
        with child_of(4242, CONNECT, connects, port) as child, listener.accept()[0] as sock:
            assert child.stdin is not None
            assert child.stdout is not None
            assert owner_of_peer(sock) == Owner(4242)
            child.stdin.write("half\n")
            child.stdin.flush()
            child.stdout.readline()
            assert owner_of_peer(sock) == Owner(4242)


@as_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare(1) here")
def test_root_of_a_container_is_not_at_home() -> None:
    """One that shares this host's network, and has no user namespace of its own."""
    with listening("127.0.0.1") as listener:
        port = listener.getsockname()[1]
        container = ("unshare", "--mount")
        with child_of(0, CONNECT, "127.0.0.1", port, prefix=container), listener.accept()[0] as one:
            assert owner_of_peer(one) == Owner(0, at_home=False)
        with child_of(0, CONNECT, "127.0.0.1", port), listener.accept()[0] as other:
            assert owner_of_peer(other) == Owner(0, at_home=True)


def test_a_peer_that_has_closed_is_nobodys() -> None:
    """The kernel says that its socket is user 0's."""
    with listening("127.0.0.1") as listener:
        client = socket.create_connection(listener.getsockname())
        client.send(b"x")
        client.close()
        with listener.accept()[0] as sock:
            assert owner_of_peer(sock) == Owner(UNKNOWN_USER)


def test_our_own_sockets_are_ours() -> None:
    with (
        listening("127.0.0.1") as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as sock,
    ):
        assert owner_of_peer(sock) == Owner(os.geteuid(), at_home=os.geteuid() == 0)


def test_the_tables_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from nfsrdma.rpcrdma.io import owners

    def refuse(*_: object) -> None:
        raise OSError("no netlink here")

    monkeypatch.setattr(owners, "_ask", refuse)
    test_our_own_sockets_are_ours()
    test_a_peer_that_has_closed_is_nobodys()
    test_owner_of_a_udp_port()
    assert is_this_host("127.0.0.1")
    assert not is_this_host("192.0.2.77")


def test_owner_of_a_udp_port() -> None:
    host = loopback(150)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind((host, 0))
        port = bound.getsockname()[1]
        assert owner_of_port(host, port) == Owner(os.geteuid(), at_home=os.geteuid() == 0)
    assert owner_of_port(host, port) == Owner(UNKNOWN_USER)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        # Whoever is bound to no address may not be who sends from this one.
        assert owner_of_port(host, everywhere.getsockname()[1]) == Owner(UNKNOWN_USER)
    assert owner_of_port("192.0.2.77", 4791) is None


@as_root
def test_a_udp_port_of_two_users_is_nobodys() -> None:
    share = """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
sys.stdin.read()
"""
    host = loopback(151)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, 0))
        port = bound.getsockname()[1]
        with child_of(4242, share, host, port):
            assert owner_of_port(host, port) == Owner(UNKNOWN_USER)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_this_host(address: str) -> None:
    assert is_this_host(address)


@pytest.mark.parametrize("address", ["192.0.2.77", "2001:db8::1", "server", ""])
def test_not_this_host(address: str) -> None:
    assert not is_this_host(address)


def test_users_of_another_namespace_are_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """They all look like user 65534 to a server in a user namespace that lacks them."""
    from nfsrdma.rpcrdma.io import owners

    monkeypatch.setattr(owners, "_has_all_users", lambda: False)
    assert owners.known_user(65534) == UNKNOWN_USER
    assert owners.known_user(1000) == 1000
    monkeypatch.setattr(owners, "_has_all_users", lambda: True)
    assert owners.known_user(65534) == 65534


def test_a_shortage_makes_nobody_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who uses up the descriptors must not be believed like a host that is allowed."""
    from nfsrdma.rpcrdma.io import owners

    class NoSocket:
        def __init__(self, *_: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

    with (
        listening("127.0.0.1") as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as sock,
    ):
        monkeypatch.setattr(owners.socket, "socket", NoSocket)
        for look in (
            lambda: is_this_host("192.0.2.77"),
            lambda: owner_of_port("192.0.2.77", 4791),
            lambda: owner_of_port("127.0.0.1", 4791),
            lambda: owner_of_peer(sock),
        ):
            with pytest.raises(OSError, match="too many"):
                look()
        monkeypatch.undo()


def test_who_cannot_be_looked_up_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(tcp, "owner_of_peer", fail)
    reactor = SelectReactor()
    came: list[object] = []
    listener = tcp.listen_tcp(reactor, "127.0.0.1", 0, RpcService([]), on_channel=came.append)
    channel = reactor.run_until(tcp.connect_tcp(reactor, *listener.address), 5)
    gone: list[str] = []
    channel.on_close(gone.append)
    reactor.run_until(lambda: bool(gone), 5)
    assert not came
    listener.close()
    reactor.close()
