"""NFSv4.1 and 4.2 client in user space, over RDMA or TCP.

    import nfsrdma.client as nfs

    with nfs.mount("nfs+rdma://server/export") as fs:
        data = fs.read_bytes("some/file")

``nfsrdma.client.aio`` is the same for asyncio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api.blocking import Mount, NfsFile, mount
from .errors import ForkedMountError, NfsError, ProtocolError, UncertainOutcomeError
from .url import UrlError, parse_url

if TYPE_CHECKING:
    from . import aio

__all__ = [
    "ForkedMountError",
    "Mount",
    "NfsError",
    "NfsFile",
    "ProtocolError",
    "UncertainOutcomeError",
    "UrlError",
    "aio",
    "mount",
    "parse_url",
]


def __getattr__(name: str) -> Any:
    # Imported on use: whoever blocks has no need of asyncio.
    if name == "aio":
        from importlib import import_module

        return import_module(".aio", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
