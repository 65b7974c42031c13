"""What the server keeps for itself is not served, though it lies in an export: key and clients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    SAVEFH,
    Peer,
    Session,
    lookup,
    make_server,
    mkdir,
    open_export,
    putfh,
    readdir,
    remove,
    rename,
)

from nfsrdma.cli import serve_state
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to export, with a directory for state below it."""
    home = tmp_path / "home"
    kept = home / "local" / "state"
    kept.mkdir(parents=True)
    (home / "file").write_text("x")
    monkeypatch.setattr(serve_state, "default_directory", lambda: kept)
    return home


@pytest.fixture(params=["kernel", "inode"])
def export(request: pytest.FixtureRequest, home: Path) -> Export:
    try:
        return open_export("", LocalFileSystem(home, kernel_handles=request.param == "kernel"))
    except OSError:
        pytest.skip("no kernel handles here")


@pytest.fixture
def session(home: Path, export: Export) -> Iterator[Session]:
    with ExitStack() as stack:
        store, said = serve_state.keep_state(
            stack, None, [("", str(home))], ["127.0.0.1 1 2"], [export]
        )
        assert store is not None, said
        assert list((home / "local" / "state").glob("*/recovery.sqlite"))
        server = make_server(export, store=store)
        yield Peer(server).session()
        server.close()


def names(session: Session, handle: bytes) -> list[bytes]:
    entry = session.ok(putfh(handle), readdir())[2].reply.entries
    found = []
    while entry is not None:
        found.append(entry.name)
        entry = entry.nextentry
    return found


def test_nobody_sees_it(session: Session) -> None:
    above = session.ok(PUTROOTFH, lookup(b"local"), GETFH)[3].object
    assert names(session, above) == []
    session.fails(t.NFS4ERR_NOENT, putfh(above), lookup(b"state"))
    session.ok(PUTROOTFH, lookup(b"file"))


def test_nobody_moves_or_removes_it(session: Session, home: Path) -> None:
    above = session.ok(PUTROOTFH, lookup(b"local"), GETFH)[3].object
    session.fails(t.NFS4ERR_NOENT, putfh(above), SAVEFH, PUTROOTFH, rename(b"state", b"mine"))
    assert session.run(putfh(above), remove(b"state")).status != t.NFS4_OK
    assert session.run(putfh(above), mkdir(b"state")).status == t.NFS4ERR_EXIST
    assert session.run(PUTROOTFH, remove(b"local")).status != t.NFS4_OK
    assert list((home / "local" / "state").glob("*/recovery.sqlite"))


def test_it_stays_hidden_where_it_was_moved(session: Session, home: Path) -> None:
    os.rename(home / "local" / "state", home / "elsewhere")
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"elsewhere"))


def test_handles_of_earlier_lives_do_not_lead_there(home: Path, export: Export) -> None:
    (home / "local" / "state" / "another").mkdir()
    session = Peer(make_server(export)).session()
    path = PUTROOTFH, lookup(b"local"), lookup(b"state")
    inside = [session.ok(*path, GETFH)[4].object]
    inside.append(session.ok(*path, lookup(b"another"), GETFH)[5].object)
    assert isinstance(export.fs, LocalFileSystem)
    serve_state.keep_to_ourselves([export])
    export.fs.nodes.trim()
    for handle in inside:
        session.fails(t.NFS4ERR_STALE, putfh(handle), readdir())


@pytest.mark.parametrize("below", ["", "another", "another/deep"])
def test_it_is_no_export(home: Path, below: str) -> None:
    place = home / "local" / "state" / below
    place.mkdir(parents=True, exist_ok=True)
    fs = LocalFileSystem(place)
    with pytest.raises(click.ClickException, match="cannot be exported"):
        serve_state.keep_to_ourselves([open_export("", fs)])
    fs.close()
