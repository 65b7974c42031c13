"""The connection manager's C library, librdmacm, by ``ctypes``.

pyverbs wraps it too, but for one connection at a time: its ``CMEvent`` does not say which
identifier an event is for, and what is accepted shares the channel of its listener. It hides the
descriptor, both addresses, the depths that the peer offers and the reason of a rejection; binding
to a wildcard address crashes it; and it holds the interpreter's lock throughout. Here is what is
needed, over structures that the library promises to keep (``rdma/rdma_cma.h`` and
``infiniband/verbs.h``; it is one ABI since rdma-core's beginnings).

No call here waits: the event channel's descriptor is non-blocking, and the rest are requests to
the kernel that are answered by events.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Sequence
from ctypes import POINTER, c_char, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from typing import Any, Final, NamedTuple

# enum rdma_cm_event_type
ADDR_RESOLVED: Final = 0
ADDR_ERROR: Final = 1
ROUTE_RESOLVED: Final = 2
ROUTE_ERROR: Final = 3
CONNECT_REQUEST: Final = 4
CONNECT_RESPONSE: Final = 5
CONNECT_ERROR: Final = 6
UNREACHABLE: Final = 7
REJECTED: Final = 8
ESTABLISHED: Final = 9
DISCONNECTED: Final = 10
DEVICE_REMOVAL: Final = 11
TIMEWAIT_EXIT: Final = 15

_PS_TCP: Final = 0x0106
_AF: Final = struct.Struct("=H")
_IN: Final = struct.Struct("!H4s8x")
_IN6: Final = struct.Struct("!HI16s")
_SCOPE: Final = struct.Struct("=I")
_NAME_OCTETS: Final = 64


class _GlobalRoute(ctypes.Structure):
    _fields_ = [
        ("dgid", c_uint8 * 16),
        ("flow_label", c_uint32),
        ("sgid_index", c_uint8),
        ("hop_limit", c_uint8),
        ("traffic_class", c_uint8),
        # union ibv_gid holds 64-bit words, which align all that it is in.
        ("_pad", c_uint8),
    ]


class AddressVector(ctypes.Structure):
    """``struct ibv_ah_attr``."""

    _fields_ = [
        ("grh", _GlobalRoute),
        ("dlid", c_uint16),
        ("sl", c_uint8),
        ("src_path_bits", c_uint8),
        ("static_rate", c_uint8),
        ("is_global", c_uint8),
        ("port_num", c_uint8),
        ("_pad", c_uint8),
    ]


class QpAttributes(ctypes.Structure):
    """``struct ibv_qp_attr``: what a queue pair needs for a change of its state."""

    _fields_ = [
        ("qp_state", c_int),
        ("cur_qp_state", c_int),
        ("path_mtu", c_int),
        ("path_mig_state", c_int),
        ("qkey", c_uint32),
        ("rq_psn", c_uint32),
        ("sq_psn", c_uint32),
        ("dest_qp_num", c_uint32),
        ("qp_access_flags", c_uint32),
        ("cap", c_uint32 * 5),
        ("ah_attr", AddressVector),
        ("alt_ah_attr", AddressVector),
        ("pkey_index", c_uint16),
        ("alt_pkey_index", c_uint16),
        ("en_sqd_async_notify", c_uint8),
        ("sq_draining", c_uint8),
        ("max_rd_atomic", c_uint8),
        ("max_dest_rd_atomic", c_uint8),
        ("min_rnr_timer", c_uint8),
        ("port_num", c_uint8),
        ("timeout", c_uint8),
        ("retry_cnt", c_uint8),
        ("rnr_retry", c_uint8),
        ("alt_port_num", c_uint8),
        ("alt_timeout", c_uint8),
        ("rate_limit", c_uint32),
        # Spare room: the library writes its own size, which may grow.
        ("_room", c_uint8 * 64),
    ]


class _DeviceHead(ctypes.Structure):
    """The beginning of ``struct ibv_device``."""

    _fields_ = [
        ("ops", c_void_p * 2),
        ("node_type", c_int),
        ("transport_type", c_int),
        ("name", c_char * _NAME_OCTETS),
    ]


class _ContextHead(ctypes.Structure):
    """The beginning of ``struct ibv_context``."""

    _fields_ = [("device", POINTER(_DeviceHead))]


class _Id(ctypes.Structure):
    """The beginning of ``struct rdma_cm_id``."""

    _fields_ = [
        ("verbs", POINTER(_ContextHead)),
        ("channel", c_void_p),
        ("context", c_void_p),
        ("qp", c_void_p),
        ("source", c_uint8 * 128),
        ("destination", c_uint8 * 128),
        ("ib_address", c_uint8 * 40),
        ("path_rec", c_void_p),
        ("num_paths", c_int),
        ("_pad", c_int),  # the end of ``struct rdma_route``
        ("ps", c_int),
        ("port_num", c_uint8),
    ]


class _ConnParam(ctypes.Structure):
    _fields_ = [
        ("private_data", c_void_p),
        ("private_data_len", c_uint8),
        ("responder_resources", c_uint8),
        ("initiator_depth", c_uint8),
        ("flow_control", c_uint8),
        ("retry_count", c_uint8),
        ("rnr_retry_count", c_uint8),
        ("srq", c_uint8),
        ("qp_num", c_uint32),
    ]


class _EventHead(ctypes.Structure):
    """``struct rdma_cm_event``, whose union is of connections here."""

    _fields_ = [
        ("id", c_void_p),
        ("listen_id", c_void_p),
        ("event", c_int),
        ("status", c_int),
        ("conn", _ConnParam),
    ]


class _Channel(ctypes.Structure):
    _fields_ = [("fd", c_int)]


class Event(NamedTuple):
    """An event. The depths are what the peer wants from us and what it offers, in that order.

    ``id`` is the identifier that it is for; of ``CONNECT_REQUEST`` a new one, and ``listener`` the
    one that listens. ``status`` is a negative errno or, if ``REJECTED``, the peer's reason.
    """

    kind: int
    id: int
    listener: int
    status: int
    private_data: bytes
    responder_resources: int
    initiator_depth: int


class ConnectionParameters(NamedTuple):
    """What a side offers when it connects or accepts (``struct rdma_conn_param``)."""

    qp_num: int
    private_data: bytes
    responder_resources: int
    initiator_depth: int
    retry_count: int
    rnr_retry_count: int


class Library:
    """librdmacm. Identifiers and channels are plain addresses; failures raise ``OSError``."""

    def __init__(self) -> None:
        """Load the library. Raises ``OSError`` if there is none."""
        try:
            self._c: Any = ctypes.CDLL("librdmacm.so.1", use_errno=True)
        except OSError as error:
            raise OSError(
                errno.ENOSYS,
                f"the verbs provider needs librdmacm (Debian: apt-get install librdmacm1): {error}",
            ) from error
        address = c_void_p
        for name, arguments in {
            "rdma_destroy_event_channel": [address],
            "rdma_create_id": [address, POINTER(c_void_p), address, c_int],
            "rdma_destroy_id": [address],
            "rdma_bind_addr": [address, address],
            "rdma_listen": [address, c_int],
            "rdma_resolve_addr": [address, address, address, c_int],
            "rdma_resolve_route": [address, c_int],
            "rdma_connect": [address, POINTER(_ConnParam)],
            "rdma_establish": [address],
            "rdma_accept": [address, POINTER(_ConnParam)],
            "rdma_reject": [address, address, c_uint8],
            "rdma_disconnect": [address],
            "rdma_get_cm_event": [address, POINTER(POINTER(_EventHead))],
            "rdma_ack_cm_event": [POINTER(_EventHead)],
            "rdma_init_qp_attr": [address, POINTER(QpAttributes), POINTER(c_int)],
        }.items():
            getattr(self._c, name).argtypes = arguments
        self._c.rdma_create_event_channel.restype = POINTER(_Channel)
        self._c.rdma_create_event_channel.argtypes = []

    # --- The event channel ---

    def create_channel(self) -> tuple[int, int]:
        """Return a new event channel and its descriptor, which is made non-blocking."""
        ctypes.set_errno(0)
        channel = self._c.rdma_create_event_channel()
        if not channel:
            # Without the kernel's module there is no /dev/infiniband/rdma_cm; errno may be 0 then.
            code = ctypes.get_errno() or errno.ENODEV
            raise OSError(code, f"no RDMA connection manager (modprobe rdma_ucm): {_text(code)}")
        descriptor = int(channel.contents.fd)
        os.set_blocking(descriptor, False)
        return ctypes.addressof(channel.contents), descriptor

    def destroy_channel(self, channel: int) -> None:
        """Destroy a channel; all its identifiers must be gone."""
        self._c.rdma_destroy_event_channel(channel)

    def next_event(self, channel: int) -> Event | None:
        """Return the next event, acknowledged; None if there is none now."""
        found = POINTER(_EventHead)()
        if self._c.rdma_get_cm_event(channel, ctypes.byref(found)):
            return None
        head = found.contents
        conn = head.conn
        event = Event(
            head.event,
            head.id,
            head.listen_id or 0,
            head.status,
            ctypes.string_at(conn.private_data, conn.private_data_len)
            if conn.private_data
            else b"",
            conn.responder_resources,
            conn.initiator_depth,
        )
        self._c.rdma_ack_cm_event(found)
        return event

    # --- Identifiers ---

    def create_id(self, channel: int) -> int:
        """Return a new identifier."""
        made = c_void_p()
        self._check(self._c.rdma_create_id(channel, ctypes.byref(made), None, _PS_TCP), "create")
        assert made.value is not None
        return made.value

    def destroy_id(self, identifier: int) -> None:
        """Destroy an identifier, at any time. No event of it comes afterwards."""
        self._c.rdma_destroy_id(identifier)

    def bind(self, identifier: int, address: tuple[str, int]) -> None:
        """Bind an identifier to a local address and, unless that is a wildcard, to a device."""
        self._check(self._c.rdma_bind_addr(identifier, encode_address(address)), "bind")

    def listen(self, identifier: int) -> None:
        """Ask for ``CONNECT_REQUEST`` events."""
        self._check(self._c.rdma_listen(identifier, 0), "listen")

    def resolve_address(
        self, identifier: int, source: str | None, to: tuple[str, int], timeout_s: float
    ) -> None:
        """Resolve the address ``to``; ``ADDR_RESOLVED`` or ``ADDR_ERROR`` follows."""
        start = encode_address((source, 0)) if source is not None else None
        timeout = max(1, int(timeout_s * 1000))
        failed = self._c.rdma_resolve_addr(identifier, start, encode_address(to), timeout)
        self._check(failed, f"reach {to[0]}")

    def resolve_route(self, identifier: int, timeout_s: float) -> None:
        """Resolve the route; ``ROUTE_RESOLVED`` or ``ROUTE_ERROR`` follows."""
        timeout = max(1, int(timeout_s * 1000))
        self._check(self._c.rdma_resolve_route(identifier, timeout), "find a route")

    def connect(self, identifier: int, parameters: ConnectionParameters) -> None:
        """Send the request; ``CONNECT_RESPONSE`` or a failure follows."""
        with_data, _alive = _conn_param(parameters)
        self._check(self._c.rdma_connect(identifier, ctypes.byref(with_data)), "connect")

    def establish(self, identifier: int) -> None:
        """Confirm a ``CONNECT_RESPONSE``: the queue pair is ready."""
        self._check(self._c.rdma_establish(identifier), "confirm a connection")

    def accept(self, identifier: int, parameters: ConnectionParameters) -> None:
        """Answer a ``CONNECT_REQUEST``: the queue pair is ready. ``ESTABLISHED`` follows."""
        with_data, _alive = _conn_param(parameters)
        self._check(self._c.rdma_accept(identifier, ctypes.byref(with_data)), "accept")

    def reject(self, identifier: int, private_data: bytes) -> None:
        """Reject a ``CONNECT_REQUEST``."""
        self._check(self._c.rdma_reject(identifier, private_data, len(private_data)), "reject")

    def disconnect(self, identifier: int) -> None:
        """Send a DREQ, or answer the peer's."""
        self._check(self._c.rdma_disconnect(identifier), "disconnect")

    def qp_attributes(self, identifier: int, state: int) -> tuple[QpAttributes, int]:
        """Return a queue pair's attributes for ``state`` in this connection, and their mask."""
        attributes, mask = QpAttributes(), c_int()
        attributes.qp_state = state
        failed = self._c.rdma_init_qp_attr(identifier, ctypes.byref(attributes), ctypes.byref(mask))
        self._check(failed, "prepare a queue pair")
        return attributes, mask.value

    @staticmethod
    def addresses(identifier: int) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return our address and the peer's, as far as they are known."""
        found = _Id.from_address(identifier)
        return decode_address(bytes(found.source)), decode_address(bytes(found.destination))

    @staticmethod
    def device(identifier: int) -> tuple[str, int]:
        """Return the name and the port of its device; an empty name while it has none."""
        found = _Id.from_address(identifier)
        if not found.verbs:
            return "", 0
        return found.verbs.contents.device.contents.name.decode(), found.port_num

    @staticmethod
    def _check(failed: int, doing: str) -> None:
        if failed:
            code = ctypes.get_errno() or errno.EIO
            raise OSError(code, f"the connection manager cannot {doing}: {_text(code)}")


