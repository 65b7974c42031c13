"""Sessions, their slots, and the reply cache that makes calls execute exactly once.

A slot takes one call at a time. Its sequence number says whether a call is new or a repetition
(RFC 8881, Section 2.10.6.1); a repetition is answered with the reply that was kept, if it was
asked to be kept, and in no case executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_BADSLOT,
    NFS4ERR_DELAY,
    NFS4ERR_SEQ_FALSE_RETRY,
    NFS4ERR_SEQ_MISORDERED,
    channel_attrs4,
)

from .backchannel import BackChannel
from .client import Client

_UINT32_MAX: Final = 0xFFFFFFFF
MAX_CONNECTIONS: Final = 64
"""How many connections a session remembers."""
SESSION_OCTETS: Final = 2048
SLOT_OCTETS: Final = 512
"""Roughly what a session and each of its slots take, besides replies kept as asked for."""
UNASKED_REPLY: Final = 128
"""The longest reply, in octets, that a slot keeps although nobody asked for it."""


Fingerprint: TypeAlias = tuple[int, int, int, int]
"""What can be compared of a call: how many operations, flavor, user, and a digest of the octets.

The digest is -1 if it is not known. A plain tuple, as one is made for each call.
"""


def may_repeat(call: Fingerprint, other: Fingerprint) -> bool:
    """Return whether a call may be a repetition of the other one."""
    return call[:3] == other[:3] and (call[3] == other[3] or -1 in (call[3], other[3]))


class Slot:
    """One place for one call at a time.

    ``seqid`` is the number of the last call that was executed, ``reply`` what was answered to it
    if that was to be kept, and ``fingerprint`` what a repetition must have in common with it.
    """

    __slots__ = ("_pending", "fingerprint", "reply", "seqid")

    def __init__(self) -> None:
        # RFC 8881, Section 18.36.3: a new slot's sequence number is 0, the first call's is 1.
        self.seqid = 0
        self.reply: bytes | None = None
        self.fingerprint: Fingerprint | None = None
        self._pending: Fingerprint | None = None

    def acquire(self, seqid: int, fingerprint: Fingerprint) -> bool:
        """Take the slot for a call; return False if the call is a repetition.

        Raises ``NfsError``, and leaves the slot as it was: DELAY if the call is being executed,
        SEQ_MISORDERED if the number is neither the last one nor the next, SEQ_FALSE_RETRY if
        another call had it.
        """
        is_next = seqid == self.seqid + 1 & _UINT32_MAX
        if self._pending is not None:
            raise NfsError(NFS4ERR_DELAY if is_next else NFS4ERR_SEQ_MISORDERED)
        if is_next:
            self._pending = fingerprint
            return True
        # A slot that was never used has nothing to repeat.
        if seqid != self.seqid or self.fingerprint is None:
            raise NfsError(NFS4ERR_SEQ_MISORDERED)
        if not may_repeat(fingerprint, self.fingerprint):
            raise NfsError(NFS4ERR_SEQ_FALSE_RETRY)
        return False

    @property
    def taken(self) -> bool:
        """Whether a call is being executed."""
        return self._pending is not None

    @property
    def next_seqid(self) -> int:
        """The sequence number of the call that is being executed, or else of the next one."""
        return self.seqid + 1 & _UINT32_MAX

    def is_past(self, seqid: int) -> bool:
        """Return whether a call has come after the one of that number, as its reply was seen."""
        ahead = self.seqid - seqid & _UINT32_MAX
        return ahead < 1 << 31 and (ahead > 0 or self.taken)

    def release(self, reply: bytes | None) -> None:
        """Move on, as the call was executed, and keep ``reply``."""
        self.seqid = self.seqid + 1 & _UINT32_MAX
        self.fingerprint, self._pending = self._pending, None
        self.reply = reply

    def abandon(self) -> None:
        """Forget the call, which was not executed: as if it had never come."""
        self._pending = None

    def execute(self, fingerprint: Fingerprint) -> None:
        """Take the slot for its next call, and move on as that is over; its reply is not kept."""
        self.seqid = self.seqid + 1 & _UINT32_MAX
        self.fingerprint = fingerprint
        self.reply = None


class Session:
    """A session: its slots, its limits, and its connections.

    ``connections`` are those that calls came over; those that callbacks may take are those of the
    back channel. ``used`` is when the last call came.
    """

    __slots__ = (
        "_slots",
        "back",
        "client",
        "connections",
        "fore",
        "id",
        "used",
    )

    def __init__(
        self,
        session_id: bytes,
        client: Client,
        fore: channel_attrs4,
        back: BackChannel,
        now: float,
    ) -> None:
        self.id = session_id
        self.client = client
        self.fore = fore
        self.back = back
        self.used = now
        self.connections: dict[Channel, None] = {}
        self._slots: list[Slot] = []

    @property
    def slot_count(self) -> int:
        """The number of slots."""
        return self.fore.ca_maxrequests

    def slot(self, number: int) -> Slot:
        """Return the slot of that number; raise BADSLOT beyond the last."""
        try:
            return self._slots[number]
        except IndexError:
            # Made when first used: most sessions use few.
            if number >= self.fore.ca_maxrequests:
                raise NfsError(NFS4ERR_BADSLOT) from None
            while len(self._slots) <= number:
                self._slots.append(Slot())
            return self._slots[number]

    def number_of(self, slot: Slot) -> int:
        """Return the number of a slot."""
        return self._slots.index(slot)

    @property
    def used_slots(self) -> Sequence[Slot]:
        """The slots up to the last one that was used."""
        return self._slots

    @property
    def busy(self) -> bool:
        """Whether a call is being executed."""
        return any(slot.taken for slot in self._slots)

    @property
    def reserved(self) -> int:
        """Octets that it may take, with the replies in its slots."""
        return SESSION_OCTETS + self.slot_count * octets_of_slot(self.fore)


def octets_of_slot(fore: channel_attrs4) -> int:
    """Return the octets that one slot of a session with these limits may take."""
    return int(SLOT_OCTETS + fore.ca_maxresponsesize_cached)
