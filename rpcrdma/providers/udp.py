"""A UDP socket as a RoCEv2 port.

What an ordinary user's socket must do so that the ICRC of every packet comes out right:

* The IPv4 header's identification is part of the ICRC. An *unconnected* socket with path MTU
  discovery on sends identification 0 and DF. With segmentation offload (``UDP_SEGMENT``) the
  packets of one send are numbered 0, 1, 2, ..., and the engine counts on that.
* On a wildcard socket every packet's local address must be known (it is part of the ICRC too),
  and answers must leave from it: ``IP_PKTINFO``, ``IPV6_PKTINFO``.
* Over IPv6 the kernel drops datagrams without a UDP checksum, which soft-RoCE sends, unless
  ``UDP_NO_CHECK6_RX`` is set. (Sending without one excludes segmentation offload, so we do not.)

Constants that the socket module lacks are from ``linux/udp.h``, ``linux/in.h``, ``linux/in6.h``.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..io.fork import keep_from_children
from ..roce.cm.manager import ROCE_PORT
from ..roce.packets.burst import Address, Burst, Train
from ..roce.wire.icrc import Flow, crc32
from ..roce.wire.opcode import ICRC_OCTETS
from ..task import Reactor

try:
    from . import _udp
except ImportError:
    _udp = None  # type: ignore[assignment]

SOL_UDP = 17
UDP_NO_CHECK6_RX = 102
UDP_SEGMENT = 103
UDP_GRO = 104
IP_PKTINFO = 8
IP_MTU_DISCOVER = 10
IP_PMTUDISC_DO = 2
IPV6_MTU_DISCOVER = 23
IPV6_PMTUDISC_DO = 2
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33

BUFFER_OCTETS = 16 << 20
"""The buffer that we ask for; an ordinary user gets ``net.core.rmem_max``."""
_LARGEST = 65536
_SLOTS = 8
"""Most messages of one receive call."""
_RECEIVES = 16
"""Messages received in one turn, before others have theirs."""
_BULK = 4096
_MOST_PEERS = 1024

_INT = struct.Struct("=i")
_SEGMENT = struct.Struct("=H")
_PKTINFO4 = struct.Struct("=I4s4s")
_PKTINFO6 = struct.Struct("=16sI")
_FAMILY = struct.Struct("=H")
_SOCKADDR4 = struct.Struct(">2sH4s8x")
_SOCKADDR6 = struct.Struct(">2sHI16s4s")
_ANCILLARY = socket.CMSG_SPACE(_INT.size) + socket.CMSG_SPACE(_PKTINFO6.size)

_NO_OFFLOAD = frozenset((errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOPROTOOPT))
"""Errors of ``UDP_SEGMENT`` on an interface without segmentation (no checksum offload)."""

Received = tuple[list[tuple[int, int, int]], Address, Address]
"""Messages that came one after the other from one source to one destination: the offset of each in
the buffer, its octets, and the octets of each of its datagrams but the last."""

Receiver = Callable[[memoryview, int, Address, Address], None]
"""(datagrams, octets of each but the last, source, destination)"""

Bursts = list[tuple[memoryview, int]]
"""Datagrams, and octets of each but the last, as they came one after the other."""

BatchReceiver = Callable[[Bursts, Address, Address], None]
"""(bursts, source, destination)"""


def family_of(host: str) -> socket.AddressFamily:
    """Return AF_INET or AF_INET6, by a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def segmentation_offload() -> bool:
    """Return whether the kernel knows ``UDP_SEGMENT``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.getsockopt(SOL_UDP, UDP_SEGMENT)
        except OSError:
            return False
    return True


def granted_buffer(sock: socket.socket, force: int, ordinary: int, octets: int) -> int:
    """Ask for a socket buffer, by force if we may; return what the kernel granted."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, octets)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, ordinary, octets)
    return sock.getsockopt(socket.SOL_SOCKET, ordinary)


