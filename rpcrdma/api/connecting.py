"""``connect``: from an address and a client's class to a client that makes calls."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Final, Generic, TypeVar, cast

from ..io.reactor import SelectReactor
from ..io.tcp import connect_tcp
from ..providers.choice import providers_for
from ..providers.registry import open_device
from ..rpc.auth import ANONYMOUS, Credentials
from ..rpc.channel import Channel
from ..rpc.client import RpcClient
from ..rpc.stub import MAX_REPLY, Caller, ChannelCaller
from ..task import Future, Reactor, Task
from ..transport.connect import connect_rdma
from ..transport.options import TransportOptions
from ..verbs.interfaces import Device
from .address import Address, parse_address
from .reply import PendingReply, wait_in_loop, wait_in_thread

C = TypeVar("C")
T = TypeVar("T")

_SHORTLY_S: Final = 2.0
"""How long a server in shared memory may take to say that it is there."""


def connect(
    address: str,
    client: Callable[[Caller], C],
    *,
    provider: str | None = None,
    device: str | None = None,
    timeout: float = 10.0,
    credentials: Credentials = ANONYMOUS,
    max_reply: int = MAX_REPLY,
    options: TransportOptions | None = None,
) -> Connecting[C]:
    """Connect to the server at ``address``: ``async with connect(...) as it`` gives the client.

    A plain ``with`` makes a connection of the calling thread alone, whose replies are waited for
    by ``wait()``; nothing happens on it between calls, so a server may end it when it idles.

    ``address`` is one of ``api.address``; ``provider`` and ``device`` choose among what serves
    ``rdma://``. ``timeout`` is in seconds, for connecting. ``credentials`` go with every call.
    ``max_reply`` bounds results to which the specification sets no limit, in octets: a server
    refuses to send more. Nothing connects again when the connection is lost.

    Errors, when entered: ``AddressError``, ``ConnectionRefusedError``, ``TimeoutError`` and other
    kinds of ``OSError``.
    """
    where = parse_address(address, provider=provider)
    maker = _Maker(where, device, timeout, options)
    return Connecting(maker, client, credentials, max_reply)


class Connecting(Generic[C]):
    """A connection that is made by entering its context, and ends by leaving it."""

    def __init__(
        self,
        maker: _Maker,
        client: Callable[[Caller], C],
        credentials: Credentials,
        max_reply: int,
    ) -> None:
        self._maker = maker
        self._client = client
        self._credentials = credentials
        self._max_reply = max_reply
        self._reactor: SelectReactor | None = None
        self._channel: Channel | None = None

    async def __aenter__(self) -> C:
        loop = asyncio.get_running_loop()
        maker = self._maker
        try:
            found = await loop.getaddrinfo(*maker.lookup, type=socket.SOCK_DGRAM)
            channel = await wait_in_loop(maker.start(cast(Reactor, loop), str(found[0][4][0])))
        except BaseException:
            maker.close()
            raise
        return self._connected(channel)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        await asyncio.sleep(0)  # what was posted while closing goes out on the loop's next turn
        self._maker.close()

    def __enter__(self) -> C:
        maker = self._maker
        self._reactor = reactor = SelectReactor()
        try:
            found = socket.getaddrinfo(*maker.lookup, type=socket.SOCK_DGRAM)
            channel = wait_in_thread(reactor, maker.start(reactor, str(found[0][4][0])))
        except BaseException:
            maker.close()
            reactor.close()
            raise
        return self._connected(channel)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._reactor is not None
        self._close()
        self._reactor.turn(0)
        self._maker.close()
        self._reactor.close()

    def _connected(self, channel: Channel) -> C:
        self._channel = channel
        rpc = RpcClient(random.SystemRandom(), self._credentials)
        return self._client(_Caller(channel, rpc, self._max_reply, self._reactor))

    def _close(self) -> None:
        if self._channel is not None:
            self._channel.close()


class _Caller(ChannelCaller):
    """Calls whose replies are waited for on asyncio, or on the thread that turns ``reactor``."""

    def __init__(
        self, channel: Channel, rpc: RpcClient, max_reply: int, reactor: SelectReactor | None
    ) -> None:
        super().__init__(channel, rpc, max_reply)
        self._reactor = reactor

    def reply(self, future: Future[T], *, borrowed: bool) -> PendingReply[T]:
        """Return how the caller waits."""
        return PendingReply(future, self._reactor, borrowed=borrowed)


class _Maker:
    """Makes one connection, with a device of its own below it."""

    def __init__(
        self,
        address: Address,
        device: str | None,
        timeout: float,
        options: TransportOptions | None,
    ) -> None:
        self._address = address
        self._device = device
        self._timeout = timeout
        self._options = options
        self._devices: list[Device] = []

    @property
    def lookup(self) -> tuple[str, int]:
        """The host and the port to be looked up."""
        return self._address.host, self._address.port

    def start(self, reactor: Reactor, address: str) -> Future[Channel]:
        """Connect to a numeric address."""
        return Task(self._connect(reactor, address))

    async def _connect(self, reactor: Reactor, address: str) -> Channel:
        where = self._address
        if where.is_tcp:
            return await connect_tcp(
                reactor, address, where.port, timeout_s=self._timeout, reserved_port=False
            )
        if where.provider is not None:
            return await self._connect_by(where.provider, reactor, address, self._timeout)
        *hopeful, last = providers_for(address)
        for provider in hopeful:
            with suppress(OSError):
                # A server of this host that does not answer at once may answer packets yet.
                patience = min(_SHORTLY_S, self._timeout / 2)
                return await self._connect_by(provider, reactor, address, patience)
        return await self._connect_by(last, reactor, address, self._timeout)

    async def _connect_by(
        self, provider: str, reactor: Reactor, address: str, timeout_s: float
    ) -> Channel:
        device = open_device(provider, reactor, device=self._device)
        self._devices.append(device)
        options = self._options
        if options is None:
            options = replace(TransportOptions.suiting(device.limits), connect_timeout_s=timeout_s)
        return await connect_rdma(device, reactor, address, self._address.port, options=options)

    def close(self) -> None:
        """Give the devices back."""
        devices, self._devices = self._devices, []
        for device in devices:
            device.close()
