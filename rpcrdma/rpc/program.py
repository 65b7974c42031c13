"""RPC programs: from a call that arrived to the procedure that answers it.

A :class:`RpcService` is a ``channel.Service``: it decodes the header, has the security flavor
accept the call, looks the procedure up and gives it a :class:`Call`. Calls that go wrong are
answered as RFC 5531, Section 9, says; an unexpected exception is logged and answered with
SYSTEM_ERR.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import AUTH_BADCRED

from ..complaints import Complaints
from ..task import Task
from .auth import Credentials
from .channel import Channel, IncomingCall, Lane, Place, Take
from .message import (
    ACCEPTED,
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
    accepted,
    decode_call,
    encode_accepted,
    head_of,
    recognize,
)
from .security import SECURITIES, ServerProtection, ServerSecurity

_log = logging.getLogger(__name__)


_WORD: Final = struct.Struct(">I")
_KNOWN: Final = 256
"""Heads of calls that are remembered; there is about one for each caller and procedure."""


class Call:
    """One call, for a procedure to answer: with one reply, refusal, failure or drop.

    ``decoder`` is at the arguments. ``header`` may be that of an earlier call that differs in its
    XID alone. The procedure may keep the call and answer later.
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
        """The connection that the call came over, which callbacks may take as well."""
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
        """Return an encoder that holds the header of a successful reply: append the results."""
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


class ProtectedCall(Call):
    """A call whose security flavor has something to do to it, and to its reply."""

    __slots__ = ("_protection", "_start")

    def __init__(
        self,
        header: CallHeader,
        credentials: Credentials,
        incoming: IncomingCall,
        protection: ServerProtection,
    ) -> None:
        super().__init__(header.xid, header, credentials, incoming)
        self._protection = protection
        self._start = 0
        self.verf = protection.verifier

    def unwrap(self) -> None:
        """Have ``decoder`` at the plain arguments. Raises ``XdrError`` or ``RpcError``."""
        if self._protection.wraps:
            if self.incoming.reduced:
                raise GarbageArguments("Read chunks with protected arguments")
            self.decoder = self._protection.unwrap(self.decoder)

    @property
    def reply_room(self) -> int:
        """Octets for the whole plain reply, its RPC header included."""
        return self.incoming.reply_room - self._protection.reply_overhead

    @property
    def payload_room(self) -> Sequence[int]:
        """As in :class:`IncomingCall`; nothing that is wrapped can be placed."""
        return () if self._protection.wraps else self.incoming.payload_room

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """As in :class:`IncomingCall`; nothing that is wrapped can be placed."""
        return None if self._protection.wraps else self.incoming.payload_target(index, size)

    def start_reply(self) -> Encoder:
        """Return an encoder that holds the header of a successful reply."""
        enc = super().start_reply()
        self._start = len(enc.buffer)
        return enc

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """Send what :meth:`start_reply` began, wrapped if the flavor wants it."""
        if self._protection.wraps:
            wrapped = Encoder()
            wrapped.buffer += message.buffer[: self._start]
            wrapped.buffer += self._protection.wrap(message.to_bytes()[self._start :])
            message = wrapped
        super().reply(message, on_sent)

    def fail(self, error: RpcError) -> None:
        """Answer that the call was not executed, and why: that is never wrapped."""
        enc = Encoder()
        error.encode(enc, self.xid, self.verf)
        super().reply(enc)


Procedure = Callable[[Call], Coroutine[Any, Any, None] | None]
"""Answers a call: a plain function, or a coroutine function that is run as a task.

It may raise ``XdrError`` for arguments that cannot be decoded (GARBAGE_ARGS) and any
``RpcError``, before it answered.
"""


def null_procedure(call: Call) -> None:
    """Answer procedure 0 of nearly every program: no arguments, no results."""
    call.reply(call.start_reply())


class ProcedureLane(Protocol):
    """The short way to a procedure: see :class:`~.channel.Lane`."""

    def __call__(
        self,
        channel: Channel,
        claim: Credentials,
        message: memoryview,
        at: int,
        room: int,
        take: Take,
        place: Place | None,
        data: memoryview | None,
        /,
    ) -> int:
        """Answer the call of one who claims to be ``claim``; its arguments begin at ``at``."""


def null_lane_in_python(
    channel: Channel,
    claim: Credentials,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
) -> int:
    """Answer procedure 0 as :func:`null_procedure` does."""
    if at != len(message) or room < ACCEPTED.size or place is not None or data is not None:
        return 0
    (xid,) = _WORD.unpack_from(message)
    ACCEPTED.pack_into(take(ACCEPTED.size), 0, *accepted(xid))
    return ACCEPTED.size


try:
    from . import _lanes
except ImportError:
    _lanes = None  # type: ignore[assignment]

null_lane: Final[ProcedureLane] = null_lane_in_python if _lanes is None else _lanes.null_lane


class RpcProgram:
    """A program number and its procedures, by version and procedure number.

    ``lanes`` has the short ways to some of them.
    """

    __slots__ = ("lanes", "number", "versions")

    def __init__(
        self,
        number: int,
        versions: Mapping[int, Mapping[int, Procedure]],
        lanes: Mapping[tuple[int, int], ProcedureLane] | None = None,
    ) -> None:
        self.number = number
        self.versions = versions
        self.lanes = lanes or {}

    def find(self, vers: int, proc: int) -> Procedure:
        """Return a procedure. Raises ``ProgramMismatch`` or ``ProcedureUnavailable``."""
        procedures = self.versions.get(vers)
        if procedures is None:
            raise ProgramMismatch(min(self.versions), max(self.versions))
        procedure = procedures.get(proc)
        if procedure is None:
            raise ProcedureUnavailable
        return procedure


