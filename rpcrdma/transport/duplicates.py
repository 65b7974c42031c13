"""The reply cache: a call that comes again is answered again, and not executed again.

A client that lost its connection sends its calls once more on the next, with the same XIDs and
over whatever memory it has registered by then. So what is kept is the reply *message*, without
any transport header; it is marshalled anew against what the repeated call offers. A client
behind RDMA cannot choose its port, hence the port is no part of a call's identity.

NFSv4.1 has this in its session slots (RFC 8881, Section 2.10.6); the cache is for calls without
a session. It stands between the transport and the RPC service, and works over TCP as well.
"""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nfsrdma.xdr import Decoder, Encoder

from ..rpc.channel import Channel, IncomingCall, Service

_CALL_HEAD = struct.Struct(">6I")  # xid, CALL, RPC version, program, version, procedure
_CHECKED = 256
"""Octets of a call that its checksum covers. An XID used again rarely has the same ones."""

_OVERHEAD = 256
"""Octets that an entry is counted with besides its reply."""


class CallKey(NamedTuple):
    """What makes two calls the same call."""

    address: str
    xid: int
    program: int
    version: int
    procedure: int
    checksum: int


def call_key(address: str, decoder: Decoder) -> CallKey | None:
    """The key of a call that ``decoder`` is at the start of, or ``None`` if it is no call."""
    head = decoder.peek(_CHECKED)
    if len(head) < _CALL_HEAD.size:
        return None
    xid, _, _, program, version, procedure = _CALL_HEAD.unpack_from(head)
    return CallKey(address, xid, program, version, procedure, zlib.crc32(head))


class CachedReply:
    """A reply message, payloads apart, independent of the memory that it was made from."""

    __slots__ = ("_body", "_payloads", "size")

    def __init__(self, message: Encoder) -> None:
        self._body = bytes(message.buffer)
        self._payloads = [(payload.offset, bytes(payload.data)) for payload in message.payloads]
        self.size = len(self._body) + sum(len(data) for _, data in self._payloads)
        """Octets that are kept."""

    def message(self) -> Encoder:
        """The reply, to be sent once more."""
        enc = Encoder()
        start = 0
        for offset, data in self._payloads:
            enc.buffer += self._body[start : offset - 4]  # payload() writes the length word
            enc.payload(data)
            start = offset
        enc.buffer += self._body[start:]
        return enc


class _Entry:
    """A call in progress, or answered. ``repeated`` waits for the answer, too."""

    __slots__ = ("repeated", "reply")

    def __init__(self) -> None:
        self.reply: CachedReply | None = None
        self.repeated: IncomingCall | None = None


class ReplyCache:
    """The replies to the latest calls, bounded in number and in octets."""

    def __init__(self, max_entries: int = 2048, max_octets: int = 16 << 20) -> None:
        self._max_entries = max_entries
        self._max_octets = max_octets
        self._octets = 0
        self._entries: OrderedDict[CallKey, _Entry] = OrderedDict()
        self.replayed = 0
        """Calls answered from here."""
        self.joined = 0
        """Calls that came again while the first was in progress."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def octets(self) -> int:
        """Octets in use, as they are counted against the limit."""
        return self._octets

    def admit(self, key: CallKey, call: IncomingCall) -> bool:
        """True if the call is new, and shall be executed; else it is taken care of.

        One that comes again while it is in progress is answered along with the first, of which
        the connection is likely to be gone: over RDMA a call dropped would wait for ever. A
        third takes the place of the second.
        """
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry()
            self._octets += _OVERHEAD
            self._shrink()
            return True
        if entry.reply is not None:
            self.replayed += 1
            self._entries.move_to_end(key)
            call.reply(entry.reply.message())
            return False
        self.joined += 1
        if entry.repeated is not None:
            entry.repeated.drop()
        entry.repeated = call
        return False

    def complete(self, key: CallKey, message: Encoder) -> None:
        """The call was executed, and this is its reply."""
        entry = self._entries.get(key)
        if entry is None or entry.reply is not None:
            return
        entry.reply = CachedReply(message)
        self._octets += entry.reply.size
        repeated, entry.repeated = entry.repeated, None
        self._shrink()
        if repeated is not None:
            repeated.reply(entry.reply.message())

    def forget(self, key: CallKey, *, refused: bool) -> None:
        """The call was not executed, or not answered: if it comes again, it is a new one."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._octets -= _OVERHEAD
        if entry.repeated is not None:
            if refused:
                entry.repeated.refuse()
            else:
                entry.repeated.drop()

    def _shrink(self) -> None:
        """Forget the oldest replies. Calls in progress stay: credits bound their number."""
        while self._octets > self._max_octets or len(self._entries) > self._max_entries:
            for key, entry in self._entries.items():
                if entry.reply is not None:
                    self._octets -= _OVERHEAD + entry.reply.size
                    del self._entries[key]
                    break
            else:
                return


class _Recorded:
    """An ``IncomingCall`` of which the answer is kept."""

    __slots__ = ("_cache", "_call", "_key")

    def __init__(self, call: IncomingCall, cache: ReplyCache, key: CallKey) -> None:
        self._call = call
        self._cache = cache
        self._key = key

    @property
    def decoder(self) -> Decoder:
        return self._call.decoder

    @property
    def channel(self) -> Channel:
        return self._call.channel

    @property
    def reply_room(self) -> int:
        return self._call.reply_room

    @property
    def payload_room(self) -> Sequence[int]:
        return self._call.payload_room

    def payload_target(self, index: int, size: int) -> memoryview | None:
        return self._call.payload_target(index, size)

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        self._cache.complete(self._key, message)
        self._call.reply(message, on_sent)

    def refuse(self) -> None:
        self._cache.forget(self._key, refused=True)
        self._call.refuse()

    def drop(self) -> None:
        self._cache.forget(self._key, refused=False)
        self._call.drop()


class DuplicateFilter:
    """A service in front of ``service`` that lets each call of interest through only once.

    ``applies(program, version, procedure)`` picks those that must not be executed twice and
    have no session; by default all are.
    """

    __slots__ = ("_applies", "_service", "cache")

    def __init__(
        self,
        service: Service,
        cache: ReplyCache,
        applies: Callable[[int, int, int], bool] = lambda program, version, procedure: True,
    ) -> None:
        self._service = service
        self._applies = applies
        self.cache = cache

    def __call__(self, call: IncomingCall) -> None:
        """Be a ``Service``."""
        key = call_key(call.channel.peer.address, call.decoder)
        if key is None or not self._applies(key.program, key.version, key.procedure):
            self._service(call)
        elif self.cache.admit(key, call):
            self._service(_Recorded(call, self.cache, key))
