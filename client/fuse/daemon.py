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
from nfsrdma.rpcrdma.task import Task, sleep

from ..edge.connect import Connector, connect_error, mount_client
from ..errors import NfsError, ends_everything
from ..filesystem import FileSystem
from ..nodes import Nodes
from ..url import Url
from .asked import Asked
from .callers import Callers
from .device import Device, groups_of, is_dying
from .memory import keep_heap
from .mounted import Mounted
from .mounting import (
    MountError,
    check_device,
    check_mount_point,
    mount,
    ours,
    read_ahead,
    unmount,
)
from .options import FuseOptions
from .session import MAX_WRITE, Part, Session
from .told import told
from .wire import ROOT

_log = logging.getLogger(__name__)

_PATIENCE_S: Final = 30.0
"""Seconds that the kernel may take for its first request."""
_READ_AHEAD: Final = 4 << 20
"""Octets that the kernel reads ahead, so that several READs are in flight."""
_GOODBYE_S: Final = 10.0
"""Seconds that the server may take for the last ones."""
_RETRY_MIN_S: Final = 1.0
_RETRY_MAX_S: Final = 30.0
"""Seconds between attempts to reach a server that is away when it is mounted."""
_ALLOW_OTHER: Final = (
    "allow_other is for root, whom servers believe that others ask through it: mount without it"
)
_COLLECT: Final = (20_000, 20, 100)
"""After how many new objects the collector looks at the young ones, and how often at more."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Daemon:
    """A mount of ``url`` at ``directory``, served by the thread that calls :meth:`run`."""

    def __init__(self, url: str, directory: str, options: FuseOptions) -> None:
        self._url = url
        self._options = options
        if options.allow_other and os.geteuid():
            raise MountError(errno.EPERM, _ALLOW_OTHER, directory)
        self._directory = check_mount_point(directory)
        check_device()
        keep_heap()
        self._reactor = SelectReactor()
        self._client: FileSystem | None = None
        self._connector: Connector | None = None
        self._where: Url | None = None
        self._device: Device | None = None
        self._mounted: Mounted | None = None
        self._asked: Asked | None = None
        self._gone = False

    def run(self, ready: Callable[[], object]) -> None:
        """Mount, call ``ready``, and serve until nothing is mounted any more.

        With ``bg`` it is called, too, once the server turns out to be away. Raises ``OSError`` and
        ``ValueError``; before ``ready`` was called, nothing is left mounted.
        """
        told = False

        def tell() -> None:
            nonlocal told
            if not told:
                told = True
                ready()

        try:
            self._connect(tell)
            session = self._mount()
            try:
                self._begin(session)
                tell()  # which fails if whoever waits for it is gone
            except BaseException:
                with suppress(MountError):
                    unmount(self._directory, lazy=True)
                raise
            # What exists by now stays, so the collector need not examine it again.
            gc.collect()
            gc.freeze()
            # Most of what is made are nodes, which stay: to look through them often is for nothing.
            gc.set_threshold(*_COLLECT)
            self._reactor.run_until(lambda: self._gone)
        finally:
            self._close()

    def _connect(self, tell: Callable[[], object]) -> None:
        """Connect to the server; if it is away, again and again for as long as is wanted."""
        options, reactor = self._options, self._reactor
        deadline = reactor.time() + options.patience_s
        pause_s = _RETRY_MIN_S
        while True:
            mounting = Task(mount_client(reactor, self._url, options.mount))
            try:
                client, self._connector, self._where = reactor.run_until(mounting)
            except NfsError as error:
                if not ends_everything(error) or reactor.time() + pause_s > deadline:
                    raise
                _log.warning("%s: %s: trying again", self._url, error.strerror)
                if options.background:
                    tell()
                reactor.run_until(Task(sleep(reactor, pause_s)))
                pause_s = min(2 * pause_s, _RETRY_MAX_S)
                continue
            self._client = client
            return

    def _mount(self) -> Session:
        """Look the root up, and mount."""
        options, reactor, where = self._options, self._reactor, self._where
        client = self._client
        assert client is not None
        assert where is not None
        try:
            nodes = client.nodes(options.lifetimes)
            root = reactor.run_until(Task(nodes.root()))
        except NfsError as error:
            raise connect_error(error, where) from error
        assert root.number == ROOT
        if not root.is_dir:
            raise MountError(errno.ENOTDIR, "the export is no directory", str(where))
        if options.hard:
            client.wait_for_ever()
        self._mounted = mounted = Mounted(
            client,
            nodes,
            self._notify,
            callers=self._callers(client, nodes),
            shared=options.allow_other,
            choices=options.choices,
        )
        session = Session(mounted, reactor, self._send, is_dying)
        source = options.fsname if options.fsname is not None else str(where)
        access = [
            name
            for name, wanted in (
                ("allow_other", options.allow_other),
                ("default_permissions", options.default_permissions),
            )
            if wanted
        ]
        fd = mount(self._directory, source, options.flags, MAX_WRITE, access)
        self._device = Device(
            reactor, fd, mounted.memory, session.handle, client.session.hold, self._unmounted
        )
        return session

    def _callers(self, client: FileSystem, nodes: Nodes) -> Callers | None:
        """Return the users of the mount, unless all requests shall be made as one of them."""
        given = self._options.mount.over(self._where.options) if self._where is not None else None
        if given is not None and (given.uid, given.gid, given.groups) != (None, None, None):
            return None
        machine = client.session.credentials.machine
        return Callers(nodes, machine, groups_of, self._reactor.time)

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
        self._be_asked()
        # Not on this thread, which has to answer what the kernel asks about the mount point.
        threading.Thread(
            target=read_ahead, args=(self._directory, _READ_AHEAD), daemon=True
        ).start()

    def _be_asked(self) -> None:
        """Tell whoever asks how the mount is (``nfsrdma mountstats``)."""
        client, mounted, where = self._client, self._mounted, self._where
        assert client is not None
        assert mounted is not None
        assert where is not None
        began = self._reactor.time()
        devices = [each.device for each in ours() if each.path == self._directory]
        if devices:
            self._asked = Asked(
                self._reactor,
                devices[-1],
                lambda: told(where, self._options, client, mounted, self._reactor.time() - began),
            )

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
        if self._asked is not None:
            self._asked.close()
        if client is not None:
            client.recovery.hard = False
            try:
                if self._mounted is not None:
                    self._reactor.run_until(Task(self._mounted.behind.drain_all()), _GOODBYE_S)
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
    child = os.fork()
    if child:
        os.close(theirs)
        try:
            with open(ours, "rb") as report:
                if report.read(1):
                    return 0
        except KeyboardInterrupt:
            os.kill(child, signal.SIGINT)  # it has left our terminal
            raise
        _, status = os.waitpid(child, 0)
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
