"""Runs copies that were answered before they were done, and tells their clients of the end.

CB_OFFLOAD goes out until the client has taken it: again if the client puts it off, and if it cannot
be reached, once it may be again. A client that has missed it asks by OFFLOAD_STATUS.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Final

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.task import Cancelled, Reactor, Task, sleep
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError, status_of

from .callback import CallbackClient, CallbackError, CallbackOperation
from .state.copies import CopyState, CopyTable

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 2.0
"""When a client is called again that puts it off, or has not seen the COPY's reply."""
_REACH_S: Final = 10.0
"""When a client is called again that could not be reached."""
_LATER: Final = frozenset((nfs.NFS4ERR_DELAY, nfs.NFS4ERR_BAD_STATEID, nfs.NFS4ERR_BADHANDLE))


class Copies:
    """The copies under way. ``lease`` in seconds is how long a client may ask after the end."""

    def __init__(
        self, table: CopyTable, callbacks: CallbackClient, reactor: Reactor, lease: float
    ) -> None:
        self.table = table
        self._callbacks = callbacks
        self._reactor = reactor
        self._lease = lease
        self._complaints = Complaints(_log, reactor.time)

    def start(self, copy: CopyState, work: Coroutine[object, None, None]) -> None:
        """Carry out ``work``, which counts ``copy.done`` and raises what goes wrong."""
        copy.task = Task(self._run(copy, work))

    async def _run(self, copy: CopyState, work: Coroutine[object, None, None]) -> None:
        status: int = nfs.NFS4_OK
        try:
            await work
        except Cancelled:
            raise
        except NfsError as error:
            status = error.status
        except OSError as error:
            status = status_of(error)
        except Exception as error:
            self._complaints.failure("a copy", error)
            status = nfs.NFS4ERR_SERVERFAULT
        copy.status = status
        await self._tell(copy)
        copy.task = None  # It is this one: there is nothing left to be cancelled.
        if copy.known:
            end = self._reactor.time() + self._lease
            copy.timer = self._reactor.call_at(end, self.table.forget, copy)

    async def _tell(self, copy: CopyState) -> None:
        """Call the client until it has heard (RFC 7862, Section 16.1)."""
        arguments = nfs.CB_OFFLOAD4args(copy.handle, copy.stateid, _outcome(copy))
        operation = CallbackOperation(nfs.OP_CB_OFFLOAD, arguments, nfs.CB_OFFLOAD4res.decode)
        puzzled = False
        while copy.known:
            pause = _AGAIN_S
            try:
                referring = [] if copy.grant is None else copy.grant.referring(copy.client)
                result = await self._callbacks.call(copy.client, operation, referring=referring)
            except CallbackError:
                pause = _REACH_S
            else:
                status = result.cor_status
                if status not in _LATER or (status != nfs.NFS4ERR_DELAY and puzzled):
                    return
                puzzled = status != nfs.NFS4ERR_DELAY
            await sleep(self._reactor, pause)


def _outcome(copy: CopyState) -> nfs.offload_info4:
    """Return what CB_OFFLOAD tells: no stateid any more, as nothing more will come."""
    assert copy.status is not None
    if copy.status:
        return nfs.offload_info4(copy.status, copy.done)
    response = nfs.write_response4([], copy.done, nfs.UNSTABLE4, copy.verifier)
    return nfs.offload_info4(nfs.NFS4_OK, response)
