"""The back end over fsspec where it differs from others: names, bounds, what changes behind it."""

from __future__ import annotations

import errno
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.backends import fails, get, names
from tests.support.listings import listed
from tests.support.threads import AtOnce

from nfsrdma.cli.serve import serve
from nfsrdma.cli.serve_backends import is_url, name_of_place, resolved, shown_place
from nfsrdma.cli.serve_exports import parse_export, split_options
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs.fsspec import FsspecFileSystem, UrlRefused, open_url
from nfsrdma.server.vfs.fsspec import calls as calls_module
from nfsrdma.server.vfs.fsspec import listings as listings_module
from nfsrdma.server.vfs.fsspec.names import DEEPEST, Names, places
from nfsrdma.server.vfs.interface import EXECUTE, READ, ROOT, Job, User


class Store:
    """An fsspec file system of a few objects, which counts what it is asked for."""

    protocol: Any = "store"
    async_impl = True

    def __init__(self, objects: dict[str, bytes], **told: Any) -> None:
        self.objects = objects
        self.told = told
        self.listed: list[str] = []
        self.asked: list[str] = []
        self.opened = 0
        self.failure: Exception | None = None

    def _strip_protocol(self, path: str) -> str:
        return path

    def invalidate_cache(self, path: str) -> None:
        raise NotImplementedError

    def ls(self, path: str, detail: bool) -> list[dict[str, Any]]:
        self.listed.append(path)
        if self.failure is not None:
            raise self.failure
        path = path.rstrip("/")
        found: dict[str, dict[str, Any]] = {}
        for name, data in self.objects.items():
            if not name.startswith(f"{path}/"):
                continue
            first, slash, _ = name[len(path) + 1 :].partition("/")
            kind = "directory" if slash else "file"
            key = f"{path}/{first}{slash}"
            found[key] = {"name": key, "type": kind, "size": len(data), **self.told}
        if not found:
            raise FileNotFoundError(path)
        return list(found.values())

    def info(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        return {"name": path, "type": "file", "size": len(self.objects[path])}

    def open(self, path: str, mode: str, **how: Any) -> io.BytesIO:
        self.opened += 1
        return io.BytesIO(self.objects[path])


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make(objects: dict[str, bytes], clock: Clock | None = None, **told: Any) -> tuple[Store, Any]:
    store = Store(objects, **told)
    return store, FsspecFileSystem(store, "r", "store://r", clock=clock or Clock())


def look(fs: Any, *path: bytes) -> Any:
    node = fs.root
    for name in path:
        node = fs.lookup(node, name, ROOT)
    return node


@pytest.mark.parametrize("bad", ["..", ".", "", "x\0y", "\ud800", "n" * 256])
def test_names_that_no_file_can_have_are_not_shown(bad: str) -> None:
    _, fs = make({f"r/{bad}": b"x", f"r/{bad}/below": b"x", "r/good": b"y"})
    assert names(fs, fs.root) == [b"good"]


def test_what_a_listing_names_elsewhere_is_not_shown() -> None:
    store, fs = make({"r/good": b"y"})
    real = store.ls
    for name in ("good", "s/good", "r/d/good", "/etc/passwd", "r/../good", "r//good/"):
        store.ls = lambda path, detail, name=name: [  # type: ignore[method-assign]
            *real(path, detail),
            {"name": name, "type": "file", "size": 1},
            {"name": name},
            {"name": 7, "type": "file"},
            {"name": "r/pipe", "type": "other"},
        ]
        fs = FsspecFileSystem(store, "r", "store://r", clock=Clock())
        assert names(fs, fs.root) == [b"good"]


def test_names_of_the_web_are_decoded_and_lead_nowhere_else() -> None:
    store = Store({"r/a%20b": b"1", "r/%2e%2e": b"2", "r/..%2fx": b"3", "r/c?C=N": b"4"})
    store.protocol = ("http", "https")
    fs = FsspecFileSystem(store, "r", "http://r", clock=Clock())
    assert names(fs, fs.root) == [b"a b"]
    assert get(fs, look(fs, b"a b")) == b"1"


def test_a_directory_hides_an_object_of_its_name() -> None:
    _, fs = make({"r/a": b"object", "r/a/b": b"below"})
    assert names(fs, fs.root) == [b"a"]
    assert get(fs, look(fs, b"a", b"b")) == b"below"


def test_what_is_listed_is_asked_for_once_until_it_expires() -> None:
    clock = Clock()
    store, fs = make({"r/a": b"1", "r/d/b": b"2"}, clock)
    before = fs.attributes(fs.root).change
    for _ in range(5):
        get(fs, look(fs, b"d", b"b"))
        listed(fs, fs.root)
    assert store.listed == ["r", "r/d/"]
    assert store.opened == 1
    store.objects["r/new"] = b"3"
    fails(errno.ENOENT, look, fs, b"new")
    assert fs.attributes(fs.root).change == before
    clock.now += listings_module.EXPIRY_S
    assert get(fs, look(fs, b"new")) == b"3"
    assert fs.attributes(fs.root).change != before


def test_what_is_replaced_or_gone() -> None:
    clock = Clock()
    store, fs = make({"r/a": b"old", "r/b": b"b"}, clock)
    node = look(fs, b"a")
    file = fs.open(node, ROOT, READ)
    change = fs.attributes(node).change
    store.objects["r/a"] = b"newer"
    clock.now += 60
    assert get(fs, node) == b"newer"
    assert fs.attributes(node).change != change
    del store.objects["r/a"]
    clock.now += 60
    fails(errno.ESTALE, fs.attributes, node)
    fails(errno.ESTALE, fs.node, node.identity)
    fails(errno.ESTALE, file.read, 0, memoryview(bytearray(1)))
    store.objects["r/a/x"] = b"a directory now"
    clock.now += 60
    fails(errno.ESTALE, fs.node, node.identity)
    assert get(fs, look(fs, b"a", b"x")) == b"a directory now"


def test_a_handle_is_found_by_its_steps() -> None:
    tree = {f"r/{'/'.join(f'd{depth}' for depth in range(20))}/f{n}": b"%d" % n for n in range(50)}
    _, fs = make(tree)
    node = look(fs, *(f"d{depth}".encode() for depth in range(20)), b"f33")
    store, other = make(tree)
    assert get(other, other.node(node.identity)) == b"33"
    assert len(store.listed) == 21


def test_names_with_one_step_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Names, "_number", lambda self, name: 5 << 38)
    tree = {f"r/d{d}/f{f}": f"{d} {f}".encode() for d in range(4) for f in range(4)}
    _, fs = make(tree)
    node = look(fs, b"d2", b"f3")
    _, other = make(tree)
    assert get(other, other.node(node.identity)) == b"2 3"
    cookies = [cookie for cookie, _ in listed(other, other.root)]
    assert cookies == sorted(set(cookies))
    assert all(low <= cookies[0] < high for low, high in places(node.identity))


