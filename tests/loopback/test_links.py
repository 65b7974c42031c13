"""Two hosts with two links between them, as far as the kernel can play that: both are used, and
one whose cable is pulled is not missed. How much both carry together ``benchmarks/paths.py`` tells.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.links import ENVIRONMENT, Links, inside, obstacle

_WHY = obstacle()
pytestmark = pytest.mark.skipif(bool(_WHY), reason=_WHY or "there are links")

_CLIENT = """
import json, random, sys
import nfsrdma.client as nfs

url, other = sys.argv[1:]
data = random.Random(1).randbytes(4 << 20) * 4
with nfs.mount(url, paths=(other,), timeout=2) as fs:
    with fs.open("f", "wb") as file:
        file.write(data[: 4 << 20])
        print("begun", flush=True)
        file.write(data[4 << 20 :])
    assert fs.read_bytes("f") == data
    told = [(path.bytes_sent, path.bytes_received, path.up) for path in fs.stats.paths]
    print(json.dumps([fs.stats.sessions, told]))
"""


@pytest.fixture
def links() -> Iterator[Links]:
    links = Links("200mbit")
    yield links
    links.close()


@pytest.mark.parametrize(("kind", "cut"), [("tcp", None), ("tcp", 0), ("soft", 1)])
def test_two_links(links: Links, tmp_path: Path, kind: str, cut: int | None) -> None:
    with links.serving(kind, tmp_path) as urls:
        command = inside(links.client, sys.executable, "-c", _CLIENT, *urls)
        with subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            if cut is not None:
                links.cut(cut)
            sessions, told = json.loads(process.stdout.readline())
        assert process.returncode == 0
    assert sessions == 1
    carried = [sent + received for sent, received, _ in told]
    up = [each[2] for each in told]
    if cut is None:
        assert up == [1, 1]
        assert min(carried) > max(carried) / 3, "equal links carry about the same"
    else:
        assert up[1 - cut] == 1
        assert up[cut] == 0
        assert carried[1 - cut] > carried[cut]
