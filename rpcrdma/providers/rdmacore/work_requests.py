"""Posting: our work requests in pyverbs' clothes.

pyverbs' request objects leak the C memory behind them unless they are closed, and posting copies
all of it. So one request and one scatter-gather element serve a whole device for what has one
piece; other requests are made, posted and closed.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Final

from ...verbs.types import WrOpcode
from .bindings import SEND_SIGNALED, WR_BIND_MW, Pyverbs
from .staging import Piece

_RDMA: Final = frozenset((WrOpcode.RDMA_WRITE, WrOpcode.RDMA_WRITE_WITH_IMM, WrOpcode.RDMA_READ))
_WITH_IMM: Final = frozenset((WrOpcode.SEND_WITH_IMM, WrOpcode.RDMA_WRITE_WITH_IMM))
_WITH_KEY: Final = frozenset((WrOpcode.SEND_WITH_INV, WrOpcode.LOCAL_INV))


class WorkRequests:
    """Builds and posts work requests. All methods raise pyverbs' errors."""

    def __init__(self, pyverbs: Pyverbs, max_pieces: int) -> None:
        self._pyverbs = pyverbs
        self._elements = [pyverbs.SGE(0, 0, 0) for _ in range(max_pieces)]
        first = self._elements[0]
        self._request = pyverbs.SendWR(num_sge=1, sg=[first])
        # Replace the copy that pyverbs made by the element itself, which can be changed.
        self._request.sg_list = first

    def send(
        self,
        qp: Any,
        wr_id: int,
        opcode: int,
        signaled: bool,
        pieces: Sequence[Piece],
        *,
        remote_address: int,
        rkey: int,
        imm_data: int,
    ) -> None:
        """Post a request of the send queue."""
        count = len(pieces)
        for element, (address, length, lkey) in zip(self._elements, pieces, strict=False):
            element.addr = address
            element.length = length
            element.lkey = lkey
        if count > 1:
            request = self._pyverbs.SendWR(num_sge=count, sg=self._elements[:count])
        else:
            request = self._request
            request.num_sge = count
        request.wr_id = wr_id
        request.opcode = int(opcode)
        request.send_flags = SEND_SIGNALED if signaled else 0
        # One word for both: immediate data in network order, or a key in the host's.
        request.imm_data = (
            socket.htonl(imm_data) if opcode in _WITH_IMM else (rkey if opcode in _WITH_KEY else 0)
        )
        if opcode in _RDMA:
            request.set_wr_rdma(rkey, remote_address)
        try:
            qp.post_send(request)
        finally:
            if count > 1:
                request.close()

    def bind(
        self, qp: Any, wr_id: int, signaled: bool, window: Any, mr: Any, where: Piece, access: int
    ) -> int:
        """Post the binding of a memory window to part of ``mr``; return the window's new key."""
        address, length, _ = where
        request = self._pyverbs.SendWR(
            wr_id=wr_id, opcode=WR_BIND_MW, send_flags=SEND_SIGNALED if signaled else 0
        )
        try:
            request.set_bind_wr(window, self._pyverbs.MWBindInfo(mr, address, length, access))
            rkey = int(request.rkey)
            qp.post_send(request)
        finally:
            request.close()
        return rkey

    def receive(self, qp: Any, wr_id: int, piece: Piece) -> None:
        """Post a receive buffer; its length may be zero."""
        element = self._elements[0]
        element.addr, element.length, element.lkey = piece
        request = self._pyverbs.RecvWR(wr_id=wr_id, num_sge=1, sg=[element])
        if not piece[1]:
            request.num_sge = 0
        try:
            qp.post_recv(request)
        finally:
            request.close()

    def close(self) -> None:
        """Free the work requests."""
        # The shared request holds the first element's memory: closing both would free it twice.
        for element in self._elements:
            element.close()
        self._elements.clear()
