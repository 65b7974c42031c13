"""How far a copy is, and what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..trees import JOBS_PARALLEL


@dataclass(slots=True)
class Progress:
    """How far a copy is. Octets and files known so far, and done."""

    files: int = 0
    octets: int = 0
    files_done: int = 0
    octets_done: int = 0
    skipped: int = 0
    """Files left alone, being there already."""
    failed: int = 0
    """Names that could not be copied; each was told."""
    current: str = ""
    """The file that was last begun."""
    special: list[str] = field(default_factory=list)
    """Sockets, devices and the like, which are not copied."""
    unfinished: list[str] = field(default_factory=list)
    """Files of other copies, under way or left over, which are not copied either."""


Report = Callable[[Progress], object]
"""Called after every step. It must not use the mount."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """``recursive``: whether a directory is copied, or is an error.

    ``on_failure`` is called with the error of each file that could not be copied, at once.
    """

    recursive: bool = False
    resume: bool = False
    parallel: int = JOBS_PARALLEL
    on_failure: Callable[[OSError], object] | None = None
