"""The calling side of a session: :meth:`Session.call` executes a compound exactly once.

A call acquires a slot; stamps the compound with session, slot and sequence ID; sends it; checks the
result of SEQUENCE; releases the slot; and decodes the other results. If the connection is lost
meanwhile, the same request is sent again in the same slot over the next connection, and the server
either executes it or repeats its cached reply. Only if the session itself is lost while the fate of
the request is unknown, can a call fail because it must not be executed twice
(:class:`~.errors.UncertainOutcomeError`).

:mod:`.recovery` creates and restores connections and sessions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from nfsrdma.rpcrdma.io.lanes import lanes_wanted
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import CallRefused, Channel, ReplyDropped, TransportError
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.message import NO_AUTH, AuthError, RpcError, encode_call
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Cancelled, Future, Reactor, Task, settled, sleep
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from .caller import Limits
from .compound import Compound, Header, SequenceResult, decode_compound_head
from .connection import quickest
from .errors import (
    NfsError,
    ProtocolError,
    StatusError,
    UncertainOutcomeError,
    auth_error,
    unreachable,
)
from .quick import Begun, Quick
from .slots import SlotTable
from .stats import Statistics

if TYPE_CHECKING:
    from random import Random

_log = logging.getLogger(__name__)

_NOT_KEPT: Final = "the server did not keep its reply"
_NULL_REPLY_MAX: Final = 64
_RESTARTS_MAX: Final = 16
"""How often one call starts over before the server is taken for broken."""
_DROPPED_MAX: Final = 3
"""Replies to one call, each over another connection, that are dropped for their headers until the
call fails."""
_BACKOFF_MIN_S: Final = 0.02
_BACKOFF_MAX_S: Final = 2.0

_RETRY_LATER: Final = frozenset((t.NFS4ERR_DELAY, t.NFS4ERR_GRACE))
# How SEQUENCE fails when the session, or its record of the slot, is lost.
_SESSION_LOST: Final = frozenset(
    (
        t.NFS4ERR_BADSESSION,
        t.NFS4ERR_DEADSESSION,
        t.NFS4ERR_SEQ_MISORDERED,
        t.NFS4ERR_BADSLOT,
        t.NFS4ERR_BAD_HIGH_SLOT,
    )
)


def _null_call() -> bytes:
    """Return a NULL call's octets behind its XID."""
    message = Encoder()
    encode_call(message, 0, t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_NULL, NO_AUTH)
    return bytes(message.buffer[4:])


_NULL_CALL: Final = _null_call()


class SessionLost(Exception):
    """The session ended during a call, which the server may have executed if ``uncertain``."""

    def __init__(self, uncertain: bool) -> None:
        super().__init__(uncertain)
        self.uncertain = uncertain


Gate = Future[Callable[[], Exception] | None]
"""What calls wait for. Its result is None, or the maker of the error that they raise."""


class Guardian(Protocol):
    """What makes the session usable, and learns when it no longer is."""

    def start(self) -> Gate:
        """Begin to restore the session, unless that is in progress; return what to wait for.

        Raises :class:`~.errors.NfsError` if the session has ended for good.
        """

    def connection_lost(self, channel: Channel, reason: str) -> None:
        """Learn that ``channel`` is lost, but the session may not be."""

    def session_broken(self, slots: SlotTable, status: int) -> None:
        """Learn that the session of ``slots`` is lost, as ``status`` says."""

    def flags_raised(self, flags: int) -> None:
        """Learn that the server raised ``sr_status_flags``."""


