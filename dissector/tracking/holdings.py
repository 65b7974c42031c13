"""Who holds what: opens, byte-range locks and delegations, from what was granted and given back.

It goes by the state identifiers of NFS version 4 (RFC 8881, Section 8.2) and by the owners of NLM's
locks. What was held before the capture begins is known from nothing, and so not shown.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from nfsrdma.xdr.nfs3 import nlm
from nfsrdma.xdr.nfs4 import types as t

from ..base.text import printable
from ..messages.procedures import NLM4
from .model import Exchange

MAX_HOLDINGS = 20_000
"""What is kept, ended or not; what is granted later is counted only."""
MAX_RANGES = 256
"""Locks of one owner and file at a time, as each that is granted or given back looks at all."""
END = (1 << 64) - 1
"""Where a lock ends that goes to the end of the file, wherever that is (RFC 8881, 18.10.3)."""
_ACCESS = {1: "read", 2: "write", 3: "read and write"}
_CURRENT = bytes(12)
_NLM_LOCK, _NLM_UNLOCK = NLM4 + 2, NLM4 + 4


class Holding:
    """One open, lock or delegation of a client, from when it was granted."""

    __slots__ = (
        "client",
        "end",
        "end_frame",
        "end_ns",
        "ended_by",
        "file",
        "frame",
        "kind",
        "mode",
        "recalled_frame",
        "recalled_ns",
        "start",
        "start_ns",
    )  # fmt: skip

    def __init__(self, kind: str, client: str, file: str, mode: str, exchange: Exchange) -> None:
        self.kind = kind
        """``open``, ``lock`` or ``delegation``."""
        self.client = client
        self.file = file
        """Its path, or the hash of its handle."""
        self.mode = mode
        """``read``, ``write``, ``read and write``; of an open, what it denies to others, too."""
        reply = exchange.reply
        self.frame = reply.frame if reply is not None else 0
        self.start_ns = reply.time_ns if reply is not None else 0
        self.start, self.end = 0, END
        """Of a lock, which octets."""
        self.recalled_frame = self.recalled_ns = 0
        """When the server asked for it back; 0 if it did not."""
        self.end_frame = self.end_ns = 0
        """When it was given back; 0 if it was not."""
        self.ended_by = ""
        """The operation that ended it."""

    def finish(self, operation: str, exchange: Exchange) -> None:
        """Note that it ended."""
        if not self.ended_by:
            message = exchange.reply or exchange.call
            self.ended_by = operation
            self.end_frame = message.frame if message is not None else 0
            self.end_ns = message.time_ns if message is not None else 0


class Holdings:
    """All opens, locks and delegations that a capture shows, in the order of their grants."""

    def __init__(self) -> None:
        self.all: list[Holding] = []
        self.total = 0
        """How many there were, kept or not."""
        self._held: dict[tuple[str, bytes], list[Holding]] = {}
        """By server, and by state identifier or owner."""
        self._last = _CURRENT

    def exchange(self, exchange: Exchange) -> None:
        """Follow an RPC."""
        asked, done = exchange.call_body, exchange.reply_body
        if asked is None or exchange.reply is None:
            return
        if exchange.callback:
            self._callback(exchange)
            return
        if done is None:
            return
        self._last = _CURRENT
        for one, other in zip(asked.operations, done.operations, strict=False):
            follow = _FOLLOWED.get(one.number)
            if one.number != other.number or _status(other.value):
                break
            if follow is not None:
                follow(self, exchange, one.value, getattr(other.value, "value", other.value))

    # --- What is held ---

    def _add(self, key: bytes, holding: Holding, server: str) -> None:
        self.total += 1
        held = self._held.get((server, key), [])
        if len(self.all) >= MAX_HOLDINGS or len(held) >= MAX_RANGES:
            return
        self.all.append(holding)
        held.append(holding)
        self._held[server, key] = held

    def _of(self, exchange: Exchange, stateid: t.stateid4) -> tuple[str, bytes]:
        """Return the key of a state identifier, which may be the compound's latest."""
        other = bytes(stateid.other)
        if other == _CURRENT and stateid.seqid == 1:  # RFC 8881, Section 16.2.3.1.2
            other = self._last
        return _server(exchange), other

    def _end(self, key: tuple[str, bytes], operation: str, exchange: Exchange) -> None:
        for holding in self._held.pop(key, ()):
            holding.finish(operation, exchange)

    # --- Operations ---

    def _open(self, exchange: Exchange, asked: t.OPEN4args, done: Any) -> None:
        self._last = other = bytes(done.stateid.other)
        client, server, file = exchange.requester.address, _server(exchange), _file(exchange)
        mode = _mode(asked.share_access, asked.share_deny)
        held = self._held.get((server, other))
        if held:  # opened once more, by the same owner: the state becomes wider
            held[-1].mode = _wider(held[-1].mode, mode)
        else:
            self._add(other, Holding("open", client, file, mode, exchange), server)
        self._delegated(exchange, done.delegation)

    def _delegated(self, exchange: Exchange, delegation: t.open_delegation4) -> None:
        granted = getattr(delegation, "value", None)
        stateid = getattr(granted, "stateid", None)
        if stateid is None:
            return
        writes = delegation.delegation_type in _WRITE_DELEGATIONS
        other, server = bytes(stateid.other), _server(exchange)
        if not self._held.get((server, other)):
            made = Holding("delegation", exchange.requester.address, _file(exchange),
                           "write" if writes else "read", exchange)  # fmt: skip
            self._add(other, made, server)

    def _want(self, exchange: Exchange, asked: Any, done: Any) -> None:
        self._delegated(exchange, done)

    def _close(self, exchange: Exchange, asked: t.CLOSE4args, done: Any) -> None:
        self._end(self._of(exchange, asked.open_stateid), "CLOSE", exchange)

    def _downgrade(self, exchange: Exchange, asked: t.OPEN_DOWNGRADE4args, done: Any) -> None:
        for holding in self._held.get(self._of(exchange, asked.open_stateid), ())[-1:]:
            holding.mode = _mode(asked.share_access, asked.share_deny)

    def _lock(self, exchange: Exchange, asked: t.LOCK4args, done: Any) -> None:
        self._last = other = bytes(done.lock_stateid.other)
        writes = asked.locktype in (t.WRITE_LT, t.WRITEW_LT)
        server = _server(exchange)
        end = asked.offset + asked.length if asked.length != END else END
        # A lock of a range replaces what its owner has there (RFC 8881, Section 9.5).
        self._unlocked((server, other), asked.offset, end, "LOCK", exchange)
        made = Holding("lock", exchange.requester.address, _file(exchange),
                       "write" if writes else "read", exchange)  # fmt: skip
        made.start, made.end = asked.offset, end
        self._add(other, made, server)

    def _unlock(self, exchange: Exchange, asked: t.LOCKU4args, done: Any) -> None:
        end = asked.offset + asked.length if asked.length != END else END
        key = self._of(exchange, asked.lock_stateid)
        self._unlocked(key, asked.offset, end, "LOCKU", exchange)

    def _unlocked(
        self, key: tuple[str, bytes], start: int, end: int, operation: str, exchange: Exchange
    ) -> None:
        """End what is held of a range; what is left of a lock on both sides is held on."""
        kept: list[Holding] = []
        for holding in self._held.pop(key, ()):
            if holding.kind != "lock" or holding.end <= start or end <= holding.start:
                kept.append(holding)
                continue
            holding.finish(operation, exchange)
            for low, high in ((holding.start, start), (end, holding.end)):
                if low < high and len(self.all) < MAX_HOLDINGS and len(kept) < MAX_RANGES:
                    rest = Holding("lock", holding.client, holding.file, holding.mode, exchange)
                    rest.start, rest.end = low, high
                    self.all.append(rest)
                    kept.append(rest)
        if kept:
            self._held[key] = kept

    def _return(self, exchange: Exchange, asked: t.DELEGRETURN4args, done: Any) -> None:
        self._end(self._of(exchange, asked.deleg_stateid), "DELEGRETURN", exchange)

    def _free(self, exchange: Exchange, asked: t.FREE_STATEID4args, done: Any) -> None:
        self._end(self._of(exchange, asked.fsa_stateid), "FREE_STATEID", exchange)

    def _callback(self, exchange: Exchange) -> None:
        """Note what the server asks back: the client is who is called."""
        body, call = exchange.call_body, exchange.call
        for one in body.operations if body is not None and call is not None else ():
            if one.number == t.OP_CB_RECALL and one.value is not None and call is not None:
                key = exchange.requester.address, bytes(one.value.stateid.other)
                for holding in self._held.get(key, ()):
                    if not holding.recalled_ns:
                        holding.recalled_frame, holding.recalled_ns = call.frame, call.time_ns

    # --- NLM ---

    def _nlm_lock(self, exchange: Exchange, asked: nlm.nlm4_lockargs, done: Any) -> None:
        lock, server = asked.alock, _server(exchange)
        key, end = _owner(lock), lock.l_offset + lock.l_len if lock.l_len else END
        self._unlocked((server, key), lock.l_offset, end, "LOCK", exchange)
        file = _file(exchange, bytes(lock.fh))
        mode = "write" if asked.exclusive else "read"
        made = Holding("lock", exchange.requester.address, file, mode, exchange)
        made.start, made.end = lock.l_offset, end
        self._add(key, made, server)

    def _nlm_unlock(self, exchange: Exchange, asked: nlm.nlm4_unlockargs, done: Any) -> None:
        lock = asked.alock
        end = lock.l_offset + lock.l_len if lock.l_len else END
        key = _server(exchange), _owner(lock)
        self._unlocked(key, lock.l_offset, end, "UNLOCK", exchange)


