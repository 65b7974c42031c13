"""What the providers without an adapter have in common: the verbs' rules, carried out in Python.

``completion`` is the completion queue, ``memory`` the regions of a protection domain by key, and
``queue_pair`` the state machine, the depths and the flushing of a queue pair. ``answer`` and
``patience`` are for exchanges. The engine of ``roce`` and the ``shm`` provider build on them.
"""

from .completion import CompletionQueue
from .memory import KeyTable, Region
from .queue_pair import SoftwareQueuePair

__all__ = ["CompletionQueue", "KeyTable", "Region", "SoftwareQueuePair"]
