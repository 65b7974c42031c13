"""``nfsrdma dissect --diff`` and ``--merge``: two captures of the same traffic."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from .dissect_filter import wanted
from .dissect_progress import paint, progress
from .dissect_wishes import Wishes

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.pairs.lockstep import Sink
    from nfsrdma.dissector.tracking.claims import DecodeAs

Files = tuple[str, str]


def diff(files: Files, max_unpacked: int | None, wishes: Wishes, decode_as: DecodeAs) -> bool:
    """Write what differs between two captures, then the sums; return whether anything does."""
    from nfsrdma.dissector.pairs import report
    from nfsrdma.dissector.pairs.diff import Diff, Difference

    colors = paint(wishes.color)

    def tell(one: Difference) -> None:
        ndjson = wishes.ndjson
        line = report.ndjson_difference(one) if ndjson else report.text_difference(one, colors)
        sys.stdout.write(line)

    view = Diff(tell)
    _run(files, view, max_unpacked, wishes, decode_as, writes=True)
    names = _names(files)
    sys.stdout.writelines(
        report.ndjson_diff(view) if wishes.ndjson else report.text_diff(view, names)
    )
    sys.stdout.flush()
    return bool(view.differing or any(view.only))


def merge(files: Files, max_unpacked: int | None, wishes: Wishes, decode_as: DecodeAs) -> bool:
    """Write where the time of the RPCs went. Both files are read twice: first for their clocks."""
    from nfsrdma.dissector.pairs import report
    from nfsrdma.dissector.pairs.merge import Merge, Merged, Survey

    survey = Survey()
    _run(files, survey, max_unpacked, wishes, decode_as, writes=False)
    clock = survey.clocks.read()
    if clock is None:
        raise click.ClickException(
            "no RPC is complete in both captures: are they of the same traffic? (--diff compares)"
        )

    def tell(one: Merged) -> None:
        sys.stdout.write(report.ndjson_merged(one))

    view = Merge(clock, survey.near, tell if wishes.ndjson else None)
    _run(files, view, max_unpacked, wishes, decode_as, writes=wishes.ndjson)
    sys.stdout.writelines(
        report.ndjson_merge(view) if wishes.ndjson else report.text_merge(view, _names(files))
    )
    sys.stdout.flush()
    return False


def _run(
    files: Files,
    sink: Sink,
    max_unpacked: int | None,
    wishes: Wishes,
    decode_as: DecodeAs,
    *,
    writes: bool,
) -> None:
    from nfsrdma.dissector.capture import CaptureError, open_capture
    from nfsrdma.dissector.pairs.lockstep import Lockstep

    readers: list[Reader] = []
    for file in files:
        try:
            readers.append(open_capture(file, max_unpacked=max_unpacked))
        except CaptureError as error:
            raise CaptureError(f"{file}: {error}") from None
    first, second = readers
    filters = wanted(first, wishes.wanted), wanted(second, wishes.wanted)
    with progress(" and ".join(_names(files)), first, second, writes=writes) as advanced:
        Lockstep(
            (first, second), sink, wanted=filters, decode_as=decode_as, progress=advanced,
            check_crc=wishes.crc,
        ).run()  # fmt: skip


def _names(files: Files) -> tuple[str, str]:
    """Return what to call the files: their names, with folders where they are the same."""
    first, second = (os.path.basename(file) for file in files)
    return (first, second) if first != second else files
