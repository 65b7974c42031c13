"""Telling whether a message is the answer that an exchange waits for."""

from __future__ import annotations

from typing import Final

_WORD: Final = 4


def answer_in(
    source: memoryview, expected: bytes, mask: bytes, sink: memoryview | None
) -> bytes | None:
    """Return what comes before the data of a message, if it is the answer; its data to the sink.

    What says so is copied before it is looked at, as the peer may change the message meanwhile.
    The arguments are those of ``verbs.interfaces.ExchangingQueuePair``.
    """
    size, length = len(expected), len(source)
    if length < size:
        return None
    answer = bytes(source if sink is None else source[:size])
    difference = int.from_bytes(answer[:size]) ^ int.from_bytes(expected)
    if difference & int.from_bytes(mask):
        return None
    if sink is not None:
        count = int.from_bytes(answer[-_WORD:])
        if count > len(sink) or size + (count + 3 & ~3) != length:
            return None
        sink[:count] = source[size : size + count]
    return answer
