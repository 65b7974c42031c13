"""The scenarios: each a function that makes a scene; its first line says what is in it."""

from __future__ import annotations

import copy
import gzip
import struct
from collections.abc import Callable
from functools import partial

from tests.corpus import second, talk
from tests.corpus.found import FOUND
from tests.corpus.scene import (
    LINKS,
    SAID,
    Carrier,
    Chunk,
    Payload,
    Scene,
    Segment,
    pattern,
    pcap,
    pcapng,
)
from tests.corpus.talk import VA, getattr_, read, segment, write
from tests.corpus.violations import BROKEN
from tests.support import pnfs
from tests.support.company import SPOKEN
from tests.support.rdma_wire import (
    Frame,
    Host,
    compound,
    getattr_call,
    getattr_results,
    read_call,
    read_results,
    results,
    write_call,
    write_results,
)

from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.transport.private_data import PrivateData

Make = Callable[[], Scene]
SCENARIOS: dict[str, tuple[Make, str]] = {}
"""File name -> what makes it, and what is in it."""


def scenario(name: str, suffix: str = "pcap") -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        words = " ".join((make.__doc__ or "").split())
        SCENARIOS[f"{name}.{suffix}"] = (make, words)
        return make

    return register


def connected(link: str = "rocev2", mtu: int = 256) -> Scene:
    scene = Scene(link, mtu)
    scene.connect()
    return scene


def everything(scene: Scene) -> None:
    """One RPC of each kind."""
    talk.null(scene, 1)
    getattr_(scene, 2)
    read(scene, 3, pattern(1501))
    write(scene, 4, pattern(1302, 3))
    getattr_(scene, 5)
    talk.readdir(scene, 6)
    talk.long_call(scene, 7)
    talk.long_send(scene, 8)
    talk.null(scene, 9, callback=True)
    talk.recall(scene, 10)


def _baseline(link: str) -> Scene:
    scene = Scene(link)
    if link != "iwarp-nohandshake":
        scene.connect()
    everything(scene)
    return scene


for _link in LINKS:
    SCENARIOS[f"baseline-{_link}.pcap"] = (
        partial(_baseline, _link),
        "NULL, GETATTR, READ by a Write chunk, WRITE by a Read chunk, READDIR by a Reply chunk, a "
        "call by a Position-Zero Read chunk, SENDs of several packets, callbacks",
    )


def _formatted(form: Callable[[list[Frame], int], bytes]) -> Make:
    def make() -> Scene:
        scene = _baseline("rocev2")
        scene.form = form
        return scene

    return make


for _name, _form, _words in (
    ("nanoseconds.pcap", partial(pcap, nano=True), "the baseline as pcap with nanoseconds"),
    ("big-endian.pcap", partial(pcap, order=">"), "the baseline as pcap of a big-endian machine"),
    ("pcapng.pcapng", pcapng, "the baseline as pcapng"),
    ("pcapng-big-endian.pcapng", partial(pcapng, order=">", resolution=6),
     "the baseline as pcapng of a big-endian machine, with microseconds"),
    ("gzip.pcap.gz", lambda frames, link: gzip.compress(pcap(frames, link), mtime=0),
     "the baseline, compressed"),
):  # fmt: skip
    SCENARIOS[f"format-{_name}"] = (_formatted(_form), _words)


# Where the capture begins


@scenario("no-handshake")
def _() -> Scene:
    """The connection manager's handshake is not in the capture."""
    scene = Scene()
    everything(scene)
    return scene


@scenario("begins-mid-rpc")
def _() -> Scene:
    """The capture begins between a READ's call and its data."""
    scene = Scene()
    rpc = read(scene, 3, pattern(1501))
    del scene.wire.frames[:2]
    # What was asked for is not known; what the chunk carried is.
    rpc.operations, rpc.payloads = [], []
    scene.notes = ["no-call"]
    write(scene, 4, pattern(1302, 3))
    getattr_(scene, 5)
    return scene


# Memory


@scenario("same-handle-same-address")
def _() -> Scene:
    """Three READs into the same memory, one after the other."""
    scene = connected()
    for xid in (1, 2, 3):
        read(scene, xid, pattern(901, xid), [segment(901)])
    return scene


