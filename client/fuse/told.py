"""What a mount tells of itself: its options, its session, and its calls, in numbers and texts."""

from __future__ import annotations

from typing import Any

from ..client import Client
from ..stats import OperationStats
from ..url import Url
from .mounted import Mounted
from .options import FuseOptions


def told(
    where: Url, options: FuseOptions, client: Client, mounted: Mounted, age_s: float
) -> dict[str, Any]:
    """Return it as what JSON can say. Times are in seconds, sizes in octets."""
    slots = client.session.slots
    stats = client.stats
    return {
        "url": str(where),
        "age_s": age_s,
        "transport": where.transport,
        "options": options_text(options, client),
        "session": {
            "up": client.session.channel is not None and client.session.gate is None,
            "slots": slots.limit if slots is not None else 0,
            "in_flight": slots.busy if slots is not None else 0,
            "backlog": slots.waiting if slots is not None else 0,
        },
        "counters": {
            name: getattr(stats, name)
            for name in (
                *("connections", "sessions", "replays", "delays"),
                *("reclaimed", "resent_writes", "callbacks"),
            )
        },
        "paths": [{name: getattr(path, name) for name in path.__slots__} for path in stats.paths],
        "nodes": len(mounted.nodes.table),
        "open": len(mounted.handles),
        "operations": {
            name: _operation(each) for name, each in sorted(stats.operations.items()) if each.calls
        },
    }


def _operation(stats: OperationStats) -> dict[str, float]:
    return {
        "calls": stats.calls,
        "errors": stats.errors,
        "replays": stats.replays,
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
        "rtt_s": stats.total_rtt,
        "rtt_least_s": stats.min_rtt,
        "rtt_most_s": stats.max_rtt,
        "queued_s": stats.total_queued,
    }


def options_text(options: FuseOptions, client: Client) -> str:
    """Return the options that are in force, as in ``/proc/mounts`` of an NFS mount."""
    times, choices = options.lifetimes, options.choices
    words = [
        "ro" if "ro" in options.flags else "rw",
        f"vers=4.{client.session.minor_version}",
        f"rsize={client.rsize}",
        f"wsize={client.wsize}",
        f"acregmin={times.file_min:g}",
        f"acregmax={times.file_max:g}",
        f"acdirmin={times.directory_min:g}",
        f"acdirmax={times.directory_max:g}",
        "hard" if options.hard else "soft",
        f"nconnect={options.mount.nconnect or 1}",
        "sec=sys",
    ]
    locks = {(False, False): "all", (False, True): "posix", (True, False): "flock"}
    words.append(f"local_lock={locks.get((choices.posix_locks, choices.flocks), 'none')}")
    names = {(True, False): "pos", (False, False): "none", (False, True): "none"}
    words.append(f"lookupcache={names.get((times.names, times.missing), 'all')}")
    for word, chosen in (
        ("noac", choices.direct),
        ("nocto", not choices.close_to_open),
        ("wb", choices.write_back),
        ("nordirplus", not choices.read_plus),
        ("allow_other", options.allow_other),
        ("default_permissions", options.default_permissions),
    ):
        words += [word] * chosen
    return ",".join(words)
