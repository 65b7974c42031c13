"""PD: the private data of a connection (RFC 8797)."""

from __future__ import annotations

from nfsrdma.rpcrdma.transport.private_data import MAX_INLINE, PrivateData

from ..case import Severity, case, expect
from ..lab import Lab
from ..peer import INLINE, RawPeer
from ..wire import header, words

_FORMAT = "RFC 8797, Section 4"
_DEFAULT = "RFC 8797, Section 5.1"
_MAGIC = 0xF6AB0E18


@case("PD1", _FORMAT, Severity.MUST)
async def theirs(lab: Lab) -> str:
    """Send private data that are right, or none."""
    peer = await lab.peer()
    data = peer.theirs
    if not any(data[:8]):
        return "none"
    expect(data[:4] == words(_MAGIC), f"the first word is {data[:4].hex()}")
    expect(data[4] == 1, f"version {data[4]}")
    expect(not data[5] & 0xFE, f"flags {data[5]:#04x}: all but the last bit are reserved")
    found = PrivateData.decode(data)
    flag = ", remote invalidation" if found.remote_invalidation else ""
    return f"sends {found.inline_send}, receives {found.inline_receive}{flag}"


async def _longest(lab: Lab, peer: RawPeer) -> int:
    """Return the longest message of READs of all lengths around what goes inline."""
    file = await lab.file(session=await lab.session(peer))
    data = lab.rng.randbytes(MAX_INLINE + 1024)
    await file.fill(data[:8192])
    longest = 0
    for count in (700, 800, 840, 868, 872, 900, 1000, 1892, 1896, 3900, 3944, 4096):
        call = file.reading(count)
        offer = peer.memory.offer(8192)
        octets = header(call.xid, reply=offer.segments) + call.whole
        tried = await lab.try_out(peer, octets, call, reply=offer)
        expect(tried.served, f"READ of {count} octets: {tried.how}")
        assert tried.results is not None
        found = bytes(tried.results[-1].data)
        expect(found == data[: len(found)], "other octets than the file's")
        longest = max(longest, len(tried.message.octets))
    return longest


async def _keeps_to(lab: Lab, private_data: bytes, limit: int) -> str:
    """Check that no reply is longer than a limit, on a connection with these private data."""
    peer = await lab.peer(private_data=private_data, receive_size=max(limit, INLINE))
    longest = await _longest(lab, peer)
    expect(longest <= limit, f"a reply of {longest} octets, where {limit} are received")
    return f"{longest} octets at most"


@case("PD2", _DEFAULT, Severity.MUST)
async def none(lab: Lab) -> str:
    """Send a client without private data no message of more than 1024 octets."""
    return await _keeps_to(lab, b"", 1024)


@case("PD3", _FORMAT, Severity.MUST)
async def sizes(lab: Lab) -> str:
    """Keep to the sizes of both sides, whatever they are."""
    found = []
    for size in (1024, 2048, 4096, 65536, MAX_INLINE):
        data = PrivateData(size, size).encode()
        found.append(f"{size}: {await _keeps_to(lab, data, size)}")
    return ", ".join(found)


@case("PD4", _DEFAULT, Severity.MUST)
async def unknown(lab: Lab) -> str:
    """Take private data with another magic or version for none."""
    good = PrivateData(4096, 4096).encode()
    await _keeps_to(lab, b"\xf6\xab\x0e\x19" + good[4:], 1024)
    return await _keeps_to(lab, good[:4] + b"\x02" + good[5:], 1024)


@case("PD5", _FORMAT, Severity.MUST)
async def padded(lab: Lab) -> str:
    """Understand private data that are padded with zeros."""
    return await _keeps_to(lab, PrivateData(2048, 2048).encode().ljust(56, b"\0"), 2048)


@case("PD6", _FORMAT, Severity.SHOULD)
async def more(lab: Lab) -> str:
    """Understand private data with other octets behind them."""
    data = PrivateData(2048, 2048).encode()
    return await _keeps_to(lab, data + lab.rng.randbytes(56 - len(data)), 2048)


@case("PD7", _FORMAT, Severity.MUST)
async def reserved_flags(lab: Lab) -> str:
    """Ignore the reserved flags: they are no offer of remote invalidation."""
    data = bytearray(PrivateData(4096, 4096).encode())
    data[5] = 0xFE
    peer = await lab.peer(private_data=bytes(data))
    file = await lab.file(lab.rng.randbytes(9000), await lab.session(peer))
    offer = peer.memory.offer(9000)
    call = file.reading(9000)
    answer = await lab.call(peer, call, writes=[offer])
    expect(answer.message.invalidated is None, "memory was invalidated")
    return "no invalidation"
