"""Who may use what, as whom; and the tree that the exports hang in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    LOOKUPP,
    PUTROOTFH,
    SAVEFH,
    Clock,
    Peer,
    access,
    getattr_,
    link,
    lookup,
    make_server,
    mkdir,
    open_,
    open_export,
    putfh,
    read,
    readdir,
    remove,
    rename,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import ANONYMOUS as NOBODY
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Peer as At
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import ROOT, User
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.namespace import BadHandle, Namespace
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4

KEY = b"key"


def memory() -> MemoryFileSystem:
    return MemoryFileSystem(Clock())


def path_of(*names: bytes) -> list[tuple[int, object]]:
    return [PUTROOTFH, *map(lookup, names)]


# Squashing


@pytest.mark.parametrize(
    ("squash", "caller", "expected"),
    [
        (Squash.NONE, Credentials.sys(0, 0, (0, 5)), User(0, 0, (0, 5))),
        (Squash.ROOT, Credentials.sys(0, 0, (0, 5)), User(65534, 65534, (65534, 5))),
        (Squash.ROOT, Credentials.sys(7, 8, (9,)), User(7, 8, (9,))),
        (Squash.ALL, Credentials.sys(7, 8, (9,)), User(65534, 65534)),
        (Squash.NONE, NOBODY, User(65534, 65534)),
        (Squash.NONE, Credentials.sys(0xFFFFFFFF, 0xFFFFFFFF), User(65534, 65534)),
    ],
)
def test_squash(squash: Squash, caller: Credentials, expected: User) -> None:
    assert Export("", memory(), squash=squash).user(caller) == expected


def test_anonymous_user_can_be_chosen() -> None:
    export = Export("", memory(), squash=Squash.ALL, anonymous=(11, 12))
    assert export.user(Credentials.sys(0, 0)) == User(11, 12)


def test_root_squash_applies() -> None:
    fs = memory()
    session = Peer(make_server(Export("", fs, squash=Squash.ROOT))).session()
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.UNCHECKED4), getattr_(36))
    assert decode_fattr4(reply[3].obj_attributes) == {36: b"65534"}


def test_cache_of_users_is_bounded() -> None:
    export = Export("", memory())
    for number in range(5000):
        export.user(Credentials.sys(number, 1))
    assert len(export._users) <= 1024


# Read-only


def test_read_only() -> None:
    fs = memory()
    node, file = fs.create(fs.root, b"f", ROOT, 0o666, 6)
    file.write(0, memoryview(b"data"))
    file.close()
    fs.mkdir(fs.root, b"d", ROOT, 0o777)
    session = Peer(make_server(Export("", fs, squash=Squash.NONE, read_only=True))).session()
    for op in (
        mkdir(b"x"),
        remove(b"f"),
        open_(b"f"),
        open_(b"x", create=t.UNCHECKED4),
        setattr_({t.FATTR4_MODE: 0}),
    ):
        session.fails(t.NFS4ERR_ROFS, PUTROOTFH, op)
    session.fails(t.NFS4ERR_ROFS, PUTROOTFH, SAVEFH, rename(b"f", b"g"))
    session.fails(t.NFS4ERR_ROFS, PUTROOTFH, lookup(b"f"), SAVEFH, PUTROOTFH, link(b"g"))
    session.fails(t.NFS4ERR_ROFS, PUTROOTFH, lookup(b"f"), write(ANONYMOUS, b"x"))
    reply = session.ok(
        PUTROOTFH, open_(b"f", t.OPEN4_SHARE_ACCESS_READ), access(0x3F), read(ANONYMOUS)
    )
    assert reply[3].access & (t.ACCESS4_MODIFY | t.ACCESS4_EXTEND) == 0
    assert bytes(reply[4].data) == b"data"
    assert node.is_regular
    session.ok(PUTROOTFH, lookup(b"f"), (t.OP_COMMIT, t.COMMIT4args(0, 0)))


# Networks


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("not an address", False),
    ],
)
def test_networks(address: str, admitted: bool) -> None:
    export = Export("", memory(), networks=["10.0.0.0/8", "192.0.2.7", "fe80::/10"])
    assert export.admits(At("tcp", address, 1)) == admitted


def test_strangers_see_nothing_of_the_export() -> None:
    closed = Export("closed", memory(), networks=["10.0.0.0/8"])
    server = make_server(closed, open_export("open", memory()))
    friend = Peer(server, address="10.0.0.1").session(b"friend")
    handle = friend.ok(*path_of(b"closed"), GETFH)[3].object
    stranger = Peer(server, address="11.0.0.1").session(b"stranger")
    stranger.fails(t.NFS4ERR_ACCESS, *path_of(b"closed"))
    stranger.fails(t.NFS4ERR_ACCESS, putfh(handle), getattr_(1))
    stranger.ok(*path_of(b"open"))
    stranger.fails(t.NFS4ERR_ACCESS, *path_of(b"open"), putfh(handle))


@pytest.mark.parametrize("network", ["10.0.0.1/8", "300.1.1.1", "nonsense"])
def test_networks_that_are_none(network: str) -> None:
    with pytest.raises(ValueError):
        Export("", memory(), networks=[network])


# The tree


def test_pseudo_file_system() -> None:
    server = make_server(open_export("a/b", memory()), open_export("c", memory()))
    session = Peer(server).session()
    root = session.ok(PUTROOTFH, readdir(numbers=[1, 8, 20, 55]))[2].reply.entries
    names = [root.name, root.nextentry.name]
    assert names == [b"a", b"c"]
    session.ok(*path_of(b"a", b"b"), mkdir(b"inside"))
    session.fails(t.NFS4ERR_NOENT, *path_of(b"a", b"x"))
    for op in (mkdir(b"x"), remove(b"a"), open_(b"x", create=t.UNCHECKED4)):
        session.fails(t.NFS4ERR_ROFS, PUTROOTFH, op)
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, open_(b"a"))


def test_way_up_out_of_an_export() -> None:
    session = Peer(make_server(open_export("a/b", memory()), open_export("c", memory()))).session()
    reply = session.ok(
        PUTROOTFH, GETFH, lookup(b"a"), GETFH, lookup(b"b"), LOOKUPP, GETFH, LOOKUPP, GETFH
    )
    assert reply[7].object == reply[4].object
    assert reply[9].object == reply[2].object
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, LOOKUPP)


def test_mounted_on_fileid_and_fsid() -> None:
    session = Peer(make_server(open_export("a", memory()), open_export("b", memory()))).session()
    numbers = (t.FATTR4_FSID, t.FATTR4_FILEID, t.FATTR4_MOUNTED_ON_FILEID)
    root = session.ok(PUTROOTFH, GETFH)[2].object
    export = session.ok(*path_of(b"a"), GETFH)[3].object
    of_root, of_export = session.attributes(root, *numbers), session.attributes(export, *numbers)
    assert of_root[t.FATTR4_FSID] != of_export[t.FATTR4_FSID]
    assert of_root[t.FATTR4_FILEID] == of_root[t.FATTR4_MOUNTED_ON_FILEID]
    assert of_export[t.FATTR4_FILEID] != of_export[t.FATTR4_MOUNTED_ON_FILEID]
    entry = session.ok(PUTROOTFH, readdir(numbers=numbers))[2].reply.entries
    assert decode_fattr4(entry.attrs) == of_export


def test_not_across_exports() -> None:
    session = Peer(make_server(open_export("a", memory()), open_export("b", memory()))).session()
    session.ok(*path_of(b"a"), open_(b"f", create=t.UNCHECKED4))
    session.fails(t.NFS4ERR_XDEV, *path_of(b"a"), SAVEFH, *path_of(b"b"), rename(b"f", b"g"))
    session.fails(t.NFS4ERR_XDEV, *path_of(b"a", b"f"), SAVEFH, *path_of(b"b"), link(b"g"))


@pytest.mark.parametrize(
    "names", [("", "a"), ("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b", "a/b/c")]
)
def test_names_in_each_others_way(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        Namespace([Export(name, memory()) for name in names], KEY, 0)


@pytest.mark.parametrize("name", ["a/../b", ".", "a\0b"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError):
        Export(name, memory())


def test_nothing_exported() -> None:
    with pytest.raises(ValueError):
        Namespace([], KEY, 0)


def test_handles_of_another_server() -> None:
    fs = memory()
    ours = Namespace([Export("", fs)], b"ours", 0)
    theirs = Namespace([Export("", fs)], b"theirs", 0)
    with pytest.raises(BadHandle):
        ours.decode(theirs.root.wire)
    assert ours.decode(ours.root.wire).node is fs.root


def test_handles_stay_the_same_whatever_else_is_exported() -> None:
    one, two = memory(), memory()
    few = Namespace([Export("a", one), Export("b", two)], KEY, 0)
    many = Namespace([Export("x", memory()), Export("b", two)], KEY, 0)
    export = few.exports[1]
    wire = few.encode(export, two.root.identity)
    assert many.decode(wire).node is two.root
    assert few.decode(wire) is few.decode(wire)
    pseudo = few.decode(few.root.wire)
    assert pseudo.wire == few.root.wire


def test_number_of_handles_kept_is_bounded() -> None:
    fs = MemoryFileSystem(Clock(), max_files=10_000)
    space = Namespace([Export("", fs)], KEY, 0)
    for number in range(5000):
        node = fs.mkdir(fs.root, b"%d" % number, ROOT, 0o755)
        space.decode(space.encode(space.exports[0], node.identity))
    assert len(space._handles) <= 4096


def test_several_local_directories(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    exports = [open_export(name, LocalFileSystem(tmp_path / name)) for name in ("one", "two")]
    session = Peer(make_server(*exports)).session()
    for name in (b"one", b"two"):
        reply = session.ok(*path_of(name, b"file"), read(ANONYMOUS))
        assert bytes(reply[-1].data) == name
    session.peer.server.close()
    assert os.path.exists(tmp_path / "one" / "file")


def test_handles_are_of_one_root(tmp_path: Path) -> None:
    """Another directory under the same name is another export, for files as for directories."""
    for name in ("first", "second"):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "f").write_bytes(b"x")
    handles = []
    for name in ("first", "second", "first"):
        fs = LocalFileSystem(tmp_path / name)
        namespace = Namespace([Export("data", fs), Export("other", memory())], KEY, 0)
        root = namespace.lookup(namespace.root, b"data", ROOT)
        wires = [root.wire, *(namespace.lookup(root, each, ROOT).wire for each in (b"d", b"f"))]
        if handles:
            for wire in handles[0]:
                if name == "second":
                    with pytest.raises(BadHandle):
                        namespace.decode(wire)
                else:
                    assert namespace.decode(wire).wire == wire
        handles.append(wires)
        fs.close()
    assert handles[0] == handles[2]
