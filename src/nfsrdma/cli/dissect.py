"""``nfsrdma dissect``: the contents of a capture of NFS over RDMA."""

from __future__ import annotations

import errno
import gc
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from .dissect_filter import say_if_none
from .dissect_other import Other, other_options
from .dissect_outputs import run, shown
from .dissect_progress import progress
from .dissect_wishes import NOTHING, Wishes, wishes_options
from .messages import describe

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tracking.claims import DecodeAs


@click.command()
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True, dir_okay=False))
@click.option(
    "-r", "read", metavar="FILE", type=click.Path(allow_dash=True, dir_okay=False),
    help="Read FILE, as tshark has it.",
)  # fmt: skip
@wishes_options
@other_options
@click.option(
    "--extract", metavar="WHAT", help="Write payload: of the RPC in a frame (12), or fh:HASH."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Where --extract writes to.")
def dissect(
    files: tuple[str, ...],
    read: str | None,
    extract: str | None,
    output: str | None,
    wishes: Wishes,
    other: Other,
) -> None:
    """Decode FILES (pcap, pcapng, gzip or zstd; - is standard input), one line for each RPC.

    Several files are read as one capture, in the order of their frames' times; with --diff and
    --merge two files are compared.

    With -i it decodes what an interface sees, until Ctrl-C. All outputs that are asked for come
    from one pass: files under their names, the rest on standard output.

    \b
    A line has the frame numbers of call and reply, the time, addresses, operations, the status;
    in brackets what traveled by RDMA (R read chunk, W write chunk, C reply chunk; used/offered);
    the lengths of the two messages, the time from call to reply, and last the path of the file,
    where the capture tells it (… stands for directories of which it does not).
    """
    from nfsrdma.dissector.capture import CaptureError
    from nfsrdma.dissector.filter import FilterError

    # Thousands of records are made, and nearly all of them live: frequent collection is in vain.
    gc.set_threshold(20_000, 10, 10)
    if files and read is not None:
        raise click.UsageError("FILE and -r FILE: one at a time")
    files = files or ((read,) if read is not None else ())
    for file in files or ("-",):
        _check(wishes, other, file, extract, output)
    where = f"{files[0]} and others" if len(files) > 1 else str((*files, other.interface)[0])
    try:
        if other.diff or other.merge:
            from . import dissect_pairs

            work = dissect_pairs.diff if other.diff else dissect_pairs.merge
            bad = work(other.two(files), other.max_unpacked, wishes, other.decode_as)
            _end(bad, wishes)
            return
        reader = other.reader(files)
        if extract is not None:
            _extract(reader, where, extract, str(output), other.decode_as)
            return
        if other.compare:
            from .dissect_compare import compare  # imports asyncio, which takes time

            if len(files) > 1:
                raise click.UsageError("--compare-tshark: one file at a time")
            bad = compare(reader, where, wishes.ndjson, other.decode_as)
        else:
            bad = run(reader, where, wishes, other.decode_as)
        _end(bad, wishes)
    except BrokenPipeError:
        # The reader of our output has left (head, less).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except FilterError as error:
        raise click.UsageError(f"-Y: {error}") from error
    except CaptureError as error:
        raise click.ClickException(f"{where}: {error}") from error
    except OSError as error:
        if error.errno == errno.EFAULT:  # a map was written from, and its file is gone
            raise click.ClickException(f"{where}: the file was cut while it was read") from error
        raise click.ClickException(describe(error)) from error


def _end(bad: bool, wishes: Wishes) -> None:
    """Say if nothing fits the filter, and exit with 1 if that was asked for."""
    say_if_none()
    if bad and wishes.exit_code:
        sys.exit(1)


def _check(
    wishes: Wishes, other: Other, file: str, extract: str | None, output: str | None
) -> None:
    """Raise ``click.UsageError`` if the options do not go together."""
    if (extract is None) != (output is None):
        raise click.UsageError("--extract and --output (-o) go together")
    alone = other.alone + (("--extract",) if extract is not None else ())
    if not alone:
        wishes.check(file)
        return
    rest = replace(wishes, crc=False, color=NOTHING.color)
    if extract is None:
        rest = replace(rest, ndjson=False, exit_code=False)
    pairs = other.diff or other.merge
    if pairs:
        rest = replace(rest, expression=None, follow=None)
    if rest != NOTHING or len(alone) > 1:
        raise click.UsageError(
            f"{alone[0]} goes with no other output" + ("" if pairs else " and no filter")
        )


def _extract(reader: Reader, name: str, what: str, output: str, decode_as: DecodeAs) -> None:
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.views.extract import ExtractView

    from .output import replaced

    frame, handle = 0, 0
    try:
        if what.startswith("fh:"):
            handle = int(what[3:], 16)
        else:
            frame = int(what)
    except ValueError:
        raise click.UsageError(f"--extract: {what} is neither a frame nor fh:HASH") from None
    with replaced(output) as file:

        def write(offset: int, octets: memoryview) -> None:
            file.seek(offset)
            file.write(octets)

        view = ExtractView(lambda: reader.source.view, write, frame, handle)
        with progress(shown(name), reader, writes=False) as advanced:
            Pipeline(reader, view, decode_as=decode_as, progress=advanced).run()
        reader.check()
        if not view.payloads:
            lost = f": {view.lost} octets of its RPC are not in the capture" if view.lost else ""
            raise click.ClickException(f"nothing to extract for {what}{lost}")
        if file.seekable():
            file.truncate(view.end)  # octets missing at the end are zeros as well
    missing = f", {view.missing} of them not in the capture" if view.missing else ""
    click.echo(f"{view.octets} octets of {view.payloads} operations{missing}", err=True)
