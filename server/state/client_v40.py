"""Clients of minor version 0: SETCLIENTID and its confirmation (RFC 7530, Sections 16.33, 16.34).

They are clients of their own: a host that uses other minor versions with the same string is another
client. As there, the same string from another source is another client too.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from nfsrdma.rpcrdma.rpc.auth import ANONYMOUS, Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.message import OpaqueAuth
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from .backchannel import Path
from .client import Client, ClientTable, Key, tag_of
from .principal import Principal, Source
from .refusal import NOT_YOURS, Refusal

if TYPE_CHECKING:
    from random import Random

    from .owner import Owner
    from .registry import Registry

CONFIRM_SIZE: Final = 8
_NETIDS: Final = frozenset({b"tcp", b"tcp6"})
_LONGEST_ADDRESS: Final = 64
_PORT_BYTES: Final = 2
_TRANSIENT: Final = range(0x40000000, 0x60000000)
"""The program numbers that RFC 5531 leaves to those who need one for a while."""


class CallbackAddress(NamedTuple):
    """Where a client listens for callbacks: at the address that it calls from, and nowhere else."""

    address: str
    port: int
    program: int
    ident: int
    """What each callback has to say, so that the client knows what it is about."""
    credential: OpaqueAuth = ANONYMOUS.to_auth()
    """Of the flavor, and of the user, that SETCLIENTID was called with."""

    @classmethod
    def of(
        cls,
        callback: nfs.cb_client4,
        ident: int,
        peer_address: str,
        credentials: Credentials = ANONYMOUS,
    ) -> CallbackAddress | None:
        """Return the address that a client named, or None if it is not its own or not usable.

        A server that connects wherever it is told would reach for others what they cannot. Nor does
        it call programs that have a number of their own, such as another NFS server.
        """
        if callback.cb_program not in _TRANSIENT:
            return None
        place = callback.cb_location
        if place.na_r_netid not in _NETIDS or len(place.na_r_addr) > _LONGEST_ADDRESS:
            return None
        host, *port = place.na_r_addr.decode("ascii", "replace").rsplit(".", _PORT_BYTES)
        if len(port) != _PORT_BYTES or not all(each.isdecimal() for each in port):
            return None
        high, low = int(port[0]), int(port[1])
        try:
            same = ipaddress.ip_address(host) == ipaddress.ip_address(peer_address)
        except ValueError:
            return None
        if not same or high > 0xFF or low > 0xFF or not (high or low):
            return None
        if credentials.flavor == nfs.AUTH_SYS:
            credentials = Credentials.sys(credentials.uid, credentials.gid)
        credential = credentials.to_auth()
        return cls(peer_address, high << 8 | low, callback.cb_program, ident, credential)


class Update(NamedTuple):
    """A confirmed client's new callback address, until it is confirmed."""

    callback: CallbackAddress | None
    confirm: bytes


class ClientV40(Client):
    """One record of a client of minor version 0."""

    __slots__ = (
        "callback",
        "checked",
        "confirm",
        "dialled",
        "line",
        "lock_owners",
        "open_owners",
        "path",
        "update",
    )

    has_sessions: ClassVar[bool] = False

    def __init__(
        self, client_id: int, owner: bytes, verifier: bytes, principal: Principal, now: float
    ) -> None:
        super().__init__(client_id, owner, verifier, principal, now)
        self.confirm = b""
        """What SETCLIENTID_CONFIRM has to say."""
        self.callback: CallbackAddress | None = None
        self.update: Update | None = None
        self.path = Path.DOWN
        """Whether it is known to answer where it says that it can be called."""
        self.line: Channel | None = None
        """The connection over which it is called."""
        self.dialled = self.checked = float("-inf")
        """When a connection was made last, and when it was last found out whether it answers."""
        self.open_owners: dict[bytes, Owner] = {}
        self.lock_owners: dict[bytes, Owner] = {}

    @property
    def key(self) -> Key:
        """The source and the string, which tell it from all clients of minor version 0."""
        return self.owner, self.source, False

    @property
    def is_reachable(self) -> bool:
        """Whether it is known to answer callbacks."""
        return self.path is Path.UP

    @property
    def may_answer(self) -> bool:
        """The same: RFC 7530, Section 10.2, has it found out before anything is delegated."""
        return self.is_reachable

    def hang_up(self) -> None:
        """Close the connection over which it is called, if there is one."""
        line, self.line = self.line, None
        if line is not None:
            line.close()

    @property
    def record(self) -> bytes:
        """Its name on the list of the clients that may reclaim after a restart."""
        return b"4.0 " + super().record


