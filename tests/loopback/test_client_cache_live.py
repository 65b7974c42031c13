"""``cache=``, by the faces that programs use, over each transport."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs

DATA = Random(5).randbytes(1_234_567)


@pytest.fixture
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


@pytest.mark.parametrize("transport", ["tcp", "rdma", "shm"])
def test_what_was_read_is_read_from_memory(server: LiveServer, transport: str) -> None:
    with (
        nfs.mount(server.url_of(transport), cache=4 << 20) as fs,
        nfs.mount(server.url_of(transport)) as other,
    ):
        other.write_bytes("file", DATA)
        for _ in range(3):
            with fs.open("file", "rb") as file:
                assert b"".join(iter(lambda: file.read(5000), b"")) == DATA
        reads = fs.stats.of("READ")
        assert reads.calls < 12, "for a third of 741 pieces"
        assert reads.bytes_received < len(DATA) + (1 << 17), "once"
        with fs.open("file", "rb") as file:
            assert file.read(3) == DATA[:3]
            other.write_bytes("file", b"another")
            file.lock(shared=True)
            file.seek(0)
            assert file.read() == b"another", "a lock is to see what is there"


def test_it_is_a_number_of_octets(server: LiveServer) -> None:
    with pytest.raises(ValueError, match="octets"):
        nfs.mount(server.url, cache=-1)
    with pytest.raises(ValueError, match="octets"):
        nfs.mount(f"{server.url}?cache=-1")
    with nfs.mount(f"{server.url}?cache=0") as fs:
        fs.write_bytes("file", b"data")
        assert fs.read_bytes("file") == b"data"
