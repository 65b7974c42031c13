"""CM messages: octet for octet, against hand-made vectors and against Linux."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.captures import capture_folder, frames, require

from nfsrdma.rpcrdma.roce.wire import cm_messages as cmm
from nfsrdma.rpcrdma.roce.wire.mad import MAD_DATA_LENGTH, MadError, decode_mad, encode_mad

LINUX = ("linux-nfs41-basic", "linux-nfs42-loss", "linux-nfs40-mtu1024")
UD_SEND_ONLY = 0x64


def handshake(name):
    """The CM datagrams of a capture, by attribute, with source and destination."""
    found = {}
    for frame in frames(require(capture_folder() / f"{name}.pcap")):
        if frame.opcode == UD_SEND_ONLY:
            mad = frame.payload[8:]
            found[decode_mad(memoryview(mad)).attribute] = (frame.source, frame.destination, mad)
    return found


@pytest.mark.parametrize("name", LINUX)
def test_linux_messages_survive_a_round_trip(name):
    found = handshake(name)
    assert set(found) == {0x10, 0x13, 0x14, 0x15, 0x16}
    for _, _, mad in found.values():
        attribute, transaction, data = decode_mad(memoryview(mad))
        message = cmm.decode_message(attribute, data)
        assert encode_mad(attribute, transaction, message.encode()) == mad


@pytest.mark.parametrize("name", LINUX)
def test_our_defaults_are_what_linux_sends(name):
    """Only what names this connection may differ from the REQ and REP of rdma_cm."""
    found = handshake(name)
    source, destination, mad = found[0x10]
    theirs = cmm.Req.decode(decode_mad(memoryview(mad)).data)
    ours = cmm.Req(
        local_comm_id=theirs.local_comm_id,
        service_id=cmm.service_id(20049),
        local_ca_guid=theirs.local_ca_guid,
        local_qpn=theirs.local_qpn,
        starting_psn=theirs.starting_psn,
        local_gid=cmm.gid_of(source),
        remote_gid=cmm.gid_of(destination),
        path_mtu=cmm.PATH_MTU_CODES[1024 if "1024" in name else 4096],
        responder_resources=128,
        retry_count=6,
        rnr_retry_count=0,
        flow_label=theirs.flow_label,
        private_data=cmm.RdmaCmHeader(
            source, cmm.RdmaCmHeader.decode(theirs.private_data).source_port, destination
        ).encode()
        + bytes.fromhex("f6ab0e1801010303"),
    )
    assert ours.encode() == theirs.encode()
    _, _, mad = found[0x13]
    reply = cmm.Rep.decode(decode_mad(memoryview(mad)).data)
    ours_back = cmm.Rep(
        local_comm_id=reply.local_comm_id,
        remote_comm_id=theirs.local_comm_id,
        local_qpn=reply.local_qpn,
        starting_psn=reply.starting_psn,
        local_ca_guid=reply.local_ca_guid,
        responder_resources=0,
        initiator_depth=128,
        rnr_retry_count=0,
        private_data=bytes.fromhex("f6ab0e1801000303"),
    )
    assert ours_back.encode() == reply.encode()


def test_req_layout_by_hand():
    data = cmm.Req(
        local_comm_id=0x01020304,
        service_id=0x1122334455667788,
        local_ca_guid=0xA1A2A3A4A5A6A7A8,
        local_qkey=0x0B0C0D0E,
        local_qpn=0x123456,
        responder_resources=7,
        local_eecn=0x654321,
        initiator_depth=9,
        remote_eecn=0xABCDEF,
        remote_cm_response_timeout=21,
        transport=1,
        end_to_end_flow_control=1,
        starting_psn=0xFEDCBA,
        local_cm_response_timeout=22,
        retry_count=5,
        p_key=0x8001,
        path_mtu=5,
        rdc_exists=1,
        rnr_retry_count=3,
        max_cm_retries=15,
        srq=1,
        extended_transport=2,
        local_lid=0x1234,
        remote_lid=0x5678,
        local_gid=bytes(range(16)),
        remote_gid=bytes(range(16, 32)),
        flow_label=0xC0DE5,
        packet_rate=0x2A,
        traffic_class=0x77,
        hop_limit=63,
        service_level=11,
        subnet_local=1,
        local_ack_timeout=19,
        alternate_path=b"\xee" * 44,
        private_data=b"hello",
    ).encode()
    assert data[:56].hex() == (
        "01020304" "00000000" "1122334455667788" "a1a2a3a4a5a6a7a8" "00000000" "0b0c0d0e"
        "12345607" "65432109" "abcdefab" "fedcbab5" "8001" "5b" "fa" "1234" "5678"
    )  # fmt: skip
    assert data[56:88] == bytes(range(32))
    assert data[88:96].hex() == "c0de502a773fb898"
    assert data[96:140] == b"\xee" * 44
    assert data[140:145] == b"hello"
    assert cmm.Req.decode(memoryview(data)).encode() == data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(cmm.MESSAGES)), st.binary(min_size=MAD_DATA_LENGTH, max_size=232))
def test_any_octets_decode_and_decode_the_same_again(attribute, data):
    """Nothing a peer sends raises, and what is encoded means what was decoded."""
    message = cmm.decode_message(attribute, memoryview(data))
    again = cmm.decode_message(attribute, memoryview(message.encode()))
    if isinstance(message, cmm.Rej):
        assert again.reason == message.reason
        assert again.message == message.message
    else:
        assert again == message


def test_reject_carries_additional_information():
    data = cmm.Rej(
        local_comm_id=1,
        remote_comm_id=2,
        message=1,
        reason=26,
        additional=b"\x05",
        private_data=b"p",
    ).encode()
    assert data[:12].hex() == "00000001000000024002001a"
    back = cmm.Rej.decode(memoryview(data))
    assert (back.additional, back.message, back.reason) == (b"\x05", 1, 26)


@pytest.mark.parametrize("kind", sorted(cmm.MESSAGES))
def test_private_data_have_room_and_no_more(kind):
    message = cmm.MESSAGES[kind].decode(memoryview(bytes(232)))
    room = message.PRIVATE_ROOM
    full = replace(message, private_data=b"x" * room)
    assert full.encode()[-room:] == b"x" * room
    with pytest.raises(ValueError, match="room for"):
        replace(message, private_data=b"x" * (room + 1)).encode()


def test_mads_that_are_not_ours():
    good = encode_mad(0x10, 5, bytes(232))
    assert decode_mad(memoryview(good))[:2] == (0x10, 5)
    for at, value in ((0, 2), (1, 8), (2, 1), (3, 0x81), (4, 1)):
        bad = bytearray(good)
        bad[at] = value
        with pytest.raises(MadError):
            decode_mad(memoryview(bad))
    with pytest.raises(MadError):
        decode_mad(memoryview(good[:-1]))
    with pytest.raises(MadError, match="0x17"):
        cmm.decode_message(cmm.CmAttribute.SIDR_REQ, memoryview(bytes(232)))


@pytest.mark.parametrize(
    ("host", "gid"),
    [
        ("10.99.0.11", "00000000000000000000ffff0a63000b"),
        ("fe80::1%eth0", "fe800000000000000000000000000001"),
        ("2001:db8::5", "20010db8000000000000000000000005"),
    ],
)
def test_gids(host, gid):
    assert cmm.gid_of(host).hex() == gid
    assert cmm.host_of(bytes.fromhex(gid)) == host.partition("%")[0]


@pytest.mark.parametrize("hosts", [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
def test_rdma_cm_header(hosts):
    header = cmm.RdmaCmHeader(hosts[0], 50123, hosts[1])
    data = header.encode()
    assert len(data) == cmm.RDMA_CM_HEADER_LENGTH
    assert cmm.RdmaCmHeader.decode(data + b"private") == header
    with pytest.raises(MadError, match="version 1"):
        cmm.RdmaCmHeader.decode(b"\x01" + data[1:])
    with pytest.raises(MadError, match="IP version 5"):
        cmm.RdmaCmHeader.decode(data[:1] + b"\x50" + data[2:])


def test_service_ids_and_reasons():
    assert cmm.service_id(20049) == 0x1064E51
    assert cmm.service_port(0x1064E51) == 20049
    assert cmm.service_port(0x1384E51) is None
    assert cmm.reject_reason_name(10) == "stale connection"
    assert cmm.reject_reason_name(999) == "reason 999"
