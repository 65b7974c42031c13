"""Files in TOML that are read by their keys, and whose errors name file, line and key."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import click

from .messages import describe, printable

MAX_OCTETS: Final = 1 << 20
MAX_FILES: Final = 256
_UNITS: Final = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

Key = str | int
"""A part of the way to a value: the key of a table, or the place in a list."""


class ConfigError(click.ClickException):
    """What is wrong in a file; the text says where, and what would do."""

    exit_code = 2


@dataclass(frozen=True)
class Document:
    """One file: where it is, its text, and what that says."""

    path: str
    text: str
    table: Mapping[str, Any] = field(default_factory=dict)

    def line_of(self, *keys: Key) -> int:
        """Return the number of the line where a value begins; 1 for what is not there.

        Beginnings of the file that end between two statements can be parsed, and the shortest of
        them that has the value ends with it. So it is found by the parser itself.
        """
        if not _has(self.table, keys):
            return 1
        lines = [f"{line}\n" for line in self.text.split("\n")]
        low, high = 0, len(lines)  # it begins after the first ``low`` lines, within ``high``
        while low < high - 1:
            end = middle = (low + high) // 2
            while end < high and (table := _parsed("".join(lines[:end]))) is None:
                end += 1
            if end == high:
                high = middle  # what begins before the middle goes on until there
            elif _has(table, keys):
                high = end
            else:
                low = end
        return low + 1

    def where(self, *keys: Key) -> str:
        """Return file and line of a value, for a person to read."""
        return f"{printable(self.path)}:{self.line_of(*keys)}"

    def error(self, keys: Iterable[Key], why: str) -> ConfigError:
        """Return the error of a value."""
        keys = tuple(keys)
        name = ".".join(str(key) for key in keys if isinstance(key, str))
        where = self.where(*keys)
        return ConfigError(f"{where}: {printable(name)}: {why}" if name else f"{where}: {why}")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _has(table: Any, keys: Iterable[Key]) -> bool:
    for key in keys:
        try:
            table = table[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def read_text(path: str) -> str:
    """Return the text of a file that only those may write whom its owner trusts.

    Raises :class:`ConfigError`.
    """
    try:
        # Not kept waiting by a pipe.
        with open(
            path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
        ) as file:
            status = os.fstat(file.fileno())
            octets = file.read(MAX_OCTETS + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise ConfigError(f"{printable(path)}: {describe(error, '')}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{printable(path)}: is no file")
    if stat.S_IMODE(status.st_mode) & stat.S_IWOTH:
        raise ConfigError(f"{printable(path)}: everybody may write to it (chmod o-w)")
    if len(octets) > MAX_OCTETS:
        raise ConfigError(f"{printable(path)}: is longer than {MAX_OCTETS >> 20} MiB")
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{printable(path)}:{line}: is not UTF-8") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, without waiting for somebody to write to it if it is a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_document(path: str) -> Document:
    """Read a file. Raises :class:`ConfigError`."""
    text = read_text(path)
    try:
        return Document(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        # "... (at line 3, column 5)", or "(at end of document)"
        what, _, where = str(error).rpartition(" (at ")
        words = where.rstrip(")").replace(",", "").split()
        place = words[1] if words[:1] == ["line"] else str(text.count("\n") + 1)
        raise ConfigError(f"{printable(path)}:{place}: this is no TOML: {what}") from None
    except RecursionError:
        raise ConfigError(f"{printable(path)}: is nested too deep") from None


def read_documents(path: str) -> list[Document]:
    """Read a file and those of the directory ``PATH.d``, or those of a directory.

    Files of a directory are those that end in ``.toml``, by their names in order. Raises
    :class:`ConfigError`.
    """
    if os.path.isdir(path):
        return [read_document(each) for each in files_of(path, ".toml")]
    further = files_of(f"{path}.d", ".toml") if os.path.isdir(f"{path}.d") else []
    return [read_document(each) for each in (path, *further)]


def files_of(directory: str, suffix: str) -> list[str]:
    """Return the files of a directory by their names in order. Raises :class:`ConfigError`."""
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise ConfigError(f"{printable(directory)}: {describe(error, '')}") from None
    chosen = [name for name in names if name.endswith(suffix) and not name.startswith(".")]
    if len(chosen) > MAX_FILES:
        raise ConfigError(f"{printable(directory)}: has more than {MAX_FILES} files")
    return [os.path.join(directory, name) for name in chosen]


def size_of(text: str) -> int:
    """Return the octets of a size such as ``256 MiB``. Raises ``ValueError``."""
    digits = text.rstrip("BKMGTi ")
    unit = text[len(digits) :].strip()
    if not (digits.isascii() and digits.isdigit() and unit in _UNITS):
        raise ValueError(f'{text!r} is no size such as "256 MiB"')
    return int(digits) * _UNITS[unit]


def unknown(key: str, known: Collection[str]) -> str:
    """Say that there is no such key, and which one may have been meant."""
    near = difflib.get_close_matches(key, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"there is no such key: {hint}"


class Section:
    """A table whose keys are read one after the other; :meth:`end` refuses those that are left."""

    def __init__(self, document: Document, keys: tuple[Key, ...], table: object) -> None:
        self.document = document
        self._keys = keys
        if not isinstance(table, dict):
            raise document.error(keys, "is to be a table")
        self._table: dict[str, Any] = table
        self._known: set[str] = set()

    def error(self, key: str, why: str) -> ConfigError:
        """Return the error of a key."""
        return self.document.error((*self._keys, *([key] if key else [])), why)

    def has(self, key: str) -> bool:
        """Return whether a key is there."""
        self._known.add(key)
        return key in self._table

    def text(self, key: str) -> str | None:
        """Return a text, or None."""
        value: str | None = self._of(key, str, "a text in quotes")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value: bool | None = self._of(key, bool, "true or false")
        return default if value is None else value

    def number(self, key: str, low: int, high: int) -> int | None:
        """Return a number from ``low`` to ``high``, or None."""
        value: int | None = self._of(key, int, f"a number from {low} to {high}")
        if value is not None and not low <= value <= high:
            raise self.error(key, f"is to be a number from {low} to {high}")
        return value

    def size(self, key: str) -> int | None:
        """Return octets, of a number or of a text such as ``256 MiB``; or None."""
        if not self.has(key):
            return None
        value = self._table[key]
        if isinstance(value, str):
            octets: int = self.checked(key, size_of, value)
            return octets
        return self.number(key, 0, 1 << 62)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return some texts, of a list or of one text; or None."""
        if not self.has(key):
            return None
        value = self._table[key]
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in several):
            raise self.error(key, "is to be a list of texts in quotes")
        return tuple(several)

    def checked(self, key: str, check: Callable[[Any], Any], value: Any) -> Any:
        """Return what ``check`` makes of a value; its ``ValueError`` is the key's."""
        try:
            return check(value)
        except ValueError as error:
            raise self.error(key, str(error)) from None

    def _of(self, key: str, kind: type, what: str) -> Any:
        if not self.has(key):
            return None
        value = self._table[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"is to be {what}")
        return value

    def end(self) -> None:
        """Raise :class:`ConfigError` for a key that nobody has asked about."""
        for key in self._table:
            if key not in self._known:
                raise self.error(key, unknown(key, self._known))
