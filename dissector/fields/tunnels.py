"""Fields of what packets were inside of, under Wireshark's names: see ``layers.tunnels``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_NAMED: Final = (
    (re.compile(r"VLAN (\d+)"), "vlan.id"),
    (re.compile(r"MPLS ([\d/]+)"), "mpls.label"),
    (re.compile(r"PPPoE session (\d+)"), "pppoe.session_id"),
    (re.compile(r"GRE key (\d+)"), "gre.key"),
    (re.compile(r"VXLAN(?:-GPE)? (\d+)"), "vxlan.vni"),
    (re.compile(r"Geneve (\d+)"), "geneve.vni"),
    (re.compile(r"GTP-U (0x[0-9a-f]+)"), "gtp.teid"),
    (re.compile(r"ERSPAN \w+ session (\d+)"), "erspan.spanid"),
    (re.compile(r"CMD group (\d+)"), "cmd.sgt"),
)
"""What a tunnel is called, and the field that its number is."""
NAMES: Final[frozenset[str]] = frozenset(name for _, name in _NAMED)


@lru_cache(1024)
def _fields(tunnels: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    for tunnel in tunnels:
        for pattern, name in _NAMED:
            match = pattern.match(tunnel)
            if match is not None:
                numbers = [int(number, 0) for number in match[1].split("/")]
                found.setdefault(name, []).extend(numbers)
    return {name: numbers if len(numbers) > 1 else numbers[0] for name, numbers in found.items()}


def tunnel_fields(tunnels: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of tags, labels and tunnels, the outermost first."""
    return dict(_fields(tunnels))