@scenario("same-handle-new-address")
def _() -> Scene:
    """Three READs into one handle at different addresses."""
    scene = connected()
    for xid in (1, 2, 3):
        read(scene, xid, pattern(901, xid), [segment(901, 7, xid)])
    return scene


@scenario("one-handle-two-segments")
def _() -> Scene:
    """A chunk of two segments of the same handle, for READ and for WRITE."""
    scene = connected()
    parts = [segment(600, 7), segment(640, 7, 2)]
    read(scene, 1, pattern(1200), parts)
    write(scene, 2, pattern(1240, 1), parts)
    return scene


@scenario("two-handles-two-segments")
def _() -> Scene:
    """A chunk of two segments of different handles, for READ and for WRITE."""
    scene = connected()
    parts = [segment(600, 7), segment(640, 8)]
    read(scene, 1, pattern(1200), parts)
    write(scene, 2, pattern(1240, 1), parts)
    return scene


@scenario("segments-no-multiple-of-four")
def _() -> Scene:
    """Segments of 257 and 254 octets: InfiniBand's pad is in the midst of the item."""
    scene = connected()
    parts = [segment(257, 7), segment(254, 8)]
    read(scene, 1, pattern(511), parts)
    write(scene, 2, pattern(511, 1), parts)
    return scene


@scenario("odd-length")
def _() -> Scene:
    """One segment, and an item of 513 octets."""
    scene = connected()
    read(scene, 1, pattern(513))
    write(scene, 2, pattern(513, 1))
    return scene


@scenario("partly-used-chunk")
def _() -> Scene:
    """READ beyond the end of a file: of three segments one is full, one partly, one not used."""
    scene = connected()
    read(scene, 1, pattern(700), [segment(512, 7), segment(512, 8), segment(512, 9)])
    return scene


@scenario("two-write-chunks")
def _() -> Scene:
    """Two READs in one COMPOUND, each with its Write chunk."""
    scene = connected()
    first, second = pattern(700), pattern(901, 9)
    ops = [*read_call(0, 700), *read_call(8192, 901)[1:]]
    chunks = [[segment(700, 7)], [segment(901, 8)]]
    rpc = scene.call(1, ["PUTFH", "READ", "READ"], compound(1, ops),
                     write=[Chunk(chunk) for chunk in chunks])  # fmt: skip
    rpc.payloads += [Payload("READ", 0, first), Payload("READ", 8192, second)]
    for payload, chunk in zip(rpc.payloads, chunks, strict=True):
        scene.spread(payload, chunk, scene.put)
    done = [*read_results(first), *read_results(second)[1:]]
    body = talk.reduced(talk.reduced(results(1, done), first), second)
    scene.answer(rpc, body, write=[Chunk(chunk) for chunk in chunks])
    return scene


@scenario("two-read-chunks")
def _() -> Scene:
    """Two WRITEs in one COMPOUND, each with its Read chunk."""
    scene = connected()
    first, second = pattern(700), pattern(901, 9)
    ops = [*write_call(0, first), *write_call(8192, second)[1:]]
    whole = compound(1, ops)
    chunks = [Chunk([segment(700, 7)], whole.index(first)),
              Chunk([segment(901, 8)], whole.index(second))]  # fmt: skip
    inline = talk.reduced(talk.reduced(whole, first), second)
    rpc = scene.call(1, ["PUTFH", "WRITE", "WRITE"], inline, read=chunks)
    rpc.payloads += [Payload("WRITE", 0, first), Payload("WRITE", 8192, second)]
    for payload, chunk in zip(rpc.payloads, chunks, strict=True):
        scene.spread(payload, list(chunk.segments), scene.get)
    done = [*write_results(700), *write_results(901)[1:]]
    scene.answer(rpc, results(1, done))
    return scene


# Packets


@scenario("psn-wrap")
def _() -> Scene:
    """The 24-bit sequence numbers of both sides wrap inside of a burst of data."""
    scene = Scene()
    scene.server.psn = scene.client.psn = 0xFFFFFC
    scene.connect()
    read(scene, 1, pattern(2001))
    scene.server.psn = scene.server.psn & 0xFFFFFF
    write(scene, 2, pattern(2001, 1))
    return scene


