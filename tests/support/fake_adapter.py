"""An RDMA adapter in memory, with the classes by which pyverbs would show it.

It does at once what it is asked to, on addresses of this process, and checks every key. What a real
one refuses it refuses; objects in use cannot be freed, and what is left open is counted.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections import Counter, deque
from functools import partial
from types import SimpleNamespace
from typing import Any

from nfsrdma.rpcrdma.providers.rdmacore.bindings import Pyverbs
from nfsrdma.rpcrdma.verbs.types import QpState, WcOpcode, WcStatus, WrOpcode

BIND_MW = 8
SIGNALED = 2
LOCAL_WRITE, REMOTE_WRITE, REMOTE_READ, MW_BIND = 1, 2, 4, 16
COMPLETES = {
    WrOpcode.RDMA_WRITE: WcOpcode.RDMA_WRITE,
    WrOpcode.RDMA_WRITE_WITH_IMM: WcOpcode.RDMA_WRITE,
    WrOpcode.RDMA_READ: WcOpcode.RDMA_READ,
    WrOpcode.LOCAL_INV: WcOpcode.LOCAL_INV,
    BIND_MW: 5,
}
WITH_IMM = (WrOpcode.SEND_WITH_IMM, WrOpcode.RDMA_WRITE_WITH_IMM)


class FakeError(Exception):
    """``PyverbsRDMAError``."""

    def __init__(self, message: str, error_code: int) -> None:
        super().__init__(message)
        self.error_code = error_code


class Adapter:
    """What its objects share. ``open`` counts those that are not closed, by class."""

    def __init__(self, *names: str, windows: bool = True, tells_descriptors: bool = True) -> None:
        self.names = names or ("fake0",)
        """Of its devices, in the order in which they are found."""
        self.windows = windows
        self.tells_descriptors = tells_descriptors
        self.open: Counter[str] = Counter()
        self.memory: dict[int, MR | MW] = {}
        self.queue_pairs: dict[int, QP] = {}
        self.broken: set[str] = set()
        """Names of classes that cannot be made any more."""
        self._next = 17

    def number(self) -> int:
        self._next += 1
        return self._next

    def pyverbs(self) -> Pyverbs:
        """Its ``bindings.Pyverbs``."""
        made = {cls.__name__: partial(cls, self) for cls in (Context, PD, MR, MW, CQ, QP)}
        return Pyverbs(
            CompChannel=partial(CompChannel if self.tells_descriptors else SilentChannel, self),
            AHAttr=SimpleNamespace,
            GID=str,
            GlobalRoute=SimpleNamespace,
            MWBindInfo=lambda *bind: bind,
            QPAttr=SimpleNamespace,
            QPCap=SimpleNamespace,
            QPInitAttr=SimpleNamespace,
            SGE=SGE,
            SendWR=SendWR,
            RecvWR=RecvWR,
            PyverbsError=FakeError,
            get_device_list=lambda: [SimpleNamespace(name=each.encode()) for each in self.names],
            **made,
        )


class Owned:
    """Something of an adapter's that is closed once, after all that uses it."""

    def __init__(self, adapter: Adapter, *owners: Owned) -> None:
        self.name = type(self).__name__
        if self.name in adapter.broken:
            raise FakeError(f"no {self.name}", errno.ENOMEM)
        self.adapter = adapter
        self.owners = owners
        self.users = 0
        self.closed = False
        adapter.open[self.name] += 1
        for owner in owners:
            owner.users += 1

    def close(self) -> None:
        if self.closed:
            return
        if self.users:
            raise FakeError(f"{self.name} is in use", errno.EBUSY)
        self.closed = True
        self.adapter.open[self.name] -= 1
        for owner in self.owners:
            owner.users -= 1


class Context(Owned):
    def __init__(self, adapter: Adapter, name: str) -> None:
        super().__init__(adapter)
        assert name in adapter.names

    def query_device(self) -> Any:
        return SimpleNamespace(
            device_cap_flags=1 << 24 if self.adapter.windows else 0,
            max_mw=1000,
            max_qp_wr=16384,
            max_sge=30,
            max_qp_rd_atom=16,
            max_qp_init_rd_atom=16,
        )

    def query_port(self, port: int) -> Any:
        assert port == 1
        return SimpleNamespace(max_msg_sz=1 << 30)


