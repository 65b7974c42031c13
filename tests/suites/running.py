"""How a program of a suite is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .stage import StageError


def command(
    argv: Sequence[str | Path],
    log: Path,
    *,
    folder: Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program of a suite and return its output, which ``log`` keeps as well.

    What such programs return says little, so it is not looked at. Raises `StageError` on timeout.
    """
    with log.open("w") as stream:
        try:
            subprocess.run(
                list(map(str, argv)),
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise StageError(f"{argv[0]} did not end in {timeout:.0f} s; see {log}") from None
    return log.read_text(errors="replace")
