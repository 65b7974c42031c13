"""Fetch many files at the same time with asyncio: python asyncio_client.py URL.

All calls share one mount: the session's slots carry them in parallel, and whatever the network
does in between is the client's affair.
"""

from __future__ import annotations

import asyncio
import sys

from nfsrdma.client import aio

FILES = 64


async def main(url: str) -> None:
    """Write some files, read all of them back at once, and remove them."""
    async with aio.mount(url) as fs:
        await fs.makedirs("fetched", exist_ok=True)
        names = [f"fetched/{number}" for number in range(FILES)]
        await asyncio.gather(*(fs.write_bytes(name, name.encode() * 100) for name in names))

        contents = await asyncio.gather(*(fs.read_bytes(name) for name in names))
        print(f"{len(contents)} files, {sum(map(len, contents))} octets")

        async for entry in fs.scandir("fetched"):
            assert entry.stat().st_size == 100 * len(f"fetched/{entry.name}")
        await fs.rmtree("fetched")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
