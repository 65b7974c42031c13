"""Copies within the server: COPY and CLONE (RFC 7862), and what says how a file will be used.

What is little, COPY does at once, and what is much too if the client wants that: up to a bound, and
the count that is answered says how far it came, so that the client goes on from there. Other copies
go on after the reply if the client can be called (``copies``): portion by portion, each in its
turn, until the file that was opened for it is closed. None is made between two servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, NamedTuple

from nfsrdma.rpcrdma.budget import holder_of
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.task import Cancelled, Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask, mask_from_bitmap
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context, Waits
from ..engine.core import Core
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..state.copies import CopyState
from ..vfs.interface import READ, WRITE, Advice, Eventual
from ..waiting import ready
from . import delegations
from .data import left
from .stateids import Opened, opened, require_regular

SLICE: Final = 4 << 20
"""Octets that one COPY copies at most: some milliseconds, in which its slot is taken."""
_UINT64_MAX: Final = (1 << 64) - 1
_HINTS: Final[Mapping[int, Advice]] = {
    nfs.IO_ADVISE4_NORMAL: Advice.NORMAL,
    nfs.IO_ADVISE4_SEQUENTIAL: Advice.SEQUENTIAL,
    nfs.IO_ADVISE4_RANDOM: Advice.RANDOM,
    nfs.IO_ADVISE4_WILLNEED: Advice.SOON,
}
"""The hints that are of use here, the strongest last."""


def copy(context: Context, args: nfs.COPY4args, reply: Reply) -> Waits:
    """COPY (RFC 7862, Section 15.2), within this server."""
    return context.in_turn(partial(_copy, context, args, reply))


@may_wait
async def _copy(context: Context, args: nfs.COPY4args, reply: Reply) -> None:
    if args.ca_source_server:
        raise NfsError(nfs.NFS4ERR_NOTSUPP)
    _check_pair(context)
    for offset in (args.ca_src_offset, args.ca_dst_offset):
        if offset + args.ca_count > _UINT64_MAX:
            raise NfsError(nfs.NFS4ERR_INVAL)
    with ExitStack() as files:
        source = await _source(context, args.ca_src_stateid)
        reader = files.enter_context(source)
        target = await context.ready(opened(context, args.ca_dst_stateid, WRITE))
        writer = files.enter_context(target)
        size = await context.ready(reader.size())
        # Linux asks for what is past the end of the file, and means what there is.
        left = max(0, size - args.ca_src_offset)
        count = min(args.ca_count or left, left)
        if count > SLICE and not args.ca_synchronous and _may_go_on(context):
            ranges = args.ca_src_offset, args.ca_dst_offset, count
            state = _begin(context, _Files(source, target, files.pop_all()), ranges)
            _answer(reply, state.verifier, 0, state)
            return
        count = min(count, SLICE)
        if count:
            copying = writer.copy_from(reader, args.ca_src_offset, args.ca_dst_offset, count)
            count = await target.ready(context, copying)
    _answer(reply, context.core.registry.write_verifier, count)


def _answer(reply: Reply, verifier: bytes, count: int, state: CopyState | None = None) -> None:
    ids = [] if state is None else [state.stateid]
    response = nfs.write_response4(ids, count, nfs.UNSTABLE4, verifier)
    requirements = nfs.copy_requirements4(True, state is None)
    nfs.COPY4resok(response, requirements).encode(reply.encoder)


# --- Copies that go on after the reply ---


class _Files(NamedTuple):
    """The files of a copy, and what closes those that were opened for it alone."""

    source: Opened
    target: Opened
    kept: ExitStack


def _may_go_on(context: Context) -> bool:
    """Return whether a copy may go on after the reply: its client hears of the end, and has room.

    Otherwise it is synchronous, and a part of what was asked for.
    """
    core, client = context.core, context.caller
    return client.is_reachable and core.copies.table.has_room(client)


def _begin(context: Context, files: _Files, ranges: tuple[int, int, int]) -> CopyState:
    """Begin a copy: ``ranges`` are where from, where to, and how much."""
    core = context.core
    state = core.copies.table.add(
        context.caller,
        context.here.wire,
        core.registry.write_verifier,
        delegations.grant_of(context),
    )
    core.copies.start(state, _portions(core, state, context.channel.peer, files, ranges))
    return state


async def _portions(
    core: Core, state: CopyState, peer: Peer, files: _Files, ranges: tuple[int, int, int]
) -> None:
    """Copy portion by portion, each in a turn of the peer's."""
    start, to, count = ranges
    with files.kept:
        while state.done < count:
            turn: Future[None] = Future()
            core.turns.put(holder_of(peer.address, peer.uid), state, partial(_take, turn))
            await turn
            files.source.check()
            files.target.check()
            core.offload.peer = peer
            portion = min(count - state.done, SLICE)
            copying = files.target.file.copy_from(
                files.source.file, start + state.done, to + state.done, portion
            )
            try:
                copied = await ready(copying)
            except Cancelled:
                _close_after(files.kept.pop_all(), copying)
                raise
            if not copied:
                return
            state.done += copied


