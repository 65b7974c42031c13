"""Fields of RPC headers in detail, under Wireshark's names: for filters and for ``-T``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from nfsrdma.xdr.rpc import RPCSEC_GSS

from ..tracking.kinds import Transport
from ..tracking.model import Exchange, Message

_MARK: Final = 4
NAMES: Final[frozenset[str]] = frozenset(
    ("rpc.auth.flavor", "rpc.auth.length", "rpc.opaque_length", "rpc.fill_bytes",
     "rpc.programversion", "nfs.status", "rpc.lastfrag", "rpc.fraglen")
)  # fmt: skip


def opaque(octets: bytes) -> Iterator[tuple[str, Any]]:
    """Give what Wireshark shows of any opaque item: its length, and what fills it up."""
    yield "rpc.opaque_length", len(octets)
    fill = -len(octets) % 4
    if fill:
        yield "rpc.fill_bytes", "00" * fill


def _verifier(flavor: int, octets: memoryview) -> Iterator[tuple[str, Any]]:
    """Give a verifier; RPCSEC_GSS's has fields of its own (see ``gss``)."""
    yield "rpc.auth.flavor", flavor
    if flavor != RPCSEC_GSS:
        yield "rpc.auth.length", len(octets)


def _record_mark(message: Message) -> Iterator[tuple[str, Any]]:
    """Give the record mark of a message that has one; of several, their lengths are not kept."""
    length = message.content.length
    if message.end - message.sequence == length + _MARK:
        yield "rpc.lastfrag", True
        yield "rpc.fraglen", length


def rpc_fields(exchange: Exchange, message: Message) -> Iterator[tuple[str, Any]]:
    """Give the values beside those that ``fields`` gives to these names.

    Of a call Wireshark shows the flavors of credential and verifier, and the version of the program
    again with the procedure.
    """
    if message.side.connection.transport == Transport.TCP:
        yield from _record_mark(message)
    call, body = exchange.call_rpc, exchange.call_body
    if message is exchange.call:
        if call is None or call.flavor < 0:
            return
        yield "rpc.auth.length", len(call.credential)
        sys = call.sys()
        if sys is not None:
            yield from opaque(sys.machinename)
        if call.verifier_flavor >= 0:
            yield from _verifier(call.verifier_flavor, call.verifier)
    else:
        body, reply = exchange.reply_body, exchange.reply_rpc
        if reply is None or reply.verifier_flavor < 0:
            return
        yield from _verifier(reply.verifier_flavor, reply.verifier)
        for op in body.operations if body is not None and body.version != 3 else ():
            status = (
                getattr(op.value, op.value.__slots__[0], None) if op.value is not None else None
            )
            if isinstance(status, int):
                yield "nfs.status", status
    if call is not None and call.version >= 0:
        yield "rpc.programversion", call.version
    if body is not None and body.operations and body.version != 3:
        yield from opaque(body.tag)
