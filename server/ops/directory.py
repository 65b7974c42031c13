"""Directories and their entries: CREATE, REMOVE, RENAME, LINK, READLINK, READDIR."""

from __future__ import annotations

import errno
import stat
import struct
from contextlib import ExitStack
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask
from nfsrdma.xdr.nfs4.errors import NfsError, status_of

from .. import attributes
from ..engine.context import Context, Waits
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..owners import Id
from ..vfs.export import Export
from ..vfs.interface import (
    EXECUTE,
    Entry,
    Listing,
    Node,
    Statistics,
)
from ..vfs.namespace import Filehandle
from ..vfs.posix import failure
from ..vfs.posix_acl import Acls
from . import absent, creation, delegations
from .durable import make_durable
from .listed import look_at_holders
from .names import check_name, check_new_name, check_policy

try:
    from ..engine._lane import entries as append_entries
except ImportError:
    append_entries = None  # type: ignore[assignment]

_ENTRY: Final = struct.Struct(">IQI")  # that there is an entry, its cookie, its name's length
_PAD: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
_NO_ATTRIBUTES: Final = bytes(8)
"""An empty bitmap, and no values."""
_MOST: Final = 1 << 17
"""Octets of one listing: more would keep others waiting, however much the caller can take."""
_LIKELY_NAME: Final = 24
"""Octets of a name and its cookie."""
_FEWEST: Final = 8
_MOST_AT_ONCE: Final = 512
"""Entries that are listed at a time: only what is listed in vain costs more."""
_READDIR_FRAME: Final = 16
"""Octets of a READDIR result besides its entries: the verifier, the list's end, and eof."""
_MAX_TARGET: Final = 4096
_MODES: Final = {
    nfs.NF4BLK: stat.S_IFBLK,
    nfs.NF4CHR: stat.S_IFCHR,
    nfs.NF4SOCK: stat.S_IFSOCK,
    nfs.NF4FIFO: stat.S_IFIFO,
}


_CREATED: Final = frozenset((*_MODES, nfs.NF4DIR, nfs.NF4LNK))
"""The types that CREATE makes: every one but regular files and named attributes."""


def directory(handle: Filehandle) -> Node:
    """Return the node of a directory to be changed; NOTDIR if it is none."""
    if not handle.node.is_directory:
        raise NfsError(nfs.NFS4ERR_NOTDIR)
    return handle.node


class DirectoryChange:
    """``change_info4`` of a directory: its change attribute before and after something happened."""

    __slots__ = ("_before", "_handle")

    def __init__(self, handle: Filehandle, before: int) -> None:
        self._handle = handle
        self._before = before

    @classmethod
    async def begin(cls, context: Context, handle: Filehandle) -> DirectoryChange:
        """Note how the directory is before something happens."""
        found = await context.ready(handle.export.fs.attributes(handle.node))
        return cls(handle, found.change)

    async def finish(self, context: Context) -> nfs.change_info4:
        """Return what to tell the client, once the change is durable if the export wants that."""
        export, node = self._handle.export, self._handle.node
        await make_durable(context, self._handle)
        after = await context.ready(export.fs.attributes(node))
        return nfs.change_info4(export.fs.atomic_changes, self._before, after.change)

    def unchanged(self) -> nfs.change_info4:
        """Return what to tell the client if nothing was to be done."""
        return nfs.change_info4(True, self._before, self._before)


