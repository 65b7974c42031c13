"""A capture in the making, and what is true of it: messages, payload, what is missing.

A :class:`Scene` drives a :class:`Wire` and notes what it made it say. Nothing here uses the
dissector, so what is noted is the truth that any dissector can be held to. Frames may be dropped,
repeated, moved or cut afterwards: their numbers, and which octets are missing, are found out when
the truth is written down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import (
    LINK_TYPES,
    Frame,
    Host,
    Wire,
    compound,
    pattern,
    pcap,
    pcapng,
    reduced,
    results,
)

from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData

SAID = PrivateData(4096, 4096, True)


@dataclass
class Carrier:
    """A packet that carried octets ``start`` to ``end`` of something."""

    frame: Frame
    start: int
    end: int


@dataclass
class Payload:
    """Data that an operation moved, and the packets that carried it."""

    operation: str
    offset: int
    data: bytes
    carriers: list[Carrier] = field(default_factory=list)


@dataclass
class Rpc:
    """A call, its reply, and what was moved for it. A message is all of its packets."""

    xid: int
    operations: list[str] = field(default_factory=list)
    call: list[Frame] = field(default_factory=list)
    reply: list[Frame] = field(default_factory=list)
    status: int = 0
    callback: bool = False
    error: str = ""
    payloads: list[Payload] = field(default_factory=list)


class Scene:
    """See the module. ``mtu`` is small so that a little data takes several packets."""

    def __init__(self, link: str = "rocev2", mtu: int = 256, **options: Any) -> None:
        self.link = link
        self.wire = make_wire(link, mtu, options)
        self.rpcs: list[Rpc] = []
        self.findings: list[str] = []
        """Rules that lint has to find broken, sorted; a rule may be there several times."""
        self.notes: list[str] = []
        """What is to be said about the capture itself, likewise: holes, cuts, missing calls."""
        self.snaplen = 0
        self.form: Callable[[list[Frame], int], bytes] = pcap

    @property
    def client(self) -> Host:
        return self.wire.client

    @property
    def server(self) -> Host:
        return self.wire.server

    def connect(self) -> None:
        self.wire.connect(SAID, SAID) if not isinstance(self.wire, IwarpWire) else (
            self.wire.connect()
        )

    # Messages

    def packets(self, act: Callable[[], object]) -> list[Frame]:
        """The frames that something adds, without an acknowledgement at the end."""
        start = len(self.wire.frames)
        act()
        added = self.wire.frames[start:]
        return added if isinstance(self.wire, IwarpWire) else added[:-1]

    def send(self, sender: Host, data: bytes, invalidate: int | None = None) -> list[Frame]:
        return self.packets(lambda: self.wire.send(sender, data, invalidate))

    def call(
        self, xid: int, names: list[str], body: bytes, *, read: list[Chunk] | None = None,
        write: list[Chunk] | None = None, reply: Chunk | None = None, callback: bool = False,
    ) -> Rpc:  # fmt: skip
        """A call; ``body`` is what stays inline."""
        rpc = Rpc(xid, names, callback=callback)
        long = bool(read and read[0].position == 0)
        head = bytes(encode_header(xid, 32, int(long), read or (), write or (), reply))
        rpc.call = self.send(self.server if callback else self.client, head + body)
        self.rpcs.append(rpc)
        return rpc

    def answer(
        self, rpc: Rpc, body: bytes, *, write: list[Chunk] | None = None,
        reply: Chunk | None = None, status: int = 0, invalidate: int | None = None,
    ) -> None:  # fmt: skip
        """The reply; with a Reply chunk and no body it is an RDMA_NOMSG."""
        proc = int(reply is not None and not body)
        head = bytes(encode_header(rpc.xid, 32, proc, (), write or (), reply))
        sender = self.client if rpc.callback else self.server
        rpc.reply = self.send(sender, head + body, invalidate)
        rpc.status = status

    # Data

    def _moved(
        self, payload: Payload, at: int, data: bytes, act: Callable[[], object], skip: int,
        sizes: list[int] | None = None,
    ) -> None:  # fmt: skip
        """Note which packets of ``act`` carry ``data``, the part of the payload from ``at`` on.

        ``skip`` frames of them carry none; ``sizes`` are those of the others, full ones if absent.
        """
        start = len(self.wire.frames)
        act()
        step = self.wire.mtu
        sizes = sizes or [min(step, len(data) - place) for place in range(0, len(data), step)]
        frames = self.wire.frames[start + skip :]
        if isinstance(self.wire, IwarpWire) and not self.wire.aligned:
            # FPDUs and segments do not go together: none of these is ever dropped.
            frames, sizes = frames[-1:], [len(data)]
        for frame, size in zip(frames, sizes, strict=True):
            payload.carriers.append(Carrier(frame, at, at + size))
            at += size

    def put(self, payload: Payload, at: int, segment: Segment, data: bytes) -> None:
        """The server writes a part of a payload."""
        handle, _, address = segment
        self._moved(
            payload, at, data, lambda: self.wire.rdma_write(self.server, handle, address, data), 0
        )

    def get(self, payload: Payload, at: int, segment: Segment, data: bytes) -> None:
        """The server reads a part of a payload."""
        handle, _, address = segment
        self._moved(
            payload, at, data, lambda: self.wire.rdma_read(self.server, handle, address, data), 1
        )

    def spread(
        self, payload: Payload, segments: list[Segment],
        move: Callable[[Payload, int, Segment, bytes], None],
    ) -> list[Segment]:  # fmt: skip
        """Move all of a payload, segment by segment; what was used of each."""
        used, at = [], 0
        for handle, length, address in segments:
            part = payload.data[at : at + length]
            if part:
                move(payload, at, Segment(handle, length, address), part)
            used.append(Segment(handle, len(part), address))
            at += len(part)
        return used

    # The truth

    def write(self) -> bytes:
        """The capture file."""
        return self.form(self.wire.frames, LINK_TYPES.get(self.link, 1))

    def truth(self) -> dict[str, Any]:
        """What is in the file, as JSON can hold it."""
        numbers: dict[int, int] = {}
        for number, frame in enumerate(self.wire.frames, 1):
            numbers.setdefault(id(frame), number)
        return {
            "frames": len(self.wire.frames),
            "rpcs": [
                entry for rpc in self.rpcs if (entry := self._entry(rpc, numbers)) is not None
            ],
            "findings": sorted(self.findings),
            "notes": sorted(self.notes),
        }

    def _entry(self, rpc: Rpc, numbers: dict[int, int]) -> dict[str, Any] | None:
        def place(frames: list[Frame]) -> int | None:
            there = [numbers.get(id(frame)) for frame in frames]
            known = [number for number in there if number is not None]
            return max(known) if frames and len(known) == len(frames) else None

        call, reply = place(rpc.call), place(rpc.reply)
        if call is None and reply is None:
            return None
        entry: dict[str, Any] = {"xid": rpc.xid, "call": call, "reply": reply}
        if rpc.error:
            entry["error"] = rpc.error
        entry |= {"operations": rpc.operations, "status": rpc.status, "callback": rpc.callback}
        entry["payloads"] = [self._payload(payload, numbers) for payload in rpc.payloads]
        return entry

    def _payload(self, payload: Payload, numbers: dict[int, int]) -> dict[str, Any]:
        known = bytearray(len(payload.data))
        octets = bytearray(len(payload.data))
        for carrier in payload.carriers:
            if id(carrier.frame) not in numbers:
                continue
            end = self._captured(carrier)
            octets[carrier.start : end] = payload.data[carrier.start : end]
            known[carrier.start : end] = b"\1" * (end - carrier.start)
        return {
            "operation": payload.operation,
            "offset": payload.offset,
            "length": len(payload.data),
            "sha256": hashlib.sha256(octets).hexdigest(),
            "holes": holes(bytes(known)),
        }

    def _captured(self, carrier: Carrier) -> int:
        """Where the octets of a carrier end that the snapshot length has left."""
        size = carrier.end - carrier.start
        if not self.snaplen:
            return carrier.end
        # Behind the payload are the pad and the ICRC.
        begin = len(carrier.frame.data) - 4 - (-size % 4) - size
        return min(carrier.end, carrier.start + max(0, self.snaplen - begin))


def holes(known: bytes) -> list[list[int]]:
    """Start and end of each stretch of zeros."""
    found, at = [], 0
    while (start := known.find(0, at)) >= 0:
        end = known.find(1, start)
        at = len(known) if end < 0 else end
        found.append([start, at])
    return found


IWARP = {
    "iwarp": {},
    "iwarp-nohandshake": {},
    "iwarp-markers": {"markers": True},
    "iwarp-nocrc": {"crc": False},
    "iwarp-unaligned": {"aligned": False},
}
LINKS = (*sorted(LINK_TYPES), "rocev2-v6", *IWARP)


def make_wire(link: str, mtu: int, options: dict[str, Any]) -> Wire:
    """The two hosts of a link, their addresses, and the way their packets are written down."""
    if link in IWARP:
        return IwarpWire(mtu=mtu, **IWARP[link], **options)
    if link == "rocev2-v6":
        wire = Wire(mtu=mtu, **options)
        wire.client.address, wire.server.address = "fd00::1", "fd00::2"
        return wire
    return Wire(mtu=mtu, encapsulation=link, **options)


def text(truth: dict[str, Any]) -> str:
    """A truth as it is committed: a line for each RPC."""
    rows = ",\n    ".join(json.dumps(rpc) for rpc in truth["rpcs"])
    rest = {key: value for key, value in truth.items() if key != "rpcs"}
    head = ",\n  ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in rest.items())
    return f'{{\n  {head},\n  "rpcs": [\n    {rows}\n  ]\n}}\n'


__all__ = ["Chunk", "Scene", "Segment", "compound", "pattern", "pcap", "pcapng", "reduced",
           "results", "text"]  # fmt: skip
