"""The main job over two paths, one of which is lost now and then: see ``plan.failover_plan``.

``python -m tests.sim.replay --seeds 0:300 --paths 2`` runs more of them.
"""

from __future__ import annotations

import pytest
from tests.sim import replay
from tests.sim.plan import PATH, failover_plan

SEEDS = 32
STEP = 4
"""Seeds of one test: each of them alone would be mostly pytest's overhead."""


@pytest.mark.parametrize("first", range(0, SEEDS, STEP))
def test_seeds(first: int) -> None:
    for seed in range(first, first + STEP):
        replay.run_seed(seed, paths=2)


def test_the_seeds_are_a_mixture() -> None:
    plans = [failover_plan(seed) for seed in range(SEEDS)]
    alone = [plan for plan in plans if {event.kind for event in plan.events} == {PATH}]
    assert len(alone) > SEEDS / 3
    assert not any(plan.may_time_out for plan in alone), "there is always a path"
    assert len({event.kind for plan in plans for event in plan.events}) > 4
    assert {plan.moves for plan in plans} == {True, False}
