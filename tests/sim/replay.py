"""Run the simulation's seeds, or one of them again.

    python -m tests.sim.replay 1234                          one seed, with what it was about
    python -m tests.sim.replay 1234 --pcap x.pcapng          and its packets
    python -m tests.sim.replay --seeds 0:1000 --jobs 2       many, with progress
    python -m tests.sim.replay --seeds 0:300 --paths 2       with two paths that are cut

A seed that fails is run again with a tap; the error says where its packets are.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from nfsrdma.rpcrdma.pcapng import PcapngWriter
from nfsrdma.rpcrdma.providers.sim import EPOCH_S, SimFabric, simulate
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.providers.tap import Tap
from nfsrdma.rpcrdma.roce.packets.burst import Address, Burst

from .plan import Plan, failover_plan, plan_of
from .world import World


def _plan(seed: int, paths: int) -> Plan:
    return plan_of(seed) if paths == 1 else failover_plan(seed)


def run_seed(seed: int, paths: int = 1) -> None:
    """Run a seed. Raises, with the notes of ``simulate``, if something is not as it must be."""
    plan = _plan(seed, paths)

    def scenario(fabric: SimFabric) -> None:
        World(fabric, plan).run()

    option = f" --paths {paths}" if paths > 1 else ""
    command = f"python -m tests.sim.replay {seed}{option} --pcap seed-{seed}.pcapng"
    try:
        simulate(scenario, seed, faults=plan.faults, command=command)
    except Exception as error:
        error.add_note(f"seed:    {seed}: {plan}")
        raise


def tapped(seed: int, tap: Tap | HashTap, reactor: SimReactor, paths: int = 1) -> World:
    """Run a seed with a tap on its fabric."""
    plan = _plan(seed, paths)
    world = World(SimFabric(reactor, seed, plan.faults, tap=tap), plan)  # type: ignore[arg-type]
    world.run()
    return world


class HashTap:
    """A tap that keeps nothing of the packets but a hash: of each, when it was sent, its fate."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hash = hashlib.blake2b()
        self.packets = 0

    def sent(self, burst: Burst) -> None:
        """See ``Tap.sent``."""
        self._note(burst.source, burst.destination, b"".join(burst.buffers), burst.packets, "")

    def packet(
        self, source: Address, destination: Address, payload: bytes, ident: int, comment: str
    ) -> None:
        """See ``Tap.packet``."""
        self._note(source, destination, payload, 1, f"{ident} {comment}")

    def _note(self, source: Address, to: Address, data: bytes, count: int, fate: str) -> None:
        self.packets += count
        self._hash.update(f"{self._clock()!r} {source} {to} {len(data)} {fate}".encode())
        self._hash.update(data)

    def digest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()


def digest_of(seed: int) -> str:
    """What a seed's packets hash to: two runs of one seed must have the same."""
    reactor = SimReactor()
    tap = HashTap(reactor.time)
    tapped(seed, tap, reactor)
    return tap.digest()


def _attempt(seed: int, paths: int) -> tuple[int, float, str]:
    """The seed, the processor's seconds that it took, and the report of its failure, if any."""
    start = time.process_time()
    try:
        run_seed(seed, paths)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return seed, time.process_time() - start, "".join(traceback.format_exception(error))
    finally:
        if seed % 16 == 0:
            gc.collect()
    return seed, time.process_time() - start, ""


def _outcomes(seeds: range, jobs: int, paths: int) -> Iterator[tuple[int, float, str]]:
    attempt = partial(_attempt, paths=paths)
    if jobs == 1:
        yield from map(attempt, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(attempt, seeds, chunksize=4)


def soak(seeds: range, jobs: int, paths: int = 1) -> int:
    """Run many seeds with a line that tells how far it is; how many failed."""
    failed: list[int] = []
    spent = 0.0
    start = time.monotonic()
    for done, (seed, seconds, report) in enumerate(_outcomes(seeds, jobs, paths), 1):
        spent += seconds
        if report:
            failed.append(seed)
            print(f"\r\033[K{report}", flush=True)
        rate = done / (time.monotonic() - start)
        line = f"{done} of {len(seeds)} seeds, {len(failed)} failed, {rate:.1f} a second"
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="", flush=True)
        elif done % 100 == 0 or done == len(seeds):
            print(line, flush=True)
    print(f"\n{1000 * spent / len(seeds):.0f} ms of processor time a seed")
    if failed:
        print(f"failed: {' '.join(map(str, failed))}")
    return len(failed)


def replay(seed: int, pcap: Path | None, paths: int = 1) -> None:
    """Run one seed and say what it was about. Raises if it fails."""
    plan = _plan(seed, paths)
    print(f"seed {seed}: {plan}\n{plan.faults}")
    reactor = SimReactor()
    hashes = HashTap(reactor.time)
    start = time.process_time()
    if pcap is None:
        world = tapped(seed, hashes, reactor, paths)
        print(f"{hashes.packets} packets, hash {hashes.digest()[:16]}")
    else:
        tap = Tap(PcapngWriter(pcap.open("wb")), lambda: EPOCH_S + reactor.time())
        try:
            world = tapped(seed, tap, reactor, paths)
        finally:
            tap.close()
            print(f"packets: {pcap}")
    print(
        f"{world.operations} operations in {reactor.time():.1f} virtual seconds and "
        f"{time.process_time() - start:.2f} s; {world.watch.registered} registrations; "
        f"server lives: {world.lives}"
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.replay", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--pcap", type=Path, help="write the packets of the seed to this file")
    parser.add_argument("--seeds", metavar="FROM:TO", help="run these seeds, TO left out")
    parser.add_argument("--jobs", type=int, default=1, help="processes that run seeds")
    parser.add_argument("--paths", type=int, default=1, choices=(1, 2), help="to the server")
    options = parser.parse_args()
    if options.seeds is not None:
        first, _, end = options.seeds.partition(":")
        return 1 if soak(range(int(first), int(end)), options.jobs, options.paths) else 0
    if options.seed is None:
        parser.error("which seed?")
    replay(options.seed, options.pcap, options.paths)
    return 0


if __name__ == "__main__":
    sys.exit(main())
