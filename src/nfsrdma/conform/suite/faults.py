"""FT: packets that are lost, doubled, late or damaged (IBA, Section 9.7), as on a bad link."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.providers.fates import PSN_BITS, Damaged, Fate
from nfsrdma.rpcrdma.roce.wire.opcode import (
    ACKNOWLEDGE,
    CNP,
    OPCODES,
    SEND_FIRST,
    UD_SEND_ONLY,
    Kind,
)
from nfsrdma.rpcrdma.task import sleep
from nfsrdma.rpcrdma.transport.private_data import MAX_INLINE, PrivateData
from nfsrdma.xdr.nfs4 import types as t

from .. import nfs
from ..case import Failed, Need, Severity, case, expect
from ..lab import File, Lab, check_reply
from ..peer import INLINE, Gone
from ..wire import header

_RELIABLE = "IBA, Section 9.7"
_OCTETS: Final = 300_000
"""Octets that are moved, or as many as the session has room for."""
_LATE_S: Final = 0.1
_CUT_S: Final = 2.0
_RECOVERY_S: Final = 15.0
_IDS_AT: Final = 20 + 24
"""Where the sender's communication ID is: behind BTH, DETH and the header of the datagram."""


def _is_data(packet: bytes) -> bool:
    """Return whether a packet is of a connection, and not of the connection manager."""
    return packet[0] != UD_SEND_ONLY


async def _there_and_back(lab: Lab, fate: Fate | None, file: File | None = None) -> None:
    """Write a file and read it, all packets meddled with; it must be what was written."""
    file = file or await lab.file()
    data = lab.rng.randbytes(min(_OCTETS, file.session.room))
    lab.meddle(fate)
    call = file.writing(data)
    await file.written(call, len(data), await file.reduced(call))
    await file.holds(data)
    lab.meddle(None)


