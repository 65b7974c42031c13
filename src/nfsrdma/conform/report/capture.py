"""The packets of a test as pcapng: what was tested and what came of it, as comments."""

from __future__ import annotations

import io
from collections.abc import Mapping

from nfsrdma.rpcrdma.pcapng import PcapngWriter

from ..runner import Outcome


def capture(outcome: Outcome, remarks: Mapping[int, str] | None = None) -> bytes:
    """Return a capture; ``remarks`` are comments of frames, which count from 1."""
    case = outcome.case
    first = f"{case.id}: {case.sentence} [{case.source}; {case.severity}]"
    last = f"{case.id} {outcome.verdict}: {outcome.observed}".removesuffix(": ")
    file = io.BytesIO()
    writer = PcapngWriter(file, application="nfsrdma conform")
    for number, (when, frame, comment) in enumerate(outcome.frames, 1):
        parts = [comment] if comment else []
        if remarks and number in remarks:
            parts.append(remarks[number])
        if number == 1:
            parts.insert(0, first)
        if number == len(outcome.frames):
            parts.append(last)
        writer.write(frame, when, "\n".join(parts))
    writer.flush()
    return file.getvalue()
