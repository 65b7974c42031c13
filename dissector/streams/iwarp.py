"""One direction of an iWARP connection: the MPA frame at its start, then FPDUs."""

from __future__ import annotations

from collections.abc import Callable

from nfsrdma.rpcrdma.transport.private_data import MAGIC, PrivateData

from ..base.extent import ByteMap
from ..tracking.matching import Matching
from ..tracking.model import CmEvent
from .mpa import HELLO_OCTETS, Fpdus, Hello, read_hello
from .owner import Owner
from .rdmap import Rdmap
from .reassembly import Received

_DEPTHS = 4


class Iwarp:
    """Reads what ``owner`` sends from ``at``: a hello, if there is one, and FPDUs.

    ``check`` asks for the checksum of each FPDU.
    """

    def __init__(
        self, owner: Owner, at: int, matching: Matching, on_cm: Callable[[CmEvent], None], *,
        check: bool,
    ) -> None:  # fmt: skip
        self._owner = owner
        self._at = at
        self._awaited = True
        self._check = check
        self._on_cm = on_cm
        self._fpdus: Fpdus | None = None
        self.hello: Hello | None = None
        self.peer: Iwarp | None = None
        self.messages = Rdmap(owner.side, matching, owner.note)

    def meet(self, peer: Iwarp) -> None:
        """Introduce the two directions to each other."""
        self.peer, peer.peer = peer, self
        self.messages.peer, peer.messages.peer = peer.messages, self.messages

    def advance(self) -> None:
        """Take what is new in the stream."""
        if self._awaited and not self._greet():
            return
        if self._fpdus is None:
            if self._at >= self._owner.stream.end:
                return
            self._fpdus = self._begin()
        self._fpdus.advance()

    def _begin(self) -> Fpdus:
        """Return the reader of the FPDUs; without the peer's hello it finds them by their looks."""
        theirs = self.peer.hello if self.peer is not None else None
        known = self.hello is not None and theirs is not None
        check = self._check
        markers = None
        if theirs is not None and self.hello is not None:
            # Both must do without checksums (RFC 5044, Section 7.1); markers are for the receiver.
            check = check and (self.hello.crc or theirs.crc)
            markers = self._at if theirs.markers else None
        return Fpdus(
            self._owner, self._at, self._deliver, markers=markers, check=check, lost=not known
        )

    def _greet(self) -> bool:
        """Read the hello; return whether that is done, or none is to be expected."""
        stream, view = self._owner.stream, self._owner.source()
        if self._at >= stream.end:
            return False
        hello = read_hello(stream, self._at, view)
        if hello is None:
            # Shorter than the longest of them: it may still come.
            if stream.end - self._at < HELLO_OCTETS + 0xFFFF and stream.chunks[0].have:
                head = stream.read(self._at, min(3, stream.end - self._at), view)
                if head is not None and b"MPA".startswith(head):
                    return False
            self._awaited = False
            return True
        self._awaited = False
        self.hello = hello
        chunk = stream.at(self._at)
        self._at += HELLO_OCTETS + hello.size
        self._tell(hello, chunk)
        stream.drop(self._at)
        return True

    def _tell(self, hello: Hello, chunk: Received) -> None:
        side = self._owner.side
        connection = side.connection
        private = hello.private[_DEPTHS if hello.enhanced else 0 :]
        if private[:4] == MAGIC.to_bytes(4, "big"):
            side.private = PrivateData.decode(private)
        connection.cm_frame = connection.cm_frame or chunk.frame
        connection.established = hello.reply and not hello.rejected
        name = "MPA reply" if hello.reply else "MPA request"
        flags = (("markers", hello.markers), ("CRC", hello.crc), ("rejected", hello.rejected))
        words = [name, f"revision {hello.revision}", *(word for word, told in flags if told)]
        if side.private is not None:
            said = side.private
            words.append(f"inline send {said.inline_send} receive {said.inline_receive}")
        peer = side.peer
        self._on_cm(
            CmEvent(
                chunk.frame, chunk.time_ns, side.address, peer.address if peer else "", name, None,
                " ".join(words), connection, 0, connection.transport, connection.ethernet,
            )
        )  # fmt: skip

    def _deliver(self, content: ByteMap, last: Received) -> None:
        self.messages.segment(content, self._owner.source(), last)

    def close(self) -> None:
        """Take the end of the stream."""
        if self._fpdus is not None:
            self._fpdus.close()
        self.messages.close()
