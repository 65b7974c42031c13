"""File handles and the way through the tree: PUTFH to RESTOREFH, LOOKUP, SECINFO."""

from __future__ import annotations

from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.rpc import AUTH_NONE, AUTH_SYS

from ..engine.context import Compound
from ..vfs.export import Export, Squash
from ..vfs.interface import Node
from ..vfs.namespace import BadHandle, Filehandle
from .names import check_name


def walkable(handle: Filehandle) -> Node:
    """The node of a directory to look something up in; SYMLINK or NOTDIR if it is none."""
    node = handle.node
    if not node.is_directory:
        raise NfsError(nfs.NFS4ERR_SYMLINK if node.is_symlink else nfs.NFS4ERR_NOTDIR)
    return node


def putfh(c: Compound, args: nfs.PUTFH4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.19."""
    try:
        handle = c.core.namespace.decode(args.object)
    except BadHandle:
        raise NfsError(nfs.NFS4ERR_BADHANDLE) from None
    c.enter(handle)


def putrootfh(c: Compound, args: None, enc: Encoder) -> None:
    """Also PUTPUBFH: the public file handle is the root (RFC 8881, Section 18.20.3)."""
    c.enter(c.core.namespace.root)


def getfh(c: Compound, args: None, enc: Encoder) -> None:
    """RFC 8881, Section 18.8."""
    enc.opaque(c.here.wire)


def savefh(c: Compound, args: None, enc: Encoder) -> None:
    """RFC 8881, Section 18.28: the stateid is saved with it."""
    c.saved, c.saved_stateid = c.current, c.current_stateid


def restorefh(c: Compound, args: None, enc: Encoder) -> None:
    """RFC 8881, Section 18.27."""
    assert c.saved is not None
    stateid = c.saved_stateid
    c.enter(c.saved)
    c.current_stateid = stateid


def lookup(c: Compound, args: nfs.LOOKUP4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.13."""
    here = c.here
    walkable(here)
    name = check_name(args.objname, here.export.fs)
    c.enter(c.core.namespace.lookup(here, name, c.user))


def _parent(c: Compound) -> Filehandle:
    walkable(c.here)
    above = c.core.namespace.parent(c.here, c.user)
    if above is None:
        raise NfsError(nfs.NFS4ERR_NOENT)
    return above


def lookupp(c: Compound, args: None, enc: Encoder) -> None:
    """RFC 8881, Section 18.14: NOENT at the top of the tree."""
    c.enter(_parent(c))


def _answer_flavors(c: Compound, export: Export, enc: Encoder) -> None:
    """The stronger first; AUTH_NONE is served where everybody is nobody (see ``authority``)."""
    flavors = (AUTH_SYS, AUTH_NONE) if export.squash is Squash.ALL else (AUTH_SYS,)
    enc.uint32(len(flavors))
    for flavor in flavors:
        enc.uint32(flavor)
    # RFC 8881, Section 2.6.3.1.1.8: the current file handle is consumed.
    c.current = c.current_stateid = None


def secinfo(c: Compound, args: nfs.SECINFO4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.29."""
    here = c.here
    walkable(here)
    found = c.core.namespace.lookup(here, check_name(args.name, here.export.fs), c.user)
    if not c.admitted(found.export):
        raise NfsError(nfs.NFS4ERR_ACCESS)
    _answer_flavors(c, found.export, enc)


def secinfo_no_name(c: Compound, args: int, enc: Encoder) -> None:
    """RFC 8881, Section 18.45."""
    handle = c.here
    if args == nfs.SECINFO_STYLE4_PARENT:
        handle = _parent(c)
    elif args != nfs.SECINFO_STYLE4_CURRENT_FH:
        raise NfsError(nfs.NFS4ERR_INVAL)
    _answer_flavors(c, handle.export, enc)
