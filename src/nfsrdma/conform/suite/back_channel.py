"""BC: the reverse direction (RFC 8167), by the callbacks that a server makes of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.task import sleep
from nfsrdma.rpcrdma.transport.header import RDMA_MSG
from nfsrdma.xdr.nfs4 import types as t

from .. import nfs
from ..case import Failed, NotApplicable, Severity, case, expect
from ..lab import Lab, Session, check_reply
from ..peer import RawPeer
from ..wire import Message, chunk, header, words

_FLAG: Final = t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN
_WAIT_S: Final = 2.0
_PATH_DOWN: Final = t.SEQ4_STATUS_CB_PATH_DOWN | t.SEQ4_STATUS_CB_PATH_DOWN_SESSION


class Listener:
    """Takes the callbacks of a connection; ``answer`` returns what goes back, if anything."""

    def __init__(self, answer: Callable[[Message], bytes | None]) -> None:
        self.calls: list[Message] = []
        self.peer: RawPeer | None = None
        self.answer = answer

    def take(self, message: Message) -> bool:
        """Take a message if it is a call. For ``RawPeer``."""
        if not _is_call(message):
            return False
        self.calls.append(message)
        octets = self.answer(message)
        if octets is not None and self.peer is not None and self.peer.ended is None:
            self.peer.send(octets)
        return True


def _is_call(message: Message) -> bool:
    octets = message.octets
    plain = octets[12:28] == words(RDMA_MSG, 0, 0, 0)
    if plain:
        return octets[32:36] == words(0)
    # With chunks or a procedure that has none behind it: a call all the same, if RPC says so.
    return octets[12:16] == words(RDMA_MSG) and octets[:4] + words(0, 2) in octets[16:]


def reply_to(message: Message) -> bytes:
    """Return the reply to a callback: to CB_NULL all is well, to CB_COMPOUND that we are busy."""
    xid = message.xid
    body = words(xid, 1, 0, 0, 0, 0)
    if message.octets[48:52] == words(1):
        body += words(t.NFS4ERR_DELAY, 0, 0)
    return header(xid, credit=1) + body


async def _listening(
    lab: Lab,
    *,
    private_data: bytes | None = None,
    answer: Callable[[Message], bytes | None] = reply_to,
) -> tuple[Session, Listener]:
    """Return a session with a back channel, and who listens there."""
    listener = Listener(answer)
    listener.peer = peer = await lab.peer(private_data=private_data, on_message=listener.take)
    session = await lab.session(peer, flags=_FLAG)
    if not session.created.csr_flags & _FLAG:
        raise NotApplicable("the server uses no connection for callbacks")
    return session, listener


def _silent(_: Message) -> None:
    """Answer no callback."""


async def _first(lab: Lab, listener: Listener) -> Message:
    """Wait for a callback. Raises ``NotApplicable`` if the server makes none."""
    until = lab.reactor.time() + _WAIT_S
    while not listener.calls:
        if lab.reactor.time() > until:
            raise NotApplicable("the server made no callback of itself")
        await sleep(lab.reactor, 0.01)
    return listener.calls[0]


@case("BC1", "RFC 8881, Section 18.36.3", Severity.SHOULD)
async def bound(lab: Lab) -> str:
    """Use the connection of CREATE_SESSION for callbacks if the client asks for it."""
    try:
        await _listening(lab)
    except NotApplicable as error:
        raise Failed(str(error)) from None
    return "CONN_BACK_CHAN"


@case("BC2", "RFC 8167, Section 5.1", Severity.MUST)
async def form(lab: Lab) -> str:
    """Make callbacks in RDMA_MSG with empty lists and equal XIDs, and ask for credits."""
    _, listener = await _listening(lab)
    octets = (await _first(lab, listener)).octets
    expect(octets[4:8] == words(1), f"version {octets[4:8].hex()}")
    expect(octets[12:28] == words(RDMA_MSG, 0, 0, 0), f"header {octets[:28].hex(' ', 4)}")
    expect(octets[:4] == octets[28:32], "the XIDs of header and call differ")
    expect(octets[8:12] != bytes(4), "no credit is asked for")
    expect(octets[40:44] == words(nfs.PROGRAM), "another program than that of CREATE_SESSION")
    name = {0: "CB_NULL", 1: "CB_COMPOUND"}.get(int.from_bytes(octets[48:52], "big"), "?")
    return f"{name}, {int.from_bytes(octets[8:12], 'big')} credits asked for"


@case("BC3", "RFC 8167, Section 2.4", Severity.MUST)
async def equal_xids(lab: Lab) -> None:
    """Tell a reply from a callback's by its direction if both have the same XID."""
    session, listener = await _listening(lab, answer=_silent)
    call = await _first(lab, listener)
    xid = call.xid
    session.peer.send(header(xid) + nfs.null(xid))
    session.peer.send(reply_to(call))
    answer = await session.peer.receive()
    check_reply(answer, xid)
    listener.answer = reply_to
    await session.ok(nfs.PUTROOTFH)