@may_wait
async def create(context: Context, args: nfs.CREATE4args, reply: Reply) -> None:
    """CREATE (RFC 8881, Section 18.4): everything but regular files."""
    here = context.here
    parent, fs = directory(here), here.export.fs
    kind = args.objtype.type
    if kind not in _CREATED:
        raise NfsError(nfs.NFS4ERR_BADTYPE)
    name = check_new_name(args.objname, here.export)
    wish = await creation.wish_of(context, args.createattrs)
    changes, acls = wish.changes, wish.acls(kind == nfs.NF4DIR)
    if acls is not None and kind == nfs.NF4LNK:
        raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
    if changes.size is not None:
        raise NfsError(nfs.NFS4ERR_INVAL)
    context.require_writable()
    with await delegations.before_entries(context, here, name):
        change = await DirectoryChange.begin(context, here)
        mode = await creation.mode(context, wish, acls, 0o755 if kind == nfs.NF4DIR else 0o644)
        node = await context.ready(_make(context, parent, name, args.objtype, mode))
        try:
            # With its mode; links have no permissions of their own here.
            await creation.complete(context, node, changes, acls, bool(mode & fs.late_modes))
        except (OSError, NfsError):
            await context.ready(fs.remove(parent, name, context.user))
            raise
        info = await change.finish(context)
    context.core.delegations.changed(context.client, here)
    info.encode(reply.encoder)
    nfs.encode_bitmap4(reply.encoder, bitmap_from_mask(wish.mask))
    context.enter(context.core.namespace.at(here.export, node))


def _make(
    context: Context, parent: Node, name: bytes, what: nfs.createtype4, mode: int
) -> Node | Future[Node]:
    """Make a directory, a symbolic link, a device or the like."""
    fs, who = context.here.export.fs, context.user
    if what.type == nfs.NF4DIR:
        return fs.mkdir(parent, name, who, mode)
    if what.type == nfs.NF4LNK:
        target = bytes(what.linkdata)
        if not target or b"\0" in target:
            raise NfsError(nfs.NFS4ERR_INVAL)
        if len(target) >= _MAX_TARGET:
            raise NfsError(nfs.NFS4ERR_NAMETOOLONG)
        return fs.symlink(parent, name, who, target)
    rdev = (0, 0)
    if what.type in (nfs.NF4BLK, nfs.NF4CHR):
        rdev = (what.devdata.specdata1, what.devdata.specdata2)
        # The numbers that Linux has room for: twelve bits and twenty.
        if rdev[0] >= 1 << 12 or rdev[1] >= 1 << 20:
            raise NfsError(nfs.NFS4ERR_INVAL)
    return fs.mknod(parent, name, who, _MODES[what.type] | mode, rdev)


@may_wait
async def remove(context: Context, args: nfs.REMOVE4args, reply: Reply) -> None:
    """REMOVE (RFC 8881, Section 18.25)."""
    here = context.here
    parent, fs = directory(here), here.export.fs
    name = check_name(args.target, fs)
    context.require_writable()
    with context.core.delegations.exclude_names():
        await delegations.before_name_changes(context, here, name)
        with await delegations.before_entries(context, here):
            change = await DirectoryChange.begin(context, here)
            try:
                await context.ready(fs.remove(parent, name, context.user))
            except FileNotFoundError:
                check_policy(name, here.export)
                raise
            info = await change.finish(context)
    info.encode(reply.encoder)


@may_wait
async def rename(context: Context, args: nfs.RENAME4args, reply: Reply) -> None:
    """RENAME (RFC 8881, Section 18.26)."""
    source, target = context.saved, context.here
    assert source is not None
    from_node, to_node = directory(source), directory(target)
    fs = target.export.fs
    old, new = check_name(args.oldname, fs), check_new_name(args.newname, target.export)
    if source.export is not target.export:
        raise NfsError(nfs.NFS4ERR_XDEV)
    context.require_writable()
    with context.core.delegations.exclude_names(), ExitStack() as guards:
        await delegations.before_name_changes(context, source, old)
        await delegations.before_name_changes(context, target, new)
        guards.enter_context(await delegations.before_entries(context, source))
        guards.enter_context(await delegations.before_entries(context, target))
        before = await DirectoryChange.begin(context, source)
        after = await DirectoryChange.begin(context, target)
        try:
            await context.ready(fs.rename(from_node, old, to_node, new, context.user))
        except FileNotFoundError:
            check_policy(old, source.export)
            raise
        except OSError as error:
            # RFC 8881, Section 18.26.3: a target of the wrong type, or not empty, is in the way.
            if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY):
                raise NfsError(nfs.NFS4ERR_EXIST) from None
            raise
    info = await before.finish(context)
    info.encode(reply.encoder)
    if source.wire != target.wire:
        info = await after.finish(context)
    info.encode(reply.encoder)


