"""UDP port 4791 of one address, as one of the programs that share it has it.

Each of them is the *keeper*, which reads the socket, or a *member*, which gets its packets from the
keeper. Both send through the socket themselves. Whoever finds nobody under the keeper's name takes
the name: the first program, or one of the members whose keeper has ended. A member whose keeper is
alive but stuck (stopped, or busy with something else) while packets wait reads them itself.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from ...io.owners import owner_of_port
from ...roce.cm.manager import ROCE_PORT
from ...roce.packets.burst import Address, Burst
from ...roce.wire.addressee import Key, Number
from ...task import AttentiveReactor, Reactor, TimerHandle
from ..udp import BatchReceiver, Bursts, Receiver, UdpPort
from . import post
from .book import Book, TooManyClaims
from .link import Link
from .place import Name, NoPlace, Place, is_ours
from .post import BadMessage, Kind

_log = logging.getLogger(__name__)

MAX_MEMBERS: Final = 256
_ACCEPTS: Final = 8
_AGAIN_S: Final = 0.02
_TRIES: Final = 10
_PATIENCE_S: Final = 2.0
_SETTLE_S: Final = 0.02
"""How long a new keeper leaves packets in the socket, so that the others can claim them."""
_ALL_CLAIMED_S: Final = 0.5
"""How long a new keeper says of no connection that there is none."""
_WATCH_S: Final = 0.1
_DRAIN_S: Final = 0.005
_PAUSE_S: Final = 1.0
_BUSY: Final = (errno.EADDRINUSE, errno.EAGAIN)


class SharedPort:
    """A port that programs of one user share; used like ``udp.UdpPort``."""

    def __init__(
        self,
        host: str,
        reactor: Reactor,
        counters: Counter[str],
        *,
        on_receive: Receiver,
        on_batch: BatchReceiver | None = None,
        on_turn: Callable[[], None],
        on_writable: Callable[[], None],
        on_taken: Callable[[Key], None],
        numbers: Iterable[Key] = (),
        share: bool = True,
    ) -> None:
        """Bind the port, or join the programs that have it.

        Raises ``OSError`` if neither is possible.

        ``numbers`` are those in use here already; ``on_taken`` is told of numbers that another
        program had before. Without ``share`` the port must be free.
        """
        self.host = host
        self._reactor = reactor
        self._counters = counters
        self._on_receive = on_receive
        self._on_batch = on_batch
        self._on_turn = on_turn
        self._on_writable = on_writable
        self._on_taken = on_taken
        self._own: set[Key] = set(numbers)
        self._book: Book[Link] = Book(self._own)
        self._place = Place(host)
        self._udp: UdpPort | None = None
        self._name: Name | None = None
        self._link: Link | None = None
        self._listening: dict[int, tuple[Name | None, int]] = {}
        self._timers: dict[str, TimerHandle] = {}
        self._asked = False
        self._drained_at = 0.0
        self._sure_at = 0.0
        self._blocked = False
        self._closed = False
        self.failure: OSError | None = None
        """Why the port cannot be had after all, if that turned out later."""
        self._give_up_at = reactor.time() + _PATIENCE_S
        try:
            self._seek(share)
        except NoPlace as error:
            _log.info("other programs cannot share UDP port 4791 of %s: %s", host, error)
            self._udp = self._bind()
            self._udp.start()
        except OSError as error:
            # Between two keepers the port is bound, and nobody is there to be asked.
            if error.errno not in _BUSY or not share or not self._is_ours():
                raise
            self._later("seek", _AGAIN_S, self._seek_again)

    @property
    def keeps(self) -> bool:
        """Whether this program reads the socket."""
        return self._name is not None

    @property
    def is_unsure(self) -> bool:
        """Whether others may have numbers here of which they have not told us yet."""
        return self._reactor.time() < self._sure_at

    @property
    def is_open(self) -> bool:
        """Whether we have the socket: a member gets it from the keeper."""
        return self._udp is not None

    @property
    def members(self) -> int:
        """How many other programs get their packets from this one."""
        return len(self._book.members)

    def serves(self, host: str) -> bool:
        """Return whether packets to and from our address ``host`` travel through this port."""
        return host == self.host

    def send(self, burst: Burst) -> bool:
        """Send a burst, as ``UdpPort.send`` does; false, too, until the socket has been passed."""
        if self._udp is None:
            if self._closed or self.failure is not None:
                self._counters["send: no port"] += 1
                return True
            self._blocked = True
            return False
        return self._udp.send(burst)

    def look(self) -> None:
        """Take what has arrived, within bounds."""
        if self._link is not None:
            self._link.look()
        elif self._udp is not None:
            self._udp.look()

    @property
    def reads(self) -> bool:
        """Whether this program reads the socket, and for no other than itself."""
        return (
            self._udp is not None
            and self._link is None
            and not self._book.members
            and self._udp.reads
        )

    def wait(self, looking_s: float, sleeping_s: float) -> bool:
        """See ``UdpPort.wait``; only while it ``reads``."""
        return self._udp is not None and self._udp.wait(looking_s, sleeping_s)

    def claim(self, key: Key) -> None:
        """Get the packets for a number from now on."""
        if key in self._book:
            self._on_taken(key)
            return
        self._own.add(key)
        if self._link is not None:
            self._tell(Kind.CLAIM, (key,))
            self._watch()

    def release(self, key: Key) -> None:
        """Get no more packets for a number. Harmless to repeat."""
        if key in self._own:
            self._own.discard(key)
            if self._link is not None:
                self._tell(Kind.RELEASE, (key,))

    def listen(self, port: int) -> None:
        """Take a port for a listener. Raises ``OSError``: another program listens there."""
        name, count = self._listening.get(port, (None, 0))
        if not count:
            try:
                name = self._place.listen(port)
            except NoPlace:
                name = None  # and so there are no others
            self.claim((Number.PORT, port))
        self._listening[port] = name, count + 1

    def insist(self) -> None:
        """Wait for a moment, if it is not certain yet that the port can be had.

        Raises ``OSError`` if it cannot: then the port is of no more use.
        """
        for left in reversed(range(_TRIES)):
            if self._udp is not None or self._link is not None:
                return
            try:
                self._seek()
            except OSError:
                if not left:
                    self.close()
                    raise
                time.sleep(_AGAIN_S)

    def unlisten(self, port: int) -> None:
        """Give a listener's port back. Harmless to repeat."""
        name, count = self._listening.pop(port, (None, 0))
        if count > 1:
            self._listening[port] = name, count - 1
        elif count:
            self.release((Number.PORT, port))
            if name is not None:
                name.close()

    def close(self) -> None:
        """Leave the port to the others. Harmless to repeat."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        for port in list(self._listening):
            self._listening[port] = self._listening[port][0], 1
            self.unlisten(port)
        if self._name is not None:
            self._reactor.remove_reader(self._name.socket.fileno())
            self._name.close()
        self._attend(-self.members)
        for link in (self._link, *self._book.members):
            if link is not None:
                link.close()
        if self._udp is not None:
            self._udp.close()

    # --- Roles ---

    def _seek(self, share: bool = True) -> None:
        """Become the keeper if there is none, else a member. Raises ``OSError``, ``NoPlace``."""
        with self._place.alone() as directory:
            if self._udp is None:
                try:
                    self._udp = self._bind()
                except OSError as error:
                    found = self._place.find(directory) if share and _is_taken(error) else None
                    if found is None:
                        raise
                    self._join(found)
                    return
                first = True
            else:
                found = self._place.find(directory)
                if found is not None:
                    self._join(found)
                    return
                first = False
            self._name = self._place.keep(directory)
        self._reactor.add_reader(self._name.socket.fileno(), self._knocked)
        if first:
            self._start()
        else:
            self._sure_at = self._reactor.time() + _ALL_CLAIMED_S
            self._later("settle", _SETTLE_S, self._start)

    def _seek_again(self) -> None:
        """Look for a role once more, for as long as there is hope."""
        if self._name is not None or self._link is not None:
            return
        try:
            self._seek()
        except OSError as error:
            if self._reactor.time() < self._give_up_at and not isinstance(error, NoPlace):
                self._later("seek", _AGAIN_S, self._seek_again)
                return
            _log.error("UDP port 4791 of %s cannot be shared any more: %s", self.host, error)
            self._start()  # without the others, if we have the socket
            if self._udp is None:
                self.failure = error
        if self._udp is not None or self.failure is not None:
            self._unblock()

    def _bind(self, bound: socket.socket | None = None) -> UdpPort:
        return UdpPort(
            self.host,
            self._reactor,
            self._counters,
            on_receive=self._received,
            on_batch=self._received_batch,
            on_turn=self._on_turn,
            on_writable=self._on_writable,
            bound=bound,
            reading=False,
        )

    def _start(self) -> None:
        if self._udp is not None:
            self._udp.start()

    def _is_ours(self) -> bool:
        """Return whether the port is bound by a program of this user."""

        with suppress(OSError):
            owner = owner_of_port(self.host, ROCE_PORT)
            return owner is not None and owner.uid == os.geteuid()
        return False

    def _join(self, found: socket.socket) -> None:
        self._link = Link(
            found,
            self._reactor,
            on_message=self._told,
            on_turn=self._on_turn,
            on_end=self._orphaned,
        )
        self._asked = False
        self._tell(Kind.CLAIM, self._own)
        self._watch()
        self._later("welcome", _PATIENCE_S, self._unwelcome)

    def _unwelcome(self) -> None:
        if self._udp is None:
            _log.warning(
                "the program that reads UDP port 4791 of %s for the others of this user does not "
                "answer: nothing can be sent before it does",
                self.host,
            )

    def _orphaned(self, _: Link) -> None:
        """Learn that the keeper has ended."""
        self._link = None
        self._give_up_at = self._reactor.time() + _PATIENCE_S
        self._reactor.call_soon(self._succeed)

    def _succeed(self) -> None:
        if not self._closed and self._link is None:
            self._seek_again()

    # --- As a member ---

    def _told(self, link: Link, message: memoryview, fds: list[int]) -> None:
        kind = post.kind_of(message)
        if kind is Kind.DATAGRAMS:
            view, segment_size, source = post.datagrams_in(message)
            self._on_receive(view, segment_size, source, (self.host, ROCE_PORT))
        elif kind is Kind.HERE:
            self._asked = False
        elif kind is Kind.TAKEN:
            for key in post.keys_in(message):
                self._own.discard(key)
                self._on_taken(key)
        elif kind is Kind.WELCOME:
            self._welcomed(fds)
        else:
            raise BadMessage(f"{kind.name} from the keeper")

    def _welcomed(self, fds: list[int]) -> None:
        if self._udp is not None or len(fds) != 1:
            return  # we have it from an earlier keeper
        passed = socket.socket(fileno=fds.pop())
        try:
            if passed.type != socket.SOCK_DGRAM or passed.getsockname()[1] != ROCE_PORT:
                raise BadMessage("a socket of another kind")
            self._udp = self._bind(passed)
        except (OSError, BadMessage) as error:
            passed.close()
            raise BadMessage(str(error)) from error
        self._unblock()

    def _unblock(self) -> None:
        if self._blocked:
            self._blocked = False
            self._on_writable()

    def _tell(self, kind: Kind, keys: Iterable[Key]) -> None:
        assert self._link is not None
        for message in post.about(kind, keys):
            self._link.send(message)

    def _watch(self) -> None:
        if "watch" not in self._timers and self._own:
            self._later("watch", _WATCH_S, self._check)

    def _check(self) -> None:
        """Ask the keeper for a sign of life; read the socket ourselves if there is none."""
        link = self._link
        if link is None or not self._own:
            return
        if self._asked and self._udp is not None and _is_readable(self._udp):
            self._counters["read for a keeper that is stuck"] += 1
            try:
                self._udp.look()
            finally:
                self._on_turn()
        elif not self._asked:
            self._asked = link.send(bytes((Kind.ASK,)))
        self._watch()

    # --- As the keeper ---

    def _knocked(self) -> None:
        assert self._name is not None
        for _ in range(_ACCEPTS):
            try:
                accepted = self._name.socket.accept()[0]
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._look_away(error)
                return
            if not is_ours(accepted) or self.members >= MAX_MEMBERS or self._udp is None:
                accepted.close()
                continue
            link = Link(
                accepted,
                self._reactor,
                on_message=self._asked_by,
                on_turn=self._on_turn,
                on_end=self._left,
            )
            self._book.join(link)
            self._attend(1)
            link.send(bytes((Kind.WELCOME,)), fds=(self._udp.fileno(),))

    def _left(self, link: Link) -> None:
        self._book.leave(link)
        self._attend(-1)

    def _attend(self, change: int) -> None:
        """Have the reactor turned soon while others get their packets from us."""
        if isinstance(self._reactor, AttentiveReactor):
            self._reactor.attend(change)

    def _look_away(self, error: OSError) -> None:
        """Stop accepting for a while: there are no descriptors, and the socket stays readable."""
        _log.error("cannot take in another program: %s", error)
        assert self._name is not None
        watched = self._name.socket.fileno()
        self._reactor.remove_reader(watched)
        self._later("accept", _PAUSE_S, self._reactor.add_reader, watched, self._knocked)

    def _asked_by(self, link: Link, message: memoryview, _: list[int]) -> None:
        kind = post.kind_of(message)
        if kind is Kind.CLAIM:
            try:
                taken = self._book.claim(link, post.keys_in(message))
            except TooManyClaims:
                raise BadMessage("too many numbers") from None
            for answer in post.about(Kind.TAKEN, taken):
                link.send(answer)
        elif kind is Kind.RELEASE:
            self._book.release(link, post.keys_in(message))
        elif kind is Kind.DATAGRAMS:
            view, segment_size, source = post.datagrams_in(message)
            self._hand_on(bytes(view), segment_size, source)
        elif kind is Kind.ASK:
            link.send(bytes((Kind.HERE,)))
        else:
            raise BadMessage(f"{kind.name} from a member")

    # --- Packets ---

    def _received(
        self, view: memoryview, segment_size: int, source: Address, destination: Address
    ) -> None:
        if self._link is not None:
            own, _, stray = self._book.readers(view, segment_size)
            if own:
                self._on_receive(view, segment_size, source, destination)
            if stray:
                self._link.send(post.datagrams(source, segment_size), view, droppable=True)
        elif self._book.members:
            self._hand_on(view, segment_size, source)
        else:
            self._on_receive(view, segment_size, source, destination)

    def _received_batch(self, bursts: Bursts, source: Address, destination: Address) -> None:
        if self._on_batch is not None and self._link is None and not self._book.members:
            self._on_batch(bursts, source, destination)
            return
        for view, segment_size in bursts:
            self._received(view, segment_size, source, destination)

    def _hand_on(self, octets: bytes | memoryview, segment_size: int, source: Address) -> None:
        """Give datagrams to those that they are for."""
        view = memoryview(octets)
        own, members, stray = self._book.readers(view, segment_size)
        if stray and self._reactor.time() - self._drained_at > _DRAIN_S:
            # Whose they are may be on its way to us.
            self._drained_at = self._reactor.time()
            for link in self._book.members:
                link.look()
            own, members, stray = self._book.readers(view, segment_size)
        for link in members:
            if not link.send(post.datagrams(source, segment_size), view, droppable=True):
                self._counters["no room to hand on"] += 1
        if own or stray:
            self._on_receive(view, segment_size, source, (self.host, ROCE_PORT))

    def _later(self, name: str, seconds: float, call: Callable[..., object], *args: object) -> None:
        def due() -> None:
            self._timers.pop(name, None)
            if not self._closed:
                call(*args)

        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._reactor.call_at(self._reactor.time() + seconds, due)


def _is_taken(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE


def _is_readable(port: UdpPort) -> bool:
    poll = select.poll()
    poll.register(port.fileno(), select.POLLIN)
    return bool(poll.poll(0))
