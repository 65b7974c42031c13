"""The exports of ``nfsrdma serve``, from its arguments and options."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import click

from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of one export; ``networks`` are the same for all of a command."""

    read_only: bool = False
    squash: Squash = Squash.ROOT
    squash_local_root: bool = False
    sync: bool = True
    utf8_only: bool = False
    networks: Sequence[str] = ()

    def with_words(self, words: Sequence[str]) -> ExportOptions:
        """Return these options, changed by words of exports(5). Raises ``KeyError`` for others."""
        changed = self
        for word in words:
            changed = replace(changed, **_WORDS[word])
        return changed


_WORDS: Final[dict[str, dict[str, Any]]] = {
    "ro": {"read_only": True},
    "rw": {"read_only": False},
    "root_squash": {"squash": Squash.ROOT, "squash_local_root": True},
    "no_root_squash": {"squash": Squash.NONE},
    "all_squash": {"squash": Squash.ALL},
    "sync": {"sync": True},
    "async": {"sync": False},
    "utf8_only": {"utf8_only": True},
}


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """Split ``[NAME=]DIR[:OPTION,...]`` into ``[NAME=]DIR`` and the options.

    A text that exists as a directory is one, even if it has colons.
    """
    export, colon, words = text.rpartition(":")
    if not colon or _names_directory(text):
        return text, ()
    options = tuple(words.split(","))
    if all(word in _WORDS for word in options) or _names_directory(export):
        return export, options
    return text, ()


def places(directories: Sequence[str]) -> list[str]:
    """Return the directories of the exports of :func:`make_exports`, for a person to read."""
    if not directories:
        return ["memory"]
    alone = len(directories) == 1
    named = (parse_export(split_options(text)[0], alone)[1] for text in directories)
    return [os.path.abspath(path) for path in named]


def _names_directory(text: str) -> bool:
    return os.path.isdir(text) or os.path.isdir(text.partition("=")[2])


def parse_export(text: str, alone: bool) -> tuple[str, str]:
    """Split ``NAME=DIR`` or ``DIR`` into name and directory; a single directory is the root.

    An argument that exists as a directory is one, even if it has ``=``.
    """
    name, equals, path = text.partition("=")
    if equals and not os.path.isdir(text):
        return name.strip("/"), path
    return "" if alone else os.path.basename(os.path.abspath(text)), text


def make_exports(directories: Sequence[str], memory: bool, options: ExportOptions) -> list[Export]:
    """Make the exports. Raises ``click.ClickException``, which says what is wrong."""
    if not directories and not memory:
        raise click.UsageError("name a directory to export, or use --memory")
    if directories and memory:
        raise click.UsageError("--memory exports an empty file system: name no directories")
    if memory:
        return [_export("", MemoryFileSystem(time.time_ns, instance=time.time_ns()), options)]
    exports = []
    for text in directories:
        named, words = split_options(text)
        name, path = parse_export(named, alone=len(directories) == 1)
        if not name and path != named:
            raise click.UsageError(f"{text}: an export has a name before the '=', or none")
        try:
            chosen = options.with_words(words)
        except KeyError as error:
            known = ", ".join(_WORDS)
            raise click.UsageError(
                f"{text}: {error.args[0]!r} is no option of an export: {known}"
            ) from None
        try:
            exports.append(_export(name, LocalFileSystem(path), chosen))
        except OSError as error:
            raise click.ClickException(f"cannot export {path}: {error.strerror}") from None
    return exports


def _export(name: str, fs: FileSystem, options: ExportOptions) -> Export:
    try:
        return Export(
            name,
            fs,
            read_only=options.read_only,
            squash=options.squash,
            squash_local_root=options.squash_local_root,
            networks=options.networks,
            sync=options.sync,
            utf8_only=options.utf8_only,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None
