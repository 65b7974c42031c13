"""TCP and UDP: streams put together, RPC records, and iWARP's messages in them."""

from .conversations import Conversations

__all__ = ["Conversations"]
