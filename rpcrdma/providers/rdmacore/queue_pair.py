"""Queue pairs over the adapter's: what is posted, what has become of it, and the end.

The adapter names a request by 64 bits: our queue pair's token, which queue, and a number. Requests
of a queue complete in order, so each queue is mirrored by a list; unsignaled requests leave it
together with the next signaled one.

A queue pair that fails in any way is destroyed at once. What the adapter has completed until then
is taken out first; everything else is flushed here, in order. So nothing depends on how well a
driver flushes, and when the owner is told, the adapter does not use any memory any more.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Any, Final

from ...software.memory import octets
from ...software.queue_pair import flushed_receive, flushed_send
from ...verbs.types import (
    COMPLETES,
    WC,
    QpOptions,
    QpState,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)
from .bindings import (
    ACCESS_MW_BIND,
    QP_ACCESS_FLAGS,
    QP_PKEY_INDEX,
    QP_PORT,
    QP_STANDARD_BITS,
    QP_STATE,
    QPT_RC,
    WC_WITH_IMM,
    WC_WITH_INV,
)
from .completion import CompletionQueue
from .handles import Handles
from .librdmacm import QpAttributes
from .memory import ProtectionDomain
from .staging import Registration, Staged

_RECEIVE: Final = 1 << 31
_NUMBER: Final = _RECEIVE - 1
_BIND_ROOM: Final = 64
"""Places in the send queue for binding windows, besides one for each request."""
_SILENT_BINDS: Final = 32
_FLUSHED: Final = int(WcStatus.WR_FLUSH_ERR)
_STATUSES: Final = frozenset(map(int, WcStatus))
_RECEIVE_STATUSES: Final = {
    int(WcStatus.LOC_QP_OP_ERR): int(WcStatus.LOC_LEN_ERR),
    int(WcStatus.REM_INV_REQ_ERR): int(WcStatus.LOC_LEN_ERR),
}
"""What versions of soft-RoCE report for a buffer that is too small."""
_RECV: Final = int(WcOpcode.RECV)
_RECV_WITH_IMM: Final = int(WcOpcode.RECV_RDMA_WITH_IMM)
_PLAIN: Final = (
    "path_mtu",
    "rq_psn",
    "sq_psn",
    "dest_qp_num",
    "qp_access_flags",
    "pkey_index",
    "port_num",
    "max_rd_atomic",
    "max_dest_rd_atomic",
    "min_rnr_timer",
    "timeout",
    "retry_cnt",
    "rnr_retry",
)


class Posted:
    """A request in the adapter's send queue. ``request`` is None for one of our own."""

    __slots__ = ("number", "request", "signaled", "staged")

    def __init__(
        self, number: int, request: SendWR | None, staged: Staged | None, signaled: bool
    ) -> None:
        self.number = number
        self.request = request
        self.staged = staged
        self.signaled = signaled


