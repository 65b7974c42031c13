"""Findings: what is worth telling about a frame, and how much it matters."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

MAX_FINDINGS = 100_000
"""How many findings are kept of one capture; beyond, they are only counted."""


class Severity(IntEnum):
    """How much a finding matters."""

    NOTE = 0
    """It explains what is shown, or says what the capture lacks."""
    WARNING = 1
    """Something went wrong, but no rule is known to be broken."""
    ERROR = 2
    """A rule of a specification is broken."""


class Finding(NamedTuple):
    """Something worth telling about a frame."""

    frame: int
    severity: Severity
    rule: str
    """A stable identifier, such as ``capture-hole``."""
    text: str
    octets: tuple[int, int] | None = None
    """Which octets of the frame's message it is about, as start and end, where that is known."""
