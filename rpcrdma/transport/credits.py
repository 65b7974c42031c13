"""Credits: who may send how many calls (RFC 8166, Section 3.3.1).

A receive must be waiting for every message, or the connection dies. So each direction of calls
has its own account: the requester's :class:`CreditWindow`, opened by what replies grant, and the
responder's :class:`CreditGrant`, backed by receives that are posted. A grant is an absolute
ceiling on the calls in progress, not an increment.
"""

from __future__ import annotations


class CreditWindow:
    """How many calls this side may have in progress.

    ``ceiling`` is what this side asks for, and has receives for: it never uses more, whatever
    is granted. A new connection begins with one credit (RFC 8166, Section 3.3.3).
    """

    __slots__ = ("ceiling", "in_use", "limit", "violations")

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = 1
        self.in_use = 0
        self.violations = 0
        """Grants of nothing. Zero would stop the connection for ever, and is forbidden."""

    def acquire(self) -> bool:
        """Use a credit for one call, if there is one."""
        if self.in_use >= self.limit:
            return False
        self.in_use += 1
        return True

    def release(self, grant: int) -> None:
        """A reply arrived, with a new grant. A smaller one takes effect as replies come in."""
        self.in_use -= 1
        if grant == 0:
            self.violations += 1
            grant = 1
        self.limit = grant if grant < self.ceiling else self.ceiling


class CreditGrant:
    """How many calls the peer may have in progress here: as many as there are receives for.

    ``offered`` is what replies grant. It may be lowered, to take less on for a while, and raised
    again up to ``ceiling``; a peer that has not yet heard of it is in its right up to there.
    """

    __slots__ = ("ceiling", "in_use", "offered")

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.offered = ceiling
        self.in_use = 0

    def acquire(self) -> bool:
        """A call arrived. False if the peer had no right to send it."""
        self.in_use += 1
        return self.in_use <= self.ceiling

    def release(self) -> None:
        """A call was answered, or dropped."""
        self.in_use -= 1
