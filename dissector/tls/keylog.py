"""A key log, as ``SSLKEYLOGFILE`` has it: secrets by label and by the client's random octets."""

from __future__ import annotations

from typing import Final

CLIENT_HANDSHAKE: Final = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
SERVER_HANDSHAKE: Final = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_DATA: Final = "CLIENT_TRAFFIC_SECRET_0"
SERVER_DATA: Final = "SERVER_TRAFFIC_SECRET_0"
_LABELS: Final = frozenset((CLIENT_HANDSHAKE, SERVER_HANDSHAKE, CLIENT_DATA, SERVER_DATA))
_RANDOM, _LONGEST = 32, 64
MAX_SECRETS = 1 << 20
"""Secrets that are kept; four make a connection."""


class KeyLogError(Exception):
    """A file that is no key log."""


class KeyLog:
    """The secrets of version 1.3 (RFC 8446, Section 7.1); other lines are passed over."""

    def __init__(self, text: str) -> None:
        """Read a key log. Raises ``KeyLogError`` if nothing in it is a secret."""
        self._secrets: dict[tuple[bytes, str], bytes] = {}
        other = 0
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) != 3 or words[0] not in _LABELS:
                other += 1
                continue
            self._take(*words)
        if not self._secrets:
            found = f": {other} lines with something else" if other else ""
            raise KeyLogError(f"no secret of TLS 1.3{found}")

    def _take(self, label: str, random: str, secret: str) -> None:
        try:
            key, value = bytes.fromhex(random), bytes.fromhex(secret)
        except ValueError:
            raise KeyLogError(f"a {label} that is not hexadecimal") from None
        if len(key) != _RANDOM or not 0 < len(value) <= _LONGEST:
            raise KeyLogError(f"a {label} of another length than secrets have")
        if len(self._secrets) >= MAX_SECRETS:
            raise KeyLogError(f"more than {MAX_SECRETS} secrets")
        self._secrets[key, label] = value

    def secret(self, random: bytes, label: str) -> bytes | None:
        """Return a secret of the connection with these random octets of its client."""
        return self._secrets.get((random, label))
