"""``nfsrdma proxy``: a man in the middle, with faults by rule."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from secrets import randbits
from typing import Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nfsrdma.conform.relay import Relay
from nfsrdma.conform.rules import PacketRules, Rule, RuleError, RuleScript, parse_rule, parse_rules
from nfsrdma.conform.rules.drawn import Drawn
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.pcapng import PcapngWriter
from nfsrdma.rpcrdma.providers.meddling import MeddlingDevice
from nfsrdma.rpcrdma.providers.registry import PROVIDERS, WITHOUT_PACKETS, open_device
from nfsrdma.rpcrdma.providers.routes import resolve
from nfsrdma.rpcrdma.providers.tap import Tap
from nfsrdma.rpcrdma.verbs.interfaces import Device

from .common import Failed, read_url
from .conform_client import Place
from .device import device_option
from .endings import ending_by
from .folding import folded

_SHOWN: Final = 20
"""How often each rule is told of; later times are counted only."""
_MOST_OCTETS: Final = 1 << 20
"""Octets of a file of rules."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How the two sides are reached."""

    provider: str
    device: str | None
    upstream_provider: str | None
    pcap: Path | None


_ways = folded(
    Ways,
    "ways",
    (
        click.option(
            "--provider",
            type=click.Choice(sorted(PROVIDERS)),
            default="soft",
            show_default=True,
            help="How clients reach the proxy; rules for packets need soft.",
        ),
        device_option,
        click.option(
            "--upstream-provider",
            type=click.Choice(sorted(PROVIDERS)),
            help="How the proxy reaches the server.  [default: as clients reach it]",
        ),
        click.option(
            "--pcap",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the packets between clients and the proxy to this pcapng file.",
        ),
    ),
)


@click.command()
@click.argument("listen", type=Place(), metavar="ADDRESS[:PORT]")
@click.argument("url")
@click.option("--rule", "texts", multiple=True, metavar="RULE", help="A fault; repeatable.")
@click.option(
    "--rules",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A file with a rule in each line; # begins a comment.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Draw the same faults again.")
@_ways
def proxy(
    listen: tuple[str, int],
    url: str,
    texts: Sequence[str],
    file: Path | None,
    seed: int | None,
    ways: Ways,
) -> None:
    """Stand between clients and an NFS/RDMA server, and do to messages what rules say.

    A rule is an action, how many, and what of, as in "drop 1% of server->client replies where op ==
    READ". Actions: drop, duplicate, delay, cut, corrupt, truncate, shrink grant, swap chunks and
    refuse for messages; drop, duplicate, reorder and damage for packets. Whoever reaches the
    address reaches the server, as the user of this host that runs the proxy does.
    """
    rules = _rules(texts, file)
    server, shown = _server(url, listen)
    seed = randbits(32) if seed is None else seed
    console = Console(highlight=False, soft_wrap=True)
    teller = _Teller(console)
    script = RuleScript(rules, seed, teller.tell)
    packets = PacketRules(rules, seed, told=teller.tell)
    if packets.drawn and ways.provider != "soft":
        raise click.UsageError(f"packets are out of reach with the provider {ways.provider}")
    reactor = SelectReactor()
    with ExitStack() as stack:
        stack.callback(reactor.close)
        near = _near(reactor, ways, listen[0], stack, packets)
        far = open_device(ways.upstream_provider or ways.provider, reactor, device=ways.device)
        stack.callback(far.close)
        try:
            relay = Relay(
                reactor,
                SystemRandom(),
                near=near,
                listen=listen,
                far=far,
                server=server,
                script=script,
            )
        except OSError as error:
            raise Failed(f"{listen[0]}:{listen[1]}: {error.strerror or error}") from None
        stack.callback(relay.close)
        host, port = relay.address
        console.print(f"{host}:{port} -> {shown}, {len(rules)} rules, seed {seed}; Ctrl-C ends it")
        with ending_by(
            lambda: reactor.call_soon_threadsafe(reactor.stop), signal.SIGINT, signal.SIGTERM
        ):
            reactor.run_forever()
    _sum(relay.made, [*script.drawn, *packets.drawn], console)


def _rules(texts: Sequence[str], file: Path | None) -> list[Rule]:
    """Return all rules. Raises ``click.UsageError`` that shows where one is wrong."""
    try:
        found = [parse_rule(text) for text in texts]
    except RuleError as error:
        raise click.UsageError(f"--rule: {error}") from None
    if file is not None:
        with file.open("rb") as opened:
            octets = opened.read(_MOST_OCTETS + 1)
        if len(octets) > _MOST_OCTETS:
            raise click.UsageError(f"{file}: longer than {_MOST_OCTETS} octets: no file of rules")
        for number, line in enumerate(octets.decode("utf-8", "replace").splitlines(), 1):
            try:
                found += parse_rules([line])
            except RuleError as error:
                raise click.UsageError(f"{file}, line {number}: {error}") from None
    return found


def _server(text: str, listen: tuple[str, int]) -> tuple[tuple[str, int], str]:
    url = read_url(text)
    if url.transport != "rdma":
        raise click.UsageError(f"{text}: the proxy is for NFS over RDMA: name nfs+rdma://host/")
    try:
        address = resolve(url.host)[0]
    except OSError as error:
        raise Failed(f"{url}: {error.strerror or error}") from None
    if (address, url.port) == listen:
        raise click.UsageError(f"{text} is the proxy itself")
    return (address, url.port), str(url)


def _near(
    reactor: SelectReactor, ways: Ways, address: str, stack: ExitStack, packets: PacketRules
) -> Device:
    """Open the device that clients connect to."""
    if ways.pcap is not None and ways.provider in WITHOUT_PACKETS:
        raise click.UsageError(WITHOUT_PACKETS[ways.provider])
    if ways.provider != "soft":
        device = open_device(ways.provider, reactor, device=ways.device, address=address)
        stack.callback(device.close)
        return device
    tap = None
    if ways.pcap is not None:
        tap = Tap(PcapngWriter(ways.pcap.open("wb"), interface="proxy"), time.time)
    meddling = MeddlingDevice(reactor, tap=tap, address=address)
    stack.callback(meddling.close)
    if packets.drawn:
        meddling.fate = packets.fate
    return meddling


class _Teller:
    """Tells of what rules did, each rule a few times."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: Counter[str] = Counter()

    def tell(self, text: str) -> None:
        """Show a line, if there were few of its kind."""
        rule = text.partition(":")[0]
        self._told[rule] += 1
        if self._told[rule] <= _SHOWN:
            self._console.print(text, markup=False)
        elif self._told[rule] == _SHOWN + 1:
            self._console.print(f"{rule}: … and from now on they are counted only", markup=False)


def _sum(connections: int, drawn: Sequence[Drawn], console: Console) -> None:
    console.print(f"{connections} connections")
    if not drawn:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("met", "done"):
        table.add_column(name, justify="right")
    table.add_column("rule")
    for each in drawn:
        table.add_row(str(each.met), str(each.done), escape(each.rule.text))
    console.print(table)