class PD(Owned):
    def __init__(self, adapter: Adapter, context: Context) -> None:
        super().__init__(adapter, context)


class MR(Owned):
    def __init__(self, adapter: Adapter, pd: PD, length: int, access: int, address: int) -> None:
        super().__init__(adapter, pd)
        assert length
        assert address
        assert not access & REMOTE_WRITE or access & LOCAL_WRITE
        self.pd, self.address, self.length, self.access = pd, address, length, access
        self.lkey = adapter.number() << 8
        self.rkey = self.lkey if access & (REMOTE_READ | REMOTE_WRITE) else 0
        self.queue_pair = None
        adapter.memory[self.lkey] = self

    def close(self) -> None:
        super().close()
        self.adapter.memory.pop(self.lkey, None)

    def holds(self, address: int, length: int) -> bool:
        return self.address <= address and address + length <= self.address + self.length


class MW(Owned):
    def __init__(self, adapter: Adapter, pd: PD, kind: int) -> None:
        super().__init__(adapter, pd)
        assert kind == 2
        self.pd = pd
        self.rkey = adapter.number() << 8
        self.mr: MR | None = None
        self.queue_pair: QP | None = None

    def bind(self, queue_pair: QP, rkey: int, mr: MR, *where: int) -> int:
        if self.closed or self.mr is not None or mr.closed or not mr.access & MW_BIND:
            return 6
        self.address, self.length, self.access = where
        assert mr.holds(self.address, self.length)
        self.mr, self.queue_pair, self.rkey = mr, queue_pair, rkey
        mr.users += 1
        self.adapter.memory[rkey] = self
        return 0

    def unbind(self) -> None:
        if self.mr is not None:
            self.mr.users -= 1
            self.mr = self.queue_pair = None
            del self.adapter.memory[self.rkey]

    holds = MR.holds

    def close(self) -> None:
        self.unbind()
        super().close()


class CompChannel(Owned):
    def __init__(self, adapter: Adapter, context: Context) -> None:
        super().__init__(adapter, context)
        self.name = "CompChannel"
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE)

    def get_cq_event(self, cq: CQ) -> None:
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError as error:
            raise FakeError("none", errno.EAGAIN) from error
        cq.unacknowledged += 1

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self.fd)


class SilentChannel(CompChannel):
    """One that does not say what its descriptor is."""

    def __getattribute__(self, name: str) -> Any:
        if name == "fd":
            raise AttributeError(name)
        return super().__getattribute__(name)


class CQ(Owned):
    def __init__(self, adapter: Adapter, context: Context, cqe: int, channel: CompChannel) -> None:
        super().__init__(adapter, context, channel)
        self.cqe = cqe
        self.channel = channel
        self.entries: deque[Any] = deque()
        self.armed = False
        self.unacknowledged = 0

    def resize(self, cqe: int) -> None:
        assert cqe > self.cqe
        self.cqe = cqe

    def req_notify(self) -> None:
        self.armed = True

    def ack_events(self, count: int) -> None:
        self.unacknowledged -= count

    def poll(self, count: int) -> tuple[int, list[Any]]:
        found = [self.entries.popleft() for _ in range(min(count, len(self.entries)))]
        return len(found), found

    def add(self, **completion: int) -> None:
        fields = {"wc_flags": 0, "imm_data": 0, "byte_len": 0, **completion}
        self.entries.append(SimpleNamespace(**fields))
        assert len(self.entries) <= self.cqe, "overflow"
        if self.armed:
            self.armed = False
            os.eventfd_write(object.__getattribute__(self.channel, "fd"), 1)

    def close(self) -> None:
        assert not self.unacknowledged, "ibv_destroy_cq would hang"
        super().close()


class SGE:
    def __init__(self, addr: int, length: int, lkey: int) -> None:
        self.addr, self.length, self.lkey = addr, length, lkey
        self.closed = False

    def close(self) -> None:
        assert not self.closed, "freed twice"
        self.closed = True

    def copy(self) -> SGE:
        return SGE(self.addr, self.length, self.lkey)


