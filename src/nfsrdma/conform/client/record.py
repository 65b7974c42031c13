"""All that a client said to us on all its connections, and what was wrong with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from nfsrdma.rpcrdma.transport.header import (
    RDMA_DONE,
    RDMA_MSGP,
    RDMA_NOMSG,
    RpcRdmaHeader,
)
from nfsrdma.rpcrdma.transport.private_data import PrivateData

from ..relay import CALL, CALLBACK, OTHER, REPLY, Link, Passing
from ..relay.streams import Stream
from .rules_of_calls import complaints_about_call

MOST: Final = 20_000
"""Messages that are kept; later ones are judged and counted only."""
MOST_COMPLAINTS: Final = 50
CROSSING_S: Final = 0.25
"""How long a grant that was taken back may still be relied on: messages cross (in seconds)."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message from the client. ``at`` is in seconds of the reactor's time."""

    at: float
    connection: int
    kind: str
    xid: int
    proc: int
    credit: int
    size: int
    header: RpcRdmaHeader | None
    stream: Stream
    body: bytes = b""
    """What follows the header, of messages that are no calls."""


@dataclass(slots=True)
class Connection:
    """What is remembered of one connection."""

    number: int
    began: float
    client_data: bytes
    server_data: bytes
    in_flight: dict[int, float] = field(default_factory=dict)
    """Calls without a reply: XID -> when they came."""
    most_in_flight: int = 0
    calls: int = 0
    grants: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=512))
    """The credits that replies granted, and when."""
    over_grant: int = 0
    """The most calls that were in flight beyond what was granted."""
    before_first_reply: int = 0
    """The most calls that were in flight before the first reply."""
    ended: str | None = None

    def allowed(self, now: float) -> int:
        """Return how many calls may be in flight: one before the first reply has granted more."""
        if not self.grants:
            return 1
        recent = [credit for when, credit in self.grants if when > now - CROSSING_S]
        # What was granted when that time began is what its first moment relied on.
        before = [credit for when, credit in self.grants if when <= now - CROSSING_S]
        return max([*recent, *(before[-1:] or [1])])

    @property
    def threshold(self) -> int:
        """The longest message that the client may send (RFC 8797, Section 4)."""
        ours, theirs = map(PrivateData.decode, (self.server_data, self.client_data))
        return min(theirs.inline_send, ours.inline_receive)

    @property
    def reply_threshold(self) -> int:
        """The longest message that the client may be sent."""
        ours, theirs = map(PrivateData.decode, (self.server_data, self.client_data))
        return min(ours.inline_send, theirs.inline_receive)


class Record:
    """What was heard; ``complaints`` are the rules of all messages that were broken."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.messages: list[Heard] = []
        self.left_out = 0
        self.connections: dict[int, Connection] = {}
        self.complaints: list[str] = []
        self.notes: list[str] = []

    def calls(self, name: str = "") -> list[Heard]:
        """Return the calls, or those that have this operation in them."""
        return [
            each
            for each in self.messages
            if each.kind == CALL and (not name or name in each.stream.names)
        ]

    def complain(self, text: str) -> None:
        """Note that a rule was broken, once for each text."""
        if len(self.complaints) < MOST_COMPLAINTS and text not in self.complaints:
            self.complaints.append(text)

    def connection(self, link: Link) -> Connection:
        """Return what is known of a connection."""
        found = self.connections.get(link.number)
        if found is None:
            now = self._clock()
            found = Connection(link.number, now, link.client_data, link.server_data)
            self.connections[link.number] = found
        return found

    def heard(
        self, link: Link, passing: Passing, stream: Stream, header: RpcRdmaHeader | None
    ) -> None:
        """Take a message from the client, and judge it by itself."""
        now = self._clock()
        connection = self.connection(link)
        body = passing.body if passing.kind != CALL else b""
        if len(self.messages) < MOST:
            self.messages.append(
                Heard(now, link.number, passing.kind, passing.xid, passing.proc, passing.credit,
                      passing.size, header, stream, body)
            )  # fmt: skip
        else:
            self.left_out += 1
        if passing.version != 1:
            self.complain(f"a message in version {passing.version} (RFC 8166, Section 4.2.2)")
        elif header is None:
            self.complain("a header that cannot be decoded (RFC 8166, Section 4.2)")
        elif passing.kind == OTHER:
            self.complain(_strange(passing))
        if passing.size > connection.threshold:
            self.complain(
                f"a message of {passing.size} octets, where {connection.threshold} are received "
                "(RFC 8166, Section 3.3.2)"
            )
        if passing.kind == CALLBACK and (passing.reads or passing.writes or passing.reply):
            self.complain("a reply to a callback that has chunks (RFC 8167, Section 5.1)")
        if passing.kind == CALL and header is not None:
            self._call(connection, passing, stream, header, now)

    def _call(
        self,
        connection: Connection,
        passing: Passing,
        stream: Stream,
        header: RpcRdmaHeader,
        now: float,
    ) -> None:
        connection.calls += 1
        if passing.xid in connection.in_flight:
            self.complain("an XID that a call in progress has as well (RFC 8166, Section 4.2.1)")
        connection.in_flight[passing.xid] = now
        count = len(connection.in_flight)
        connection.most_in_flight = max(connection.most_in_flight, count)
        if not connection.grants:
            connection.before_first_reply = max(connection.before_first_reply, count)
        over = count - connection.allowed(now)
        connection.over_grant = max(connection.over_grant, over)
        if passing.credit == 0:
            self.complain("a call that asks for no credit (RFC 8166, Section 3.3.1)")
        for text in complaints_about_call(passing, stream, header, connection.reply_threshold):
            self.complain(text)

    def answered(self, link: Link, passing: Passing) -> None:
        """Learn that a reply, or an error, goes to the client now."""
        connection = self.connection(link)
        if passing.kind in (REPLY, "error") and len(passing.raw) >= 12:
            connection.in_flight.pop(passing.xid, None)
            # No credit would be none for ever: one call may go on (RFC 8166, Section 3.3.1).
            connection.grants.append((self._clock(), max(1, passing.credit)))

    def ended(self, link: Link, reason: str) -> None:
        """Learn that a connection has ended."""
        if link.number in self.connections:
            self.connections[link.number].ended = reason

    @property
    def over_grant(self) -> int:
        """The most calls that were in flight on a connection beyond its grant."""
        return max((each.over_grant for each in self.connections.values()), default=0)


def _strange(passing: Passing) -> str:
    name = {RDMA_DONE: "RDMA_DONE", RDMA_MSGP: "RDMA_MSGP", RDMA_NOMSG: "RDMA_NOMSG"}
    what = name.get(passing.proc, f"procedure {passing.proc}")
    return f"{what}, which no requester sends (RFC 8166, Section 4.2.4)"
