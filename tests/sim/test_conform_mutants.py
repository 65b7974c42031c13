"""Servers with one fault put in, each of which the test that is meant for it must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support import conform as support
from tests.support import gss
from tests.support.conform import CONTEXTS, VERSION_3, SimServer, replaced
from tests.support.mutants import Mutant, Mutants
from tests.support.nfs3_server import NOTHING_KNOWN, Version3

from nfsrdma.conform.case import CASES
from nfsrdma.conform.runner import Verdict
from nfsrdma.rpcrdma.roce.cm import cm_id
from nfsrdma.rpcrdma.rpc import program
from nfsrdma.rpcrdma.rpc.message import AuthError, OpaqueAuth
from nfsrdma.rpcrdma.transport import (
    TransportOptions,
    call,
    channel,
    connect,
    endpoint,
    header,
    private_data,
    requester,
    responder,
)
from nfsrdma.rpcrdma.transport.chunk import Chunk
from nfsrdma.rpcrdma.transport.credits import CreditGrant, CreditWindow
from nfsrdma.rpcrdma.transport.endpoint import RpcRdmaEndpoint
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.rpcrdma.transport.reassembly import ChunkedDecoder
from nfsrdma.rpcrdma.transport.reduction import ReplyPlan, plan_reply
from nfsrdma.server.engine import replay
from nfsrdma.server.ops import sessions
from nfsrdma.server.state import lease
from nfsrdma.server.state.session import Slot
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs3 import types as t

MUTANTS = Mutants()
mutant = MUTANTS.enter


def planned(case: str) -> Callable[[Any], Any]:
    """Enter what changes the plan of each reply."""

    def enter(change: Callable[[ReplyPlan], ReplyPlan | None]) -> Any:
        def plan(*given: Any) -> ReplyPlan | None:
            made = plan_reply(*given)
            return None if made is None else change(made)

        plan.__name__ = change.__name__
        mutant(case, call, "plan_reply")(plan)
        return change

    return enter


def replace(plan: ReplyPlan, **changed: Any) -> ReplyPlan:
    """A plan with something changed."""
    fields = {name: getattr(plan, name) for name in ReplyPlan.__slots__}
    return ReplyPlan(**{**fields, **changed})


def longer(chunk: Chunk, octets: int) -> Chunk:
    """A chunk whose first segment is said to hold so many octets more."""
    first, *rest = chunk.segments
    return Chunk([first._replace(length=first.length + octets), *rest])


# --- Headers ---


@mutant("HD2", responder, "encode_version_error")
def _chunk_error_for_a_version(xid: int, version: int, credit: int) -> bytes:
    return header.encode_chunk_error(xid, credit)


@mutant("HD3", responder, "encode_chunk_error")
def _another_xid(xid: int, credit: int) -> bytes:
    return header.encode_chunk_error(xid ^ 1, credit)


@mutant("HD8", channel, "direction")
def _two_xids_are_fine(head: Any, view: memoryview, active: bool) -> int:
    return 0


MUTANTS["HD4 done is answered"] = Mutant("HD4", channel, "RDMA_DONE", -1)
MUTANTS["HD6 errors are answered"] = Mutant("HD6", channel, "RDMA_ERROR", -1)


@mutant("HD9", header, "_check")
def _any_discriminator(condition: bool, complaint: str) -> None:
    pass


# --- Credits, private data ---


class NoCredit(CreditGrant):
    """Grants nothing."""

    def __init__(self, ceiling: int) -> None:
        super().__init__(ceiling)
        self.offered = 0


for _name in ("CR1", "CR7"):
    MUTANTS[f"{_name} no credit"] = Mutant(_name, responder, "CreditGrant", NoCredit)
MUTANTS["CR2 fewer receives than credits"] = Mutant(
    "CR2", TransportOptions, "receive_depth", property(lambda _: 12)
)


class Greedy(CreditWindow):
    """Begins with all credits."""

    def __init__(self, ceiling: int) -> None:
        super().__init__(ceiling)
        self.limit = ceiling


MUTANTS["BC4 all credits at first"] = Mutant("BC4", requester, "CreditWindow", Greedy)


@mutant("PD2", endpoint, "thresholds")
def _ours_alone(ours: PrivateData, theirs: PrivateData) -> tuple[int, int]:
    return ours.inline_send, ours.inline_receive


MUTANTS["PD1 another version"] = Mutant("PD1", private_data, "FORMAT_VERSION", 2)


@mutant("PD4", channel.PrivateData, "decode")
def _any_magic(data: bytes) -> PrivateData:
    return PrivateData(4096, 4096)


@mutant("RI3", RpcRdmaEndpoint, "negotiate")
def _invalidates_unasked(self: Any, theirs: PrivateData) -> None:
    self.send_threshold = self.receive_threshold = 4096
    self.may_invalidate = True


@mutant("RI1", call.RdmaCall, "_rkey")
def _a_handle_of_nobody(self: Any) -> int:
    return 0x1234


@mutant("RI4", responder, "encode_chunk_error")
def _no_answer(xid: int, credit: int) -> bytes:
    return b""


# --- Read chunks ---

_take = ChunkedDecoder._take


@mutant("RC14", ChunkedDecoder, "_take")
def _any_length(self: Any, size: int) -> memoryview:
    if self._index < len(self._contents) and self.offset == self._end and size > 1000:
        content = bytes(self._contents[self._index])
        contents = list(self._contents)
        contents[self._index] = memoryview((content + bytes(size))[:size])
        self._contents = contents
    return _take(self, size)


@mutant("RC5", ChunkedDecoder, "_take")
def _pads_are_data(self: Any, size: int) -> memoryview:
    found = _take(self, size)
    return memoryview(bytes(found)[:-1] + b"\0") if size % 4 == 1 and size > 1000 else found


# --- Write chunks and the Reply chunk ---


@planned("WC1")
def _length_too_long(plan: ReplyPlan) -> ReplyPlan:
    return replace(plan, write_list=[longer(chunk, -1) for chunk in plan.write_list])


@planned("WC3")
def _pad_is_written(plan: ReplyPlan) -> ReplyPlan:
    writes = []
    for segment, pieces in plan.writes:
        pad = bytes(-sum(map(len, pieces)) % 4)
        padded = segment._replace(length=segment.length + len(pad))
        writes.append((padded, [*pieces, memoryview(pad)] if pad else pieces))
    return replace(plan, writes=writes)


@planned("WC5")
def _used_though_it_failed(plan: ReplyPlan) -> ReplyPlan:
    used = [longer(chunk, 7) if not chunk.length else chunk for chunk in plan.write_list]
    return replace(plan, write_list=used)


@planned("WC7")
def _chunks_are_swapped(plan: ReplyPlan) -> ReplyPlan:
    return replace(plan, write_list=list(reversed(list(plan.write_list))))


@planned("WC8")
def _unused_chunks_are_left_out(plan: ReplyPlan) -> ReplyPlan:
    return replace(plan, write_list=list(plan.write_list)[:1])


@planned("WC2")
def _segments_are_joined(plan: ReplyPlan) -> ReplyPlan:
    return replace(
        plan,
        write_list=[
            Chunk([chunk.segments[0]._replace(length=chunk.length)]) for chunk in plan.write_list
        ],
    )


@planned("RP2")
def _inline_and_in_the_chunk(plan: ReplyPlan) -> ReplyPlan:
    if plan.reply_chunk is None or plan.long:
        return plan
    return replace(plan, reply_chunk=longer(plan.reply_chunk, 8))


@planned("RP3")
def _octets_behind_the_reply(plan: ReplyPlan) -> ReplyPlan:
    if plan.reply_chunk is None or not plan.long:
        return plan
    (segment, pieces), *rest = reversed(list(plan.writes))
    more = (segment._replace(length=segment.length), [*pieces, memoryview(b"more")])
    return replace(plan, writes=[*reversed(rest), more])


@planned("RP7")
def _data_come_twice(plan: ReplyPlan) -> ReplyPlan | None:
    return None if plan.write_list and plan.long else plan


@mutant("RP6", endpoint, "thresholds")
def _however_long(ours: PrivateData, theirs: PrivateData) -> tuple[int, int]:
    return 65536, 65536


# --- Replay ---


@mutant("RR2", sessions, "admit")
def _everything_is_new(record: Any, seqid: int, fingerprint: Any) -> Any:
    record.acquire(seqid, fingerprint)
    return replay.NEW


_acquire = Slot.acquire


@mutant("RR10", Slot, "acquire")
def _skips_numbers(self: Any, seqid: int, fingerprint: Any) -> bool:
    if seqid > self.seqid + 1:
        self.seqid = seqid - 1
    return _acquire(self, seqid, fingerprint)


MUTANTS["CM1 nobody is let in"] = Mutant(
    "CM1", connect.RdmaListener, "_on_request", lambda self, request: request.reject()
)


# --- Connections, flavors ---


MUTANTS["CM9 every path is wide"] = Mutant("CM9", cm_id, "PATH_MTUS", dict.fromkeys(range(6), 4096))


@mutant("GS4", AuthError, "encode")
def _denies_somebody_else(self: Any, enc: Any, xid: int, verf: Any = None) -> None:
    for word in (xid ^ 1, 1, 1, 1, self.stat):
        enc.uint32(word)


_accept = gss.GssServer.accept


@mutant("GS1", gss.GssServer, "accept")
def _signs_nothing(self: Any, header: Any, incoming: Any) -> Any:
    caller = _accept(self, header, incoming)
    if caller is not None and caller.protection is not None:
        caller.protection.verifier = OpaqueAuth(gss.FLAVOR, bytes(16))
    return caller


@mutant("GS2", program.ProtectedCall, "unwrap")
def _puts_the_pieces_together(self: Any) -> None:
    decoder = self.decoder
    if self._protection.wraps:
        if self.incoming.reduced:
            (at,), (content,) = decoder._boundaries, decoder._contents
            inline = bytes(decoder._inline)
            decoder = Decoder(inline[decoder.offset : at] + bytes(content) + inline[at:])
        self.decoder = self._protection.unwrap(decoder)


@mutant("GS3", program.ProtectedCall, "reply")
def _places_what_is_protected(self: Any, reply: Encoder, on_sent: Any = None) -> None:
    if self._protection.wraps:
        wrapped = Decoder(self._protection.wrap(reply.to_bytes()[self._start :]))
        whole, reply = reply, Encoder()
        reply.buffer += whole.buffer[: self._start]
        reply.payload(wrapped.opaque())
        reply.buffer += wrapped.peek(wrapped.remaining())
    program.Call.reply(self, reply, on_sent)


# --- After a restart, and after a while ---


@mutant("RR8", lease.Grace, "may_reclaim")
def _knows_nobody_any_more(self: Any, record: bytes) -> bool:
    return False


@mutant("NB9", channel.RdmaChannel, "keep_alive")
def _forgets_who_is_idle(self: Any) -> None:
    self.responder.lane = None
    self.responder._service = lambda call: call.drop()


# --- Version 3, and what is beside ---


@mutant("NB3", Version3, "symlink")
def _pads_are_of_the_target(self: Any, dec: Any) -> Any:
    args = t.SYMLINK3args.decode(dec)
    target = bytes(args.symlink.symlink_data)
    self.files[bytes(args.where.name)] = target + bytes(-len(target) % 4)
    return t.SYMLINK3res(
        t.NFS3_OK,
        t.SYMLINK3resok(t.post_op_fh3(False), t.post_op_attr(False), NOTHING_KNOWN),
    )


class _Placed:
    """A result by the Write chunk that has no item to be there."""

    def encode(self, enc: Encoder) -> None:
        enc.uint32(0)
        enc.payload(bytes(64))


@mutant("NB4", Version3, "access_list")
def _lists_are_placed(self: Any, args: Any) -> Any:
    return _Placed()


MUTANTS["NB7 another port"] = Mutant("NB7", support, "RPCBIND_ADDRESS", b"10.0.0.1.8.1")


@mutant("RR3", Version3, "keep")
def _keeps_no_replies(self: Any, xid: int, reply: Encoder) -> None:
    pass


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name: str, caplog: pytest.LogCaptureFixture) -> None:
    mutant = MUTANTS[name]
    with replaced(mutant.owner, mutant.name, mutant.fault):
        version3 = Version3() if mutant.case in VERSION_3 else None
        # Faults are put into the ordinary way, which a lane would go past.
        server = SimServer(version3=version3, contexts=mutant.case in CONTEXTS, lanes=False)
        (outcome,) = server.run([CASES[mutant.case]])
    assert outcome.verdict in (Verdict.FAILED, Verdict.NOTED), outcome.observed
    assert outcome.observed
    # A server that raises is caught by whatever test there is: that shows nothing.
    raised = [record.getMessage() for record in caplog.records if record.exc_info]
    assert not raised
