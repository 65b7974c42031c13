"""The command line's messages: errors that name their side, and standard output that does, too.

An error without its side sends people to the wrong machine: "no space left" may be about the
server's disk, a disk of this host, or the target of standard output. So the type of an error has a
``side`` (``client.errors``: ``"server"`` and ``"local disk"``; here: ``"standard output"``), which
is chosen where the operating system or the server raised it, and one function prints it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OutputError(OSError):
    """Standard output failed for another reason than a reader that has left."""

    side = "standard output"


class _Output(io.FileIO):
    """Standard output, whose errors are marked as its own."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from error


@contextmanager
def marked_output() -> Iterator[None]:
    """Have errors of standard output raised as :class:`OutputError` in the block.

    Standard output is flushed at the end, while an error can still be reported. After an error the
    buffer is dropped, lest it fail once more when the process ends.
    """
    _keep_numbers()
    plain = sys.stdout or io.TextIOWrapper(io.FileIO(1, "wb", closefd=False), encoding="utf-8")
    try:
        plain.flush()
        raw = _Output(plain.fileno(), "wb", closefd=False)
    except (AttributeError, ValueError, OSError):
        yield  # closed, or a test's stand-in without a descriptor
        return
    marked = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=plain.encoding,
        errors="backslashreplace",  # escape what the encoding does not have
        line_buffering=raw.isatty(),
    )
    sys.stdout = marked
    try:
        try:
            yield
        finally:
            marked.flush()
    except (BrokenPipeError, OutputError):
        _drop(marked)
        raise
    finally:
        sys.stdout = plain


def _keep_numbers() -> None:
    """Keep connections and files from taking the number of a standard stream that is closed.

    A file that cannot be written takes it instead, so that output fails as it should.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # it takes the lowest free number


def drop_output() -> None:
    """Drop what standard output has not taken: whoever serves on a full disk did end well."""
    try:
        sys.stdout.flush()
    except OSError:
        if isinstance(sys.stdout, io.TextIOWrapper):
            _drop(sys.stdout)


def _drop(stream: io.TextIOWrapper) -> None:
    """Drop what is buffered."""
    number = stream.fileno()
    kept = os.dup(number)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, number)
        os.close(nowhere)
        stream.flush()
    finally:
        os.dup2(kept, number)
        os.close(kept)


def describe(error: OSError, name: str | None = None) -> str:
    """Return an error in one line: its side, what it is about, and what is the matter.

    ``name`` is what it is about, by default the error's own file name.
    """
    reason = error.strerror or str(error) or type(error).__name__
    if name is None and error.filename is not None:
        name = printable(error.filename)
    return ": ".join(part for part in (getattr(error, "side", ""), name, reason) if part)


def printable(name: object) -> str:
    """Return any octets as text that is safe on a terminal: a server must not move its cursor."""
    octets = name if isinstance(name, bytes) else str(name).encode("utf-8", "surrogateescape")
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
