"""Octets of a capture as text that a terminal can be given."""

from __future__ import annotations

from typing import NamedTuple


class Paint(NamedTuple):
    """What is written in front of words that stand out, and behind them."""

    error: str = ""
    warning: str = ""
    note: str = ""
    path: str = ""
    end: str = ""


PLAIN = Paint()
COLORS = Paint("\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[36m", "\x1b[0m")
"""Red, yellow, faint and cyan, as every terminal has them."""


def text(name: bytes | memoryview) -> str:
    """Return a name as it can be printed."""
    return bytes(name).decode("utf-8", "backslashreplace").replace("\n", "\\n")


def printable(words: str) -> str:
    """Return words without anything that a terminal would obey."""
    if words.isprintable():
        return words
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in words)