class Session:
    """The calling side of one client, with at most one session at a time.

    ``patience`` is for how many seconds a server may defer a call (DELAY, GRACE).
    """

    def __init__(
        self,
        reactor: Reactor,
        credentials: Credentials,
        minor_version: int,
        rng: Random,
        patience: float,
    ) -> None:
        self.reactor = reactor
        self.rpc = RpcClient(rng, credentials)
        self.credentials = credentials
        self.header = Header(credentials, minor_version)
        self.quick = Quick(self, self.header) if lanes_wanted() else None
        self.stats = Statistics()
        self.patience = patience
        self.guardian: Guardian
        self.abandoned: Callable[[], NfsError] | None = None
        """The maker of the error that every call raises, once the mount is another process's."""
        self.gate: Gate | None = None
        """What calls wait for while the session is not usable."""
        self.channel: Channel | None = None
        self.lanes: list[Channel] = []
        """More connections that are bound to the session (``lanes``)."""
        self.holding = False
        """Whether more calls are about to be made in this turn."""
        self.slots: SlotTable | None = None
        self.session_id = b""
        self.limits = Limits(0, 0, 0, 0)
        self._doubtful: list[int] = []  # slots to settle once the session can be used again
        self.flags = 0
        """The ``sr_status_flags`` of the latest reply."""
        self.heard_at = reactor.time()
        """When the server last replied to anything."""
        self.renewed_at = self.heard_at
        """When the last request that SEQUENCE accepted was sent: the lease runs from there."""

    # --- The Caller for operations ---

    @property
    def minor_version(self) -> int:
        """The minor version in use."""
        return self.header.minor_version

    @property
    def epoch(self) -> bytes:
        """A value that changes whenever the server may have restarted."""
        return self.session_id

    def time(self) -> float:
        """Return the reactor's time in seconds."""
        return self.reactor.time()

    async def pause(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await sleep(self.reactor, seconds)

    def compound(self, name: str, *, idempotent: bool = True) -> Compound:
        """Begin a compound for :meth:`call`; ``name`` is its name in statistics."""
        return Compound(self.header, name, idempotent=idempotent)

    async def call(
        self, compound: Compound, *, recovering: bool = False, begun: Begun | None = None
    ) -> None:
        """Execute ``compound``; afterwards the results of its operations are known.

        ``recovering`` is for calls that restore the session: they do not wait until it is usable.
        ``begun`` is the same call, which was sent already.
        Raises :class:`StatusError` if an operation failed, an :class:`~.errors.NfsError` for any
        other failure, and ``TransportError`` only with ``recovering``.
        """
        deadline = 0.0
        backoff = _BACKOFF_MIN_S
        restarts = 0
        while True:
            try:
                begun, first = None, begun
                await self._attempt(compound, recovering, first)
                return
            except SessionLost as lost:
                if lost.uncertain and not compound.idempotent:
                    raise uncertain_outcome(compound, "the server forgot the session") from None
            except CallRefused as error:
                # The reply may need more room than was reserved (RFC 8166, Section 4.5.3).
                if not compound.idempotent or compound.max_reply >= self.limits.max_response:
                    raise ProtocolError(f"{compound.name}: {why(error)}") from error
                compound.max_reply = self.limits.max_response
            except StatusError as error:
                # SEQUENCE may fail so, or an operation after it (Section 2.10.6.1.3).
                not_kept = error.status == t.NFS4ERR_RETRY_UNCACHED_REP
                if not_kept and not compound.idempotent:
                    raise uncertain_outcome(compound, _NOT_KEPT) from error
                if not not_kept and error.status not in _RETRY_LATER:
                    raise
                now = self.reactor.time()
                deadline = deadline or now + self.patience
                if now >= deadline:
                    if not_kept:
                        text = f"{compound.name}: each reply is lost with its connection"
                        raise unreachable(text) from error
                    raise
                self.stats.delays += not not_kept
                await sleep(self.reactor, backoff)
                backoff = min(2 * backoff, _BACKOFF_MAX_S)
                continue
            restarts = self._restart(compound, restarts)

    def _restart(self, compound: Compound, restarts: int) -> int:
        if restarts == _RESTARTS_MAX:
            raise ProtocolError(f"{compound.name}: the server lets no attempt come to an end")
        return restarts + 1

    async def call_plain(self, channel: Channel, compound: Compound) -> None:
        """Execute a compound that has no SEQUENCE, over ``channel``.

        Raises ``TransportError``, :class:`StatusError` or :class:`ProtocolError`.
        """
        compound.stamp_plain(self.rpc.allocate_xid())
        try:
            dec = await channel.call(compound.encoder, max_reply=compound.max_reply)
            self.heard_at = self.reactor.time()
            status, count = decode_compound_head(dec)
            compound.decode_results(dec, status, count)
        except AuthError as error:
            raise auth_error(error) from error
        except (XdrError, RpcError, CallRefused) as error:
            raise ProtocolError(f"{compound.name}: {why(error)}") from error

    async def call_bare(self, channel: Channel, slot: int, seqid: int) -> int:
        """Call SEQUENCE alone over ``channel``, in a slot of the caller's; return its status.

        Raises ``TransportError`` or :class:`ProtocolError`.
        """
        compound = self.compound("SEQUENCE")
        compound.stamp(self.rpc.allocate_xid(), self.session_id, seqid, slot, slot)
        try:
            dec = await channel.call(compound.encoder, max_reply=compound.max_reply)
            self.heard_at = self.reactor.time()
            return compound.decode_sequence(dec)[0]
        except AuthError as error:
            raise auth_error(error) from error
        except (XdrError, RpcError, CallRefused) as error:
            raise ProtocolError(f"{compound.name}: {why(error)}") from error

    async def _attempt(self, compound: Compound, recovering: bool, begun: Begun | None) -> None:
        """Execute once in one slot. Raises what :meth:`call` does, SessionLost, CallRefused."""
        slots = self.slots
        if begun is not None:
            slots, slot = begun.slots, begun.slot
        elif (
            slots is None
            or self.gate is not None
            or self.channel is None
            or (slot := slots.try_acquire()) < 0
        ):
            asked_at = self.reactor.time()
            slots, slot = await self._slot(recovering)
            self.stats.of(compound.name).total_queued += self.reactor.time() - asked_at
        sent_at = self.reactor.time() if begun is None else begun.sent_at
        try:
            status, count, dec = await self._exchange(compound, slots, slot, recovering, begun)
        except (XdrError, RpcError) as error:
            if isinstance(error, AuthError):
                raise auth_error(error) from error
            raise ProtocolError(f"{compound.name}: {why(error)}") from error
        try:
            compound.decode_results(dec, status, count)
        except XdrError as error:
            raise ProtocolError(f"{compound.name}: {error}") from error
        finally:
            self.stats.of(compound.name).record(
                self.heard_at - sent_at, compound.encoder.tell(), dec.tell(), status != 0
            )

    async def _slot(self, recovering: bool) -> tuple[SlotTable, int]:
        """Acquire a slot of the session, once that is usable."""
        while True:
            if not recovering:
                await self.become_usable()
            slots = self.slots
            if slots is None:
                raise TransportError("there is no session")
            slot = slots.try_acquire()
            if slot < 0:
                slot = await slots.acquire()
            if slot >= 0:
                return slots, slot

    async def become_usable(self) -> None:
        """Wait until the session is usable. Raises :class:`NfsError` if it will not be."""
        while self.gate is not None or self.channel is None:
            await self._pass_gate()

    async def _pass_gate(self) -> None:
        make_error = await (self.gate or self.guardian.start())
        if make_error is not None:
            raise make_error()

    async def _exchange(
        self,
        compound: Compound,
        slots: SlotTable,
        slot: int,
        recovering: bool,
        begun: Begun | None = None,
    ) -> tuple[int, int, Decoder]:
        """Get a reply to ``compound`` in ``slot``, over as many connections as it takes.

        Returns the compound's status, the number of results to decode, and the decoder at the
        first of them. The slot is released, or left to :meth:`_settle`.
        """
        reply: Future[Decoder] | None = None
        uncertain = False
        dropped = 0
        try:
            xid = self.rpc.allocate_xid() if begun is None else begun.xid
            backoff = _BACKOFF_MIN_S
            deadline = 0.0
            while True:
                if begun is not None:
                    channel, sent_at, reply = begun.channel, begun.sent_at, begun.reply
                    seqid, begun = begun.seqid, None
                else:
                    channel, seqid, sent_at, reply = await self._send(
                        compound, slots, slot, xid, uncertain, recovering
                    )
                try:
                    dec = await reply
                except TransportError as error:
                    uncertain = True
                    if not compound.idempotent:
                        slots.in_doubt.add(slot)
                    self.guardian.connection_lost(channel, str(error))
                    if recovering:
                        raise
                    dropped += isinstance(error, ReplyDropped)
                    if dropped == _DROPPED_MAX:
                        raise XdrError(str(error)) from error
                    self.stats.replays += 1
                    self.stats.of(compound.name).replays += 1
                    continue
                self.heard_at = self.reactor.time()
                status, count, sequence = compound.decode_sequence(dec)
                if sequence is not None:
                    self._accept(sequence, slots, slot, seqid)
                    self.renewed_at = sent_at
                    return status, count, dec
                if status == t.NFS4ERR_DELAY:
                    deadline = deadline or self.heard_at + self.patience
                    if self.heard_at >= deadline:
                        self._give_up(slots, slot, uncertain)
                        raise StatusError(status, t.OP_SEQUENCE, -1)
                    self.stats.delays += 1
                    await sleep(self.reactor, backoff)
                    backoff = min(2 * backoff, _BACKOFF_MAX_S)
                    continue
                self._sequence_failed(compound, slots, slot, status, uncertain, channel)
                xid = self.rpc.allocate_xid()
        except Cancelled:
            await self._abandon(compound.sinks, slots, slot, reply, uncertain)
            raise
        except (XdrError, RpcError, CallRefused, TransportError) as error:
            self._unanswered(error, compound, slots, slot, uncertain)
            raise

    async def _send(
        self,
        compound: Compound,
        slots: SlotTable,
        slot: int,
        xid: int,
        uncertain: bool,
        recovering: bool,
    ) -> tuple[Channel, int, float, Future[Decoder]]:
        """Send a request in its slot, over the connection or the next one.

        Returns that connection, the sequence ID, when it was, and the future of the reply.
        """
        channel = self.channel
        if channel is None or self.gate is not None or slots is not self.slots:
            channel = await self._channel(slots, slot, uncertain, recovering)
        elif self.lanes:
            channel = self.carrier(channel, slot)
        seqid, sent_at = slots.seqids[slot], self.reactor.time()
        compound.stamp(xid, self.session_id, seqid, slot, slots.highest_busy)
        reply = channel.call(compound.encoder, max_reply=compound.max_reply, sinks=compound.sinks)
        return channel, seqid, sent_at, reply

    def hold(self) -> list[Callable[[], object]]:
        """Let calls wait for others to go with; return what has to be called soon, to send them.

        It is for who makes many calls in one turn. Over RDMA each goes at once, but none is waited
        for before the next.
        """
        self.holding = True
        channels = [each for each in (self.channel, *self.lanes) if isinstance(each, StreamChannel)]
        for channel in channels:
            channel.hold()
        return [self._let_go, *(channel.let_go for channel in channels)]

    def _let_go(self) -> None:
        self.holding = False

    def carrier(self, channel: Channel, slot: int) -> Channel:
        """Return the connection for a slot, of several; ``channel`` is the first of them."""
        return quickest(channel, self.lanes, slot)

    def _unanswered(
        self, error: Exception, compound: Compound, slots: SlotTable, slot: int, uncertain: bool
    ) -> None:
        """Give up on a request that got no sensible reply."""
        if isinstance(error, AuthError):
            self._give_up(slots, slot, uncertain)  # rejected before the server looked at the slot
        elif len(compound) or self.channel is None:
            self._doubt(slots, slot)
        else:  # not even a bare SEQUENCE works
            self.guardian.session_broken(slots, t.NFS4ERR_BADSESSION)

    async def _channel(
        self, slots: SlotTable, slot: int, uncertain: bool, recovering: bool
    ) -> Channel:
        """Wait for a connection for a request in ``slot``."""
        while True:
            if slots is not self.slots:
                raise SessionLost(uncertain and slot not in slots.not_executed)
            channel = self.channel
            if channel is not None and (recovering or self.gate is None):
                return channel
            if recovering:
                raise TransportError("the connection is lost")
            try:
                await self._pass_gate()
            except NfsError:
                self._give_up(slots, slot, uncertain)
                raise

    def _accept(self, sequence: SequenceResult, slots: SlotTable, slot: int, seqid: int) -> None:
        """Release a slot whose request the server has accepted."""
        if (
            sequence.slot != slot
            or sequence.seqid != seqid
            or sequence.session_id != self.session_id
        ):
            raise XdrError("SEQUENCE answered for another session, slot or sequence id")
        self.executed(slots, slot, sequence.target, sequence.status_flags)

    def executed(self, slots: SlotTable, slot: int, target: int, flags: int) -> None:
        """Release a slot whose request was executed, and heed what SEQUENCE said besides."""
        slots.executed(slot, target)
        if flags != self.flags:
            self.flags = flags
            if flags:
                self.guardian.flags_raised(flags)

    def _sequence_failed(
        self,
        compound: Compound,
        slots: SlotTable,
        slot: int,
        status: int,
        uncertain: bool,
        channel: Channel,
    ) -> None:
        """Handle a SEQUENCE that failed with ``status``; return to send the request again."""
        if status in (t.NFS4ERR_RETRY_UNCACHED_REP, t.NFS4ERR_SEQ_FALSE_RETRY):
            # The slot's sequence ID is used up, by this request or by another one.
            slots.accepted(slot)
            if status == t.NFS4ERR_SEQ_FALSE_RETRY or compound.idempotent:
                return
            slots.release(slot)
            raise uncertain_outcome(compound, _NOT_KEPT)
        if status == t.NFS4ERR_CONN_NOT_BOUND_TO_SESSION:
            self.guardian.connection_lost(channel, "not bound to the session")
            return
        if status in _SESSION_LOST or not len(compound):
            self.guardian.session_broken(slots, status)
            raise SessionLost(uncertain)
        self._give_up(slots, slot, uncertain)
        raise StatusError(status, t.OP_SEQUENCE, -1)

    async def leave(
        self, sinks: Sequence[memoryview], slots: SlotTable, slot: int, reply: Future[Decoder]
    ) -> None:
        """Leave a call that was sent once, as its caller is cancelled."""
        await self._abandon(sinks, slots, slot, reply, False)

    async def _abandon(
        self,
        sinks: Sequence[memoryview],
        slots: SlotTable,
        slot: int,
        reply: Future[Decoder] | None,
        uncertain: bool,
    ) -> None:
        """Release the slot of a cancelled call, once the fate of its request is known."""
        if reply is None or reply.done():
            self._give_up(slots, slot, uncertain)
            return

        def answered(reply: Future[Decoder]) -> None:
            try:
                _, _, sequence = Compound.decode_sequence(reply.result())
                if sequence is None:
                    raise XdrError("SEQUENCE failed")
                self._accept(sequence, slots, slot, slots.seqids[slot])
            except Exception:
                self._doubt(slots, slot)

        reply.add_done_callback(answered)
        while sinks and not reply.done():
            # Until then, data may still be placed in the caller's memory.
            try:
                await settled(reply)
            except Cancelled:
                continue

    def _give_up(self, slots: SlotTable, slot: int, uncertain: bool) -> None:
        if uncertain:
            self._doubt(slots, slot)
        else:
            slots.release(slot)

    def _doubt(self, slots: SlotTable, slot: int) -> None:
        """Keep ``slot`` busy until it is known whether its sequence ID was used."""
        if slots is not self.slots:
            return
        if self.channel is not None and self.gate is None:
            Task(self._settle(slots, slot))
        else:
            self._doubtful.append(slot)

    async def _settle(self, slots: SlotTable, slot: int) -> None:
        """Synchronize ``slot`` by a SEQUENCE with the sequence ID that is in doubt.

        If the server has executed the lost request, it repeats its reply to that, or says that it
        has none; otherwise it executes this one. In both cases the sequence ID is used up then.
        """
        probe = self.compound("SEQUENCE")
        probe.max_reply += self.limits.max_cached  # the reply may be the lost request's
        try:
            await self._exchange(probe, slots, slot, False)
        except (SessionLost, StatusError, NfsError, XdrError, RpcError, CallRefused) as error:
            _log.debug("slot %d could not be settled: %s", slot, why(error))

    # --- For the guardian ---

    def install(
        self, channel: Channel, session_id: bytes, slots: SlotTable, limits: Limits
    ) -> None:
        """Adopt a new session."""
        self.drop_session()
        self.channel = channel
        self.session_id = session_id
        self.slots = slots
        self.limits = limits
        self.flags = 0
        self.renewed_at = self.reactor.time()

    def drop_session(self) -> None:
        """Forget the session and its slots."""
        self._doubtful.clear()
        self.lanes.clear()
        slots, self.slots = self.slots, None
        if slots is not None:
            slots.close()

    def abandon(self, make_error: Callable[[], NfsError]) -> None:
        """Forget the session and its connection without a word; every call fails from now on."""
        self.abandoned = make_error
        self.channel = self.slots = self.gate = None
        self.lanes.clear()
        self._doubtful.clear()

    def close_gate(self) -> Gate:
        """Make calls wait until :meth:`open_gate`."""
        if self.gate is None:
            self.gate = Future()
        return self.gate

    def open_gate(self, make_error: Callable[[], Exception] | None = None) -> None:
        """Let waiting calls go on, or make them raise an error."""
        gate, self.gate = self.gate, None
        slots = self.slots
        if make_error is None and slots is not None:
            doubtful, self._doubtful = self._doubtful, []
            for slot in doubtful:
                Task(self._settle(slots, slot))
        if gate is not None:
            gate.set_result(make_error)

    async def renew(self) -> None:
        """Renew the lease with a bare SEQUENCE. Raises nothing but ``Cancelled``."""
        try:
            await self.call(self.compound("SEQUENCE"))
        except (StatusError, NfsError) as error:
            _log.debug("the lease was not renewed: %s", error)

    def ping(self, channel: Channel) -> Future[Decoder]:
        """Make a NULL call, without a session or slot, to learn whether the server replies."""
        if self.quick is not None:
            return self.quick.null(channel, _NULL_CALL, _NULL_REPLY_MAX)
        message = self.rpc.start(t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_NULL, NO_AUTH)
        return channel.call(message, max_reply=_NULL_REPLY_MAX)


def why(error: BaseException) -> str:
    """Return a message for ``error``, even if that has none."""
    return str(error) or type(error).__name__


def uncertain_outcome(compound: Compound, reason: str) -> UncertainOutcomeError:
    """Return the error for a call whose fate is unknown."""
    return UncertainOutcomeError(
        f"{compound.name}: {reason}, so whether it executed the call is not known"
    )
