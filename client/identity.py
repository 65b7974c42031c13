"""Whether two addresses lead to the same server (RFC 8881, Section 2.10.5)."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as t


class AnotherServerError(ConnectionError):
    """A path leads to another server than the one that has the session."""


def difference(one: t.EXCHANGE_ID4resok, other: t.EXCHANGE_ID4resok) -> str:
    """Return why one session cannot travel to both who answered EXCHANGE_ID so; empty if it can.

    That takes the same server owner, the minor part included, and the same scope. The client ID
    should be the same as well; where it is not, the server may know its clients by their addresses,
    too, and whether it has the session shows when the connection is bound to it.
    """
    first, second = one.eir_server_owner, other.eir_server_owner
    if one.eir_server_scope != other.eir_server_scope:
        return (
            f"another server is there: its scope is {_name(other.eir_server_scope)} "
            f"instead of {_name(one.eir_server_scope)}"
        )
    if first.so_major_id != second.so_major_id:
        return (
            f"another server is there: it calls itself {_name(second.so_major_id)} "
            f"instead of {_name(first.so_major_id)}"
        )
    if first.so_minor_id != second.so_minor_id:
        return (
            "the same server is there, but it lets no session travel over both addresses "
            f"(so_minor_id is {second.so_minor_id} instead of {first.so_minor_id})"
        )
    return ""


def _name(octets: bytes) -> str:
    """Return what a server calls itself, for people: it may be anything, and of any length."""
    text = octets[:64].decode("utf-8", "replace")
    shown = repr(text) if text.isprintable() else octets[:32].hex()
    return shown + ("..." if len(octets) > 64 else "")
