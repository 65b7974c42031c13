"""How much searching a capture is worth: so many steps for each of its frames.

What belongs together is found by index wherever there is one. Where candidates have to be tried,
a hostile capture can have all of them tried for each of its packets; so there is a budget that
grows with the frames, and once it is spent there is no more guessing. Honest captures never come
near it.
"""

from __future__ import annotations

from collections.abc import Callable

FREE = 1 << 18
FOR_EACH = 32
"""Steps for each frame: a few microseconds."""


class Effort:
    """A budget of steps, which grows with the number of ``frames``.

    ``on_spent`` is called once, when the budget was not enough.

    A *step* is a candidate that is looked at.
    """

    def __init__(
        self, frames: Callable[[], int], on_spent: Callable[[], None] = lambda: None
    ) -> None:  # fmt: skip
        self._frames = frames
        self._on_spent = on_spent
        self._spent = 0
        self._left = FREE
        self.refused = 0
        """Searches that were not made, or not to the end."""

    def spend(self, steps: int) -> bool:
        """Take so many steps from the budget; return whether they may be made."""
        if steps > self._left:
            self._left = FREE + FOR_EACH * self._frames() - self._spent
            if steps > self._left:
                self.refused += 1
                if self.refused == 1:
                    self._on_spent()
                return False
        self._left -= steps
        self._spent += steps
        return True
