"""``nfsrdma dissect``: what a capture of NFS over RDMA says."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import TYPE_CHECKING

import click

from .dissect_filter import list_fields, say_if_none, wanted
from .dissect_other import Other, other_options
from .messages import describe

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.pipeline import View


@click.command()
@click.argument("file", required=False, type=click.Path(allow_dash=True, dir_okay=False))
@click.option("-V", "tree", is_flag=True, help="Everything that was decoded, as a tree.")
@click.option("--json", "ndjson", is_flag=True, help="One JSON object for each message.")
@click.option("--chunks", is_flag=True, help="The chunk lists, and which packets carried what.")
@click.option("-Y", "expression", metavar="FILTER", help="Only RPCs that fit a display filter.")
@click.option(
    "--fields",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=list_fields,
    help="List the fields that a filter may ask for, and exit.",
)
@click.option("--all-ops", is_flag=True, help="Name every operation, SEQUENCE and PUTFH too.")
@click.option(
    "--extract", metavar="WHAT", help="Write payload: of the RPC in a frame (12), or fh:HASH."
)
@click.option("--lint", "lint", is_flag=True, help="Only what breaks a rule; also as --json.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="1 if --lint has more than notes, or tshark differs unexplained.",
)
@click.option("--crc", is_flag=True, help="Verify iWARP's checksums (slow).")
@click.option("--latency", is_flag=True, help="Times of each operation; also as --json.")
@click.option("--health", is_flag=True, help="What was sent again, and why; also as --json.")
@click.option(
    "--plot",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="With --latency or --health: plots as PNG, and a page of them, into DIR.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False),
    metavar="OUT",
    help="One page with everything, to be looked at in a browser: ladders, chunk maps, findings.",
)
@other_options
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Where --extract writes to.")
def dissect(
    file: str | None,
    tree: bool,
    ndjson: bool,
    chunks: bool,
    expression: str | None,
    all_ops: bool,
    extract: str | None,
    lint: bool,
    exit_code: bool,
    crc: bool,
    latency: bool,
    health: bool,
    plot: str | None,
    html: str | None,
    output: str | None,
    other: Other,
) -> None:
    """Decode FILE (pcap, pcapng, gzip or zstd; - is standard input), one line for each RPC.

    With -i, what an interface sees; Ctrl-C is its end.

    \b
    Frame numbers of call and reply, time, addresses, operations, status, then in brackets what
    travelled by RDMA (R read chunk, W write chunk, C reply chunk; used/offered), the lengths of
    the two messages, and the time from call to reply.
    """
    from nfsrdma.dissector.capture import CaptureError
    from nfsrdma.dissector.filter import FilterError
    from nfsrdma.dissector.pipeline import Pipeline

    # Records by the thousand, nearly all of them alive: looking for garbage so often is in vain.
    gc.set_threshold(20_000, 10, 10)
    where = file or other.interface
    try:
        reader = other.reader(file)
        file = str(where)
        if extract is not None:
            _extract(reader, extract, output)
            return
        status = other.run(reader, file, expression, crc, ndjson)
        if status is not None:
            say_if_none()
            sys.exit(status if exit_code else 0)
        if lint:
            bad = _lint(reader, ndjson, expression, crc)
            sys.stdout.flush()
            say_if_none()
            reader.check()
            sys.exit(1 if bad and exit_code else 0)
        if html is not None:
            from .dissect_views import write_page

            name = "standard input" if file == "-" else os.path.basename(file)
            write_page(reader, expression, name, html)
            say_if_none()
            return
        if latency or health:
            from .dissect_views import run_views

            if latency and health:
                raise click.UsageError("--latency and --health: one at a time")
            run_views(reader, ndjson, expression, latency=latency, plot=plot)
            say_if_none()
            return
        style = "tree" if tree else "json" if ndjson else "chunks" if chunks else "line"
        Pipeline(reader, _view(reader, style, expression, all_ops), check_crc=crc).run()
        sys.stdout.flush()
        say_if_none()
        reader.check()
    except BrokenPipeError:
        # The reader of our output has seen enough (head, less).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except FilterError as error:
        raise click.UsageError(f"-Y: {error}") from error
    except CaptureError as error:
        raise click.ClickException(f"{where}: {error}") from error
    except OSError as error:
        if error.errno == errno.EFAULT:  # written from a map of which the file is gone
            raise click.ClickException(f"{where}: the file was cut while it was read") from error
        raise click.ClickException(describe(error)) from error


def _view(reader: Reader, style: str, expression: str | None, all_ops: bool) -> View:
    from nfsrdma.dissector.render.chunks import ChunkView
    from nfsrdma.dissector.render.filtered import FilteredView
    from nfsrdma.dissector.render.line import LineView
    from nfsrdma.dissector.render.ndjson import NdjsonView
    from nfsrdma.dissector.render.tree import TreeView

    write = sys.stdout.write

    def began() -> int:
        return reader.began

    fits = wanted(reader, expression)
    view: View
    if style == "json":
        return NdjsonView(write, fits)
    if style == "tree":
        view = TreeView(write, began=began)
    elif style == "chunks":
        view = ChunkView(write, began=began)
    else:
        view = LineView(write, brief=not all_ops, began=began)
    return FilteredView(view, fits) if fits else view


def _lint(reader: Reader, ndjson: bool, expression: str | None, crc: bool) -> bool:
    """Write what breaks a rule; whether anything but notes is among it."""
    from nfsrdma.dissector.lint import Lint
    from nfsrdma.dissector.model import Severity
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.render.findings import ndjson_finding, text_finding, text_summary

    form = ndjson_finding if ndjson else text_finding
    view = Lint(lambda finding: sys.stdout.write(form(finding)), wanted(reader, expression))
    pipeline = Pipeline(reader, view, check_crc=crc)
    view.attach(pipeline)
    pipeline.run()
    if not ndjson:
        sys.stdout.write(text_summary(view))
    return any(view.counts[severity] for severity in (Severity.WARNING, Severity.ERROR))


def _extract(reader: Reader, what: str, output: str | None) -> None:
    from nfsrdma.dissector.extract import ExtractView
    from nfsrdma.dissector.pipeline import Pipeline

    from .output import replaced

    if output is None:
        raise click.UsageError("--extract needs --output")
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
        Pipeline(reader, view).run()
        reader.check()
        if not view.payloads:
            raise click.ClickException(f"nothing to extract for {what}")
        if file.seekable():
            file.truncate(view.end)  # what is missing at the end are zeros as well
    missing = f", {view.missing} of them not in the capture" if view.missing else ""
    click.echo(f"{view.octets} octets of {view.payloads} operations{missing}", err=True)
