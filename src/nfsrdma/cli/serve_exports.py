"""The exports of ``nfsrdma serve``, from its arguments and options."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import click

from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.junctions import cross
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.location import Location, Referral, parse_locations
from nfsrdma.server.vfs.memory import MemoryFileSystem

from .serve_backends import is_url, name_of_place, open_place, shown_place


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of one export; ``networks`` are the same for all of a command."""

    read_only: bool = False
    squash: Squash = Squash.ROOT
    squash_local_root: bool = False
    sync: bool = True
    utf8_only: bool = False
    cross_mounts: bool = False
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
    "crossmnt": {"cross_mounts": True},
    "nocrossmnt": {"cross_mounts": False},
}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is on other servers, by the names of exports: instead of files here, or besides."""

    referrals: Mapping[str, tuple[Location, ...]] = field(default_factory=dict)
    replicas: Mapping[str, tuple[Location, ...]] = field(default_factory=dict)


_NOTHING: Final = Elsewhere()


def check_locations(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> dict[str, tuple[Location, ...]]:
    """Return locations by name, of ``NAME=SERVER:/PATH[,...]``. Raises ``click.BadParameter``."""
    found = {}
    for text in value:
        name, equals, locations = text.partition("=")
        if not equals or name.strip("/") in found:
            raise click.BadParameter(f"{text!r} is no NAME=SERVER:/PATH, or its name comes twice")
        try:
            found[name.strip("/")] = parse_locations(locations)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return found


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """Split ``[NAME=]DIR[:OPTION,...]``, or a URL, into ``[NAME=]DIR`` and the options.

    A text that exists as a directory is one, even if it has colons.
    """
    export, colon, words = text.rpartition(":")
    if not colon or _names_directory(text):
        return text, ()
    options = tuple(words.split(","))
    if all(word in _WORDS for word in options) or _names_directory(export):
        return export, options
    return text, ()


def places(directories: Sequence[str], elsewhere: Elsewhere = _NOTHING) -> list[str]:
    """Return the directories of the exports of :func:`make_exports`, for a person to read."""
    if not directories and not elsewhere.referrals:
        return ["memory"]
    alone = len(directories) == 1 and not elsewhere.referrals
    named = (parse_export(split_options(text)[0], alone)[1] for text in directories)
    referrals = elsewhere.referrals.values()
    return [*map(shown_place, named), *(", ".join(map(str, each)) for each in referrals)]


def _names_directory(text: str) -> bool:
    return os.path.isdir(text) or os.path.isdir(text.partition("=")[2])


def parse_export(text: str, alone: bool) -> tuple[str, str]:
    """Split ``NAME=DIR`` or ``DIR`` into name and directory; a single directory is the root.

    An argument that exists as a directory is one, even if it has ``=``. So is one that is a URL.
    """
    name, equals, path = text.partition("=")
    if equals and not os.path.isdir(text) and not is_url(text):
        return name.strip("/"), path
    return "" if alone else name_of_place(text), text


def make_exports(
    directories: Sequence[str],
    memory: bool,
    options: ExportOptions,
    elsewhere: Elsewhere = _NOTHING,
    open_: Callable[[str], FileSystem] = open_place,
) -> list[Export]:
    """Make the exports; ``open_`` opens a directory or a URL.

    Raises ``click.ClickException``, which says what is wrong.
    """
    if not directories and not memory and not elsewhere.referrals:
        raise click.UsageError("name a directory to export, or use --memory")
    if memory and (directories or elsewhere.referrals):
        raise click.UsageError(
            "--memory exports an empty file system: name no directories, and --refer to nothing"
        )
    if memory:
        made = [_export("", MemoryFileSystem(time.time_ns, instance=time.time_ns()), options)]
    else:
        alone = len(directories) == 1 and not elsewhere.referrals
        made = []
        for text in directories:
            made += _of_directory(text, alone, options, open_)
    for name, locations in elsewhere.replicas.items():
        export = next((each for each in made if each.name == name), None)
        if export is None:
            names = ", ".join(f"/{each.name}" for each in made) or "none"
            raise click.UsageError(f"--replica /{name}: there is no such export, but {names}")
        export.locations = locations
    for name, locations in elsewhere.referrals.items():
        try:
            made.append(Referral(name, locations, networks=options.networks))
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    return made


def _of_directory(
    text: str, alone: bool, options: ExportOptions, open_: Callable[[str], FileSystem]
) -> list[Export]:
    """Make the export of one argument, and those of what is mounted below it if it says so."""
    named, words = split_options(text)
    name, path = parse_export(named, alone)
    if not name and path != named:
        raise click.UsageError(f"{text}: an export has a name before the '=', or none")
    try:
        chosen = options.with_words(words)
    except KeyError as error:
        known = ", ".join(_WORDS)
        raise click.UsageError(
            f"{text}: {error.args[0]!r} is no option of an export: {known}"
        ) from None
    fs = open_(path)
    export = _export(name, fs, chosen)
    if not chosen.cross_mounts or not isinstance(fs, LocalFileSystem):
        return [export]
    return [export, *cross(export)]


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
