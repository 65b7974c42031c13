"""The calls of our server to the Linux client, over the back channel of its session."""

from __future__ import annotations

import re
import time

import pytest
from conftest import Run
from lab import nfs
from lab.guest import Guest
from lab.host import PYTHON
from lab.machine import Lab
from lab.nfs import Transport
from peers.caller import ANSWERED, FAILED, LISTENING
from peers.server import OurServer

pytestmark = pytest.mark.timeout(240)

PEER = "Linux client - ours"
CALLER = (*PYTHON, "-m", "peers.caller")
WANTED = 5

EVERY = pytest.mark.parametrize(
    "transport",
    [Transport("tcp", "4.1"), Transport("tcp", "4.2"), Transport("rdma", "4.1"),
     Transport("rdma", "4.2")],
    ids=str,
)  # fmt: skip


@EVERY
def test_callbacks_are_answered(lab: Lab, case: Run, alpha: Guest, transport: Transport) -> None:
    """CB_SEQUENCE and CB_RECALL, one call after the other in the same slot."""
    case.describe(PEER, transport)
    argv = [*CALLER, lab.host.ipv4]
    with (
        lab.host.background(argv, case.folder / "server.log", until=LISTENING) as server,
        nfs.mounted(alpha, lab.host.ipv4, transport) as point,
    ):
        alpha.run(f"echo kept >{point}/file")
        answered = f"{ANSWERED} {transport.proto} NFS4ERR_BADHANDLE"
        while server.output().count(answered) < WANTED:
            assert FAILED not in server.output(), server.output()
            assert server.process.running, server.output()
            time.sleep(0.2)
        assert alpha.run(f"cat {point}/file").stdout == "kept\n"
        case.row.notes["callbacks answered"] = str(server.output().count(ANSWERED))


@pytest.mark.parametrize("transport", [Transport("tcp", "4.2"), Transport("rdma", "4.2")], ids=str)
def test_the_back_channel_is_probed(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest, transport: Transport
) -> None:
    """The client answers CB_NULL, and is not told that the path is down."""
    case.describe(PEER, transport)
    with nfs.mounted(alpha, lab.host.ipv4, transport) as point:
        alpha.run(f"echo kept >{point}/file && cat {point}/file")
    answered = re.findall(r"answers callbacks over (\w+)", our_server.output())
    assert answered == [transport.proto]
