"""The accounting of one send queue: places, signals, RDMA READs in flight.

A place in a send queue is free again only once a *signaled* request at or behind it completes.
Each signal costs a completion, so a request is signaled only if something waits for it, or if too
many unsignaled ones have gone before it. Requests complete in order, so one signal frees all places
up to its own. Requests that find no place wait here, in order.

RDMA READs are queued apart: no more are posted than the peer answers at a time, so that they never
hold up the replies behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..budget import Account
from ..verbs.interfaces import CompletionQueue, QueuePair
from ..verbs.types import SendWR, VerbsError, WcStatus, WrOpcode
from .stats import TransportStats

Done = Callable[[], None]

_POLL_LIMIT = 64
_READ = int(WrOpcode.RDMA_READ)
_MOST_SILENT = 1 << 20
"""Octets of unsignaled requests, at most: their memory is held until a signal frees it."""
_LEAST_CHARGED = 4096
"""Octets from which on they are charged to the peer; fewer are not worth it."""
_SENDS = (WrOpcode.SEND, WrOpcode.SEND_WITH_INV)


class SendQueue:
    """Posts send requests, and calls back when the signaled ones are done."""

    __slots__ = (
        "_account",
        "_backlog",
        "_charged",
        "_closed",
        "_cq",
        "_fail",
        "_free",
        "_octets",
        "_qp",
        "_read_depth",
        "_reads_in_flight",
        "_reads_waiting",
        "_seen",
        "_silent",
        "_silent_limit",
        "_stats",
        "_tickets",
        "messages_waiting",
    )

    def __init__(
        self,
        queue_pair: QueuePair,
        cq: CompletionQueue,
        depth: int,
        read_depth: int,
        fail: Callable[[str], None],
        stats: TransportStats,
        account: Account,
    ) -> None:
        self._qp = queue_pair
        self._cq = cq
        self._free = depth
        self._silent_limit = depth // 4
        self._silent = 0
        self._read_depth = read_depth
        self._reads_in_flight = 0
        self._fail = fail
        self._stats = stats
        self._account = account
        self._octets = 0  # of the requests since the last signaled one
        self._charged = 0  # of all before, to the account
        self._tickets: deque[tuple[int, int, Done | None]] = deque()
        self._seen: tuple[int, int, Done | None] | None = None
        self._backlog: deque[tuple[SendWR, Done | None]] = deque()
        self._reads_waiting: deque[tuple[SendWR, Done]] = deque()
        self._closed = False
        self.messages_waiting = 0
        """Whole messages in the backlog: each is a call or a reply that the peer waits for."""

    def stuck(self) -> bool:
        """Return whether the oldest completion that is due was due at the last call, too."""
        oldest = self._tickets[0] if self._tickets else None
        seen, self._seen = self._seen, oldest
        return oldest is not None and oldest is seen

    @property
    def ready(self) -> bool:
        """Whether what is posted now goes to the queue pair at once."""
        return self._free > 0 and not self._backlog

    def post(self, request: SendWR, done: Done | None = None) -> None:
        """Post a SEND or an RDMA WRITE behind all earlier ones.

        ``done`` is called once the request, and so all before it, has been completed, or after
        :meth:`close` will never be looked at again.
        """
        if self._closed:
            if done is not None:
                done()
        elif self._free == 0 or self._backlog:
            self._stats.send_queue_full += 1
            self.messages_waiting += request.opcode in _SENDS
            self._backlog.append((request, done))
        else:
            self._submit(request, done)

    def post_read(self, request: SendWR, done: Done) -> None:
        """Post an RDMA READ as soon as there may be one more in flight."""
        if not self._closed:
            self._reads_waiting.append((request, done))
            self._submit_reads()

    def _submit_reads(self) -> None:
        while self._reads_waiting and self._reads_in_flight < self._read_depth and self._free:
            request, done = self._reads_waiting.popleft()
            self._reads_in_flight += 1

            def read_done(done: Done = done) -> None:
                if not self._closed:
                    self._reads_in_flight -= 1
                    done()

            self._submit(request, read_done)

    def _submit(self, request: SendWR, done: Done | None) -> None:
        self._free -= 1
        self._silent += 1
        if request.opcode != _READ and not request.placed:
            pieces = request.sg_list
            self._octets += len(pieces[0]) if len(pieces) == 1 else request.length()
        if (
            done is not None
            or self._silent >= self._silent_limit
            or self._free == 0
            or self._octets >= _MOST_SILENT
        ):
            request.signaled = True
            octets, self._octets = self._octets, 0
            self._tickets.append((self._silent, octets, done))
            self._silent = 0
            if octets >= _LEAST_CHARGED:
                self._charged += octets
                self._account.charge(octets)
        else:
            request.signaled = False
        try:
            self._qp.post_send(request)
        except VerbsError as error:
            self._fail(f"cannot send: {error}")

    def on_completions(self) -> None:
        """Handle completions: the completion queue has become non-empty."""
        while not self._closed:
            completions = self._cq.poll(_POLL_LIMIT)
            if not completions:
                return
            for completion in completions:
                if completion.status:
                    self._fail(f"send failed: {WcStatus(completion.status).name}")
                if self._closed:
                    return
                places, octets, done = self._tickets.popleft()
                self._free += places
                if octets >= _LEAST_CHARGED:
                    self._charged -= octets
                    self._account.charge(-octets)
                if done is not None:
                    done()
            self._submit_reads()
            self._submit_backlog()

    def _submit_backlog(self) -> None:
        while self._backlog and self._free:
            request, done = self._backlog.popleft()
            self.messages_waiting -= request.opcode in _SENDS
            self._submit(request, done)

    def close(self) -> None:
        """Send nothing more, and call back everything that waits: the queue pair is gone.

        RDMA READs are the exception: their callbacks are not called, as they did not happen.
        """
        self._closed = True
        self._fail = _no_failure
        self._reads_waiting.clear()
        waiting = [
            *(done for _, _, done in self._tickets if done is not None),
            *(done for _, done in self._backlog if done is not None),
        ]
        self._account.charge(-self._charged)
        self._charged = 0
        self._tickets.clear()
        self._seen = None
        self._backlog.clear()
        for done in waiting:
            done()


def _no_failure(reason: str) -> None:
    """Ignore a failure: the connection is closed."""
