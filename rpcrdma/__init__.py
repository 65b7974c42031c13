"""Carry ONC RPC over RDMA and over TCP, and do RDMA in user space.

For programs of one's own, :func:`connect` and :func:`listen` are all there is to know. ``echo`` is
here what ``nfsrdma xdrgen echo.x`` wrote::

    async with listen("rdma://127.0.0.1:5000", MyEchoServer()):
        async with connect("rdma://127.0.0.1:5000", echo.EchoClient) as client:
            print(await client.shout(b"hello"))

The rooms, from the outside to the inside: ``api`` is this front, ``rpc`` has the messages of ONC
RPC and the seam between programs and what carries them, ``transport`` is RPC-over-RDMA version 1,
``verbs`` the vocabulary of RDMA, ``roce`` RoCEv2 and its connection manager, ``providers`` and
``io`` touch the operating system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import Listening, connect, current_call, listen
    from .rpc.auth import Credentials
    from .rpc.channel import CallRefused, TransportError
    from .rpc.message import RpcError
    from .rpc.stub import Reply

__all__ = [
    "CallRefused",
    "Credentials",
    "Listening",
    "Reply",
    "RpcError",
    "TransportError",
    "connect",
    "current_call",
    "listen",
]

_PLACES = {
    "CallRefused": ".rpc.channel",
    "Credentials": ".rpc.auth",
    "Reply": ".rpc.stub",
    "RpcError": ".rpc.message",
    "TransportError": ".rpc.channel",
}
"""Where the public names are defined, if not in ``api``."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: most who come here want one room only."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_PLACES.get(name, ".api"), __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, too: ``help()`` and the reference find them by this."""
    return sorted({*globals(), *__all__})