def _counted(fate: Callable[[bytes, bool], Sequence[bytes] | None], hits: list[int]) -> Fate:
    """Return a fate that leaves alone what ``fate`` says None of, and counts the others."""

    def of(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        found = fate(packet, outgoing) if _is_data(packet) else None
        if found is None:
            return (packet,)
        hits[0] += 1
        return found

    return of


def _lossy(lab: Lab, chance: float, hits: list[int]) -> Fate:
    return _counted(lambda packet, _: () if lab.rng.random() < chance else None, hits)


@case("FT1", _RELIABLE, Severity.MUST, Need.PACKETS)
async def loss(lab: Lab) -> str:
    """Move all data over a link that loses one packet of fifty, and one of ten."""
    found = []
    for chance in (0.02, 0.1):
        hits = [0]
        await _there_and_back(lab, _lossy(lab, chance, hits))
        found.append(f"{hits[0]} lost")
    return ", ".join(found)


@case("FT2", _RELIABLE, Severity.MUST, Need.PACKETS)
async def duplicates(lab: Lab) -> str:
    """Do nothing twice if every packet comes twice."""
    hits = [0]
    twice = _counted(lambda packet, _: (packet, packet), hits)
    file = await lab.file()
    await _there_and_back(lab, twice, file)
    lab.meddle(twice)
    session = file.session
    for _ in range(8):
        made = await session.run(
            nfs.putfh(session.directory), nfs.symlink(lab.file_name(), b"once")
        )
        expect(made.status == t.NFS4_OK, f"a new name is said to be {made.status_name}")
    return f"{hits[0]} packets twice"


@case("FT3", _RELIABLE, Severity.MUST, Need.PACKETS)
async def reordering(lab: Lab) -> str:
    """Recover when packets overtake one another."""
    hits = [0]
    held: dict[bool, bytes] = {}

    def late(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        before = held.pop(outgoing, None)
        if before is not None:
            return (packet, before)
        if lab.rng.random() < 0.05:
            held[outgoing] = packet
            return ()
        return None

    await _there_and_back(lab, _counted(late, hits))
    return f"{hits[0]} out of order"


@case("FT4", "IBA, Annex A17", Severity.MUST, Need.PACKETS)
async def damaged(lab: Lab) -> str:
    """Drop packets whose ICRC is wrong: none of their octets may get anywhere."""
    hits = [0]

    def spoil(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        if not outgoing or lab.rng.random() > 0.3:
            return None
        spoiled = bytearray(packet)
        at = lab.rng.randrange(8, len(packet))
        spoiled[at] ^= 1 << lab.rng.randrange(8)
        return (Damaged(spoiled), packet)

    await _there_and_back(lab, _counted(spoil, hits))
    return f"{hits[0]} damaged"


@case("FT5", _RELIABLE, Severity.MUST, Need.PACKETS)
async def wrapped_numbers(lab: Lab) -> str:
    """Go on with number 0 behind the last of the packets' sequence numbers."""
    crossed = 0
    for before in (2, 9, 40):
        lab.meddling.begin_at((1 << PSN_BITS) - before)
        mark = lab.mark()
        await _there_and_back(lab, None)
        own = (Kind.SEND, Kind.WRITE, Kind.READ_REQUEST)
        numbers = [each.psn for each in lab.packets(mark) if each.kind in own]
        crossed += min(numbers) < 1000 and max(numbers) >= (1 << PSN_BITS) - before
    expect(crossed == 3, f"the server crossed the last number {crossed} times of 3")
    return "three times"


@case("FT6", _RELIABLE, Severity.MUST, Need.PACKETS)
async def short_first(lab: Lab) -> str:
    """Refuse a first packet of a message that is shorter than the path's MTU."""
    peer = await lab.peer(private_data=PrivateData(MAX_INLINE, INLINE).encode())
    hits = [0]

    def cut(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        if not outgoing or packet[0] != SEND_FIRST:
            return None
        return (packet[:12] + packet[268:],)  # without 256 octets of its payload

    lab.meddle(_counted(cut, hits))
    xid = lab.xid()
    octets = header(xid) + nfs.null(xid)
    peer.send(octets + bytes(6000 - len(octets)))
    reason = await peer.gone()
    expect(hits[0], "no first packet was seen going out")
    return reason


@case("FT7", _RELIABLE, Severity.MUST)
async def late_receive(lab: Lab) -> str:
    """Send a reply again for which no receive was posted yet."""
    peer = lab.new_peer(receives=0)
    await peer.connect(lab.target.address, lab.target.port)
    xid = lab.xid()
    peer.send(header(xid) + nfs.null(xid))
    await sleep(lab.reactor, _LATE_S)
    peer.post_receives(8)
    check_reply(await peer.receive(), xid)
    return f"the receive came {_LATE_S:g} s late"


@case("FT8", _RELIABLE, Severity.MUST, Need.PACKETS)
async def lost_acknowledgements(lab: Lab) -> str:
    """Execute nothing twice if the acknowledgements of the calls are lost."""
    hits = [0]
    count = itertools.count(1)

    def deaf(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        if outgoing or packet[0] != ACKNOWLEDGE:
            return None
        return () if next(count) % 3 else None

    session = await lab.session()
    lab.meddle(_counted(deaf, hits))
    for _ in range(8):
        made = await session.run(
            nfs.putfh(session.directory), nfs.symlink(lab.file_name(), b"once")
        )
        expect(made.status == t.NFS4_OK, f"a new name is said to be {made.status_name}")
    return f"{hits[0]} lost"


@case("FT9", _RELIABLE, Severity.MUST, Need.PACKETS)
async def lost_responses(lab: Lab) -> str:
    """Read again from the right place when responses to RDMA READs are lost."""
    hits = [0]

    def drop(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        response = OPCODES[packet[0]].kind is Kind.READ_RESPONSE
        return () if outgoing and response and lab.rng.random() < 0.1 else None

    await _there_and_back(lab, _counted(drop, hits))
    return f"{hits[0]} lost"


@case("FT10", _RELIABLE, Severity.MUST, Need.PACKETS)
async def from_the_dead(lab: Lab) -> str:
    """Drop packets of a connection that has ended: nothing of them is executed again."""
    kept: list[bytes] = []

    def keep(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        if outgoing and OPCODES[packet[0]].kind is Kind.SEND:
            kept.append(packet)
        return (packet,)

    def raise_them(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        return (*kept, packet) if outgoing and _is_data(packet) else (packet,)

    session = await lab.session()
    name = lab.file_name()
    lab.meddle(keep)
    await session.ok(nfs.putfh(session.directory), nfs.symlink(name, b"once"))
    await session.ok(nfs.putfh(session.directory), nfs.remove(name))
    lab.meddle(None)
    session.peer.disconnect()
    await session.peer.gone()
    session.peer = await lab.peer()
    lab.meddle(raise_them)
    found = await session.run(nfs.putfh(session.directory), nfs.lookup(name))
    expect(found.status == t.NFS4ERR_NOENT, f"a name that was removed: {found.status_name}")
    lab.meddle(None)
    await session.ok(nfs.PUTROOTFH)
    return f"{len(kept)} packets"


@case("FT11", _RELIABLE, Severity.MUST, Need.PACKETS)
async def strangers(lab: Lab) -> str:
    """Drop packets with another P_Key, transport version or queue pair, their ICRC being right."""
    hits = [0]

    def disguise(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        if not outgoing or len(packet) < 24:
            return None
        wrong = bytearray(packet)
        kind = hits[0] % 3
        if kind == 0:
            wrong[2:4] = b"\x12\x34"  # P_Key
        elif kind == 1:
            wrong[1] |= 1  # version of the transport header
        else:
            wrong[5:8] = b"\xff\xff\xf0"  # a queue pair that nobody has
        wrong[-8] ^= 0xFF  # other data, so that it would be seen
        return (bytes(wrong), packet)

    await _there_and_back(lab, _counted(disguise, hits))
    return f"{hits[0]} of them"


@case("FT13", _RELIABLE, Severity.SHOULD, Need.PACKETS)
async def silence(lab: Lab) -> str:
    """Let a client that was cut off in the middle of a transfer go on, here or on a new one."""
    session = await lab.session()
    data = lab.rng.randbytes(min(_OCTETS, session.room))
    before = bytes(len(data))
    file = await lab.file(before, session)
    gone = [0]

    def nothing(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        gone[0] += 1
        return ()

    call = file.writing(data)
    ((position, _),) = call.payloads
    (part,) = session.peer.memory.expose(data)
    session.peer.send(header(call.xid, reads=[(position, part)]) + call.reduced)
    lab.meddle(nothing)
    await sleep(lab.reactor, _CUT_S)
    lab.meddle(None)
    session.peer.close()
    session.peer = await lab.peer()
    await session.settle()
    found = await file.content(len(data))
    expect(found in (data, before), "a part of the data was written")
    return f"{gone[0]} packets lost in {_CUT_S:g} s"


@case("FT14", _RELIABLE, Severity.ROBUSTNESS, Need.PACKETS, Need.DESTRUCTIVE)
async def flood(lab: Lab) -> str:
    """Serve others under a flood of connection management by strangers, some of it damaged."""
    sent = [0]

    def many(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        if not outgoing or packet[0] != UD_SEND_ONLY:
            return (packet,)
        copies = []
        for _ in range(400):
            other = bytearray(packet)
            other[lab.rng.randrange(_IDS_AT, len(packet) - 4)] ^= 1 << lab.rng.randrange(8)
            other[_IDS_AT : _IDS_AT + 4] = lab.rng.randbytes(4)  # nobody's connection
            copies.append(bytes(other))
        sent[0] += len(copies)
        return (*copies, packet)

    lab.meddle(many)
    with suppress(Gone):
        await lab.peer()
    lab.meddle(None)
    began = lab.reactor.time()
    while True:  # we are the flooder, so that we may have to wait
        try:
            await lab.alive()
        except Failed:
            if lab.reactor.time() - began > _RECOVERY_S:
                raise
        else:
            waited = lab.reactor.time() - began
            return f"{sent[0]} datagrams, served after {waited:.1f} s"


@case("FT12", "IBA, Annex A17", Severity.QUALITY, Need.PACKETS)
async def congestion(lab: Lab) -> str:
    """Work on when packets are marked for congestion, and tell the sender."""
    hits, told = [0], [0]

    def mark(packet: bytes, outgoing: bool) -> Sequence[bytes] | None:
        if not outgoing:
            told[0] += packet[0] == CNP
            return None
        return (packet[:4] + bytes([packet[4] | 0x80]) + packet[5:],)

    await _there_and_back(lab, _counted(mark, hits))
    return f"{hits[0]} marked, {told[0]} notices came"
