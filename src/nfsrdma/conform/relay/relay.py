"""The port that clients connect to, and all connections that were made there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from nfsrdma.rpcrdma.task import Reactor, Task
from nfsrdma.rpcrdma.transport.header import RpcRdmaHeader
from nfsrdma.rpcrdma.verbs.interfaces import ConnectionRequest, Device
from nfsrdma.rpcrdma.verbs.types import VerbsError

from ..case import Failed
from ..peer import RawPeer
from ..wire import Message
from .link import Link, Pending
from .message import Passing
from .streams import Stream


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may have here, and how many there may be."""

    links: int = 32
    """Connections at a time; more are rejected."""
    messages: int = 512
    """Messages of a connection that are on their way at a time."""
    calls: int = 512
    """Calls of a connection that wait for their replies."""
    chunk: int = 16 << 20
    """Octets of one chunk."""
    memory: int = 256 << 20
    """Octets of all chunks of all connections; whoever asks for more loses the connection."""
    receives: int = 256
    ring: int = 8 << 20
    """Octets of the receives of a connection's side: if they are long there are fewer."""
    linger_s: float = 0.05
    """How long a connection lives on that is to be cut behind what was sent (in seconds)."""


class Script:
    """What happens to messages and connections: nothing. Others override what they want.

    ``heard`` is told of each message of the client's as it came; ``passes`` may change any message
    that is about to go on, and wait before it does; ``passed`` is told of those that are sent.
    """

    def admits(self, number: int) -> bool:
        """Say whether connection ``number`` (they count from 1) is accepted."""
        return True

    def private_data(self, link: Link, theirs: bytes) -> bytes:
        """Return the private data that the client gets; ``theirs`` are the server's."""
        return theirs

    def heard(
        self, link: Link, passing: Passing, stream: Stream, header: RpcRdmaHeader | None
    ) -> None:
        """Learn of a message from the client; of what it is if it is a call."""

    async def passes(self, link: Link, passing: Passing, pending: Pending | None) -> None:
        """Change a message, or wait. ``pending`` is the call of a reply, if there is one."""

    def passed(
        self, link: Link, passing: Passing, pending: Pending | None, *, arrived: bool
    ) -> None:
        """Learn that a message is sent now, or never."""

    def ended(self, link: Link, reason: str) -> None:
        """Learn that a connection has ended."""

    def happened(self, link: Link, what: str) -> None:
        """Learn of anything else, in words."""


class Relay:
    """Listens on one device, and connects to the server over another, or the same.

    ``server`` is its address and port. Raises ``OSError`` if the address cannot be listened on.
    """

    def __init__(
        self,
        reactor: Reactor,
        rng: Random,
        *,
        near: Device,
        listen: tuple[str, int],
        far: Device,
        server: tuple[str, int],
        script: Script,
        bounds: Bounds | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self.reactor = reactor
        self.server = server
        self.script = script
        self.bounds = bounds or Bounds()
        self.links: list[Link] = []
        self.made = 0
        """Requests to connect so far."""
        self.held = 0
        """Octets of chunks that are kept now."""
        self._rng = rng
        self._near = near
        self._far = far
        self._timeout_s = timeout_s
        self._counts: Counter[tuple[str, bool]] = Counter()
        self._listener = near.listen(*listen, self._on_request)

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect to."""
        return self._listener.address

    def _on_request(self, request: ConnectionRequest) -> None:
        self.made += 1
        if len(self.links) >= self.bounds.links or not self.script.admits(self.made):
            with suppress(VerbsError):
                request.reject()
            return
        link = Link(self, self.made)
        self.links.append(link)
        Task(link.open(request)).add_done_callback(lambda task: self._opened(link, task.error()))

    def _opened(self, link: Link, error: BaseException | None) -> None:
        if error is not None or link.ended:
            self.forget(link)
        if error is not None:
            raise error

    def new_near(
        self, size: int, take: Callable[[Message], bool], gone: Callable[[str], None]
    ) -> RawPeer:
        """Return an end for a client; its receives are of this size in octets."""
        return self._peer(self._near, size, take, gone)

    def new_far(
        self, size: int, take: Callable[[Message], bool], gone: Callable[[str], None]
    ) -> RawPeer:
        """Return an end for the server."""
        return self._peer(self._far, size, take, gone)

    def _peer(
        self,
        device: Device,
        size: int,
        take: Callable[[Message], bool],
        gone: Callable[[str], None],
    ) -> RawPeer:
        return RawPeer(
            device,
            self.reactor,
            self._rng,
            timeout_s=self._timeout_s,
            receive_size=size,
            receives=max(32, min(self.bounds.receives, self.bounds.ring // size)),
            on_message=take,
            on_end=gone,
        )

    def hold(self, octets: int) -> None:
        """Charge octets of chunks. Raises ``Failed`` if there would be too many."""
        if self.held + octets > self.bounds.memory:
            raise Failed(f"{self.held + octets} octets of chunks at a time")
        self.held += octets

    def count(self, kind: str, from_client: bool) -> int:
        """Count a message, and return its number."""
        self._counts[kind, from_client] += 1
        return self._counts[kind, from_client]

    def forget(self, link: Link) -> None:
        """Take a connection off the list."""
        if link in self.links:
            self.links.remove(link)

    def close(self) -> None:
        """Listen no more, and end all connections."""
        self._listener.close()
        for link in list(self.links):
            link.close("by the relay: the end")
