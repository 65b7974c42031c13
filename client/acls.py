"""Access control lists by path (RFC 8881, Section 6), and their entries as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

from .attributes import ACL, ACL_ROOM, LINK_TYPE, decode_values
from .compound import ANONYMOUS_STATEID, Compound
from .errors import status_error
from .paths import Path, to_octets, to_text
from .results import Result
from .xattrs import ExtendedAttributes

_TYPES: Final = "ADUL"
_FLAGS: Final = {
    "f": t.ACE4_FILE_INHERIT_ACE,
    "d": t.ACE4_DIRECTORY_INHERIT_ACE,
    "n": t.ACE4_NO_PROPAGATE_INHERIT_ACE,
    "i": t.ACE4_INHERIT_ONLY_ACE,
    "S": t.ACE4_SUCCESSFUL_ACCESS_ACE_FLAG,
    "F": t.ACE4_FAILED_ACCESS_ACE_FLAG,
    "g": t.ACE4_IDENTIFIER_GROUP,
}
_RIGHTS: Final = {
    "r": t.ACE4_READ_DATA,
    "w": t.ACE4_WRITE_DATA,
    "a": t.ACE4_APPEND_DATA,
    "x": t.ACE4_EXECUTE,
    "d": t.ACE4_DELETE,
    "D": t.ACE4_DELETE_CHILD,
    "t": t.ACE4_READ_ATTRIBUTES,
    "T": t.ACE4_WRITE_ATTRIBUTES,
    "n": t.ACE4_READ_NAMED_ATTRS,
    "N": t.ACE4_WRITE_NAMED_ATTRS,
    "c": t.ACE4_READ_ACL,
    "C": t.ACE4_WRITE_ACL,
    "o": t.ACE4_WRITE_OWNER,
    "y": t.ACE4_SYNCHRONIZE,
}
"""The letters of nfs4_acl(5)."""


class AceType(IntEnum):
    """What an entry does with those whom it is about."""

    ALLOW = t.ACE4_ACCESS_ALLOWED_ACE_TYPE
    DENY = t.ACE4_ACCESS_DENIED_ACE_TYPE
    AUDIT = t.ACE4_SYSTEM_AUDIT_ACE_TYPE
    ALARM = t.ACE4_SYSTEM_ALARM_ACE_TYPE


@dataclass(frozen=True, slots=True)
class Ace:
    """An entry of an access control list: ``str()`` and :meth:`parse` are the text of it.

    ``who`` is ``OWNER@``, ``GROUP@``, ``EVERYONE@``, or how the server calls a user or group, a
    number or ``name@domain``. ``access`` are ``ACE4_`` bits of rights, ``flags`` those of who
    inherits the entry and of whether ``who`` is a group (RFC 8881, Section 6.2.1).
    """

    type: AceType
    who: str
    access: int
    flags: int = 0

    def __str__(self) -> str:
        """Return the entry as ``nfs4_getfacl`` shows it: ``type:flags:who:rights``."""
        flags = "".join(letter for letter, bit in _FLAGS.items() if self.flags & bit)
        rights = "".join(letter for letter, bit in _RIGHTS.items() if self.access & bit)
        return f"{_TYPES[self.type]}:{flags}:{self.who}:{rights}"

    @classmethod
    def parse(cls, text: str) -> Ace:
        """Return the entry that a text stands for. Raises ``ValueError`` for any other text."""
        kind, _, rest = text.strip().partition(":")
        flags, _, rest = rest.partition(":")
        who, colon, rights = rest.rpartition(":")
        if len(kind) != 1 or kind not in _TYPES or not colon or not who:
            raise ValueError(f"{text!r} is no entry: it takes the form A:flags:who:rights")
        return cls(
            AceType(_TYPES.index(kind)),
            who,
            _bits(rights, _RIGHTS, "right", text),
            _bits(flags, _FLAGS, "flag", text),
        )


def _bits(letters: str, known: dict[str, int], what: str, text: str) -> int:
    bits = 0
    for letter in letters:
        if letter not in known:
            raise ValueError(f"{text!r}: {letter!r} is no {what}: they are {''.join(known)}")
        bits |= known[letter]
    return bits


class AccessControl(ExtendedAttributes):
    """A client that reads and changes access control lists."""

    async def acl(self, path: Path = "", *, follow_symlinks: bool = True) -> list[Ace]:
        """Return the list of an object; EOPNOTSUPP where the server has none."""

        def tail(compound: Compound) -> Result[list[Ace] | None]:
            if follow_symlinks:
                compound.verify(t.OP_NVERIFY, LINK_TYPE)  # a link is followed
            return compound.getattr(ACL, ACL_ROOM, _decode)

        result, _ = await self.resolver.run(path, "GETATTR", tail, follow=follow_symlinks)
        if result.value is None:
            raise status_error(t.NFS4ERR_ATTRNOTSUPP, "", to_text(to_octets(path)))
        return result.value

    async def set_acl(
        self, path: Path, acl: Iterable[Ace], *, follow_symlinks: bool = True
    ) -> None:
        """Replace the list of an object, and with it the mode's nine bits.

        EOPNOTSUPP where the server has none, or cannot say what is in this one; EINVAL if it does
        not know somebody.
        """
        aces = [t.nfsace4(ace.type, ace.flags, ace.access, to_octets(ace.who)) for ace in acl]
        attributes = encode_fattr4({t.FATTR4_ACL: aces})

        def tail(compound: Compound) -> Result[list[int]]:
            if follow_symlinks:
                compound.verify(t.OP_NVERIFY, LINK_TYPE)
            return compound.setattr(ANONYMOUS_STATEID, attributes)

        await self.settle(path, follow=follow_symlinks)
        await self.resolver.run(path, "SETATTR", tail, follow=follow_symlinks)


def _decode(dec: Decoder) -> list[Ace] | None:
    aces = decode_values(dec).get(t.FATTR4_ACL)
    if aces is None:
        return None
    try:
        return [Ace(AceType(ace.type), to_text(ace.who), ace.access_mask, ace.flag) for ace in aces]
    except ValueError as error:
        raise XdrError(f"an access control entry: {error}") from None
