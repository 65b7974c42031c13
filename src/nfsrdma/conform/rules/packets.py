"""Rules that are applied to the packets of a device, real or simulated.

device.fate = PacketRules(rules, seed).fate
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from nfsrdma.rpcrdma.providers.fates import Damaged
from nfsrdma.rpcrdma.roce.wire.headers import Packet, WireError
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES

from .drawn import drawn
from .language import Rule


class PacketRules:
    """Decides what becomes of each packet. ``client_is_out`` says which way goes out."""

    def __init__(
        self,
        rules: Sequence[Rule],
        seed: int,
        *,
        client_is_out: bool = False,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self.drawn = drawn([rule for rule in rules if rule.of_packets], seed)
        self._out = client_is_out
        self._rng = Random(f"packets {seed}")
        self._told = told or (lambda text: None)
        self._held: dict[bool, bytes] = {}

    def fate(self, packet: bytes, outgoing: bool) -> Sequence[bytes]:
        """Return what becomes of a packet (``providers.fates.Fate``)."""
        from_client = outgoing is self._out
        found: list[bytes] = [packet]
        fields = _fields(packet)
        held = self._held.pop(outgoing, None)
        for each in self.drawn:
            if not each.means(from_client, fields.__getitem__):
                continue
            self._told(f"{each.rule.text}: {fields['op'][0]}, PSN {fields['psn']}")
            name = each.rule.action.name
            if name == "drop":
                found = []
            elif name == "duplicate":
                found += found[:1]
            elif name == "damage":
                found = [self._damaged(octets) for octets in found]
            elif name == "reorder" and held is None and found:
                self._held[outgoing] = found.pop()
        return found if held is None else [*found, held]

    def _damaged(self, packet: bytes) -> bytes:
        octets = bytearray(packet)
        # Not of the BTH: the packet shall be taken for one of its connection.
        at = self._rng.randrange(min(12, len(octets) - 1), len(octets))
        octets[at] ^= 1 << self._rng.randrange(8)
        return Damaged(octets)


def _fields(packet: bytes) -> dict[str, Any]:
    try:
        parsed = Packet.parse(memoryview(packet))
        kind = OPCODES[parsed.bth.opcode].kind.name
        return {"op": (kind,), "size": len(packet), "qp": parsed.bth.qpn, "psn": parsed.bth.psn}
    except (WireError, KeyError, IndexError):
        return {"op": ("?",), "size": len(packet), "qp": 0, "psn": 0}
