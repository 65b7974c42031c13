"""What must be durable before an operation is answered, for every one that changes anything.

The back end is one of local files, of which is seen what is synced. Nothing more is than has to be.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    CURRENT,
    PUTROOTFH,
    SAVEFH,
    Op,
    Peer,
    Session,
    commit,
    getattr_,
    link,
    lookup,
    make,
    make_server,
    mkdir,
    open_,
    putfh,
    remove,
    rename,
    setattr_,
    symlink,
    write,
)

from nfsrdma.server.ops.table import OPERATIONS
from nfsrdma.server.vfs import local_file, syscalls
from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.pace import Medium
from nfsrdma.xdr.nfs4 import types as t

FIFO = t.createtype4(t.NF4FIFO)
OWN = {t.FATTR4_OWNER: str(os.geteuid()).encode()}
TIME = {t.FATTR4_TIME_MODIFY_SET: t.settime4(t.SET_TO_CLIENT_TIME4, t.nfstime4(1, 0))}
ALL = "all of the file system"
DATA = b"some data"


class World:
    """A directory ``d`` with a file ``f`` and a link ``l``, exported; and what is synced."""

    def __init__(self, path: Path, sync: bool = True) -> None:
        (path / "d").mkdir()
        (path / "d" / "f").write_bytes(DATA)
        (path / "d" / "l").symlink_to("f")
        (path / "d" / "g").write_bytes(DATA)
        self.fs = LocalFileSystem(path, medium=Medium.DISK)
        export = Export("", self.fs, squash=Squash.NONE, networks=[ANY], sync=sync)
        self.session: Session = Peer(make_server(export)).session()
        self.names = {
            os.lstat(path / name).st_ino: name or "/" for name in ("", "d", "d/f", "d/l", "d/g")
        }
        self.done: list[str] = []
        self.error: OSError | None = None

    def note(self, fd: int, what: str = "") -> None:
        if self.error is not None:
            raise self.error
        self.done.append(what or self.names.get(os.fstat(fd).st_ino, "new"))

    def synced(self, *ops: Op) -> list[str]:
        """What was, before the operations were answered."""
        self.done.clear()
        self.session.ok(PUTROOTFH, *ops)
        return sorted(self.done)


@pytest.fixture
def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def note(fd: int) -> None:
        worlds[-1].note(fd)

    monkeypatch.setattr(local_file.os, "fsync", note)
    monkeypatch.setattr(
        local_file.os, "fdatasync", lambda fd: worlds[-1].note(fd, "data of the file")
    )
    monkeypatch.setattr(syscalls, "sync_file_system", lambda fd: worlds[-1].note(fd, ALL))

    def begin(**how: Any) -> World:
        worlds.append(World(tmp_path, **how))
        return worlds[-1]

    yield begin
    for world in worlds:
        world.fs.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


D: Final = (lookup(b"d"),)
F: Final = (lookup(b"d"), lookup(b"f"))
L: Final = (lookup(b"d"), lookup(b"l"))
OPEN: Final = (*D, open_(b"f"))
SET: Final = (t.OP_SETXATTR, t.SETXATTR4args(t.SETXATTR4_EITHER, b"a", b"1"))
UNSET: Final = (t.OP_REMOVEXATTR, t.REMOVEXATTR4args(b"a"))
ACE: Final = t.nfsace4(
    0, 0, t.ACE4_READ_DATA | t.ACE4_WRITE_DATA | t.ACE4_READ_ACL | t.ACE4_SYNCHRONIZE, b"OWNER@"
)

RULE: Final[dict[str, tuple[tuple[Op, ...], list[str]]]] = {
    "mkdir": ((*D, mkdir(b"new")), ["d"]),
    "mkdir with an owner": ((*D, mkdir(b"new", OWN)), ["d", "new"]),
    "mkdir with set-group-ID": ((*D, mkdir(b"new", {t.FATTR4_MODE: 0o2755})), ["d", "new"]),
    "symlink": ((*D, symlink(b"new", b"f")), ["d"]),
    "fifo": ((*D, make(FIFO, b"new")), ["d"]),
    "fifo with a time": ((*D, make(FIFO, b"new", TIME)), [ALL, "d"]),
    "create": ((*D, open_(b"new", create=t.GUARDED4)), ["d"]),
    "create with a mode": (
        (*D, open_(b"new", create=t.UNCHECKED4, values={t.FATTR4_MODE: 0o600})),
        ["d"],
    ),
    "create with an owner": ((*D, open_(b"new", create=t.UNCHECKED4, values=OWN)), ["d", "new"]),
    "create with a size": (
        (*D, open_(b"new", create=t.UNCHECKED4, values={t.FATTR4_SIZE: 9})),
        ["d", "new"],
    ),
    "exclusive create": ((*D, open_(b"new", create=t.EXCLUSIVE4_1)), ["d"]),
    "exclusive create, to read": (
        (*D, open_(b"new", t.OPEN4_SHARE_ACCESS_READ, create=t.EXCLUSIVE4_1)),
        ["d", "new"],
    ),
    "open": (OPEN, []),
    "open what is there": ((*D, open_(b"f", create=t.UNCHECKED4)), []),
    "truncating open": (
        (*D, open_(b"f", create=t.UNCHECKED4, values={t.FATTR4_SIZE: 0})),
        ["d/f"],
    ),
    "link": ((*F, SAVEFH, PUTROOTFH, link(b"new")), ["/"]),
    "remove": ((*D, remove(b"f")), ["d"]),
    "rename": ((*D, SAVEFH, rename(b"f", b"new")), ["d"]),
    "rename to another directory": (
        (*D, SAVEFH, PUTROOTFH, rename(b"f", b"new")),
        ["/", "d"],
    ),
    "mode": ((*F, setattr_({t.FATTR4_MODE: 0o640})), ["d/f"]),
    "mode of an open file": ((*OPEN, setattr_({t.FATTR4_MODE: 0o640})), ["d/f"]),
    "mode of a directory": ((*D, setattr_({t.FATTR4_MODE: 0o750})), ["d"]),
    "owner": ((*F, setattr_(OWN)), ["d/f"]),
    "time": ((*F, setattr_(TIME)), ["d/f"]),
    "time of a link": ((*L, setattr_(TIME)), [ALL]),
    "list": ((*F, setattr_({t.FATTR4_ACL: [ACE]})), ["d/f"]),
    "size": ((*OPEN, setattr_({t.FATTR4_SIZE: 3}, CURRENT)), ["d/f"]),
    "size and mode": (
        (*F, setattr_({t.FATTR4_SIZE: 3, t.FATTR4_MODE: 0o600})),
        ["d/f"],
    ),
    "mode twice": (
        (*F, setattr_({t.FATTR4_MODE: 0o640}), setattr_({t.FATTR4_MODE: 0o600})),
        ["d/f"],
    ),
    "extended attribute": ((*F, SET), ["d/f"]),
    "extended attribute removed": ((*F, SET, UNSET), ["d/f"]),
    "allocate": ((*OPEN, (t.OP_ALLOCATE, t.ALLOCATE4args(CURRENT, 0, 4096))), ["d/f"]),
    "deallocate": ((*OPEN, (t.OP_DEALLOCATE, t.DEALLOCATE4args(CURRENT, 0, 4096))), ["d/f"]),
    "write": ((*F, write(ANONYMOUS, b"x")), []),
    "write data": ((*F, write(ANONYMOUS, b"x", stable=t.DATA_SYNC4)), ["data of the file"]),
    "write file": ((*F, write(ANONYMOUS, b"x", stable=t.FILE_SYNC4)), ["d/f"]),
    "commit": ((*F, write(ANONYMOUS, b"x"), commit()), ["d/f"]),
    "write, set, commit": (
        (*OPEN, write(CURRENT, b"x"), setattr_({t.FATTR4_MODE: 0o640}), commit(), getattr_(1)),
        ["d/f"],
    ),
    "truncating open, and write": (
        (
            *(*D, open_(b"f", create=t.UNCHECKED4, values={t.FATTR4_SIZE: 0})),
            write(CURRENT, b"x", stable=t.FILE_SYNC4),
        ),
        ["d/f"],
    ),
    "copy": (
        (
            *(lookup(b"d"), lookup(b"g"), SAVEFH, PUTROOTFH, *F),
            (t.OP_COPY, t.COPY4args(ANONYMOUS, ANONYMOUS, 0, 0, 4, True, True, [])),
        ),
        [],
    ),
}
"""By what is done: the operations, and what must be synced."""

NEED_NOT: Final = frozenset(
    (
        *(t.OP_EXCHANGE_ID, t.OP_CREATE_SESSION, t.OP_DESTROY_SESSION, t.OP_DESTROY_CLIENTID),
        *(t.OP_RECLAIM_COMPLETE, t.OP_BIND_CONN_TO_SESSION, t.OP_BACKCHANNEL_CTL),
        *(t.OP_CLOSE, t.OP_OPEN_DOWNGRADE, t.OP_OPEN_CONFIRM, t.OP_LOCK, t.OP_LOCKU),
        *(t.OP_DELEGRETURN, t.OP_DELEGPURGE, t.OP_WANT_DELEGATION, t.OP_FREE_STATEID),
        *(t.OP_SETCLIENTID, t.OP_SETCLIENTID_CONFIRM, t.OP_RELEASE_LOCKOWNER, t.OP_RENEW),
        *(t.OP_OFFLOAD_CANCEL, t.OP_GET_DIR_DELEGATION, t.OP_SET_SSV, t.OP_LAYOUTGET),
        t.OP_CLONE,  # It is tested where a file system has it (test_server_copying).
    )
)
"""Operations that change the server's state alone, which has a store of its own."""


