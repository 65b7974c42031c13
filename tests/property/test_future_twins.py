"""Futures and tasks, compiled and in Python: the same story told to both, step by step."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Generator
from random import Random
from types import coroutine
from typing import Any

import pytest

from nfsrdma.rpcrdma import future as twin
from nfsrdma.rpcrdma import task

if not task.native:
    pytest.skip("the futures are not compiled, or NFSRDMA_NATIVE=0", allow_module_level=True)

from nfsrdma.rpcrdma import _future

STORIES = int(os.environ.get("NFSRDMA_STORIES", "400"))


class Oops(Exception):
    """What goes wrong in a story."""


@coroutine
def odd() -> Generator[Any, None, None]:
    """Wait for what cannot be waited for."""
    yield "odd"


class Story:
    """Tasks that wait for futures and for one another, complete, cancel, and fail at random."""

    def __init__(self, module: Any, seed: int) -> None:
        self.module = module
        self.rng = Random(seed)
        self.told: list[object] = []
        self.futures: list[Any] = [module.Future() for _ in range(12)]
        self.tasks: list[Any] = []
        self.left = 400
        self.interrupts = seed % 4 == 0

    def tell(self, *what: object) -> None:
        self.told.append(what)

    def complete(self, number: int) -> None:
        future = self.futures[number]
        if not future.done() and not isinstance(future, self.module.Task):
            if self.rng.random() < 0.3:
                future.set_error(Oops(number))
            else:
                future.set_result(number)

    def called(self, number: int, future: Any) -> None:
        self.tell("called", number, future.done(), type(future.error()))
        if self.rng.random() < 0.5:
            self.deed(-1)
        if self.interrupts and self.rng.random() < 0.05:
            raise KeyboardInterrupt
        if self.rng.random() < 0.1:
            raise Oops("in a callback")

    def deed(self, who: int) -> None:
        """Do something that may wake others."""
        rng = self.rng
        self.left -= 1
        if self.left < 0:
            return
        number = rng.randrange(len(self.futures))
        kind = rng.randrange(5)
        self.tell("deed", who, kind, number)
        if kind == 0:
            self.complete(number)
        elif kind == 1 and self.tasks:
            rng.choice(self.tasks).cancel()
        elif kind == 2:
            self.start()
        elif kind == 3:
            self.futures[number].add_done_callback(lambda done: self.called(number, done))
        else:
            self.futures.append(self.module.Future())

    def start(self) -> None:
        number = len(self.tasks)
        slot = len(self.futures)
        made = self.module.Task(self.work(number))
        self.tasks.append(made)
        self.futures.insert(slot, made)

    async def work(self, number: int) -> int:
        rng = self.rng
        for _ in range(rng.randrange(6)):
            wanted = rng.randrange(len(self.futures))
            self.tell(number, "waits", wanted)
            try:
                got = await self.futures[wanted]
                self.tell(number, "got", got)
            except (Oops, twin.Cancelled, TypeError) as error:
                self.tell(number, "caught", type(error).__name__)
                if rng.random() < 0.3:
                    raise
            if rng.random() < 0.05:
                await odd()
            if self.interrupts and rng.random() < 0.03:
                raise KeyboardInterrupt
            self.deed(number)
        return number

    def guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except KeyboardInterrupt:
            self.tell("interrupted")
        except (Oops, RuntimeError) as error:  # of a callback that was called at once
            self.tell("raised", type(error).__name__)

    def run(self) -> list[object]:
        for _ in range(8):
            self.guarded(self.start)
        for _ in range(60):
            self.guarded(lambda: self.deed(-2))
        for number in range(len(self.futures)):
            self.guarded(lambda number=number: self.complete(number))  # type: ignore[misc]
        for each in self.futures:
            self.tell("end", each.done(), type(each.error()))
        return self.told


@pytest.mark.parametrize("part", range(4))
def test_both_tell_the_same_story(part: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # what callbacks raise is logged
    for seed in range(part * STORIES, (part + 1) * STORIES):
        compiled, expected = Story(_future, seed).run(), Story(twin, seed).run()
        assert compiled == expected, f"story {seed}"


@pytest.mark.parametrize("module", [twin, _future])
def test_how_an_awaited_future_is_driven(module: Any) -> None:
    future = module.Future()
    waits = future.__await__()
    assert next(waits) is future
    with pytest.raises(AssertionError):
        next(waits)
    waits = future.__await__()
    assert waits.send(None) is future
    with pytest.raises(Oops):
        waits.throw(Oops())
    waits = future.__await__()
    next(waits)
    with pytest.raises(Oops, match="said"):
        waits.throw(Oops, "said")
    future.__await__().close()
    future.set_result((1, 2))
    with pytest.raises(StopIteration) as stop:
        next(future.__await__())
    assert stop.value.value == (1, 2)
    with pytest.raises(StopIteration) as stop:
        future.__await__().send(None)
    assert stop.value.value == (1, 2)


@pytest.mark.parametrize("module", [twin, _future])
def test_a_future_can_be_subclassed_and_subscripted(module: Any) -> None:
    class Noted(module.Future[int]):  # type: ignore[misc]
        __slots__ = ("note",)

        def __init__(self, note: str) -> None:
            super().__init__()
            self.note = note

    noted = Noted("a")

    async def wait() -> Any:
        return await noted

    waits = module.Task(wait())
    noted.set_result(4)
    assert (waits.result(), noted.note) == (4, "a")
    assert isinstance(waits, module.Future)


@pytest.mark.parametrize("module", [twin, _future])
def test_what_waits_in_circles_is_garbage(module: Any) -> None:
    gone: list[int] = []

    class Kept:
        def __del__(self) -> None:
            gone.append(1)

    async def wait(kept: Kept, future: Any) -> Any:
        return await future

    future = module.Future()
    waits = module.Task(wait(Kept(), future))
    future.add_done_callback(lambda done, waits=waits: waits.done())
    del waits, future
    gc.collect()
    assert gone == [1]


def test_misuse_is_refused() -> None:
    future: Any = _future.Future()
    with pytest.raises(TypeError):
        future.set_error("no exception")
    with pytest.raises(TypeError):
        _future.Future(1)  # type: ignore[call-arg]
    bare: Any = _future.Task.__new__(_future.Task)
    with pytest.raises(TypeError):
        future.add_done_callback(bare)
    bare.cancel()
    assert isinstance(bare.error(), RuntimeError)
