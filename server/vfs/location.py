"""Where else a file system can be found: what ``fs_locations`` tells (RFC 7530, Section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .export import Export
from .pseudo import PseudoFileSystem

_MAX_LOCATIONS: Final = 16
_MAX_SERVER: Final = 255
_MAX_PATH: Final = 1023
"""Together they keep the attribute, and so a page of a directory, small."""


@dataclass(frozen=True, slots=True)
class Location:
    """A server that has a file system, and the path there.

    ``server`` is an address or a name, and may be a universal address, which has the port as two
    more numbers (``192.0.2.7.8.1``); ``path`` has the components from that server's root on.
    """

    server: bytes
    path: tuple[bytes, ...]

    def __str__(self) -> str:
        return f"{self.server.decode()}:/{b'/'.join(self.path).decode(errors='surrogateescape')}"


def parse_locations(text: str) -> tuple[Location, ...]:
    """Return the locations of ``SERVER:/PATH[,SERVER:/PATH...]``. Raises ``ValueError``.

    A path has one component at least: Linux finds nothing at a location without one.
    """
    found = tuple(map(_parse_location, text.split(",")))
    if len(found) > _MAX_LOCATIONS:
        raise ValueError(f"{len(found)} locations are more than {_MAX_LOCATIONS}")
    return found


def _parse_location(text: str) -> Location:
    server, separator, path = text.partition(":/")
    if server.startswith("[") and server.endswith("]"):
        server = server[1:-1]
    components = tuple(part for part in path.encode(errors="surrogateescape").split(b"/") if part)
    if not separator or not server or not components:
        raise ValueError(f"{text!r} is no SERVER:/PATH")
    if not server.isascii() or not server.isprintable() or set(server) & set(" /[]"):
        raise ValueError(f"{server!r} is no name and no address of a server")
    if any(part in (b".", b"..") or b"\0" in part for part in components):
        raise ValueError(f"{path!r} is no path from a server's root on")
    if len(server) > _MAX_SERVER or len(path) > _MAX_PATH:
        raise ValueError(f"{text[:40]!r}... is too long")
    return Location(server.encode(), components)


class Referral(Export):
    """A name in the tree behind which there is nothing but word of where the files are.

    RFC 7530, Section 8.2, calls that an absent file system, and RFC 8881 does the same. Clients
    that may not use the export are told no more of it than of any other. Raises ``ValueError`` for
    a name that cannot be, and without a location.
    """

    def __init__(
        self, name: str, locations: Iterable[Location], *, networks: Iterable[str] = ()
    ) -> None:
        super().__init__(name, PseudoFileSystem([], 0), read_only=True, networks=networks)
        if not self.path:
            raise ValueError("a referral has a name: the root of a server is its own")
        self.locations = tuple(locations)
        if not self.locations:
            raise ValueError(f"the referral {name!r} refers to nothing")
        self.absent = True
