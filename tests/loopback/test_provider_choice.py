"""Which provider a client takes when nobody says: what is there decides, and never stands still."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.hosts import loopback
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli.doctor_checks import check_shared_memory
from nfsrdma.rpcrdma.providers.choice import local_servers, providers_for
from nfsrdma.rpcrdma.providers.shm import rendezvous

DATA = os.urandom(300_000)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


def used(fs: nfs.Mount) -> list[str]:
    return [provider for provider, _ in fs._connector._devices]


def copies(fs: nfs.Mount) -> None:
    with fs.open("file", "wb") as file:
        file.write(DATA)
    assert fs.read_bytes("file") == DATA


def test_shared_memory_where_it_is_offered(server: LiveServer) -> None:
    with nfs.mount(server.shm_url) as fs:
        copies(fs)
        assert used(fs) == ["shm"]
        counters = fs.connection_counters()
        assert counters["bytes_write_chunks"] >= len(DATA)
        assert "packets_sent" not in counters


def test_packets_where_it_is_not(server: LiveServer) -> None:
    with nfs.mount(server.rdma_url) as fs:
        copies(fs)
        assert used(fs) == ["shm", "soft"]
        assert fs.connection_counters()["packets_sent"]


def test_whoever_is_asked_for(server: LiveServer, tmp_path: Path) -> None:
    with nfs.mount(server.rdma_url, provider="soft") as fs:
        assert used(fs) == ["soft"]
    with nfs.mount(server.rdma_url, pcap=tmp_path / "x.pcapng") as fs:
        assert used(fs) == ["soft"]
    with pytest.raises(ConnectionRefusedError):
        nfs.mount(server.rdma_url, provider="shm")
    assert providers_for("198.51.100.7") == ["soft"]


def test_a_server_that_comes_back_without() -> None:
    """What was met in shared memory may answer only packets after a restart, and again later."""
    own = LiveServer(rdma=True)
    try:
        address = own.shm_address
        with nfs.mount(own.shm_url, timeout=20) as fs:
            copies(fs)
            own.stop()
            own.address, own.shm_address = address, own.address
            own.start()
            copies(fs)
            assert used(fs) == ["shm", "soft"]
    finally:
        own.stop()


def test_a_socket_that_nobody_answers(server: LiveServer) -> None:
    """Such as of a server that is stopped, or of another version."""
    host, port = server.address, server.rdma_port
    directory = rendezvous.directory_of(os.geteuid())
    with rendezvous.opened(directory, named=False, create=True) as (fd, _):
        path = f"/proc/self/fd/{fd}/{rendezvous.service_name(host, port)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as mute:
            mute.bind(path)
            try:
                mute.listen(8)
                assert rendezvous.service_name(host, port) in local_servers()
                assert host in check_shared_memory().found
                with nfs.mount(server.rdma_url, timeout=2) as fs:
                    copies(fs)
                    assert used(fs) == ["shm", "soft"]
            finally:
                os.unlink(path)


def test_serve_offers_it_beside(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    host = loopback(140)
    process = subprocess.Popen(
        [sys.executable, "-m", "nfsrdma", "serve", str(tmp_path), "--ephemeral", "--listen", host],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url == f"nfs+rdma://{host}/"
        with nfs.mount(url) as fs:
            assert fs.read_bytes("file") == DATA
            assert used(fs) == ["shm"]
        with nfs.mount(url, provider="soft") as fs:
            assert fs.read_bytes("file") == DATA
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0
    assert rendezvous.service_name(host, 20049) not in local_servers()
