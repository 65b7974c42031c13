"""Our server, with an empty file system in memory, that calls each of its clients now and then.

Says what came of each call. What it recalls is a delegation that nobody has, which a client answers
with an error of its own: that takes a slot of the back channel, and changes nothing.
"""

from __future__ import annotations

import argparse
import time
from random import SystemRandom

from lab.nfs import RDMA_PORT, TCP_PORT

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.task import Task, sleep
from nfsrdma.server.authority import Policy
from nfsrdma.server.callback import CallbackError, CallbackOperation
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.session import Session
from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import name_of

LISTENING = "listening"
ANSWERED, FAILED = "callback answered", "callback failed"
_PAUSE_S = 0.5

RECALL = CallbackOperation(
    nfs.OP_CB_RECALL,
    nfs.CB_RECALL4args(nfs.stateid4(1, b"nobody's one"), False, b"no such file"),
    nfs.CB_RECALL4res.decode,
)


def say(*words: object) -> None:
    """Write a line at once."""
    print(*words, flush=True)


async def call(server: NfsService, session: Session) -> None:
    """Call one client, and say what it answered."""
    transports = {channel.peer.transport for channel in session.back.paths}
    try:
        result = await server.callbacks.call(session, RECALL)
    except CallbackError as error:
        say(FAILED, *transports, error)
    else:
        say(ANSWERED, *transports, name_of(result.status))


async def call_all(server: NfsService, reactor: SelectReactor) -> None:
    """Call every client that is used, again and again."""
    while True:
        await sleep(reactor, _PAUSE_S)
        for session in list(server.registry.sessions.values()):
            if session.back.operational and session.client.reclaim_complete:
                await call(server, session)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    address = parser.parse_args().address
    reactor = SelectReactor()
    export = Export("", MemoryFileSystem(time.time_ns), squash=Squash.NONE, networks=[ANY])
    server = NfsService([export], reactor, SystemRandom(), policy=Policy(insecure=True))
    server.listen_tcp(address, TCP_PORT)
    server.listen_rdma(SoftDevice(reactor, address=address), address, RDMA_PORT)
    say(LISTENING)
    Task(call_all(server, reactor))
    reactor.run_forever()


if __name__ == "__main__":
    main()
