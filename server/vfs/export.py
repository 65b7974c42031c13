"""What is exported, to whom, and with whose rights."""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias

from nfsrdma.rpcrdma.rpc.auth import NOBODY, Credentials
from nfsrdma.xdr.rpc import AUTH_SYS

from .interface import FileSystem, User

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_CACHED: Final = 1024
_MAX_ID: Final = 0xFFFFFFFE
"""The largest user or group number: the one above it means "no change" to the kernel."""


class Squash(enum.Enum):
    """Whose rights callers lose."""

    NONE = "none"
    """Nobody's: root of a client is root here."""
    ROOT = "root"
    """Root's and its group's: they become the anonymous user."""
    ALL = "all"
    """Everyone's."""


class Export:
    """A file system under a name, with the rules for its use.

    ``name`` is the path that clients mount, without a leading slash; the empty name makes it the
    root of the server's tree, and then it must be the only export. ``networks`` are in CIDR
    notation; none means everywhere. ``sync`` makes changes to directories durable before they
    are answered, so that they outlive a crash of the machine; without it they are so when the
    machine's own file system sees fit. ``utf8_only`` refuses to make names that are no UTF-8;
    those that are there already can be used and removed all the same.

    Raises ``ValueError`` for a name or network that cannot be.
    """

    def __init__(
        self,
        name: str,
        fs: FileSystem,
        *,
        read_only: bool = False,
        squash: Squash = Squash.NONE,
        anonymous: tuple[int, int] = (NOBODY, NOBODY),
        networks: Iterable[str] = (),
        sync: bool = True,
        utf8_only: bool = False,
    ) -> None:
        self.name = name.strip("/")
        self.path = tuple(part.encode() for part in self.name.split("/") if part)
        if any(part in (b".", b"..") or b"\0" in part for part in self.path):
            raise ValueError(f"{name!r} is no name for an export")
        self.fs = fs
        self.read_only = read_only or fs.read_only
        self.squash = squash
        self.sync = sync
        self.utf8_only = utf8_only
        self.networks: tuple[Network, ...] = tuple(map(ipaddress.ip_network, networks))
        self.id = 0
        """Tells exports apart in file handles and as ``fsid``; given by the namespace."""
        self.mounted_on: int | None = None
        """The fileid of the directory that the root covers, if it covers one."""
        self._anonymous = User(*anonymous)
        self._users: dict[Credentials, User] = {}
        self._latest: tuple[Credentials | None, User] = None, self._anonymous
        self._admitted: dict[str, bool] = {}

    def admits(self, address: str) -> bool:
        """Whether a client at ``address`` may use the export."""
        if not self.networks:
            return True
        known = self._admitted.get(address)
        if known is None:
            if len(self._admitted) >= _CACHED:
                self._admitted.clear()
            known = self._admitted[address] = self._matches(address)
        return known

    def user(self, credentials: Credentials) -> User:
        """The user as whom a caller acts."""
        if credentials is self._latest[0]:  # as a rule the caller of the call before
            return self._latest[1]
        known = self._users.get(credentials)
        if known is None:
            if len(self._users) >= _CACHED:
                self._users.clear()
            known = self._users[credentials] = self._squashed(credentials)
        self._latest = credentials, known
        return known

    def _squashed(self, credentials: Credentials) -> User:
        if credentials.flavor != AUTH_SYS or self.squash is Squash.ALL:
            return self._anonymous
        anonymous = self._anonymous
        squash = self.squash is Squash.ROOT

        def group(gid: int) -> int:
            return anonymous.gid if gid > _MAX_ID or (squash and gid == 0) else gid

        uid = credentials.uid
        if uid > _MAX_ID or (squash and uid == 0):
            uid = anonymous.uid
        return User(uid, group(credentials.gid), tuple(map(group, credentials.groups)))

    def _matches(self, address: str) -> bool:
        try:
            # A scope ("%eth0") says which link it came over, not who it is.
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self.networks)
