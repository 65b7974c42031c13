"""Statuses that are worth a line in the log: a caller may not, or has too much already."""

from __future__ import annotations

from typing import Final

from nfsrdma.xdr.nfs4.errors import NfsError

NOT_YOURS: Final = "refused to manage a client or session that is not its own"
CLIENTS_FULL: Final = "put off, as there are too many clients"
SESSIONS_FULL: Final = "put off, as sessions take all the memory that they may"
STATES_FULL: Final = "put off, as there are too many opens and lock owners"
OWNERS_FULL: Final = "put off, as there are too many numbered owners"
RANGES_FULL: Final = "put off, as too many byte ranges are locked"
TO_END: Final = "put off, as the server is to end and takes no new clients"


class Refusal(NfsError):
    """A status with its reason: one of a few texts, as ``Complaints`` wants it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status)
        self.reason = reason
