"""Entries of a directory, looked at one after the other; ``entries.look_in_python`` is the twin."""

from .interface import Attributes

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