@pytest.mark.parametrize("what", RULE)
def test_what_has_changed_is_durable_when_it_is_answered(world: World, what: str) -> None:
    ops, expected = RULE[what]
    numbers = {op for op, _ in ops}
    if numbers & {t.OP_SETXATTR} and not world.fs.has_xattrs:
        pytest.skip("there are no extended attributes here")
    if what == "list" and not world.fs.has_acls:
        pytest.skip("there are no access control lists here")
    assert world.synced(*ops) == sorted(expected)


def test_the_rule_is_for_every_operation_that_changes_anything() -> None:
    changing = {n for n, row in OPERATIONS.items() if row is not None and row.mutates}
    ruled = {number for ops, _ in RULE.values() for number, _ in ops}
    assert changing - NEED_NOT - ruled == set()


def test_an_export_may_leave_it_to_its_own_machine(make_world: Callable[..., World]) -> None:
    """But for what a client expressly wants durable."""
    world = make_world(sync=False)
    for what, (ops, expected) in RULE.items():
        wants = any(op == t.OP_COMMIT for op, _ in ops) or what in ("write data", "write file")
        if wants:
            assert world.synced(*ops) == expected
    assert world.synced(*F, setattr_({t.FATTR4_MODE: 0o640})) == []
    assert world.synced(*D, mkdir(b"new", OWN)) == []


