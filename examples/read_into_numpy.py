"""Read a file straight into a NumPy array: python read_into_numpy.py URL.

The array's own memory is registered for the READ, and the server's RDMA WRITE places the octets
there: nothing on this side copies them once more.
"""

from __future__ import annotations

import sys

import numpy as np

import nfsrdma.client as nfs


def main(url: str) -> None:
    """Write an array to a file, and read it into another one."""
    written = np.arange(1 << 17, dtype=np.float64)
    with nfs.mount(url) as fs:
        with fs.open("array", "wb") as file:
            file.write(memoryview(written).cast("B"))

        array = np.empty_like(written)
        with fs.open("array", "rb") as file:
            octets = file.readinto(memoryview(array).cast("B"))
        fs.remove("array")
    assert np.array_equal(array, written)
    print(f"{octets} octets, mean {array.mean()}")


if __name__ == "__main__":
    main(sys.argv[1])
