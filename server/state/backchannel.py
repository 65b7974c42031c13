"""The back channel of a session: which connections callbacks may take, and its slots.

Only what is known of it is here (RFC 8881, Sections 2.10.3 and 2.10.6.1); ``server.callback``
makes the calls, and notes what came of them. Each connection that is bound has a *path*: unknown
until the client has answered a call over it, then up, or down once a call went unanswered. A new
binding starts as unknown, which counts as operational, so that a client which was told of a fault
and has bound a connection again is not told once more.
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
"""Callbacks of one session at a time, at most."""


class SessionGone(Exception):
    """The session was destroyed while a callback was in progress."""


class Path(Enum):
    """What is known of a connection that callbacks may take."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class CallbackSlot:
    """A place for one callback at a time.

    ``seqid`` is the number of the last call in it that the client is known to have taken. If the
    slot is ``doubtful``, the client may or may not have taken the next one: it has to be settled.
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
        """The number of the next call in this slot."""
        return self.seqid + 1 & _UINT32_MAX

    def advance(self) -> None:
        """The client has taken the call: the next one has the next number."""
        self.seqid = self.next_seqid
        self.doubtful = False


class BackChannel:
    """What the server knows of one session's back channel.

    ``program`` is what the client called its callback program, and ``credential`` what to call it
    with; None if the client takes no flavor that the server has, and no connection can be bound.
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
        """Whether any of them is not known to be down."""
        self.was_bound = False
        """Whether there has ever been any."""
        self.fault = False
        """Whether client and server disagree about the slots for good (BACKCHANNEL_FAULT)."""
        self.closed = False
        """Whether the session is gone."""
        self._slots = [CallbackSlot(0)]
        self._limit = min(attributes.ca_maxrequests, MAX_CALLBACK_SLOTS)
        self._waiting: list[Future[None]] = []
        self._attempts: dict[Future[Decoder], None] = {}

    # --- Connections ---

    def bind(self, channel: Channel) -> None:
        """Let callbacks take a connection. Whether they arrive there is to be found out (again)."""
        self.paths[channel] = Path.UNKNOWN
        self.was_bound = True
        self._changed()

    def unbind(self, channel: Channel) -> None:
        """Let callbacks take a connection no more."""
        if self.paths.pop(channel, None) is not None:
            self._changed()

    def note(self, channel: Channel, path: Path) -> None:
        """Remember what became of a call over a connection, if that is still bound."""
        if channel in self.paths and self.paths[channel] is not path:
            self.paths[channel] = path
            self._changed()

    def reset(self, program: int, credential: OpaqueAuth) -> None:
        """Call another program, or with another credential; all is to be found out again."""
        self.program = program
        self.credential = credential
        for channel in self.paths:
            self.paths[channel] = Path.UNKNOWN
        self._changed()

    def best(self) -> Channel | None:
        """Return the connection to call over: one that is up rather than one not known to be."""
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
        """An attempt is over."""
        self._attempts.pop(attempt, None)

    def close(self) -> None:
        """End the calls in progress and those that wait: the session is gone."""
        self.closed = True
        self.paths.clear()
        attempts, self._attempts = self._attempts, {}
        for attempt in attempts:
            if not attempt.done():
                attempt.set_error(SessionGone("the session is gone"))
        self._changed()

    def changed(self) -> Future[None]:
        """Return a future of the next change: of the connections, of the slots, or the end."""
        future: Future[None] = Future()
        self._waiting.append(future)
        return future

    def _changed(self) -> None:
        self.operational = any(path is not Path.DOWN for path in self.paths.values())
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # --- Slots ---

    @property
    def highest_busy(self) -> int:
        """The highest slot that is in use; for CB_SEQUENCE."""
        return max((slot.number for slot in self._slots if slot.busy), default=0)

    def acquire(self) -> CallbackSlot | None:
        """Take the lowest free slot, one in no doubt if there is one; None if all are busy."""
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
        """Use no more than so many slots, as the client wants it (RFC 8881, Section 20.9.3)."""
        self._limit = max(1, min(count, self.attributes.ca_maxrequests, MAX_CALLBACK_SLOTS))


def choose_credential(offered: list[callback_sec_parms4]) -> OpaqueAuth | None:
    """Return the first credential of a client's list that the server can call with.

    RFC 8881, Section 18.36.3: AUTH_SYS with the very user that the client names. An empty list is
    taken for AUTH_NONE. None if there are only flavors that the server does not have.
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
