"""What happens on an unhealthy connection, and the RPCs that it happens to."""

from __future__ import annotations

from typing import Final, NamedTuple

NAKS: Final = {
    0: "PSN sequence error",
    1: "invalid request",
    2: "remote access error",
    3: "remote operational error",
    4: "invalid RD request",
}
"""NAK codes of an AETH (IBA, volume 1, Section 9.7.5.2.8)."""


def nak_name(code: int) -> str:
    """Return a code in words; those that are not listed are reserved."""
    return NAKS.get(code, f"NAK code {code}")


RNR_TIMERS: Final = (
    655360, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960, 1280, 1920, 2560, 3840, 5120,
    7680, 10240, 15360, 20480, 30720, 40960, 61440, 81920, 122880, 163840, 245760, 327680, 491520,
)  # fmt: skip
"""Microseconds that a receiver which was not ready asks for (IBA, volume 1, Section 9.7.5.2.8)."""

CAUSES: Final = {
    "nak": "a NAK asked for it",
    "rnr": "the receiver had not been ready",
    "response": "responses did not arrive",
    "timeout": "nothing was heard of it",
}
"""Why something is sent again, as far as the capture shows it."""


class Nak(NamedTuple):
    """What a receiver complained about. ``code`` is -1 for "not ready"."""

    frame: int
    time: int
    sequence: int
    code: int


class Event:
    """A NAK, a stretch of packets that were sent again, or packets that met congestion."""

    __slots__ = (
        "cause",
        "connection",
        "end",
        "exchanges",
        "frame",
        "kind",
        "last_frame",
        "octets",
        "packets",
        "sender",
        "sequence",
        "text",
        "time",
        "waited",
    )

    def __init__(
        self, kind: str, connection: int, sender: str, frame: int, time: int, sequence: int
    ) -> None:
        self.kind = kind
        """``nak``, ``again``, ``late``, ``twice``, ``ecn`` or ``cnp``."""
        self.connection = connection
        self.sender = sender
        """The sender of what it is about: of a NAK its receiver."""
        self.frame = self.last_frame = frame
        self.time = time
        self.sequence = self.end = sequence
        self.packets = 0
        self.octets = 0
        self.cause = ""
        self.text = ""
        self.waited = 0
        """With ``again``: nanoseconds since the sender had sent anything."""
        self.exchanges: list[int] = []
        """Numbers of the RPCs that it hurt, in the order in which that was seen."""


class Span(NamedTuple):
    """Sequences of one direction that belong to an RPC which is over."""

    start: int
    end: int
    rpc: RpcBrief
    is_reply: bool


class RpcBrief(NamedTuple):
    """What is kept of an RPC."""

    exchange: int
    connection: int
    operation: str
    xid: int
    call_frame: int
    reply_frame: int
    start: int
    """When its call was sent."""
    latency: int
    """-1 where its call or its reply is not known."""
    path: str = ""
    """The file that it is mostly about, if that is known."""
    client: str = ""
    """The address of the NFS client, of a callback too."""


class Sufferer:
    """An RPC, and what happened to its packets."""

    __slots__ = (
        "again",
        "disorder",
        "ecn",
        "finished",
        "late",
        "naks",
        "octets",
        "rpc",
        "timeouts",
    )

    def __init__(self, rpc: RpcBrief) -> None:
        self.rpc = rpc
        self.naks: list[int] = []
        """Their frames."""
        self.again = 0
        """Packets of it that were sent again."""
        self.octets = 0
        self.timeouts = 0
        self.disorder = 0
        """Packets of it that the network delayed or doubled."""
        self.ecn = 0
        """Packets of it that met congestion, and congestion notifications."""
        self.finished = rpc.start + rpc.latency
        """When its reply arrived, or the last of its packets that was needed again."""
        self.late: int | None = None
        """Nanoseconds that it took longer than the median of its kind."""

    @property
    def took(self) -> int:
        """Nanoseconds from the call to the reply; negative where that is not known."""
        return self.finished - self.rpc.start if self.rpc.latency >= 0 else -1
