"""One row for each RPC, with typed columns: what pandas, polars and DuckDB read from Parquet."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t

from ..base.finding import Finding
from ..fields import summary
from ..messages.procedures import NFS3, READ2, READ3, WRITE2, WRITE3
from ..tracking.events import Events, Totals
from ..tracking.model import Exchange
from .latency import latency
from .settled import Settled, itself

Row = dict[str, Any]

COLUMNS: dict[str, str] = {
    "number": "int64",
    "connection": "int64",
    "transport": "string",
    "time": "timestamp",
    "client": "string",
    "client_port": "int32",
    "server": "string",
    "server_port": "int32",
    "xid": "uint32",
    "call_frame": "int64",
    "reply_frame": "int64",
    "program": "int64",
    "version": "int32",
    "procedure": "int32",
    "minor": "int32",
    "callback": "bool",
    "operations": "list<string>",
    "operation": "string",
    "path": "string",
    "handle": "binary",
    "fh_hash": "uint32",
    "offset": "uint64",
    "count": "int64",
    "uid": "uint32",
    "status": "string",
    "nfs_status": "int32",
    "call_length": "int64",
    "reply_length": "int64",
    "credits_asked": "int64",
    "credits_granted": "int64",
    "reply_ns": "int64",
    "ack_ns": "int64",
    "wait_ns": "int64",
    "data_ns": "int64",
    "transfer_ns": "int64",
    "finish_ns": "int64",
    "read_offered": "int64",
    "read_used": "int64",
    "write_offered": "int64",
    "write_used": "int64",
    "reply_chunk_offered": "int64",
    "reply_chunk_used": "int64",
    "packets": "int64",
    "resent": "int64",
    "findings": "list<string>",
}
"""Column -> type. Times are nanoseconds; offered and used are octets; absent values are null.

``path``, ``handle`` and ``fh_hash`` (Wireshark's) are of the file that an RPC is mostly about,
``offset`` and ``count`` of its first READ, WRITE or COMMIT, as asked for. ``client`` is who calls,
of a callback too. ``resent`` are packets that were sent again. Times: ``reply_ns`` and ``data_ns``
from the call's first packet to the reply and to the first data; ``ack_ns`` to the call's
acknowledgement, ``wait_ns`` from there to the first data or to the reply, ``transfer_ns`` to the
last data, ``finish_ns`` to the reply.
"""

_IN_A_FILE = frozenset(
    (t.OP_READ, t.OP_WRITE, t.OP_COMMIT, READ2, WRITE2, READ3, WRITE3,
     NFS3 + nfs3.NFSPROC3_COMMIT)
)  # fmt: skip
_CHUNKS = {"read": "read", "write": "write", "reply": "reply_chunk"}


def row(exchange: Exchange, findings: Sequence[Finding] | None = None) -> Row:
    """Return the row of an RPC, or of what was seen of it.

    ``findings`` are the exchange's own if they are not given.
    """
    findings = exchange.findings if findings is None else findings
    call, reply = exchange.call, exchange.reply
    client, server = exchange.requester, exchange.responder
    rpc, body = exchange.call_rpc, exchange.call_body or exchange.reply_body
    header, back = exchange.call_header, exchange.reply_header
    messages = [message for message in (call, reply) if message is not None]
    out: Row = {
        "number": exchange.number,
        "connection": client.connection.number,
        "transport": client.connection.transport.label,
        "time": exchange.time_ns,
        "client": client.address or None,
        "client_port": client.port or None,
        "server": server.address if server is not None else None,
        "server_port": (server.port or None) if server is not None else None,
        "xid": exchange.xid,
        "call_frame": call.frame if call is not None else None,
        "reply_frame": reply.frame if reply is not None else None,
        "callback": exchange.callback,
        "minor": exchange.minor if exchange.minor >= 0 else None,
        "operations": body.names() if body is not None and body.operations else [],
        "operation": latency.main_operation(exchange),
        "status": summary.status(exchange),
        "call_length": call.length if call is not None else None,
        "reply_length": reply.length if reply is not None else None,
        "credits_asked": header.credits if header is not None else None,
        "credits_granted": back.credits if back is not None else None,
        "packets": sum(m.packets for m in messages) + sum(o.packets for o in exchange.operations),
        "resent": sum(m.resent for m in messages) + sum(o.resent for o in exchange.operations),
        "findings": [finding.rule for finding in findings],
    }
    if rpc is not None and not rpc.fault:
        out["program"], out["version"], out["procedure"] = rpc.program, rpc.version, rpc.procedure
        sys = rpc.sys()
        out["uid"] = sys.uid if sys is not None else None
    answer = exchange.reply_body
    if answer is not None and answer.status >= 0:
        out["nfs_status"] = answer.status
    _file(exchange, out)
    _times(exchange, out)
    for kind, name in _CHUNKS.items():
        chunks = exchange.chunks_of(kind)
        out[f"{name}_offered"] = sum(chunk.offered_octets for chunk in chunks)
        out[f"{name}_used"] = sum(chunk.used_octets for chunk in chunks)
    return out


def _file(exchange: Exchange, out: Row) -> None:
    """Add which file it is about, and where in it."""
    if exchange.paths:
        out["path"] = exchange.paths[0]
    if exchange.handle:
        out["handle"], out["fh_hash"] = exchange.handle, zlib.crc32(exchange.handle)
    body = exchange.call_body
    for op in body.operations if body is not None and not body.callback else ():
        if op.number in _IN_A_FILE:
            data = getattr(op.value, "data", None)
            out["offset"] = op.value.offset
            out["count"] = len(data) if data is not None else op.value.count
            break


def _times(exchange: Exchange, out: Row) -> None:
    """Add the times from the call's first packet; those of data only where there was RDMA."""
    call, reply = exchange.call, exchange.reply
    out["reply_ns"] = exchange.latency_ns
    if call is None:
        return
    if call.ack_time_ns:
        out["ack_ns"] = call.ack_time_ns - call.time_ns
    data = exchange.data_times_ns
    begun = data[0] if data is not None else reply.time_ns if reply is not None else 0
    if call.ack_time_ns and begun:
        out["wait_ns"] = max(0, begun - call.ack_time_ns)
    if data is not None:
        first, last = data
        out["data_ns"] = first - call.first_time_ns
        out["transfer_ns"] = last - first
        if reply is not None:
            out["finish_ns"] = reply.time_ns - last


class RowView:
    """Hands rows on in batches of ``size``."""

    def __init__(self, write: Callable[[list[Row]], object], size: int = 8192) -> None:
        self._write = write
        self._size = size
        self._settled: Settled[Exchange] = Settled(itself)
        self._rows: list[Row] = []
        self.count = 0

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)
        events.closed.subscribe(self.close)

    def exchange(self, exchange: Exchange) -> None:
        """Add an RPC."""
        self._add(self._settled.add(exchange))

    def _add(self, exchanges: Iterator[Exchange]) -> None:
        for exchange in exchanges:
            self._rows.append(row(exchange))
            self.count += 1
            if len(self._rows) >= self._size:
                self.flush()

    def flush(self) -> None:
        """Hand on what there is."""
        if self._rows:
            self._write(self._rows)
            self._rows = []

    def close(self, totals: Totals) -> None:
        """Hand on the last rows."""
        self._add(self._settled.rest())
        self.flush()