_WRITE_DELEGATIONS = (t.OPEN_DELEGATE_WRITE, t.OPEN_DELEGATE_WRITE_ATTRS_DELEG)
_FOLLOWED: dict[int, Callable[[Holdings, Exchange, Any, Any], None]] = {
    int(t.OP_OPEN): Holdings._open,
    int(t.OP_CLOSE): Holdings._close,
    int(t.OP_OPEN_DOWNGRADE): Holdings._downgrade,
    int(t.OP_LOCK): Holdings._lock,
    int(t.OP_LOCKU): Holdings._unlock,
    int(t.OP_DELEGRETURN): Holdings._return,
    int(t.OP_FREE_STATEID): Holdings._free,
    int(t.OP_WANT_DELEGATION): Holdings._want,
    _NLM_LOCK: Holdings._nlm_lock,
    _NLM_UNLOCK: Holdings._nlm_unlock,
}


def _status(result: Any) -> int:
    """Return how an operation ended, 0 for success."""
    value = getattr(result, result.__slots__[0]) if getattr(result, "__slots__", ()) else result
    value = getattr(value, "stat", value)  # of NLM there is a structure around it
    if not isinstance(value, int) and hasattr(result, "stat"):
        value = getattr(result.stat, "stat", 0)
    return value if isinstance(value, int) else 0


