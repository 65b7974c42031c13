"""RPC-over-RDMA version 1 (RFC 8166, 8167, 8797), over whatever offers the verbs."""

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
