"""One copy between a mount and a local tree: the part that both directions share."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from ..errors import name_file
from ..trees import Failures, TreeError
from .get import Getting
from .local import LocalTree
from .monitor import Monitor
from .progress import Progress, Report, TransferOptions
from .put import Putting

if TYPE_CHECKING:
    from ..filesystem import FileSystem


class Transfer:
    """One copy, for a single call of :meth:`get` or :meth:`put`."""

    def __init__(
        self,
        client: FileSystem,
        local: LocalTree,
        options: TransferOptions | None = None,
        report: Report | None = None,
    ) -> None:
        self.progress = Progress()
        self._client = client
        self._local = local
        self._options = options if options is not None else TransferOptions()
        self._failures = Failures(self._options.on_failure)
        self._monitor = Monitor(self.progress, report, self._options.on_step)

    async def get(self, source: str) -> Progress:
        """Copy ``source`` of the server to the local tree, following a link at ``source``.

        Raises ``OSError``: an :class:`~..errors.NfsError` or :class:`~..errors.LocalError`; for a
        tree, a :class:`~..trees.TreeError` after everything else was copied.
        """
        getting = Getting(self._client, self._local, self._options, self._failures, self._monitor)
        try:
            await getting.run(source)
            if self._options.delete and not self._failures.count:
                await getting.delete(source)
        except OSError as error:
            name_file(error, lambda: source)
            raise
        finally:
            self._end()
        return self._outcome(source)

    async def put(self, path: str) -> Progress:
        """Copy the local tree to ``path`` on the server, copying a link instead of following it.

        Raises what :meth:`get` does.
        """
        putting = Putting(self._client, self._local, self._options, self._failures, self._monitor)
        try:
            await putting.run(path)
            if self._options.delete and not self._failures.count:
                await putting.delete(path)
        except OSError as error:
            name_file(error, lambda: path)
            raise
        finally:
            self._end()
        return self._outcome(path)

    def _end(self) -> None:
        self.progress.failed = self._failures.count
        self._local.close()

    def _outcome(self, path: str) -> Progress:
        count = self._failures.count
        if count:
            what = "copied or removed" if self._options.delete else "copied"
            text = f"{count} {'name' if count == 1 else 'names'} could not be {what}"
            raise TreeError(errno.EIO, text, path, self._failures)
        return self.progress
