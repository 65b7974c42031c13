"""RPC headers: what they look like, and what comes of bad ones."""

from __future__ import annotations

import pytest

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr import rpc as numbers


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def encoded_call(cred: rpc.OpaqueAuth = rpc.NO_AUTH, verf: rpc.OpaqueAuth = rpc.NO_AUTH) -> bytes:
    enc = Encoder()
    rpc.encode_call(enc, 0x01020304, 100003, 4, 1, cred, verf)
    return bytes(enc.buffer)


ANSWERS: list[tuple[rpc.RpcError, bytes]] = [
    (rpc.ProgramUnavailable(), words(7, 1, 0, 0, 0, 1)),
    (rpc.ProgramMismatch(3, 4), words(7, 1, 0, 0, 0, 2, 3, 4)),
    (rpc.ProcedureUnavailable(), words(7, 1, 0, 0, 0, 3)),
    (rpc.GarbageArguments(), words(7, 1, 0, 0, 0, 4)),
    (rpc.RemoteFailure(), words(7, 1, 0, 0, 0, 5)),
    (rpc.RpcVersionMismatch(2, 2), words(7, 1, 1, 0, 2, 2)),
    (rpc.AuthError(numbers.AUTH_TOOWEAK), words(7, 1, 1, 1, 5)),
]


def test_a_call_is_what_the_rfc_says() -> None:
    assert encoded_call() == words(0x01020304, 0, 2, 100003, 4, 1, 0, 0, 0, 0)


def test_a_call_with_credential_and_verifier() -> None:
    cred = rpc.OpaqueAuth(1, b"abcde")
    verf = rpc.OpaqueAuth(6, b"xyz")
    raw = encoded_call(cred, verf)
    assert raw[24:] == words(1, 5) + b"abcde\0\0\0" + words(6, 3) + b"xyz\0"
    dec = Decoder(raw + b"args")
    header = rpc.decode_call(dec)
    assert (header.xid, header.prog, header.vers, header.proc) == (0x01020304, 100003, 4, 1)
    assert header.cred == cred
    assert header.verf == verf
    assert header.cred_end == 40
    assert dec.remaining() == 4
    assert "xid=0x01020304" in repr(header)


def test_another_rpc_version_is_a_mismatch_however_short() -> None:
    for tail in (b"", words(1, 1, 1, 0, 0, 0, 0)):
        with pytest.raises(rpc.RpcVersionMismatch) as caught:
            rpc.decode_call(Decoder(words(9, 0, 3) + tail))
        assert (caught.value.low, caught.value.high) == (2, 2)


def test_a_reply_is_no_call() -> None:
    with pytest.raises(XdrError):
        rpc.decode_call(Decoder(words(9, 1, 2, 0, 0, 0, 0, 0, 0, 0)))


@pytest.mark.parametrize("length", range(40))
def test_a_call_cut_short(length: int) -> None:
    with pytest.raises(XdrError):
        rpc.decode_call(Decoder(encoded_call()[:length]))


def test_authentication_bodies_have_at_most_400_octets() -> None:
    longest = rpc.OpaqueAuth(6, bytes(400))
    assert rpc.decode_call(Decoder(encoded_call(longest, longest))).verf == longest
    with pytest.raises(XdrError):
        encoded_call(rpc.OpaqueAuth(6, bytes(401)))
    head = words(1, 0, 2, 3, 4, 5)
    with pytest.raises(rpc.AuthError) as caught:
        rpc.decode_call(Decoder(head + words(6, 401) + bytes(500)))
    assert caught.value.stat == numbers.AUTH_BADCRED
    with pytest.raises(rpc.AuthError) as caught:
        rpc.decode_call(Decoder(head + words(0, 0, 6, 401) + bytes(500)))
    assert caught.value.stat == numbers.AUTH_BADVERF


def test_success_leaves_the_decoder_at_the_results() -> None:
    enc = Encoder()
    rpc.encode_accepted(enc, 7)
    assert enc.buffer == words(7, 1, 0, 0, 0, 0)
    enc.uint32(42)
    dec = Decoder(enc.buffer)
    assert rpc.decode_reply(dec) == (7, rpc.NO_AUTH)
    assert dec.uint32() == 42


def test_success_with_a_verifier() -> None:
    verf = rpc.OpaqueAuth(6, b"abcd")
    enc = Encoder()
    rpc.encode_accepted(enc, 7, verf)
    assert enc.buffer == words(7, 1, 0, 6, 4) + b"abcd" + words(0)
    assert rpc.decode_reply(Decoder(enc.buffer)) == (7, verf)


@pytest.mark.parametrize(("error", "raw"), ANSWERS)
def test_every_other_answer_both_ways(error: rpc.RpcError, raw: bytes) -> None:
    enc = Encoder()
    error.encode(enc, 7)
    assert enc.buffer == raw
    with pytest.raises(type(error)) as caught:
        rpc.decode_reply(Decoder(raw))
    for name in ("low", "high", "stat"):
        assert getattr(caught.value, name, None) == getattr(error, name, None)


@pytest.mark.parametrize(("error", "raw"), ANSWERS)
def test_every_other_answer_cut_short(error: rpc.RpcError, raw: bytes) -> None:
    for length in range(len(raw)):
        with pytest.raises(XdrError):
            rpc.decode_reply(Decoder(raw[:length]))


@pytest.mark.parametrize(
    "raw",
    [
        words(7, 0, 0, 0, 0, 0),  # a call
        words(7, 1, 2, 0, 0, 0),  # no such reply_stat
        words(7, 1, 0, 0, 0, 6),  # no such accept_stat
        words(7, 1, 1, 2, 0, 0),  # no such reject_stat
        words(7, 1, 0, 0, 401) + bytes(404),
    ],
)
def test_what_is_no_reply(raw: bytes) -> None:
    with pytest.raises(XdrError):
        rpc.decode_reply(Decoder(raw))


def test_peek() -> None:
    assert rpc.peek(words(7, 0)) == (7, numbers.CALL)
    assert rpc.peek(memoryview(words(0xFFFFFFFF, 1, 5))) == (0xFFFFFFFF, numbers.REPLY)
    for raw in (b"", words(7), words(7, 2)):
        with pytest.raises(XdrError):
            rpc.peek(raw)
    enc = Encoder()
    enc.uint32(77)
    assert rpc.peek_xid(enc) == 77


def test_opaque_auth_is_a_value() -> None:
    assert rpc.OpaqueAuth(1, b"a") == rpc.OpaqueAuth(1, b"a")
    assert rpc.OpaqueAuth(1, b"a") != rpc.OpaqueAuth(1, b"b")
    assert rpc.OpaqueAuth(1, b"a") != (1, b"a")
    assert len({rpc.OpaqueAuth(1, b"a"), rpc.OpaqueAuth(1, b"a")}) == 1
    assert repr(rpc.OpaqueAuth(1, b"a")) == "OpaqueAuth(1, b'a')"
