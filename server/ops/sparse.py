"""READ_PLUS (RFC 7862, Section 15.10): holes are told, not sent."""

from __future__ import annotations

import errno
import struct
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs

from ..engine.context import Context
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..vfs.interface import READ, OpenFile
from .stateids import Opened, opened, require_regular

SEGMENTS: Final = 2
"""Pieces of one result: as many as Linux has room for."""
_HEAD: Final = struct.Struct(">II")  # whether the file ends there, and how many pieces follow
_HOLE: Final = struct.Struct(">IQQ")
_DATA: Final = struct.Struct(">IQ")
_DATA_FRAME: Final = 16
"""Octets of a piece of data besides the data."""
_LEAST: Final = _HEAD.size + max(_HOLE.size, _DATA_FRAME + 4)


@may_wait
async def read_plus(context: Context, args: nfs.READ_PLUS4args, reply: Reply) -> None:
    """READ_PLUS: pieces that follow each other from the offset on.

    None of it is DDP-eligible (RFC 8267), so that all of it has to fit the reply.
    """
    require_regular(context)
    use = await context.ready(opened(context, args.rpa_stateid, READ))
    reply.check(_LEAST)
    with use as file:
        size = await use.ready(context, file.size())
        start = len(reply.buffer)
        reply.buffer += bytes(_HEAD.size)
        place, end = args.rpa_offset, min(args.rpa_offset + args.rpa_count, size)
        count = 0
        while place < end and count < SEGMENTS:
            data = await _data_after(context, use, file, place, size)
            if data > place:
                # A hole is told as far as it goes, whatever was asked for.
                reply.buffer += _HOLE.pack(nfs.NFS4_CONTENT_HOLE, place, data - place)
                place = data
            else:
                got = await _append_data(context, use, file, reply, place, end)
                if got <= 0:
                    if got < 0:
                        size = place  # the file was cut meanwhile
                    break
                place += got
            count += 1
    _HEAD.pack_into(reply.buffer, start, place >= size, count)


async def _data_after(context: Context, use: Opened, file: OpenFile, offset: int, size: int) -> int:
    """Return where there is data from an offset on: the size if there is none."""
    try:
        return min(await use.ready(context, file.seek(offset, False)), size)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
            return offset  # of a file system that knows of no holes
        raise


async def _append_data(
    context: Context, use: Opened, file: OpenFile, reply: Reply, offset: int, end: int
) -> int:
    """Append the data from an offset to ``end``, to a hole, or as far as it fits.

    Return its length: 0 if there is no room, -1 if there is no data any more.
    """
    most = min(context.core.config.max_io, (reply.room() - _DATA_FRAME) & ~3)
    if most <= 0:
        return 0
    try:
        end = min(end, offset + most, await use.ready(context, file.seek(offset, True)))
    except OSError as error:
        if error.errno not in (errno.ENXIO, errno.EOPNOTSUPP, errno.EINVAL):
            raise
        end = min(end, offset + most)
    into = reply.acquire(end - offset)
    got = await use.ready(context, file.read(offset, into))
    if not got:
        return -1
    reply.buffer += _DATA.pack(nfs.NFS4_CONTENT_DATA, offset)
    reply.encoder.opaque(into[:got])
    return got
