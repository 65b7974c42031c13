"""A raw peer: one end of a connection that posts what it is told to, and sees what comes.

There is no transport in it: no credits are counted, no header is written, nothing is retried. It
stands on the verbs interfaces, so it runs over every provider, the simulated one included, and on
either side of a connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Final

from nfsrdma.rpcrdma.task import Future, Reactor
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.rpcrdma.verbs.interfaces import (
    Connection,
    ConnectionRequest,
    ConnectRequest,
    Device,
)
from nfsrdma.rpcrdma.verbs.types import (
    WC,
    Access,
    ConnectOptions,
    QpOptions,
    RecvWR,
    SendWR,
    WcStatus,
    WrOpcode,
)

from .memory import Memory
from .wire import Message

INLINE: Final = 4096
"""The size of our receives where a test does not care, and what the private data say of it."""
OURS: Final = PrivateData(INLINE, INLINE, False)
_RECEIVES: Final = 64
_POLL: Final = 256


class Gone(Exception):
    """The connection has ended, or never came up; the message says why."""


class Silence(Exception):
    """Nothing came in the time that there was for it."""


class RawPeer:
    """One end of a connection. ``theirs`` is the private data that the other end sent."""

    def __init__(
        self,
        device: Device,
        reactor: Reactor,
        rng: Random,
        *,
        timeout_s: float,
        receive_size: int = INLINE,
        receives: int = _RECEIVES,
        on_message: Callable[[Message], bool] | None = None,
        on_end: Callable[[str], object] | None = None,
    ) -> None:
        self._device = device
        self._reactor = reactor
        self._timeout_s = timeout_s
        self._receive_size = receive_size
        self._receives = receives
        self._on_message = on_message
        self._on_end = on_end
        self._pd = device.create_pd()
        self._send_cq = device.create_cq(4096)
        self._recv_cq = device.create_cq(4096)
        self._send_cq.set_handler(self._sent)
        self._recv_cq.set_handler(self._received)
        self._options = QpOptions(
            2048, max(256, receives), int(Access.REMOTE_READ | Access.REMOTE_WRITE)
        )
        self.memory = Memory(self._pd, rng)
        self.connection: Connection | None = None
        self.theirs = b""
        self.ended: str | None = None
        """Why the connection is no more; None while it is up."""
        self.send_errors: list[str] = []
        """How sends failed, if any did."""
        self._reads: set[Future[int]] = set()
        self._messages: deque[Message] = deque()
        self._waiting: Future[None] | None = None
        self._up: Future[None] = Future()
        self._down: Future[None] = Future()

    # --- Life ---

    async def connect(
        self,
        address: str,
        port: int,
        *,
        private_data: bytes | None = None,
        responder_resources: int = 16,
        initiator_depth: int = 0,
        rnr_retry_count: int = 7,
    ) -> None:
        """Connect. Without ``private_data``, those of RFC 8797 with our receive size are sent.

        Raises ``Gone`` from the error of the connection manager.
        """
        size = self._receive_size
        data = OURS if size == INLINE else PrivateData(size, size, False)
        options = ConnectOptions(
            private_data=data.encode() if private_data is None else private_data,
            responder_resources=responder_resources,
            initiator_depth=initiator_depth,
            rnr_retry_count=rnr_retry_count,
            timeout_s=self._timeout_s,
        )
        queues = self._pd, self._send_cq, self._recv_cq
        try:
            self.connection = self._device.connect(
                ConnectRequest(address, port, *queues, self, self._options, options)
            )
        except OSError as error:
            raise Gone(str(error)) from error
        self.post_receives(self._receives)
        await self._up

    def accept(self, request: ConnectionRequest, *, private_data: bytes | None = None) -> None:
        """Accept a connection: be the passive side. ``private_data`` as in :meth:`connect`."""
        self.theirs = request.private_data
        queues = self._pd, self._send_cq, self._recv_cq
        self.connection = request.prepare(*queues, self._options)
        self.post_receives(self._receives)
        data = OURS.encode() if private_data is None else private_data
        depth = min(request.responder_resources, self._device.limits.max_rd_atomic)
        request.accept(ConnectOptions(data, responder_resources=0, initiator_depth=depth), self)

    def disconnect(self) -> None:
        """Say good-bye."""
        if self.connection is not None:
            self.connection.disconnect()

    def close(self) -> None:
        """End the connection and every registration. Harmless to repeat."""
        self._recv_cq.set_handler(None)
        self._send_cq.set_handler(None)
        if self.connection is not None:
            self.connection.close()
        self._pd.close()
        for each in list(self._reads):
            each.set_result(WcStatus.WR_FLUSH_ERR)
        self._end("closed here")

    # ConnectionHandler

    def established(self, connection: Connection, private_data: bytes) -> None:
        """Note that the connection is up."""
        self.theirs = self.theirs or private_data
        if not self._up.done():
            self._up.set_result(None)

    def failed(self, error: Exception) -> None:
        """Note that there will be no connection."""
        self.ended = str(error) or type(error).__name__
        if not self._up.done():
            gone = Gone(self.ended)
            gone.__cause__ = error
            self._up.set_error(gone)
        self._end(self.ended)

    def disconnected(self, reason: str) -> None:
        """Note that the connection has ended."""
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self.ended is None:
            self.ended = reason
        if not self._down.done():
            self._down.set_result(None)
            if self._on_end is not None:
                self._on_end(reason)
        if not self._up.done():
            self._up.set_error(Gone(self.ended))
        self._wake()

    async def gone(self, timeout_s: float | None = None) -> str:
        """Wait for the end of the connection; return the reason. Raises ``Silence``."""
        await self._wait(self._down, timeout_s, "the connection is still up")
        assert self.ended is not None
        return self.ended

    # --- Sending ---

    def send(self, octets: bytes, *, invalidate: int | None = None) -> None:
        """Post one SEND of these octets; with ``invalidate``, of SEND with Invalidate."""
        opcode = WrOpcode.SEND if invalidate is None else WrOpcode.SEND_WITH_INV
        self._post(SendWR(opcode, (memoryview(octets),), rkey=invalidate or 0))

    def write(self, handle: int, address: int, octets: bytes) -> None:
        """Post one RDMA WRITE to the other side's memory."""
        self._post(
            SendWR(WrOpcode.RDMA_WRITE, (memoryview(octets),), rkey=handle, remote_address=address)
        )

    def read(self, handle: int, address: int, length: int) -> tuple[bytearray, Future[int]]:
        """Post one RDMA READ; return where the octets go, and the status of its end."""
        buffer = bytearray(length)
        done: Future[int] = Future()
        self._reads.add(done)
        done.add_done_callback(self._reads.discard)
        self._post(
            SendWR(
                WrOpcode.RDMA_READ,
                (memoryview(buffer),),
                rkey=handle,
                remote_address=address,
                wr_id=done,
            )
        )
        return buffer, done

    def _post(self, request: SendWR) -> None:
        if self.connection is None or self.ended is not None:
            raise Gone(self.ended or "not connected")
        self.connection.queue_pair.post_send(request)

    def _sent(self) -> None:
        for completion in self._send_cq.poll(_POLL):
            if completion.status != WcStatus.SUCCESS:
                self.send_errors.append(WcStatus(completion.status).name)
            if isinstance(completion.wr_id, Future):
                completion.wr_id.set_result(completion.status)

    # --- Receiving ---

    def post_receives(self, count: int) -> None:
        """Post so many receives more."""
        assert self.connection is not None
        for _ in range(count):
            view = memoryview(bytearray(self._receive_size))
            self.connection.queue_pair.post_recv(RecvWR(view, view))

    def _received(self) -> None:
        now = self._reactor.time()
        for completion in self._recv_cq.poll(_POLL):
            if completion.status == WcStatus.SUCCESS:
                self._take(completion, now)
        self._wake()

    def _take(self, completion: WC, now: float) -> None:
        view = completion.wr_id
        octets = bytes(view[: completion.byte_len])
        message = Message(octets, completion.invalidated_rkey, now)
        if self.connection is not None and self.ended is None:
            self.connection.queue_pair.post_recv(RecvWR(view, view))
        if self._on_message is None or not self._on_message(message):
            self._messages.append(message)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def receive(self, timeout_s: float | None = None) -> Message:
        """Return the next message. Raises ``Gone`` at the end, ``Silence`` if nothing comes."""
        until = self._reactor.time() + (self._timeout_s if timeout_s is None else timeout_s)
        while not self._messages:
            if self.ended is not None:
                raise Gone(self.ended)
            self._waiting = Future()
            left = until - self._reactor.time()
            await self._wait(self._waiting, max(left, 0.0), "no message came")
        return self._messages.popleft()

    async def ask(self, octets: bytes, timeout_s: float | None = None) -> Message:
        """Post a message, and return the next one that comes."""
        self.send(octets)
        return await self.receive(timeout_s)

    async def quiet(self, seconds: float) -> None:
        """Wait so long for nothing. Raises ``Unasked`` for a message, ``Gone`` at the end."""
        try:
            message = await self.receive(seconds)
        except Silence:
            return
        raise Unasked(message)

    async def _wait(self, future: Future[Any], timeout_s: float | None, text: str) -> None:
        limit = self._timeout_s if timeout_s is None else timeout_s
        if future.done():
            return
        woken: Future[bool] = Future()

        def wake(by_time: bool) -> None:
            if not woken.done():
                woken.set_result(by_time)

        timer = self._reactor.call_at(self._reactor.time() + limit, wake, True)
        future.add_done_callback(lambda _: wake(False))
        try:
            late = await woken
        finally:
            timer.cancel()
        if late and not future.done():
            raise Silence(f"{text} within {limit:g} s")


class Unasked(Exception):
    """A message where there should have been none."""

    def __init__(self, message: Message) -> None:
        super().__init__(f"an answer came: {message.brief()}")
        self.message = message
