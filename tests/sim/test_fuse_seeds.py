"""The main job under mixed faults by way of FUSE: requests as the kernel makes them, seed by seed.

The checks are those of ``test_nfs_seeds``: the model of ``model`` and the rules of ``world``.
"""

from __future__ import annotations

import pytest
from tests.sim.plan import plan_of
from tests.sim.world import World
from tests.support.fuse_kernel import FuseFace

from nfsrdma.rpcrdma.providers.sim import SimFabric, simulate

SEEDS = 100
STEP = 10


def run_seed(seed: int) -> None:
    plan = plan_of(seed)

    def scenario(fabric: SimFabric) -> None:
        World(fabric, plan, lambda fs: FuseFace(fs, fabric.reactor)).run()

    simulate(scenario, seed, faults=plan.faults, command=f"run_seed({seed}) of this module")


@pytest.mark.parametrize("first", range(0, SEEDS, STEP))
def test_seeds(first: int) -> None:
    for seed in range(first, first + STEP):
        run_seed(seed)
