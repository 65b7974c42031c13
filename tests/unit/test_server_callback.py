"""The server's calls to clients: slots, paths, faults, and clients that break the rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.callbacks import BACK, DOWN, PROGRAM, RECALL, STATEID, Bed, Call, error
from tests.support.nfs import (
    Peer,
    Session,
    channel_attributes,
)

from nfsrdma.rpcrdma.rpc.message import (
    AuthError,
    ProgramUnavailable,
)
from nfsrdma.server.callback import CallbackOperation, CallbackRefused, PathDown
from nfsrdma.server.state.backchannel import MAX_CALLBACK_SLOTS, Path
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t

# --- Probes ---


def test_a_new_back_channel_is_probed_after_the_reply() -> None:
    bed = Bed(proved=False)
    assert bed.flags == BACK
    call = bed.next()
    assert (call.header.prog, call.header.vers, call.header.proc) == (PROGRAM, 1, t.CB_NULL)
    assert bed.status() == 0  # not known yet, which is no trouble
    call.answer()
    assert bed.theirs.back.paths == {bed.peer.channel: Path.UP}
    assert bed.callbacks.stats.probes_answered == 1
    assert bed.status() == 0


def test_a_probe_that_is_not_answered_puts_the_path_down_until_it_is() -> None:
    bed = Bed(proved=False)
    call = bed.next()
    bed.reactor.advance(8.9)
    assert bed.status() == 0
    bed.reactor.advance(0.2)
    assert bed.status() == DOWN
    call.answer()
    assert bed.status() == 0
    assert bed.callbacks.stats.late == 1


def test_a_client_that_binds_again_has_no_trouble_until_that_is_known() -> None:
    """Otherwise it would bind once more for every SEQUENCE."""
    bed = Bed(proved=False)
    bed.next()
    bed.reactor.advance(10)
    assert bed.status() == DOWN
    arguments = t.BIND_CONN_TO_SESSION4args(bed.session.id, t.CDFC4_FORE_OR_BOTH, False)
    assert bed.peer.call((t.OP_BIND_CONN_TO_SESSION, arguments)).status == t.NFS4_OK
    assert bed.status() == 0
    bed.next()
    bed.reactor.advance(10)
    assert bed.status() == DOWN


@pytest.mark.parametrize("how", ["no program", "denied", "nonsense", "refused"])
def test_a_client_without_a_callback_program(how: str) -> None:
    bed = Bed(proved=False)
    call = bed.next()
    if how == "no program":
        call.deny(ProgramUnavailable())
    elif how == "denied":
        call.deny(AuthError(1))
    elif how == "refused":
        call.refuse()
    else:
        call._reply.set_result(Decoder(b"abc"))
    assert bed.status() == DOWN


def test_another_session_that_is_reached_is_enough() -> None:
    bed = Bed()
    other = bed.peer.call(
        (
            t.OP_CREATE_SESSION,
            t.CREATE_SESSION4args(
                bed.session.client_id, 2, 0, channel_attributes(), channel_attributes(), PROGRAM, []
            ),
        )
    )[0]
    without = Session(bed.peer, bed.session.client_id, other)
    assert without.ok()[0].sr_status_flags == 0
    bed.recall()
    bed.reactor.advance(10)
    assert without.ok()[0].sr_status_flags == t.SEQ4_STATUS_CB_PATH_DOWN
    assert bed.status() == DOWN


def test_a_lost_connection_is_a_path_that_is_down() -> None:
    bed = Bed()
    bed.peer.channel.close()
    bed.session.peer = Peer(bed.server)
    assert bed.status() == DOWN
    other = bed.bind()
    assert bed.status() == 0
    bed.next(other.channel).answer()


# --- Security parameters ---


def test_auth_sys_as_the_client_gives_it() -> None:
    parms = t.authsys_parms(7, b"host", 1000, 100, [4])
    bed = Bed(proved=False, flavors=[t.callback_sec_parms4(t.AUTH_SYS, parms)])
    header = bed.next().header
    assert header.cred.flavor == t.AUTH_SYS
    assert t.authsys_parms.decode(Decoder(header.cred.body)).uid == 1000


GSS = t.callback_sec_parms4(t.RPCSEC_GSS, t.gss_cb_handles4(1, b"a", b"b"))


def test_the_first_flavor_that_the_server_has() -> None:
    bed = Bed(proved=False, flavors=[GSS, t.callback_sec_parms4(t.AUTH_NONE)])
    assert bed.flags == BACK
    assert bed.next().header.cred.flavor == t.AUTH_NONE


def test_a_client_that_cannot_be_called_has_no_back_channel() -> None:
    bed = Bed(proved=False, flavors=[GSS])
    assert bed.flags == 0
    assert bed.all() == []
    assert bed.status() == t.SEQ4_STATUS_CB_PATH_DOWN
    assert isinstance(error(bed.recall()), PathDown)


def test_backchannel_ctl_takes_effect_at_once() -> None:
    bed = Bed()
    parms = t.callback_sec_parms4(t.AUTH_SYS, t.authsys_parms(0, b"", 5, 6, []))
    arguments = t.BACKCHANNEL_CTL4args(PROGRAM + 1, [parms])
    bed.session.ok((t.OP_BACKCHANNEL_CTL, arguments))
    call = bed.next()
    assert (call.header.prog, call.header.cred.flavor) == (PROGRAM + 1, t.AUTH_SYS)
    bed.recall()
    assert bed.next().header.prog == PROGRAM + 1
    bed.session.fails(
        t.NFS4ERR_NOENT, (t.OP_BACKCHANNEL_CTL, t.BACKCHANNEL_CTL4args(PROGRAM, [GSS]))
    )


def test_a_probe_of_the_old_program_says_nothing_about_the_new_one() -> None:
    bed = Bed(proved=False)
    old = bed.next()
    arguments = t.BACKCHANNEL_CTL4args(PROGRAM + 1, [])
    bed.session.ok((t.OP_BACKCHANNEL_CTL, arguments))
    assert bed.all() == []  # one at a time
    old.deny(ProgramUnavailable())
    assert bed.status() == 0
    assert bed.next().header.prog == PROGRAM + 1


# --- Calls ---


def test_a_call_and_its_result() -> None:
    bed = Bed()
    future = bed.recall()
    call = bed.next()
    assert call.compound is not None
    assert (call.compound.minorversion, call.compound.callback_ident) == (2, 0)
    assert call.place == (0, 1)
    assert not call.sequence.csa_cachethis
    assert call.sequence.csa_referring_call_lists == []
    assert call.compound.argarray[1].value.fh == b"handle"
    call.answer(t.NFS4ERR_BAD_STATEID)
    assert future.result().status == t.NFS4ERR_BAD_STATEID
    bed.recall()
    assert bed.next().place == (0, 2)


def test_calls_at_a_time_have_slots_of_their_own() -> None:
    bed = Bed(slots=3)
    futures = [bed.recall() for _ in range(5)]
    calls = bed.all()
    assert [call.place for call in calls] == [(0, 1), (1, 1), (2, 1)]
    assert [call.sequence.csa_highest_slotid for call in calls] == [0, 1, 2]
    calls[1].answer()
    assert bed.next().place == (1, 2)
    calls[0].answer()
    assert bed.next().place == (0, 2)
    assert [future.done() for future in futures] == [True, True, False, False, False]


def test_no_more_slots_than_the_client_wants() -> None:
    bed = Bed(slots=1000)
    futures = [bed.recall() for _ in range(40)]
    calls = bed.all()
    assert len(calls) == MAX_CALLBACK_SLOTS
    for call in calls:
        call.answer(target=0)
    assert len(bed.all()) == 1
    assert sum(future.done() for future in futures) == MAX_CALLBACK_SLOTS


def test_a_client_is_called_in_the_session_that_reaches_it() -> None:
    bed = Bed()
    client = bed.theirs.client
    future = bed.callbacks.call(client, RECALL)
    bed.next().answer()
    assert future.result().status == 0
    bed.peer.call((t.OP_DESTROY_SESSION, t.DESTROY_SESSION4args(bed.session.id)))
    assert isinstance(error(bed.callbacks.call(client, RECALL)), PathDown)


def test_referring_calls_are_named() -> None:
    bed = Bed()
    about = t.referring_call_list4(bed.session.id, [t.referring_call4(9, 3)])
    bed.callbacks.call(bed.theirs, RECALL, referring=[about])
    (sent,) = bed.next().sequence.csa_referring_call_lists
    assert sent.rcl_referring_calls[0].rc_sequenceid == 9


def test_a_call_that_is_too_long_is_not_made() -> None:
    bed = Bed(request=128)
    big = CallbackOperation(
        t.OP_CB_RECALL, t.CB_RECALL4args(STATEID, False, b"h" * 128), t.CB_RECALL4res.decode
    )
    failure = error(bed.callbacks.call(bed.theirs, big))
    assert isinstance(failure, CallbackRefused)
    assert failure.status == t.NFS4ERR_REQ_TOO_BIG
    assert bed.all() == []
    assert bed.status() == 0
    slot = bed.theirs.back.acquire()
    assert slot is not None
    assert (slot.number, slot.next_seqid, slot.doubtful) == (0, 1, False)


# --- Retries ---


def test_a_lost_connection_has_the_same_call_go_over_another_one() -> None:
    bed = Bed()
    other = bed.bind()
    bed.next(other.channel).answer()
    future = bed.recall()
    first = bed.next()
    bed.peer.channel.close()
    again = bed.next(other.channel)
    assert again.compound is not None
    assert first.compound is not None
    assert again.place == first.place == (0, 1)
    assert again.compound.argarray[1].value.fh == b"handle"
    assert again.header.xid != first.header.xid
    again.answer()
    assert future.result().status == 0
    assert bed.callbacks.stats.repeated == 1
    bed.session.peer = other
    assert bed.status() == 0


def test_a_call_waits_for_the_client_to_bind_again() -> None:
    bed = Bed()
    future = bed.recall()
    bed.next()
    bed.peer.channel.close()
    bed.session.peer = Peer(bed.server)
    assert bed.status() == DOWN
    bed.reactor.advance(30)
    other = bed.bind()
    calls = bed.all(other.channel)
    for call in calls:
        call.answer()
    assert sorted(call.header.proc for call in calls) == [t.CB_NULL, t.CB_COMPOUND]
    assert future.result().status == 0


def test_patience_ends() -> None:
    bed = Bed()
    future = bed.recall()
    bed.peer.channel.close()
    bed.reactor.advance(89)
    assert not future.done()
    bed.reactor.advance(2)
    assert isinstance(error(future), PathDown)


def test_no_answer_has_the_call_go_over_another_connection() -> None:
    bed = Bed()
    other = bed.bind()
    bed.next(other.channel).answer()
    future = bed.recall()
    bed.next()
    bed.reactor.advance(9.1)
    again = bed.next(other.channel)
    assert again.place == (0, 1)
    assert bed.theirs.back.paths[bed.peer.channel] is Path.DOWN
    assert bed.status() == 0  # the other one is up
    again.answer()
    assert future.result().status == 0


def test_a_slot_in_doubt_is_settled_before_its_next_call() -> None:
    bed = Bed(slots=1)
    future = bed.recall()
    bed.next()
    bed.reactor.advance(100)
    assert isinstance(error(future), PathDown)
    bed.bind(t.CDFC4_BACK)
    other = bed.bind()
    for call in bed.all(other.channel):
        call.answer()
    future = bed.recall()
    settling = bed.next(other.channel)
    assert settling.compound is not None
    assert (settling.place, len(settling.compound.argarray)) == ((0, 1), 1)
    settling.answer(sequence=t.NFS4ERR_SEQ_FALSE_RETRY)
    call = bed.next(other.channel)
    assert call.place == (0, 2)
    call.answer()
    assert future.result().status == 0


def test_delay_is_tried_again_with_the_same_sequence_id() -> None:
    bed = Bed()
    future = bed.recall()
    bed.next().answer(sequence=t.NFS4ERR_DELAY)
    assert bed.all() == []
    bed.reactor.advance(0.2)
    call = bed.next()
    assert call.place == (0, 1)
    call.answer()
    assert future.result().status == 0
    assert bed.callbacks.stats.delayed == 1


def test_delay_for_ever_is_a_failure() -> None:
    bed = Bed()
    future = bed.recall()
    for _ in range(1000):
        for call in bed.all():
            call.answer(sequence=t.NFS4ERR_DELAY)
        if future.done():
            break
        bed.reactor.advance(1)
    failure = error(future)
    assert isinstance(failure, CallbackRefused)
    assert failure.status == t.NFS4ERR_DELAY
    assert bed.status() == 0


def test_a_slot_that_the_client_does_not_have() -> None:
    bed = Bed(slots=4)
    futures = [bed.recall() for _ in range(3)]
    calls = bed.all()
    calls[2].answer(sequence=t.NFS4ERR_BADSLOT)
    assert bed.all() == []
    calls[0].answer(target=1)
    (again,) = bed.all()
    assert again.place == (0, 2)
    again.answer(target=1)
    calls[1].answer(target=1)
    assert all(future.result().status == 0 for future in futures)


def test_a_slot_out_of_step_begins_at_1_again_once() -> None:
    bed = Bed()
    for _ in range(3):
        future = bed.recall()
        bed.next().answer()
    future = bed.recall()
    bed.next().answer(sequence=t.NFS4ERR_SEQ_MISORDERED)
    call = bed.next()
    assert call.place == (0, 1)
    call.answer()
    assert future.result().status == 0
    future = bed.recall()
    bed.next().answer(sequence=t.NFS4ERR_SEQ_MISORDERED)
    bed.next().answer(sequence=t.NFS4ERR_SEQ_MISORDERED)
    assert isinstance(error(future), CallbackRefused)
    assert bed.status() == DOWN | t.SEQ4_STATUS_BACKCHANNEL_FAULT


def test_a_fault_is_told_although_another_path_is_up_and_a_new_binding_ends_it() -> None:
    bed = Bed()
    other = bed.bind()
    bed.next(other.channel).answer()
    bed.recall()
    for _ in range(2):
        bed.next().answer(sequence=t.NFS4ERR_SEQ_MISORDERED)
    assert bed.status() & t.SEQ4_STATUS_BACKCHANNEL_FAULT
    bed.bind()
    assert bed.status() == 0


def test_a_client_that_does_not_know_the_session() -> None:
    bed = Bed()
    future = bed.recall()
    bed.next().answer(sequence=t.NFS4ERR_BADSESSION)
    assert isinstance(error(future), CallbackRefused)
    assert bed.status() == DOWN
    assert not bed.theirs.back.fault


@pytest.mark.parametrize("status", [t.NFS4ERR_SEQ_FALSE_RETRY, t.NFS4ERR_RETRY_UNCACHED_REP])
def test_a_result_that_was_not_kept(status: int) -> None:
    bed = Bed()
    future = bed.recall()
    bed.next().answer(sequence=status)
    assert isinstance(error(future), CallbackRefused)
    bed.recall()
    assert bed.next().place == (0, 2)
    assert bed.status() == 0


# --- Hostile clients ---


def _other_session(call: Call) -> bytes:
    ours = call.sequence
    ok = t.CB_SEQUENCE4resok(b"x" * 16, ours.csa_sequenceid, ours.csa_slotid, 1, 1)
    results = [
        t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(0, ok)),
        t.nfs_cb_resop4(t.OP_CB_RECALL, t.CB_RECALL4res(0)),
    ]
    enc = Encoder()
    t.CB_COMPOUND4res(0, b"", results).encode(enc)
    return bytes(enc.buffer)


def _other_operation(call: Call) -> bytes:
    ours = call.sequence
    ok = t.CB_SEQUENCE4resok(ours.csa_sessionid, ours.csa_sequenceid, ours.csa_slotid, 1, 1)
    results = [
        t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(0, ok)),
        t.nfs_cb_resop4(t.OP_CB_RECALL_SLOT, t.CB_RECALL_SLOT4res(0)),
    ]
    enc = Encoder()
    t.CB_COMPOUND4res(0, b"", results).encode(enc)
    return bytes(enc.buffer)


NONSENSE: dict[str, Callable[[Call], bytes]] = {
    "nothing": lambda call: b"",
    "no results": lambda call: bytes(12),
    "a long tag": lambda call: b"\0\0\0\0\x7f\xff\xff\xff" + bytes(100),
    "many results": lambda call: b"\0\0\0\0\0\0\0\0\xff\xff\xff\xff" + bytes(100),
    "another operation first": lambda call: bytes(8) + b"\0\0\0\1\0\0\0\4\0\0\0\0",
    "another session": _other_session,
    "another operation": _other_operation,
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_puts_the_path_down(what: str) -> None:
    bed = Bed()
    future = bed.recall()
    call = bed.next()
    call.answer_octets(NONSENSE[what](call))
    assert bed.status() & DOWN == DOWN
    assert bed.all() == []  # not asked again for more of it
    bed.reactor.advance(100)
    assert isinstance(error(future), PathDown | CallbackRefused)


def test_a_client_that_never_answers_holds_little() -> None:
    """However often it binds its connection, and whatever the server has to tell it."""
    bed = Bed(proved=False, slots=64)
    futures = []
    for _ in range(200):
        futures.append(bed.recall())
        arguments = t.BIND_CONN_TO_SESSION4args(bed.session.id, t.CDFC4_FORE_OR_BOTH, False)
        assert bed.peer.call((t.OP_BIND_CONN_TO_SESSION, arguments)).status == t.NFS4_OK
        bed.turn()
        bed.reactor.advance(5)
    assert len(bed.peer.channel.callbacks) <= 16
    bed.reactor.advance(200)
    assert all(isinstance(error(future), PathDown) for future in futures)
    bed.peer.channel.close()
    assert not bed.callbacks._unanswered
    assert not bed.callbacks._probing


def test_an_answer_after_the_session_is_gone() -> None:
    bed = Bed()
    futures = [bed.recall() for _ in range(3)]
    calls = bed.all()
    back = bed.theirs.back
    bed.peer.call((t.OP_DESTROY_SESSION, t.DESTROY_SESSION4args(bed.session.id)))
    assert all(isinstance(error(future), PathDown) for future in futures)
    for call in calls:
        call.answer()
    assert not back._attempts
    assert not bed.callbacks._unanswered


def test_a_call_that_waits_for_a_slot_when_the_session_goes() -> None:
    bed = Bed(slots=1)
    bed.recall()
    future = bed.recall()
    bed.peer.call((t.OP_DESTROY_SESSION, t.DESTROY_SESSION4args(bed.session.id)))
    assert isinstance(error(future), PathDown)


def test_the_server_closes_with_calls_in_progress() -> None:
    bed = Bed()
    future = bed.recall()
    bed.server.close()
    assert isinstance(error(future), PathDown)
    bed.reactor.advance(1000)
