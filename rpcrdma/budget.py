"""What peers may make this process hold, shared out so that nobody can take all of it.

A peer (an address) may have as much as is still free: alone at most half of a budget, as one of n
at most an (n+1)-th. So there is a bound for the peer and one for the process, with one number for
both, and something is always left for the next who comes. This is the dynamic threshold by which
switches share their memory (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6, 1998).

Whoever finds nothing free waits (:meth:`Account.wait`) or makes do with less; nothing is taken away
from anybody. That those who hold something let go of it in the end is for the connections to see
to: each ends when its peer makes no progress for a while.

What is sure to be asked for in small steps (a reply) is charged when it is there, and *before* the
next one is begun it is asked whether the peer ``may`` have more: so a budget may be exceeded by one
step. What is taken in advance (a buffer to receive in) is asked for with :meth:`Account.acquire`.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final

UNBOUNDED: Final = 1 << 62


class Budget:
    """``limit`` octets (or whatever is counted) for all peers of a process together.

    ``later`` calls a function soon, but not from inside the call: ``Reactor.call_soon``.
    """

    __slots__ = ("_accounts", "_later", "_waiting", "_waking", "free", "limit")

    def __init__(
        self, limit: int, later: Callable[[Callable[[], None]], object] | None = None
    ) -> None:
        self.limit = limit
        self.free = limit
        """What nobody holds. Below 0 if the last step of somebody went too far."""
        self._later = later or _at_once
        self._accounts: dict[str, Account] = {}
        self._waiting: dict[Callable[[], None], Account] = {}
        self._waking = False

    @property
    def held(self) -> int:
        """What all peers hold."""
        return self.limit - self.free

    def account(self, address: str, uid: int | None = None) -> Account:
        """The account of the peer at ``address``, for one more of its connections.

        To be given back with :meth:`Account.leave`.
        """
        key = holder_of(address, uid)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account(self, key)
        account.users += 1
        return account

    def _freed(self) -> None:
        """Something was given back: those who wait may go on, at the next turn."""
        if not self._waking:
            self._waking = True
            self._later(self._wake)

    def _wake(self) -> None:
        self._waking = False
        # In the order in which they came; who is still held back asks again.
        for callback, account in list(self._waiting.items()):
            if account.held < self.free and self._waiting.pop(callback, None) is not None:
                callback()


class Account:
    """What one peer holds of a budget. One for all of its connections.

    It may have more while ``account.held < account.budget.free``, which is written out where a
    call would cost too much.
    """

    __slots__ = ("budget", "held", "key", "users")

    def __init__(self, budget: Budget, key: str) -> None:
        self.budget = budget
        self.key = key
        self.held = 0
        self.users = 0

    @property
    def may(self) -> bool:
        """Whether the peer may have more."""
        return self.held < self.budget.free

    def charge(self, octets: int) -> None:
        """The peer holds so much more, or less, than before, like it or not."""
        self.held += octets
        budget = self.budget
        budget.free -= octets
        if octets < 0 and budget._waiting:
            budget._freed()

    def acquire(self, octets: int) -> bool:
        """Charge so much if the peer may have it."""
        if self.held + octets > self.budget.free - octets:
            return False
        self.charge(octets)
        return True

    def wait(self, callback: Callable[[], None]) -> None:
        """Call once when there may be more for this peer. Asked for twice, it is called once."""
        self.budget._waiting[callback] = self

    def leave(self, callback: Callable[[], None] | None = None) -> None:
        """One connection less, which waits no more. What it held has been given back."""
        if callback is not None:
            self.budget._waiting.pop(callback, None)
        self.users -= 1
        if not self.users:
            del self.budget._accounts[self.key]


def holder_of(address: str, uid: int | None) -> str:
    """Whose the share is that a peer has a part of.

    A user of this host is one, whatever addresses he takes: 127.0.0.0/8 has millions. So are all
    those of whom its kernel cannot say who they are, which any of its users can bring about. Root
    is not, who can have all there is in other ways; nor are other hosts' users, whom nobody knows
    here.
    """
    return f"user {uid}" if uid else network_of(address)


def network_of(address: str) -> str:
    """Whom an address stands for: itself, or with IPv6 the network of 64 bits that a host has."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else parsed.packed[:8].hex()


def unbounded() -> Account:
    """An account of its own with no bound, for connections that nobody shares out."""
    return Budget(UNBOUNDED).account("")


def _at_once(callback: Callable[[], None]) -> None:
    callback()
