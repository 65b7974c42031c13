"""The slabs of a connection: ours are shown to the peer, the peer's are mapped."""

from __future__ import annotations

import os

from . import messages
from .line import Line
from .memory import ARENA_OCTETS, SLABS_MAX, Arena, PeerFile
from .messages import BadMessage, Kind


class Slabs:
    """The slabs of ``arena`` that the peer has been sent, and those that it has sent.

    ``trusted`` (set when the peer is known): its user may be trusted, see ``PeerFile``.
    """

    __slots__ = ("_arena", "_line", "_mapped", "_shown", "_theirs", "trusted")

    def __init__(self, arena: Arena, line: Line) -> None:
        self._arena = arena
        self._line = line
        self.trusted = False
        self._shown = 0
        self._mapped = 0
        self._theirs: dict[int, PeerFile] = {}

    def show(self) -> None:
        """Send the peer the slabs that it has not been sent. Raises ``OSError``."""
        slabs = self._arena.slabs
        while self._shown < len(slabs) and self._line.open:
            slab = slabs[self._shown]
            body = messages.encode_slab(self._shown, slab.size)
            self._line.send(Kind.SLAB, body, (slab.fd,))
            self._shown += 1

    def take(self, body: bytes, fds: list[int]) -> None:
        """Map a slab of the peer's. Raises ``BadMessage`` and ``OSError``."""
        (fd,) = fds  # as many as a SLAB has
        try:
            index, size = messages.decode_slab(body)
            if index >= SLABS_MAX or index in self._theirs:
                raise BadMessage("a slab too many")
            # Files with holes cost a peer nothing, but whoever maps them room for addresses.
            if self._mapped + size > ARENA_OCTETS:
                raise BadMessage("slabs that are too large")
        except BadMessage:
            os.close(fd)
            raise
        self._mapped += size
        self._theirs[index] = PeerFile(fd, size, writable=True, trusted=self.trusted)

    def fetch(self, index: int) -> PeerFile | None:
        """Return a slab of the peer. It was sent before any place in it was mentioned."""
        slab = self._theirs.get(index)
        if slab is None:
            self._line.hear_ahead(Kind.SLAB, self.take)
            slab = self._theirs.get(index)
        return slab

    def close(self) -> None:
        """Unmap the peer's slabs."""
        for slab in self._theirs.values():
            slab.close()
        self._theirs.clear()
