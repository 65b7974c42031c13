"""For ``NFSRDMA_NATIVE=0``: modules that are compiled from their own source are read as source.

The native modules are switched off by themselves. What mypyc has compiled is found by Python's
import system before the source beside it; :func:`install` turns that round.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType


class SourcesFirst:
    """Finds the modules of this package that have a source, and leaves all others to Python."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the source of a module is; ``None`` if it has none."""
        if path is None or not name.startswith(f"{__package__}."):
            return None
        for folder in path:
            found = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
            if found is not None and found.loader is not None:
                return found
        return None


def install() -> None:
    """Have sources found before what was compiled of them, from now on."""
    if SourcesFirst not in sys.meta_path:
        sys.meta_path.insert(0, SourcesFirst)
