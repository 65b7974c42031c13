"""The slots of NFSv4.1 sessions: one request at a time, each with the next number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nfsrdma.xdr.nfs4 import types as t

from ...base.finding import Finding
from ...tracking.intact import complete
from ...tracking.model import Exchange
from .rules import found

MAX_SLOTS = 65536

SlotKey = tuple[bytes, bool, int]


class _Last(NamedTuple):
    """The latest request of a slot."""

    sequence: int
    frame: int
    reply: int
    unsure: int = 0
    """How many numbers behind ``sequence`` may have gone: calls of which no result says so."""


class _Born(NamedTuple):
    """A session that was made."""

    forth: int
    """Slots of its client."""
    back: int
    frame: int
    """Of the reply that made it. What had its identifier before was another one."""


class Sessions:
    """Follows every slot that is used in the capture."""

    def __init__(self) -> None:
        self._slots: dict[SlotKey, _Last] = {}
        self._sizes: dict[bytes, _Born] = {}
        """Of sessions that the capture has the beginning of."""

    def check(self, exchange: Exchange) -> Iterator[Finding]:
        """Check an exchange."""
        call, reply = exchange.call_body, exchange.reply_body
        if call is None or not call.operations:
            return
        asked = call.operations[0].value
        if reply is None or not reply.operations:
            self._without_result(asked)
            return
        result = reply.operations[0].value
        if isinstance(result, t.CREATE_SESSION4res):
            if isinstance(result.value, t.CREATE_SESSION4resok):
                made_in = exchange.reply.frame if exchange.reply is not None else 0
                self._created(result.value, made_in)
        elif isinstance(asked, t.SEQUENCE4args) and isinstance(result, t.SEQUENCE4res):
            key = (bytes(asked.sa_sessionid), False, asked.sa_slotid)
            yield from self._used(exchange, key, asked.sa_sequenceid, result.value is not None)
            yield from _answered(exchange, asked, result)
        elif isinstance(asked, t.CB_SEQUENCE4args) and isinstance(result, t.CB_SEQUENCE4res):
            key = (bytes(asked.csa_sessionid), True, asked.csa_slotid)
            yield from self._used(exchange, key, asked.csa_sequenceid, result.value is not None)

    def _created(self, made: t.CREATE_SESSION4resok, frame: int) -> None:
        session = bytes(made.csr_sessionid)
        if len(self._sizes) >= MAX_SLOTS:
            del self._sizes[next(iter(self._sizes))]
        fore, back = made.csr_fore_chan_attrs, made.csr_back_chan_attrs
        self._sizes[session] = _Born(fore.ca_maxrequests, back.ca_maxrequests, frame)

    def _without_result(self, asked: Any) -> None:
        """Note that the number of a call may have gone, or not.

        An RDMA_ERROR, an error of RPC or a lost reply says nothing of the slot: the next request
        may have the same number (a replay) or the one behind it (RFC 8881, Section 2.10.6.2).
        """
        if isinstance(asked, t.SEQUENCE4args):
            key = (bytes(asked.sa_sessionid), False, asked.sa_slotid)
            sequence = asked.sa_sequenceid
        elif isinstance(asked, t.CB_SEQUENCE4args):
            key = (bytes(asked.csa_sessionid), True, asked.csa_slotid)
            sequence = asked.csa_sequenceid
        else:
            return
        last = self._last(key)
        if last is not None and sequence - last.sequence & 0xFFFFFFFF == last.unsure + 1:
            self._keep(key, last._replace(unsure=last.unsure + 1))

    def _last(self, key: SlotKey) -> _Last | None:
        """Return the latest request of a slot; ``None`` if that is not known."""
        last, born = self._slots.get(key), self._sizes.get(key[0])
        if born is not None and (last is None or last.frame < born.frame):
            return _Last(0, 0, 0)  # zero has gone before the first request of a session
        return last

    def _keep(self, key: SlotKey, last: _Last) -> None:
        if key not in self._slots and len(self._slots) >= MAX_SLOTS:
            del self._slots[next(iter(self._slots))]
        self._slots[key] = last

    def _used(
        self, exchange: Exchange, key: SlotKey, sequence: int, taken: bool
    ) -> Iterator[Finding]:
        call, reply = exchange.call, exchange.reply
        if call is None or reply is None:
            return
        session, callback, slot = key
        sizes = self._sizes.get(session)
        if sizes is not None and slot >= sizes[callback]:
            text = f"slot {slot} of a session of {sizes[callback]} slots"
            yield found(call.frame, "slot-range", text)
            return
        last = self._last(key)
        name = f"slot {slot}"
        if last is not None and complete(exchange.requester.connection):
            ahead = sequence - last.sequence & 0xFFFFFFFF
            if call.frame < last.reply and ahead:
                yield found(
                    call.frame, "slot-busy",
                    f"{name} is used with sequence {sequence}, and that of {last.sequence} in "
                    f"frame {last.frame} was answered in frame {last.reply} only",
                )  # fmt: skip
            elif ahead > 1 + last.unsure:
                yield found(
                    call.frame, "slot-sequence",
                    f"{name} is used with sequence {sequence} after {last.sequence}",
                )  # fmt: skip
        if taken:
            self._keep(key, _Last(sequence, call.frame, reply.frame))


def _answered(
    exchange: Exchange, asked: t.SEQUENCE4args, result: t.SEQUENCE4res
) -> Iterator[Finding]:
    """Check that a success is that of what was asked."""
    done, reply = result.value, exchange.reply
    if done is None or reply is None:
        return
    for what, theirs, ours in (
        ("session", done.sr_sessionid.hex(), asked.sa_sessionid.hex()),
        ("slot", done.sr_slotid, asked.sa_slotid),
        ("sequence", done.sr_sequenceid, asked.sa_sequenceid),
    ):
        if theirs != ours:
            text = f"the call is for {what} {ours}, its result for {theirs}"
            yield found(reply.frame, "sequence-differs", text)
