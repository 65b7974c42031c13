"""Calls of minor version 0 that come a second time, as their client has seen no reply.

Without sessions only what owners number is known to be a repetition for certain (``state.owner``).
For all else that changes something, such as REMOVE, the last replies are kept, as ONC RPC servers
do: for some time, and some octets for each source. A repetition has the same XID, the same octets
and the same caller, and over TCP the same port; clients that reconnect keep it. Without the port
another program of the same host would be taken for this one, if it counts its calls alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.rpc.program import Call

from ..state.principal import Source, share_of, source_of
from ..state.session import Fingerprint
from ..state.shares import Shares
from .replay import fingerprint

_LIMIT: Final = 8 << 20
"""Octets of all replies that are kept, with what they take besides."""
_OVERHEAD: Final = 512
LONGEST: Final = 4 << 10
"""The longest reply that is kept, in octets: those of calls that change something are short."""
_VALID_S: Final = 120.0

_Key: TypeAlias = tuple[Source, str, int, int, Fingerprint]
Again: TypeAlias = Callable[[bytes | None], None]
"""What a repetition does when the first call is over: it has a reply, or is to be executed."""


class FirstCall:
    """A call that is executed, or was; ``release`` and ``abandon`` end it."""

    __slots__ = ("_duplicates", "_key", "_share", "again", "reply", "when")

    def __init__(self, duplicates: Duplicates, key: _Key, share: Source) -> None:
        self._duplicates = duplicates
        self._key = key
        self._share = share
        self.reply: bytes | None = None
        self.when = 0.0
        """When it was over."""
        self.again: list[Again] = []
        """The repetitions that wait for its end."""

    def release(self, reply: bytes | None) -> None:
        """Note that the call is over, and keep its reply if there is one to be kept."""
        self.reply = reply
        self._duplicates.settle(self._key, self._share, self)
        again, self.again = self.again, []
        for each in again:
            each(reply)

    def abandon(self) -> None:
        """Forget the call, which was not executed."""
        self.release(None)


class Duplicates:
    """The calls that are executed, and the last replies."""

    def __init__(self, clock: Callable[[], float], limit: int = _LIMIT) -> None:
        self._clock = clock
        self._calls: dict[_Key, FirstCall] = {}
        self._kept: dict[Source, dict[_Key, FirstCall]] = {}
        self._room = Shares(limit)

    def __len__(self) -> int:
        return len(self._calls)

    def find(self, call: Call, count: int) -> tuple[FirstCall | None, bool]:
        """Return the first call of this kind, and whether it is this one.

        There is none if the call came in chunks: its octets are not known here.
        """
        seen = fingerprint(call, count)
        if seen[3] < 0:
            return None, True
        peer = call.channel.peer
        source = source_of(peer)
        key = source, peer.transport, _port(peer), call.xid, seen
        first = self._calls.get(key)
        if first is not None:
            if first.reply is None or self._clock() <= first.when + _VALID_S:
                return first, False
            self._forget(key, share_of(source), first)
        first = self._calls[key] = FirstCall(self, key, share_of(source))
        return first, True

    def settle(self, key: _Key, share: Source, first: FirstCall) -> None:
        """Keep the reply of a call that is over, or forget the call."""
        first.when = self._clock()
        reply = first.reply
        if reply is None:
            self._calls.pop(key, None)
            return
        kept = self._kept.setdefault(share, {})
        kept[key] = first
        self._room.acquire(share, len(reply) + _OVERHEAD)
        # The oldest go for the new one, of the same source alone; this one as well, if need be.
        while kept and (
            not self._room.room(share) or next(iter(kept.values())).when + _VALID_S < first.when
        ):
            oldest = next(iter(kept))
            self._forget(oldest, share, kept[oldest])

    def _forget(self, key: _Key, share: Source, first: FirstCall) -> None:
        self._calls.pop(key, None)
        kept = self._kept[share]
        kept.pop(key, None)
        if not kept:
            del self._kept[share]
        self._room.release(share, len(first.reply or b"") + _OVERHEAD)


def _port(peer: Peer) -> int:
    """Return the port that repetitions come from; 0 over RDMA, where that changes."""
    return peer.port if peer.transport == "tcp" else 0
