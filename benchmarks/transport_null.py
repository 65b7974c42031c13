"""What a call costs in Python: requester and responder together, without the provider.

Run from the root: ``PYTHONPATH=src:. python benchmarks/transport_null.py``. The verbs are the
tests' in-memory ones; what they cost by themselves is measured apart, by the same messages sent
over bare queue pairs, and taken off.
"""

from __future__ import annotations

import struct
import time

from tests.support.fake_verbs import FakeFabric, FakeReactor

from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.transport import RdmaChannel, TransportOptions, connect_rdma, listen_rdma
from nfsrdma.rpcrdma.verbs.types import RecvWR, SendWR, WrOpcode
from nfsrdma.xdr import Encoder

CALLS = 20000
_CALL = struct.Struct(">10I")
_REPLY = struct.Struct(">6I")


def null_call(xid: int) -> Encoder:
    """A NULL call with AUTH_NONE: 40 octets."""
    message = Encoder()
    message.buffer += _CALL.pack(xid, 0, 2, 100003, 4, 0, 0, 0, 0, 0)
    return message


def answer(call: IncomingCall) -> None:
    """The shortest successful reply: 24 octets."""
    (xid,) = struct.unpack_from(">I", call.decoder.fixed_opaque(4))
    reply = Encoder()
    reply.buffer += _REPLY.pack(xid, 1, 0, 0, 0, 0)
    call.reply(reply)


def connected() -> tuple[FakeReactor, RdmaChannel]:
    """A client's channel to a server that answers NULL."""
    fabric = FakeFabric()
    server, client = fabric.device("server"), fabric.device("client")
    listen_rdma(server, fabric.reactor, "server", 20049, answer)
    options = TransportOptions(credits=32)
    future = connect_rdma(client, fabric.reactor, "server", 20049, options=options)
    fabric.reactor.run()
    return fabric.reactor, future.result()


def calls(in_flight: int) -> float:
    """Seconds per call with so many in flight."""
    reactor, channel = connected()
    xid = 0
    start = time.perf_counter()
    for _ in range(CALLS // in_flight):
        futures = []
        for _ in range(in_flight):
            xid += 1
            futures.append(channel.call(null_call(xid), max_reply=24))
        reactor.run()
        for future in futures:
            future.result()
    return (time.perf_counter() - start) / CALLS


def provider(in_flight: int) -> float:
    """Seconds for what a call asks of the verbs: two SENDs and their receives."""
    _, channel = connected()
    here = channel._endpoint.connection.queue_pair  # type: ignore[attr-defined]
    there = here.peer
    reactor = here._reactor
    data = memoryview(bytes(68))

    def handler(end: object, qp: object) -> None:
        def run() -> None:
            while done := end._recv_cq.poll(64):
                for completion in done:
                    end.post_recv(RecvWR(completion.wr_id.view, completion.wr_id))
                    if qp is not None:
                        qp.post_send(SendWR(WrOpcode.SEND, (data,), signaled=False))
                        qp._occupied = 0

        end._recv_cq.set_handler(run)

    handler(there, there)
    handler(here, None)
    start = time.perf_counter()
    for _ in range(CALLS // in_flight):
        for _ in range(in_flight):
            here.post_send(SendWR(WrOpcode.SEND, (data,), signaled=False))
            here._occupied = 0
        reactor.run()
    return (time.perf_counter() - start) / CALLS


def main() -> None:
    for in_flight in (1, 16):
        whole, verbs = calls(in_flight), provider(in_flight)
        print(
            f"{in_flight:3} in flight: {whole * 1e6:5.1f} us a call, the verbs {verbs * 1e6:5.1f},"
            f" the transport {(whole - verbs) * 1e6:5.1f}"
        )


if __name__ == "__main__":
    main()
