"""A child of fork() has nothing of what its parent talks with: no descriptor, no shared memory."""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.support.forking import in_child
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.rpcrdma.io.fork import ForkedError
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.shm.memory import SharedFile
from nfsrdma.rpcrdma.providers.shm.order import fence

# A mapping keeps its file's descriptor to itself; but what is written there is nobody else's.
TALK = ("socket:", "anon_inode:[eventpoll]", "anon_inode:[eventfd]")


@pytest.fixture
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


def descriptors() -> list[str]:
    """What we talk with, by descriptor."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        if target.startswith(TALK):
            found.append(target)
    return found


def writable_shared_memory() -> list[str]:
    with open("/proc/self/maps") as file:
        lines = file.read().splitlines()
    return [line for line in lines if "memfd:nfsrdma" in line and line.split()[1] == "rw-s"]


@pytest.mark.parametrize("transport", ["tcp", "rdma", "shm"])
def test_nothing_of_the_parents_is_open(transport: str) -> None:
    gc.collect()
    others = Counter(descriptors())  # such as the test runner's
    server = LiveServer(rdma=True)
    with nfs.mount(server.url_of(transport)) as fs:
        fs.write_bytes("a", bytes(1 << 20))
        with fs.open("a") as file:
            file.read()
            assert (Counter(descriptors()) - others).total() > 4
            assert bool(writable_shared_memory()) == (transport == "shm")
            left, memory = in_child(lambda: (descriptors(), writable_shared_memory()))
    server.stop()
    assert not memory
    assert not Counter(left) - others


def test_what_a_child_writes_in_shared_memory_nobody_sees() -> None:
    file = SharedFile(8192, writable=True)
    file.view[:5] = b"ours!"

    def child() -> bytes:
        seen = bytes(file.view[:5])
        file.view[:5] = b"wrong"
        file.close()
        return seen

    assert in_child(child) == bytes(5)
    assert file.view[:5] == b"ours!"
    file.close()


def test_the_server_is_the_parents(server: LiveServer) -> None:
    def child() -> str:
        server.server.close()  # and so does not expire the parent's clients
        for device in server.devices:
            device.close()
        try:
            server.reactor.turn(0)
        except ForkedError as error:
            return str(error)
        return "served"

    for transport in ("tcp", "rdma", "shm"):
        with nfs.mount(server.url_of(transport)) as fs:
            fs.write_bytes("b", b"b")
            said = in_child(child)
            assert f"pid {os.getpid()}" in said
            assert fs.read_bytes("b") == b"b"
            assert fs.stats.connections == 1
        with nfs.mount(server.url_of(transport)) as again:  # its names are there still
            assert again.read_bytes("b") == b"b"


def test_a_reactor_turned_in_a_child_raises() -> None:
    reactor = SelectReactor()
    fired: list[str] = []
    reactor.call_soon(fired.append, "soon")
    reactor.call_at(reactor.time(), fired.append, "timer")

    def child() -> list[str]:
        reading, _ = os.pipe()
        for use in (
            lambda: reactor.turn(0),
            lambda: reactor.run_until(lambda: False, 1.0),
            lambda: reactor.add_reader(reading, print),
        ):
            try:
                use()
            except ForkedError:
                fired.append("refused")
        reactor.wake()
        reactor.remove_reader(0)
        reactor.close()
        return fired

    assert in_child(child) == ["refused"] * 3
    reactor.turn(0)
    assert fired == ["timer", "soon"]
    reactor.close()


def test_locks_that_other_threads_held_are_free() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with fence:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        assert in_child(lambda: fence.acquire(timeout=5))
    finally:
        done.set()
        thread.join(30)


def test_a_child_of_a_child_has_a_mount_of_its_own(server: LiveServer) -> None:
    with nfs.mount(server.shm_url) as fs:
        fs.write_bytes("c", b"c")

        def grandchild(own: nfs.Mount) -> str:
            try:
                own.read_bytes("c")
            except nfs.ForkedMountError as error:
                return str(error.strerror)
            return "served"

        def child() -> tuple[int, str, bytes]:
            with nfs.mount(server.shm_url) as own:
                said = in_child(lambda: grandchild(own))
                return os.getpid(), said, own.read_bytes("c")

        pid, said, data = in_child(child)
        assert f"(pid {pid})" in said
        assert data == b"c"
        assert fs.read_bytes("c") == b"c"