@may_wait
async def link(context: Context, args: nfs.LINK4args, reply: Reply) -> None:
    """LINK (RFC 8881, Section 18.9)."""
    source, target = context.saved, context.here
    assert source is not None
    parent, fs = directory(target), target.export.fs
    if source.node.is_directory:
        raise NfsError(nfs.NFS4ERR_ISDIR)
    name = check_new_name(args.newname, target.export)
    if source.export is not target.export:
        raise NfsError(nfs.NFS4ERR_XDEV)
    context.require_writable()
    with (
        await delegations.before_link(context, source, target),
        await delegations.before_entries(context, target),
    ):
        change = await DirectoryChange.begin(context, target)
        await context.ready(fs.link(source.node, parent, name, context.user))
        info = await change.finish(context)
    info.encode(reply.encoder)


@may_wait
async def readlink(context: Context, args: None, reply: Reply) -> None:
    """READLINK (RFC 8881, Section 18.24)."""
    here = context.here
    if not here.node.is_symlink:
        raise NfsError(nfs.NFS4ERR_WRONG_TYPE)
    target = await context.ready(here.export.fs.readlink(here.node, context.user))
    room, placed = reply.data_room()
    if len(target) > room:
        reply.check(len(target) + 16)
        placed = False
    reply.append_data(memoryview(target), placed)


def readdir(context: Context, args: nfs.READDIR4args, reply: Reply) -> Waits:
    """READDIR (RFC 8881, Section 18.23)."""
    return context.in_turn(partial(_list, context, args, reply))


@may_wait
async def _list(context: Context, args: nfs.READDIR4args, reply: Reply) -> None:
    """Append as many entries of the current directory as there are, and as fit."""
    here = context.here
    node, fs = directory(here), here.export.fs
    mask = attributes.wanted(args.attr_request, fs, context.minor)
    if args.cookie in (1, 2):
        raise NfsError(nfs.NFS4ERR_BAD_COOKIE)
    limit = min(args.maxcount, context.core.config.max_io, reply.room(), _MOST)
    if limit < _READDIR_FRAME:
        raise NfsError(nfs.NFS4ERR_TOOSMALL)
    refusal = await _refusal(context, here) if mask else None
    page = _Page(context, reply, mask, refusal, limit, args.dircount)
    cookie, most, birth = args.cookie, page.expected(), bool(mask & attributes.TIME_CREATE)
    while True:
        listing = await context.ready(fs.entries(node, cookie, context.user, most, birth))
        if mask & attributes.ROOM:
            await page.look_at_rooms(listing)
        others = context.core.delegations.table.exclusive and mask & delegations.OF_HOLDER
        if others and refusal is None:
            await look_at_holders(context, listing.entries, mask)
        if here.export.junctions:
            await _cross(context, here, listing.entries, birth)
        if mask & attributes.ACLS:
            await page.look_at_acls(listing)
        if context.core.owners.sends_names:
            await page.look_at_owners(listing)
        if not page.extend(listing.entries):
            page.finish(False)
            return
        if listing.entries:
            cookie = listing.entries[-1].cookie
        if listing.at_end:
            page.finish(True)
            return
        most = page.expected()


async def _cross(context: Context, here: Filehandle, entries: list[Entry], birth: bool) -> None:
    """Put what is mounted on entries of a directory in their places, as LOOKUP gives it."""
    for index, (cookie, name, found) in enumerate(entries):
        export = context.core.namespace.export_of(here, name)
        if export is here.export:
            continue
        fs = export.fs
        try:
            found = await context.ready(fs.attributes(fs.root, birth)), fs.root.identity
        except OSError as error:
            found = error
        entries[index] = Entry(cookie, name, found)