def _server(exchange: Exchange) -> str:
    responder = exchange.responder
    return responder.address if responder is not None else exchange.requester.towards


def _file(exchange: Exchange, handle: bytes = b"") -> str:
    """Return the path of the file, or the hash of its handle as Wireshark has it."""
    if exchange.paths:
        return printable(exchange.paths[0])
    handle = handle or exchange.handle
    return f"fh:{zlib.crc32(handle):#010x}" if handle else "?"


def _mode(access: int, deny: int) -> str:
    words = _ACCESS.get(access & 3, "nothing")
    return f"{words}, denying {_ACCESS[deny & 3]}" if deny & 3 else words


def _wider(one: str, other: str) -> str:
    """Return what two opens of one owner are together."""
    first, _, denied = one.partition(", denying ")
    second, _, more = other.partition(", denying ")
    both = first if first == second else "read and write"
    denial = denied if denied == more or not more else more if not denied else "read and write"
    return f"{both}, denying {denial}" if denial else both


def _owner(lock: Any) -> bytes:
    """Return what tells an owner's locks of a file from others'."""
    return b"/".join((bytes(lock.caller_name), bytes(lock.fh), bytes(lock.oh)))


def octets_of(holding: Holding) -> str:
    """Return which octets a lock is of: ``0-99``, ``100-end``; empty for what is no lock."""
    if holding.kind != "lock":
        return ""
    last = "end" if holding.end == END else f"{holding.end - 1}"
    return f"{holding.start}-{last}"


def still_held(holdings: Holdings) -> Iterator[Holding]:
    """Give what was not given back in the capture."""
    return (one for one in holdings.all if not one.ended_by)
