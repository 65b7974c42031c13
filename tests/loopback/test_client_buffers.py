"""Buffers of all kinds that are read into and written from, where they are."""

from __future__ import annotations

import array
import mmap
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.rpcrdma.rpc.buffers import BufferPool

SIZE = 4 << 20
CONTENTS = bytes(range(256)) * (SIZE // 256)


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    live = LiveServer(rdma=True)
    yield live
    live.stop()


@pytest.fixture(params=["tcp", "rdma", "shm"])
def fs(server: LiveServer, request: pytest.FixtureRequest) -> Iterator[nfs.Mount]:
    with nfs.mount(server.url_of(request.param)) as mount:
        mount.write_bytes("f", CONTENTS)
        yield mount
        mount.remove("f")


def huge_pages() -> mmap.mmap:
    """Memory that the kernel makes of pages of 2 MiB, if it has any."""
    memory = mmap.mmap(-1, SIZE)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def numbers() -> Any:
    numpy = pytest.importorskip("numpy")
    return numpy.zeros((SIZE // 4096, 1024), dtype="<u4")


@pytest.mark.parametrize(
    "make", [huge_pages, numbers, lambda: bytearray(SIZE), lambda: array.array("Q", bytes(SIZE))]
)
def test_files_are_read_into_and_written_from_any_buffer(fs: nfs.Mount, make: Any) -> None:
    buffer = make()
    with fs.open("f", "r+b") as file:
        assert file.readinto(buffer) == SIZE
        assert memoryview(buffer).cast("B") == CONTENTS
        assert file.readinto(buffer) == 0
        with fs.open("g", "wb") as copy:
            assert copy.write(buffer) == SIZE
    assert fs.read_bytes("g") == CONTENTS
    fs.remove("g")


def test_what_is_read_is_in_no_other_memory_on_its_way(
    fs: nfs.Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what the provider receives into, which was there before."""
    buffer = bytearray(SIZE)
    with fs.open("f") as file:
        file.read_at(0, buffer)
        # The server is in this process, and how much it has at a time is a matter of luck.
        servers = [bytearray((1 << 20) + 4096) for _ in range(SIZE >> 20)]
        monkeypatch.setattr(BufferPool, "acquire", lambda pool, size: servers.pop())
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            assert file.read_at(0, buffer) == SIZE
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most - before < SIZE // 2


def test_what_cannot_be_read_into_is_refused(fs: nfs.Mount) -> None:
    with fs.open("f") as file:
        for buffer in (bytes(8), memoryview(bytearray(8))[::2], "text"):
            calls = sum(of.calls for of in fs.stats.operations.values())
            with pytest.raises(TypeError):
                file.readinto(buffer)  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                file.read_at(0, buffer)  # type: ignore[arg-type]
            assert sum(of.calls for of in fs.stats.operations.values()) == calls
        assert file.tell() == 0
