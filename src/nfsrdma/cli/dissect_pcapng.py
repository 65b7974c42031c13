"""``nfsrdma dissect --pcapng`` and ``--fix-for-wireshark``: captures written for Wireshark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from .dissect_filter import wanted
from .dissect_outputs import Output
from .dissect_wishes import Wishes
from .output import replaced

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.wireshark.remarks import Remarks


def annotate(reader: Reader, wishes: Wishes, output: str) -> Output:
    """Write the capture to ``output`` with our findings as comments on its frames."""
    from nfsrdma.dissector.capture.rewrite import rewrite
    from nfsrdma.dissector.wireshark.remarks import Annotator, Remarks

    resources = ExitStack()
    out = resources.enter_context(_written(output))
    remarks = Remarks(wanted(reader, wishes.wanted))

    def files() -> str:
        rewrite(reader, Annotator(remarks.frames), out.write)
        return f"{_counted(remarks)} in {output}"

    return Output(remarks, files=files, resources=resources)


def repair(reader: Reader, output: str) -> Output:
    """Write the capture to ``output``, changed so that Wireshark decodes more of it."""
    from nfsrdma.dissector.capture.rewrite import rewrite
    from nfsrdma.dissector.wireshark.repair import Repairs

    resources = ExitStack()
    out = resources.enter_context(_written(output))
    repairs = Repairs(lambda: reader.source.view)

    def files() -> str:
        rewrite(reader, repairs, out.write)
        done = [f"{count} {what}" for what, count in repairs.done.items() if count]
        return f"{', '.join(done) or 'nothing to repair'} in {output}"

    return Output(repairs, files=files, resources=resources)


def _counted(remarks: Remarks) -> str:
    more = f" ({remarks.dropped} more left out)" if remarks.dropped else ""
    return f"{_some(remarks.count, 'finding')} on {_some(len(remarks.frames), 'frame')}{more}"


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


@contextmanager
def _written(output: str) -> Iterator[BinaryIO]:
    """Open the file ``output``; ``-`` is standard output."""
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replaced(output) as out:
        yield out
