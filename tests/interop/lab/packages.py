"""What the lab needs from the distribution: programs on the host, and a tree for the guests.

Only the programs that run here are installed (by ``make interop-deps``). What runs in a guest,
the kernel included, is unpacked into a cache folder and laid over the host's root in the guest: so
no NFS server, no rpcbind and no RDMA package is ever installed on the machine that runs the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import kernels
from .kernels import LabError, run

#: Program looked for on the host -> Debian package that holds it.
HOST_PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "depmod": "kmod",
    "modprobe": "kmod",
    "ip": "iproute2",
    "rdma": "iproute2",
    "dumpcap": "tshark",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}

#: Debian packages unpacked for the guests, with whatever they depend on and the host lacks.
GUEST_PACKAGES = (
    "acl",
    "attr",
    "fio",
    "ibverbs-providers",
    "ibverbs-utils",
    "nfs-common",
    "nfs4-acl-tools",
    "nfs-kernel-server",
    "perftest",
    "python3-pyverbs",
    "rdmacm-utils",
    "strace",
)

#: Raised when this changes, so that a tree unpacked by older rules is not used.
TREE_FORMAT = 1

#: Folders that are links into /usr on a merged-/usr system, which all supported ones are.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

#: Unpacked for nobody: documentation, translations, the kernel's symbol map.
UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian")


def cache_folder() -> Path:
    """The folder that keeps unpacked packages between runs, outside the repository."""
    named = os.environ.get("NFSRDMA_LAB_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nfsrdma-lab"


def missing_packages() -> list[str]:
    """Debian packages that hold programs which this host lacks, sorted, each once."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    packages = {
        package
        for program, package in HOST_PROGRAMS.items()
        if shutil.which(program, path=search) is None
    }
    busybox = shutil.which("busybox", path=search)
    if busybox is not None and _needs_libraries(Path(busybox)):
        packages.add("busybox-static")
    return sorted(packages)


def _needs_libraries(program: Path) -> bool:
    """Whether an ELF program names a dynamic loader (an initramfs has none)."""
    return b"/ld-linux" in program.read_bytes()[:4096]


def obstacles() -> list[str]:
    """Why a lab cannot run here, one sentence each; empty when it can."""
    found = []
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        found.append("the lab boots x86-64 Linux guests and knows no other machine")
    if os.geteuid() != 0:
        found.append("it needs root (network namespaces, tap devices): run it with sudo")
    missing = missing_packages()
    if missing:
        found.append(f"missing Debian packages: {' '.join(missing)} (make interop-deps)")
    if not Path("/dev/net/tun").exists():
        found.append("there is no /dev/net/tun")
    return found


def guest_tree() -> Path:
    """The guests' own part of the root file system, unpacked on first use.

    Raises `LabError` when packages cannot be fetched.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    kernel = kernels.chosen()
    parts = (*GUEST_PACKAGES, kernels.PACKAGE, _distribution(), str(TREE_FORMAT), kernel.suite)
    wanted = "\n".join(filter(None, parts))
    tree = cache / f"tree-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                _build_tree(kernel, Path(scratch), tree)
    return tree


def kernel_release(tree: Path) -> str:
    """The release of the tree's kernel, for instance ``6.1.0-56-amd64``."""
    releases = sorted(path.name for path in (tree / "usr/lib/modules").iterdir())
    if len(releases) != 1:
        raise LabError(f"{tree} holds {len(releases)} kernels: remove it")
    return releases[0]


def kernel_image(tree: Path) -> Path:
    """The tree's bootable kernel."""
    return tree / "boot" / f"vmlinuz-{kernel_release(tree)}"


def module_files(tree: Path, modules: Sequence[str]) -> list[Path]:
    """Files of the named modules and all that they need, in an order in which they load."""
    release = kernel_release(tree)
    files: dict[Path, None] = {}
    for module in modules:
        shown = run(
            ["modprobe", "-C", "/dev/null", "-d", tree, "-S", release, "--show-depends", module]
        )
        for line in shown.splitlines():
            verb, _, rest = line.partition(" ")
            if verb == "insmod":
                files[Path(rest.split()[0])] = None
    return list(files)


def _build_tree(kernel: kernels.Kernel, scratch: Path, tree: Path) -> None:
    """Fetch and unpack everything below ``scratch``, then rename it to ``tree``."""
    packages = _absent_packages()
    print(
        f"lab: fetching kernel {kernel.name} and {len(packages)} packages for the guests"
        f" into {tree.parent}",
        flush=True,
    )
    debs, root = scratch / "debs", scratch / "root"
    debs.mkdir()
    kernel.download(scratch, debs)
    if packages:
        run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages], cwd=debs)
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for deb in sorted(debs.glob("*.deb")):
        _unpack(deb, root)
    for name in UNWANTED:
        shutil.rmtree(root / name, ignore_errors=True)
    release = kernel_release(root)
    (root / "boot" / f"System.map-{release}").unlink(missing_ok=True)
    run(["depmod", "-b", root, release])
    root.rename(tree)


def _unpack(deb: Path, root: Path) -> None:
    """Unpack one package without turning the links of a merged /usr back into folders."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source:
        run(["tar", "-x", "--keep-directory-symlink", "-C", root], stdin=source.stdout)
    if source.returncode:
        raise LabError(f"{deb.name} cannot be unpacked")


def _absent_packages() -> list[str]:
    """Guest packages and their dependencies that are not on the host, by a dry run of apt-get."""
    plan = run(["apt-get", "install", "-s", "--no-install-recommends", *GUEST_PACKAGES])
    # "Inst name (version ...)" is new; "Inst name [old] (version ...)" is already here.
    return re.findall(r"^Inst (\S+) \(", plan, re.MULTILINE)


def _distribution() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    return ";".join(sorted(line for line in lines if line.startswith(("ID=", "VERSION_ID="))))


def main() -> int:
    """Prepare the cache, or with ``--missing`` name the host packages that are not there."""
    if "--missing" in sys.argv[1:]:
        print(" ".join(missing_packages()))
        return 0
    problems = obstacles()
    for problem in problems:
        print(f"lab: {problem}", file=sys.stderr)
    if problems:
        return 1
    tree = guest_tree()
    print(f"lab: kernel {kernel_release(tree)} and the guests' programs are in {tree}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
