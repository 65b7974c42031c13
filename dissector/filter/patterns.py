r"""Regular expressions whose time is bounded, whatever the pattern and the text are.

A pattern becomes a program for an automaton that is in several states at once; it looks at each
character once (Thompson, "Regular expression search algorithm", CACM 11(6), 1968). So neither a
filter nor what stands in a capture can make ``matches`` slow. There are ``. [] () (?:) | * + ?
{m,n} ^ $ \b \B \d \w \s`` and hexadecimal escapes; what needs another kind of search, back
references and looking around, is refused. Upper and lower case are the same, as in Wireshark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MAX_PROGRAM = 1000
"""Instructions of a pattern, after its repetitions were written out."""
MAX_REPEAT = 255
MAX_GROUPS = 50
_MAX_CACHED = 4096

Fits = Callable[[str], bool]
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}


class Step(NamedTuple):
    """An instruction: take a character that fits, or go on at other places."""

    fits: Fits | None
    next: tuple[int, ...]
    condition: str = ""
    """``^``, ``$``, ``b`` or ``B``: what must hold to go on."""


def _one(wanted: str) -> Fits:
    both = frozenset((wanted.lower(), wanted.upper(), wanted))
    return lambda c: c in both


def _word(c: str) -> bool:
    return c.isalnum() or c == "_"


_KINDS: dict[str, Fits] = {"d": str.isdigit, "w": _word, "s": str.isspace}


def _kind(letter: str) -> Fits | None:
    found = _KINDS.get(letter.lower())
    if found is None:
        return None
    return found if letter.islower() else lambda c, f=found: not f(c)  # type: ignore[misc]


class _Compiler:
    """Reads a pattern into pieces, and writes them as steps."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._groups = 0
        self.steps: list[Step] = []

    def program(self) -> list[Step]:
        self._either(self._parse())
        if self._at < len(self._pattern):
            raise ValueError("a ( is missing")
        self._put(Step(None, ()))
        return self.steps

    # --- Reading: lists of alternatives, each a list of pieces ---

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        if self._at == len(self._pattern):
            raise ValueError("it ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _parse(self) -> list[list[_Piece]]:
        branches: list[list[_Piece]] = [[]]
        while (c := self._peek()) and c != ")":
            self._at += 1
            if c == "|":
                branches.append([])
            else:
                branches[-1].append(self._repeated(self._atom(c)))
        return branches

    def _atom(self, c: str) -> _Piece:
        if c == "(":
            return self._group()
        if c == "[":
            return _Piece(self._set())
        if c == ".":
            return _Piece(lambda c: c != "\n")
        if c in "^$":
            return _Piece(condition=c)
        if c in "*+?":
            raise ValueError(f"nothing to repeat before {c}")
        if c != "\\":
            return _Piece(_one(c))
        letter = self._take()
        if letter in "bB":
            return _Piece(condition=letter)
        return _Piece(_kind(letter) or _one(self._literal(letter)))

    def _literal(self, letter: str) -> str:
        if letter == "x":
            digits = self._take() + self._take()
            return chr(int(digits, 16))
        if letter in "123456789":
            raise ValueError("back references are not supported, as their time has no bound")
        if letter.isalnum() and letter not in _CONTROL:
            raise ValueError(f"\\{letter} is not supported")
        return _CONTROL.get(letter, letter)

    def _group(self) -> _Piece:
        self._groups += 1
        if self._groups > MAX_GROUPS:
            raise ValueError("too many groups")
        if self._peek() == "?":
            self._at += 1
            if self._take() != ":":
                raise ValueError("of groups with (? only (?: is supported")
        branches = self._parse()
        if self._peek() != ")":
            raise ValueError("a ) is missing")
        self._at += 1
        return _Piece(branches=branches)

    def _set(self) -> Fits:
        negated = self._peek() == "^"
        self._at += negated
        tests: list[Fits] = []
        first = True
        while (c := self._take()) != "]" or first:
            first = False
            if c == "\\":
                letter = self._take()
                kind = _kind(letter)
                if kind is not None:
                    tests.append(kind)
                    continue
                c = self._literal(letter)
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                last = self._take()
                if last == "\\":
                    last = self._literal(self._take())
                if last < c:
                    raise ValueError(f"a bad range {c}-{last}")
                tests.append(_within(c, last))
            else:
                tests.append(_one(c))
        return lambda c: any(test(c) for test in tests) != negated

    def _repeated(self, piece: _Piece) -> _Piece:
        low, high = 1, 1
        c = self._peek()
        if c and c in "*+?":
            self._at += 1
            low, high = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[c]
        elif c == "{" and (bounds := self._bounds()) is not None:
            low, high = bounds
        else:
            return piece
        if piece.condition:
            raise ValueError(f"{piece.condition} cannot be repeated")
        if (c := self._peek()) and c in "?+*":
            if c != "?":
                raise ValueError(f"{c} after a repetition is not supported")
            self._at += 1  # as few as possible: the same for a test
        return _Piece(branches=[[piece]], low=low, high=high)

    def _bounds(self) -> tuple[int, int] | None:
        end = self._pattern.find("}", self._at)
        words = self._pattern[self._at + 1 : end].split(",") if end > 0 else []
        if not words or len(words) > 2 or not (words[0] + words[-1]).isdigit():
            return None  # a { that stands for itself
        low = int(words[0] or 0)
        high = (int(words[1]) if words[1] else -1) if len(words) == 2 else low
        if max(low, high) > MAX_REPEAT or 0 <= high < low:
            raise ValueError(f"repetitions go from 0 to {MAX_REPEAT}")
        self._at = end + 1
        return low, high

    # --- Writing ---

    def _put(self, step: Step) -> int:
        if len(self.steps) == MAX_PROGRAM:
            raise ValueError("the pattern is too large")
        self.steps.append(step)
        return len(self.steps) - 1

    def _either(self, branches: list[list[_Piece]]) -> None:
        ends = []
        for branch in branches[:-1]:
            split = self._put(Step(None, ()))
            self._sequence(branch)
            ends.append(self._put(Step(None, ())))
            self.steps[split] = Step(None, (split + 1, len(self.steps)))
        self._sequence(branches[-1])
        for end in ends:
            self.steps[end] = Step(None, (len(self.steps),))

    def _sequence(self, pieces: list[_Piece]) -> None:
        if not pieces:  # counted as well, or many of nothing would take long
            self._put(Step(None, (len(self.steps) + 1,)))
        for piece in pieces:
            self._piece(piece)

    def _piece(self, piece: _Piece) -> None:
        here = len(self.steps)
        if piece.condition or piece.fits is not None:
            self._put(Step(piece.fits, (here + 1,), piece.condition))
            return
        branches = piece.branches or [[]]
        for _ in range(piece.low):
            self._either(branches)
        if piece.high < 0:
            split = self._put(Step(None, ()))
            self._either(branches)
            self._put(Step(None, (split,)))
            self.steps[split] = Step(None, (split + 1, len(self.steps)))
            return
        splits = []
        for _ in range(piece.high - piece.low):
            splits.append(self._put(Step(None, ())))
            self._either(branches)
        for split in splits:
            self.steps[split] = Step(None, (split + 1, len(self.steps)))


class _Piece(NamedTuple):
    """What stands in a pattern: a character that fits, a condition, or a group."""

    fits: Fits | None = None
    condition: str = ""
    branches: list[list[_Piece]] | None = None
    low: int = 1
    high: int = 1


def _within(low: str, high: str) -> Fits:
    return lambda c: low <= c <= high or low <= c.lower() <= high or low <= c.upper() <= high


class Pattern:
    """A regular expression to search for. Raises ``ValueError`` for what is none."""

    def __init__(self, pattern: str) -> None:
        self._steps = _Compiler(pattern).program()
        self._last = len(self._steps) - 1
        self._conditional = any(step.condition for step in self._steps)
        self._cache: dict[tuple[frozenset[int], str, str], frozenset[int] | None] = {}

    def search(self, text: str) -> bool:
        """Return whether the pattern fits a part of the text; in time linear to its length."""
        states: frozenset[int] | None = frozenset((0,))
        before = ""
        for c in text:
            assert states is not None
            states = self._next(states, before, c)
            if states is None:
                return True
            before = c
        assert states is not None
        return self._next(states, before, "") is None

    def _next(self, states: frozenset[int], before: str, c: str) -> frozenset[int] | None:
        """Return the states behind a character; ``None`` if the pattern has fitted."""
        key = (states, before if self._conditional else "", c)
        if key in self._cache:
            return self._cache[key]
        reached = self._reached(states, before, c)
        found: frozenset[int] | None = None
        if self._last not in reached:
            after = {0}
            for at in reached:
                step = self._steps[at]
                if step.fits is not None and c and step.fits(c):
                    after.update(step.next)
            found = frozenset(after)
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        self._cache[key] = found
        return found

    def _reached(self, states: frozenset[int], before: str, c: str) -> set[int]:
        """Return the states that can be reached without taking a character."""
        boundary = bool(before and _word(before)) != bool(c and _word(c))
        holds = {"^": not before, "$": not c, "b": boundary, "B": not boundary, "": True}
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            at = waiting.pop()
            if at in reached:
                continue
            reached.add(at)
            step = self._steps[at]
            if step.fits is None and holds[step.condition]:
                waiting.extend(step.next)
        return reached
