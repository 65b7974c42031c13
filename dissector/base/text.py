"""Octets of a capture as text that a terminal can be given."""

from __future__ import annotations


def text(name: bytes) -> str:
    """Return a name as it can be printed."""
    return bytes(name).decode("utf-8", "backslashreplace").replace("\n", "\\n")


def printable(words: str) -> str:
    """Return words without anything that a terminal would obey."""
    if words.isprintable():
        return words
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in words)
