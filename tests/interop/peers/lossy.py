"""Copies on a network that loses packets, by our client: a line of what became of the connections.

python -m peers.lossy URL COPIES SIZE
"""

from __future__ import annotations

import hashlib
import random
import sys

from nfsrdma.client import mount


def main(url: str, copies: int, size: int) -> None:
    """Write the copies, read them back, compare; print how many connections it took."""
    data = random.Random(size).randbytes(size)
    wanted = hashlib.sha256(data).digest()
    with mount(url, timeout=90) as fs:
        for number in range(copies):
            fs.write_bytes(f"copy-{number}", data)
        for number in range(copies):
            assert hashlib.sha256(fs.read_bytes(f"copy-{number}")).digest() == wanted
            fs.remove(f"copy-{number}")
        print("connections", fs.stats.connections)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
