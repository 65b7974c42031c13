"""NFS as Linux does it: knfsd as a server, the kernel's client, and files to try them with."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .command import checked
from .guest import Guest
from .host import Host
from .network import Peer
from .packages import LabError

RDMA_PORT = 20049
TCP_PORT = 2049

#: Threads of the kernel's server.
THREADS = 4

#: Mount options for a bad network. Two rxe devices now and then wait for each other for good after
#: a loss; the client's RPC timeout then makes a new connection, by default after a minute.
IMPATIENT = "timeo=50"

_mounts = itertools.count()

_NFSD_STACKS = """
    for thread in $(pgrep -x nfsd) $(pgrep -x rpc.nfsd); do
        echo "$thread $(cat /proc/$thread/comm)"; cat /proc/$thread/stack
    done
    rdma resource show qp
"""


@dataclass(frozen=True)
class Transport:
    """How an NFS client reaches its server: ``rdma`` or ``tcp``, the minor version, the address.

    The port is the protocol's own unless another one is given.
    """

    proto: str = "rdma"
    version: str = "4.1"
    ipv6: bool = False
    port: int = 0

    def __post_init__(self) -> None:
        if not self.port:
            usual = RDMA_PORT if self.proto == "rdma" else TCP_PORT
            object.__setattr__(self, "port", usual)

    def __str__(self) -> str:
        return f"{self.proto} v{self.version} IPv{6 if self.ipv6 else 4}"

    def address(self, peer: Peer) -> str:
        """The peer's address of this family."""
        return peer.ipv6 if self.ipv6 else peer.ipv4

    def url(self, peer: Peer, path: str = "/") -> str:
        """The URL by which our own client names a path on the peer."""
        address = self.address(peer)
        bracketed = f"[{address}]" if self.ipv6 else address
        return f"nfs+{self.proto}://{bracketed}:{self.port}{path}?minor={self.version[-1]}"


class Knfsd:
    """The kernel's NFS server in a guest, exporting one tmpfs read-write over RDMA and TCP."""

    def __init__(self, guest: Guest, export: str = "/exp", *, lease: int = 10) -> None:
        self.guest = guest
        self.export = export
        self.lease = lease

    def start(self) -> None:
        """Make the export and start; the folder may hold files already."""
        options = "rw,fsid=0,no_root_squash,insecure,no_subtree_check"
        self.guest.run(
            f"""set -e
            modprobe -a nfsd rpcrdma
            mountpoint -q {self.export} || {{
                mkdir -p {self.export}; mount -t tmpfs -o mode=777 exp {self.export}; }}
            mountpoint -q /var/lib/nfs || {{
                mkdir -p /var/lib/nfs; mount -t tmpfs nfs /var/lib/nfs
                mkdir /var/lib/nfs/v4recovery
                touch /etc/exports /var/lib/nfs/etab /var/lib/nfs/rmtab; }}
            mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
            echo {self.lease} >/proc/fs/nfsd/nfsv4leasetime
            echo {self.lease} >/proc/fs/nfsd/nfsv4gracetime
            exportfs -o {options} '*:{self.export}'
            # Debian has the server look groups up by itself, and callers' groups count for nothing.
            printf '[mountd]\\nmanage-gids=n\\n' >/etc/nfs.conf
            pidof rpc.mountd >/dev/null || rpc.mountd --no-nfs-version 3
            """
        )
        self._run_threads()
        # A client that comes now would wait for the grace period's end; nobody has to reclaim.
        self.guest.run("echo Y >/proc/fs/nfsd/v4_end_grace")

    def restart(self) -> None:
        """Stop and start again at once: clients must reclaim within the grace period."""
        self.halt()
        self._run_threads()

    def halt(self) -> None:
        """Stop serving; files and recovery records stay.

        Raises `LabError` with the threads' kernel stacks when one of them does not end.
        """
        stopped = self.guest.run("rpc.nfsd 0", timeout=30.0, check=False)
        if stopped.timed_out:
            raise LabError(f"{self.guest.name}: knfsd does not stop; its threads:\n{self.stacks()}")
        checked(self.guest.name, stopped, True)

    def stacks(self) -> str:
        """What the server's threads wait for."""
        return self.guest.run(_NFSD_STACKS, check=False).stdout

    def stop(self) -> None:
        """Stop serving and forget the files."""
        self.guest.run(
            f"rpc.nfsd 0; exportfs -ua; umount {self.export}; rm -rf /var/lib/nfs/v4recovery/*",
            check=False,
        )

    def clear(self) -> None:
        """Remove all files."""
        self.guest.run(f"find {self.export} -mindepth 1 -delete")

    def __enter__(self) -> Knfsd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def set_threads(self, count: int) -> None:
        """Have it use so many threads from now on."""
        self.guest.run(f"rpc.nfsd {count}")

    def _run_threads(self) -> None:
        # The port is a number because /etc/services may lack the name "nfsrdma".
        self.guest.run(f"rpc.nfsd --no-nfs-version 3 --rdma={RDMA_PORT} {THREADS}")


