"""Small rights that programs need, and small ones that they lose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    Clock,
    Peer,
    Session,
    make_server,
    open_,
    putfh,
    read,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

ALICE, BOB = Credentials.sys(1001, 1001), Credentials.sys(1002, 1002)
READING, WRITING = t.OPEN4_SHARE_ACCESS_READ, t.OPEN4_SHARE_ACCESS_WRITE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


@pytest.fixture(params=["memory", "disk", "tmpfs"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    if request.param == "tmpfs":
        shm = Path("/dev/shm")
        if not os.access(shm, os.W_OK):
            pytest.skip("there is no tmpfs here")
        tmp_path = shm / f"nfsrdma-rights-{os.getpid()}"
        tmp_path.mkdir()
    tmp_path.chmod(0o777)
    local = LocalFileSystem(tmp_path)
    yield local
    local.close()
    if request.param == "tmpfs":
        for path in tmp_path.iterdir():
            path.unlink()
        tmp_path.rmdir()


@pytest.fixture
def session(fs: FileSystem) -> Session:
    return Peer(make_server(fs=fs)).session()


def program(session: Session, mode: int) -> bytes:
    """A file of Alice's, closed."""
    create = open_(b"p", create=t.GUARDED4, values={t.FATTR4_MODE: 0o600}, owner=b"maker")
    reply = session.ok(PUTROOTFH, create, GETFH, credentials=ALICE)
    handle, stateid = reply[3].object, reply[2].stateid
    session.ok(putfh(handle), write(stateid, b"#!program"), credentials=ALICE)
    session.ok(putfh(handle), (t.OP_CLOSE, t.CLOSE4args(0, stateid)), credentials=ALICE)
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: mode}))
    return bytes(handle)


def mode_of(session: Session, handle: bytes) -> int:
    return int(session.attributes(handle, t.FATTR4_MODE)[t.FATTR4_MODE])


@needs_root
def test_who_may_execute_a_program_may_read_it(session: Session) -> None:
    handle = program(session, 0o711)
    opened = session.ok(putfh(handle), open_(access=READING), credentials=BOB)[2].stateid
    reply = session.ok(putfh(handle), read(opened, 0, 100), credentials=BOB)
    assert bytes(reply[2].data) == b"#!program"
    session.fails(
        t.NFS4ERR_ACCESS, putfh(handle), open_(access=WRITING, owner=b"w"), credentials=BOB
    )
    # But not what may not be executed by him.
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o740}))
    session.fails(
        t.NFS4ERR_ACCESS, putfh(handle), open_(access=READING, owner=b"r"), credentials=BOB
    )


@needs_root
def test_the_owner_keeps_what_was_granted(session: Session) -> None:
    handle = program(session, 0o600)
    opened = session.ok(putfh(handle), open_(), credentials=ALICE)[2].stateid
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0}), credentials=ALICE)
    session.ok(putfh(handle), write(opened, b"more"), credentials=ALICE)
    session.ok(putfh(handle), read(opened, 0, 9), credentials=ALICE)
    size = {t.FATTR4_SIZE: 1}
    session.ok(putfh(handle), setattr_(size, opened), credentials=ALICE)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), write(opened, b"x"), credentials=BOB)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), setattr_(size, opened), credentials=BOB)


@needs_root
@pytest.mark.parametrize("who", [ALICE, BOB])
def test_a_write_takes_set_user_id_away(session: Session, who: Credentials) -> None:
    handle = program(session, 0o6777)
    assert mode_of(session, handle) == 0o6777
    opened = session.ok(putfh(handle), open_(access=WRITING), credentials=who)[2].stateid
    assert mode_of(session, handle) == 0o6777
    session.ok(putfh(handle), write(opened, b"#!other"), credentials=who)
    assert mode_of(session, handle) == 0o777


@needs_root
@pytest.mark.parametrize("who", [ALICE, BOB])
def test_a_new_size_takes_set_user_id_away(session: Session, who: Credentials) -> None:
    handle = program(session, 0o6777)
    opened = session.ok(putfh(handle), open_(access=WRITING), credentials=who)[2].stateid
    resize = setattr_({t.FATTR4_SIZE: 3}, opened)
    session.ok(putfh(handle), resize, credentials=who)
    assert mode_of(session, handle) == 0o777


@needs_root
def test_giving_a_program_away_takes_set_user_id_away(session: Session) -> None:
    handle = program(session, 0o6777)
    session.ok(putfh(handle), setattr_({t.FATTR4_OWNER: b"1002"}))
    assert mode_of(session, handle) == 0o777


@needs_root
def test_another_user_by_the_writers_stateid_takes_it_away_too(session: Session) -> None:
    handle = program(session, 0o600)
    opened = session.ok(putfh(handle), open_(access=WRITING))[2].stateid
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o4777}))
    session.ok(putfh(handle), write(opened, b"#!other"), credentials=BOB)
    assert mode_of(session, handle) == 0o777
