"""What ``nfsrdma shell`` does with a line: commands of the command line, by names instead of URLs.

A command is run as always, by its own parser, but for its arguments: a name at the server becomes a
URL, which one mount serves that outlives the command (:class:`~.common.Kept`).
"""

from __future__ import annotations

import errno
import glob
import os
import posixpath
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

import click
from click.core import ParameterSource

from nfsrdma.client import Mount
from nfsrdma.client.errors import make_error

from . import COMMANDS
from .common import Failed, Kept, Options, failure, split_last
from .messages import OutputError, describe, printable
from .shell_words import is_wild, literal, pattern, split_words

REMOTE: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("ls", "cat", "stat", "acl", "mkdir", "rm", "du", "find", "tree", "chmod", "chown"),
        ("urls",),
    ),
    "touch": ("urls",),
    "df": ("url",),
    "ping": ("url",),
    "cp": ("urls", "target"),
    "mv": ("urls", "target"),
    "ln": ("source", "url"),
    "get": ("urls",),
    "put": ("url",),
    "sync": (),
}
"""The commands, and which of their arguments are names at the server."""
BUILT_IN: Final = {
    "cd": "Go to a directory of the server; without one, to the first; with -, back.",
    "pwd": "Say which directory of the server this is.",
    "lcd": "Go to a directory of this machine.",
    "lpwd": "Say which directory of this machine this is.",
    "help": "Show this, or what a command can do.",
    "exit": "Leave, as the end of the input does.",
}
_HERE: Final = frozenset(("ls", "df", "du", "find", "tree", "stat", "acl", "ping", "put"))
"""Those that mean the present directory unless told otherwise."""
_OWN: Final = tuple(each.name for each in fields(Options))
"""Options that the mount has, and which no single command can change."""


class Ended(Exception):
    """The session is over."""


