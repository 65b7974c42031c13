"""What the command line says: errors that name their side, and standard output that does, too.

An error without its side sends people to the wrong machine: "no space left" is the server's disk,
a disk of this host, or whatever standard output was sent to. So errors carry a ``side`` in their
type (``client.errors``: ``"server"`` and ``"local disk"``; here: ``"standard output"``), given
where the operating system or the server raised them, and one function says it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OutputError(OSError):
    """Standard output takes no more, for another reason than a reader that has left."""

    side = "standard output"


class _Output(io.FileIO):
    """Standard output, whose errors say that they are its own."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from error


@contextmanager
def marked_output() -> Iterator[None]:
    """Have errors of standard output raised as :class:`OutputError` meanwhile.

    It is flushed at the end, while an error of that can still be told. After an error what is
    buffered is dropped: it must not complain once more when the process ends.
    """
    _keep_numbers()
    plain = sys.stdout or io.TextIOWrapper(io.FileIO(1, "wb", closefd=False), encoding="utf-8")
    try:
        plain.flush()
        raw = _Output(plain.fileno(), "wb", closefd=False)
    except (AttributeError, ValueError, OSError):
        yield  # closed, or something of a test's without a descriptor
        return
    marked = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=plain.encoding,
        errors="backslashreplace",  # what the encoding cannot say is shown escaped
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
    """Have no connection or file take the number of a standard stream that is closed.

    There is a file that cannot be written instead, so that output to it fails as it should.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # which takes the lowest that is free


def _drop(stream: io.TextIOWrapper) -> None:
    """Let what is buffered go nowhere."""
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
    """An error in one line: whose it is, what it is about, and what is the matter.

    ``name`` is what it is about, by default the file name that the error has.
    """
    reason = error.strerror or str(error) or type(error).__name__
    if name is None and error.filename is not None:
        name = printable(error.filename)
    return ": ".join(part for part in (getattr(error, "side", ""), name, reason) if part)


def printable(name: object) -> str:
    """A name, of any octets, that a terminal can be shown: a server must not move its cursor."""
    octets = name if isinstance(name, bytes) else str(name).encode("utf-8", "surrogateescape")
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
