"""The seam between RPC and its security flavors (RFC 5531, Section 8.2), at both ends.

A server has one :class:`ServerSecurity` for each flavor that it takes. It accepts a call, which
says who calls; or it answers the call by itself, as the creation of a security context is
answered (RFC 2203, Section 5.2). What it does to the arguments and to the reply of a call that it
accepted is a :class:`ServerProtection`; plain flavors do nothing, and cost nothing.

A client has one :class:`ClientSecurity`, which makes a channel secure: over that channel programs
call as over any other, and each message gets a credential, a verifier and, if need be, a wrapping
of its own on the way (:class:`SecuredChannel`). So a message that is sent again gets new ones.

What is wrapped cannot be placed directly: no parts of it travel in Read chunks or Write chunks
(RFC 8166, Section 8.2.2).

AUTH_NONE and AUTH_SYS are the flavors here. RPCSEC_GSS (RFC 2203) would be a third, on either
side; TLS (RFC 9289) is a filter below the stream (``rpc.filter``), which a flavor switches
on when it has answered its probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import AUTH_BADVERF, AUTH_NONE, AUTH_SYS

from ..budget import Account
from ..task import Future, Task
from .auth import ANONYMOUS, Credentials, parse_sys
from .channel import CLOSED_HERE, Channel, IncomingCall, Peer
from .message import (
    NO_AUTH,
    AuthError,
    CallHeader,
    OpaqueAuth,
    RpcError,
    decode_call,
    decode_reply,
    encode_accepted,
    encode_call,
)

# --- The server's side ---


class ServerProtection(Protocol):
    """What a flavor does to one call that it accepted, and to its reply."""

    verifier: OpaqueAuth
    """The verifier of the reply."""
    wraps: bool
    """Whether arguments and results are wrapped. If not, the two methods are not called."""
    reply_overhead: int
    """Octets that a wrapped reply has more than its results, at most."""

    def unwrap(self, arguments: Decoder) -> Decoder:
        """Return a decoder over the plain arguments.

        Raises ``XdrError`` (GARBAGE_ARGS) if they are not what the caller sent, or any
        ``RpcError``.
        """

    def wrap(self, results: bytes) -> bytes:
        """Return what goes behind the header of a successful reply."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a call was accepted from, and what is still to be done to it."""

    credentials: Credentials
    protection: ServerProtection | None = None


class ServerSecurity(Protocol):
    """One flavor, as a server sees it."""

    repeatable: bool
    """Whether equal credentials have the same meaning each time, and protect nothing.

    Then the outcome may be remembered: :meth:`accept` does not see every call.
    """

    def accept(self, header: CallHeader, incoming: IncomingCall) -> Caller | None:
        """Find out who calls. ``incoming.decoder`` is at the arguments.

        None if the flavor has answered the call by itself (or refused or dropped it), or will. It
        may also keep a call until it knows more, and then hand it to the service again with its
        decoder at the beginning. Raises ``AuthError``.
        """


class NoneSecurity:
    """AUTH_NONE: anyone. The body means nothing and is not looked at (RFC 5531, Section 10.1)."""

    repeatable = True

    def accept(self, header: CallHeader, incoming: IncomingCall) -> Caller:
        """See :class:`ServerSecurity`."""
        return _ANYONE


class SysSecurity:
    """AUTH_SYS: the caller is believed (RFC 5531, Appendix A)."""

    repeatable = True

    def accept(self, header: CallHeader, incoming: IncomingCall) -> Caller:
        """See :class:`ServerSecurity`."""
        if header.verf is not NO_AUTH and header.verf.flavor != AUTH_NONE:
            raise AuthError(AUTH_BADVERF, f"verifier flavor {header.verf.flavor} with AUTH_SYS")
        return Caller(parse_sys(header.cred.body))


_ANYONE: Final = Caller(ANONYMOUS)

SECURITIES: Final[Mapping[int, ServerSecurity]] = {
    AUTH_NONE: NoneSecurity(),
    AUTH_SYS: SysSecurity(),
}
"""The flavors that a service takes by default."""


# --- The client's side ---


class BadReply(RpcError):
    """The reply is not what the server sent: its verifier, or its wrapping, is wrong."""


class ClientProtection(Protocol):
    """What a flavor does to one call that is sent, and to its reply."""

    credential: OpaqueAuth
    wraps: bool
    """Whether arguments and results are wrapped. If not, the two methods are not called."""

    def sign(self, header: bytes) -> OpaqueAuth:
        """Return the verifier of the call, whose header up to its credential is ``header``."""

    def wrap(self, arguments: bytes) -> bytes:
        """Return what goes behind the header of the call."""

    def check(self, verifier: OpaqueAuth) -> None:
        """Raise ``BadReply`` unless ``verifier`` is the server's, for this call."""

    def unwrap(self, results: Decoder) -> bytes:
        """Return the plain results. Raises ``BadReply`` or ``XdrError``."""


