"""One session over several connections, of RDMA and of TCP, on a simulated fabric."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    Clock,
    exchange_id,
    open_,
    open_export,
    putfh,
    read,
    readdir,
    write,
)
from tests.support.nfs_wire import WireSession

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.rpc.channel import Channel, Peer, Service
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Task, sleep
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

CLIENT, SERVER = "10.0.0.2", "10.0.0.1"
PORT = 20049
LATENCY_S = 0.0005
EMPTY = t.fattr4([], b"")


class Stream:
    """A TCP connection of the client: octets that come a latency later."""

    def __init__(self, fabric: SimFabric, server: NfsService, callbacks: Service) -> None:
        self._reactor = fabric.reactor
        self.channel = StreamChannel(Peer("tcp", SERVER, 2049), callbacks)
        theirs = StreamChannel(Peer("tcp", CLIENT, 900), server.service)
        self._join(self.channel, theirs)
        self._join(theirs, self.channel)

    def _join(self, source: StreamChannel, sink: StreamChannel) -> None:
        def carry() -> None:
            while parts := source.poll_transmit():
                data = b"".join(map(bytes, parts))
                source.transmitted(len(data))
                _bring(sink, data)

        def ready() -> None:
            self._reactor.call_at(self._reactor.time() + LATENCY_S, carry)

        source.on_ready = ready
        source.on_shut = lambda: sink.handle_lost("closed by the peer")


def _bring(sink: StreamChannel, data: bytes) -> None:
    position = 0
    while position < len(data) and not sink.closed:
        target = sink.target()
        if target is None:
            sink.handle_data(data[position:])
            return
        count = min(len(target), len(data) - position)
        target[:count] = data[position : position + count]
        sink.handle_filled(count)
        position += count


class Trunk:
    """A client with one session, and the connections that carry it."""

    def __init__(self, fabric: SimFabric) -> None:
        self.reactor, rng = fabric.reactor, Random(f"trunk {fabric.seed}")
        self.server = NfsService([open_export("", MemoryFileSystem(Clock()))], self.reactor, rng)
        self.server.listen_rdma(fabric.open_device(SERVER), SERVER, PORT)
        self._device = fabric.open_device(CLIENT)
        self._fabric = fabric
        self.called: list[str] = []
        """What the server has called back over, in order."""
        self.session = WireSession(self.rdma(), self.reactor.run_until)

    def _callbacks(self, transport: str) -> Service:
        def null(call: Call) -> None:
            self.called.append(transport)
            null_procedure(call)

        return RpcService([RpcProgram(0x40000000, {1: {t.CB_NULL: null}})])

    def rdma(self) -> Channel:
        connecting = connect_rdma(
            self._device, self.reactor, SERVER, PORT, service=self._callbacks("rdma")
        )
        return self.reactor.run_until(connecting)

    def tcp(self) -> Channel:
        return Stream(self._fabric, self.server, self._callbacks("tcp")).channel

    def sequence(self, slot: int, seqid: int, cache: bool = True) -> Any:
        return t.OP_SEQUENCE, t.SEQUENCE4args(self.session.id, seqid, slot, slot, cache)

    def send(self, channel: Channel, *ops: Any, room: int = 4096, sinks: Any = ()) -> Any:
        self.session.channel = channel
        return self.session.send(list(ops), max_reply=room, sinks=sinks)

    def bind(self, channel: Channel, direction: int) -> Any:
        arguments = t.BIND_CONN_TO_SESSION4args(self.session.id, direction, False)
        return self.send(channel, (t.OP_BIND_CONN_TO_SESSION, arguments))


def both(fabric: SimFabric) -> None:
    """Each connection carries what the others do, and as much as it can itself."""
    trunk = Trunk(fabric)
    rdma, other, tcp = trunk.session.channel, trunk.rdma(), trunk.tcp()
    rng = Random(fabric.seed)
    create = open_(b"f", create=t.UNCHECKED4)
    results = trunk.session.run([PUTROOTFH, create, GETFH])
    stateid, handle = results[2].stateid, results[3].object
    content = b""
    for _ in range(9):
        trunk.session.channel = rng.choice((rdma, other, tcp))
        data = rng.randbytes(rng.choice((1, 5000, 70_001, 400_000)))
        trunk.session.run([putfh(handle), write(stateid, data, len(content))])
        content += data
    for channel in (rdma, other, tcp):
        trunk.session.channel = channel
        sinks = [] if channel is tcp else [memoryview(bytearray(len(content)))]
        size = 500_000
        sinks = [each[:size] for each in sinks]
        found = trunk.session.run(
            [putfh(handle), read(stateid, 0, size)], sinks=sinks, max_reply=size + 4096
        )
        assert bytes(found[2].data) == content[:size]


def replays(fabric: SimFabric) -> None:
    """A request that is sent again over another connection is answered as it was, and not done."""
    trunk = Trunk(fabric)
    channels = [trunk.session.channel, trunk.tcp(), trunk.rdma()]
    for slot, (first, second) in enumerate([(0, 1), (1, 0), (0, 2), (1, 2), (2, 1)], 1):
        name = b"f%d" % slot
        ops = [PUTROOTFH, (t.OP_CREATE, t.CREATE4args(t.createtype4(t.NF4DIR), name, EMPTY)), GETFH]
        once = trunk.send(channels[first], trunk.sequence(slot, 1), *ops)
        again = trunk.send(channels[second], trunk.sequence(slot, 1), *ops)
        assert once.status == t.NFS4_OK
        assert once == again
        fresh = trunk.send(channels[second], trunk.sequence(slot, 2), *ops)
        assert fresh.status == t.NFS4ERR_EXIST


def lost(fabric: SimFabric) -> None:
    """A session outlives connections, and the reply that one has lost comes over another."""
    trunk = Trunk(fabric)
    rdma, tcp = trunk.session.channel, trunk.tcp()
    make = (t.OP_CREATE, t.CREATE4args(t.createtype4(t.NF4DIR), b"d", EMPTY))
    ops = [trunk.sequence(3, 1), PUTROOTFH, make]
    unanswered = trunk.session.start(ops, 4096, ())
    trunk.reactor.run_until(_after(trunk, 0.02))
    rdma.close()
    assert trunk.send(tcp, *ops).status == t.NFS4_OK
    assert unanswered.done()
    names = trunk.send(tcp, trunk.sequence(4, 1), PUTROOTFH, readdir()).resarray[2].value.value
    assert bytes(names.reply.entries.name) == b"d"
    assert trunk.send(trunk.rdma(), trunk.sequence(4, 2), PUTROOTFH).status == t.NFS4_OK


def _after(trunk: Trunk, seconds: float) -> Any:
    return Task(sleep(trunk.reactor, seconds))


def directions(fabric: SimFabric) -> None:
    """A connection is called if it was bound for that, whatever it is; none is turned into RDMA."""
    trunk = Trunk(fabric)
    rdma, tcp = trunk.rdma(), trunk.tcp()
    for channel, asked, told, called in (
        (rdma, t.CDFC4_FORE, t.CDFS4_FORE, []),
        (tcp, t.CDFC4_BACK, t.CDFS4_BACK, ["tcp"]),
        (rdma, t.CDFC4_FORE_OR_BOTH, t.CDFS4_BOTH, ["tcp", "rdma"]),
        (tcp, t.CDFC4_FORE, t.CDFS4_FORE, ["tcp", "rdma"]),
    ):
        answer = trunk.bind(channel, asked).resarray[0].value.value
        assert (answer.bctsr_dir, answer.bctsr_sessid) == (told, trunk.session.id)
        assert not answer.bctsr_use_conn_in_rdma_mode
        trunk.reactor.run_until(Task(sleep(trunk.reactor, 5.0)))
        assert trunk.called == called
    assert trunk.send(tcp, trunk.sequence(0, 2), PUTROOTFH).status == t.NFS4_OK


def same_server(fabric: SimFabric) -> None:
    """What a client compares before it puts connections into one session (RFC 8881, 2.10.5)."""
    trunk = Trunk(fabric)
    told = [
        trunk.send(channel, exchange_id(b"wire")).resarray[0].value.value
        for channel in (trunk.rdma(), trunk.tcp())
    ]
    one, two = ((e.eir_clientid, e.eir_server_owner, e.eir_server_scope) for e in told)
    assert one == two
    assert trunk.send(trunk.tcp(), trunk.sequence(0, 2), PUTROOTFH).status == t.NFS4_OK


@pytest.mark.parametrize("scenario", [both, replays, lost, directions, same_server])
@pytest.mark.parametrize("seed", range(3))
def test_one_session_over_both(scenario: Any, seed: int) -> None:
    faults = Faults(loss=0.01, duplication=0.01, reordering=0.01) if seed else None
    simulate(scenario, seed, faults=faults, command=f"pytest {__file__} -k {scenario.__name__}")
