"""The message that an exchange waits for (``verbs.interfaces.ExchangingQueuePair``)."""

from __future__ import annotations

from ...software.answer import answer_in


class Awaited:
    """The next message, if it is the answer; ``over`` once it has come, or something else has."""

    __slots__ = ("_expected", "_mask", "_most", "_rkey", "_sink", "answer", "moves", "over")

    def __init__(
        self, expected: bytes, mask: bytes, most: int, sink: memoryview | None, rkey: int | None
    ) -> None:
        self._expected = expected
        self._mask = mask
        self._most = most
        self._sink = sink
        self.moves = rkey is not None
        """Whether the peer reads or writes our memory before it answers."""
        self._rkey = rkey
        self.answer = b""
        """The octets before the data; none if something else has come, or nothing."""
        self.over = False

    def take(self, message: memoryview, invalidated: int | None) -> bool:
        """Take a message; return false, and leave it to others, if it is not the answer."""
        self.over = True
        if len(message) > self._most or (invalidated is not None and invalidated != self._rkey):
            return False
        answer = answer_in(message, self._expected, self._mask, self._sink)
        if answer is None:
            return False
        self.answer = answer
        return True