class UdpPort:
    """One bound socket: bursts out, batches of datagrams in."""

    __slots__ = (
        "_anyone",
        "_buffer",
        "_counters",
        "_locals",
        "_native",
        "_on_batch",
        "_on_receive",
        "_on_turn",
        "_on_writable",
        "_peers",
        "_progress",
        "_reactor",
        "_reading",
        "_segments",
        "_sent",
        "_socket",
        "_waiting",
        "_wildcard",
        "host",
        "receive_octets",
    )

    def __init__(
        self,
        host: str,
        reactor: Reactor,
        counters: Counter[str],
        *,
        on_receive: Receiver,
        on_turn: Callable[[], None],
        on_writable: Callable[[], None],
        on_batch: BatchReceiver | None = None,
        bound: socket.socket | None = None,
        port: int = ROCE_PORT,
        reading: bool = True,
    ) -> None:
        """Bind to ``host`` (numeric, may be a wildcard) and ``port`` (0: any that is free).

        ``bound`` is a socket that another program has bound so; it belongs to this port then.
        Without ``reading`` nothing is read before ``start``. ``on_receive`` is called for what
        comes, or ``on_batch`` where several bursts of one peer have come meanwhile; then
        ``on_turn`` once for all of them. Raises ``OSError``.
        """
        self.host = host
        self._reactor = reactor
        self._counters = counters
        self._on_receive = on_receive
        self._on_batch = on_batch
        self._on_turn = on_turn
        self._on_writable = on_writable
        self._waiting = False
        self._segments = True
        self._progress = 0
        """Packets already sent of a burst that is sent one by one."""
        self._sent = 0
        """Bursts already sent of a train."""
        self._wildcard = host in ("0.0.0.0", "::")
        self._native = _udp is not None
        """Whether system calls go through the native module, not the socket module."""
        self._buffer = memoryview(bytearray(_SLOTS * _LARGEST if self._native else _LARGEST))
        self._reading = False
        self._socket = bound or socket.socket(family_of(host), socket.SOCK_DGRAM)
        keep_from_children(self._socket)
        if bound is None:
            try:
                self._configure()
                self._socket.bind(_sockaddr(host, port))
            except OSError:
                self._socket.close()
                raise
        self._anyone: Address = (host, self._socket.getsockname()[1])
        self._peers: dict[Any, Address] = {}
        self._locals: dict[bytes, Address] = {b"": self._anyone}
        self.receive_octets = granted_buffer(
            self._socket, SO_RCVBUFFORCE, socket.SO_RCVBUF, BUFFER_OCTETS
        )
        granted_buffer(self._socket, SO_SNDBUFFORCE, socket.SO_SNDBUF, BUFFER_OCTETS)
        if reading:
            self.start()

    @property
    def address(self) -> Address:
        """The address and port that the socket is bound to."""
        return self._anyone

    def start(self) -> None:
        """Read what arrives, from now on. Harmless to repeat."""
        if not self._reading:
            self._reading = True
            self._reactor.add_reader(self._socket.fileno(), self._readable)

    @property
    def reads(self) -> bool:
        """Whether what arrives is read here."""
        return self._reading

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def serves(self, host: str) -> bool:
        """Return whether packets to and from our address ``host`` travel through this port."""
        if self._wildcard:
            return (":" in host) == (":" in self.host)
        return host == self.host

    def send(self, burst: Burst) -> bool:
        """Send a burst with one call; return false when the socket is full.

        Then ``on_writable`` follows. Other failures count as packets lost in the network, which
        the queue pair repeats.
        """
        if burst.train is not None:
            return self._send_train(burst, burst.train)
        if burst.packets > 1 and not self._segments:
            return self._send_singly(burst)
        try:
            if self._native:
                source = _from_address(burst.source[0])[2] if self._wildcard else b""
                size = burst.segment_size if burst.packets > 1 else 0
                name = _packed_address(burst.destination)
                _udp.send(self._socket.fileno(), name, source, size, burst.parts)
            else:
                self._send_plainly(burst)
        except BlockingIOError:
            self._wait()
            return False
        except OSError as error:
            if burst.packets > 1 and error.errno in _NO_OFFLOAD:
                self._segments = False
                self._counters["no segmentation offload"] += 1
                return self._send_singly(burst)
            self._note(error)
        return True

    def _send_train(self, burst: Burst, train: Train) -> bool:
        """Send several bursts with one call; ``_sent`` says how many have been, if it was full."""
        bursts = len(train.cuts)
        if self._native and self._segments:
            source = _from_address(burst.source[0])[2] if self._wildcard else b""
            name = _packed_address(burst.destination)
            while self._sent < bursts:
                try:
                    self._sent += _udp.send_train(
                        self._socket.fileno(), name, source, self._sent, *train
                    )
                except BlockingIOError:
                    self._wait()
                    return False
                except OSError as error:
                    if error.errno in _NO_OFFLOAD:
                        break  # the next one finds out
                    self._note(error)
                    self._sent += 1
            else:
                self._sent = 0
                return True
        for single in burst.singles()[self._sent :]:
            if not self.send(single):
                return False
            self._sent += 1
        self._sent = 0
        return True

    def _ancillary(self, burst: Burst) -> list[tuple[int, int, bytes]]:
        return [_from_address(burst.source[0])] if self._wildcard else []

    def _send_plainly(self, burst: Burst) -> None:
        ancillary = self._ancillary(burst)
        if burst.packets > 1:
            ancillary.append((SOL_UDP, UDP_SEGMENT, _SEGMENT.pack(burst.segment_size)))
        self._socket.sendmsg(burst.buffers, ancillary, 0, burst.destination)

    def _send_singly(self, burst: Burst) -> bool:
        """Send a burst over an interface that cannot segment it: each packet by itself.

        Each has the identification 0 then, so over IPv4 the ICRCs are computed again.
        """
        ancillary = self._ancillary(burst)
        data = memoryview(b"".join(burst.buffers))
        flow = _flow(burst.source, burst.destination)
        size = burst.segment_size
        for start in range(self._progress * size, len(data), size):
            packet = data[start : start + size]
            seed = flow.seeds(len(packet), 1)[0]
            icrc = crc32(packet[:-ICRC_OCTETS], seed).to_bytes(ICRC_OCTETS, "little")
            try:
                self._socket.sendmsg((packet[:-ICRC_OCTETS], icrc), ancillary, 0, burst.destination)
            except BlockingIOError:
                self._progress = start // size
                self._wait()
                return False
            except OSError as error:
                self._note(error)
        self._progress = 0
        return True

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._reactor.add_writer(self._socket.fileno(), self._writable)

    def _note(self, error: OSError) -> None:
        """Count a packet as lost."""
        self._counters[f"send: {errno.errorcode.get(error.errno or 0, 'no such address')}"] += 1

    def close(self) -> None:
        """Unbind. Harmless to repeat."""
        if self._socket.fileno() >= 0:
            if self._reading:
                self._reactor.remove_reader(self._socket.fileno())
            if self._waiting:
                self._reactor.remove_writer(self._socket.fileno())
            self._socket.close()

    def _configure(self) -> None:
        sock = self._socket
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
            sock.setsockopt(SOL_UDP, UDP_NO_CHECK6_RX, 1)
            if self._wildcard:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
            if self._wildcard:
                sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        try:
            sock.setsockopt(SOL_UDP, UDP_GRO, 1)
        except OSError:
            self._counters["no receive offload"] += 1

    def _readable(self) -> None:
        try:
            self.look(_BULK)
        finally:
            self._on_turn()

    def look(self, enough: int = 1) -> None:
        """Take what has arrived, within bounds; stop when fewer octets than ``enough`` came.

        That was probably all. If not, the reactor calls again at once.
        """
        receive = self._receive if self._native else self._receive_plainly
        messages = 0
        while messages < _RECEIVES:
            try:
                found = receive()
            except OSError:
                # An ICMP error came back for an earlier packet.
                self._counters["receive errors"] += 1
                break
            if found is None:
                break
            length, count = self._take(found)
            messages += count
            if length < enough:
                break

    def wait(self, looking_s: float, sleeping_s: float) -> bool:
        """Take what has come, or what comes while looking and then sleeping for so long.

        Return whether anything did.
        """
        try:
            found = (
                self._receive(looking_s, sleeping_s)
                if self._native
                else self._wait_plainly(looking_s + sleeping_s)
            )
        except OSError:
            self._counters["receive errors"] += 1
            return True
        if found is None:
            return False
        self._take(found)
        return True

    def _take(self, found: list[Received]) -> tuple[int, int]:
        """Hand on what has come; return the octets of the last message, and how many there were.

        What a receiver raises does not keep others from theirs: it is raised afterwards.
        """
        fault: Exception | None = None
        length = count = 0
        for messages, source, local in found:
            bursts = [
                (self._buffer[offset : offset + length], size)
                for offset, length, size in messages
                if length
            ]
            length = messages[-1][1]
            count += len(messages)
            try:
                if len(bursts) > 1 and self._on_batch is not None:
                    self._on_batch(bursts, source, local)
                else:
                    for view, size in bursts:
                        self._on_receive(view, size, source, local)
            except Exception as error:
                if fault is None:
                    fault = error
                else:
                    fault.add_note(f"and afterwards: {error!r}")
        if fault is not None:
            raise fault
        return length, count

    def _wait_plainly(self, seconds: float) -> list[Received] | None:
        found = self._receive_plainly()
        if found is None and select.select((self._socket,), (), (), seconds)[0]:
            found = self._receive_plainly()
        return found

    def _receive(self, looking_s: float = 0.0, sleeping_s: float = 0.0) -> list[Received] | None:
        found = _udp.receive(self._socket.fileno(), self._buffer, _SLOTS, looking_s, sleeping_s)
        if found is None:
            return None
        return [
            (
                messages,
                self._peers.get(name) or self._remember(name, _unpacked_address(name)),
                self._locals.get(packed) or self._local(packed),
            )
            for name, packed, messages in found
        ]

    def _local(self, packed: bytes) -> Address:
        if len(self._locals) >= _MOST_PEERS:
            self._locals.clear()  # all of 127.0.0.0/8 is this host
            self._locals[b""] = self._anyone
        if len(packed) == _PKTINFO6.size:
            local = (_host6(*_PKTINFO6.unpack(packed)), ROCE_PORT)
        else:
            local = (socket.inet_ntop(socket.AF_INET, packed), ROCE_PORT)
        self._locals[packed] = local
        return local

    def _receive_plainly(self) -> list[Received] | None:
        try:
            length, ancillary, _, source = self._socket.recvmsg_into((self._buffer,), _ANCILLARY)
        except BlockingIOError:
            return None
        segment_size = length
        local = self._anyone
        for level, kind, data in ancillary:
            if level == SOL_UDP and kind == UDP_GRO:
                segment_size = _INT.unpack(data)[0]
            elif kind == IP_PKTINFO and level == socket.IPPROTO_IP:
                local = (socket.inet_ntop(socket.AF_INET, data[8:12]), ROCE_PORT)
            elif kind == socket.IPV6_PKTINFO and level == socket.IPPROTO_IPV6:
                local = (_host6(*_PKTINFO6.unpack(data)), ROCE_PORT)
        return [([(0, length, segment_size)], self._peer(source), local)]

    def _peer(self, source: Any) -> Address:
        if len(source) == 2:
            return source  # type: ignore[no-any-return]
        peer = self._peers.get(source)
        if peer is None:
            host, port, _, scope = source
            peer = self._remember(source, (_scoped(host.partition("%")[0], scope), port))
        return peer

    def _remember(self, source: Any, peer: Address) -> Address:
        if len(self._peers) >= _MOST_PEERS:
            # Source addresses can be forged; this is only a cache.
            self._peers.clear()
        self._peers[source] = peer
        return peer

    def _writable(self) -> None:
        self._reactor.remove_writer(self._socket.fileno())
        self._waiting = False
        self._on_writable()


