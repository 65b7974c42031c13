"""What the transport had to do beside its work: everything that was sent twice or complained about.

events   one thing that happened on a connection, and whom it hurt
watch    one direction of a connection: what is sent again, why, and what it cost
health   all of them, as a view of the pipeline; which RPC suffered, and how much
report   all of it as text and as JSON
"""

from .events import CAUSES, NAKS, Event, Sufferer
from .health import Health
from .watch import Counts, Watch

__all__ = ["CAUSES", "NAKS", "Counts", "Event", "Health", "Sufferer", "Watch"]
