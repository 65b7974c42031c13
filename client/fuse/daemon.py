"""The process behind a mount: it mounts, answers the kernel, and ends when nothing is mounted."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Task

from ..edge.connect import Connector, connect_error, mount_client
from ..errors import NfsError
from ..filesystem import FileSystem
from .device import Device, is_dying
from .mounted import Mounted
from .mounting import MountError, check_device, check_mount_point, mount, read_ahead, unmount
from .options import FuseOptions
from .session import MAX_WRITE, Part, Session
from .wire import ROOT

_log = logging.getLogger(__name__)

_PATIENCE_S: Final = 30.0
"""Seconds that the kernel may take for its first request."""
_READ_AHEAD: Final = 4 << 20
"""Octets that the kernel reads ahead, so that several READs are in flight."""
_GOODBYE_S: Final = 10.0
"""Seconds that the server may take for the last ones."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Daemon:
    """A mount of ``url`` at ``directory``, served by the thread that calls :meth:`run`."""

    def __init__(self, url: str, directory: str, options: FuseOptions) -> None:
        self._url = url
        self._options = options
        self._directory = check_mount_point(directory)
        check_device()
        self._reactor = SelectReactor()
        self._client: FileSystem | None = None
        self._connector: Connector | None = None
        self._device: Device | None = None
        self._gone = False

    def run(self, ready: Callable[[], object]) -> None:
        """Mount, call ``ready``, and serve until nothing is mounted any more.

        Raises ``OSError`` and ``ValueError``; before ``ready`` was called, nothing is left mounted.
        """
        try:
            session = self._mount()
            try:
                self._begin(session)
            except BaseException:
                with suppress(MountError):
                    unmount(self._directory, lazy=True)
                raise
            ready()
            # What exists by now stays, so the collector need not examine it again.
            gc.collect()
            gc.freeze()
            self._reactor.run_until(lambda: self._gone)
        finally:
            self._close()

    def _mount(self) -> Session:
        """Connect, look the root up, and mount."""
        options, reactor = self._options, self._reactor
        mounting = Task(mount_client(reactor, self._url, options.mount))
        client, connector, parsed = reactor.run_until(mounting)
        self._client, self._connector = client, connector
        try:
            nodes = client.nodes(options.lifetimes)
            root = reactor.run_until(Task(nodes.root()))
        except NfsError as error:
            raise connect_error(error, parsed) from error
        assert root.number == ROOT
        if not root.is_dir:
            raise MountError(errno.ENOTDIR, "the export is no directory", str(parsed))
        if options.hard:
            client.wait_for_ever()
        mounted = Mounted(
            client,
            nodes,
            self._notify,
            direct=options.direct,
            close_to_open=options.close_to_open,
        )
        session = Session(
            mounted,
            reactor,
            self._send,
            is_dying,
        )
        source = options.fsname if options.fsname is not None else str(parsed)
        fd = mount(self._directory, source, options.flags, MAX_WRITE)
        self._device = Device(reactor, fd, mounted.memory, session.handle, self._unmounted)
        return session

    def _notify(self, message: bytes) -> None:
        if self._device is not None:
            self._device.notify(message)

    def _send(self, parts: Sequence[Part]) -> bool:
        return self._device is not None and self._device.send(parts)

    def _begin(self, session: Session) -> None:
        """Wait until the kernel and we have agreed, and take the signals."""
        self._reactor.run_until(lambda: self._gone or session.began, _PATIENCE_S)
        if session.refused is not None:
            raise MountError(errno.EPROTO, session.refused, self._directory)
        if self._gone:
            raise MountError(errno.ENODEV, "unmounted at once", self._directory)
        for number in _ENDING:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)
        # Not on this thread, which has to answer what the kernel asks about the mount point.
        threading.Thread(
            target=read_ahead, args=(self._directory, _READ_AHEAD), daemon=True
        ).start()

    def _end(self, number: int, frame: object) -> None:
        """Unmount because of a signal; what is in use goes on until it is closed."""
        threading.Thread(target=self._unmount, daemon=True).start()

    def _unmount(self) -> None:
        try:
            unmount(self._directory)
        except MountError as error:
            if error.errno != errno.EBUSY:
                _log.error("%s", error)
                return
            _log.warning("%s is in use: it ends when it is not any more", self._directory)
            with suppress(MountError):
                unmount(self._directory, lazy=True)

    def _unmounted(self) -> None:
        self._gone = True

    def _close(self) -> None:
        """Close what is open, say goodbye to the server if it is there, and release everything."""
        client = self._client
        if client is not None:
            client.recovery.hard = False
            try:
                self._reactor.run_until(Task(client.unmount()), _GOODBYE_S)
            except (OSError, TimeoutError) as error:
                _log.warning("unmounting %s: %s", self._url, error)
        if self._device is not None:
            self._device.close()
        if self._connector is not None:
            self._connector.close()
        self._reactor.close()


def in_background(serve: Callable[[Callable[[], object]], object]) -> int:
    """Run ``serve`` in a child process, and return 0 once it is ready.

    ``serve`` gets the function to call when it is. Its exit status is returned if it ends before,
    and its messages appear as usual until it is ready.
    """
    ours, theirs = os.pipe()
    if os.fork():
        os.close(theirs)
        with open(ours, "rb") as report:
            if report.read(1):
                return 0
        _, status = os.wait()
        return os.waitstatus_to_exitcode(status) or 1

    os.close(ours)
    os.setsid()

    def ready() -> None:
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        os.close(nothing)
        os.write(theirs, b"1")
        os.close(theirs)

    serve(ready)
    return 0
