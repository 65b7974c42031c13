"""The client for asyncio: the names of :mod:`nfsrdma.client`, as coroutines.

from nfsrdma.client import aio as nfs

async with nfs.mount("nfs+rdma://server/export") as fs:
    data = await fs.read_bytes("some/file")
"""

from .api.aio import AsyncFile, AsyncMount, mount

__all__ = ["AsyncFile", "AsyncMount", "mount"]