def find_client(clients: ClientTable, client_id: int, source: Source) -> ClientV40:
    """Return the record of that number; raise STALE_CLIENTID if there is none.

    EXPIRED if it was confirmed in this life of the server and has been put out since. Callers from
    another source get the same answers as for a number that nobody has.
    """
    client = clients.get(client_id)
    if not isinstance(client, ClientV40):
        gone = clients.put_out(tag_of(client_id)) == client_id != 0
        raise NfsError(nfs.NFS4ERR_EXPIRED if gone else nfs.NFS4ERR_STALE_CLIENTID)
    if client.source != source:
        raise Refusal(nfs.NFS4ERR_STALE_CLIENTID, NOT_YOURS)
    return client


def set_client_id(
    registry: Registry,
    identity: nfs.nfs_client_id4,
    callback: CallbackAddress | None,
    principal: Principal,
    now: float,
) -> tuple[int, bytes]:
    """Handle a SETCLIENTID; return the client's number and what confirms it.

    Raises CLID_INUSE if another principal of the same source has files open as this client. All
    else that confirmed clients have stays as it is, until the confirmation.
    """
    clients = registry.clients
    known = clients.confirmed_of((identity.id, principal.source, False))
    confirm = new_confirm(registry.random)
    if isinstance(known, ClientV40):
        _refuse_in_use(registry, known, principal, now)
        if known.principal == principal and known.verifier == identity.verifier:
            # Nothing new but perhaps the callback address; an attempt to start again is superseded.
            clients.drop_unconfirmed(known.key)
            known.update = Update(callback, confirm)
            return known.id, confirm
    client = registry.introduce_v40(identity.id, identity.verifier, principal, now)
    client.confirm, client.callback = confirm, callback
    return client.id, confirm


def confirm_client_id(
    registry: Registry, client_id: int, confirm: bytes, principal: Principal, now: float
) -> None:
    """Handle a SETCLIENTID_CONFIRM. Raises STALE_CLIENTID and CLID_INUSE."""
    client = find_client(registry.clients, client_id, principal.source)
    if client.principal != principal:
        raise Refusal(nfs.NFS4ERR_CLID_INUSE, NOT_YOURS)
    update = client.update
    if update is not None and update.confirm == confirm:
        client.callback, client.confirm, client.update = update.callback, confirm, None
        registry.reach.begin(client)
    elif client.confirm != confirm:
        raise NfsError(nfs.NFS4ERR_STALE_CLIENTID)
    elif not client.confirmed:
        known = registry.clients.confirmed_of(client.key)
        if known is not None:
            _refuse_in_use(registry, known, principal, now)
        registry.confirm(client)
        registry.renew(client, now)
        registry.reach.begin(client)


def _refuse_in_use(registry: Registry, known: Client, principal: Principal, now: float) -> None:
    """Raise CLID_INUSE if the client is another principal's that has something to lose."""
    if known.principal != principal and known.has_state and not registry.has_expired(known, now):
        raise NfsError(nfs.NFS4ERR_CLID_INUSE)


def new_confirm(random: Random) -> bytes:
    """Return a confirmation verifier, which is never all zero and cannot be guessed."""
    while True:
        confirm = random.randbytes(CONFIRM_SIZE)
        if any(confirm):
            return confirm
