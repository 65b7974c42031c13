"""The verbs: the vocabulary of RDMA that is the same for every provider.

``types`` has the nouns and numbers of libibverbs, ``interfaces`` what a provider offers, as
protocols. A message from one end of a connection to the other:

    end.queue_pair.post_recv(RecvWR(memoryview(bytearray(4096))))              # there
    end.queue_pair.post_send(SendWR(WrOpcode.SEND, [memoryview(b"hello")]))    # here
    for completion in recv_cq.poll(16):                                        # there
        print(completion.status, completion.byte_len)
"""

from .interfaces import (
    CompletionQueue,
    Connection,
    ConnectionHandler,
    ConnectionRequest,
    ConnectRequest,
    Device,
    Listener,
    MappingQueuePair,
    MemoryRegion,
    ProtectionDomain,
    QueuePair,
)
from .types import (
    WC,
    Access,
    ConnectionRejected,
    ConnectOptions,
    DeviceLimits,
    QpOptions,
    QpState,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)

__all__ = [
    "Access",
    "CompletionQueue",
    "ConnectOptions",
    "ConnectRequest",
    "Connection",
    "ConnectionHandler",
    "ConnectionRejected",
    "ConnectionRequest",
    "Device",
    "DeviceLimits",
    "Listener",
    "MappingQueuePair",
    "MemoryRegion",
    "ProtectionDomain",
    "QpOptions",
    "QpState",
    "QueuePair",
    "RecvWR",
    "SendWR",
    "VerbsError",
    "WC",
    "WcOpcode",
    "WcStatus",
    "WrOpcode",
]
