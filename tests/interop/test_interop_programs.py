"""Programs at work on `nfsrdma mount` over the soft provider, on this host; knfsd in a guest.

They are those of ``make mount-workloads``, which plays them against our own server.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Run
from lab.guest import Guest
from lab.host import NFSRDMA, Host
from lab.machine import Lab
from lab.nfs import Knfsd, Transport
from tests.mount_workloads.programs import PROGRAMS, Missing, Place
from tests.mount_workloads.stage import NOBODY

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

_PROGRAMS = ("git", "build", "sqlite", "fio", "rsync", "pytest", "small_files", "postgres")
_SCALE = 0.003
"""Of what they do on a server that is not emulated."""


@contextlib.contextmanager
def mounted(host: Host, url: str, log: Path) -> Iterator[Path]:
    """A mount of root's for all users, at the namespace's bridge and seen by this host."""
    with tempfile.TemporaryDirectory(prefix="nfsrdma-interop-") as name:
        os.chmod(name, 0o755)
        point = Path(name, "mount")
        point.mkdir()
        command = [*NFSRDMA, "mount", "-f", "-v", url, point, "-o", "allow_other,suid,dev"]
        with log.open("w") as errors, host.outside(command, errors) as daemon:
            assert daemon.stdout is not None
            assert "is mounted" in daemon.stdout.readline(), log.read_text()
            try:
                yield point
            finally:
                subprocess.run(["umount", point], check=True)
                daemon.wait(60)
        assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("user", [0, NOBODY])
@pytest.mark.parametrize("name", _PROGRAMS)
def test_programs_on_a_mount(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, name: str, user: int
) -> None:
    """Each makes something, and checks what it made; nothing of it stays behind but files."""
    case.describe("nfsrdma mount - knfsd", f"soft, {name} by {user or 'root'}")
    url = Transport("rdma", "4.2").url(alpha)
    with mounted(lab.host, url, case.folder / "mount.log") as point:
        place = point / name
        place.mkdir()
        os.chown(place, user, user)
        try:
            PROGRAMS[name](Place(place, user, _SCALE))
        except Missing as missing:
            pytest.skip(f"no {missing}")
    owners = alpha.run(f"find {knfsd.export}/{name} -printf '%U\\n' | sort -u").stdout.split()
    if name != "postgres":  # whose files are its own user's
        assert owners == [str(user)]