class SendWR:
    def __init__(
        self,
        wr_id: int = 0,
        opcode: int = WrOpcode.SEND,
        num_sge: int = 0,
        imm_data: int = 0,
        sg: list[SGE] | None = None,
        send_flags: int = SIGNALED,
    ) -> None:
        assert sg or opcode in (BIND_MW, WrOpcode.LOCAL_INV, WrOpcode.SEND_WITH_INV)
        self.wr_id, self.opcode, self.num_sge = wr_id, opcode, num_sge
        self.imm_data, self.send_flags = imm_data, send_flags
        self.elements = [element.copy() for element in sg or []]
        self.rkey = self.remote_address = 0
        self.closed = False

    def _alias(self, element: SGE) -> None:
        self.elements = [element]

    sg_list = property(None, _alias)

    def set_wr_rdma(self, rkey: int, address: int) -> None:
        self.rkey, self.remote_address = rkey, address

    def set_bind_wr(self, window: MW, bind: Any) -> None:
        self.window, self.bind = window, bind
        self.rkey = window.rkey & ~0xFF | (window.rkey + 1) & 0xFF

    def close(self) -> None:
        assert not self.closed, "freed twice"
        self.closed = True


class RecvWR:
    def __init__(self, wr_id: int, num_sge: int, sg: list[SGE]) -> None:
        assert num_sge == len(sg) == 1
        self.wr_id, self.num_sge = wr_id, num_sge
        self.elements = [element.copy() for element in sg]

    def close(self) -> None:
        pass


