"""From a URL to the back end: mounts it, before anything is served."""

from __future__ import annotations

import os
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from nfsrdma.client.edge.connect import mount_client
from nfsrdma.client.errors import NfsError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.options import MountOptions
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Task

from .filesystem import ProxyFileSystem

_PARTING_S: Final = 2.0
"""How long the far server may take to end the session."""


def open_proxy(
    reactor: SelectReactor, url: str, options: MountOptions | None = None
) -> ProxyFileSystem:
    """Mount an export of another server on the reactor that ours will run on.

    A proxy of root passes on who its callers are; any other acts as its own user for all of them.
    Raises ``ValueError`` and ``OSError``.
    """
    client, connector, _ = reactor.run_until(
        Task(mount_client(reactor, url, options or MountOptions()))
    )

    def finish(work: Coroutine[Any, Any, None]) -> None:
        with suppress(OSError):
            reactor.run_until(Task(work), _PARTING_S)
        connector.close()

    try:
        return reactor.run_until(Task(_made(client, finish)))
    except BaseException:
        finish(client.unmount())
        raise


async def _made(client: FileSystem, finish: Any) -> ProxyFileSystem:
    root = await client.operations.getattr(client.resolver.root)
    root.handle = client.resolver.root
    has_xattrs = True
    try:
        await client.operations.listxattrs(client.resolver.root)
    except NfsError:
        has_xattrs = False
    return ProxyFileSystem(
        client,
        root,
        acts_as=os.geteuid() or None,
        has_xattrs=has_xattrs,
        machine=socket.gethostname().encode()[:255],
        finish=finish,
    )
