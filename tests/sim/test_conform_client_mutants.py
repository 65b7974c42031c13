"""Clients with one fault put in, each of which the test that is meant for it must catch."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.support.conform import replaced
from tests.support.conform_client import run
from tests.support.mutants import Mutant, Mutants

from nfsrdma.client import recovery
from nfsrdma.conform.client.catalogue import SCENARIOS
from nfsrdma.conform.runner import Verdict
from nfsrdma.rpcrdma.roce.engine.memory import ProtectionDomain
from nfsrdma.rpcrdma.transport import channel, header, private_data, requester
from nfsrdma.rpcrdma.transport.chunk import Chunk
from nfsrdma.rpcrdma.transport.credits import CreditWindow
from nfsrdma.rpcrdma.transport.reassembly import PlacedDecoder
from nfsrdma.rpcrdma.transport.requester import PendingCall, RpcRdmaRequester
from nfsrdma.rpcrdma.verbs.types import Access
from nfsrdma.xdr import Decoder

MUTANTS = Mutants()
mutant = MUTANTS.enter


# --- Calls ---

_encode = private_data.PrivateData.encode


@mutant("CL1", private_data.PrivateData, "encode")
def _reserved_flags(self: Any) -> bytes:
    octets = bytearray(_encode(self))
    octets[5] |= 0x80
    return bytes(octets)


@mutant("CL3", requester, "CreditWindow")
class _NeverShrinks(CreditWindow):
    """Keeps the greatest grant."""

    def release(self, grant: int) -> None:
        before = self.limit
        super().release(max(grant, 32))
        self.limit = max(self.limit, before)


@mutant("CL4", requester, "CreditWindow")
class _NothingIsNothing(CreditWindow):
    """Takes a grant of zero at its word."""

    def release(self, grant: int) -> None:
        super().release(grant)
        self.limit = min(self.limit, grant)


@mutant("CL5", requester, "SHORT")
class _OneXid:
    """Has one XID in the header of all calls."""

    unpack_from = header.SHORT.unpack_from

    @staticmethod
    def pack(xid: int, *rest: int) -> bytes:
        return header.SHORT.pack(77, *rest)


_encode_header = header.encode_header


@mutant("CL6", requester, "encode_header")
def _position_off(xid: int, credit: int, proc: int, reads: Any, *rest: Any) -> bytes:
    moved = [Chunk(each.segments, each.position + 4 * bool(each.position)) for each in reads]
    return _encode_header(xid, credit, proc, moved, *rest)


@mutant("CL7", requester, "encode_header")
def _too_little_room(
    xid: int, credit: int, proc: int, reads: Any, writes: Any, reply: Any
) -> bytes:
    half = [
        Chunk([each.segments[0]._replace(length=each.segments[0].length // 2)]) for each in writes
    ]
    return _encode_header(xid, credit, proc, reads, half, reply)


_keys = itertools.count(0x1000)


@mutant("CL18", ProtectionDomain, "_new_key")
def _counts_keys(self: Any) -> int:
    return next(_keys)


# --- Replies ---

_unmarshal = RpcRdmaRequester._unmarshal
_results = RpcRdmaRequester._results
_take = RpcRdmaRequester._take
_reply = RpcRdmaRequester.reply


@mutant("CL8", RpcRdmaRequester, "_unmarshal")
def _never_in_the_chunk(self: Any, call: PendingCall, head: Any, view: memoryview) -> Decoder:
    if head.proc == header.RDMA_NOMSG and head.reply_chunk.length < 4000:
        raise requester.XdrError("a short reply in the Reply chunk")
    return _unmarshal(self, call, head, view)


@mutant("CL10", PlacedDecoder, "payload")
def _rounds_up(self: Any, limit: int | None = None) -> memoryview:
    placed = self._results[self._index] if self._index < len(self._results) else b""
    found = _payload(self, limit)
    if len(placed) % 4 and len(found) > 1000:
        return memoryview(bytes(found[:-1]) + b"\xee")
    return found


_payload = PlacedDecoder.payload


@mutant("CL29", RpcRdmaRequester, "_results")
def _believes_the_sinks(self: Any, call: PendingCall, head: Any) -> list[memoryview]:
    return [bytes(each)[:] and each for each in call.sinks] if head.write_list else []


@mutant("CL12", RpcRdmaRequester, "refused")
def _repeats_what_was_refused(self: Any, head: Any, rkey: int | None) -> None:
    call = self._take(head.xid, head.credit, rkey)
    if call is not None:
        self._window.acquire()
        self._send(call)


@mutant("CL14", RpcRdmaRequester, "_take")
def _unknown_is_fatal(self: Any, xid: int, credit: int, rkey: int | None) -> Any:
    if xid not in self._sent:
        self._endpoint.fail("an unknown XID")
        return None
    return _take(self, xid, credit, rkey)


@mutant("CL15", RpcRdmaRequester, "reply")
def _read_lists_are_fine(self: Any, head: Any, view: memoryview, rkey: int | None) -> None:
    head.read_list = ()
    _reply(self, head, view, rkey)


@mutant("CL26", channel.RdmaChannel, "_drop")
def _ends_the_connection(self: Any, slot: Any, rkey: int | None) -> None:
    self._endpoint.fail("no reply")


@mutant("CL43", RpcRdmaRequester, "drop")
def _fails_the_call(self: Any, xid: int, rkey: int | None, complaint: str) -> None:
    call = self._take(xid, self._window.limit, rkey)
    if call is not None:
        self._set_error(call, requester.XdrError(complaint))


# --- Memory ---


@mutant("CL17", RpcRdmaRequester, "_end_registrations")
def _stays_open(self: Any, call: PendingCall) -> None:
    call.regions = []


MUTANTS["CL34 all rights"] = Mutant(
    "CL34", requester, "_PEER_WRITES", Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ
)


@mutant("CL33", RpcRdmaRequester, "_take")
def _the_first_handle_only(self: Any, xid: int, credit: int, rkey: int | None) -> Any:
    call = self._sent.get(xid)
    offers = call is not None and call.regions
    if offers and rkey is None:
        self._endpoint.fail("nothing was invalidated")
        return None
    return _take(self, xid, credit, rkey)


# --- Back channel, connections ---


_on_message = channel.RdmaChannel._on_message


@mutant("CL19", channel.RdmaChannel, "_on_message")
def _by_xid_alone(self: Any, slot: Any, view: memoryview, rkey: int | None) -> None:
    xid = int.from_bytes(view[:4], "big")
    if self.requester.expects(xid) and view[12:28] == bytes(16):
        self.requester.short_reply(xid, view[11], view[28:], rkey)
        self._endpoint.repost(slot)
    else:
        _on_message(self, slot, view, rkey)


MUTANTS["CL22 no pause"] = Mutant("CL22", recovery, "_BACKOFF_MIN_S", 1e-6)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name: str, caplog: pytest.LogCaptureFixture) -> None:
    mutant = MUTANTS[name]
    with replaced(mutant.owner, mutant.name, mutant.fault):
        (outcome,) = run([SCENARIOS[mutant.case]])
    assert outcome.verdict in (Verdict.FAILED, Verdict.NOTED), outcome.observed
    assert outcome.observed
    # A client that raises is caught by whatever test there is: that shows nothing.
    raised = [record.getMessage() for record in caplog.records if record.exc_info]
    assert not raised
