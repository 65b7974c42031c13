"""How much of what tshark shows of RPCs is here under the same name with the same text.

``python -m tests.support.shares FILE...`` prints it for each capture, by protocol, and what is
missing most.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from click.testing import CliRunner

from nfsrdma.cli.dissect import dissect

Instances = Counter[tuple[str, str]]
"""Name and text of fields, and how often they are there."""


@dataclass
class Shares:
    """Instances of fields on frames that RPCs end in, by protocol."""

    theirs: Counter[str] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    """By name."""

    @property
    def share(self) -> float:
        """Of all of theirs, those that are here alike."""
        return self.alike.total() / max(1, self.theirs.total())

    def add(self, path: str) -> None:
        """Count those of a capture."""
        ours = _ours(path)
        for number, instances in _theirs(path):
            if number not in ours:
                continue
            same = instances & ours[number]
            for (name, text), count in instances.items():
                protocol = name.partition(".")[0]
                self.theirs[protocol] += count
                self.alike[protocol] += same[name, text]
                if count > same[name, text]:
                    self.missing[name] += count - same[name, text]


def shares_of(*paths: str) -> Shares:
    """Count the instances of some captures."""
    shares = Shares()
    for path in paths:
        shares.add(path)
    return shares


def _instances(node: Any, found: Instances) -> None:
    if isinstance(node, dict):
        for name, values in node.items():
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, str):
                    found[name, value] += 1
                else:
                    _instances(value, found)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Keep what JSON has under the same key several times."""
    kept: dict[str, list[Any]] = {}
    for name, value in pairs:
        kept.setdefault(name, []).append(value)
    return kept


def _theirs(path: str) -> Iterator[tuple[str, Instances]]:
    done = subprocess.run(("tshark", "-2", "-r", path, "-Y", "rpc", "-T", "json"),
                          capture_output=True, check=True)  # fmt: skip
    for packet in json.loads(done.stdout, object_pairs_hook=_pairs):
        found = Instances()
        _instances(packet["_source"][0]["layers"][0], found)
        number = next(text for name, text in found if name == "frame.number")
        yield number, Instances({key: n for key, n in found.items() if "." in key[0]})


def _ours(path: str) -> dict[str, Instances]:
    result = CliRunner().invoke(dissect, ["-T", "json", path])
    assert result.exit_code == 0, result.output
    found: dict[str, Instances] = {}
    for packet in json.loads(result.stdout):
        layers = packet["_source"]["layers"]
        frame = found.setdefault(layers["frame"]["frame.number"], Instances())
        for fields in layers.values():
            for name, values in fields.items():
                for text in values if isinstance(values, list) else [values]:
                    frame[name, text] += 1
    return found


def main() -> None:
    """The command."""
    everything = Shares()
    for path in sys.argv[1:]:
        one = shares_of(path)
        print(f"{one.share:6.1%} of {one.theirs.total():8,}  {path}")
        for mine, its in ((everything.theirs, one.theirs), (everything.alike, one.alike),
                          (everything.missing, one.missing)):  # fmt: skip
            mine.update(its)
    print(f"\n{everything.share:6.1%} of {everything.theirs.total():8,}  in all; by protocol:")
    for protocol, count in everything.theirs.most_common():
        print(f"{everything.alike[protocol] / count:6.1%} of {count:8,}  {protocol}")
    print("\nmissing most:")
    for name, count in everything.missing.most_common(20):
        print(f"{count:8,}  {name}")


if __name__ == "__main__":
    main()
