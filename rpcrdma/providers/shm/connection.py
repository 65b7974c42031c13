"""A connection: how it comes up over a Unix socket, and how either end learns that it is over.

The active side sends REQ, the passive side answers MRA at once (somebody is there and will answer,
when its owner has made up its mind), then REP or REJ; RTU follows. DREQ says good-bye. A socket
that ends without one says that the peer's process is gone, at once: what it had posted by then is
still carried out, and then everything is flushed.

No handler is called from inside a command of its owner: what is to be told waits for the reactor.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from ...io.fork import keep_from_children
from ...task import TimerHandle
from ...verbs.interfaces import ConnectionHandler
from ...verbs.types import (
    Access,
    ConnectionRejected,
    ConnectOptions,
    QpOptions,
    QpState,
    VerbsError,
    WcStatus,
)
from . import messages
from .memory import SLABS_MAX, PeerFile, SharedFile
from .messages import BadMessage, Kind, Offer
from .queue_pair import QueuePair
from .regions import TABLE_OCTETS, ProtectionDomain
from .rendezvous import Credentials
from .ring import Broken, Ring, file_octets, power_of_two

if TYPE_CHECKING:
    from ...software.completion import CompletionQueue
    from .device import ShmDevice

_MESSAGES_OCTETS: Final = 1 << 18
_MAX_READS: Final = 16
_OWNER_S: Final = 60.0
"""How long a peer that has said that it is there may take to answer."""
_GREETING_S: Final = 10.0
_RETRY_S: Final = 0.01
_ROUNDS: Final = 16
"""Turns of one connection before others have theirs."""
_FAULT: Final = "a fault on this side"
_ACCESS: Final = int(Access.REMOTE_READ | Access.REMOTE_WRITE)


class ShmConnection:
    """One end of a connection (``verbs.interfaces.Connection``)."""

    def __init__(
        self,
        device: ShmDevice,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
        local: tuple[str, int],
        peer: tuple[str, int],
    ) -> None:
        """Raises ``VerbsError`` and ``OSError`` when a queue pair like this cannot be had."""
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
        count = power_of_two(options.send_depth + _MAX_READS)
        file = SharedFile(file_octets(count, _MESSAGES_OCTETS), writable=False)
        self._ring = Ring(file, count, _MESSAGES_OCTETS)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.queue_pair = QueuePair(
            *(device.new_number(), pd, send_cq, recv_cq, options, self._ring),
            on_error=self._broke_down,
            later=self._later,
            time=self._reactor.time,
        )
        self._handler: ConnectionHandler | None = None
        self._options = ConnectOptions()
        self._socket: socket.socket | None = None
        self._timer: TimerHandle | None = None
        self._turn_at: float | None = None
        self._turn_timer: TimerHandle | None = None
        self._peer_bell = -1
        self._slabs: dict[int, PeerFile] = {}
        self._told_slabs = 0
        self._unheard: list[tuple[Kind, bytes, list[int]]] = []
        self._active = False
        self._up = False
        self._over = False
        self._closed = False
        self._turning = False
        device.connections[self] = None
        keep_from_children(self)

    def __repr__(self) -> str:
        (host, port), (peer, theirs) = self.local_address, self.peer_address
        return f"<ShmConnection {host}:{port} - {peer}:{theirs}>"

    @property
    def pd(self) -> ProtectionDomain:
        return self._pd

    # The active side

    def connect(
        self,
        meet: Callable[[], tuple[socket.socket, Credentials]],
        options: ConnectOptions,
        handler: ConnectionHandler,
    ) -> None:
        """Begin. ``meet`` connects a socket."""
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
            self._socket, self.peer_credentials = meet()
            messages.send(self._socket, Kind.REQ, self._offer(self._options), self._fds())
        except BlockingIOError:
            self._hang_up()
            self._reactor.call_at(self._reactor.time() + _RETRY_S, self._meet, meet)
        except OSError as error:
            self._fail(error)
        else:
            self._reactor.add_reader(self._socket.fileno(), self._readable)

    def _timed_out(self) -> None:
        self._fail(TimeoutError(errno.ETIMEDOUT, "the peer does not answer"))

    # The passive side

    def take_request(
        self, accepted: socket.socket, who: Credentials, offer: Offer, fds: list[int]
    ) -> None:
        """A REQ came over ``accepted``. Raises ``BadMessage`` and ``OSError``."""
        self._socket = accepted
        self.peer_credentials = who
        self._take_offer(offer, fds)
        self._reactor.add_reader(accepted.fileno(), self._readable)

    def refuse(self, error: Exception) -> None:
        """What the peer offers cannot be used: the owner learns it when it has answered."""
        self._over = True
        self._hang_up()

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Answer the request."""
        self._handler = handler
        self._options = options
        if self._over or self._socket is None:
            self._tell_failed(ConnectionResetError(errno.ECONNRESET, "the peer gave up"))
            return
        self._negotiate()
        try:
            messages.send(self._socket, Kind.REP, self._offer(options), self._fds())
        except OSError as error:
            self._over = True
            self._tell_failed(error)
            return
        self._timer = self._reactor.call_at(self._reactor.time() + _GREETING_S, self._timed_out)

    # Offers

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
        return file.fd, self._pd.table.fd, self._bell

    def _take_offer(self, offer: Offer, fds: list[int]) -> None:
        """Map what the peer offers; ``fds`` are closed or kept. Raises ``OSError``."""
        ring_fd, table_fd, bell = fds
        self._peer_bell = bell
        trusted = self._device.trusts(self.peer_credentials)
        try:
            size = file_octets(offer.descriptors, offer.messages)
            file = PeerFile(ring_fd, size, writable=False, trusted=trusted)
        except BaseException:
            os.close(table_fd)
            raise
        table = PeerFile(table_fd, TABLE_OCTETS, writable=False, trusted=trusted)
        self._theirs = offer, Ring(file, offer.descriptors, offer.messages), table

    def _negotiate(self) -> None:
        """Both offers are known: start the queue pair."""
        offer, ring, table = self._theirs
        ours, limit = self._options, self._device.limits.max_rd_atomic
        self.initiator_depth = min(ours.initiator_depth, offer.responder_resources, limit)
        wake: Callable[[], object] = self._wake_over_socket
        if self._device.trusts(self.peer_credentials):
            wake = partial(os.eventfd_write, self._peer_bell, 1)
        self.queue_pair.start(
            *(ring, table),
            wake=wake,
            access=offer.access,
            answers=min(max(1, ours.responder_resources), limit),
            rnr_retries=ours.rnr_retry_count,
            fetch_slab=self._fetch_slab,
        )
        self._pd.arena.listeners.append(self._show_slabs)

    def _established(self, private_data: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._up = True
        self._show_slabs()
        self._reactor.add_reader(self._bell, self._rang)
        if self._handler is not None:
            self._handler.established(self, private_data)
        self._later(0.0)

    # Slabs

    def _show_slabs(self) -> None:
        """Send the peer the slabs that it has not been sent."""
        slabs = self._pd.arena.slabs
        while self._told_slabs < len(slabs) and self._socket is not None and self._up:
            index = self._told_slabs
            slab = slabs[index]
            body = messages.encode_slab(index, slab.size)
            try:
                messages.send(self._socket, Kind.SLAB, body, (slab.fd,))
            except OSError as error:
                self._reactor.call_soon(self._end, f"cannot share memory: {error}")
                return
            self._told_slabs += 1

    def _fetch_slab(self, index: int) -> PeerFile | None:
        """A slab of the peer's; it was sent before anything was said to be in it."""
        slab = self._slabs.get(index)
        if slab is None and self._socket is not None:
            self._listen_ahead()
            slab = self._slabs.get(index)
        return slab

    def _listen_ahead(self) -> None:
        """Take in slabs, and keep everything else for later."""
        assert self._socket is not None
        try:
            while len(self._unheard) < SLABS_MAX:
                message = messages.receive(self._socket)
                if message is None:
                    break
                if message[0] is Kind.SLAB:
                    self._take_slab(message[1], message[2][0])
                    continue
                self._unheard.append(message)
                if message[2]:
                    raise BadMessage(f"{message[0].name} at the wrong moment")
        except BlockingIOError:
            pass
        except (OSError, BadMessage) as error:
            self._reactor.call_soon(self._lost, f"the peer broke the rules: {error}")
        if self._unheard:
            self._reactor.call_soon(self._hear_again)

    def _hear_again(self) -> None:
        unheard, self._unheard = self._unheard, []
        try:
            for message in unheard:
                self._hear(*message)
        except (OSError, BadMessage) as error:
            self._lost(f"the peer broke the rules: {error}")

    def _take_slab(self, body: bytes, fd: int) -> None:
        try:
            index, size = messages.decode_slab(body)
            if index >= SLABS_MAX or index in self._slabs:
                raise BadMessage("a slab too many")
        except BadMessage:
            os.close(fd)
            raise
        trusted = self._device.trusts(self.peer_credentials)
        self._slabs[index] = PeerFile(fd, size, writable=True, trusted=trusted)

    # The socket

    def _readable(self) -> None:
        try:
            while self._socket is not None:
                message = messages.receive(self._socket)
                if message is None:
                    self._lost("the peer's process is gone")
                    return
                self._hear(*message)
        except BlockingIOError:
            return
        except (OSError, BadMessage) as error:
            self._lost(f"the peer broke the rules: {error}")
        except BaseException:
            self._lost(_FAULT)
            raise

    def _hear(self, kind: Kind, body: bytes, fds: list[int]) -> None:
        """Raises ``BadMessage`` and ``OSError``."""
        if kind is Kind.SLAB and (self._up or self._active_and_waiting):
            self._take_slab(body, fds[0])
        elif kind is Kind.BELL and self._up:
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
        assert self._socket is not None
        messages.send(self._socket, Kind.RTU)
        self._established(offer.private_data)

    # The bell

    def _rang(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        self.run()

    def _wake_over_socket(self) -> None:
        if self._socket is not None:
            messages.send(self._socket, Kind.BELL)

    def _later(self, delay_s: float) -> None:
        """Have a turn in so many seconds."""
        when = self._reactor.time() + delay_s
        if self._turn_at is not None and self._turn_at <= when:
            return
        self._turn_at = when
        if delay_s <= 0:
            self._reactor.call_soon(self.run)
        else:
            self._turn_timer = self._reactor.call_at(when, self.run)

    def run(self) -> bool:
        """Do what there is to do, and have the bell rung for the rest; whether there was any.

        What it does may close it. An exception ends this connection and none besides.
        """
        self._turn_at = None
        queue_pair = self.queue_pair
        if self._turning or self._over or not self._up:
            return False
        self._turning = True
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
            self._end(_FAULT)
            raise
        finally:
            device.turning -= 1
            self._turning = False
        if found and not self._over:
            device.heard_from(self)
        return found

    # The end

    def _broke_down(self, reason: str) -> None:
        """The queue pair has failed by itself."""
        self._say_good_bye()
        self._reactor.call_soon(self._end, reason)

    def _lost(self, reason: str) -> None:
        """The peer is gone, or as good as gone."""
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
        """It was up and is no more: tell the owner, once."""
        if self._over:
            return
        self._over = True
        self._say_good_bye()
        self.queue_pair.fail(reason)
        self._stop_timers()
        self._hang_up()
        self._device.deliver_soon()
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.disconnected(reason)

    def _fail(self, error: Exception) -> None:
        """It never came up: tell the owner, once."""
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
        self._say_good_bye()
        self.queue_pair.fail("disconnected by its owner")
        if self._up:
            self._reactor.call_soon(self._end, "disconnected here")
        else:
            self._tell_failed(ConnectionAbortedError(errno.ECONNABORTED, "given up here"))

    def _say_good_bye(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                messages.send(self._socket, Kind.DREQ)

    def close(self) -> None:
        """Disconnect if need be, and give everything back."""
        if self._closed:
            return
        self._closed = True
        self._handler = None
        self._say_good_bye()
        self.queue_pair.fail("closed by its owner")
        self._over = True
        self._stop_timers()
        self._hang_up()
        self.queue_pair.close()
        if self._show_slabs in self._pd.arena.listeners:
            self._pd.arena.listeners.remove(self._show_slabs)
        for slab in self._slabs.values():
            slab.close()
        self._slabs.clear()
        if self._peer_bell >= 0:
            os.close(self._peer_bell)
        os.close(self._bell)
        self._ring.close()
        self._device.forget(self)

    def abandon(self) -> None:
        """See ``io.fork.Holder``: sockets and memory are dealt with by themselves."""
        if self._closed:
            return
        self._closed = self._over = True
        self._up = False
        self._handler = None
        self._socket = None
        for fd in (self._bell, self._peer_bell):
            if fd >= 0:
                os.close(fd)

    def end_now(self, reason: str) -> None:
        """The device is closed: tell the owner now, there may be no other turn."""
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
            self._reactor.remove_reader(self._bell)
        if self._socket is not None:
            self._reactor.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        for _, _, fds in self._unheard:
            for fd in fds:
                os.close(fd)
        self._unheard.clear()
