"""The client for asyncio: the names of :mod:`nfsrdma.client`, as coroutines::

    from nfsrdma.client import aio as nfs

    async with nfs.mount("nfs+rdma://server/export") as fs:
        data = await fs.read_bytes("some/file")
        async for entry in fs.scandir("some"):
            print(entry.name, entry.stat().st_size)

A call costs one future of asyncio, at its end: the event loop itself turns the client. Calls that
are under way at the same time, by ``asyncio.gather`` for instance, go over the wire in parallel.
Over the ``soft`` and ``shm`` providers a call that is made alone may keep the loop for up to two
milliseconds, as its answer is waited for where that is expected at once.
"""

from .api.aio import AsyncMount, mount
from .api.aio_file import AsyncFile
from .api.aio_paths import AsyncScan
from .api.on_loop import Mounting

__all__ = ["AsyncFile", "AsyncMount", "AsyncScan", "Mounting", "mount"]
