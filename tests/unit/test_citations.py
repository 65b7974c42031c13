"""Sections of RFCs that this tree cites: they exist, and are of the operation that they stand by.

The numbers are those of the tables of contents. Sections deeper than these are not looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nfsrdma.xdr.nfs4 import types as t

ROOT = Path(__file__).parents[2]
ROOMS = ("xdr", "rpcrdma", "server", "client", "dissector", "src", "tests", "docs", "benchmarks")

# RFC -> how many sections each chapter has.
CONTENTS = {
    "5665": {1: 0, 2: 0, 3: 0, 4: 0, 5: 4, 6: 2},
    "7862": {1: 4, 2: 3, 3: 3, 4: 9, 5: 0, 6: 2, 7: 0, 8: 4, 9: 6, 10: 0, 11: 3, 12: 2, 13: 0}
    | {14: 2, 15: 13, 16: 1, 17: 0, 18: 0, 19: 2},
    "8166": {1: 1, 2: 3, 3: 5, 4: 7, 5: 0, 6: 4, 7: 1, 8: 2, 9: 0, 10: 2},
    "8267": {1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 6: 7, 7: 0, 8: 0, 9: 0, 10: 2},
    "8881": {1: 9, 2: 10, 3: 3, 4: 4, 5: 13, 6: 4, 7: 8, 8: 8, 9: 11, 10: 9, 11: 18, 12: 9}
    | {13: 12, 14: 5, 15: 4, 16: 2, 17: 0, 18: 52, 19: 2, 20: 13, 21: 0, 22: 6},
}
# What minor version 1 has no section for.
_OLD = {
    t.OP_OPEN_CONFIRM,
    t.OP_RENEW,
    t.OP_SETCLIENTID,
    t.OP_SETCLIENTID_CONFIRM,
    t.OP_RELEASE_LOCKOWNER,
}


def _named(prefix: str, least: int, most: int) -> dict[int, str]:
    return {
        value: name.removeprefix(prefix)
        for name, value in vars(t).items()
        if name.startswith(prefix)
        and isinstance(value, int)
        and least <= value <= most
        and (prefix == "OP_CB_" or not name.startswith("OP_CB_"))
    }


def _in_order(numbers: dict[int, str]) -> dict[int, str]:
    """Section by section, the operations in the order of their numbers."""
    return dict(enumerate((numbers[each] for each in sorted(numbers)), 1))


ALL = _named("OP_", 3, 58)
OPERATIONS = {
    ("7530", 16): _in_order({key: name for key, name in ALL.items() if key <= 39}),
    ("8881", 18): _in_order({key: name for key, name in ALL.items() if key not in _OLD}),
    ("8881", 20): _in_order(_named("OP_CB_", 3, 14)),
    ("7862", 15): _in_order(_named("OP_", 59, 71)),
}
EVERY = {name for table in OPERATIONS.values() for name in table.values()}
_NUMBER = r"\d+(?:\.\d+)*"
_CITED = re.compile(rf"RFC (\d{{4}}),? Sections? ({_NUMBER}(?:(?:,| and|, and| to) {_NUMBER})*)")
# "OPERATION (RFC n, Section a.b": nothing but the operation is spoken of.
_OF_ONE = re.compile(rf"\b([A-Z][A-Z_]{{3,}}) \(RFC (\d{{4}}), Section (\d+)\.(\d+)(?:{_NUMBER})?")


def texts() -> Iterator[tuple[Path, str]]:
    """Every text of the tree, its lines joined where they are comments."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".py", ".md", ".x") and path.is_file():
                yield path, re.sub(r"\s*\n\s*#?\s*", " ", path.read_text("utf-8", "replace"))


@pytest.fixture(scope="module")
def tree() -> list[tuple[Path, str]]:
    return list(texts())


def test_cited_sections_exist(tree: list[tuple[Path, str]]) -> None:
    wrong = []
    found = 0
    for path, text in tree:
        for match in _CITED.finditer(text):
            chapters = CONTENTS.get(match[1])
            if chapters is None:
                continue
            for number in re.findall(_NUMBER, match[2]):
                found += 1
                chapter, *rest = map(int, number.split("."))
                if chapter not in chapters or (rest and not 0 < rest[0] <= chapters[chapter]):
                    wrong.append(f"{path.relative_to(ROOT)}: RFC {match[1]}, Section {number}")
    assert found > 500
    assert not wrong


def test_operations_have_the_sections_that_they_stand_by(tree: list[tuple[Path, str]]) -> None:
    wrong = []
    found = 0
    for path, text in tree:
        for match in _OF_ONE.finditer(text):
            name, section = match[1].removeprefix("CB_"), int(match[4])
            sections = OPERATIONS.get((match[2], int(match[3])))
            if sections is None or name not in EVERY:
                continue
            found += 1
            if sections.get(section) != name:
                where = f"{path.relative_to(ROOT)}: {match[0]}"
                wrong.append(f"{where}) is of {sections.get(section)}")
    assert found > 60
    assert not wrong
