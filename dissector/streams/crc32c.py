"""CRC32C as iWARP puts it on the wire (RFC 5044, Section 4.4; RFC 3385): a witness's own."""

from __future__ import annotations

from functools import lru_cache

_POLYNOMIAL = 0x82F63B78


@lru_cache(maxsize=1)
def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


def crc32c(octets: bytes | bytearray | memoryview) -> int:
    """Return the checksum; on the wire its least significant octet comes first."""
    table = _table()
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ table[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF
