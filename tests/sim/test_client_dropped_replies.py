"""Replies whose headers have errors: our client drops them, and gets on by another connection."""

from __future__ import annotations

import logging

import pytest
from tests.support.conform_client import SimStage

from nfsrdma.client.errors import ProtocolError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.conform.relay import REPLY, Link, Passing
from nfsrdma.conform.relay.link import Pending
from nfsrdma.rpcrdma.task import Task, settled

DATA = bytes(range(256)) * 8


class Spoiler:
    """Gives the first replies with an operation a procedure that does not exist."""

    def __init__(
        self, stage: SimStage, operation: str, times: int, *, invalidates: bool = False
    ) -> None:
        self.invalidates = invalidates
        self.operation = operation
        self.left = times
        self.done = 0
        stage.lab.act = self.act

    def act(self, link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind == REPLY and self.operation in passing.operations and self.left:
            self.left -= 1
            self.done += 1
            passing.proc = 77
            if not self.invalidates:
                passing.invalidate = None


def mounted(stage: SimStage) -> FileSystem:
    task = Task(stage.mount())
    stage.reactor.run_until(task, limit_s=600)
    fs = task.result()
    stage.reactor.run_until(Task(fs.write_bytes("file", DATA)), limit_s=600)
    return fs


@pytest.mark.parametrize("times", [1, 2])
def test_a_call_goes_out_again_when_its_reply_was_dropped(
    times: int, caplog: pytest.LogCaptureFixture
) -> None:
    stage = SimStage()
    fs = mounted(stage)
    began = stage.reactor.time()
    spoiler = Spoiler(stage, "READ", times)
    with caplog.at_level(logging.WARNING):
        reading = Task(fs.read_bytes("file"))
        stage.reactor.run_until(reading, limit_s=600)
    assert reading.result() == DATA
    assert spoiler.done == times
    assert 5.0 * times <= stage.reactor.time() - began < 10.0 * times
    assert "reply dropped: unknown procedure: 77" in caplog.text


def test_what_is_done_once_is_done_once() -> None:
    """The server has executed the call: its reply is repeated from the slot."""
    stage = SimStage()
    fs = mounted(stage)
    Spoiler(stage, "RENAME", 1)
    stage.reactor.run_until(Task(fs.rename("file", "moved")), limit_s=600)
    reading = Task(fs.read_bytes("moved"))
    stage.reactor.run_until(reading, limit_s=600)
    assert reading.result() == DATA


@pytest.mark.parametrize("invalidates", [False, True])
def test_a_server_that_answers_so_each_time_fails_the_call_alone(invalidates: bool) -> None:
    stage = SimStage()
    fs = mounted(stage)
    spoiler = Spoiler(stage, "READ", 1000, invalidates=invalidates)
    reading = Task(fs.read_bytes("file"))
    stage.reactor.run_until(Task(settled(reading)), limit_s=600)
    assert isinstance(reading.error(), ProtocolError)
    assert "unknown procedure: 77" in str(reading.error())
    assert spoiler.done == 3
    spoiler.left = 0
    reading = Task(fs.read_bytes("file"))
    stage.reactor.run_until(reading, limit_s=600)
    assert reading.result() == DATA
