"""Futures and tasks: completion, waiting, cancellation, errors, nesting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nfsrdma.rpcrdma.task import Cancelled, Future, Task, gather, settled, sleep


class Clock:
    """Just enough of a reactor for ``sleep``."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[..., object], tuple[Any, ...]]] = []
        self.cancelled = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Clock:
        self.timers.append((when, callback, args))
        return self

    def cancel(self) -> None:
        self.cancelled += 1


async def wait_for(future: Future[int]) -> int:
    return await future


def test_future_result_and_error() -> None:
    good: Future[int] = Future()
    assert not good.done()
    good.set_result(3)
    assert good.done()
    assert good.result() == 3
    assert good.error() is None
    bad: Future[int] = Future()
    bad.set_error(KeyError("x"))
    assert bad.done()
    assert isinstance(bad.error(), KeyError)
    with pytest.raises(KeyError):
        bad.result()


def test_future_is_done_once() -> None:
    future: Future[int] = Future()
    with pytest.raises(AssertionError):
        future.result()
    future.set_result(1)
    with pytest.raises(AssertionError):
        future.set_result(2)
    with pytest.raises(AssertionError):
        future.set_error(ValueError())


def test_callbacks_run_in_order_and_at_once_when_late() -> None:
    future: Future[int] = Future()
    seen: list[str] = []
    future.add_done_callback(lambda f: seen.append(f"a{f.result()}"))
    future.add_done_callback(lambda f: seen.append(f"b{f.result()}"))
    assert seen == []
    future.set_result(1)
    assert seen == ["a1", "b1"]
    future.add_done_callback(lambda f: seen.append("late"))
    assert seen == ["a1", "b1", "late"]


def test_a_callback_added_by_a_callback_runs() -> None:
    future: Future[int] = Future()
    seen: list[int] = []
    future.add_done_callback(lambda f: f.add_done_callback(lambda g: seen.append(g.result())))
    future.set_result(5)
    assert seen == [5]


