"""Commands in a guest, for a program on the host that knows nothing of guests.

The program runs ``python -m peers.errand FOLDER COMMAND``, which leaves the command in the folder
and waits for its exit status; whoever drives the guest runs an `Errands` over the same folder.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.guest import Guest

_PAUSE_S = 0.05
_KILLED = 124
"""The exit status of a command that took too long, as timeout(1) has it."""


class Errands:
    """Runs in a guest what is left in a folder, one after the other; a context manager."""

    def __init__(self, guest: Guest, folder: Path, *, timeout: float = 90.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._guest = guest
        self._folder = folder
        self._timeout = timeout
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{guest.name} errands")

    def __enter__(self) -> Errands:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_PAUSE_S):
            for path in sorted(self._folder.glob("*.command")):
                done = self._guest.run(path.read_text(), timeout=self._timeout, check=False)
                path.unlink()
                path.with_suffix(".log").write_text(f"{done}\n")
                path.with_suffix(".said").write_text(done.stdout + done.stderr)
                status = _KILLED if done.code is None else done.code
                _write_whole(path.with_suffix(".status"), str(status))


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is not there before all of it is."""
    scratch = path.with_suffix(".part")
    scratch.write_text(text)
    scratch.rename(path)


def main() -> int:
    """Have a command run; return its exit status."""
    folder, command = Path(sys.argv[1]), " ".join(sys.argv[2:])
    path = folder / f"{time.time_ns()}-{uuid.uuid4().hex}.command"
    _write_whole(path, command)
    status = path.with_suffix(".status")
    while not status.exists():
        time.sleep(_PAUSE_S)
    sys.stdout.write(path.with_suffix(".said").read_text())
    return int(status.read_text())


if __name__ == "__main__":
    sys.exit(main())
