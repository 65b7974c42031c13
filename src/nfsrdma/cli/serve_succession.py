"""One ``nfsrdma serve`` in place of another, while clients go on (``server.edge.succession``)."""

from __future__ import annotations

import errno
import gc
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import click

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import bound_address, open_listening
from nfsrdma.rpcrdma.providers.choice import SHARED_MEMORY
from nfsrdma.rpcrdma.providers.registry import DEFAULT_PROVIDER, implied_provider, open_device
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.server.administration import NotDone
from nfsrdma.server.edge.control import ControlError, HandOver, control_directory
from nfsrdma.server.edge.metrics import open_metrics
from nfsrdma.server.edge.service_manager import Notifier
from nfsrdma.server.edge.state_directory import holder
from nfsrdma.server.edge.succession import ASK, Estate, Predecessor, Successor, offer, settle

from .serve_options import NO_RDMA, Listeners, Seen, metrics_place
from .serve_settings import Settings
from .serve_state import directory_of
from .serving import NO_CONTROL, ServeCommand, reason

_OPTION: Final = "--take-over"
_COMMAND: Final = "serve"
_JOINING_S: Final = 0.5
"""How long to wait for the predecessor to pass its UDP socket."""

# --- The one that ends ---


class Succession:
    """What a server does about a process that is to take its place.

    Once that is ready the server ends. ``last`` is given what is to be done when all else has.
    """

    def __init__(
        self,
        serving: ServeCommand,
        notifier: Notifier,
        last: Callable[[Callable[[], None]], object],
    ) -> None:
        self._serving = serving
        self._reactor = serving.reactor
        self._notifier = notifier
        self._last = last
        self._successor: Successor | None = None
        serving.answers[ASK] = self._offer
        serving.answers["upgrade"] = self._upgrade

    def _offer(self, known: str) -> HandOver:
        """Pass the sockets to a successor, and wait for it to be ready."""
        self._check()
        return offer(self._serving.heirlooms(), known, self._attend)

    def _check(self) -> None:
        if self._successor is not None:
            raise NotDone(f"process {self._successor.process} is about to take over")
        if not self._serving.is_lasting:
            raise NotDone("it keeps nothing on a disk, so there is nothing to take over")

    def _attend(self, sock: socket.socket) -> None:
        if self._successor is not None:
            sock.close()
            return
        self._successor = Successor(self._reactor, sock, self._go, self._gone)

    def _gone(self) -> None:
        self._successor = None
        self._serving.log("goes on: who was to take over has left")

    def _go(self) -> None:
        """End in a moment."""
        self._serving.lull(self._leave)

    def _leave(self) -> None:
        successor = self._successor
        assert successor is not None
        if successor.has_left:
            self._serving.go_on()
            successor.release()
            self._gone()
            return
        self._serving.log(f"hands over to process {successor.process}")
        self._notifier.replaced_by(successor.process)
        self._last(successor.release)
        self._reactor.stop()

    def _upgrade(self, about: str) -> dict[str, object]:
        """Start a successor: the same command as ours, of the program that is there by now."""
        self._check()
        if self._serving.has_no_control:
            raise NotDone("it has no control socket of its own")
        arguments = sys.orig_argv[1:]
        if _COMMAND not in arguments:
            raise NotDone("how it was started is not known: start its successor with --take-over")
        if _OPTION not in arguments:
            arguments.insert(arguments.index(_COMMAND) + 1, _OPTION)
        # Whom the service manager watches is the successor then.
        environment = {name: text for name, text in os.environ.items() if name != "WATCHDOG_PID"}
        try:
            process = start_orphan([sys.executable, *arguments], environment)
            watched = os.pidfd_open(process)
        except OSError as error:
            raise NotDone(f"its successor cannot be started: {reason(error)}") from None
        self._serving.log(f"starts process {process} to take over")
        threading.Thread(target=self._watch, args=(process, watched), daemon=True).start()
        return {"process": process}

    def _watch(self, process: int, watched: int) -> None:
        """Wait for the end of a successor, which as a rule comes long after our own."""
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll()
        os.close(watched)
        with suppress(OSError, RuntimeError):
            self._reactor.call_soon_threadsafe(
                self._serving.log, f"process {process} has ended: nothing is changed"
            )


