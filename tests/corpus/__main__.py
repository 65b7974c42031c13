"""``python -m tests.corpus``: write the generated captures and their truths anew.

With ``--check`` nothing is written: what is not as it should be is listed, and the status is 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.corpus.scenarios import SCENARIOS
from tests.corpus.scene import text

FOLDER = Path(__file__).resolve().parents[1] / "data" / "captures" / "generated"
README = """# Generated captures

Both sides of these conversations are made up by a program (`tests/corpus`; `make corpus` writes all
of this folder anew, octet by octet the same). Checksums, sequence numbers and record marks are
right, and so is what is said, except where a file is there to show what is wrong.

Take them for your own dissector: captures and truths are under CC0 1.0 (no rights reserved), and
under Apache-2.0 like the rest of this project, as you like.

Beside `NAME.pcap` there is `NAME.json`, which says what is true of it:

- `frames`: how many there are.
- `rpcs`: each call with its reply, as `xid`, the frames that complete them (`null` if that is not
  in the capture), the NFS `operations` of the call (empty where they are not known from the
  capture), the `status`, and `error` if it was answered with RDMA_ERROR.
- `payloads` of an RPC: what an operation moved, its `offset` in the file, its `length`, the `holes`
  that the capture has in it (start and end), and the SHA-256 of all of it, octets in holes being
  zero. A READDIR's is the whole reply that a Reply chunk carried.
- `findings`: rules of `nfsrdma dissect --lint` that are broken.
- `notes`: what there is to be said of the capture itself, such as a hole.

| file | what is in it |
|---|---|
"""


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the folder and its octets."""
    readme = README
    for name, (make, words) in SCENARIOS.items():
        scene = make()
        yield name, scene.write()
        yield f"{name.split('.')[0]}.json", text(scene.truth()).encode()
        readme += f"| {name} | {words} |\n"
    yield "README.md", readme.encode()


def stale() -> list[str]:
    """Names of files that are missing, old, or too many."""
    wanted = dict(files())
    there = {path.name for path in FOLDER.iterdir()} if FOLDER.exists() else set()
    changed = [
        name
        for name, octets in wanted.items()
        if name not in there or (FOLDER / name).read_bytes() != octets
    ]
    return sorted({*changed, *(there - set(wanted))})


def main() -> int:
    """The command."""
    if sys.argv[1:] == ["--check"]:
        names = stale()
        for name in names:
            print(f"{name} is not what tests/corpus makes: run make corpus")
        return int(bool(names))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale():
        (FOLDER / name).unlink(missing_ok=True)
    size = 0
    for name, octets in files():
        (FOLDER / name).write_bytes(octets)
        size += len(octets)
    print(f"{len(SCENARIOS)} captures, {size} octets in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
