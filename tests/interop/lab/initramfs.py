"""The guests' initramfs: busybox, a handful of modules, and the script that finds the real root.

The archive is a "newc" cpio, written here: three kinds of entries need no program for it.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import tempfile
from pathlib import Path

from . import packages

#: What it takes to reach the root file system and the agent's port; the rest is loaded from there.
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console", "virtio_net")

HERE = Path(__file__).parent

_INIT = """\
#!/bin/busybox sh
# Lay a tmpfs over the guests' tree over the host's root, and go on there.
set -e
b=/bin/busybox
$b mount -t devtmpfs dev /dev
for module in $($b cat /modules/order); do
    $b insmod /modules/$module
done
share() { $b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,$3 $1 $2; }
share host /host ro,cache=loose
share tree /tree ro,cache=loose
$b mount -t tmpfs -o size=75% cow /cow
$b mkdir /cow/upper /cow/work
$b mount -t overlay -o lowerdir=/tree:/host,upperdir=/cow/upper,workdir=/cow/work root /root
$b mkdir -p /root/lab
share share /root/lab cache=none
$b cp -r /guest /root/guest
exec $b switch_root -c /dev/console /root /bin/sh /guest/boot.sh
"""


def build(tree: Path) -> int:
    """Make the guests' initramfs for the kernel in ``tree``; see `Archive.into_file`."""
    archive = Archive()
    for folder in ("bin", "cow", "dev", "guest", "host", "modules", "root", "tree"):
        archive.folder(folder)
    archive.busybox(_INIT)
    for script in ("boot.sh", "agent.py"):
        archive.file(f"guest/{script}", (HERE / script).read_bytes())
    modules = [_plain(path) for path in packages.module_files(tree, MODULES)]
    archive.file("modules/order", "\n".join(name for name, _ in modules).encode())
    for name, content in modules:
        archive.file(f"modules/{name}", content)
    return archive.into_file()


def _plain(path: Path) -> tuple[str, bytes]:
    """A module's name and content, expanded if it is compressed: busybox loads only such."""
    content = path.read_bytes()
    return (path.stem, lzma.decompress(content)) if path.suffix == ".xz" else (path.name, content)


class Archive:
    """A cpio archive in the "newc" format, which the Linux kernel unpacks at boot."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._entries = 0

    def folder(self, name: str) -> None:
        """Add a folder."""
        self._add(name, stat.S_IFDIR | 0o755)

    def file(self, name: str, content: bytes, *, executable: bool = False) -> None:
        """Add a regular file."""
        self._add(name, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def device(self, name: str, major: int, minor: int) -> None:
        """Add a character device."""
        self._add(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def busybox(self, init: str) -> None:
        """Add the host's static busybox, a console, and the script that it runs."""
        program = shutil.which("busybox")
        assert program is not None, "packages.obstacles() has not been heeded"
        self.device("dev/console", 5, 1)
        self.file("bin/busybox", Path(program).read_bytes(), executable=True)
        self.file("init", init.encode(), executable=True)

    def into_file(self) -> int:
        """The whole archive as the descriptor of a file without a name; QEMU gets it by number."""
        self._add("TRAILER!!!", 0)
        with tempfile.TemporaryFile() as file:
            file.write(self._bytes)
            file.flush()
            return os.dup(file.fileno())

    def _add(
        self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        self._entries += 1
        path = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name, check
        fields = (self._entries, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        self._bytes += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        self._pad()
        self._bytes += content
        self._pad()

    def _pad(self) -> None:
        self._bytes += bytes(-len(self._bytes) % 4)
