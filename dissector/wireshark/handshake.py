"""The handshake of a connection that a capture does not have, made up from what is known of it.

Wireshark knows only from the connection manager which queue pairs belong together, and without that
it neither matches replies with calls nor puts chunks together. The three frames made here name the
queue pairs and the starting numbers that were inferred; around them are the link, network and UDP
headers of real packets of the same two hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    PATH_MTU_CODES,
    CmMessage,
    RdmaCmHeader,
    Rep,
    Req,
    Rtu,
    gid_of,
    service_id,
)
from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.roce.wire.mad import GSI_QKEY, GSI_QUEUE_PAIR, encode_mad

from ..base.packet import Encapsulation, Packet
from ..layers.link import ERF
from ..layers.offload import with_headers
from ..tracking.model import Connection, Side

NFS_RDMA_PORT = 20049
"""The service that the REQ asks for: the true one was not captured."""
_SEND_ONLY_DATAGRAM = 0x64
_BTH_DETH = Struct(">BBHIIII")
_LRH_LENGTH = 0x7FF
_ERF_LENGTHS = Struct(">HHH")
_COMM_ID = 0x6E660000
_DEFAULT_MTU = 1024
_CALLBACK_PROGRAMS = 0x40000000


class Template(NamedTuple):
    """The headers of the first packet of a flow, up to its base transport header."""

    frame: int
    link_type: int
    encapsulation: Encapsulation
    headers: bytes
    network: int
    """Where in ``headers`` the network header begins."""
    partition: int
    psn: int


def template_of(packet: Packet, view: memoryview) -> Template | None:
    """Return the headers of a packet; ``None`` if they are not like any that are written here."""
    network = packet.network
    end = packet.bth
    if packet.encapsulation == Encapsulation.ROCE_V2:
        # One of several packets in a frame has its transport header far behind.
        ip = (view[network] & 15) * 4 if packet.ip_version == 4 else 40
        end = min(end, network + ip + 8)
    headers = bytes(view[packet.offset : end])
    if len(headers) < 8:
        return None
    partition = int.from_bytes(view[packet.bth + 2 : packet.bth + 4], "big")
    return Template(
        packet.number, packet.link_type, packet.encapsulation, headers, network - packet.offset,
        partition, packet.psn,
    )  # fmt: skip


def client_of(connection: Connection) -> Side | None:
    """Return the side that calls; where none was seen to, the one that was seen first."""
    for side in (connection.first, connection.second):
        if side is not None and side.program is not None:
            is_callback = side.program[0] >= _CALLBACK_PROGRAMS
            return side.peer if is_callback else side
    return connection.first


def handshake(
    connection: Connection, client: Side, forth: Template, back: Template
) -> Iterator[tuple[str, bytes]]:
    """Give name and frame of REQ, REP and RTU; ``forth`` is a template of the client's packets."""
    server = client.peer
    assert server is not None
    identifier = _COMM_ID + (connection.number & 0xFFFF)
    flow = client.flow
    mtu = PATH_MTU_CODES.get(flow.mtu if flow is not None else 0, PATH_MTU_CODES[_DEFAULT_MTU])
    request = Req(
        local_comm_id=identifier,
        service_id=service_id(NFS_RDMA_PORT),
        local_ca_guid=1,
        local_qpn=client.qpn or 0,
        starting_psn=forth.psn,
        path_mtu=mtu,
        local_gid=_gid(client.address),
        remote_gid=_gid(server.address),
        local_lid=_lid(client.address),
        remote_lid=_lid(server.address),
        private_data=_addresses(client.address, server.address),
    )
    reply = Rep(
        local_comm_id=identifier + 0x10000,
        remote_comm_id=identifier,
        local_qpn=server.qpn or 0,
        starting_psn=back.psn,
        local_ca_guid=2,
    )
    ready = Rtu(local_comm_id=identifier, remote_comm_id=identifier + 0x10000)
    yield "REQ", _frame(forth, request, identifier)
    yield "REP", _frame(back, reply, identifier)
    yield "RTU", _frame(forth, ready, identifier)


def _gid(address: str) -> bytes:
    try:
        return gid_of(address)
    except ValueError:
        return bytes(16)


def _lid(address: str) -> int:
    return int(address[4:]) if address.startswith("LID ") else 0xFFFF


def _addresses(client: str, server: str) -> bytes:
    """Return RDMA CM's header, where there are IP addresses to be put into it."""
    try:
        return RdmaCmHeader(client, 0, server).encode()
    except ValueError:
        return b""


def _frame(template: Template, message: CmMessage, transaction: int) -> bytes:
    bth = _BTH_DETH.pack(
        _SEND_ONLY_DATAGRAM, 0, template.partition, GSI_QUEUE_PAIR, 0, GSI_QKEY, GSI_QUEUE_PAIR
    )
    body = bth + encode_mad(message.ATTRIBUTE, transaction, message.encode()) + bytes(4)
    link, network = template.headers[: template.network], template.headers[template.network :]
    if template.encapsulation == Encapsulation.ROCE_V2:
        packet = with_headers(network, body, len(body))
        return link + packet[:-4] + packet_icrc(packet).to_bytes(4, "little")
    head = bytearray(template.headers)
    local = template.encapsulation == Encapsulation.INFINIBAND
    if len(network) >= 40:
        # They end with a global route header.
        head[-36:-34] = len(body).to_bytes(2, "big")
    if local:
        frame = head + body + bytes(2)  # the variant CRC
        fit_local_route(frame, template.network)
    else:
        frame = head + body
    if template.link_type == ERF:
        _, lost, _ = _ERF_LENGTHS.unpack_from(frame, 10)
        _ERF_LENGTHS.pack_into(frame, 10, len(frame), lost, len(frame) - 16)
    return bytes(frame)


def fit_local_route(frame: bytearray, at: int) -> None:
    """Put the length, in words up to the variant CRC, into the local route header at ``at``."""
    words = (len(frame) - at - 2) // 4
    before = int.from_bytes(frame[at + 4 : at + 6], "big")
    frame[at + 4 : at + 6] = (before & ~_LRH_LENGTH | words).to_bytes(2, "big")
