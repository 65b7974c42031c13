"""Which directions belong together: the two of a connection.

The connection manager says it, if its handshake is in the capture. Otherwise it is inferred: a
packet names only its receiver's queue pair, but an acknowledgement carries the sequence number
of a request in the opposite direction, a reply the XID of a call, an RDMA WRITE the handle and
address of a segment. If just one flow between the same two hosts fits any of these, it is the
peer. Each of them is looked up, and few candidates are tried: where many fit, that tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .events import Events
from .flow import Flow
from .kinds import Transport
from .model import Connection, Message, Side

Hosts = tuple[str, str]
"""Source and destination."""

MAX_TRIED = 64
"""Candidates that are looked at for one packet."""
MAX_KEYS = 1 << 16
"""XIDs, and handles, that are known between two hosts; the oldest are forgotten."""
_BUCKET = 12
"""Sequences are looked up by their upper bits; as many as ``sends.MAX_PARTS`` share them."""
_MASK = 0xFFFFFF

Flows = dict[Flow, None]
"""A set that keeps its order."""


class Unpaired:
    """The flows without a peer of one direction between two hosts."""

    __slots__ = ("_buckets", "_handles", "_xids", "flows")

    def __init__(self) -> None:
        self.flows: Flows = {}
        self._buckets: dict[int, Flows] = {}
        self._xids: dict[int, Flows] = {}
        self._handles: dict[int, Flows] = {}

    def add(self, flow: Flow) -> None:
        """Look for the peer of a flow."""
        self.flows[flow] = None
        self.moved(flow)

    def remove(self, flow: Flow) -> None:
        """Look for its peer no more."""
        self.flows.pop(flow, None)
        self._leave_bucket(flow)

    def _leave_bucket(self, flow: Flow) -> None:
        bucket = self._buckets.get(flow.bucket)
        if bucket is not None:
            bucket.pop(flow, None)
            if not bucket:
                del self._buckets[flow.bucket]

    def moved(self, flow: Flow) -> None:
        """Learn that a flow's next sequence is another one."""
        bucket = (flow.tracker.next & _MASK) >> _BUCKET if flow.tracker.next >= 0 else -1
        if bucket != flow.bucket:
            self._leave_bucket(flow)
            flow.bucket = bucket
            if bucket >= 0:
                self._buckets.setdefault(bucket, {})[flow] = None

    def called(self, flow: Flow, xid: int, handles: Iterable[int]) -> None:
        """Learn of a call, and of the memory that it offers."""
        _note(self._xids, xid, flow)
        for handle in handles:
            _note(self._handles, handle, flow)

    def by_psn(self, psn: int) -> Flow | None:
        """Return the one whose latest requests may have this number."""
        first, last = psn + 1 & _MASK, psn + (1 << _BUCKET) & _MASK
        near: list[Iterable[Flow]] = [self._buckets.get(first >> _BUCKET, ())]
        if last >> _BUCKET != first >> _BUCKET:
            near.append(self._buckets.get(last >> _BUCKET, ()))
        return _only((flow for flows in near for flow in flows), lambda flow: flow.knows(psn))

    def by_xid(self, xid: int) -> Flow | None:
        """Return the one that has a call in progress with this XID."""
        found = self._xids.get(xid)
        if not found:
            return None
        for flow in [one for one in found if one.paired or xid not in one.side.calls]:
            del found[flow]
        return next(iter(found)) if len(found) == 1 else None

    def by_handle(self, handle: int, offers: Callable[[Flow], bool]) -> Flow | None:
        """Return the one with a call in progress that offers memory, by its handle and a test."""
        found = self._handles.get(handle)
        if not found:
            return None
        for flow in [one for one in found if one.paired]:
            del found[flow]
        return _only(found, offers)


