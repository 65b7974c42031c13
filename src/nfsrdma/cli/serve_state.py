"""The store of what must survive ``nfsrdma serve``."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import click

from nfsrdma.server.edge.plugins import open_store
from nfsrdma.server.edge.state_directory import (
    ExportedState,
    StateDirectory,
    StateDirectoryBusy,
    default_directory,
    hide_from,
    name_of,
)
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.export import Export

from .messages import printable
from .serve_backends import resolved, shown_place
from .serve_settings import Settings
from .serving import reason

NOTHING_KEPT: Final = "nothing is kept: file handles end with this server"


def keep_state(
    stack: ExitStack,
    state_dir: str | None,
    identity: Sequence[tuple[str, str]],
    listeners: Sequence[str],
    made: Sequence[Export] = (),
    hidden: list[Path] | None = None,
) -> tuple[RecoveryStore | None, str]:
    """Open the store for what must survive a restart; return it, and a line that says where it is.

    It is in the directory named, or in one that is selected by the server's ``identity``, names
    and places of its exports, and by the addresses and ports of its ``listeners``; and it is
    hidden in the exports that were ``made``, and entered in ``hidden``. A user may have no place
    for it: then nothing is kept, and the line says why.
    """
    path = _chosen(state_dir, identity, listeners)
    try:
        directory = stack.enter_context(closing(StateDirectory(path)))
        keep_to_ourselves(made, directory.path)
        if hidden is not None:
            hidden.append(directory.path)
        # What the server keeps is for itself alone.
        stack.callback(os.umask, os.umask(0o077))
        return directory.open_store(), f"state is kept in {directory.path}"
    except StateDirectoryBusy as error:
        raise click.ClickException(
            f"{error}: give each server a --state-dir of its own, or use --ephemeral; "
            "--take-over takes that one's place"
        ) from None
    except (OSError, sqlite3.Error) as error:
        if state_dir is None and isinstance(error, OSError):
            return None, f"{NOTHING_KEPT} ({path}: {reason(error)}; --state-dir names another)"
        raise click.ClickException(
            f"cannot keep state in {path}: {reason(error)}; "
            "name another directory with --state-dir, or keep nothing with --ephemeral"
        ) from None


def keep_elsewhere(url: str) -> tuple[RecoveryStore, str]:
    """Open the store of an installed package; return it, and a line that says where it is."""
    try:
        return open_store(url), f"state is kept in {shown_place(url)}"
    except Exception as error:
        # What can go wrong is the package's own.
        raise click.ClickException(f"cannot keep state in {shown_place(url)}: {error}") from None


def keep_to_ourselves(exports: Sequence[Export], *directories: Path) -> None:
    """Hide from clients what servers keep, in ``directories`` and in those of this user's servers.

    An export that is such a directory, or is in one, is refused.
    """
    try:
        hide_from((*directories, default_directory()), exports)
    except ExportedState as error:
        raise click.ClickException(
            f"/{printable(error.export.name)} is in {error.directory}, where servers keep what is "
            "nobody else's: it cannot be exported"
        ) from None


def directory_of(settings: Settings) -> Path:
    """Return the state directory of a server with these settings."""
    listeners = () if settings.files else settings.listeners.names
    return _chosen(settings.kept.state_dir, settings.identity, listeners)


def _chosen(
    state_dir: str | None, identity: Sequence[tuple[str, str]], listeners: Sequence[str]
) -> Path:
    if state_dir is not None:
        return Path(state_dir)
    resolved_pairs = ((name, resolved(place)) for name, place in identity)
    return default_directory() / name_of(resolved_pairs, listeners)
