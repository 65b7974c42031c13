"""What the asyncio face has of its own: how a mount begins, and runs, on an event loop."""

from __future__ import annotations

from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from ..edge.connect import Connector, mount_client
from ..edge.loop import LoopRunner
from ..filesystem import FileSystem
from ..options import MountOptions
from ..url import Url
from .layers import Layers
from .shared import unchanging

if TYPE_CHECKING:
    from typing_extensions import Buffer


class LoopMount:
    """The base of the mounts whose coroutines an event loop runs."""

    def __init__(
        self, runner: LoopRunner, client: FileSystem, connector: Connector, url: Url
    ) -> None:
        self._runner = runner
        self._run = runner.run
        self._run_long = runner.run  # a task is cancelled like any other
        self._client = client
        self._connector = connector
        self._closed = False
        self.url = url
        """Where the export is."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a mount of one event loop cannot be pickled: pickle its URL, str(url)")


class _Leavable(Protocol):
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


M = TypeVar("M", bound=_Leavable)
Make = Callable[[LoopRunner, FileSystem, Connector, Url], M]


class Mounting(Generic[M]):
    """A mount that is not there yet: ``await`` it, or enter it with ``async with``."""

    def __init__(self, make: Make[M], url: str, options: MountOptions) -> None:
        self._make = make
        self._url = url
        self._options = options
        self._mount: M | None = None

    def __await__(self) -> Generator[Any, None, M]:
        """Connect, and return the mount."""
        return self._begin().__await__()

    async def __aenter__(self) -> M:
        """Connect, and return the mount."""
        self._mount = await self._begin()
        return self._mount

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unmount."""
        assert self._mount is not None
        await self._mount.__aexit__(kind, error, traceback)

    async def _begin(self) -> M:
        runner = LoopRunner()
        client, connector, url = await runner.run(
            mount_client(runner.reactor, self._url, self._options)
        )
        return self._make(runner, client, connector, url)


def begin(make: Make[M], url: str, options: MountOptions) -> Mounting[M]:
    """Return the mount that ``make`` makes, once it is awaited."""
    return Mounting(make, url, options)


def lent(data: Buffer) -> memoryview:
    """Return a view of ``data`` for one call; other tasks may change ``data`` meanwhile."""
    return unchanging(data)


def planned(
    mode: str, buffering: int, encoding: str | None, errors: str | None, newline: str | None
) -> Layers:
    """Return what was asked of ``open()``. Raises ``ValueError`` for text and buffers."""
    plan = Layers(mode, buffering, encoding, errors, newline)
    if plan.text:
        raise ValueError(
            f"no text with asyncio: open the file as {plan.octets!r} instead of {mode!r}, and "
            "decode what is read, or use read_text() and write_text()"
        )
    if plan.buffer:
        raise ValueError("no buffers with asyncio: leave out buffering, and read in large pieces")
    return plan
