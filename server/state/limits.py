"""How much peers can make the server remember."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How many records of clients the server keeps; ``Shares`` says how many of one address.

    Each user of this host is an address of its own. When an address has its share those of its
    records go first that are not confirmed, then those whose lease ran out and the idle ones
    without open files; when nothing is left at all they are those of the address that has most. A
    client that has files open and renews its lease is never put out; who comes then has to wait.
    """

    clients: int = 4096
    unconfirmed: int = 1024


@dataclass(frozen=True, slots=True)
class StateLimits:
    """How much a peer can make the server remember.

    What is said of all clients together is shared out by address (``Shares``), so what is full for
    one is so for nobody else. Who gives way for whom is said at :class:`ClientLimits`.
    """

    clients: ClientLimits = field(default_factory=ClientLimits)
    sessions_per_client: int = 64
    """The one more takes the place of the one that was idle for longest."""
    sessions: int = 256 << 20
    """Octets for all sessions with their slots and the replies kept in these.

    As it gets scarce sessions have fewer slots, down to one; that much each address may have, even
    if nothing is left.
    """
    states: int = 1 << 16
    """Opens, lock owners and delegations of all clients.

    Each open may take up to two descriptors."""
    states_per_client: int = 1 << 15
    owners: int = 1 << 15
    """Open-owners and lock-owners of minor version 0, which are remembered with their last results.

    Those that have nothing open are forgotten after a lease.
    """
    delegations: int = 1 << 14
    """Delegations of all clients, which count as states too."""
    delegations_per_client: int = 1 << 13
    copies: int = 64
    """Copies of all clients that go on after their COPY was answered, or ended lately."""
    ranges: int = 1 << 18
    """Byte ranges that all clients have locked."""
    ranges_per_file: int = 1 << 12
    waiters: int = 1 << 14
    """Lock owners that wait to be told that a range is free; the others have to ask."""
    waiters_per_file: int = 1 << 7

    @classmethod
    def affordable(cls, descriptors: int) -> StateLimits:
        """Return the limits that suit a process that may have so many descriptors.

        An open takes one as a rule; whether there is one is asked again when it is taken.
        """
        return cls(states=descriptors, delegations=max(1, descriptors // 4))
