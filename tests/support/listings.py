"""What a file system lists, for tests that look at back ends themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nfsrdma.server.vfs.interface import ROOT, Entry, FileSystem, Listing, Node, User


def listed(
    fs: FileSystem, directory: Node, cookie: int = 0, who: User = ROOT, most: int = 1 << 20
) -> list[tuple[int, bytes]]:
    """The cookies and names that follow a cookie."""
    listing = fs.entries(directory, cookie, who, most)
    assert isinstance(listing, Listing)
    return [(entry.cookie, entry.name) for entry in listing.entries]


def alter(
    monkeypatch: pytest.MonkeyPatch, fs: FileSystem, change: Callable[[Entry], Entry | None]
) -> None:
    """Have the file system list its entries as ``change`` makes them, or not at all."""
    real = fs.entries

    def entries(*how: Any) -> Listing:
        listing = real(*how)
        assert isinstance(listing, Listing)
        changed = [change(entry) for entry in listing.entries]
        return Listing([entry for entry in changed if entry is not None], listing.at_end)

    monkeypatch.setattr(fs, "entries", entries)
