"""``nfsrdma dissect``: what was asked for, and which of it can go together."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from .dissect_filter import columns_of, list_fields, list_wireshark, style_of
from .dissect_follow import expression_of
from .folding import folded


@dataclass(frozen=True, slots=True)
class Wishes:
    """The outputs that the options ask for."""

    tree: bool = False
    chunks: bool = False
    lines: bool = False
    ndjson: bool = False
    form: str | None = None
    """``fields`` or ``json``: the messages as tshark's ``-T`` writes them."""
    columns: tuple[str, ...] = ()
    """The fields that ``-T fields`` writes."""
    style: tuple[str, ...] = ()
    """How it writes them."""
    all_ops: bool = False
    lint: bool = False
    latency: bool = False
    health: bool = False
    connections: bool = False
    slowest: int | None = None
    summary: bool = False
    top: tuple[tuple[str, int], ...] = ()
    srt: bool = False
    errors: bool = False
    histogram: bool = False
    io_graph: bool = False
    state: bool = False
    plot: str | None = None
    html: str | None = None
    parquet: str | None = None
    pcapng: str | None = None
    fixed: str | None = None
    expression: str | None = None
    follow: str | None = None
    """The display filter that the conversation to be followed is."""
    crc: bool = False
    exit_code: bool = False
    color: str = "auto"

    @property
    def wanted(self) -> str | None:
        """The display filter that RPCs have to fit, of what was asked for in both ways."""
        asked = [one for one in (self.follow, self.expression) if one]
        return " and ".join(f"({one})" for one in asked) if len(asked) > 1 else "".join(asked)

    @property
    def files(self) -> dict[str, str]:
        """The files to write, by option."""
        named = {
            "--html": self.html,
            "--parquet": self.parquet,
            "--pcapng": self.pcapng,
            "--fix-for-wireshark": self.fixed,
        }
        return {option: name for option, name in named.items() if name is not None}

    @property
    def linted(self) -> bool:
        """Whether lint is needed: for ``--exit-code`` as well."""
        return self.lint or self.exit_code

    @property
    def views(self) -> bool:
        """Whether a view of the capture as a whole goes to standard output."""
        return self.answers or self.linted or self.latency or self.health

    @property
    def answers(self) -> bool:
        """Whether a short answer about the capture as a whole is asked for."""
        asked = self.summary, self.connections, self.slowest is not None, self.srt, self.errors
        drawn = self.histogram, self.io_graph, self.state
        return any(asked) or any(drawn) or bool(self.top)

    @property
    def streams(self) -> bool:
        """Whether something goes to standard output while the capture is read."""
        return bool(self.listing) or self.linted

    @property
    def listing(self) -> str:
        """How to list RPCs, empty if they are not listed; they are if nothing else is asked for."""
        whole = self.views
        if self.tree:
            return "tree"
        if self.chunks:
            return "chunks"
        if self.form is not None:
            return self.form if self.form == "fields" else "wireshark"
        if self.ndjson and not whole:
            return "json"
        return "line" if self.lines or not (whole or self.files) else ""

    def check(self, file: str) -> None:
        """Raise ``click.UsageError`` if the outputs exclude each other."""
        styles = {"-V": self.tree, "--chunks": self.chunks, "--lines": self.lines}
        styles["--json"] = self.ndjson
        styles["-T"] = self.form is not None
        given = [option for option, there in styles.items() if there]
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)}: one way to list RPCs at a time")
        if (self.form == "fields") != bool(self.columns):
            raise click.UsageError("-T fields and -e FIELD go together (-G fields lists them)")
        if self.style and self.form != "fields":
            raise click.UsageError("-E goes with -T fields")
        if self.form is not None and self.views:
            raise click.UsageError("-T goes with no view of the whole capture but files")
        plotted = self.latency, self.health, self.histogram, self.io_graph
        if self.plot is not None and not any(plotted):
            raise click.UsageError(
                "--plot goes with --latency, --health, --histogram or --io-graph"
            )
        if self.all_ops and self.listing != "line":
            raise click.UsageError("--all-ops goes with lines")
        if self.wanted and not self.listing and self.files.keys() == {"--fix-for-wireshark"}:
            raise click.UsageError("-Y: --fix-for-wireshark changes the whole capture")
        self._check_files(file)

    def _check_files(self, file: str) -> None:
        taken: dict[str, str] = {}
        for option, name in self.files.items():
            if name == "-":
                if self.listing or self.views:
                    raise click.UsageError(f"{option} -: standard output is already taken")
            elif file != "-" and os.path.exists(name) and os.path.samefile(file, name):
                raise click.UsageError(f"{name} is the capture itself: name another file")
            real = name if name == "-" else os.path.realpath(name)
            if real in taken:
                raise click.UsageError(f"{taken[real]} and {option} write to the same file {name}")
            taken[real] = option


def _top(
    context: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, int], ...]:
    """Return what to list the top of, and how many. Raises ``click.BadParameter``."""
    found: list[tuple[str, int]] = []
    for word in given:
        kind, _, number = word.partition(":")
        if kind not in TOPS:
            raise click.BadParameter(f"{kind} is none of {', '.join(TOPS)}")
        if number and not (number.isascii() and number.isdigit() and 0 < int(number) <= 100_000):
            raise click.BadParameter(f"{number} is no number from 1 to 100000")
        found.append((kind, int(number or 10)))
    return tuple(found)


