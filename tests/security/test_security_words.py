"""What a server's words alone make the client keep, compute or wait for: all of it has a bound."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer, Refused
from tests.unit.test_client_callback import Caller

from nfsrdma.client import contents
from nfsrdma.client.attributes import decode_values
from nfsrdma.client.contents import Contents
from nfsrdma.client.errors import NfsError
from nfsrdma.rpcrdma.rpc.message import decode_reply
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t


def mounted(server: FakeServer) -> Any:
    server.add("file", data=b"contents")
    return server.mounted()


@pytest.mark.parametrize("fate", ["SEQUENCE NFS4ERR_DELAY", "NFS4ERR_DELAY"])
@pytest.mark.parametrize("lease_s", [1, 90, (1 << 32) - 1])
def test_a_server_that_puts_off_for_ever(fate: str, lease_s: int) -> None:
    server = FakeServer(FakeReactor())
    server.lease_s = lease_s
    fs = mounted(server)
    server.script = lambda ops: fate if "GETATTR" in ops else "ok"
    began = server.reactor.now
    with pytest.raises(NfsError):
        server.reactor.run(fs.stat("file"), seconds=20_000)
    assert server.reactor.now - began < 3000
    server.script = lambda ops: "ok"
    assert server.reactor.run(fs.read_bytes("file")) == b"contents"


def test_a_root_that_is_always_stale() -> None:
    server = FakeServer(FakeReactor())
    server.add("d", t.NF4DIR)
    fs = server.mounted(export=(b"d",))

    def op_putfh(args: t.PUTFH4args) -> bytes:
        raise Refused(t.NFS4ERR_STALE)

    server.op_putfh = op_putfh  # type: ignore[method-assign]
    server.log.clear()
    with pytest.raises(NfsError):
        server.reactor.run(fs.stat("x"))
    assert len(server.log) < 10


def test_a_size_is_believed_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(Contents(1 << 62).rest()) == contents.BELIEVED_MAX + 1
    monkeypatch.setattr(contents, "BELIEVED_MAX", 1000)
    data = bytes(range(256)) * 100
    for expected in (len(data), len(data) - 1, 1 << 62, 5):
        reading = Contents(expected)
        most = 0
        while True:
            rest = reading.rest()
            most = max(most, len(rest))
            piece = data[reading.done : reading.done + len(rest)]
            rest[: len(piece)] = piece
            del rest
            if not reading.filled(len(piece)):
                break
        assert reading.take() == data
        assert most < 4 * len(data)


def test_a_callback_longer_than_was_agreed_is_not_looked_at() -> None:
    caller = Caller()
    op, arguments = caller.sequence()
    session_id = arguments.csa_sessionid
    calls = [t.referring_call4(number, 0) for number in range(2000)]
    arguments.csa_referring_call_lists = [t.referring_call_list4(session_id, calls)]
    answer = caller.send(t.CB_COMPOUND4args(b"", 2, 0, [t.nfs_cb_argop4(op, arguments)]))
    dec = Decoder(answer)
    decode_reply(dec)
    assert t.CB_COMPOUND4res.decode(dec).status == t.NFS4ERR_REQ_TOO_BIG


def test_a_bitmap_of_any_length_costs_little() -> None:
    """It is refused at the first attribute that there is not."""
    enc = Encoder()
    t.fattr4([0xFFFFFFFF] * 100_000, b"").encode(enc)
    with pytest.raises(XdrError, match="no attribute"):
        decode_values(Decoder(enc.to_bytes()))
