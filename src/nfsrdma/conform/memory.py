"""Memory that a peer may reach, between canaries.

Each segment is offered out of the middle of a registered region: its key reaches a bit further
than the peer was told. So what it writes past the end of a segment is seen, where the adapter
would otherwise have refused it, and broken the connection, for a reason that nobody learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.verbs.interfaces import MemoryRegion, ProtectionDomain
from nfsrdma.rpcrdma.verbs.types import Access

from .case import Failed, expect

GUARD: Final = 64
"""Octets of each canary."""
_FILL: Final = 0xA5


class Piece:
    """One segment in registered memory. ``length`` octets are offered."""

    def __init__(self, pd: ProtectionDomain, octets: bytes, access: Access, rng: Random) -> None:
        self.length = len(octets)
        self._before = rng.randbytes(GUARD)
        self._after = rng.randbytes(GUARD)
        self._first = octets
        self._access = access
        buffer = bytearray(self._before + octets + self._after)
        self.region: MemoryRegion = pd.register(memoryview(buffer), access)

    @property
    def segment(self) -> Segment:
        """What a header says of it."""
        return Segment(self.region.rkey, self.length, self.region.address + GUARD)

    @property
    def octets(self) -> bytes:
        """What is there now."""
        return bytes(self.region.view[GUARD : GUARD + self.length])

    @property
    def touched(self) -> bool:
        """Whether anything in it has changed."""
        return self.octets != self._first

    def check(self) -> None:
        """Raise ``Failed`` if a canary died, or what was offered to be read was written."""
        view = self.region.view
        handle = f"handle {self.region.rkey:#x}"
        expect(view[:GUARD] == self._before, f"{handle}: written before its beginning")
        expect(view[GUARD + self.length :] == self._after, f"{handle}: written past its end")
        if not self._access & Access.REMOTE_WRITE:
            expect(not self.touched, f"{handle}: written, although offered for reading")


class Offer:
    """Segments that the peer may write to, in order: a Write chunk or a Reply chunk."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    @property
    def segments(self) -> list[Segment]:
        """What the header says."""
        return [piece.segment for piece in self.pieces]

    @property
    def touched(self) -> bool:
        """Whether the peer has changed anything."""
        return any(piece.touched for piece in self.pieces)

    def taken(self, returned: Sequence[Segment]) -> bytes:
        """Return what was written, by the lengths that came back.

        Raises ``Failed`` if those are other segments (RFC 8166, Section 3.4.6), longer ones, or
        if an octet behind a returned length was written: a pad (Section 3.4.6.2), or worse.
        """
        ours = self.segments
        expect(
            len(returned) == len(ours),
            f"{len(returned)} segments came back of a chunk of {len(ours)}",
        )
        found = b""
        full = True
        for piece, (handle, length, offset) in zip(self.pieces, returned, strict=True):
            ours_now = piece.segment
            if (handle, offset) != (ours_now.handle, ours_now.offset):
                raise Failed(f"another segment came back: handle {handle:#x}, offset {offset:#x}")
            expect(length <= piece.length, f"{length} octets came back of a segment of "
                   f"{piece.length}")  # fmt: skip
            expect(full or not length, "a segment was used before the one in front was full")
            full = length == piece.length
            octets = piece.octets
            rest = octets[length:]
            expect(
                rest == bytes([_FILL]) * len(rest),
                f"octets were written behind the {length} that the reply tells of: "
                f"{rest[:8].hex(' ')}",
            )
            found += octets[:length]
        return found


class Memory:
    """All pieces of one connection."""

    def __init__(self, pd: ProtectionDomain, rng: Random) -> None:
        self._pd = pd
        self._rng = rng
        self.pieces: list[Piece] = []

    def expose(self, octets: bytes, cuts: Sequence[int] = ()) -> list[Segment]:
        """Offer octets to be read, cut at these places; return a segment for each part."""
        ends = (*cuts, len(octets))
        segments = []
        start = 0
        for end in ends:
            segments.append(self._piece(octets[start:end], Access.REMOTE_READ).segment)
            start = end
        return segments

    def offer(self, *sizes: int) -> Offer:
        """Offer memory to be written, in segments of these sizes."""
        access = Access.LOCAL_WRITE | Access.REMOTE_WRITE
        return Offer([self._piece(bytes([_FILL]) * size, access) for size in sizes])

    def _piece(self, octets: bytes, access: Access) -> Piece:
        piece = Piece(self._pd, octets, access, self._rng)
        self.pieces.append(piece)
        return piece

    def free(self, pieces: Sequence[Piece]) -> None:
        """End these registrations, and forget them."""
        gone = set(map(id, pieces))
        self.pieces = [piece for piece in self.pieces if id(piece) not in gone]
        for piece in pieces:
            piece.region.deregister()

    def check(self) -> None:
        """Raise ``Failed`` if anything outside of what was offered was written."""
        for piece in self.pieces:
            piece.check()

    def withdraw(self) -> None:
        """End all registrations."""
        for piece in self.pieces:
            piece.region.deregister()
