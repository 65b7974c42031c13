"""The stream machine against any octets, and conversations cut anywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.rpc.record import frame
from nfsrdma.rpcrdma.rpc.stream import StreamChannel, StreamLimits
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr import rpc as numbers

PEER = Peer("tcp", "nowhere", 1)


def add_one(call: Call) -> None:
    value = call.decoder.uint32()
    enc = call.start_reply()
    enc.uint32(value + 1)
    call.reply(enc)


SERVICE = RpcService([RpcProgram(200, {1: {0: null_procedure, 1: add_one}})])
CRED = Credentials.sys(1, 2, (3,), b"host").to_auth()


def call_octets(xid: int, proc: int, args: bytes) -> bytes:
    enc = Encoder()
    rpc.encode_call(enc, xid, 200, 1, proc, CRED)
    enc.buffer += args
    return b"".join(frame(enc))


def drain(channel: StreamChannel) -> bytes:
    data = b""
    while parts := channel.poll_transmit():
        data += b"".join(parts)
        channel.transmitted(sum(map(len, parts)))
    return data


def deliver(channel: StreamChannel, stream: bytes, steps: list[int]) -> None:
    position = 0
    turn = 0
    while position < len(stream) and not channel.closed:
        portion = stream[position : position + steps[turn % len(steps)]]
        turn += 1
        target = channel.target()
        if target is None:
            channel.handle_data(portion)
        else:
            portion = portion[: len(target)]
            target[: len(portion)] = portion
            channel.handle_filled(len(portion))
        position += len(portion)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                call_octets,
                st.integers(0, 3),
                st.integers(0, 2),
                st.one_of(st.just(b"\0\0\0\5"), st.binary(max_size=8)),
            ),
        ),
        max_size=6,
    ),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.integers(0, 400),
    st.integers(0, 255),
)
def test_any_octets(portions: list[bytes], steps: list[int], at: int, value: int) -> None:
    stream = bytearray(b"".join(portions))
    if at < len(stream):
        stream[at] = value
    channel = StreamChannel(PEER, SERVICE, StreamLimits(max_record=500, max_fragments=8))
    ours: list[Future[Decoder]] = []
    for xid in range(4):
        enc = Encoder()
        rpc.encode_call(enc, xid, 200, 1, 0, rpc.NO_AUTH)
        ours.append(channel.call(enc, max_reply=100))
    drain(channel)
    deliver(channel, bytes(stream), steps)
    answers = drain(channel)
    # Whatever it answered is whole records of replies.
    while answers:
        size = int.from_bytes(answers[:4], "big") & 0x7FFFFFFF
        assert rpc.peek(answers[4 : 4 + size])[1] == numbers.REPLY
        answers = answers[4 + size :]
    channel.close()
    assert all(reply.done() for reply in ours)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 2**32 - 2), max_size=20),
    st.lists(st.integers(1, 100), min_size=1, max_size=4),
)
def test_every_call_has_its_reply(values: list[int], steps: list[int]) -> None:
    server = StreamChannel(PEER, SERVICE)
    client = StreamChannel(PEER)
    replies: list[Future[Decoder]] = []
    for xid, value in enumerate(values):
        enc = Encoder()
        rpc.encode_call(enc, xid, 200, 1, 1, CRED)
        enc.uint32(value)
        replies.append(client.call(enc, max_reply=100))
    deliver(server, drain(client), steps)
    deliver(client, drain(server), steps[::-1])
    for value, reply in zip(values, replies, strict=True):
        dec = reply.result()
        rpc.decode_reply(dec)
        assert dec.uint32() == value + 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_octets_as_a_header(raw: bytes) -> None:
    for decode in (rpc.decode_call, rpc.decode_reply):
        try:
            decode(Decoder(raw))
        except (rpc.RpcError, XdrError):
            continue
