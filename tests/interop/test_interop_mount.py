"""`nfsrdma mount` over verbs on soft-RoCE, in one guest; knfsd or our own server in the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import workloads
from conftest import Run, python_with_verbs
from lab import nfs
from lab.guest import Guest
from lab.nfs import Transport
from peers.server import OPEN
from workloads import Site

pytestmark = pytest.mark.timeout(1200)

OUR_PORT = nfs.RDMA_PORT + 5
POINT = "/mnt/fuse"


@pytest.fixture
def exported(request: pytest.FixtureRequest, server: str, alpha: Guest) -> Iterator[Transport]:
    """One of the servers in the first guest: how it is reached."""
    if server == "knfsd":
        request.getfixturevalue("knfsd")
        yield Transport("rdma", "4.2")
        return
    serve = f"{python_with_verbs(alpha)} -m nfsrdma serve --memory {OPEN} --lease 10"
    serve += f" --listen {alpha.ipv4} --port {OUR_PORT} --tcp 0 --provider verbs"
    with alpha.background(serve, until="nfs+rdma://", timeout=240):
        yield Transport("rdma", "4.2", port=OUR_PORT)


@contextlib.contextmanager
def mounted(guest: Guest, url: str) -> Iterator[str]:
    """`nfsrdma mount` of a URL over the guest's adapter."""
    ours = f"{python_with_verbs(guest)} -m nfsrdma"
    guest.run(f"modprobe fuse; mkdir -p {POINT}")
    # Loading pyverbs over 9p takes most of the five seconds that it has otherwise.
    guest.run(f"{ours} mount -o provider=verbs,timeout=30 '{url}' {POINT}", timeout=240)
    try:
        yield POINT
    finally:
        guest.run(f"{ours} umount {POINT}", timeout=120)
    guest.run(f"! mountpoint -q {POINT}; ! pgrep -f 'nfsrdma [m]ount'")


_REPOSITORY = """
    rm -rf /tmp/origin; git init -q /tmp/origin; cd /tmp/origin
    git config user.name Lab; git config user.email lab@example.org
    for commit in 1 2; do
        for file in 1 2 3 4; do mkdir -p d$file; echo "$commit $file" >>d$file/f$file; done
        git add .; git commit -qm "Number $commit"
    done
"""

_USE = """
    git clone -q --template= /tmp/origin clone; cd clone
    git config user.name Lab; git config user.email lab@example.org
    test -z "$(git status --porcelain)"
    echo changed >d1/f1; test "$(git status --porcelain)" = ' M d1/f1'
    git commit -qam 'Changed on the mount'; git fsck --full --strict
    test "$(git log --oneline | wc -l)" = 3
"""


@pytest.mark.parametrize("server", ["knfsd", pytest.param("ours", marks=pytest.mark.long)])
def test_mount_on_rxe(
    case: Run, server: str, exported: Transport, alpha: Guest, beta: Guest, tree: str
) -> None:
    """A repository is cloned, committed to and checked, fio verifies, and a tree is as it was.

    A lock that is held through our mount keeps Linux's own out, and the other way round.
    """
    case.describe(f"nfsrdma mount - {server}", "verbs on rxe, two guests")
    beta.run(f"set -e; {_REPOSITORY}", timeout=120)
    with (
        mounted(beta, exported.url(alpha)) as point,
        nfs.mounted(alpha, alpha.ipv4, exported, timeout=120) as other,
    ):
        ours, linux = Site(beta, point, tree), Site(alpha, other, tree)
        for kind in ("fcntl", "flock"):
            workloads.locks(ours, linux, kind)
            workloads.locks(linux, ours, kind)
        ours.shell(_USE, timeout=400)
        workloads.fio_verify(ours)
        ours.shell(f"cp -a {tree} tree; sync -f .", timeout=240)
        seen = nfs.checksums(beta, f"{point}/clone")
        nfs.drop_caches(alpha)
        assert nfs.checksums(alpha, f"{other}/clone") == seen
        assert nfs.checksums(alpha, f"{other}/tree") == nfs.checksums(alpha, tree)