@scenario("psn-wrap-in-read-response")
def _() -> Scene:
    """The numbers wrap inside of an RDMA READ's response, the handshake not being there."""
    scene = Scene()
    scene.server.psn = 0xFFFFFC
    write(scene, 2, pattern(2001, 1))
    getattr_(scene, 3)
    return scene


@scenario("packets-twice")
def _() -> Scene:
    """Each packet of data is there twice."""
    scene = connected()
    for rpc in (read(scene, 1, pattern(1200)), write(scene, 2, pattern(1200, 1))):
        for carrier in rpc.payloads[0].carriers:
            at = scene.wire.frames.index(carrier.frame)
            scene.wire.frames.insert(at + 1, copy.copy(carrier.frame))
    return scene


@scenario("packets-reordered")
def _() -> Scene:
    """Neighbouring packets of data have changed places."""
    scene = connected()
    frames = scene.wire.frames
    for rpc in (read(scene, 1, pattern(1400)), write(scene, 2, pattern(1400, 1))):
        carriers = rpc.payloads[0].carriers
        for one, other in zip(carriers[1::2], carriers[2::2], strict=False):
            a, b = frames.index(one.frame), frames.index(other.frame)
            frames[a], frames[b] = frames[b], frames[a]
    return scene


def _lost(which: Callable[[int], list[int]]) -> Scene:
    scene = connected()
    for rpc in (read(scene, 1, pattern(1400)), write(scene, 2, pattern(1400, 1))):
        carriers = rpc.payloads[0].carriers
        for index in which(len(carriers)):
            scene.wire.frames.remove(carriers[index].frame)
        scene.notes.append("capture-hole")
    # That packets are missing shows in what the peer acknowledges.
    scene.notes.append("capture-hole")
    getattr_(scene, 3)
    return scene


@scenario("packet-lost")
def _() -> Scene:
    """A middle packet of an RDMA WRITE and of an RDMA READ's response is not in the capture."""
    return _lost(lambda count: [2])


@scenario("first-packet-lost")
def _() -> Scene:
    """The first packet of an RDMA WRITE and of an RDMA READ's response is not in the capture."""
    return _lost(lambda count: [0])


@scenario("last-packet-lost")
def _() -> Scene:
    """The last packet of an RDMA WRITE and of an RDMA READ's response is not in the capture."""
    return _lost(lambda count: [count - 1])


@scenario("go-back-n")
def _() -> Scene:
    """An RDMA READ is begun again half way; an RDMA WRITE is sent again after a NAK."""
    scene = connected()
    wire, data = scene.wire, pattern(1400, 1)
    rpc = talk.begin_write(scene, 1, data, [segment(1400, 9)], 0)
    start = len(wire.frames)
    psn = scene.server.psn
    wire.rdma_read(scene.server, 9, VA, data)
    # The third response never arrived: the rest is asked for again, by another request.
    del wire.frames[start + 3 :]
    reth = struct.pack(">QII", VA + 512, 9, 1400 - 512)
    wire.packet(scene.server, 0x0C, psn + 2, reth)
    aeth = struct.pack(">I", 0x1F << 24)
    rest = [data[at : at + 256] for at in range(512, 1400, 256)]
    for index, part in enumerate(rest):
        last = index == len(rest) - 1
        opcode = 13 if not index else 15 if last else 14
        wire.packet(scene.client, opcode, psn + 2 + index, b"" if opcode == 14 else aeth, part)
    carriers = [wire.frames[start + 1], wire.frames[start + 2], *wire.frames[start + 4 :]]
    scene.server.psn = psn + 6
    for index, frame in enumerate(carriers):
        end = min(1400, index * 256 + 256)
        rpc.payloads[0].carriers.append(Carrier(frame, index * 256, end))
    talk.end_write(scene, rpc)
    _written_again(scene, 2, pattern(1300, 2))
    return scene


