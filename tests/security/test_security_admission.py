"""Who may connect: without a word nobody but this host, and who may not gets nothing but NULL."""

from __future__ import annotations

import os
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.support.nfs import (
    PUTROOTFH,
    Clock,
    Peer,
    create_session,
    destroy_clientid,
    destroy_session,
    exchange_id,
    getattr_,
    make_server,
    open_export,
)

from nfsrdma.cli.serve_exports import (
    ExportOptions,
    open_exports,
    parse_export,
    split_options,
    wanted_exports,
)
from nfsrdma.cli.serve_policy import check_reach, choices, make_policy
from nfsrdma.cli.serving import ServeCommand
from nfsrdma.client.url import parse_url
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp, listen_tcp
from nfsrdma.rpcrdma.rpc import channel as rpc_channel
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.program import RpcService
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.serving import ListenAddress
from nfsrdma.server.service import NfsService, NobodyNamed
from nfsrdma.server.vfs.export import ANY, Export, Squash, is_elsewhere
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import AUTH_TOOWEAK


def memory() -> MemoryFileSystem:
    return MemoryFileSystem(Clock())


@pytest.fixture
def reactor() -> Iterator[SelectReactor]:
    made = SelectReactor()
    yield made
    made.close()


# Connections, sessions and state


@pytest.mark.parametrize("address", ["192.0.2.9", "127.0.0.1", "::1", "2001:db8::2"])
def test_who_is_not_named_gets_no_session_and_no_state(address: str) -> None:
    server = make_server(Export("", memory(), networks=["10.0.0.0/8"]))
    friend = Peer(server, address="10.0.0.1").session(b"friend")
    stranger = Peer(server, address=address)
    for op in (
        exchange_id(b"friend"),
        exchange_id(b"stranger"),
        create_session(friend.client_id, 1),
        destroy_session(friend.id),
        destroy_clientid(friend.client_id),
        (t.OP_BIND_CONN_TO_SESSION, t.BIND_CONN_TO_SESSION4args(friend.id, 3, False)),
        (t.OP_SEQUENCE, t.SEQUENCE4args(friend.id, 99, 0, 0, False)),
        PUTROOTFH,
    ):
        assert stranger.send(op).denied == AUTH_TOOWEAK, op
    assert len(list(server.registry.clients.confirmed())) == 1
    friend.ok(PUTROOTFH, getattr_(1))


def test_null_is_for_everybody(reactor: SelectReactor) -> None:
    server = NfsService(
        [Export("", memory(), networks=["192.0.2.0/24"])], reactor, random.Random(1)
    )
    _, port = server.listen_tcp("127.0.0.1", 0)
    made = reactor.run_until(connect_tcp(reactor, "127.0.0.1", port), 5)
    rpc = RpcClient(random.Random(1), Credentials())
    call = rpc.call(made, 100003, 4, 0, lambda enc: None, max_reply=100)
    reactor.run_until(call, 5)
    server.close()


def test_who_is_named_for_one_export_gets_no_other() -> None:
    closed = Export("closed", memory(), networks=["10.0.0.0/8"])
    server = make_server(closed, Export("open", memory(), networks=["192.0.2.0/24"]))
    session = Peer(server, address="192.0.2.1").session()
    session.ok(PUTROOTFH, (t.OP_LOOKUP, t.LOOKUP4args(b"open")))
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, (t.OP_LOOKUP, t.LOOKUP4args(b"closed")))


@pytest.mark.parametrize(
    ("peer", "admitted"),
    [
        (rpc_channel.Peer("tcp", "127.0.0.1", 1), True),
        (rpc_channel.Peer("tcp", "127.200.3.4", 1), True),
        (rpc_channel.Peer("tcp", "::1", 1), True),
        (rpc_channel.Peer("tcp", "::ffff:127.0.0.1", 1), True),
        (rpc_channel.Peer("tcp", "10.0.0.1", 1), False),
        (rpc_channel.Peer("tcp", "::ffff:10.0.0.1", 1), False),
        (rpc_channel.Peer("tcp", "10.0.0.1", 1, 1000), True),  # an address of this host
        (rpc_channel.Peer("rdma", "0.0.0.0", 1, 1000), True),  # shared memory, another network
        (rpc_channel.Peer("rdma", "client", 1), True),  # the simulator
    ],
)
def test_without_a_word_it_is_this_host_alone(peer: rpc_channel.Peer, admitted: bool) -> None:
    assert Export("", memory()).admits(peer) == admitted


