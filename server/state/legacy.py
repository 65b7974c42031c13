"""Which calls a server that ended in good order had not executed, for its next life to say.

With a connection that is closed a client loses replies, and with a server that begins a new life
its sessions, so it could not tell whether what it had asked for was done. But a server that ends
in good order knows: each slot has the number of the last call that was executed in it. That is
written down at the end, and the next life answers a SEQUENCE for such a session by DEADSESSION if
the call of that slot and number was not executed, as a server with persistent sessions would (RFC
8881, Section 2.10.6.5), and otherwise by BADSESSION, as ever. Our client asks by a SEQUENCE alone,
which is all that is answered so: whoever does not ask notices nothing. A server that is killed
leaves nothing behind.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Mapping
from typing import Final

from .recovery import RecoveryStore, StoreError
from .session import Session, Slot

_log = logging.getLogger(__name__)

_SLOT: Final = struct.Struct(">IB")
"""The number of a slot's next call, and how many numbers were not executed for certain: 0, the
next one, or that and the one before."""
_NEXT, _BOTH = 1, 2
_UINT32_MAX: Final = 0xFFFFFFFF


class Legacy:
    """What the former life has left, and what is to be left to the next."""

    def __init__(self, store: RecoveryStore, until: float) -> None:
        self._store = store
        self._until = until
        self._left: Mapping[bytes, bytes] = store.left()
        self._put_off: dict[Slot, int] = {}

    def put_off(self, slot: Slot) -> None:
        """Note that the call that has the slot is refused before it changes anything."""
        self._put_off[slot] = slot.next_seqid

    def go_on(self) -> None:
        """Forget what was put off: the end did not come."""
        self._put_off.clear()

    def leave(self, sessions: Iterable[Session]) -> None:
        """Write down, at the end, what was executed in the slots of all sessions."""
        left = {session.id: self._entry(session) for session in sessions}
        try:
            self._store.leave(left)
        except StoreError as error:
            _log.warning("clients may be left in doubt about calls under way: %s", error)

    def _entry(self, session: Session) -> bytes:
        entry = bytearray()
        for slot in session.used_slots:
            sure = _BOTH if self._put_off.get(slot) == slot.seqid else _NEXT
            entry += _SLOT.pack(slot.next_seqid, 0 if slot.taken else sure)
        return bytes(entry)

    def was_not_executed(self, session_id: bytes, slot: int, seqid: int) -> bool:
        """Return whether a call of the former life was not executed, for certain."""
        entry = self._left.get(session_id)
        if entry is None:
            return False
        at = slot * _SLOT.size
        # A slot that was never used has executed nothing.
        following, sure = _SLOT.unpack_from(entry, at) if at < len(entry) else (1, _NEXT)
        return bool((following - seqid & _UINT32_MAX) < sure)

    def sweep(self, now: float) -> None:
        """Forget what the former life left: whoever did not ask by then has lost its lease."""
        if now > self._until:
            self._left = {}
