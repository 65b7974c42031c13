"""Where the time goes: cProfile's figures, summed up by the rooms of the house.

What the interpreter itself does for a function (packing a struct, a CRC) counts for the room of
the function; the kernel (system calls) has a row of its own; waiting is left out.
cProfile costs about as much per call as a call does, so rooms of many small functions look bigger
than they are, and the kernel smaller.
"""

from __future__ import annotations

import pstats
from pathlib import Path

ROOMS = (
    "xdr",
    "rpc",
    "transport",
    "roce",
    "providers",
    "io",
    "server",
    "client",
    "other",
    "kernel",
)
"""In the order of the table. ``io`` has the reactor, the tasks and the TCP sockets."""

_WAITING = ("select.epoll", "select.poll", "_thread.lock")
_KERNEL = ("_socket.socket", "built-in method posix.", "built-in method _socket")

_Function = tuple[str, int, str]


def by_room(path: Path) -> dict[str, float]:
    """Room -> seconds, for one process's profile; ``waiting`` is the time that it slept."""
    seconds = dict.fromkeys((*ROOMS, "waiting"), 0.0)
    stats = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    for function, (_, _, own, _, callers) in stats.items():
        if function[0] != "~":
            seconds[_room(function)] += own
        elif any(name in function[2] for name in _WAITING):
            seconds["waiting"] += own
        elif any(name in function[2] for name in _KERNEL):
            seconds["kernel"] += own
        else:
            for caller, (_, _, part, _) in callers.items():
                seconds[_room(caller)] += part
    return seconds


def _room(function: _Function) -> str:
    _, found, inside = function[0].rpartition("/nfsrdma/")
    if not found:
        return "other"
    names = inside.split("/")
    if names[0] == "rpcrdma":
        if names[1] in ("task.py", "io"):
            return "io"
        return names[1] if names[1] in ROOMS else "transport"
    return names[0] if names[0] in ROOMS else "other"
