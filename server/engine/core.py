"""What all operations of a server share."""

from __future__ import annotations

from collections.abc import Callable

from ..authority import Authority
from ..config import ServerConfig
from ..state.registry import Registry
from ..vfs.namespace import Namespace
from .buffers import BufferPool
from .offload import Elsewhere, Fair
from .turns import Later, Turns


class Core:
    """The tree, the clients' state, who may call, the settings and the clock."""

    __slots__ = (
        "authority",
        "buffers",
        "clock",
        "config",
        "elsewhere",
        "namespace",
        "registry",
        "turns",
    )

    def __init__(
        self,
        config: ServerConfig,
        namespace: Namespace,
        registry: Registry,
        authority: Authority,
        clock: Callable[[], float],
        elsewhere: Elsewhere | None,
        later: Later,
    ) -> None:
        self.config = config
        self.namespace = namespace
        self.registry = registry
        self.authority = authority
        self.clock = clock
        self.elsewhere = None if elsewhere is None else Fair(elsewhere)
        self.turns = Turns(later)
        self.buffers = BufferPool()
