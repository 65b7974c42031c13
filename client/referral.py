"""Files that are on another server: where it says that they are (RFC 7530, Section 8).

A server answers MOVED, and tells in ``fs_locations`` where to go. A mount whose URL leads there
goes there (``edge.connect``); where a path does so later, the error says where it points.
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import types as t

from .attributes import NAME_MAX, bitmap, decode_values
from .caller import Caller
from .errors import NfsError, StatusError
from .url import Url

_FS_LOCATIONS: Final = bitmap((t.FATTR4_FS_LOCATIONS,))
_ROOM: Final = 32 << 10
"""Octets that locations may take."""
_PLACES_MAX: Final = 16
"""Places that are looked at: a server may name any number."""
_DEEPEST: Final = 256
_SERVER_MAX: Final = 255


class Place(NamedTuple):
    """A server, its port if that was told, and a path from its root on.

    An empty ``host`` is the server that told (RFC 7530, Section 8.8).
    """

    host: str
    port: int | None
    path: tuple[bytes, ...]

    def url(self, told_by: Url) -> Url:
        """Return the URL of the place, of the same transport as that of the server that told."""
        host = self.host or told_by.host
        port = self.port
        if port is None:
            port = told_by.port if not self.host else told_by.default_port
        return replace(told_by, host=host, port=port, path=self.path)

    def __str__(self) -> str:
        host = self.host or "the same server"
        port = "" if self.port is None else f" port {self.port}"
        return f"{host}{port}:/{b'/'.join(self.path).decode('utf-8', 'backslashreplace')}"


class MovedError(NfsError):
    """NFS4ERR_MOVED: what a path leads to is on another server, at one of ``places``."""

    status = t.NFS4ERR_MOVED
    places: tuple[Place, ...] = ()

    def again(self) -> NfsError:
        """Return an equal error, to be raised in another place."""
        copy = super().again()
        assert isinstance(copy, MovedError)
        copy.places = self.places
        return copy


async def moved(
    caller: Caller, start: bytes, names: Sequence[bytes], beyond: Sequence[bytes], path: object
) -> MovedError:
    """Ask where the file system is that is ``names`` below the handle ``start``; return the error.

    ``beyond`` is the rest of the path, in that file system. If the server does not say where, the
    error has no places.
    """
    compound = caller.compound("GETATTR")
    compound.putfh(start)
    for name in names:
        compound.lookup(name)
    values = compound.getattr(_FS_LOCATIONS, _ROOM, decode_values)
    places: tuple[Place, ...] = ()
    try:
        await caller.call(compound)
        told = values.value.get(t.FATTR4_FS_LOCATIONS)
        if told is not None and b".." not in beyond:
            places = tuple(_places(told, tuple(beyond)))[:_PLACES_MAX]
    except (StatusError, NfsError, XdrError):
        pass  # Whatever is wrong with the answer, the file system is not here.
    where = ", ".join(map(str, places)) or "the server does not say where"
    error = MovedError(errno.EREMOTE, f"the file system is elsewhere: {where}", path)
    error.places = places
    return error


def _places(told: t.fs_locations4, beyond: tuple[bytes, ...]) -> Iterator[Place]:
    """Yield the places of an attribute that make sense, in the server's order."""
    for location in told.locations[:_PLACES_MAX]:
        path = (*location.rootpath, *beyond)
        if len(path) > _DEEPEST or not all(map(_is_name, path)):
            continue
        for server in location.server[:_PLACES_MAX]:
            where = _server(bytes(server))
            if where is not None:
                yield Place(*where, path)


def _is_name(name: bytes) -> bool:
    if name in (b"", b".", b"..") or len(name) > NAME_MAX:
        return False
    return b"/" not in name and b"\0" not in name


def _server(text: bytes) -> tuple[str, int | None] | None:
    """Return the host and the port of a location's server; None if that is no server.

    It is a name, an address, or a universal address: an address with the port as two more numbers
    (RFC 5665, Sections 5.2.3.3 and 5.2.3.4).
    """
    try:
        host = text.decode("ascii")
    except UnicodeDecodeError:
        return None
    if len(host) > _SERVER_MAX or not host.isprintable() or set(host) & set(" /[]@?#%"):
        return None
    address, *port = host.rsplit(".", 2)
    if len(port) == 2 and all(part.isdigit() and int(part) < 256 for part in port):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return host, None
        number = int(port[0]) << 8 | int(port[1])
        return (address, number) if number else None
    return host, None
