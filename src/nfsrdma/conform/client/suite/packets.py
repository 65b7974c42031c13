"""CL39 and on: links that lose, double, reorder and damage packets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nfsrdma.rpcrdma.providers.fates import Damaged

from ...case import Need, Severity
from ..catalogue import scenario
from ..lab import ClientLab

_TRANSPORT: Final = "IBA, Section 9.7"


@scenario("CL39", _TRANSPORT, Severity.MUST, Need.PACKETS)
async def loss(lab: ClientLab) -> str:
    """Move all data over a link that loses one packet of fifty, in both directions."""
    await lab.mount()

    def fate(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        if lab.rng.random() < 0.02:
            lab.did("lost")
            return ()
        return (packet,)

    lab.meddle(fate)
    await lab.right()
    return f"{len(lab.done)} packets were lost"


@scenario("CL40", _TRANSPORT, Severity.MUST, Need.PACKETS)
async def doubled(lab: ClientLab) -> str:
    """Do nothing twice if every packet comes twice."""
    await lab.mount()

    def fate(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        lab.did("doubled")
        return packet, packet

    lab.meddle(fate)
    await lab.right()
    return f"{len(lab.done)} packets and more"


@scenario("CL41", _TRANSPORT, Severity.MUST, Need.PACKETS)
async def reordered(lab: ClientLab) -> str:
    """Recover when packets overtake one another."""
    await lab.mount()
    held: dict[bool, bytes] = {}

    def fate(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        before = held.pop(outgoing, None)
        if before is not None:
            lab.did("overtaken")
            return packet, before
        if lab.rng.random() < 0.02:
            held[outgoing] = packet
            return ()
        return (packet,)

    lab.meddle(fate)
    await lab.right()
    return f"{len(lab.done)} packets were overtaken"


@scenario("CL42", "IBA, Annex A17", Severity.MUST, Need.PACKETS)
async def damaged(lab: ClientLab) -> str:
    """Drop packets whose ICRC is wrong: none of their octets may get anywhere."""
    await lab.mount()

    def fate(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        if outgoing and len(packet) > 40 and lab.rng.random() < 0.02:
            lab.did("damaged")
            octets = bytearray(packet)
            octets[lab.rng.randrange(12, len(octets) - 4)] ^= 0x55
            return (Damaged(octets),)
        return (packet,)

    lab.meddle(fate)
    await lab.right()
    return f"{len(lab.done)} packets were damaged"
