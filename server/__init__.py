"""Serve NFSv4.0, 4.1 and 4.2 over RDMA and TCP, from this process.

A server on a thread, for as long as the ``with`` lasts; ``async with`` serves on asyncio's loop::

    from nfsrdma.server import Export, LocalFileSystem, Server

    with Server([Export("", LocalFileSystem("/srv"))], ephemeral=True) as server:
        print(*server.urls, sep="\\n")
        server.wait()

A file system of one's own derives from :class:`~nfsrdma.server.vfs.interface.FileSystem`.

The rooms, from the outside to the inside: ``edge`` is what touches this machine, ``service`` joins
exports to whatever transport there is, ``authority`` decides who a caller is, ``engine`` executes
COMPOUNDs and ``ops`` their operations, ``state`` is what is known of clients, and ``vfs`` has the
file systems below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .authority import Policy
    from .config import ServerConfig
    from .edge.server import Server
    from .service import NobodyNamed
    from .vfs.export import ANY, Export, Squash
    from .vfs.local import LocalFileSystem
    from .vfs.location import Location, Referral
    from .vfs.memory import MemoryFileSystem

__all__ = [
    "ANY",
    "Export",
    "LocalFileSystem",
    "Location",
    "MemoryFileSystem",
    "NobodyNamed",
    "Policy",
    "Referral",
    "Server",
    "ServerConfig",
    "Squash",
]

_PLACES = {
    "ANY": ".vfs.export",
    "Export": ".vfs.export",
    "LocalFileSystem": ".vfs.local",
    "Location": ".vfs.location",
    "MemoryFileSystem": ".vfs.memory",
    "NobodyNamed": ".service",
    "Policy": ".authority",
    "Referral": ".vfs.location",
    "Server": ".edge.server",
    "ServerConfig": ".config",
    "Squash": ".vfs.export",
}
"""Where the public names are defined."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: a simulated server needs no machine."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_PLACES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, too: ``help()`` and the reference find them by this."""
    return sorted({*globals(), *__all__})
