"""What the blocking face has of its own: how a mount begins, and runs, on callers' threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ..edge.connect import Connector, mount_client
from ..edge.driver import Driver
from ..filesystem import FileSystem
from ..options import MountOptions
from ..url import Url
from .layers import Layers

if TYPE_CHECKING:
    from typing_extensions import Buffer

Origin = tuple[str, MountOptions]
"""The URL and the options that a mount was asked for by."""


class ThreadMount:
    """The base of the mounts whose coroutines the calling threads run."""

    def __init__(
        self, runner: Driver, client: FileSystem, connector: Connector, url: Url, origin: Origin
    ) -> None:
        self._runner = runner
        self._run = runner.run
        self._run_long = runner.run_long
        self._client = client
        self._connector = connector
        self._origin = origin
        self._closed = False
        self.url = url
        """Where the export is."""

    def __reduce__(
        self,
    ) -> tuple[Callable[..., object], tuple[type[ThreadMount], str, MountOptions]]:
        if self._closed:
            raise ValueError("a mount that is closed cannot be pickled")
        return begin, (type(self), *self._origin)

    def interrupt(self, error: BaseException) -> None:
        """End the copies that are under way: they clean up, then ``error`` is raised from them.

        Meant for signal handlers; where Python's own handler of SIGINT is in place, SIGINT does
        this by itself. If there is no copy, ``error`` is raised at once.
        """
        self._runner.interrupt(error)


M = TypeVar("M")


def begin(
    make: Callable[[Driver, FileSystem, Connector, Url, Origin], M], url: str, options: MountOptions
) -> M:
    """Connect, and return the mount that ``make`` makes."""
    driver = Driver()
    try:
        client, connector, parsed = driver.run(mount_client(driver.reactor, url, options))
    except BaseException:
        driver.close()
        raise
    driver.start_keeper()
    # A copy of the mount in another process would write over the capture of this one.
    return make(driver, client, connector, parsed, (url, replace(options, pcap=None)))


def lent(data: Buffer) -> memoryview:
    """Return a view of ``data`` for one call, during which the caller's thread waits."""
    return memoryview(data).cast("B")


planned = Layers
"""What was asked of ``open()``: any layers that Python has."""
