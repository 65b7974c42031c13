"""A client program of the soft provider, in a process of its own, at a given local address.

    python -m tests.support.soft_worker URL LOCAL UID MOUNTS ROUNDS OCTETS

It mounts the URL that many times, says "mounted", waits for a line, then writes and reads a file in
each mount in turn, says "1", "2", ... after each round, and "done". Any difference ends it.
"""

from __future__ import annotations

# Everything is imported before the user changes: others may not read where it is installed.
import encodings.idna  # noqa: F401
import os
import sys
from collections.abc import Callable
from random import Random

import nfsrdma.rpcrdma.providers.registry
import nfsrdma.rpcrdma.transport.connect  # noqa: F401
from nfsrdma.client import mount
from nfsrdma.rpcrdma.providers import soft
from nfsrdma.rpcrdma.roce.cm.manager import Route


def be_at(local: str) -> None:
    """Have all routes begin at ``local``, as if the server were another host."""
    find: Callable[..., Route] = soft.find_route
    soft.find_route = lambda host, ours=None: find(host, ours or local)  # type: ignore[assignment]
    soft.is_local = lambda host: False  # type: ignore[assignment]


def main() -> None:
    """Do what the module says."""
    url, local = sys.argv[1:3]
    uid, mounts, rounds, octets = map(int, sys.argv[3:])
    be_at(local)
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    fss = [mount(url, provider="soft", timeout=20.0) for _ in range(mounts)]
    print("mounted", flush=True)
    sys.stdin.readline()
    rng = Random(os.getpid())
    for each in range(rounds):
        for number, fs in enumerate(fss):
            data = rng.randbytes(octets)
            name = f"{os.getpid()}-{number}"
            fs.write_bytes(name, data)
            if fs.read_bytes(name) != data:
                raise SystemExit(f"{name} is not what was written")
        print(each + 1, flush=True)
    print("done", flush=True)
    for fs in fss:
        fs.close()


if __name__ == "__main__":
    main()
