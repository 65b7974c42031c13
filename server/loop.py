"""What the server asks of the event loop."""

from __future__ import annotations

from collections.abc import Callable

Work = Callable[[], None]
CallSoon = Callable[[Work], object]
"""Has something done on the loop's next turn."""
