"""The options of ``nfsrdma bench``, in groups: what to measure, which servers, what to write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from nfsrdma.bench import plan

from .folding import folded


class Parsed(click.ParamType):  # type: ignore[type-arg]
    """An option whose text a function of ``plan`` reads."""

    def __init__(self, name: str, read: Callable[[str], list[int]]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """Read the text, once. Fails with the complaint of the reader."""
        if isinstance(value, list):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Words(click.ParamType):  # type: ignore[type-arg]
    """An option of words separated by commas, each of which must be known."""

    def __init__(self, name: str, words: Sequence[str]) -> None:
        self.name = name
        self._words = words

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split the text into words, once. Fails for a word that is not known."""
        if isinstance(value, tuple):
            return value
        chosen = tuple(word.strip() for word in value.split(","))
        for word in chosen:
            if word not in self._words:
                self.fail(f"{word!r} is none of {', '.join(self._words)}", param, ctx)
        return tuple(word for word in self._words if word in chosen)


SIZES = Parsed("SIZES", plan.parse_sizes)
COUNTS = Parsed("N,N...", plan.parse_counts)
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_FOLDER = click.Path(file_okay=False, writable=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure, and for how long."""

    transports: tuple[str, ...] | None
    preset: str | None
    records: list[int] | None
    sizes: list[int] | None
    depths: list[int] | None
    threads: list[int] | None
    ops: tuple[str, ...] | None
    clients: int
    rounds: int | None
    seconds: float | None
    direct: bool
    verify: bool
    split: bool
    seed: int

    @property
    def _preset(self) -> plan.Preset:
        return plan.PRESETS[self.preset or "default"]

    def plan(self, transports: int) -> plan.Plan:
        """Return what to measure; the preset decides what no option says."""
        preset = self._preset
        depths = self.depths or plan.parse_counts(preset.depths)
        groups = plan.make_groups(
            self.records or plan.parse_sizes(preset.records),
            self.sizes or plan.parse_sizes(preset.sizes),
            depths if self.direct else [1],
            self.threads or plan.parse_counts(preset.threads),
            self.ops or preset.ops,
        )
        if not groups:
            raise click.UsageError("nothing to measure: every record is larger than every file")
        rounds = self.rounds or preset.rounds
        budget = self.seconds or preset.budget_s
        return plan.Plan(
            groups,
            rounds,
            plan.slice_for(groups, rounds, transports, budget),
            self.clients,
            not self.direct,
            self.verify,
            self.split,
            self.seed,
        )

    @property
    def octets(self) -> int:
        """The octets that the files of one target take."""
        sizes = self.sizes or plan.parse_sizes(self._preset.sizes)
        threads = self.threads or plan.parse_counts(self._preset.threads)
        return max(sizes) * max(threads) * self.clients


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers to measure, besides those of URLs."""

    peers: tuple[str, ...]
    server_pid: int | None
    peer_pid: int | None
    folder: Path | None
    max_io: int
    verbs_address: str | None
    timeout: float


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files to write."""

    json_file: Path | None
    csv_file: Path | None
    iozone_file: Path | None
    plot_folder: Path | None
    steps_file: Path | None


settings_options = folded(
    Settings,
    "settings",
    (
        click.option(
            "--transports",
            type=Words("NAMES", plan.TRANSPORTS),
            metavar="NAMES",
            help="Some of tcp,soft,shm,verbs.  [default: all that this machine can do; of a URL "
            "its own]",
        ),
        click.option("--short", "preset", flag_value="short", help="About 40 seconds."),
        click.option("--full", "preset", flag_value="full", help="Everything; hours."),
        click.option("--records", type=SIZES, help="Record sizes, as in 1k:16m or 4k,64k."),
        click.option("--sizes", type=SIZES, help="File sizes, as in 16m,256m."),
        click.option("--depths", type=COUNTS, help="Records in flight.  [default: 1,8]"),
        click.option("--threads", type=COUNTS, help="Threads of each client."),
        click.option(
            "--ops",
            type=Words("NAMES", plan.ALL_OPS),
            metavar="NAMES",
            help=f"Some of {','.join(plan.ALL_OPS)}.",
        ),
        click.option(
            "--clients",
            default=1,
            show_default=True,
            type=click.IntRange(1, 64),
            help="Client processes of each transport.",
        ),
        click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds, for the medians."),
        click.option(
            "--seconds",
            type=click.FloatRange(0, min_open=True),
            metavar="S",
            help="What all measurements together may take.",
        ),
        click.option(
            "--direct/--cached",
            "direct",
            default=True,
            help="Every record is a request (as with O_DIRECT), or goes through a buffer of 1 MiB.",
        ),
        click.option("--verify/--no-verify", default=True, help="Compare all that is read."),
        click.option(
            "--split/--no-split",
            default=True,
            help="A record that is too large for the server goes in several requests, or fails.",
        ),
        click.option("--seed", default=1, type=int, help="Of the data and the random offsets."),
    ),
)

server_options = folded(
    Servers,
    "servers",
    (
        click.option(
            "--peer",
            "peers",
            multiple=True,
            metavar="URL",
            help="Another server to compare with, such as Linux's or Ganesha.",
        ),
        click.option(
            "--server-pid",
            type=int,
            metavar="PID",
            help="The process of the URL's server, if it is on this machine, to tell its CPU.",
        ),
        click.option("--peer-pid", type=int, metavar="PID", help="The same of the peer."),
        click.option(
            "--folder",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Where our own server's files are.  [default: memory]",
        ),
        click.option(
            "--max-io",
            default=1024,
            show_default=True,
            type=click.IntRange(4, 4096),
            metavar="KIB",
            help="Largest READ and WRITE of our own server.",
        ),
        click.option("--verbs-address", metavar="ADDR", help="Address of the RDMA device."),
        click.option(
            "--timeout",
            default=5.0,
            show_default=True,
            metavar="S",
            type=click.FloatRange(0, min_open=True),
            help="How long a server may be silent.",
        ),
    ),
)

output_options = folded(
    Outputs,
    "outputs",
    (
        click.option("--json", "json_file", type=_FILE, metavar="FILE", help="A list of rows."),
        click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="The same as CSV."),
        click.option(
            "--iozone", "iozone_file", type=_FILE, metavar="FILE", help="IOZone's own matrix."
        ),
        click.option(
            "--plot",
            "plot_folder",
            type=_FOLDER,
            metavar="DIR",
            help="Plots as PNG, and one HTML page (extra: plot).",
        ),
        click.option(
            "--steps",
            "steps_file",
            type=_FILE,
            metavar="FILE",
            help="Append each step as a line of JSON as soon as it is measured.",
        ),
    ),
)
