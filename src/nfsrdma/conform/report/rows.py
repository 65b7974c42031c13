"""A run as JSON: one row for each test, and what was tested how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from ..runner import Outcome

FORMAT: Final = "nfsrdma conform 1"


class ReportError(ValueError):
    """A file that is no report of ours; the message says why."""


@dataclass(frozen=True, slots=True)
class About:
    """What was tested, with what, and when (UTC)."""

    server: str
    provider: str
    seed: int
    when: str
    version: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One test and how it ended; everything in words."""

    id: str
    group: str
    source: str
    severity: str
    demand: str
    verdict: str
    observed: str
    seconds: float
    capture: str = ""
    """The name of the file with its packets, if there is one."""
    findings: tuple[str, ...] = ()
    """What a dissector says of the server's packets."""


def row_of(outcome: Outcome, capture: str = "") -> Row:
    """Return what a report says of a test."""
    case = outcome.case
    return Row(
        case.id,
        case.group,
        case.source,
        str(case.severity),
        case.sentence,
        str(outcome.verdict),
        outcome.observed,
        round(outcome.seconds, 4),
        capture,
        tuple(outcome.findings),
    )


def dump(about: About, rows: Sequence[Row]) -> str:
    """Return a report as JSON."""
    return json.dumps(
        {"format": FORMAT, **asdict(about), "tests": [asdict(row) for row in rows]}, indent=1
    )


def load(octets: bytes) -> tuple[About, list[Row]]:
    """Read a report. Raises ``ReportError`` for anything else."""
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ReportError(f"no report in the format {FORMAT!r}")
    tests = found.get("tests")
    if not isinstance(tests, list):
        raise ReportError("a report without tests")
    return _made(About, found), [_made(Row, each) for each in tests]


_KINDS: Final[dict[str, type[Any] | tuple[type[Any], ...]]] = {
    "int": int,
    "bool": bool,
    "float": (int, float),
    "str": str,
}


def _made(kind: type[Any], found: object) -> Any:
    """Make a dataclass of a JSON object. Raises ``ReportError``."""
    if not isinstance(found, dict):
        raise ReportError(f"{found!r} where a {kind.__name__.lower()} was expected")
    return kind(**{each.name: _value(each.name, str(each.type), found) for each in fields(kind)})


def _value(name: str, kind: str, found: dict[str, Any]) -> Any:
    value = found.get(name)
    if kind in _KINDS:
        if isinstance(value, _KINDS[kind]):
            return value
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ReportError(f"{name} is missing or of the wrong kind")
