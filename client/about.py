"""What a server says of itself when a session is made, for people to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

from .errors import NfsError
from .recovery import Recovery

_FLAVOURS: Final = {t.AUTH_NONE: "none", t.AUTH_SYS: "sys"}
_SERVICES: Final = {
    t.RPC_GSS_SVC_NONE: "krb5",
    t.RPC_GSS_SVC_INTEGRITY: "krb5i",
    t.RPC_GSS_SVC_PRIVACY: "krb5p",
}
_KERBEROS: Final = bytes.fromhex("2a864886f712010202")
"""The object identifier of Kerberos V5 in DER, without tag and length (RFC 1964, Section 1)."""
_FLAVOURS_ROOM: Final = 1024


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server and the session with it. Sizes are in octets."""

    minor_version: int
    """The minor version of NFSv4 that is spoken."""
    transport: str
    """``"rdma"`` or ``"tcp"``."""
    owner: bytes
    """``so_major_id``: the same on all addresses of one server (RFC 8881, Section 2.10.4)."""
    scope: bytes
    """``eir_server_scope``: servers of one scope know each other's state."""
    implementation: str
    """Name and domain of the software, if the server tells; else empty."""
    lease_s: float
    """The length of a lease in seconds; 90 until the root was looked at."""
    slots: int
    """How many calls may be in flight."""
    max_request: int
    """The largest call, payload included."""
    max_response: int
    """The largest reply, payload included."""
    max_operations: int
    """The most operations in a call."""
    max_inline: int
    """The longest call or reply without payloads that the connection carries."""
    security: tuple[str, ...]
    """The flavours that the root wants, the best first, by the names of ``sec=``."""


async def about(recovery: Recovery, channel: Channel) -> ServerInfo:
    """Return what the server of a usable session has said of itself."""
    session = recovery.session
    server, slots = recovery.server, session.slots
    assert server is not None
    assert slots is not None
    told = server.eir_server_impl_id
    return ServerInfo(
        minor_version=session.minor_version,
        transport=channel.peer.transport,
        owner=server.eir_server_owner.so_major_id,
        scope=server.eir_server_scope,
        implementation=_words(told[0]) if told else "",
        lease_s=recovery.lease_s,
        slots=slots.size,
        max_request=session.limits.max_request,
        max_response=session.limits.max_response,
        max_operations=session.limits.max_operations,
        max_inline=channel.max_message,
        security=await _security(recovery),
    )


def _words(told: t.nfs_impl_id4) -> str:
    name, domain = (
        text.decode("utf-8", "backslashreplace") for text in (told.nii_name, told.nii_domain)
    )
    return f"{name} ({domain})" if domain else name


async def _security(recovery: Recovery) -> tuple[str, ...]:
    """Ask SECINFO_NO_NAME of the root (RFC 8881, Section 18.45)."""
    compound = recovery.session.compound("SECINFO_NO_NAME")
    compound.putrootfh()
    flavours = compound.typed(
        t.OP_SECINFO_NO_NAME, _CurrentHandle(), _FLAVOURS_ROOM, t.decode_SECINFO4resok
    )
    try:
        await recovery.session.call(compound)
    except NfsError:
        return ()  # who refuses this has no flavours to tell
    return tuple(map(_flavour, flavours.value))


class _CurrentHandle:
    """The argument of SECINFO_NO_NAME that asks about the current file handle."""

    def encode(self, enc: Encoder) -> None:
        """Append the encoding."""
        enc.uint32(t.SECINFO_STYLE4_CURRENT_FH)


def _flavour(told: t.secinfo4) -> str:
    gss = told.value
    if gss is None:
        return _FLAVOURS.get(told.flavor, str(told.flavor))
    if gss.oid in (_KERBEROS, b"\x06\x09" + _KERBEROS):
        return _SERVICES.get(gss.service, f"krb5 with service {gss.service}")
    return f"gss {gss.oid.hex()}"
