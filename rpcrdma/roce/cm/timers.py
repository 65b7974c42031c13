"""How long connection management waits, in seconds, and how often it repeats itself."""

from __future__ import annotations

FIRST_RETRY_S = 0.25
"""The first repetition of a message; each later one waits twice as long."""
LONGEST_RETRY_S = 4.0
MAX_RETRIES = 15
REP_RETRIES = 4
"""Fewer: a REP may go to a host that never asked, and one that asked repeats its REQ."""
DREQ_RETRIES = 5
TIMEWAIT_S = 5.0
REQUEST_LIFETIME_S = 60.0
"""How long the owner may take to accept or reject."""
MRA_DELAY_S = 1.0
"""An MRA goes out when the owner has not answered a request by then."""
MRA_SERVICE_TIMEOUT = 24
"""What our MRA asks for, as an exponent: 69 s. The same as Linux's rdma_cm."""


def exponent_seconds(exponent: int) -> float:
    """Return the seconds that a 5-bit field stands for: 4.096 µs times two to its power."""
    return 4.096e-6 * (1 << exponent)
