"""Access control lists: those of NFSv4 (RFC 8881, Section 6) for the POSIX ones of file systems.

The two do not say the same. POSIX lists become NFSv4 ones that grant exactly as much. NFSv4 lists
become POSIX ones that grant no more, or are refused; what POSIX has no words for (the rights to
delete, to change the owner or attributes) is what the file system lets an owner do anyway, and is
left out. The rules are those of Linux's server (``fs/nfsd/nfs4acl.c``) and of
draft-ietf-nfsv4-acl-mapping, so that its tools show and set the same here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from .owners import ReadId
from .vfs.interface import EXECUTE, READ, WRITE
from .vfs.posix_acl import Acls, PosixAcl

SUPPORT: Final = nfs.ACL4_SUPPORT_ALLOW_ACL | nfs.ACL4_SUPPORT_DENY_ACL
"""``aclsupport`` (RFC 8881, Section 6.2.1.2): no audit and no alarm."""
MOST_ACES: Final = 512
"""Entries that a list may be set to: ext4 keeps no more, and the work grows with their square."""

_OWNER, _GROUP, _EVERYONE = b"OWNER@", b"GROUP@", b"EVERYONE@"
_INHERITED: Final = nfs.ACE4_FILE_INHERIT_ACE | nfs.ACE4_DIRECTORY_INHERIT_ACE
_FLAGS: Final = _INHERITED | nfs.ACE4_INHERIT_ONLY_ACE | nfs.ACE4_IDENTIFIER_GROUP
_FOR_ALL: Final = nfs.ACE4_READ_ATTRIBUTES | nfs.ACE4_READ_ACL | nfs.ACE4_SYNCHRONIZE
_FOR_OWNER: Final = nfs.ACE4_WRITE_ATTRIBUTES | nfs.ACE4_WRITE_ACL
_NOT_DENIED: Final = nfs.ACE4_READ_ATTRIBUTES | nfs.ACE4_READ_ACL
"""What everybody may do who can find an object: a list that denies it would be a false promise."""

WriteId = Callable[[int], bytes]
"""How a user or group is called: see ``owners``."""


# --- From the file system to the wire ---


def to_aces(acls: Acls, directory: bool, user: WriteId, group: WriteId) -> list[nfs.nfsace4]:
    """Return the entries of an object's lists, those of the default list as inheritable ones."""
    aces = list(_aces(acls.access, directory, 0, user, group))
    if acls.default is not None:
        flags = _INHERITED | nfs.ACE4_INHERIT_ONLY_ACE
        aces += _aces(acls.default, directory, flags, user, group)
    return aces


def _aces(
    acl: PosixAcl, directory: bool, flags: int, user: WriteId, group: WriteId
) -> Iterator[nfs.nfsace4]:
    """Yield the entries of one list.

    POSIX looks at one class alone, NFSv4 at one entry after the other: so what a later entry grants
    is denied first to those whom an earlier one has in view. Members of several groups have what
    any of them has, so groups are denied after all have been granted.
    """
    mask = acl.effective_mask
    users = {number: rights & mask for number, rights in acl.users.items()}
    groups = {number: rights & mask for number, rights in acl.groups.items()}
    own_group, other = acl.group & mask, acl.other

    def allow(who: bytes, rights: int, kind: int = 0, more: int = 0) -> nfs.nfsace4:
        bits = _bits(rights, directory) | _FOR_ALL | more
        return nfs.nfsace4(nfs.ACE4_ACCESS_ALLOWED_ACE_TYPE, flags | kind, bits, who)

    def deny(who: bytes, rights: int, kind: int = 0) -> Iterator[nfs.nfsace4]:
        if rights:
            bits = _bits(rights, directory)
            yield nfs.nfsace4(nfs.ACE4_ACCESS_DENIED_ACE_TYPE, flags | kind, bits, who)

    of_groups = _union(groups.values()) | own_group | other
    yield from deny(_OWNER, ~acl.owner & (_union(users.values()) | of_groups))
    yield allow(_OWNER, acl.owner, more=_FOR_OWNER)
    for number, rights in sorted(users.items()):
        yield from deny(user(number), ~rights & of_groups)
        yield allow(user(number), rights)
    yield allow(_GROUP, own_group)
    for number, rights in sorted(groups.items()):
        yield allow(group(number), rights, nfs.ACE4_IDENTIFIER_GROUP)
    yield from deny(_GROUP, ~own_group & other)
    for number, rights in sorted(groups.items()):
        yield from deny(group(number), ~rights & other, nfs.ACE4_IDENTIFIER_GROUP)
    yield allow(_EVERYONE, other)


def _union(rights: Iterable[int]) -> int:
    union = 0
    for each in rights:
        union |= each
    return union


def _bits(rights: int, directory: bool) -> int:
    """Return the access mask of rights (RFC 8881, Section 6.2.1.3.1)."""
    bits = 0
    if rights & READ:
        bits |= nfs.ACE4_READ_DATA
    if rights & WRITE:
        bits |= nfs.ACE4_WRITE_DATA | nfs.ACE4_APPEND_DATA
        bits |= nfs.ACE4_DELETE_CHILD if directory else 0
    if rights & EXECUTE:
        bits |= nfs.ACE4_EXECUTE
    return bits


