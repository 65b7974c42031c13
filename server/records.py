"""What is written down of operations: those that failed, and who changed what (an audit).

Failures go to the log ``nfsrdma.server.operations``, at a bounded rate: what tells of trouble at
the server as warnings, what was refused to a caller as information. What every program meets with,
such as a name that is not there, is not logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.xdr.nfs4 import errors, ops
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import ATTRIBUTES

from .engine.context import Context
from .engine.witness import CHANGES
from .vfs.namespace import Filehandle

_log = logging.getLogger("nfsrdma.server.operations")

TROUBLE: Final = frozenset(
    (
        *(nfs.NFS4ERR_IO, nfs.NFS4ERR_NOSPC, nfs.NFS4ERR_DQUOT, nfs.NFS4ERR_SERVERFAULT),
        *(nfs.NFS4ERR_NXIO, nfs.NFS4ERR_MLINK, nfs.NFS4ERR_RESOURCE),
    )
)
"""Statuses that are no caller's fault."""
_ORDINARY: Final = frozenset(
    (
        *(nfs.NFS4ERR_NOENT, nfs.NFS4ERR_EXIST, nfs.NFS4ERR_NOTEMPTY, nfs.NFS4ERR_DELAY),
        *(nfs.NFS4ERR_GRACE, nfs.NFS4ERR_DENIED, nfs.NFS4ERR_LOCKED, nfs.NFS4ERR_SAME),
        *(
            nfs.NFS4ERR_NOT_SAME,
            nfs.NFS4ERR_NOXATTR,
            nfs.NFS4ERR_NOTSUPP,
            nfs.NFS4ERR_LAYOUTUNAVAILABLE,
        ),
        *(nfs.NFS4ERR_BADSESSION, nfs.NFS4ERR_DEADSESSION),
        *(nfs.NFS4ERR_STALE_CLIENTID, nfs.NFS4ERR_NOTDIR),
    )
)
_LONGEST: Final = 4096
"""Octets of a path that are written down."""

Entry = dict[str, object]
Note = Callable[[Entry], object]


class Records:
    """The witness of a server: logs failures, and has ``audit`` note changes, if it is given.

    An entry of the audit has the caller (``peer``, ``transport``, ``uid``, ``gid``), the
    ``operation``, the ``path`` below the root of what clients see, its ``status``, and what else
    there is to say: ``to`` where it was renamed or linked to, the ``access`` of an OPEN and whether
    it was to ``create`` the file, the attributes that were ``set``.
    """

    def __init__(self, clock: Callable[[], float], audit: Note | None = None) -> None:
        self._complaints = Complaints(_log, clock)
        self._audit = audit

    def succeeded(self, context: Context, number: int, arguments: Any) -> None:
        """Have a change noted."""
        if self._audit is not None:
            self._note(self._audit, context, number, arguments, nfs.NFS4_OK)

    def failed(self, context: Context, number: int, arguments: Any, status: int) -> None:
        """Log a failure, and have one of a change noted."""
        if status not in _ORDINARY:
            level = logging.WARNING if status in TROUBLE else logging.INFO
            what = f"{ops.name_of(number)} failed with {errors.name_of(status)}"
            detail = _Where(context, number, arguments)
            self._complaints.about(context.channel.peer, what, detail, level=level)
        if self._audit is not None and number in CHANGES and arguments is not None:
            self._note(self._audit, context, number, arguments, status)

    @staticmethod
    def _note(note: Note, context: Context, number: int, arguments: Any, status: int) -> None:
        peer, credentials = context.channel.peer, context.credentials
        entry: Entry = {"peer": peer.address, "transport": peer.transport}
        if peer.uid is not None:
            entry["user"] = peer.uid
        entry |= {"uid": credentials.uid, "gid": credentials.gid}
        entry["operation"] = ops.name_of(number)
        entry |= _about(context, number, arguments, status == nfs.NFS4_OK)
        entry["status"] = errors.name_of(status)
        note(entry)


class _Where:
    """Whose operation it was, and on what: found out when somebody wants to read it."""

    def __init__(self, context: Context, number: int, arguments: Any) -> None:
        self._context = context
        self._number = number
        self._arguments = arguments

    def __str__(self) -> str:
        context = self._context
        said = [f"uid {context.credentials.uid}"]
        if context.current is not None:
            said.append(str(_about(context, self._number, self._arguments, done=False)["path"]))
        return ", ".join(said)


def _about(context: Context, number: int, arguments: Any, done: bool) -> Entry:
    """Return what an operation is about, by its arguments and the file handles."""
    name, further = _NAMED.get(number, _unnamed)(arguments) if arguments is not None else (b"", {})
    base = context.saved if number in _FROM_SAVED else context.current
    # What made or opened a file has made it the current one.
    if done and number in (nfs.OP_CREATE, nfs.OP_OPEN) and base is not None:
        known = base.export.fs.path_at_hand(base.node)
        name = b"" if known is not None else name
    entry: Entry = {"path": path_of(base, name), **further}
    if number in _TO_CURRENT and arguments is not None:
        entry["to"] = path_of(context.current, arguments.newname)
    return entry


def _opened(arguments: nfs.OPEN4args) -> tuple[bytes, Entry]:
    access = arguments.share_access & nfs.OPEN4_SHARE_ACCESS_BOTH
    further: Entry = {"access": _ACCESS.get(access, "")}
    if arguments.openhow.opentype == nfs.OPEN4_CREATE:
        further["create"] = True
    return (arguments.claim.value if arguments.claim.claim == nfs.CLAIM_NULL else b""), further


def _set(arguments: nfs.SETATTR4args) -> tuple[bytes, Entry]:
    mask = enumerate(arguments.obj_attributes.attrmask)
    numbers = (32 * word + bit for word, bits in mask for bit in range(32) if bits >> bit & 1)
    return b"", {"set": [ATTRIBUTES[each].name for each in numbers if each in ATTRIBUTES]}


def _unnamed(arguments: Any) -> tuple[bytes, Entry]:
    return b"", {}


_FROM_SAVED: Final = frozenset((nfs.OP_RENAME, nfs.OP_LINK))
_TO_CURRENT: Final = _FROM_SAVED
_ACCESS: Final = {1: "read", 2: "write", 3: "both"}
_NAMED: Final[dict[int, Callable[[Any], tuple[bytes, Entry]]]] = {
    nfs.OP_CREATE: lambda arguments: (arguments.objname, {}),
    nfs.OP_LOOKUP: lambda arguments: (arguments.objname, {}),
    nfs.OP_OPEN: _opened,
    nfs.OP_REMOVE: lambda arguments: (arguments.target, {}),
    nfs.OP_RENAME: lambda arguments: (arguments.oldname, {}),
    nfs.OP_SETATTR: _set,
}
"""The name that an operation is about, below the file handle, and what else is to be said."""


def path_of(handle: Filehandle | None, name: bytes = b"") -> str:
    """Return a path as clients see it; what is not known of it is a number."""
    if handle is None:
        return ""
    known = handle.export.fs.path_at_hand(handle.node)
    parts = [handle.export.name.encode(), b"#%d" % handle.node.fileid if known is None else known]
    whole = b"/" + b"/".join(part for part in (*parts, name) if part)
    return whole[:_LONGEST].decode("utf-8", "backslashreplace")
