"""RPCs that are no compounds: NFS version 3 and what goes with it, each procedure one operation.

So that they are not taken for operations of a compound, their numbers begin at :data:`NFS3`,
:data:`MOUNT3` and so on: READ of NFS version 3 is operation ``NFS3 + 6``. NFS version 2 comes last,
as what has a number of :data:`NFS3` or more is no operation of version 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from nfsrdma.xdr.nfs3 import mount
from nfsrdma.xdr.nfs3 import types as nfs3

NFS3: Final = 0x30000
MOUNT3: Final = 0x40000
NLM4: Final = 0x50000
ACL3: Final = 0x60000
STATUS1: Final = 0x70000
RQUOTA: Final = 0x80000
PORTMAP: Final = 0x90000
RPCBIND: Final = 0xA0000
MOUNT2: Final = 0xB0000
NLM3: Final = 0xC0000
ACL2: Final = 0xD0000
GSS: Final = 0xE0000
NFS2: Final = 0xF0000
COMPANY: Final = frozenset(
    ((100000, 2), (100000, 3), (100000, 4), (100003, 2), (100005, 1), (100005, 2), (100011, 1),
     (100011, 2), (100021, 1), (100021, 2), (100021, 3), (100021, 4), (100024, 1), (100227, 2),
     (100227, 3))
)  # fmt: skip
"""Programs and versions whose types are only loaded when they are seen (see ``sideband``)."""


class Procedure(NamedTuple):
    """One procedure: its operation's number, its name, and its types; ``None`` for void."""

    number: int
    name: str
    arguments: Any
    result: Any
    status: str | None = ""
    """The member of the result that says how it ended, where that is not the first.

    ``None`` if a result says nothing of that."""
    good: int = 0
    names: Mapping[int, str] = {}
    """Of what that may be, where it is not NFS's."""

    def ended(self, result: Any) -> int:
        """Return the status of a result, or -1 if it has none."""
        if self.status is None:
            return -1
        value = getattr(result, self.status or result.__slots__[0])
        value = getattr(value, "stat", value)  # of NLM there is a structure around it
        return int(value) if isinstance(value, int) else -1


NFS3_NAMES: Final = (
    "NULL", "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ", "WRITE", "CREATE",
    "MKDIR", "SYMLINK", "MKNOD", "REMOVE", "RMDIR", "RENAME", "LINK", "READDIR", "READDIRPLUS",
    "FSSTAT", "FSINFO", "PATHCONF", "COMMIT",
)  # fmt: skip

_MOUNT = (
    Procedure(MOUNT3, "NULL", None, None),
    Procedure(MOUNT3 + 1, "MNT", mount.mountargs3, mount.mountres3),
    Procedure(MOUNT3 + 2, "DUMP", None, mount.mountlist3, None),
    Procedure(MOUNT3 + 3, "UMNT", mount.mountargs3, None),
    Procedure(MOUNT3 + 4, "UMNTALL", None, None),
    Procedure(MOUNT3 + 5, "EXPORT", None, mount.exports3, None),
)

PROCEDURES: Final[dict[tuple[int, int], tuple[Procedure, ...]]] = {
    (100003, 3): tuple(
        Procedure(
            NFS3 + number, name, getattr(nfs3, f"{name}3args", None),
            getattr(nfs3, f"{name}3res", None),
        )
        for number, name in enumerate(NFS3_NAMES)
    ),
    (100005, 3): _MOUNT,
}  # fmt: skip
"""Program and version -> their procedures, by number."""

READ2, WRITE2 = NFS2 + 6, NFS2 + 8
READ3, WRITE3 = NFS3 + nfs3.NFSPROC3_READ, NFS3 + nfs3.NFSPROC3_WRITE
READLINK3, SYMLINK3 = NFS3 + nfs3.NFSPROC3_READLINK, NFS3 + nfs3.NFSPROC3_SYMLINK
READDIR3, READDIRPLUS3 = NFS3 + nfs3.NFSPROC3_READDIR, NFS3 + nfs3.NFSPROC3_READDIRPLUS
