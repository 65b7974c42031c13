"""A small part of ``make mount-workloads``, with a server that is killed in the midst of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from tests.loopback.test_fuse_mount import can_mount, is_mounted
from tests.mount_workloads.programs import PROGRAMS, Missing, Place, ProgramError
from tests.mount_workloads.stage import NOBODY, Stage
from tests.support.links import obstacle

pytestmark = pytest.mark.skipif(not can_mount(), reason="no FUSE file system can be mounted here")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage("soft", kill_every_s=2)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    ("name", "user"), [("build", NOBODY), ("sqlite", 0), ("small_files", NOBODY)]
)
def test_programs(stage: Stage, name: str, user: int) -> None:
    place = Place(stage.space(f"{name}-{user}", user), user, 0.0005)
    try:
        PROGRAMS[name](place)
    except Missing as missing:
        pytest.skip(f"no {missing}")


def test_the_server_was_killed_and_nobody_complained(stage: Stage) -> None:
    assert stage.server.killed.wait(60)
    assert "Traceback" not in stage.log
    assert stage.path.is_dir()


def test_a_program_that_fails_is_noticed(stage: Stage) -> None:
    place = Place(stage.space("failing"), 0, 1.0)
    with pytest.raises(ProgramError, match="exit status 3"):
        place.run("sh", "-c", "exit 3")
    with pytest.raises(Missing):
        place.run("no-such-program")


def test_a_network_that_loses_packets() -> None:
    stage = Stage("soft", loss=2)
    try:
        PROGRAMS["build"](Place(stage.space("build"), 0, 0.0005))
    except Missing as missing:
        pytest.skip(f"no {missing}")
    finally:
        said = stage.close()
    lost, packets = map(int, re.findall(r"(\d+) of (\d+) packets were lost", said)[0])
    assert 0 < lost < packets / 20
    assert not is_mounted(stage.path)


@pytest.mark.timeout(300)  # a busy machine
# The last resort is not asked for signs of life, so what is better has five seconds.
@pytest.mark.parametrize(("way", "every_s"), [("tcp", 5), ("soft", 5), ("soft+tcp", 14)])
def test_one_of_two_paths_is_cut(way: str, every_s: float) -> None:
    """In turn, and for longer than a path is waited for; and each of them carries its part."""
    if why := obstacle():
        pytest.skip(why)
    stage = Stage(way, cut_every_s=every_s)
    try:
        place = Place(stage.space("small"), NOBODY, 0.0005)
        place.path.chmod(0o777)
        deadline = time.monotonic() + 60
        while min(stage.cutter.cuts) < 1 and time.monotonic() < deadline:
            PROGRAMS["small_files"](place)
        told = stage.paths
        cuts = stage.cutter.cuts
    finally:
        said = stage.close()
    assert min(cuts) >= 1
    assert "Traceback" not in said
    assert all(path.calls > 5 for path in told), told
    assert all(path.octets for path in told), told