def test_a_failing_callback_hurts_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    future: Future[int] = Future()
    seen: list[int] = []
    future.add_done_callback(lambda f: 1 // 0)
    future.add_done_callback(lambda f: seen.append(f.result()))
    with caplog.at_level(logging.ERROR):
        future.set_result(7)
    assert seen == [7]
    assert "ZeroDivisionError" in caplog.text


def test_task_runs_at_once_and_returns() -> None:
    async def two() -> int:
        return 2

    task = Task(two())
    assert task.done()
    assert task.result() == 2


def test_task_waits_and_advances_inside_completion() -> None:
    future: Future[int] = Future()
    task = Task(wait_for(future))
    assert not task.done()
    future.set_result(9)
    assert task.done()
    assert task.result() == 9


def test_task_gets_the_error_of_what_it_waits_for() -> None:
    future: Future[int] = Future()

    async def catch() -> str:
        try:
            await future
        except KeyError:
            return "caught"
        return "missed"

    task = Task(catch())
    future.set_error(KeyError())
    assert task.result() == "caught"


def test_task_error_is_its_own() -> None:
    async def fail() -> None:
        raise LookupError("no")

    task = Task(fail())
    assert isinstance(task.error(), LookupError)


def test_tasks_wait_for_tasks() -> None:
    future: Future[int] = Future()
    inner = Task(wait_for(future))
    outer = Task(wait_for(inner))
    future.set_result(4)
    assert outer.result() == 4


def test_many_done_futures_in_a_row_do_not_nest() -> None:
    done: Future[int] = Future()
    done.set_result(1)

    async def add_up() -> int:
        total = 0
        for _ in range(20_000):
            total += await done
        return total

    assert Task(add_up()).result() == 20_000


def test_cancel_raises_where_it_waits_and_spares_what_it_waits_for() -> None:
    future: Future[int] = Future()
    task = Task(wait_for(future))
    task.cancel()
    assert isinstance(task.error(), Cancelled)
    assert not future.done()
    future.set_result(1)  # wakes nobody
    assert isinstance(task.error(), Cancelled)
    task.cancel()  # harmless


def test_cancel_may_be_caught_and_the_same_future_awaited_again() -> None:
    future: Future[int] = Future()

    async def stubborn() -> int:
        try:
            return await future
        except Cancelled:
            return 10 * await future

    task = Task(stubborn())
    task.cancel()
    assert not task.done()
    future.set_result(2)  # its callback is there twice; the second time means nothing
    assert task.result() == 20


def test_a_stale_wake_up_is_no_wake_up() -> None:
    first: Future[int] = Future()
    second: Future[int] = Future()

    async def moves_on() -> int:
        try:
            await first
        except Cancelled:
            return await second
        return -1

    task = Task(moves_on())
    task.cancel()
    first.set_result(1)
    assert not task.done()
    second.set_result(2)
    assert task.result() == 2


def test_a_task_that_cancels_itself_is_cancelled_at_its_next_wait() -> None:
    never: Future[int] = Future()
    tasks: list[Task[str]] = []
    begin: Future[int] = Future()
    trace: list[str] = []

    async def suicidal() -> str:
        await begin
        tasks[0].cancel()
        trace.append("still running")
        await never
        return "unreachable"

    tasks.append(Task(suicidal()))
    begin.set_result(0)
    assert trace == ["still running"]
    assert isinstance(tasks[0].error(), Cancelled)


def test_a_task_that_cancels_itself_and_ends_has_its_result() -> None:
    tasks: list[Task[str]] = []
    begin: Future[int] = Future()

    async def quick() -> str:
        await begin
        tasks[0].cancel()
        return "done first"

    tasks.append(Task(quick()))
    begin.set_result(0)
    assert tasks[0].result() == "done first"


def test_a_done_future_does_not_hide_a_cancellation() -> None:
    """The word left for a running task counts at its next wait that is one."""
    gate: Future[int] = Future()
    never: Future[int] = Future()
    tasks: list[Task[None]] = []

    async def work() -> None:
        await gate
        tasks[0].cancel()
        done: Future[int] = Future()
        done.set_result(1)
        await done  # no wait
        await never

    tasks.append(Task(work()))
    gate.set_result(0)
    assert isinstance(tasks[0].error(), Cancelled)


def test_a_chain_longer_than_the_recursion_limit() -> None:
    """One slot, and thousands that wait for it: each that gets it wakes the next."""
    count = 5000
    gates: list[Future[None]] = [Future() for _ in range(count + 1)]
    order: list[int] = []

    async def link(index: int) -> None:
        await gates[index]
        order.append(index)
        gates[index + 1].set_result(None)

    tasks = [Task(link(index)) for index in range(count)]
    gates[0].set_result(None)
    assert order == list(range(count))
    assert all(task.done() and task.error() is None for task in tasks)


def test_tasks_that_start_tasks_deeper_than_the_recursion_limit() -> None:
    seen: list[int] = []
    kept: list[Task[None]] = []

    async def start_next(left: int) -> None:
        seen.append(left)
        if left:
            kept.append(Task(start_next(left - 1)))

    Task(start_next(3000))
    assert seen == list(range(3000, -1, -1))


def test_cancelling_a_task_that_was_put_off() -> None:
    """At the depth limit a woken task has yet to advance: a cancellation must wait for it."""
    depth = 40
    gates: list[Future[None]] = [Future() for _ in range(depth + 1)]
    never: Future[None] = Future()
    tasks: list[Task[str]] = []

    async def link(index: int) -> str:
        await gates[index]
        gates[index + 1].set_result(None)
        for later in tasks[index + 1 :]:
            later.cancel()
        await never
        return "unreachable"

    tasks.extend(Task(link(index)) for index in range(depth))
    gates[0].set_result(None)
    assert not tasks[0].done()
    assert all(isinstance(task.error(), Cancelled) for task in tasks[1:])


def test_an_interrupt_reaches_both_sides() -> None:
    future: Future[int] = Future()

    async def interrupted() -> None:
        await future
        raise KeyboardInterrupt

    task = Task(interrupted())
    with pytest.raises(KeyboardInterrupt):
        future.set_result(1)
    assert isinstance(task.error(), KeyboardInterrupt)
    assert Task(wait_for(future)).result() == 1  # and tasks still run


@pytest.mark.parametrize("culprit", [0, 15, 20, 39])
def test_an_interrupt_leaves_no_task_behind(culprit: int) -> None:
    depth = 40
    gates: list[Future[None]] = [Future() for _ in range(depth + 2)]

    async def link(index: int) -> None:
        await gates[index]
        gates[index + 1].set_result(None)
        if index == culprit:
            raise KeyboardInterrupt

    tasks = [Task(link(index)) for index in range(depth)]
    with pytest.raises(KeyboardInterrupt):
        gates[0].set_result(None)
    assert all(task.done() for task in tasks)


def test_only_futures_can_be_awaited() -> None:
    class Odd:
        def __await__(self) -> Any:
            yield "odd"

    async def strange() -> None:
        await Odd()

    assert isinstance(Task(strange()).error(), TypeError)


def test_a_task_cannot_wait_for_itself() -> None:
    begin: Future[int] = Future()
    tasks: list[Task[None]] = []

    async def selfish() -> None:
        await begin
        await tasks[0]

    tasks.append(Task(selfish()))
    begin.set_result(0)
    assert isinstance(tasks[0].error(), TypeError)


def test_each_thread_nests_on_its_own() -> None:
    outcome: list[int] = []
    inside = threading.Event()
    leave = threading.Event()

    async def park() -> None:
        inside.set()
        leave.wait(10)

    thread = threading.Thread(target=lambda: Task(park()))
    thread.start()
    assert inside.wait(10)

    async def quick() -> None:
        outcome.append(1)

    Task(quick())
    leave.set()
    thread.join(10)
    assert outcome == [1]


def test_gather_waits_for_all_and_raises_the_first_in_order() -> None:
    futures: list[Future[int]] = [Future() for _ in range(3)]
    task = Task(gather(futures))
    futures[2].set_error(KeyError("third"))
    futures[0].set_result(1)
    assert not task.done()
    futures[1].set_error(ValueError("second"))
    assert isinstance(task.error(), ValueError)


def test_gather_returns_in_order() -> None:
    futures: list[Future[int]] = [Future() for _ in range(3)]
    futures[1].set_result(1)
    task = Task(gather(futures))
    futures[2].set_result(2)
    futures[0].set_result(0)
    assert task.result() == [0, 1, 2]
    assert Task(gather([])).result() == []


def test_settled_does_not_raise() -> None:
    future: Future[int] = Future()
    task = Task(settled(future))
    future.set_error(KeyError())
    assert task.done()
    assert task.error() is None


def test_a_cancelled_settled_is_not_disturbed() -> None:
    future: Future[int] = Future()
    task = Task(settled(future))
    task.cancel()
    future.set_result(1)
    assert isinstance(task.error(), Cancelled)


def test_sleep() -> None:
    clock = Clock()
    task = Task(sleep(clock, 2.5))  # type: ignore[arg-type]
    ((when, callback, args),) = clock.timers
    assert when == 102.5
    assert not task.done()
    callback(*args)
    assert task.done()


def test_a_cancelled_sleep_cancels_its_timer() -> None:
    clock = Clock()
    task = Task(sleep(clock, 1))  # type: ignore[arg-type]
    task.cancel()
    assert isinstance(task.error(), Cancelled)
    assert clock.cancelled == 1
