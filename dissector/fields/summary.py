"""What an RPC is about, in a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nfsrdma.xdr.nfs3 import mount
from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t

from ..base.text import printable, text
from ..messages.body import (
    NFS_PROGRAM,
    PROGRAM_NAMES,
    Body,
    Operation,
    is_callback,
    operation_name,
    status_name,
)
from ..messages.procedures import (
    MOUNT2,
    MOUNT3,
    NFS2,
    NFS3,
    NLM3,
    NLM4,
    PORTMAP,
    RPCBIND,
    RQUOTA,
    STATUS1,
)
from ..tracking.model import Exchange

FRAMING = frozenset((t.OP_SEQUENCE, t.OP_PUTFH, t.OP_PUTROOTFH, t.OP_SAVEFH, t.OP_RESTOREFH,
                     t.OP_GETFH))  # fmt: skip
"""Operations that most compounds have: they are not what a compound is for."""
_TWO_FILES = frozenset(
    (t.OP_RENAME, t.OP_LINK, t.OP_COPY, t.OP_CLONE, NFS3 + nfs3.NFSPROC3_RENAME,
     NFS3 + nfs3.NFSPROC3_LINK)
)  # fmt: skip
"""What is about two files, from the one to the other."""
CALLBACK_FRAMING = frozenset((t.OP_CB_SEQUENCE,))


def octets(count: int) -> str:
    """Return a number of octets for people: ``4Ki``, ``1Mi``, ``1000``."""
    if count >= 1 << 20 and not count & 0xFFFFF:
        return f"{count >> 20}Mi"
    if count >= 1 << 10 and not count & 0x3FF:
        return f"{count >> 10}Ki"
    return str(count)


def many(count: int, what: str) -> str:
    """Return a number and its noun: ``1 packet``, ``2 packets``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def amount(count: int) -> str:
    """Return about how many octets, in three digits."""
    size, unit = float(count), ""
    for unit in ("octets", "KiB", "MiB", "GiB", "TiB"):
        if size < 1000 or unit == "TiB":
            break
        size /= 1024
    return f"{count} octets" if unit == "octets" else f"{size:.3g} {unit}"


def duration(nanoseconds: int) -> str:
    """Return a time for people, in three or four digits."""
    if nanoseconds < 10_000:
        return f"{nanoseconds / 1e3:.2f} us"
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1e3:.0f} us"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1e6:.3g} ms"
    return f"{nanoseconds / 1e9:.3g} s"


def _open_name(args: Any) -> str:
    claim = args.claim
    value = claim.value
    if isinstance(value, bytes):
        return text(value)
    return text(getattr(value, "file", b"")) or "FH"


def _lock(args: Any) -> str:
    lock = args.alock
    length = octets(lock.l_len) if lock.l_len else "end"
    return f"{lock.l_offset}+{length}"


