"""What a Linux client does to a mounted folder, one question each. The server may be anyone's.

A workload gets a `Site`, an empty folder of the mount of its own. It raises when something is not
as on a local file system. What is slow in a shell under software emulation is one Python script.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from lab import nfs
from lab.guest import Guest


@dataclass(frozen=True)
class Site:
    """Where a workload works: a folder of a mount, and a tree of files local to the guest."""

    guest: Guest
    folder: str
    tree: str

    def shell(self, command: str, timeout: float = 60.0) -> str:
        """Standard output of a command in the folder."""
        return self.guest.run(f"set -e; {command}", cwd=self.folder, timeout=timeout).stdout

    def python(self, script: str, timeout: float = 60.0) -> str:
        """Standard output of a Python script in the folder."""
        source = textwrap.dedent(script)
        return self.guest.run(
            "python3 -I -S -", stdin=source, cwd=self.folder, timeout=timeout
        ).stdout

    def forget(self) -> None:
        """Make the next reads go to the server."""
        nfs.drop_caches(self.guest)


def copy_tree(site: Site) -> None:
    """A tree copied in and read back, then removed."""
    site.shell(f"cp -a {site.tree} copy; sync -f .", timeout=120)
    site.forget()
    assert nfs.checksums(site.guest, f"{site.folder}/copy") == nfs.checksums(site.guest, site.tree)
    site.shell('rm -r copy; test -z "$(ls -A)"')


def small_files(site: Site) -> None:
    """A hundred small files made, listed, read, renamed and removed."""
    site.python("""
        import os
        for n in range(100):
            with open(f"f{n}", "w") as file:
                file.write(f"content {n}")
        assert sorted(os.listdir()) == sorted(f"f{n}" for n in range(100))
        for n in range(100):
            assert open(f"f{n}").read() == f"content {n}"
        for n in range(0, 100, 2):
            os.rename(f"f{n}", f"g{n}")
        for name in os.listdir():
            os.remove(name)
        assert os.listdir() == []
    """)


def long_symlink(site: Site) -> None:
    """A symbolic link of 900 octets, and one to a name beyond ASCII."""
    site.python("""
        import os
        target = "x" * 200 + "/" + "y" * 699
        os.symlink(target, "long")
        os.symlink("zwölf/☂", "beyond")
    """)
    site.forget()
    site.python("""
        import os
        assert os.readlink("long") == "x" * 200 + "/" + "y" * 699
        assert os.lstat("long").st_size == 900
        assert os.readlink("beyond") == "zwölf/☂"
    """)


def open_files(site: Site) -> None:
    """Renaming, linking and unlinking files that are open."""
    site.python("""
        import os, time
        file = open("a", "w+b", buffering=0)
        file.write(b"one")
        os.rename("a", "b")
        file.write(b"two")
        os.link("b", "c")
        assert os.fstat(file.fileno()).st_nlink == 2
        os.unlink("b")
        os.unlink("c")
        file.write(b"three")
        file.seek(0)
        assert file.read() == b"onetwothree"
        file.close()
        # What an open file became when it was removed goes by and by, after close() has returned.
        while (left := os.listdir()) and all(name.startswith(".nfs") for name in left):
            time.sleep(0.05)
        assert left == [], left
        open("d", "w").write("old"); victim = open("d")
        open("e", "w").write("new"); os.replace("e", "d")
        assert victim.read() == "old" and open("d").read() == "new"
    """)


def truncate_and_sparse(site: Site) -> None:
    """Truncation to and fro, holes that read as zeros, appending."""
    site.python("""
        import os
        with open("s", "wb") as file:
            file.seek(3_000_001); file.write(b"end")
        assert os.stat("s").st_size == 3_000_004
        os.truncate("s", 100_000); os.truncate("s", 200_001)
        data = open("s", "rb").read()
        assert len(data) == 200_001 and not any(data)
        open("s", "ab").write(b"tail")
        with open("s", "r+b") as file:
            file.seek(70_000); file.write(b"middle")
    """)
    site.forget()
    site.python("""
        data = open("s", "rb").read()
        assert data[-4:] == b"tail" and data[70_000:70_006] == b"middle" and len(data) == 200_005
        assert not any(data[:70_000]) and not any(data[70_006:-4])
    """)


def attributes(site: Site) -> None:
    """Modes, owners, times: set, and seen again from the server."""
    site.shell("""
        touch f; mkdir -m 751 d; chown 1001:1002 f; chmod 4640 f
        touch -d '2001-02-03 04:05:06.789' f; touch -d '1999-12-31' d; mkfifo p; sync -f .
    """)
    site.forget()
    found = site.shell("stat -c '%a %u %g %.3Y %F' f; stat -c '%a %F' d p; date -r d +%F")
    lines = found.splitlines()
    assert lines[0].split()[:3] == ["4640", "1001", "1002"], found
    assert lines[0].split()[3] == site.shell("date -d '2001-02-03 04:05:06.789' +%s.%3N").strip()
    assert lines[1:] == ["751 directory", "644 fifo", "1999-12-31"], found


def direct_io(site: Site) -> None:
    """O_DIRECT in both directions: no page cache between the caller and the wire."""
    site.shell("""
        head -c 3M /dev/urandom >/tmp/direct
        dd if=/tmp/direct of=f bs=1M oflag=direct status=none
        dd if=f of=/tmp/back bs=512K iflag=direct status=none
        cmp /tmp/direct /tmp/back
    """)


def mapped(site: Site) -> None:
    """A file written and read through mmap."""
    site.python("""
        import mmap
        with open("m", "w+b") as file:
            file.truncate(300_000)
            with mmap.mmap(file.fileno(), 0) as memory:
                for at in range(0, 300_000, 4099):
                    memory[at:at + 4] = at.to_bytes(4, "big")
    """)
    site.forget()
    site.python("""
        import mmap
        with open("m", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
            for at in range(0, 300_000, 4099):
                assert memory[at:at + 4] == at.to_bytes(4, "big"), at
    """)


def file_system_size(site: Site) -> None:
    """`df`, in blocks and in inodes."""
    blocks, free, inodes = site.shell("stat -f -c '%b %f %c' .").split()
    assert 0 < int(free) <= int(blocks)
    assert int(inodes) >= 0
    site.shell("df . >/dev/null; df -i . >/dev/null")


_USER = "setpriv --reuid"
_AS = f"{_USER} 1000 --regid 1000"


def permissions(site: Site) -> None:
    """Another user may do what modes, owner and groups let it, and no more (AUTH_SYS)."""
    site.shell(f"""
        chmod 755 .; mkdir -m 777 open; mkdir -m 700 closed; echo secret >closed/s
        echo root >mine; chmod 600 mine; echo team >team; chown 0:2000 team; chmod 640 team
        ! {_AS} --clear-groups cat mine 2>/dev/null
        ! {_AS} --clear-groups ls closed 2>/dev/null
        ! {_AS} --clear-groups touch here 2>/dev/null
        ! {_AS} --clear-groups cat team 2>/dev/null
        ! {_AS} --clear-groups rm -f mine 2>/dev/null
        {_AS} --groups 2000,3000 cat team
        {_AS} --clear-groups sh -c 'umask 022; echo theirs >open/f; chmod 600 open/f; cat open/f'
        test "$(stat -c '%u %g %a' open/f)" = '1000 1000 600'
        ! {_AS} --clear-groups chown 0 open/f 2>/dev/null
    """)


def fio_verify(site: Site) -> None:
    """fio writes at random places, several at a time, and verifies every block."""
    site.shell(
        "fio --name=v --filename=v --size=2M --bs=16k --rw=randwrite --verify=crc32c"
        " --ioengine=libaio --iodepth=8 --direct=1 --do_verify=1 --verify_fatal=1"
        " --output-format=terse >/dev/null",
        timeout=120,
    )


def holes(site: Site) -> None:
    """NFSv4.2: SEEK_HOLE and SEEK_DATA, ALLOCATE, DEALLOCATE."""
    site.python("""
        import os
        with open("h", "wb") as file:
            file.write(b"d" * 65536); file.seek(1 << 20); file.write(b"e" * 65536)
    """)
    site.shell("fallocate -l 2M h; fallocate -p -o 16K -l 16K h")
    site.forget()
    site.python("""
        import os
        fd = os.open("h", os.O_RDONLY)
        assert os.fstat(fd).st_size == 2 << 20
        assert os.lseek(fd, 0, os.SEEK_DATA) == 0
        assert os.lseek(fd, 0, os.SEEK_HOLE) == 16384
        assert os.lseek(fd, 16384, os.SEEK_DATA) == 32768
        assert os.pread(fd, 16384, 16384) == bytes(16384)
        assert os.pread(fd, 4, 1 << 20) == b"eeee"
    """)


def server_side_copy(site: Site) -> None:
    """NFSv4.2: COPY between two files, without the data coming here."""
    site.python("""
        import os
        data = os.urandom(1 << 20)
        open("from", "wb").write(data)
        with open("from", "rb") as source, open("to", "wb") as target:
            left = len(data)
            while left:
                left -= os.copy_file_range(source.fileno(), target.fileno(), left)
        assert open("to", "rb").read() == data
    """)


def large_copy(site: Site) -> None:
    """So much that a server may answer COPY before it is done, and tell of the end later."""
    site.python("""
        import os
        data = os.urandom(1 << 20) * 24
        open("from", "wb").write(data)
        with open("from", "rb") as source, open("to", "wb") as target:
            left = len(data)
            while left:
                left -= os.copy_file_range(source.fileno(), target.fileno(), left)
        assert open("to", "rb").read() == data
        os.remove("from"), os.remove("to")
    """)


def copies_by_cp(site: Site) -> None:
    """``cp`` shares blocks where the server can, and copies where it cannot."""
    site.shell("head -c 300K /dev/urandom >from; cp --reflink=auto from to; cmp from to")
    site.forget()
    site.shell("cmp from to")


def extended_attributes(site: Site) -> None:
    """RFC 8276, as setfattr and getfattr use it."""
    site.python("""
        import errno, os
        open("x", "w").close(); os.mkdir("xd")
        def users(name):
            # The client lists its view of the access control list as well, if the server has one.
            return sorted(each for each in os.listxattr(name) if each.startswith("user."))
        def fails(code, call, *arguments):
            try:
                call(*arguments)
            except OSError as error:
                assert error.errno == code, error
            else:
                raise AssertionError(arguments)
        for name in ("x", "xd"):
            assert users(name) == []
            os.setxattr(name, "user.a", b"one")
            os.setxattr(name, "user.b", b"", os.XATTR_CREATE)
            fails(errno.EEXIST, os.setxattr, name, "user.a", b"", os.XATTR_CREATE)
            fails(errno.ENODATA, os.setxattr, name, "user.c", b"", os.XATTR_REPLACE)
            fails(errno.ENODATA, os.getxattr, name, "user.c")
            fails(errno.ENODATA, os.removexattr, name, "user.c")
            assert os.getxattr(name, "user.a") == b"one"
            assert users(name) == ["user.a", "user.b"]
            os.setxattr(name, "user.a", b"2" * 2000)
        for number in range(10):
            os.setxattr("x", f"user.{number:0>60}", b"v")
    """)
    site.forget()
    site.python("""
        import os
        def users(name):
            return sorted(each for each in os.listxattr(name) if each.startswith("user."))
        assert os.getxattr("x", "user.a") == b"2" * 2000
        assert len(users("x")) == 12
        os.removexattr("x", "user.a")
        assert len(users("x")) == 11
        assert "user.a" in os.listxattr("xd")
    """)


def deep_paths(site: Site) -> None:
    """Forty folders within each other, and names as long as allowed."""
    site.python("""
        import os
        here = os.getcwd()
        for n in range(40):
            os.mkdir(f"level{n}"); os.chdir(f"level{n}")
        open("n" * 255, "w").write("x")
        try:
            open("n" * 256, "w")
        except OSError as error:
            assert error.errno == 36, error
        else:
            raise AssertionError("a name of 256 octets")
        os.chdir(here)
        assert sum(len(files) for _, _, files in os.walk(".")) == 1
    """)


def access_lists(site: Site) -> None:
    """NFSv4 access control lists: set, seen again, and what the server judges by."""
    site.shell("echo secret >f; chmod 600 f; chmod 755 .")
    plain = site.shell("nfs4_getfacl f")
    assert "A::OWNER@:rw" in plain, plain
    assert "1001" not in plain, plain
    site.shell("nfs4_setfacl -a A::1001:RW f; nfs4_setfacl -a A:g:2000:R f")
    site.forget()
    listed = site.shell("nfs4_getfacl f")
    assert "\nA::1001:rw" in listed, listed
    assert "\nA:g:2000:r" in listed, listed
    site.shell(f"""
        {_USER} 1001 --regid 1001 --clear-groups sh -c 'echo theirs >>f; cat f'
        {_USER} 1002 --regid 1002 --groups 2000 cat f
        ! {_USER} 1002 --regid 1002 --groups 2000 sh -c 'echo more >>f' 2>/dev/null
        ! {_USER} 1002 --regid 1002 --clear-groups cat f 2>/dev/null
        ! {_USER} 1002 --regid 1002 --clear-groups nfs4_setfacl -a A::1002:RW f 2>/dev/null
        test "$(cat f)" = "$(printf 'secret\\ntheirs')"
    """)
    # Back to what the mode says.
    site.shell("nfs4_setfacl -s 'A::OWNER@:rw,A::GROUP@:tcy,A::EVERYONE@:tcy' f")
    site.forget()
    assert "1001" not in site.shell("nfs4_getfacl f")
    site.shell(f"! {_USER} 1001 --regid 1001 --clear-groups cat f 2>/dev/null; stat -c %a f")


def inherited_lists(site: Site) -> None:
    """What is made in a directory gets what the directory's list hands down."""
    site.shell("mkdir d; chmod 755 .; chmod 750 d; nfs4_setfacl -a A:fd:1001:RX d")
    # What a POSIX list hands down is an entry of its own, for inheritance alone.
    handed_down = re.compile(r"^A:fdi?:1001:r", re.MULTILINE)
    assert handed_down.search(site.shell("nfs4_getfacl d"))
    site.shell("(umask 022; echo inherited >d/f; mkdir d/below; echo deeper >d/below/f)")
    site.forget()
    assert "A::1001:r" in site.shell("nfs4_getfacl d/f")
    assert handed_down.search(site.shell("nfs4_getfacl d/below"))
    site.shell(f"""
        {_USER} 1001 --regid 1001 --clear-groups cat d/f d/below/f
        ! {_USER} 1002 --regid 1002 --clear-groups cat d/f 2>/dev/null
    """)


def what_linux_refuses(site: Site) -> None:
    """Tools that ask for what NFSv4 has not fail as they do elsewhere, and harm nothing."""
    site.shell("echo kept >f; chmod 640 f; setfattr -n user.k -v v f || test $? = 1")
    for command, said in (
        ("setfacl -m u:1001:rw f", "not supported"),
        ("lsattr f", "while reading flags"),
        ("chattr +i f", "while reading flags"),
        ("setfattr -n trusted.k -v v f", "not supported"),
    ):
        done = site.guest.run(command, cwd=site.folder, check=False)
        assert done.code, done
        assert said in done.stderr.lower(), done
    assert "group::r--" in site.shell("getfacl f")
    cloned = site.guest.run("cp --reflink=always f g", cwd=site.folder, check=False)
    assert cloned.ok or "not supported" in cloned.stderr.lower(), cloned
    site.shell("cp --sparse=always f h; cmp f h; dd if=f of=h conv=notrunc status=none; df -i .")
    site.forget()
    assert site.shell("cat f; stat -c %a f") == "kept\n640\n"


Workload = Callable[[Site], None]

#: What every server can.
BASIC: tuple[Workload, ...] = (
    copy_tree,
    small_files,
    long_symlink,
    open_files,
    truncate_and_sparse,
    attributes,
    direct_io,
    mapped,
    file_system_size,
    permissions,
    fio_verify,
    deep_paths,
)

#: What minor version 2 adds.
SECOND: tuple[Workload, ...] = (
    holes,
    server_side_copy,
    large_copy,
    copies_by_cp,
    extended_attributes,
)


#: What a file system with access control lists can, and what no NFSv4 server of Linux's can.
LISTS: tuple[Workload, ...] = (access_lists, inherited_lists, what_linux_refuses)


def name(workload: Workload) -> str:
    """For the identifiers of parametrized cases."""
    return workload.__name__


HOLD_LOCK = """\
import fcntl, sys, time
kind, path = sys.argv[1:]
file = open(path, "r+b")
if kind == "fcntl":
    fcntl.lockf(file, fcntl.LOCK_EX, 100, 50)
else:
    fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(3600)
"""

TRY_LOCK = """\
import fcntl, struct, sys
kind, path = sys.argv[1:]
file = open(path, "r+b")
LOCK = struct.Struct("hhqqi")  # struct flock: type, whence, start, length, process

def who_has(start, length):
    "F_GETLK, by LOCKT: the start and the length of the lock that is in the way"
    question = LOCK.pack(fcntl.F_WRLCK, 0, start, length, 0)
    kind, _, start, length, _ = LOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, question))
    return None if kind == fcntl.F_UNLCK else (start, length)

if kind == "fcntl":
    assert who_has(0, 50) is None
    assert who_has(0, 1000) in (None, (50, 100)), who_has(0, 1000)
try:
    if kind == "fcntl":
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 120)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    assert kind == "flock" or who_has(0, 1000) == (50, 100)
    print("taken")
else:
    print("free")
"""


def locks(holder: Site, other: Site, kind: str) -> None:
    """A lock of one client is seen by another, by its range, until its holder ends."""
    holder.shell("head -c 1000 /dev/zero >l; sync l")
    scripts = {"hold": HOLD_LOCK, "try": TRY_LOCK}
    for site in (holder, other):
        for script, source in scripts.items():
            site.guest.run(f"cat >/tmp/{script}.py", stdin=source)
    with holder.guest.background(
        f"python3 -IS /tmp/hold.py {kind} {holder.folder}/l", until="locked"
    ):
        attempt = f"python3 -IS /tmp/try.py {kind} {other.folder}/l"
        assert other.guest.run(attempt).stdout.strip() == "taken"
    assert other.guest.run(attempt).stdout.strip() == "free"
