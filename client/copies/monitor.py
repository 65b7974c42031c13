"""Reports of the progress of a copy, step by step."""

from __future__ import annotations

from collections.abc import Callable

from .progress import Progress, Report


class Monitor:
    """The keeper of a :class:`Progress`, who reports it after every step."""

    def __init__(
        self,
        progress: Progress,
        report: Report | None,
        on_step: Callable[[str, str], object] | None = None,
    ) -> None:
        self.progress = progress
        self._report = report
        self._on_step = on_step

    def step(self, verb: str, path: str) -> None:
        """Tell what is done, or would be, with the name at ``path`` below the top."""
        if self._on_step is not None:
            self._on_step(verb, path)

    def deletes(self, path: str) -> None:
        """Count a name that was removed."""
        self.progress.deleted += 1
        self.step("delete", path)
        self._tell()

    def found(self, octets: int) -> None:
        """Count one more file to be copied."""
        self.progress.files += 1
        self.progress.octets += octets

    def begins(self, name: str) -> None:
        """Note that the copy of a file begins."""
        self.progress.current = name
        self._tell()

    def moved(self, octets: int) -> None:
        """Count octets that were copied."""
        self.progress.octets_done += octets
        self._tell()

    def ends(self) -> None:
        """Note that the copy of a file is complete."""
        self.progress.files_done += 1
        self._tell()

    def skips(self, octets: int) -> None:
        """Note that a file is there already."""
        self.progress.skipped += 1
        self.progress.octets_done += octets
        self.ends()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self.progress)
