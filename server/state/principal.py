"""Who manages clients and sessions: one look at a call, one way to compare.

AUTH_SYS is a claim, so what a caller says of itself counts only together with where it says it
from: the *source* of its connection, which is an address and, for a process of this host, the
user that the kernel names. Clients of different sources have nothing to do with each other,
whatever owner strings, client ids or session ids they name.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel

Source: TypeAlias = tuple[str, int | None]
"""An address, and the user of the process if it is one of this host."""


class Principal(NamedTuple):
    """Whose call it is, as far as clients' and sessions' own records go."""

    flavor: int
    uid: int
    source: Source

    @classmethod
    def of(cls, credentials: Credentials, channel: Channel) -> Principal:
        """Who sent a call with these credentials over that connection."""
        return cls(credentials.flavor, credentials.uid, channel.peer.source)

    @property
    def address(self) -> str:
        """Where it calls from: what budgets are kept by."""
        return self.source[0]

    def stands_for(self, other: Principal) -> bool:
        """Whether it may manage what the other one made.

        Either it is the same, or the kernel says that it is the same user of this host: a process
        that may speak for several users (root, or the server's own) does so with any of them.
        """
        if self == other:
            return True
        return self.source == other.source and self.source[1] is not None
