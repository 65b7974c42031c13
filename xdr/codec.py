"""The codec: its decoder is compiled if it can be, otherwise in Python.

``encoder`` and ``decoder`` have the documentation. ``native`` says which decoder is here, and
``nfsrdma doctor`` tells the user.
"""

from __future__ import annotations

from .decoder import MAX_DEPTH
from .encoder import Encoder, Payload, round_up
from .errors import XdrError

try:
    from ._codec import Decoder

    native = True
except ImportError:
    from .decoder import Decoder

    native = False

__all__ = ["MAX_DEPTH", "Decoder", "Encoder", "Payload", "XdrError", "native", "round_up"]