class _Page:
    """The entries of one READDIR result, as far as they are appended."""

    __slots__ = (
        "_acls",
        "_context",
        "_count",
        "_encoder",
        "_end",
        "_here",
        "_mask",
        "_may_lead",
        "_names_left",
        "_refusal",
        "_reply",
        "_rooms",
        "_start",
    )

    def __init__(
        self,
        context: Context,
        reply: Reply,
        mask: int,
        refusal: OSError | None,
        limit: int,
        dircount: int,
    ) -> None:
        self._context = context
        self._here = context.here
        self._reply = reply
        self._encoder = reply.encoder
        self._mask = mask
        self._may_lead = True
        """Whether entries may be the roots of other exports."""
        self._refusal = refusal
        self._count = 0
        self._rooms: dict[Export, Statistics] = {}
        self._acls: dict[bytes, Acls] = {}
        reply.buffer += delegations.COOKIE_VERIFIER
        self._start = len(reply.buffer)
        self._end = self._start + limit - _READDIR_FRAME
        # dircount is a hint about names and cookies alone (RFC 8881, Section 18.23.3).
        self._names_left = dircount or limit

    def expected(self) -> int:
        """Return how many more entries are likely to fit, and some: what to list next."""
        used = len(self._reply.buffer) - self._start
        each = used // self._count if self._count else self._likely_size()
        fit = min((self._end - self._start - used) // each, self._names_left // _LIKELY_NAME)
        return max(_FEWEST, min(fit + 2, _MOST_AT_ONCE))

    def _likely_size(self) -> int:
        """Return octets of an entry, before any was seen."""
        return _LIKELY_NAME + attributes.likely_size(self._mask)

    async def look_at_rooms(self, listing: Listing) -> None:
        """Ask the file systems of some entries what room they have."""
        for entry in listing.entries:
            export = self._context.core.namespace.export_of(self._here, entry.name)
            if export not in self._rooms:
                self._rooms[export] = await self._context.ready(export.fs.statistics())

    async def look_at_acls(self, listing: Listing) -> None:
        """Read the access control lists of some entries; one that has none by now has gone.

        The tree that joins exports, where others begin, has no lists.
        """
        if self._refusal is not None:
            return
        context = self._context
        self._acls.clear()
        for index, (cookie, name, found) in enumerate(listing.entries):
            fs = context.core.namespace.export_of(self._here, name).fs
            if isinstance(found, OSError) or not fs.has_acls:
                continue
            try:
                node = await context.ready(fs.node(found[1]))
                self._acls[name] = await context.ready(fs.acls(node))
            except OSError as error:
                listing.entries[index] = Entry(cookie, name, error)

    async def look_at_owners(self, listing: Listing) -> None:
        """Have the names of those at hand whom some entries belong to."""
        ids: list[Id] = []
        for entry in listing.entries:
            if not isinstance(entry.found, OSError):
                ids += attributes.ids_in(entry.found[0], self._acls.get(entry.name), self._mask)
        await self._context.ready(self._context.core.owners.look_up(ids))

    def extend(self, entries: list[Entry]) -> bool:
        """Append entries, unless they are none for the caller; False if the page is full."""
        self._may_lead = self._context.core.namespace.may_lead(self._here)
        usual, index = self._is_usual(), 0
        while index < len(entries):
            if usual:
                index, full = self._append_usual(entries, index)
                if full or index == len(entries):
                    return not full
            if not self._append(entries[index]):
                return False
            index += 1
        return True

    def _is_usual(self) -> bool:
        """Return whether the compiled twin of :meth:`_append` can append entries of this page."""
        core, export, mask = self._context.core, self._here.export, self._mask
        return (
            append_entries is not None
            and not mask & ~attributes.LISTED
            and not (self._may_lead or self._refusal or export.absent)
            and not (core.owners.sends_names and mask & attributes.OWNER_BITS)
            and not (export.mounted_on is not None and mask & attributes.MOUNTED_ON)
        )

    def _append_usual(self, entries: list[Entry], index: int) -> tuple[int, bool]:
        """Append entries from ``index`` on; return that of the one that needs more, and if full."""
        index, self._names_left, count, full = append_entries(
            *(self._reply.buffer, entries, index, self._end, self._names_left, self._count),
            *(self._mask, self._here.export, self._context.core.namespace.encode),
        )
        self._count += count
        return index, full

    def _append(self, entry: Entry) -> bool:
        """Append an entry, unless it is none for the caller; False if the page is full."""
        buffer = self._reply.buffer
        mark = len(buffer)
        try:
            if not self._encode(entry):
                del buffer[mark:]
                return True
        except OSError as error:
            if not self._count or status_of(error) != nfs.NFS4ERR_DELAY:
                raise
            # Short of something: what there is so far is an answer.
            del buffer[mark:]
            return False
        self._names_left -= 16 + (len(entry.name) + 3 & ~3)
        if len(buffer) > self._end or (self._count and self._names_left < 0):
            del buffer[mark:]
            return False
        self._count += 1
        return True

    def _encode(self, entry: Entry) -> bool:
        """Append an ``entry4`` without its end; False if there is none for the caller."""
        cookie, name, found = entry
        mask, context, export = self._mask, self._context, self._here.export
        buffer, size = self._encoder.buffer, len(name)
        buffer += _ENTRY.pack(1, cookie, size)
        buffer += name
        buffer += _PAD[size & 3]
        if self._may_lead:
            export = context.core.namespace.export_of(self._here, name)
            if export is not self._here.export:
                if not context.admitted(export):
                    # What is mounted here is not for this client: not even that it exists.
                    return False
                mask &= attributes.supported(export.fs, context.minor)
        if self._refusal is not None:
            found = self._refusal
        if isinstance(found, OSError):
            self._encode_error(found)
            return True
        values, identity = found
        room = self._rooms.get(export) if self._rooms else None
        acls = self._acls.get(name) if self._acls else None
        subject = attributes.Subject(
            context.core, context.minor, export, values, identity, None, room, acls
        )
        if export.absent:
            mask, subject.status = absent.listed(mask)
        attributes.encode(self._encoder, subject, mask)
        return True

    def _encode_error(self, error: OSError) -> None:
        """Append what stands for the attributes of an entry that could not be had."""
        if not self._mask:
            self._encoder.buffer += _NO_ATTRIBUTES
            return
        # What will pass is no attribute of the entry.
        if not self._mask & attributes.RDATTR_ERROR or status_of(error) == nfs.NFS4ERR_DELAY:
            raise error
        # RFC 8881, Section 5.8.1.12: the client prefers to hear what it is.
        attributes.encode_error(self._encoder, error)

    def finish(self, at_end: bool) -> None:
        """Append the end of the list. TOOSMALL if not even one entry has fit."""
        if not self._count and not at_end:
            raise NfsError(nfs.NFS4ERR_TOOSMALL)
        self._reply.encoder.boolean(False)
        self._reply.encoder.boolean(at_end)


async def _refusal(context: Context, here: Filehandle) -> OSError | None:
    """Return what LOOKUP would say of every entry, if the caller may not search the directory.

    RFC 8881, Section 18.23.3: READDIR gives what GETATTR of the entry would, no more. To read a
    directory is to be told names; all else takes the right to search it. It is asked for once,
    since it is the same for all entries.
    """
    if await context.ready(here.export.fs.permitted(here.node, context.user, EXECUTE)):
        return None
    return failure(errno.EACCES)
