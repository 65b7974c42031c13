"""XDR (RFC 4506) and the protocols written in it; knows nothing of networks."""

from .codec import Decoder, Encoder, Payload, XdrError, round_up
from .runtime import chain, link

__all__ = ["Decoder", "Encoder", "Payload", "XdrError", "chain", "link", "round_up"]
