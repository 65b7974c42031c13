"""Paths of universal-pathlib: ``UPath("nfs+rdma://server/home/notes.txt")``.

That package takes what is before a ``+`` for the protocol, so the server's name is taken out of the
URL here, and kept as the options of the file system; as text, a path is the URL again.
"""

from __future__ import annotations

import warnings
from typing import Any

from upath import UPath

from .driver import NfsFileSystem, authority

# It has a list of protocols, and tells users to report all others, which do as well.
warnings.filterwarnings("ignore", "Could not find default for known protocol 'nfs")


class NfsPath(UPath):
    """A path at a server, with the methods of ``pathlib.Path``."""

    __slots__ = ()

    @classmethod
    def _transform_init_args(
        cls, args: tuple[Any, ...], protocol: str, storage_options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], str, dict[str, Any]]:
        """Return the arguments of the path with its URL in parts."""
        first = str(args[0]) if args and not isinstance(args[0], UPath) else ""
        if "://" in first:
            storage_options = {**NfsFileSystem._get_kwargs_from_urls(first), **storage_options}
            args = (NfsFileSystem._strip_protocol(first), *args[1:])
        return args, protocol, storage_options

    def __str__(self) -> str:
        """Return the URL, without options but the server's name and port."""
        if self._relative_base is not None:
            return str(super().__str__())
        return f"{self.protocol}://{authority(**self.storage_options)}{self.path}"
