"""Call the server of this example: python client.py [ADDRESS]."""

from __future__ import annotations

import asyncio
import sys

from echo_protocol import EchoClient, piece

from nfsrdma.rpcrdma import connect

SIZE = 1 << 20


async def main(address: str = "rdma://127.0.0.1:5000") -> None:
    """Shout something, then move a mebibyte out and back in."""
    async with connect(address, EchoClient) as echo:
        print((await echo.shout(b"hello, world")).decode())
        sent, received = bytes(range(256)) * (SIZE // 256), bytearray(SIZE)
        await echo.write(piece(0, sent))
        # Both are under way at once, and each fills its own half.
        halves = [memoryview(received)[: SIZE // 2], memoryview(received)[SIZE // 2 :]]
        replies = [echo.read(n * SIZE // 2, SIZE // 2, into=half) for n, half in enumerate(halves)]
        for reply in replies:
            await reply
        print("a mebibyte came back", "whole" if received == sent else "broken")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
