"""``nfsrdma rdma-bench``: the verbs by themselves, in perftest's tables."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from nfsrdma.bench import machine, perftest, plan, targets, verbs
from nfsrdma.bench.pattern import WrongData
from nfsrdma.bench.servers import ServerError, free_loopback, start_process
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.rpcrdma.verbs.types import VerbsError

from .bench import describe_here
from .bench_options import SIZES, Words
from .common import Failed
from .endings import ending_by, interrupt
from .folding import folded
from .output import replaced

_PROVIDERS = tuple(name for name in plan.TRANSPORTS if name != "tcp")
_SIZES = {"short": "64,4k,64k,1m", "default": "2,64,1k,4k,16k,64k,256k,1m,4m", "full": "2:8m"}
Line = perftest.Bandwidth | perftest.Latency
_SECONDS = {"short": 0.2, "default": 0.4, "full": 1.0}


@dataclass(frozen=True, slots=True)
class Ends:
    """Which end this is, where the other one is, and the providers between them."""

    listen_at: str | None
    port: int
    once: bool
    providers: tuple[str, ...] | None
    address: str | None

    @property
    def provider(self) -> str:
        """The provider of a single connection."""
        return (self.providers or ("soft",))[0]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure, and for how long."""

    preset: str | None
    sizes: list[int] | None
    iters: int | None
    seconds: float | None
    depth: int
    tests: tuple[str, ...] | None
    check: bool

    @property
    def message_sizes(self) -> list[int]:
        """The sizes named, or those of the preset."""
        return self.sizes or plan.parse_sizes(_SIZES[self.preset or "default"])

    @property
    def line_s(self) -> float:
        """Seconds for each line, if the iterations are not given."""
        return self.seconds or _SECONDS[self.preset or "default"]


_end_options = folded(
    Ends,
    "ends",
    (
        click.option(
            "--listen", "listen_at", metavar="ADDR", help="Be the passive end, at this address."
        ),
        click.option(
            "--port", default=verbs.PORT, show_default=True, type=click.IntRange(0, 65535)
        ),
        click.option(
            "--once", is_flag=True, help="With --listen: end when the first peer is gone."
        ),
        click.option(
            "--provider",
            "providers",
            type=Words("NAMES", _PROVIDERS),
            metavar="NAMES",
            help="Some of soft,shm,verbs.  [default: all that this machine can do; soft with HOST]",
        ),
        click.option("--address", help="Our own address, for a provider that needs to be told."),
    ),
)

_measuring_options = folded(
    Wanted,
    "wanted",
    (
        click.option("--short", "preset", flag_value="short", help="Few sizes."),
        click.option("--full", "preset", flag_value="full", help="Every power of two up to 8 MiB."),
        click.option("-s", "--sizes", type=SIZES, help="Message sizes, as in 2:8m or 64,4k."),
        click.option(
            "-n", "--iters", type=click.IntRange(1, 1_000_000), help="Iterations of each line."
        ),
        click.option(
            "--seconds",
            type=click.FloatRange(0, min_open=True),
            metavar="S",
            help="Time for each line, where --iters does not say.",
        ),
        click.option(
            "-t",
            "--depth",
            default=64,
            show_default=True,
            type=click.IntRange(1, 1024),
            help="Requests in flight for bandwidth.",
        ),
        click.option(
            "--tests",
            type=Words("NAMES", (*perftest.TESTS, "register")),
            metavar="NAMES",
            help="Some of send,write,read,register.",
        ),
        click.option("--check/--no-check", default=True, help="Compare what arrived last."),
    ),
)


