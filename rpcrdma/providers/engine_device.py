"""Devices that carry the packets of a RoCE engine: what ``soft`` and ``sim`` have in common."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ..roce.cm.cm_id import CmId
from ..roce.cm.manager import ConnectionManager, Listener, RouteFinder
from ..roce.engine.engine import Engine
from ..roce.engine.memory import ProtectionDomain
from ..roce.packets.burst import Burst
from ..software.completion import CompletionQueue
from ..task import Reactor
from ..verbs.interfaces import ConnectionRequest, ConnectRequest
from ..verbs.types import DeviceLimits
from .driver import EngineDriver


class EngineDevice:
    """An engine, its connection manager and its driver (``verbs.interfaces.Device``).

    ``transmit`` sends a burst, or returns false when it cannot now; ``route`` knows the network;
    ``look`` reads packets that have arrived meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        reactor: Reactor,
        rng: Random,
        *,
        transmit: Callable[[Burst], bool],
        route: RouteFinder,
        look: Callable[[], None] | None = None,
    ) -> None:
        self.engine = engine
        self.driver = EngineDriver(engine, reactor, transmit, look)
        self.cm = engine.cm = ConnectionManager(engine, rng=rng, route=route)

    @property
    def name(self) -> str:
        """What the device is called."""
        return self.engine.name

    @property
    def limits(self) -> DeviceLimits:
        """What the device can do."""
        return self.engine.limits

    def packet_counters(self) -> dict[str, int]:
        """Return the engine's counters by name (``roce.engine.counters``)."""
        return self.engine.counters.as_dict()

    def create_pd(self) -> ProtectionDomain:
        """Return a new protection domain."""
        return self.engine.create_pd()

    def create_cq(self, depth: int) -> CompletionQueue:
        """Return a new completion queue for ``depth`` completions."""
        return self.engine.create_cq(depth)

    def listen(
        self, address: str, port: int, on_request: Callable[[ConnectionRequest], None]
    ) -> Listener:
        """Listen on a numeric local address; port 0 takes a free one.

        Raises ``OSError`` when the port cannot be had.
        """
        return self.cm.listen(address, port, on_request)

    def connect(self, request: ConnectRequest) -> CmId:
        """Start to connect to a numeric address. Raises ``OSError`` or ``VerbsError``."""
        return self.cm.connect(request)

    def close(self) -> None:
        """Disconnect everything, flush, free. Good-byes are sent, not awaited.

        The owners of connections are told from inside this call: there may be no other turn.
        """
        self.cm.close()
        self.driver.close()
        self.engine.close()
