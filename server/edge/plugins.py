"""Stores and back ends that other packages bring, chosen by a URL.

A package names them as entry points (``[project.entry-points]`` of its ``pyproject.toml``), by the
scheme of the URL: in the group ``nfsrdma.recovery_stores`` a callable that returns a
``RecoveryStore`` for a URL, in ``nfsrdma.backends`` one that returns a ``FileSystem``. So a cluster
file system, which keeps the list of clients beside the files, needs no change here.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Final

from ..state.recovery import RecoveryStore
from ..vfs.interface import FileSystem

STORES: Final = "nfsrdma.recovery_stores"
BACKENDS: Final = "nfsrdma.backends"


class NoPlugin(ValueError):
    """No installed package knows a scheme; the text says which are known."""


def open_store(url: str) -> RecoveryStore:
    """Open what an installed package keeps. Raises :class:`NoPlugin`, and what the package does."""
    store: RecoveryStore = _maker(STORES, url)(url)
    return store


def open_backend(url: str) -> FileSystem:
    """Open a back end of an installed package. Raises :class:`NoPlugin`, as :func:`open_store`."""
    backend: FileSystem = _maker(BACKENDS, url)(url)
    return backend


def has_backend(url: str) -> bool:
    """Return whether an installed package has a back end for a URL."""
    return bool(entry_points(group=BACKENDS, name=_scheme(url)))


def _maker(group: str, url: str) -> Any:
    for point in entry_points(group=group, name=_scheme(url)):
        return point.load()
    known = ", ".join(sorted(entry_points(group=group).names)) or "none"
    raise NoPlugin(f"no installed package knows {_scheme(url)}: (known are: {known})")


def _scheme(url: str) -> str:
    return url.partition(":")[0]
