"""SelectReactor: descriptors, timers, threads, turning it."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Iterator

import pytest

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Future, Task, sleep


@pytest.fixture(params=[0.0, 0.0005], ids=["sleeping", "spinning"])
def reactor(request: pytest.FixtureRequest) -> Iterator[SelectReactor]:
    reactor = SelectReactor(spin_s=request.param)
    yield reactor
    reactor.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_NONBLOCK)
    yield ends
    for end in ends:
        os.close(end)


def test_call_soon_in_order_and_nested_ones_on_the_next_turn(reactor: SelectReactor) -> None:
    seen: list[int] = []
    reactor.call_soon(seen.append, 1)
    reactor.call_soon(reactor.call_soon, seen.append, 3)
    reactor.call_soon(seen.append, 2)
    reactor.turn()
    assert seen == [1, 2]
    reactor.turn()
    assert seen == [1, 2, 3]


def test_timers_in_order_of_time(reactor: SelectReactor) -> None:
    seen: list[str] = []
    now = reactor.time()
    reactor.call_at(now + 0.004, seen.append, "late")
    reactor.call_at(now + 0.002, seen.append, "early")
    reactor.call_at(now + 0.002, seen.append, "early too")
    reactor.call_at(now - 1, seen.append, "past")
    reactor.run_until(lambda: len(seen) == 4, 5)
    assert seen == ["past", "early", "early too", "late"]
    assert reactor.time() >= now + 0.004


def test_a_timer_that_comes_due_meanwhile_lets_input_go_first(
    reactor: SelectReactor, pipe: tuple[int, int]
) -> None:
    read, write = pipe
    seen: list[str] = []

    def slow() -> None:
        seen.append(os.read(read, 1).decode())
        if seen == ["a"]:
            os.write(write, b"b")
            time.sleep(0.02)

    reactor.add_reader(read, slow)
    os.write(write, b"a")
    reactor.call_at(reactor.time() + 0.01, seen.append, "timer")
    reactor.turn()
    assert seen == ["a"]
    reactor.turn()
    assert seen == ["a", "b", "timer"]


def test_a_cancelled_timer_does_not_call(reactor: SelectReactor) -> None:
    seen: list[int] = []
    timer = reactor.call_at(reactor.time(), seen.append, 1)
    assert timer.pending
    timer.cancel()
    timer.cancel()
    assert not timer.pending
    other = reactor.call_at(reactor.time(), seen.append, 2)
    reactor.run_until(lambda: bool(seen), 5)
    other.cancel()
    assert seen == [2]


def test_a_timer_cancelled_by_an_earlier_one_of_the_same_turn(reactor: SelectReactor) -> None:
    seen: list[int] = []
    now = reactor.time()
    later = reactor.call_at(now, seen.append, 2)
    reactor.call_at(now - 1, later.cancel)
    reactor.turn()
    assert seen == []


def test_cancelled_timers_do_not_pile_up(reactor: SelectReactor) -> None:
    keep = reactor.call_at(reactor.time() + 100, print)
    for _ in range(10_000):
        reactor.call_at(reactor.time() + 50, print).cancel()
    assert len(reactor._timers) < 200
    assert keep.pending


def test_readers_and_writers(reactor: SelectReactor, pipe: tuple[int, int]) -> None:
    source, sink = pipe
    seen: list[bytes] = []
    reactor.add_reader(source, lambda: seen.append(os.read(source, 10)))
    reactor.turn(0)
    assert seen == []
    os.write(sink, b"abc")
    reactor.turn(5)
    assert seen == [b"abc"]
    written: list[int] = []
    reactor.add_writer(sink, written.append, 1)
    reactor.turn(5)
    assert written == [1]
    assert reactor.remove_writer(sink)
    assert not reactor.remove_writer(sink)
    assert reactor.remove_reader(source)
    assert not reactor.remove_reader(source)
    os.write(sink, b"def")
    reactor.turn(0)
    assert seen == [b"abc"]


def test_one_descriptor_both_ways_and_replaced_callbacks(reactor: SelectReactor) -> None:
    import socket

    left, right = socket.socketpair()
    seen: list[str] = []
    reactor.add_reader(left.fileno(), seen.append, "first")
    reactor.add_reader(left.fileno(), seen.append, "read")
    reactor.add_writer(left.fileno(), seen.append, "write")
    right.send(b"x")
    reactor.turn(5)
    assert seen == ["read", "write"]
    reactor.remove_reader(left.fileno())
    reactor.turn(5)
    assert seen == ["read", "write", "write"]
    reactor.add_reader(left.fileno(), seen.append, "read")
    reactor.remove_writer(left.fileno())
    reactor.turn(5)
    assert seen[3:] == ["read"]
    reactor.remove_reader(left.fileno())
    left.close()
    right.close()


def test_a_reader_sees_the_end(reactor: SelectReactor) -> None:
    source, sink = os.pipe()
    seen: list[bytes] = []
    reactor.add_reader(source, lambda: seen.append(os.read(source, 10)))
    os.close(sink)
    reactor.turn(5)
    assert seen == [b""]
    reactor.remove_reader(source)
    os.close(source)


def test_a_reader_removed_by_another_of_the_same_turn(reactor: SelectReactor) -> None:
    pipes = [os.pipe() for _ in range(2)]
    seen: list[int] = []

    def readable(mine: int, other: int) -> None:
        seen.append(mine)
        reactor.remove_reader(other)

    reactor.add_reader(pipes[0][0], readable, pipes[0][0], pipes[1][0])
    reactor.add_reader(pipes[1][0], readable, pipes[1][0], pipes[0][0])
    for _, sink in pipes:
        os.write(sink, b"x")
    reactor.turn(5)
    assert len(seen) == 1
    for fd in seen:
        reactor.remove_reader(fd)
    for ends in pipes:
        for end in ends:
            os.close(end)


def test_a_bad_descriptor_is_refused_and_forgotten(reactor: SelectReactor) -> None:
    for add, remove in (
        (reactor.add_reader, reactor.remove_reader),
        (reactor.add_writer, reactor.remove_writer),
    ):
        with pytest.raises(OSError):
            add(9999, print)
        assert not remove(9999)


def test_failing_callbacks_are_logged(
    reactor: SelectReactor, pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []
    reactor.call_soon(lambda: 1 // 0)
    reactor.call_soon(seen.append, 1)
    reactor.call_at(reactor.time(), lambda: 1 // 0)
    reactor.add_writer(pipe[1], lambda: 1 // 0)
    with caplog.at_level(logging.ERROR):
        reactor.turn()
    assert seen == [1]
    assert caplog.text.count("ZeroDivisionError") == 3


def test_an_interrupt_passes(reactor: SelectReactor) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    seen: list[int] = []
    reactor.call_soon(interrupt)
    reactor.call_soon(seen.append, 1)
    with pytest.raises(KeyboardInterrupt):
        reactor.turn()
    reactor.turn()
    assert seen == [1]


def test_run_until_a_future(reactor: SelectReactor) -> None:
    future: Future[int] = Future()
    reactor.call_soon(future.set_result, 4)
    assert reactor.run_until(future) == 4
    assert reactor.run_until(future, 0) == 4
    failed: Future[int] = Future()
    reactor.call_soon(failed.set_error, KeyError())
    with pytest.raises(KeyError):
        reactor.run_until(failed, 5)


def test_run_until_times_out(reactor: SelectReactor) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        reactor.run_until(Future(), 0.02)
    assert 0.02 <= time.monotonic() - started < 2
    with pytest.raises(TimeoutError):
        reactor.run_until(lambda: False, 0)


def test_nested_turns(reactor: SelectReactor) -> None:
    """A callback may itself wait, and the outer turn goes on where it was."""
    seen: list[str] = []

    def outer() -> None:
        inner: Future[None] = Future()
        reactor.call_soon(inner.set_result, None)
        reactor.run_until(inner, 5)
        seen.append("outer")

    reactor.call_soon(outer)
    reactor.call_soon(seen.append, "beside")
    reactor.run_until(lambda: len(seen) == 2, 5)
    assert sorted(seen) == ["beside", "outer"]


def test_other_threads_wake_it(reactor: SelectReactor) -> None:
    future: Future[str] = Future()
    thread = threading.Timer(0.02, reactor.call_soon_threadsafe, (future.set_result, "hello"))
    thread.start()
    assert reactor.run_until(future, 10) == "hello"
    flag: list[int] = []

    def set_flag() -> None:
        flag.append(1)
        reactor.wake()

    thread = threading.Timer(0.02, set_flag)
    thread.start()
    reactor.run_until(lambda: bool(flag), 10)
    thread.join()


def test_run_forever_and_stop(reactor: SelectReactor) -> None:
    thread = threading.Timer(0.02, reactor.stop)
    thread.start()
    reactor.run_forever()
    thread.join()
    reactor.call_soon(reactor.stop)
    reactor.run_forever()  # and again


def test_tasks_sleep_on_it(reactor: SelectReactor) -> None:
    started = reactor.time()
    reactor.run_until(Task(sleep(reactor, 0.005)), 5)
    assert reactor.time() - started >= 0.005


def test_close_may_be_repeated() -> None:
    reactor = SelectReactor()
    reactor.call_soon(print)
    reactor.close()
    reactor.close()
    reactor.wake()  # too late, and harmless


def test_who_is_about_to_ring_when_it_is_closed_rings_nobody_elses_bell() -> None:
    reactor = SelectReactor()
    bell = reactor._bell.fd
    reactor.close()
    # Another thread has seen that it is open, and writes only now.
    other = os.eventfd(0, os.EFD_NONBLOCK)
    assert other != bell
    os.eventfd_write(bell, 1)
    with pytest.raises(BlockingIOError):
        os.eventfd_read(other)
    os.close(other)
    del reactor
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(bell)


def test_pollers_look_though_something_always_runs() -> None:
    """What asks to be called again in every turn keeps nobody waiting in shared memory."""
    reactor = SelectReactor()
    looks: list[float | None] = []
    reactor.add_poller(lambda wait: bool(looks.append(wait)))
    turns = 0

    def again() -> None:
        nonlocal turns
        turns += 1
        reactor.call_soon(again)

    again()
    for _ in range(50):
        reactor.turn(0)
    assert turns == 51
    assert len(looks) >= 10
    reactor.close()
