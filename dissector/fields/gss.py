"""Fields of RPCSEC_GSS in detail, under Wireshark's names (RFC 2203).

Wireshark shows the length of a verifier, a token or a checksum and then its octets, the length
before them. Of a credential it shows how long the context's handle is, and the handle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from nfsrdma.xdr.rpc import RPCSEC_GSS, rpc_gss_init_arg, rpc_gss_init_res

from ..messages.body import Body
from ..tracking.model import Exchange, Message

_TOKEN, _CHECKSUM = "rpc.authgss.token", "rpc.authgss.checksum"
_HANDLE = "rpc.authgss.context"
NAMES: Final[frozenset[str]] = frozenset(
    (
        _TOKEN, _CHECKSUM, _HANDLE, f"{_TOKEN}_length", f"{_HANDLE}.length",
        "rpc.authgss.data.length", "rpc.authgss.seqnum", "rpc.authgss.major",
        "rpc.authgss.minor", "rpc.authgss.window", "rpc.authgss.data",
    )
)  # fmt: skip


def gss_fields(exchange: Exchange, message: Message) -> Iterator[tuple[str, Any]]:
    """Give the fields of a call or a reply under RPCSEC_GSS beside those of its credential."""
    call = exchange.call_rpc
    if call is None or call.gss is None:
        return
    if message is exchange.call:
        body = exchange.call_body
        yield f"{_HANDLE}.length", len(call.gss.handle)
        verifier, flavor = call.verifier, call.verifier_flavor
    else:
        reply, body = exchange.reply_rpc, exchange.reply_body
        if reply is None:
            return
        verifier, flavor = reply.verifier, reply.verifier_flavor
    if flavor == RPCSEC_GSS:
        yield from _opaque(_TOKEN, bytes(verifier))
    if body is not None:
        yield from _body(body)


def _body(body: Body) -> Iterator[tuple[str, Any]]:
    if body.sealed is not None:
        yield "rpc.authgss.data.length", body.sealed.length
        yield "rpc.authgss.seqnum", body.sealed.sequence
        yield from _opaque(_CHECKSUM, body.sealed.checksum)
    for operation in body.operations:
        value = operation.value
        if isinstance(value, rpc_gss_init_arg):
            yield from _opaque(_TOKEN, value.gss_token)
        elif isinstance(value, rpc_gss_init_res):
            yield f"{_HANDLE}.length", len(value.handle)
            yield _HANDLE, value.handle.hex()
            yield "rpc.authgss.major", value.gss_major
            yield "rpc.authgss.minor", value.gss_minor
            yield "rpc.authgss.window", value.seq_window
            yield from _opaque(_TOKEN, value.gss_token)


def _opaque(name: str, octets: bytes) -> Iterator[tuple[str, Any]]:
    yield f"{_TOKEN}_length", len(octets)
    yield name, (len(octets).to_bytes(4, "big") + octets).hex()