class Pairing:
    """The connections of a capture, and which flows make them up."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._opened = 0
        self.connections: dict[int, Connection] = {}
        """All of them, by number."""
        self.hosts: dict[Hosts, Unpaired] = {}
        """Flows that have no peer yet, by source and destination."""
        self.opposite: dict[Flow, Flow] = {}
        """Each flow that has a peer, and the peer's."""

    def open(self, transport: Transport, frame: int, time: int) -> Connection:
        """Return a new connection that was first seen in ``frame``, with the next number."""
        self._opened += 1
        connection = Connection(self._opened, transport, frame, time)
        self.connections[connection.number] = connection
        return connection

    def add(self, flow: Flow) -> None:
        """Look for the peer of a flow."""
        self.hosts.setdefault((flow.source, flow.destination), Unpaired()).add(flow)

    def settled(self, flow: Flow) -> None:
        """Look for its peer no more: it is known, or the flow is over."""
        hosts = (flow.source, flow.destination)
        waiting = None if flow.paired else self.hosts.get(hosts)
        flow.paired = True
        if waiting is not None:
            waiting.remove(flow)
            if not waiting.flows:
                del self.hosts[hosts]

    def dropped(self, flow: Flow) -> None:
        """Forget a flow; its connection too, if it was all that was seen of it."""
        self.settled(flow)
        other = self.opposite.pop(flow, None)
        if other is not None:
            self.opposite.pop(other, None)
        else:
            self.connections.pop(flow.side.connection.number, None)

    def moved(self, flow: Flow) -> None:
        """Learn that the next sequence of a flow without a peer is another one."""
        self.hosts[flow.source, flow.destination].moved(flow)

    def candidates(self, flow: Flow) -> Unpaired | None:
        """Return the flows in the opposite direction that have no peer."""
        return self.hosts.get((flow.destination, flow.source))

    def pair(self, one: Flow, other: Flow, how: str) -> Connection:
        """Make two flows one connection, and return it; ``how`` tells why that is known.

        Its doubtful messages are to be looked at again if it is claimed now.
        """
        if one.side.connection.number > other.side.connection.number:
            one, other = other, one  # the one that was seen first
        self.opposite[one], self.opposite[other] = other, one
        self.settled(one)
        self.settled(other)
        connection = one.side.connection
        number = other.side.connection.number
        merged = self.connections.pop(number, None) or other.side.connection
        connection.doubtful += merged.doubtful
        connection.others += merged.others
        connection.claimed = connection.claimed or merged.claimed
        other.side.connection = connection
        connection.first, connection.second = one.side, other.side
        connection.paired_by = how
        one.side.peer, other.side.peer = other.side, one.side
        one.side.qpn, other.side.qpn = other.qpn, one.qpn
        one.mtu = other.mtu = one.mtu or other.mtu
        for flow, peer in ((one, other), (other, one)):
            if peer.early:
                flow.answered_early(peer)
        self._events.pairs.emit(connection)
        return connection

    # --- For the matching of replies with calls ---

    def find_peer(self, side: Side, xid: int) -> Side | None:
        """Return the peer of a side by the XID of a reply that it sent, and pair the two."""
        flow = side.flow
        if not isinstance(flow, Flow):
            return None
        candidates = self.candidates(flow)
        other = candidates.by_xid(xid) if candidates is not None else None
        if other is None:
            return None
        self.pair(flow, other, "XID")
        return other.side

    def called(self, side: Side, xid: int, handles: Iterable[int]) -> None:
        """Learn of a call by a side without a peer, and of the memory that it offers."""
        flow = side.flow
        if isinstance(flow, Flow) and not flow.paired:
            self.hosts[flow.source, flow.destination].called(flow, xid, handles)

    @staticmethod
    def take_before(side: Side, frame: int) -> list[Message]:
        """Take out what a side sent before a frame and waits for its turn: it was answered."""
        flow = side.flow
        return flow.sends.take_before(frame) if isinstance(flow, Flow) else []


def _note(index: dict[int, Flows], key: int, flow: Flow) -> None:
    flows = index.get(key)
    if flows is None:
        if len(index) >= MAX_KEYS:
            del index[next(iter(index))]
        flows = index[key] = {}
    if len(flows) <= MAX_TRIED:
        flows[flow] = None


def _only(flows: Iterable[Flow], fits: Callable[[Flow], bool]) -> Flow | None:
    """Return the one that fits; ``None`` for none, for several, and for too many to try."""
    found: Flow | None = None
    for tried, flow in enumerate(flows):
        if tried == MAX_TRIED:
            return None
        if fits(flow):
            if found is not None:
                return None
            found = flow
    return found
