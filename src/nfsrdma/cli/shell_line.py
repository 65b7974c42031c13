"""The line that is typed into ``nfsrdma shell``: completion, and history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Final

import click

from .shell_session import BUILT_IN, REMOTE, Session, command_of
from .shell_words import Word, literal, quoted, split_words

HISTORY_MAX: Final = 1000
"""Lines that are kept."""
_NAMES_MAX: Final = 10_000
"""Names of a directory that are looked at."""


def history_file() -> Path:
    """Return where the lines of former sessions are."""
    base = os.environ.get("XDG_STATE_HOME", "")
    state = Path(base) if os.path.isabs(base) else Path.home() / ".local/state"
    return state / "nfsrdma/shell_history"


@contextmanager
def edited(session: Session) -> Iterator[None]:
    """Have lines edited, completed and remembered in the block, if this Python can do it."""
    try:
        import readline
    except ImportError:
        yield
        return
    completer = Completer(session)
    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            found[:] = completer.candidates(line, readline.get_begidx())
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" \t\n")
    readline.set_completer(complete)
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    before = _read_history(readline)
    try:
        yield
    finally:
        readline.set_completer(None)
        _write_history(readline, before)


def _read_history(readline: ModuleType) -> int:
    """Read the lines of former sessions, and return how many there are."""
    readline.set_history_length(HISTORY_MAX)
    with suppress(OSError):
        readline.read_history_file(history_file())
    return int(readline.get_current_history_length())


def _write_history(readline: ModuleType, before: int) -> None:
    """Add the lines of this session, for its user alone."""
    count = readline.get_current_history_length() - before
    with suppress(OSError, AttributeError):
        path = history_file()
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        readline.append_history_file(max(0, count), path)


class Completer:
    """Knows how a line may go on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def candidates(self, line: str, begin: int) -> list[str]:
        """Return what may stand from ``begin`` on in place of the rest of ``line``.

        A word may begin before that, where a space in it is quoted.
        """
        try:
            words = split_words(line, unfinished=True)
            at_end = bool(words) and words[-1].end == len(line)
            word = words.pop() if at_end else Word("", len(line), len(line))
            found = list(self._words([literal(each.text) for each in words], literal(word.text)))
        except (OSError, ValueError, UnicodeError):
            return []
        typed = line[word.start : begin]
        return [each[len(typed) :] for each in found if each.startswith(typed)]

    def _words(self, before: list[str], text: str) -> Iterator[str]:
        """Yield the words that ``text`` may be the beginning of, quoted."""
        if not before or before == ["help"]:
            every = sorted((*REMOTE, *BUILT_IN))
            yield from (f"{name} " for name in every if name.startswith(text))
            return
        name, arguments = before[0], [word for word in before[1:] if not word.startswith("-")]
        if text.startswith("-") and name in REMOTE:
            yield from (f"{each} " for each in _options(name) if each.startswith(text))
            return
        if name == "sync" and text.startswith(":"):
            yield from (f":{each}" for each in self._remote(text[1:]))
            return
        if name in ("lcd", "put", "sync") or (name == "get" and arguments):
            yield from _local(text)
        if (name in REMOTE and name not in ("put", "sync")) or (name == "put" and arguments):
            yield from self._remote(text)
        elif name == "cd":
            yield from (each for each in self._remote(text) if each.endswith("/"))

    def _remote(self, text: str) -> Iterator[str]:
        directory, slash, start = text.rpartition("/")
        with self._session.fs.scandir(self._session.path(directory + slash)) as entries:
            names = [
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in islice(entries, _NAMES_MAX)
            ]
        yield from _fitting(directory + slash, start, names)


def _local(text: str) -> Iterator[str]:
    directory, slash, start = text.rpartition("/")
    with os.scandir(os.path.expanduser(directory + slash) or ".") as entries:
        names = [
            f"{entry.name}/" if entry.is_dir() else entry.name
            for entry in islice(entries, _NAMES_MAX)
        ]
    yield from _fitting(directory + slash, start, names)


def _fitting(top: str, start: str, names: Iterable[str]) -> Iterator[str]:
    """Yield words for the names that begin with ``start``; a terminal has to bear to see them."""
    top = f"~{quoted(top[1:])}" if top.startswith("~/") else quoted(top)
    for name in sorted(names):
        if name.startswith(start) and (start or not name.startswith(".")) and name.isprintable():
            yield f"{top}{quoted(name)}{'' if name.endswith('/') else ' '}"


def _options(name: str) -> list[str]:
    command = command_of(name)
    found = [
        text for each in command.params if isinstance(each, click.Option) for text in each.opts
    ]
    return sorted((*found, "--help"))
