"""Carries RPC between a TCP connection and an RDMA connection of its own: any NFS suite over RDMA.

A suite that speaks TCP alone (pynfs, libnfs) connects here. Each of its connections gets one to the
server, and lives and dies with it; calls go there, callbacks come back. What RFC 8267 calls
DDP-eligible, the data of WRITE and READ, goes to chunks, so that the suite's tests try these too.
Everything else is passed on octet for octet, malformed calls as well.

    python -m tests.suites.gateway nfs+rdma://HOST:PORT --provider soft --listen 127.0.0.1:0
"""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from nfsrdma.client.url import parse_url
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import listen_tcp
from nfsrdma.rpcrdma.providers.registry import PROVIDERS, open_device
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Service
from nfsrdma.rpcrdma.rpc.message import RemoteFailure, RpcError, decode_call, decode_reply, peek
from nfsrdma.rpcrdma.task import Future
from nfsrdma.rpcrdma.transport.connect import connect_rdma
from nfsrdma.xdr import Decoder, Encoder, XdrError, round_up
from nfsrdma.xdr.nfs4 import types as nfs

_log = logging.getLogger(__name__)

#: Octets that a reply may have beside what READ and READDIR ask for.
REPLY_ROOM = 128 << 10

#: Octets that one READ or READDIR is offered at most.
LARGEST = 1 << 20

LISTENING = "the gateway listens on port "

Connect = Callable[[Service], "Future[Channel]"]


@dataclass
class Translated:
    """A call as it goes on: the message, what its reply may take, and memory for its READs."""

    message: Encoder
    max_reply: int = REPLY_ROOM
    sinks: Sequence[memoryview] = ()


class _Locator(Decoder):
    """A decoder that notes where the DDP-eligible items are."""

    def __init__(self, message: memoryview) -> None:
        super().__init__(message)
        self.found: list[tuple[int, memoryview]] = []

    def payload(self, limit: int | None = None) -> memoryview:
        """Read bulk data, and note the offset of its first octet."""
        data = super().payload(limit)
        self.found.append((self.offset - round_up(len(data)), data))
        return data


def translate(message: memoryview) -> Translated:
    """Prepare a call: find the data of its WRITEs, and offer memory for that of its READs.

    What is no NFSv4 COMPOUND, or cannot be decoded, goes on as it is.
    """
    locator = _Locator(message)
    try:
        header = decode_call(locator)
        if (header.prog, header.vers, header.proc) != (nfs.NFS4_PROGRAM, nfs.NFS_V4, 1):
            raise XdrError("no COMPOUND")
        compound = nfs.COMPOUND4args.decode(locator)
        locator.done()
    except (XdrError, RpcError):
        return Translated(raw(message))
    translated = Translated(_with_payloads(message, locator.found))
    sinks = []
    for operation in compound.argarray:
        match operation.argop:
            case nfs.OP_READ:
                sinks.append(memoryview(bytearray(min(operation.value.count, LARGEST))))
            case nfs.OP_READLINK:
                sinks.append(memoryview(b""))
            case nfs.OP_READDIR:
                translated.max_reply += min(operation.value.maxcount, LARGEST)
    # Where nothing is asked for, an offer would only be in the way.
    if any(len(sink) for sink in sinks):
        translated.sinks = sinks
    return translated


def raw(message: memoryview) -> Encoder:
    """Return a message as it came, in an encoder."""
    encoder = Encoder()
    encoder.buffer += message
    return encoder


def _with_payloads(message: memoryview, found: Sequence[tuple[int, memoryview]]) -> Encoder:
    encoder = Encoder()
    start = 0
    for offset, data in found:
        encoder.buffer += message[start : offset - 4]
        encoder.payload(data)
        start = offset + round_up(len(data))
    encoder.buffer += message[start:]
    return encoder


