"""Chosen fields of each message, in columns: ``-T fields`` as tshark has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..base.text import printable
from ..fields.derived import asked_of_message, keep_for
from ..fields.wireshark_form import texts
from ..filter import Filter
from ..tracking.events import Events
from ..tracking.model import Exchange

_SEPARATORS = {"/t": "\t", "/s": " "}
_QUOTES = {"d": '"', "s": "'", "n": ""}


@dataclass(frozen=True, slots=True)
class Style:
    """How columns are written; the names and the defaults are those of tshark's ``-E``."""

    header: bool = False
    separator: str = "\t"
    aggregator: str = ","
    occurrence: str = "a"
    quote: str = ""

    def with_option(self, text: str) -> Style:
        """Return the style with one option changed: ``separator=;``. Raises ``ValueError``."""
        name, _, value = text.partition("=")
        if name == "header" and value in ("y", "n"):
            return replace(self, header=value == "y")
        if name == "separator" and value:
            return replace(self, separator=_SEPARATORS.get(value, value[:1]))
        if name == "aggregator" and value:
            return replace(self, aggregator=_SEPARATORS.get(value, value[:1]))
        if name == "occurrence" and value in ("f", "l", "a"):
            return replace(self, occurrence=value)
        if name == "quote" and value in _QUOTES:
            return replace(self, quote=_QUOTES[value])
        raise ValueError(
            f"{text}: header=y|n, separator=/t|/s|CHARACTER, aggregator=, occurrence=f|l|a, "
            "quote=d|s|n"
        )


def style(options: Iterable[str]) -> Style:
    """Return the style that options make. Raises ``ValueError`` for what is none."""
    made = Style()
    for option in options:
        made = made.with_option(option)
    return made


class ColumnView:
    """Writes a line for each message that ``wanted`` lets through, with the fields ``names``."""

    def __init__(
        self,
        write: Callable[[str], object],
        names: Sequence[str],
        style: Style,
        wanted: Filter | None,
        began: Callable[[], int],
    ) -> None:
        self._write = write
        self._names = tuple(names)
        self._style = style
        self._wanted = wanted
        self._began = began
        self._asked = self._names + (wanted.derived if wanted is not None else ())

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        if self._style.header:
            self._write(self._style.separator.join(self._names) + "\n")
        keep_for(events, self._asked)
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Show the messages of an RPC."""
        for message in (exchange.call, exchange.reply):
            if message is None:
                continue
            fields = asked_of_message(exchange, message, self._asked, self._began())
            if self._wanted is None or self._wanted(fields):
                found = texts({name: fields[name] for name in self._names if name in fields})
                columns = (self._column(found.get(name, [])) for name in self._names)
                self._write(self._style.separator.join(columns) + "\n")

    def _column(self, values: list[str]) -> str:
        style = self._style
        if style.occurrence != "a":
            values = values[:1] if style.occurrence == "f" else values[-1:]
        text = printable(style.aggregator.join(values))
        if not style.quote or not values:
            return text
        return f"{style.quote}{text.replace(style.quote, style.quote * 2)}{style.quote}"
