"""The verbs vocabulary: the nouns and numbers of libibverbs, without any provider.

Numbers are those of ``enum ibv_*`` so that a log line means what an RDMA engineer expects.
Hot-path objects are slotted plain classes and carry plain integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from errno import ECONNREFUSED
from typing import Any


class Access(IntFlag):
    """What a registration permits (``enum ibv_access_flags``)."""

    LOCAL_READ = 0
    LOCAL_WRITE = 1
    REMOTE_WRITE = 2
    REMOTE_READ = 4
    REMOTE_ATOMIC = 8


class WrOpcode(IntEnum):
    """What a send work request does (``enum ibv_wr_opcode``)."""

    RDMA_WRITE = 0
    RDMA_WRITE_WITH_IMM = 1
    SEND = 2
    SEND_WITH_IMM = 3
    RDMA_READ = 4
    LOCAL_INV = 7
    SEND_WITH_INV = 9


class WcOpcode(IntEnum):
    """What a completion completes (``enum ibv_wc_opcode``)."""

    SEND = 0
    RDMA_WRITE = 1
    RDMA_READ = 2
    LOCAL_INV = 6
    RECV = 128
    RECV_RDMA_WITH_IMM = 129


COMPLETES: dict[int, WcOpcode] = {
    WrOpcode.RDMA_WRITE: WcOpcode.RDMA_WRITE,
    WrOpcode.RDMA_WRITE_WITH_IMM: WcOpcode.RDMA_WRITE,
    WrOpcode.SEND: WcOpcode.SEND,
    WrOpcode.SEND_WITH_IMM: WcOpcode.SEND,
    WrOpcode.SEND_WITH_INV: WcOpcode.SEND,
    WrOpcode.RDMA_READ: WcOpcode.RDMA_READ,
    WrOpcode.LOCAL_INV: WcOpcode.LOCAL_INV,
}
"""Opcode of a work request -> opcode of its completion."""


class WcStatus(IntEnum):
    """How a work request ended (``enum ibv_wc_status``)."""

    SUCCESS = 0
    LOC_LEN_ERR = 1
    LOC_QP_OP_ERR = 2
    LOC_PROT_ERR = 4
    WR_FLUSH_ERR = 5
    BAD_RESP_ERR = 7
    LOC_ACCESS_ERR = 8
    REM_INV_REQ_ERR = 9
    REM_ACCESS_ERR = 10
    REM_OP_ERR = 11
    RETRY_EXC_ERR = 12
    RNR_RETRY_EXC_ERR = 13
    REM_ABORT_ERR = 16
    FATAL_ERR = 19
    GENERAL_ERR = 21


class QpState(IntEnum):
    """The life of a queue pair (``enum ibv_qp_state``)."""

    RESET = 0
    INIT = 1
    RTR = 2
    RTS = 3
    SQD = 4
    SQE = 5
    ERR = 6


class VerbsError(Exception):
    """A verb was refused; ``status`` is the completion status that says why."""

    def __init__(self, message: str, status: WcStatus = WcStatus.GENERAL_ERR) -> None:
        super().__init__(message)
        self.status = status


class ConnectionRejected(ConnectionRefusedError):
    """The peer rejected the connection (REJ).

    ``private_data`` comes as it was sent: with its padding where the message has a fixed size
    (148 octets in IB CM). ``reason`` is the reason code of IBA, Section 12.6.7.2.
    """

    CONSUMER_REJECT = 28

    def __init__(
        self,
        text: str,
        private_data: bytes = b"",
        *,
        reason: int = CONSUMER_REJECT,
        code: int | None = ECONNREFUSED,
    ) -> None:
        if code is None:
            super().__init__(text)
        else:
            super().__init__(code, text)
        self.private_data = private_data
        self.reason = reason


class SendWR:
    """A work request for the send queue.

    ``sg_list`` holds the local memory in order: the source of a SEND or WRITE (read-only views
    will do), the destination of a READ (writable views). It must stay unchanged, and a
    destination unread, until the request completes. ``wr_id`` is any object and comes back in
    the completion. An unsignaled request completes silently unless it fails.
    ``rkey`` is the peer's key for READ and WRITE; for SEND_WITH_INV the key the peer shall
    invalidate, for LOCAL_INV our own.
    ``placed`` says that the octets of an RDMA WRITE are in place already: ``sg_list`` is the view
    that ``MappingQueuePair.map_remote`` returned, or the beginning of it.
    """

    __slots__ = (
        "imm_data",
        "opcode",
        "placed",
        "remote_address",
        "rkey",
        "sg_list",
        "signaled",
        "wr_id",
    )

    def __init__(
        self,
        opcode: int,
        sg_list: Sequence[memoryview] = (),
        *,
        wr_id: Any = None,
        remote_address: int = 0,
        rkey: int = 0,
        imm_data: int = 0,
        signaled: bool = True,
        placed: bool = False,
    ) -> None:
        self.opcode = opcode
        self.sg_list = sg_list
        self.wr_id = wr_id
        self.remote_address = remote_address
        self.rkey = rkey
        self.imm_data = imm_data
        self.signaled = signaled
        self.placed = placed

    def length(self) -> int:
        """Return the message's length in octets."""
        return sum(map(len, self.sg_list))