# --- From the wire to the file system ---


def to_posix(aces: list[nfs.nfsace4], directory: bool, number_of: ReadId) -> Acls:
    """Return the lists that grant no more than these entries do.

    Raises ``NfsError``: ATTRNOTSUPP for what POSIX lists cannot say, FBIG for too many entries,
    BADOWNER for somebody unknown.
    """
    if len(aces) > MOST_ACES:
        raise NfsError(nfs.NFS4ERR_FBIG)
    effective, default = _Entries(), _Entries()
    for ace in aces:
        if ace.type > nfs.ACE4_ACCESS_DENIED_ACE_TYPE or ace.flag & ~_FLAGS:
            raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
        inherited = ace.flag & _INHERITED
        if ace.flag & nfs.ACE4_INHERIT_ONLY_ACE and not inherited:
            raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
        if inherited:
            if not directory:
                raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
            # One of the two means the other as well: POSIX does not tell them apart.
            default.add(ace, number_of)
        if not ace.flag & nfs.ACE4_INHERIT_ONLY_ACE:
            effective.add(ace, number_of)
    if default.present:
        default.fill(effective)
    return Acls(effective.acl(directory), default.acl(directory) if default.present else None)


@dataclass(slots=True)
class _Decided:
    """Which rights have been granted and denied: the first entry decides (Section 6.2.1)."""

    granted: int = 0
    denied: int = 0

    def allow(self, bits: int) -> None:
        self.granted |= bits & ~self.denied

    def deny(self, bits: int) -> None:
        self.denied |= bits & ~self.granted

    def copy(self) -> _Decided:
        return _Decided(self.granted, self.denied)


@dataclass(slots=True)
class _Entries:
    """What entries, one after the other, come to for each class of a POSIX list.

    ``other`` is who is in no class. ``everyone`` is what a user or group has had so far that is
    named from now on: unlike ``other``, it may belong to groups that were denied something.
    """

    owner: _Decided = field(default_factory=_Decided)
    group: _Decided = field(default_factory=_Decided)
    other: _Decided = field(default_factory=_Decided)
    everyone: _Decided = field(default_factory=_Decided)
    users: dict[int, _Decided] = field(default_factory=dict)
    groups: dict[int, _Decided] = field(default_factory=dict)
    special: set[bytes] = field(default_factory=set)
    """Which of OWNER@, GROUP@ and EVERYONE@ there were entries of."""
    present: bool = False

    def add(self, ace: nfs.nfsace4, number_of: ReadId) -> None:
        """Take account of the next entry."""
        self.present = True
        who, bits = bytes(ace.who), ace.access_mask
        group = who == _GROUP or bool(ace.flag & nfs.ACE4_IDENTIFIER_GROUP)
        if who == _EVERYONE:
            subjects = [*self._all(), self.owner, self.other]
        else:
            subjects = [self._subject(who, group, number_of)]
        if who in (_OWNER, _GROUP, _EVERYONE):
            self.special.add(who)
        if ace.type == nfs.ACE4_ACCESS_ALLOWED_ACE_TYPE:
            for subject in subjects:
                subject.allow(bits)
            return
        for subject in subjects:
            subject.deny(bits)
        if who in (_OWNER, _EVERYONE):
            return
        # Whoever is named, or in that group, may be the owner; a member may be anybody else, too.
        denied = subjects[0].denied
        for subject in [self.owner, *self._all()] if group else [self.owner]:
            subject.deny(denied)

    def _subject(self, who: bytes, group: bool, number_of: ReadId) -> _Decided:
        if who == _OWNER:
            return self.owner
        if who == _GROUP:
            return self.group
        named = self.groups if group else self.users
        return named.setdefault(number_of(who, group), self.everyone.copy())

    def _all(self) -> list[_Decided]:
        return [self.group, self.everyone, *self.users.values(), *self.groups.values()]

    def fill(self, other: _Entries) -> None:
        """Take from ``other`` the classes that every list must have, where there are none."""
        if not self.special & {_OWNER, _EVERYONE}:
            self.owner = other.owner
        if not self.special & {_GROUP, _EVERYONE}:
            self.group = other.group
        if _EVERYONE not in self.special:
            self.other = other.other

    def acl(self, directory: bool) -> PosixAcl:
        """Return the POSIX list. ATTRNOTSUPP if it would deny what cannot be denied."""
        if self.owner.denied & (_NOT_DENIED | _FOR_OWNER) or any(
            each.denied & _NOT_DENIED for each in [*self._all(), self.other]
        ):
            raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
        users = {number: _rights(each, directory) for number, each in self.users.items()}
        groups = {number: _rights(each, directory) for number, each in self.groups.items()}
        group = _rights(self.group, directory)
        mask = None
        if users or groups:
            mask = group | _union(users.values()) | _union(groups.values())
        owner, other = _rights(self.owner, directory), _rights(self.other, directory)
        return PosixAcl(owner, group, other, mask, users, groups)


def _rights(decided: _Decided, directory: bool) -> int:
    """Return the rights that access bits come to: each only if all is there that it stands for."""
    rights, bits = 0, decided.granted
    for right in (READ, WRITE, EXECUTE):
        needed = _bits(right, directory)
        if bits & needed == needed:
            rights |= right
    return rights
