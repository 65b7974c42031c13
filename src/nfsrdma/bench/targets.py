"""The servers to measure: our own, started for the purpose, or those of URLs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from nfsrdma.client.url import Url, parse_url
from nfsrdma.rpcrdma.providers.registry import PROVIDERS

from .conduct import Target
from .servers import ServerError, start_server

MOUNTS_CHOICE: Final = "rdma"
"""The label of an RDMA URL without a provider: the mount chooses one."""
_MEMORY: Final = "/dev/shm"
_DEVICES: Final = Path("/sys/class/infiniband")


@dataclass(slots=True)
class Chosen:
    """The targets, and a line for each transport that this machine cannot do.

    ``folder`` is what our own servers export.
    """

    targets: list[Target] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    folder: Path | None = None


def why_not(transport: str, devices: Path = _DEVICES) -> str | None:
    """Return what this machine lacks for ``transport``, or None."""
    if transport in ("tcp", MOUNTS_CHOICE):
        return None
    if transport not in PROVIDERS:
        return "there is no such provider in this version"
    if transport == "verbs":
        if not devices.is_dir() or not any(devices.iterdir()):
            return "this machine has no RDMA device"
        if find_spec("pyverbs") is None:
            return "pyverbs is not installed (apt-get install python3-pyverbs)"
    return None


def scratch_folder(octets: int) -> str | None:
    """Return a folder in memory if there is room: disks are not measured. None is the default."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > octets:
        return _MEMORY
    return None


@contextmanager
def own_servers(
    transports: Sequence[str],
    octets: int,
    *,
    folder: Path | None = None,
    serve_options: tuple[str, ...] = (),
    mount_options: dict[str, Any] | None = None,
    verbs_address: str | None = None,
) -> Iterator[Chosen]:
    """Start a server for each transport, on a scratch directory that is removed at the end.

    ``octets`` is the room that the files need; ``folder`` is where to make the directory, memory by
    default. A transport that this machine cannot do is left out with a reason.
    """
    chosen = Chosen()
    with ExitStack() as stack:
        where = scratch_folder(2 * octets) if folder is None else str(folder)
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="nfsrdma-bench-", dir=where))
        )
        chosen.folder = scratch
        for transport in transports:
            reason = why_not(transport)
            if transport == "verbs" and reason is None and verbs_address is None:
                reason = "name the device's address with --verbs-address"
            if reason is None:
                address = verbs_address if transport == "verbs" else None
                try:
                    server = start_server(
                        transport, scratch, address=address, options=serve_options
                    )
                except ServerError as error:
                    reason = str(error)
                else:
                    stack.callback(server.stop)
                    options = dict(mount_options or {})
                    if transport != "tcp":
                        options["provider"] = transport
                    chosen.targets.append(
                        Target(transport, transport, server.url, options, server, server.pid)
                    )
            if reason is not None:
                chosen.left_out.append(f"{transport} is left out: {reason}")
        yield chosen


def url_targets(
    text: str,
    transports: Sequence[str],
    *,
    prefix: str = "",
    server_pid: int | None = None,
    mount_options: dict[str, Any] | None = None,
) -> Chosen:
    """Return the server of a URL, by each of ``transports``, or by the URL's own if there are none.

    ``prefix`` precedes the transport in the label. Raises ``UrlError``.
    """
    url = parse_url(text)
    _, _, query = text.partition("?")
    given = "tcp" if url.transport == "tcp" else url.options.provider or MOUNTS_CHOICE
    chosen = Chosen()
    for transport in transports or (given,):
        reason = why_not(transport)
        if reason is not None:
            chosen.left_out.append(f"{transport} is left out: {reason}")
            continue
        options = dict(mount_options or {})
        if transport not in ("tcp", MOUNTS_CHOICE):
            options["provider"] = transport
        where = str(_by(url, "tcp" if transport == "tcp" else "rdma"))
        chosen.targets.append(
            Target(
                f"{prefix}{transport}",
                transport,
                f"{where}?{query}" if query else where,
                options,
                server_pid=server_pid,
            )
        )
    return chosen


def _by(url: Url, transport: str) -> Url:
    """Return the same export by that transport, at the usual port unless it is the URL's own."""
    if url.transport == transport:
        return url
    return replace(url, transport=transport, port=20049 if transport == "rdma" else 2049)