def _text(code: int) -> str:
    return os.strerror(code)


def _conn_param(parameters: ConnectionParameters) -> tuple[_ConnParam, Sequence[Any]]:
    """Return the structure, and what must live as long as it is used."""
    data = ctypes.create_string_buffer(parameters.private_data, len(parameters.private_data) or 1)
    return _ConnParam(
        private_data=ctypes.addressof(data),
        private_data_len=len(parameters.private_data),
        responder_resources=parameters.responder_resources,
        initiator_depth=parameters.initiator_depth,
        flow_control=1,
        retry_count=parameters.retry_count,
        rnr_retry_count=parameters.rnr_retry_count,
        srq=0,
        qp_num=parameters.qp_num,
    ), [data]


def encode_address(address: tuple[str, int]) -> bytes:
    """Return a numeric address as a ``struct sockaddr``; ``%eth0`` may follow an IPv6 one."""
    host, port = address
    if ":" not in host:
        return _AF.pack(socket.AF_INET) + _IN.pack(port, socket.inet_aton(host))
    host, _, interface = host.partition("%")
    scope = socket.if_nametoindex(interface) if interface else 0
    body = _IN6.pack(port, 0, socket.inet_pton(socket.AF_INET6, host))
    return _AF.pack(socket.AF_INET6) + body + _SCOPE.pack(scope)


def decode_address(octets: bytes) -> tuple[str, int]:
    """Return the address in a ``struct sockaddr``; ``("", 0)`` if it has none (yet)."""
    (family,) = _AF.unpack_from(octets)
    if family == socket.AF_INET:
        port, packed = _IN.unpack_from(octets, 2)
        return socket.inet_ntoa(packed), port
    if family != socket.AF_INET6:
        return "", 0
    port, _, packed = _IN6.unpack_from(octets, 2)
    host = socket.inet_ntop(socket.AF_INET6, packed)
    (scope,) = _SCOPE.unpack_from(octets, 24)
    if scope:
        host = f"{host}%{socket.if_indextoname(scope)}"
    return host, port
