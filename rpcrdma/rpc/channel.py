"""The seam between RPC programs and what carries them: RPC-over-RDMA or a TCP stream.

A program (the NFS client, the NFS server, either side's callbacks) sees only these types, so it
cannot tell, and need not, which transport it runs on. A message is a whole RPC message, from its
XID on, in an :class:`~nfsrdma.xdr.Encoder` or :class:`~nfsrdma.xdr.Decoder`; bulk data rides in
the encoder's payloads. The transport decides what moves inline, in chunks or in the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from nfsrdma.xdr import Decoder, Encoder

from ..budget import Account
from ..task import Future

UNKNOWN_USER: Final = -1
"""No user's number: that of a peer on this host of whom nobody can say whose process it is."""


class TransportError(ConnectionError):
    """The connection is gone; the call may or may not have been executed."""


class CallRefused(Exception):
    """The peer's transport answered ERR_CHUNK or ERR_VERS (RFC 8166, Section 4.5).

    The call must not be sent again as it was.
    """


@dataclass(frozen=True, slots=True)
class Owner:
    """The user of a process on this host, and its groups if the kernel says those as well."""

    uid: int
    groups: frozenset[int] | None = None
    at_home: bool = False
    """Whether that process, if it is root's, sees the files of this host: see ``io.homes``."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    transport: str
    """``"rdma"`` or ``"tcp"``: how the connection is called in statistics and logs."""
    address: str
    port: int
    uid: int | None = None
    """The user whose process it is, by this host's own kernel; None for other hosts.

    ``UNKNOWN_USER`` on this host, if its kernel cannot tell either.
    """
    groups: frozenset[int] | None = None
    """The groups of that process, if the kernel says those as well."""
    at_home: bool = False
    """Whether that process, if it is root's, is so on this host and not in a container."""

    def of(self, owner: Owner | None) -> Peer:
        """The same, being this owner's process on this host if there is an owner."""
        if owner is None:
            return self
        return replace(self, uid=owner.uid, groups=owner.groups, at_home=owner.at_home)

    @property
    def source(self) -> tuple[str, int | None]:
        """What two connections of one client have in common, as far as anybody can tell."""
        return self.address, self.uid


CLOSED_HERE: Final = "closed on this side"


class Channel(Protocol):
    """One connection, as seen by whoever calls over it.

    Both ends of a connection have one: the client's for calls, the server's for callbacks
    (RFC 8167; RFC 8881, Section 2.10.3.1).
    """

    @property
    def peer(self) -> Peer: ...

    relied_on: bool
    """Set by whoever would miss it: a session's calls come over it. See ``admission``."""

    @property
    def account(self) -> Account:
        """What the peer makes this process hold is charged to it."""

    @property
    def max_message(self) -> int:
        """The longest call or reply, payloads apart, that this channel can carry, in octets."""

    def call(
        self,
        message: Encoder,
        *,
        max_reply: int,
        sinks: Sequence[memoryview] = (),
    ) -> Future[Decoder]:
        """Send a call; the result is the whole reply message.

        ``max_reply`` bounds the reply in octets, counting the *inline* part only: everything
        but the contents of DDP-eligible results. ``sinks`` are writable buffers for those
        results, in the order of their operations; the transport places data there directly if
        it can, and then ``Decoder.payload()`` returns a view of the sink. The caller looks at
        that view, not at the sink: the data may be elsewhere. An empty sink keeps its result
        inline. The sinks belong to the channel until the future is done.

        Errors: ``TransportError``, ``CallRefused``, ``XdrError`` (an undecodable reply).
        """

    def close(self, reason: str = CLOSED_HERE) -> None:
        """Close the connection; every call in flight fails with ``TransportError(reason)``."""

    def on_close(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(reason)`` once, when the connection is gone, for whatever reason."""


class EndedChannel:
    """What is left of a connection for the calls that were in progress when it ended."""

    __slots__ = ("_reason", "account", "max_message", "peer", "relied_on")

    closed = True

    def __init__(self, channel: Channel, reason: str) -> None:
        self.peer = channel.peer
        self.relied_on = False
        self.account = channel.account
        self.max_message = channel.max_message
        self._reason = reason

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        """Fails with ``TransportError``."""
        future: Future[Decoder] = Future()
        future.set_error(TransportError(self._reason))
        return future

    def close(self, reason: str = CLOSED_HERE) -> None:
        """It is closed."""

    def on_close(self, callback: Callable[[str], None]) -> None:
        """Call back at once."""
        callback(self._reason)


class IncomingCall(Protocol):
    """A call that arrived, from its XID on, and the room there is for its reply."""

    @property
    def decoder(self) -> Decoder: ...

    @property
    def channel(self) -> Channel:
        """The connection it came over, also the way back for callbacks."""

    @property
    def reduced(self) -> bool:
        """Whether data items of the call travelled in Read chunks of their own."""

    @property
    def reply_room(self) -> int:
        """Octets that the reply may have, DDP-eligible contents in chunks not counted."""

    @property
    def payload_room(self) -> Sequence[int]:
        """For each DDP-eligible result in order, the octets its write chunk can take.

        Results beyond the last, or whose room is 0, travel with the rest of the reply and
        count against ``reply_room``.
        """

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """Where the first ``size`` octets of a DDP-eligible result can be put for the caller.

        That is the caller's own memory, if it can be seen from here: what is written there need
        not be copied. The reply's payload of this index must then begin at the view's start (and
        may be shorter), or not be in the view at all. Valid until the call is answered.
        """

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """Send the reply. ``on_sent`` is called once when its payloads are no longer needed."""

    def refuse(self) -> None:
        """The reply cannot fit what the caller offered: ERR_CHUNK, and nothing was executed."""

    def drop(self) -> None:
        """Send no reply at all."""


Service = Callable[[IncomingCall], None]
"""What answers calls: it must end in exactly one reply, refuse or drop, then or later."""
