"""What lies on a raw file to make it buffered, or one of text, as Python's ``open()`` does."""

from __future__ import annotations

import codecs
import io
from typing import Final

from ..open_mode import OpenMode

BUFFER: Final = 1 << 18
"""Octets of a buffer whose size is left to this: a round trip is worth more than a page."""
_NEWLINES: Final = (None, "", "\n", "\r", "\r\n")


class Layers:
    """What was asked of ``open()``, checked before the file is touched.

    Raises ``ValueError`` where Python's ``open()`` does, and ``LookupError`` for an encoding or a
    handler of errors that does not exist.
    """

    def __init__(
        self,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> None:
        self.text = "b" not in mode
        """Whether the file is one of text."""
        self.octets = mode.replace("t", "", 1) + "b" if self.text else mode
        """The mode of the raw file."""
        try:
            self.letters = OpenMode(self.octets)
        except ValueError:
            raise ValueError(f"invalid mode: {mode!r}") from None
        self._mode = mode
        self._encoding = encoding
        self._errors = errors
        self._newline = newline
        self.line_buffering = self.text and buffering == 1
        self.buffer = 0
        """Octets of the buffer; 0 for none."""
        if self.text:
            self._check_text(buffering)
            self.buffer = buffering if buffering > 1 else BUFFER
        else:
            for name in ("encoding", "errors", "newline"):
                if getattr(self, f"_{name}") is not None:
                    raise ValueError(
                        f"a file of octets takes no {name}: leave out the b in {mode!r}"
                    )
            if buffering > 0:
                self.buffer = buffering if buffering > 1 else BUFFER

    def _check_text(self, buffering: int) -> None:
        if buffering == 0:
            raise ValueError("text cannot be unbuffered: add b to the mode, or leave out buffering")
        if self._newline not in _NEWLINES:
            raise ValueError(f"illegal newline value: {self._newline!r}")
        if self._encoding not in (None, "locale"):
            codecs.lookup(self._encoding)
        if self._errors is not None:
            codecs.lookup_error(self._errors)

    def over(self, raw: io.RawIOBase) -> io.RawIOBase | io.BufferedIOBase | io.TextIOWrapper:
        """Return ``raw`` with the layers on it; it is closed if they cannot be made."""
        if not self.buffer:
            return raw
        try:
            buffered = self._buffered(raw)
            if not self.text:
                return buffered
            text = io.TextIOWrapper(
                buffered, self._encoding, self._errors, self._newline, self.line_buffering
            )
        except BaseException:
            raw.close()
            raise
        text.mode = self._mode  # type: ignore[misc]  # as open() sets it
        return text

    def _buffered(
        self, raw: io.RawIOBase
    ) -> io.BufferedReader | io.BufferedWriter | io.BufferedRandom:
        if self.letters.append:
            raw.seek(0, io.SEEK_END)  # where tell() begins, and whether a byte order mark is due
        if self.letters.readable and self.letters.writable:
            return io.BufferedRandom(raw, self.buffer)
        if self.letters.readable:
            return io.BufferedReader(raw, self.buffer)
        return io.BufferedWriter(raw, self.buffer)
