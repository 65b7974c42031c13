"""CM: making and ending connections (RFC 8166, Section 3.3.3; RFC 8267, Section 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.roce.wire.cm_messages import CmAttribute
from nfsrdma.rpcrdma.roce.wire.opcode import UD_SEND_ONLY
from nfsrdma.rpcrdma.task import sleep

from .. import nfs
from ..case import Failed, Need, NotApplicable, Severity, case, expect
from ..lab import Lab, check_reply
from ..packets import payload_of, source_of
from ..peer import Gone, RawPeer, Silence
from ..wire import header

_MAD_AT: Final = 20
"""Where a management datagram begins in its packet: behind BTH and DETH."""
_PORT = "RFC 8267, Section 6.3"


@case("CM1", _PORT, Severity.MUST)
async def accepted(lab: Lab) -> str:
    """Accept a connection at the port of NFS over RDMA, and serve it."""
    peer = await lab.peer()
    await lab.alive(peer)
    return f"port {lab.target.port}"


@case("CM2", _PORT, Severity.MUST)
async def several(lab: Lab) -> None:
    """Serve several connections of one client at a time."""
    peers = [await lab.peer() for _ in range(4)]
    for peer in (*peers, *reversed(peers)):
        await lab.alive(peer)


def _attribute(packet: bytes) -> int | None:
    """Return which message of the connection manager a packet is, or None (IBA, Section 12.6)."""
    if packet[0] != UD_SEND_ONLY or len(packet) < _MAD_AT + 18:
        return None
    return int.from_bytes(packet[_MAD_AT + 16 : _MAD_AT + 18], "big")


@case("CM3", "IBA, Section 12.6.5", Severity.MUST, Need.PACKETS)
async def request_twice(lab: Lab) -> str:
    """Answer a request to connect that comes twice as one, with one connection."""
    doubled = [0]

    def twice(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        if outgoing and _attribute(packet) == CmAttribute.REQ:
            doubled[0] += 1
            return (packet, packet)
        return (packet,)

    lab.meddle(twice)
    mark = lab.mark()
    peer = await lab.peer()
    await lab.alive(peer)
    await sleep(lab.reactor, 0.1)
    assert lab.watch is not None
    numbers = set()
    for _, frame, _ in lab.watch.frames[mark:]:
        packet = payload_of(frame)
        if source_of(frame) == lab.target.address and _attribute(packet) == CmAttribute.REP:
            numbers.add(packet[_MAD_AT + 24 + 12 : _MAD_AT + 24 + 15])
    expect(doubled[0], "no request was seen going out")
    expect(len(numbers) == 1, f"{len(numbers)} queue pairs were made for one request")
    await lab.alive(peer)
    return f"{doubled[0]} request twice"


@case("CM4", "IBA, Section 12.6.9", Severity.SHOULD, Need.PACKETS)
async def lost_confirmation(lab: Lab) -> str:
    """Keep a call that comes before the confirmation (RTU), and serve it."""
    lost = [0]

    def drop(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        if outgoing and _attribute(packet) == CmAttribute.RTU and not lost[0]:
            lost[0] += 1
            return ()
        return (packet,)

    lab.meddle(drop)
    peer = await lab.peer()
    xid = lab.xid()
    answer = await peer.ask(header(xid) + nfs.null(xid), 10.0)
    check_reply(answer, xid)
    expect(lost[0], "no confirmation was seen going out")
    return f"{lost[0]} lost"


@case("CM5", "IBA, Section 12.6.5", Severity.ROBUSTNESS)
async def no_reads(lab: Lab) -> str:
    """Reject a client that answers no RDMA READ, or serve it without."""
    peer = lab.new_peer()
    try:
        await peer.connect(lab.target.address, lab.target.port, responder_resources=0)
    except Gone as error:
        return f"rejected: {error}"
    await lab.alive(peer)
    return "served"


@case("CM6", "IBA, Section 12.6.5", Severity.MUST, Need.PACKETS)
async def read_depth(lab: Lab) -> str:
    """Have no more RDMA READs in flight than the client answers at a time."""
    peer = lab.new_peer()
    await peer.connect(lab.target.address, lab.target.port, responder_resources=1)
    file = await lab.file(session=await lab.session(peer))
    data = lab.rng.randbytes(16000)
    call = file.writing(data)
    mark = lab.mark()
    answer = await file.reduced(call, range(1000, 16000, 1000))
    await file.written(call, len(data), answer)
    assert lab.watch is not None
    flying = most = 0
    for seen in lab.watch.seen():
        if seen.number <= mark:
            continue
        if seen.kind.name == "READ_REQUEST" and seen.source == lab.target.address:
            flying += 1
            most = max(most, flying)
        elif seen.kind.name == "READ_RESPONSE" and seen.last:
            flying = max(0, flying - 1)
    expect(most <= 1, f"{most} RDMA READs in flight, the client answers 1 at a time")
    await file.holds(data)
    return f"{most} in flight"


@case("CM7", "IBA, Sections 12.6.10 and 12.6.11", Severity.MUST)
async def good_bye(lab: Lab) -> None:
    """End a connection when the client says good-bye, and take the next one."""
    for _ in range(3):
        peer = await lab.peer()
        await lab.alive(peer)
        peer.disconnect()
        try:
            await peer.gone()
        except Silence:
            raise Failed("the good-bye was not answered") from None


@case("CM8", "IBA, Section 12.6.7.2", Severity.ROBUSTNESS)
async def wrong_port(lab: Lab) -> str:
    """Reject a connection to a port where no service is, at once."""
    peer = lab.new_peer()
    port = 20000 + lab.rng.randrange(40)
    if port == lab.target.port:
        port += 50
    try:
        await peer.connect(lab.target.address, port)
    except Gone as error:
        if isinstance(error.__cause__, TimeoutError):
            raise Failed(f"no answer: {error}") from None
        return str(error)
    raise NotApplicable(f"something listens at port {port}")


@case("CM10", _PORT, Severity.ROBUSTNESS, Need.PACKETS, Need.DESTRUCTIVE)
async def half_open(lab: Lab) -> str:
    """Serve others while requests to connect pile up that nobody confirms."""
    asked: list[RawPeer] = []

    def unconfirmed(packet: bytes, outgoing: bool) -> Sequence[bytes]:
        quiet = outgoing and _attribute(packet) in (CmAttribute.RTU, CmAttribute.DREQ)
        return () if quiet else (packet,)

    lab.meddle(unconfirmed)
    for _ in range(300):
        peer = lab.new_peer(receives=1)
        asked.append(peer)
        with suppress(Gone):
            await peer.connect(lab.target.address, lab.target.port)
    lab.meddle(None)
    await lab.alive()
    refused = sum(peer.ended is not None for peer in asked)
    return f"{len(asked)} asked, {refused} were refused"


@case("CM11", _PORT, Severity.ROBUSTNESS)
async def idle_connections(lab: Lab) -> str:
    """Serve others while a client has many connections that it does not use."""
    idle: list[RawPeer] = []
    try:
        for _ in range(32):
            idle.append(await lab.peer(receives=2))  # noqa: PERF401 - it may end early
    except Gone as error:
        await lab.alive()
        return f"{len(idle)} connections, then: {error}"
    await lab.alive()
    return f"{len(idle)} connections"


@case("CM12", "RFC 8166, Section 3.3.3", Severity.ROBUSTNESS)
async def hurried(lab: Lab) -> str:
    """Survive clients that send a call, and are gone before the answer."""
    for _ in range(16):
        peer = await lab.peer()
        xid = lab.xid()
        peer.send(header(xid) + nfs.null(xid))
        peer.close()
    await lab.alive()
    return "16 of them"


@case("CM13", "RFC 8166, Section 8.1", Severity.MUST)
async def no_memory(lab: Lab) -> str:
    """Expose no memory: an RDMA READ or WRITE by the client ends its connection."""
    reads = "read"
    for way in ("read", "write"):
        peer = lab.new_peer()
        await peer.connect(lab.target.address, lab.target.port, initiator_depth=1)
        if way == "read" and not (peer.connection and peer.connection.initiator_depth):
            reads = ""  # it has agreed to answer none, so none can be sent
            continue
        for handle in (1, 0x100, lab.rng.getrandbits(32)):
            if way == "write":
                peer.write(handle, 4096, b"x" * 64)
            else:
                peer.read(handle, 4096, 64)
        try:
            await peer.gone()
        except Silence:
            raise Failed(f"an RDMA {way.upper()} did not end the connection") from None
        await lab.alive()
    return "both were refused" if reads else "it answers no RDMA READ; RDMA WRITE was refused"


@case("CM9", "IBA, Section 12.6.5", Severity.MUST, Need.PACKETS)
async def path_mtu(lab: Lab) -> str:
    """Keep to the path MTU that the request to connect names, from 2048 octets down to 256."""
    for mtu in (2048, 1024, 512, 256):
        lab.meddling.narrow(mtu)
        mark = lab.mark()
        data = lab.rng.randbytes(5 * mtu + 3)
        file = await lab.file(data)
        await file.holds(data)
        longest = max((each.octets for each in lab.packets(mark)), default=0)
        expect(longest <= mtu, f"a packet of {longest} octets where the path carries {mtu}")
        expect(longest == mtu, f"packets of {longest} octets at most, the path carries {mtu}")
    return "2048, 1024, 512, 256"
