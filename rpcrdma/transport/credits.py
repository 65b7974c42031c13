"""Credits: how many calls each side may have in progress (RFC 8166, Section 3.3.1).

A receive must be waiting for every message, or the connection dies. So each direction of calls
has its own account: the requester's :class:`CreditWindow`, opened by what replies grant, and the
responder's :class:`CreditGrant`, backed by receives that are posted. A grant is an absolute
ceiling on the calls in progress, not an increment.
"""

from __future__ import annotations


class CreditWindow:
    """The calls that this side may have in progress.

    ``ceiling`` is what this side asks for, and has receives for: it never uses more, whatever
    is granted. A new connection begins with one credit (RFC 8166, Section 3.3.3).
    """

    __slots__ = ("ceiling", "in_use", "limit", "violations")

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.limit = 1
        self.in_use = 0
        self.violations = 0
        """Grants of zero, which would stop the connection for ever and are forbidden."""

    def acquire(self) -> bool:
        """Take a credit for one call. Return whether there was one."""
        if self.in_use >= self.limit:
            return False
        self.in_use += 1
        return True

    def release(self, grant: int) -> None:
        """Give a credit back with the grant of a reply; a smaller grant takes effect gradually."""
        self.in_use -= 1
        if grant == 0:
            self.violations += 1
            grant = 1
        self.limit = grant if grant < self.ceiling else self.ceiling


class CreditGrant:
    """The calls that the peer may have in progress here: as many as there are receives for.

    ``offered`` is what replies grant. It may be lowered, to take less on for a while, and raised
    again up to ``ceiling``; until the peer has heard of it, it may use all of ``ceiling``.
    """

    __slots__ = ("ceiling", "in_use", "offered")

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.offered = ceiling
        self.in_use = 0

    def acquire(self) -> bool:
        """Count a call that arrived. Return whether the peer had a credit for it."""
        self.in_use += 1
        return self.in_use <= self.ceiling

    def release(self) -> None:
        """Count a call that was answered or dropped."""
        self.in_use -= 1
