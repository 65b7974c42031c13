"""The back channel of a session: which connections callbacks may take, and its slots.

This is the record (RFC 8881, Sections 2.10.3 and 2.10.6.1); ``server.callback`` makes the calls and
notes their outcome here. Each connection that is bound has a *path*: unknown until the client has
answered a call over it, then up, or down once a call went unanswered. A new binding starts as
unknown, which counts as operational: otherwise a client that binds a connection again, because it
was told that the path is down, would be told so once more.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from nfsrdma.rpcrdma.rpc.auth import ANONYMOUS
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.message import OpaqueAuth
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.types import callback_sec_parms4, channel_attrs4

_UINT32_MAX: Final = 0xFFFFFFFF
MAX_CALLBACK_SLOTS: Final = 16
"""The most callbacks of one session at a time."""


class SessionGone(Exception):
    """The session was destroyed while a callback was in progress."""


class Path(Enum):
    """The state of a connection that callbacks may take."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class CallbackSlot:
    """A place for one callback at a time.

    ``seqid`` is the sequence id of the last call that the client is known to have taken. If the
    slot is ``doubtful``, the client may or may not have taken the next one, which has to be
    settled.
    """

    __slots__ = ("busy", "doubtful", "number", "seqid")

    def __init__(self, number: int) -> None:
        self.number = number
        # RFC 8881, Section 18.36.3: a new slot's sequence number is 0, the first call's is 1.
        self.seqid = 0
        self.busy = False
        self.doubtful = False

    @property
    def next_seqid(self) -> int:
        """The sequence id of the next call."""
        return self.seqid + 1 & _UINT32_MAX

    def advance(self) -> None:
        """Move on to the next sequence id: the client has taken the call."""
        self.seqid = self.next_seqid
        self.doubtful = False


class BackChannel:
    """The back channel of one session.

    ``program`` is the number of the client's callback program, and ``credential`` the one to call
    it with; None if the client takes no flavor that the server has, so that it cannot be called.
    """

    __slots__ = (
        "_attempts",
        "_limit",
        "_slots",
        "_waiting",
        "attributes",
        "closed",
        "credential",
        "fault",
        "minor",
        "operational",
        "paths",
        "program",
        "was_bound",
    )

    def __init__(
        self, minor: int, program: int, credential: OpaqueAuth | None, attributes: channel_attrs4
    ) -> None:
        self.minor = minor
        self.program = program
        self.credential = credential
        self.attributes = attributes
        self.paths: dict[Channel, Path] = {}
        """The connections that callbacks may take, those bound first being first."""
        self.operational = False
        """Whether any path is not known to be down, and there is no fault."""
        self.was_bound = False
        """Whether a connection has ever been bound."""
        self.fault = False
        """Whether client and server disagree about the slots (BACKCHANNEL_FAULT)."""
        self.closed = False
        """Whether the session is gone."""
        self._slots = [CallbackSlot(0)]
        self._limit = min(attributes.ca_maxrequests, MAX_CALLBACK_SLOTS)
        self._waiting: dict[Future[None], None] = {}
        self._attempts: dict[Future[Decoder], None] = {}

    # --- Connections ---

    def bind(self, channel: Channel) -> None:
        """Let callbacks take a connection, whose path is unknown (again)."""
        self.paths[channel] = Path.UNKNOWN
        self.was_bound = True
        self.fault = False  # the client has acted; told again, it would act again
        self._changed()

    def unbind(self, channel: Channel) -> None:
        """Keep callbacks from taking a connection."""
        if self.paths.pop(channel, None) is not None:
            self._changed()

    def note(self, channel: Channel, path: Path) -> None:
        """Set the state of a connection, if that is still bound."""
        if channel in self.paths and self.paths[channel] is not path:
            self.paths[channel] = path
            self._changed()

    @property
    def is_up(self) -> bool:
        """Whether the client has answered over a connection that is still bound."""
        return self.operational and Path.UP in self.paths.values()

    def reset(self, program: int, credential: OpaqueAuth) -> None:
        """Take another program and credential; all paths are unknown again."""
        self.program = program
        self.credential = credential
        for channel in self.paths:
            self.paths[channel] = Path.UNKNOWN
        self._changed()

    def best(self) -> Channel | None:
        """Return a connection whose path is up, else one whose path is unknown, else None."""
        unknown = None
        for channel, path in self.paths.items():
            if path is Path.UP:
                return channel
            if path is Path.UNKNOWN and unknown is None:
                unknown = channel
        return unknown

    def begin(self, attempt: Future[Decoder]) -> None:
        """Fail ``attempt`` with ``SessionGone`` if the session ends before :meth:`end`."""
        if self.closed:
            attempt.set_error(SessionGone("the session is gone"))
        else:
            self._attempts[attempt] = None

    def end(self, attempt: Future[Decoder]) -> None:
        """Take note that an attempt is over."""
        self._attempts.pop(attempt, None)

    def close(self) -> None:
        """Fail all calls, those in progress and those that wait: the session is gone."""
        self.closed = True
        self.paths.clear()
        attempts, self._attempts = self._attempts, {}
        for attempt in attempts:
            if not attempt.done():
                attempt.set_error(SessionGone("the session is gone"))
        self._changed()

    def changed(self) -> Future[None]:
        """Return the future of the next change: of connections or slots, or the end.

        Call :meth:`forget` if it is not awaited any more.
        """
        future: Future[None] = Future()
        self._waiting[future] = None
        return future

    def forget(self, change: Future[None]) -> None:
        """Drop a future of :meth:`changed`."""
        self._waiting.pop(change, None)

    def give_up(self) -> None:
        """Note that client and server disagree about the slots."""
        self.fault = True
        self._changed()

    def _changed(self) -> None:
        reachable = any(path is not Path.DOWN for path in self.paths.values())
        self.operational = reachable and not self.fault
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # --- Slots ---

    @property
    def highest_busy(self) -> int:
        """The highest slot in use, for CB_SEQUENCE."""
        return max((slot.number for slot in self._slots if slot.busy), default=0)

    def acquire(self) -> CallbackSlot | None:
        """Return a free slot, if possible one in no doubt; None if all are busy."""
        doubtful = None
        for slot in self._slots[: self._limit]:
            if not slot.busy:
                if not slot.doubtful:
                    slot.busy = True
                    return slot
                doubtful = doubtful or slot
        if len(self._slots) < self._limit:
            slot = CallbackSlot(len(self._slots))
            self._slots.append(slot)
        elif doubtful is not None:
            slot = doubtful
        else:
            return None
        slot.busy = True
        return slot

    def release(self, slot: CallbackSlot) -> None:
        """Give a slot back."""
        slot.busy = False
        self._wake()

    def limit(self, count: int) -> None:
        """Use at most ``count`` slots, as the client asks (RFC 8881, Section 20.9.3)."""
        self._limit = max(1, min(count, self.attributes.ca_maxrequests, MAX_CALLBACK_SLOTS))


def choose_credential(offered: list[callback_sec_parms4]) -> OpaqueAuth | None:
    """Return the first credential of a client's list that the server can call with.

    AUTH_SYS has the very user that the client names (RFC 8881, Section 18.36.3). An empty list is
    taken for AUTH_NONE. Return None if the list has only flavors that the server lacks.
    """
    if not offered:
        return ANONYMOUS.to_auth()
    for each in offered:
        if each.cb_secflavor == nfs.AUTH_NONE:
            return ANONYMOUS.to_auth()
        if each.cb_secflavor == nfs.AUTH_SYS:
            enc = Encoder()
            each.value.encode(enc)
            return OpaqueAuth(nfs.AUTH_SYS, bytes(enc.buffer))
    return None
