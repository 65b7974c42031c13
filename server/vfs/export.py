"""What is exported, to whom, and with whose rights."""

from __future__ import annotations

import enum
import ipaddress
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from nfsrdma.rpcrdma.rpc.auth import NOBODY, Credentials
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.xdr.rpc import AUTH_NONE, AUTH_SYS

from .interface import FileSystem, User

if TYPE_CHECKING:
    from .location import Location

ANY: Final = "any"
"""In the place of a network: every address."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

FLAVORS: Final = frozenset({AUTH_SYS, AUTH_NONE})
"""The security flavors that exports may be used with, if the server speaks them."""

_CACHED: Final = 1024
_MAPPED: Final = 96
"""Bits before the IPv4 address in an IPv6 address that stands for one."""
_MAX_ID: Final = 0xFFFFFFFE
"""The largest user or group number: the one above it means "no change" to the kernel."""


class Squash(enum.Enum):
    """Whose rights callers lose."""

    NONE = "none"
    """Nobody's: root of a client is root here."""
    ROOT = "root"
    """Root's and its group's: they become the anonymous user.

    Not those of root of this host, if its kernel says that it is (``Credentials.vouched``) and the
    export does not insist: it has them anyway.
    """
    ALL = "all"
    """Everyone's."""


class Hosts(NamedTuple):
    """Some networks, or everyone."""

    everyone: bool
    networks: tuple[Network, ...]

    @classmethod
    def named(cls, texts: Iterable[str]) -> Hosts:
        """Return those of some texts, one of which may be ``ANY``. Raises ``ValueError``."""
        texts = tuple(texts)
        return cls(ANY in texts, tuple(parse_network(text) for text in texts if text != ANY))

    def __bool__(self) -> bool:
        return self.everyone or bool(self.networks)

    def closeness(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> int:
        """Return the longest prefix that an address is named by; -1 if it is not named."""
        lengths = [0] if self.everyone else []
        if address is not None:
            lengths += [each.prefixlen for each in self.networks if address in each]
        return max(lengths, default=-1)


class Export:
    """A file system under a name, with the rules for its use.

    ``name`` is the path that clients mount, without a leading slash; the empty name makes it the
    root of the server's tree, and then it must be the only export. ``networks`` are those whose
    hosts may use it, in CIDR notation, or ``ANY``; without any that is this host alone. Hosts of
    the networks ``readers`` may use it and change nothing; where both name a host, the longer
    prefix counts.
    ``squash_local_root`` has root of this host squashed like that of others. ``sync`` makes
    all changes but unstable data durable before they are answered, so that they outlive a crash of
    the machine; without it names and attributes are so when its file system sees fit. ``utf8_only``
    refuses names that are no UTF-8 unless they are there already: those can be used and removed all
    the same. ``local_locks`` has the locks of clients and of programs that use the files
    without the server exclude each other, where the file system can. ``locations`` are other
    servers that have the same files, for clients to know.
    ``flavors`` are the security flavors of callers (RPC numbers); that of callers who do not say
    who they are is served where all are nobody. ``number`` is its ``fsid`` and in its file
    handles, 1 to 2**32 - 1: they survive a change of its name then, and are made of that otherwise.

    Raises ``ValueError`` for a name, network, flavor or number that cannot be.
    """

    def __init__(
        self,
        name: str,
        fs: FileSystem,
        *,
        read_only: bool = False,
        squash: Squash = Squash.ROOT,
        squash_local_root: bool = False,
        anonymous: tuple[int, int] = (NOBODY, NOBODY),
        networks: Iterable[str] = (),
        sync: bool = True,
        utf8_only: bool = False,
        locations: Iterable[Location] = (),
        flavors: Iterable[int] = FLAVORS,
        number: int | None = None,
        readers: Iterable[str] = (),
        local_locks: bool = True,
    ) -> None:
        if number is not None and not 0 < number <= 0xFFFFFFFF:
            raise ValueError(f"{number} is no number of an export: 1 to {0xFFFFFFFF} are")
        self.name = name.strip("/")
        self.path = export_path(name)
        self.fs = fs
        self.read_only = read_only or fs.read_only
        self.squash = squash
        self.squash_local_root = squash_local_root
        self.sync = sync
        self.utf8_only = utf8_only
        self.local_locks = local_locks
        self.locations = tuple(locations)
        self.absent = False
        """Whether the files are elsewhere only: see ``location.Referral``."""
        self.writers, self.readers = Hosts.named(networks), Hosts.named(readers)
        self.for_everyone = self.writers.everyone or self.readers.everyone
        self.networks = self.writers.networks + self.readers.networks
        self.flavors = frozenset(flavors)
        if not self.flavors or self.flavors - FLAVORS:
            raise ValueError("an export is used with AUTH_SYS, AUTH_NONE or both")
        self.number = number
        self.id = 0
        """Tells exports apart in file handles and as ``fsid``; given by the namespace."""
        self.above: tuple[Export, bytes] | None = None
        """The export that it is mounted below, and the directory there: see ``junctions``."""
        self.salt = b""
        """What tells its file handles from those of another file system in the same place."""
        self.junctions: dict[tuple[bytes, bytes], Export] = {}
        """What is mounted below it: by directory (its identity) and name."""
        self.mounted_on: int | None = None
        """The fileid of the directory that the root covers, if it covers one."""
        self._anonymous = User(*anonymous)
        self._users: dict[Credentials, User] = {}
        self._latest: tuple[Credentials | None, User] = None, self._anonymous

    def adopt(self, rules: Export) -> None:
        """Take over the rules for its use from another export of the same files, from now on."""
        self.read_only = rules.read_only or self.fs.read_only
        self.sync, self.utf8_only, self.flavors = rules.sync, rules.utf8_only, rules.flavors
        self.local_locks = rules.local_locks
        self.squash, self.squash_local_root = rules.squash, rules.squash_local_root
        self.for_everyone, self.networks = rules.for_everyone, rules.networks
        self.writers, self.readers = rules.writers, rules.readers
        self._anonymous = rules._anonymous
        self._users.clear()
        self._latest = None, self._anonymous

    @property
    def for_this_host(self) -> bool:
        """Whether no other host is named that may use it."""
        return not (self.networks or self.for_everyone)

    def admits(self, peer: Peer) -> bool:
        """Return whether a peer may use the export, by where it is."""
        if self.for_everyone:
            return True
        if self.for_this_host:
            return peer.uid is not None or not is_elsewhere(peer.address)
        address = _parsed(peer.address)
        return address is not None and any(address in network for network in self.networks)

    def freezes(self, peer: Peer) -> bool:
        """Return whether a peer that may use the export may change nothing in it."""
        if not self.readers:
            return self.read_only
        address = _parsed(peer.address)
        return self.read_only or self.readers.closeness(address) >= self.writers.closeness(address)

    def user(self, credentials: Credentials) -> User:
        """Return the user as whom a caller acts."""
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
        if credentials.vouched and not self.squash_local_root:
            squash = False

        def group(gid: int) -> int:
            return anonymous.gid if gid > _MAX_ID or (squash and gid == 0) else gid

        uid = credentials.uid
        if uid > _MAX_ID or (squash and uid == 0):
            uid = anonymous.uid
        return User(uid, group(credentials.gid), tuple(map(group, credentials.groups)))


def export_path(name: str) -> tuple[bytes, ...]:
    """Return the components of an export's name. Raises ``ValueError`` for one that cannot be."""
    path = tuple(os.fsencode(part) for part in name.split("/") if part)
    if any(part in (b".", b"..") or b"\0" in part for part in path):
        raise ValueError(f"{name!r} is no name for an export")
    return path


def parse_network(text: str) -> Network:
    """Return a network or an address of those who may use an export. Raises ``ValueError``.

    Peers are known by their IPv4 address if they have one, so what IPv6 calls the same is that. A
    scope would be worth nothing: the same address on another link is another host, and as welcome.
    """
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv4Network):
        return network
    if "%" in text:
        raise ValueError(f"{text!r} names a link, which does not tell who comes over it")
    mapped = network.network_address.ipv4_mapped
    if mapped is not None and network.prefixlen >= _MAPPED:
        return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED))
    return network


def is_elsewhere(address: str) -> bool:
    """Return whether an address is more than this host's: every one but the loopback's.

    Names that are no addresses are those of the simulator's fabric, which is within this process.
    """
    parsed = _parsed(address)
    return parsed is not None and not parsed.is_loopback


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # A scope ("%eth0") says which link it came over, not who it is.
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
