"""Queue pairs: what is posted goes into our ring, and is complete when the peer has carried it out.

Three machines, which exist while the queue pair is connected: ``send_queue`` posts, ``responder``
carries out what the peer posted, ``completer`` finishes what the peer has carried out. So a
completion says what it says elsewhere: it arrived. The first descriptor that fails is answered
with a status, and both queue pairs are broken.

All that a peer writes is hostile until checked: an index or a place that cannot be breaks the
connection (``Broken``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ...software.completion import CompletionQueue
from ...software.queue_pair import QpEvent, SoftwareQueuePair, flushed_send
from ...verbs.types import QpOptions, QpState, RecvWR, SendWR, VerbsError
from .completer import Completer
from .exchange import Exchange, Turns
from .link import Link
from .memory import PeerFile
from .regions import ProtectionDomain
from .remote import RemoteMemory
from .responder import Responder
from .ring import CONSUMED, PLACE, PRODUCED, Broken, Ring
from .send_queue import QUIET, Quiet, SendQueue
from .talk import LATE, look, post

_RTS: Final = QpState.RTS


class _Machines:
    """What a queue pair has from :meth:`QueuePair.start` to :meth:`QueuePair.close`."""

    __slots__ = ("completer", "exchange", "link", "peer_words", "responder", "sends")

    def __init__(
        self,
        link: Link,
        sends: SendQueue,
        responder: Responder,
        completer: Completer,
        exchange: Exchange,
    ) -> None:
        self.link = link
        self.peer_words = link.peer.words
        self.sends = sends
        self.responder = responder
        self.completer = completer
        self.exchange = exchange


class QueuePair(SoftwareQueuePair):
    """One end of a connection's traffic (``verbs.interfaces.QueuePair``).

    ``ring`` is ours. ``on_error`` is told when the queue pair failed by itself, ``later`` asks for
    a turn in so many seconds.
    """

    def __init__(
        self,
        number: int,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
        ring: Ring,
        *,
        on_error: Callable[[str], None],
        later: Callable[[float], None],
        time: Callable[[], float],
    ) -> None:
        super().__init__(number, send_cq, recv_cq, options)
        self.pd = pd
        self.prompt: Callable[[memoryview], bool] | None = None
        self.later = later
        self.time = time
        self._ring = ring
        self._on_error = on_error
        self._machines: _Machines | None = None

    def start(
        self,
        peer: Ring,
        table: PeerFile,
        *,
        wake: Callable[[], object],
        access: int,
        answers: int,
        rnr_retries: int,
        fetch_slab: Callable[[int], PeerFile | None],
        turns: Turns,
    ) -> None:
        """Connect: INIT to RTS.

        ``peer`` and ``table`` are the peer's ring and table of regions, ``access`` the remote
        operations that its queue pair answers. ``answers`` READs of the peer are answered at a
        time; a message of it waits for a receive for ``rnr_retries`` intervals. ``wake`` wakes the
        peer, and ``fetch_slab`` returns a slab of the peer by its index.
        """
        ring = self._ring
        link = Link(ring, peer, RemoteMemory(table, ring.marks, access, fetch_slab), wake)
        sends = SendQueue(self, link, self._reclaim)
        responder = Responder(self, link, sends, answers=answers, rnr_retries=rnr_retries)
        completer = Completer(self, link, sends, responder)
        exchange = Exchange(self, link, sends, responder, turns)
        self._machines = _Machines(link, sends, responder, completer, exchange)
        self.move(QpEvent.READY_TO_RECEIVE)
        self.move(QpEvent.READY_TO_SEND)
        self.pd.queue_pairs.append(self)

    # --- The end ---

    def fail(self, reason: str, *, finish: bool = False) -> None:
        """Move to ERR and flush everything; ``finish``: carry out what is posted first.

        Harmless to repeat.
        """
        machines = self._machines
        if finish and self.state is _RTS and machines is not None:
            with suppress(Broken):
                machines.responder.consume(machines.peer_words[PRODUCED])
                machines.completer.complete()
        if not self.enter_error(reason):
            return
        if machines is not None:
            for posted in machines.sends.posted:
                request = posted[1]
                if request is not None and type(request) is not Quiet:
                    self.send_cq.push(flushed_send(request))
            machines.sends.clear()
        self.flush_receives()

    def break_down(self, reason: str) -> None:
        """Fail by itself, and tell the owner."""
        self.fail(reason)
        self._on_error(reason)

    def close(self) -> None:
        """Unmap what is the peer's; no callback follows."""
        machines, self._machines = self._machines, None
        if machines is not None:
            self.pd.queue_pairs.remove(self)
            machines.link.close()
        # The connection refers to us; drop the references back.
        self._on_error, self.later, self.prompt = _not_told, _not_asked, None

    def uses(self, slot: int) -> bool:
        """Return whether the peer has marked this entry of our table as in use."""
        machines = self._machines
        return machines is not None and machines.link.peer.marks[slot] != 0

    # --- Posting ---

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer (``verbs.interfaces.QueuePair.post_recv``)."""
        super().post_recv(request)
        machines = self._machines
        if machines is not None and machines.responder.rnr_since is not None:
            machines.responder.receive_posted()

    def post_send(self, request: SendWR) -> None:
        """Queue a send request (``verbs.interfaces.QueuePair.post_send``)."""
        machines = self._machines
        if (
            self.state is _RTS
            and machines is not None
            and machines.sends.requests < self.send_depth
        ):
            machines.sends.post(request)
        else:
            self.refuse_send(request)

    def begin(self, length: int) -> memoryview | None:
        """See ``verbs.interfaces.PromptQueuePair``."""
        machines = self._machines
        if machines is None or self.state is not _RTS:
            return None
        try:
            return machines.sends.begin(length)
        except VerbsError:
            return None

    def put(self, pieces: Sequence[bytes | memoryview]) -> bool:
        """See ``verbs.interfaces.PromptQueuePair``."""
        machines = self._machines
        if machines is None or self.state is not _RTS:
            return False
        try:
            sends = machines.sends
            return post(sends, pieces, QUIET) or sends.put(pieces)
        except VerbsError:
            return False

    def place(self, rkey: int, address: int, length: int) -> None:
        """See ``verbs.interfaces.PromptQueuePair``."""
        assert self._machines is not None, "it has begun a message"
        self._machines.sends.place(rkey, address, length)

    def finish(self, rkey: int = 0) -> None:
        """See ``verbs.interfaces.PromptQueuePair``."""
        assert self._machines is not None, "it has begun a message"
        self._machines.sends.finish(rkey)

    def exchange(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None = None,
        octets: int = 0,
    ) -> bytes | None:
        """See ``verbs.interfaces.ExchangingQueuePair``."""
        machines = self._machines
        if machines is None:
            return None
        return machines.exchange(pieces, expected, mask, most, sink, rkey, octets)

    def _reclaim(self) -> None:
        """Complete what the peer has carried out; a wrong count is left to the next turn."""
        if self._machines is not None:
            with suppress(Broken):
                self._machines.completer.complete()

    # --- The peer's memory, for octets that can be placed there at once ---

    def map_remote(self, rkey: int, address: int, length: int, access: int) -> memoryview | None:
        """See ``verbs.interfaces.MappingQueuePair``."""
        machines = self._machines
        if machines is None or self.state is not _RTS:
            return None
        return machines.link.remote.map_apart(rkey, address, length, access)

    def unmap_remote(self, rkey: int) -> None:
        """End one :meth:`map_remote`."""
        if self._machines is not None:
            self._machines.link.remote.unmap(rkey)

    # --- Turns ---

    def turn(self) -> bool:
        """Carry out what the peer posted, complete what it carried out; return if anything was.

        Raises ``Broken``.
        """
        machines = self._machines
        if machines is None or self.state is not _RTS:
            return False
        responder, words, sends = machines.responder, machines.peer_words, machines.sends
        produced = words[PRODUCED]
        found = produced != responder.seen
        if found:
            responder.consume(produced, self.prompt)
            if self.state is not _RTS:
                return True
        elif responder.rnr_since is not None:
            responder.check_patience()
        if words[CONSUMED] >= sends.wanted:
            found = True
            machines.completer.complete()
        if sends.quiet and self.state is _RTS:
            sends.quiet = False
            machines.link.doorbell.notify()
        return found

    def beside(self, here: int) -> bool:
        """Return whether the peer needs the processor that we are on (``talk.place_in_python``)."""
        machines = self._machines
        return machines is not None and 0 != machines.peer_words[PLACE] == here

    def look(self, seconds: float) -> int:
        """Look for something to do for so long; return what ``talk.look_in_python`` does."""
        machines = self._machines
        if machines is None:
            return LATE
        return look(machines.peer_words, machines.responder.seen, machines.sends.wanted, seconds)

    def arm(self) -> bool:
        """Ask to be woken from now on. Return false if there is something to do instead."""
        machines = self._machines
        if machines is None or self.state is not _RTS:
            return True
        machines.link.doorbell.arm()
        words = machines.peer_words
        if words[PRODUCED] == machines.responder.seen and words[CONSUMED] < machines.sends.wanted:
            return True
        machines.link.doorbell.disarm()
        return False

    def disarm(self) -> None:
        """Ask to be woken no more: we are awake."""
        if self._machines is not None:
            self._machines.link.doorbell.disarm()


def _not_told(reason: str) -> None:
    """Learn that the owner has closed the connection."""


def _not_asked(delay_s: float) -> None:
    """There are no more turns."""