# Listening


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_nobody_listens_beyond_this_host_without_a_name(
    reactor: SelectReactor, address: str
) -> None:
    server = NfsService([Export("", memory())], reactor, random.Random(1))
    with pytest.raises(NobodyNamed):
        server.listen_tcp(address, 0)
    assert not server.listeners
    server.close()
    named = NfsService([Export("", memory(), networks=[ANY])], reactor, random.Random(1))
    named.listen_tcp(address, 0)
    named.close()


@pytest.mark.parametrize(
    ("address", "beyond"),
    [
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("server", False),
        ("0.0.0.0", True),
        ("::", True),
        ("10.0.0.1", True),
        ("fe80::1%eth0", True),
    ],
)
def test_what_leads_beyond_this_host(address: str, beyond: bool) -> None:
    assert is_elsewhere(address) == beyond


def test_our_client_takes_a_reserved_port_where_it_may(reactor: SelectReactor) -> None:
    ports: list[int] = []
    listener = listen_tcp(
        *(reactor, "127.0.0.1", 0, RpcService([])),
        on_channel=lambda made: ports.append(made.peer.port),
    )
    # Two at a time may not have one port, but one after the other may.
    made = [reactor.run_until(connect_tcp(reactor, *listener.address), 5) for _ in range(20)]
    reactor.run_until(lambda: len(ports) == 20, 5)
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    if os.geteuid() == 0:
        assert all(665 <= port < 1024 for port in ports)
    elif int(start) == 1024:
        assert all(port >= 1024 for port in ports)
    assert len(set(ports)) == 20
    for each in made:
        each.close()
    listener.close()


# The command


def test_options_of_an_export(tmp_path: Path) -> None:
    colon = tmp_path / "a:ro"
    colon.mkdir()
    plain = str(tmp_path)
    assert split_options(str(colon)) == (str(colon), ())
    assert split_options(f"{colon}:rw") == (str(colon), ("rw",))
    assert split_options(plain) == (plain, ())
    assert split_options(f"{plain}:ro,no_root_squash") == (plain, ("ro", "no_root_squash"))
    assert split_options(f"n={plain}:all_squash") == (f"n={plain}", ("all_squash",))
    assert split_options(f"n={colon}") == (f"n={colon}", ())
    assert split_options(f"{plain}:nonsense") == (plain, ("nonsense",))
    assert split_options("/not/there:8080") == ("/not/there:8080", ())
    assert parse_export(split_options(f"n={plain}:ro")[0], alone=True) == ("n", plain)


