"""Copies that go on at the server after COPY was answered: how their end is heard of.

CB_OFFLOAD tells of it (RFC 7862, Section 16.1). It may come before the reply of the COPY that it is
about, and may not come at all, so the server is asked from time to time (OFFLOAD_STATUS).
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.task import Cancelled, Future, Task
from nfsrdma.xdr.nfs4 import types as t

from .caller import Caller
from .errors import NfsError, StatusError, Where, status_error

_EARLY_MAX: Final = 64
"""Ends that are kept for copies that are not known yet."""
_ASK_S: Final = 5.0
"""When the server is asked, the first time; after that it is asked less and less often."""
_ASK_MAX_S: Final = 60.0
_UNTOLD: Final = frozenset((t.NFS4ERR_NOTSUPP, t.NFS4ERR_OP_ILLEGAL))
"""What a server answers that cannot be asked."""


class CopyLostError(Exception):
    """The server knows nothing of the copy: it has restarted, or has ended this client's lease."""


class Offloads:
    """The copies that a server makes for a client."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, Future[t.offload_info4 | None]] = {}
        self._early: OrderedDict[bytes, t.offload_info4] = OrderedDict()

    def arrived(self, stateid: t.stateid4, info: t.offload_info4) -> None:
        """Take the end of a copy, as CB_OFFLOAD tells it."""
        end = self._waiting.get(stateid.other)
        if end is None:
            self._early[stateid.other] = info
            if len(self._early) > _EARLY_MAX:
                self._early.popitem(last=False)
        elif not end.done():
            end.set_result(info)

    async def end_of(
        self,
        caller: Caller,
        handle: bytes,
        response: t.write_response4,
        where: Where,
    ) -> t.write_response4:
        """Wait for the end of a copy to the file ``handle``, and return what it has written.

        ``response`` is COPY's, with the copy's stateid. Raises :class:`NfsError`, and
        :class:`CopyLostError` if it is to be made again. Who is cancelled cancels the copy.
        """
        (stateid,) = response.wr_callback_id
        other = stateid.other
        epoch = caller.epoch
        pause = _ASK_S
        try:
            while True:
                info = self._early.pop(other, None)
                if info is None:
                    info = await self._told(caller, other, pause)
                if info is not None:
                    return _outcome(info, where)
                found = await _ask(caller, handle, stateid, response, where)
                if found is not None:
                    return found
                if caller.epoch != epoch:
                    raise CopyLostError
                pause = min(2 * pause, _ASK_MAX_S)
        except Cancelled:
            compound = caller.compound("OFFLOAD_CANCEL")
            compound.putfh(handle)
            compound.offload_cancel(stateid)
            with suppress(StatusError, NfsError):
                await caller.call(compound)
            raise

    async def _told(self, caller: Caller, other: bytes, seconds: float) -> t.offload_info4 | None:
        """Wait so long to be told of an end; return None if nothing came."""
        end: Future[t.offload_info4 | None] = Future()
        self._waiting[other] = end

        def expire(_: Future[None]) -> None:
            if not end.done():
                end.set_result(None)

        timer = Task(caller.pause(seconds))
        timer.add_done_callback(expire)
        try:
            return await end
        finally:
            del self._waiting[other]
            timer.cancel()


def _outcome(info: t.offload_info4, where: Where) -> t.write_response4:
    if info.coa_status != t.NFS4_OK:
        raise status_error(info.coa_status, path=where())
    told: t.write_response4 = info.value
    return told


async def _ask(
    caller: Caller,
    handle: bytes,
    stateid: t.stateid4,
    response: t.write_response4,
    where: Where,
) -> t.write_response4 | None:
    """Ask how a copy is; return what it has written, or None if it is under way."""
    compound = caller.compound("OFFLOAD_STATUS")
    compound.putfh(handle)
    status = compound.offload_status(stateid)
    try:
        await caller.call(compound)
    except StatusError as error:
        if error.status in _UNTOLD:
            return None
        if error.status == t.NFS4ERR_BAD_STATEID:
            raise CopyLostError from None
        raise status_error(error.status, path=where()) from error
    complete = status.value.osr_complete
    if not complete:
        return None
    if complete[0] != t.NFS4_OK:
        raise status_error(complete[0], path=where())
    return t.write_response4(
        [], status.value.osr_count, response.wr_committed, response.wr_writeverf
    )
