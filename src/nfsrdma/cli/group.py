"""The command with its subcommands, and the exit status of their errors."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

from . import COMMANDS, interrupts_end_it
from .messages import describe, marked_output


class _Group(click.Group):
    """Subcommands from :data:`COMMANDS`, imported on use; those without a module are absent."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(cmd_name):
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(import_module(f".{module}", __package__), attribute)
        interrupts_end_it(at_once=False)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, COMMANDS[name][2]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _exists(name: str) -> bool:
    return find_spec(f"{__package__}.{COMMANDS[name][0]}") is not None


def _show_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from .version import version_text

        click.echo(version_text())
        context.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version, and on what it runs.",
)
def group() -> None:
    """NFS over RDMA in user space.

    URLs are nfs+rdma://host[:20049]/path, or nfs+tcp://host[:2049]/path.
    """


def run() -> int:
    """Run the command line, and return the exit status. Raises ``KeyboardInterrupt``."""
    try:
        with marked_output():
            status = group.main(prog_name="nfsrdma", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.Abort:
        status = 130
    except BrokenPipeError:
        status = 1  # the reader of our output has left
    except OSError as error:
        click.echo(f"nfsrdma: {describe(error)}", err=True)
        status = 1
    finally:
        interrupts_end_it(at_once=False)
    return status if isinstance(status, int) else 0
