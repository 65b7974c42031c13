"""NFSv4.1 and 4.2 client in user space, over RDMA or TCP.

    import nfsrdma.client as nfs

    with nfs.mount("nfs+rdma://server/export") as fs:
        data = fs.read_bytes("some/file")

``nfsrdma.client.aio`` is the same for asyncio.
"""

from .edge import aio
from .edge.blocking import Mount, NfsFile, mount
from .errors import NfsError, ProtocolError, UncertainOutcomeError
from .url import UrlError, parse_url

__all__ = [
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
