"""GETATTR, SETATTR, VERIFY, NVERIFY and ACCESS."""

from __future__ import annotations

from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask
from nfsrdma.xdr.nfs4.errors import NfsError

from .. import attributes
from ..engine.context import Compound
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


def getattr_(c: Compound, args: nfs.GETATTR4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.7: what is not supported is left out."""
    here = c.here
    mask = attributes.wanted(args.attr_request, here.export.fs, c.minor)
    attributes.encode(enc, attributes.of_handle(c.core, c.minor, here, mask), mask)


def setattr_(c: Compound, args: nfs.SETATTR4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.30."""
    here, fs = c.here, c.here.export.fs
    changes, mask, mode_mask = attributes.to_set(args.obj_attributes, fs, c.minor)
    c.require_writable()
    attributes.merge_mode(changes, mode_mask, lambda: fs.attributes(here.node).mode)
    if changes.size is None:
        # The stateid matters to the size only (RFC 8881, Section 18.30.3).
        c.settle(fs.change(here.node, c.user, changes))
    else:
        file, close = io_file(c, args.stateid, WRITE, truncating=True)
        try:
            c.settle(fs.change(here.node, c.user, changes, file))
        finally:
            if close and file is not None:
                file.close()
    opened = c.core.registry.states.file(here)
    if opened is not None:
        opened.rights_changed()
    nfs.encode_bitmap4(enc, bitmap_from_mask(mask))


def _same(c: Compound, given: nfs.fattr4) -> bool:
    return attributes.same(attributes.of_handle(c.core, c.minor, c.here, 0), given)


def verify(c: Compound, args: nfs.VERIFY4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.31: NOT_SAME unless the attributes are these."""
    if not _same(c, args.obj_attributes):
        raise NfsError(nfs.NFS4ERR_NOT_SAME)


def nverify(c: Compound, args: nfs.NVERIFY4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.15: SAME if the attributes are these."""
    if _same(c, args.obj_attributes):
        raise NfsError(nfs.NFS4ERR_SAME)


def access(c: Compound, args: nfs.ACCESS4args, enc: Encoder) -> None:
    """RFC 8881, Section 18.1."""
    supported, allowed = check_access(c, args.access)
    nfs.ACCESS4resok(supported, allowed).encode(enc)


def check_access(c: Compound, wanted: int) -> tuple[int, int]:
    """The bits of ``wanted`` that make sense for the object, and those that are granted."""
    here = c.here
    table = _ACCESS_DIRECTORY if here.node.is_directory else _ACCESS_OTHER
    meaningful = [(bit, mask) for bit, mask in table if wanted & bit]
    needed = 0
    for _, mask in meaningful:
        needed |= mask
    if here.export.read_only:
        needed &= ~WRITE
    granted = here.export.fs.permitted(here.node, c.user, needed) if needed else 0
    supported = allowed = 0
    for bit, mask in meaningful:
        supported |= bit
        if mask & granted == mask:
            allowed |= bit
    return supported, allowed
