"""``nfsrdma dissect``: the options for other tools, and for live captures.

Each mode has a module of its own; this one chooses by the options.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .folding import folded

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tracking.claims import DecodeAs


@dataclass(frozen=True, slots=True)
class Other:
    """The options besides those of the views of ``dissect`` itself."""

    compare: bool
    diff: bool
    merge: bool
    decode_as: DecodeAs
    max_unpacked: int | None
    interface: str | None
    capture_filter: str | None
    duration: float | None
    count: int | None
    key_log: str | None

    @property
    def alone(self) -> tuple[str, ...]:
        """The options that were given of those that go with no other output."""
        given = {"--compare-tshark": self.compare, "--diff": self.diff, "--merge": self.merge}
        return tuple(option for option, there in given.items() if there)

    def two(self, files: tuple[str, ...]) -> tuple[str, str]:
        """Return the two files that are compared. Raises ``click.UsageError`` for others."""
        if len(files) != 2 or "-" in files or self.interface is not None:
            raise click.UsageError(f"{self.alone[0]} needs two files: {self.alone[0]} A B")
        return files[0], files[1]

    def reader(self, files: tuple[str, ...]) -> Reader:
        """Open files, or an interface. Raises ``CaptureError`` and ``OSError``."""
        from nfsrdma.dissector.capture import open_capture
        from nfsrdma.dissector.capture.joined import open_captures

        if files and self.interface is not None:
            raise click.UsageError("a file or an interface (-i): not both")
        if self.key_log is not None:
            if len(files) != 1 or "-" in files or self.alone:
                raise click.UsageError("--key-log goes with one file, and not with another program")
            from .dissect_tls import without_tls

            capture = without_tls(files[0], self.key_log, self.max_unpacked)
            return click.get_current_context().with_resource(capture)
        if not files and self.interface is None:
            raise click.UsageError("name a file (- is standard input), or an interface with -i")
        if self.interface is None:
            if self.capture_filter or self.duration or self.count:
                raise click.UsageError("--filter, --duration and --count go with -i")
            if len(files) > 1:
                if "-" in files:
                    raise click.UsageError("-: standard input is no one of several files")
                return open_captures(files, self.max_unpacked)
            return open_capture(files[0], sys.stdout.flush, self.max_unpacked)
        from .dissect_live import live

        filter_, duration, count = self.capture_filter or "", self.duration or 0, self.count or 0
        watched = live(self.interface, filter_, duration, count)
        return click.get_current_context().with_resource(watched)


def _size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    from nfsrdma.bench.plan import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _decode_as(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> DecodeAs:
    from nfsrdma.dissector.tracking.claims import decode_as

    try:
        return decode_as(words)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


other_options = folded(
    Other,
    "other",
    (
        click.option(
            "--compare-tshark",
            "compare",
            is_flag=True,
            help="Every difference to what Wireshark decodes; also as --json.",
        ),
        click.option(
            "--diff",
            is_flag=True,
            help="Two FILES of the same traffic: which RPCs are in which, and how they differ.",
        ),
        click.option(
            "--merge",
            is_flag=True,
            help="Two FILES from two places, a client's and a server's: which time was the "
            "network's, and which the host's.",
        ),
        click.option(
            "--decode-as",
            metavar="WHICH",
            multiple=True,
            callback=_decode_as,
            help="Take RDMA connections for NFS's: of a port, of a queue pair (qp:0x11), or any.",
        ),
        click.option(
            "--max-unpacked",
            metavar="SIZE",
            callback=_size,
            help="How much a compressed FILE may unpack to (10G); "
            "by default 256 MiB or a hundred times its size.",
        ),
        click.option(
            "--key-log",
            metavar="LOG",
            type=click.Path(exists=True, dir_okay=False),
            help="Decrypt RPC-with-TLS by the secrets in LOG, as SSLKEYLOGFILE has them.",
        ),
        click.option(
            "-i",
            "--interface",
            metavar="NAME",
            help="Capture from an interface (any: all of them); needs root or dumpcap.",
        ),
        click.option(
            "-f",
            "--filter",
            "capture_filter",
            metavar="BPF",
            help="With -i: only frames that fit, such as 'udp port 4791'.",
        ),
        click.option(
            "--duration",
            metavar="SECONDS",
            type=click.FloatRange(min=0, min_open=True),
            help="With -i: end after a time.",
        ),
        click.option(
            "--count", type=click.IntRange(min=1), help="With -i: end after so many frames."
        ),
    ),
)
