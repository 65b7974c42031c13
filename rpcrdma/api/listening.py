"""``listen``: from an address and servers to a service on the running asyncio loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from types import TracebackType
from typing import Any, Final, cast

from ..budget import Budget
from ..io.tcp import TcpListener, listen_tcp
from ..providers.owners import owner_finder
from ..providers.registry import DEFAULT_PROVIDER, open_device
from ..rpc.message import RemoteFailure
from ..rpc.program import Call, RpcService
from ..rpc.stub import ServerSkeleton, programs
from ..task import Future, Reactor
from ..transport.connect import RdmaListener, listen_rdma
from ..transport.options import TransportOptions
from ..verbs.interfaces import Device
from .address import Address, parse_address

MEMORY: Final = 256 << 20
"""Octets that all peers together may make a server hold, unless it is told otherwise."""

_CALL: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """Return the call that the running method of a server answers.

    Its ``credentials`` are what the caller says of itself, its ``channel.peer`` is who is at the
    other end: for peers on this host with the user whose process it is, by the kernel's word.
    Raises ``LookupError`` elsewhere.
    """
    return _CALL.get()


def listen(
    address: str,
    *servers: ServerSkeleton,
    provider: str | None = None,
    device: str | None = None,
    memory: int = MEMORY,
    options: TransportOptions | None = None,
) -> Listening:
    """Serve at ``address`` while the context lasts: ``async with listen(...) as listening``.

    ``address`` is one of ``api.address``: 127.0.0.1 without a host, and with port 0 one that is
    free. Several ``servers`` may be programs, or versions of one. Their methods run as tasks of
    the loop, as many at a time as callers have credits; the views that a method is given are good
    until it returns. ``memory`` bounds what callers can have this process hold, in octets;
    ``options`` have the number of connections. Whoever can reach the address can call: there is
    no authentication beyond what ``current_call`` says.

    Errors, when entered: ``AddressError``, ``ValueError`` for servers of the same version, and
    kinds of ``OSError``.
    """
    return Listening(parse_address(address, provider=provider), servers, device, memory, options)


class Listening:
    """Servers at an address, for as long as its context lasts."""

    def __init__(
        self,
        address: Address,
        servers: tuple[ServerSkeleton, ...],
        device: str | None,
        memory: int,
        options: TransportOptions | None,
    ) -> None:
        self._address = address
        self._service = RpcService(programs(servers, self._start))
        self._device_name = device
        self._memory = memory
        self._options = options
        self._device: Device | None = None
        self._listener: TcpListener | RdmaListener | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def address(self) -> str:
        """Where it listens, for ``connect``."""
        assert self._listener is not None, "not listening"
        return str(Address(self._address.scheme, *self._listener.address))

    async def __aenter__(self) -> Listening:
        reactor = cast(Reactor, asyncio.get_running_loop())
        where = self._address
        budget = Budget(self._memory, reactor.call_soon)
        if where.is_tcp:
            self._listener = listen_tcp(
                reactor, where.host, where.port, self._service, budget=budget
            )
            return self
        self._device = device = open_device(
            where.provider or DEFAULT_PROVIDER, reactor, device=self._device_name
        )
        try:
            self._listener = listen_rdma(
                device,
                reactor,
                where.host,
                where.port,
                self._service,
                options=self._options,
                budget=budget,
                owner_of=owner_finder(device),
            )
        except BaseException:
            device.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in list(self._listener.channels):
            channel.close()
        await asyncio.sleep(0)  # what was posted while closing goes out on the loop's next turn
        if self._device is not None:
            self._device.close()

    async def serve_forever(self) -> None:
        """Wait until the task is cancelled."""
        await asyncio.get_running_loop().create_future()

    def _start(self, method: Coroutine[Any, Any, Any], call: Call) -> Future[Any]:
        """Run a server's method as a task of the loop."""
        done: Future[Any] = Future()
        context = copy_context()
        context.run(_CALL.set, call)
        task = asyncio.get_running_loop().create_task(method, context=context)
        self._tasks.add(task)

        def ended(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                done.set_error(RemoteFailure())
                return
            error = task.exception()
            if error is not None:
                done.set_error(error)
            else:
                done.set_result(task.result())

        task.add_done_callback(ended)
        return done
