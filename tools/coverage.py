"""Write what is covered, for the README and the site, from the tables that the code runs from.

``python tools/coverage.py`` rewrites both; with ``--check`` it only says whether they are fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from nfsrdma.rpcrdma.roce.wire.cm_messages import MESSAGES
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.server import attributes, unserved
from nfsrdma.server.ops.refused import ELSEWHERE, REASONS
from nfsrdma.server.ops.table import MINORS
from nfsrdma.xdr.nfs4.attrs import ATTRIBUTES, SETTABLE
from nfsrdma.xdr.nfs4.ops import CALLBACK_OPERATIONS, OPERATIONS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "coverage.md"
BEGIN, END = "<!-- coverage:begin -->", "<!-- coverage:end -->"


def server_cell(number: int, minor: int) -> str:
    """Return what the server does with an operation in one minor version."""
    version = MINORS.get(minor)
    if version is None or number not in version.operations:
        return "–"
    return "yes" if version.operations[number] is not None else "NOTSUPP"


def operation_rows() -> Iterator[str]:
    """Yield a row for every operation but ILLEGAL, in the order of their numbers."""
    for number, spec in sorted(OPERATIONS.items()):
        if not spec.name.endswith("ILLEGAL"):
            cells = " | ".join(server_cell(number, minor) for minor in MINORS)
            yield f"| {spec.name} | {number} | {cells} |"


def refused_rows() -> Iterator[str]:
    """Yield a row for every operation that some minor version has and the server does not serve."""
    for number, spec in sorted(OPERATIONS.items()):
        refused = [m for m, version in MINORS.items() if version.operations.get(number, 0) is None]
        if refused:
            reason = REASONS[number] if any(map(spec.legal, refused)) else ELSEWHERE
            yield f"| {spec.name} | {reason} |"


def attribute_rows() -> Iterator[str]:
    """Yield a row for every attribute, in the order of their numbers."""
    for number, spec in ATTRIBUTES.items():
        bit = 1 << number
        served = bool(attributes.EVERY & bit)
        if served == (number in unserved.REASONS):
            raise SystemExit(f"{spec.name}: server/unserved.py and server/attributes.py differ")
        ways = ("read" if attributes.READABLE & bit else "", "set" if attributes.SETS & bit else "")
        cell = ", ".join(filter(None, ways)) if served else "–"
        note = unserved.CONDITIONS.get(number, "") if served else unserved.REASONS[number]
        yield f"| {spec.name} | {number} | 4.{spec.minor} | {cell} | {note} |"


def counts() -> list[str]:
    """Return the table of how much there is of each kind."""
    served = {
        minor: sum(operation is not None for operation in version.operations.values())
        for minor, version in MINORS.items()
    }
    return [
        "| | |",
        "|---|---|",
        f"| NFSv4 operations encoded and decoded (4.0, 4.1, 4.2) | {len(OPERATIONS)} |",
        f"| callback operations encoded and decoded | {len(CALLBACK_OPERATIONS)} |",
        f"| attributes encoded and decoded | {len(ATTRIBUTES)} |",
        f"| of them settable | {SETTABLE.bit_count()} |",
        *(f"| operations served in 4.{minor} | {count} |" for minor, count in served.items()),
        f"| attributes served | {attributes.EVERY.bit_count()} |",
        f"| RoCEv2 opcodes known | {len(OPCODES)} |",
        f"| connection management messages | {len(MESSAGES)} |",
    ]


def section() -> str:
    """Return what the README has between its marks."""
    lines = [
        "## What is covered",
        "",
        "Counted in the tables that the code runs from; operation by operation it is in "
        "[docs/coverage.md](docs/coverage.md).",
        "",
        *counts(),
    ]
    return "\n".join(lines)


def page() -> str:
    """Return the page of the documentation."""
    minors = [f"4.{minor}" for minor in MINORS]
    lines = [
        "# What is covered",
        "",
        "Generated from the tables that the code runs from (`make emit`; `make check` checks it).",
        "",
        *counts(),
        "",
        "## The server, operation by operation",
        "",
        "NOTSUPP: the operation exists in that minor version and is answered NFS4ERR_NOTSUPP.",
        "",
        f"| operation | number | {' | '.join(minors)} |",
        "|---|---|" + "---|" * len(minors),
        *operation_rows(),
        "",
        "## Why some are not served",
        "",
        "| operation | reason |",
        "|---|---|",
        *refused_rows(),
        "",
        "## The server, attribute by attribute",
        "",
        "GETATTR and READDIR leave out what is not served; SETATTR answers NFS4ERR_ATTRNOTSUPP.",
        "",
        "| attribute | number | since | served | when, or why not |",
        "|---|---|---|---|---|",
        *attribute_rows(),
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Rewrite, or check; return the exit status."""
    text = README.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    fresh = {README: f"{head}{BEGIN}\n{section()}\n{END}{tail}", PAGE: page()}
    stale = [path for path, new in fresh.items() if not path.exists() or path.read_text() != new]
    for path in stale:
        if "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} is stale; run `make emit`", file=sys.stderr)
        else:
            path.write_text(fresh[path])
    return int(bool(stale) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