class QueuePair:
    """One end of a reliable connection (``verbs.interfaces.QueuePair``)."""

    def __init__(
        self,
        handles: Handles,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
        port: int,
    ) -> None:
        """Make the queue pair, in INIT. ``port`` of the device may be corrected later.

        Raises ``VerbsError`` for what the device does not have, pyverbs' errors for the rest.
        """
        limits = handles.limits
        for depth in (options.send_depth, options.recv_depth):
            if not 0 < depth <= limits.max_qp_wr:
                raise VerbsError(f"{depth} work requests: the device takes {limits.max_qp_wr}")
        self.token = handles.new_token()
        self.error: str | None = None
        """Why it failed."""
        self.on_error: Callable[[str], None] | None = None
        """Called, from inside a poll, when the queue pair failed by itself."""
        self._handles = handles
        self._pd = pd
        self._send_cq = send_cq
        self._recv_cq = recv_cq
        self._send_depth = options.send_depth
        self._recv_depth = options.recv_depth
        self._places = options.send_depth
        self._access = int(options.access)
        if handles.windows:
            self._access |= ACCESS_MW_BIND
            self._places = min(2 * options.send_depth + _BIND_ROOM, limits.max_qp_wr)
        self._sends: deque[Posted] = deque()
        self._invalidations: deque[tuple[int, int, SendWR]] = deque()
        self._receives: deque[tuple[RecvWR, Registration | None]] = deque()
        self._user_sends = 0
        self._next_number = 1
        self._done = 0  # the number of the latest request that is known to be done
        self._last_signaled = 0
        self._silent_binds = 0
        self._complaint = ""
        self.state = QpState.RESET
        self.number = 0
        self._qp: Any = None
        try:
            self._create(port)
        except BaseException:
            self._destroy()
            pd.detach(self)
            raise

    def _create(self, port: int) -> None:
        pyverbs = self._handles.pyverbs
        self._pd.attach(self)
        init = pyverbs.QPInitAttr(
            qp_type=QPT_RC,
            scq=self._send_cq.attach(self, self.requests_on(self._send_cq)),
            rcq=self._recv_cq.attach(self, self.requests_on(self._recv_cq)),
            cap=pyverbs.QPCap(
                max_send_wr=self._places,
                max_recv_wr=self._recv_depth,
                max_send_sge=self._handles.limits.max_sge,
                max_recv_sge=1,
                max_inline_data=0,
            ),
            sq_sig_all=0,
        )
        self._qp = pyverbs.QP(self._pd.handle, init)
        self.number = int(self._qp.qp_num)
        attributes = QpAttributes()
        attributes.port_num = port
        self.initialize(attributes, QP_STATE | QP_PKEY_INDEX | QP_PORT | QP_ACCESS_FLAGS)

    def requests_on(self, cq: CompletionQueue) -> int:
        """Return how many completions it may have in ``cq`` at a time."""
        count = self._places if cq is self._send_cq else 0
        return count + (self._recv_depth if cq is self._recv_cq else 0)

    # --- States ---

    def initialize(self, attributes: QpAttributes, mask: int) -> None:
        """Move to INIT, or there again with other attributes; the options say the access."""
        attributes.qp_access_flags = self._access
        self._modify(QpState.INIT, attributes, mask | QP_ACCESS_FLAGS)

    def ready_to_receive(self, attributes: QpAttributes, mask: int) -> None:
        """Move from INIT to RTR."""
        self._modify(QpState.RTR, attributes, mask)

    def ready_to_send(self, attributes: QpAttributes, mask: int) -> None:
        """Move from RTR to RTS."""
        self._modify(QpState.RTS, attributes, mask)

    def _modify(self, state: QpState, attributes: QpAttributes, mask: int) -> None:
        pyverbs = self._handles.pyverbs
        given = pyverbs.QPAttr(qp_state=int(state))
        for name in _PLAIN:
            setattr(given, name, getattr(attributes, name))
        vector = attributes.ah_attr
        route = None
        if vector.is_global:
            route = pyverbs.GlobalRoute(
                dgid=pyverbs.GID(IPv6Address(bytes(vector.grh.dgid)).exploded),
                flow_label=vector.grh.flow_label,
                sgid_index=vector.grh.sgid_index,
                hop_limit=vector.grh.hop_limit,
                traffic_class=vector.grh.traffic_class,
            )
        given.ah_attr = pyverbs.AHAttr(
            dlid=vector.dlid,
            sl=vector.sl,
            src_path_bits=vector.src_path_bits,
            static_rate=vector.static_rate,
            is_global=vector.is_global,
            port_num=vector.port_num,
            gr=route,
        )
        self._qp.modify(given, mask & QP_STANDARD_BITS)
        self.state = state

    # --- Posting ---

    def post_send(self, request: SendWR) -> None:
        """Queue a send request (``verbs.interfaces.QueuePair.post_send``)."""
        opcode = request.opcode
        if self.error is not None:
            self._send_cq.push(flushed_send(request))
            return
        if self.state != QpState.RTS:
            raise VerbsError(f"post_send in {self.state.name}", WcStatus.LOC_QP_OP_ERR)
        if self._user_sends >= self._send_depth or len(self._sends) >= self._places:
            raise VerbsError("the send queue is full", WcStatus.LOC_QP_OP_ERR)
        if opcode == WrOpcode.LOCAL_INV and self._invalidate(request):
            return
        staged = self._pd.local.stage(
            request.sg_list, opcode == WrOpcode.RDMA_READ, self._handles.limits.max_sge
        )
        number = self._next_number
        try:
            self._handles.requests.send(
                self._qp,
                self.token << 32 | number & _NUMBER,
                opcode,
                request.signaled,
                staged.pieces,
                remote_address=request.remote_address,
                rkey=request.rkey,
                imm_data=request.imm_data,
            )
        except self._handles.pyverbs.PyverbsError as error:
            staged.finish(False)
            raise VerbsError(f"cannot send: {error}", WcStatus.LOC_QP_OP_ERR) from error
        self._user_sends += 1
        self._posted(Posted(number, request, staged, request.signaled))

    def _posted(self, posted: Posted) -> None:
        self._next_number += 1
        self._sends.append(posted)
        if posted.signaled:
            self._last_signaled = posted.number
            self._silent_binds = 0

    def _invalidate(self, request: SendWR) -> bool:
        """End a region without a window at once; the LOCAL_INV completes in its turn.

        That is after all earlier requests that are signaled. Return false if it has a window.
        """
        region = self._pd.plain_region(request.rkey)
        if region is None:
            return False
        region.deregister()
        self._user_sends += 1
        self._invalidations.append((self._next_number, self._last_signaled, request))
        self._next_number += 1
        self._complete_invalidations()
        return True

    def _complete_invalidations(self) -> None:
        waiting = self._invalidations
        while waiting and waiting[0][1] <= self._done:
            request = waiting.popleft()[2]
            self._user_sends -= 1
            if request.signaled:
                self._send_cq.push(WC(request.wr_id, 0, int(WcOpcode.LOCAL_INV)))

    def _flush_invalidations(self, before: int) -> None:
        waiting = self._invalidations
        while waiting and waiting[0][0] < before:
            request = waiting.popleft()[2]
            self._user_sends -= 1
            self._send_cq.push(WC(request.wr_id, _FLUSHED, int(WcOpcode.LOCAL_INV)))

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer. Raises ``VerbsError``: queue full, buffer not writable."""
        if self.error is not None:
            self._recv_cq.push(flushed_receive(request))
            return
        if len(self._receives) >= self._recv_depth:
            raise VerbsError("the receive queue is full", WcStatus.LOC_QP_OP_ERR)
        view = octets(request.buffer)
        if view.readonly:
            raise VerbsError("a receive into a read-only buffer", WcStatus.LOC_PROT_ERR)
        registration, address, lkey = None, 0, 0
        if len(view):
            registration, address = self._pd.local.use_or_register(view)
            lkey = registration.lkey
        number = self._next_number
        wr_id = self.token << 32 | _RECEIVE | number & _NUMBER
        try:
            self._handles.requests.receive(self._qp, wr_id, (address, len(view), lkey))
        except self._handles.pyverbs.PyverbsError as error:
            if registration is not None:
                self._pd.local.release(registration)
            raise VerbsError(f"cannot receive: {error}", WcStatus.LOC_QP_OP_ERR) from error
        self._next_number += 1
        self._receives.append((request, registration))

    # --- Memory windows ---

    def bind(self, window: Any, registration: Registration, access: int) -> int:
        """Open ``window`` on a registration and return its key.

        Raises ``VerbsError``: not connected, queue full.
        """
        if self.state != QpState.RTS or len(self._sends) >= self._places:
            raise VerbsError("no room to bind a memory window", WcStatus.LOC_QP_OP_ERR)
        number = self._next_number
        self._silent_binds += 1
        signaled = self._silent_binds >= _SILENT_BINDS
        address = registration.address
        try:
            rkey = self._handles.requests.bind(
                self._qp,
                self.token << 32 | number & _NUMBER,
                signaled,
                window,
                registration.mr,
                (address, registration.end - address, 0),
                access,
            )
        except self._handles.pyverbs.PyverbsError as error:
            raise VerbsError(f"cannot bind a memory window: {error}") from error
        self._posted(Posted(number, None, None, signaled))
        return rkey

    # --- Completions ---

    def completed(self, wc: Any) -> bool:
        """Take a completion of the adapter; return whether the queue pair is still of use."""
        low = wc.wr_id & 0xFFFFFFFF
        if low & _RECEIVE:
            self._received(wc)
        else:
            self._sent(wc, low)
        return not wc.status

    def _sent(self, wc: Any, low: int) -> None:
        while self._sends:
            posted = self._sends.popleft()
            last = posted.number & _NUMBER == low
            if last and wc.status:
                self._flush_invalidations(posted.number)
            self._finish(posted, _status(wc.status) if last else 0)
            if last:
                break
        if self._invalidations and not wc.status:
            self._complete_invalidations()
        if wc.status and not self._complaint:
            self._complaint = f"a send request failed: {WcStatus(_status(wc.status)).name}"

    def _finish(self, posted: Posted, status: int) -> None:
        """Complete one request of the send queue."""
        self._done = posted.number
        request = posted.request
        if request is None:
            return
        self._user_sends -= 1
        if posted.staged is not None:
            posted.staged.finish(not status)
        opcode = COMPLETES[request.opcode]
        if opcode == WcOpcode.LOCAL_INV and not status:
            self._pd.invalidated(request.rkey)
        if posted.signaled or status:
            self._send_cq.push(WC(request.wr_id, status, opcode))

    def _received(self, wc: Any) -> None:
        request, registration = self._receives.popleft()
        if registration is not None:
            self._pd.local.release(registration)
        if wc.status:
            status = _status(wc.status)
            status = _RECEIVE_STATUSES.get(status, status)
            self._recv_cq.push(WC(request.wr_id, status, _RECV))
            if not self._complaint:
                self._complaint = f"a receive failed: {WcStatus(status).name}"
            return
        flags, imm_data, rkey = wc.wc_flags, None, None
        if flags & WC_WITH_IMM:
            imm_data = socket.ntohl(wc.imm_data)
        elif flags & WC_WITH_INV:
            rkey = wc.imm_data
            self._pd.invalidated(rkey)
        opcode = _RECV if wc.opcode == _RECV else _RECV_WITH_IMM
        self._recv_cq.push(WC(request.wr_id, 0, opcode, wc.byte_len, imm_data, rkey))

    # --- The end ---

    def break_down(self) -> None:
        """Fail by itself, and tell the owner: a request failed."""
        if self.error is None:
            self.fail(self._complaint)
            if self.on_error is not None:
                self.on_error(self._complaint)

    def fail(self, reason: str) -> None:
        """Destroy the adapter's queue pair and flush everything. Harmless to repeat."""
        if self.error is not None:
            return
        self.error = reason
        pyverbs = self._handles.pyverbs
        with suppress(pyverbs.PyverbsError):  # when the device is gone
            self._qp.modify(pyverbs.QPAttr(qp_state=int(QpState.ERR)), QP_STATE)
        self.state = QpState.ERR
        for cq in (self._send_cq, self._recv_cq):
            cq.fill()
        self._destroy()
        self._flush()

    def _destroy(self) -> None:
        """Destroy the windows, and then the queue pair that they depend on."""
        self._pd.close_windows(self)
        if self._qp is not None:
            self._qp.close()
        for cq in (self._send_cq, self._recv_cq):
            cq.fill()  # completions that the adapter keeps must not be lost
            cq.detach(self)

    def _flush(self) -> None:
        while self._sends:
            posted = self._sends.popleft()
            self._flush_invalidations(posted.number)
            self._finish(posted, _FLUSHED)
        self._flush_invalidations(self._next_number)
        while self._receives:
            request, registration = self._receives.popleft()
            if registration is not None:
                self._pd.local.release(registration)
            self._recv_cq.push(flushed_receive(request))
        self._pd.detach(self)


def _status(status: int) -> int:
    """Return a status of the adapter as one of ours."""
    return status if status in _STATUSES else int(WcStatus.GENERAL_ERR)