def _close_after(kept: ExitStack, copying: Eventual[int]) -> None:
    """Keep files, and others from having them delegated, while a thread goes on writing."""
    if isinstance(copying, Future) and not copying.done():
        copying.add_done_callback(lambda _: kept.close())
    else:
        kept.close()


def _take(turn: Future[None]) -> None:
    turn.set_result(None)


def status(context: Context, args: nfs.OFFLOAD_STATUS4args, reply: Reply) -> None:
    """OFFLOAD_STATUS (RFC 7862, Section 15.9)."""
    state = context.core.copies.table.find(args.osa_stateid, context.caller)
    complete = [] if state.status is None else [state.status]
    nfs.OFFLOAD_STATUS4resok(state.done, complete).encode(reply.encoder)


def cancel(context: Context, args: nfs.OFFLOAD_CANCEL4args, reply: Reply) -> None:
    """OFFLOAD_CANCEL (RFC 7862, Section 15.8): the stateid is not good any more."""
    table = context.core.copies.table
    table.forget(table.find(args.oca_stateid, context.caller))


@may_wait
async def clone(context: Context, args: nfs.CLONE4args, reply: Reply) -> None:
    """CLONE (RFC 7862, Section 15.13): durable, since no verifier would tell of its loss."""
    _check_pair(context, same=True)
    block = context.here.export.fs.clone_block
    if not block:
        raise NfsError(nfs.NFS4ERR_NOTSUPP)
    with await _source(context, args.cl_src_stateid) as source:
        use = await context.ready(opened(context, args.cl_dst_stateid, WRITE))
        with use as target:
            size = await context.ready(source.size())
            start, to, count = args.cl_src_offset, args.cl_dst_offset, args.cl_count
            if start > size or count > size - start:
                raise NfsError(nfs.NFS4ERR_INVAL)
            end = start + count if count else size
            if start % block or to % block or (end % block and end != size):
                raise NfsError(nfs.NFS4ERR_INVAL)
            if end > start:
                cloning = target.clone_from(source, start, to, end - start)
                await use.ready(context, cloning)
            left(context, await use.ready(context, target.sync(metadata=True)))


def _check_pair(context: Context, *, same: bool = False) -> None:
    """Raise unless the saved file can be copied to the current one; to itself if ``same``."""
    source, target = context.saved, context.here
    assert source is not None
    for handle in (source, target):
        if not handle.node.is_regular:
            raise NfsError(nfs.NFS4ERR_WRONG_TYPE)
    if source.export is not target.export:
        raise NfsError(nfs.NFS4ERR_XDEV)
    if not same and source.node.identity == target.node.identity:
        raise NfsError(nfs.NFS4ERR_INVAL)
    context.require_writable()


async def _source(context: Context, stateid: nfs.stateid4) -> Opened:
    """Return the saved file, open for reading."""
    with _at_saved(context):
        return await context.ready(opened(context, stateid, READ))


@contextmanager
def _at_saved(context: Context) -> Iterator[None]:
    """Have the saved file handle, and its stateid, be the current ones.

    Both are of one export, so that the caller acts as the same user.
    """
    _exchange(context)
    try:
        yield
    finally:
        _exchange(context)


def _exchange(context: Context) -> None:
    context.current, context.saved = context.saved, context.current
    stateids = context.saved_stateid, context.current_stateid
    context.current_stateid, context.saved_stateid = stateids


@may_wait
async def advise(context: Context, args: nfs.IO_ADVISE4args, reply: Reply) -> None:
    """IO_ADVISE (RFC 7862, Section 15.5): the hints that were taken are answered."""
    require_regular(context)
    if args.iaa_offset + args.iaa_count > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_INVAL)
    asked = mask_from_bitmap(args.iaa_hints[:1])
    taken = 0
    try:
        use = await context.ready(opened(context, args.iaa_stateid, READ))
    except NfsError as error:
        if error.status != nfs.NFS4ERR_OPENMODE:
            raise
        use = await context.ready(opened(context, args.iaa_stateid, WRITE))
    with use as file:
        for hint, advice in _HINTS.items():
            if asked >> hint & 1:
                await use.ready(context, file.advise(args.iaa_offset, args.iaa_count, advice))
                taken |= 1 << hint
    nfs.encode_bitmap4(reply.encoder, bitmap_from_mask(taken))
