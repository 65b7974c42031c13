"""Work requests on their way, and which packets carry them."""

from __future__ import annotations

from dataclasses import dataclass

from ...verbs.types import SendWR, WcStatus, WrOpcode


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

_SUCCESS = WcStatus.SUCCESS


class Wqe:
    """A work request on its way (work queue element): sequences ``first`` to ``end`` (exclusive).

    ``base`` is the octet of the stream at which it begins, ``cost`` how many it counts for.
    """

    __slots__ = (
        "base",
        "codes",
        "cost",
        "done",
        "end",
        "first",
        "length",
        "quiet",
        "request",
        "status",
        "view",
        "views",
    )

    def __init__(
        self,
        request: SendWR,
        codes: RequestCodes | None,
        views: list[memoryview],
        length: int,
        first: int,
        packets: int,
        base: int,
        cost: int,
    ) -> None:
        self.request = request
        self.codes = codes
        """The opcodes of its packets; ``None``: a LOCAL_INV, which has none."""
        self.views = views
        self.view = views[0] if len(views) == 1 else None
        """The view, if there is just one in ``views``."""
        self.length = length
        self.first = first
        self.end = first + packets
        self.base = base
        self.cost = cost
        self.status: int = _SUCCESS
        self.done = False
        """Whether a LOCAL_INV has been carried out."""
        self.quiet = False
        """Whether it has no place in the send queue, and no completion."""