def _written_again(scene: Scene, xid: int, data: bytes) -> None:
    """READ, whose packets from the third on the client NAKs, and the server sends anew."""
    part = segment(len(data))
    rpc = talk.begin_read(scene, xid, data, [part], 0)
    start, psn = len(scene.wire.frames), scene.server.psn
    scene.put(rpc.payloads[0], 0, part, data)
    again = scene.wire.frames[start + 2 :]
    scene.wire.acknowledge(scene.client, psn + 2, 0x60)
    scene.wire.frames += [copy.copy(frame) for frame in again]
    talk.end_read(scene, rpc, [part])


@scenario("receiver-not-ready")
def _() -> Scene:
    """A call meets no receive buffer (RNR NAK) and is sent again; so is one out of sequence."""
    scene = connected()
    wire = scene.wire
    getattr_(scene, 1)
    body = compound(2, getattr_call())
    first = scene.call(2, ["PUTFH", "GETATTR"], body)
    ack = wire.frames.pop()
    wire.acknowledge(scene.server, scene.client.psn - 1, 0x20 | 12)
    wire.frames.append(copy.copy(first.call[0]))
    wire.frames.append(ack)
    scene.answer(first, results(2, getattr_results()))
    getattr_(scene, 3)
    return scene


@scenario("packets-of-many-sizes")
def _() -> Scene:
    """A chunk that is written by RDMA WRITEs of 256, 256 and 1024 octets, each of one packet."""
    scene = connected(mtu=1024)
    data = pattern(1536)
    rpc = talk.begin_read(scene, 1, data, [segment(1536)], 0)
    at = 0
    for size in (256, 256, 1024):
        part = Segment(7, size, VA + at)
        scene.put(rpc.payloads[0], at, part, data[at : at + size])
        at += size
    talk.end_read(scene, rpc, [segment(1536)])
    return scene


@scenario("send-of-many-packets")
def _() -> Scene:
    """Chunk lists of twelve segments, in SENDs of three packets."""
    scene = connected()
    parts = [segment(100, 7 + index) for index in range(12)]
    read(scene, 1, pattern(1150), parts)
    write(scene, 2, pattern(1200, 1), parts)
    return scene


@scenario("two-clients")
def _() -> Scene:
    """Two clients with the same handles, addresses and sequence numbers, packet by packet."""
    scene = connected()
    read(scene, 1, pattern(1001, 1))
    write(scene, 2, pattern(1302, 2))
    other = Scene()
    other.wire.client = Host("10.0.0.3", scene.client.qpn, 100)
    other.wire.server = Host("10.0.0.2", 0x33, 0xFFFFF0)
    other.connect()
    read(other, 1, pattern(1001, 5))
    write(other, 2, pattern(1302, 6))
    pairs = zip(scene.wire.frames, other.wire.frames, strict=True)
    scene.wire.frames = [frame for pair in pairs for frame in pair]
    scene.rpcs += other.rpcs
    return scene


# Cut frames


@scenario("snaplen-128")
def _() -> Scene:
    """Frames are cut at 128 octets."""
    scene = connected(mtu=1024)
    read(scene, 1, pattern(1501))
    write(scene, 2, pattern(1302, 3))
    _cut(scene, 128)
    for rpc in scene.rpcs:
        # What is asked for begins behind the cut.
        rpc.operations, rpc.payloads = [], []
    scene.notes = ["capture-cut"] * 4
    return scene


@scenario("snaplen-400")
def _() -> Scene:
    """Frames are cut at 400 octets, those of a SEND of several packets too."""
    scene = connected(mtu=1024)
    getattr_(scene, 1)
    read(scene, 2, pattern(2501))
    write(scene, 3, pattern(2302, 3))
    parts = [segment(100, 7 + index) for index in range(60)]
    rpc = write(scene, 4, pattern(6000, 3), parts)
    rpc.operations, rpc.payloads = [], []
    scene.notes = ["bad-header"]
    _cut(scene, 400)
    return scene


def _cut(scene: Scene, snaplen: int) -> None:
    scene.snaplen = snaplen
    scene.form = partial(pcap, snaplen=snaplen)


# What is not ordinary RPC-over-RDMA version 1


