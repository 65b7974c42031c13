"""Hostile input for the native modules for so many minutes: meant to run under the sanitizers.

python -m tests.support.native_soak [--minutes 30] [--seed N]

Each round has a seed, which is printed when something is wrong; ``--minutes 0 --seed N`` is that
round alone. What the modules make of it is compared with their twins wherever there is one. In a
quarter of the rounds finalizers run amid the calls that decode, read other things and take the
octets away.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import struct
import time
from random import Random
from typing import Any

from tests.property.test_roce_hostile import assault
from tests.support import kernel_cases

from nfsrdma.rpcrdma.providers import udp
from nfsrdma.xdr import XdrError, codec, decoder
from nfsrdma.xdr.nfs4 import types

_NUMBERS = ("uint32", "int32", "uint64", "int64", "boolean", "tell", "remaining")
_TYPES = [
    kind
    for _, kind in sorted(vars(types).items())
    if inspect.isclass(kind) and hasattr(kind, "decode")
]


class _Litter:
    """Garbage for the collector, which decodes when it is found."""

    def __init__(self, rng: Random, dec: Any, octets: bytes) -> None:
        self.myself = self
        self.deed = rng.choice((self._decode, self._replace))
        self.dec, self.octets = dec, octets
        self.seed = rng.random()

    def __del__(self) -> None:
        self.deed()

    def _decode(self) -> None:
        rng = Random(self.seed)
        for _ in range(4 if len(self.octets) > 4096 else 0):
            codec.Decoder(self.octets).unpack(_layout(rng))

    def _replace(self) -> None:
        self.dec._view = bytearray(self.octets)


def _layout(rng: Random) -> struct.Struct:
    fields = (f"{rng.choice((1, 2, 9, 21, 70))}{rng.choice('iIqQsx')}" for _ in range(5))
    return struct.Struct(">" + "".join(fields))


def _octets(rng: Random) -> bytes:
    """Words that are small are lengths and counts that can be."""
    words = (
        rng.randrange(20) if rng.random() < 0.7 else rng.getrandbits(32)
        for _ in range(rng.choice((0, 3, 20, 200, 1200)))
    )
    return b"".join(word.to_bytes(4, "big") for word in words) + rng.randbytes(rng.randrange(4))


def _step(rng: Random) -> tuple[str, tuple[Any, ...]]:
    count = rng.choice((0, 1, 4, rng.randrange(400), 1 << 31, (1 << 32) - 1, 1 << 40))
    limit = rng.choice((None, 0, 8, 400))
    match rng.randrange(9):
        case 0:
            return "unpack", (_layout(rng),)
        case 1:
            return "numbers", (rng.choice("iIqQd"), count)
        case 2:
            return rng.choice(("octets", "fixed_opaque", "_take", "peek")), (count,)
        case 3:
            return rng.choice(("opaque", "payload")), (limit,)
        case 4:
            return "check_count", (count, rng.randrange(30), limit)
        case 5:
            return "array", (rng.choice(("uint32", "int64", "opaque")), limit)
        case 6:
            return "offset", (rng.randrange(5000),)
        case _:
            return rng.choice(_NUMBERS), ()


def _outcome(dec: Any, name: str, arguments: tuple[Any, ...]) -> object:
    try:
        if name == "offset":
            (dec.offset,) = arguments
            return None
        if name == "array":
            arguments = (getattr(dec, arguments[0]), arguments[1])
        value = getattr(dec, name)(*arguments)
        return repr(bytes(value) if isinstance(value, memoryview) else value), dec.offset
    except XdrError as error:
        return str(error), dec.offset


def decode(rng: Random, *, litter: bool) -> int:
    """Random steps over random octets. Returns how many."""
    octets = _octets(rng)
    ours, theirs = codec.Decoder(bytearray(octets)), decoder.Decoder(octets)
    steps = rng.randrange(1, 30)
    for _ in range(steps):
        name, arguments = _step(rng)
        if litter:
            _Litter(rng, ours, octets)
        found = _outcome(ours, name, arguments)
        expected = _outcome(theirs, name, arguments)
        assert found == expected, (octets, name, arguments, found, expected)
    return steps


def messages(rng: Random) -> int:
    """The emitted types out of random octets, by both decoders."""
    octets = _octets(rng)
    kind: Any = rng.choice(_TYPES)
    found = []
    for base in (codec.Decoder, decoder.Decoder):
        dec: Any = base(octets)
        try:
            found.append((repr(kind.decode(dec)), dec.offset))
        except XdrError as error:
            found.append((str(error), dec.offset))
    assert found[0] == found[1], (kind, octets)
    return 1


def datagrams(rng: Random) -> int:
    """Bursts that are none, to a descriptor that is none: refused before anything is read."""
    views: list[Any] = [b"", rng.randbytes(16), memoryview(rng.randbytes(5000)), None, 5]
    frames = rng.randbytes(16 * rng.randrange(80))
    sizes = (-1, 0, 1, 16, 4096, 1 << 40, (1 << 63) - 1)
    parts = [
        rng.choice(
            (
                rng.choice(views),
                (frames, views[2], rng.choice(sizes), rng.choice(sizes)),
                (rng.choice(views), rng.choice(views), rng.choice(sizes), rng.choice(sizes)),
                tuple(rng.choices(views, k=rng.randrange(6))),
            )
        )
        for _ in range(rng.choice((0, 1, 3, 40, 1100)))
    ]  # fmt: skip
    name, source = rng.randbytes(rng.randrange(40)), rng.randbytes(rng.choice((0, 12, 20, 5)))
    try:
        udp._udp.send(-1, name, source, rng.randrange(65536), parts)
    except (OSError, TypeError, ValueError, OverflowError):
        return 1
    raise AssertionError("a descriptor that is none")


def one_round(seed: int) -> int:
    """All of it, from a seed. Returns how many inputs."""
    rng = Random(seed)
    kernel = kernel_cases.native()
    assert kernel is not None
    litter = not seed % 4
    before = gc.get_threshold()
    if litter:
        gc.set_threshold(rng.choice((1, 2, 5)), 1, 1)
    try:
        done = kernel_cases.compare(kernel, 300, seed)
        done += sum(decode(rng, litter=litter) for _ in range(60))
        done += sum(messages(rng) for _ in range(60))
        done += sum(datagrams(rng) for _ in range(20))
    finally:
        gc.set_threshold(*before)
    for _ in range(4):
        assault(rng.getrandbits(40), 40)
        done += 40
    return done


def main() -> None:
    """Rounds until the time is over; says how many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    if not codec.native or udp._udp is None:
        raise SystemExit("the native modules are not built, or NFSRDMA_NATIVE=0")
    seed = time.time_ns() // 1000 if arguments.seed is None else arguments.seed
    end = time.monotonic() + 60 * arguments.minutes
    rounds = done = 0
    while not rounds or time.monotonic() < end:
        try:
            done += one_round(seed)
        except BaseException:
            print(f"round {rounds}, --minutes 0 --seed {seed}:", flush=True)
            raise
        seed += 1
        rounds += 1
    print(f"{rounds:,} rounds, {done:,} inputs up to seed {seed - 1}: nothing found")


if __name__ == "__main__":
    main()
