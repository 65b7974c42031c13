"""A capture as an iterator of RPCs: the public face of the dissector.

:func:`dissect` reads a capture once, from its start to its end, and gives each RPC as soon as it
is complete. What is kept does not grow with the capture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from .base.finding import Finding, Severity
from .capture.inputs import Holder, open_input
from .capture.reader import Reader
from .fields import summary
from .fields.derived import keep_for
from .fields.fields import Fields, message_fields
from .filter import Filter, compile_filter
from .messages.body import CALLBACK_PROGRAMS, PROGRAM_NAMES, Body, operation_name, status_name
from .messages.programs import procedure_of
from .messages.rpc import RpcCall
from .pipeline import Pipeline
from .tables import batches, schema
from .tracking.claims import decode_as as decode_as_of
from .tracking.events import Events
from .tracking.model import Chunk, Exchange, Message, Side
from .views.extract import Payload, payloads
from .views.filtered import fits
from .views.latency.latency import main_operation
from .views.line import LineView
from .views.lint import RULES, Lint
from .views.rows import row
from .views.settled import Settled

if TYPE_CHECKING:
    import pandas
    import pyarrow

MAX_FINDINGS = 10_000
"""The latest findings about no RPC that a :class:`Dissection` keeps."""


class Peer(NamedTuple):
    """One end of a connection."""

    address: str
    """IP address, or GID; empty where it is not known."""
    port: int
    """TCP or UDP port, or the one that RDMA CM connected to; 0 where it is not known."""
    queue_pair: int | None
    """The number of its queue pair, where that is known."""

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.port else self.address


class RpcOperation(NamedTuple):
    """One operation of an NFS compound; the procedure itself, of other programs."""

    name: str
    """``READ``, ``CB_RECALL``, or ``op`` and the number of one that is not known."""
    number: int
    arguments: Any
    """Decoded, as a type of :mod:`nfsrdma.xdr`; ``None`` if there are none, or none were seen."""
    result: Any
    """Decoded, as a type of :mod:`nfsrdma.xdr`; ``None`` if it was not executed, or not seen."""
    status: str | None
    """``NFS4_OK``, ``NFS3ERR_STALE``...; ``None`` if it is not known, or there is none."""


class RpcSegment(NamedTuple):
    """Memory that a call offered: one segment of a chunk."""

    handle: int
    offset: int
    length: int
    """Octets that were offered."""
    used: int
    """Octets that were used, as the reply says; of a Read chunk all of them."""


class RpcChunk(NamedTuple):
    """A chunk that a call offered, and what became of it."""

    kind: str
    """``read``, ``write`` or ``reply``."""
    position: int
    """Of a Read chunk, the Position in the unreduced message; else the index in its list."""
    segments: tuple[RpcSegment, ...]
    offered: int
    """Octets in all segments."""
    used: int
    """Octets that were used, as the reply says; of a Read chunk all of them."""
    carried: int
    """Octets of these that were seen in packets."""
    packets: int
    """Packets that carried them."""


class RpcData(NamedTuple):
    """Bulk data that an operation carried, inline or by RDMA."""

    operation: str
    """``READ``, ``WRITE``, ``READLINK``..."""
    handle: bytes
    """The file handle; empty where it is not known."""
    offset: int
    """Where in the file it is; 0 where that has no meaning."""
    length: int
    missing: int
    """How many octets are not in the capture; they are zeros in ``octets``."""
    octets: bytes


class Rpc:
    """One RPC: a call and its reply, or what was seen of it.

    Everything that was found is read when it is asked for, so an RPC costs little that is only
    counted. Times are nanoseconds, points in time since 1970; frames count from 1.
    """

    __slots__ = ("_clock", "_source", "exchange", "findings")

    def __init__(
        self,
        exchange: Exchange,
        findings: tuple[Finding, ...],
        source: Callable[[], memoryview],
        clock: Callable[[], int],
    ) -> None:
        self.exchange = exchange
        """The records that this is read from. They are not part of the stable interface."""
        self.findings = findings
        """What is worth telling about its messages; with ``lint``, every rule that it breaks."""
        self._source = source
        self._clock = clock

    # --- When and where ---

    @property
    def number(self) -> int:
        """Counts the RPCs of a capture from 1, in the order of their calls."""
        return self.exchange.number

    @property
    def time_ns(self) -> int:
        """When the call ended, or the reply if the call was not seen."""
        return self.exchange.time_ns

    @property
    def latency_ns(self) -> int | None:
        """From the call's first packet to the reply's last one, if both were seen."""
        return self.exchange.latency_ns

    @property
    def call_frame(self) -> int | None:
        """The frame in which the call ended, if it was seen."""
        call = self.exchange.call
        return None if call is None else call.frame

    @property
    def reply_frame(self) -> int | None:
        """The frame in which the reply ended, if it was seen."""
        reply = self.exchange.reply
        return None if reply is None else reply.frame

    @property
    def connection(self) -> int:
        """The number of the connection; they count from 1."""
        return self.exchange.requester.connection.number

    @property
    def transport(self) -> str:
        """``RoCEv2``, ``RoCEv1``, ``IB``, ``iWARP``, ``TCP`` or ``UDP``."""
        return self.exchange.requester.connection.transport.label

    @property
    def requester(self) -> Peer:
        """The end that calls; of a callback, the NFS server."""
        return _peer(self.exchange.requester)

    @property
    def responder(self) -> Peer:
        """The end that is called."""
        side = self.exchange.responder
        return Peer(self.exchange.requester.towards, 0, None) if side is None else _peer(side)

    # --- What it is ---

    @property
    def xid(self) -> int:
        """The transaction identifier."""
        return self.exchange.xid

    @property
    def program(self) -> int | None:
        """The number of the RPC program, if the call was seen."""
        call = self._call()
        return None if call is None else call.program

    @property
    def program_name(self) -> str:
        """``NFS``, ``MOUNT``, ``CB`` for NFS's callbacks...; empty for one that is not known."""
        program = self.program
        if program is None:
            return ""
        return "CB" if program in CALLBACK_PROGRAMS else PROGRAM_NAMES.get(program, "")

    @property
    def version(self) -> int | None:
        """The version of the program, if the call was seen."""
        call = self._call()
        return None if call is None else call.version

    @property
    def minor_version(self) -> int | None:
        """The minor version of NFS version 4, if the call was seen and is a compound."""
        minor = self.exchange.minor
        return None if minor < 0 else minor

    @property
    def procedure(self) -> int | None:
        """The number of the procedure, if the call was seen."""
        call = self._call()
        return None if call is None else call.procedure

    @property
    def procedure_name(self) -> str:
        """``COMPOUND``, ``CB_COMPOUND``, ``GETATTR``, ``NULL``...; empty where it is not known."""
        body = self.exchange.call_body or self.exchange.reply_body
        if body is not None and body.kind:
            return body.kind
        call = self._call()
        if call is None:
            return ""
        row = procedure_of(call.program, call.version, call.procedure)
        return "" if row is None else row.name

    @property
    def protocol(self) -> str:
        """Program and version as one word: ``NFS4.1``, ``CB4.1``, ``MOUNT3``..."""
        return summary.protocol(self.exchange)

    @property
    def callback(self) -> bool:
        """Whether an NFS server calls its client."""
        return self.exchange.callback

    @property
    def name(self) -> str:
        """What it is for: ``READ``, ``OPEN``... of a compound the operation that matters most."""
        return main_operation(self.exchange)

    @property
    def path(self) -> str:
        """The path of the file that it is mostly about; empty where it is not known.

        It begins with ``…`` below a directory whose place is not known, and has nothing in it that
        a terminal would obey. Of RENAME and LINK it is the old one.
        """
        return self.exchange.paths[0] if self.exchange.paths else ""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that it is about, as far as their paths are known: of RENAME old and new."""
        return self.exchange.paths

    @property
    def handle(self) -> bytes:
        """The handle of the file that it is mostly about; empty where it is not known."""
        return self.exchange.handle

    @property
    def operations(self) -> tuple[RpcOperation, ...]:
        """The operations, in order: their arguments and, as far as it was executed, results."""
        return tuple(_operations(self.exchange.call_body, self.exchange.reply_body))

    # --- How it ended ---

    @property
    def status(self) -> str:
        """``OK``, a status of NFS, an error of RPC or of the transport, or ``no reply``."""
        return summary.status(self.exchange)

    @property
    def ok(self) -> bool:
        """Whether it was answered, and without an error."""
        return self.status == "OK"

    @property
    def chunks(self) -> tuple[RpcChunk, ...]:
        """The chunks that the call offered: Read chunks, Write chunks, the Reply chunk."""
        return tuple(map(_chunk, self.exchange.chunks))

    @property
    def data(self) -> tuple[RpcData, ...]:
        """The bulk data of READ, WRITE, READLINK and the like, read out of the capture.

        Of a capture that is followed or live, only while it is among the latest octets.
        """
        view = self._source()
        return tuple(_data(payload, view) for payload in payloads(self.exchange))

    @property
    def resent(self) -> int:
        """How many of its packets were seen more than once."""
        exchange = self.exchange
        messages = sum(one.resent for one in (exchange.call, exchange.reply) if one is not None)
        return messages + sum(op.resent for op in exchange.operations)

    # --- In other forms ---

    @property
    def call_fields(self) -> Fields:
        """The call's fields, under the names that Wireshark gives them; empty if it is not seen."""
        return self._fields(self.exchange.call)

    @property
    def reply_fields(self) -> Fields:
        """The reply's fields; empty if it was not seen."""
        return self._fields(self.exchange.reply)

    def _fields(self, message: Message | None) -> Fields:
        return {} if message is None else message_fields(self.exchange, message)

    def _call(self) -> RpcCall | None:
        """Return the header of the call, if it was seen as far as the program."""
        call = self.exchange.call_rpc
        return None if call is None or call.program < 0 else call

    def __str__(self) -> str:
        """Return the line that ``nfsrdma dissect`` shows."""
        return LineView(str, began=self._clock).line(self.exchange)

    def __repr__(self) -> str:
        return f"<Rpc {self.number} {self.protocol} {self.name} {self.status}>"


