"""Delegations at work: who gets one, and how it is had back (RFC 8881, Section 10).

``Delegations`` grants what its policy allows, and recalls what is in the way of others: they wait
for a moment, and are told to try again (DELAY) if the client takes longer. What is not returned
within a lease is revoked. ``server.state.delegation`` keeps the record.
"""

from .manager import Delegations, Guard, Told
from .policy import AdaptivePolicy, DelegationPolicy

__all__ = ["AdaptivePolicy", "DelegationPolicy", "Delegations", "Guard", "Told"]