def whole(reply: Decoder, placed: bool) -> Encoder:
    """Return a reply as one stream; if data may have been ``placed`` elsewhere, with that.

    Raises ``XdrError`` when it is no reply to a COMPOUND.
    """
    inline = reply.peek(reply.remaining())
    if placed:
        try:
            decode_reply(reply)
        except RpcError:
            return raw(inline)
        encoder = raw(inline[: reply.offset])
        nfs.COMPOUND4res.decode(reply).encode(encoder)
        reply.done()
        return encoder
    return raw(inline)


class Pair:
    """A connection from a suite, and the one to the server that belongs to it."""

    def __init__(self, near: Channel, connect: Connect) -> None:
        self._near = near
        self._far = connect(self._called_back)
        self._far.add_done_callback(self._connected)

    def forward(self, call: IncomingCall) -> None:
        """Pass a call on as soon as there is a connection."""
        self._far.add_done_callback(partial(self._send, call))

    def _connected(self, far: Future[Channel]) -> None:
        if far.error() is not None:
            self._near.close(f"no connection to the server: {far.error()}")
            return
        channel = far.result()
        channel.on_close(self._near.close)
        self._near.on_close(channel.close)

    def _send(self, call: IncomingCall, far: Future[Channel]) -> None:
        if far.error() is not None:
            call.drop()
            return
        decoder = call.decoder
        translated = translate(decoder.peek(decoder.remaining()))
        answer = far.result().call(
            translated.message, max_reply=translated.max_reply, sinks=translated.sinks
        )
        answer.add_done_callback(partial(_answer, call, bool(translated.sinks)))

    def _called_back(self, call: IncomingCall) -> None:
        decoder = call.decoder
        message = raw(decoder.peek(decoder.remaining()))
        answer = self._near.call(message, max_reply=call.reply_room)
        answer.add_done_callback(partial(_answer, call, False))


def _answer(call: IncomingCall, placed: bool, answer: Future[Decoder]) -> None:
    """Answer a call with what came back, or drop it where nothing did."""
    error = answer.error()
    if error is None:
        try:
            call.reply(whole(answer.result(), placed))
        except XdrError as fault:
            _log.error("a reply that cannot be decoded: %s", fault)
            call.channel.close(f"undecodable reply: {fault}")
            call.drop()
    elif isinstance(error, OSError):
        call.drop()
    else:
        # A refusal of the transport's (RFC 8166, Section 4.5) has no equal over TCP.
        _log.error("a call was refused: %s", error)
        failure = Encoder()
        decoder = call.decoder
        xid, _ = peek(decoder.peek(decoder.remaining()))
        RemoteFailure(str(error)).encode(failure, xid)
        call.reply(failure)


class Gateway:
    """Listens for a suite; ``connect`` makes each of its connections one to the server."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._pairs: dict[Channel, Pair] = {}

    def accepted(self, near: Channel) -> None:
        """Take a new connection of the suite."""
        self._pairs[near] = Pair(near, self._connect)
        near.on_close(lambda reason: self._pairs.pop(near, None))

    def service(self, call: IncomingCall) -> None:
        """Take a call of the suite."""
        pair = self._pairs.get(call.channel)
        if pair is None:
            call.drop()
        else:
            pair.forward(call)


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("url", help="the server: nfs+rdma://HOST:PORT")
    parser.add_argument("--provider", choices=sorted(PROVIDERS), default="soft")
    parser.add_argument("--listen", default="127.0.0.1:0", help="ADDRESS:PORT, port 0 picks one")
    given = parser.parse_args()
    url = parse_url(given.url)
    address, _, port = given.listen.rpartition(":")
    reactor = SelectReactor()
    device = open_device(given.provider, reactor)

    def connect(service: Service) -> Future[Channel]:
        return connect_rdma(device, reactor, url.host, url.port, service=service)  # type: ignore[return-value]

    gateway = Gateway(connect)
    listener = listen_tcp(reactor, address, int(port), gateway.service, on_channel=gateway.accepted)
    signal.signal(signal.SIGTERM, lambda *_: reactor.call_soon_threadsafe(reactor.stop))
    print(f"{LISTENING}{listener.address[1]}", flush=True)
    reactor.run_forever()
    listener.close()
    device.close()
    reactor.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
