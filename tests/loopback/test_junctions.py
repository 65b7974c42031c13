"""What is mounted below an export, in a mount namespace of the test's own."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs import (
    GETFH,
    LOOKUPP,
    PUTROOTFH,
    ROOT_USER,
    SAVEFH,
    Op,
    Peer,
    Session,
    getattr_,
    link,
    lookup,
    make_server,
    open_,
    open_export,
    putfh,
    readdir,
    remove,
    rename,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.junctions import cross
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4

NEW_NAMES, OWN_ROOT = 0x20000, 0x200  # CLONE_NEWNS, CLONE_FS: linux/sched.h
BIND, PRIVATE, READ_ONLY = 0x1000, 0x44000, 1  # with MS_REC, linux/mount.h
ALICE = Credentials.sys(1001, 1001)
ASKED = (t.FATTR4_FSID, t.FATTR4_FILEID, t.FATTR4_MOUNTED_ON_FILEID, t.FATTR4_MODE)
libc = ctypes.CDLL(None, use_errno=True)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="to mount takes root")


def checked(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(kind: str, place: Path, flags: int = 0, source: str = "none", data: str = "") -> None:
    place.is_dir() or place.is_file() or place.mkdir(parents=True)
    checked(libc.mount(source.encode(), bytes(place), kind.encode(), flags, data.encode() or None))


def umount(place: Path) -> None:
    checked(libc.umount2(bytes(place), 2))


def with_mounts(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a thread whose mounts are its own, and gone with it."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        failures: list[BaseException] = []

        def work() -> None:
            try:
                try:
                    checked(libc.unshare(NEW_NAMES | OWN_ROOT))
                    checked(libc.mount(b"none", b"/", None, PRIVATE, None))
                except OSError as error:
                    pytest.skip(f"no mounts of one's own here: {error}")
                test(**fixtures)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    return run


class Tree:
    """A directory with a file system mounted on ``a/m``, another on ``a/m/n``, and a server."""

    def __init__(self, top: Path, *, cross_them: bool = True) -> None:
        self.top, self._cross = top, cross_them
        top.chmod(0o755)
        (top / "a/m").mkdir(parents=True)
        (top / "a/m/covered").write_text("covered")
        (top / "a/file").write_text("outside")
        self.covered = os.stat(top / "a/m").st_ino
        mount("tmpfs", top / "a/m", data="size=1m,mode=755")
        (top / "a/m/inside").write_text("inside")
        mount("tmpfs", top / "a/m/n", data="size=2m,mode=755")
        (top / "a/m/n/deeper").write_text("deeper")
        self.store = MemoryRecoveryStore(7)

    def export(self) -> list[Export]:
        export = open_export("", LocalFileSystem(self.top))
        return [export, *(cross(export) if self._cross else ())]

    def serve(self) -> NfsService:
        return make_server(*self.export(), store=self.store)

    def session(self) -> Session:
        self.server = self.serve()
        return Peer(self.server).session()


def at(*names: bytes) -> list[Op]:
    return [PUTROOTFH, *map(lookup, names)]


def told(session: Session, *names: bytes) -> dict[int, Any]:
    return decode_fattr4(session.ok(*at(*names), getattr_(*ASKED))[-1].obj_attributes)


def fsid(values: dict[int, Any]) -> tuple[int, int]:
    return values[t.FATTR4_FSID].major, values[t.FATTR4_FSID].minor


def listed(session: Session, *names: bytes, numbers: tuple[int, ...] = ASKED) -> dict[bytes, Any]:
    entry = session.ok(*at(*names), readdir(numbers=numbers))[-1].reply.entries
    found = {}
    while entry is not None:
        found[bytes(entry.name)] = decode_fattr4(entry.attrs)
        entry = entry.nextentry
    return found


@with_mounts
def test_nothing_is_crossed_by_default(tmp_path: Path) -> None:
    """Neither what is mounted nor what it covers is there."""
    session = Tree(tmp_path, cross_them=False).session()
    session.fails(t.NFS4ERR_NOENT, *at(b"a", b"m"))
    assert set(listed(session, b"a")) == {b"file"}


@with_mounts
def test_each_is_a_file_system_of_its_own(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    session = tree.session()
    outside, inside = told(session, b"a"), told(session, b"a", b"m")
    deeper = told(session, b"a", b"m", b"n")
    assert len({fsid(each) for each in (outside, inside, deeper)}) == 3
    assert fsid(told(session, b"a", b"m", b"inside")) == fsid(inside)
    assert inside[t.FATTR4_FILEID] == os.stat(tmp_path / "a/m").st_ino
    assert inside[t.FATTR4_MOUNTED_ON_FILEID] == tree.covered
    handle = bytes(session.ok(*at(b"a", b"m", b"n", b"deeper"), GETFH)[-1].object)
    assert session.read(handle) == b"deeper"
    session.fails(t.NFS4ERR_NOENT, *at(b"a", b"m", b"covered"))


@with_mounts
def test_a_list_has_what_lookup_finds(tmp_path: Path) -> None:
    session = Tree(tmp_path).session()
    found = listed(session, b"a")
    assert set(found) == {b"file", b"m"}
    assert found[b"m"] == told(session, b"a", b"m")
    assert set(listed(session, b"a", b"m")) == {b"inside", b"n"}
    acl = session.ok(*at(b"a", b"m"), getattr_(t.FATTR4_ACL))[-1].obj_attributes
    assert listed(session, b"a", numbers=(t.FATTR4_ACL,))[b"m"] == decode_fattr4(acl)
    room = listed(session, b"a", numbers=(t.FATTR4_SPACE_TOTAL,))
    assert room[b"m"][t.FATTR4_SPACE_TOTAL] == 1 << 20
    assert room[b"file"][t.FATTR4_SPACE_TOTAL] > 1 << 20


@with_mounts
def test_the_way_back(tmp_path: Path) -> None:
    session = Tree(tmp_path).session()
    above = session.ok(*at(b"a"), GETFH)[-1].object
    assert session.ok(*at(b"a", b"m"), LOOKUPP, GETFH)[-1].object == above
    assert session.ok(*at(b"a", b"m", b"n"), LOOKUPP, LOOKUPP, GETFH)[-1].object == above


@with_mounts
def test_nothing_goes_across(tmp_path: Path) -> None:
    session = Tree(tmp_path).session()
    across = [*at(b"a"), SAVEFH, lookup(b"m")]
    session.fails(t.NFS4ERR_XDEV, *across, rename(b"file", b"moved"))
    session.fails(t.NFS4ERR_XDEV, *at(b"a", b"file"), SAVEFH, *at(b"a", b"m"), link(b"l"))
    for change in (remove(b"m"), rename(b"m", b"x")):
        reply = session.run(*at(b"a"), SAVEFH, change)
        assert reply.status != t.NFS4_OK
    assert (tmp_path / "a/m/inside").read_text() == "inside"
    session.fails(t.NFS4ERR_ISDIR, *at(b"a"), open_(b"m"))


@with_mounts
def test_handles_survive_the_server_but_not_another_file_system(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    session = tree.session()
    handle = bytes(session.ok(*at(b"a", b"m", b"inside"), GETFH)[-1].object)
    assert tree.session().read(handle) == b"inside"
    umount(tmp_path / "a/m/n")
    umount(tmp_path / "a/m")
    mount("tmpfs", tmp_path / "a/m")
    (tmp_path / "a/m/other").write_text("other")
    assert tree.session().run(putfh(handle)).status in (t.NFS4ERR_BADHANDLE, t.NFS4ERR_STALE)


@with_mounts
def test_rights_on_the_way_count(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    (tmp_path / "a").chmod(0o700)
    server = tree.serve()
    Peer(server, ROOT_USER).session(b"root").ok(*at(b"a", b"m"))
    alice = Peer(server, ALICE).session(b"alice")
    alice.fails(t.NFS4ERR_ACCESS, *at(b"a", b"m"))
    (tmp_path / "a").chmod(0o755)
    (tmp_path / "a/m").chmod(0o700)
    alice.ok(*at(b"a", b"m"), GETFH)
    alice.fails(t.NFS4ERR_ACCESS, *at(b"a", b"m", b"inside"))


@with_mounts
def test_those_that_may_not_use_the_export_may_not_use_what_is_below(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    handle = tree.session().ok(*at(b"a", b"m"), GETFH)[-1].object
    export = Export("e", LocalFileSystem(tmp_path), networks=["192.0.2.0/24"])
    other = Export("x", LocalFileSystem(tmp_path / "a"))
    server = make_server(export, *cross(export), other, store=tree.store)
    session = Peer(server).session()
    assert session.run(putfh(bytes(handle))).status != t.NFS4_OK
    session.fails(t.NFS4ERR_ACCESS, *at(b"e"))


@with_mounts
def test_what_is_not_shown(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    mount("proc", tmp_path / "a/proc")
    (tmp_path / "bound").write_text("")
    mount("none", tmp_path / "bound", BIND, str(tmp_path / "a/file"))
    mount("tmpfs", tmp_path / "over", data="size=3m")
    mount("tmpfs", tmp_path / "over", data="size=4m")
    exports = tree.export()
    names = [each.name for each in exports]
    assert names == ["", "over", "a/m", "a/m/n"]
    session = Peer(make_server(*exports)).session()
    session.fails(t.NFS4ERR_NOENT, *at(b"a", b"proc"))
    room = listed(session, numbers=(t.FATTR4_SPACE_TOTAL,))
    assert room[b"over"][t.FATTR4_SPACE_TOTAL] == 4 << 20


@with_mounts
def test_a_mount_that_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    mount("tmpfs", tmp_path / "m", READ_ONLY)
    export = open_export("", LocalFileSystem(tmp_path))
    session = Peer(make_server(export, *cross(export))).session()
    session.fails(t.NFS4ERR_ROFS, *at(b"m"), open_(b"x", create=t.UNCHECKED4))


@with_mounts
def test_names_that_mountinfo_escapes(tmp_path: Path) -> None:
    odd = "a b\\\tc\n"
    mount("tmpfs", tmp_path / odd)
    (tmp_path / odd / "f").write_text("odd")
    export = open_export("e/x", LocalFileSystem(tmp_path))
    session = Peer(make_server(export, *cross(export))).session()
    session.ok(*at(b"e", b"x", odd.encode(), b"f"), GETFH)
