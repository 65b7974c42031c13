"""The messages of the communication manager, octet for octet (IBA, Section 12.6).

    active                                   passive
      | REQ  service, queue pair, PSN, path ->  |
      | <-                   MRA  still thinking |   (optional; either side)
      | <-          REP  queue pair, PSN, depths |   or REJ  reason
      | RTU  ready to use ->                     |
      |               ... RC traffic ...         |
      | DREQ ->              either side         |
      | <- DREP                                  |

Each message is a frozen dataclass whose fields are numbers as they are on the wire, with
``encode() -> 232 octets`` and ``decode(data)``. What a message *means* is ``cm``'s business; the
dissector uses this module as well.

RDMA CM (the socket-like layer: ``rdma_connect`` and friends) puts 36 octets of its own in front
of the private data of a REQ: :class:`RdmaCmHeader`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, NamedTuple, Self, TypeAlias

from .mad import MAD_DATA_LENGTH, MadError


class CmAttribute(IntEnum):
    """The attribute identifiers of the class (IBA, Section 16.7)."""

    REQ = 0x10
    MRA = 0x11
    REJ = 0x12
    REP = 0x13
    RTU = 0x14
    DREQ = 0x15
    DREP = 0x16
    SIDR_REQ = 0x17
    SIDR_REP = 0x18
    LAP = 0x19
    APR = 0x1A


class RejectReason(IntEnum):
    """Why a connection was rejected (IBA, Section 12.6.7)."""

    NO_QP_AVAILABLE = 1
    NO_EEC_AVAILABLE = 2
    NO_RESOURCES = 3
    TIMEOUT = 4
    UNSUPPORTED_REQUEST = 5
    INVALID_COMMUNICATION_ID = 6
    INVALID_COMMUNICATION_INSTANCE = 7
    INVALID_SERVICE_ID = 8
    INVALID_TRANSPORT_SERVICE_TYPE = 9
    STALE_CONNECTION = 10
    RDC_DOES_NOT_EXIST = 11
    PRIMARY_REMOTE_PORT_GID_REJECTED = 12
    PRIMARY_REMOTE_PORT_LID_REJECTED = 13
    INVALID_PRIMARY_SL = 14
    INVALID_PRIMARY_TRAFFIC_CLASS = 15
    INVALID_PRIMARY_HOP_LIMIT = 16
    INVALID_PRIMARY_PACKET_RATE = 17
    ALTERNATE_REMOTE_PORT_GID_REJECTED = 18
    ALTERNATE_REMOTE_PORT_LID_REJECTED = 19
    INVALID_ALTERNATE_SL = 20
    INVALID_ALTERNATE_TRAFFIC_CLASS = 21
    INVALID_ALTERNATE_HOP_LIMIT = 22
    INVALID_ALTERNATE_PACKET_RATE = 23
    PORT_AND_CM_REDIRECTION = 24
    PORT_REDIRECTION = 25
    INVALID_PATH_MTU = 26
    INSUFFICIENT_RESPONDER_RESOURCES = 27
    CONSUMER_REJECT = 28
    RNR_RETRY_COUNT_REJECT = 29
    DUPLICATE_LOCAL_COMMUNICATION_ID = 30
    INVALID_CLASS_VERSION = 31
    INVALID_FLOW_LABEL = 32
    INVALID_ALTERNATE_FLOW_LABEL = 33


def reject_reason_name(reason: int) -> str:
    """Return the reason in words; an unknown number as a number."""
    try:
        return RejectReason(reason).name.lower().replace("_", " ")
    except ValueError:
        return f"reason {reason}"


class MessageKind(IntEnum):
    """Which message an MRA or a REJ is about (IBA, Sections 12.6.6 and 12.6.7)."""

    REQ = 0
    REP = 1
    OTHER = 2


SERVICE_ID_TCP = 0x0000000001060000
"""The service identifiers of RDMA CM's TCP port space; the port is in the low 16 bits."""


