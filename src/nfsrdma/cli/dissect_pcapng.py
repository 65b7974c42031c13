"""``nfsrdma dissect --pcapng`` and ``--fix-for-wireshark``: captures written for Wireshark."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import click

from .dissect_filter import wanted
from .output import replaced

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.wireshark.remarks import Remarks


def annotate(reader: Reader, file: str, output: str, expression: str | None, crc: bool) -> None:
    """Write the capture to ``output`` with our findings as comments on its frames."""
    from nfsrdma.dissector.capture.rewrite import rewrite
    from nfsrdma.dissector.wireshark.remarks import Annotator

    with _written(file, output) as out:
        remarks = _remarks(reader, expression, crc)
        rewrite(reader, Annotator(remarks.frames), out.write)
        reader.check()
    click.echo(f"{_counted(remarks)} in {output}", err=True)


def repair(reader: Reader, file: str, output: str, crc: bool) -> None:
    """Write the capture to ``output``, changed so that Wireshark decodes more of it."""
    from nfsrdma.dissector.capture.rewrite import rewrite
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.wireshark.repair import Repairs

    with _written(file, output) as out:
        repairs = Repairs()
        pipeline = Pipeline(reader, repairs, check_crc=crc)
        repairs.attach(pipeline)
        pipeline.run()
        rewrite(reader, repairs, out.write)
        reader.check()
    done = [f"{count} {what}" for what, count in repairs.done.items() if count]
    click.echo(f"{', '.join(done) or 'nothing to repair'} in {output}", err=True)


def _remarks(reader: Reader, expression: str | None, crc: bool) -> Remarks:
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.wireshark.remarks import Remarks

    remarks = Remarks(wanted(reader, expression))
    pipeline = Pipeline(reader, remarks, check_crc=crc)
    remarks.attach(pipeline)
    pipeline.run()
    return remarks


def _counted(remarks: Remarks) -> str:
    more = f" ({remarks.dropped} more left out)" if remarks.dropped else ""
    return f"{_some(remarks.count, 'finding')} on {_some(len(remarks.frames), 'frame')}{more}"


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


@contextmanager
def _written(file: str, output: str) -> Iterator[BinaryIO]:
    """The file ``output`` (``-`` is standard output), which must not be the capture itself."""
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file != "-" and os.path.exists(output) and os.path.samefile(file, output):
        raise click.UsageError(f"{output} is the capture itself: name another file")
    with replaced(output) as out:
        yield out
