"""Files that a command writes are whole under their name, or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nfsrdma.cli import output
from nfsrdma.cli.output import replaced


@pytest.fixture(params=["nameless", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to make the file: not every file system can do without a name."""
    if request.param == "named":
        monkeypatch.setattr(output, "_NAMELESS", 0)
    return str(request.param)


def test_a_file_is_there_once_it_is_complete(tmp_path: Path, way: str) -> None:
    path = tmp_path / "x"
    with replaced(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_what_there_was(
    tmp_path: Path, way: str, error: type[BaseException]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"precious")

    def fail() -> None:
        with replaced(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["x"]


def test_a_link_stays_and_access_bits_too(tmp_path: Path, way: str) -> None:
    (tmp_path / "x").write_bytes(b"old")
    (tmp_path / "x").chmod(0o640)
    (tmp_path / "link").symlink_to("x")
    with replaced(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "x").read_bytes() == b"new"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_what_is_no_file_is_written_to_as_it_is() -> None:
    with replaced(os.devnull) as file:
        file.write(b"gone")
    assert not Path(os.devnull).is_file()


def test_an_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no/x"), replaced(tmp_path / "no" / "x"):
        pass
