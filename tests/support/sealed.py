"""A security flavor for tests, with everything that RPCSEC_GSS asks of the seam (RFC 2203).

A context is created by a call that the flavor answers itself. Then every call has a sequence number
that is good once, a checksum over its header, and wrapped arguments with a checksum of their own;
the reply's verifier is one over the sequence number, and its results are wrapped, too.

And a filter below a stream that changes every octet once it is switched on, as TLS would.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.filter import Stream
from nfsrdma.rpcrdma.rpc.message import (
    AuthError,
    CallHeader,
    OpaqueAuth,
    decode_reply,
    encode_accepted,
)
from nfsrdma.rpcrdma.rpc.security import BadReply, Caller, SecuredChannel
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import AUTH_BADCRED, AUTH_BADVERF

SEALED: Final = 300_000
"""A number that is nobody's flavor."""
_CREATE, _DATA = 1, 0
_NONCE: Final = 16
_SEAL: Final = 16
_CRED = struct.Struct(">2I")  # procedure, sequence number; then the handle
_OVERHEAD: Final = 256


def _mac(key: bytes, data: bytes) -> bytes:
    return hashlib.blake2s(data, key=key, digest_size=_SEAL).digest()


def _wrap(key: bytes, seq: int, body: bytes) -> bytes:
    enc = Encoder()
    enc.opaque(seq.to_bytes(4, "big") + bytes(octet ^ 0x5A for octet in body))
    enc.opaque(_mac(key, bytes(enc.buffer)))
    return bytes(enc.buffer)


def _unwrap(key: bytes, seq: int, dec: Decoder) -> bytes:
    check = Encoder()
    body = dec.opaque()
    check.opaque(body)
    if dec.opaque(_SEAL) != _mac(key, bytes(check.buffer)):
        raise XdrError("the checksum is wrong")
    if int.from_bytes(body[:4], "big") != seq:
        raise XdrError("wrapped for another call")
    dec.done()
    return bytes(octet ^ 0x5A for octet in body[4:])


class _Protection:
    wraps = True
    reply_overhead = _OVERHEAD

    def __init__(self, key: bytes, seq: int) -> None:
        self._key = key
        self._seq = seq
        self.verifier = OpaqueAuth(SEALED, _mac(key, seq.to_bytes(4, "big")))

    def unwrap(self, arguments: Decoder) -> Decoder:
        return Decoder(_unwrap(self._key, self._seq, arguments))

    def wrap(self, results: bytes) -> bytes:
        return _wrap(self._key, self._seq, results)


class SealedServer:
    """The server's side: its contexts, and who they are for."""

    repeatable = False

    def __init__(self, secret: bytes, credentials: Credentials) -> None:
        self._secret = secret
        self._credentials = credentials
        self._contexts: dict[bytes, bytes] = {}
        self._seen: set[tuple[bytes, int]] = set()
        self.created = 0
        self.accepted = 0
        self.repeated = 0

    def accept(self, header: CallHeader, incoming: IncomingCall) -> Caller | None:
        body = header.cred.body
        if len(body) < _CRED.size:
            raise AuthError(AUTH_BADCRED)
        procedure, seq = _CRED.unpack_from(body)
        handle = body[_CRED.size :]
        if procedure == _CREATE:
            self._create(header, incoming)
            return None
        key = self._contexts.get(handle)
        if key is None:
            raise AuthError(AUTH_BADCRED, "no such context")
        dec = incoming.decoder
        covered = dec.offset
        dec.offset = 0
        signed = bytes(dec.peek(header.cred_end))
        dec.offset = covered
        if header.verf.body != _mac(key, signed):
            raise AuthError(AUTH_BADVERF)
        if (handle, seq) in self._seen:
            self.repeated += 1
            incoming.drop()
            return None
        self._seen.add((handle, seq))
        self.accepted += 1
        return Caller(self._credentials, _Protection(key, seq))

    def _create(self, header: CallHeader, incoming: IncomingCall) -> None:
        nonce = incoming.decoder.opaque(_NONCE)
        self.created += 1
        handle = b"context%d" % self.created
        key = self._contexts[handle] = _mac(self._secret, nonce + handle)
        enc = Encoder()
        encode_accepted(enc, header.xid, OpaqueAuth(SEALED, _mac(key, b"created")))
        enc.opaque(handle)
        incoming.reply(enc)


