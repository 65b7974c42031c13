"""File handles: nobody but the server makes them, and what it knows is nobody else's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import random
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.nfs import GETFH, PUTROOTFH, Peer, getattr_, make_server, putfh

from nfsrdma.cli import serve_state
from nfsrdma.cli.serve import serve
from nfsrdma.cli.serve_backends import resolved
from nfsrdma.server.edge.state_directory import (
    DATABASE,
    StateDirectory,
    StateDirectoryBusy,
    default_directory,
    name_of,
)
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t


def local_server(folder: Path, seed: int, store: MemoryRecoveryStore | None = None) -> NfsService:
    return make_server(fs=LocalFileSystem(folder), seed=seed, store=store)


def root_handle(server: NfsService) -> bytes:
    return Peer(server).session().ok(PUTROOTFH, GETFH)[2].object  # type: ignore[no-any-return]


# The key


def test_the_key_cannot_be_derived_from_a_handle(tmp_path: Path) -> None:
    """Neither from the root's identity, which is in its handle in clear, nor by starting again."""
    server = local_server(tmp_path, 1)
    wire = root_handle(server)
    prefix, given, identity = wire[:5], wire[5:13], wire[13:]
    for guess in (
        hashlib.blake2s(b"nfsrdma" + b"" + b"\0" + identity).digest(),
        b"",
        bytes(32),
        identity[:32],
    ):
        digest = hashlib.blake2s(prefix, digest_size=8, key=guess)
        digest.update(identity)
        assert digest.digest() != given
    assert root_handle(local_server(tmp_path, 2)) != wire


def test_handles_of_another_life_are_bad_unless_the_key_was_kept(tmp_path: Path) -> None:
    forgotten = root_handle(local_server(tmp_path, 1))
    Peer(local_server(tmp_path, 2)).session().fails(
        t.NFS4ERR_BADHANDLE, putfh(forgotten), getattr_(1)
    )
    disk = MemoryRecoveryStore()
    kept = root_handle(local_server(tmp_path, 1, disk))
    Peer(local_server(tmp_path, 2, disk)).session().ok(putfh(kept), getattr_(1))


def test_damaged_handles(tmp_path: Path) -> None:
    server = local_server(tmp_path, 1)
    wire = root_handle(server)
    session = Peer(server).session()
    rng = random.Random(3)
    for _ in range(300):
        damaged = bytearray(wire)
        damaged[rng.randrange(len(wire))] ^= rng.randrange(1, 256)
        session.fails(t.NFS4ERR_BADHANDLE, putfh(bytes(damaged)), getattr_(1))
    for length in range(len(wire)):
        session.fails(t.NFS4ERR_BADHANDLE, putfh(wire[:length]), getattr_(1))


# Where it is kept