@pytest.mark.parametrize(
    ("changing", "at"),
    [
        (mkdir(b"new"), 4),
        (setattr_({t.FATTR4_MODE: 0o640}), 4),
        (open_(b"new", create=t.UNCHECKED4), 4),
    ],
)
def test_what_is_not_durable_fails_the_operation_that_did_it(
    world: World, changing: Op, at: int
) -> None:
    """And none after it, which the client may not need."""
    world.error = OSError(errno.EIO, "the disk is broken")
    reply = world.session.fails(
        t.NFS4ERR_IO, PUTROOTFH, *D, changing, PUTROOTFH, getattr_(t.FATTR4_TYPE)
    )
    assert len(reply.statuses) == at
    world.error = None
    assert world.synced(*D, getattr_(t.FATTR4_TYPE)) == []


def test_who_commits_after_a_failure_writes_again(world: World) -> None:
    """The kernel has told it to one of those whose data it has dropped."""
    handle = world.session.ok(PUTROOTFH, *F, (t.OP_GETFH, None))[-1].object
    before = bytes(world.session.ok(putfh(handle), write(ANONYMOUS, b"x"))[-1].writeverf)
    assert bytes(world.session.ok(putfh(handle), commit())[-1].writeverf) == before
    world.error = OSError(errno.EIO, "the disk is broken")
    world.session.fails(t.NFS4ERR_IO, putfh(handle), commit())
    world.error = None
    assert bytes(world.session.ok(putfh(handle), commit())[-1].writeverf) != before
