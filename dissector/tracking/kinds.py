"""The kinds of connections and of RDMA operations."""

from __future__ import annotations

from enum import IntEnum


class Transport(IntEnum):
    """What carries the messages of a connection."""

    ROCE_V2 = 1
    ROCE_V1 = 2
    INFINIBAND = 3
    IWARP = 4
    TCP = 5
    UDP = 6

    @property
    def label(self) -> str:
        """Its name, as it is shown."""
        return ("", "RoCEv2", "RoCEv1", "IB", "iWARP", "TCP", "UDP")[self]


class OpKind(IntEnum):
    """The two kinds of RDMA operations."""

    WRITE = 0
    READ = 1
