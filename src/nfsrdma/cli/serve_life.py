"""The life of ``nfsrdma serve``: what signals, its files and the service manager have it do."""

from __future__ import annotations

import logging
import math
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Final

import click

from nfsrdma.server.edge.service_manager import Notifier
from nfsrdma.server.vfs.export import Export

from .serve_exports import Identity, close_new
from .serve_log import set_level
from .serve_policy import choices
from .serve_settings import Settings
from .serve_succession import Succession
from .serving import ServeCommand

_log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_FOR_EVER_S: Final = 1e9
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
Open = Callable[[Settings, Mapping[Identity, Export]], list[Export]]
"""Opens the exports of settings, but for those that are open already, by their identity."""


class Life:
    """A server from its start to its end.

    ``made`` are the exports of the ``settings``, and ``open_`` opens others later on. ``again``
    reads the settings once more; it may block, and raise ``click.ClickException``. ``last`` is
    given what is to be done when all else of the server has ended.
    """

    def __init__(
        self,
        serving: ServeCommand,
        settings: Settings,
        made: list[Export],
        again: Callable[[], Settings],
        open_: Open,
        last: Callable[[Callable[[], None]], object],
    ) -> None:
        self._serving = serving
        self._reactor = serving.reactor
        self._settings = settings
        self._open = open_
        self._again = again
        self._notifier = Notifier()
        self._reading = False
        self._wanted_again = False
        self._named = _by_identity(settings, made)
        self._empty_by = math.inf
        """When it ends, whoever is left; it is drained."""
        serving.answers["drain"] = self._drain
        Succession(serving, self._notifier, last)

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM; a second one ends it at once.

        SIGHUP has the files read again if there are any. Without files, and unless it is ignored
        (nohup), it ends the server, as a terminal that is closed ends its programs.
        """
        came: list[int] = []

        def end(number: int, frame: object) -> None:
            came.append(number)
            if len(came) > 1:
                self._reactor.stop()
            else:
                self._reactor.call_soon_threadsafe(self._end)

        for number in _ENDING:
            signal.signal(number, end)
        if self._settings.has_files:
            signal.signal(signal.SIGHUP, self._hang_up)
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, end)
        self._notifier.ready(self._status)
        self._show_life()
        self._reactor.run_forever()
        if came:
            self._serving.log(f"ended by {signal.Signals(came[0]).name}")

    def _end(self) -> None:
        """Begin nothing more, and stop when the calls that were on their way are answered."""
        self._notifier.stopping()
        self._serving.stop_accepting()
        self._serving.lull(self._reactor.stop)

    # --- Draining ---

    def _drain(self, within: str) -> dict[str, object]:
        """Take no new clients, and end when those that are there have left."""
        first = math.isinf(self._empty_by)
        seconds = float(within or _FOR_EVER_S)
        if not seconds >= 0:
            raise ValueError(f"{seconds} s is no time")
        self._empty_by = self._reactor.time() + seconds
        if first:
            self._serving.turn_away()
            self._serving.log("takes no new clients, and ends when the last one has left")
            self._reactor.call_soon(self._look_if_empty)
        return {"clients": self._serving.clients_left}

    def _look_if_empty(self) -> None:
        if not self._serving.clients_left or self._reactor.time() >= self._empty_by:
            self._serving.log("is drained")
            self._end()
        else:
            self._reactor.call_at(self._reactor.time() + _LOOK_S, self._look_if_empty)

    @property
    def _status(self) -> str:
        count = len(self._settings.wanted)
        return f"serving {count} export{'s' if count > 1 else ''}"

    def _show_life(self) -> None:
        interval = self._notifier.watchdog_s / 2
        if interval:
            self._notifier.alive()
            self._reactor.call_at(self._reactor.time() + interval, self._show_life)

    # --- Reading the files again ---

    def _hang_up(self, number: int, frame: object) -> None:
        self._reactor.call_soon_threadsafe(self.reload)

    def reload(self) -> None:
        """Read the files again, and serve what they say. What is wrong in them changes nothing.

        They are read by a thread: names of hosts may have to be looked up.
        """
        if self._reading:
            self._wanted_again = True
            return
        self._reading = True
        self._notifier.reloading()
        threading.Thread(target=self._read, name="nfsrdma reload", daemon=True).start()

    def _read(self) -> None:
        outcome: Settings | str
        try:
            outcome = self._again().resolved()
        except click.ClickException as error:
            outcome = error.format_message()
        except Exception as error:
            _log.exception("the configuration could not be read")
            outcome = f"{type(error).__name__}: {error}"
        self._reactor.call_soon_threadsafe(self._take, outcome)

    def _take(self, outcome: Settings | str) -> None:
        """Serve by new settings, or say why not."""
        self._reading = False
        try:
            if isinstance(outcome, str):
                raise click.ClickException(outcome)
            self._apply(outcome)
        except click.ClickException as error:
            self._serving.log(f"nothing is changed: {error.format_message()}")
        finally:
            self._notifier.ready(self._status)
            if self._wanted_again:
                self._wanted_again = False
                self.reload()

    def _apply(self, new: Settings) -> None:
        """Serve by new settings. Raises ``click.ClickException``, and then nothing has changed."""
        before = set(self._said(self._settings))
        made = self._open(new, self._named)
        try:
            self._serving.replace_exports(made, new)
        except click.ClickException:
            close_new((export.fs for export in made), self._named)
            raise
        old, self._settings = self._settings, new
        self._named = _by_identity(new, self._serving.named_exports)
        set_level(new.seen.verbose)
        self._serving.verbose = new.seen.verbose
        self._serving.log("the configuration is read again")
        self._serving.say(line for line in self._said(new) if line not in before)
        gone = {each.name for each in old.wanted} - {each.name for each in new.wanted}
        self._serving.say(f"/{name} is not exported any more" for name in sorted(gone))
        late = new.changed_for_later(old)
        if late:
            self._serving.log(f"takes a restart: {', '.join(late)}")

    def _said(self, settings: Settings) -> list[str]:
        shown = [each.shown for each in settings.wanted]
        return list(choices(list(self._named.values()), shown, settings.policy))


def _by_identity(settings: Settings, made: list[Export]) -> dict[Identity, Export]:
    named = [export for export in made if export.above is None]
    return {each.identity: export for each, export in zip(settings.wanted, named, strict=True)}
