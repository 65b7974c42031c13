"""A rule's text as words, each of which knows where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_RULE: Final = 1000
"""Characters of one rule."""

_WORD: Final = re.compile(r"\s*(==|!=|<=|>=|<(?!-)|>|[^\s=!<>-]+->[^\s=!<>]+|[^\s=!<>]+|[=!])")


class RuleError(ValueError):
    """A rule that is none. The text shows the rule, and below it what is meant.

    ``column`` counts from 0.
    """

    def __init__(self, rule: str, column: int, length: int, complaint: str) -> None:
        marked = f"{' ' * column}{'^' * max(length, 1)}"
        super().__init__(f"{complaint}\n  {rule}\n  {marked}")
        self.complaint = complaint
        self.column = column


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a rule."""

    text: str
    column: int


class Words:
    """The words of a rule, taken one after the other."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        if len(rule) > MAX_RULE:
            shown = rule[:60] + "…"
            raise RuleError(shown, 60, 1, f"a rule of {len(rule)} characters, at most {MAX_RULE}")
        if not rule.isprintable():
            raise RuleError(ascii(rule), 0, 1, "a character that cannot be printed")
        self._words = [Word(each[1], each.start(1)) for each in _WORD.finditer(rule)]
        self._next = 0

    @property
    def ended(self) -> bool:
        """Whether all were taken."""
        return self._next >= len(self._words)

    def peek(self, ahead: int = 0) -> str:
        """Return the next word in small letters, or nothing at the end."""
        at = self._next + ahead
        return self._words[at].text.lower() if at < len(self._words) else ""

    def take(self, wanted: str) -> Word:
        """Take the next word. Raises ``RuleError`` at the end: ``wanted`` is what is missing."""
        if self.ended:
            raise RuleError(self.rule, len(self.rule), 1, f"{wanted} is missing at the end")
        self._next += 1
        return self._words[self._next - 1]

    def took(self, *texts: str) -> bool:
        """Take the next word if it is one of these."""
        if self.peek() in texts:
            self._next += 1
            return True
        return False

    def error(self, complaint: str, word: Word | None = None) -> RuleError:
        """Return an error about a word, the next one unless it is given."""
        if word is None:
            if self.ended:
                return RuleError(self.rule, len(self.rule), 1, complaint)
            word = self._words[self._next]
        return RuleError(self.rule, word.column, len(word.text), complaint)
