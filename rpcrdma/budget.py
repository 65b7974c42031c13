"""Budgets for what peers make this process hold, so that no peer can take all of it.

A peer (an address) may hold as much as is still free: alone at most half of a budget, as one of n
at most an (n+1)-th. So one number bounds the peer and the process, and something is always left for
the next peer. This is the dynamic threshold by which switches share their memory (Choudhury and
Hahne, IEEE/ACM Transactions on Networking 6, 1998).

If nothing is free, a connection waits (:meth:`Account.wait`) or makes do with less; nothing is
taken away from a peer. It is for the connections to release what they hold: each ends when its peer
makes no progress for a while.

Small things (a reply) are charged when they exist, and ``Account.may`` is checked *before* the next
one is begun, so a budget can be exceeded by one of them. Large things that are needed in advance (a
buffer to receive in) are acquired with :meth:`Account.acquire`.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final

UNBOUNDED: Final = 1 << 62


class Budget:
    """A limit, as a rule in octets, for all peers of a process together.

    ``later`` calls a function on the loop's next turn, as ``Reactor.call_soon`` does.
    """

    __slots__ = ("_accounts", "_later", "_waiting", "_waking", "free", "limit")

    def __init__(
        self, limit: int, later: Callable[[Callable[[], None]], object] | None = None
    ) -> None:
        self.limit = limit
        self.free = limit
        """What no peer holds. Below 0 if the last charge exceeded the budget."""
        self._later = later or _at_once
        self._accounts: dict[str, Account] = {}
        self._waiting: dict[Callable[[], None], Account] = {}
        self._waking = False

    @property
    def held(self) -> int:
        """What all peers hold together."""
        return self.limit - self.free

    def resize(self, limit: int) -> None:
        """Change the limit. What is held stays held."""
        self.free += limit - self.limit
        self.limit = limit
        self._freed()

    def account(self, address: str, uid: int | None = None) -> Account:
        """Return the account of the peer at ``address``, for one more of its connections.

        The connection has to call :meth:`Account.leave` in the end.
        """
        key = holder_of(address, uid)
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account(self, key)
        account.users += 1
        return account

    def _freed(self) -> None:
        """Have those that wait go on at the next turn: something was released."""
        if not self._waking:
            self._waking = True
            self._later(self._wake)

    def _wake(self) -> None:
        self._waking = False
        # In the order of their requests; a connection that is still held back waits again.
        for callback, account in list(self._waiting.items()):
            if account.held < self.free and self._waiting.pop(callback, None) is not None:
                callback()


class Account:
    """What one peer holds of a budget, over all of its connections.

    It may have more while ``account.held < account.budget.free``; hot paths spell that out instead
    of calling :attr:`may`.
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
        """Count octets that the peer holds in addition (or no more, below 0), limit or not."""
        self.held += octets
        budget = self.budget
        budget.free -= octets
        if octets < 0 and budget._waiting:
            budget._freed()

    def acquire(self, octets: int) -> bool:
        """Charge ``octets`` if the peer may have them. Return whether it may."""
        if self.held + octets > self.budget.free - octets:
            return False
        self.charge(octets)
        return True

    def wait(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when there may be more for this peer."""
        self.budget._waiting[callback] = self

    def leave(self, callback: Callable[[], None] | None = None) -> None:
        """Count one connection less, which has released what it held and waits no more."""
        if callback is not None:
            self.budget._waiting.pop(callback, None)
        self.users -= 1
        if not self.users:
            del self.budget._accounts[self.key]


def holder_of(address: str, uid: int | None) -> str:
    """Return the name of the share that a peer belongs to.

    A user of this host has one share, whatever addresses it uses: 127.0.0.0/8 has millions. Peers
    of this host whose user the kernel cannot tell have one share together, since any local user can
    bring that about. Root has none of its own, as it can get everything in other ways. Users of
    other hosts are not known here.
    """
    return f"user {uid}" if uid else network_of(address)


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, or with IPv6 its network of 64 bits."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else parsed.packed[:8].hex()


def unbounded() -> Account:
    """Return an account of its own without a bound."""
    return Budget(UNBOUNDED).account("")


def _at_once(callback: Callable[[], None]) -> None:
    callback()
