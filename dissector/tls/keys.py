"""Keys of TLS 1.3 out of secrets, and records out of what they protect (RFC 8446, 5.2, 7)."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

_IV = 12


class Opener(Protocol):
    """A cipher that decrypts and checks."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the plaintext. Raises ``InvalidTag``."""
        ...


class Suite(NamedTuple):
    """A cipher suite."""

    hash: str
    key: int
    """Octets of a key."""
    tag: int
    """Octets by which a record grows."""
    cipher: Callable[[bytes], Opener]


SUITES: Final[dict[int, Suite]] = {
    0x1301: Suite("sha256", 16, 16, AESGCM),
    0x1302: Suite("sha384", 32, 16, AESGCM),
    0x1303: Suite("sha256", 32, 16, ChaCha20Poly1305),
    0x1304: Suite("sha256", 16, 16, AESCCM),
    0x1305: Suite("sha256", 16, 8, lambda key: AESCCM(key, 8)),
}
"""Those of TLS 1.3 (RFC 8446, Appendix B.4)."""


def expand_label(suite: Suite, secret: bytes, label: str, length: int) -> bytes:
    """Return HKDF-Expand-Label without a context (RFC 8446, Section 7.1; RFC 5869, Section 2.3)."""
    name = b"tls13 " + label.encode()
    info = struct.pack(">HB", length, len(name)) + name + b"\0"
    octets = block = b""
    index = 0
    while len(octets) < length:
        index += 1
        block = hmac.digest(secret, block + info + bytes((index,)), suite.hash)
        octets += block
    return octets[:length]


class Keys:
    """What opens the records of one direction, as long as its secret holds."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        self._suite = suite
        self._secret = secret
        self._cipher = suite.cipher(expand_label(suite, secret, "key", suite.key))
        self._iv = int.from_bytes(expand_label(suite, secret, "iv", _IV), "big")
        self._sequence = 0

    def skip(self) -> None:
        """Pass over a record that is not there."""
        self._sequence += 1

    def open(self, header: bytes, sealed: bytes) -> tuple[int, bytes] | None:
        """Return type and content of a record; ``None`` if these are not its keys."""
        nonce = (self._iv ^ self._sequence).to_bytes(_IV, "big")
        try:
            inner = self._cipher.decrypt(nonce, sealed, header)
        except (InvalidTag, ValueError):
            return None
        self._sequence += 1
        inner = inner.rstrip(b"\0")
        return (inner[-1], inner[:-1]) if inner else None

    def updated(self) -> Keys:
        """Return those that follow a KeyUpdate (RFC 8446, Section 7.2)."""
        length = len(self._secret)
        return Keys(self._suite, expand_label(self._suite, self._secret, "traffic upd", length))
