"""What goes beside NFS: locks, ACLs, the status monitor, quotas; by name, and with how it ended."""

from __future__ import annotations

import struct

import pytest
from tests.fuzz.targets import Octets
from tests.support.company import FILE, SPOKEN, Spoken, octets
from tests.support.rdma_wire import Wire, pcap

from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.fields.fields import message_fields
from nfsrdma.dissector.fields.names import known
from nfsrdma.dissector.messages.procedures import PROCEDURES
from nfsrdma.dissector.messages.programs import NAMES, procedure_of
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import Exchange
from nfsrdma.dissector.views.line import LineView
from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.xdr import Encoder


class Seen:
    """The lines, and the exchanges."""

    def __init__(self, octets: bytes) -> None:
        self.lines: list[str] = []
        self.exchanges: list[Exchange] = []
        Pipeline(reader_of(Octets(octets)), self, LineView(self.lines.append)).run()

    def subscribe(self, events: Events) -> None:
        events.exchanges.subscribe(self.exchanges.append)


def rpc(spoken: Spoken) -> bytes:
    wire = Wire()
    wire.connect()
    call, reply = Encoder(), Encoder()
    encode_call(call, 1, spoken.program, spoken.version, spoken.procedure, OpaqueAuth(0, b""))
    encode_accepted(reply, 1)
    messages = ((wire.client, call, spoken.arguments), (wire.server, reply, spoken.result))
    for sender, message, body in messages:
        head = bytes(encode_header(1, 32, 0))
        wire.send(sender, head + message.to_bytes() + octets(body))
    return pcap(wire.frames)


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda one: one.name)
def test_each_is_named_and_says_how_it_ended(spoken: Spoken) -> None:
    seen = Seen(rpc(spoken))
    assert spoken.said in seen.lines[-1]
    (exchange,) = seen.exchanges
    assert not exchange.findings
    assert exchange.call is not None
    assert exchange.reply is not None
    fields = message_fields(exchange, exchange.call)
    assert any(name.endswith(f".procedure_v{spoken.version}") for name in fields)
    if spoken.program in (100021, 100227) and spoken.procedure not in (20, 23):
        assert fields["nfs.fhandle"] in (b"handle".hex(), FILE.hex())
    for name in (*fields, *message_fields(exchange, exchange.reply)):
        assert name in known(), name


def test_a_program_without_a_name_and_its_version_are_apart() -> None:
    wire = Wire()
    wire.connect()
    body = struct.pack(">6I", 1, 0, 2, 536_870_912, 7, 42) + bytes(16)
    wire.send(wire.client, bytes(encode_header(1, 32, 0)) + body)
    assert "program 536870912 v7 proc 42" in Seen(pcap(wire.frames)).lines[-1]


def test_numbers_are_given_once() -> None:
    """But for procedures that versions have in common, which have one name."""
    assert procedure_of(100021, 4, 1) is not None
    rows = [row for table in PROCEDURES.values() for row in table]
    assert len({(row.number, row.name) for row in rows}) == len({row.number for row in rows})
    assert all(NAMES[row.number] == row.name for row in rows)