def test_a_hostile_handle_costs_a_bounded_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Names, "_number", lambda self, name: 5 << 38)
    tree = {f"r/d{a}/e{b}/f{c}/x": b"" for a in range(6) for b in range(6) for c in range(6)}
    _, fs = make(tree)
    identity = look(fs, b"d1", b"e2", b"f3", b"x").identity
    store, other = make(tree)
    fails(errno.ESTALE, other.node, identity[:1] + bytes(12) + identity[13:])
    assert len(store.listed) <= 65


def test_a_tree_deeper_than_a_handle_can_say() -> None:
    path = [f"{depth}" for depth in range(DEEPEST + 2)]
    _, fs = make({"r/" + "/".join(path): b"deep"})
    node = look(fs, *(name.encode() for name in path[:DEEPEST]))
    assert len(node.identity) <= 115
    fails(errno.ENAMETOOLONG, fs.lookup, node, path[DEEPEST].encode(), ROOT)
    assert names(fs, node) == []


def test_sizes_that_a_listing_does_not_tell() -> None:
    store, fs = make({"r/a": b"12345", "r/b": b"123"}, size=None)
    listing = fs.entries(fs.root, 0, ROOT, 10)
    assert sorted(entry.found[0].size for entry in listing.entries) == [3, 5]
    assert get(fs, look(fs, b"a")) == b"12345"
    assert sorted(store.asked) == ["r/a", "r/b"]


def test_a_size_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    store, fs = make({"r/a": b"12345"}, size=None)
    monkeypatch.setattr(store, "info", lambda path: {"name": path, "size": None})
    node = look(fs, b"a")
    fails(errno.EIO, fs.open, node, ROOT, READ)
    fails(errno.EIO, fs.attributes, node)
    (entry,) = fs.entries(fs.root, 0, ROOT, 10).entries
    assert isinstance(entry.found, OSError)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (PermissionError("who are you?"), errno.EACCES),
        (TimeoutError(), errno.ETIMEDOUT),
        (OSError("the line is cut"), errno.EIO),
        (OSError(errno.ENOSPC, "no space"), errno.EIO),
        (NotImplementedError(), errno.EOPNOTSUPP),
        (KeyError("a bug"), errno.EIO),
        (RecursionError(), errno.EIO),
    ],
)
def test_what_goes_wrong_is_an_error_of_nfs(failure: Exception, code: int) -> None:
    clock = Clock()
    store, fs = make({"r/a": b"1"}, clock)
    store.failure = failure
    clock.now += 60
    fails(code, fs.lookup, fs.root, b"a", ROOT)
    store.failure = None
    assert get(fs, look(fs, b"a")) == b"1"


def test_a_directory_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "LARGEST_DIRECTORY", 10)
    _, fs = make({"r/a": b"1", **{f"r/d/{n}": b"" for n in range(11)}})
    fails(errno.EOVERFLOW, lambda: listed(fs, look(fs, b"d")))
    assert get(fs, look(fs, b"a")) == b"1"


