"""Latency: percentiles by hand, and what a compound is for."""

from __future__ import annotations

import pytest

from nfsrdma.dissector.messages.body import Body, Operation
from nfsrdma.dissector.messages.rpc import RpcCall
from nfsrdma.dissector.tracking.kinds import Transport
from nfsrdma.dissector.tracking.model import Connection, Exchange, Side
from nfsrdma.dissector.views.latency.latency import main_operation
from nfsrdma.dissector.views.latency.measure import Times
from nfsrdma.xdr.nfs4 import types as t


def exchange() -> Exchange:
    return Exchange(1, Side("10.0.0.1", Connection(1, Transport.ROCE_V2, 1, 0)), 1, True)


def test_spread() -> None:
    times = Times()
    assert times.spread() is None
    for value in range(200, 0, -1):
        times.add(value, value, value + 1)
    assert times.spread() == (200, 100, 199, 200, 200, 201)
    assert times.total == 20_100


@pytest.mark.parametrize(
    ("numbers", "name"),
    [
        ([t.OP_SEQUENCE, t.OP_PUTFH, t.OP_OPEN, t.OP_WRITE, t.OP_CLOSE], "WRITE"),
        ([t.OP_SEQUENCE, t.OP_PUTFH, t.OP_LOOKUP, t.OP_OPEN, t.OP_GETATTR], "OPEN"),
        ([t.OP_SEQUENCE, t.OP_PUTFH, t.OP_LOOKUP, t.OP_GETATTR], "LOOKUP"),
        ([t.OP_SEQUENCE, t.OP_PUTFH, t.OP_GETATTR], "GETATTR"),
        ([t.OP_SEQUENCE], "SEQUENCE"),
    ],
)
def test_what_a_compound_is_for(numbers: list[int], name: str) -> None:
    one = exchange()
    body = one.call_body = Body("COMPOUND")
    body.operations = [Operation(number, None) for number in numbers]
    assert main_operation(one) == name


def test_what_other_calls_are_for() -> None:
    one = exchange()
    assert main_operation(one) == "unknown"
    call = one.call_rpc = RpcCall()
    call.program, call.version, call.procedure = 100003, 3, 6
    assert main_operation(one) == "NFS3 procedure 6"
    one.call_body = Body("NULL")
    assert main_operation(one) == "NULL"
    back = one.call_body = Body("CB_COMPOUND", callback=True)
    back.operations = [Operation(t.OP_CB_SEQUENCE, None), Operation(t.OP_CB_RECALL, None)]
    assert main_operation(one) == "CB_RECALL"