@lru_cache(maxsize=64)
def _flow(source: Address, destination: Address) -> Flow:
    return Flow(source, destination)


def _sockaddr(host: str, port: int) -> Any:
    """Return the argument of ``bind`` and ``connect``, with the scope of a link-local address."""
    if ":" not in host:
        return (host, port)
    return socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, type=socket.SOCK_DGRAM)[0][4]


@lru_cache(maxsize=256)
def _packed_address(address: Address) -> bytes:
    """Return a ``struct sockaddr_in`` or ``sockaddr_in6``."""
    host, port = address
    if ":" not in host:
        packed = socket.inet_pton(socket.AF_INET, host)
        return _SOCKADDR4.pack(_FAMILY.pack(socket.AF_INET), port, packed)
    _, _, flow, scope = _sockaddr(host, port)
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    family = _FAMILY.pack(socket.AF_INET6)
    return _SOCKADDR6.pack(family, port, flow, packed, scope.to_bytes(4, sys.byteorder))


def _unpacked_address(name: bytes) -> Address:
    """Return the address in a ``struct sockaddr_in`` or ``sockaddr_in6``."""
    if len(name) == _SOCKADDR4.size:
        _, port, packed = _SOCKADDR4.unpack(name)
        return (socket.inet_ntop(socket.AF_INET, packed), port)
    _, port, _, packed, scope = _SOCKADDR6.unpack(name)
    scope = int.from_bytes(scope, sys.byteorder)
    return (_scoped(socket.inet_ntop(socket.AF_INET6, packed), scope), port)


def _scoped(host: str, scope: int) -> str:
    return f"{host}%{socket.if_indextoname(scope)}" if scope else host


def _host6(packed: bytes, interface: int) -> str:
    host = socket.inet_ntop(socket.AF_INET6, packed)
    link_local = packed[0] == 0xFE and packed[1] & 0xC0 == 0x80
    return _scoped(host, interface if link_local else 0)


def _from_address(host: str) -> tuple[int, int, bytes]:
    """Return the ancillary data that make a datagram leave from ``host``."""
    if ":" not in host:
        packed = socket.inet_pton(socket.AF_INET, host)
        return (socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO4.pack(0, packed, b"\0" * 4))
    address, _, interface = host.partition("%")
    index = socket.if_nametoindex(interface) if interface else 0
    packed = socket.inet_pton(socket.AF_INET6, address)
    return (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _PKTINFO6.pack(packed, index))
