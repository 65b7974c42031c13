"""The seam between RPC programs and what carries them: RPC-over-RDMA or a TCP stream.

A program (the NFS client, the NFS server, the callbacks of either side) sees only these types, so
it neither can nor need tell which transport it runs on. A message is a whole RPC message, from its
XID on, in an :class:`~nfsrdma.xdr.Encoder` or :class:`~nfsrdma.xdr.Decoder`; bulk data rides in
the encoder's payloads. The transport decides what moves inline, in chunks or in the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from nfsrdma.xdr import Decoder, Encoder

from ..budget import Account
from ..io.memory import zeros
from ..task import Future

UNKNOWN_USER: Final = -1
"""Stands for the user of a peer on this host if the kernel cannot tell whose process it is."""


class TransportError(ConnectionError):
    """The connection is gone; the call may or may not have been executed."""


class ReplyDropped(TransportError):
    """The connection is gone, and a reply had come whose header has errors.

    Such a reply is dropped (RFC 8166, Section 4.5). A call that ends so each time will never end
    otherwise.
    """


class CallRefused(Exception):
    """The peer's transport answered ERR_CHUNK or ERR_VERS (RFC 8166, Section 4.5).

    The call must not be sent again as it was.
    """


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a process on this host: its user, and its groups if the kernel says them."""

    uid: int
    groups: frozenset[int] | None = None
    at_home: bool = False
    """Whether the process, if it is root's, sees the files of this host (``io.homes``)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection."""

    transport: str
    """``"rdma"`` or ``"tcp"``: the name of the transport in statistics and logs."""
    address: str
    port: int
    uid: int | None = None
    """The user whose process it is, as this host's kernel says; None for other hosts.

    ``UNKNOWN_USER`` for a process of this host whose user the kernel cannot tell.
    """
    groups: frozenset[int] | None = None
    """The groups of that process, if the kernel says them."""
    at_home: bool = False
    """Whether that process, if it is root's, is outside of any container."""

    def of(self, owner: Owner | None) -> Peer:
        """Return the same peer as a process of ``owner`` on this host, if there is an owner."""
        if owner is None:
            return self
        return replace(self, uid=owner.uid, groups=owner.groups, at_home=owner.at_home)

    @property
    def source(self) -> tuple[str, int | None]:
        """What all connections of one client have in common: its address and its user."""
        return self.address, self.uid


CLOSED_HERE: Final = "closed on this side"


