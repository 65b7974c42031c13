"""The calling side: XIDs, headers, results."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Peer, TransportError
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder, XdrError


class FakeChannel:
    """A ``Channel`` that keeps its calls."""

    peer = Peer("test", "nowhere", 1)
    max_message = 1 << 20

    def __init__(self) -> None:
        self.calls: list[tuple[Encoder, int, Sequence[memoryview], Future[Decoder]]] = []

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        future: Future[Decoder] = Future()
        self.calls.append((message, max_reply, sinks, future))
        return future

    def close(self) -> None: ...

    def on_close(self, callback: Callable[[str], None]) -> None: ...


def make(credentials: Credentials | None = None) -> tuple[RpcClient, FakeChannel]:
    rng = random.Random(1)
    client = RpcClient(rng, credentials) if credentials else RpcClient(rng)
    return client, FakeChannel()


def test_a_call_and_its_results() -> None:
    client, channel = make(Credentials.sys(5, 6))
    sink = memoryview(bytearray(4))
    outcome = client.call(channel, 1, 2, 3, lambda enc: enc.uint32(9), max_reply=50, sinks=[sink])
    ((message, max_reply, sinks, reply),) = channel.calls
    assert max_reply == 50
    assert sinks == [sink]
    dec = Decoder(message.to_bytes())
    header = rpc.decode_call(dec)
    assert (header.prog, header.vers, header.proc) == (1, 2, 3)
    assert header.cred == client.credentials.to_auth()
    assert dec.uint32() == 9
    assert not outcome.done()
    enc = Encoder()
    rpc.encode_accepted(enc, header.xid)
    enc.uint32(77)
    reply.set_result(Decoder(enc.buffer))
    assert outcome.result().uint32() == 77


def test_another_callers_credential() -> None:
    client, channel = make()
    other = Credentials.sys(1, 1).to_auth()
    client.call(channel, 1, 2, 3, max_reply=50, auth=other)
    client.call(channel, 1, 2, 3, max_reply=50)
    found = [rpc.decode_call(Decoder(call[0].to_bytes())).cred for call in channel.calls]
    assert found == [other, rpc.NO_AUTH]


def test_xids_count_up_and_wrap() -> None:
    class Top(random.Random):
        def getrandbits(self, k: int) -> int:
            assert k == 32
            return 0xFFFFFFFF

    client = RpcClient(Top())
    assert [client.allocate_xid() for _ in range(3)] == [0xFFFFFFFF, 0, 1]


def test_the_start_of_the_xids_is_random() -> None:
    assert len({RpcClient(random.Random(seed)).allocate_xid() for seed in range(20)}) == 20


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4", rpc.GarbageArguments),
        (b"\0\0\0\1\0\0\0\1", XdrError),
    ],
)
def test_answers_that_are_errors(raw: bytes, error: type[Exception]) -> None:
    client, channel = make()
    outcome = client.call(channel, 1, 2, 3, max_reply=50)
    channel.calls[0][3].set_result(Decoder(raw))
    assert isinstance(outcome.error(), error)


def test_a_lost_connection() -> None:
    client, channel = make()
    outcome = client.call(channel, 1, 2, 3, max_reply=50)
    channel.calls[0][3].set_error(TransportError("gone"))
    assert isinstance(outcome.error(), TransportError)
