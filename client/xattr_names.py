"""Names of extended attributes: NFS has those of users only, and leaves the namespace out.

What Linux calls ``user.origin`` is ``origin`` on the wire (RFC 8276, Section 8.1). A name of
another namespace is not supported, as in a local file system that does not have it.
"""

from __future__ import annotations

import errno
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from .errors import make_error
from .paths import Path, to_octets, to_text

PREFIX: Final = b"user."
"""The namespace of all extended attributes in NFS."""
CREATE: Final = 1
REPLACE: Final = 2
"""Flags of ``setxattr``, with the values in ``os``."""

_OPTIONS: Final = {
    0: t.SETXATTR4_EITHER,
    CREATE: t.SETXATTR4_CREATE,
    REPLACE: t.SETXATTR4_REPLACE,
}


def wire_name(name: str | bytes, path: Path) -> bytes:
    """Return the name of an extended attribute without its namespace.

    Raises :class:`~.errors.NfsError`: EOPNOTSUPP for another namespace, EINVAL for ``user.`` alone.
    """
    octets = to_octets(name)
    if not octets.startswith(PREFIX):
        shown = to_text(octets)
        raise make_error(errno.EOPNOTSUPP, f"{shown!r} is not of the namespace 'user.'", path)
    if len(octets) == len(PREFIX):
        raise make_error(errno.EINVAL, "an extended attribute needs a name", path)
    return octets[len(PREFIX) :]


def option_of(flags: int) -> int:
    """Return the ``setxattr_option4`` of the flags. Raises ``ValueError``."""
    try:
        return _OPTIONS[flags]
    except KeyError:
        raise ValueError(f"{flags} are no flags for setxattr") from None
