"""``nfsrdma doctor URL``: what a server offers, and how long it takes to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nfsrdma.client import Mount, ServerInfo, mount, parse_url

from .common import Failed, Options, mounted, read_url
from .doctor_checks import BAD, FAIR, GOOD, Finding
from .ping import summary

_PINGS = 20
_PROVIDERS = ("shm", "soft", "verbs")
_PATIENCE_S = 2.0
"""How long a server may be silent to what is only tried."""


def server_findings(url: str, options: Options) -> Iterator[Finding]:
    """Yield what is found out about a server; one finding is BAD if it cannot be mounted."""
    read_url(url)
    try:
        with mounted(url, options) as (fs, path):
            yield _answers(fs)
            yield from _told(fs.about())
            if path:
                yield _path(fs, path)
    except Failed as error:
        advice = (
            "is the server running, does it listen there, and is this host allowed? "
            "On its host: nfsrdma doctor 4791"
        )
        yield Finding("Server", BAD, error.message, advice)
        return
    yield _versions(url, options)
    if url.startswith("nfs+rdma:") and options.provider is None:
        yield _providers(url, options)


def _answers(fs: Mount) -> Finding:
    fs.ping()  # the first one warms everything up
    times = [fs.ping() for _ in range(_PINGS)]
    return Finding("Server", GOOD, summary(str(fs.url), times))


def _told(server: ServerInfo) -> Iterator[Finding]:
    name = server.owner.decode("utf-8", "backslashreplace")
    software = f", {server.implementation}" if server.implementation else ""
    yield Finding("Identity", GOOD, f"{name!r}{software}")
    inline = f"; {server.max_inline:,} inline" if server.transport == "rdma" else ""
    yield Finding(
        "Limits",
        GOOD,
        f"{server.slots} calls in flight; calls of up to {server.max_request:,} octets, replies "
        f"{server.max_response:,}, {server.max_operations} operations{inline}; leases of "
        f"{server.lease_s:g} s",
    )
    flavours = ", ".join(server.security)
    if not flavours:
        yield Finding("Security", FAIR, "not told", "a server of NFSv4.1 should tell its flavours")
    elif "sys" in server.security:
        yield Finding("Security", GOOD, flavours)
    else:
        advice = "this client speaks sys alone: allow it for this host at the server"
        yield Finding("Security", BAD, flavours, advice)


def _path(fs: Mount, path: str) -> Finding:
    try:
        fs.listdir(path) if fs.stat(path).is_dir else fs.stat(path)
    except OSError as error:
        return Finding(
            "Path", BAD, f"/{path}: {error.strerror}", "nfsrdma ls of the directory above"
        )
    return Finding("Path", GOOD, f"/{path} is there")


def _versions(url: str, options: Options) -> Finding:
    spoken = [f"4.{minor}" for minor in (2, 1) if _mounts(url, options, minor_version=minor)]
    return Finding("Versions", GOOD if spoken else BAD, f"NFS {' and '.join(spoken)}")


def _providers(url: str, options: Options) -> Finding:
    able = [name for name in _PROVIDERS if _mounts(url, replace(options, provider=name))]
    return Finding("Providers that reach it", GOOD, ", ".join(able))


def _mounts(url: str, options: Options, minor_version: int | None = None) -> bool:
    where = parse_url(url).with_path(())
    timeout = min(options.timeout or _PATIENCE_S, _PATIENCE_S)
    try:
        mount(
            str(where),
            timeout=timeout,
            provider=options.provider,
            device=options.device,
            minor_version=minor_version,
        ).close()
    except (OSError, ValueError, ImportError):
        return False
    return True