_Known: TypeAlias = tuple[CallHeader, Credentials, Procedure, "ProcedureLane | None"]
"""What the head of a call means."""


class RpcService:
    """Answers the calls of any number of channels with any number of programs.

    ``securities`` has the flavors that are accepted; others are answered AUTH_BADCRED. Failures are
    logged at a bounded rate if there is a ``clock`` (in seconds), and without one, once for each
    peer and reason.
    """

    def __init__(
        self,
        programs: Iterable[RpcProgram],
        securities: Mapping[int, ServerSecurity] = SECURITIES,
        *,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._programs = {program.number: program for program in programs}
        self._securities = securities
        self._complaints = Complaints(_log, clock or _standing_still)
        self._known: dict[bytes, _Known] = {}
        """The octets behind the XID of calls that were served before, and their meaning."""
        has_lanes = any(program.lanes for program in self._programs.values())
        self.lane: Lane | None = None
        """The short way, for transports to try first."""
        if has_lanes and _lanes is not None:
            self.lane = _lanes.Lanes(self._known, self.lane_failed).answer
        elif has_lanes:
            self.lane = self._by_lane

    def _by_lane(
        self,
        channel: Channel,
        message: memoryview,
        room: int,
        take: Take,
        place: Place | None = None,
        data: memoryview | None = None,
    ) -> int:
        """Answer a call whose head is known, if its procedure has a lane that takes it."""
        head, at = head_of(message)
        known = self._known.get(head)
        if known is None:
            return 0
        lane = known[3]
        if lane is None:
            return 0
        try:
            return lane(channel, known[1], message, at, room, take, place, data)
        except Exception as error:
            self.lane_failed(known[0], channel, error)
            return 0

    def lane_failed(self, header: CallHeader, channel: Channel, error: Exception) -> None:
        """Tell of a lane that has raised; the call is for the service."""
        self._complaints.failure(f"the lane of {header!r} of {channel.peer!r}", error)

    def __call__(self, incoming: IncomingCall) -> None:
        """Answer the call, now or later; never raises an ``Exception``."""
        call: Call | None = None
        try:
            dec = incoming.decoder
            xid, head = recognize(dec)
            known = self._known.get(head)
            if known is not None:
                header, credentials, procedure, _ = known
                dec.offset += 4 + len(head)
                call = Call(xid, header, credentials, incoming)
            else:
                header = decode_call(dec)
                security = self._security(header.cred.flavor)
                caller = security.accept(header, incoming)
                if caller is None:
                    return  # the flavor answers it
                credentials, protection = caller.credentials, caller.protection
                if protection is None:
                    call = Call(header.xid, header, credentials, incoming)
                else:
                    call = protected = ProtectedCall(header, credentials, incoming, protection)
                    protected.unwrap()
                program = self._programs.get(header.prog)
                if program is None:
                    raise ProgramUnavailable
                procedure = program.find(header.vers, header.proc)
                if head and security.repeatable:
                    lane = program.lanes.get((header.vers, header.proc))
                    self._remember(head, (header, credentials, procedure, lane))
            pending = procedure(call)
        except Exception as error:
            if call is None:
                self._fail_early(incoming, error)
            else:
                self._fail(call, error)
            return
        if pending is not None:
            later = call
            Task(pending).add_done_callback(lambda task: self._finish(later, task.error()))

    def _remember(self, head: bytes, meaning: _Known) -> None:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[head] = meaning

    def _security(self, flavor: int) -> ServerSecurity:
        security = self._securities.get(flavor)
        if security is None:
            raise AuthError(AUTH_BADCRED, f"flavor {flavor} is not served")
        return security

    def _finish(self, call: Call, error: BaseException | None) -> None:
        """Answer for a procedure whose task has ended, unless it did so itself."""
        if error is not None:
            self._fail(call, error)
        elif not call.answered:
            self._fail(call, RuntimeError("the procedure returned without an answer"))

    def _fail(self, call: Call, error: BaseException) -> None:
        """Answer what a procedure raised."""
        if isinstance(error, XdrError):
            self._complaints.about(
                call.channel.peer,
                "arguments that cannot be decoded",
                f"{call.header!r}: {error}",
                level=logging.DEBUG,
            )
            error = GarbageArguments(str(error))
        if not isinstance(error, RpcError) or call.answered:
            self._complaints.failure(f"{call.header!r} of {call.channel.peer!r}", error)
        if not call.answered:
            call.fail(error if isinstance(error, RpcError) else RemoteFailure())

    def _fail_early(self, incoming: IncomingCall, error: Exception) -> None:
        """Answer a call whose header was not good enough to look a procedure up."""
        peer = incoming.channel.peer
        if isinstance(error, XdrError):
            # Cut short: there may not even be an XID to answer to.
            self._complaints.about(peer, "no RPC call", error, level=logging.DEBUG)
            incoming.drop()
            return
        if isinstance(error, RpcError):
            self._complaints.about(peer, "call denied", error, level=logging.DEBUG)
        else:
            self._complaints.failure(f"the authentication of a call of {peer!r}", error)
            error = RemoteFailure()
        incoming.decoder.offset = 0
        enc = Encoder()
        error.encode(enc, incoming.decoder.uint32())
        incoming.reply(enc)


def _standing_still() -> float:
    return 0.0
