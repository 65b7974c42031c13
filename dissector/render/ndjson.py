"""One JSON object in each line, for each message: what pandas, DuckDB and jq read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..exchange import Exchange
from ..model import CmEvent, Finding
from .fields import Fields, finding_fields, message_fields, operation_values

if TYPE_CHECKING:
    from ..pipeline import Pipeline


class NdjsonView:
    """Writes the fields of every message that ``wanted`` lets through, and the findings.

    With ``whole`` the operations of NFS compounds come with everything in them, as ``nfs.ops``.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        wanted: Callable[[Fields], bool] = lambda fields: True,
        *,
        whole: bool = True,
    ) -> None:
        self._write = write
        self._wanted = wanted
        self._whole = whole

    def _put(self, fields: Fields) -> None:
        if self._wanted(fields):
            self._write(json.dumps(fields, separators=(",", ":")) + "\n")

    def exchange(self, exchange: Exchange) -> None:
        pairs = ((exchange.call, exchange.call_body), (exchange.reply, exchange.reply_body))
        for message, body in pairs:
            if message is None:
                continue
            fields = message_fields(exchange, message)
            if self._whole and body is not None and body.operations:
                fields["nfs.ops"] = operation_values(body)
            self._put(fields)
        for finding in exchange.findings:
            self.finding(finding)

    def cm(self, event: CmEvent) -> None:
        self._put(
            {
                "frame.number": event.frame,
                "frame.time_epoch": event.time / 1e9,
                "ip.src": event.source,
                "ip.dst": event.destination,
                "infiniband.mad.transactionid": event.transaction,
                "nfsrdma.cm": event.name,
                "nfsrdma.text": event.summary,
            }
        )

    def finding(self, finding: Finding) -> None:
        self._put(finding_fields(finding))

    def close(self, pipeline: Pipeline) -> None:
        """Nothing is left to be written."""
