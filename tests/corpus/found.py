"""Captures as people have them: mirrored, tunnelled, cut, of one side, out of order, sent again.

What the two sides say is ordinary; it is told once for each link that it applies to. A frame that
is changed stays the same object, so that a scene still knows what it carries.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import partial

from tests.corpus import talk
from tests.corpus.scene import Rpc, Scene, pattern, pcap
from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import (
    CREDENTIAL,
    Frame,
    Host,
    Wire,
    compound,
    getattr_call,
    getattr_results,
)
from tests.support.rdma_wire import results as done
from tests.support.tunnels import TUNNELS

from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

ROCE = ("rocev2", "rocev1", "infiniband")
LINKS = (*ROCE, "iwarp")
FOUND: dict[str, tuple[Callable[[], Scene], str]] = {}
"""File name -> what makes it, and what is in it."""


def found(name: str, words: str, make: Callable[[], Scene]) -> None:
    FOUND[f"{name}.pcap"] = make, " ".join(words.split())


class Watched:
    """A scene that knows which frames its client has sent."""

    def __init__(self, link: str, mtu: int = 256) -> None:
        self.scene = Scene(link, mtu)
        self.clients: set[int] = set()
        wire = self.scene.wire
        if isinstance(wire, IwarpWire):
            tcp, segment = wire.tcp, wire.tcp.segment

            def said(sender: object, *rest: object, **more: object) -> Frame:
                frame = segment(sender, *rest, **more)  # type: ignore[arg-type]
                return self._note(frame, sender is tcp.client)

            tcp.segment = said  # type: ignore[method-assign]
        else:
            packet = wire.packet

            def sent(sender: Host, *rest: object, **more: object) -> Frame:
                return self._note(packet(sender, *rest, **more), sender is wire.client)  # type: ignore[arg-type]

            wire.packet = sent  # type: ignore[method-assign]
        self.scene.connect()
        self.shaken = len(wire.frames)

    def _note(self, frame: Frame, client: bool) -> Frame:
        if client:
            self.clients.add(id(frame))
        return frame

    def talk(self) -> Watched:
        """What is said in most of these captures."""
        scene = self.scene
        talk.getattr_(scene, 1)
        talk.read(scene, 2, pattern(601))
        talk.write(scene, 3, pattern(502, 3))
        talk.long_send(scene, 4)
        talk.getattr_(scene, 5)
        return self


def ordinary(link: str = "rocev2", mtu: int = 256) -> Scene:
    return Watched(link, mtu).talk().scene


# Inside of other things


def _tunnelled(name: str, link: str) -> Scene:
    scene = ordinary(link)
    wrap = TUNNELS[name][0]
    for index, frame in enumerate(scene.wire.frames):
        frame.data = wrap(frame.data, index)
    return scene


for _name in TUNNELS:
    _file = _name.lower().replace(",", "").replace(" ", "-")
    if not _name.endswith("IPv6") or _name.startswith("VXLAN,"):
        found(
            f"tunnel-{_file}",
            f"Every frame is inside of {_name}.",
            partial(_tunnelled, _name, "rocev2"),
        )
for _name in ("VXLAN", "ERSPAN II", "five tags"):
    for _link in ("rocev1", "iwarp"):
        _file = _name.lower().replace(" ", "-")
        found(f"tunnel-{_file}-{_link}", f"The same with {_link} inside of {_name}.",
              partial(_tunnelled, _name, _link))  # fmt: skip


def _in_fragments(address: str) -> Scene:
    scene = Scene(mtu=256)
    scene.client.address, scene.server.address = address + "1", address + "2"
    scene.connect()
    talk.getattr_(scene, 1)
    talk.read(scene, 2, pattern(601))
    talk.write(scene, 3, pattern(502, 3))
    frames = []
    for number, frame in enumerate(scene.wire.frames):
        *parts, last = fragments_of(frame, 104, number)
        frame.data = last.data
        frames += [*parts, frame]
    scene.wire.frames[:] = frames
    return scene


def fragments_of(frame: Frame, size: int, number: int) -> list[Frame]:
    """A frame of Ethernet and IP, as fragments of ``size`` octets of payload."""
    data = frame.data
    six = data[14] >> 4 == 6
    header, payload = (data[14:54], data[54:]) if six else (data[14:34], data[34:])
    out = []
    for start in range(0, len(payload), size):
        part, more = payload[start : start + size], start + size < len(payload)
        if six:
            extension = struct.pack(">BBHI", header[6], 0, start | more, number)
            head = header[:4] + struct.pack(">HB", len(part) + 8, 44) + header[7:] + extension
        else:
            flags = start >> 3 | more << 13
            head = header[:2] + struct.pack(">HHH", 20 + len(part), number, flags) + header[8:]
        out.append(Frame(frame.time, data[:14] + head + part))
    return out


found("fragments", "Every packet of more than 104 octets is in fragments of IPv4.",
      partial(_in_fragments, "10.0.0."))  # fmt: skip
found("fragments-v6", "The same of IPv6; what is shorter has a fragment header.",
      partial(_in_fragments, "fd00::"))  # fmt: skip


# Where and how it was captured


def _swapped(link: str) -> Scene:
    watched = Watched(link).talk()
    frames = watched.scene.wire.frames
    chance = random.Random(7)
    at = watched.shaken
    while at + 1 < len(frames):
        if chance.random() < 0.4:
            frames[at], frames[at + 1] = frames[at + 1], frames[at]
            at += 1
        at += 1
    return watched.scene


def _sides(link: str) -> Scene:
    watched = Watched(link).talk()
    frames = watched.scene.wire.frames
    frames.sort(key=lambda frame: id(frame) not in watched.clients)
    return watched.scene


def _copies(link: str) -> Scene:
    scene = ordinary(link)
    late = [Frame(frame.time + 30_500, frame.data) for frame in scene.wire.frames]
    scene.wire.frames += late
    scene.wire.frames.sort(key=lambda frame: frame.time)
    return scene


def _one_side(link: str, client: bool) -> Scene:
    watched = Watched(link).talk()
    scene = watched.scene
    frames = scene.wire.frames
    frames[:] = [frame for frame in frames if (id(frame) in watched.clients) == client]
    for rpc in scene.rpcs:
        # How much of a READ was used is in its reply; what a reply is about is in its call; and
        # whose READ responses these are, iWARP's do not say by their order.
        known = client and link in ROCE
        rpc.payloads = [one for one in rpc.payloads if known and one.operation == "WRITE"]
        if not client:
            rpc.operations = []
    if not client:
        scene.notes = ["no-call"] * len(scene.rpcs)
    return scene


_TOO_SHORT = {("rocev2", 64): ["capture-cut"] * 2, ("rocev1", 64): ["frame-broken"] * 31,
              ("iwarp", 64): []}  # fmt: skip
"""Where nothing of an RPC is left. Of RoCEv1 there is no whole base transport header then, and of
RoCEv2 none of an RDMA request."""
_CUT_SHORT = {
    ("rocev2", 96): (3, 7), ("rocev1", 96): (3, 0), ("infiniband", 64): (3, 7),
    ("infiniband", 96): (0, 9), ("iwarp", 96): (10, 0),
}  # fmt: skip
"""Of how many messages the cut is inside of the RPC-over-RDMA header, and of how many behind it."""


def _snapped(link: str, size: int) -> Scene:
    scene = ordinary(link)
    scene.snaplen, scene.form = size, partial(pcap, snaplen=size)
    for rpc in scene.rpcs:
        rpc.operations, rpc.payloads = [], []
    if (link, size) in _TOO_SHORT:
        scene.rpcs, scene.notes = [], _TOO_SHORT[link, size]
    else:
        inside, behind = _CUT_SHORT[link, size]
        scene.notes = ["bad-header"] * inside + ["capture-cut"] * behind
    return scene


def _odd_packets(link: str) -> Scene:
    return ordinary(link, mtu=100)


for _link in LINKS:
    found(f"frames-swapped-{_link}", "Neighbouring frames have changed places; times are right.",
          partial(_swapped, _link))  # fmt: skip
    found(f"sides-apart-{_link}", "The client's frames come before all of the server's.",
          partial(_sides, _link))  # fmt: skip
    found(f"mirrored-twice-{_link}", "A mirror port has each frame twice, the copy 30 us late.",
          partial(_copies, _link))  # fmt: skip
    found(f"client-only-{_link}", "Only what the client sent.", partial(_one_side, _link, True))
    found(f"server-only-{_link}", "Only what the server sent.", partial(_one_side, _link, False))
    for _size in (64, 96):
        found(f"snaplen-{_size}-{_link}", f"Frames are cut at {_size} octets.",
              partial(_snapped, _link, _size))  # fmt: skip
for _link in ROCE:
    found(f"packets-of-100-{_link}", "Packets of 100 octets, of SENDs too: no path has that.",
          partial(_odd_packets, _link))  # fmt: skip


# What is sent again


def _again(scene: Scene, frames: list[Frame]) -> list[Frame]:
    out = []
    for frame in frames:
        scene.wire.now += 1000
        out.append(Frame(scene.wire.now, frame.data))
    scene.wire.frames += out
    return out


def _resumed(scene: Scene, rpc: Rpc, start: int, at: int, captured: bool) -> None:
    """The packet ``at`` of a call was lost; ``start`` is the call's sequence."""
    frames, sent = scene.wire.frames, rpc.call
    answer = frames.pop()  # the acknowledgement
    if not captured:
        frames.remove(sent[at])
    if at < len(sent) - 1:  # what came behind it has shown it
        scene.wire.acknowledge(scene.server, start + at, 0x60)
    else:  # nothing did: a timer ran out
        scene.wire.now += 100_000_000
    again = _again(scene, sent[at:])
    if not captured:
        rpc.call = [*sent[:at], *again]
    scene.wire.now += 1000
    frames.append(Frame(scene.wire.now, answer.data))


