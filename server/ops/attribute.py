"""GETATTR, SETATTR, VERIFY, NVERIFY and ACCESS."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask
from nfsrdma.xdr.nfs4.errors import NfsError

from .. import attributes
from ..engine.context import Context
from ..engine.reply import Reply
from ..vfs.interface import EXECUTE, READ, WRITE
from .data import io_file

_ACCESS_DIRECTORY = (
    (nfs.ACCESS4_READ, READ),
    (nfs.ACCESS4_LOOKUP, EXECUTE),
    (nfs.ACCESS4_MODIFY, WRITE | EXECUTE),
    (nfs.ACCESS4_EXTEND, WRITE | EXECUTE),
    (nfs.ACCESS4_DELETE, WRITE | EXECUTE),
)
_ACCESS_OTHER = (
    (nfs.ACCESS4_READ, READ),
    (nfs.ACCESS4_MODIFY, WRITE),
    (nfs.ACCESS4_EXTEND, WRITE),
    (nfs.ACCESS4_EXECUTE, EXECUTE),
)


def get_attributes(context: Context, args: nfs.GETATTR4args, reply: Reply) -> None:
    """RFC 8881, Section 18.7: what is not supported is left out."""
    here = context.here
    mask = attributes.wanted(args.attr_request, here.export.fs, context.minor)
    attributes.encode(
        reply.encoder, attributes.of_handle(context.core, context.minor, here, mask), mask
    )


def set_attributes(context: Context, args: nfs.SETATTR4args, reply: Reply) -> None:
    """RFC 8881, Section 18.30."""
    here, fs = context.here, context.here.export.fs
    changes, mask, mode_mask = attributes.to_set(args.obj_attributes, fs, context.minor)
    context.require_writable()
    attributes.merge_mode(changes, mode_mask, lambda: fs.attributes(here.node).mode)
    if changes.size is None:
        # The stateid matters to the size only (RFC 8881, Section 18.30.3).
        context.settle(fs.change(here.node, context.user, changes))
    else:
        file, close = io_file(context, args.stateid, WRITE, truncating=True)
        try:
            context.settle(fs.change(here.node, context.user, changes, file))
        finally:
            if close and file is not None:
                file.close()
    opened = context.core.registry.states.file(here)
    if opened is not None:
        opened.rights_changed()
    nfs.encode_bitmap4(reply.encoder, bitmap_from_mask(mask))


def _same(context: Context, given: nfs.fattr4) -> bool:
    return attributes.same(
        attributes.of_handle(context.core, context.minor, context.here, 0), given
    )


def verify(context: Context, args: nfs.VERIFY4args, reply: Reply) -> None:
    """RFC 8881, Section 18.31: NOT_SAME unless the attributes are these."""
    if not _same(context, args.obj_attributes):
        raise NfsError(nfs.NFS4ERR_NOT_SAME)


def nverify(context: Context, args: nfs.NVERIFY4args, reply: Reply) -> None:
    """RFC 8881, Section 18.15: SAME if the attributes are these."""
    if _same(context, args.obj_attributes):
        raise NfsError(nfs.NFS4ERR_SAME)


def access(context: Context, args: nfs.ACCESS4args, reply: Reply) -> None:
    """RFC 8881, Section 18.1."""
    supported, allowed = check_access(context, args.access)
    nfs.ACCESS4resok(supported, allowed).encode(reply.encoder)


def check_access(context: Context, wanted: int) -> tuple[int, int]:
    """The bits of ``wanted`` that make sense for the object, and those that are granted."""
    here = context.here
    table = _ACCESS_DIRECTORY if here.node.is_directory else _ACCESS_OTHER
    meaningful = [(bit, mask) for bit, mask in table if wanted & bit]
    needed = 0
    for _, mask in meaningful:
        needed |= mask
    if here.export.read_only:
        needed &= ~WRITE
    granted = here.export.fs.permitted(here.node, context.user, needed) if needed else 0
    supported = allowed = 0
    for bit, mask in meaningful:
        supported |= bit
        if mask & granted == mask:
            allowed |= bit
    return supported, allowed
