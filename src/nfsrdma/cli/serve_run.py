"""``nfsrdma serve`` at work: from what is wanted to a server, and its end."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.syscalls import (
    CAP_SETGID,
    CAP_SETUID,
    CAP_SYS_RESOURCE,
    give_up_capability,
    has_capability,
)

from .serve_backends import open_place
from .serve_config import check_exports, shown_config
from .serve_exports import Identity, close_new, open_exports
from .serve_life import Life
from .serve_log import chosen_format, set_up
from .serve_policy import choices
from .serve_proxy import open_proxied
from .serve_settings import Settings
from .serve_state import NOTHING_KEPT, keep_elsewhere, keep_state, keep_to_ourselves
from .serve_succession import take_over
from .serving import ServeCommand

_log = logging.getLogger(__name__)

_ARGUMENTS: Final = "nfsrdma.cli.arguments"
_COLLECT: Final = (20_000, 20, 100)
"""After how many new objects the collector looks at the young ones, and how often at more."""


class ConfiguredCommand(click.Command):
    """A command whose callback returns :class:`Settings`, which are then served.

    They can be asked for again: the same arguments, and whatever the files say by then.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments, and parse them."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Check, print, or serve."""
        settings: Settings = super().invoke(ctx)
        if ctx.params["print_config"]:
            for line in shown_config(ctx, settings.wanted, settings.config):
                click.echo(line)
        elif ctx.params["check_config"]:
            check_exports(settings.wanted)
            count = len(settings.wanted)
            click.echo(f"would serve {count} export{'s' if count > 1 else ''}")
        else:
            run_server(settings, partial(self._again, ctx))

    def _again(self, ctx: click.Context) -> Settings:
        arguments = list(ctx.meta[_ARGUMENTS])
        with self.make_context(ctx.info_name, arguments, parent=ctx.parent) as fresh:
            settings: Settings = super().invoke(fresh)
        return settings


def run_server(settings: Settings, again: Callable[[], Settings]) -> None:
    """Serve until a signal ends it. ``again`` reads the settings once more."""
    log_format = chosen_format(settings.seen.log_format)
    set_up(log_format, settings.seen.verbose)
    give_up_privileges()
    warn_of_missing_rights()
    settings = settings.resolved()
    # What other servers export is mounted on the reactor that ours will run on.
    reactor = SelectReactor()
    proxied = partial(open_proxied, settings.listeners, reactor)
    hidden: list[Path] = []

    def open_hidden(wanted: Settings, present: Mapping[Identity, Export]) -> list[Export]:
        made = open_exports(wanted.wanted, partial(open_place, proxied=proxied), present)
        try:
            keep_to_ourselves(made, *hidden)
        except click.ClickException:
            close_new((export.fs for export in made), present)
            raise
        return made

    made = open_hidden(settings, {})
    with ExitStack() as stack:
        # What is entered first is left last.
        last = stack.enter_context(ExitStack())
        estate, taken = take_over(settings, reactor) if settings.takes_over else (None, "")
        if estate is not None:
            stack.callback(estate.close)
        store, where = _store(stack, settings, made, hidden)
        serving = stack.enter_context(
            closing(
                ServeCommand(
                    made, settings.config, store, settings.policy, log_format, reactor, estate
                )
            )
        )
        if taken:
            serving.log(taken)
        serving.listen(settings.listeners)
        serving.be_seen(settings.seen)
        shown = (each.shown for each in settings.wanted)
        serving.say([*choices(made, shown, settings.policy), where])
        # Clients have applied their own file mode masks already.
        stack.callback(os.umask, os.umask(0))
        life = Life(serving, settings, made, again, open_hidden, last.callback)
        # What exists by now stays, so the collector need not examine it again.
        gc.collect()
        gc.freeze()
        # A page of a directory alone is thousands of objects, none of which is in a circle.
        gc.set_threshold(*_COLLECT)
        life.run()


def _store(
    stack: ExitStack, settings: Settings, made: list[Export], hidden: list[Path]
) -> tuple[RecoveryStore | None, str]:
    """Open what must survive the server; return it, and a line that says where it is."""
    kept = settings.kept
    if kept.state is not None:
        return keep_elsewhere(kept.state)
    # An export from memory ends with the server.
    lasting = any(each.place is not None or each.absent for each in settings.wanted)
    if kept.ephemeral or (not lasting and kept.state_dir is None):
        return None, NOTHING_KEPT
    listeners = () if settings.files else settings.listeners.names
    return keep_state(stack, kept.state_dir, settings.identity, listeners, made, hidden)


def give_up_privileges() -> None:
    """Drop those rights of root that every caller would share.

    Files are used with each caller's own user and groups. But a capability, which stays with the
    thread, exempts it from quotas and lets it use what a disk keeps free for root.
    """
    with suppress(OSError):
        give_up_capability(CAP_SYS_RESOURCE)


def warn_of_missing_rights() -> None:
    """Log that root cannot act as its callers, who would all be refused, and nobody knew why."""
    rights = {"CAP_SETUID": CAP_SETUID, "CAP_SETGID": CAP_SETGID}
    with suppress(OSError):
        missing = [name for name, number in rights.items() if not has_capability(number)]
        if missing and not os.geteuid():
            _log.warning(
                "root without %s cannot act as other users: what they ask for will be refused",
                " and ".join(missing),
            )
