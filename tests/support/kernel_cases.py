"""Random packets for the native kernel and its twin in Python: whether both make the same of them.

python -m tests.support.kernel_cases [--packets 1000000] [--seed 1]
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any

from nfsrdma.rpcrdma.roce.packets import twin
from nfsrdma.rpcrdma.roce.wire.headers import BTH
from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.rpcrdma.roce.wire.opcode import MIDDLES, MTUS, OPCODES

FLOWS = (
    Flow(("10.0.0.1", 4791), ("10.0.0.2", 4791)),
    Flow(("192.168.255.254", 65535), ("127.0.0.1", 1)),
    Flow(("fd00::1", 4791), ("fd00::2", 50000)),
)
_CODES = tuple(OPCODES)
_MIDDLES = tuple(MIDDLES)
_HEAD = 0x40 << 48 | 0xFFFF << 32


def native() -> ModuleType | None:
    """The native kernel, where it was built and is not switched off."""
    try:
        return importlib.import_module("nfsrdma.rpcrdma.roce.packets._kernel")
    except ImportError:
        return None


def outcome(function: Callable[..., object], *arguments: Any) -> object:
    """What it returns, or that it refuses."""
    try:
        return function(*arguments)
    except ValueError:
        return ValueError


def _bth(rng: Random, code: int, psn: int) -> bytes:
    """A BTH that is right more often than not."""
    bits, pkey, congestion, qpn = 0x40 | rng.choice((0, 0, 1, 2, 3)) << 4, 0xFFFF, 0, 17
    match rng.randrange(24):
        case 0:
            bits = rng.randrange(256)
        case 1:
            pkey = rng.choice((0x7FFF, 0xFFFE, rng.randrange(65536)))
        case 2:
            congestion = rng.randrange(256)
        case 3:
            qpn = rng.randrange(1 << 24)
    tail = psn | (rng.randrange(256) << 24 if not rng.randrange(8) else 0)
    return BTH.pack(code << 56 | bits << 48 | pkey << 32 | congestion << 24 | qpn, tail)


def burst(rng: Random) -> tuple[Flow, bytes, int, list[int] | None]:
    """A flow, datagrams as one receive call gives them, their size, and their identifications."""
    flow = rng.choice(FLOWS)
    known = rng.random() < 0.3
    size = rng.choice((16, 20, 28, 32, 44, 64, 256 + 16, rng.randrange(16, 600), 4112))
    packets: list[bytes] = []
    idents: list[int] = []
    psn, code, stretch = rng.randrange(1 << 24), 0, 0
    sends: list[int] = []
    for index in range(rng.choice((1, 2, 3, 8, 15, 15, 140 if size < 64 else 5))):
        if not stretch and (sends or not rng.randrange(6)):
            sends = sends or [0, *[1] * rng.choice((0, 0, 1, 2, 5)), rng.choice((2, 2, 0x16, 3))]
            head = 0x40 << 48 | 0xFFFF << 32 | 17
            bth = BTH.pack(sends.pop(0) << 56 | head, psn)
            if not rng.randrange(12):
                bth = _bth(rng, bth[0], psn)
            stretch = 1
        elif not stretch:
            stretch = rng.choice((1, 1, 2, 6, 12))
            code = rng.choice(_MIDDLES if stretch > 1 else (*_CODES, rng.randrange(256)))
            bth = _bth(rng, code, psn)
        elif rng.random() < 0.93:
            bth = bth[:8] + (psn | rng.choice((0, 0, 0, 0x80 << 24))).to_bytes(4, "big")
        else:
            bth = _bth(rng, code, psn)
        stretch -= 1
        psn = psn + 1 & 0xFFFFFF if rng.random() < 0.97 else rng.randrange(1 << 24)
        packet = bth + rng.randbytes(max(size - 16, 0))
        ident = rng.choice((index, index, index, 0, rng.randrange(65536)))
        packet += flow.icrc(packet, ident).to_bytes(4, "little")
        if not rng.randrange(40):
            damaged = bytearray(packet)
            damaged[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)
            packet = bytes(damaged)
        packets.append(packet)
        idents.append(ident if rng.random() < 0.98 else rng.randrange(65536))
    if not rng.randrange(6):
        last = packets[-1][:12] + rng.randbytes(rng.randrange(0, 12))
        last += flow.icrc(last, idents[-1]).to_bytes(4, "little")
        packets[-1] = last if len(last) <= len(packets[0]) else last[: rng.randrange(1, 16)]
    octets = b"".join(packets)
    if not rng.randrange(20):
        octets = rng.randbytes(rng.randrange(1, 200))
        idents = [0] * 200
    return flow, octets, len(packets[0]), idents if known else None


def bursts(rng: Random) -> tuple[Flow, list[tuple[memoryview, int]], list[int] | None]:
    """What ``scan`` takes: a burst, or several, as if the first had come in pieces."""
    flow, octets, size, idents = burst(rng)
    view = memoryview(octets)
    if idents is not None or rng.random() < 0.5:
        return flow, [(view, size)], idents
    found = []
    while view:
        length = min(size * rng.choice((1, 1, 2, 4)), len(view))
        piece, view = bytearray(view[:length]), view[length:]
        for index, start in enumerate(range(0, length - 15, size)):
            # Over IPv4 the ICRC has the place in the burst, which is another one now.
            end = min(start + size, length)
            if end - start >= 16 and rng.random() < 0.98:
                right = flow.icrc(piece[start : end - 4], index)
                piece[end - 4 : end] = right.to_bytes(4, "little")
        found.append((memoryview(piece), size if rng.random() < 0.98 else rng.randrange(-1, size)))
    return flow, found, None


def compare_received(kernel: ModuleType, rng: Random) -> int:
    """Scan what has come with both, and place what is in it. Returns how many packets it had."""
    scanned = bursts(rng)
    ours, theirs = kernel.scan(*scanned), twin.scan(*scanned)
    assert ours == theirs, (scanned, ours, theirs)
    for _, _, _, _, view, offset, run_size, here, count, length, rest, _ in ours[0]:
        begin = offset + 12
        if not rng.randrange(8):
            begin += rng.randrange(-len(view) - 1, len(view) + 2)
        sink_octets = max(0, count * max(length, 0) + rng.randrange(-2, 9))
        at = rng.randrange(-1, 5)
        sinks = bytearray(sink_octets), bytearray(sink_octets)
        results = [
            outcome(place, view, begin, run_size, here, max(length, 0), memoryview(sink), at)
            for place, sink in zip((kernel.place, twin.place), sinks, strict=True)
        ]
        assert results[0] == results[1], (begin, run_size, here, length, sink_octets, at, results)
        parts = [(view, begin - 12, here), *rest]
        results = [
            outcome(spread, parts, 12, run_size, max(length, 0), memoryview(sink), at)
            for spread, sink in zip((kernel.spread, twin.spread), sinks, strict=True)
        ]
        assert results[0] == results[1], (parts, run_size, length, sink_octets, at, results)
        assert sinks[0] == sinks[1]
    return sum(-(-len(view) // max(size, 1)) for view, size in scanned[1])


def compare_built(kernel: ModuleType, rng: Random) -> int:
    """Build some packets with both. Returns how many."""
    flow = rng.choice(FLOWS)
    mtu, index = rng.choice(MTUS), rng.randrange(64)
    n = rng.randrange(1, 15)
    view = memoryview(rng.randbytes(n * mtu + rng.randrange(9)))
    head = _HEAD | rng.choice(_MIDDLES) << 56 | rng.randrange(1 << 24)
    psn, ask = rng.randrange(1 << 26), rng.choice((0, 0x80000000))
    row = (flow, index, head, psn, ask, view, rng.randrange(len(view) - n * mtu + 1), mtu, n)
    assert kernel.frames(*row) == twin.frames(*row), row
    _compare_trains(kernel, rng, flow, head, psn, ask)

    header = _bth(rng, rng.choice(_CODES), psn & 0xFFFFFF)
    header = header[:4] + b"\0" + header[5:] + rng.randbytes(rng.choice((0, 4, 16)))
    views = [
        memoryview(rng.randbytes(rng.choice((0, 5, 900, 4096)))) for _ in range(rng.randrange(4))
    ]
    octets = sum(map(len, views))
    offset = rng.randrange(octets + 2)
    length = min(rng.randrange(octets - offset + 2), rng.choice((64, 1024, 1025, 4096, 4200)))
    row = (flow, index, header, views, offset, length)
    assert outcome(kernel.packet, *row) == outcome(twin.packet, *row), row
    size = rng.choice((0, 1, 2, mtu, rng.randrange(600), rng.randrange(21000), 20481))
    heads = tuple(head & ~(0xFF << 56) | code << 56 for code in (0, 1, 2, 4))
    extension = rng.randbytes(rng.choice((0, 0, 4, 16)))
    view = memoryview(rng.randbytes(size))
    whole = (flow, heads, psn, ask, extension, view, rng.choice((mtu, mtu, mtu, 0, 4097)))
    assert outcome(kernel.message, *whole) == outcome(twin.message, *whole), whole
    _compare_onlies(kernel, rng, flow, head, psn, ask)
    return n + 1


def _compare_onlies(
    kernel: ModuleType, rng: Random, flow: Flow, head: int, psn: int, ask: int
) -> None:
    count = rng.choice((0, 1, 1, 2, 3, 8, 8, 128 if not rng.randrange(20) else 5, 129))
    size = rng.choice((1, 4, rng.randrange(300), rng.randrange(4097), 4096, 4097))
    sizes = [max(size - rng.randrange(3 if rng.random() < 0.1 else 1), 0) for _ in range(count)]
    if sizes and rng.random() < 0.6:
        sizes[-1] = rng.randrange(size + 2)
    views = [memoryview(rng.randbytes(each)) for each in sizes]
    row = (flow, head, psn, ask, views)
    assert outcome(kernel.onlies, *row) == outcome(twin.onlies, *row), (row, sizes)


def _compare_trains(
    kernel: ModuleType, rng: Random, flow: Flow, head: int, psn: int, ask: int
) -> None:
    mtu = rng.choice((1, 256, 256, 1024, rng.randrange(1, 300), 0, 4097))
    cuts = tuple(rng.randrange(-1 if rng.random() < 0.1 else 1, 9) for _ in range(rng.randrange(5)))
    if not rng.randrange(30):
        cuts += (1024, 1 << 62)[: rng.randrange(1, 3)]
    view = memoryview(rng.randbytes(max(sum(cuts) if sum(cuts) < 99 else 9, 0) * mtu + 3))
    first = head ^ rng.randrange(256) << 56
    extension = rng.randbytes(rng.choice((0, 4, 16, 28, 29)))
    row = (flow, first, head, psn, ask, extension, view, rng.randrange(-1, 5), mtu, cuts)
    assert outcome(kernel.train, *row) == outcome(twin.train, *row), row


def compare(kernel: ModuleType, packets: int, seed: int) -> int:
    """Compare until so many packets were seen; how many there were. Raises ``AssertionError``."""
    rng = Random(seed)
    seen = 0
    while seen < packets:
        seen += compare_received(kernel, rng) + compare_built(kernel, rng)
    return seen


def main() -> None:
    """Compare, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    kernel = native()
    if kernel is None:
        raise SystemExit("the native kernel is not built, or NFSRDMA_NATIVE=0: see nfsrdma doctor")
    seen = compare(kernel, arguments.packets, arguments.seed)
    print(f"{seen:,} packets: the native kernel and its twin in Python agree")


if __name__ == "__main__":
    main()
