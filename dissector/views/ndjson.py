"""One JSON object in each line, for each message: what pandas, DuckDB and jq read."""

from __future__ import annotations

import json
from collections.abc import Callable

from ..base.finding import Finding
from ..fields.derived import asked_of_cm, asked_of_message, keep_for
from ..fields.fields import Fields, finding_fields, message_fields, operation_values
from ..filter import Filter
from ..tracking.events import Events
from ..tracking.model import CmEvent, Exchange

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""What is encoded is a tree, and not deep."""


class NdjsonView:
    """Writes the fields of every message that ``wanted`` lets through, and the findings.

    With ``whole`` the operations of NFS compounds come with everything in them, as ``nfs.ops``.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        wanted: Filter | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self._write = write
        self._wanted = wanted
        self._whole = whole

    def _put(self, fields: Fields) -> None:
        self._write(_encode(fields) + "\n")

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        if self._wanted is not None:
            keep_for(events, self._wanted.derived)
        events.exchanges.subscribe(self.exchange)
        events.cm.subscribe(self.cm)
        events.findings.subscribe(self.finding)

    def exchange(self, exchange: Exchange) -> None:
        """Show the messages of an RPC, and what was found about it."""
        pairs = ((exchange.call, exchange.call_body), (exchange.reply, exchange.reply_body))
        wanted = self._wanted
        for message, body in pairs:
            if message is None:
                continue
            if wanted is not None and not wanted(
                asked_of_message(exchange, message, wanted.derived, wanted.began_ns())
            ):
                continue
            fields = message_fields(exchange, message)
            if self._whole and body is not None and body.operations:
                fields["nfs.ops"] = operation_values(body)
            self._put(fields)
        for finding in exchange.findings:
            self.finding(finding)

    def cm(self, event: CmEvent) -> None:
        """Show a message of the connection manager."""
        wanted = self._wanted
        if wanted is None or wanted(asked_of_cm(event, wanted.derived, wanted.began_ns())):
            self._put(asked_of_cm(event, (), 0))

    def finding(self, finding: Finding) -> None:
        """Show a finding."""
        fields = finding_fields(finding)
        if self._wanted is None or self._wanted(fields):
            self._put(fields)
