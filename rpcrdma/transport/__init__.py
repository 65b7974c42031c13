"""RPC-over-RDMA version 1 (RFC 8166, 8167, 8797), sans-IO over the verbs vocabulary.

A server listens, a client connects, and both get channels that carry calls in both directions::

    listener = listen_rdma(device, reactor, "192.0.2.1", NFS_RDMA_PORT, service)
    channel = await connect_rdma(device, reactor, "192.0.2.1", NFS_RDMA_PORT)
    reply = await channel.call(message, max_reply=4096, sinks=[buffer])
    print(channel.stats)

Each end of a channel has a ``requester`` and a ``responder``; ``endpoint`` has what they share, the
receive buffers and the ``send_queue``. ``reduction`` decides from sizes alone how a message
travels, ``header`` and ``chunk`` are the wire format, ``credits`` the flow control.
"""

from .call import RdmaCall
from .channel import RdmaChannel
from .connect import NFS_RDMA_PORT, RdmaListener, connect_rdma, listen_rdma
from .header import HeaderLimits, RpcRdmaError
from .options import TransportOptions
from .stats import TransportStats

__all__ = [
    "NFS_RDMA_PORT",
    "HeaderLimits",
    "RdmaCall",
    "RdmaChannel",
    "RdmaListener",
    "RpcRdmaError",
    "TransportOptions",
    "TransportStats",
    "connect_rdma",
    "listen_rdma",
]
