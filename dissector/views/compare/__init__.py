"""A second opinion: what Wireshark makes of the same capture, field by field."""

from .comparison import Comparison, Difference
from .known import KNOWN, Known

__all__ = ["KNOWN", "Comparison", "Difference", "Known"]
