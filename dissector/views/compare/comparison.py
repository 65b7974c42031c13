"""Both decoders side by side: a view that takes our exchanges and asks for theirs.

Wireshark's messages are taken as far as ours have come, and wait for theirs to be compared; what
waits is bounded. Nothing is kept of what was compared.
"""

from __future__ import annotations

import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from nfsrdma.xdr.nfs4 import types as t

from ...base.finding import Finding, Severity
from ...base.packet import Encapsulation
from ...fields.fields import message_fields
from ...layers.roce import ROCE_PORT
from ...messages.body import NFS_PROGRAM, is_callback
from ...messages.procedures import NFS3, READ3, READDIR3, READDIRPLUS3, WRITE3
from ...tracking.events import Events, NewFlow, Totals
from ...tracking.kinds import OpKind
from ...tracking.model import Direction, Exchange, Message
from ..extract import payloads
from ..lint import Lint
from .known import (
    ABSENT,
    BROKEN,
    DIFFERS,
    EXTRA,
    LINK_TYPE,
    LOW_PORT,
    OFFLOADED,
    REUSED,
    SAME_XID,
    SENT_AGAIN,
    Case,
    explain,
)
from .theirs import DATA, NFS, RPC, TRANSPORT, TheirFrame, Theirs, Values, messages

INFINIBAND = 247
NVME_PORT = 4420
MAX_WAITING = 50_000
_MAX_HANDLES = 200_000
_BEHIND = 100_000
"""Frames after which a message of theirs that is none of ours is given up."""

FIELDS: dict[str, tuple[str, ...]] = {
    TRANSPORT: (
        "rpcordma.xid", "rpcordma.version", "rpcordma.flow_control", "rpcordma.msg_type",
        "rpcordma.reads_count", "rpcordma.writes_count", "rpcordma.reply_count",
        "rpcordma.position", "rpcordma.segment_count", "rpcordma.rdma_handle",
        "rpcordma.rdma_length", "rpcordma.rdma_offset", "rpcordma.errcode",
        "rpcordma.vers_low", "rpcordma.vers_high",
    ),
    RPC: (
        "rpc.xid", "rpc.msgtyp", "rpc.version", "rpc.program", "rpc.programversion",
        "rpc.procedure", "rpc.auth.flavor", "rpc.auth.uid", "rpc.auth.gid",
        "rpc.auth.machinename", "rpc.replystat", "rpc.state_accept", "rpc.state_auth",
    ),
    NFS: (
        "nfs.minorversion", "nfs.ops.count", "nfs.opcode", "nfs.cb.operation", "nfs.nfsstat4",
        "nfs.slotid", "nfs.fh.hash", "nfs.offset4", "nfs.count4", "nfs.read.data_length",
        "nfs.write.data_length",
    ),
    DATA: ("nfs.data",),
}  # fmt: skip
"""What is compared, by group."""
_GROUP_OF = {name: group for group, names in FIELDS.items() for name in names}
_ALONE = frozenset(("rdma-done", "version-2", "bad-header", "rdma-error"))
"""Rules whose message belongs to no exchange."""
_OF_ATTRIBUTES = frozenset(("nfs.nfsstat4", "nfs.fh.hash"))
_LISTS = frozenset(
    (t.OP_READDIR, READDIR3, READDIRPLUS3, t.OP_LAYOUTGET, t.OP_LAYOUTRETURN, t.OP_LAYOUTSTATS)
)
_LENGTHS = frozenset(("nfs.read.data_length", "nfs.write.data_length"))
_COUNTS = frozenset(("rpcordma.reads_count", "rpcordma.writes_count", "rpcordma.reply_count"))
_RANGES = frozenset(("nfs.offset4", "nfs.count4"))
_OTHER_RANGES = frozenset(
    (t.OP_LAYOUTGET, t.OP_LAYOUTCOMMIT, t.OP_LAYOUTRETURN, t.OP_LAYOUTSTATS, t.OP_IO_ADVISE)
)
_MOVES = frozenset((t.OP_READ, t.OP_WRITE, READ3, WRITE3))
_FIRST_ONLY = frozenset(("rpc.auth.flavor",))
"""Wireshark has the verifier's, too."""


class Difference(NamedTuple):
    """One field of one message, or a message that only one of the two has (``field`` is empty)."""

    frame: int
    xid: int
    direction: str
    field: str
    ours: str
    theirs: str
    known: str
    """The defect of Wireshark that explains it; empty where nothing is known to."""


