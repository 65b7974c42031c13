"""Files through the relay, with faults by rule, in virtual time: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.conform_client import SimStage, work

from nfsrdma.conform.relay import Bounds
from nfsrdma.conform.rules import PacketRules, RuleScript, parse_rules
from nfsrdma.rpcrdma.task import Task

MESSAGES = {
    "nothing": "",
    "cuts": "cut before every 150th reply\ncut after every 170th reply\n"
    "cut before every 190th call",
    "cuts in data": "cut placing every 3rd reply where op == READ\n"
    "cut placed every 4th reply where op == READ",
    "late": "delay 20ms 30% of messages",
    "twice": "duplicate 20% of replies where op == WRITE",
    "grants": "shrink grant to 1 of 50% of replies",
}
PACKETS = {
    "lost": "drop 3% of packets",
    "doubled": "duplicate 20% of packets",
    "overtaken": "reorder 3% of packets",
    "damaged": "damage 2% of packets",
    "all": "drop 1% of packets\nduplicate 2% of packets\n"
    "reorder 1% of packets\ndamage 1% of packets",
}


def carried(stage: SimStage, begin: Callable[[], object]) -> None:
    """Have a client work through the relay; whatever is wrong raises."""

    async def run() -> None:
        fs = await stage.mount()
        begin()
        await work(fs, "tree")
        await fs.unmount()

    stage.reactor.run_until(Task(run()), limit_s=36_000)


def drain(stage: SimStage) -> None:
    """Let what is on its way arrive, and check that nothing is kept."""
    stage.reactor.run_until(Task(stage.lab.wait(30.0)), limit_s=60)
    assert not stage.relay.links
    assert stage.relay.held == 0
    stage.close()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str, seed: int) -> None:
    rules = parse_rules(MESSAGES[name].splitlines())
    script = RuleScript(rules, seed)
    stage = SimStage(seed)
    carried(stage, lambda: setattr(stage.relay, "script", script))
    assert all(each.done for each in script.drawn), [each.rule.text for each in script.drawn]
    drain(stage)


@pytest.mark.parametrize("name", PACKETS)
def test_packets(name: str) -> None:
    rules = PacketRules(parse_rules(PACKETS[name].splitlines()), 3)
    stage = SimStage(3, lambda stage: RuleScript([], 3))
    carried(stage, lambda: setattr(stage.near, "fate", rules.fate))
    assert all(each.done for each in rules.drawn)
    drain(stage)


@pytest.mark.parametrize("bounds", [Bounds(memory=200_000), Bounds(chunk=100_000)])
def test_a_client_that_takes_too_much_loses_its_connection(bounds: Any) -> None:
    told: list[str] = []
    script = RuleScript([], 1, told.append)
    stage = SimStage(1, lambda stage: script, bounds=bounds)

    async def run() -> None:
        fs = await stage.mount()
        Task(fs.write_bytes("large", bytes(1_000_000)))  # which goes on for ever
        await stage.lab.wait(0.2)

    stage.reactor.run_until(Task(run()), limit_s=60)
    assert any("ended by the relay" in text for text in told)
    assert stage.relay.held <= bounds.memory
