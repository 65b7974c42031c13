"""Bars of a terminal: blocks in eighths, or number signs where there are no blocks."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(value: float, most: float, width: int, *, blocks: bool) -> str:
    """Return a bar of at most ``width`` characters, padded to it; what is there is to be seen."""
    part = min(1.0, value / most) if most > 0 else 0.0
    if not blocks:
        return ("#" * (max(1, round(part * width)) if value > 0 else 0)).ljust(width)
    eighths = max(1, round(part * width * 8)) if value > 0 else 0
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def has_blocks(encoding: str | None) -> bool:
    """Return whether an encoding has the characters of such bars."""
    try:
        _EIGHTHS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
