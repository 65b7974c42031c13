"""The credentials of AUTH_NONE and AUTH_SYS (RFC 5531, Section 10.1 and Appendix A).

How a server gets from the credential of a call to :class:`Credentials` is in :mod:`.security`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import AUTH_BADCRED, AUTH_NONE, AUTH_SYS

from .message import NO_AUTH, AuthError, OpaqueAuth

MAX_MACHINE_NAME: Final = 255
MAX_GROUPS: Final = 16
NOBODY: Final = 65534
"""The user and group that AUTH_NONE stands for until a server maps it otherwise."""

_IDS = struct.Struct(">3I")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The identity of a caller, as an RPC program sees it.

    ``groups`` are the supplementary groups, at most 16 in AUTH_SYS. ``machine`` is the name that
    the caller gives its host, ``stamp`` a number of its choice: neither proves anything.
    """

    flavor: int = AUTH_NONE
    uid: int = NOBODY
    gid: int = NOBODY
    groups: tuple[int, ...] = ()
    machine: bytes = b""
    stamp: int = 0
    vouched: bool = False
    """Whether this host's kernel says that its root is the caller; never on the wire."""

    @classmethod
    def sys(
        cls,
        uid: int,
        gid: int,
        groups: tuple[int, ...] = (),
        machine: bytes = b"",
        stamp: int = 0,
    ) -> Credentials:
        """Return AUTH_SYS credentials."""
        return cls(AUTH_SYS, uid, gid, groups, machine, stamp)

    def to_auth(self) -> OpaqueAuth:
        """Return the credential that a call carries.

        Groups past the sixteenth are left out, as every AUTH_SYS client does. Raises ``XdrError``
        if the name is too long or a number does not fit in 32 bits.
        """
        if self.flavor == AUTH_NONE:
            return NO_AUTH
        if self.flavor != AUTH_SYS:
            raise XdrError(f"flavor {self.flavor} has no plain credential")
        enc = Encoder()
        enc.uint32(self.stamp)
        enc.opaque(self.machine, MAX_MACHINE_NAME)
        enc.uint32(self.uid)
        enc.uint32(self.gid)
        enc.array(self.groups[:MAX_GROUPS], enc.uint32, MAX_GROUPS)
        return OpaqueAuth(AUTH_SYS, bytes(enc.buffer))


ANONYMOUS: Final = Credentials()
"""A caller with AUTH_NONE."""


@lru_cache(maxsize=256)
def parse_sys(body: bytes) -> Credentials:
    """Decode ``authsys_parms``. Raises ``AuthError`` (AUTH_BADCRED) for anything else."""
    # Cached, because a client sends the same octets with every call.
    dec = Decoder(body)
    try:
        stamp = dec.uint32()
        machine = dec.opaque(MAX_MACHINE_NAME)
        uid, gid, count = dec.unpack(_IDS)
        if count > MAX_GROUPS:
            raise AuthError(AUTH_BADCRED, f"{count} groups")
        groups = tuple(dec.uint32() for _ in range(count))
        dec.done()
    except XdrError as error:
        raise AuthError(AUTH_BADCRED, str(error)) from error
    return Credentials(AUTH_SYS, uid, gid, groups, machine, stamp)
