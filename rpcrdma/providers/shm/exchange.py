"""A message and the answer to it, without a turn of the reactor between them.

Where a peer answers within microseconds, most of a round trip is what lies between posting a
message and being told of the next one: completions, queues, turns. An exchange posts, looks at the
peer's words for as long as that has paid lately (``spin``), and takes the answer if it is just what
is expected. Whatever else there is, before or afterwards, is left to the next turn as if there had
been no exchange.

All that a peer writes is hostile until checked: what says how an answer is to be understood is
copied first and then looked at, so a peer that changes it meanwhile spoils its own data only.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Final, Protocol

from ...verbs.types import QpState
from .link import Host, Link
from .remote import gather
from .responder import Responder
from .ring import (
    ARMED,
    CONSUMED,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    IN_RING,
    INVALIDATES,
    PRODUCED,
    SEND,
    WANTED,
    WRITE,
)
from .send_queue import SendQueue
from .spin import Patience
from .talk import ASLEEP, LATE, OTHER, answer_in, look, talk

_WAKING_S: Final = 150e-6
_MUCH_S: Final = 300e-6
"""How long a peer may take that writes to memory of ours, or reads it."""
_RTS: Final = QpState.RTS
_unpack: Final = DESCRIPTOR.unpack_from


class Turns(Protocol):
    """What an exchange needs from its connection."""

    turning: bool
    """Whether it has its turn, at the end of which it asks to be woken."""

    def ring(self) -> None:
        """Ask for a turn, from whatever turns the reactor, even if that sleeps."""


class Exchange:
    """Exchanges of one queue pair, from its start to its end."""

    __slots__ = (
        "_doorbell",
        "_host",
        "_peer",
        "_remote",
        "_responder",
        "_ring",
        "_sends",
        "_turns",
        "_with_asleep",
        "_with_awake",
        "_with_much",
        "_words",
    )

    def __init__(
        self, host: Host, link: Link, sends: SendQueue, responder: Responder, turns: Turns
    ) -> None:
        self._host = host
        self._doorbell = link.doorbell
        self._peer = link.peer
        self._remote = link.remote
        self._ring = link.ring
        self._words = link.ring.words
        self._sends = sends
        self._responder = responder
        self._turns = turns
        self._with_awake = Patience()
        self._with_asleep = Patience(_WAKING_S)
        self._with_much = Patience(_MUCH_S)

    def __call__(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None = None,
    ) -> bytes | None:
        """Exchange; see ``verbs.interfaces.ExchangingQueuePair``."""
        host, responder = self._host, self._responder
        patience = self._patience(rkey)
        if not patience.seconds:
            patience.nothing()
            return None
        if (
            host.state is not _RTS
            or self._peer.words[PRODUCED] != responder.consumed
            or responder.seen != responder.consumed
            or len(host.recv_cq)
            or (target := self._sends.begin(sum(map(len, pieces)))) is None
        ):
            return None
        turning = self._turns.turning
        if not turning:
            self._doorbell.disarm()
        answer: bytes | int | None = self._talk(
            target, pieces, expected, mask, most, sink, patience.seconds
        )
        if answer == LATE:
            patience.nothing()
        elif isinstance(answer, bytes):
            patience.found(0.0)
            self._carried_out()
        else:
            if answer == ASLEEP:
                self._doorbell.notify()
            answer = None
            while answer is None and self._wait(patience):
                answer = self._take(expected, mask, most, sink, rkey)
        if not turning:
            self._arm()
        return answer if isinstance(answer, bytes) else b""

    def _talk(
        self,
        target: memoryview,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        seconds: float,
    ) -> bytes | int:
        """Post a message for which there is room; wait for the answer, and take it, in the ring."""
        sends, ring, peer = self._sends, self._ring, self._peer
        start = sends.begun_at
        if start < 0:
            gather(target, 0, pieces)
            sends.finish(0)
            return OTHER
        words, consumed = ring.words, self._responder.consumed
        outcome = talk(
            words,
            ring.descriptors,
            ring.messages,
            peer.words,
            peer.descriptors,
            peer.messages,
            sends.produced,
            start,
            consumed,
            pieces,
            expected,
            mask,
            most,
            sink,
            seconds,
        )
        sends.note_finished()
        return outcome

    def _patience(self, rkey: int | None) -> Patience:
        """Return how long it pays to wait for such an answer."""
        if rkey is not None:
            return self._with_much
        # A peer that has to be woken first takes longer, whatever it does then.
        return self._with_asleep if self._peer.words[ARMED] else self._with_awake

    def _wait(self, patience: Patience) -> bool:
        """Look until the peer has posted something, or patience ends."""
        began = perf_counter()
        if look(self._peer.words, self._responder.consumed, patience.seconds):
            patience.found(perf_counter() - began)
            return True
        patience.nothing()
        return False

    def _take(
        self, expected: bytes, mask: bytes, most: int, sink: memoryview | None, rkey: int | None
    ) -> bytes | None:
        """Take the peer's next message if it is the answer, and alone, or else leave it.

        Returns None if it was an RDMA WRITE, which is carried out: the answer is behind it.
        """
        responder, peer = self._responder, self._peer
        consumed = responder.consumed
        opcode, flags, _, _, length, where, invalidated, _ = _unpack(
            peer.descriptors, (consumed & peer.mask) * DESCRIPTOR_OCTETS
        )
        if opcode == WRITE and rkey is not None:
            responder.consume(consumed + 1)
            return b"" if self._host.state is not _RTS else None
        if (
            opcode != SEND
            or (flags and (flags != INVALIDATES or invalidated != rkey))
            or length > most
            or peer.words[PRODUCED] != consumed + 1
        ):
            return b""
        if where & IN_RING:
            start = where ^ IN_RING
            source: memoryview | None = peer.messages[start : start + length]
        else:
            source = self._remote.slab_view(where, 0, length)
        if source is None or len(source) != length:
            return b""
        answer = answer_in(source, expected, mask, sink)
        if answer is None or (flags and not self._host.pd.invalidate(invalidated)):
            return b""
        self._words[CONSUMED] = consumed + 1
        self._carried_out()
        return answer

    def _carried_out(self) -> None:
        """Note that the peer's next descriptor is carried out, as our words say."""
        responder = self._responder
        responder.consumed = responder.seen = consumed = responder.consumed + 1
        if self._peer.words[WANTED] == consumed:
            self._doorbell.notify()

    def _arm(self) -> None:
        """Ask to be woken again; if there is something already, ask for a turn."""
        doorbell, sends = self._doorbell, self._sends
        doorbell.arm()
        words = self._peer.words
        if words[PRODUCED] != self._responder.consumed or words[CONSUMED] >= sends.wanted:
            self._turns.ring()
