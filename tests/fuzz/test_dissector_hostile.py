"""Damaged and hostile captures: findings and the next packet, never an exception.

Set NFSRDMA_FUZZ_ROUNDS for more than a taste.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz.seeds import bodies as bodies_seeds
from tests.fuzz.targets import bodies
from tests.support.captures import linux_captures
from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import (
    LINK_TYPES,
    Frame,
    Wire,
    do_getattr,
    do_read,
    do_write,
    pattern,
    pcap,
    pcapng,
)
from tests.support.tcp_wire import TcpWire, call, reply

from nfsrdma.dissector.capture import CaptureError, open_capture
from nfsrdma.dissector.filter import FilterError, compile_filter
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import View
from nfsrdma.dissector.views.answers import ConnectionList, Slowest
from nfsrdma.dissector.views.chunks import ChunkView
from nfsrdma.dissector.views.extract import ExtractView
from nfsrdma.dissector.views.line import LineView
from nfsrdma.dissector.views.ndjson import NdjsonView
from nfsrdma.dissector.views.tree import TreeView
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.private_data import PrivateData

ROUNDS = int(os.environ.get("NFSRDMA_FUZZ_ROUNDS", "60"))


def ignore(text: str) -> None:
    assert isinstance(text, str)


VIEWS: list[Callable[[], View]] = [
    lambda: LineView(ignore),
    lambda: TreeView(ignore),
    lambda: ChunkView(ignore),
    lambda: NdjsonView(ignore),
    lambda: Slowest(3, lambda: 0),
    ConnectionList,
]


def survive(octets: bytes, folder: Path, view: View) -> None:
    path = folder / "hostile"
    path.write_bytes(octets)
    try:
        reader = open_capture(path)
    except CaptureError:
        return
    Pipeline(reader, view).run()


def seeds(encapsulation: str) -> list[Frame]:
    wire = Wire(encapsulation=encapsulation)
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(5001), [Segment(7, 4097, 0x1000), Segment(8, 4096, 0x9000)])
    do_write(wire, 3, pattern(3003), [Segment(9, 3003, 0x1000)])
    return wire.frames


def tcp_seeds() -> list[Frame]:
    wire = TcpWire(mss=300)
    wire.connect()
    for xid in range(1, 5):
        wire.record(wire.client, call(xid), 100)
        wire.record(wire.server, reply(xid))
        wire.datagram(wire.client, call(xid))
        wire.datagram(wire.server, reply(xid))
    return wire.frames


def iwarp_seeds(markers: bool) -> list[Frame]:
    wire = IwarpWire(markers=markers, private=PrivateData().encode())
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(5001), [Segment(7, 4097, 0x1000), Segment(8, 4096, 0x9000)])
    do_write(wire, 3, pattern(3003), [Segment(9, 3003, 0x1000)])
    wire.terminate(wire.client, 0, 1, 5)
    return wire.frames


SEEDS = {
    "tcp": tcp_seeds,
    "iwarp": lambda: iwarp_seeds(False),
    "iwarp-markers": lambda: iwarp_seeds(True),
}


def damaged(octets: bytes, chooser: random.Random, times: int) -> bytes:
    out = bytearray(octets)
    for _ in range(times):
        at = chooser.randrange(len(out))
        match chooser.randrange(4):
            case 0:
                out[at] = chooser.choice((0, 1, 0x7F, 0x80, 0xFF, chooser.randrange(256)))
            case 1:
                out[at : at + 4] = chooser.choice((bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff"))
            case 2:
                del out[at : at + chooser.randrange(1, 40)]
            case _:
                other = chooser.randrange(len(out))
                out[at:at] = out[other : other + chooser.randrange(1, 80)]
        if not out:
            break
    return bytes(out)


@pytest.mark.parametrize("encapsulation", sorted(LINK_TYPES))
def test_damaged_files(encapsulation: str, tmp_path: Path) -> None:
    chooser = random.Random(encapsulation)
    frames = seeds(encapsulation)
    for turn in range(ROUNDS):
        make = (pcap, pcapng)[turn & 1]
        octets = damaged(make(frames, LINK_TYPES[encapsulation]), chooser, chooser.randrange(1, 9))
        survive(octets, tmp_path, VIEWS[turn % len(VIEWS)]())


@pytest.mark.parametrize("encapsulation", sorted(LINK_TYPES))
def test_damaged_frames(encapsulation: str, tmp_path: Path) -> None:
    """The file is in order: what is damaged is inside of the frames, more often at their start."""
    chooser = random.Random(encapsulation)
    frames = seeds(encapsulation)
    for turn in range(ROUNDS):
        hostile = list(frames)
        for _ in range(chooser.randrange(1, 12)):
            at = chooser.randrange(len(hostile))
            data = bytearray(hostile[at].data)
            for _ in range(chooser.randrange(1, 4)):
                place = int(len(data) * chooser.random() ** 3)
                data[place : place + 1] = bytes((chooser.choice((0, 1, 4, 0xFF)),))
            hostile[at] = Frame(hostile[at].time, bytes(data[: chooser.randrange(1, 1 << 11)]))
        chooser.shuffle(hostile) if turn % 5 == 0 else None
        survive(pcap(hostile, LINK_TYPES[encapsulation]), tmp_path, VIEWS[turn % len(VIEWS)]())


@pytest.mark.parametrize("kind", sorted(SEEDS))
def test_damaged_streams(kind: str, tmp_path: Path) -> None:
    chooser = random.Random(kind)
    frames = SEEDS[kind]()
    for turn in range(3 * ROUNDS):
        hostile = list(frames)
        for _ in range(chooser.randrange(1, 8)):
            at = chooser.randrange(len(hostile))
            data = bytearray(hostile[at].data)
            for _ in range(chooser.randrange(1, 4)):
                # The sequence numbers, the flags, and what follows the TCP header.
                place = chooser.randrange(34, min(len(data), 110))
                data[place : place + 1] = bytes((chooser.choice((0, 1, 2, 0x40, 0x80, 0xFF)),))
            hostile[at] = Frame(hostile[at].time, bytes(data))
            if turn % 3 == 0:
                del hostile[chooser.randrange(len(hostile))]
        if turn % 5 == 0:
            chooser.shuffle(hostile)
        if turn % 4 == 0:
            del hostile[:7]
        snaplen = 96 if turn % 7 == 0 else 0
        survive(pcap(hostile, snaplen=snaplen), tmp_path, VIEWS[turn % len(VIEWS)]())


def test_damaged_real_captures(tmp_path: Path) -> None:
    paths = [path for path in linux_captures() if path.exists()]
    if not paths:
        pytest.skip("no captures (set NFSRDMA_CAPTURES)")
    chooser = random.Random(1)
    for turn in range(max(4, ROUNDS // 15)):
        octets = bytearray(chooser.choice(paths).read_bytes()[: 1 << 19])
        for _ in range(3000):
            octets[chooser.randrange(24, len(octets))] = chooser.randrange(256)
        survive(bytes(octets), tmp_path, VIEWS[turn % len(VIEWS)]())


def test_extraction_of_damaged_files(tmp_path: Path) -> None:
    chooser = random.Random(2)
    frames = seeds("rocev2")
    for frame in range(1, ROUNDS):
        octets = damaged(pcap(frames), chooser, 4)
        path = tmp_path / "hostile"
        path.write_bytes(octets)
        try:
            reader = open_capture(path)
        except CaptureError:
            continue
        view = ExtractView(
            lambda reader=reader: reader.source.view,  # type: ignore[misc]
            lambda at, data: None,
            frame % len(frames),
        )
        Pipeline(reader, view).run()


def test_hostile_filters() -> None:
    chooser = random.Random(3)
    words = ["nfs.opcode", "==", "(", ")", "{", "}", "in", "..", "and", "!", '"x"', "0x1", "READ",
             "matches", "contains", ",", "1.2.3.4", "\x00", "~", "nfs.name", "[0:1]", "#1", "len(",
             "max(", "all", "any", "-", "+", "&", "/", "%", "ip.src", "10.0.0.0/8", "not", "xor",
             "nfs.fhandle", "00:01", '"a*"', "1..2", "frame", "nfs.cachethis4"]  # fmt: skip
    for _ in range(ROUNDS * 20):
        text = " ".join(chooser.choices(words, k=chooser.randrange(1, 9)))
        try:
            compile_filter(text)({"nfs.opcode": [1, 2], "nfs.name": "y", "ip.src": "10.0.0.1"})
        except FilterError:
            continue
    with pytest.raises(FilterError):
        compile_filter("(" * 200)


def test_damaged_bodies() -> None:
    """Of everything beside NFS, of pNFS and of callbacks: every view, and every field."""
    chooser = random.Random("bodies")
    seeds_of_bodies = list(bodies_seeds())
    for _ in range(ROUNDS):
        together = b"".join(chooser.sample(seeds_of_bodies, 3))
        bodies(damaged(together, chooser, chooser.randrange(1, 6)))
