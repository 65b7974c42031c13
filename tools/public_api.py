"""Write down the public API: the names of each package's ``__all__``, with their signatures.

``python tools/public_api.py [FILE]`` rewrites ``tests/data/public_api.txt``; ``--check`` shows
how the API differs from that file. So a change of the API is a change of two files, seen in review.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PINNED = ROOT / "tests" / "data" / "public_api.txt"
PACKAGES = (
    "nfsrdma.client",
    "nfsrdma.client.aio",
    "nfsrdma.dissector",
    "nfsrdma.rpcrdma",
    "nfsrdma.rpcrdma.verbs",
    "nfsrdma.server",
    "nfsrdma.xdr",
)
ANNOTATION = re.compile(r"(: |-> )'([^']*)'")
"""Where the annotations are not evaluated, ``inspect`` shows them in quotes."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def signature(function: object) -> str:
    """Return the signature of a callable as its source has it."""
    try:
        text = str(inspect.signature(function))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # what is compiled may not say
        return "(...)"
    return ADDRESS.sub("", ANNOTATION.sub(r"\1\2", text))


def members(cls: type) -> Iterator[str]:
    """Yield a line for each public member that a class, or a base of ours, defines."""
    owners: dict[str, type] = {}
    for owner in cls.__mro__:
        if owner.__module__.startswith("nfsrdma"):
            for name in (*vars(owner), *vars(owner).get("__annotations__", ())):
                if not name.startswith("_"):
                    owners.setdefault(name, owner)
    for name, owner in sorted(owners.items()):
        value = vars(owner).get(name)
        annotation = vars(owner).get("__annotations__", {}).get(name)
        if isinstance(value, (property, cached_property)):
            getter = value.fget if isinstance(value, property) else value.func
            result = getattr(getter, "__annotations__", {}).get("return", "?")
            yield f"{name}: {result}  (property)"
        elif isinstance(value, (staticmethod, classmethod)):
            yield f"{name}{signature(value.__func__)}  ({type(value).__name__})"
        elif inspect.isfunction(value):
            prefix = "async " if inspect.iscoroutinefunction(value) else ""
            yield f"{prefix}{name}{signature(value)}"
        elif annotation is not None:
            yield f"{name}: {annotation}"
        else:
            yield name


def describe(module: ModuleType) -> Iterator[str]:
    """Yield the lines of one package."""
    for name in sorted(module.__all__):
        value = getattr(module, name)
        if inspect.isclass(value):
            bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
            yield f"class {name}" + (f"({bases})" if bases else "")
            if issubclass(value, Enum):
                yield from (f"    {member.name}" for member in value)
                continue
            if "__init__" in vars(value) and inspect.isfunction(vars(value)["__init__"]):
                yield f"    __init__{signature(value.__init__)}"
            yield from (f"    {line}" for line in members(value))
        elif inspect.isroutine(value):
            prefix = "async " if inspect.iscoroutinefunction(value) else ""
            yield f"{prefix}def {name}{signature(value)}"
        elif inspect.ismodule(value):
            yield f"module {name}"
        else:
            yield f"{name}: {type(value).__name__}"


def current() -> str:
    """Return the public API as it is now, as text."""
    lines: list[str] = []
    for package in PACKAGES:
        module = import_module(package)
        lines += [f"# {package}", "", *describe(module), ""]
    return "\n".join(lines)


def main(*arguments: str) -> int:
    """Rewrite the file, or compare with it; return the exit status."""
    fresh = current()
    checked = "--check" in arguments
    (pinned,) = [Path(name) for name in arguments if name != "--check"] or [PINNED]
    if not checked:
        pinned.write_text(fresh)
        return 0
    old = pinned.read_text()
    changes = difflib.unified_diff(
        old.splitlines(), fresh.splitlines(), "pinned", "now", lineterm="", n=1
    )
    for line in changes:
        print(line)
    return int(old != fresh)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