def service_id(port: int) -> int:
    """Return the service identifier that ``rdma_connect`` asks for to reach ``port``."""
    return SERVICE_ID_TCP | port


def service_port(identifier: int) -> int | None:
    """Return the port of a service identifier; ``None`` outside RDMA CM's TCP port space."""
    return identifier & 0xFFFF if identifier & ~0xFFFF == SERVICE_ID_TCP else None


def gid_of(host: str) -> bytes:
    """Return the RoCEv2 GID of an address: IPv4 mapped into IPv6, without a scope."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv4Address):
        return b"\0" * 10 + b"\xff\xff" + address.packed
    return address.packed


def host_of(gid: bytes) -> str:
    """Return the address that a RoCEv2 GID stands for."""
    address = IPv6Address(bytes(gid))
    return str(address.ipv4_mapped or address)


PATH_MTU_CODES = {256: 1, 512: 2, 1024: 3, 2048: 4, 4096: 5}
"""Path MTU in octets of payload -> its code (``enum ibv_mtu``)."""
PATH_MTUS = {code: octets for octets, code in PATH_MTU_CODES.items()}
"""The code of a path MTU -> octets of payload."""

TRANSPORT_RC = 0

_NO_PATH = b"\0" * 44
_REQ = struct.Struct(">I4xQQ4xIIIIIHBBHH16s16sIBBBB44s92s")
_MRA = struct.Struct(">IIBB222s")
_REJ = struct.Struct(">IIBBH72s148s")
_REP = struct.Struct(">IIIIIIBBBBQ196s")
_DREQ = struct.Struct(">III220s")
_IDS = struct.Struct(">II224s")
for _layout in (_REQ, _MRA, _REJ, _REP, _DREQ, _IDS):
    assert _layout.size == MAD_DATA_LENGTH


def _fitting(private_data: bytes, room: int) -> bytes:
    if len(private_data) > room:
        raise ValueError(f"private data of {len(private_data)} octets: room for {room}")
    return private_data


class _ReqWords(NamedTuple):
    """The fields of a REQ as ``_REQ`` has them: several share a word."""

    local_comm_id: int
    service: int
    guid: int
    qkey: int
    qpn_resources: int
    eecn_depth: int
    remote_flags: int
    psn_flags: int
    p_key: int
    mtu_flags: int
    retry_flags: int
    local_lid: int
    remote_lid: int
    local_gid: bytes
    remote_gid: bytes
    flow_rate: int
    traffic_class: int
    hop_limit: int
    level_flags: int
    ack_flags: int
    alternate: bytes
    private_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Req:
    """Request for communication (IBA, Section 12.6.5).

    Times are exponents: 4.096 µs times two to the power of the field. The defaults are what
    Linux's rdma_cm sends for a reliable connection over RoCE.
    """

    ATTRIBUTE: ClassVar[int] = CmAttribute.REQ
    PRIVATE_ROOM: ClassVar[int] = 92

    local_comm_id: int
    service_id: int
    local_ca_guid: int
    local_qpn: int
    starting_psn: int
    local_gid: bytes
    remote_gid: bytes
    path_mtu: int
    """The code, not octets; see ``PATH_MTUS``."""
    responder_resources: int = 0
    initiator_depth: int = 0
    retry_count: int = 7
    rnr_retry_count: int = 7
    flow_label: int = 0
    local_ack_timeout: int = 19
    remote_cm_response_timeout: int = 20
    local_cm_response_timeout: int = 20
    max_cm_retries: int = 15
    transport: int = TRANSPORT_RC
    end_to_end_flow_control: int = 0
    local_qkey: int = 0
    local_eecn: int = 0
    remote_eecn: int = 0
    p_key: int = 0xFFFF
    rdc_exists: int = 0
    srq: int = 0
    extended_transport: int = 0
    local_lid: int = 0xFFFF
    remote_lid: int = 0xFFFF
    packet_rate: int = 0
    traffic_class: int = 0
    hop_limit: int = 64
    service_level: int = 0
    subnet_local: int = 0
    alternate_path: bytes = _NO_PATH
    private_data: bytes = b""

    def encode(self) -> bytes:
        """Return 232 octets. Raises ``ValueError`` if the private data are too long."""
        return _REQ.pack(
            self.local_comm_id,
            self.service_id,
            self.local_ca_guid,
            self.local_qkey,
            self.local_qpn << 8 | self.responder_resources,
            self.local_eecn << 8 | self.initiator_depth,
            self.remote_eecn << 8
            | self.remote_cm_response_timeout << 3
            | self.transport << 1
            | self.end_to_end_flow_control,
            self.starting_psn << 8 | self.local_cm_response_timeout << 3 | self.retry_count,
            self.p_key,
            self.path_mtu << 4 | self.rdc_exists << 3 | self.rnr_retry_count,
            self.max_cm_retries << 4 | self.srq << 3 | self.extended_transport,
            self.local_lid,
            self.remote_lid,
            self.local_gid,
            self.remote_gid,
            self.flow_label << 12 | self.packet_rate,
            self.traffic_class,
            self.hop_limit,
            self.service_level << 4 | self.subnet_local << 3,
            self.local_ack_timeout << 3,
            self.alternate_path,
            _fitting(self.private_data, self.PRIVATE_ROOM),
        )

    @classmethod
    def decode(cls, data: memoryview) -> Req:
        """Decode 232 octets; the private data come with their padding."""
        words = _ReqWords._make(_REQ.unpack(data))
        return cls(
            local_comm_id=words.local_comm_id,
            service_id=words.service,
            local_ca_guid=words.guid,
            local_qkey=words.qkey,
            local_qpn=words.qpn_resources >> 8,
            responder_resources=words.qpn_resources & 0xFF,
            local_eecn=words.eecn_depth >> 8,
            initiator_depth=words.eecn_depth & 0xFF,
            remote_eecn=words.remote_flags >> 8,
            remote_cm_response_timeout=words.remote_flags >> 3 & 31,
            transport=words.remote_flags >> 1 & 3,
            end_to_end_flow_control=words.remote_flags & 1,
            starting_psn=words.psn_flags >> 8,
            local_cm_response_timeout=words.psn_flags >> 3 & 31,
            retry_count=words.psn_flags & 7,
            p_key=words.p_key,
            path_mtu=words.mtu_flags >> 4,
            rdc_exists=words.mtu_flags >> 3 & 1,
            rnr_retry_count=words.mtu_flags & 7,
            max_cm_retries=words.retry_flags >> 4,
            srq=words.retry_flags >> 3 & 1,
            extended_transport=words.retry_flags & 7,
            local_lid=words.local_lid,
            remote_lid=words.remote_lid,
            local_gid=words.local_gid,
            remote_gid=words.remote_gid,
            flow_label=words.flow_rate >> 12,
            packet_rate=words.flow_rate & 0x3F,
            traffic_class=words.traffic_class,
            hop_limit=words.hop_limit,
            service_level=words.level_flags >> 4,
            subnet_local=words.level_flags >> 3 & 1,
            local_ack_timeout=words.ack_flags >> 3,
            alternate_path=words.alternate,
            private_data=words.private_data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mra:
    """Message receipt acknowledgment: "I have it, give me time" (IBA, Section 12.6.6)."""

    ATTRIBUTE: ClassVar[int] = CmAttribute.MRA
    PRIVATE_ROOM: ClassVar[int] = 222

    local_comm_id: int
    remote_comm_id: int
    message: int
    """A ``MessageKind``: which message is acknowledged."""
    service_timeout: int
    private_data: bytes = b""

    def encode(self) -> bytes:
        """Return 232 octets. Raises ``ValueError`` if the private data are too long."""
        return _MRA.pack(
            self.local_comm_id,
            self.remote_comm_id,
            self.message << 6,
            self.service_timeout << 3,
            _fitting(self.private_data, self.PRIVATE_ROOM),
        )

    @classmethod
    def decode(cls, data: memoryview) -> Mra:
        """Decode 232 octets; the private data come with their padding."""
        local, remote, message, timeout, private_data = _MRA.unpack(data)
        return cls(
            local_comm_id=local,
            remote_comm_id=remote,
            message=message >> 6,
            service_timeout=timeout >> 3,
            private_data=private_data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rej:
    """Reject (IBA, Section 12.6.7). ``reason`` may be a number of no ``RejectReason``."""

    ATTRIBUTE: ClassVar[int] = CmAttribute.REJ
    PRIVATE_ROOM: ClassVar[int] = 148

    local_comm_id: int
    remote_comm_id: int
    message: int
    """A ``MessageKind``: which message is rejected."""
    reason: int
    additional: bytes = b""
    """Additional reject information, at most 72 octets."""
    private_data: bytes = b""

    def encode(self) -> bytes:
        """Return 232 octets. Raises ``ValueError`` if the private data are too long."""
        return _REJ.pack(
            self.local_comm_id,
            self.remote_comm_id,
            self.message << 6,
            len(self.additional) << 1,
            self.reason,
            _fitting(self.additional, 72),
            _fitting(self.private_data, self.PRIVATE_ROOM),
        )

    @classmethod
    def decode(cls, data: memoryview) -> Rej:
        """Decode 232 octets; the private data come with their padding."""
        local, remote, message, length, reason, additional, private_data = _REJ.unpack(data)
        return cls(
            local_comm_id=local,
            remote_comm_id=remote,
            message=message >> 6,
            reason=reason,
            additional=additional[: length >> 1],
            private_data=private_data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rep:
    """Reply to a request for communication (IBA, Section 12.6.8)."""

    ATTRIBUTE: ClassVar[int] = CmAttribute.REP
    PRIVATE_ROOM: ClassVar[int] = 196

    local_comm_id: int
    remote_comm_id: int
    local_qpn: int
    starting_psn: int
    local_ca_guid: int
    responder_resources: int = 0
    initiator_depth: int = 0
    rnr_retry_count: int = 7
    target_ack_delay: int = 15
    failover: int = 0
    end_to_end_flow_control: int = 0
    srq: int = 0
    local_qkey: int = 0
    local_eecn: int = 0
    private_data: bytes = b""

    def encode(self) -> bytes:
        """Return 232 octets. Raises ``ValueError`` if the private data are too long."""
        return _REP.pack(
            self.local_comm_id,
            self.remote_comm_id,
            self.local_qkey,
            self.local_qpn << 8,
            self.local_eecn << 8,
            self.starting_psn << 8,
            self.responder_resources,
            self.initiator_depth,
            self.target_ack_delay << 3 | self.failover << 1 | self.end_to_end_flow_control,
            self.rnr_retry_count << 5 | self.srq << 4,
            self.local_ca_guid,
            _fitting(self.private_data, self.PRIVATE_ROOM),
        )

    @classmethod
    def decode(cls, data: memoryview) -> Rep:
        """Decode 232 octets; the private data come with their padding."""
        local, remote, qkey, qpn, eecn, psn, resources, depth, flags, rnr, guid, private_data = (
            _REP.unpack(data)
        )
        return cls(
            local_comm_id=local,
            remote_comm_id=remote,
            local_qkey=qkey,
            local_qpn=qpn >> 8,
            local_eecn=eecn >> 8,
            starting_psn=psn >> 8,
            responder_resources=resources,
            initiator_depth=depth,
            target_ack_delay=flags >> 3,
            failover=flags >> 1 & 3,
            end_to_end_flow_control=flags & 1,
            rnr_retry_count=rnr >> 5,
            srq=rnr >> 4 & 1,
            local_ca_guid=guid,
            private_data=private_data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _IdsOnly:
    """A message of two identifiers and private data."""

    ATTRIBUTE: ClassVar[int]
    PRIVATE_ROOM: ClassVar[int] = 224

    local_comm_id: int
    remote_comm_id: int
    private_data: bytes = b""

    def encode(self) -> bytes:
        """Return 232 octets. Raises ``ValueError`` if the private data are too long."""
        room = _fitting(self.private_data, self.PRIVATE_ROOM)
        return _IDS.pack(self.local_comm_id, self.remote_comm_id, room)

    @classmethod
    def decode(cls, data: memoryview) -> Self:
        """Decode 232 octets; the private data come with their padding."""
        local, remote, private_data = _IDS.unpack(data)
        return cls(local_comm_id=local, remote_comm_id=remote, private_data=private_data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtu(_IdsOnly):
    """Ready to use (IBA, Section 12.6.9)."""

    ATTRIBUTE: ClassVar[int] = CmAttribute.RTU


@dataclass(frozen=True, slots=True, kw_only=True)
class Dreq:
    """Request for communication release (IBA, Section 12.6.10)."""

    ATTRIBUTE: ClassVar[int] = CmAttribute.DREQ
    PRIVATE_ROOM: ClassVar[int] = 220

    local_comm_id: int
    remote_comm_id: int
    remote_qpn: int
    """The queue pair of the message's receiver."""
    private_data: bytes = b""

    def encode(self) -> bytes:
        """Return 232 octets. Raises ``ValueError`` if the private data are too long."""
        room = _fitting(self.private_data, self.PRIVATE_ROOM)
        return _DREQ.pack(self.local_comm_id, self.remote_comm_id, self.remote_qpn << 8, room)

    @classmethod
    def decode(cls, data: memoryview) -> Dreq:
        """Decode 232 octets; the private data come with their padding."""
        local, remote, qpn, private_data = _DREQ.unpack(data)
        return cls(
            local_comm_id=local,
            remote_comm_id=remote,
            remote_qpn=qpn >> 8,
            private_data=private_data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drep(_IdsOnly):
    """Reply to a request for communication release (IBA, Section 12.6.11)."""

    ATTRIBUTE: ClassVar[int] = CmAttribute.DREP


CmMessage: TypeAlias = Req | Mra | Rej | Rep | Rtu | Dreq | Drep

MESSAGES: dict[int, type[CmMessage]] = {
    kind.ATTRIBUTE: kind for kind in (Req, Mra, Rej, Rep, Rtu, Dreq, Drep)
}
"""Attribute -> message. Path migration and service resolution are not supported."""


def decode_message(attribute: int, data: memoryview) -> CmMessage:
    """Decode the message of a datagram. Raises ``MadError`` for unsupported attributes."""
    kind = MESSAGES.get(attribute)
    if kind is None:
        raise MadError(f"attribute {attribute:#x} is not spoken")
    return kind.decode(data)


RDMA_CM_HEADER_LENGTH = 36
_RDMA_CM_HEADER = struct.Struct(">BBH16s16s")


@dataclass(frozen=True, slots=True)
class RdmaCmHeader:
    """RDMA CM's prefix of a REQ's private data: the IP addresses of both sides."""

    source: str
    source_port: int
    destination: str

    def encode(self) -> bytes:
        """Return 36 octets."""
        source, destination = (
            ip_address(host.partition("%")[0]) for host in (self.source, self.destination)
        )
        return _RDMA_CM_HEADER.pack(
            0,
            source.version << 4,
            self.source_port,
            source.packed.rjust(16, b"\0"),
            destination.packed.rjust(16, b"\0"),
        )

    @classmethod
    def decode(cls, private_data: bytes) -> RdmaCmHeader:
        """Decode a REQ's private data. Raises ``MadError`` for another version or IP family."""
        version, family, port, source, destination = _RDMA_CM_HEADER.unpack_from(private_data)
        if version != 0:
            raise MadError(f"rdma_cm header version {version}")
        if family >> 4 == 4:
            return cls(str(IPv4Address(source[12:])), port, str(IPv4Address(destination[12:])))
        if family >> 4 == 6:
            return cls(str(IPv6Address(source)), port, str(IPv6Address(destination)))
        raise MadError(f"rdma_cm header for IP version {family >> 4}")
