"""Writes the README's coverage table from the tables that the code runs from.

``python docs/coverage_table.py`` rewrites it; with ``--check`` it only says whether it is fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from nfsrdma.rpcrdma.roce.wire.cm_messages import MESSAGES
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.server.ops.table import BY_MINOR
from nfsrdma.xdr.nfs4.attrs import ATTRIBUTES, SETTABLE
from nfsrdma.xdr.nfs4.ops import CALLBACK_OPERATIONS, OPERATIONS

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- coverage:begin -->", "<!-- coverage:end -->"


def server_cell(number: int, minor: int) -> str:
    """What the server does with an operation in one minor version."""
    table = BY_MINOR.get(minor)
    if table is None or number not in table:
        return "–"
    return "yes" if table[number] is not None else "NOTSUPP"


def operation_rows() -> Iterator[str]:
    """A row for every operation but ILLEGAL, in the order of their numbers."""
    for number, spec in sorted(OPERATIONS.items()):
        if not spec.name.endswith("ILLEGAL"):
            cells = " | ".join(server_cell(number, minor) for minor in BY_MINOR)
            yield f"| {spec.name} | {number} | {cells} |"


def section() -> str:
    """Everything between the marks."""
    served = {
        minor: sum(operation is not None for operation in table.values())
        for minor, table in BY_MINOR.items()
    }
    minors = [f"4.{minor}" for minor in BY_MINOR]
    lines = [
        "## What is covered",
        "",
        "Generated from the tables that the code runs from (`make emit`; `make check` checks it).",
        "",
        "| | |",
        "|---|---|",
        f"| NFSv4 operations encoded and decoded (4.0, 4.1, 4.2) | {len(OPERATIONS)} |",
        f"| callback operations encoded and decoded | {len(CALLBACK_OPERATIONS)} |",
        f"| attributes encoded and decoded | {len(ATTRIBUTES)} |",
        f"| of them settable | {SETTABLE.bit_count()} |",
        *(f"| operations served in 4.{minor} | {count} |" for minor, count in served.items()),
        f"| RoCEv2 opcodes known | {len(OPCODES)} |",
        f"| connection management messages | {len(MESSAGES)} |",
        "",
        "<details><summary>The server, operation by operation</summary>",
        "",
        "NOTSUPP: it exists in that minor version and is answered NFS4ERR_NOTSUPP.",
        "",
        f"| operation | number | {' | '.join(minors)} |",
        "|---|---|" + "---|" * len(minors),
        *operation_rows(),
        "",
        "</details>",
    ]
    return "\n".join(lines)


def main() -> int:
    """Rewrite, or check; the exit code."""
    text = README.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    fresh = f"{head}{BEGIN}\n{section()}\n{END}{tail}"
    if fresh == text:
        return 0
    if "--check" in sys.argv[1:]:
        print("README.md: the coverage table is stale; run `make emit`", file=sys.stderr)
        return 1
    README.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
