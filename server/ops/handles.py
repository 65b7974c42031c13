"""File handles and the way through the tree: PUTFH to RESTOREFH, LOOKUP, SECINFO."""

from __future__ import annotations

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.rpc import AUTH_NONE, AUTH_SYS

from ..engine.context import Context, Waits
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..vfs.export import Export, Squash
from ..vfs.interface import Node
from ..vfs.namespace import BadHandle, Filehandle
from .names import check_name, check_policy, takes


def walkable(handle: Filehandle) -> Node:
    """Return the node of a directory to look up in; raise SYMLINK or NOTDIR if it is none."""
    node = handle.node
    if not node.is_directory:
        raise NfsError(nfs.NFS4ERR_SYMLINK if node.is_symlink else nfs.NFS4ERR_NOTDIR)
    return node


def putfh(context: Context, args: nfs.PUTFH4args, reply: Reply) -> Waits:
    """PUTFH (RFC 8881, Section 18.19)."""
    try:
        handle = context.core.namespace.decode(args.object)
    except BadHandle:
        raise NfsError(nfs.NFS4ERR_BADHANDLE) from None
    if isinstance(handle, Future):
        return context.then(handle, context.enter)
    context.enter(handle)
    return None


def putrootfh(context: Context, args: None, reply: Reply) -> None:
    """PUTROOTFH, and PUTPUBFH: the public handle is the root (RFC 8881, Section 18.20.3)."""
    context.enter(context.core.namespace.root)


def getfh(context: Context, args: None, reply: Reply) -> None:
    """GETFH (RFC 8881, Section 18.8)."""
    reply.encoder.opaque(context.here.wire)


def savefh(context: Context, args: None, reply: Reply) -> None:
    """SAVEFH (RFC 8881, Section 18.28): the stateid is saved with the handle."""
    context.saved, context.saved_stateid = context.current, context.current_stateid


def restorefh(context: Context, args: None, reply: Reply) -> None:
    """RESTOREFH (RFC 8881, Section 18.27)."""
    assert context.saved is not None
    stateid = context.saved_stateid
    context.enter(context.saved)
    context.current_stateid = stateid


def lookup(context: Context, args: nfs.LOOKUP4args, reply: Reply) -> Waits:
    """LOOKUP (RFC 8881, Section 18.13)."""
    here = context.here
    walkable(here)
    name = check_name(args.objname, here.export.fs)
    if not takes(name, here.export):
        return _look_up_odd(context, args, reply)
    return context.then(context.core.namespace.lookup(here, name, context.user), context.enter)


@may_wait
async def _look_up_odd(context: Context, args: nfs.LOOKUP4args, reply: Reply) -> None:
    """LOOKUP of a name that the export does not take, and may have."""
    context.enter(await find(context, context.here, args.objname))


async def find(
    context: Context, directory: Filehandle, name: bytes, refusal: int = nfs.NFS4ERR_INVAL
) -> Filehandle:
    """Look a name up; where there is none, and the export would not take it, that is the error."""
    try:
        return await context.ready(context.core.namespace.lookup(directory, name, context.user))
    except FileNotFoundError:
        check_policy(name, directory.export, refusal)
        raise


async def _parent(context: Context) -> Filehandle:
    """Return the directory above the current one; NOENT at the top of the tree."""
    walkable(context.here)
    above = context.core.namespace.parent(context.here, context.user)
    if above is None:
        raise NfsError(nfs.NFS4ERR_NOENT)
    return await context.ready(above)


@may_wait
async def lookupp(context: Context, args: None, reply: Reply) -> None:
    """LOOKUPP (RFC 8881, Section 18.14)."""
    context.enter(await _parent(context))


def _answer_flavors(context: Context, export: Export, reply: Reply) -> None:
    """Append the flavors, the stronger first. AUTH_NONE is served where all callers are nobody."""
    flavors = [AUTH_SYS, AUTH_NONE] if export.squash is Squash.ALL else [AUTH_SYS]
    flavors = [flavor for flavor in flavors if flavor in export.flavors]
    reply.encoder.uint32(len(flavors))
    for flavor in flavors:
        reply.encoder.uint32(flavor)
    # RFC 8881, Section 2.6.3.1.1.8: the current file handle is consumed.
    context.current = context.current_stateid = None


@may_wait
async def secinfo(context: Context, args: nfs.SECINFO4args, reply: Reply) -> None:
    """SECINFO (RFC 8881, Section 18.29)."""
    here = context.here
    walkable(here)
    name = check_name(args.name, here.export.fs)
    found = await find(context, here, name)
    if not context.admitted(found.export):
        raise NfsError(nfs.NFS4ERR_ACCESS)
    _answer_flavors(context, found.export, reply)


@may_wait
async def secinfo_no_name(context: Context, args: int, reply: Reply) -> None:
    """SECINFO_NO_NAME (RFC 8881, Section 18.45)."""
    handle = context.here
    if args == nfs.SECINFO_STYLE4_PARENT:
        handle = await _parent(context)
    elif args != nfs.SECINFO_STYLE4_CURRENT_FH:
        raise NfsError(nfs.NFS4ERR_INVAL)
    _answer_flavors(context, handle.export, reply)
