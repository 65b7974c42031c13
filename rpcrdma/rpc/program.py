"""RPC programs: from a call that arrived to the procedure that answers it.

A :class:`RpcService` is a ``channel.Service``: it decodes the header, finds out who calls, looks
the procedure up and gives it a :class:`Call`. Whatever goes wrong has its answer in RFC 5531,
Section 9; an exception that nobody foresaw is logged and answered with SYSTEM_ERR.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import AUTH_BADCRED

from ..task import Task
from .auth import AUTHENTICATORS, Authenticator, Credentials
from .channel import Channel, IncomingCall
from .message import (
    NO_AUTH,
    AuthError,
    CallHeader,
    GarbageArguments,
    OpaqueAuth,
    ProcedureUnavailable,
    ProgramMismatch,
    ProgramUnavailable,
    RemoteFailure,
    RpcError,
    decode_call,
    encode_accepted,
    recognize,
)

_log = logging.getLogger(__name__)


_KNOWN: Final = 256
"""Heads of calls that are remembered: about as many as there are callers and procedures."""


class Call:
    """One call, on its way through a procedure that ends in one reply, refusal, failure or drop.

    ``decoder`` is at the arguments. ``header`` may be that of an earlier call that differs in
    its XID alone. The procedure may keep the call and answer later.
    """

    __slots__ = ("answered", "credentials", "decoder", "header", "incoming", "verf", "xid")

    def __init__(
        self, xid: int, header: CallHeader, credentials: Credentials, incoming: IncomingCall
    ) -> None:
        self.xid = xid
        self.header = header
        self.credentials = credentials
        self.incoming = incoming
        self.decoder: Decoder = incoming.decoder
        self.verf: OpaqueAuth = NO_AUTH
        """The verifier of the reply."""
        self.answered = False

    @property
    def channel(self) -> Channel:
        """The connection it came over, also the way back for callbacks."""
        return self.incoming.channel

    @property
    def reply_room(self) -> int:
        """As in :class:`IncomingCall`: octets for the whole reply, its RPC header included."""
        return self.incoming.reply_room

    @property
    def payload_room(self) -> Sequence[int]:
        """As in :class:`IncomingCall`."""
        return self.incoming.payload_room

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """As in :class:`IncomingCall`."""
        return self.incoming.payload_target(index, size)

    def start_reply(self) -> Encoder:
        """An encoder that holds the header of a successful reply: append the results."""
        enc = Encoder()
        encode_accepted(enc, self.xid, self.verf)
        return enc

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """Send what :meth:`start_reply` began; ``on_sent`` as in :class:`IncomingCall`."""
        self.answered = True
        self.incoming.reply(message, on_sent)

    def fail(self, error: RpcError) -> None:
        """Answer that the call was not executed, and why."""
        enc = Encoder()
        error.encode(enc, self.xid, self.verf)
        self.reply(enc)

    def refuse(self) -> None:
        """As in :class:`IncomingCall`: no reply fits what the caller offered."""
        self.answered = True
        self.incoming.refuse()

    def drop(self) -> None:
        """Send no reply at all."""
        self.answered = True
        self.incoming.drop()


Procedure = Callable[[Call], Coroutine[Any, Any, None] | None]
"""Answers a call: a plain function, or a coroutine function that is run as a task.

