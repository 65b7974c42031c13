"""``CallbackClient`` makes the calls, and maintains the state of each path to a client.

The life of a callback. It waits for a slot. If the client may or may not have taken the last call
in that slot, a bare CB_SEQUENCE settles it. Then the call goes out over a connection whose path is
not down. If no answer comes in time, or one that makes no sense, the path is down, and SEQUENCE
tells the client so. The same call, with the same slot and sequence id, then goes out over another
connection, until the deadline (RFC 8881, Section 2.10.6.2); so it does if the connection is lost.

Each connection that is bound to a back channel is probed with CB_NULL, which needs no slot.

A client cannot make us hold much: the slots of a session are few, and so are the calls that may be
unanswered on a connection.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.rpc.channel import CallRefused, Channel, TransportError
from nfsrdma.rpcrdma.rpc.client import RpcClient, results
from nfsrdma.rpcrdma.rpc.message import RpcError
from nfsrdma.rpcrdma.task import Future, Reactor, Task, sleep
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as nfs

from ..state.backchannel import BackChannel, CallbackSlot, Path, SessionGone
from ..state.client import Client
from ..state.client_v40 import ClientV40
from ..state.session import Session
from .compound import (
    CallbackOperation,
    CompoundReply,
    decode_compound,
    encode_compound,
    sequence_arguments,
)
from .errors import CallbackRefused, PathDown
from .sessionless import SessionlessCallbacks

if TYPE_CHECKING:
    from random import Random

R = TypeVar("R")

_log = logging.getLogger(__name__)

CALLBACK_VERSION: Final = nfs.NFS_CB
"""1, as in the XDR of the specification and in clients; its Section 18.36.3 says 4."""
_MOST_UNANSWERED: Final = 16
"""Unanswered calls on one connection, beyond which no more are made on it."""
_NULL_REPLY_MAX: Final = 64
_BACKOFF_MIN_S: Final = 0.1
_BACKOFF_MAX_S: Final = 2.0
_SPENT: Final = frozenset((nfs.NFS4ERR_SEQ_FALSE_RETRY, nfs.NFS4ERR_RETRY_UNCACHED_REP))
"""Statuses that say that the client has taken some call with this sequence id."""
_LOST: Final = frozenset((nfs.NFS4ERR_BADSESSION, nfs.NFS4ERR_DEADSESSION))
"""Statuses of a client that does not know the session, or not over this connection."""
_OUT_OF_STEP: Final = frozenset((nfs.NFS4ERR_SEQ_MISORDERED, nfs.NFS4ERR_BADSLOT))
"""Statuses of a client whose slots are in another state than the server's."""


class Unanswered(Exception):
    """No answer came in time, or none can be expected."""


@dataclass(frozen=True, slots=True)
class CallbackTimes:
    """Limits of the time to wait for clients, in seconds."""

    answer: float = 9.0
    """The limit for one answer, after which the path counts as down."""
    patience: float = 90.0
    """The limit for a call with all its attempts."""

    @classmethod
    def suiting(cls, lease: float) -> CallbackTimes:
        """Return the limits for a lease: a tenth of it for one answer, all of it for a call."""
        return cls(max(1.0, lease / 10), lease)


@dataclass(slots=True)
class CallbackStats:
    """Counters over all clients."""

    sent: int = 0
    """Calls that went out, repetitions and probes included."""
    answered: int = 0
    """Answers that made sense and came in time."""
    late: int = 0
    """Answers that came too late."""
    unanswered: int = 0
    """Calls that were given up."""
    repeated: int = 0
    """Calls that went out once more with the same sequence id."""
    delayed: int = 0
    """Calls that the client asked to be made later."""
    probes_answered: int = 0
    """Connections over which a probe was answered."""