class _ClientProtection:
    wraps = True

    def __init__(self, key: bytes, handle: bytes, seq: int) -> None:
        self._key = key
        self._seq = seq
        self.credential = OpaqueAuth(SEALED, _CRED.pack(_DATA, seq) + handle)

    def sign(self, header: bytes) -> OpaqueAuth:
        return OpaqueAuth(SEALED, _mac(self._key, header))

    def wrap(self, arguments: bytes) -> bytes:
        return _wrap(self._key, self._seq, arguments)

    def check(self, verifier: OpaqueAuth) -> None:
        if verifier.body != _mac(self._key, self._seq.to_bytes(4, "big")):
            raise BadReply("the verifier is wrong")

    def unwrap(self, results: Decoder) -> bytes:
        return _unwrap(self._key, self._seq, results)


class _Context:
    call_overhead = _OVERHEAD
    reply_overhead = _OVERHEAD

    def __init__(self, key: bytes, handle: bytes) -> None:
        self._key = key
        self._handle = handle
        self._seq = 0

    def protect(self) -> _ClientProtection:
        self._seq += 1
        return _ClientProtection(self._key, self._handle, self._seq)


class SealedClient:
    """The client's side: a context for each connection."""

    def __init__(self, rpc: RpcClient, program: int, version: int, secret: bytes) -> None:
        self._rpc = rpc
        self._program = program
        self._version = version
        self._secret = secret
        self.flavor: _Context | None = None

    async def secure(self, channel: Channel) -> Channel:
        credential = OpaqueAuth(SEALED, _CRED.pack(_CREATE, 0))
        message = self._rpc.start(self._program, self._version, 0, credential)
        nonce = self._rpc.allocate_xid().to_bytes(_NONCE, "big")
        message.opaque(nonce)
        reply = await channel.call(message, max_reply=256)
        _, verifier = decode_reply(reply)
        handle = reply.opaque(64)
        key = _mac(self._secret, nonce + handle)
        if verifier.body != _mac(key, b"created"):
            raise BadReply("not the server that shares the secret")
        self.flavor = _Context(key, handle)
        return SecuredChannel(channel, self.flavor)


class Scrambler:
    """A ``Stream`` below a channel that changes every octet, both ways, once it is on."""

    def __init__(self, channel: Stream) -> None:
        self._channel = channel
        self._on = False
        self._out = bytearray()
        self.scrambled = 0
        self.on_ready: Callable[[], None] = lambda: None
        channel.on_ready = lambda: self.on_ready()
        channel.on_shut = lambda: self.on_shut()
        self.on_shut: Callable[[], None] = lambda: None

    def switch_on(self) -> None:
        """What comes and goes from here on is scrambled."""
        self._on = True

    @property
    def closed(self) -> bool:
        return self._channel.closed

    @property
    def wants_input(self) -> bool:
        return self._channel.wants_input

    @property
    def portion(self) -> int:
        return 4096

    def target(self) -> memoryview | None:
        return None

    def handle_data(self, data: bytes) -> None:
        if self._on:
            self.scrambled += len(data)
            data = bytes(octet ^ 0xA5 for octet in data)
        while data and not self.closed:
            target = self._channel.target()
            if target is None:
                self._channel.handle_data(data)
                return
            count = min(len(target), len(data))
            target[:count] = data[:count]
            self._channel.handle_filled(count)
            data = data[count:]

    def handle_filled(self, count: int) -> None:
        raise AssertionError("there is no target")

    def handle_lost(self, reason: str) -> None:
        self._channel.handle_lost(reason)

    def poll_transmit(self) -> list[bytes | bytearray | memoryview]:
        if not self._out:
            plain = b"".join(self._channel.poll_transmit())
            self._out += bytes(octet ^ 0xA5 for octet in plain) if self._on else plain
            if plain:
                self._channel.transmitted(len(plain))
        return [bytes(self._out)] if self._out else []

    def transmitted(self, count: int) -> None:
        del self._out[:count]
