"""Serve echo.x: python server.py [ADDRESS]."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from echo_protocol import EchoServer, piece

from nfsrdma.rpcrdma import listen


class Echo(EchoServer):
    """Shouts back what it is told, and keeps a mebibyte that anybody may read and write."""

    def __init__(self) -> None:
        self.memory = bytearray(1 << 20)

    async def shout(self, arg: bytes) -> bytes:
        """Return a line in capitals."""
        return arg.upper()

    async def read(self, offset: int, count: int) -> piece:
        """Return a piece of the memory: over RDMA it is written right into the caller's."""
        return piece(offset, memoryview(self.memory)[offset : offset + count])

    async def write(self, arg: piece) -> None:
        """Replace a piece of the memory: over RDMA it was read right out of the caller's."""
        end = min(arg.offset + len(arg.data), len(self.memory))
        self.memory[arg.offset : end] = arg.data[: max(0, end - arg.offset)]


async def main(address: str = "rdma://127.0.0.1:5000") -> None:
    """Serve until interrupted."""
    async with listen(address, Echo()) as listening:
        print("listening at", listening.address, flush=True)
        await listening.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