It may raise ``XdrError`` for arguments that cannot be decoded (GARBAGE_ARGS) and any
``RpcError``, before it answered.
"""


def null_procedure(call: Call) -> None:
    """Procedure 0 of nearly every program: no arguments, no results."""
    call.reply(call.start_reply())


class RpcProgram:
    """A program number and its procedures, by version and procedure number."""

    __slots__ = ("number", "versions")

    def __init__(self, number: int, versions: Mapping[int, Mapping[int, Procedure]]) -> None:
        self.number = number
        self.versions = versions

    def find(self, vers: int, proc: int) -> Procedure:
        """The procedure, or raise ``ProgramMismatch`` or ``ProcedureUnavailable``."""
        procedures = self.versions.get(vers)
        if procedures is None:
            raise ProgramMismatch(min(self.versions), max(self.versions))
        procedure = procedures.get(proc)
        if procedure is None:
            raise ProcedureUnavailable
        return procedure


class RpcService:
    """Serves any number of programs to the calls of any number of channels.

    ``authenticators`` has the flavors that are taken at all; others are answered AUTH_BADCRED.
    """

    def __init__(
        self,
        programs: Iterable[RpcProgram],
        authenticators: Mapping[int, Authenticator] = AUTHENTICATORS,
    ) -> None:
        self._programs = {program.number: program for program in programs}
        self._authenticators = authenticators
        self._known: dict[bytes, tuple[CallHeader, Credentials, Procedure]] = {}
        """What follows the XID of calls that were served before, and what came of it."""

    def __call__(self, incoming: IncomingCall) -> None:
        """Answer the call, now or later; never raises an ``Exception``."""
        call: Call | None = None
        try:
            dec = incoming.decoder
            xid, head = recognize(dec)
            known = self._known.get(head)
            if known is not None:
                header, credentials, procedure = known
                dec.offset += 4 + len(head)
                call = Call(xid, header, credentials, incoming)
            else:
                header = decode_call(dec)
                credentials = self._authenticate(header, dec)
                call = Call(header.xid, header, credentials, incoming)
                program = self._programs.get(header.prog)
                if program is None:
                    raise ProgramUnavailable
                procedure = program.find(header.vers, header.proc)
                if head and self._is_plain(header.cred.flavor):
                    self._remember(head, header, credentials, procedure)
            pending = procedure(call)
        except Exception as error:
            if call is None:
                _fail_early(incoming, error)
            else:
                _fail(call, error)
            return
        if pending is not None:
            later = call
            Task(pending).add_done_callback(lambda task: _finish(later, task.error()))

    def _remember(
        self, head: bytes, header: CallHeader, credentials: Credentials, procedure: Procedure
    ) -> None:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[head] = header, credentials, procedure

    def _is_plain(self, flavor: int) -> bool:
        """Whether the same credential means the same each time."""
        return self._authenticators[flavor] is AUTHENTICATORS.get(flavor)

    def _authenticate(self, header: CallHeader, dec: Decoder) -> Credentials:
        authenticator = self._authenticators.get(header.cred.flavor)
        if authenticator is None:
            raise AuthError(AUTH_BADCRED, f"flavor {header.cred.flavor} is not served")
        return authenticator(header, dec)


def _finish(call: Call, error: BaseException | None) -> None:
    """A procedure's task has ended."""
    if error is not None:
        _fail(call, error)
    elif not call.answered:
        _fail(call, RuntimeError("the procedure returned without an answer"))


def _fail(call: Call, error: BaseException) -> None:
    """Answer what a procedure raised."""
    if isinstance(error, XdrError):
        _log.debug("%r of %r: %s", call.header, call.channel.peer, error)
        error = GarbageArguments(str(error))
    if not isinstance(error, RpcError) or call.answered:
        _log.error("%r of %r failed", call.header, call.channel.peer, exc_info=error)
    if not call.answered:
        call.fail(error if isinstance(error, RpcError) else RemoteFailure())


def _fail_early(incoming: IncomingCall, error: Exception) -> None:
    """Answer a call whose header was not good enough to look a procedure up."""
    if isinstance(error, XdrError):
        # Cut short: there may not even be an XID to answer to.
        incoming.drop()
        return
    if not isinstance(error, RpcError):
        _log.error("a call of %r could not be authenticated", incoming.channel.peer, exc_info=error)
        error = RemoteFailure()
    incoming.decoder.offset = 0
    enc = Encoder()
    error.encode(enc, incoming.decoder.uint32())
    incoming.reply(enc)
