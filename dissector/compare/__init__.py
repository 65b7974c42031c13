"""A second opinion: what Wireshark makes of the same capture, field by field."""

from .known import KNOWN, Known
from .view import Comparison, Difference

__all__ = ["KNOWN", "Comparison", "Difference", "Known"]
