"""What ``nfsrdma serve`` exports: directories of this machine, and what URLs name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import click

from nfsrdma.server.edge.plugins import has_backend, open_backend
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem

from .messages import describe

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
_NFS: Final = ("nfs://", "nfs+tcp://", "nfs+rdma://")
_SECRET: Final = re.compile(r"(?<=://)[^/@]*@|[?#].*")
"""What of a URL is nobody else's: a user with a password, and keys in its query."""


def is_url(text: str) -> bool:
    """Return whether a text is a URL; one that exists as a directory is none."""
    return _URL.match(text) is not None and not os.path.isdir(text)


def name_of_place(place: str) -> str:
    """Return the last name of a directory or a URL, by which it is exported among others."""
    if not is_url(place):
        return os.path.basename(os.path.abspath(place))
    last = _SECRET.sub("", place).rstrip("/").rpartition("/")[2]
    return last or urlsplit(place).hostname or "url"


def shown_place(place: str) -> str:
    """Return a directory or a URL for a person to read: without passwords."""
    return _SECRET.sub("", place) if is_url(place) else os.path.abspath(place)


def resolved(place: str) -> str:
    """Return what tells a directory or a URL from others, wherever the command is run."""
    return place if is_url(place) else os.path.realpath(place)


def open_place(place: str, proxied: Callable[[str], FileSystem] | None = None) -> FileSystem:
    """Open a directory or a URL; another NFS server's by ``proxied``.

    Raises ``click.ClickException``, which says what is wrong.
    """
    try:
        if not is_url(place):
            return LocalFileSystem(place)
        if proxied is not None and place.startswith(_NFS):
            return proxied(place)
        if has_backend(place):
            return open_backend(place)
        # Imported here: most servers export directories.
        from nfsrdma.server.vfs.fsspec import open_url

        return open_url(place)
    except (OSError, ValueError) as error:
        why = describe(error, "") if isinstance(error, OSError) else str(error)
        raise click.ClickException(f"cannot export {shown_place(place)}: {why}") from None
