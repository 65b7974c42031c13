"""Write the list of conformance tests into ``docs/conform.md``, from the tests themselves.

``python tools/conform_tests.py`` rewrites it; with ``--check`` it only says whether it is fresh.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nfsrdma.conform import suite as _suite  # noqa: F401 - enters the tests
from nfsrdma.conform.case import GROUPS, Severity, chosen
from nfsrdma.conform.client import suite as _clients  # noqa: F401 - enters the others
from nfsrdma.conform.client.catalogue import chosen_scenarios

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conform.md"
BEGIN, END = "<!-- tests:begin -->", "<!-- tests:end -->"


def table() -> str:
    """Return the list: a table for each section."""
    servers = chosen((), (), frozenset(Severity), destructive=True, long=True)
    clients = chosen_scenarios((), (), frozenset(Severity))
    cases = [*servers, *clients]
    parts = [f"{len(servers)} tests of servers, {len(clients)} of clients."]
    for group, title in GROUPS.items():
        of = [each for each in cases if each.group == group]
        parts += ["", f"### {group}: {title}", "", "| | demand | source | severity | needs |"]
        parts.append("|---|---|---|---|---|")
        parts += [
            f"| {each.id} | {each.sentence} | {each.source} | {each.severity} | "
            f"{', '.join(sorted(each.needs))} |"
            for each in of
        ]
    return "\n".join(parts)


def main() -> None:
    """Rewrite the page, or compare it."""
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    fresh = f"{head}{BEGIN}\n{table()}\n{END}{tail}"
    if "--check" not in sys.argv:
        PAGE.write_text(fresh)
    elif fresh != text:
        raise SystemExit(f"{PAGE} is not fresh: make emit")


if __name__ == "__main__":
    main()
