"""One connection as both roles see it: receive buffers, the send queue, and its end.

Ownership of receive buffers: a posted buffer is the peer's to write to. Once a message has arrived
in it, it belongs to the role that handles the message, until :meth:`RpcRdmaEndpoint.repost`. A
requester copies a reply out and reposts at once. A responder decodes a call in place, so its buffer
is reposted when the call is answered, *before* the answer is sent: the answer grants the credit
again, and the peer may use it at once.
"""

from __future__ import annotations

from collections.abc import Callable

from nfsrdma.xdr import Encoder

from ..budget import Account
from ..io.memory import zeros
from ..verbs.interfaces import (
    Connection,
    Device,
    ExchangingQueuePair,
    MappingQueuePair,
    PromptQueuePair,
)
from ..verbs.types import DeviceLimits, RecvWR, SendWR, VerbsError, WcStatus, WrOpcode
from .options import TransportOptions
from .private_data import PrivateData, thresholds
from .send_queue import Done, SendQueue
from .stats import TransportStats

FAULT = "a fault on this side"
"""The reason for the end of a connection whose handling raised an exception."""

_POLL_LIMIT = 64
_FIRST_RECEIVES = 8
_SEND = int(WrOpcode.SEND)
_SEND_WITH_INV = int(WrOpcode.SEND_WITH_INV)


class ReceiveSlot:
    """A receive buffer; ``view`` is the whole of it."""

    __slots__ = ("request", "view")

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.request = RecvWR(view, self)


class Queues:
    """What a connection needs before it can be made: a protection domain and completion queues.

    The domain is for one connection alone, so that no other peer can use its keys.
    """

    __slots__ = ("pd", "recv_cq", "send_cq")

    def __init__(self, device: Device, options: TransportOptions) -> None:
        self.pd = device.create_pd()
        self.send_cq = device.create_cq(options.send_depth)
        self.recv_cq = device.create_cq(options.receive_depth)


_NOTHING = memoryview(b"")

OnMessage = Callable[[ReceiveSlot, memoryview, int | None], None]
"""Takes the buffer, the message in it, and the R_key that the peer invalidated with it."""


