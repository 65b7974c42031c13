"""From a frame's first octet to its payload: link, network and transport headers."""

from .frame import Layers

__all__ = ["Layers"]
