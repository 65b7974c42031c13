"""What a new object is made with, and what is set afterwards: for CREATE and OPEN."""

from __future__ import annotations

import errno

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context
from ..vfs.interface import Changes, Node, OpenFile
from ..vfs.posix_acl import Acls
from ..wish import Wish, names_in, to_set
from .durable import make_durable

_OWNERS_PART = 0o7700


async def wish_of(context: Context, given: nfs.fattr4, creating: bool = True) -> Wish:
    """Return what is to be set in the current file system, once it is known who is named."""
    owners = context.core.owners
    if owners.takes_names:
        waits = owners.ask(names_in(given))
        if waits is not None:
            await context.wait(waits)
    return to_set(given, owners, context.here.export.fs, context.minor, creating)


async def mode(context: Context, wish: Wish, acls: Acls | None, default: int) -> int:
    """Return the mode to make something with in the current directory."""
    given = default if wish.changes.mode is None else wish.changes.mode
    if acls is not None:
        # Until it has its list, it is its owner's alone.
        return given & _OWNERS_PART
    if wish.umask & given:
        here = context.here
        if here.export.fs.has_acls:
            # RFC 8275, Section 6: what is inherited takes the place of the file mask.
            lists = await context.ready(here.export.fs.acls(here.node))
            if lists.default is not None:
                return given
        return given & ~wish.umask
    return given


async def complete(
    context: Context,
    node: Node,
    changes: Changes,
    acls: Acls | None,
    late: bool,
    via: OpenFile | None = None,
) -> None:
    """Set the attributes that something new could not be made with: all but its mode.

    Who makes its entry durable makes it so as well, but perhaps not what was set after that: here,
    or ``late`` by the file system.
    """
    export = context.here.export
    fs = export.fs
    rest = Changes(None, changes.uid, changes.gid, changes.size, changes.atime_ns, changes.mtime_ns)
    if acls is not None:
        # Before it is given away.
        await set_acls(context, node, acls)
    if rest:
        job = await context.ready(fs.change(node, context.user, rest, via))
        if job is not None:
            job()  # Of something new: nothing takes long.
    if rest or acls is not None or late:
        await make_durable(context, context.core.namespace.at(export, node))


async def set_acls(context: Context, node: Node, acls: Acls) -> None:
    """Set the access control lists of a node; ATTRNOTSUPP for what can have none."""
    try:
        await context.ready(context.here.export.fs.set_acls(node, context.user, acls))
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP) from None
        raise
