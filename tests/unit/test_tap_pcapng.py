"""The tap and the pcapng writer, read back by a naive reader."""

from __future__ import annotations

import errno
import io
import struct
import zlib

import pytest
from tests.conformance.harness import EVERYTHING, ProviderHarness, pair

from nfsrdma.rpcrdma.pcapng import PcapngWriter
from nfsrdma.rpcrdma.providers.sim import SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.providers.tap import Tap, ethernet_frame
from nfsrdma.rpcrdma.roce.packets.burst import Burst


class Kept(io.BytesIO):
    """A file whose octets survive closing."""

    def close(self) -> None:
        if not self.closed:
            self.kept = self.getvalue()
        super().close()


def blocks(data: bytes):
    """(type, body) of every block; both lengths must agree."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        yield kind, data[at + 8 : at + length - 4]
        at += length


def packets(data: bytes):
    """(nanoseconds, frame, what follows) of every packet block."""
    for kind, body in blocks(data):
        if kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert (interface, captured) == (0, original)
            end = 20 + captured
            yield high << 32 | low, body[20:end], body[end + -captured % 4 :]


def naive_icrc(ip: bytes) -> bytes:
    """From the IP header on, as the specification words it."""
    masked = bytearray(ip[:-4])
    if ip[0] >> 4 == 4:
        masked[1] = masked[8] = 0xFF
        masked[10:12] = b"\xff\xff"
        udp = 20
    else:
        masked[0] |= 0x0F
        masked[1:4] = b"\xff\xff\xff"
        masked[7] = 0xFF
        udp = 40
    masked[udp + 6 : udp + 8] = b"\xff\xff"
    masked[udp + 12] = 0xFF
    return zlib.crc32(b"\xff" * 8 + masked).to_bytes(4, "little")


def test_the_file_s_head():
    file = Kept()
    PcapngWriter(file, interface="soft").close()
    (section, head), (interface, description) = blocks(file.kept)
    assert (section, interface) == (0x0A0D0D0A, 1)
    assert head[:16] == bytes.fromhex("4d3c2b1a 0100 0000 ffffffffffffffff")
    assert description[:8] == bytes.fromhex("01000000 00000000")
    assert b"soft" in description
    assert bytes.fromhex("0900 0100 09000000") in description  # Nanoseconds.


def test_buffering_is_bounded_and_flushed():
    file = Kept()
    writer = PcapngWriter(file, buffered=1000)
    assert file.getvalue() == b""
    writer.write(bytes(300), 1.5)
    assert file.getvalue() == b""
    for _ in range(3):
        writer.write(bytes(301), 2.0)
    assert len(file.getvalue()) >= 900
    writer.write(b"last", 1_700_000_000.123456789, "a remark")
    writer.flush()
    assert len(list(packets(file.getvalue()))) == 5
    writer.close()
    writer.close()
    *_, (stamp, frame, rest) = packets(file.kept)
    assert abs(stamp - 1_700_000_000_123_456_789) < 300  # What a float can tell apart.
    assert frame == b"last"
    assert rest == bytes.fromhex("0100 0800") + b"a remark" + bytes(4)


@pytest.mark.parametrize("hosts", [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fe80::2%eth0")])
def test_what_was_sent_is_what_is_recorded(hosts):
    file = Kept()
    tap = Tap(PcapngWriter(file), lambda: 3.0)
    data = bytes(range(80))
    ends = ((hosts[0], 4791), (hosts[1], 4791))
    tap.sent(Burst(*ends, 32, 3, [data[:50], memoryview(data)[50:]]))
    tap.close()
    frames = [frame for _, frame, _ in packets(file.kept)]
    header = 34 if "." in hosts[0] else 54
    assert [frame[header + 8 :] for frame in frames] == [data[:32], data[32:64], data[64:]]
    for ident, frame in enumerate(frames):
        assert frame[0] == frame[6] == 2  # Locally administered, not multicast.
        assert struct.unpack_from(">HHH", frame, header) == (4791, 4791, len(frame) - header)
        if header == 34:
            assert struct.unpack_from(">HH", frame, 18) == (ident, 0x4000)
            words = struct.unpack(">10H", frame[14:34])
            assert sum(words) % 0xFFFF == 0


def test_an_odd_datagram_has_a_right_ipv6_checksum():
    frame = ethernet_frame(("fd00::1", 1), ("fd00::2", 2), b"odd", 0)
    pseudo = frame[22:54] + (11).to_bytes(4, "big") + (17).to_bytes(4, "big")
    words = struct.unpack(">26H", pseudo + frame[54:] + b"\0")
    assert sum(words) % 0xFFFF == 0


@pytest.mark.parametrize("hosts", [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
def test_every_icrc_in_a_capture_is_right(hosts):
    """From the handshake to the good-bye, over bursts of many packets."""
    file = Kept()
    reactor = SimReactor()
    tap = Tap(PcapngWriter(file), reactor.time)
    fabric = SimFabric(reactor, 1, tap=tap)
    a, b = (fabric.open_device(host) for host in hosts)
    harness = ProviderHarness("sim", reactor, a, b, hosts[0], None, reactor.run_until, [])
    client, server = pair(harness)
    memory = bytearray(100_000)
    region = server.pd.register(memoryview(memory), EVERYTHING)
    client.post(0, [bytes(100_000)], rkey=region.rkey, remote_address=region.address)
    reactor.run_until(lambda: client.sent)
    client.connection.close()
    reactor.run_for(1)
    tap.close()
    frames = [frame for _, frame, _ in packets(file.kept)]
    assert len(frames) > 30
    for frame in frames:
        assert naive_icrc(frame[14:]) == frame[-4:]
    if ":" not in hosts[0]:
        assert max(struct.unpack_from(">H", frame, 18)[0] for frame in frames) > 5


class Full(io.BytesIO):
    """A file on a disk that is full after so many octets."""

    room = 5000

    def write(self, data: object) -> int:
        if self.tell() + len(data) > self.room:  # type: ignore[arg-type]
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


def test_a_full_disk_ends_the_capture_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    file = Full()
    tap = Tap(PcapngWriter(file, buffered=1000), lambda: 1.0)
    here, there = ("10.0.0.1", 4791), ("10.0.0.2", 4791)
    for _ in range(100):
        tap.packets(here, there, memoryview(bytes(500)), 500)
    tap.packet(here, there, bytes(10), 0, "a comment")
    tap.flush()
    tap.close()
    assert file.closed
    assert [record.getMessage() for record in caplog.records] == [
        "the capture ends here: No space left on device"
    ]
