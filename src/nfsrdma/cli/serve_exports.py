"""The exports of ``nfsrdma serve``, from its arguments and options."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import click

from nfsrdma.rpcrdma.rpc.auth import NOBODY
from nfsrdma.server.vfs.export import FLAVORS, Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.junctions import cross
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.location import Location, Referral, parse_locations
from nfsrdma.server.vfs.memory import MemoryFileSystem

from .hosts import admitted
from .serve_backends import is_url, name_of_place, open_place, resolved, shown_place


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of one export; on the command line ``networks`` are the same for all."""

    read_only: bool = False
    squash: Squash = Squash.ROOT
    squash_local_root: bool = False
    sync: bool = True
    utf8_only: bool = False
    local_locks: bool = True
    cross_mounts: bool = False
    networks: Sequence[str] = ()
    readers: Sequence[str] = ()
    anonymous: tuple[int, int] = (NOBODY, NOBODY)
    flavors: frozenset[int] = FLAVORS
    number: int | None = None

    def with_words(self, words: Sequence[str]) -> ExportOptions:
        """Return these options, changed by words of exports(5). Raises ``KeyError`` for others."""
        changed = self
        for word in words:
            changed = replace(changed, **WORDS[word])
        return changed


WORDS: Final[dict[str, dict[str, Any]]] = {
    "ro": {"read_only": True},
    "rw": {"read_only": False},
    "root_squash": {"squash": Squash.ROOT, "squash_local_root": True},
    "no_root_squash": {"squash": Squash.NONE, "squash_local_root": False},
    "all_squash": {"squash": Squash.ALL, "squash_local_root": False},
    "sync": {"sync": True},
    "async": {"sync": False},
    "utf8_only": {"utf8_only": True},
    "local_locks": {"local_locks": True},
    "no_local_locks": {"local_locks": False},
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
    if all(word in WORDS for word in options) or _names_directory(export):
        return export, options
    return text, ()


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


Identity = tuple[object, ...]
"""What makes an export the same as another one."""


@dataclass(frozen=True, slots=True)
class WantedExport:
    """One export as it was asked for, whether it can be opened or not.

    ``place`` is a directory or a URL; None is an empty file system in memory. An export that is
    ``absent`` has nothing but the ``locations`` of other servers.
    """

    name: str
    place: str | None
    options: ExportOptions
    locations: tuple[Location, ...] = ()
    absent: bool = False
    origin: str = ""
    """Where it was asked for: file and line, or nothing for the command line."""

    @property
    def shown(self) -> str:
        """Where its files are, for a person to read."""
        if self.absent:
            return ", ".join(map(str, self.locations))
        return "memory" if self.place is None else shown_place(self.place)

    @property
    def identity(self) -> Identity:
        """What makes it the same export as another one, with the same files and handles."""
        place = self.locations if self.absent else self.place and resolved(self.place)
        return self.name, self.absent, place, self.options.number, self.options.cross_mounts


def wanted_exports(
    directories: Sequence[str],
    memory: bool,
    options: ExportOptions,
    elsewhere: Elsewhere = _NOTHING,
    further: Sequence[WantedExport] = (),
) -> list[WantedExport]:
    """Return the exports that the arguments of the command and ``further`` ones ask for.

    Raises ``click.ClickException``, which says what is wrong.
    """
    if memory and (directories or elsewhere.referrals or further):
        raise click.UsageError(
            "--memory exports an empty file system: name no directories, and --refer to nothing"
        )
    if not directories and not memory and not elsewhere.referrals and not further:
        raise click.UsageError("name a directory to export, or use --memory")
    if memory:
        made = [WantedExport("", None, options)]
    else:
        alone = len(directories) == 1 and not elsewhere.referrals and not further
        made = [*(_wanted(text, alone, options) for text in directories), *further]
    for name, locations in elsewhere.replicas.items():
        place = next((place for place, each in enumerate(made) if each.name == name), None)
        if place is None:
            names = ", ".join(f"/{each.name}" for each in made) or "none"
            raise click.UsageError(f"--replica /{name}: there is no such export, but {names}")
        made[place] = replace(made[place], locations=locations)
    for name, locations in elsewhere.referrals.items():
        made.append(WantedExport(name, None, options, locations, absent=True))
    return made


def _wanted(text: str, alone: bool, options: ExportOptions) -> WantedExport:
    """Read one argument."""
    named, words = split_options(text)
    name, path = parse_export(named, alone)
    if not name and path != named:
        raise click.UsageError(f"{text}: an export has a name before the '=', or none")
    try:
        return WantedExport(name, path, options.with_words(words))
    except KeyError as error:
        known = ", ".join(WORDS)
        raise click.UsageError(
            f"{text}: {error.args[0]!r} is no option of an export: {known}"
        ) from None


def open_exports(
    wanted: Sequence[WantedExport],
    open_: Callable[[str], FileSystem] = open_place,
    present: Mapping[Identity, Export] = MappingProxyType({}),
) -> list[Export]:
    """Make the exports; ``open_`` opens a directory or a URL.

    Those that are ``present``, by their identity, have their file system already. Raises
    ``click.ClickException``, which says what is wrong; what was opened for nothing is closed.
    """
    made: list[Export] = []
    opened: list[FileSystem] = []
    try:
        for each in wanted:
            known = present.get(each.identity)
            fs = known.fs if known is not None else None
            if fs is None and not each.absent:
                fs = _opened(each, open_)
                opened.append(fs)
            export = _export(each, fs)
            made.append(export)
            crossing = known is None and each.options.cross_mounts
            if crossing and isinstance(fs, LocalFileSystem):
                made += cross(export)
    except BaseException as error:
        close_new(opened, present)
        if isinstance(error, ValueError | click.ClickException) and each.origin:
            why = error.message if isinstance(error, click.ClickException) else error
            raise click.ClickException(f"{each.origin}: {why}") from None
        if isinstance(error, ValueError):
            raise click.ClickException(str(error)) from None
        raise
    return made


def close_new(opened: Iterable[FileSystem], present: Mapping[Identity, Export]) -> None:
    """Close file systems, but for those of exports that are ``present``."""
    kept = {id(export.fs) for export in present.values()}
    for fs in opened:
        if id(fs) not in kept:
            fs.close()


def _opened(wanted: WantedExport, open_: Callable[[str], FileSystem]) -> FileSystem:
    if wanted.place is None:
        return MemoryFileSystem(time.time_ns, instance=time.time_ns())
    return open_(wanted.place)


def _export(wanted: WantedExport, fs: FileSystem | None) -> Export:
    options = wanted.options
    networks = admitted(options.networks)
    if fs is None:
        return Referral(wanted.name, wanted.locations, networks=networks)
    return Export(
        wanted.name,
        fs,
        read_only=options.read_only,
        squash=options.squash,
        squash_local_root=options.squash_local_root,
        anonymous=options.anonymous,
        networks=networks,
        sync=options.sync,
        utf8_only=options.utf8_only,
        locations=wanted.locations,
        flavors=options.flavors,
        number=options.number,
        readers=admitted(options.readers),
        local_locks=options.local_locks,
    )
