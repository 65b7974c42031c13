"""`nfsrdma serve` on the bridge: started, killed, restarted."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.host import NFSRDMA, Background, Host
from lab.nfs import RDMA_PORT, TCP_PORT

#: What the server prints when clients may come, before it says who may do what.
READY = "nfs+tcp://"

#: Guests are hosts of their own, whose root mounts and makes files; of a kernel's own RDMA on the
#: server's host nobody can tell whose process it is for.
OPEN = "--allow any --no-root-squash --insecure"


class OurServer:
    """Our NFS server over RDMA and TCP, exporting `folder` as its root; a context manager."""

    def __init__(self, host: Host, logs: Path, *, provider: str = "soft", lease: int = 10) -> None:
        self._host = host
        self._log = logs / "server.log"
        self._scratch = Path(tempfile.mkdtemp(prefix="nfsrdma-export-"))
        # Other users of the guest shall reach what they may.
        self._scratch.chmod(0o755)
        #: The exported folder on the host, for looking behind the server's back.
        self.folder = self._scratch / "export"
        self.folder.mkdir(mode=0o777)
        self.folder.chmod(0o777)
        self._provider = provider
        self._lease = lease
        self._program: Background | None = None

    def start(
        self,
        address: str | None = None,
        options: Sequence[str] = (),
        *,
        exports: Sequence[str] = (),
        under: Sequence[str] = (),
    ) -> None:
        """Start on the bridge's IPv4 address, or on the one named, and wait until it listens.

        ``exports`` are what it serves instead of `folder`; ``under`` is a command that runs it.
        """
        state = self._scratch / "state"
        argv: list[str | Path] = [*under, *NFSRDMA, "serve", *(exports or (self.folder,))]
        argv += ["--listen", address or self._host.ipv4]
        argv += ["--port", str(RDMA_PORT), "--tcp", str(TCP_PORT), "--provider", self._provider]
        argv += ["-v", "--state-dir", state, "--lease", str(self._lease)]
        argv += [*OPEN.split(), *options]
        self._program = self._host.start(argv, self._log)
        self._program.wait_for(READY)

    def stop(self) -> int:
        """End it as an administrator would (SIGTERM) and return its exit status."""
        assert self._program is not None
        return self._program.process.stop()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        assert self._program is not None
        self._program.process.signal(signal.SIGKILL)
        self._program.process.wait(5.0)

    def output(self) -> str:
        """All that it has written, restarts included."""
        return self._log.read_text(errors="replace")

    def __enter__(self) -> OurServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._program is not None:
            self._program.process.stop()
        shutil.rmtree(self._scratch)
