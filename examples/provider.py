"""A provider of one's own, used by a client that knows nothing of it: python provider.py.

This one counts what passes through it, and leaves the work to the provider ``soft``. One that does
the work itself has the same few methods: see ``nfsrdma.rpcrdma.verbs.interfaces``, and the suite
in ``tests/conformance`` that every provider has to pass.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from nfsrdma.rpcrdma import connect, listen
from nfsrdma.rpcrdma.providers import registry, soft
from nfsrdma.rpcrdma.providers.tap import Tap
from nfsrdma.rpcrdma.task import Reactor
from nfsrdma.rpcrdma.verbs.interfaces import (
    CompletionQueue,
    Connection,
    ConnectionRequest,
    ConnectRequest,
    Device,
    Listener,
    MemoryRegion,
    ProtectionDomain,
)
from nfsrdma.rpcrdma.verbs.types import Access, DeviceLimits

sys.path.insert(0, str(Path(__file__).parent / "echo"))
from echo_protocol import EchoClient
from server import Echo

SIZE = 128 << 10

counted: Counter[str] = Counter()


class CountingDomain:
    """A protection domain that counts the memory that the peer may reach."""

    def __init__(self, inner: ProtectionDomain) -> None:
        self.inner = inner

    def register(
        self, buffer: memoryview, access: Access, *, remote_address: int | None = None
    ) -> MemoryRegion:
        """Register memory, and count it."""
        counted["regions"] += 1
        counted["octets"] += len(buffer)
        return self.inner.register(buffer, access, remote_address=remote_address)

    def close(self) -> None:
        """End every registration of the domain."""
        self.inner.close()


class CountingDevice:
    """A device that counts what is asked of the one inside."""

    name = "counting"

    def __init__(self, inner: Device) -> None:
        self.inner = inner

    @property
    def limits(self) -> DeviceLimits:
        """What the device can do."""
        return self.inner.limits

    def packet_counters(self) -> dict[str, int]:
        """Return what became of packets."""
        return self.inner.packet_counters()

    def create_pd(self) -> CountingDomain:
        """Make a protection domain that counts."""
        return CountingDomain(self.inner.create_pd())

    def create_cq(self, depth: int) -> CompletionQueue:
        """Make a completion queue."""
        return self.inner.create_cq(depth)

    def connect(self, request: ConnectRequest) -> Connection:
        """Connect, with the domain that the device inside knows."""
        counted["connections"] += 1
        assert isinstance(request.pd, CountingDomain)
        return self.inner.connect(replace(request, pd=request.pd.inner))

    def listen(
        self, address: str, port: int, on_request: Callable[[ConnectionRequest], None]
    ) -> Listener:
        """Refuse: this provider is for clients."""
        raise OSError("the provider counting is for clients")

    def close(self) -> None:
        """Give the device back."""
        self.inner.close()


def open_device(
    reactor: Reactor,
    *,
    rng: Random | None = None,
    address: str | None = None,
    tap: Tap | None = None,
) -> CountingDevice:
    """Open a device: what the registry looks for in a provider's module."""
    return CountingDevice(soft.open_device(reactor, rng=rng, address=address, tap=tap))


registry.PROVIDERS["counting"] = __name__


async def main(address: str = "soft://127.0.0.1:5000") -> None:
    """Read into 8 buffers of 128 KiB, and say what the provider has seen."""
    async with listen(address, Echo()) as listening:
        where = listening.address.replace("soft:", "counting:")
        async with connect(where, EchoClient) as echo:
            for offset in range(0, 1 << 20, SIZE):
                await echo.read(offset, SIZE, into=bytearray(SIZE))
    for what, count in sorted(counted.items()):
        print(f"{count} {what}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