_SENDS_AGAIN = """\
SENDs of which a packet is lost, behind the place of the capture or before it, and all from that one
on are sent again: the first, some in the midst, the last, an only one."""


def _sends_again(link: str) -> Scene:
    scene = Scene(link)
    scene.connect()
    xid = 0
    for captured in (True, False):
        for at in (0, 1, 3, 5, -1):
            xid += 1
            start = scene.client.psn
            body, names, reply = talk.lookups(xid)
            rpc = scene.call(xid, names, body)
            count = len(rpc.call)
            assert count > 6
            _resumed(scene, rpc, start, at % count, captured)
            scene.answer(rpc, reply)
        xid += 1
        start = scene.client.psn
        rpc = scene.call(xid, ["PUTFH", "GETATTR"], compound(xid, getattr_call()))
        _resumed(scene, rpc, start, 0, captured)
        scene.answer(rpc, done(xid, getattr_results()))
    return scene


for _link in ROCE:
    found(f"sends-again-{_link}", _SENDS_AGAIN,
          partial(_sends_again, _link))  # fmt: skip


# What only looks like RPC-over-RDMA


def _small_words(wire: Wire) -> None:
    chance = random.Random(3)
    for index in range(60):
        words = (index % 7, 1, chance.choice((1, 32)), chance.randrange(6), *([0] * (index % 9)))
        wire.send(wire.client if index % 2 else wire.server, struct.pack(f">{len(words)}I", *words))


