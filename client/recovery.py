"""How sessions are created, and restored after a failure.

One sequence of steps does both; how much of it is needed depends on what the server still knows:

    connect  ->  the session: BIND_CONN_TO_SESSION, and every slot goes on as it was
             ->  only the client ID: CREATE_SESSION; opens are as they were
             ->  nothing: EXCHANGE_ID, CREATE_SESSION, reclaim the opens, RECLAIM_COMPLETE

Meanwhile the session's gate is closed: new calls wait at it, and calls in flight keep their slots.
If the steps do not succeed within ``timeout`` seconds, these calls fail, and the next call starts
the steps again.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel, TransportError
from nfsrdma.rpcrdma.task import Cancelled, Future, Task, TimerHandle, settled, sleep
from nfsrdma.xdr import Decoder
from nfsrdma.xdr.nfs4 import types as t

from .callback import CALLBACK_OPERATIONS_MAX, CALLBACK_SLOTS
from .caller import Limits
from .compound import Compound, Header
from .errors import NfsError, StatusError, status_error, unreachable
from .joining import SESSION_GONE, SPARE_FROM, Joining
from .lanes import Lanes
from .opens import OpenTable
from .routes import Connect
from .session import Gate, Session
from .slots import SlotTable

_log = logging.getLogger(__name__)

MAX_IO: Final = 4 << 20
"""Octets of data that a session should allow in one call."""
_OVERHEAD: Final = 4096
"""Octets of a call or reply besides its data, at most."""
_CACHED: Final = 8192
_OPERATIONS: Final = 64
_SLOTS: Final = 64
# Callbacks are sent inline (RFC 8167, Section 5.1), and every RPC-over-RDMA peer accepts 1024
# octets inline, transport header included.
_CALLBACK_SIZES: Final = {"rdma": 1024 - 28, "tcp": 4096}

SILENT_SERVER: Final = "the server"
"""How messages about a silent server begin."""

_ASK_S: Final = 1.0
"""After how long a silence in a call the server is asked whether it is there. A peer that has gone
without a word is found by packets that it does not acknowledge; a call that waits sends none."""
_BACKOFF_MIN_S: Final = 0.05
_BACKOFF_MAX_S: Final = 1.0

_CALLBACK_TROUBLE: Final = (
    t.SEQ4_STATUS_CB_PATH_DOWN
    | t.SEQ4_STATUS_CB_PATH_DOWN_SESSION
    | t.SEQ4_STATUS_BACKCHANNEL_FAULT
)


class Recovery:
    """The guardian of a session. ``owner`` and ``verifier`` identify this client.

    ``ways`` lead to its server, the usual one first: see :class:`~.lanes.Lanes`.
    """

    def __init__(
        self,
        session: Session,
        opens: OpenTable,
        ways: Sequence[tuple[str, Connect, bool]],
        *,
        owner: bytes,
        verifier: bytes,
        timeout: float,
        nconnect: int = 1,
    ) -> None:
        self.session = session
        self.opens = opens
        self.timeout = timeout
        self.lease_s = 90.0
        """The length of a lease: what most servers grant, until :meth:`set_lease`."""
        self.client_id: int | None = None
        self.closing = False
        self.hard = False
        """Whether calls wait for as long as the server is away, where they would fail after
        ``timeout`` seconds."""
        self._owner = owner
        self._verifier = verifier
        self._create_sequence = 0
        self._must_reclaim = False
        self._first = True  # until the first session
        self._recovering = False
        self._task: Task[None] | None = None
        self._tick: TimerHandle | None = None
        self._look_at = 0.0
        self._probed_at = 0.0
        self._hung_up = False  # because the server was silent
        self._rebound: Channel | None = None
        self._joining = Joining(session, self._call_exchange_id)
        several = len(ways) > 1
        self.lanes = Lanes(
            session,
            ways,
            nconnect,
            verify=self._joining.verify,
            bind=partial(self._joining.add, several=several),
            lost=self.connection_lost,
            timeout=timeout,
            lease=lambda: self.lease_s,
        )
        session.guardian = self

    @property
    def server(self) -> t.EXCHANGE_ID4resok | None:
        """What the server said of itself last."""
        return self._joining.server

    # --- Events of the session ---

    def start(self) -> Gate:
        """Begin to restore the session, unless that is in progress; return what to wait for."""
        if self.session.abandoned is not None:
            raise self.session.abandoned()
        if self.closing:
            raise unreachable("the mount is closed")
        gate = self.session.close_gate()
        if not self._recovering:
            self._recovering = True
            self._task = Task(self._recover())
        return gate

    def connection_lost(self, channel: Channel, reason: str) -> None:
        """Restore the session over a new connection: ``channel`` is lost."""
        session = self.session
        if channel is not session.channel:
            self.lanes.drop(channel, reason)
            return
        _log.info("connection lost: %s", reason)
        # Calls that were on their way go on before drop() returns: over a lane, if there is one.
        usable = session.gate is None and not self.closing
        session.channel = self.lanes.promote() if usable else None
        self.lanes.drop(channel, reason)
        if session.channel is None and not self.closing:
            self.start()

    def session_broken(self, slots: SlotTable, status: int) -> None:
        """Create a new session: that of ``slots`` is lost."""
        if slots is not self.session.slots:
            return
        _log.info("session lost: status %d", status)
        self.session.drop_session()
        if not self.closing:
            self.start()

    def flags_raised(self, flags: int) -> None:
        """React to ``sr_status_flags`` (RFC 8881, Section 18.46.3)."""
        session = self.session
        if self.closing or session.gate is not None:
            return
        if flags & t.SEQ4_STATUS_RESTART_RECLAIM_NEEDED:
            self._must_reclaim = True
            self.start()
        if flags & t.SEQ4_STATUS_RECALLABLE_STATE_REVOKED:
            Task(self.opens.delegations.check())
        # Revoked opens are noticed, and recovered, when their files are used.
        if flags & _CALLBACK_TROUBLE and session.channel is not self._rebound:
            channel = self._rebound = session.channel
            if channel is not None:
                Task(self._rebind(channel))

    # --- Going up ---

    async def _recover(self) -> None:
        session = self.session
        reactor = session.reactor
        deadline = reactor.time() + self.timeout
        backoff = _BACKOFF_MIN_S
        while True:
            try:
                await self._establish(deadline)
            except Cancelled:
                self._finish(unreachable("the mount is closed"))
                raise
            except (OSError, StatusError) as error:
                _log.info("no session: %s", error)
                failure: Exception = TimeoutError() if self._hung_up else error
            except Exception as error:
                _log.exception("no session")
                self._finish(error)
                return
            else:
                if session.channel is not None and session.slots is not None:
                    break
                failure = TransportError("the connection was lost at once")
            hopeless = isinstance(failure, NfsError) and not self.lanes.hopeful
            if self._first and not _later(failure) and not self.lanes.untried:
                hopeless = True
            if not hopeless and self.hard:
                deadline = max(deadline, reactor.time() + self.timeout)
            elif hopeless or reactor.time() + backoff >= deadline:
                self.lanes.drop_all("the server is out of reach")
                self._finish(failure)
                return
            await sleep(reactor, backoff)
            backoff = min(2 * backoff, _BACKOFF_MAX_S)
        self._first = False
        session.heard_at = reactor.time()
        self._arm()
        self.lanes.widen()
        self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        if isinstance(error, TimeoutError):
            # The same message over every transport, with how long it took.
            silence_s = self.session.reactor.time() - self.session.heard_at
            text = f"{SILENT_SERVER} has not answered for {round(silence_s, 1):g} s"
            error = TimeoutError(errno.ETIMEDOUT, text)
        # Waiting calls go on before open_gate() returns, and may start recovery again.
        self._recovering = False
        self.session.open_gate(None if error is None else lambda: _failure(error))

    async def _establish(self, deadline: float) -> None:
        """Try once. Raises ``OSError`` (``TransportError`` is one) or ``StatusError``."""
        session = self.session
        reactor = session.reactor
        channel = session.channel
        self._hung_up = False
        if channel is None:
            channel = await self.lanes.connect(max(0.1, deadline - reactor.time()))
        self._watch(channel, reactor.time())
        try:
            if session.channel is None:
                await self._resume(channel)
            if session.slots is None:
                await self._new_session(channel)
            session.channel = channel
            if self._must_reclaim:
                await self._reclaim()
        except BaseException as error:
            session.channel = None
            self.lanes.failed(channel, error)
            raise
        finally:
            self._watchdog.cancel()
        channel.on_close(lambda reason: self.connection_lost(channel, reason))

    def _watch(self, channel: Channel, since: float) -> None:
        """Hang up if the server is silent for long, early enough for another attempt."""
        reactor = self.session.reactor
        patience = self.timeout if self._first else self.timeout / 2
        patience /= len(self.lanes.routes)  # another path may lead there
        due = max(self.session.heard_at, since) + patience
        if reactor.time() < due:
            self._watchdog = reactor.call_at(due, self._watch, channel, since)
        else:
            self._hung_up = True
            channel.close(f"the server has not answered for {patience:g} s")

    async def _resume(self, channel: Channel) -> None:
        """Bind a new connection to the existing session, if the server still has it.

        Of several paths each may lead elsewhere by now. Who has become another server at the very
        address of the mount is believed, as on a mount with one path: a restart may have renamed
        it.
        """
        known = True
        if self.lanes.several and self.server is not None:
            believed = self.lanes.is_usual(channel)
            known = await self._joining.verify(channel, believed=believed)
        if self.session.slots is None:
            return
        try:
            await self._joining.join(channel, known)
        except StatusError as error:
            if error.status not in SESSION_GONE:
                raise
            await self._joining.settle(channel)
            self.session.drop_session()

    async def _rebind(self, channel: Channel) -> None:
        try:
            await self._joining.bind(channel)
        except (StatusError, NfsError, TransportError) as error:
            _log.info("the back channel stays down: %s", error)

    async def _new_session(self, channel: Channel) -> None:
        session = self.session
        if self.client_id is None:
            await self._exchange_id(channel)
        try:
            await self._create_session(channel)
        except StatusError as error:
            # STALE: the server restarted, or dropped all our state. MISORDERED: a reply was
            # lost, and EXCHANGE_ID returns the sequence ID (RFC 8881, Section 18.36.4).
            if error.status not in (t.NFS4ERR_STALE_CLIENTID, t.NFS4ERR_SEQ_MISORDERED):
                raise
            self.client_id = None
            await self._exchange_id(channel)
            await self._create_session(channel)
        session.stats.sessions += 1

    async def _exchange_id(self, channel: Channel) -> None:
        """Call EXCHANGE_ID (RFC 8881, Section 18.35), in an older minor version if necessary."""
        session = self.session
        try:
            result = await self._call_exchange_id(channel)
        except StatusError as error:
            older = session.header.minor_version - 1
            if error.status != t.NFS4ERR_MINOR_VERS_MISMATCH or not self._first or older < 1:
                raise
            session.header = Header(session.credentials, older)
            result = await self._call_exchange_id(channel)
        self._joining.server = result
        self.client_id = result.eir_clientid
        self._create_sequence = result.eir_sequenceid
        # An unconfirmed record is a new one: all state has to be reclaimed.
        if not result.eir_flags & t.EXCHGID4_FLAG_CONFIRMED_R:
            self._must_reclaim = True

    async def _call_exchange_id(self, channel: Channel) -> t.EXCHANGE_ID4resok:
        compound = self._plain("EXCHANGE_ID")
        arguments = t.EXCHANGE_ID4args(
            t.client_owner4(self._verifier, self._owner),
            t.EXCHGID4_FLAG_USE_NON_PNFS,
            t.state_protect4_a(t.SP4_NONE),
            [],
        )
        result = compound.typed(t.OP_EXCHANGE_ID, arguments, 3072, t.EXCHANGE_ID4resok.decode)
        await self.session.call_plain(channel, compound)
        return result.value

    async def _create_session(self, channel: Channel) -> None:
        """Call CREATE_SESSION (RFC 8881, Section 18.36)."""
        assert self.client_id is not None
        compound = self._plain("CREATE_SESSION")
        size = MAX_IO + _OVERHEAD
        back = _CALLBACK_SIZES.get(channel.peer.transport, _CALLBACK_SIZES["rdma"])
        if self.lanes.several:  # each path may have to carry them
            back = min(_CALLBACK_SIZES.values())
        arguments = t.CREATE_SESSION4args(
            self.client_id,
            self._create_sequence,
            t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN,
            t.channel_attrs4(0, size, size, _CACHED, _OPERATIONS, _SLOTS, []),
            t.channel_attrs4(0, back, back, 0, CALLBACK_OPERATIONS_MAX, CALLBACK_SLOTS, []),
            t.NFS4_CALLBACK,
            [t.callback_sec_parms4(t.AUTH_NONE)],
        )
        created = compound.typed(t.OP_CREATE_SESSION, arguments, 256, t.CREATE_SESSION4resok.decode)
        await self.session.call_plain(channel, compound)
        result = created.value
        self._create_sequence = (self._create_sequence + 1) & 0xFFFFFFFF
        fore = result.csr_fore_chan_attrs
        slots = min(fore.ca_maxrequests, _SLOTS)
        if (
            not slots
            or fore.ca_maxoperations < 8
            or min(fore.ca_maxrequestsize, fore.ca_maxresponsesize) < 2048
        ):
            raise status_error(t.NFS4ERR_TOOSMALL, "the server grants too small a session")
        limits = Limits(
            min(fore.ca_maxrequestsize, size),
            min(fore.ca_maxresponsesize, size),
            min(fore.ca_maxresponsesize_cached, _CACHED),
            min(fore.ca_maxoperations, _OPERATIONS),
        )
        spare = self.lanes.several and slots >= SPARE_FROM
        self._joining.installed(slots - 1 if spare else None)
        self.session.install(channel, result.csr_sessionid, SlotTable(slots - spare), limits)

    async def _reclaim(self) -> None:
        """Reclaim the opens, then call RECLAIM_COMPLETE (RFC 8881, Section 18.51)."""
        await self.opens.reclaim()
        compound = self.session.compound("RECLAIM_COMPLETE")
        compound.reclaim_complete()
        try:
            await self.session.call(compound, recovering=True)
        except StatusError as error:
            if error.status != t.NFS4ERR_COMPLETE_ALREADY:
                raise
        self._must_reclaim = False

    def _plain(self, name: str) -> Compound:
        return Compound(self.session.header, name, sequenced=False)

    # --- Staying up ---

    def set_lease(self, lease_s: float) -> None:
        """Adopt the length of the server's leases in seconds."""
        self.lease_s = lease_s
        self._arm()

    def _arm(self) -> None:
        """Look again soon if calls are in flight, else before the lease has to be renewed."""
        if self._tick is not None:
            self._tick.cancel()
        interval = min(self.timeout / 4, self.lease_s / 4)
        slots = self.session.slots
        if slots is not None and slots.busy:
            interval = min(interval, _ASK_S)
        elif slots is not None:
            slots.on_busy = self._called
        reactor = self.session.reactor
        self._look_at = reactor.time() + interval
        self._tick = reactor.call_at(self._look_at, self._look)

    def _called(self) -> None:
        """Learn that a call is made after a time with none."""
        reactor = self.session.reactor
        soon = reactor.time() + _ASK_S
        if self._tick is not None and soon < self._look_at:
            self._tick.cancel()
            self._look_at = soon
            self._tick = reactor.call_at(soon, self._look)

    def _look(self) -> None:
        """Renew the lease if no call does, and probe a silent server."""
        session = self.session
        channel = session.channel
        if self.closing or channel is None or session.gate is not None:
            return
        self._arm()
        now = session.reactor.time()
        slots = session.slots
        if slots is None or not slots.busy:
            if now - session.renewed_at >= self.lease_s / 2:
                Task(session.renew())
            return
        silent_since = max(session.heard_at, session.renewed_at)
        if self._probed_at > silent_since:
            if now - self._probed_at >= self.timeout - self._patience:
                self.lanes.drop_all("nor over any other connection")
                self.connection_lost(channel, f"the server has not answered for {self.timeout:g} s")
        elif now - silent_since >= self._patience:
            self._probed_at = now
            session.ping(channel).add_done_callback(self._pinged)

    @property
    def _patience(self) -> float:
        """Seconds of silence in a call after which the server is asked."""
        return min(self.timeout / 2, _ASK_S)

    def _pinged(self, reply: Future[Decoder]) -> None:
        if reply.error() is None:
            self.session.heard_at = self.session.reactor.time()

    # --- Going down ---

    async def shut_down(self) -> None:
        """Call DESTROY_SESSION and DESTROY_CLIENTID if the server can be reached; then hang up."""
        self.closing = True
        session = self.session
        if session.abandoned is not None:
            return
        if self._tick is not None:
            self._tick.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await settled(self._task)
        self.lanes.close()
        channel = session.channel
        if channel is None:
            return
        reactor = session.reactor
        watchdog = reactor.call_at(reactor.time() + min(self.timeout, 2.0), channel.close)
        try:
            compound = self._plain("DESTROY_SESSION")
            compound.destroy_session(session.session_id)
            await session.call_plain(channel, compound)
            compound = self._plain("DESTROY_CLIENTID")
            compound.destroy_clientid(self.client_id or 0)
            await session.call_plain(channel, compound)
        except (StatusError, NfsError, TransportError) as error:
            _log.debug("the server was not told good-bye: %s", error)
        finally:
            watchdog.cancel()
            session.drop_session()
            session.channel = None
            self.lanes.drop(channel, "the mount is closed")


def _later(error: Exception) -> bool:
    return isinstance(error, StatusError) and error.status == t.NFS4ERR_DELAY


def _failure(error: Exception) -> Exception:
    """Return a fresh error for a call that could not be made because of ``error``."""
    if isinstance(error, StatusError):
        return status_error(error.status, f"no session: {error}")
    if isinstance(error, NfsError):
        return error.again()
    return unreachable(error)
