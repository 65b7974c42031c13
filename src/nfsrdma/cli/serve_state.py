"""Where ``nfsrdma serve`` keeps what must survive it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import click

from nfsrdma.server.edge.state_directory import (
    StateDirectory,
    StateDirectoryBusy,
    default_directory,
    name_of,
)
from nfsrdma.server.state.recovery import RecoveryStore

from .serve_exports import parse_export, split_options
from .serving import reason


def lock_state(
    state_dir: str | None, exports: Sequence[str], listeners: Sequence[str]
) -> StateDirectory:
    """The directory for what must survive a restart: the one named, or one of this server's own.

    ``exports`` are the command's arguments, ``listeners`` the addresses and ports.
    """
    path = Path(state_dir) if state_dir is not None else None
    if path is None:
        alone = len(exports) == 1
        pairs = (parse_export(split_options(text)[0], alone) for text in exports)
        own = name_of(pairs, listeners)
        path = default_directory() / own
    try:
        return StateDirectory(path)
    except StateDirectoryBusy as error:
        raise click.ClickException(
            f"{error}: give each server a --state-dir of its own, or use --ephemeral"
        ) from None
    except OSError as error:
        raise click.ClickException(
            f"cannot keep state in {path}: {reason(error)}; "
            "name another directory with --state-dir, or keep nothing with --ephemeral"
        ) from None


def open_store(directory: StateDirectory) -> RecoveryStore:
    """The recovery database."""
    try:
        return directory.open_store()
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(f"cannot keep state in {directory.path}: {error}") from None