class RpcRdmaEndpoint:
    """A queue pair with its buffers. ``on_failure`` is called once, with the reason.

    The first receives are posted at once: the peer may send as soon as its side is up. It has one
    credit until it is answered (RFC 8166, Section 3.3.3). The other receives follow with
    :meth:`start`, once the peer has confirmed the connection: a request to connect may be forged.
    ``read_depth`` is how many RDMA READs the peer answers at a time.
    """

    def __init__(
        self,
        connection: Connection,
        queues: Queues,
        limits: DeviceLimits,
        options: TransportOptions,
        *,
        read_depth: int,
        on_message: OnMessage,
        on_prompt: Callable[[memoryview], bool],
        on_failure: Callable[[str], None],
        account: Account,
    ) -> None:
        self.connection = connection
        self.pd = queues.pd
        self.limits = limits
        self.options = options
        self.stats = TransportStats()
        self.send_threshold = 0
        """The longest message that may be sent inline, header included."""
        self.receive_threshold = 0
        """The longest message that the peer can send inline."""
        self.may_invalidate = False
        """Whether the peer can cope with SEND_WITH_INV."""
        self.closed = False
        self._queue_pair = queue_pair = connection.queue_pair
        self.mapping = queue_pair if isinstance(queue_pair, MappingQueuePair) else None
        """The queue pair, if the peer's memory can be mapped through it."""
        self.exchanging = queue_pair if isinstance(queue_pair, ExchangingQueuePair) else None
        """The queue pair, if it can wait a little for the answer to a message."""
        self.prompting = queue_pair if isinstance(queue_pair, PromptQueuePair) else None
        """The queue pair, if it shows messages before they complete receives."""
        self._on_prompt = on_prompt
        self._on_message = on_message
        self._on_failure = on_failure
        self._send_cq, self._recv_cq = queues.send_cq, queues.recv_cq
        self.send_queue = SendQueue(
            queue_pair,
            queues.send_cq,
            options.send_depth,
            read_depth,
            self.fail,
            self.stats,
            account,
        )
        # One allocation for all receive buffers, so that a view of any of them can be told by its
        # ``obj``. The kernel provides a page only once something was received in it, and most
        # connections are idle.
        self._receives = zeros(options.receive_depth * options.inline_receive)
        self.receive_memory: object = self._receives.obj
        """What ``obj`` is for every view of a receive buffer."""
        self._slots: list[ReceiveSlot] = []
        self._max_waiting = options.receive_depth
        self._post_receives(_FIRST_RECEIVES)

    def _post_receives(self, count: int) -> None:
        """Post further receive buffers until ``count`` of them have been posted."""
        size, post = self.options.inline_receive, self._queue_pair.post_recv
        for number in range(len(self._slots), min(count, self.options.receive_depth)):
            slot = ReceiveSlot(self._receives[number * size : (number + 1) * size])
            self._slots.append(slot)
            post(slot.request)

    def negotiate(self, theirs: PrivateData) -> None:
        """Set the thresholds from both sides' private data (RFC 8797)."""
        ours = self.options.private_data
        self.send_threshold, self.receive_threshold = thresholds(ours, theirs)
        self.may_invalidate = ours.remote_invalidation and theirs.remote_invalidation

    def start(self, prompted: Callable[[memoryview], bool]) -> None:
        """Post all receives, and handle what comes in or has come already: both sides are up.

        ``prompted`` is :meth:`prompted`, or does the same.
        """
        self._post_receives(self.options.receive_depth)
        self._send_cq.set_handler(self._on_sends)
        self._recv_cq.set_handler(self._on_receives)
        if self.prompting is not None:
            self.prompting.prompt = prompted
        self._on_receives()

    def _on_receives(self) -> None:
        try:
            self._take_messages()
        except BaseException:
            # A bug, or KeyboardInterrupt: this connection may be halfway through something.
            self.fail(FAULT)
            raise

    def prompted(self, message: memoryview) -> bool:
        """Deal with a message that has no receive of its own, if that is quick."""
        try:
            if not self._on_prompt(message):
                return False
        except BaseException:
            self.fail(FAULT)
            raise
        self.stats.bytes_inline_received += len(message)
        return True

    def _on_sends(self) -> None:
        try:
            self.send_queue.on_completions()
        except BaseException:
            self.fail(FAULT)
            raise

    def _take_messages(self) -> None:
        on_message = self._on_message
        stats = self.stats
        while not self.closed:
            completions = self._recv_cq.poll(_POLL_LIMIT)
            if not completions:
                return
            for completion in completions:
                if completion.status:
                    self.fail(f"receive failed: {WcStatus(completion.status).name}")
                if self.closed:
                    return
                slot = completion.wr_id
                stats.bytes_inline_received += completion.byte_len
                on_message(slot, slot.view[: completion.byte_len], completion.invalidated_rkey)

    def repost(self, slot: ReceiveSlot) -> None:
        """Give a receive buffer back to the queue pair."""
        if not self.closed:
            try:
                self._queue_pair.post_recv(slot.request)
            except VerbsError as error:
                self.fail(f"cannot receive: {error}")

    def send_whole(self, head: bytes, message: Encoder) -> None:
        """Send ``head`` and ``message`` inline. They are copied, payloads included."""
        if self.prompting is not None and self.send_queue.ready:
            length = len(head) + message.tell()
            target = self.prompting.begin(length)
            if target is not None:
                start = len(head)
                target[:start] = head
                for part in message.parts() if message.payloads else (message.buffer,):
                    end = start + len(part)
                    target[start:end] = part
                    start = end
                self.stats.bytes_inline_sent += length
                self.prompting.finish()
                return
        payloads = message.payloads
        if not payloads:
            self.send(head + message.buffer)
        elif len(payloads) == 1 and self.limits.copies_sends and self.send_queue.ready:
            request = SendWR(_SEND, tuple(map(memoryview, (head, *message.parts()))))
            self.stats.bytes_inline_sent += request.length()
            self.send_queue.post(request)
            request.sg_list = ()  # the caller may want to have its memory back
        else:
            self.send(b"".join((head, *message.parts())))

    def send(
        self,
        message: bytes | bytearray | memoryview,
        *,
        rkey: int | None = None,
        done: Done | None = None,
    ) -> None:
        """Send a message, which must not change; ``rkey`` is for the peer to invalidate."""
        self.stats.bytes_inline_sent += len(message)
        view = memoryview(message)
        if rkey is None:
            self.send_queue.post(SendWR(_SEND, (view,)), done)
        else:
            self.stats.remote_invalidations_sent += 1
            self.send_queue.post(SendWR(_SEND_WITH_INV, (view,), rkey=rkey), done)
        # A peer that so many answers wait for has sent more calls than it had credits for, and
        # does not take the answers.
        if self.send_queue.messages_waiting > self._max_waiting:
            self.fail("the peer does not take its messages")

    def fail(self, reason: str) -> None:
        """End the connection, unless it has ended."""
        if not self.closed:
            self._on_failure(reason)

    def close(self) -> None:
        """Free the queue pair and end every registration. No message is delivered after this.

        No reference cycle is left, so everything is freed with the last call in progress.
        """
        self.closed = True
        self._on_message, self._on_failure = _no_message, _no_failure
        self._on_prompt = _not_dealt_with
        if self.prompting is not None:
            self.prompting.prompt = None
            self.prompting = None
        self.exchanging = None
        self._receives, self.receive_memory = _NOTHING, None
        self.connection.close()
        for cq in (self._send_cq, self._recv_cq):
            cq.set_handler(None)
            while cq.poll(_POLL_LIMIT):
                pass
        for slot in self._slots:
            del slot.request
        self._slots.clear()
        self.pd.close()

    def finish_sends(self) -> None:
        """Call back everything that waits for a send. Only after :meth:`close`."""
        self.send_queue.close()


def _no_message(slot: ReceiveSlot, message: memoryview, rkey: int | None) -> None:
    """Ignore a message: the connection is closed."""


def _not_dealt_with(message: memoryview) -> bool:
    """Leave a message to others: the connection is closed."""
    return False


def _no_failure(reason: str) -> None:
    """Ignore a failure: it is not the first."""
