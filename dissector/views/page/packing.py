"""Octets as letters that mean nothing to HTML."""

from __future__ import annotations

import base64
import zlib


def packed(octets: bytes | bytearray) -> str:
    """Return octets deflated, in Base64."""
    packer = zlib.compressobj(6, wbits=-15)
    return base64.b64encode(packer.compress(octets) + packer.flush()).decode()
