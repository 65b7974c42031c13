"""What can be wrong with a specification, and where."""

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

    ``position`` says where; the message begins with it, as a compiler's does.
    """

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(f"{position}: {message}")
        self.position = position
        self.message = message