@click.command("rdma-bench")
@click.argument("host", required=False)
@_end_options
@_measuring_options
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The lines as a list of rows.",
)
def rdma_bench(host: str | None, ends: Ends, wanted: Wanted, json_file: Path | None) -> None:
    """Measure SEND, RDMA WRITE and RDMA READ: bandwidth and latency, without RPC above.

    Without HOST both ends are processes of this machine. Over a link, use --listen on one host,
    and give its address on the other.
    """
    if ends.listen_at is not None:
        if host is not None:
            raise click.UsageError("--listen is the other end: name no host")
        with ending_by(interrupt, signal.SIGTERM):
            _serve(ends.listen_at, ends.port, ends.provider, ends.once)
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(describe_here())
    with ExitStack() as stack:
        stack.enter_context(ending_by(interrupt, signal.SIGTERM))
        # Fail before anything is measured.
        file = stack.enter_context(replaced(json_file)) if json_file is not None else None
        try:
            lines = _measure(_measurers(host, ends, wanted, stack, console), wanted, console)
        except (verbs.PeerGone, VerbsError, WrongData, ServerError) as error:
            raise Failed(str(error)) from None
        if file is not None:
            rows = [asdict(line) | {"kind": type(line).__name__.lower()} for line in lines]
            file.write(("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode())
    if json_file is not None:
        console.print(f"Written: {json_file}")


def _measurers(
    host: str | None, ends: Ends, wanted: Wanted, stack: ExitStack, console: Console
) -> list[perftest.Measurer]:
    """Connect to ``host``, or to ends of our own; return a measurer for each connection."""
    if host is not None:
        console.print(machine.describe_link(host, ends.port))
        return [_measurer(ends.provider, host, ends.port, ends.address, wanted, stack)]
    console.print(machine.LOOPBACK)
    found = _local_pairs(ends.providers, wanted, stack, console)
    if not found:
        raise Failed("no provider is left to measure")
    return found


def _serve(address: str, port: int, provider: str, once: bool) -> None:
    """Run the passive end: print where it listens, then carry out orders."""
    reactor = SelectReactor()
    try:
        device = open_device(provider, reactor)
        where, serve = verbs.listen(device, reactor, address, port, once=once)
    except (OSError, ValueError) as error:
        raise Failed(f"cannot listen at {address}: {error}") from None
    click.echo(f"rdma://{where[0]}:{where[1]} {provider}")
    sys.stdout.flush()
    try:
        serve()
    finally:
        device.close()
        reactor.close()


def _local_pairs(
    providers: Sequence[str] | None, wanted: Wanted, stack: ExitStack, console: Console
) -> list[perftest.Measurer]:
    """Make a measurer for each provider, with the other end in a process of its own."""
    found = []
    for provider in providers or _PROVIDERS:
        reason = targets.why_not(provider)
        if reason is None and provider == "verbs":
            reason = "run --listen on one host and name it on the other, or on the same"
        if reason is not None:
            console.print(f"{provider} is left out: {reason}")
            continue
        where = free_loopback()
        command = ("rdma-bench", "--listen", where, "--provider", provider, "--once")
        peer = start_process(provider, command, "rdma://")
        stack.callback(peer.stop)
        port = int(peer.url.partition(" ")[0].rpartition(":")[2])
        found.append(_measurer(provider, where, port, None, wanted, stack))
    return found


def _measurer(
    provider: str, host: str, port: int, address: str | None, wanted: Wanted, stack: ExitStack
) -> perftest.Measurer:
    reactor = SelectReactor()
    stack.callback(reactor.close)
    try:
        device: Device = open_device(provider, reactor, address=address)
    except (OSError, ValueError) as error:
        raise Failed(f"{provider}: {error}") from None
    stack.callback(device.close)
    try:
        end = verbs.connect(device, reactor, host, port)
    except (verbs.PeerGone, OSError) as error:
        raise Failed(f"{host} port {port}: {error}") from None
    stack.callback(end.close)
    return perftest.Measurer(end, provider, max(wanted.message_sizes), check=wanted.check)


def _measure(found: Sequence[perftest.Measurer], wanted: Wanted, console: Console) -> list[Line]:
    """Run every test of every size, the providers in turns; print a table after each test."""
    lines: list[Line] = []
    for test in wanted.tests or perftest.TESTS:
        for kind in ("latency",) if test == "register" else ("bandwidth", "latency"):
            made: dict[str, list[Line]] = {}
            for size in wanted.message_sizes:
                for measurer in found:
                    line = _line(measurer, test, kind, size, wanted)
                    made.setdefault(line.provider, []).append(line)
                    lines.append(line)
            for provider, of in made.items():
                title = perftest.title(test, kind, provider)
                console.print(perftest.table(of, title), markup=False)
    return lines


def _line(measurer: perftest.Measurer, test: str, kind: str, size: int, wanted: Wanted) -> Line:
    if test == "register":
        return measurer.registration(size, wanted.line_s / 4)
    if kind == "bandwidth":
        return measurer.bandwidth(test, size, wanted.depth, wanted.line_s, wanted.iters)
    return measurer.latency(test, size, wanted.line_s, wanted.iters)
