"""A call that came over a stream, until it is answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nfsrdma.xdr import Decoder, Encoder

from .channel import Channel
from .message import RemoteFailure, peek

if TYPE_CHECKING:
    from .stream import StreamChannel

_log = logging.getLogger(__name__)


class StreamCall:
    """A ``channel.IncomingCall`` that came over a stream."""

    __slots__ = ("_kept", "_message", "_stream", "answered", "decoder")

    def __init__(self, stream: StreamChannel, message: memoryview) -> None:
        self._stream = stream
        self._message = message
        self.decoder = Decoder(message)
        self.answered = False
        self._kept = 0

    @property
    def channel(self) -> Channel:
        """The connection that the call came over."""
        return self._stream

    @property
    def reduced(self) -> bool:
        """False: a stream has no chunks."""
        return False

    @property
    def reply_room(self) -> int:
        """The octets of the longest reply, payloads included: on a stream they travel inline."""
        return self._stream.max_message

    @property
    def payload_room(self) -> Sequence[int]:
        """No rooms: a stream has no chunks."""
        return ()

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """Return None: the caller's memory cannot be mapped through a stream."""
        return None

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """Send the reply, or SYSTEM_ERR in its place if it is longer than any message may be."""
        if message.tell() > self._stream.max_message:
            _log.error("a reply of %d octets over %r", message.tell(), self._stream)
            self.refuse()
            if on_sent is not None:
                on_sent()
            return
        self._answer()
        self._stream.send_reply(message, on_sent)

    def refuse(self) -> None:
        """Answer SYSTEM_ERR: a stream has no ERR_CHUNK."""
        self._answer()
        xid, _ = peek(self._message)
        enc = Encoder()
        RemoteFailure().encode(enc, xid)
        self._stream.send_reply(enc, None)

    def drop(self) -> None:
        """Send no reply at all."""
        self._answer()
        self._stream.send_nothing()

    def keep(self) -> None:
        """Charge the call itself to the peer, as it will be answered later."""
        self._kept = len(self._message)
        self._stream.account.charge(self._kept)

    def _answer(self) -> None:
        assert not self.answered, "answered twice"
        self.answered = True
        if self._kept:
            self._stream.account.charge(-self._kept)
