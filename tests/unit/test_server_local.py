"""The local back end where it differs from others: ways out, races, and handles."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.support.listings import listed
from tests.support.local_files import Seconds, descriptors, fails
from tests.support.threads import AtOnce

from nfsrdma.server.vfs import below, local, syscalls
from nfsrdma.server.vfs.identity import Identity
from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, Changes, User
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.pace import Medium

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")

SECRET = "outside"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An export with a secret next to it."""
    root = tmp_path / "export"
    root.mkdir()
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "elsewhere").mkdir()
    return root


@pytest.fixture(params=["kernel", "inode", "kernel other", "inode other"])
def fs(request: pytest.FixtureRequest, tree: Path) -> Iterator[LocalFileSystem]:
    """With each kind of handles, and with threads for what may wait."""
    handles, _, medium = request.param.partition(" ")
    try:
        opened = LocalFileSystem(
            tree, kernel_handles=handles == "kernel", medium=Medium(medium) if medium else None
        )
    except OSError:
        pytest.skip("the kernel gives no handles here")
    assert opened.handle_scheme == handles
    threads = AtOnce()
    if medium:
        opened.attach(threads)
    yield opened
    opened.close()
    threads.close()


# Ways out


def test_symlink_out_is_not_followed(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "file").symlink_to("../secret")
    (tree / "dir").symlink_to("..")
    link = fs.lookup(fs.root, b"file", ROOT)
    assert link.is_symlink
    fails(errno.EINVAL, fs.open, link, ROOT, READ)
    fails(errno.ENOTDIR, fs.lookup, fs.lookup(fs.root, b"dir", ROOT), b"secret", ROOT)
    fails(errno.ENOTDIR, fs.mkdir, fs.lookup(fs.root, b"dir", ROOT), b"x", ROOT, 0o755)


def test_creation_through_a_dangling_link(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "new").symlink_to("../created")
    fails(errno.EEXIST, fs.create, fs.root, b"new", ROOT, 0o644, WRITE)
    assert not (tree.parent / "created").exists()


def test_dots_are_no_way_out(fs: LocalFileSystem) -> None:
    # Operations refuse these names before; a back end must not depend on it.
    fails((errno.ENOENT, errno.EXDEV), fs.lookup, fs.root, b"..", ROOT)
    fails((errno.ENOENT, errno.EXDEV, errno.ELOOP), fs.lookup, fs.root, b"../secret", ROOT)
    fails((errno.ENOENT, errno.EXDEV, errno.ELOOP), fs.lookup, fs.root, b"/etc/passwd", ROOT)


def test_parent_of_a_directory_that_was_moved_out(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "a").mkdir()
    moved = fs.lookup(fs.root, b"a", ROOT)
    (tree / "a").rename(tree.parent / "elsewhere" / "a")
    fails((errno.ENOENT, errno.ESTALE), fs.parent, moved, ROOT)
    fs.nodes.trim()
    fails(errno.ESTALE, fs.node, moved.identity)


def test_handle_of_a_directory_outside(fs: LocalFileSystem, tree: Path) -> None:
    for name in ("elsewhere", "."):
        with_all = LocalFileSystem(tree.parent / name, kernel_handles=fs.handle_scheme == "kernel")
        identity = with_all.root.identity
        with_all.close()
        fails(errno.ESTALE, fs.node, identity)


def test_swapping_a_directory_for_a_link(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "d").mkdir()
    node = fs.lookup(fs.root, b"d", ROOT)
    (tree / "d").rename(tree / "kept")
    (tree / "d").symlink_to("../elsewhere")
    fs.mkdir(node, b"inside", ROOT, 0o755)
    assert (tree / "kept" / "inside").is_dir()
    assert not any((tree.parent / "elsewhere").iterdir())


def test_attributes_of_a_link_itself(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "l").symlink_to("../secret")
    before = (tree.parent / "secret").stat()
    link = fs.lookup(fs.root, b"l", ROOT)
    fs.change(link, ROOT, Changes(mode=0, mtime_ns=5))
    if os.geteuid() == 0:
        fs.change(link, ROOT, Changes(uid=9))
    after = (tree.parent / "secret").stat()
    assert (before.st_mode, before.st_uid, before.st_mtime) == (
        after.st_mode,
        after.st_uid,
        after.st_mtime,
    )
    assert fs.attributes(link).mtime_ns == 5


