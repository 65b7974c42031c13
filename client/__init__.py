"""NFSv4.1 and 4.2 client in user space, over RDMA or TCP::

    import nfsrdma.client as nfs

    with nfs.mount("nfs+rdma://server/export") as fs:
        fs.write_bytes("greeting", b"hello")
        for entry in fs.scandir():
            print(entry.name, entry.stat().st_size)

:func:`mount` and :class:`Mount` block the calling thread; any number of threads may share a mount.
:mod:`nfsrdma.client.aio` has the same methods as coroutines::

    async with nfs.aio.mount("nfs+rdma://server/export") as fs:
        print(await fs.read_bytes("greeting"))
        async for entry in fs.scandir():
            print(entry.name, entry.stat().st_size)

Every failure is an ``OSError``: of a server an :class:`NfsError`, of this machine's disk a
:class:`LocalError`. Each is an instance of the built-in class for its ``errno`` as well, such as
``FileNotFoundError``.

The room, from below: ``compound``, ``session`` and ``recovery`` execute calls. ``operations`` has
one coroutine for each NFS operation by handle, ``file`` is an open file, and ``nodes`` adds caches
and lookup counts for mounts of the operating system. ``paths``, ``lookups``, ``names`` and
``filesystem`` are the same by path; ``copies`` copies trees. All these are coroutines that do not
touch the operating system: ``edge`` does, and ``api`` has the two faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .about import ServerInfo
from .acls import Ace, AceType
from .api.blocking import Mount, mount
from .api.blocking_file import NfsFile
from .api.blocking_paths import Scan
from .attributes import Stat, StatVfs
from .copies import Progress
from .entries import DirEntry
from .errors import (
    ForkedMountError,
    LocalError,
    NfsError,
    ProtocolError,
    UncertainOutcomeError,
)
from .options import MountOptions
from .referral import MovedError
from .times import NOW
from .trees import TreeError
from .url import Url, UrlError, parse_url

if TYPE_CHECKING:
    from types import ModuleType

    from . import aio

__all__ = [
    "NOW",
    "Ace",
    "AceType",
    "DirEntry",
    "ForkedMountError",
    "LocalError",
    "Mount",
    "MountOptions",
    "MovedError",
    "NfsError",
    "NfsFile",
    "Progress",
    "ProtocolError",
    "Scan",
    "ServerInfo",
    "Stat",
    "StatVfs",
    "TreeError",
    "UncertainOutcomeError",
    "Url",
    "UrlError",
    "aio",
    "mount",
    "parse_url",
]


def __getattr__(name: str) -> ModuleType:
    # Imported on use: who blocks does not need asyncio.
    if name == "aio":
        from importlib import import_module

        return import_module(".aio", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