def test_options_are_for_one_export(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    given = [
        f"{tmp_path}/one:no_root_squash,ro",
        f"{tmp_path}/two",
        f"{tmp_path}/three:root_squash",
    ]
    one, two, three = made = open_exports(wanted_exports(given, False, ExportOptions()))
    assert (one.squash, one.read_only) == (Squash.NONE, True)
    assert (two.squash, two.read_only, two.squash_local_root) == (Squash.ROOT, False, False)
    assert (three.squash, three.squash_local_root) == (Squash.ROOT, True)
    for export in made:
        assert export.for_this_host
        export.fs.close()


def test_each_choice_is_said() -> None:
    exports = [
        Export("a", memory()),
        Export("b", memory(), squash=Squash.NONE, read_only=True, networks=["10.0.0.0/8"]),
        Export("c", memory(), squash=Squash.ALL, networks=[ANY]),
    ]
    *lines, who = choices(exports, ["/srv/a", "/srv/b", "/srv/c"], Policy())
    assert lines == [
        "/a is /srv/a: read and write; callers have their own rights, root of other hosts is "
        "nobody; for this host alone",
        "/b is /srv/b: read only; callers have their own rights, root of any host is root; "
        "for 10.0.0.0/8",
        "/c is /srv/c: read and write; every caller is nobody; for every host",
    ]
    assert who.startswith("all users are served; callers on this host are who its kernel says")
    assert "below 1024" in who
    wanted = wanted_exports([], True, ExportOptions())
    *_, who = choices(
        open_exports(wanted),
        [each.shown for each in wanted],
        Policy(0xFFFFFF, frozenset({0xFFFFFF, 0})),
    )
    assert who.startswith(f"user {0xFFFFFF} and root alone are served")
    assert "others" not in who


def test_users_that_an_ordinary_users_server_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert make_policy(None, False).users == {1000, 0}
    assert make_policy("1001,1002", False).users == {1000, 0, 1001, 1002}
    assert make_policy("any", False).users is None
    assert make_policy(None, True).users is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert make_policy(None, False).users is None


def test_urls_are_as_they_can_be_used() -> None:
    for transport, address, path in (
        ("rdma", "fd99::1", "h#x"),
        ("tcp", "fd99::1", "q?y"),
        ("tcp", "127.0.0.1", "100%/a b/\N{SNOWMAN}"),
        ("rdma", "fe80::1%eth0", ""),
    ):
        said = ListenAddress(transport, address, 20049 if transport == "rdma" else 2049).url(path)
        read = parse_url(said)
        assert read.host == address
        assert b"/".join(read.path) == path.encode()


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    exports = [open_export("", memory())]
    serving = ServeCommand(exports, ServerConfig(), None, Policy(), False)
    serving.say([ListenAddress("rdma", "fd99::1", 20049).url("a")])
    serving.close()
    assert capsys.readouterr().out == "nfs+rdma://[fd99::1]/a\n"


@pytest.mark.parametrize("address", ["*", "0", "0.0.0.0", "::", "::ffff:0.0.0.0", "192.0.2.1"])
def test_serve_wants_to_know_who_may_connect(address: str) -> None:
    # However it is written: what is taken for a name here, and for every address there, is none.
    with pytest.raises(click.UsageError, match="--allow"):
        check_reach([address], [])
    check_reach([address], ["192.0.2.0/24"])


def test_ipv4_networks_written_as_ipv6() -> None:
    export = Export("", memory(), networks=["::ffff:192.0.2.0/120", "2001:db8::/32"])
    assert export.admits(rpc_channel.Peer("tcp", "192.0.2.9", 1))
    assert export.admits(rpc_channel.Peer("tcp", "::ffff:192.0.2.9", 1))
    assert export.admits(rpc_channel.Peer("tcp", "2001:db8::1", 1))
    assert not export.admits(rpc_channel.Peer("tcp", "192.0.3.9", 1))
    assert not export.admits(rpc_channel.Peer("tcp", "fe80::1", 1))


@pytest.mark.parametrize("network", ["fe80::1%eth0", "10.0.0.1/8", "2001:db8::1/32", "10"])
def test_networks_that_are_not_what_they_seem(network: str) -> None:
    with pytest.raises(ValueError, match=re.escape(network)):
        Export("", memory(), networks=[network])


def test_dual_stack_peers_are_known_by_their_ipv4_address(reactor: SelectReactor) -> None:
    server = NfsService([Export("", memory(), networks=["127.0.0.1"])], reactor, random.Random(1))
    _, port = server.listen_tcp("::", 0)
    made = reactor.run_until(connect_tcp(reactor, "127.0.0.1", port), 5)
    rpc = RpcClient(random.Random(1), Credentials.sys(os.geteuid(), 0))
    call = rpc.call(
        *(made, 100003, 4, 1),
        lambda enc: enc.buffer.extend(bytes(4) + b"\0\0\0\2" + bytes(4)),
        max_reply=1000,
    )
    assert reactor.run_until(call, 5).uint32() == t.NFS4_OK
    assert socket.has_ipv6
    server.close()