_DETAILS: dict[int, Callable[[Any], str]] = {
    t.OP_READ: lambda a: f"{a.offset}+{octets(a.count)}",
    t.OP_WRITE: lambda a: f"{a.offset}+{octets(len(a.data))}",
    t.OP_LOOKUP: lambda a: text(a.objname),
    t.OP_OPEN: _open_name,
    t.OP_CREATE: lambda a: text(a.objname),
    t.OP_REMOVE: lambda a: text(a.target),
    t.OP_RENAME: lambda a: f"{text(a.oldname)} to {text(a.newname)}",
    t.OP_LINK: lambda a: text(a.newname),
    t.OP_COMMIT: lambda a: f"{a.offset}+{octets(a.count)}",
    t.OP_READDIR: lambda a: f"cookie {a.cookie} {octets(a.maxcount)}",
    t.OP_ALLOCATE: lambda a: f"{a.aa_offset}+{octets(a.aa_length)}",
    t.OP_DEALLOCATE: lambda a: f"{a.da_offset}+{octets(a.da_length)}",
    t.OP_SEEK: lambda a: f"{a.sa_offset}",
    t.OP_GETXATTR: lambda a: text(a.gxa_name),
    t.OP_SETXATTR: lambda a: text(a.sxa_key),
    t.OP_REMOVEXATTR: lambda a: text(a.rxa_name),
    NFS3 + nfs3.NFSPROC3_LOOKUP: lambda a: text(a.what.name),
    NFS3 + nfs3.NFSPROC3_READ: lambda a: f"{a.offset}+{octets(a.count)}",
    NFS3 + nfs3.NFSPROC3_WRITE: lambda a: f"{a.offset}+{octets(len(a.data))}",
    NFS3 + nfs3.NFSPROC3_CREATE: lambda a: text(a.where.name),
    NFS3 + nfs3.NFSPROC3_MKDIR: lambda a: text(a.where.name),
    NFS3 + nfs3.NFSPROC3_SYMLINK: lambda a: text(a.where.name),
    NFS3 + nfs3.NFSPROC3_MKNOD: lambda a: text(a.where.name),
    NFS3 + nfs3.NFSPROC3_REMOVE: lambda a: text(a.object.name),
    NFS3 + nfs3.NFSPROC3_RMDIR: lambda a: text(a.object.name),
    NFS3 + nfs3.NFSPROC3_RENAME: lambda a: f"{text(a.from_.name)} to {text(a.to.name)}",
    NFS3 + nfs3.NFSPROC3_LINK: lambda a: text(a.link.name),
    NFS3 + nfs3.NFSPROC3_READDIR: lambda a: f"cookie {a.cookie} {octets(a.count)}",
    NFS3 + nfs3.NFSPROC3_READDIRPLUS: lambda a: f"cookie {a.cookie} {octets(a.maxcount)}",
    NFS3 + nfs3.NFSPROC3_COMMIT: lambda a: f"{a.offset}+{octets(a.count)}",
    MOUNT3 + mount.MOUNTPROC3_MNT: lambda a: text(a.path),
    MOUNT3 + mount.MOUNTPROC3_UMNT: lambda a: text(a.path),
    **dict.fromkeys((*range(NLM4 + 1, NLM4 + 11), *range(NLM3 + 1, NLM3 + 11)), lambda a: _lock(a)),
    **dict.fromkeys((NFS2 + 4, NFS2 + 10, NFS2 + 15), lambda a: text(a.name)),
    **dict.fromkeys((NFS2 + 9, NFS2 + 14), lambda a: text(a.where.name)),
    NFS2 + 6: lambda a: f"{a.offset}+{octets(a.count)}",
    NFS2 + 8: lambda a: f"{a.offset}+{octets(len(a.data))}",
    NFS2 + 11: lambda a: f"{text(a.from_.name)} to {text(a.to.name)}",
    NFS2 + 12: lambda a: text(a.to.name),
    NFS2 + 13: lambda a: text(a.from_.name),
    NFS2 + 16: lambda a: f"cookie {int.from_bytes(a.cookie, 'big')} {octets(a.count)}",
    MOUNT2 + 1: lambda a: text(a.path),
    MOUNT2 + 3: lambda a: text(a.path),
    **dict.fromkeys(
        (PORTMAP + 1, PORTMAP + 2, PORTMAP + 3, PORTMAP + 5), lambda a: f"{a.prog}v{a.vers}"
    ),
    **dict.fromkeys(
        (
            *(RPCBIND + number for number in (1, 2, 3)),
            *(RPCBIND + 0x100 + number for number in (1, 2, 3, 9, 11)),
        ),
        lambda a: f"{a.r_prog}v{a.r_vers}",
    ),
    **dict.fromkeys((RQUOTA + 3, RQUOTA + 4), lambda a: text(a.sqa_pathp)),
    RQUOTA + 1: lambda a: text(a.gqa_pathp),
    RQUOTA + 2: lambda a: text(a.gqa_pathp),
    STATUS1 + 1: lambda a: text(a.mon_name),
    STATUS1 + 2: lambda a: text(a.mon_id.mon_name),
    STATUS1 + 6: lambda a: text(a.mon_name),
}
"""What to say of an operation's arguments, beside its name."""


