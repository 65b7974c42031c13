"""GETATTR, SETATTR, VERIFY, NVERIFY and ACCESS."""

from __future__ import annotations

from functools import partial

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask
from nfsrdma.xdr.nfs4.errors import NfsError

from .. import attributes
from ..engine.context import Context, Waits
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..state.delegation import Delegation
from ..vfs.interface import EXECUTE, READ, ROOT, WRITE
from ..vfs.namespace import Filehandle
from ..vfs.posix_acl import Acls
from ..waiting import started
from ..wish import MODE_BITS, Wish
from . import absent, delegations
from .creation import set_acls, wish_of
from .durable import make_durable
from .stateids import truncated_through

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
_ACCESS_XATTRS = (
    (nfs.ACCESS4_XAREAD, READ),
    (nfs.ACCESS4_XAWRITE, WRITE),
    (nfs.ACCESS4_XALIST, READ),
)
"""RFC 8276, Section 8.3: for what can have extended attributes."""


def get_attributes(context: Context, args: nfs.GETATTR4args, reply: Reply) -> Waits:
    """GETATTR (RFC 8881, Section 18.7). What is not supported is left out."""
    here = context.here
    mask = attributes.wanted(args.attr_request, here.export.fs, context.minor)
    if context.absent:
        mask = absent.answered(mask)
    if context.core.delegations.table.exclusive and mask & delegations.OF_HOLDER:
        holder = context.core.delegations.holder(context.client, here)
        if holder is not None:
            return _get_delegated(context, holder, reply, mask)
    subject = attributes.of_handle(context.core, context.minor, here, mask)
    if isinstance(subject, Future):
        return context.then(subject, partial(_encode, reply, mask))
    attributes.encode(reply.encoder, subject, mask)
    return None


def _encode(reply: Reply, mask: int, subject: attributes.Subject) -> None:
    attributes.encode(reply.encoder, subject, mask)


def stateid_for_size(args: nfs.SETATTR4args) -> nfs.stateid4 | None:
    """Return the stateid that a SETATTR needs; None if it does not set the size."""
    mask = args.obj_attributes.attrmask
    sets_size = mask and mask[0] >> nfs.FATTR4_SIZE & 1
    return args.stateid if sets_size else None


def _get_delegated(context: Context, holder: Delegation, reply: Reply, mask: int) -> Waits:
    """GETATTR of a file that another client may have changed without having written that yet."""

    async def work() -> None:
        subject = await delegations.subject(context, holder, mask)
        attributes.encode(reply.encoder, subject, mask)

    return started(work())


@may_wait
async def set_attributes(context: Context, args: nfs.SETATTR4args, reply: Reply) -> None:
    """SETATTR (RFC 8881, Section 18.30)."""
    wish = await wish_of(context, args.obj_attributes, creating=False)
    node, fs = context.here.node, context.here.export.fs
    acls = wish.acls(node.is_directory)
    context.require_writable()
    with await delegations.before_change(context):
        if wish.delegated is not None:
            told = await delegations.times_told(context, args.stateid, wish.delegated)
            if told:
                # As the server: who tells it may write to the file, and need not own it.
                job = await context.ready(fs.change(node, ROOT, told))
                await make_durable(context, context.here, job)
        if wish.mask & ~attributes.DELEGATED_TIMES:
            await _set(context, args, wish, acls)
    nfs.encode_bitmap4(reply.encoder, bitmap_from_mask(wish.mask))


async def _set(context: Context, args: nfs.SETATTR4args, wish: Wish, acls: Acls | None) -> None:
    """Set the attributes of the current file."""
    here, fs, changes = context.here, context.here.export.fs, wish.changes
    if changes.mode is not None and wish.mode_mask != MODE_BITS:
        found = await context.ready(fs.attributes(here.node))
        kept = found.mode & ~wish.mode_mask & MODE_BITS
        changes.mode = changes.mode & wish.mode_mask | kept
    via = None
    if changes.size is not None:
        # The stateid matters to the size only (RFC 8881, Section 18.30.3).
        via = await truncated_through(context, args.stateid)
    if changes or acls is None:
        job = await context.ready(fs.change(here.node, context.user, changes, via))
        await make_durable(context, here, job)
    if acls is not None:
        # RFC 8881, Section 6.4.1.3: after the mode, of which it has the last word.
        await set_acls(context, here.node, acls)
        await make_durable(context, here)
    opens = context.core.registry.states.file(here)
    if opens is not None:
        opens.rights_changed()


async def _same(context: Context, given: nfs.fattr4) -> bool:
    mask = attributes.comparable(given, context.here.export.fs, context.minor)
    if context.absent:
        mask = absent.comparable(mask)
    if mask & delegations.OF_HOLDER:
        waits = context.core.delegations.settle(context.client, context.here, False)
        if waits is not None:
            await context.wait(waits)
    subject = attributes.of_handle(context.core, context.minor, context.here, mask)
    return attributes.same(await context.ready(subject), given, mask)


@may_wait
async def verify(context: Context, args: nfs.VERIFY4args, reply: Reply) -> None:
    """VERIFY (RFC 8881, Section 18.31): NOT_SAME unless the attributes are these."""
    if not await _same(context, args.obj_attributes):
        raise NfsError(nfs.NFS4ERR_NOT_SAME)


@may_wait
async def nverify(context: Context, args: nfs.NVERIFY4args, reply: Reply) -> None:
    """NVERIFY (RFC 8881, Section 18.15): SAME if the attributes are these."""
    if await _same(context, args.obj_attributes):
        raise NfsError(nfs.NFS4ERR_SAME)


def access(context: Context, args: nfs.ACCESS4args, reply: Reply) -> Waits:
    """ACCESS (RFC 8881, Section 18.1)."""
    here = context.here
    asked = AskedAccess(context.minor, here, args.access, context.is_frozen(here.export))
    needed = asked.needed
    granted = here.export.fs.permitted(here.node, context.user, needed) if needed else 0
    return context.then(granted, partial(_answer_access, reply, asked))


def _answer_access(reply: Reply, asked: AskedAccess, granted: int) -> None:
    nfs.ACCESS4resok(*asked.answer(granted)).encode(reply.encoder)


class AskedAccess:
    """What an ACCESS asks for, of an object whose export may be ``frozen`` for the caller."""

    __slots__ = ("_table", "_wanted", "needed")

    def __init__(self, minor: int, handle: Filehandle, wanted: int, frozen: bool) -> None:
        node, fs = handle.node, handle.export.fs
        table: tuple[tuple[int, int], ...] = _ACCESS_OTHER
        if node.is_directory:
            table = _ACCESS_DIRECTORY
        if minor >= 2 and fs.has_xattrs and (node.is_directory or node.is_regular):
            table += _ACCESS_XATTRS
        self._table = table
        self._wanted = wanted
        needed = 0
        for bit, mask in table:
            if wanted & bit:
                needed |= mask
        self.needed = needed & ~WRITE if frozen else needed
        """What the file system is to be asked about."""

    def answer(self, granted: int) -> tuple[int, int]:
        """Return the bits that make sense for the object, and those that are granted."""
        supported = allowed = 0
        for bit, mask in self._table:
            if self._wanted & bit:
                supported |= bit
                if mask & granted == mask:
                    allowed |= bit
        return supported, allowed
