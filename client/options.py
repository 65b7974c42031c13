"""The options of a mount: keywords of ``mount()``, and the query of a URL."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from os import PathLike
from typing import Final

NCONNECT_MAX: Final = 16
"""Connections of one mount over one path at most, as in Linux."""
PATHS_MAX: Final = 16
"""Paths of one mount at most, as in Linux (nfs(5), ``max_connect``)."""


@dataclass(frozen=True, slots=True)
class MountOptions:
    """How to use a server. ``None`` leaves the choice to the URL, and then to the client."""

    timeout: float | None = None
    """Seconds that the server may be silent or out of reach before calls fail; 5 by default."""
    uid: int | None = None
    """The user who calls (AUTH_SYS): by default, the process's effective user."""
    gid: int | None = None
    """The group who calls: by default, the process's effective group."""
    groups: tuple[int, ...] | None = None
    """Supplementary groups, 16 at most: by default, the process's, unless ``uid`` is given."""
    minor_version: int | None = None
    """2 or 1: by default 2, and 1 with a server that does not speak 2."""
    provider: str | None = None
    """The RDMA provider: by default, shared memory (``shm``) with a server on this host that is
    ready for it, else ``soft``."""
    device: str | None = None
    """The provider's device, by name (``verbs`` provider): by default, the first."""
    pcap: str | PathLike[str] | None = None
    """A pcapng file that gets every packet (``soft`` provider)."""
    rsize: int | None = None
    """Octets that one READ carries at most: by default 1 MiB, or what the server allows."""
    wsize: int | None = None
    """Octets that one WRITE carries at most: by default 1 MiB, or what the server allows."""
    nconnect: int | None = None
    """Connections to the server, 1 to 16 over each path, that share the calls: by default 1."""
    delegations: bool | None = None
    """Whether files are kept that the server leaves to this client until others want them; by
    default not."""
    paths: tuple[str, ...] | None = None
    """More paths to the same server: URLs, or hosts that are reached as the mount's URL is."""
    cache: int | None = None
    """Octets of files' contents that are kept to be read again while they are true; by default 0.
    Each open sees what was closed before, as without it."""

    def over(self, defaults: MountOptions) -> MountOptions:
        """Return these options, with those of ``defaults`` where these are None."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(defaults, **{k: v for k, v in given.items() if v is not None})
