"""AUTH_NONE and AUTH_SYS."""

from __future__ import annotations

from typing import Any

import pytest

from nfsrdma.rpcrdma.rpc.auth import ANONYMOUS, NOBODY, Credentials, parse_sys
from nfsrdma.rpcrdma.rpc.message import NO_AUTH, AuthError, CallHeader, OpaqueAuth
from nfsrdma.rpcrdma.rpc.security import SECURITIES
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.rpc import AUTH_BADCRED, AUTH_BADVERF, AUTH_NONE, AUTH_SYS


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def test_auth_sys_is_what_the_rfc_says() -> None:
    auth = Credentials.sys(1000, 100, (4, 24), b"host", stamp=5).to_auth()
    assert auth.flavor == AUTH_SYS
    assert auth.body == words(5, 4) + b"host" + words(1000, 100, 2, 4, 24)


def test_auth_sys_both_ways() -> None:
    credentials = Credentials.sys(1, 2, tuple(range(16)), b"x" * 255, stamp=0xFFFFFFFF)
    assert parse_sys(credentials.to_auth().body) == credentials


def test_groups_past_the_sixteenth_are_left_out() -> None:
    parsed = parse_sys(Credentials.sys(1, 2, tuple(range(20))).to_auth().body)
    assert parsed.groups == tuple(range(16))


def test_what_a_credential_cannot_hold() -> None:
    with pytest.raises(XdrError):
        Credentials.sys(1, 2, machine=b"x" * 256).to_auth()
    with pytest.raises(XdrError):
        Credentials.sys(-1, 2).to_auth()
    with pytest.raises(XdrError):
        Credentials(flavor=6).to_auth()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        words(0, 256) + bytes(256) + words(0, 0, 0),
        words(0, 0, 0, 0, 17) + bytes(68),
        words(0, 0, 0, 0, 3, 1, 2),
        words(0, 0, 0, 0, 0, 9),
        words(0, 0, 0, 0),
    ],
    ids=["empty", "long name", "many groups", "short groups", "something left over", "no groups"],
)
def test_a_bad_auth_sys_body(body: bytes) -> None:
    with pytest.raises(AuthError) as caught:
        parse_sys(body)
    assert caught.value.stat == AUTH_BADCRED


UNUSED: Any = None


def authenticate(cred: OpaqueAuth, verf: OpaqueAuth = NO_AUTH) -> Credentials:
    header = CallHeader(1, 2, 3, 4, cred, verf)
    caller = SECURITIES[cred.flavor].accept(header, UNUSED)
    assert caller is not None
    assert caller.protection is None
    return caller.credentials


def test_plain_flavors() -> None:
    assert authenticate(NO_AUTH) is ANONYMOUS
    assert ANONYMOUS.to_auth() is NO_AUTH
    assert (ANONYMOUS.flavor, ANONYMOUS.uid, ANONYMOUS.gid) == (AUTH_NONE, NOBODY, NOBODY)
    # The body of AUTH_NONE means nothing, and must not be read as if it did.
    assert authenticate(OpaqueAuth(AUTH_NONE, b"junk")) is ANONYMOUS
    root = Credentials.sys(0, 0)
    assert authenticate(root.to_auth()) == root
    assert authenticate(root.to_auth(), OpaqueAuth(AUTH_NONE, b"junk")) == root


def test_auth_sys_wants_the_null_verifier() -> None:
    with pytest.raises(AuthError) as caught:
        authenticate(Credentials.sys(0, 0).to_auth(), OpaqueAuth(6, b"mic"))
    assert caught.value.stat == AUTH_BADVERF