class Comparison:
    """Gives each difference to ``emit``."""

    def __init__(
        self,
        frames: Iterator[TheirFrame],
        source: Callable[[], memoryview],
        emit: Callable[[Difference], object],
    ) -> None:
        self._frames = frames
        self._source = source
        self._emit = emit
        self._read = 0
        self._ended = False
        self._waiting: OrderedDict[int, list[Theirs]] = OrderedDict()
        self._count = 0
        self._handles: dict[tuple[int, int, int], int] = {}
        self._offloaded = False
        """A frame was several packets."""
        self._infiniband = False
        """Frames are native InfiniBand's."""
        self._lint = Lint(self._lint_found)
        self._broken = False
        self._low: set[Direction | None] = set()
        """Flows from UDP ports for which Wireshark expects other protocols."""
        self._noted: OrderedDict[int, None] = OrderedDict()
        """Frames of which we have said something that is no exchange."""
        self._seen: OrderedDict[int, None] = OrderedDict()
        self.messages = self.fields = 0
        self.known: Counter[str] = Counter()
        self.unexplained = 0

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        self._lint.subscribe_early(events)
        events.flows.subscribe(self._flow)
        events.offloads.subscribe(self._offload)
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)
        events.closed.subscribe(self.close)

    # --- Their side ---

    def _advance(self, frame: int) -> None:
        """Take Wireshark's messages up to a frame."""
        while self._read < frame and not self._ended:
            found = next(self._frames, None)
            if found is None:
                self._ended = True
                return
            self._read = found.number
            for message in messages(found, _GROUP_OF.__contains__):
                self._waiting.setdefault(found.number, []).append(message)
                self._count += 1
        while self._count > MAX_WAITING or (
            self._waiting and next(iter(self._waiting)) < frame - _BEHIND
        ):
            _, old = self._waiting.popitem(last=False)
            self._count -= len(old)
            for message in old:
                self._leftover(message)

    def _take(self, frame: int, xids: set[int], directions: tuple[int, ...]) -> Theirs | None:
        """Take out their message in a frame that is about an RPC."""
        waiting = self._waiting.get(frame, [])
        for index, message in enumerate(waiting):
            if message.direction in directions and message.is_about(xids):
                del waiting[index]
                self._count -= 1
                if not waiting:
                    del self._waiting[frame]
                return message
        return None

    # --- Our side ---

    def exchange(self, exchange: Exchange) -> None:
        """Compare a call and its reply."""
        calls = [op.last_frame for op in exchange.operations if op.kind == OpKind.READ]
        ends = [m.frame for m in (exchange.call, exchange.reply) if m is not None]
        self._advance(max(ends + calls, default=0))
        flags = self._flags(exchange)
        for direction, message in enumerate((exchange.call, exchange.reply)):
            if message is not None:
                self._message(exchange, message, direction, calls, flags)

    def _message(
        self,
        exchange: Exchange,
        message: Message,
        direction: int,
        calls: list[int],
        flags: frozenset[str],
    ) -> None:
        call = exchange.call_rpc
        xids = {exchange.xid, call.xid if call is not None else exchange.xid}
        self.messages += 1
        own = self._take(message.frame, xids, (direction, -1))
        parts = [own] if own is not None else []
        if direction == 0 and (own is None or not own.has(RPC)):
            # A call with Read chunks is shown where its last octets came.
            for frame in sorted(set(calls), reverse=True):
                body = self._take(frame, xids, (0,))
                if body is not None:
                    parts.append(body)
                    break
        theirs: dict[str, Values] = {}
        for part in parts:
            theirs.update({name: v for name, v in part.fields.items() if name not in theirs})
        case = Case(exchange, message, flags)
        ours = self._ours(exchange, message)
        for name in _GROUP_OF:
            self._field(case, direction, name, ours.get(name), theirs.get(name))
        self._seen.update(dict.fromkeys(xids))
        if len(self._seen) > MAX_WAITING:
            self._seen.popitem(last=False)

    def _ours(self, exchange: Exchange, message: Message) -> dict[str, Values]:
        out: dict[str, Values] = {}
        for name, value in message_fields(exchange, message).items():
            if name in _GROUP_OF:
                out[name] = list(value) if isinstance(value, list) else [value]
        rpc = exchange.call_rpc if message is exchange.call else exchange.reply_rpc
        if rpc is None:
            # Only the header was decoded: it says nothing of an RPC.
            out = {name: value for name, value in out.items() if _GROUP_OF[name] == TRANSPORT}
        data = self._data(exchange, message is exchange.call)
        if data:
            out["nfs.data"] = [data]
        return out

    def _data(self, exchange: Exchange, is_call: bool) -> str:
        """Return length and CRC of the file's octets that a message moves."""
        size = crc = 0
        for payload in payloads(exchange):
            if payload.operation != ("WRITE" if is_call else "READ"):
                continue
            octets = bytearray(payload.length)

            def write(at: int, part: memoryview, octets: bytearray = octets) -> None:
                octets[at : at + len(part)] = part

            payload.write(self._source(), write, 0)
            size, crc = size + len(octets), zlib.crc32(octets, crc)
        return f"{size} octets, CRC {crc:08x}" if size else ""

    def _field(
        self, case: Case, direction: int, name: str, ours: Values | None, theirs: Values | None
    ) -> None:
        if (ours is None and theirs is None) or not _comparable(case.exchange, direction, name):
            return
        self.fields += 1
        if name in _FIRST_ONLY and theirs:
            theirs = theirs[:1]
        if ours == theirs:
            return
        kind = ABSENT if theirs is None else EXTRA if ours is None else DIFFERS
        known = explain(case, _GROUP_OF[name], kind)
        self._told(
            Difference(
                case.message.frame, case.exchange.xid, ("call", "reply")[direction], name,
                _text(ours), _text(theirs), known,
            )
        )  # fmt: skip

    def _told(self, difference: Difference) -> None:
        if difference.known:
            self.known[difference.known] += 1
        else:
            self.unexplained += 1
        self._emit(difference)

    def _flags(self, exchange: Exchange) -> frozenset[str]:
        """Return what may spoil Wireshark's view of an exchange, and does not show in it alone."""
        self._broken = False
        self._lint.exchange(exchange)
        responder = exchange.responder
        service = responder is not None and NVME_PORT in (responder.port, exchange.requester.port)
        flows = {side.flow for side in (exchange.requester, responder) if side is not None}
        found = {
            REUSED: self._reused(exchange),
            SAME_XID: responder is not None and exchange.xid in responder.calls,
            OFFLOADED: self._offloaded,
            LOW_PORT: service or bool(flows & self._low),
            LINK_TYPE: self._infiniband,
            BROKEN: self._broken,
        }
        return frozenset(flag for flag, holds in found.items() if holds)

    def _lint_found(self, finding: Finding) -> None:
        self._broken |= finding.severity > Severity.NOTE

    def _offload(self, frame: int) -> None:
        self._offloaded = True

    def _flow(self, new: NewFlow) -> None:
        flow, packet = new
        self._infiniband = packet.link_type == INFINIBAND
        if packet.encapsulation == Encapsulation.ROCE_V2 and packet.source_port < ROCE_PORT:
            self._low.add(flow)

    def _reused(self, exchange: Exchange) -> bool:
        """Return whether its segments have handles that Wireshark has seen before."""
        number = exchange.requester.connection.number
        handles = [s.handle for chunk in exchange.chunks for s in chunk.offered]
        found = len(set(handles)) < len(handles)
        for chunk in exchange.chunks:
            for segment in chunk.offered:
                key = (number, segment.handle, segment.offset)
                found |= key in self._handles
                self._handles[key] = exchange.number
        while len(self._handles) > _MAX_HANDLES:
            del self._handles[next(iter(self._handles))]
        return found

    def _leftover(self, message: Theirs) -> None:
        """Report a message that only they have: a copy of one of ours, or a difference."""
        program = message.fields.get("rpc.program", [NFS_PROGRAM])[0]
        if (
            message.xid < 0
            or message.frame in self._noted
            or not (program == NFS_PROGRAM or is_callback(int(program)))
        ):
            # The rest of a chunk whose message is shown elsewhere, or a program that is not
            # compared.
            return
        again = message.xid in self._seen
        direction = {0: "call", 1: "reply"}.get(message.direction, "header")
        self._told(
            Difference(
                message.frame, message.xid, direction, "", "-",
                "a message" + (" (malformed)" if message.malformed else ""),
                SENT_AGAIN if again else "",
            )
        )  # fmt: skip

    def finding(self, finding: Finding) -> None:
        """Note that a finding is about a frame: Wireshark shows the message, we have no RPC."""
        if finding.rule in _ALONE:
            self._noted[finding.frame] = None
            if len(self._noted) > MAX_WAITING:
                self._noted.popitem(last=False)

    def close(self, totals: Totals) -> None:
        """Report what Wireshark alone has found."""
        self._advance(1 << 62)
        for waiting in self._waiting.values():
            for message in waiting:
                self._leftover(message)
        self._waiting.clear()


