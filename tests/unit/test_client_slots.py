"""The slot table: lowest first, in turn, never twice (RFC 8881, Section 2.10.6.1)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.client.slots import SlotTable
from nfsrdma.rpcrdma.task import Cancelled, Task


def test_the_lowest_free_slot_is_taken() -> None:
    table = SlotTable(3)
    assert [table.try_acquire() for _ in range(4)] == [0, 1, 2, -1]
    assert (table.busy, table.highest_busy) == (3, 2)
    table.release(1)
    assert table.try_acquire() == 1
    table.release(2)
    assert table.highest_busy == 1


def test_a_sequence_id_advances_only_when_accepted_and_wraps() -> None:
    table = SlotTable(1)
    table.seqids[0] = 0xFFFFFFFF
    slot = table.try_acquire()
    table.release(slot)
    assert table.seqids[0] == 0xFFFFFFFF
    table.accepted(slot)
    assert table.seqids[0] == 0


def test_waiters_are_served_in_turn() -> None:
    table = SlotTable(1)
    table.try_acquire()
    first, second = Task(table.acquire()), Task(table.acquire())
    table.release(0)
    assert first.done()
    assert not second.done()
    table.release(0)
    assert second.result() == 0
    table.release(0)
    assert table.busy == 0


def test_a_cancelled_waiter_leaves_the_queue() -> None:
    table = SlotTable(1)
    table.try_acquire()
    first, second = Task(table.acquire()), Task(table.acquire())
    first.cancel()
    with pytest.raises(Cancelled):
        first.result()
    table.release(0)
    assert second.result() == 0


def test_closing_sends_waiters_away() -> None:
    table = SlotTable(1)
    table.try_acquire()
    waiter = Task(table.acquire())
    table.close()
    assert waiter.result() == -1
    assert Task(table.acquire()).result() == -1
    assert table.try_acquire() == -1


def test_the_servers_target_is_followed_down_and_up() -> None:
    table = SlotTable(4)
    taken = [table.try_acquire(), table.try_acquire(), table.try_acquire()]
    table.set_target(0)
    assert table.limit == 1
    waiter = Task(table.acquire())
    for slot in reversed(taken[1:]):
        table.release(slot)
        assert not waiter.done(), "a slot above the target was given away"
    table.set_target(100)
    assert table.limit == 4
    assert waiter.result() == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 5))
def test_no_slot_is_ever_held_twice(steps: list[int], size: int) -> None:
    table = SlotTable(size)
    held: set[int] = set()
    waiting: list[Task[int]] = []

    def collect() -> None:
        for task in [task for task in waiting if task.done()]:
            waiting.remove(task)
            slot = task.result()
            assert slot not in held
            held.add(slot)

    for step in steps:
        if step < 2:
            slot = table.try_acquire()
            if slot >= 0:
                assert slot not in held
                held.add(slot)
            else:
                waiting.append(Task(table.acquire()))
        elif step < 4 and held:
            slot = min(held)
            held.discard(slot)
            table.release(slot)
        else:
            table.set_target(step)
        collect()
        assert table.busy == len(held)
        assert not waiting or len([s for s in held if s < table.limit]) == table.limit
