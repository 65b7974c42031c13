"""What a client under test is made to do: what it got wrong is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from nfsrdma.cli.conform_workload import Different, Mounted, work


class Spoilt(Mounted):
    """A directory, of which some files cannot be read, and others are read wrong."""

    def __init__(self, root: Path, unreadable: str = "", wrong: str = "") -> None:
        super().__init__(str(root))
        self._unreadable = unreadable
        self._wrong = wrong

    def read(self, name: str) -> bytes:
        data = super().read(name)
        if name.endswith(self._unreadable or "-"):
            raise OSError(5, name)
        return data[::-1] if name.endswith(self._wrong or "-") else data


def test_all_is_done_and_undone(tmp_path: Path) -> None:
    work(Spoilt(tmp_path), "top")
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="file-1021"):
        work(Spoilt(tmp_path, unreadable="file-1021"), "top")


def test_wrong_data_count_for_more_than_an_error_before_them(tmp_path: Path) -> None:
    with pytest.raises(Different, match="file-4096"):
        work(Spoilt(tmp_path, unreadable="file-1", wrong="file-4096"), "top")
