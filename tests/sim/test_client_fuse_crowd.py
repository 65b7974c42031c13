"""The kernel is asked to forget nodes when there are many."""

from __future__ import annotations

import os
import struct

import pytest
from tests.support import fuse_kernel as fuse
from tests.support.fuse_kernel import ROOT, FakeKernel
from tests.support.nfs_pair import Pair

from nfsrdma.client.fuse.crowd import Crowd


class World:
    """A mount that keeps ten nodes, and a directory of thirty files."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.run = self.pair.run
        fs = self.pair.client()
        for number in range(30):
            self.run(fs.write_bytes(f"{number:02}", b""))
        self.kernel = FakeKernel(fs, self.pair.reactor)
        self.run(self.kernel.begin())
        mounted = self.kernel.mounted
        mounted.crowd = Crowd(mounted.nodes.table, self.kernel._notified, 10)  # type: ignore[misc]

    def agree(self, minor: int) -> None:
        offered = struct.pack("=5I44x", 7, minor, 1 << 17, 0, 0)
        self.run(self.kernel.call(fuse.INIT, 0, offered))

    def forget(self) -> None:
        """Do as the kernel is asked to, and forget what it does not use."""
        for node in self.kernel.unwanted:
            self.kernel.forget(node)
        self.kernel.unwanted.clear()


@pytest.fixture
def world() -> World:
    return World()


def test_what_was_looked_up_first_is_to_be_forgotten(world: World) -> None:
    world.agree(45)
    names = world.run(world.kernel.names(ROOT, plus=True))
    assert world.kernel.unwanted
    assert set(world.kernel.unwanted) <= set(names.values())
    assert world.kernel.unwanted == sorted(world.kernel.unwanted)
    world.forget()
    world.run(world.kernel.lookup(ROOT, b"05"))
    assert not world.kernel.unwanted


def test_the_root_and_what_is_open_is_not(world: World) -> None:
    world.agree(45)
    node = world.run(world.kernel.lookup(ROOT, b"03")).node
    fh, _ = world.run(world.kernel.open(node, os.O_RDONLY))
    world.run(world.kernel.names(ROOT, plus=True))
    assert world.kernel.unwanted
    assert not {ROOT, node} & set(world.kernel.unwanted)
    world.run(world.kernel.release(node, fh))


def test_what_the_kernel_keeps_is_not_asked_for_again_at_once(world: World) -> None:
    world.agree(45)
    world.run(world.kernel.names(ROOT, plus=True))
    asked = len(world.kernel.unwanted)
    for _ in range(3):
        world.run(world.kernel.names(ROOT, plus=True))
    assert len(world.kernel.unwanted) == asked


def test_a_kernel_that_does_not_understand_is_not_asked(world: World) -> None:
    world.agree(44)
    names = world.run(world.kernel.names(ROOT, plus=True))
    assert not world.kernel.unwanted
    assert len(names) == 30
    assert not any(names.values()), "nor told of files that it may never ask for"
    assert world.run(world.kernel.lookup(ROOT, b"05")).node
