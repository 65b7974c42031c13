"""RPCSEC_GSS (RFC 2203), the caller's side, in plain octets: nothing here keeps from mistakes."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.rpc.message import OpaqueAuth, RpcError, decode_reply
from nfsrdma.rpcrdma.transport.header import RDMA_NOMSG
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from . import nfs
from .case import Failed, NotApplicable, expect
from .lab import Lab, take_apart
from .nfs import Call, Op
from .outside import Mechanism
from .peer import Gone, RawPeer, Silence
from .wire import header, words

FLAVOR: Final = 6
VERSION: Final = 1
DATA, INIT, CONTINUE = 0, 1, 2
NONE, INTEGRITY, PRIVACY = 1, 2, 3
"""The services (RFC 2203, Section 5.1)."""
_COMPLETE, _CONTINUE_NEEDED = 0, 1
_MOST_STEPS: Final = 8
_TOKENS: Final = 16384


class Context:
    """An established context. Calls are counted by its sequence number."""

    def __init__(self, lab: Lab, mechanism: Mechanism, handle: bytes) -> None:
        self._lab = lab
        self._mechanism = mechanism
        self._handle = handle
        self._number = 0

    def call(self, service: int, ops: list[Op]) -> Call:
        """Return a protected COMPOUND, minor version 1.

        With integrity or privacy its arguments are one opaque that nothing can be left out of.
        """
        self._number += 1
        xid, enc = self._lab.xid(), Encoder()
        credential = credential_of(DATA, self._number, service, self._handle)
        enc.buffer += words(xid, 0, 2, t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND)
        enc.buffer += OpaqueAuth(FLAVOR, credential).wire
        enc.buffer += OpaqueAuth(FLAVOR, self._mechanism.mic(bytes(enc.buffer))).wire
        if service == NONE:
            nfs.encode_ops(enc, ops, 1)
        else:
            self._wrap(enc, service, ops)
        return Call(xid, enc, [number for number, _ in ops])

    def _wrap(self, enc: Encoder, service: int, ops: list[Op]) -> None:
        body = Encoder()
        body.uint32(self._number)
        nfs.encode_ops(body, ops, 1)
        plain = body.to_bytes()
        if service == PRIVACY:
            enc.opaque(self._mechanism.wrap(plain))
        else:
            enc.opaque(plain)
            enc.opaque(self._mechanism.mic(plain))

    def results(self, octets: bytes, call: Call, service: int, placed: list[bytes]) -> nfs.Results:
        """Return the results of a protected reply to the latest call. Raises ``Failed``."""
        decoder = Decoder(octets)
        try:
            _, verifier = decode_reply(decoder)
            number = words(self._number)
            expect(self._mechanism.check(number, verifier.body), "the reply's verifier is wrong")
            if service == NONE:
                return nfs.decode_results(octets, call, placed)
            plain = self._unwrap(decoder, service)
        except (RpcError, XdrError, ValueError) as error:
            raise Failed(f"the protected reply: {type(error).__name__}: {error}") from None
        expect(plain[:4] == number, "the results were wrapped for another call")
        bare = words(call.xid, 1, 0, 0, 0, 0) + plain[4:]
        return nfs.decode_results(bare, call)

    def _unwrap(self, decoder: Decoder, service: int) -> bytes:
        body = decoder.opaque()
        if service == PRIVACY:
            return self._mechanism.unwrap(body)
        expect(self._mechanism.check(body, decoder.opaque()), "the results' checksum is wrong")
        return body


def credential_of(procedure: int, number: int, service: int, handle: bytes) -> bytes:
    """Return the body of a credential (RFC 2203, Section 5)."""
    enc = Encoder()
    enc.buffer += words(VERSION, procedure, number, service)
    enc.opaque(handle)
    return bytes(enc.buffer)


async def establish(lab: Lab, peer: RawPeer, mechanism: Mechanism) -> Context:
    """Create a context over RDMA: its calls are long messages, and never reduced.

    Raises ``NotApplicable`` if the server, or the mechanism, has none for us.
    """
    handle, token = b"", mechanism.step(b"")
    for step in range(_MOST_STEPS):
        found = await _step(lab, peer, CONTINUE if step else INIT, handle, token)
        handle, major = found.opaque(), found.uint32()
        minor, _ = found.uint32(), found.uint32()
        theirs = found.opaque()
        if major not in (_COMPLETE, _CONTINUE_NEEDED):
            raise NotApplicable(f"the server's GSS-API refuses us: {major:#x}, {minor:#x}")
        token = mechanism.step(theirs) if theirs else b""
        if major == _COMPLETE:
            return Context(lab, mechanism, handle)
    raise NotApplicable(f"no context after {_MOST_STEPS} steps")


async def _step(lab: Lab, peer: RawPeer, procedure: int, handle: bytes, token: bytes) -> Decoder:
    xid, enc = lab.xid(), Encoder()
    enc.buffer += words(xid, 0, 2, t.NFS4_PROGRAM, t.NFS_V4, 0)
    enc.buffer += OpaqueAuth(FLAVOR, credential_of(procedure, 0, NONE, handle)).wire
    enc.buffer += OpaqueAuth(0).wire
    enc.opaque(token)
    reads = [(0, part) for part in peer.memory.expose(bytes(enc.buffer))]
    reply = peer.memory.offer(_TOKENS)
    octets = header(xid, RDMA_NOMSG, reads=reads, reply=reply.segments)
    try:
        message = await peer.ask(octets)
    except (Gone, Silence) as error:
        raise Failed(f"no answer to the creation of a context: {error}") from None
    answer = take_apart(message, xid, (), reply)
    decoder = Decoder(answer.body)
    try:
        decode_reply(decoder)
    except (RpcError, XdrError) as error:
        raise NotApplicable(f"the server has no RPCSEC_GSS for us: {error}") from None
    return decoder
