"""What a server says of itself."""

from __future__ import annotations

from tests.support.nfs_pair import Pair

from nfsrdma.client import about as module
from nfsrdma.xdr.nfs4 import types as t


def test_a_server_is_told_about() -> None:
    pair = Pair()
    told = pair.run(pair.client().about())
    assert told.minor_version == 2
    assert told.transport == "tcp"
    assert told.owner
    assert told.scope
    assert told.security == ("sys",)
    assert told.slots > 0
    assert told.max_operations >= 8
    assert min(told.max_request, told.max_response) > 1 << 20


def test_flavours_have_the_names_of_mount_options() -> None:
    kerberos = bytes.fromhex("2a864886f712010202")
    gss = 6
    for told, name in (
        (t.secinfo4(t.AUTH_NONE), "none"),
        (t.secinfo4(t.AUTH_SYS), "sys"),
        (t.secinfo4(99), "99"),
        (t.secinfo4(gss, t.rpcsec_gss_info(kerberos, 0, t.RPC_GSS_SVC_INTEGRITY)), "krb5i"),
        (t.secinfo4(gss, t.rpcsec_gss_info(b"\x06\x09" + kerberos, 0, 3)), "krb5p"),
        (t.secinfo4(gss, t.rpcsec_gss_info(b"\x2b", 0, 1)), "gss 2b"),
    ):
        assert module._flavour(told) == name
