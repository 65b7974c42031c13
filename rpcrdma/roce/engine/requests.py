"""Which packets carry a work request."""

from __future__ import annotations

from dataclasses import dataclass

from ...verbs.types import WrOpcode


@dataclass(frozen=True, slots=True)
class RequestCodes:
    """The BTH opcodes of one kind of work request, by the packet's place in the message."""

    first: int
    middle: int
    last: int
    only: int


REQUESTS: dict[int, RequestCodes] = {
    WrOpcode.SEND: RequestCodes(0x00, 0x01, 0x02, 0x04),
    WrOpcode.SEND_WITH_IMM: RequestCodes(0x00, 0x01, 0x03, 0x05),
    WrOpcode.SEND_WITH_INV: RequestCodes(0x00, 0x01, 0x16, 0x17),
    WrOpcode.RDMA_WRITE: RequestCodes(0x06, 0x07, 0x08, 0x0A),
    WrOpcode.RDMA_WRITE_WITH_IMM: RequestCodes(0x06, 0x07, 0x09, 0x0B),
    WrOpcode.RDMA_READ: RequestCodes(0x0C, 0x0C, 0x0C, 0x0C),
}
"""Work request opcode -> its packets. LOCAL_INV has none."""
