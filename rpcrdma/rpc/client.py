"""The calling side of RPC: transaction identifiers, headers, and the meaning of replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nfsrdma.xdr import Decoder, Encoder

from ..task import Future
from .auth import ANONYMOUS, Credentials
from .channel import Channel
from .message import OpaqueAuth, decode_reply, encode_call

if TYPE_CHECKING:
    from random import Random


class RpcClient:
    """Makes calls over any number of channels, with transaction identifiers of one sequence.

    The sequence starts at random, so that a client that was restarted does not meet its old calls
    in a server's duplicate request cache. ``rng`` is a system generator outside tests.
    """

    __slots__ = ("_auth", "_credentials", "_next_xid")

    def __init__(self, rng: Random, credentials: Credentials = ANONYMOUS) -> None:
        self._next_xid = rng.getrandbits(32)
        self._credentials = credentials
        self._auth = credentials.to_auth()

    @property
    def credentials(self) -> Credentials:
        """The credentials of calls that name none of their own."""
        return self._credentials

    def allocate_xid(self) -> int:
        """Return the next transaction identifier (32 bits, wrapping)."""
        xid = self._next_xid
        self._next_xid = (xid + 1) & 0xFFFFFFFF
        return xid

    def start(self, prog: int, vers: int, proc: int, auth: OpaqueAuth | None = None) -> Encoder:
        """Return an encoder that holds the header of a call: append the arguments."""
        enc = Encoder()
        encode_call(enc, self.allocate_xid(), prog, vers, proc, auth or self._auth)
        return enc

    def call(
        self,
        channel: Channel,
        prog: int,
        vers: int,
        proc: int,
        encode_args: Callable[[Encoder], object] | None = None,
        *,
        max_reply: int,
        sinks: Sequence[memoryview] = (),
        auth: OpaqueAuth | None = None,
    ) -> Future[Decoder]:
        """Call a procedure, and return the future of a decoder at its results.

        ``max_reply`` and ``sinks`` are those of :meth:`Channel.call`; ``auth`` is the credential of
        another caller (``Credentials.to_auth()``). The future's errors are those of
        :meth:`Channel.call`, and the ``RpcError`` that the server answered instead of results.
        """
        enc = self.start(prog, vers, proc, auth)
        if encode_args is not None:
            encode_args(enc)
        return results(channel.call(enc, max_reply=max_reply, sinks=sinks))


def results(reply: Future[Decoder]) -> Future[Decoder]:
    """Return the future of a decoder at the results of a reply, from the future of the reply."""
    outcome: Future[Decoder] = Future()

    def replied(reply: Future[Decoder]) -> None:
        try:
            dec = reply.result()
            decode_reply(dec)
        except Exception as error:
            outcome.set_error(error)
        else:
            outcome.set_result(dec)

    reply.add_done_callback(replied)
    return outcome