def test_listings_and_streams_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings_module, "_ENTRIES", 200)
    _, fs = make({f"r/d{d}/f{f}": b"x" for d in range(30) for f in range(5)})
    for d in range(30):
        for f in range(5):
            get(fs, look(fs, f"d{d}".encode(), f"f{f}".encode()))
    assert len(fs._listings._kept) < 15
    assert len(fs._calls._streams) <= 16
    fs.close()
    assert not fs._calls._streams


def test_modes_and_owners_that_an_archive_keeps() -> None:
    alice, bob = User(1001, 1001), User(1002, 1002)
    _, fs = make({"r/a": b"1"}, mode=0o4640, uid=1001, gid=1001)
    node = look(fs, b"a")
    assert fs.attributes(node).mode == 0o440
    assert fs.permitted(node, alice, 7) == READ
    assert fs.permitted(node, bob, 7) == 0
    fails(errno.EACCES, fs.open, node, bob, READ)
    _, fs = make({"r/d/a": b"1"}, mode=0o700, uid=1001, gid=1001)
    fails(errno.EACCES, fs.lookup, look(fs, b"d"), b"a", bob)
    fails(errno.EACCES, lambda: listed(fs, look(fs, b"d"), who=bob))
    assert fs.permitted(look(fs, b"d"), alice, 7) == READ | EXECUTE


class Later:
    """An executor whose threads get to work when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Any, Future[Any]]] = []

    def submit(self, work: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((work, future))
        return future

    def background(self, job: Job) -> None:
        job()

    def work(self) -> None:
        work, future = self.waiting.pop(0)
        try:
            future.set_result(work())
        except Exception as error:
            future.set_error(error)


def test_who_needs_the_same_listing_waits_for_the_same() -> None:
    clock = Clock()
    store, fs = make({"r/a": b"1", "r/b": b"2"}, clock)
    later = Later()
    fs.attach(later)
    clock.now += 60
    wanted = [fs.lookup(fs.root, name, ROOT) for name in (b"a", b"b", b"c")]
    assert all(isinstance(each, Future) for each in wanted)
    assert len(later.waiting) == 1
    later.work()
    assert [each.error() is None for each in wanted] == [True, True, False]
    assert store.listed == ["r", "r"]
    clock.now += 60
    store.failure = OSError("gone")
    wanted = [fs.lookup(fs.root, name, ROOT) for name in (b"a", b"b")]
    later.work()
    assert [each.error().errno for each in wanted] == [errno.EIO, errno.EIO]
    store.failure = None
    again = fs.lookup(fs.root, b"a", ROOT)
    later.work()
    assert again.result().is_regular


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("2026/beach.jpg", b"jpeg" * 1000)
        made.writestr("../../escaped", b"x")
    return path


def test_an_archive(archive: Path) -> None:
    fs: Any = open_url(f"zip::{archive}")
    threads = AtOnce()
    fs.attach(threads)
    assert names(fs, fs.root) == [b"2026"]
    assert get(fs, look(fs, b"2026", b"beach.jpg")) == b"jpeg" * 1000
    assert threads.done
    # It never changes, so what was listed holds for ever.
    assert fs.attributes(fs.root).change == 1
    fs.close()
    threads.close()


@pytest.mark.parametrize(
    "url", ["file:///etc", "local:///etc", "dir::file:///etc", "simplecache::file:///etc"]
)
def test_local_files_are_not_served_behind_the_kernels_back(url: str) -> None:
    with pytest.raises(UrlRefused, match="by its path"):
        open_url(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("zip::/not/there.zip", "cannot export zip::/not/there.zip: No such file"),
        ("nosuch://u:secret@x/y?key=secret", "cannot export nosuch://x/y: "),
        ("file:///etc", "a directory of this machine is exported by its path"),
    ],
)
def test_what_cannot_be_opened_is_told(url: str, said: str) -> None:
    result = CliRunner().invoke(serve, [url, "--ephemeral", "--provider", "none", "--tcp", "0"])
    assert result.exit_code == 1
    assert said in result.output
    assert "secret" not in result.output


def test_urls_as_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_url("s3://bucket/x")
    assert is_url("zip::/srv/a.zip")
    assert not is_url("/srv/a::b")
    assert not is_url("a=s3://bucket")
    assert split_options("s3://bucket/x:all_squash") == ("s3://bucket/x", ("all_squash",))
    assert split_options("http://host:8080/x") == ("http://host:8080/x", ())
    assert parse_export("https://host/x?a=b", True) == ("", "https://host/x?a=b")
    assert parse_export("https://u:p@host/x/?a=b", False) == ("x", "https://u:p@host/x/?a=b")
    assert parse_export("n=zip::/srv/a.zip", True) == ("n", "zip::/srv/a.zip")
    assert name_of_place("https://host/") == "host"
    assert shown_place("https://u:p@host/x?key=1") == "https://host/x"
    assert resolved("s3://bucket/x") == "s3://bucket/x"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "d").mkdir(parents=True)
    assert not is_url("s3://d")  # a directory that exists is one