@case("BC4", "RFC 8167, Section 4.1", Severity.MUST)
async def one_credit(lab: Lab) -> str:
    """Have one callback in progress until the first reply has granted more."""
    session, listener = await _listening(lab, answer=_silent)
    first = await _first(lab, listener)
    # The more it has to say, the worse: several sessions over one connection.
    more = await lab.session(session.peer, flags=_FLAG)
    await sleep(lab.reactor, 0.5)
    count = len(listener.calls)
    expect(count == 1, f"{count} callbacks without a reply to any")
    listener.answer = reply_to
    session.peer.send(reply_to(first))
    await more.ok(nfs.PUTROOTFH)
    return f"{len(listener.calls)} in the end"


@case("BC5", "RFC 8167, Section 4.2", Severity.MUST)
async def short(lab: Lab) -> str:
    """Make no callback that is longer than the inline threshold."""
    _, listener = await _listening(lab, private_data=b"")
    await _first(lab, listener)
    longest = max(len(each.octets) for each in listener.calls)
    expect(longest <= 1024, f"a callback of {longest} octets, where 1024 are received")
    return f"{longest} octets"


@case("BC6", "RFC 8167, Section 5.2", Severity.ROBUSTNESS)
async def chunks_in_a_reply(lab: Lab) -> str:
    """Survive a reply to a callback that has chunks."""
    session, listener = await _listening(lab)
    offer = session.peer.memory.offer(64)

    def answer(message: Message) -> bytes:
        plain = reply_to(message)
        lists = words(0) + chunk(offer.segments) + words(0) + chunk(offer.segments)
        return plain[:16] + lists + plain[28:]

    listener.answer = answer
    await _first(lab, listener)
    await sleep(lab.reactor, 0.1)
    expect(not offer.touched, "memory that a reply named was written")
    if session.peer.ended is not None:
        return f"the connection ended: {session.peer.ended}"
    await session.ok(nfs.PUTROOTFH)
    return "the connection lives"


@case("BC7", "RFC 8881, Section 10.2", Severity.SHOULD)
async def recalled_again(lab: Lab) -> str:
    """Recall a delegation again on the next connection if the first recall got no answer."""
    recalls: list[Message] = []
    listener: Listener

    def answer(message: Message) -> bytes | None:
        if message.octets[48:52] != words(1):
            return reply_to(message)
        recalls.append(message)
        return None

    session, listener = await _listening(lab, answer=answer)
    await _first(lab, listener)
    file = await lab.file(b"delegated", await lab.session())
    wanted = nfs.open_(file.name, b"holder")[1]
    wanted.share_access = t.OPEN4_SHARE_ACCESS_READ | t.OPEN4_SHARE_ACCESS_WANT_READ_DELEG
    # Who holds it open for writing is in the way of a delegation.
    lab.files.remove(file)
    await file.session.run(nfs.putfh(file.handle), nfs.close(file.stateid))
    opened = nfs.needed(
        await session.run(nfs.putfh(session.directory), (t.OP_OPEN, wanted)), "OPEN"
    )[-1]
    if opened.delegation.delegation_type != t.OPEN_DELEGATE_READ:
        raise NotApplicable("the server grants no delegation")
    other = await lab.session()
    await other.run(nfs.putfh(other.directory), nfs.open_(file.name, b"other"))
    await _until(lab, lambda: len(recalls) >= 1, "no recall came")
    session.peer.disconnect()
    before = len(recalls)
    peer = await lab.peer(on_message=listener.take)
    listener.peer = session.peer = peer
    bind = t.BIND_CONN_TO_SESSION4args(session.id, t.CDFC4_BACK_OR_BOTH, False)
    call = nfs.compound(lab.xid(), [(t.OP_BIND_CONN_TO_SESSION, bind)], lab.target.credentials)
    nfs.needed((await lab.call(peer, call)).results(call), "BIND_CONN_TO_SESSION")
    await _until(lab, lambda: len(recalls) > before, "no recall came on the next connection")
    listener.answer = reply_to
    return f"{len(recalls)} recalls"


async def _until(lab: Lab, holds: Callable[[], bool], complaint: str) -> None:
    """Wait for something. Raises ``Failed`` if it takes too long."""
    until = lab.reactor.time() + 2 * _WAIT_S
    while not holds():
        expect(lab.reactor.time() < until, complaint)
        await sleep(lab.reactor, 0.02)


@case("BC8", "RFC 8166, Section 4.5", Severity.SHOULD)
async def unknown_reply(lab: Lab) -> None:
    """Drop a reply with an XID that no callback has."""
    session, listener = await _listening(lab)
    xid = lab.xid()
    await lab.dropped(session.peer, header(xid) + words(xid, 1, 0, 0, 0, 0))
    await lab.dropped(session.peer, header(xid) + words(xid, 1, 0, 0, 0, 0) + bytes(40))
    await session.ok(nfs.PUTROOTFH)
    assert listener.peer is not None


@case("BC9", "RFC 8881, Section 18.46.3", Severity.SHOULD)
async def path_down(lab: Lab) -> str:
    """Say in SEQUENCE's flags that there is no path for callbacks any more."""
    session, listener = await _listening(lab)
    await _first(lab, listener)
    await session.ok(nfs.PUTROOTFH)
    session.peer.disconnect()
    session.peer = await lab.peer()
    flags = 0
    for _ in range(10):
        flags = (await session.ok(nfs.PUTROOTFH))[0].sr_status_flags
        if flags & _PATH_DOWN:
            break
        await sleep(lab.reactor, 0.1)
    expect(flags & _PATH_DOWN, f"the flags are {flags:#x}")
    return f"flags {flags:#x}"
