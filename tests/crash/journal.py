"""What a worker was told, against what is there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .pattern import BLOCK, BLOCKS, version_of

LONGEST: Final = "ms between two lines at most"


@dataclass
class Findings:
    """What came of one journal or of several."""

    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Findings) -> None:
        """Take what another journal said as well."""
        self.faults += other.faults
        longest = max(self.counts.pop(LONGEST, 0), other.counts.pop(LONGEST, 0))
        self.counts += other.counts
        if longest:
            self.counts[LONGEST] = longest


class Names:
    """What is known of the names that a worker used: there, not there, or either."""

    def __init__(self) -> None:
        self._known: dict[str, bool | None] = {}

    def outcome(self, op: str, names: list[str], certain: bool) -> None:
        """An operation was done, or may have been done."""
        gone, made = {
            "create": ([], names[:1]),
            "mkdir": ([], names[:1]),
            "link": ([], names[1:2]),
            "rename": (names[:1], names[1:2]),
            "remove": (names[:1], []),
            "rmdir": (names[:1], []),
        }[op]
        for name in gone:
            self._known[name] = False if certain else None
        for name in made:
            self._known[name] = True if certain else None

    def compare(self, top: Path) -> list[str]:
        """What is otherwise on the disk than it has to be."""
        there = {entry.name for entry in top.iterdir()}
        return [
            f"{name} {'is gone' if expected else 'is still there'}"
            for name, expected in self._known.items()
            if expected is not None and (name in there) != expected
        ]


class Versions:
    """Which versions each block of the files may have."""

    def __init__(self) -> None:
        self._synced: dict[str, int] = {}
        self._begun: dict[str, int] = {}

    def writing(self, name: str, version: int) -> None:
        """A version may be on the disk from now on."""
        self._begun[name] = version

    def synced(self, name: str, version: int) -> None:
        """No earlier version may be there from now on."""
        self._synced[name] = version

    def compare(self, top: Path, counts: Counter[str]) -> list[str]:
        """What was acknowledged and is not there."""
        faults = []
        for name, oldest in self._synced.items():
            path, newest = top / name, self._begun[name]
            data = path.read_bytes() if path.exists() else b""
            for index in range(BLOCKS):
                found = version_of(name, index, data[index * BLOCK : (index + 1) * BLOCK])
                if found is None and newest > oldest:
                    counts["blocks in doubt"] += 1  # the kill came amid a write that nobody synced
                elif found is None or not oldest <= found <= newest:
                    faults.append(f"{name}, block {index}: version {found}, synced {oldest}")
        return faults


class Counted:
    """What several workers were told of the number that they count up under a lock."""

    def __init__(self) -> None:
        self._acknowledged: list[int] = []
        self._in_doubt = 0

    def read(self, journal: Path) -> None:
        """Take what is in one worker's journal."""
        for line in journal.read_text().splitlines():
            event, *words = json.loads(line)
            if event == "counting":
                self._in_doubt += 1
            elif event == "counted":
                self._in_doubt -= 1
                self._acknowledged.append(words[0])

    def compare(self, path: Path) -> list[str]:
        """What shows that two had the lock at once, or that a number was lost."""
        faults = [
            f"{value} was counted {times} times"
            for value, times in Counter(self._acknowledged).items()
            if times > 1
        ]
        newest, found = max(self._acknowledged, default=0), int(path.read_bytes() or b"0")
        if not newest <= found <= newest + self._in_doubt:
            faults.append(f"{found} is in the file, {newest} was counted")
        return faults


def verify(journal: Path, top: Path) -> Findings:
    """Compare what the journal says with the directory that was served."""
    names, versions, findings = Names(), Versions(), Findings()
    pending: list[str] | None = None
    for line in journal.read_text().splitlines():
        event, *words = json.loads(line)
        if event == "longest":
            findings.counts[LONGEST] = words[0]
            continue
        findings.counts[event] += 1
        if event == "writing":
            versions.writing(*words)
        elif event == "synced":
            versions.synced(*words)
        elif event == "try":
            pending = words
            names.outcome(words[0], words[1:], certain=False)
        elif event in ("done", "uncertain"):
            pending = None
            names.outcome(words[0], words[1:], certain=event == "done")
        elif event == "error":
            # Each name is used once, by this worker alone: an error says that it was done twice.
            findings.faults.append("a false error: " + " ".join(map(str, words)))
            pending = None
    if pending is not None:
        findings.counts["in flight at the end"] += 1
    findings.faults += names.compare(top)
    findings.faults += versions.compare(top, findings.counts)
    return findings