class RecvWR:
    """A receive buffer: one writable view, filled from its start by one message."""

    __slots__ = ("buffer", "wr_id")

    def __init__(self, buffer: memoryview, wr_id: Any = None) -> None:
        self.buffer = buffer
        self.wr_id = wr_id


class WC:
    """A work completion.

    ``byte_len`` and, where the peer sent them, ``imm_data`` and ``invalidated_rkey`` are those
    of a received message; they are ``None`` where there is none. Only ``wr_id`` and ``status``
    mean anything unless ``status`` is ``WcStatus.SUCCESS``.
    """

    __slots__ = ("byte_len", "imm_data", "invalidated_rkey", "opcode", "status", "wr_id")

    def __init__(
        self,
        wr_id: Any,
        status: int,
        opcode: int,
        byte_len: int = 0,
        imm_data: int | None = None,
        invalidated_rkey: int | None = None,
    ) -> None:
        self.wr_id = wr_id
        self.status = status
        self.opcode = opcode
        self.byte_len = byte_len
        self.imm_data = imm_data
        self.invalidated_rkey = invalidated_rkey

    def __repr__(self) -> str:
        return (
            f"WC({WcOpcode(self.opcode).name}, {WcStatus(self.status).name}, "
            f"wr_id={self.wr_id!r}, byte_len={self.byte_len})"
        )


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """What a device can do; lengths in octets."""

    max_qp_wr: int = 16384
    max_sge: int = 64
    max_message: int = 1 << 31
    max_rd_atomic: int = 16
    """RDMA READs in flight in one direction of one connection (ORD and IRD)."""
    short_message: int = 0
    """Up to this length a message is quicker than a registration; 0 where that is not known."""
    copies_sends: bool = False
    """The octets of a SEND are copied when it is posted: they may change afterwards."""
    remote_invalidation: bool = True
    """Whether the peer can invalidate every region by SEND_WITH_INV. Where this is false that
    breaks the connection, so the peer must not be told that it may (RFC 8797)."""


@dataclass(frozen=True, slots=True)
class QpOptions:
    """How a queue pair is made; depths in work requests."""

    send_depth: int = 1024
    recv_depth: int = 256
    access: int = 0
    """``Access`` flags: the remote operations that this queue pair answers at all."""


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """What a side offers when a connection is made (``struct rdma_conn_param``).

    ``responder_resources``: RDMA READs of the peer that we answer at a time (IRD);
    ``initiator_depth``: RDMA READs that we have in flight (ORD). ``rnr_retry_count`` 7 is
    for ever. Linux's soft-RoCE takes a ``retry_count`` of 7 for ever, too, in its own queue pair
    and in the one that our request has it make: who waits there for a peer that is gone is never
    told. Linux's NFS client asks for 6 as well. ``private_data``: at most 56 octets in a request,
    196 in an answer.
    """

    private_data: bytes = b""
    responder_resources: int = 16
    initiator_depth: int = 16
    retry_count: int = 6
    rnr_retry_count: int = 7
    timeout_s: float = 10.0
    """The active side gives up after this long without an answer."""
