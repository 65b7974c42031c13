"""READDIR of files that others have been delegated for writing.

Each entry has what GETATTR of it would give (RFC 8881, Section 18.23.3), and so what the holder has
changed and not written yet (Section 10.4.3). But a directory may hold many such files: so many are
asked for at a time, and one that does not answer soon is recalled and listed as the server knows
it, as one client shall not keep others from listing a directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from stat import S_IFREG
from typing import Final

from nfsrdma.rpcrdma.task import Future

from .. import attributes
from ..delegations import Told
from ..engine.context import Context
from ..state.delegation import Delegation
from ..vfs.interface import Entry
from . import delegations

_MOST_ASKED: Final = 16


async def look_at_holders(context: Context, entries: list[Entry], mask: int) -> None:
    """Put what holders have changed into entries of the current directory."""
    asked: list[tuple[int, Delegation, Future[Told | None]]] = []
    manager = context.core.delegations
    for index, holder in _held(context, entries):
        asked.append((index, holder, manager.ask(holder)))
        if len(asked) == _MOST_ASKED:
            break
    birth = bool(mask & attributes.TIME_CREATE)
    for index, holder, asking in asked:
        told = await context.wait(asking)
        if not holder.live:
            continue
        if told is None:
            manager.recall(holder)
            continue
        cookie, name, found = entries[index]
        assert not isinstance(found, OSError)
        values = await delegations.as_held(context, holder, told, found[0], birth)
        entries[index] = Entry(cookie, name, (values, found[1]))


def _held(context: Context, entries: list[Entry]) -> Iterator[tuple[int, Delegation]]:
    """Yield the entries of files that others may have changed, by their places."""
    core, export = context.core, context.here.export
    for index, entry in enumerate(entries):
        if isinstance(entry.found, OSError) or entry.found[0].type != S_IFREG:
            continue
        wire = core.namespace.encode(export, entry.found[1])
        holder = core.delegations.holder_of(context.client, wire)
        if holder is not None and not holder.recalled:
            yield index, holder
