"""What is UTF-8, to those parts of the protocol that want it."""

from __future__ import annotations

from typing import Final

_NO_CHARACTERS: Final = ("\ufffe", "\uffff")


def is_utf8(octets: bytes) -> bool:
    """Return whether octets are UTF-8 as RFC 8881, Section 14, means it: that of ISO 10646-1:1993.

    In that, as in Python's, nothing is longer than need be and surrogates do not occur; and nor do
    U+FFFE and U+FFFF (ISO/IEC JTC1/SC2/WG2 N2369 says so, and asks for a change).
    """
    if octets.isascii():
        return True
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return False
    return not any(each in text for each in _NO_CHARACTERS)
