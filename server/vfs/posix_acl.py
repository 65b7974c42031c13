"""POSIX access control lists (the withdrawn POSIX.1e draft 17), as Linux has them.

An object has an access list, which may say no more than its mode does, and a directory may have a
default list as well, which is what is made in it begins with.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

_ALL: Final = 7
"""Every right: the READ, WRITE and EXECUTE bits of ``interface``."""
_HEAD: Final = struct.Struct("<I")
_ENTRY: Final = struct.Struct("<HHI")
_VERSION: Final = 2
NO_LIST: Final = _HEAD.pack(_VERSION)
"""The value that has Linux remove a list."""
_NOBODY: Final = 0xFFFFFFFF
"""The identifier of entries that have none."""
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


@dataclass(frozen=True, slots=True)
class PosixAcl:
    """A list: rights (READ, WRITE and EXECUTE bits) of the owner, the group and all others.

    Named users and groups, by their numbers, have what is theirs and in ``mask`` as well; so has
    the group. A list that names nobody needs no mask: it is None.
    """

    owner: int
    group: int
    other: int
    mask: int | None = None
    users: Mapping[int, int] = field(default_factory=dict)
    groups: Mapping[int, int] = field(default_factory=dict)

    @property
    def effective_mask(self) -> int:
        """The rights that the mask leaves."""
        return _ALL if self.mask is None else self.mask

    @property
    def mode(self) -> int:
        """The nine bits of the mode that the list stands for: the mask is the group's class."""
        group = self.group if self.mask is None else self.mask
        return self.owner << 6 | group << 3 | self.other

    def with_mode(self, mode: int) -> PosixAcl:
        """Return the list after chmod: the group's bits are the mask's, where there is one."""
        owner, group, other = mode >> 6 & _ALL, mode >> 3 & _ALL, mode & _ALL
        if self.mask is None:
            return replace(self, owner=owner, group=group, other=other)
        return replace(self, owner=owner, mask=group, other=other)

    @classmethod
    def of_mode(cls, mode: int) -> PosixAcl:
        """Return the list that says what a mode does."""
        return cls(mode >> 6 & _ALL, mode >> 3 & _ALL, mode & _ALL)


class Acls(NamedTuple):
    """The lists of an object: ``default`` is None where there is none."""

    access: PosixAcl
    default: PosixAcl | None = None


def decode(value: bytes) -> PosixAcl:
    """Return the list in the value of an extended attribute of Linux. Raises EINVAL.

    The form is that of ``include/uapi/linux/posix_acl_xattr.h``: a version, and entries of a tag,
    rights and an identifier, least significant octets first.
    """
    if len(value) < _HEAD.size or (len(value) - _HEAD.size) % _ENTRY.size:
        raise _invalid()
    if _HEAD.unpack_from(value) != (_VERSION,):
        raise _invalid()
    single: dict[int, int] = {}
    named: dict[int, dict[int, int]] = {_USER: {}, _NAMED_GROUP: {}}
    for tag, rights, number in _ENTRY.iter_unpack(value[_HEAD.size :]):
        place, key = (named[tag], number) if tag in named else (single, tag)
        if key in place or rights & ~_ALL:
            raise _invalid()
        place[key] = rights
    users, groups = named[_USER], named[_NAMED_GROUP]
    needed = {_OWNER, _GROUP, _OTHER} | ({_MASK} if users or groups else set())
    if single.keys() | {_MASK} != needed | {_MASK} or not single.keys() >= needed:
        raise _invalid()
    return PosixAcl(
        single[_OWNER], single[_GROUP], single[_OTHER], single.get(_MASK), users, groups
    )


def encode(acl: PosixAcl) -> bytes:
    """Return a list as the value of an extended attribute: see :func:`decode`."""
    entries = [(_OWNER, acl.owner, _NOBODY)]
    entries += [(_USER, rights, number) for number, rights in sorted(acl.users.items())]
    entries.append((_GROUP, acl.group, _NOBODY))
    entries += [(_NAMED_GROUP, rights, number) for number, rights in sorted(acl.groups.items())]
    if acl.mask is not None:
        entries.append((_MASK, acl.mask, _NOBODY))
    entries.append((_OTHER, acl.other, _NOBODY))
    return _HEAD.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in entries)


def _invalid() -> OSError:
    return OSError(errno.EINVAL, os.strerror(errno.EINVAL))
