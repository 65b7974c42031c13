"""What the machines of a queue pair share."""

from __future__ import annotations

from ...software.completion import CompletionQueue
from ...software.queue_pair import SoftwareQueuePair
from ...verbs.types import QpOptions
from ..wire.opcode import MTUS
from .counters import Counters
from .memory import ProtectionDomain
from .tuning import Tuning


class SharedState(SoftwareQueuePair):
    """The parameters of a queue pair, and what its machines ask of it.

    ``QueuePair`` derives from it; the machines know nothing else of the queue pair.
    """

    def __init__(
        self,
        number: int,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
        max_message: int,
        tuning: Tuning,
    ) -> None:
        super().__init__(number, send_cq, recv_cq, options)
        self.pd = pd
        self.access = int(options.access)
        """The remote operations that are answered at all."""
        self.max_message = max_message
        """Octets of the longest message."""
        self.tuning = tuning
        self.counters = Counters()
        self.mtu = MTUS[-1]
        """Octets of payload in a full packet; negotiated at RTR."""
        self.words: dict[int, int] = {}
        """Opcode -> first word of the BTHs that we send (``wire.headers.bth_words``)."""
        self.scheduled = False
        """Whether the engine is going to ask for packets to send."""
        self.watched = False
        """Whether the engine looks at the machines' deadlines."""

    def show(self, message: memoryview, invalidated: int | None) -> bool:
        """Show a message that has not completed its receive; return whether that was all."""
        raise NotImplementedError

    def schedule(self) -> None:
        """Ask to be polled for packets to send."""
        raise NotImplementedError

    def watch(self) -> None:
        """Have the deadlines of the machines looked at."""
        raise NotImplementedError

    def silent(self) -> None:
        """Tell the owner that the peer has not answered a probe."""
        raise NotImplementedError

    def break_down(self, reason: str) -> None:
        """Fail by itself: flush everything, and tell the owner later."""
        raise NotImplementedError