def start_orphan(command: list[str], environment: dict[str, str]) -> int:
    """Start a process whose parent is the service manager at once, and return its number.

    A manager sees the end of its children alone: of what was ours systemd would say that it may not
    notice, and where it cannot see that a group is empty it would kill it without waiting. Raises
    ``OSError``.
    """
    told, tells = os.pipe()

    def leave_home() -> None:
        if os.fork():
            os._exit(0)
        os.write(tells, str(os.getpid()).encode())

    try:
        between = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env=environment, preexec_fn=leave_home
        )
        between.wait()
        return int(os.read(told, 32))
    except subprocess.SubprocessError as error:
        raise OSError(errno.EAGAIN, str(error)) from None
    finally:
        os.close(told)
        os.close(tells)


# --- The one that comes ---


def take_over(settings: Settings, reactor: SelectReactor) -> tuple[Estate, str]:
    """Have the server that is there end, if there is one; return what it leaves, and what to say.

    Whatever can be had before is opened before, so that clients wait for a moment only. Raises
    ``click.ClickException``.
    """
    control = _find_control(settings)
    if control is None:
        return Estate(), "there is no server to take over from"
    estate = Estate()
    try:
        with closing(Predecessor(control)) as predecessor:
            _collect(estate, predecessor, settings.listeners, settings.seen)
            _open_devices(estate, settings.listeners, reactor)
            # What exists by now need not be looked at again while clients wait.
            gc.collect()
            gc.freeze()
            predecessor.go()
            return estate, f"takes over from process {predecessor.process}"
    except (OSError, ControlError, ValueError) as error:
        estate.close()
        raise click.ClickException(f"cannot take over ({control}): {reason(error)}") from None
    except BaseException:
        estate.close()
        raise


def _find_control(settings: Settings) -> Path | None:
    """Return the control socket of the server that has our state; None if there is none.

    Raises ``click.ClickException`` if it cannot be found.
    """
    named = settings.seen.control
    kept = settings.kept
    if kept.ephemeral:
        raise click.ClickException(f"{_OPTION}: with --ephemeral there is nothing to take over")
    process = holder(directory_of(settings)) if kept.state is None else None
    if kept.state is None and process is None:
        return None
    if named is not None and named != NO_CONTROL:
        path = Path(named).absolute()
        return path if kept.state is None or path.exists() else None
    directory = control_directory()
    found = sorted(directory.glob(f"{process}-*")) if directory is not None else []
    if not found:
        raise click.ClickException(
            f"{_OPTION}: the server that is to be replaced (process {process or 'unknown'}) has no "
            "control socket: end it, and start this one then"
        )
    return found[0]


def _collect(estate: Estate, left: Predecessor, listeners: Listeners, seen: Seen) -> None:
    """Take the sockets that we want too, and open the others. Raises ``OSError``."""
    for each in list(left.heirlooms):
        if each.kind in ("given", SHARED_MEMORY):
            left.heirlooms.remove(each)
            estate.add(*each)
    if listeners.tcp_port is not None and not estate.has("given"):
        for address in listeners.addresses:
            host = str(bound_address(address, listeners.tcp_port)[1][0])
            sock = left.take("tcp", host, listeners.tcp_port)
            sock = sock or open_listening(address, listeners.tcp_port)
            estate.add("tcp", address, listeners.tcp_port, sock)
    if seen.metrics is not None:
        place = metrics_place(seen.metrics)
        estate.add("metrics", *place, left.take("metrics", *place) or open_metrics(*place))


def _open_devices(estate: Estate, listeners: Listeners, reactor: SelectReactor) -> None:
    """Open devices that may be there twice, and their UDP sockets, which keep what comes."""
    if listeners.provider == NO_RDMA or listeners.pcap is not None:
        return
    provider = implied_provider(listeners.provider, listeners.device, None)
    if provider in (None, SHARED_MEMORY):
        with suppress(OSError):
            estate.devices[SHARED_MEMORY] = open_device(SHARED_MEMORY, reactor)
    if provider in (None, DEFAULT_PROVIDER):
        device = estate.devices[DEFAULT_PROVIDER] = open_device(DEFAULT_PROVIDER, reactor)
        assert isinstance(device, SoftDevice)
        for address in listeners.addresses:
            # Where ports are not shared they are had once the predecessor has ended.
            with suppress(OSError):
                device.open_ports(address)
        settle(reactor.turn, lambda: device.ports_are_open, _JOINING_S)