def _comparable(exchange: Exchange, direction: int, name: str) -> bool:
    """Return whether both mean the same by a field.

    Wireshark has the verifier's flavor beside the credential's; file handles and errors among the
    attributes of a READDIR's entries, and in layouts; more opaque octets than those of files, and
    more offsets. It does not count a callback's operations, and does not look into CB_NOTIFY.
    """
    if name == "rpc.auth.flavor":
        return direction == 0
    if exchange.callback and not _comparable_in_callback(exchange, direction, name):
        return False
    header = exchange.reply_header if direction else exchange.call_header
    if name in _COUNTS and header is not None and header.fault:
        return False
    body = exchange.call_body
    numbers = set[int]()
    if body is not None and not body.callback:
        numbers = {op.number for op in body.operations}
    if name in _OF_ATTRIBUTES:
        return not numbers & _LISTS
    if name in _LENGTHS and any(number >= NFS3 for number in numbers):
        return False
    if name in _RANGES:
        return not numbers & _OTHER_RANGES
    return name != "nfs.data" or bool(numbers & _MOVES)


def _comparable_in_callback(exchange: Exchange, direction: int, name: str) -> bool:
    if name == "nfs.ops.count" or name in _RANGES:
        return False
    if name == "nfs.nfsstat4":
        return direction == 1  # a call has at most that of the copy that it is about
    body = exchange.call_body
    return name != "nfs.fh.hash" or body is None or "CB_NOTIFY" not in body.names()


def _text(values: Values | None) -> str:
    if values is None:
        return "-"
    return " ".join(f"{v:#x}" if isinstance(v, int) and v > 0xFFFF else str(v) for v in values)
