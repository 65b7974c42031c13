"""The progress of a copy, and its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..trees import JOBS_PARALLEL


@dataclass(slots=True)
class Progress:
    """The progress of a copy: files and octets that are known so far, and that are done."""

    files: int = 0
    octets: int = 0
    files_done: int = 0
    octets_done: int = 0
    skipped: int = 0
    """Files that were skipped, because they are there already."""
    deleted: int = 0
    """Names of the target that were removed, because the source lacks them."""
    failed: int = 0
    """Names that could not be copied; each was reported."""
    current: str = ""
    """The file whose copy began last."""
    special: list[str] = field(default_factory=list)
    """Sockets, devices and the like, which are not copied."""
    unfinished: list[str] = field(default_factory=list)
    """Temporary files of other copies, in progress or left over, which are not copied."""

    def add(self, other: Progress) -> None:
        """Add the numbers of another copy, and take its current file."""
        self.files += other.files
        self.octets += other.octets
        self.files_done += other.files_done
        self.octets_done += other.octets_done
        self.skipped += other.skipped
        self.deleted += other.deleted
        self.failed += other.failed
        self.current = other.current or self.current

    def plus(self, other: Progress) -> Progress:
        """Return the numbers of both copies."""
        both = Progress()
        both.add(self)
        both.add(other)
        return both


Report = Callable[[Progress], object]
"""A function called after every step. It must not use the mount."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """The options of a copy."""

    recursive: bool = False
    """Whether to copy a directory; otherwise one is an error."""
    resume: bool = False
    """Whether to skip files that have the size and time of their source already."""
    parallel: int = JOBS_PARALLEL
    """Files in progress at a time."""
    on_failure: Callable[[OSError], object] | None = None
    """A function called at once with the error of each file that cannot be copied."""
    exclude: tuple[str, ...] = ()
    """Patterns of names that are left out, and stay where they are: see :class:`Exclusions`."""
    checksum: bool = False
    """Whether files of one size are skipped if they have the same contents, whatever their time."""
    delete: bool = False
    """Whether names of the target that the source lacks are removed, once all was copied."""
    dry_run: bool = False
    """Whether nothing is done, and ``on_step`` is told what would be."""
    on_step: Callable[[str, str], object] | None = None
    """A function called with ``"copy"`` or ``"delete"`` and a path below the top, for each name."""
