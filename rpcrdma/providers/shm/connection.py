"""A connection: how it comes up over a Unix socket, and how either end learns that it is over.

The active side sends REQ. The passive side answers MRA at once (a process is there, and its owner
will decide), then REP or REJ; RTU follows. DREQ says good-bye. When the socket is closed without
one, the peer's process is gone: what it had posted by then is still carried out, and then
everything is flushed.

No handler is called from inside a command of its owner, but from the reactor.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from ...io.fork import keep_from_children
from ...software.completion import CompletionQueue
from ...task import Reactor, TimerHandle
from ...verbs.interfaces import ConnectionHandler
from ...verbs.types import (
    Access,
    ConnectionRejected,
    ConnectOptions,
    DeviceLimits,
    QpOptions,
    QpState,
    VerbsError,
    WcStatus,
)
from .doorbell import silence
from .line import FAULT, Line
from .memory import SharedFile
from .messages import BadMessage, Kind, Offer
from .peer_side import PeerSide
from .queue_pair import QueuePair
from .regions import ProtectionDomain
from .rendezvous import Credentials
from .ring import Broken, Ring, file_octets, power_of_two
from .send_queue import QUIET_MOST
from .slabs import Slabs

_MESSAGES_OCTETS: Final = 1 << 18
_MAX_READS: Final = 16
_OWNER_S: Final = 60.0
"""How long a peer that has sent MRA may take to answer."""
_GREETING_S: Final = 10.0
_RETRY_S: Final = 0.01
_ROUNDS: Final = 16
"""Turns of one connection before others have theirs."""
_ACCESS: Final = int(Access.REMOTE_READ | Access.REMOTE_WRITE)


class ConnectionHost(Protocol):
    """What a connection needs from its device."""

    reactor: Reactor
    connections: dict[ShmConnection, None]
    turning: int
    """How many connections have their turn; they deliver completions themselves."""

    @property
    def limits(self) -> DeviceLimits:
        """What the device can do."""

    def new_number(self) -> int:
        """Return a number for a queue pair."""

    def trusts(self, who: Credentials | None) -> bool:
        """Return whether a peer's user could do us harm in other ways as well."""

    def heard_from(self, connection: ShmConnection) -> None:
        """Note that something came over this connection."""

    def deliver(self) -> None:
        """Tell the owners of completion queues that have news."""

    def deliver_soon(self) -> None:
        """Do the same at the next turn of the reactor."""

    def forget(self, connection: ShmConnection) -> None:
        """Forget a connection that is closed."""


