"""A message and the answer to it, without a turn of the reactor between them.

Where a peer answers within microseconds, most of a round trip is what lies between posting a
message and being told of the next one: completions, queues, turns. An exchange posts, looks at the
peer's words for as long as that has paid lately (``software.patience``), and takes the answer if it
is just what is expected. Whatever else there is, before or afterwards, is left to the next turn as
if there had been no exchange; so is everything while the peer needs the processor that we are on.

All that a peer writes is hostile until checked: what says how an answer is to be understood is
copied first and then looked at, so a peer that changes it meanwhile spoils its own data only.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Final, Protocol

from ...software.answer import answer_in
from ...software.patience import BOTH_WAKE_S, Naps, Patience, Transfer
from ...verbs.types import Access, QpState
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
    PLACE,
    PRODUCED,
    SEND,
    WANTED,
    WRITE,
)
from .send_queue import QUIET, SendQueue
from .talk import (
    ASLEEP,
    BESIDE,
    DECLINED,
    INVALIDATED,
    LATE,
    NAPPED,
    NEWS,
    OTHER,
    OVERSLEPT,
    REPORTS,
    look,
    nap,
    place,
    speak,
    talk,
)

_RTS: Final = QpState.RTS
_unpack: Final = DESCRIPTOR.unpack_from
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_NOTHING_REACHED: Final = 0, 0, 0
_WRITES_MOST: Final = 64
"""RDMA WRITEs that are carried out before an answer: what else comes is left to the next turn."""


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
        "_naps",
        "_peer",
        "_remote",
        "_report",
        "_responder",
        "_ring",
        "_sends",
        "_transfers",
        "_turns",
        "_with_asleep",
        "_with_awake",
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
        self._with_awake = Patience(BOTH_WAKE_S)
        self._with_asleep = Patience(BOTH_WAKE_S)
        self._naps = Naps()
        self._report = memoryview(bytearray(8 * REPORTS)).cast("d")
        self._transfers: dict[tuple[int, int], Transfer] = {}

    def __call__(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None = None,
        octets: int = 0,
    ) -> bytes | None:
        """Exchange; see ``verbs.interfaces.ExchangingQueuePair``."""
        host, responder = self._host, self._responder
        transfer = None if rkey is None else self._transfer(octets, len(expected))
        patience = self._patience(transfer)
        if not patience.seconds and not self._pays(patience):
            return None
        if (
            host.state is not _RTS
            or self._peer.words[PRODUCED] != responder.consumed
            or responder.seen != responder.consumed
            or len(host.recv_cq)
        ):
            return None
        nap_s, longest, began = 0.0, patience.seconds, 0.0
        if transfer is not None:
            nap_s, longest, began = transfer.nap_s, transfer.look_s, perf_counter()
        arms = 0 if self._turns.turning else self._doorbell.arms + 1
        said: bytes | int | None = None
        if rkey is None:
            said = speak(self, pieces, expected, mask, most, sink, longest, arms, QUIET)
        if said is None:
            said = self._speak(pieces, expected, mask, most, sink, rkey, nap_s, longest, arms)
        answer = said
        if isinstance(answer, bytes):
            if patience.seconds != patience.longest_s:
                patience.found(0.0)
        elif answer == DECLINED:
            return None
        elif answer == LATE:
            patience.nothing()
        elif answer != BESIDE:
            if answer == ASLEEP:
                self._doorbell.notify()
                if nap_s:
                    self._nap(nap_s)
            answer = self._look(patience, longest, expected, mask, most, sink, rkey)
        if arms > self._doorbell.arms:
            self._arm()
        if transfer is not None and answer != BESIDE:  # that says nothing of how long it takes
            self._learn(transfer, perf_counter() - began if answer and answer != LATE else 0.0)
        return answer if isinstance(answer, bytes) else b""

    def _learn(self, transfer: Transfer, seconds: float) -> None:
        """Learn how long a call took; 0: longer than it was looked for."""
        if self._report[OVERSLEPT]:
            transfer.overslept()
        elif seconds:
            transfer.took(seconds)
        else:
            transfer.late()

    def _look(
        self,
        patience: Patience,
        longest: float,
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None,
    ) -> bytes | int:
        """Look for an answer that is not in the ring, or comes behind what was written."""
        for _ in range(_WRITES_MOST):
            outcome = self._wait(patience, longest)
            if outcome != OTHER:
                return outcome
            answer = self._take(expected, mask, most, sink, rkey)
            if answer is not None:
                return answer
        return b""

    def _post_elsewhere(self, pieces: Sequence[bytes | memoryview], arms: int) -> int:
        """Post a message for which there is no room in the ring, or that is too long for it."""
        sends = self._sends
        if self._is_beside() or (target := sends.begin(sum(map(len, pieces)))) is None:
            return DECLINED
        if arms:
            self._doorbell.disarm()
        self._report[OVERSLEPT] = 0.0
        gather(target, 0, pieces)
        sends.finish(0)
        return OTHER

    def _speak(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None,
        nap_s: float,
        seconds: float,
        arms: int,
    ) -> bytes | int:
        """Post a message where there is room, and take the answer if it is there in time."""
        start = self._sends.start(sum(map(len, pieces)))
        if start < 0:
            return self._post_elsewhere(pieces, arms)
        return self._talk(start, pieces, expected, mask, most, sink, rkey, nap_s, seconds, arms)

    def _talk(
        self,
        start: int,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None,
        nap_s: float,
        seconds: float,
        arms: int,
    ) -> bytes | int:
        """Post a message in the ring, wait for the answer, and take it if it is there as well."""
        sends, ring, peer, report = self._sends, self._ring, self._peer, self._report
        outcome = talk(
            ring.words,
            ring.descriptors,
            ring.messages,
            peer.words,
            peer.descriptors,
            peer.messages,
            sends.produced,
            start,
            self._responder.consumed,
            pieces,
            expected,
            mask,
            most,
            sink,
            nap_s,
            seconds,
            _NOTHING_REACHED if rkey is None else self._reach(rkey),
            arms,
            sends.wanted,
            report,
        )
        if outcome == DECLINED:
            return outcome
        sends.started()
        if report[NAPPED]:
            self._naps.took(nap_s, report[NAPPED])
        armed = arms and isinstance(outcome, bytes)
        if rkey is not None and report[INVALIDATED]:
            armed = False
            if self._host.pd.invalidate(rkey):
                ring.words[CONSUMED] += 1
            else:
                outcome = OTHER
        self._carried_out()
        if armed:
            self._doorbell.arms = arms
            if report[NEWS]:
                self._turns.ring()
        return outcome

    def _reach(self, rkey: int) -> tuple[int, int, int]:
        """Return what the peer may write while we wait, without anything to be done about it."""
        host = self._host
        return host.pd.reach(rkey) if host.options.access & _REMOTE_WRITE else (rkey, 0, 0)

    def _nap(self, seconds: float) -> None:
        """Sleep for a part of what a call is expected to take."""
        began = perf_counter()
        nap(seconds)
        self._naps.took(seconds, perf_counter() - began)
        self._report[OVERSLEPT] = self._peer.words[PRODUCED] != self._responder.consumed

    def _transfer(self, octets: int, answer: int) -> Transfer:
        """Return what is known of calls that move about so much and have so long an answer.

        That tells reading from writing, which may take the peer longer by far.
        """
        kind = octets.bit_length(), answer
        known = self._transfers.get(kind)
        if known is None:
            known = self._transfers[kind] = Transfer(1 << kind[0], self._naps)
        elif not known.nap_s:
            self._naps.none()
        return known

    def _patience(self, transfer: Transfer | None) -> Patience:
        """Return how long it pays to wait for such an answer."""
        if transfer is not None:
            return transfer.patience
        # A peer that has to be woken first takes longer, whatever it does then.
        return self._with_asleep if self._peer.words[ARMED] else self._with_awake

    def _pays(self, patience: Patience) -> bool:
        """Return whether it pays to wait for the next answer after all."""
        if not self._is_beside():  # that says nothing of what would pay elsewhere
            patience.nothing()
        return patience.seconds > 0

    def _is_beside(self) -> bool:
        """Return whether the peer needs the very processor that we are on."""
        theirs = self._peer.words[PLACE]
        return 0 != theirs == place()

    def _wait(self, patience: Patience, longest: float) -> int:
        """Look until the peer has posted something, or patience ends; return what it came to."""
        began = perf_counter()
        outcome = look(self._peer.words, self._responder.consumed, None, longest)
        if outcome == OTHER:
            patience.found(perf_counter() - began)
        elif outcome == LATE:
            patience.nothing()
        return outcome

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
        """Note that descriptors of the peer are carried out, as our words say."""
        responder = self._responder
        before, consumed = responder.consumed, self._words[CONSUMED]
        responder.consumed = responder.seen = consumed
        if before < self._peer.words[WANTED] <= consumed:
            self._doorbell.notify()

    def _arm(self) -> None:
        """Ask to be woken again; if there is something already, ask for a turn."""
        doorbell, sends = self._doorbell, self._sends
        doorbell.arm()
        words = self._peer.words
        if words[PRODUCED] != self._responder.consumed or words[CONSUMED] >= sends.wanted:
            self._turns.ring()
