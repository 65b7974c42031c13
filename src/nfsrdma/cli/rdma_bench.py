"""``nfsrdma rdma-bench``: the verbs by themselves, in perftest's tables."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from nfsrdma.bench import machine, perftest, plan, targets, verbs
from nfsrdma.bench.pattern import WrongData
from nfsrdma.bench.servers import ServerError, free_loopback, start_process
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.rpcrdma.verbs.types import VerbsError

from .bench import SIZES, Words, describe_here
from .common import Failed
from .output import replaced

_PROVIDERS = tuple(name for name in plan.TRANSPORTS if name != "tcp")
_SIZES = {"short": "64,4k,64k,1m", "default": "2,64,1k,4k,16k,64k,256k,1m,4m", "full": "2:8m"}
_SECONDS = {"short": 0.2, "default": 0.4, "full": 1.0}


@click.command("rdma-bench")
@click.argument("host", required=False)
@click.option("--listen", "listen_at", metavar="ADDR", help="Be the passive end, at this address.")
@click.option("--port", default=verbs.PORT, show_default=True, type=click.IntRange(0, 65535))
@click.option("--once", is_flag=True, help="With --listen: end when the first peer is gone.")
@click.option(
    "--provider",
    "providers",
    type=Words("NAMES", _PROVIDERS),
    metavar="NAMES",
    help="Some of soft,shm,verbs.  [default: all that this machine can do; soft with HOST]",
)
@click.option("--address", help="Our own address, for a provider that needs to be told.")
@click.option("--short", "preset", flag_value="short", help="Few sizes.")
@click.option("--full", "preset", flag_value="full", help="Every power of two up to 8 MiB.")
@click.option("-s", "--sizes", type=SIZES, help="Message sizes, as in 2:8m or 64,4k.")
@click.option("-n", "--iters", type=click.IntRange(1, 1_000_000), help="Iterations of each line.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), metavar="S",
              help="Time for each line, where --iters does not say.")  # fmt: skip
@click.option("-t", "--depth", default=64, show_default=True, type=click.IntRange(1, 1024),
              help="Requests in flight for bandwidth.")  # fmt: skip
@click.option("--tests", type=Words("NAMES", (*perftest.TESTS, "register")), metavar="NAMES",
              help="Some of send,write,read,register.")  # fmt: skip
@click.option("--check/--no-check", default=True, help="Compare what arrived last.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="The lines as a list of rows.")  # fmt: skip
def rdma_bench(
    host: str | None,
    listen_at: str | None,
    port: int,
    once: bool,
    providers: tuple[str, ...] | None,
    address: str | None,
    preset: str | None,
    sizes: list[int] | None,
    json_file: Path | None,
    **given: Any,
) -> None:
    """Measure SEND, RDMA WRITE and RDMA READ: bandwidth and latency, without RPC above.

    Without HOST both ends are processes of this machine. Over a link, use --listen on one host,
    and give its address on the other.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if listen_at is not None:
        if host is not None:
            raise click.UsageError("--listen is the other end: name no host")
        _serve(listen_at, port, (providers or ("soft",))[0], once)
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(describe_here())
    lines: list[perftest.Bandwidth | perftest.Latency] = []
    preset = preset or "default"
    chosen = sizes or plan.parse_sizes(_SIZES[preset])
    given["seconds"] = given["seconds"] or _SECONDS[preset]
    with ExitStack() as stack:
        # Fail before anything is measured.
        file = stack.enter_context(replaced(json_file)) if json_file is not None else None
        try:
            if host is None:
                console.print(machine.LOOPBACK)
                found = _local_pairs(providers, max(chosen), given["check"], stack, console)
            else:
                console.print(machine.describe_link(host, port))
                provider = (providers or ("soft",))[0]
                found = [
                    _measurer(provider, host, port, address, max(chosen), given["check"], stack)
                ]
            if not found:
                raise Failed("no provider is left to measure")
            _measure(found, chosen, given, lines, console)
        except (verbs.PeerGone, VerbsError, WrongData, ServerError) as error:
            raise Failed(str(error)) from None
        if file is not None:
            rows = [asdict(line) | {"kind": type(line).__name__.lower()} for line in lines]
            file.write(("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode())
    if json_file is not None:
        console.print(f"Written: {json_file}")


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
    providers: Sequence[str] | None, largest: int, check: bool, stack: ExitStack, console: Console
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
        found.append(_measurer(provider, where, port, None, largest, check, stack))
    return found


def _measurer(
    provider: str,
    host: str,
    port: int,
    address: str | None,
    largest: int,
    check: bool,
    stack: ExitStack,
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
    return perftest.Measurer(end, provider, largest, check=check)


def _measure(
    found: Sequence[perftest.Measurer],
    sizes: Sequence[int],
    given: dict[str, Any],
    lines: list[perftest.Bandwidth | perftest.Latency],
    console: Console,
) -> None:
    """Run every test of every size, the providers in turns; print a table after each test."""
    seconds, iterations = given["seconds"], given["iters"]
    tests = given["tests"] or perftest.TESTS
    for test in tests:
        for kind in ("latency",) if test == "register" else ("bandwidth", "latency"):
            made: dict[str, list[perftest.Bandwidth | perftest.Latency]] = {}
            for size in sizes:
                for measurer in found:
                    line: perftest.Bandwidth | perftest.Latency
                    if test == "register":
                        line = measurer.registration(size, seconds / 4)
                    elif kind == "bandwidth":
                        line = measurer.bandwidth(test, size, given["depth"], seconds, iterations)
                    else:
                        line = measurer.latency(test, size, seconds, iterations)
                    made.setdefault(line.provider, []).append(line)
                    lines.append(line)
            for provider, of in made.items():
                console.print(
                    perftest.table(of, perftest.title(test, kind, provider)), markup=False
                )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
