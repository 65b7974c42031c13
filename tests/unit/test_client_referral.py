"""What a client makes of the places that a server refers it to."""

from __future__ import annotations

import pytest

from nfsrdma.client.referral import Place, _places
from nfsrdma.client.url import parse_url
from nfsrdma.xdr.nfs4 import types as t

HERE = parse_url("nfs+tcp://first.example:4000/go?timeout=9")


def told(*servers: bytes, path: tuple[bytes, ...] = (b"a",)) -> list[Place]:
    locations = t.fs_locations4([b"go"], [t.fs_location4(list(servers), list(path))])
    return list(_places(locations, (b"sub",)))


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (b"other.example", "nfs+tcp://other.example/a/sub"),
        (b"192.0.2.1", "nfs+tcp://192.0.2.1/a/sub"),
        (b"192.0.2.1.8.2", "nfs+tcp://192.0.2.1:2050/a/sub"),
        (b"2001:db8::1", "nfs+tcp://[2001:db8::1]/a/sub"),
        (b"2001:db8::1.8.2", "nfs+tcp://[2001:db8::1]:2050/a/sub"),
        (b"", "nfs+tcp://first.example:4000/a/sub"),
        (b"v1.2.3", "nfs+tcp://v1.2.3/a/sub"),
    ],
)
def test_places(server: bytes, url: str) -> None:
    (place,) = told(server)
    assert str(place.url(HERE)) == url
    assert place.url(HERE).options == HERE.options


@pytest.mark.parametrize(
    "server", [b"a b", b"\xff", b"a/b", b"u@h", b"[::1]", b"x" * 256, b"a\n", b"192.0.2.1.0.0"]
)
def test_what_is_no_server(server: bytes) -> None:
    assert not told(server)


@pytest.mark.parametrize("path", [(b"..",), (b"",), (b"a/b",), (b"a\0",), (b"x",) * 257])
def test_what_is_no_path(path: tuple[bytes, ...]) -> None:
    assert not told(b"h", path=path)


def test_servers_beyond_measure_are_not_looked_at() -> None:
    assert len(told(*[b"h"] * 1000)) == 16
