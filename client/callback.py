"""The callback program: what a server may ask of its client (RFC 8881, Section 20).

Callbacks arrive over the client's own connections, in the slots of the session's back channel, so
each is executed exactly once. What takes a call to the server (CB_GETATTR) is answered after it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeAlias

from nfsrdma.rpcrdma.rpc.channel import Service
from nfsrdma.rpcrdma.rpc.message import GarbageArguments
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.task import Future, Task
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4, mask_from_bitmap
from nfsrdma.xdr.nfs4.ops import CALLBACK_OPERATIONS

from .errors import NfsError, StatusError
from .offloads import Offloads
from .opens import OpenTable
from .session import Session

CALLBACK_SLOTS: Final = 4
CALLBACK_OPERATIONS_MAX: Final = 8
CALLBACK_OCTETS_MAX: Final = 4096
"""The longest callback in octets that is accepted, as CREATE_SESSION announced."""

# The specification numbers the version 1; some servers call version 4 and mean the same.
_VERSIONS: Final = (1, 4)


Result: TypeAlias = "int | Coroutine[Any, Any, tuple[int, bytes]]"
"""The status of an operation; or what finds it, and what follows it in the result."""


class _Slot:
    __slots__ = ("busy", "reply", "seqid")

    def __init__(self) -> None:
        self.seqid = 0
        self.reply = b""
        self.busy = False
        """Whether the callback with that number is being executed."""


class Callbacks:
    """Answers callbacks."""

    def __init__(self, session: Session, opens: OpenTable, offloads: Offloads) -> None:
        self._session = session
        self._opens = opens
        self._offloads = offloads
        self._session_id = b""
        self._slots: list[_Slot] = []
        self._handlers: dict[int, Callable[[Decoder], Result]] = {
            t.OP_CB_GETATTR: self._get_attributes,
            t.OP_CB_NOTIFY_LOCK: self._notify_lock,
            t.OP_CB_RECALL: self._recall,
            t.OP_CB_RECALL_ANY: self._recall_any,
            t.OP_CB_RECALL_SLOT: self._recall_slot,
            t.OP_CB_OFFLOAD: self._offload,
        }

    def service(self) -> Service:
        """Return the service for incoming calls of a connection."""
        procedures = {t.CB_NULL: null_procedure, t.CB_COMPOUND: self._compound}
        return RpcService([RpcProgram(t.NFS4_CALLBACK, dict.fromkeys(_VERSIONS, procedures))])

    def _compound(self, call: Call) -> None:
        self._session.stats.callbacks += 1
        dec = call.decoder
        if dec.remaining() > CALLBACK_OCTETS_MAX:
            reply = call.start_reply()
            _finish(reply, t.NFS4ERR_REQ_TOO_BIG, b"", 0, Encoder())
            call.reply(reply)
            return
        tag = dec.opaque(t.NFS4_OPAQUE_LIMIT)
        minor = dec.uint32()
        dec.uint32()  # callback_ident: used only in minor version 0
        count = dec.uint32()
        reply = call.start_reply()
        if minor not in (1, 2):
            _finish(reply, t.NFS4ERR_MINOR_VERS_MISMATCH, tag, 0, Encoder())
        elif count > CALLBACK_OPERATIONS_MAX:
            _finish(reply, t.NFS4ERR_TOO_MANY_OPS, tag, 0, Encoder())
        else:
            task = Task(self._execute(dec, tag, count))
            if task.done():
                reply.buffer += task.result()
            else:
                task.add_done_callback(partial(_answer, call, reply))
                return
        call.reply(reply)

    async def _execute(self, dec: Decoder, tag: bytes, count: int) -> bytes:
        """Execute a CB_COMPOUND; return the encoded CB_COMPOUND4res."""
        results = Encoder()
        body = Encoder()
        status = t.NFS4_OK
        slot: _Slot | None = None
        done = 0
        while done < count and status == t.NFS4_OK:
            op = dec.uint32()
            if op == t.OP_CB_SEQUENCE and not done:
                results.uint32(op)
                status, slot, arguments = self._sequence(dec)
                if slot is not None and slot.seqid == arguments.csa_sequenceid:
                    return slot.reply  # a retry
                results.uint32(status)
                if slot is not None:
                    slot.seqid, slot.busy = arguments.csa_sequenceid, True
                    _sequence_result(arguments).encode(results)
            elif not done:
                results.uint32(op if op in CALLBACK_OPERATIONS else t.OP_CB_ILLEGAL)
                status = t.NFS4ERR_OP_NOT_IN_SESSION
                results.uint32(status)
            else:
                try:
                    status = await self._operation(op, dec, results)
                except BaseException:
                    if slot is not None:
                        slot.busy = False
                    raise
            done += 1
        _finish(body, status, tag, done, results)
        reply = bytes(body.buffer)
        if slot is not None:
            slot.reply, slot.busy = reply, False
        return reply

    async def _operation(self, op: int, dec: Decoder, results: Encoder) -> int:
        """Execute an operation, append its result, and return its status."""
        handler, rest = self._handlers.get(op), b""
        if handler is not None:
            results.uint32(op)
            result = handler(dec)
            status, rest = (result, b"") if isinstance(result, int) else await result
        elif op == t.OP_CB_SEQUENCE:
            results.uint32(op)
            status = t.NFS4ERR_SEQUENCE_POS
        elif op in CALLBACK_OPERATIONS and op != t.OP_CB_ILLEGAL:
            results.uint32(op)
            status = t.NFS4ERR_NOTSUPP
        else:
            results.uint32(t.OP_CB_ILLEGAL)
            status = t.NFS4ERR_OP_ILLEGAL
        results.uint32(status)
        results.buffer += rest
        return status

    def _sequence(self, dec: Decoder) -> tuple[int, _Slot | None, t.CB_SEQUENCE4args]:
        """Execute CB_SEQUENCE (RFC 8881, Section 20.9).

        Returns its status, the slot unless the request is out of sequence, and the arguments.
        """
        arguments = t.CB_SEQUENCE4args.decode(dec)
        if arguments.csa_sessionid != self._session.session_id:
            return t.NFS4ERR_BADSESSION, None, arguments
        if arguments.csa_sessionid != self._session_id:
            self._session_id = arguments.csa_sessionid
            self._slots = [_Slot() for _ in range(CALLBACK_SLOTS)]
        if arguments.csa_slotid >= CALLBACK_SLOTS:
            return t.NFS4ERR_BADSLOT, None, arguments
        slot = self._slots[arguments.csa_slotid]
        if slot.busy:
            # The same call again, which has not been answered yet: it may come once more.
            return t.NFS4ERR_DELAY, None, arguments
        if slot.seqid == arguments.csa_sequenceid and slot.reply:
            return t.NFS4_OK, slot, arguments
        if (slot.seqid + 1) & 0xFFFFFFFF != arguments.csa_sequenceid:
            return t.NFS4ERR_SEQ_MISORDERED, None, arguments
        return t.NFS4_OK, slot, arguments

    def _notify_lock(self, dec: Decoder) -> int:
        """Execute CB_NOTIFY_LOCK (RFC 8881, Section 20.11): a lock may be had that was denied."""
        arguments = t.CB_NOTIFY_LOCK4args.decode(dec)
        self._opens.notices.came(arguments.cnla_fh, arguments.cnla_lock_owner.owner)
        return t.NFS4_OK

    def _recall(self, dec: Decoder) -> int:
        """Execute CB_RECALL (RFC 8881, Section 20.2): the delegation is returned from now on."""
        arguments = t.CB_RECALL4args.decode(dec)
        return self._opens.delegations.recalled(arguments.fh, arguments.stateid.other)

    def _recall_any(self, dec: Decoder) -> int:
        """Execute CB_RECALL_ANY (RFC 8881, Section 20.6)."""
        arguments = t.CB_RECALL_ANY4args.decode(dec)
        mask = mask_from_bitmap(arguments.craa_type_mask)
        self._opens.delegations.recalled_any(arguments.craa_objects_to_keep, mask)
        return t.NFS4_OK

    def _get_attributes(self, dec: Decoder) -> Result:
        """Execute CB_GETATTR (RFC 8881, Section 20.1)."""
        arguments = t.CB_GETATTR4args.decode(dec)
        finding = self._opens.delegations.attributes(arguments.fh)
        if finding is None:
            return t.NFS4ERR_BADHANDLE
        return _attributes(finding, mask_from_bitmap(arguments.attr_request))

    def _recall_slot(self, dec: Decoder) -> int:
        """Execute CB_RECALL_SLOT (RFC 8881, Section 20.8): use no slot above the target."""
        arguments = t.CB_RECALL_SLOT4args.decode(dec)
        if self._session.slots is not None:
            self._session.slots.set_target(arguments.rsa_target_highest_slotid)
        return t.NFS4_OK

    def _offload(self, dec: Decoder) -> int:
        """Execute CB_OFFLOAD (RFC 7862, Section 16.1)."""
        arguments = t.CB_OFFLOAD4args.decode(dec)
        self._offloads.arrived(arguments.coa_stateid, arguments.coa_offload_info)
        return t.NFS4_OK


async def _attributes(
    finding: Coroutine[Any, Any, dict[int, Any]], wanted: int
) -> tuple[int, bytes]:
    try:
        found = await finding
    except (StatusError, NfsError):
        return t.NFS4ERR_SERVERFAULT, b""
    values = {number: value for number, value in found.items() if wanted >> number & 1}
    enc = Encoder()
    encode_fattr4(values).encode(enc)
    return t.NFS4_OK, bytes(enc.buffer)


def _answer(call: Call, reply: Encoder, task: Future[bytes]) -> None:
    """Answer a callback for which something was waited for."""
    if task.error() is not None:
        call.fail(GarbageArguments())
        return
    reply.buffer += task.result()
    call.reply(reply)


def _sequence_result(arguments: t.CB_SEQUENCE4args) -> t.CB_SEQUENCE4resok:
    return t.CB_SEQUENCE4resok(
        arguments.csa_sessionid,
        arguments.csa_sequenceid,
        arguments.csa_slotid,
        CALLBACK_SLOTS - 1,
        CALLBACK_SLOTS - 1,
    )


def _finish(enc: Encoder, status: int, tag: bytes, count: int, results: Encoder) -> None:
    enc.uint32(status)
    enc.opaque(tag)
    enc.uint32(count)
    enc.buffer += results.buffer
