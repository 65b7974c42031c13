"""URLs of exports: what they mean, and what is wrong with the others."""

from __future__ import annotations

import pytest

from nfsrdma.client.options import MountOptions
from nfsrdma.client.url import UrlError, parse_url


@pytest.mark.parametrize(
    ("text", "transport", "host", "port", "path"),
    [
        ("nfs+rdma://server", "rdma", "server", 20049, ()),
        ("nfs+rdma://server:20050/", "rdma", "server", 20050, ()),
        ("nfs+tcp://server/a/b", "tcp", "server", 2049, (b"a", b"b")),
        ("nfs://server/a", "tcp", "server", 2049, (b"a",)),
        ("NFS+TCP://server//a/./b/", "tcp", "server", 2049, (b"a", b"b")),
        ("nfs+tcp://[::1]/x", "tcp", "::1", 2049, (b"x",)),
        ("nfs+rdma://[fe80::1%25eth0]:7/x", "rdma", "fe80::1%eth0", 7, (b"x",)),
        ("nfs+tcp://h/a%20b/%ff%3F%23", "tcp", "h", 2049, (b"a b", b"\xff?#")),
        ("nfs+tcp://h/gr%C3%BC%C3%9Fe", "tcp", "h", 2049, ("grüße".encode(),)),
        ("nfs+tcp://h/grüße", "tcp", "h", 2049, ("grüße".encode(),)),
        ("nfs+tcp://h/caf\udce9/a\tb\n", "tcp", "h", 2049, (b"caf\xe9", b"a\tb\n")),
        ("nfs+tcp://bücher.example/ x ", "tcp", "bücher.example", 2049, (b" x ",)),
        ("nfs+tcp://b%C3%BCcher.example/", "tcp", "bücher.example", 2049, ()),
    ],
)
def test_parts(text: str, transport: str, host: str, port: int, path: tuple[bytes, ...]) -> None:
    url = parse_url(text)
    assert (url.transport, url.host, url.port, url.path) == (transport, host, port, path)


def test_options_become_keywords_of_mount() -> None:
    url = parse_url(
        "nfs+rdma://h/x?provider=verbs&device=rxe0&minor=1&timeout=2.5&rsize=65536&uid=7&gid=8"
    )
    assert url.options == MountOptions(
        provider="verbs", device="rxe0", minor_version=1, timeout=2.5, rsize=65536, uid=7, gid=8
    )
    assert parse_url("nfs+rdma://h/x").options == MountOptions()
    assert parse_url("nfs+rdma://h/x?delegations=1").options.delegations is True
    assert parse_url("nfs+rdma://h/x?delegations=0").options.delegations is False
    assert parse_url("nfs+rdma://h/x?cache=1000000").options.cache == 1_000_000


def test_what_the_caller_asks_for_wins_over_the_url() -> None:
    of_url = MountOptions(timeout=2.5, uid=7)
    assert MountOptions(timeout=9.0).over(of_url) == MountOptions(timeout=9.0, uid=7)
    assert MountOptions(uid=0).over(of_url) == MountOptions(timeout=2.5, uid=0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("/a/path", "does not begin with"),
        ("http://h/x", "does not begin with"),
        ("nfs+rdma://", "no host"),
        ("nfs+tcp://me@h/x", "user name"),
        ("nfs+tcp://h:99999/", "a port is a number from 1 to 65535"),
        ("nfs+tcp://::1/", "in brackets"),
        ("nfs+tcp://h:0/", "0 is no port"),
        ("nfs+tcp://h/?delegations=yes", "1 or 0"),
        ("nfs+tcp://[::1/x", "in brackets"),
        ("nfs+tcp://h/a/../b", "'..'"),
        ("nfs+tcp://h/a/%2e%2e/b", "'..'"),
        ("nfs+tcp://h/a%2Fb", "%2F"),
        ("nfs+tcp://h/a%00b", "%00"),
        ("nfs+tcp://h/a#b", "%23"),
        ("nfs+tcp://h/?color=blue", "no option 'color'"),
        ("nfs+tcp://h/?minor=3", "1 or 2"),
        ("nfs+tcp://h/?timeout=-1", "above 0"),
        ("nfs+tcp://h/?timeout=nan", "above 0"),
        ("nfs+tcp://h/?rsize=12", "1024 at least"),
        ("nfs+tcp://h/?rsize=big", "rsize=big: a number of octets"),
        ("nfs+tcp://h/?timeout=x", "timeout=x: a number of seconds"),
        ("nfs+tcp://h/?cache=1_000", "a number of octets"),
        ("nfs+tcp://h/?nconnect=two", "a number from 1 to 16"),
        ("nfs+tcp://h/?gid=staff", "0 to 4294967295"),
        ("nfs+tcp://h/?uid=-1", "0 to 4294967295"),
    ],
)
def test_what_is_wrong_is_said(text: str, complaint: str) -> None:
    with pytest.raises(UrlError, match=complaint.replace("+", r"\+").replace("'", ".")):
        parse_url(text)


def test_a_url_reads_back() -> None:
    for text in (
        "nfs+rdma://h/a/b",
        "nfs+tcp://[::1]:7/a",
        "nfs+tcp://[fe80::1%25eth0]/a",
        "nfs+tcp://h/",
        "nfs+tcp://h/größe und mehr",
        "nfs+tcp://h/%FF/%1B[2J/%3F%23%25",
    ):
        assert str(parse_url(text)) == text
