"""The error of the compiler, and the place it is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a specification: file, line and column, both counted from one."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


class SpecificationError(ValueError):
    """The text is not XDR language (RFC 4506, Section 6), or means nothing.

    ``position`` says where; the text of the error begins with it, as a compiler's does, and goes
    on with ``message``. ``advice`` says what to do, where there is something to be said.
    """

    def __init__(self, position: Position, message: str, advice: str = "") -> None:
        super().__init__(f"{position}: {message}")
        self.position = position
        self.message = message
        self.advice = advice
