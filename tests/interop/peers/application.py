"""An application of our client: what `workloads` does through a kernel's mount.

Each function gets a mount of an empty export and raises when something is not as on a local file
system.
"""

from __future__ import annotations

import sys

from nfsrdma.client import Mount, mount

SYMLINK = "x" * 200 + "/" + "y" * 699


def small_files(fs: Mount) -> None:
    """A hundred files made, listed, read, renamed and removed."""
    fs.mkdir("small")
    for number in range(100):
        fs.write_bytes(f"small/f{number}", b"content %d" % number)
    assert sorted(fs.listdir("small")) == sorted(f"f{number}" for number in range(100))
    for number in range(100):
        assert fs.read_bytes(f"small/f{number}") == b"content %d" % number
    for number in range(0, 100, 2):
        fs.rename(f"small/f{number}", f"small/g{number}")
    fs.rmtree("small")
    assert not fs.exists("small")


def links(fs: Mount) -> None:
    """A symbolic link of 900 octets, a name beyond ASCII, a hard link."""
    fs.symlink(SYMLINK, "long")
    assert fs.readlink("long") == SYMLINK
    assert fs.lstat("long").st_size == 900
    fs.write_bytes("zwölf ☂", b"text")
    fs.link("zwölf ☂", "hard")
    assert fs.stat("hard").st_nlink == 2
    for name in ("long", "zwölf ☂", "hard"):
        fs.remove(name)


def open_files(fs: Mount) -> None:
    """Renaming, linking, replacing and unlinking what is open."""
    with fs.open("a", "w+b") as file:
        file.write(b"one")
        fs.rename("a", "b")
        file.write(b"two")
        fs.link("b", "c")
        assert file.stat().st_nlink == 2
        fs.remove("b")
        file.write(b"three")
        file.seek(0)
        assert file.read() == b"onetwothree"
    fs.write_bytes("d", b"new")
    fs.rename("d", "c")
    assert fs.read_bytes("c") == b"new"
    fs.remove("c")


def holes(fs: Mount) -> None:
    """Truncation to and fro, holes that read as zeros, writing at any place."""
    with fs.open("s", "w+b") as file:
        file.write_at(3_000_001, b"end")
        assert file.stat().st_size == 3_000_004
        file.truncate(100_000)
        file.truncate(200_001)
        file.write_at(70_000, b"middle")
        file.fsync()
    data = fs.read_bytes("s")
    assert len(data) == 200_001
    assert data[70_000:70_006] == b"middle"
    assert not any(data[:70_000])
    assert not any(data[70_006:])
    fs.remove("s")


def attributes(fs: Mount) -> None:
    """Modes, owners, times, and the size of the file system."""
    fs.write_bytes("t", b"")
    fs.chmod("t", 0o640)
    fs.chown("t", 1001, 1002)
    fs.utime("t", ns=(981_173_106_789_000_000, 946_598_400_000_000_000))
    seen = fs.stat("t")
    assert (seen.st_mode & 0o7777, seen.st_uid, seen.st_gid) == (0o640, 1001, 1002)
    assert seen.st_mtime_ns == 946_598_400_000_000_000
    size = fs.statvfs()
    assert 0 < size.f_bfree <= size.f_blocks
    fs.remove("t")


def guarded(fs: Mount) -> None:
    """What another user may and may not use."""
    fs.write_bytes("mine", b"root's", permissions=0o600)
    fs.write_bytes("team", b"ours", permissions=0o640)
    fs.chown("team", 0, 2000)
    fs.mkdir("closed", 0o700)
    fs.mkdir("open")
    fs.chmod("open", 0o777)


def another_user(fs: Mount) -> None:
    """May do what modes, owner and groups let it, and no more (AUTH_SYS)."""
    assert fs.read_bytes("team") == b"ours"
    fs.write_bytes("open/theirs", b"by 1000")
    assert (fs.stat("open/theirs").st_uid, fs.stat("open/theirs").st_gid) == (1000, 1000)
    for refused in (
        lambda: fs.read_bytes("mine"),
        lambda: fs.listdir("closed"),
        lambda: fs.write_bytes("team", b"changed"),
        lambda: fs.chown("open/theirs", 0),
    ):
        try:
            refused()
        except PermissionError:
            continue
        raise AssertionError("another user may do what it may not")


def clean(fs: Mount) -> None:
    """All of it removed."""
    for name in ("mine", "team"):
        fs.remove(name)
    for name in ("open", "closed"):
        fs.rmtree(name)
    assert fs.listdir() == []


def main() -> int:
    """All of it at one server's URL. One mount at a time: UDP port 4791 is there but once."""
    url = sys.argv[1]
    with mount(url) as fs:
        for part in (small_files, links, open_files, holes, attributes, guarded):
            part(fs)
            print(part.__name__, flush=True)
    with mount(url, uid=1000, gid=1000, groups=(2000,)) as fs:
        another_user(fs)
    with mount(url) as fs:
        clean(fs)
    print("all done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