def _look_alike(nfs: bool) -> Scene:
    other = Scene()
    other.wire.client = Host("10.0.0.1", 0x44, 400)
    other.wire.server = Host("10.0.0.2", 0x55, 900)
    other.wire.service = 7471
    other.wire.connect()
    _small_words(other.wire)
    if not nfs:
        return other
    scene = ordinary()
    mine, theirs = scene.wire.frames, other.wire.frames
    scene.wire.frames = [frame for pair in zip(mine, theirs, strict=False) for frame in pair]
    scene.wire.frames += mine[len(theirs) :] + theirs[len(mine) :]
    return scene


found("look-alike", "Another protocol, of small integers; its handshake names port 7471.",
      partial(_look_alike, False))  # fmt: skip
found("look-alike-and-nfs", "The same beside NFS, frame by frame.", partial(_look_alike, True))


# Values behind a cut


def _cut_tag() -> Scene:
    scene = Scene(mtu=1024)
    scene.connect()
    for xid in (1, 2):
        enc = Encoder()
        encode_call(enc, xid, 100003, 4, 1, CREDENTIAL)
        t.COMPOUND4args(b"AAAA" * 60, 1, getattr_call()).encode(enc)
        rpc = scene.call(xid, [], enc.to_bytes())
        scene.answer(rpc, done(xid, getattr_results()))
    scene.form = partial(pcap, snaplen=300)
    scene.notes = ["capture-cut"] * 2
    return scene


found("cut-inside-of-a-tag", "Calls whose tag goes beyond the cut at 300 octets.",
      _cut_tag)  # fmt: skip


def _replies_of_version_3() -> Scene:
    scene = Scene()
    scene.connect()
    for xid in (1, 2, 3, 4):
        talk.lookup3(scene, xid)
    for rpc in scene.rpcs[1:]:
        for frame in rpc.call:
            scene.wire.frames.remove(frame)
        # What a reply is about is not known without its call.
        rpc.operations, rpc.status = [], 0
    scene.notes = [*["capture-hole"] * 3, *["no-call"] * 3]
    return scene


found("replies-alone", "Of NFS version 3: an RPC, and three replies without their calls.",
      _replies_of_version_3)  # fmt: skip
