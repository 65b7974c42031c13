"""RPCSEC_GSS with a mechanism of tests: two steps, a shared secret, checksums and a stream of keys.

The server's side is a flavor for ``RpcService``, as the caller's side of the conformance suite is
plain octets: neither has a line of the other's.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Final

from nfsrdma.conform.outside import Mechanism
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.rpc.message import AuthError, CallHeader, OpaqueAuth, encode_accepted
from nfsrdma.rpcrdma.rpc.security import Caller
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import AUTH_BADCRED, AUTH_BADVERF

FLAVOR: Final = 6
_SECRET: Final = b"a secret of tests"
_DATA, _INIT, _CONTINUE = 0, 1, 2
_INTEGRITY, _PRIVACY = 2, 3
_MIC: Final = 16


def _mac(who: bytes, data: bytes) -> bytes:
    return hashlib.blake2s(data, key=_SECRET, person=who, digest_size=_MIC).digest()


def _crypt(data: bytes) -> bytes:
    keys = hashlib.shake_128(_SECRET).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, keys, strict=True))


def _seal(who: bytes, plain: bytes) -> bytes:
    return _mac(who, plain) + _crypt(plain)


def _open(who: bytes, sealed: bytes) -> bytes:
    plain = _crypt(sealed[_MIC:])
    if _mac(who, plain) != sealed[:_MIC]:
        raise ValueError("not sealed with the secret")
    return plain


class ToyMechanism(Mechanism):
    """The initiator."""

    oid = bytes.fromhex("06052b06010505")

    def __init__(self) -> None:
        self.steps = 0

    def step(self, token: bytes) -> bytes:
        self.steps += 1
        assert token == b"theirs" * (self.steps - 1), "tokens come in order"
        return b"ours" * self.steps

    def mic(self, message: bytes) -> bytes:
        return _mac(b"client", message)

    def check(self, message: bytes, mic: bytes) -> bool:
        return mic == _mac(b"server", message)

    def wrap(self, message: bytes) -> bytes:
        return _seal(b"client", message)

    def unwrap(self, message: bytes) -> bytes:
        return _open(b"server", message)


class _Protection:
    reply_overhead = 256

    def __init__(self, number: int, service: int) -> None:
        self._number = number.to_bytes(4, "big")
        self._service = service
        self.wraps = service in (_INTEGRITY, _PRIVACY)
        self.verifier = OpaqueAuth(FLAVOR, _mac(b"server", self._number))

    def unwrap(self, arguments: Decoder) -> Decoder:
        body = arguments.opaque()
        if self._service == _PRIVACY:
            try:
                body = _open(b"client", body)
            except ValueError as error:
                raise XdrError(str(error)) from None
        elif arguments.opaque() != _mac(b"client", body):
            raise XdrError("the checksum is wrong")
        arguments.done()
        if body[:4] != self._number:
            raise XdrError("wrapped for another call")
        return Decoder(body[4:])

    def wrap(self, results: bytes) -> bytes:
        enc = Encoder()
        plain = self._number + results
        if self._service == _PRIVACY:
            enc.opaque(_seal(b"server", plain))
        else:
            enc.opaque(plain)
            enc.opaque(_mac(b"server", plain))
        return bytes(enc.buffer)


class GssServer:
    """The acceptor: whoever knows the secret is ``credentials``."""

    repeatable = False

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._steps: dict[bytes, int] = {}
        self._handles = itertools.count(1)

    def accept(self, header: CallHeader, incoming: IncomingCall) -> Caller | None:
        dec = Decoder(header.cred.body)
        try:
            version, procedure, number, service = (dec.uint32() for _ in range(4))
            handle = dec.opaque(64)
        except XdrError:
            raise AuthError(AUTH_BADCRED) from None
        if version != 1:
            raise AuthError(AUTH_BADCRED)
        if procedure in (_INIT, _CONTINUE):
            self._create(header, incoming, handle)
            return None
        if procedure != _DATA or self._steps.get(handle, 0) < 2:
            raise AuthError(AUTH_BADCRED)
        arguments = incoming.decoder
        at, arguments.offset = arguments.offset, 0
        signed = bytes(arguments.peek(header.cred_end))
        arguments.offset = at
        if header.verf.body != _mac(b"client", signed):
            raise AuthError(AUTH_BADVERF)
        return Caller(self._credentials, _Protection(number, service))

    def _create(self, header: CallHeader, incoming: IncomingCall, handle: bytes) -> None:
        token = incoming.decoder.opaque()
        handle = handle or b"context %d" % next(self._handles)
        done = self._steps[handle] = self._steps.get(handle, 0) + 1
        enc = Encoder()
        encode_accepted(enc, header.xid, OpaqueAuth(FLAVOR, b""))
        enc.opaque(handle)
        enc.uint32((1 if done < 2 else 0) if token == b"ours" * done else 0xD0000)
        for word in (0, 128):  # no minor status; the window of sequence numbers
            enc.uint32(word)
        enc.opaque(b"theirs" if done < 2 else b"")
        incoming.reply(enc)
