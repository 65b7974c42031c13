"""The kept corpus: for each target a zip file of the inputs that reach something of their own.

``python -m tests.fuzz.corpus`` shows what is kept; the fuzzer (``tests.fuzz.run``) adds to it.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parent / "corpus"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def kept(name: str) -> list[bytes]:
    """The inputs of a target, in the order of their names."""
    path = FOLDER / f"{name}.zip"
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(entry) for entry in sorted(archive.namelist())]


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """Replace a target's inputs; the same inputs always make the same file."""
    FOLDER.mkdir(exist_ok=True)
    named = {hashlib.sha256(octets).hexdigest()[:16]: octets for octets in inputs}
    with zipfile.ZipFile(FOLDER / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(named):
            entry = zipfile.ZipInfo(key, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, named[key])


if __name__ == "__main__":
    for target in TARGETS:
        size = (FOLDER / f"{target}.zip").stat().st_size if kept(target) else 0
        print(f"{target:<12} {len(kept(target)):>6} inputs {size:>8} octets")
