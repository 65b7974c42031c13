"""Reports of the progress of a copy, step by step."""

from __future__ import annotations

from .progress import Progress, Report


class Monitor:
    """The keeper of a :class:`Progress`, who reports it after every step."""

    def __init__(self, progress: Progress, report: Report | None) -> None:
        self.progress = progress
        self._report = report

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
