"""Records of TLS 1.3 sealed with secrets that are always the same: what a fuzzer can go on from."""

from __future__ import annotations

import struct

from tests.support.tcp_wire import Peer, TcpWire

from nfsrdma.dissector.tls.keylog import (
    CLIENT_DATA,
    CLIENT_HANDSHAKE,
    SERVER_DATA,
    SERVER_HANDSHAKE,
)
from nfsrdma.dissector.tls.keys import SUITES, expand_label

HANDSHAKE, DATA = 22, 23
SUITE = 0x1301
RANDOM = bytes(range(32))
_LABELS = ((CLIENT_HANDSHAKE, CLIENT_DATA), (SERVER_HANDSHAKE, SERVER_DATA))
_SECRETS = {label: bytes((at + 1,)) * 32 for at, label in enumerate(sum(_LABELS, ()))}
LOG = "".join(f"{label} {RANDOM.hex()} {secret.hex()}\n" for label, secret in _SECRETS.items())
FINISHED, KEY_UPDATE = b"\x14\0\0\x04done", b"\x18\0\0\x01\0"


def record(kind: int, body: bytes) -> bytes:
    """A record as it is."""
    return struct.pack(">BHH", kind, 0x303, len(body)) + body


class Sealer:
    """The records of one direction, under one secret after the other."""

    def __init__(self, secret: bytes) -> None:
        self._suite = SUITES[SUITE]
        self._begin(secret)

    def _begin(self, secret: bytes) -> None:
        suite = self._suite
        self._secret, self._sequence = secret, 0
        self._cipher = suite.cipher(expand_label(suite, secret, "key", suite.key))
        self._iv = int.from_bytes(expand_label(suite, secret, "iv", 12), "big")

    def seal(self, kind: int, content: bytes) -> bytes:
        """A record."""
        inner = content + bytes((kind,))
        header = struct.pack(">BHH", DATA, 0x303, len(inner) + self._suite.tag)
        nonce = (self._iv ^ self._sequence).to_bytes(12, "big")
        self._sequence += 1
        return header + self._cipher.encrypt(nonce, inner, header)  # type: ignore[attr-defined,no-any-return]

    def update(self) -> None:
        """Go on with the keys that follow."""
        self._begin(expand_label(self._suite, self._secret, "traffic upd", len(self._secret)))


class SealedWire(TcpWire):
    """A connection on which TLS begins at once."""

    def __init__(self) -> None:
        super().__init__(mss=512)
        self.connect()
        self.stream(self.client, record(HANDSHAKE, b"\1\0\0\x22\3\3" + RANDOM))
        hello = b"\2\0\0\x26\3\3" + RANDOM + b"\0" + SUITE.to_bytes(2, "big") + b"\0"
        self.stream(self.server, record(HANDSHAKE, hello))
        self._sealers: list[Sealer] = []
        for index, (handshake, data) in enumerate(_LABELS):
            finished = Sealer(_SECRETS[handshake]).seal(HANDSHAKE, FINISHED)
            self.stream((self.client, self.server)[index], finished)
            self._sealers.append(Sealer(_SECRETS[data]))

    def sealer(self, sender: Peer) -> Sealer:
        """What seals for one end."""
        return self._sealers[sender is self.server]
