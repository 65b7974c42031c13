"""What all compounds of a server share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nfsrdma.rpcrdma.rpc.buffers import BufferPool

from ..authority import Authority
from ..config import ServerConfig
from ..copies import Copies
from ..delegations import Delegations
from ..lock_notices import LockNotices
from ..loop import CallSoon
from ..outside_locks import OutsideLocks
from ..owners import Database, Owners
from ..state.registry import Registry
from ..vfs.namespace import Namespace
from .duplicates import Duplicates
from .offload import Offload, Threads
from .tally import Tally
from .turns import Turns

if TYPE_CHECKING:
    from .witness import Witness


class Core:
    """The tree, the clients' state, who may call, the settings and the clock."""

    __slots__ = (
        "authority",
        "buffers",
        "clock",
        "config",
        "copies",
        "delegations",
        "draining",
        "duplicates",
        "lock_notices",
        "namespace",
        "offload",
        "outside_locks",
        "owners",
        "parked",
        "registry",
        "tally",
        "turns",
        "witness",
    )

    def __init__(
        self,
        config: ServerConfig,
        namespace: Namespace,
        registry: Registry,
        authority: Authority,
        delegations: Delegations,
        lock_notices: LockNotices,
        outside_locks: OutsideLocks,
        copies: Copies,
        clock: Callable[[], float],
        threads: Threads | None,
        call_soon: CallSoon,
        people: Database,
    ) -> None:
        self.config = config
        self.namespace = namespace
        self.registry = registry
        self.authority = authority
        self.delegations = delegations
        self.lock_notices = lock_notices
        self.outside_locks = outside_locks
        self.copies = copies
        self.clock = clock
        self.offload = Offload(threads)
        self.owners = Owners(config.id_domain, config.id_names, people, self.offload.run, clock)
        self.turns = Turns(call_soon)
        self.buffers = BufferPool()
        self.duplicates = Duplicates(clock)
        self.tally = Tally()
        self.witness: Witness | None = None
        """Who is told of what succeeds and fails."""
        self.draining = False
        """Whether the server is about to end, and begins no change any more."""
        self.parked = 0
        """Compounds that wait for something, and will go on."""
