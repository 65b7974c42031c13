"""Write the man pages and the completions of the ``nfsrdma`` command: ``make manual``.

Both come from click's own texts, so they cannot differ from ``--help``.

    python tools/manual.py DIRECTORY      man/nfsrdma*.1, completions/{bash,zsh,fish}/*
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.shell_completion import get_completion_class
from click_man.core import write_man_pages

from nfsrdma import __version__
from nfsrdma.cli import COMMANDS
from nfsrdma.cli.group import group

COMPLETIONS = {
    "bash": "bash/nfsrdma",
    "zsh": "zsh/_nfsrdma",
    "fish": "fish/nfsrdma.fish",
}
"""Where each shell looks for completions, below its own directory."""


def whole_group() -> click.Group:
    """Return the command with all of its subcommands, which it imports on use otherwise."""
    context = click.Context(group, info_name="nfsrdma")
    whole = click.Group("nfsrdma", help=group.help, params=group.params)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        command.short_help = COMMANDS[name][2]
        whole.add_command(command, name)
    return whole


def write(directory: Path) -> None:
    """Write everything below ``directory``."""
    pages = directory / "man"
    pages.mkdir(parents=True, exist_ok=True)
    write_man_pages("nfsrdma", whole_group(), version=__version__, target_dir=str(pages))
    for shell, where in COMPLETIONS.items():
        path = directory / "completions" / where
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = get_completion_class(shell)
        assert kind is not None
        path.write_text(kind(group, {}, "nfsrdma", "_NFSRDMA_COMPLETE").source(), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
