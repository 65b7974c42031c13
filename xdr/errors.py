"""The error of XDR (RFC 4506)."""

from __future__ import annotations


class XdrError(ValueError):
    """Octets that are not what the type says, or a value that its type cannot carry."""
