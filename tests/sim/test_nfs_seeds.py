"""The main job under mixed faults, seed by seed: see ``world`` for what a seed has to keep to.

``make soak`` runs a thousand of them; ``python -m tests.sim.replay SEED`` runs one again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from tests.sim import model, replay
from tests.sim.model import Expected, File, Link
from tests.sim.plan import plan_of
from tests.sim.world import World
from tests.support.memory_guard import Trespass, Watch

from nfsrdma.rpcrdma.verbs.types import Access

SEEDS = 150
STEP = 15
"""Seeds of one test: each of them alone would be mostly pytest's overhead."""


@pytest.mark.parametrize("first", range(0, SEEDS, STEP))
def test_seeds(first: int) -> None:
    for seed in range(first, first + STEP):
        replay.run_seed(seed)


def test_the_seeds_are_a_mixture() -> None:
    plans = [plan_of(seed) for seed in range(SEEDS)]
    kinds = {event.kind for plan in plans for event in plan.events}
    assert kinds == {"partition", "cut", "hang up", "restart", "crash", "death"}
    assert sum(not plan.events for plan in plans) > SEEDS / 5
    assert any(plan.faults.harmless for plan in plans)
    for name in ("loss", "duplication", "reordering", "corruption", "partition"):
        assert sum(bool(getattr(plan.faults, name)) for plan in plans) > SEEDS / 3


def crashes(seed: int) -> bool:
    """Whether the server crashes while several files are open, as like as not."""
    plan = plan_of(seed)
    kinds = [event.kind for event in plan.events]
    return "crash" in kinds and plan.clients * plan.workers > 2


@pytest.mark.parametrize("seed", [seed for seed in range(60) if crashes(seed)][:3])
def test_one_seed_is_one_history(seed: int) -> None:
    """Also in another process, where sets of octets are in another order."""
    program = f"from tests.sim.replay import digest_of; print(digest_of({seed}))"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": f"{root}/src"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, check=True)
    assert done.stdout.decode().strip() == replay.digest_of(seed)


def test_a_seed_that_fails_says_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(world: World) -> None:
        raise AssertionError("as intended")

    monkeypatch.setattr(World, "_compare", broken)
    assert replay.soak(range(3, 4), 1) == 1
    out = capsys.readouterr().out
    assert "AssertionError: as intended" in out
    assert "replay:  python -m tests.sim.replay 3 --pcap seed-3.pcapng" in out
    assert "faults:  Faults(" in out
    assert f"seed:    3: {plan_of(3)}" in out
    (line,) = (line for line in out.splitlines() if line.startswith("packets:"))
    packets = Path(line.split()[1])
    assert packets.stat().st_size > 10_000
    packets.unlink()


def test_a_seed_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pcap = tmp_path / "seed.pcapng"
    replay.replay(0, pcap)
    assert pcap.stat().st_size > 10_000
    replay.replay(0, None)
    out = capsys.readouterr().out
    assert f"seed 0: {plan_of(0)}" in out
    assert "packets, hash" in out


# What the checks rest on.


def test_the_watch_sees_every_trespass() -> None:
    def region(access: Access) -> tuple[Watch, bytearray, object, memoryview]:
        watch = Watch()
        memory = bytearray(b"0123456789")
        made = watch.domain(Random(1)).register(memoryview(memory)[2:8], access)
        return watch, memory, made, made.view

    writable = Access.LOCAL_WRITE | Access.REMOTE_WRITE
    watch, memory, made, view = region(writable)
    view[:3] = b"abc"
    assert memory == b"0123456789"  # Nobody looks before the registration has ended.
    with pytest.raises(AssertionError, match="never ended"):
        watch.check(over=True)
    made.deregister()
    assert memory == b"01abc56789"
    watch.check(over=True)
    with pytest.raises(ValueError, match="released"):
        view[0] = 1

    watch, memory, made, view = region(writable)
    late = view[1:2]
    made.deregister()
    late[0] = 1
    with pytest.raises(Trespass, match="after its registration"):
        watch.check()

    watch, memory, made, view = region(writable)
    memoryview(view.obj)[0] = 1
    with pytest.raises(Trespass, match="beside 6 octets"):
        made.deregister()

    watch, memory, made, view = region(Access.REMOTE_READ)
    memory[5] = 1
    with pytest.raises(Trespass, match="could read it"):
        made.deregister()


def test_the_model_knows_the_rules() -> None:
    tree: model.Tree = {"d": {"x": File(b"1")}, "f": File(b"22"), "l": Link("t"), "e": {}}
    for function, *arguments in (
        (model.make, ("f",), {}),
        (model.make, ("no", "f"), {}),
        (model.make, ("f", "f"), {}),
        (model.remove, ("d",)),
        (model.remove, ("no",)),
        (model.rmdir, ("d",)),
        (model.rmdir, ("f",)),
        (model.rename, ("no",), ("f",)),
        (model.rename, ("d",), ("d", "y")),
        (model.rename, ("e",), ("d",)),
        (model.rename, ("f",), ("e",)),
        (model.link, ("d",), ("new",)),
        (model.link, ("f",), ("l",)),
        (model.write, ("d",), b""),
    ):
        with pytest.raises(Expected):
            function(tree, *arguments)
    model.link(tree, ("f",), ("d", "again"))
    copy = model.clone(tree)
    model.append(copy, ("f",), b"3")
    assert copy["d"]["again"].data == b"223"
    assert model.links_of(copy, copy["f"]) == 2
    assert model.differences(tree, copy) == [
        "d/again: 3 octets instead of 2, different from 2 on",
        "f: 3 octets instead of 2, different from 2 on",
    ]
    model.rename(copy, ("d",), ("e",))
    model.remove(copy, ("f",))
    assert [path for path, _ in model.walk(copy)] == [("l",), ("e",), ("e", "x"), ("e", "again")]
    assert len(model.differences(tree, copy)) == 4
    assert model.plausible(b"a\0c", b"abc", b"")
    assert not model.plausible(b"a\0c", b"abc", b"xyz")
    assert not model.plausible(b"a\0c", b"abc")
    assert not model.plausible(b"abcd", b"abc", b"ab")
