"""The ``nfsrdma`` command.

Subcommands are imported when they are run: ``nfsrdma --help`` has to be there at once. So their
one-line descriptions are here, and :data:`COMMANDS` is all that a new subcommand has to touch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import click

from nfsrdma import __version__

from .messages import describe, marked_output

COMMANDS: dict[str, tuple[str, str, str]] = {
    # name: (module here, attribute, what --help says)
    "ls": ("files", "ls", "List a directory."),
    "cat": ("files", "cat", "Write files to standard output."),
    "get": ("copy", "get", "Copy files or trees from a server."),
    "put": ("copy", "put", "Copy files or trees to a server."),
    "stat": ("files", "stat", "Show the attributes of files."),
    "df": ("files", "df", "Show the size of a file system, and what is left."),
    "mkdir": ("files", "mkdir", "Make directories."),
    "rm": ("files", "rm", "Remove files or trees."),
    "mv": ("files", "mv", "Rename a file or directory."),
    "ln": ("files", "ln", "Make a hard or symbolic link."),
    "ping": ("ping", "ping", "Measure NULL round trips to a server."),
    "serve": ("serve", "serve", "Serve directories over RDMA and TCP."),
    "dissect": ("dissect", "dissect", "Decode a capture, and say what is wrong in it."),
    "wireshark": ("wireshark", "wireshark", "Bring findings into Wireshark's windows."),
    "bench": ("bench", "bench", "Measure files and names over RDMA and TCP, side by side."),
    "rdma-bench": ("rdma_bench", "rdma_bench", "Measure the verbs by themselves, like perftest."),
    "demo": ("demo", "demo", "Copy a tree in and out over RDMA and TCP, and compare."),
    "doctor": ("doctor", "doctor", "Say what this machine offers, and what is in the way."),
}


class _Group(click.Group):
    """Subcommands from :data:`COMMANDS`, imported on use; those that do not exist are absent."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(cmd_name):
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(import_module(f".{module}", __package__), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, COMMANDS[name][2]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _exists(name: str) -> bool:
    return find_spec(f"{__package__}.{COMMANDS[name][0]}") is not None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def _group() -> None:
    """NFS over RDMA in user space.

    URLs are nfs+rdma://host[:20049]/path, or nfs+tcp://host[:2049]/path.
    """


def main() -> None:
    """Run the command line, and exit: 0, 1 for an error, 2 for wrong usage, 130 on interrupt."""
    try:
        with marked_output():
            status = _group.main(prog_name="nfsrdma", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        status = 1  # whoever read us has seen enough
    except OSError as error:
        click.echo(f"nfsrdma: {describe(error)}", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)
