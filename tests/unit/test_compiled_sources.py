"""What mypyc compiles keeps to what mypyc can do, and ``NFSRDMA_NATIVE=0`` is Python again.

Three things build without a word there, and go wrong when they run: one name bound by two
``except`` clauses of a function (it has the type of the first), a subclass of a class that is not
compiled with it (of a class of C it crashes), and recursion as deep as a peer likes (nothing counts
it).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from pathlib import Path

import pytest

from nfsrdma import interpreted

ROOT = Path(__file__).resolve().parents[2]
KNOWN_BASES = {"NamedTuple", "Protocol", "IntEnum", "Generic"}
BOUNDED = {("fields/fields", "_members"), ("fields/values", "_add_lines")}
"""Functions that call themselves, to a depth that is limited."""


def compiled() -> list[str]:
    """The list in ``setup.py``, which is not to be run for it."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED":
            return [
                f"{folder}/{name}".lstrip("/")
                for folder, names in ast.literal_eval(node.value).items()
                for name in names.split()
            ]
    raise AssertionError("setup.py has no COMPILED")


def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / f"dissector/{name}.py").read_text())


def functions(name: str) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef):
            yield node


def twice_caught(function: ast.FunctionDef) -> Iterator[str]:
    """Names of exceptions that are bound with two types."""
    types: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler) and node.name and node.type is not None:
            types.setdefault(node.name, set()).add(ast.unparse(node.type))
    yield from (name for name, several in types.items() if len(several) > 1)


def test_no_name_is_bound_by_two_except_clauses() -> None:
    found = {
        (name, each.name, twice)
        for name in compiled()
        for each in functions(name)
        for twice in twice_caught(each)
    }
    assert not found


def test_classes_have_bases_that_are_compiled_as_well() -> None:
    classes = [
        node
        for name in compiled()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ClassDef)
    ]
    here = {node.name for node in classes} | KNOWN_BASES
    bases = {
        (node.name, ast.unparse(base.value if isinstance(base, ast.Subscript) else base))
        for node in classes
        for base in node.bases
    }
    assert {pair for pair in bases if pair[1] not in here} == set()


def test_nothing_else_subclasses_what_is_compiled() -> None:
    names = compiled()
    final = {
        node.name
        for name in names
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ClassDef) and not {ast.unparse(b) for b in node.bases} & KNOWN_BASES
    }
    others = [
        path
        for folder in ("dissector", "src/nfsrdma/cli")
        for path in (ROOT / folder).rglob("*.py")
        if path.relative_to(ROOT / folder).with_suffix("").as_posix() not in names
    ]
    found = {
        (path.name, node.name, ast.unparse(base))
        for path in others
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if ast.unparse(base) in final
    }
    assert not found


def calls(function: ast.FunctionDef) -> Iterator[str]:
    """Functions that are called by their bare names."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def test_recursion_is_bounded() -> None:
    found = {
        (name, each.name)
        for name in compiled()
        for each in functions(name)
        if each.name in set(calls(each)) and not each.name.startswith("__")
    }
    assert found <= BOUNDED


def test_the_rules_would_be_broken_by_what_they_are_about() -> None:
    (bad,) = ast.parse(
        "def f():\n"
        "    try:\n        f()\n"
        "    except KeyError as error:\n        pass\n"
        "    except ValueError as error:\n        pass\n"
    ).body
    assert isinstance(bad, ast.FunctionDef)
    assert list(twice_caught(bad)) == ["error"]
    assert list(calls(bad)) == ["f"]


def test_sources_are_found_before_what_was_compiled(tmp_path: Path) -> None:
    (tmp_path / "both.py").write_text("compiled = False\n")
    for name in ("both", "native"):
        (tmp_path / f"{name}{EXTENSION_SUFFIXES[0]}").touch()
    (tmp_path / "folder").mkdir()
    find = interpreted.SourcesFirst.find_spec
    found = find("nfsrdma.both", [str(tmp_path)])
    assert found is not None
    assert isinstance(found.loader, SourceFileLoader)
    assert found.origin == str(tmp_path / "both.py")
    assert find("nfsrdma.native", [str(tmp_path)]) is None
    assert find("nfsrdma.folder", [str(tmp_path)]) is None
    assert find("others.both", [str(tmp_path)]) is None
    assert find("nfsrdma", None) is None


def test_it_is_installed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    interpreted.install()
    interpreted.install()
    assert sys.meta_path.count(interpreted.SourcesFirst) == 1
    assert sys.meta_path[0] is interpreted.SourcesFirst
