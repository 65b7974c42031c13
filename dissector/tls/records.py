"""One direction of a TLS connection: records into what they carry (RFC 8446, Sections 4 and 5)."""

from __future__ import annotations

import hashlib
from typing import Final

from .keylog import CLIENT_DATA, CLIENT_HANDSHAKE, SERVER_DATA, SERVER_HANDSHAKE, KeyLog
from .keys import SUITES, Keys, Suite

CHANGE_CIPHER, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
HEADER = 5
MAX_RECORD = (1 << 14) + 256
"""Octets of an encrypted record (RFC 8446, Section 5.2)."""
MAX_HANDSHAKE = 1 << 18
"""Octets of an unfinished message of the handshake, such as a long chain of certificates."""
_CLIENT_HELLO, _SERVER_HELLO, _FINISHED, _KEY_UPDATE = 1, 2, 20, 24
_RANDOM: Final = slice(6, 38)
"""Where the random octets of either hello are: behind type, length and version."""
_RETRY: Final = hashlib.sha256(b"HelloRetryRequest").digest()


NOT_OURS: Final = "no TLS, and no RPC"


class Session:
    """What both directions of a connection know of it."""

    def __init__(self, log: KeyLog) -> None:
        self._log = log
        self._random = b""
        self._suite: Suite | None = None
        self.trouble = ""
        """Why nothing can be decrypted."""

    def hello(self, message: bytes, from_client: bool) -> None:
        """Take a ClientHello or a ServerHello."""
        random = message[_RANDOM]
        if from_client:
            self._random = random
            self.keys(True, True)  # so that it shows at once if there are none
        elif random != _RETRY and len(message) > 38:
            at = 39 + message[38]
            number = int.from_bytes(message[at : at + 2], "big")
            self._suite = SUITES.get(number)
            if self._suite is None:
                self.trouble = f"cipher suite {number:#06x}, which is none of TLS 1.3's"

    def keys(self, from_client: bool, handshake: bool) -> Keys | None:
        """Return the keys of one direction, if they are known."""
        if handshake:
            label = CLIENT_HANDSHAKE if from_client else SERVER_HANDSHAKE
        else:
            label = CLIENT_DATA if from_client else SERVER_DATA
        secret = self._log.secret(self._random, label)
        if secret is None:
            self.trouble = self.trouble or "the key log has no secrets of this connection"
        elif self._suite is None and not from_client:
            self.trouble = self.trouble or "the server's hello is not in the capture"
        if secret is None or self._suite is None:
            return None
        return Keys(self._suite, secret)

    @property
    def growth(self) -> int:
        """Octets that a record has beside its content."""
        return 1 + (self._suite.tag if self._suite is not None else 16)


class Direction:
    """Takes the records of one side, in order."""

    def __init__(self, session: Session, from_client: bool) -> None:
        self._session = session
        self._from_client = from_client
        self._keys: Keys | None = None
        self._handshake = bytearray()
        self._sealed = False
        """Its handshake has ended: what follows is under the keys for data."""
        self.records = 0
        """Records with data that were decrypted."""

    @property
    def trouble(self) -> str:
        """Why nothing more of the connection is decrypted."""
        return self._session.trouble

    def give_up(self, why: str) -> None:
        """Decrypt nothing more."""
        self._session.trouble = self._session.trouble or why

    def take(self, header: bytes, body: bytes) -> bytes:
        """Return the data in a record; nothing in those of the handshake, or without keys."""
        kind = header[0]
        if kind == HANDSHAKE:
            self._messages(body)
            return b""
        if kind != DATA or self._session.trouble:
            return b""
        if self._keys is None:
            self._keys = self._session.keys(self._from_client, True)
            if self._keys is None:
                self.give_up("the server's hello is not in the capture")
                return b""
            self._handshake.clear()
        opened = self._keys.open(header, body)
        if opened is None:
            self._session.trouble = "a record that the key log's secrets do not fit"
            return b""
        kind, content = opened
        if kind == HANDSHAKE:
            self._messages(content)
        elif kind == DATA:
            self.records += 1
            return content
        return b""

    def missing(self, size: int) -> int:
        """Pass over a record of which octets are missing; how much data it would have had."""
        if self._keys is None or not self._sealed:
            self._session.trouble = self._session.trouble or "a part of the handshake is missing"
            return 0
        self._keys.skip()
        return max(0, size - self._session.growth)

    def _messages(self, octets: bytes) -> None:
        """Take messages of the handshake, which may go across records."""
        held = self._handshake
        held += octets
        while len(held) >= 4:
            size = 4 + int.from_bytes(held[1:4], "big")
            if size > MAX_HANDSHAKE:
                self._session.trouble = self._session.trouble or "a handshake that is none"
                held.clear()
                return
            if len(held) < size:
                return
            message = bytes(held[:size])
            del held[:size]
            self._message(message)

    def _message(self, message: bytes) -> None:
        kind = message[0]
        if kind in (_CLIENT_HELLO, _SERVER_HELLO) and self._keys is None:
            self._session.hello(message, self._from_client)
        elif kind == _FINISHED and self._keys is not None and not self._sealed:
            self._sealed = True
            self._keys = self._session.keys(self._from_client, False)
        elif kind == _KEY_UPDATE and self._keys is not None and self._sealed:
            self._keys = self._keys.updated()
