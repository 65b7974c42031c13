"""Calls whose fate is unknown, since the server was restarted before it replied.

A server that has forgotten a session has forgotten its replies, too, and what removes, renames or
links must not be executed twice. But what is there now says whether it was executed: then it is
done, and otherwise it is sent again. Programs on a mount see no error of this, which they would
take for a broken disk. Only of a directory that is there it cannot be said who made it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from ..attributes import Stat
from ..errors import UncertainOutcomeError
from .node import Node

T = TypeVar("T")
Look = Callable[[Node, bytes], Coroutine[Any, Any, Stat | None]]
"""Asks the server what has a name in a directory; None if nothing has."""
_ATTEMPTS_MAX: Final = 16


async def certain(
    attempt: Callable[[], Coroutine[Any, Any, T]],
    was_done: Callable[[], Coroutine[Any, Any, bool]],
) -> T | None:
    """Return the result of ``attempt``, or None if it was executed and its result is lost.

    ``was_done`` finds out. Raises :class:`~..errors.UncertainOutcomeError` if the server loses one
    attempt after the other.
    """
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await attempt()
        except UncertainOutcomeError:
            if await was_done():
                return None
    return await attempt()


async def was_removed(look: Look, directory: Node, name: bytes, node: Node | None) -> bool:
    """Return whether a name is not that of ``node`` any more, or of anything if that is None."""
    found = await look(directory, name)
    return found is None or (node is not None and not node.is_same_object(found))


async def was_renamed(
    look: Look, source: tuple[Node, bytes], target: tuple[Node, bytes], node: Node | None
) -> bool:
    """Return whether ``node`` has the second name, and not the first one any more."""
    if not await was_removed(look, *source, node):
        return False
    found = await look(*target)
    return found is not None and (node is None or node.is_same_object(found))


async def was_made(
    look: Look,
    directory: Node,
    name: bytes,
    is_ours: Callable[[Stat], Coroutine[Any, Any, bool]],
) -> bool:
    """Return whether the name is there, and what has it is ours.

    Raises :class:`~..errors.UncertainOutcomeError` if another client may have made it.
    """
    found = await look(directory, name)
    if found is not None and not await is_ours(found):
        raise UncertainOutcomeError(
            "the server forgot whether it has made this, or another client has"
        )
    return found is not None


async def was_linked(look: Look, directory: Node, name: bytes, node: Node) -> bool:
    """Return whether ``node`` has the name."""
    found = await look(directory, name)
    return found is not None and node.is_same_object(found)