TOPS = ("files", "clients", "users", "ops")
NOTHING = Wishes()

_OUTPUT = click.Path(allow_dash=True, dir_okay=False)

wishes_options = folded(
    Wishes,
    "wishes",
    (
        click.option(
            "--lines", is_flag=True, help="The lines beside other outputs; alone they come anyway."
        ),
        click.option("-V", "tree", is_flag=True, help="Everything that was decoded, as a tree."),
        click.option("--json", "ndjson", is_flag=True, help="One JSON object for each message."),
        click.option(
            "-T",
            "form",
            type=click.Choice(("fields", "json")),
            help="The messages as tshark writes them: fields named by -e, or all in JSON.",
        ),
        click.option(
            "-e",
            "columns",
            metavar="FIELD",
            multiple=True,
            callback=columns_of,
            help="With -T fields: a column; may be given several times.",
        ),
        click.option(
            "-E",
            "style",
            metavar="OPTION",
            multiple=True,
            callback=style_of,
            help="With -T fields: header=y, separator=X, aggregator=X, occurrence=f, quote=d.",
        ),
        click.option(
            "-G",
            type=click.Choice(("fields",)),
            is_eager=True,
            expose_value=False,
            callback=list_wireshark,
            help="List all fields as tshark does, one a line, and exit.",
        ),
        click.option(
            "--chunks", is_flag=True, help="The chunk lists, and which packets carried what."
        ),
        click.option(
            "-Y", "expression", metavar="FILTER", help="Only RPCs that fit a display filter."
        ),
        click.option(
            "--follow",
            metavar="WHAT",
            callback=expression_of,
            help="Only one conversation: connection:N, xid:X, slot:N, slot:SESSION/N, file:PATH.",
        ),
        click.option(
            "--fields",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=list_fields,
            help="List the fields that a filter may ask for, and exit.",
        ),
        click.option(
            "--all-ops", is_flag=True, help="Name every operation, SEQUENCE and PUTFH too."
        ),
        click.option(
            "--lint", "lint", is_flag=True, help="Only what breaks a rule; also as --json."
        ),
        click.option(
            "--exit-code",
            is_flag=True,
            help="With --lint, which it implies: 1 if there is more than notes. "
            "With --compare-tshark: 1 if there is a difference without an explanation.",
        ),
        click.option(
            "--color",
            type=click.Choice(("auto", "always", "never")),
            default="auto",
            show_default=True,
            help="Colors for what failed, findings and paths; auto: on a terminal.",
        ),
        click.option("--crc", is_flag=True, help="Verify iWARP's checksums (slow)."),
        click.option("--latency", is_flag=True, help="Times of each operation; also as --json."),
        click.option(
            "--health", is_flag=True, help="What was sent again, and why; also as --json."
        ),
        click.option(
            "--connections", is_flag=True, help="Each connection and its use; also as --json."
        ),
        click.option(
            "--slowest",
            type=click.IntRange(1, 100_000),
            metavar="N",
            help="The N RPCs that took longest, and in which stage; also as --json.",
        ),
        click.option(
            "--summary", is_flag=True, help="What happened, in plain words; also as --json."
        ),
        click.option(
            "--top",
            multiple=True,
            metavar="WHAT[:N]",
            callback=_top,
            help="The files, clients, users or ops with the most octets; also as --json.",
        ),
        click.option(
            "--srt", is_flag=True, help="Service response time of each operation; also as --json."
        ),
        click.option(
            "--errors", is_flag=True, help="What failed, by operation and status; also as --json."
        ),
        click.option(
            "--histogram",
            is_flag=True,
            help="How the times of each operation are spread, as bars; also as --json.",
        ),
        click.option(
            "--io-graph",
            is_flag=True,
            help="What was read, written and called over time, as bars; also as --json.",
        ),
        click.option(
            "--state",
            is_flag=True,
            help="Opens, locks and delegations: who held what from when to when; also as --json.",
        ),
        click.option(
            "--plot",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="With --latency, --health, --histogram or --io-graph: plots as PNG, and a page "
            "of them, into DIR.",
        ),
        click.option(
            "--html",
            type=click.Path(dir_okay=False),
            metavar="OUT",
            help="One page with everything, for a browser: ladders, chunk maps, findings.",
        ),
        click.option(
            "--pcapng",
            metavar="OUT",
            type=_OUTPUT,
            help="Write the capture to OUT, with findings as packet comments.",
        ),
        click.option(
            "--fix-for-wireshark",
            "fixed",
            metavar="OUT",
            type=_OUTPUT,
            help="Write the capture to OUT, so changed that Wireshark decodes more of it.",
        ),
        click.option(
            "--parquet",
            metavar="OUT",
            type=click.Path(dir_okay=False),
            help="Write a table with a row for each RPC, for pandas, polars, DuckDB.",
        ),
    ),
)