def test_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        directory = StateDirectory(tmp_path / "above" / "state")
        store = directory.open_store()
    finally:
        os.umask(mask)
    assert len(store.secret(b"k" * 32)) == 32
    for path in (directory.path, directory.path.parent):
        assert path.stat().st_mode & 0o777 == 0o700
    for name in os.listdir(directory.path):
        assert (directory.path / name).stat().st_mode & 0o777 == 0o600
    store.close()
    directory.close()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_where_others_may_write_state_has_a_directory_of_its_own(tmp_path: Path, mode: int) -> None:
    (tmp_path / "somebody's").touch()
    tmp_path.chmod(mode)
    directory = StateDirectory(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == mode
    assert directory.path == tmp_path / f"nfsrdma-{os.geteuid()}"
    assert directory.path.stat().st_mode & 0o777 == 0o700
    directory.close()
    directory.path.joinpath("lock").unlink()
    directory.path.rmdir()
    # Somebody was there first.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o700)
    directory.path.symlink_to(elsewhere)
    with pytest.raises(OSError):
        StateDirectory(tmp_path)
    directory.path.unlink()
    directory.path.mkdir()
    directory.path.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        StateDirectory(tmp_path)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_an_empty_directory_of_ours_is_closed_to_others(tmp_path: Path, mode: int) -> None:
    """Such as a file system that was just mounted."""
    tmp_path.chmod(mode)
    directory = StateDirectory(tmp_path)
    assert directory.path == tmp_path
    assert tmp_path.stat().st_mode & 0o7777 == 0o700
    directory.close()


def test_where_all_programs_have_their_files_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    directory = StateDirectory(tmp_path)
    assert directory.path.parent == tmp_path
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777
    directory.close()


def test_a_database_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    database = tmp_path / DATABASE
    database.write_bytes(b"")
    database.chmod(0o666)
    directory = StateDirectory(tmp_path)
    with pytest.raises(PermissionError, match="others may write"):
        directory.open_store()
    directory.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives directories away, which root alone may do")
def test_state_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.chown(tmp_path, 4242, 4242)
    with pytest.raises(PermissionError, match="somebody else"):
        StateDirectory(tmp_path)
    os.chown(tmp_path, 0, 0)
    os.close(os.open(tmp_path / DATABASE, os.O_CREAT, 0o600))
    os.chown(tmp_path / DATABASE, 4242, 4242)
    directory = StateDirectory(tmp_path)
    with pytest.raises(PermissionError, match="somebody else"):
        directory.open_store()
    directory.close()


def test_links_in_the_place_of_state_lead_nowhere(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"do not lose")
    state = tmp_path / "state"
    state.mkdir(0o700)
    (state / "lock").symlink_to(precious)
    with pytest.raises(OSError):
        StateDirectory(state)
    (state / "lock").unlink()
    (state / DATABASE).symlink_to(precious)
    directory = StateDirectory(state)
    with pytest.raises(OSError):
        directory.open_store()
    directory.close()
    assert precious.read_bytes() == b"do not lose"


def test_one_server_for_each_directory(tmp_path: Path) -> None:
    first = StateDirectory(tmp_path / "state")
    with pytest.raises(StateDirectoryBusy, match=f"process {os.getpid()}"):
        StateDirectory(tmp_path / "state")
    first.close()
    StateDirectory(tmp_path / "state").close()


def test_the_command_says_what_to_do_when_another_has_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    held = StateDirectory(state)
    result = CliRunner().invoke(serve, [str(tmp_path), "--state-dir", str(state)])
    assert result.exit_code == 1
    assert "keeps its state" in result.output
    assert "--ephemeral" in result.output
    held.close()
    with open(state / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_state_is_kept_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_directory() == Path("/var/lib/nfsrdma")
    user = tmp_path.stat().st_uid or 1000
    os.chown(tmp_path, user, -1)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert default_directory() == tmp_path / ".local/state/nfsrdma"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_directory() == tmp_path / ".local/state/nfsrdma"
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert default_directory() == Path("/elsewhere/nfsrdma")
    # Somebody else's home, left behind by setpriv or su.
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/proc/1" if user != 0 else "/")
    home = pwd.struct_passwd(("u", "x", user, user, "", "/home/u", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: home)
    assert default_directory() == Path("/home/u/.local/state/nfsrdma")


def test_who_has_no_place_serves_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serve_state, "default_directory", lambda: Path("/proc/none"))
    with ExitStack() as stack:
        store, said = serve_state.keep_state(stack, None, [("", str(tmp_path))], ["127.0.0.1 1 2"])
    assert store is None
    assert "nothing is kept" in said
    assert "/proc/none" in said


def test_servers_of_different_things_keep_their_state_apart(tmp_path: Path) -> None:
    names = {
        name_of([("", "/srv")], ["127.0.0.1 20049"]),
        name_of([("", "/srv")], ["127.0.0.2 20049"]),
        name_of([("srv", "/srv")], ["127.0.0.1 20049"]),
        name_of([("", "/other")], ["127.0.0.1 20049"]),
        name_of([("a", "/b"), ("c", "/d")], ["127.0.0.1 20049"]),
    }
    assert len(names) == 5
    link = tmp_path / "link"
    link.symlink_to("/srv")
    assert name_of([("", resolved(str(link)))], ["127.0.0.1 20049"]) in names


def test_nothing_is_kept_when_nothing_shall_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = CliRunner().invoke(serve, [str(tmp_path), "--ephemeral", "--state-dir", "x"])
    assert result.exit_code == 2
    assert "use one of them" in result.output
    assert not (tmp_path / "x").exists()
