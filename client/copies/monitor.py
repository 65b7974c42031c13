"""Tells how far a copy is, step by step."""

from __future__ import annotations

from .progress import Progress, Report


class Monitor:
    """Keeps a :class:`Progress`, and reports it after every step."""

    def __init__(self, progress: Progress, report: Report | None) -> None:
        self.progress = progress
        self._report = report

    def found(self, octets: int) -> None:
        """There is one more file to be copied."""
        self.progress.files += 1
        self.progress.octets += octets

    def begins(self, name: str) -> None:
        self.progress.current = name
        self._tell()

    def moved(self, octets: int) -> None:
        self.progress.octets_done += octets
        self._tell()

    def ends(self) -> None:
        self.progress.files_done += 1
        self._tell()

    def skips(self, octets: int) -> None:
        """A file is there already."""
        self.progress.skipped += 1
        self.progress.octets_done += octets
        self.ends()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self.progress)
