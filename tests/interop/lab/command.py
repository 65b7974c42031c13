"""What came of a command, in a guest or on the host."""

from __future__ import annotations

from dataclasses import dataclass

from .packages import LabError


@dataclass(frozen=True)
class Result:
    """A finished command; ``code`` is None when it could not even be killed."""

    command: str
    code: int | None
    stdout: str
    stderr: str
    timed_out: bool
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.code == 0 and not self.timed_out

    def __str__(self) -> str:
        end = "timed out" if self.timed_out else f"status {self.code}"
        parts = (f"{self.command}\n-> {end} after {self.seconds:.1f} s", self.stdout, self.stderr)
        return "\n".join(part.rstrip() for part in parts if part.strip())


class CommandError(LabError):
    """A command did not succeed."""

    def __init__(self, where: str, result: Result) -> None:
        super().__init__(f"{where}: {result}")
        self.result = result


def checked(where: str, result: Result, check: bool) -> Result:
    """``result``, or raise `CommandError` if it failed and is to be checked."""
    if check and not result.ok:
        raise CommandError(where, result)
    return result
