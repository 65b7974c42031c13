"""The fused headers against the types emitted from the specification."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.rpcrdma.rpc.auth import Credentials, parse_sys
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr import rpc as emitted

U32 = st.integers(0, 2**32 - 1)
AUTH = st.builds(rpc.OpaqueAuth, st.integers(0, 9), st.binary(max_size=20))
ERRORS = st.one_of(
    st.sampled_from(
        [
            rpc.ProgramUnavailable(),
            rpc.ProcedureUnavailable(),
            rpc.GarbageArguments(),
            rpc.RemoteFailure(),
        ]
    ),
    st.builds(rpc.ProgramMismatch, U32, U32),
    st.builds(rpc.RpcVersionMismatch, U32, U32),
    st.builds(rpc.AuthError, st.integers(0, 14)),
)


def octets(item: emitted.rpc_msg | emitted.authsys_parms) -> bytes:
    enc = Encoder()
    item.encode(enc)
    return enc.to_bytes()


def plain(auth: rpc.OpaqueAuth) -> emitted.opaque_auth:
    return emitted.opaque_auth(auth.flavor, auth.body)


@settings(max_examples=50, deadline=None)
@given(U32, U32, U32, U32, AUTH, AUTH)
def test_calls(
    xid: int, prog: int, vers: int, proc: int, cred: rpc.OpaqueAuth, verf: rpc.OpaqueAuth
) -> None:
    enc = Encoder()
    rpc.encode_call(enc, xid, prog, vers, proc, cred, verf)
    body = emitted.call_body(2, prog, vers, proc, plain(cred), plain(verf))
    message = emitted.rpc_msg(xid, emitted.rpc_msg_body(emitted.CALL, body))
    assert enc.to_bytes() == octets(message)
    header = rpc.decode_call(Decoder(octets(message)))
    assert (header.xid, header.prog, header.vers, header.proc) == (xid, prog, vers, proc)
    assert (header.cred, header.verf) == (cred, verf)


@settings(max_examples=100, deadline=None)
@given(U32, U32, U32, U32, AUTH, AUTH, st.binary(max_size=8), st.data())
def test_what_is_recognized_is_the_header(
    xid: int,
    prog: int,
    vers: int,
    proc: int,
    cred: rpc.OpaqueAuth,
    verf: rpc.OpaqueAuth,
    arguments: bytes,
    data: st.DataObject,
) -> None:
    enc = Encoder()
    rpc.encode_call(enc, xid, prog, vers, proc, cred, verf)
    header = bytes(enc.buffer)
    dec = Decoder(header + arguments)
    plain_verifier = verf == rpc.NO_AUTH
    found, head = rpc.recognize(dec)
    assert dec.offset == 0
    assert (found, head) == ((xid, header[4:]) if plain_verifier else (0, b""))
    cut = data.draw(st.integers(0, len(header) - 1))
    assert rpc.recognize(Decoder(header[:cut])) == (0, b"")


@settings(max_examples=50, deadline=None)
@given(U32, AUTH)
def test_success(xid: int, verf: rpc.OpaqueAuth) -> None:
    enc = Encoder()
    rpc.encode_accepted(enc, xid, verf)
    data = emitted.accepted_reply_reply_data(emitted.SUCCESS)
    body = emitted.reply_body(emitted.MSG_ACCEPTED, emitted.accepted_reply(plain(verf), data))
    message = emitted.rpc_msg(xid, emitted.rpc_msg_body(emitted.REPLY, body))
    assert enc.to_bytes() == octets(message)
    assert rpc.decode_reply(Decoder(octets(message))) == (xid, verf)


@settings(max_examples=50, deadline=None)
@given(U32, ERRORS, AUTH)
def test_errors(xid: int, error: rpc.RpcError, verf: rpc.OpaqueAuth) -> None:
    enc = Encoder()
    error.encode(enc, xid, verf)
    dec = Decoder(enc.to_bytes())
    message = emitted.rpc_msg.decode(dec)
    dec.done()
    assert octets(message) == enc.to_bytes()
    assert message.xid == xid
    with pytest.raises(type(error)) as caught:
        rpc.decode_reply(Decoder(enc.to_bytes()))
    assert str(caught.value)
    assert str(error) in (str(caught.value), "")


@settings(max_examples=50, deadline=None)
@given(U32, st.binary(max_size=255), U32, U32, st.lists(U32, max_size=16))
def test_auth_sys(stamp: int, machine: bytes, uid: int, gid: int, gids: list[int]) -> None:
    body = octets(emitted.authsys_parms(stamp, machine, uid, gid, gids))
    credentials = Credentials.sys(uid, gid, tuple(gids), machine, stamp)
    assert credentials.to_auth().body == body
    assert parse_sys(body) == credentials


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=120))
def test_any_octets(raw: bytes) -> None:
    """Both agree on what is a credential, pads apart."""
    try:
        dec = Decoder(raw)
        parms = emitted.authsys_parms.decode(dec)
        dec.done()
    except XdrError:
        parms = None
    try:
        found = parse_sys(raw)
    except rpc.AuthError:
        assert parms is None
    else:
        assert parms is not None
        assert (found.uid, found.machine) == (parms.uid, parms.machinename)