@needs_root
def test_mount_points_are_invisible(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "mnt").mkdir()
    if os.system(f"mount -t tmpfs none {tree}/mnt 2>/dev/null") != 0:
        pytest.skip("cannot mount here")
    try:
        fails(errno.ENOENT, fs.lookup, fs.root, b"mnt", ROOT)
        assert b"mnt" not in [name for _, name in listed(fs, fs.root)]
        fs.calls._have_openat2 = False
        fails(errno.ENOENT, fs.lookup, fs.root, b"mnt", ROOT)
    finally:
        os.system(f"umount {tree}/mnt")


def test_without_openat2(fs: LocalFileSystem, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> int:
        raise OSError(errno.ENOSYS, "missing")

    (tree / "f").write_text("x")
    (tree / "l").symlink_to("f")
    monkeypatch.setattr(syscalls, "open_beneath", missing)
    assert fs.lookup(fs.root, b"f", ROOT).is_regular
    assert fs.lookup(fs.root, b"l", ROOT).is_symlink


# What the machine does behind the server's back


def test_removed_locally(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "f").write_text("x")
    node = fs.lookup(fs.root, b"f", ROOT)
    (tree / "f").unlink()
    fails(errno.ESTALE, fs.attributes, node)
    fails(errno.ESTALE, fs.node, node.identity)


def test_replaced_locally(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "f").write_text("old")
    old = fs.lookup(fs.root, b"f", ROOT)
    (tree / "g").write_text("new")
    (tree / "g").rename(tree / "f")
    assert fs.lookup(fs.root, b"f", ROOT).identity != old.identity
    fails(errno.ESTALE, fs.attributes, old)


def test_moved_locally(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "f").write_text("x")
    node = fs.lookup(fs.root, b"f", ROOT)
    (tree / "f").rename(tree / "a" / "b" / "g")
    fs.nodes.trim()
    assert fs.attributes(fs.node(node.identity)).size == 1


def test_changed_locally(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "f").write_text("x")
    node = fs.lookup(fs.root, b"f", ROOT)
    before = fs.attributes(node).change
    os.utime(tree / "f", ns=(1, 1))
    assert fs.attributes(node).change != before


def test_open_file_holds_the_inode(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "f").write_text("still")
    node = fs.lookup(fs.root, b"f", ROOT)
    file = fs.open(node, ROOT, READ)
    (tree / "f").unlink()
    fs.nodes.trim()
    assert fs.attributes(node).nlink == 0
    buffer = bytearray(5)
    file.read(0, memoryview(buffer))
    assert buffer == b"still"
    file.close()
    fails(errno.ESTALE, fs.attributes, node)


# Descriptors


def test_descriptors_are_bounded(tree: Path) -> None:
    for number in range(100):
        (tree / f"{number}").write_text("x")
    before = descriptors()
    for kernel in (None, False):
        fs = LocalFileSystem(tree, descriptors=16, kernel_handles=kernel)
        nodes = [fs.lookup(fs.root, b"%d" % number, ROOT) for number in range(100)]
        for node in nodes:
            fs.attributes(node)
        assert descriptors() <= before + 16 + 2
        fs.nodes.trim()
        assert descriptors() <= before + 2
        fs.close()
        fs.close()
    assert descriptors() == before


def test_failures_leak_no_descriptors(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "f").write_text("x")
    (tree / "d").mkdir()
    file = fs.lookup(fs.root, b"f", ROOT)
    before = descriptors()
    for _ in range(5):
        fails(errno.EEXIST, fs.create, fs.root, b"f", ROOT, 0o644, READ)
        fails(errno.EISDIR, fs.open, fs.root, ROOT, READ)
        fails(errno.ENOTDIR, fs.lookup, file, b"x", ROOT)
        fails(errno.ESTALE, fs.node, b"K" + bytes(20)) if fs.handle_scheme == "kernel" else None
        fails((errno.ESTALE, errno.EINVAL), fs.node, b"I" + bytes(16))
        listed(fs, fs.root, most=1)
    assert descriptors() <= before + 1


def test_what_is_no_directory(tree: Path) -> None:
    (tree / "f").write_text("x")
    fails(errno.ENOTDIR, LocalFileSystem, tree / "f")
    fails(errno.ENOENT, LocalFileSystem, tree / "none")


def test_no_kernel_handles_to_be_had(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> tuple[int, bytes, int]:
        raise OSError(errno.EOPNOTSUPP, "no handles")

    monkeypatch.setattr(syscalls, "handle_of", refuse)
    fs = LocalFileSystem(tree)
    assert fs.handle_scheme == "inode"
    fs.close()
    fails(errno.EOPNOTSUPP, lambda: LocalFileSystem(tree, kernel_handles=True))


def test_kernel_handles_that_are_too_long(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_IDENTITY", 4)
    fs = LocalFileSystem(tree)
    assert fs.handle_scheme == "inode"
    fs.close()


# Rights


@pytest.mark.parametrize("access", [READ, WRITE, READ | WRITE])
def test_a_file_has_its_times_before_its_name(
    fs: LocalFileSystem, tree: Path, monkeypatch: pytest.MonkeyPatch, access: int
) -> None:
    """Whoever ends the server at any moment leaves no file that lacks a create's verifier."""
    named: list[tuple[bool, int, int]] = []
    link = os.link

    def spy(path: str, name: bytes, *, dst_dir_fd: int) -> None:
        status = os.stat(path)
        named.append(((tree / "f").exists(), status.st_atime_ns, status.st_mtime_ns))
        link(path, name, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "link", spy)
    times = (7 * 10**9, 2**31 * 10**9 - 10**9)
    node, file = fs.create(fs.root, b"f", ROOT, 0o640, access, times)
    assert named == ([] if access == READ else [(False, *times)])
    status = (tree / "f").stat()
    assert (status.st_atime_ns, status.st_mtime_ns, status.st_nlink) == (*times, 1)
    assert stat.S_IMODE(status.st_mode) == 0o640
    file.close()
    assert fs.lookup(fs.root, b"f", ROOT).identity == node.identity
    fails(errno.EEXIST, lambda: fs.create(fs.root, b"f", ROOT, 0o640, access, times))
    assert len(list(tree.iterdir())) == 1


def test_times_where_no_file_is_without_a_name(
    fs: LocalFileSystem, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems make none."""
    real = os.open

    def refuse(path: bytes, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "no")
        return real(path, flags, *rest, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    _, file = fs.create(fs.root, b"f", ROOT, 0o600, WRITE, (1, 2))
    file.close()
    status = (tree / "f").stat()
    assert (status.st_atime_ns, status.st_mtime_ns) == (1, 2)


def test_modes_are_restored_under_a_file_mask(tree: Path) -> None:
    old = os.umask(0o077)
    try:
        fs = LocalFileSystem(tree)
        node = fs.mknod(fs.root, b"p", ROOT, stat.S_IFIFO | 0o666, (0, 0))
        assert fs.attributes(node).mode == 0o666
        fs.close()
    finally:
        os.umask(old)


@needs_root
def test_identity_is_always_given_back(fs: LocalFileSystem) -> None:
    before = Path("/proc/self/status").read_text().splitlines()
    fails(errno.EACCES, fs.mkdir, fs.root, b"x", User(1234, 1234, (5, 6)), 0o755)
    after = Path("/proc/self/status").read_text().splitlines()
    for line in ("Uid", "Gid", "Groups"):
        assert [text for text in before if text.startswith(line)] == [
            text for text in after if text.startswith(line)
        ]
    fs.mkdir(fs.root, b"y", ROOT, 0o755)


@needs_root
def test_user_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = Identity()
    monkeypatch.setattr(syscalls, "set_fsuid", lambda uid: 0)
    with pytest.raises(PermissionError), identity(User(1234, 1234)):
        pytest.fail("went on")


def test_identity_of_an_ordinary_user_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "set_fsuid", lambda uid: pytest.fail("tried"))
    identity = Identity(privileged=False)
    assert not identity.privileged
    with identity(User(1234, 1234)):
        pass


def test_access_on_kernels_that_cannot_be_asked(
    fs: LocalFileSystem, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> bool:
        raise OSError(errno.ENOSYS, "missing")

    (tree / "f").write_text("x")
    (tree / "f").chmod(0o640)
    node = fs.lookup(fs.root, b"f", ROOT)
    monkeypatch.setattr(syscalls, "accessible", missing)
    assert fs.permitted(node, User(77, 77), 7) in (0, READ | WRITE)
    assert fs.permitted(node, ROOT, 7) == READ | WRITE


@needs_root
def test_groups_without_a_known_system_call(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[int, ...]] = []
    monkeypatch.setattr(syscalls, "_SYS_SETGROUPS", None)
    monkeypatch.setattr(os, "setgroups", called.append)
    syscalls.set_thread_groups((1, 2))
    assert called == [(1, 2)]


def test_failures_of_system_calls(tree: Path) -> None:
    fails(errno.EBADF, syscalls.open_beneath, -1, b"x", os.O_PATH)
    fails(errno.EBADF, syscalls.fallocate, -1, 0, 0, 1)
    fails(errno.ENOENT, syscalls.set_times, bytes(tree / "none"), (0, 0), (0, 0))
    fails((errno.EBADF, errno.ENOTDIR), next, syscalls.directory_entries(-1, 1))
    assert syscalls.birth_time(-1) == -1


# Directories that are moved out


@pytest.mark.parametrize("kernel", [None, False])
def test_directory_that_is_moved_out_is_soon_refused(tmp_path: Path, kernel: bool | None) -> None:
    export, outside = tmp_path / "export", tmp_path / "outside"
    (export / "a" / "b").mkdir(parents=True)
    (export / "a" / "b" / "f").write_text("x")
    outside.mkdir()
    clock = Seconds()
    fs = LocalFileSystem(export, kernel_handles=kernel, clock=clock)
    above = fs.lookup(fs.root, b"a", ROOT)
    below = fs.lookup(above, b"b", ROOT)
    fs.lookup(below, b"f", ROOT)
    (export / "a").rename(outside / "a")
    clock.now += 1.5
    for node in (below, above):
        fails(errno.ESTALE, fs.lookup, node, b"f", ROOT)
        fails(errno.ESTALE, fs.mkdir, node, b"new", ROOT, 0o755)
        fails(errno.ESTALE, fs.create, node, b"new", ROOT, 0o644, READ)
        fails(errno.ESTALE, fs.remove, node, b"f", ROOT)
        fails(errno.ESTALE, fs.parent, node, ROOT)
        fails(errno.ESTALE, fs.attributes, node)
        fails(errno.ESTALE, listed, fs, node)
        fails(errno.ESTALE, fs.rename, node, b"f", fs.root, b"f", ROOT)
    assert sorted(os.listdir(outside / "a" / "b")) == ["f"]
    # And back again.
    (outside / "a").rename(export / "a")
    again = fs.lookup(fs.lookup(fs.root, b"a", ROOT), b"b", ROOT)
    assert again.identity == below.identity
    assert [name for _, name in listed(fs, below)] == [b"f"]
    fs.close()


def test_where_a_directory_lies_is_not_looked_up_at_each_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    clock = Seconds()
    fs = LocalFileSystem(tmp_path, clock=clock)
    looks = []
    real = fs._below.seen
    monkeypatch.setattr(fs._below, "seen", lambda fd: looks.append(fd) or real(fd))
    node = fs.lookup(fs.root, b"a", ROOT)
    for _ in range(100):
        fs.attributes(node)
        listed(fs, node)
    assert len(looks) <= 1
    fs.close()


@pytest.mark.parametrize("kernel", [None, False])
def test_file_that_is_moved_out_is_refused_at_the_next_sweep(
    tmp_path: Path, kernel: bool | None
) -> None:
    export, outside = tmp_path / "export", tmp_path / "export-no-more"
    export.mkdir()
    outside.mkdir()
    (export / "f").write_text("x")
    fs = LocalFileSystem(export, kernel_handles=kernel, clock=count().__next__)
    node = fs.lookup(fs.root, b"f", ROOT)
    (export / "f").rename(outside / "f")
    fs.nodes.trim()
    fails(errno.ESTALE, fs.attributes, node)
    fails(errno.ESTALE, fs.open, node, ROOT, READ)
    fails(errno.ESTALE, fs.node, node.identity)
    # And back again.
    (outside / "f").rename(export / "g")
    fs.lookup(fs.root, b"g", ROOT)
    fs.nodes.trim()
    assert fs.attributes(node).size == 1
    fs.close()


def test_file_that_is_used_all_the_time_is_looked_after_too(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "f").write_text("x")
    fs = LocalFileSystem(export)
    node = fs.lookup(fs.root, b"f", ROOT)
    fd = fs.nodes._cache.kept_fd(node.identity)
    fs.sweep()
    assert fs.attributes(node).size == 1
    assert fs.nodes._cache.kept_fd(node.identity) == fd, "it is not opened again"
    (export / "f").rename(tmp_path / "f")
    assert fs.attributes(node).size == 1
    fs.sweep()
    fails(errno.ESTALE, fs.attributes, node)
    fs.close()


def test_what_is_not_used_is_closed_at_the_second_sweep(tmp_path: Path) -> None:
    for name in ("a", "b", "deleted"):
        (tmp_path / name).write_text("x")
    fs = LocalFileSystem(tmp_path)
    nodes = [fs.lookup(fs.root, name, ROOT) for name in (b"a", b"b", b"deleted")]
    fs.sweep()
    assert fs.attributes(nodes[0]).size == 1
    (tmp_path / "deleted").unlink()
    fs.sweep()
    assert len(fs.nodes._cache) == 1
    fs.sweep()
    assert len(fs.nodes._cache) == 0
    assert fs.attributes(nodes[1]).size == 1
    fs.close()


def test_file_with_a_second_name_elsewhere_stays(fs: LocalFileSystem, tree: Path) -> None:
    (tree / "f").write_text("x")
    os.link(tree / "f", tree.parent / "second name")
    node = fs.lookup(fs.root, b"f", ROOT)
    for path in (tree.parent / "second name", tree / "f"):
        assert path.stat().st_size == 1  # so that the kernel knows one name or the other best
        fs.nodes.trim()
        assert fs.attributes(node).size == 1


def test_export_that_is_moved_takes_its_files_along(tmp_path: Path) -> None:
    export = tmp_path / "export"
    (export / "d").mkdir(parents=True)
    (export / "d" / "f").write_text("x")
    clock = Seconds()
    fs = LocalFileSystem(export, clock=clock)
    directory = fs.lookup(fs.root, b"d", ROOT)
    file = fs.lookup(directory, b"f", ROOT)
    export.rename(tmp_path / "moved")
    clock.now += 10
    fs.nodes.trim()
    assert fs.attributes(file).size == 1
    assert [name for _, name in listed(fs, directory)] == [b"f"]
    fs.close()


def test_depth_is_looked_through_once_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many directories at the end of a deep tree are used at once."""
    deep = tmp_path.joinpath(*["d"] * 100)
    deep.mkdir(parents=True)
    for number in range(50):
        (deep / f"{number}").mkdir()
    clock = Seconds()
    fs = LocalFileSystem(tmp_path, clock=clock)
    node = fs.root
    for _ in range(100):
        node = fs.lookup(node, b"d", ROOT)
    nodes = [fs.lookup(node, b"%d" % number, ROOT) for number in range(50)]
    steps = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda *a, **k: steps.append(a[0]) or real(*a, **k))
    for second in range(3):
        fs.nodes.trim()
        clock.now += 10
        del steps[:]
        for each in nodes:
            fs.attributes(each)
        assert steps.count(b"..") < 100 + 2 * 50, second
    fs.close()


def test_what_is_deeper_than_anybody_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(below, "_DEEPEST", 20)
    tmp_path.joinpath(*["d"] * 30).mkdir(parents=True)
    fs = LocalFileSystem(tmp_path, clock=count(0, 10).__next__)
    node = fs.root
    for _ in range(20):
        node = fs.lookup(node, b"d", ROOT)
    fails(errno.ESTALE, fs.lookup, node, b"d", ROOT)
    fs.close()


def test_mode_is_not_masked(fs: LocalFileSystem) -> None:
    old = os.umask(0o077)
    try:
        fs.calls._umask = 0o077
        node, file = fs.create(fs.root, b"f", ROOT, 0o666, READ)
        file.close()
        assert fs.attributes(node).mode == 0o666
        assert fs.attributes(fs.mkdir(fs.root, b"d", ROOT, 0o777)).mode == 0o777
    finally:
        os.umask(old)
