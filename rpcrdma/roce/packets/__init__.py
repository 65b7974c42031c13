"""Everything that is done for each packet: headers built, ICRCs computed, payloads placed.

``kernel`` has four pure functions over buffers, from the native module ``_kernel`` or from its
oracle in Python, ``twin``. ``burst`` puts together what one send call carries, ``run`` is a row of
received packets that are handled as one.
"""

from .burst import Burst, BurstBuilder
from .run import Run

__all__ = ["Burst", "BurstBuilder", "Run"]
