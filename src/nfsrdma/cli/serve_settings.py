"""All that the command line and the files say of a server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig

from .hosts import admitted
from .serve_exports import WantedExport
from .serve_options import Kept, Listeners, Seen

_AT_ONCE: Final = frozenset(
    (
        *("exports", "exports_file", "config", "check_config", "print_config", "memory"),
        *("read_only", "root_squash", "all_squash", "networks", "not_sync", "refer", "replica"),
        *("allow_users", "insecure", "verbose"),
    )
)
"""Parameters that a server which runs can change."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is served, where, by which rules and within which limits."""

    wanted: tuple[WantedExport, ...]
    listeners: Listeners
    kept: Kept
    config: ServerConfig
    policy: Policy
    seen: Seen
    files: tuple[str, ...] = ()
    """The files and directories of ``--config``."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """All parameters of the command, wherever their values are from."""

    @property
    def identity(self) -> list[tuple[str, str]]:
        """What tells this server from others of its user, besides where it listens.

        The files, if there are any: what they say may change, and it is the same server.
        """
        if self.files:
            return [("", os.path.realpath(path)) for path in self.files]
        return [(each.name, each.place) for each in self.wanted if each.place is not None]

    @property
    def has_files(self) -> bool:
        """Whether there is something to be read again."""
        return bool(self.files or self.given.get("exports_file"))

    @property
    def takes_over(self) -> bool:
        """Whether it takes the place of a server that runs."""
        return bool(self.given.get("take_over"))

    def resolved(self) -> Settings:
        """Return these settings with addresses instead of names of hosts. It may block."""
        wanted = []
        for each in self.wanted:
            options = replace(
                each.options,
                networks=admitted(each.options.networks),
                readers=admitted(each.options.readers),
            )
            wanted.append(replace(each, options=options))
        return replace(self, wanted=tuple(wanted))

    def changed_for_later(self, old: Settings) -> list[str]:
        """Return the names of what differs from older settings and takes a restart to count."""
        return sorted(
            name.replace("_", "-")
            for name, value in self.given.items()
            if name not in _AT_ONCE and value != old.given.get(name)
        )