class QP(Owned):
    def __init__(self, adapter: Adapter, pd: PD, init: Any) -> None:
        super().__init__(adapter, pd, init.scq, init.rcq)
        self.pd, self.scq, self.rcq = pd, init.scq, init.rcq
        self.max_send, self.max_recv = init.cap.max_send_wr, init.cap.max_recv_wr
        self.max_sge = init.cap.max_send_sge
        self.qp_num = adapter.number()
        self.state = QpState.RESET
        self.access = self.peer = 0
        self.rnr_retry = 7
        self.sends: deque[Any] = deque()
        self.unreported = 0
        self.receives: deque[Any] = deque()
        self.running = False
        adapter.queue_pairs[self.qp_num] = self

    def modify(self, attributes: Any, mask: int) -> None:
        state = QpState(attributes.qp_state)
        if state == QpState.ERR:
            self.fail()
            return
        assert self.state in (state, state - 1), (self.state, state)
        self.state = state
        if state == QpState.INIT:
            self.access = attributes.qp_access_flags
        elif state == QpState.RTR:
            self.peer = attributes.dest_qp_num
        else:
            self.rnr_retry = attributes.rnr_retry
            other = self.adapter.queue_pairs.get(self.peer)
            if other is not None:
                other.run()

    def post_send(self, wr: SendWR) -> None:
        if len(self.sends) + self.unreported >= self.max_send or wr.num_sge > self.max_sge:
            raise FakeError("the send queue is full", errno.ENOMEM)
        pieces = [(e.addr, e.length, e.lkey) for e in wr.elements[: wr.num_sge]]
        fields = {**vars(wr), "pieces": pieces}
        self.sends.append(SimpleNamespace(**fields))
        if self.state == QpState.ERR:
            self.fail()
        self.run()

    def post_recv(self, wr: RecvWR) -> None:
        if len(self.receives) >= self.max_recv:
            raise FakeError("the receive queue is full", errno.ENOMEM)
        pieces = [(e.addr, e.length, e.lkey) for e in wr.elements[: wr.num_sge]]
        self.receives.append(SimpleNamespace(wr_id=wr.wr_id, pieces=pieces))
        other = self.adapter.queue_pairs.get(self.peer)
        if other is not None:
            other.run()

    def run(self) -> None:
        """Do what can be done."""
        while self.sends and self.state == QpState.RTS and not self.running:
            self.running = True
            status = self.execute(self.sends[0])
            self.running = False
            if status is None:
                return
            self.complete(self.sends.popleft(), status)
            if status:
                self.fail()

    def complete(self, wr: Any, status: int) -> None:
        if not status and not wr.send_flags & SIGNALED:
            self.unreported += 1
            return
        self.unreported = 0
        opcode = COMPLETES.get(wr.opcode, WcOpcode.SEND)
        self.scq.add(wr_id=wr.wr_id, status=int(status), opcode=int(opcode))

    def fail(self) -> None:
        self.state = QpState.ERR
        while self.sends:
            self.complete(self.sends.popleft(), WcStatus.WR_FLUSH_ERR)
        while self.receives:
            self.rcq.add(wr_id=self.receives.popleft().wr_id, status=5, opcode=128)

    def execute(self, wr: Any) -> int | None:
        if wr.opcode == BIND_MW:
            return wr.window.bind(self, wr.rkey, *wr.bind)
        if wr.opcode == WrOpcode.LOCAL_INV:
            return 0 if self.invalidate(wr.imm_data) else WcStatus.LOC_QP_OP_ERR
        for address, length, lkey in wr.pieces:
            if not self.own(address, length, lkey, wr.opcode == WrOpcode.RDMA_READ):
                return WcStatus.LOC_PROT_ERR
        peer = self.adapter.queue_pairs.get(self.peer)
        if peer is None or peer.state not in (QpState.RTR, QpState.RTS):
            return None
        status = peer.answer(wr, self)
        if status and status != WcStatus.RNR_RETRY_EXC_ERR:
            peer.fail()
        return status

    def own(self, address: int, length: int, lkey: int, writing: bool) -> bool:
        mr = self.adapter.memory.get(lkey)
        return (
            isinstance(mr, MR)
            and mr.pd is self.pd
            and mr.holds(address, length)
            and (not writing or bool(mr.access & LOCAL_WRITE))
        )

    def invalidate(self, rkey: int) -> bool:
        window = self.adapter.memory.get(rkey)
        if not isinstance(window, MW) or window.queue_pair is not self:
            return False
        window.unbind()
        return True

    def reach(self, wr: Any, right: int) -> bool:
        """Whether the peer may."""
        length = sum(piece[1] for piece in wr.pieces)
        if not self.access & right:
            return False
        if not length:
            return True
        memory = self.adapter.memory.get(wr.rkey)
        return (
            memory is not None
            and memory.rkey == wr.rkey
            and memory.pd is self.pd
            and memory.queue_pair in (None, self)
            and bool(memory.access & right)
            and memory.holds(wr.remote_address, length)
        )

    def answer(self, wr: Any, sender: QP) -> int | None:
        """As the responder."""
        if wr.opcode == WrOpcode.RDMA_READ:
            if not self.reach(wr, REMOTE_READ):
                return WcStatus.REM_ACCESS_ERR
            at = wr.remote_address
            for address, length, _ in wr.pieces:
                ctypes.memmove(address, at, length)
                at += length
            return 0
        data = b"".join(ctypes.string_at(address, length) for address, length, _ in wr.pieces)
        if wr.opcode in (WrOpcode.RDMA_WRITE, WrOpcode.RDMA_WRITE_WITH_IMM):
            if not self.reach(wr, REMOTE_WRITE):
                return WcStatus.REM_ACCESS_ERR
            if data:
                ctypes.memmove(wr.remote_address, data, len(data))
            if wr.opcode == WrOpcode.RDMA_WRITE:
                return 0
        if not self.receives:
            return None if sender.rnr_retry else WcStatus.RNR_RETRY_EXC_ERR
        return self.receive(wr, data)

    def receive(self, wr: Any, data: bytes) -> int:
        posted = self.receives.popleft()
        written = wr.opcode == WrOpcode.RDMA_WRITE_WITH_IMM
        completion = {"wr_id": posted.wr_id, "opcode": 129 if written else 128, "status": 0}
        if data and not written:
            address, length, lkey = posted.pieces[0] if posted.pieces else (0, 0, 0)
            if len(data) > length:
                self.rcq.add(**{**completion, "status": int(WcStatus.LOC_LEN_ERR)})
                return WcStatus.REM_INV_REQ_ERR
            assert self.own(address, len(data), lkey, True)
            ctypes.memmove(address, data, len(data))
        flags = 0
        if wr.opcode in WITH_IMM:
            flags = 2
        elif wr.opcode == WrOpcode.SEND_WITH_INV:
            flags = 4  # as soft-RoCE does it
            if not self.invalidate(wr.imm_data):
                return WcStatus.REM_ACCESS_ERR
        self.rcq.add(**completion, wc_flags=flags, imm_data=wr.imm_data, byte_len=len(data))
        return 0

    def close(self) -> None:
        if not self.closed:
            super().close()
            self.fail()
            del self.adapter.queue_pairs[self.qp_num]
