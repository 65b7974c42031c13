"""The reliable connection service of RoCEv2, sans-IO: queue pairs, memory and completion.

``engine.Engine`` takes bursts of packets and the time, and gives bursts back. Each ``QueuePair``
has a ``requester`` (what it sends), a ``completer`` (what the peer answers) and a ``responder``
(what the peer asks); they know each other by what they share (``shared``). The requester's window
is in ``flight``, ``congestion`` and ``early``, its timers in ``retry``.
"""

from .counters import Counters
from .engine import Engine
from .queue_pair import QueuePair
from .tuning import Tuning

__all__ = ["Counters", "Engine", "QueuePair", "Tuning"]
