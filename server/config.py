"""The settings of a server, and how much a peer can make it do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from nfsrdma.rpcrdma.io.lanes import lanes_wanted

from .state.lease import LeaseTimes
from .state.limits import StateLimits

MAX_IO: Final = 4 << 20
MINOR_VERSIONS: Final = frozenset({0, 1, 2})
MAX_NAME: Final = 256
"""Octets of a server's owner, and of its scope."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The most that CREATE_SESSION grants. Sizes are in octets."""

    operations: int = 128
    slots: int = 64
    cached_reply: int = 16 << 10
    overhead: int = 16 << 10
    """Room for everything but the data in a call or reply that carries ``max_io`` octets."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Settings of a server.

    ``max_io`` bounds one READ or WRITE, up to 4 MiB. ``scope`` and ``owner`` identify the server
    to clients, which take two servers with the same owner for one (RFC 8881, Section 2.10.5). Where
    they are empty, both are made of the key of the server's file handles: so each server is another
    one, and after a restart the same.
    """

    max_io: int = 1 << 20
    memory: int = 256 << 20
    """Octets that all clients together may make the server hold: replies that they have not taken,
    and calls that are being fetched. One address has at most as much as is still free."""
    times: LeaseTimes = field(default_factory=LeaseTimes)
    state: StateLimits = field(default_factory=StateLimits)
    sessions: SessionLimits = field(default_factory=SessionLimits)
    minor_versions: frozenset[int] = MINOR_VERSIONS
    """Those that are served. Version 0 has no sessions, and so does not promise that a call is
    executed once only."""
    delegations: bool = False
    """Whether clients are granted delegations. What is changed on the server's own machine, past
    the server, they hear of late: see the guide to serving."""
    id_domain: str | None = None
    """The domain of users' and groups' names, ``name@domain``, which clients may then set as
    owners. Without one there are numbers only."""
    id_names: bool = False
    """Whether owners are sent as names, where this host knows one. It takes a domain."""
    owner: bytes = b""
    scope: bytes = b""
    lanes: bool = field(default_factory=lanes_wanted)
    """Whether calls of the common shape take the short way; what is answered is the same."""

    def __post_init__(self) -> None:
        if not 4096 <= self.max_io <= MAX_IO:
            raise ValueError(f"max_io must be from 4096 to {MAX_IO}")
        if not self.minor_versions or self.minor_versions - MINOR_VERSIONS:
            raise ValueError("the minor versions are 0, 1 and 2, one at least")
        if max(len(self.owner), len(self.scope)) > MAX_NAME:
            raise ValueError(f"owner and scope may have {MAX_NAME} octets each")
        domain = self.id_domain
        if domain is not None and (not domain or "@" in domain or len(domain) > MAX_NAME):
            raise ValueError(f"the domain of names has 1 to {MAX_NAME} characters, and no @")
        if self.id_names and domain is None:
            raise ValueError("to send names takes their domain (id_domain)")
        if self.memory < 16 * self.max_message:
            raise ValueError("there must be memory for sixteen calls of the longest kind at least")

    @property
    def max_message(self) -> int:
        """The longest call or reply in octets."""
        return self.max_io + self.sessions.overhead