@scenario("other-protocols")
def _() -> Scene:
    """SENDs that are none of RPC-over-RDMA, of 0 to 40 octets, between RPCs: a finding each."""
    scene = connected()
    getattr_(scene, 1)
    for size in (0, 1, 4, 12, 15, 16, 28, 40):
        scene.send(scene.client, pattern(size, 77))
        scene.notes.append("bad-header")
        scene.findings.append("bad-header")
    getattr_(scene, 2)
    return scene


@scenario("version-2")
def _() -> Scene:
    """A header of RPC-over-RDMA version 2, answered with ERR_VERS."""
    scene = connected()
    getattr_(scene, 1)
    scene.send(scene.client, struct.pack(">7I", 2, 2, 32, 0, 0, 0, 0) + bytes(40))
    scene.send(scene.server, struct.pack(">7I", 2, 1, 32, 4, 1, 1, 1))
    scene.notes = ["rdma-error", "version-2"]
    scene.findings = []
    getattr_(scene, 3)
    return scene


def _second(link: str) -> Scene:
    """RPC-over-RDMA version 2 by its draft: properties, a grant, READ, WRITE, long and continued
    messages."""
    scene = connected(link)
    second.everything(scene)
    scene.notes = ["version-2"] * 3
    return scene


for _link in ("rocev2", "infiniband", "iwarp"):
    _words = " ".join((_second.__doc__ or "").split())
    SCENARIOS[f"version-2-draft-{_link}.pcap"] = (partial(_second, _link), f"{_words} ({_link})")


@scenario("rdma-error")
def _() -> Scene:
    """Calls that are answered with RDMA_ERROR: ERR_CHUNK and ERR_VERS."""
    scene = connected()
    for xid, words in ((1, (2,)), (2, (1, 1, 1))):
        rpc = scene.call(xid, ["PUTFH", "GETATTR"], compound(xid, getattr_call()))
        rpc.error = "ERR_CHUNK" if xid == 1 else "ERR_VERS"
        head = struct.pack(f">{4 + len(words)}I", xid, 1, 32, 4, *words)
        rpc.reply = scene.send(scene.server, head)
    scene.notes = scene.findings = ["rdma-error", "rdma-error"]
    getattr_(scene, 3)
    return scene


@scenario("obsolete-procedures")
def _() -> Scene:
    """RDMA_MSGP, which RFC 8166 has no more, and RDMA_DONE."""
    scene = connected()
    getattr_(scene, 1)
    head = struct.pack(">9I", 2, 1, 32, 2, 64, 512, 0, 0, 0)
    rpc = scene.call(2, ["PUTFH", "GETATTR"], b"")
    del scene.wire.frames[-2:]
    scene.client.psn -= 1
    rpc.call = scene.send(scene.client, head + compound(2, getattr_call()))
    scene.answer(rpc, results(2, getattr_results()))
    scene.send(scene.client, struct.pack(">7I", 3, 1, 32, 3, 0, 0, 0))
    scene.notes = ["rdma-done"]
    scene.findings = ["procedure-obsolete", "procedure-obsolete"]
    return scene


@scenario("callback-with-the-same-xid")
def _() -> Scene:
    """A callback has the XID of a call in flight; its reply comes before that call's."""
    scene = connected()
    getattr_(scene, 1)
    rpc = scene.call(0x77, ["PUTFH", "GETATTR"], compound(0x77, getattr_call()))
    talk.recall(scene, 0x77)
    scene.answer(rpc, results(0x77, getattr_results()))
    return scene


@scenario("port-4420")
def _() -> Scene:
    """The service identifier has the port of another protocol, NVMe over RDMA."""
    scene = Scene(service=4420)
    scene.connect()
    everything(scene)
    return scene


@scenario("udp-source-69")
def _() -> Scene:
    """RoCE packets whose UDP source port is that of TFTP."""
    scene = Scene(udp_source=69)
    scene.connect()
    everything(scene)
    return scene


@scenario("congestion")
def _() -> Scene:
    """Packets of a READ are marked (CE), and the client sends congestion notifications."""
    scene = connected()
    rpc = read(scene, 1, pattern(1400))
    for carrier in rpc.payloads[0].carriers:
        data = bytearray(carrier.frame.data)
        data[15] |= 3
        data[-4:] = packet_icrc(bytes(data[14:])).to_bytes(4, "little")
        carrier.frame.data = bytes(data)
    scene.wire.packet(scene.client, 0x81, 0, bytes(16))
    getattr_(scene, 2)
    return scene


