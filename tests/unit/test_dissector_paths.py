"""File handles are followed to paths, through everything that tells or changes a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.dissection import dissect_octets
from tests.support.nfs3 import AFTER, NONE, SET, WCC, call, reply, result_of
from tests.support.rdma_wire import STATEID, Wire, pcap, results

from nfsrdma.dissector import dissect
from nfsrdma.dissector.messages.procedures import NFS3_NAMES
from nfsrdma.dissector.tracking.names import MAX_DEPTH, Names, Node
from nfsrdma.dissector.views.rows import row
from nfsrdma.xdr import Encoder, link
from nfsrdma.xdr.nfs3 import types as t3
from nfsrdma.xdr.nfs4 import types as t

CHANGE = t.change_info4(True, 1, 2)
Step = tuple[t.nfs_argop4, t.nfs_resop4]


def step(number: int, arguments: Any, result: Any) -> Step:
    return t.nfs_argop4(number, arguments), t.nfs_resop4(number, result)


def put(handle: bytes) -> Step:
    return step(t.OP_PUTFH, t.PUTFH4args(handle), t.PUTFH4res(0))


def root() -> Step:
    return step(t.OP_PUTROOTFH, None, t.PUTROOTFH4res(0))


def get(handle: bytes) -> Step:
    return step(t.OP_GETFH, None, t.GETFH4res(0, t.GETFH4resok(handle)))


def save() -> Step:
    return step(t.OP_SAVEFH, None, t.SAVEFH4res(0))


def restore() -> Step:
    return step(t.OP_RESTOREFH, None, t.RESTOREFH4res(0))


def look(name: bytes, status: int = 0) -> Step:
    return step(t.OP_LOOKUP, t.LOOKUP4args(name), t.LOOKUP4res(status))


def up() -> Step:
    return step(t.OP_LOOKUPP, None, t.LOOKUPP4res(0))


def opened(claim: t.open_claim4) -> Step:
    asked = t.OPEN4args(
        0, 1, 0, t.open_owner4(1, b"owner"), t.openflag4(t.OPEN4_NOCREATE), claim
    )  # fmt: skip
    none = t.open_delegation4(t.OPEN_DELEGATE_NONE)
    return step(t.OP_OPEN, asked, t.OPEN4res(0, t.OPEN4resok(STATEID, CHANGE, 0, [], none)))


def made(name: bytes) -> Step:
    asked = t.CREATE4args(t.createtype4(t.NF4DIR), name, t.fattr4([], b""))
    return step(t.OP_CREATE, asked, t.CREATE4res(0, t.CREATE4resok(CHANGE, [])))


def removed(name: bytes) -> Step:
    return step(t.OP_REMOVE, t.REMOVE4args(name), t.REMOVE4res(0, t.REMOVE4resok(CHANGE)))


def renamed(old: bytes, new: bytes) -> Step:
    done = t.RENAME4res(0, t.RENAME4resok(CHANGE, CHANGE))
    return step(t.OP_RENAME, t.RENAME4args(old, new), done)


def linked(name: bytes) -> Step:
    return step(t.OP_LINK, t.LINK4args(name), t.LINK4res(0, t.LINK4resok(CHANGE)))


def read() -> Step:
    done = t.READ4res(0, t.READ4resok(True, b"ab"))
    return step(t.OP_READ, t.READ4args(STATEID, 8, 2), done)


def listed(entries: list[tuple[bytes, bytes]]) -> Step:
    nodes = []
    for number, (name, handle) in enumerate(entries):
        enc = Encoder()
        enc.opaque(handle)
        attributes = t.fattr4([1 << t.FATTR4_FILEHANDLE], enc.to_bytes())
        nodes.append(t.entry4(number + 3, name, attributes, None))
    asked = t.READDIR4args(0, bytes(8), 512, 4096, [1 << t.FATTR4_FILEHANDLE])
    done = t.READDIR4resok(bytes(8), t.dirlist4(link(nodes), True))
    return step(t.OP_READDIR, asked, t.READDIR4res(0, done))


def paths_of(folder: Path, *compounds: list[Step]) -> list[tuple[str, ...]]:
    """The paths that each of these compounds is about; one ends with its first error."""
    wire = Wire()
    wire.connect()
    for xid, steps in enumerate(compounds, 1):
        wire.nfs_call(xid, [asked for asked, _ in steps])
        done: list[t.nfs_resop4] = []
        status = 0
        for _, result in steps:
            done.append(result)
            status = getattr(result.value, result.value.__slots__[0])
            if status:
                break
        wire.nfs_reply(xid, results(xid, done, status))
    found = dissect_octets(pcap(wire.frames), folder).exchanges
    assert len(found) == len(compounds)
    return [exchange.paths for exchange in found]


def test_from_the_root_down(tmp_path: Path) -> None:
    assert paths_of(
        tmp_path,
        [root(), get(b"root")],
        [root(), look(b"export"), look(b"dir"), get(b"dir")],
        [put(b"dir"), opened(t.open_claim4(t.CLAIM_NULL, b"file")), get(b"file")],
        [put(b"file"), read()],
        [put(b"file"), opened(t.open_claim4(t.CLAIM_FH))],
        [put(b"dir"), look(b"nothing", t.NFS4ERR_NOENT)],
        [put(b"dir"), made(b"below"), get(b"below")],
        [put(b"below"), up(), get(b"dir")],
    ) == [
        ("/",), ("/export/dir",), ("/export/dir/file",), ("/export/dir/file",),
        ("/export/dir/file",), ("/export/dir/nothing",), ("/export/dir/below",), ("/export/dir",),
    ]  # fmt: skip


def test_ancestors_that_are_not_known_are_not_guessed(tmp_path: Path) -> None:
    assert paths_of(
        tmp_path,
        [put(b"file"), read()],
        [put(b"dir"), look(b"file"), get(b"file")],
        [put(b"file"), read()],
        [put(b"dir"), up(), get(b"top")],
        [put(b"file"), read()],
        [put(b"top"), look(b"dir"), get(b"dir")],
        [put(b"file"), read()],
        [root(), look(b"top"), get(b"top")],
        [put(b"file"), read()],
    ) == [
        (), ("…/file",), ("…/file",), (), ("…/file",), ("…/dir",), ("…/dir/file",), ("/top",),
        ("/top/dir/file",),
    ]  # fmt: skip


def test_what_a_directory_lists(tmp_path: Path) -> None:
    found = paths_of(
        tmp_path,
        [root(), listed([(b"one", b"1"), (b"two", b"2")])],
        [put(b"1"), read()],
        [put(b"1"), save(), put(b"2"), read(), restore(), read()],
    )
    assert found == [("/",), ("/one",), ("/two", "/one")]


def test_names_that_change(tmp_path: Path) -> None:
    assert paths_of(
        tmp_path,
        [root(), look(b"a"), get(b"a")],
        [put(b"a"), look(b"file"), get(b"file")],
        [root(), save(), root(), renamed(b"a", b"b")],
        [put(b"file"), read()],
        [put(b"file"), save(), put(b"a"), linked(b"other"), restore()],
        [put(b"a"), removed(b"file")],
        [put(b"file"), read()],
        [put(b"a"), removed(b"other")],
        [put(b"file"), read()],
    ) == [
        ("/a",), ("/a/file",), ("/a", "/b"), ("/b/file",), ("/b/file", "/b/other"), ("/b/file",),
        ("/b/other",), ("/b/other",), ("/b/other (deleted)",),
    ]  # fmt: skip


def test_a_name_that_is_taken_by_another_file(tmp_path: Path) -> None:
    assert paths_of(
        tmp_path,
        [root(), look(b"new"), get(b"1")],
        [root(), look(b"tmp"), get(b"2")],
        [root(), save(), root(), renamed(b"tmp", b"new")],
        [put(b"1"), read()],
        [put(b"2"), read()],
        [root(), look(b"new"), get(b"3")],
        [put(b"2"), read()],
        [put(b"3"), read()],
    )[3:] == [("/new (deleted)",), ("/new",), ("/new",), (), ("/new",)]


def test_names_that_would_lie(tmp_path: Path) -> None:
    """Slashes, line ends and what a terminal obeys stay text; a directory is not below itself."""
    names = [b"a/b", b"\x1b[2J", b"two\nlines", b"\xff", b"x" * 3000]
    found = paths_of(
        tmp_path,
        *[[root(), look(name), get(b"%d" % at)] for at, name in enumerate(names)],
        [root(), look(b"d"), get(b"d")],
        [put(b"d"), look(b"e"), get(b"e")],
        [put(b"e"), look(b"d"), get(b"d")],
        [put(b"d"), read()],
    )
    assert [path for (path,) in found[:4]] == ["/a\\x2fb", "/\\x1b[2J", "/two\\nlines", "/\\xff"]
    assert len(found[4][0]) < 2000
    assert found[-1] == ()


def test_version_3(tmp_path: Path) -> None:
    top, directory, file = (t3.nfs_fh3(name) for name in (b"top", b"directory", b"file"))
    told = t3.post_op_fh3(True, file)
    plus = [t3.entryplus3(4, b"listed", 4, AFTER, t3.post_op_fh3(True, t3.nfs_fh3(b"4")), None)]
    talk: list[tuple[str, Any, Any]] = [
        (
            "LOOKUP",
            t3.LOOKUP3args(t3.diropargs3(top, b"d")),
            t3.LOOKUP3resok(directory, AFTER, NONE),
        ),
        (
            "CREATE",
            t3.CREATE3args(t3.diropargs3(directory, b"f"), t3.createhow3(t3.GUARDED, SET)),
            t3.CREATE3resok(told, AFTER, WCC),
        ),
        ("READ", t3.READ3args(file, 0, 2), t3.READ3resok(AFTER, 2, True, b"ab")),
        (
            "RENAME",
            t3.RENAME3args(t3.diropargs3(directory, b"f"), t3.diropargs3(top, b"g")),
            t3.RENAME3resok(WCC, WCC),
        ),
        ("GETATTR", t3.GETATTR3args(file), t3.GETATTR3resok(AFTER.value)),
        (
            "READDIRPLUS",
            t3.READDIRPLUS3args(directory, 0, bytes(8), 512, 4096),
            t3.READDIRPLUS3resok(AFTER, bytes(8), t3.dirlistplus3(link(plus), True)),
        ),
        ("GETATTR", t3.GETATTR3args(t3.nfs_fh3(b"4")), t3.GETATTR3resok(AFTER.value)),
        ("LINK", t3.LINK3args(file, t3.diropargs3(directory, b"h")), t3.LINK3resok(AFTER, WCC)),
        ("REMOVE", t3.REMOVE3args(t3.diropargs3(directory, b"listed")), t3.REMOVE3resok(WCC)),
    ]  # fmt: skip
    wire = Wire()
    wire.connect()
    for xid, (name, arguments, result) in enumerate(talk, 1):
        wire.nfs_call(xid, [], inline=call(NFS3_NAMES.index(name), arguments, xid))
        wire.nfs_reply(xid, reply(result_of(name, result), xid))
    found = dissect_octets(pcap(wire.frames), tmp_path).exchanges
    assert [one.paths for one in found] == [
        ("…/d",), ("…/d/f",), ("…/d/f",), ("…/d/f", "…/g"), ("…/g",), ("…/d",), ("…/d/listed",),
        ("…/g", "…/d/h"), ("…/d/listed",),
    ]  # fmt: skip


def test_outputs_have_the_path(tmp_path: Path) -> None:
    wire = Wire()
    wire.connect()
    for xid, steps in enumerate(([root(), look(b"f x"), get(b"f")], [put(b"f"), read()]), 1):
        wire.nfs_call(xid, [asked for asked, _ in steps])
        wire.nfs_reply(xid, results(xid, [result for _, result in steps]))
    capture = tmp_path / "capture.pcap"
    capture.write_bytes(pcap(wire.frames))
    first, second = dissect(capture)
    assert (first.path, second.path, second.paths, second.handle) == (
        "/f x", "/f x", ("/f x",), b"f",
    )  # fmt: skip
    assert str(second).endswith(" us /f x")
    assert second.call_fields["nfs.path"] == second.reply_fields["nfs.path"] == "/f x"
    columns = row(second.exchange)
    assert (columns["path"], columns["offset"], columns["count"], columns["uid"]) == (
        "/f x", 8, 2, 1000,
    )  # fmt: skip
    assert [rpc.name for rpc in dissect(capture, filter='nfs.path == "/f x"')] == ["LOOKUP", "READ"]
    assert not list(dissect(capture, filter='nfs.path contains "nothing"'))


def test_what_is_remembered_is_bounded() -> None:
    names = Names(most=64)
    server = names.learned("server")
    top = names.root(server)
    for number in range(1000):
        directory = names.bind(server, names.child(top, b"d%d" % number), b"d%d" % number)
        names.bind(server, names.child(directory, b"f"), b"f%d" % number)
        assert len(names) <= 64
        assert len(server.handles) <= 64
        if number % 7 == 0:
            top = names.root(server)
    latest = server.handles[b"f999"]
    assert names.path(latest) in ("/d999/f", "…/d999/f", "…/f")


@pytest.mark.parametrize("count", [3, MAX_DEPTH + 10])
def test_circles_have_an_end(count: int) -> None:
    names = Names()
    server = names.learned("server")
    nodes: list[Node] = [names.node(server, b"%d" % number) for number in range(count)]
    for above, below in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        names.attach(below, above, b"n")
    assert all(len(names.path(node)) <= 3 * MAX_DEPTH for node in nodes)


def test_servers_have_names_of_their_own() -> None:
    names = Names()
    one, two = names.learned("one"), names.learned("two")
    names.bind(one, names.child(names.root(one), b"a"), b"handle")
    names.bind(two, names.child(names.root(two), b"b"), b"handle")
    assert names.path(one.handles[b"handle"]) == "/a"
    assert names.path(two.handles[b"handle"]) == "/b"
    for number in range(2000):
        names.learned(f"{number}")
    assert names.server("one") is None


def test_json_lists_what_is_about_two_files(tmp_path: Path) -> None:
    wire = Wire()
    wire.connect()
    steps = [root(), save(), root(), renamed(b"a", b"b")]
    wire.nfs_call(1, [asked for asked, _ in steps])
    wire.nfs_reply(1, results(1, [result for _, result in steps]))
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wire.frames))
    (rpc,) = dissect(path)
    assert json.loads(json.dumps(rpc.call_fields))["nfs.path"] == ["/a", "/b"]
    assert str(rpc).endswith("/a -> /b")
