"""The codec: its decoder is compiled if it can be, otherwise in Python.

Everything is documented in ``twin``; both have the same results, octet for octet, and the same
errors. ``native`` says which decoder is here, and ``nfsrdma doctor`` tells the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .twin import MAX_DEPTH, Encoder, Payload, XdrError, round_up

if TYPE_CHECKING:
    from .twin import Decoder

    native: bool
else:
    try:
        from ._codec import Decoder

        native = True
    except ImportError:
        from .twin import Decoder

        native = False

__all__ = ["MAX_DEPTH", "Decoder", "Encoder", "Payload", "XdrError", "native", "round_up"]
