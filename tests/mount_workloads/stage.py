"""Where programs play: a server of ours that can be killed and started again, and a mount of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nfsrdma.cli.mountstats import heard
from nfsrdma.client.fuse.mounting import ours

from .network import Cutter, Network

REPOSITORY = Path(__file__).resolve().parents[2]
WAYS = ("tcp", "soft", "shm", "soft+tcp")
NOBODY = 65534
_PATIENCE_S = 180.0
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}


class PathTold(NamedTuple):
    """What a mount tells of a path."""

    octets: int
    calls: int
    lost: int
    """How often it was left."""


class StageError(Exception):
    """Server or mount could not be had; the message says why."""


class Server:
    """`nfsrdma serve` of an empty directory; it is killed, and comes back with what it recorded."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.export = folder / "export"
        self.export.mkdir()
        self._folder = folder
        self._network = network
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0
        self.killed = threading.Event()
        self.start()

    def start(self) -> None:
        """Start it, at the same place as before."""
        log = self._folder / "server.log"
        told = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-m", "nfsrdma", "serve", str(self.export), "--no-root-squash"]
        command += ["--lease", "10", "--state-dir", str(self._folder / "state")]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._network.at_server(*command, *self._network.serving),
                stdout=output,
                stderr=output,
                env=_ENVIRONMENT,
                cwd="/",
            )
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            text = log.read_bytes()[told:].decode(errors="replace")
            found = re.findall(r"nfs\+\w+://[\d.]+:(\d+)", text)
            if len(found) >= len(self._network.kinds):
                self._network.found(int(found[0]))
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StageError(f"the server did not start: {text}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.kills += 1
        self.killed.set()

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._process.kill()
            self._process.wait()


class Killer:
    """Kills a server every so many seconds, and starts it again; 0 leaves it alone."""

    def __init__(self, server: Server, every_s: float) -> None:
        self.failure: StageError | None = None
        """Why it has given up: the server did not come back."""
        self._server = server
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if every_s:
            self._thread.start()

    def _run(self) -> None:
        try:
            while not self._over.wait(self._every_s):
                self._server.kill()
                self._server.start()
        except StageError as error:
            self.failure = error

    def close(self) -> None:
        """Leave it alone from now on."""
        self._over.set()
        if self._every_s:
            self._thread.join()


class Stage:
    """A mount, of whose directory ``path`` all users have the rights that they have.

    ``way`` is a transport, or several with ``+`` between them: so many paths. ``loss`` is how many
    packets in a hundred are lost, over ``soft``.
    """

    def __init__(
        self,
        way: str,
        *,
        kill_every_s: float = 0.0,
        cut_every_s: float = 0.0,
        options: str = "",
        loss: float = 0.0,
    ) -> None:
        kinds = way.split("+")
        if cut_every_s and len(kinds) == 1:
            kinds *= 2
        self.folder = Path(tempfile.mkdtemp(prefix="mount-workloads-"))
        self.folder.chmod(0o755)
        self.path = self.folder / "mount"
        self.path.mkdir()
        self.network = Network(kinds)
        try:
            self.server = Server(self.folder, self.network)
        except BaseException:
            self.network.close()
            raise
        os.chmod(self.server.export, 0o1777)
        try:
            self._mount(options, loss)
        except BaseException:
            self.server.close()
            self.network.close()
            raise
        self.killer = Killer(self.server, kill_every_s)
        self.cutter = Cutter(self.network, cut_every_s)

    def _mount(self, options: str, loss: float) -> None:
        url, *others = self.network.urls
        words = ["allow_other,suid,dev", *(f"path={each}" for each in others)]
        log = (self.folder / "mount.log").open("ab")
        program = ["tests.mount_workloads.lossy", str(loss)] if loss else ["nfsrdma"]
        command = [sys.executable, "-m", *program, "mount", "-f", url, str(self.path)]
        command += ["-o", ",".join(filter(None, (*words, options)))]
        self._daemon = subprocess.Popen(
            self.network.at_client(*command),
            env=_ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=REPOSITORY,
        )
        log.close()
        assert self._daemon.stdout is not None
        if b"is mounted" not in self._daemon.stdout.readline():
            raise StageError((self.folder / "mount.log").read_text())

    def space(self, name: str, user: int = 0) -> Path:
        """Make a directory of ``user`` on the mount."""
        path = self.path / name
        path.mkdir()
        os.chown(path, user, user)
        return path

    @property
    def resident_mb(self) -> float:
        """The memory of the process behind the mount, in MB (10^6 octets)."""
        pages = int(Path(f"/proc/{self._daemon.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def paths(self) -> list[PathTold]:
        """What went over each path to the server; none are told of if there is but one."""
        told = heard(next(each for each in ours() if each.path == str(self.path)))
        return [
            PathTold(path["bytes_sent"] + path["bytes_received"], path["calls"], path["lost"])
            for path in told["paths"]
        ]

    @property
    def log(self) -> str:
        """What the process behind the mount had to say."""
        return (self.folder / "mount.log").read_text(errors="replace")

    def close(self) -> str:
        """Unmount, end the server, and remove everything.

        Return what the process behind the mount had to say.
        """
        self.killer.close()
        self.cutter.close()
        umount = [sys.executable, "-m", "nfsrdma", "umount"]
        for more in ([], ["--force"]):
            done = subprocess.run(
                [*umount, *more, str(self.path)], env=_ENVIRONMENT, capture_output=True, check=False
            )
            if done.returncode == 0:
                break
        with suppress(subprocess.TimeoutExpired):
            self._daemon.wait(30)
        self._daemon.kill()
        self._daemon.communicate()
        self.server.close()
        self.network.close()
        said = self.log
        shutil.rmtree(self.folder, ignore_errors=True)
        return said