class Session:
    """A mount, a directory on it, and the commands.

    ``url`` is what was asked for, ``fs`` the mount of its server, ``path`` the directory to begin
    in.
    """

    def __init__(self, url: str, fs: Mount, path: str) -> None:
        root, _ = split_last(url)
        self.fs = fs
        self.directory = path.strip("/")
        """The present directory, from the server's root on."""
        self._kept = Kept({root: fs})
        self._root, mark, query = root.partition("?")
        self._query = mark + query
        self._first = self._last = self.directory
        self._built_in: dict[str, Callable[[list[str]], object]] = {
            "cd": self._go,
            "pwd": self._say_where,
            "lcd": self._go_here,
            "lpwd": self._say_where_here,
            "help": self._help,
            "exit": self._end,
            "quit": self._end,
        }

    def begin(self) -> None:
        """Raise an error if the first directory is none, or is not to be entered."""
        self._enter(self.directory)

    # --- Lines ---

    def run(self, line: str) -> int:
        """Do what a line says, show what goes wrong in one line, and return the exit status.

        Raises :class:`Ended`, and what is wrong with standard output.
        """
        try:
            return self._run(line)
        except click.exceptions.Exit as ended:
            return ended.exit_code
        except click.UsageError as error:
            name = error.ctx.info_name if error.ctx is not None else None
            click.echo(": ".join(filter(None, ("nfsrdma", name, error.format_message()))), err=True)
            return error.exit_code
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            return 130
        except (BrokenPipeError, OutputError):
            raise
        except OSError as error:
            click.echo(f"nfsrdma: {failure(self.fs, error)}", err=True)
            return 1

    def _run(self, line: str) -> int:
        if line.lstrip().startswith("!"):
            return self._run_here(line.strip()[1:])
        try:
            words = [word.text for word in split_words(line)]
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if not words:
            return 0
        name, arguments = literal(words[0]), words[1:]
        if name in self._built_in:
            self._built_in[name]([literal(word) for word in arguments])
        elif name in REMOTE:
            self._command(name, arguments)
        else:
            raise click.UsageError(f"there is no command {printable(name)!r}: help shows them")
        return 0

    def _run_here(self, command: str) -> int:
        """Run a command of this machine's own shell."""
        shell = os.environ.get("SHELL") or "/bin/sh"
        return subprocess.call([shell, "-c", command] if command.strip() else [shell])

    # --- Commands of the command line ---

    def _command(self, name: str, words: Sequence[str]) -> None:
        command = command_of(name)
        try:
            context = command.make_context(name, list(words), obj=self._kept)
        except click.MissingParameter as error:
            if name not in _HERE or not isinstance(error.param, click.Argument):
                raise
            context = command.make_context(name, [*words, "."], obj=self._kept)
        with context:
            for own in _OWN:
                if context.get_parameter_source(own) is ParameterSource.COMMANDLINE:
                    raise click.UsageError(
                        f"--{own.removesuffix('s')} is an option of the shell itself", context
                    )
            context.params = self._meant(context)
            command.invoke(context)

    def _meant(self, context: click.Context) -> dict[str, Any]:
        """Return the parameters of a command with URLs where they are names at the server."""
        name, given = context.command.name, context.params
        assert name is not None
        meant = {key: _plain(value) for key, value in given.items()}
        if name == "rm":
            for word in given["urls"]:
                if literal(word).rstrip("/").rpartition("/")[2] in (".", ".."):
                    raise click.UsageError(
                        "neither . nor .. is removed: name the directory", context
                    )
        for key in REMOTE[name]:
            if isinstance(given[key], tuple):
                meant[key] = tuple(url for word in given[key] for url in self._urls(word))
            else:
                meant[key] = self._one_url(given[key])
        if name == "get" and len(given["urls"]) > 1:
            *remote, last = given["urls"]
            urls = [url for word in remote for url in self._urls(word)]
            meant["urls"] = (*urls, os.path.expanduser(literal(last)))
        elif name == "put":
            meant["sources"] = tuple(path for word in given["sources"] for path in _local(word))
        elif name == "ln" and given["symbolic"]:
            meant["source"] = literal(given["source"])
        elif name == "sync":
            for key in ("source", "target"):
                word = given[key]
                meant[key] = self._one_url(word[1:]) if word.startswith(":") else _one_local(word)
        return meant

    def _urls(self, word: str) -> list[str]:
        """Return the URLs of a name, or of all that a pattern matches; itself, if none does."""
        if "://" in word:
            return [literal(word)]
        if is_wild(word):
            found = self.fs.glob(self.path(pattern(word)))
            if found:
                return [self._url(path) for path in sorted(found)]
        return [self._url(self.path(literal(word)))]

    def _one_url(self, word: str) -> str:
        urls = self._urls(word)
        if len(urls) > 1:
            raise click.UsageError(f"{literal(word)!r} matches several names, and one is wanted")
        return urls[0]

    def _url(self, path: str) -> str:
        octets = path.encode("utf-8", "surrogateescape")
        return f"{self._root}{quote(octets)}{self._query}"

    def path(self, name: str) -> str:
        """Return the path of a name from the server's root on, without ``.`` and ``..``.

        A ``/`` at its end stays. What is above is meant by its name, as ``cd`` of a shell does.
        """
        whole = posixpath.normpath(posixpath.join("/", self.directory, name)).lstrip("/")
        return f"{whole}/" if whole and name.endswith(("/", "/.")) else whole

    # --- Built in ---

    def _go(self, words: list[str]) -> None:
        there = _one(words, f"/{self._first}")
        path = self._last if there == "-" else self.path(there).rstrip("/")
        self._enter(path)
        self._last, self.directory = self.directory, path
        if there == "-":
            self._say_where([])

    def _enter(self, path: str) -> None:
        if not self.fs.stat(path).is_dir:
            raise make_error(errno.ENOTDIR, "not a directory", path)
        if not self.fs.access(path, os.X_OK):
            raise make_error(errno.EACCES, "permission denied", path)

    def _say_where(self, words: list[str]) -> None:
        _none(words)
        click.echo(printable(f"/{self.directory}"))

    def _go_here(self, words: list[str]) -> None:
        there = os.path.expanduser(_one(words, "~"))
        try:
            os.chdir(there)
        except OSError as error:
            raise Failed(f"local disk: {describe(error)}") from None

    def _say_where_here(self, words: list[str]) -> None:
        _none(words)
        click.echo(printable(os.getcwd()))

    def _help(self, words: list[str]) -> None:
        name = _one(words, "")
        if name in REMOTE:
            self._command(name, ["--help"])
        formatter = click.HelpFormatter()
        rows = [*BUILT_IN.items(), ("!COMMAND", "Run a command of this machine, or its shell.")]
        formatter.write_dl([*((each, COMMANDS[each][2]) for each in COMMANDS if each in REMOTE)])
        formatter.write_paragraph()
        formatter.write_dl(rows)
        formatter.write_paragraph()
        formatter.write_text(
            "A URL of a command's help is a name here; *, ? and [...] are patterns unless they are "
            "quoted. get takes names of the server, and a name here at the end if there are "
            "several; put the other way round. In sync, a name of the server begins with a colon."
        )
        click.echo(formatter.getvalue(), nl=False)

    def _end(self, words: list[str]) -> None:
        _none(words)
        raise Ended


def command_of(name: str) -> click.Command:
    """Return a command of the command line."""
    module, attribute, _ = COMMANDS[name]
    command = getattr(import_module(f".{module}", __package__), attribute)
    assert isinstance(command, click.Command)
    return command


def _plain(value: object) -> object:
    """Return what was given for a parameter that is no name at the server."""
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value


def _local(word: str) -> list[str]:
    """Return the local paths of a name, or of all that a pattern matches; itself, if none does."""
    found = sorted(glob.glob(os.path.expanduser(pattern(word)))) if is_wild(word) else []
    return found or [os.path.expanduser(literal(word))]


def _one_local(word: str) -> str:
    found = _local(word)
    if len(found) > 1:
        raise click.UsageError(f"{literal(word)!r} matches several names, and one is wanted")
    return found[0]


def _one(words: list[str], default: str) -> str:
    if len(words) > 1:
        raise click.UsageError("one name is enough")
    return words[0] if words else default


def _none(words: list[str]) -> None:
    if words:
        raise click.UsageError("nothing more is wanted here")
