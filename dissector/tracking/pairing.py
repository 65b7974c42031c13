"""Queue pairs that have no peer yet, by what the other direction's packets may tell of them.

A packet names only its receiver's queue pair. An acknowledgement carries a sequence number of the
opposite direction, a reply the XID of a call, an RDMA WRITE the handle of a segment. If just one
queue pair between the same two hosts fits, it is the peer. Each of these is looked up, and few
candidates are tried: where many fit, that tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .flow import Flow

Hosts = tuple[str, str]

MAX_TRIED = 64
"""Candidates that are looked at for one packet."""
MAX_KEYS = 1 << 16
"""XIDs, and handles, that are known between two hosts; the oldest are forgotten."""
_BUCKET = 12
"""Sequences are looked up by their upper bits; as many as ``flow.MAX_PARTS`` share them."""
_MASK = 0xFFFFFF

Flows = dict["Flow", None]


class Unpaired:
    """Those of one direction between two hosts."""

    __slots__ = ("_buckets", "_handles", "_xids", "flows")

    def __init__(self) -> None:
        self.flows: Flows = {}
        self._buckets: dict[int, Flows] = {}
        self._xids: dict[int, Flows] = {}
        self._handles: dict[int, Flows] = {}

    def add(self, flow: Flow) -> None:
        self.flows[flow] = None
        flow.unpaired = self
        self.moved(flow)

    def remove(self, flow: Flow) -> None:
        self.flows.pop(flow, None)
        bucket = self._buckets.get(flow.bucket)
        if bucket is not None:
            bucket.pop(flow, None)
            if not bucket:
                del self._buckets[flow.bucket]
        flow.unpaired = None

    def moved(self, flow: Flow) -> None:
        """The flow's next sequence is another one."""
        bucket = (flow.tracker.next & _MASK) >> _BUCKET if flow.tracker.next >= 0 else -1
        if bucket != flow.bucket:
            old = self._buckets.get(flow.bucket)
            if old is not None:
                old.pop(flow, None)
                if not old:
                    del self._buckets[flow.bucket]
            flow.bucket = bucket
            if bucket >= 0:
                self._buckets.setdefault(bucket, {})[flow] = None

    def called(self, flow: Flow, xid: int, handles: Iterable[int]) -> None:
        """A call, and what it offers."""
        _note(self._xids, xid, flow)
        for handle in handles:
            _note(self._handles, handle, flow)

    def by_psn(self, psn: int) -> Flow | None:
        """Whose latest requests may have this number."""
        first, last = psn + 1 & _MASK, psn + (1 << _BUCKET) & _MASK
        near: list[Iterable[Flow]] = [self._buckets.get(first >> _BUCKET, ())]
        if last >> _BUCKET != first >> _BUCKET:
            near.append(self._buckets.get(last >> _BUCKET, ()))
        return _only((flow for flows in near for flow in flows), lambda flow: flow.knows(psn))

    def by_xid(self, xid: int) -> Flow | None:
        """Who has a call in progress with this XID."""
        found = self._xids.get(xid)
        if not found:
            return None
        for flow in [one for one in found if one.unpaired is None or xid not in one.side.calls]:
            del found[flow]
        return next(iter(found)) if len(found) == 1 else None

    def by_handle(self, handle: int, offers: Callable[[Flow], bool]) -> Flow | None:
        """Who has a call in progress that offers certain memory, by handle and as it is asked."""
        found = self._handles.get(handle)
        if not found:
            return None
        for flow in [one for one in found if one.unpaired is None]:
            del found[flow]
        return _only(found, offers)


def _note(index: dict[int, Flows], key: int, flow: Flow) -> None:
    flows = index.get(key)
    if flows is None:
        if len(index) >= MAX_KEYS:
            del index[next(iter(index))]
        flows = index[key] = {}
    if len(flows) <= MAX_TRIED:
        flows[flow] = None


def _only(flows: Iterable[Flow], fits: Callable[[Flow], bool]) -> Flow | None:
    """The one that fits; ``None`` for none, for several, and where there are too many to try."""
    found: Flow | None = None
    for tried, flow in enumerate(flows):
        if tried == MAX_TRIED:
            return None
        if fits(flow):
            if found is not None:
                return None
            found = flow
    return found