class ShmConnection:
    """One end of a connection (``verbs.interfaces.Connection``)."""

    def __init__(
        self,
        device: ConnectionHost,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
        local: tuple[str, int],
        peer: tuple[str, int],
    ) -> None:
        """Make the queue pair. Raises ``VerbsError`` and ``OSError`` if it cannot be had."""
        limits = device.limits
        if not (0 < options.send_depth <= limits.max_qp_wr and options.recv_depth >= 0):
            raise VerbsError("depths that the device does not have", WcStatus.LOC_QP_OP_ERR)
        if options.recv_depth > limits.max_qp_wr:
            raise VerbsError("depths that the device does not have", WcStatus.LOC_QP_OP_ERR)
        self._device = device
        self._reactor = device.reactor
        self._pd = pd
        self.local_address = local
        self.peer_address = peer
        self.initiator_depth = 0
        self.peer_credentials: Credentials | None = None
        count = power_of_two(options.send_depth + _MAX_READS + QUIET_MOST)
        file = SharedFile(file_octets(count, _MESSAGES_OCTETS), writable=False)
        self._ring = Ring(file, count, _MESSAGES_OCTETS)
        self._doorbell_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._line = Line(self._reactor, self._hear, self._lost)
        self._slabs = Slabs(pd.arena, self._line)
        self._peer: PeerSide | None = None
        self.queue_pair = QueuePair(
            device.new_number(),
            pd,
            send_cq,
            recv_cq,
            options,
            self._ring,
            on_error=self._broke_down,
            later=self._later,
            time=self._reactor.time,
        )
        self._handler: ConnectionHandler | None = None
        self._options = ConnectOptions()
        self._timer: TimerHandle | None = None
        self._turn_at: float | None = None
        self._turn_timer: TimerHandle | None = None
        self._active = False
        self._up = False
        self._over = False
        self._closed = False
        self.turning = False
        """Whether it has its turn."""
        device.connections[self] = None
        keep_from_children(self)

    def __repr__(self) -> str:
        (host, port), (peer, theirs) = self.local_address, self.peer_address
        return f"<ShmConnection {host}:{port} - {peer}:{theirs}>"

    @property
    def pd(self) -> ProtectionDomain:
        """The protection domain of the queue pair."""
        return self._pd

    # --- The active side ---

    def connect(
        self,
        meet: Callable[[], tuple[socket.socket, Credentials]],
        options: ConnectOptions,
        handler: ConnectionHandler,
    ) -> None:
        """Start to connect; ``meet`` connects a socket to the listener."""
        self._active = True
        self._handler = handler
        self._options = options
        self._timer = self._reactor.call_at(
            self._reactor.time() + options.timeout_s, self._timed_out
        )
        self._reactor.call_soon(self._meet, meet)

    def _meet(self, meet: Callable[[], tuple[socket.socket, Credentials]]) -> None:
        if self._over:
            return
        try:
            connected, self.peer_credentials = meet()
            self._line.connect(connected, Kind.REQ, self._offer(self._options), self._fds())
        except BlockingIOError:
            self._reactor.call_at(self._reactor.time() + _RETRY_S, self._meet, meet)
        except OSError as error:
            self._fail(error)

    def _timed_out(self) -> None:
        self._fail(TimeoutError(errno.ETIMEDOUT, "the peer does not answer"))

    # --- The passive side ---

    def take_request(
        self, accepted: socket.socket, who: Credentials, offer: Offer, fds: list[int]
    ) -> None:
        """Take the peer's REQ, which came over ``accepted``. Raises ``OSError``."""
        self.peer_credentials = who
        try:
            self._take_offer(offer, fds)
        except BaseException:
            accepted.close()
            raise
        self._line.listen(accepted)

    def refuse(self, error: Exception) -> None:
        """Give up: the peer's offer cannot be used. The owner is told when it has answered."""
        self._over = True
        self._hang_up()

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Answer the request."""
        self._handler = handler
        self._options = options
        if self._over or not self._line.open:
            self._tell_failed(ConnectionResetError(errno.ECONNRESET, "the peer gave up"))
            return
        self._negotiate()
        try:
            self._line.send(Kind.REP, self._offer(options), self._fds())
        except OSError as error:
            self._over = True
            self._tell_failed(error)
            return
        self._timer = self._reactor.call_at(self._reactor.time() + _GREETING_S, self._timed_out)

    # --- Offers ---

    def _offer(self, options: ConnectOptions) -> bytes:
        limit = self._device.limits.max_rd_atomic
        return Offer(
            number=self.queue_pair.number,
            descriptors=self._ring.count,
            messages=_MESSAGES_OCTETS,
            access=self.queue_pair.options.access & _ACCESS,
            responder_resources=min(options.responder_resources, limit),
            initiator_depth=min(options.initiator_depth, limit),
            rnr_retry_count=options.rnr_retry_count,
            port=self.local_address[1],
            host=self.local_address[0],
            private_data=options.private_data,
        ).encode()

    def _fds(self) -> tuple[int, int, int]:
        file = self._ring.file
        assert isinstance(file, SharedFile)
        return file.fd, self._pd.table.fd, self._doorbell_fd

    def _take_offer(self, offer: Offer, fds: list[int]) -> None:
        """Map what the peer offers; ``fds`` are closed or kept. Raises ``OSError``."""
        trusted = self._slabs.trusted = self._device.trusts(self.peer_credentials)
        self._peer = PeerSide(offer, fds, trusted)

    def _negotiate(self) -> None:
        """Start the queue pair: both offers are known."""
        peer = self._peer
        assert peer is not None, "the peer's offer is here"
        offer = peer.offer
        ours, limit = self._options, self._device.limits.max_rd_atomic
        self.initiator_depth = min(ours.initiator_depth, offer.responder_resources, limit)
        # An untrusted peer could make the write to its doorbell block, and us with it.
        self.queue_pair.start(
            peer.ring,
            peer.table,
            wake=peer.wake if self._slabs.trusted else self._wake_over_socket,
            access=offer.access,
            answers=min(max(1, ours.responder_resources), limit),
            rnr_retries=ours.rnr_retry_count,
            fetch_slab=self._slabs.fetch,
            turns=self,
        )
        peer.started = True
        self._pd.arena.listeners.append(self._show_slabs)

    def _established(self, private_data: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._up = True
        self._show_slabs()
        self._reactor.add_reader(self._doorbell_fd, self._woken)
        if self._handler is not None:
            self._handler.established(self, private_data)
        self._later(0.0)

    def _show_slabs(self) -> None:
        """Send the peer the slabs that it has not been sent."""
        if self._up:
            try:
                self._slabs.show()
            except OSError as error:
                self._reactor.call_soon(self._end, f"cannot share memory: {error}")

    # --- What the peer says ---

    def _hear(self, kind: Kind, body: bytes, fds: list[int]) -> None:
        """Act on a message of the peer. Raises ``BadMessage`` and ``OSError``."""
        if kind is Kind.SLAB and (self._up or self._active_and_waiting):
            self._slabs.take(body, fds)
        elif kind is Kind.WAKE and self._up:
            self.run()
        elif kind is Kind.DREQ:
            self._lost("the peer disconnected")
        elif kind is Kind.RTU and not self._up and not self._active_and_waiting:
            if self.queue_pair.state == QpState.RTS:
                self._established(b"")
        elif kind is Kind.MRA and self._active_and_waiting:
            self._wait_longer()
        elif kind is Kind.REJ and self._active_and_waiting:
            self._fail(ConnectionRejected("the peer rejected the connection", body))
        elif kind is Kind.REP and self._active_and_waiting:
            self._take_reply(body, fds)
        else:
            for fd in fds:
                os.close(fd)
            raise BadMessage(f"{kind.name} at the wrong moment")

    @property
    def _active_and_waiting(self) -> bool:
        return self._active and not self._up

    def _wait_longer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.call_at(self._reactor.time() + _OWNER_S, self._timed_out)

    def _take_reply(self, body: bytes, fds: list[int]) -> None:
        try:
            offer = Offer.decode(body)
        except BadMessage:
            for fd in fds:
                os.close(fd)
            raise
        self._take_offer(offer, fds)
        self._negotiate()
        self._line.send(Kind.RTU)
        self._established(offer.private_data)

    # --- Turns ---

    def _woken(self) -> None:
        silence(self._doorbell_fd)
        self.run()

    def ring(self) -> None:
        """Ask for a turn, from whatever turns the reactor, even if that sleeps."""
        if not self._slabs.trusted:
            # The peer has our doorbell as well, and could make the write to it block.
            self._reactor.call_soon(self.run)
            return
        with suppress(BlockingIOError):  # the peer has rung it as often as that goes: it is heard
            os.eventfd_write(self._doorbell_fd, 1)

    def _wake_over_socket(self) -> None:
        self._line.send(Kind.WAKE)

    def _later(self, delay_s: float) -> None:
        """Ask for a turn in so many seconds."""
        when = self._reactor.time() + delay_s
        if self._turn_at is not None and self._turn_at <= when:
            return
        self._turn_at = when
        if delay_s <= 0:
            self._reactor.call_soon(self.run)
        else:
            self._turn_timer = self._reactor.call_at(when, self.run)

    def run(self) -> bool:
        """Have a turn, and ask to be woken for more; return whether there was anything to do.

        The turn may close the connection. An exception ends this connection and no other.
        """
        self._turn_at = None
        queue_pair = self.queue_pair
        if self.turning or self._over or not self._up:
            return False
        self.turning = True
        device = self._device
        device.turning += 1
        found = False
        try:
            queue_pair.disarm()
            for _ in range(_ROUNDS):
                if queue_pair.turn():
                    found = True
                device.deliver()
                if self._over or queue_pair.arm():
                    break
            else:
                self._later(0.0)
        except (Broken, VerbsError) as broken:
            self._end(f"the peer broke the rules: {broken}")
        except BaseException:
            self._end(FAULT)
            raise
        finally:
            device.turning -= 1
            self.turning = False
        if found and not self._over:
            device.heard_from(self)
        return found

    # --- The end ---

    def _broke_down(self, reason: str) -> None:
        """End the connection: the queue pair has failed by itself."""
        self._line.say_good_bye()
        self._reactor.call_soon(self._end, reason)

    def _lost(self, reason: str) -> None:
        """End the connection: the peer is gone, or has broken the rules."""
        if self._up:
            self.queue_pair.fail(reason, finish=True)
            self._end(reason)
        elif self._active:
            self._fail(ConnectionRefusedError(errno.ECONNREFUSED, reason))
        else:
            self._over = True
            self._hang_up()
            if self._handler is not None:
                self._fail(ConnectionResetError(errno.ECONNRESET, reason))

    def _end(self, reason: str) -> None:
        """End a connection that was up, and tell the owner, once."""
        if self._over:
            return
        self._over = True
        self._line.say_good_bye()
        self.queue_pair.fail(reason)
        self._stop_timers()
        self._hang_up()
        self._device.deliver_soon()
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.disconnected(reason)

    def _fail(self, error: Exception) -> None:
        """End a connection that never came up, and tell the owner, once."""
        if self._up:
            return
        self._over = True
        self._stop_timers()
        self._hang_up()
        self.queue_pair.fail(str(error))
        self._device.deliver_soon()
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.failed(error)

    def _tell_failed(self, error: Exception) -> None:
        self._reactor.call_soon(self._fail, error)

    def disconnect(self) -> None:
        """Say good-bye and flush the queue pair. Harmless to repeat."""
        self._line.say_good_bye()
        self.queue_pair.fail("disconnected by its owner")
        if self._up:
            self._reactor.call_soon(self._end, "disconnected here")
        else:
            self._tell_failed(ConnectionAbortedError(errno.ECONNABORTED, "given up here"))

    def close(self) -> None:
        """Disconnect if need be, and give everything back."""
        if self._closed:
            return
        self._closed = True
        self._handler = None
        self._line.say_good_bye()
        self.queue_pair.fail("closed by its owner")
        self._over = True
        self._stop_timers()
        self._hang_up()
        self.queue_pair.close()
        if self._show_slabs in self._pd.arena.listeners:
            self._pd.arena.listeners.remove(self._show_slabs)
        self._slabs.close()
        if self._peer is not None:
            self._peer.close()
        os.close(self._doorbell_fd)
        self._ring.close()
        self._device.forget(self)

    def abandon(self) -> None:
        """Forget everything, in a child of ``fork()`` (``io.fork.Holder``)."""
        if self._closed:
            return
        self._closed = self._over = True
        self._up = False
        self._handler = None
        self._line.abandon()
        os.close(self._doorbell_fd)
        if self._peer is not None:
            os.close(self._peer.doorbell_fd)

    def end_now(self, reason: str) -> None:
        """End the connection and tell the owner now: there may be no other turn."""
        if self._up:
            self._end(reason)
        elif not self._over:
            self._fail(ConnectionAbortedError(errno.ECONNABORTED, reason))

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._turn_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._turn_timer = None

    def _hang_up(self) -> None:
        if self._up:
            self._reactor.remove_reader(self._doorbell_fd)
        self._line.close()
