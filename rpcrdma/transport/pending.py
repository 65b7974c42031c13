"""A call that was sent, or is to be sent, and has no reply yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nfsrdma.xdr import Decoder, Encoder

from ..task import Future
from ..verbs.interfaces import MemoryRegion
from .chunk import Chunk

NOTHING: Final = memoryview(b"")
SENT: Final = Encoder()
"""In the place of a message that was sent already."""


class PendingCall:
    """A call that has no reply yet. ``future`` is ``None`` once the call was given up."""

    __slots__ = (
        "complaint",
        "future",
        "max_reply",
        "message",
        "offered",
        "regions",
        "reply_buffer",
        "reply_chunk",
        "sinks",
        "xid",
    )

    def __init__(
        self, xid: int, message: Encoder, max_reply: int, sinks: Sequence[memoryview]
    ) -> None:
        self.xid = xid
        self.message = message
        self.max_reply = max_reply
        self.complaint = ""
        """What was wrong with a reply to it that was dropped; empty if none was."""
        self.sinks = sinks
        self.future: Future[Decoder] | None = Future()
        self.regions: list[MemoryRegion] = []
        self.offered: list[Chunk] = []
        """The Write list as it was sent."""
        self.reply_chunk: Chunk | None = None
        self.reply_buffer = NOTHING
