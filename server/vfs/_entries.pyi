"""Entries of a directory, looked at one after the other; ``entries.look_in_python`` is the twin."""

from .descriptors import DescriptorCache
from .interface import Attributes, Node
from .local_attributes import Stamps

def look(
    fd: int,
    directory: int,
    most: int,
    birth: bool,
    device: int,
    mount: int,
    make: type[Attributes],
    /,
) -> tuple[list[tuple[int, bytes, tuple[Attributes, bytes] | int]], bool]:
    """List entries with their attributes and identities: see ``entries.look_in_python``."""

def at_hand(
    cache: DescriptorCache, stamps: Stamps, node: Node, make: type[Attributes], /
) -> Attributes | None:
    """Return the attributes of what is no directory, if that is simple: ``LocalFileSystem``."""
