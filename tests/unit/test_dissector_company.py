"""What goes beside NFS: locks, ACLs, the status monitor, quotas; by name, and with how it ended."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from tests.fuzz.targets import Octets
from tests.support.rdma_wire import Wire, pcap

from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.fields.fields import message_fields
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
from nfsrdma.xdr.nfs3 import nlm, sideband

LOCK = nlm.nlm4_lock(b"host", b"handle", b"owner", 7, 4096, 100)
HOLDER = nlm.nlm4_holder(True, 9, b"other", 0, 0)
ACL = sideband.secattr(15, 1, [sideband.aclent(1, 0, 7)], 0, [])
HANDLE = sideband.acl_fh3(b"handle")
NO_ATTR = sideband.acl_attr3(False)
QUOTA = sideband.rquota(512, True, 1, 2, 3, 4, 5, 6, 7, 8)

CASES: list[tuple[int, int, int, Any, Any, str]] = [
    (100021, 4, 1, nlm.nlm4_testargs(b"c", True, LOCK),
     nlm.nlm4_testres(b"c", nlm.nlm4_testrply(nlm.NLM4_DENIED, HOLDER)),
     "NLM4 TEST 4096+100 NLM4_DENIED"),
    (100021, 4, 2, nlm.nlm4_lockargs(b"c", False, True, LOCK, False, 3),
     nlm.nlm4_res(b"c", nlm.nlm4_stat(nlm.NLM4_GRANTED)), "NLM4 LOCK 4096+100 OK"),
    (100021, 4, 4, nlm.nlm4_unlockargs(b"c", LOCK),
     nlm.nlm4_res(b"c", nlm.nlm4_stat(nlm.NLM4_DENIED_GRACE_PERIOD)),
     "NLM4 UNLOCK 4096+100 NLM4_DENIED_GRACE_PERIOD"),
    (100021, 4, 20, nlm.nlm4_shareargs(b"c", nlm.nlm4_share(b"h", b"f", b"o", 1, 2), False),
     nlm.nlm4_shareres(b"c", nlm.NLM4_STALE_FH, 0), "NLM4 SHARE NLM4_STALE_FH"),
    (100227, 3, 1, sideband.GETACL3args(HANDLE, 15),
     sideband.GETACL3res(0, sideband.GETACL3resok(NO_ATTR, ACL)), "NFS_ACL3 GETACL OK"),
    (100227, 3, 1, sideband.GETACL3args(HANDLE, 15), sideband.GETACL3res(70, NO_ATTR),
     "NFS_ACL3 GETACL NFS3ERR_STALE"),
    (100227, 3, 2, sideband.SETACL3args(HANDLE, ACL), sideband.SETACL3res(13, NO_ATTR),
     "NFS_ACL3 SETACL NFS3ERR_ACCES"),
    (100024, 1, 1, sideband.sm_name(b"host"), sideband.sm_stat_res(sideband.STAT_FAIL, 3),
     "STAT1 STAT_STAT host STAT_FAIL"),
    (100011, 1, 1, sideband.getquota_args(b"/export", 1000),
     sideband.getquota_rslt(sideband.Q_OK, QUOTA), "RQUOTA1 RQUOTA_GETQUOTA /export OK"),
    (100011, 2, 1, sideband.ext_getquota_args(b"/export", 0, 1000),
     sideband.getquota_rslt(sideband.Q_NOQUOTA), "RQUOTA2 RQUOTA_GETQUOTA /export Q_NOQUOTA"),
]  # fmt: skip


class Seen:
    """The lines, and the exchanges."""

    def __init__(self, octets: bytes) -> None:
        self.lines: list[str] = []
        self.exchanges: list[Exchange] = []
        Pipeline(reader_of(Octets(octets)), self, LineView(self.lines.append)).run()

    def subscribe(self, events: Events) -> None:
        events.exchanges.subscribe(self.exchanges.append)


def rpc(program: int, version: int, procedure: int, arguments: Any, result: Any) -> bytes:
    wire = Wire()
    wire.connect()
    call, reply = Encoder(), Encoder()
    encode_call(call, 1, program, version, procedure, OpaqueAuth(0, b""))
    arguments.encode(call)
    encode_accepted(reply, 1)
    result.encode(reply)
    for sender, message in ((wire.client, call), (wire.server, reply)):
        wire.send(sender, bytes(encode_header(1, 32, 0)) + message.to_bytes())
    return pcap(wire.frames)


@pytest.mark.parametrize(("program", "version", "procedure", "arguments", "result", "said"), CASES)
def test_each_is_named_and_says_how_it_ended(
    program: int, version: int, procedure: int, arguments: Any, result: Any, said: str
) -> None:
    seen = Seen(rpc(program, version, procedure, arguments, result))
    assert said in seen.lines[-1]
    (exchange,) = seen.exchanges
    assert not exchange.findings
    assert exchange.call is not None
    assert exchange.reply is not None
    fields = message_fields(exchange, exchange.call)
    assert any(name.endswith((f"procedure_v{version}", "procedure_v1")) for name in fields)
    if program in (100021, 100227) and procedure != 20:
        assert fields["nfs.fhandle"] == b"handle".hex()


def test_a_program_without_a_name_and_its_version_are_apart() -> None:
    wire = Wire()
    wire.connect()
    body = struct.pack(">6I", 1, 0, 2, 536_870_912, 7, 42) + bytes(16)
    wire.send(wire.client, bytes(encode_header(1, 32, 0)) + body)
    assert "program 536870912 v7 proc 42" in Seen(pcap(wire.frames)).lines[-1]


def test_numbers_are_given_once() -> None:
    """But for quotas, of which two versions have the same procedures."""
    assert procedure_of(100021, 4, 1) is not None
    rows = [row for key, table in PROCEDURES.items() if key != (100011, 2) for row in table]
    assert len({row.number for row in rows}) == len(rows)
    assert all(NAMES[row.number] == row.name for row in rows)