def _operation(op: Operation, callback: bool) -> str:
    name = operation_name(op.number, callback)
    detail = None if callback else _DETAILS.get(op.number)
    if detail is None or op.value is None:
        return name
    try:
        return f"{name} {detail(op.value)}"
    except (AttributeError, TypeError, ValueError):
        return name


def protocol(exchange: Exchange) -> str:
    """Return program and version: ``NFS4.1``, ``CB4.1``, ``MOUNT3``..."""
    call = exchange.call_rpc
    if call is None:
        # Of a reply alone: what its connection has called before, or what it looks like.
        program, version = exchange.requester.program or (0, 0)
        if program:
            name = "NFS" if program == NFS_PROGRAM else PROGRAM_NAMES.get(program, f"{program}v")
            return "CB4" if is_callback(program) else f"{name}{version}"
        return "NFS4" if exchange.reply_body is not None and exchange.reply_body.kind else "RPC"
    if call.program == NFS_PROGRAM:
        minor = f".{exchange.minor}" if exchange.minor >= 0 else ""
        return f"NFS{call.version}{minor}"
    if call.program < 0:
        return "RPC"
    if is_callback(call.program):
        return f"CB4.{exchange.minor}" if exchange.minor >= 0 else "CB4"
    # Of a program without a name, number and version are not to run into each other.
    return f"{PROGRAM_NAMES.get(call.program, f'program {call.program} v')}{call.version}"


def _listed(body: Body, brief: bool) -> str:
    framing = CALLBACK_FRAMING if body.callback else FRAMING
    chosen = [op for op in body.operations if not (brief and op.number in framing)]
    chosen = chosen or body.operations[-1:]
    return " ".join(_operation(op, body.callback) for op in chosen)


def operations(exchange: Exchange, brief: bool = True) -> str:
    """Return what is asked for, or what was answered if the call was not seen."""
    body = exchange.call_body
    if body is None or (not body.kind and exchange.call_rpc is None):
        body = exchange.reply_body
    if body is None:
        return ""
    if body.operations:
        words = _listed(body, brief)
        missing = body.total - len(body.operations)
        return printable(f"{words} (+{missing})" if missing > 0 else words)
    if body.kind:
        return body.kind
    call = exchange.call_rpc
    return f"proc {call.procedure}" if call is not None and not call.fault else ""


def path(exchange: Exchange) -> str:
    """Return the files that an RPC is about, if their paths are known; empty if not."""
    paths = exchange.paths
    if len(paths) < 2:
        return paths[0] if paths else ""
    body = exchange.call_body
    numbers = {op.number for op in body.operations} if body is not None else set()
    if not numbers.isdisjoint(_TWO_FILES):
        return f"{paths[0]} -> {paths[1]}"
    return f"{paths[0]} (+{len(paths) - 1})"


def status(exchange: Exchange) -> str:
    """Return how it ended: ``OK``, an NFS status, an RPC or transport error, ``no reply``."""
    if exchange.error is not None:
        return f"RDMA_ERROR {exchange.error.error_name}"
    if exchange.reply is None:
        return "replaced" if exchange.replaced else "no reply"
    reply = exchange.reply_rpc
    if reply is None or reply.fault:
        return "reply"
    if not reply.success:
        return reply.stat_name
    body = exchange.reply_body
    if body is None or body.status < 0:
        return "OK"
    return body.ended or ("OK" if body.status == 0 else status_name(body.status, body.version))


def chunks(exchange: Exchange) -> str:
    """Return what the chunks carried of what was offered: ``W 262144/262144 R... C...``."""
    words = []
    for chunk in exchange.chunks:
        used, offered = chunk.used_octets, chunk.offered_octets
        label = {"read": "R", "write": "W", "reply": "C"}[chunk.kind]
        size = octets(used) if used == offered else f"{octets(used)}/{octets(offered)}"
        gap = used - chunk.carried() if exchange.reply is not None else 0
        words.append(f"{label} {size}" + (f" ({octets(gap)} missing)" if gap > 0 else ""))
    return ", ".join(words)
