"""Calls to clients of minor version 0, over connections that the server makes.

Such a client names in SETCLIENTID where it listens (RFC 7530, Section 16.33). It is called there
with CB_NULL once it is confirmed, and is granted delegations only after it has answered: a client
behind a firewall never gets any. There are no slots; an operation may arrive twice, and those that
are sent do no harm then.

What a client can make the server do is bounded. Only its own address is called
(``CallbackAddress``), one connection of it is up at a time, and after a failure none is made for a
moment. An address has its share of all connections.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from nfsrdma.rpcrdma.rpc.channel import CallRefused, Channel, TransportError
from nfsrdma.rpcrdma.rpc.client import RpcClient, results
from nfsrdma.rpcrdma.rpc.message import RpcError
from nfsrdma.rpcrdma.task import Future, Reactor, Task, sleep
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as nfs

from ..state.backchannel import Path
from ..state.client_v40 import CallbackAddress, ClientV40
from ..state.shares import Shares
from .compound import CallbackOperation, decode_sessionless, encode_sessionless
from .errors import PathDown

if TYPE_CHECKING:
    from random import Random

R = TypeVar("R")

_log = logging.getLogger(__name__)

Connect = Callable[[str, int, float], Future[Channel]]
"""Connects to an address and a port over TCP, within so many seconds. Fails with ``OSError``."""

_MOST_CONNECTIONS: Final = 512
"""Connections to all clients together."""
_REPLY_MAX: Final = 4096
_ATTEMPTS: Final = 2
"""How often a call goes out: a connection may have ended unnoticed, as idle ones do."""
_PAUSE_S: Final = 1.0
"""The least time between two connections to one client."""
_FAILURES: Final = (TransportError, CallRefused, RpcError, XdrError, OSError, TimeoutError)


class SessionlessCallbacks:
    """Calls clients of minor version 0, and maintains whether they can be called."""

    def __init__(
        self, reactor: Reactor, rng: Random, connect: Connect, answer_s: float, lease_s: float
    ) -> None:
        self._reactor = reactor
        self._rpc = RpcClient(rng)
        self._connect = connect
        self._answer_s = answer_s
        self._fresh_s = lease_s / 4
        self._room = Shares(_MOST_CONNECTIONS)
        self._connecting: dict[tuple[ClientV40, CallbackAddress], Future[Channel]] = {}

    # --- Whether clients can be called ---

    def begin(self, client: ClientV40) -> None:
        """Find out whether a client can be called where it says from now on."""
        client.hang_up()
        address = client.callback
        client.path = Path.DOWN if address is None else Path.UNKNOWN
        if address is not None:
            Task(self._check(client, address))

    def check(self, client: ClientV40) -> None:
        """Find out once more, if that was not done lately."""
        if client.callback and self._reactor.time() >= client.checked + self._fresh_s:
            Task(self._check(client, client.callback))

    async def _check(self, client: ClientV40, address: CallbackAddress) -> None:
        client.checked = self._reactor.time()
        message = self._start(address, nfs.CB_NULL)
        try:
            await self._answer(client, address, message)
        except _FAILURES as error:
            self._down(client, address, error)
        else:
            self._up(client, address)

    def _up(self, client: ClientV40, address: CallbackAddress) -> None:
        if client.callback == address:
            client.path, client.checked = Path.UP, self._reactor.time()

    def _down(self, client: ClientV40, address: CallbackAddress, reason: object) -> None:
        if client.callback == address:
            client.path = Path.DOWN
            client.hang_up()
            _log.info("%s cannot be called at port %d: %s", address.address, address.port, reason)

    # --- Calls ---

    async def call(self, client: ClientV40, operation: CallbackOperation[R]) -> R:
        """Have a client execute an operation; return the result, with a status of its own.

        Raises ``PathDown``.
        """
        address = client.callback
        if address is None:
            raise PathDown("the client has not said where it can be called")
        failure: Exception = PathDown("no answer from the client")
        for _ in range(_ATTEMPTS):
            message = self._start(address, nfs.CB_COMPOUND)
            encode_sessionless(message, address.ident, operation)
            try:
                result = decode_sessionless(await self._answer(client, address, message), operation)
            except TransportError as error:
                failure = error  # it was lost on the way, or while it was idle
            except _FAILURES as error:
                failure = error
                break
            else:
                self._up(client, address)
                return result
        self._down(client, address, failure)
        raise PathDown(str(failure)) from None

    def _start(self, address: CallbackAddress, procedure: int) -> Encoder:
        return self._rpc.start(address.program, nfs.NFS_CB, procedure, address.credential)

    async def _answer(
        self, client: ClientV40, address: CallbackAddress, message: Encoder
    ) -> Decoder:
        """Call, and return a decoder at the results. Raises ``TimeoutError`` without an answer."""
        channel = await self._channel(client, address)
        attempt: Future[Decoder] = Future()

        def replied(reply: Future[Decoder]) -> None:
            if not attempt.done():
                error = reply.error()
                attempt.set_result(reply.result()) if error is None else attempt.set_error(error)

        results(channel.call(message, max_reply=_REPLY_MAX)).add_done_callback(replied)
        timer = self._reactor.call_at(
            self._reactor.time() + self._answer_s, _expire, attempt, TimeoutError("no answer")
        )
        try:
            return await attempt
        finally:
            timer.cancel()

    # --- Connections ---

    async def _channel(self, client: ClientV40, address: CallbackAddress) -> Channel:
        """Return the connection to a client, made now if there is none. Raises ``OSError``."""
        if client.line is not None:
            return client.line
        key = client, address
        connecting = self._connecting.get(key)
        if connecting is None:
            connecting = self._connecting[key] = Task(self._dial(client, address))
            connecting.add_done_callback(lambda _: self._connecting.pop(key, None))
        return await connecting

    async def _dial(self, client: ClientV40, address: CallbackAddress) -> Channel:
        wait_s = client.dialled + _PAUSE_S - self._reactor.time()
        if wait_s > 0:
            await sleep(self._reactor, wait_s)
        _require(client, address)
        if not self._room.room(client.share):
            raise ConnectionError("too many connections to clients")
        client.dialled = self._reactor.time()
        self._room.acquire(client.share, 1)
        try:
            channel = await self._connect(address.address, address.port, self._answer_s)
        except BaseException:
            self._room.release(client.share, 1)
            raise
        channel.on_close(lambda _: self._closed(client, channel))
        try:
            _require(client, address)
        except ConnectionError:
            channel.close()
            raise
        client.line = channel
        return channel

    def _closed(self, client: ClientV40, channel: Channel) -> None:
        self._room.release(client.share, 1)
        if client.line is channel:
            client.line = None
            if client.delegations and client.path is Path.UP and client.callback is not None:
                # It must be possible to have them back.
                Task(self._check(client, client.callback))


def _require(client: ClientV40, address: CallbackAddress) -> None:
    """Raise ``ConnectionError`` unless a client is still to be called there."""
    if client.gone or client.callback != address:
        raise ConnectionError("the client is gone, or called elsewhere")


def _expire(future: Future[Decoder], error: Exception) -> None:
    if not future.done():
        future.set_error(error)
