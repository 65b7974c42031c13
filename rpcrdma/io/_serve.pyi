"""What is readable at a server's socket. ``_Link`` and ``StreamChannel.answer`` are the twin."""

from collections.abc import Callable

from ..rpc.stream import StreamChannel

class Reader:
    """Receives for a stream that has a lane, and answers what the lane answers.

    What was received and is not that goes to ``usual``, or the number of an error, or None if
    nothing was received.
    """

    def __new__(
        cls, fd: int, stream: StreamChannel, usual: Callable[[bytes | int | None], None], /
    ) -> Reader: ...
    def ready(self) -> None:
        """Receive, and answer a call that the lane answers."""

    def take(self, octets: int, /) -> memoryview:
        """Return memory for a reply: see ``rpc.channel.Take``."""