class ClientFlavor(Protocol):
    """One flavor, with its security context if it has one, as a client's channel sees it."""

    call_overhead: int
    """Octets that a call takes more than with AUTH_NONE, at most."""
    reply_overhead: int
    """Octets that a reply takes more than with AUTH_NONE, at most."""

    def protect(self) -> ClientProtection:
        """Return what is to be done to the next call."""


class ClientSecurity(Protocol):
    """How a client makes its connections secure."""

    async def secure(self, channel: Channel) -> Channel:
        """Return the channel to call over: ``channel``, or one that protects what goes over it.

        A flavor that needs a security context creates it here, by calls over ``channel``.
        """


class PlainSecurity:
    """AUTH_NONE and AUTH_SYS: the credential in the header is all there is."""

    async def secure(self, channel: Channel) -> Channel:
        """Return ``channel`` itself."""
        return channel


PLAIN: Final = PlainSecurity()
"""The default security of a client."""


def secured(connection: Future[Channel], security: ClientSecurity) -> Future[Channel]:
    """Return the channel to call over, once ``connection`` is up and secure.

    If it cannot be made secure, it is closed, and the future fails with the reason.
    """
    return Task(_secure(connection, security))


async def _secure(connection: Future[Channel], security: ClientSecurity) -> Channel:
    channel = await connection
    try:
        return await security.secure(channel)
    except BaseException as error:
        channel.close(f"not secured: {error}")
        raise


class SecuredChannel:
    """A ``Channel`` whose calls are protected by ``flavor``.

    The credential of a call that is handed in does not matter: it is replaced. The reply that is
    handed out is plain, with an AUTH_NONE verifier.
    """

    __slots__ = ("_channel", "_flavor")

    def __init__(self, channel: Channel, flavor: ClientFlavor) -> None:
        self._channel = channel
        self._flavor = flavor

    @property
    def peer(self) -> Peer:
        """The peer of the channel below."""
        return self._channel.peer

    @property
    def relied_on(self) -> bool:
        """Whether something would miss the connection."""
        return self._channel.relied_on

    @relied_on.setter
    def relied_on(self, relied_on: bool) -> None:
        self._channel.relied_on = relied_on

    @property
    def account(self) -> Account:
        """The account of the channel below."""
        return self._channel.account

    @property
    def max_message(self) -> int:
        """Octets of the longest plain call or reply."""
        flavor = self._flavor
        return self._channel.max_message - max(flavor.call_overhead, flavor.reply_overhead)

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        """See ``Channel.call``. Data is placed only if the flavor wraps nothing."""
        protection = self._flavor.protect()
        max_reply += self._flavor.reply_overhead
        if protection.wraps:
            max_reply += sum(len(sink) + 3 & ~3 for sink in sinks)
            sinks = ()
        sent = _protected(message, protection)
        outcome: Future[Decoder] = Future()

        def replied(reply: Future[Decoder]) -> None:
            try:
                plain = _opened(reply.result(), protection)
            except Exception as error:
                outcome.set_error(error)
            else:
                outcome.set_result(plain)

        reply = self._channel.call(sent, max_reply=max_reply, sinks=sinks)
        reply.add_done_callback(replied)
        return outcome

    def close(self, reason: str = CLOSED_HERE) -> None:
        """See ``Channel.close``."""
        self._channel.close(reason)

    def on_close(self, callback: Callable[[str], None]) -> None:
        """See ``Channel.on_close``."""
        self._channel.on_close(callback)


def _protected(message: Encoder, protection: ClientProtection) -> Encoder:
    """Return the call with a credential, a verifier and arguments as the flavor wants them."""
    dec = Decoder(message.buffer)
    header = decode_call(dec)
    enc = Encoder()
    encode_call(enc, header.xid, header.prog, header.vers, header.proc, protection.credential, None)
    enc.buffer += protection.sign(bytes(enc.buffer)).wire
    if protection.wraps:
        enc.buffer += protection.wrap(message.to_bytes()[dec.offset :])
    else:
        _append(enc, message, dec.offset)
    return enc


def _append(enc: Encoder, message: Encoder, start: int) -> None:
    """Append what ``message`` has from ``start`` on, payloads left where they are."""
    for payload in message.payloads:
        # The length word in front of the data comes with the payload.
        enc.buffer += message.buffer[start : payload.offset - 4]
        enc.payload(payload.data)
        start = payload.offset
    enc.buffer += message.buffer[start:]


def _opened(reply: Decoder, protection: ClientProtection) -> Decoder:
    """Return the reply with plain results, or as it is if it says that nothing was executed."""
    start = reply.offset
    try:
        xid, verifier = decode_reply(reply)
    except (RpcError, XdrError):
        # The caller decodes it again, and finds the same. It says that nothing was executed, so no
        # result depends on its verifier.
        reply.offset = start
        return reply
    protection.check(verifier)
    if not protection.wraps:
        reply.offset = start
        return reply
    enc = Encoder()
    encode_accepted(enc, xid)
    return Decoder(bytes(enc.buffer) + protection.unwrap(reply))