class Channel(Protocol):
    """One connection, as its user sees it.

    Both ends of a connection have one: the client's for calls, the server's for callbacks
    (RFC 8167; RFC 8881, Section 2.10.3.1).
    """

    @property
    def peer(self) -> Peer:
        """The other end."""

    relied_on: bool
    """Set while a session's calls come over the connection: it is not closed for others to come
    (``admission``)."""

    @property
    def account(self) -> Account:
        """The account that is charged for what the peer makes this process hold."""

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
        """Send a call, and return the future of the whole reply message.

        ``max_reply`` bounds the reply in octets, counting the *inline* part only: everything
        but the contents of DDP-eligible results. ``sinks`` are writable buffers for those
        results, in the order of their operations; the transport places data there directly if
        it can, and then ``Decoder.payload()`` returns a view of the sink. The caller looks at
        that view, not at the sink: the data may be elsewhere. An empty sink keeps its result
        inline. The sinks belong to the channel until the future is done.

        It may fail with ``TransportError``, ``CallRefused``, ``XdrError`` (an undecodable reply).
        """

    def close(self, reason: str = CLOSED_HERE) -> None:
        """Close the connection; every call in flight fails with ``TransportError(reason)``."""

    def on_close(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(reason)`` once, when the connection is gone."""


class Answer:
    """What a reply begins with: ``octets``, from the XID on, where ``mask`` has ones."""

    __slots__ = ("mask", "octets")

    def __init__(self, octets: bytes, mask: bytes) -> None:
        self.octets = octets
        self.mask = mask


class Swift(Protocol):
    """A call whose reply is there when it returns, where that takes microseconds.

    A channel that can do this has it as ``swift`` (:func:`swift_of`).
    """

    def __call__(
        self,
        xid: int,
        message: Sequence[bytes | memoryview],
        max_reply: int,
        answer: Answer,
        sink: memoryview | None,
    ) -> bytes | Future[Decoder] | None:
        """Send the call in the pieces ``message``, and return the octets of the reply.

        ``max_reply`` is that of :meth:`Channel.call`. Without a ``sink`` the reply only begins with
        ``answer``, and all of it is returned. With one the answer ends with the length of an opaque
        that is the rest of the reply: that goes to the sink, and what comes before it is returned.

        Returns None if nothing was sent: the same call is for :meth:`Channel.call`. Returns
        the future of that if the call was sent and its reply is still to come, or another one.
        """

    def post(
        self, xid: int, message: Sequence[bytes | memoryview], max_reply: int
    ) -> Future[Decoder] | None:
        """Send the call without waiting, and return what :meth:`Channel.call` would.

        The reply's data is in the reply. Returns None if nothing was sent.
        """


def swift_of(channel: Channel) -> Swift | None:
    """Return the short way of a channel, if it has one now."""
    swift: Swift | None = getattr(channel, "swift", None)
    return swift


def memory_of(channel: Channel, size: int) -> memoryview:
    """Return memory of ``size`` octets, of zeros, best for the data of calls over this channel.

    Where that is possible the peer reads and writes it without a copy, and can touch it at any
    moment. Raises ``OSError`` if there is no memory.
    """
    lent = lent_by(channel, size)
    return zeros(size)[:size] if lent is None else lent


def lent_by(channel: Channel | None, size: int, *, clear: bool = True) -> memoryview | None:
    """Return such memory if the peer reaches it without a copy; None if there is none of it now.

    For who overwrites it, it need not be ``clear``.
    """
    lend = getattr(channel, "lend", None)
    lent: memoryview | None = None if lend is None else lend(size, clear=clear)
    return lent


class EndedChannel:
    """Stands for a connection that has ended, for the calls that were in progress."""

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
        """Return a future that has failed with ``TransportError``."""
        future: Future[Decoder] = Future()
        future.set_error(TransportError(self._reason))
        return future

    def close(self, reason: str = CLOSED_HERE) -> None:
        """Do nothing: the connection is closed."""

    def on_close(self, callback: Callable[[str], None]) -> None:
        """Call ``callback`` at once."""
        callback(self._reason)


class IncomingCall(Protocol):
    """A call that arrived, and the room there is for its reply."""

    @property
    def decoder(self) -> Decoder:
        """The decoder of the whole RPC message, its XID first."""

    @property
    def channel(self) -> Channel:
        """The connection that the call came over, which callbacks may take as well."""

    @property
    def reduced(self) -> bool:
        """Whether data items of the call travelled in Read chunks of their own."""

    @property
    def reply_room(self) -> int:
        """The octets that the reply may have, contents that go to Write chunks not counted."""

    @property
    def payload_room(self) -> Sequence[int]:
        """The octets that each Write chunk can take, in the order of the DDP-eligible results.

        Results beyond the last, or whose room is 0, travel with the rest of the reply and
        count against ``reply_room``.
        """

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """Return memory for the first ``size`` octets of a DDP-eligible result, or None.

        It is the caller's own memory, if it can be mapped here: what is written there need not be
        copied. The reply's payload of this index must then begin at the start of the view (and may
        be shorter), or not be in the view at all. The view is valid until the call is answered.
        """

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """Send the reply. ``on_sent`` is called once when its payloads are no longer needed."""

    def refuse(self) -> None:
        """Answer ERR_CHUNK: no reply fits what the caller offered, and nothing was executed."""

    def drop(self) -> None:
        """Send no reply at all."""


Service = Callable[[IncomingCall], None]
"""Answers calls: each must end in exactly one reply, refusal or drop, at once or later."""

Take = Callable[[int], memoryview]
"""Returns memory for so many octets of a reply, of any content; asked for once."""


Place = Callable[[int], "memoryview | None"]
"""Returns memory for a result of so many octets, of any content, or None; asked for once."""


class Lane(Protocol):
    """The short way to a service, for calls of a common shape that can be answered at once."""

    def __call__(
        self,
        channel: Channel,
        message: memoryview,
        room: int,
        take: Take,
        place: Place | None = None,
        data: memoryview | None = None,
    ) -> int:
        """Answer the call ``message``, which came in one piece.

        The reply goes to the memory that ``take`` returns, and may have ``room`` octets. Returns
        its length: that of the memory. 0 declines, for any reason: then nothing has happened, and
        the same call is for the service. The message is not used after the return.

        With ``place`` the caller has offered one Write chunk: the only DDP-eligible result of the
        reply, if that is its end, goes to the memory that ``place`` returns for just so many
        octets, and the reply ends with its length.

        With ``data`` the only DDP-eligible argument is not in the message, but there: its length is
        the end of the message. The caller may change it at any moment.
        """


def lane_of(service: Service) -> Lane | None:
    """Return the short way to a service, if it has one."""
    lane: Lane | None = getattr(service, "lane", None)
    return lane