class Dissection(Iterator[Rpc]):
    """The RPCs of a capture, each as soon as it is complete. See :func:`dissect`."""

    def __init__(
        self,
        reader: Reader,
        *,
        filter: str | None = None,
        lint: bool = False,
        decode_as: Iterable[str] = (),
        check_crc: bool = False,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._reader = reader
        self._stop = stop
        self._rpcs: deque[Rpc] = deque()
        self._ended = False
        self._findings: deque[Finding] = deque(maxlen=MAX_FINDINGS)
        wanted = compile_filter(filter) if filter else None
        if wanted is not None:
            wanted.began_ns = lambda: reader.began_ns
        collector = _Collector(reader, self._rpcs, self._findings, wanted, lint)
        self._pipeline = Pipeline(
            reader, collector, check_crc=check_crc, decode_as=decode_as_of(decode_as)
        )

    @property
    def frames(self) -> int:
        """How many frames were read so far."""
        return self._reader.number

    @property
    def began_ns(self) -> int:
        """When the first frame was: nanoseconds since 1970, 0 before it was read."""
        return self._reader.began_ns

    @property
    def findings(self) -> list[Finding]:
        """What was found so far and is about no RPC: the latest ``MAX_FINDINGS``."""
        return list(self._findings)

    def __iter__(self) -> Dissection:
        return self

    def __next__(self) -> Rpc:
        """Return the next RPC. Raises ``CaptureError`` if the octets ended before their time."""
        while not self._rpcs:
            if self._ended:
                raise StopIteration
            self._ended = not self._pipeline.step(self._rpcs)
            if self._ended and not self._rpcs:
                self._reader.check()
        return self._rpcs.popleft()

    def to_batches(self, size: int = 65_536) -> Iterator[pyarrow.RecordBatch]:
        """Give the RPCs to come as Arrow record batches, a row for each, as they are read.

        The columns and their types are ``nfsrdma.dissector.views.rows.COLUMNS``. What is kept does
        not grow with the capture. Raises ``ImportError`` without pyarrow (extra ``arrow``), and
        ``CaptureError`` if the octets ended before their time.
        """
        return batches((row(rpc.exchange, rpc.findings) for rpc in self._settled()), size)

    def _settled(self) -> Iterator[Rpc]:
        """Give the RPCs to come, each once all that was sent for it was seen."""
        waiting: Settled[Rpc] = Settled(lambda rpc: rpc.exchange)
        for rpc in self:
            yield from waiting.add(rpc)
        yield from waiting.rest()

    def to_arrow(self) -> pyarrow.Table:
        """Return the RPCs to come as an Arrow table, a row for each (see ``to_batches``)."""
        found = list(self.to_batches())  # first: it says what is missing
        import pyarrow

        return pyarrow.Table.from_batches(found, schema())

    def to_pandas(self) -> pandas.DataFrame:
        """Return the RPCs to come as a data frame of Arrow's types, a row for each.

        So numbers that are not known are missing, and nanoseconds stay whole numbers. Raises
        ``ImportError`` without pyarrow (extra ``arrow``) or pandas.
        """
        table = self.to_arrow()
        import pandas

        return table.to_pandas(types_mapper=pandas.ArrowDtype)

    def stop(self) -> None:
        """Have the capture end here, of one that is followed or live; any thread may ask for it."""
        self._stop()

    def __enter__(self) -> Dissection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._ended = True
        self._rpcs.clear()


class _Collector:
    """The view that makes RPCs of exchanges, with what lint has to say of each."""

    def __init__(
        self,
        reader: Reader,
        rpcs: deque[Rpc],
        findings: deque[Finding],
        wanted: Filter | None,
        lint: bool,
    ) -> None:
        self._reader = reader
        self._rpcs = rpcs
        self._findings = findings
        self._wanted = wanted
        self._lint = Lint(self._finding) if lint else None
        self._own: list[Finding] | None = None
        """The findings of the exchange in hand."""

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        if self._lint is not None:
            self._lint.subscribe_early(events)
            events.closed.subscribe(self._lint.close)
        if self._wanted is not None:
            keep_for(events, self._wanted.derived)
        events.exchanges.subscribe(self._exchange)
        events.findings.subscribe(self._other)

    def _exchange(self, exchange: Exchange) -> None:
        found = exchange.findings
        if self._lint is not None:
            found = self._own = []
            self._lint.exchange(exchange)
            self._own = None
            found += [one for one in exchange.findings if one.rule not in RULES]
        if self._wanted is None or fits(exchange, self._wanted):
            self._rpcs.append(Rpc(exchange, tuple(found), self._view, self._began))

    def _finding(self, finding: Finding) -> None:
        if self._own is not None:
            self._own.append(finding)
        else:
            self._findings.append(finding)

    def _other(self, finding: Finding) -> None:
        """Take a finding about no exchange; of those that are rules', lint gives its own."""
        if self._lint is not None:
            self._lint.finding(finding)
            told = finding.rule in RULES and finding.severity > Severity.NOTE
            if told or finding.rule == "rdma-done":
                return
        self._findings.append(finding)

    def _view(self) -> memoryview:
        return self._reader.source.view

    def _began(self) -> int:
        return self._reader.began_ns


def dissect(
    source: Holder,
    *,
    filter: str | None = None,
    lint: bool = False,
    decode_as: Iterable[str] = (),
    check_crc: bool = False,
    follow: bool = False,
    max_unpacked: int | None = None,
) -> Dissection:
    """Return an iterator of the RPCs in a capture, which is read as they are asked for.

    ``source`` is the name of a file (pcap or pcapng, gzip or zstd, ``-`` for standard input), a
    list of names whose frames are put in the order of their times (a ring buffer), a binary stream
    with one of the two formats, or a :class:`~nfsrdma.dissector.capture.live.Live` capture from an
    interface.

    ``filter`` is a display filter (``nfs.opcode == READ``): only RPCs of which the call or the
    reply fits. With ``lint`` the rules of the specifications are checked, and what breaks one is
    in ``Rpc.findings``, or in ``Dissection.findings`` if it is about none. ``decode_as`` names
    connections that are RPC-over-RDMA although nothing in them says so: ports, ``qp:NUMBER``, or
    ``any``. ``check_crc`` has iWARP's checksums verified. With ``follow`` a file that is being
    written is read on as it grows, until :meth:`Dissection.stop`. ``max_unpacked`` is how many
    octets a compressed file may have.

    Raises ``FilterError``, ``ValueError`` for a word of ``decode_as``, ``CaptureError`` for what is
    no capture, and ``OSError``.
    """
    reader, stop = open_input(source, follow=follow, max_unpacked=max_unpacked)
    return Dissection(
        reader, filter=filter, lint=lint, decode_as=decode_as, check_crc=check_crc, stop=stop
    )


def _peer(side: Side) -> Peer:
    return Peer(side.address, side.port, side.qpn)


def _chunk(chunk: Chunk) -> RpcChunk:
    segments = tuple(
        RpcSegment(offer.handle, offer.offset, offer.length, used.length)
        for offer, used in zip(chunk.offered, chunk.used, strict=False)
    )
    return RpcChunk(
        chunk.kind, chunk.position, segments, chunk.offered_octets, chunk.used_octets,
        chunk.carried(), chunk.packets(),
    )  # fmt: skip


def _data(payload: Payload, view: memoryview) -> RpcData:
    octets = bytearray(payload.length)

    def write(at: int, part: memoryview) -> None:
        octets[at : at + len(part)] = part

    missing = payload.write(view, write, 0)
    return RpcData(
        payload.operation, payload.handle, payload.offset, payload.length, missing, bytes(octets)
    )


def _operations(call: Body | None, reply: Body | None) -> Iterator[RpcOperation]:
    """Give the operations of a call, or of a reply if the call was not seen."""
    asked = call.operations if call is not None else []
    done = reply.operations if reply is not None else []
    body = call if call is not None and call.operations else reply
    if body is None:
        return
    for index in range(max(len(asked), len(done))):
        number = (asked if index < len(asked) else done)[index].number
        arguments = asked[index].value if index < len(asked) else None
        # A reply may answer less than was asked for, and, of a hostile peer, something else.
        answered = index < len(done) and done[index].number == number
        result = done[index].value if answered else None
        yield RpcOperation(
            operation_name(number, body.callback), number, arguments, result,
            _status(result, body.version),
        )  # fmt: skip


def _status(result: Any, version: int) -> str | None:
    """Return the status that a result begins with; the specifications name it in many ways."""
    names = getattr(result, "__slots__", ())
    if not names or not names[0].endswith("status"):
        return None
    return status_name(int(getattr(result, names[0])), version)
