"""The usual messages, which have no chunks: dealt with by one call of C each, if that can be.

``RpcRdmaEndpoint``, ``RdmaChannel`` and ``Exchanges`` do the same in Python: that is the twin, and
it gets whatever is not usual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .endpoint import RpcRdmaEndpoint
    from .requester import RpcRdmaRequester
    from .responder import RpcRdmaResponder

try:
    from . import _short
    from ._short import PendingCall
except ImportError:
    _short = None  # type: ignore[assignment]
    from .pending import PendingCall

__all__ = ["PendingCall", "make_short"]


def make_short(
    endpoint: RpcRdmaEndpoint, requester: RpcRdmaRequester, responder: RpcRdmaResponder
) -> _short.Short | None:
    """Return what deals with the usual messages of a connection that is up; None: Python does."""
    if _short is None or endpoint.prompting is None:
        return None
    call, reply = endpoint.send_threshold, endpoint.receive_threshold
    return _short.Short(endpoint, requester, responder, endpoint.prompted, call, reply)