@contextlib.contextmanager
def mounted(
    guest: Guest,
    server: str,
    transport: Transport,
    *,
    path: str = "/",
    options: str = "",
    timeout: float = 60.0,
) -> Iterator[str]:
    """Mount a server's path by the kernel's client for the block, which gets the mount point."""
    point = f"/mnt/{next(_mounts)}"
    words = f"proto={transport.proto}{'6' if transport.ipv6 else ''},port={transport.port}"
    words = ",".join(filter(None, (words, f"vers={transport.version}", "sec=sys", options)))
    host = f"[{server}]" if transport.ipv6 else server
    modules = "nfsv4 rpcrdma" if transport.proto == "rdma" else "nfsv4"
    guest.run(f"modprobe -a {modules}; mkdir -p {point}")
    guest.run(f"mount -t nfs4 -o {words} {host}:{path} {point}", timeout=timeout)
    clean = False
    try:
        yield point
        clean = True
    finally:
        # After a failure the server may be gone, and a lazy unmount is all that ends at once.
        guest.run(f"umount {'' if clean else '-f -l '}{point}", timeout=30.0, check=clean)


def drop_caches(guest: Guest) -> None:
    """Make the next reads go to the server."""
    guest.run("sync; echo 3 >/proc/sys/vm/drop_caches")


#: Sizes around everything that has an edge: words, pages, the inline threshold, rsize.
TREE_SIZES = (0, 1, 3, 4, 5, 1023, 3000, 4095, 4096, 4097, 8191, 65536, 262143, 262145, 1 << 20)


def make_tree(folder: Path, seed: int = 1) -> None:
    """Fill a new folder on the host with files of many sizes, folders and links."""
    source = random.Random(seed)
    for number, size in enumerate(TREE_SIZES):
        below = folder / f"level{number % 3}" / ("deep" * (number % 4) or "flat")
        below.mkdir(parents=True, exist_ok=True)
        (below / f"file-{size}").write_bytes(source.randbytes(size))
    (folder / "ünïcode ☂.txt").write_text("a name beyond ASCII\n")
    (folder / "link").symlink_to("level0/flat/file-0")
    (folder / "long-link").symlink_to("x/" * 450)


_CHECKSUMS = """
    export LC_ALL=C
    find . -type f -print0 | sort -z | xargs -0 -r sha256sum
    find . -not -type f -printf '%y %p %l\\n' | sort
"""


def checksums(guest: Guest, folder: str) -> str:
    """Names, types, link targets and SHA-256 of all files below a folder, sorted."""
    return guest.run(_CHECKSUMS, cwd=folder, timeout=120.0).stdout


def host_checksums(host: Host, folder: Path) -> str:
    """The same of a folder on the host."""
    return host.run(["sh", "-c", f"cd '{folder}' && {_CHECKSUMS.strip()}"], timeout=60.0).stdout


@contextlib.contextmanager
def loaded_by_copy(guest: Guest, source: str, target: str, rate_mib: int = 2) -> Iterator[None]:
    """A copy that runs at ``rate_mib`` MiB/s in the background while the block disturbs it.

    It must come to a good end within a minute after the block.
    """
    job = guest.start(
        f"python3 -c '{_SLOW_COPY}' {source} {target} {rate_mib}",
    )
    yield
    job.wait(90.0)


_SLOW_COPY = """\
import os, sys, time
source, target, rate = open(sys.argv[1], "rb"), open(sys.argv[2], "wb"), int(sys.argv[3])
while piece := source.read(131072):
    target.write(piece); target.flush(); os.fsync(target.fileno()); time.sleep(0.125 / rate)
target.close()
"""
