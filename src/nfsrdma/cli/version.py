"""What ``nfsrdma --version`` says: which version of what, on what."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import re
from contextlib import suppress
from pathlib import Path

import nfsrdma

from .doctor_checks import GOOD, NATIVE_MODULES, check_compiled

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHOWN = 12


def version_text() -> str:
    """Return the version, the commit, Python and the kernel, and what of it runs compiled."""
    commit = commit_of(Path(nfsrdma.__file__).parent)
    shown = f" (commit {commit[:_SHOWN]})" if commit else ""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    verbs = "there" if importlib.util.find_spec("pyverbs") is not None else "not installed"
    return "\n".join(
        (
            f"nfsrdma {nfsrdma.__version__}{shown}",
            f"Python {platform.python_version()} on {system}",
            f"native modules: {_native()}",
            f"dissector: {'compiled' if check_compiled().verdict == GOOD else 'interpreted'}",
            f"pyverbs: {verbs}",
        )
    )


def _native() -> str:
    running, twins = [], []
    for module, what in NATIVE_MODULES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            twins.append(what)
        else:
            running.append(what)
    said = ", ".join(running) or "none"
    return f"{said}; in Python: {', '.join(twins)}" if twins else said


def commit_of(package: Path) -> str:
    """Return the commit that a package was built from, or that its checkout has; else nothing."""
    with suppress(OSError, UnicodeDecodeError):
        found = (package / "_commit").read_text().strip()
        return found if _COMMIT.fullmatch(found) else ""
    for directory in list(package.resolve().parents)[:2]:
        with suppress(OSError, UnicodeDecodeError):
            return _head_of(directory / ".git")
    return ""


def _head_of(git: Path) -> str:
    """Return the commit of a repository's HEAD (gitrepository-layout(5)). Raises ``OSError``."""
    if git.is_file():  # a further work tree, of another repository
        git = git.parent / git.read_text().removeprefix("gitdir:").strip()
    head = (git / "HEAD").read_text().strip()
    name = head.removeprefix("ref:").strip()
    if name == head:
        return head if _COMMIT.fullmatch(head) else ""
    common = git
    with suppress(OSError):
        common = git / (git / "commondir").read_text().strip()
    with suppress(OSError):
        found = (common / name).read_text().strip()
        return found if _COMMIT.fullmatch(found) else ""
    for line in (common / "packed-refs").read_text().splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name and _COMMIT.fullmatch(commit):
            return commit
    return ""