@scenario("nfs3")
def _() -> Scene:
    """NFS version 3: LOOKUP, READ by a Write chunk, WRITE by a Read chunk."""
    scene = connected()
    talk.lookup3(scene, 1)
    talk.read3(scene, 2, pattern(1001))
    talk.write3(scene, 3, pattern(902))
    return scene


@scenario("rpcsec-gss")
def _() -> Scene:
    """Calls under RPCSEC_GSS with integrity, then with privacy (not really encrypted)."""
    scene = connected()
    talk.protected(scene, 1, 2)
    talk.protected(scene, 2, 3)
    return scene


@scenario("company")
def _() -> Scene:
    """What goes beside NFS: NLM, NFS_ACL, NSM, RQUOTA, MOUNT, RPCBIND, and NFS version 2."""
    scene = Scene(mtu=1024)
    scene.connect()
    for xid, spoken in enumerate(SPOKEN, 1):
        talk.procedure(scene, xid, spoken)
    return scene


@scenario("pnfs")
def _() -> Scene:
    """Layouts, devices, commits and returns of files, flexible files, blocks and SCSI."""
    scene = Scene(mtu=1024)
    scene.connect()
    for xid, (asked, answered) in enumerate(pnfs.operations(), 1):
        talk.operation(scene, xid, asked, answered)
    return scene


@scenario("callbacks")
def _() -> Scene:
    """Callbacks: notifications with their values, recalls, locks, the end of a copy."""
    scene = Scene(mtu=1024)
    scene.connect()
    for xid, (asked, answered) in enumerate(pnfs.callbacks(), 1):
        talk.callback(scene, xid, asked, answered)
    return scene


@scenario("gss-context")
def _() -> Scene:
    """A security context from its creation to its end, with a protected call between."""
    scene = connected()
    talk.context(scene)
    return scene


@scenario("remote-invalidation")
def _() -> Scene:
    """The replies to READs invalidate the handle that was written to."""
    scene = connected()
    for xid in (1, 2):
        rpc = talk.begin_read(scene, xid, pattern(700, xid), [segment(700, 7 + xid)], 0)
        used = scene.spread(rpc.payloads[0], [segment(700, 7 + xid)], scene.put)
        talk.end_read(scene, rpc, used, invalidate=7 + xid)
    return scene


# What breaks a rule


@scenario("violation-credit-overrun-1")
def _() -> Scene:
    """Two calls before a reply has granted any credits."""
    scene = connected()
    rpcs = [scene.call(xid, ["PUTFH", "GETATTR"], compound(xid, getattr_call())) for xid in (1, 2)]
    for rpc in rpcs:
        scene.answer(rpc, results(rpc.xid, getattr_results()))
    scene.findings = ["credit-overrun"]
    return scene


@scenario("violation-invalidate-unasked-1")
def _() -> Scene:
    """A handle is invalidated, although the client did not set the R flag."""
    scene = Scene()
    scene.wire.connect(PrivateData(4096, 4096, False), SAID)
    rpc = talk.begin_read(scene, 1, pattern(700), [segment(700)], 0)
    used = scene.spread(rpc.payloads[0], [segment(700)], scene.put)
    talk.end_read(scene, rpc, used, invalidate=7)
    scene.findings = ["invalidate-unasked"]
    return scene


def _violation(rule: str, play: Callable[..., object]) -> Scene:
    scene = Scene(mtu=1024)
    scene.connect()
    getattr_(scene, 1)
    play(scene.wire)
    scene.findings = [rule]
    return scene


SCENARIOS |= FOUND

_count: dict[str, int] = {}
for _rule, _play in BROKEN:
    _count[_rule] = _count.get(_rule, 0) + 1
    SCENARIOS[f"violation-{_rule}-{_count[_rule]}.pcap"] = (
        partial(_violation, _rule, _play),
        f"{(_play.__doc__ or '').strip()}",
    )