class CallbackClient:
    """Calls clients over the back channels of their sessions.

    ``rng`` is a system generator outside tests.
    """

    def __init__(
        self,
        reactor: Reactor,
        rng: Random,
        times: CallbackTimes,
        sessionless: SessionlessCallbacks | None = None,
    ) -> None:
        self.stats = CallbackStats()
        self._reactor = reactor
        self._rpc = RpcClient(rng)
        self._times = times
        self._sessionless = sessionless
        self._complaints = Complaints(_log, reactor.time)
        self._unanswered: dict[Channel, int] = {}
        self._probing: set[tuple[BackChannel, Channel]] = set()

    # --- Calls ---

    def call(
        self,
        target: Session | Client,
        operation: CallbackOperation[R],
        *,
        referring: Sequence[nfs.referring_call_list4] = (),
    ) -> Future[R]:
        """Have a client execute an operation, and return the future of its result.

        The result has a status of its own. If the target is a client, it is called in the session
        that is most likely to reach it. ``referring`` names calls of the client that the operation
        is about, if their replies may still be on the way (RFC 8881, Section 2.10.6.3). The future
        may fail with ``PathDown`` or ``CallbackRefused``.
        """
        return Task(self._call(target, operation, referring))

    async def _call(
        self,
        target: Session | Client,
        operation: CallbackOperation[R],
        referring: Sequence[nfs.referring_call_list4],
    ) -> R:
        if isinstance(target, ClientV40):
            if self._sessionless is None:
                raise PathDown("clients of minor version 0 are not called")
            return await self._sessionless.call(target, operation)
        session = target if isinstance(target, Session) else _session_of(target)
        result = await self._execute(session, operation, referring)
        assert result is not None, "decoded with the operation"
        return result

    async def _execute(
        self,
        session: Session,
        operation: CallbackOperation[R],
        referring: Sequence[nfs.referring_call_list4],
    ) -> R | None:
        """Execute an operation in some slot of the session."""
        deadline = self._reactor.time() + self._times.patience
        back = session.back
        while True:
            slot = await self._slot(back, deadline)
            try:
                if slot.doubtful:
                    await self._exchange(session, slot, None, (), deadline)
                reply = await self._exchange(session, slot, operation, referring, deadline)
            except SessionGone as error:
                raise PathDown(str(error)) from None
            finally:
                back.release(slot)
            if reply is not None:
                return reply.result

    async def _slot(self, back: BackChannel, deadline: float) -> CallbackSlot:
        while (slot := back.acquire()) is None:
            await self._change(back, deadline)
        return slot

    async def _channel(self, back: BackChannel, deadline: float) -> Channel:
        """Wait for a connection to call over, and return it. Raises ``PathDown``."""
        while (channel := back.best()) is None:
            await self._change(back, deadline)
        if self._reactor.time() >= deadline:
            raise PathDown("no answer from the client")
        return channel

    async def _change(self, back: BackChannel, deadline: float) -> None:
        """Wait for a change of the back channel. Raises ``PathDown`` at the deadline."""
        if back.closed:
            raise PathDown("the session is gone")
        if not back.was_bound:
            raise PathDown("the client has no back channel")
        change = back.changed()
        timer = self._reactor.call_at(deadline, _expire, change, PathDown("no path to the client"))
        try:
            await change
        finally:
            timer.cancel()
            back.forget(change)

    async def _exchange(
        self,
        session: Session,
        slot: CallbackSlot,
        operation: CallbackOperation[R] | None,
        referring: Sequence[nfs.referring_call_list4],
        deadline: float,
    ) -> CompoundReply[R] | None:
        """Call in a slot, over one connection after the other, until the client takes the call.

        Without an operation, a bare CB_SEQUENCE settles whether the client has taken the last call.
        Return None if the call has to be made in another slot.
        """
        back = session.back
        backoff = _BACKOFF_MIN_S
        restarted = False
        while True:
            channel = await self._channel(back, deadline)
            message = self._message(session, slot, channel, operation, referring)
            self.stats.repeated += slot.doubtful and operation is not None
            slot.doubtful = True
            reply = await self._attempt(back, channel, message, operation)
            if reply is None:
                continue
            status = reply.sequence.csr_status
            if status == nfs.NFS4_OK:
                return self._taken(session, slot, channel, reply)
            slot.doubtful = False  # the client has looked at the slot, and left it as it was
            back.note(channel, Path.UP)
            if status == nfs.NFS4ERR_DELAY:
                self.stats.delayed += 1
                if self._reactor.time() + backoff >= deadline:
                    raise CallbackRefused(status, "the client puts the call off for too long")
                await sleep(self._reactor, backoff)
                backoff = min(2 * backoff, _BACKOFF_MAX_S)
            elif status in _SPENT:
                slot.advance()
                if operation is None:
                    return reply
                raise CallbackRefused(status, "the client kept no result of the call")
            elif status == nfs.NFS4ERR_BADSLOT and slot.number:
                back.limit(slot.number)
                return None
            elif status == nfs.NFS4ERR_SEQ_MISORDERED and not restarted:
                # The client may have lost the state of its slots: start again, once.
                restarted, slot.seqid = True, 0
            else:
                self._refused(back, channel, status)

    def _message(
        self,
        session: Session,
        slot: CallbackSlot,
        channel: Channel,
        operation: CallbackOperation[R] | None,
        referring: Sequence[nfs.referring_call_list4],
    ) -> Encoder:
        """Return the call in a slot. Raises ``CallbackRefused`` if it is too long."""
        back = session.back
        sequence = sequence_arguments(
            session.id, slot.next_seqid, slot.number, back.highest_busy, referring
        )
        message = self._rpc.start(back.program, CALLBACK_VERSION, nfs.CB_COMPOUND, back.credential)
        encode_compound(message, back.minor, sequence, operation)
        if message.tell() > min(back.attributes.ca_maxrequestsize, channel.max_message):
            raise CallbackRefused(nfs.NFS4ERR_REQ_TOO_BIG, "longer than the back channel allows")
        return message

    async def _attempt(
        self,
        back: BackChannel,
        channel: Channel,
        message: Encoder,
        operation: CallbackOperation[R] | None,
    ) -> CompoundReply[R] | None:
        """Make one attempt over one connection. Return None if it failed."""
        max_reply = min(back.attributes.ca_maxresponsesize, channel.max_message)
        try:
            return decode_compound(await self._answer(back, channel, message, max_reply), operation)
        except TransportError:
            back.unbind(channel)
        except (Unanswered, RpcError, XdrError, CallRefused) as error:
            self._down(back, channel, error)
        return None

    def _taken(
        self,
        session: Session,
        slot: CallbackSlot,
        channel: Channel,
        reply: CompoundReply[R],
    ) -> CompoundReply[R]:
        """Check CB_SEQUENCE's result and move the slot on: the client has taken the call."""
        back = session.back
        sequence: nfs.CB_SEQUENCE4resok = reply.sequence.value
        expected = (session.id, slot.next_seqid, slot.number)
        if (sequence.csr_sessionid, sequence.csr_sequenceid, sequence.csr_slotid) != expected:
            self._refused(back, channel, nfs.NFS4ERR_SEQ_MISORDERED)
        self.stats.answered += 1
        slot.advance()
        back.note(channel, Path.UP)
        back.limit(sequence.csr_target_highest_slotid + 1)
        return reply

    def _refused(self, back: BackChannel, channel: Channel, status: int) -> NoReturn:
        """Note why CB_SEQUENCE failed. Raises ``CallbackRefused``."""
        reason = f"CB_SEQUENCE failed with status {status}"
        if status in _LOST:
            self._down(back, channel, reason)
        elif status in _OUT_OF_STEP:
            # The client has to make another session (RFC 8881, Section 18.46.3).
            back.give_up()
            self._down(back, channel, reason)
        raise CallbackRefused(status, reason)

    # --- Probes ---

    def probe(self, session: Session, channel: Channel) -> None:
        """Find out whether callbacks of a session reach the client over a connection."""
        key = session.back, channel
        if key not in self._probing:
            self._probing.add(key)
            Task(self._probe(*key)).add_done_callback(lambda _: self._probing.discard(key))

    async def _probe(self, back: BackChannel, channel: Channel) -> None:
        while back.paths.get(channel) is Path.UNKNOWN:
            program, credential = back.program, back.credential
            message = self._rpc.start(program, CALLBACK_VERSION, nfs.CB_NULL, credential)
            try:
                await self._answer(back, channel, message, _NULL_REPLY_MAX)
            except (TransportError, SessionGone):
                return
            except (Unanswered, RpcError, XdrError, CallRefused) as error:
                if (program, credential) == (back.program, back.credential):
                    self._down(back, channel, error)
            else:
                self.stats.answered += 1
                if (program, credential) == (back.program, back.credential):
                    self.stats.probes_answered += 1
                    back.note(channel, Path.UP)
                    _log.info("%s answers callbacks over %s", *_name(channel))

    # --- Answers ---

    async def _answer(
        self, back: BackChannel, channel: Channel, message: Encoder, max_reply: int
    ) -> Decoder:
        """Call, and return a decoder at the results.

        Raises ``Unanswered`` if no answer comes in time. A late answer still shows that the path is
        up.
        """
        unanswered = self._unanswered.get(channel, 0)
        if unanswered >= _MOST_UNANSWERED:
            raise Unanswered("too many calls have not been answered")
        self._unanswered[channel] = unanswered + 1
        self.stats.sent += 1
        attempt: Future[Decoder] = Future()
        back.begin(attempt)

        def replied(reply: Future[Decoder]) -> None:
            self._settled(channel)
            if not attempt.done():
                error = reply.error()
                attempt.set_result(reply.result()) if error is None else attempt.set_error(error)
            elif reply.error() is None:
                self.stats.late += 1
                back.note(channel, Path.UP)

        results(channel.call(message, max_reply=max_reply)).add_done_callback(replied)
        timer = self._reactor.call_at(
            self._reactor.time() + self._times.answer, _expire, attempt, Unanswered("no answer")
        )
        try:
            return await attempt
        finally:
            timer.cancel()
            back.end(attempt)

    def _settled(self, channel: Channel) -> None:
        """Count one unanswered call less."""
        left = self._unanswered.pop(channel) - 1
        if left:
            self._unanswered[channel] = left

    def _down(self, back: BackChannel, channel: Channel, reason: object) -> None:
        """Note that callbacks do not reach the client over a connection: SEQUENCE will say so."""
        self.stats.unanswered += 1
        back.note(channel, Path.DOWN)
        self._complaints.about(
            channel.peer, "callbacks are not answered", reason, level=logging.INFO
        )


def _session_of(client: Client) -> Session:
    """Return the session of a client that most likely reaches it. Raises ``PathDown``."""
    sessions = [session for session in client.sessions.values() if session.back.was_bound]
    if not sessions:
        raise PathDown("the client has no back channel")
    return max(sessions, key=_likelihood)


def _likelihood(session: Session) -> tuple[bool, bool]:
    paths = session.back.paths.values()
    return Path.UP in paths, session.back.operational


def _expire(future: Future[R], error: Exception) -> None:
    if not future.done():
        future.set_error(error)


def _name(channel: Channel) -> tuple[str, str]:
    return channel.peer.address, channel.peer.transport
