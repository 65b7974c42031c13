"""How a connection joins the session that there is: after a look at who is at its other end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.task import Task, gather
from nfsrdma.xdr.nfs4 import types as t

from .compound import Compound
from .errors import StatusError
from .identity import AnotherServerError, difference
from .session import Session

_log = logging.getLogger(__name__)

SESSION_GONE: Final = frozenset((t.NFS4ERR_BADSESSION, t.NFS4ERR_DEADSESSION))
_NOT_EXECUTED: Final = t.NFS4ERR_DEADSESSION
SPARE_FROM: Final = 4
"""Slots from which on one is kept for the SEQUENCE by which connections join."""


class Joining:
    """Brings connections into a session. ``exchange`` calls EXCHANGE_ID over one."""

    def __init__(
        self, session: Session, exchange: Callable[[Channel], Awaitable[t.EXCHANGE_ID4resok]]
    ) -> None:
        self._session = session
        self._exchange = exchange
        self.server: t.EXCHANGE_ID4resok | None = None
        """What the server said of itself last."""
        self._slot: int | None = None
        self._seqid = 1

    def installed(self, spare: int | None) -> None:
        """Note that there is a new session, and which of its slots is spare."""
        self._slot, self._seqid = spare, 1

    async def verify(self, channel: Channel, *, believed: bool = False) -> bool:
        """See whether a connection leads to the server of the session.

        Raises ``AnotherServerError`` if not, unless whoever is there is ``believed``. Returns
        whether the server knows us there by the same client ID.
        """
        told, known = await self._exchange(channel), self.server
        assert known is not None
        reason = difference(known, told)
        if reason and not believed:
            raise AnotherServerError(reason)
        return told.eir_clientid == known.eir_clientid

    async def add(self, channel: Channel, *, several: bool) -> None:
        """Bind one more connection to the session, over one of ``several`` paths or the only one.

        Raises ``AnotherServerError`` if who is there does not know the session.
        """
        known = not several or await self.verify(channel)
        try:
            await self.join(channel, known)
        except StatusError as error:
            if known or error.status not in SESSION_GONE:
                raise
            raise AnotherServerError("another server is there: it has no such session") from error

    async def join(self, channel: Channel, known: bool) -> None:
        """Bind a connection to the session, whose client is ``known`` to the server there.

        A server that knows its clients by their addresses, too, may let a session's calls through
        from another one, since who makes them knows the session's name (RFC 8881, Section
        2.10.3.1). It is called back there only if it permits that as well.
        """
        if known or self._slot is None:
            await self.bind(channel)
            return
        await self._call(channel)
        try:
            await self.bind(channel)
        except StatusError as error:
            _log.info("no callbacks over one of the paths: %s", error)

    async def settle(self, channel: Channel) -> None:
        """Find out which requests in doubt were not executed, now that the session is gone.

        Our server knows that of its former life, if that ended in good order, and says DEADSESSION
        then. Raises ``TransportError`` or ``ProtocolError``.
        """
        slots = self._session.slots
        if slots is None:
            return
        doubts = [slot for slot in slots.in_doubt if slots.is_busy(slot)]
        asked = (self._session.call_bare(channel, slot, slots.seqids[slot]) for slot in doubts)
        said = await gather([Task(each) for each in asked])
        dead = {slot for slot, status in zip(doubts, said, strict=True) if status == _NOT_EXECUTED}
        slots.not_executed |= dead

    async def bind(self, channel: Channel) -> None:
        """Call BIND_CONN_TO_SESSION for both directions (RFC 8881, Section 18.34)."""
        session = self._session
        compound = Compound(session.header, "BIND_CONN_TO_SESSION", sequenced=False)
        arguments = t.BIND_CONN_TO_SESSION4args(session.session_id, t.CDFC4_FORE_OR_BOTH, False)
        compound.typed(
            t.OP_BIND_CONN_TO_SESSION, arguments, 64, t.BIND_CONN_TO_SESSION4resok.decode
        )
        await session.call_plain(channel, compound)

    async def _call(self, channel: Channel) -> None:
        """Call SEQUENCE in the spare slot. Raises ``StatusError`` if the session is not known."""
        slot = self._slot
        assert slot is not None
        status = await self._session.call_bare(channel, slot, self._seqid)
        if status == t.NFS4_OK:
            self._seqid = (self._seqid + 1) & 0xFFFFFFFF
        elif status in SESSION_GONE:
            raise StatusError(status, t.OP_SEQUENCE, 0)
