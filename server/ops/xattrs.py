"""Extended attributes (RFC 8276): GETXATTR, SETXATTR, LISTXATTRS, REMOVEXATTR."""

from __future__ import annotations

import errno
import hashlib
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context, Waits
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..vfs.export import Export
from ..vfs.interface import FileSystem, XattrMode
from . import delegations
from .durable import make_durable
from .names import check_policy, takes

MAX_VALUE: Final = 1 << 16
"""Octets of a value: as many as Linux takes at either end."""
_MODES: Final[Mapping[int, XattrMode]] = {
    nfs.SETXATTR4_EITHER: XattrMode.EITHER,
    nfs.SETXATTR4_CREATE: XattrMode.CREATE,
    nfs.SETXATTR4_REPLACE: XattrMode.REPLACE,
}
_HEAD: Final = struct.Struct(">QI")  # the cookie, and how many names there are
_WORD: Final = struct.Struct(">I")
_FRAME: Final = 16
"""Octets of a LISTXATTRS result besides its names: the cookie, their number, and eof."""
_MOST: Final = 1 << 17
"""Octets of one listing."""


def _check_name(name: bytes, fs: FileSystem) -> bytes:
    """Return a name. NOTSUPP, INVAL or NAMETOOLONG if none of that name can be.

    What is before the name on the server's side is its own affair (RFC 8276, Section 8.1).
    """
    if not fs.has_xattrs:
        raise NfsError(nfs.NFS4ERR_NOTSUPP)
    if not name or b"\0" in name:
        raise NfsError(nfs.NFS4ERR_INVAL)
    if len(name) > fs.max_xattr_name:
        raise NfsError(nfs.NFS4ERR_NAMETOOLONG)
    return name


@contextmanager
def _policy(name: bytes, export: Export) -> Iterator[None]:
    """For the block: that there is no such attribute is said as what is wrong with its name.

    A name (``xattrkey4``) is a ``component4``, like that of an entry.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENODATA:
            check_policy(name, export)
        raise


@may_wait
async def get(context: Context, args: nfs.GETXATTR4args, reply: Reply) -> None:
    """GETXATTR (RFC 8276, Section 8.4.1)."""
    here, fs = context.here, context.here.export.fs
    name = _check_name(args.gxa_name, fs)
    with _policy(name, here.export):
        value = await context.ready(fs.get_xattr(here.node, context.user, name))
    reply.check(len(value) + 8)
    reply.encoder.opaque(value)


@may_wait
async def set_(context: Context, args: nfs.SETXATTR4args, reply: Reply) -> None:
    """SETXATTR (RFC 8276, Section 8.4.2)."""
    here, fs = context.here, context.here.export.fs
    name, value = _check_name(args.sxa_key, fs), args.sxa_value
    mode = _MODES.get(args.sxa_option)
    if mode is None:
        raise NfsError(nfs.NFS4ERR_INVAL)
    if len(value) > MAX_VALUE:
        raise NfsError(nfs.NFS4ERR_XATTR2BIG)
    if mode is XattrMode.EITHER and not takes(name, here.export):
        mode = XattrMode.REPLACE
    elif mode is XattrMode.CREATE:
        check_policy(name, here.export)
    context.require_writable()
    with await delegations.before_change(context):
        before = await _change_of(context)
        with _policy(name, here.export):
            await context.ready(fs.set_xattr(here.node, context.user, name, value, mode))
        await make_durable(context, here)
        after = await _change_of(context)
    nfs.change_info4(fs.atomic_changes, before, after).encode(reply.encoder)


@may_wait
async def remove(context: Context, args: nfs.REMOVEXATTR4args, reply: Reply) -> None:
    """REMOVEXATTR (RFC 8276, Section 8.4.4)."""
    here, fs = context.here, context.here.export.fs
    name = _check_name(args.rxa_name, fs)
    context.require_writable()
    with await delegations.before_change(context):
        before = await _change_of(context)
        with _policy(name, here.export):
            await context.ready(fs.remove_xattr(here.node, context.user, name))
        await make_durable(context, here)
        after = await _change_of(context)
    nfs.change_info4(fs.atomic_changes, before, after).encode(reply.encoder)


async def _change_of(context: Context) -> int:
    here = context.here
    found = await context.ready(here.export.fs.attributes(here.node))
    return found.change


def names(context: Context, args: nfs.LISTXATTRS4args, reply: Reply) -> Waits:
    """LISTXATTRS (RFC 8276, Section 8.4.3)."""
    return context.in_turn(partial(_list, context, args, reply))


@may_wait
async def _list(context: Context, args: nfs.LISTXATTRS4args, reply: Reply) -> None:
    """Append the names whose cookies are above the one given, as far as they fit."""
    here, fs = context.here, context.here.export.fs
    if not fs.has_xattrs:
        raise NfsError(nfs.NFS4ERR_NOTSUPP)
    limit = min(args.lxa_maxcount, reply.room(), _MOST)
    if limit < _FRAME:
        raise NfsError(nfs.NFS4ERR_TOOSMALL)
    found = await context.ready(fs.list_xattrs(here.node, context.user))
    # Names may come and go between two calls, so that a place in the list says nothing.
    places = sorted((_place(name), name) for name in found)
    rest = [each for each in places if each[0] > args.lxa_cookie]
    left, count, cookie = limit - _FRAME, 0, args.lxa_cookie
    start = len(reply.buffer)
    reply.buffer += bytes(_HEAD.size)
    for place, name in rest:
        left -= 4 + (len(name) + 3 & ~3)
        if left < 0:
            break
        reply.encoder.opaque(name)
        cookie, count = place, count + 1
    if rest and not count:
        raise NfsError(nfs.NFS4ERR_TOOSMALL)
    reply.buffer += _WORD.pack(count == len(rest))
    _HEAD.pack_into(reply.buffer, start, cookie, count)


def _place(name: bytes) -> int:
    """Return the place of a name among all that there can be: never 0, the beginning."""
    return int.from_bytes(hashlib.blake2s(name, digest_size=8).digest(), "big") >> 1 or 1
