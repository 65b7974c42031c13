"""The soft provider on real sockets of this machine: addresses, ports, fallbacks, captures."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
from collections import Counter
from contextlib import ExitStack
from random import Random

import pytest
from tests.conformance.harness import EVERYTHING, ProviderHarness, Side, pair, start
from tests.support.hosts import loopback

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers import registry, routes, soft, udp
from nfsrdma.rpcrdma.providers.sharing import SharedPort
from nfsrdma.rpcrdma.providers.soft import SoftDevice, flight_octets, read_octets
from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.roce.packets import twin
from nfsrdma.rpcrdma.roce.packets.burst import Burst, Train
from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.rpcrdma.verbs.types import ConnectOptions, QpOptions, WcStatus, WrOpcode

HERE = loopback(1)


@pytest.fixture
def reactor():
    made = SelectReactor()
    yield made
    made.close()


@pytest.fixture
def devices(reactor):
    """Makes devices and closes them in the end."""
    opened = []

    def make(**options):
        try:
            opened.append(SoftDevice(reactor, rng=Random(len(opened)), **options))
        except OSError:
            if options["address"] != "::1":
                raise
            pytest.skip("::1 cannot be had: another program uses it, or there is no IPv6")
        return opened[-1]

    yield make
    for device in opened:
        device.close()


def joined(reactor, a, b, host):
    return ProviderHarness("soft", reactor, a, b, host, None, reactor.run_until, [])


def exchange(harness, size=300_000):
    """Connect, write, read back, say something: (client, server)."""
    client, server = pair(harness, receives=1)
    data = Random(size).randbytes(size)
    memory = bytearray(size)
    region = server.pd.register(memoryview(memory), EVERYTHING)
    where = {"rkey": region.rkey, "remote_address": region.address}
    sink = bytearray(size)
    client.post(WrOpcode.RDMA_WRITE, [data], **where)
    client.post(WrOpcode.RDMA_READ, [sink], **where)
    client.send(b"done")
    harness.run_until(lambda: len(client.sent) == 3 and server.received)
    assert {wc.status for wc in client.sent} == {WcStatus.SUCCESS}
    assert memory == data == sink
    return client, server


def test_a_client_finds_another_address_when_the_server_has_its_own(reactor, devices):
    server, client = devices(), devices()
    harness = joined(reactor, server, client, HERE)
    ours, theirs = exchange(harness)
    second = ours.connection.local_address[0]
    assert theirs.connection.peer_address[0] == second
    harness.b = devices()
    ours, _ = exchange(harness)
    third = ours.connection.local_address[0]
    assert len({HERE, second, third}) == 3
    assert second.startswith("127.")
    assert third.startswith("127.")


def test_a_client_finds_another_ipv6_address(reactor, devices):
    if not set(routes.alternatives("::1")) - {"::1"}:
        pytest.skip("this machine has no IPv6 address but ::1 and link-local ones")
    server, client = devices(address="::1"), devices()
    ours, _ = exchange(joined(reactor, server, client, "::1"))
    assert ours.connection.local_address[0] != "::1"


def test_a_client_of_a_host_s_own_address(reactor, devices):
    """The server has an address of an interface; the client is on the same machine."""
    own = routes.find_route("192.0.2.1").local if _routed() else None
    if own is None or own.startswith("127."):
        pytest.skip("this machine has no address but loopback ones")
    server, client = devices(), devices()
    ours, _ = exchange(joined(reactor, server, client, own))
    assert ours.connection.local_address[0].startswith("127.")


def _routed():
    try:
        routes.find_route("192.0.2.1")
    except OSError:
        return False
    return True


def test_names_are_resolved(reactor, devices, monkeypatch):
    """The first address that there is a route to is taken."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **options):
        if host == "server.example":
            return look_up("2001:db8:dead::1", *arguments) + look_up(HERE, *arguments, **options)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    server, client = devices(address=HERE), devices(address=loopback(2))
    harness = joined(reactor, server, client, HERE)
    server.listen(HERE, 7000, lambda request: request.reject())
    side = Side(client, QpOptions())
    harness.host = "server.example"
    start(harness, side, 7000, ConnectOptions())
    reactor.run_until(lambda: side.told("failed"), 5)
    assert isinstance(side.error, ConnectionRefusedError)


@pytest.mark.parametrize(("wildcard", "host"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_wildcards_answer_from_the_address_that_was_asked(reactor, devices, wildcard, host):
    device = devices()
    try:
        device.listen(wildcard, 1, lambda request: None)
    except OSError as error:
        pytest.skip(f"another program has the port on one of the addresses: {error}")
    ours, theirs = exchange(joined(reactor, device, device, host))
    assert ours.connection.peer_address[0] == host
    assert theirs.connection.local_address[0] == host


def test_a_confined_device_listens_on_its_address_only(reactor, devices):
    server, client = devices(address=loopback(20)), devices(address=loopback(21))
    server.listen("0.0.0.0", 4000, lambda request: request.reject())
    exchange(joined(reactor, server, client, loopback(20)))
    client.listen(loopback(21), 4000, lambda request: None)


def test_a_taken_port_says_what_to_do(reactor, devices, monkeypatch):
    monkeypatch.setattr(SharedPort, "_is_ours", lambda _: False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((loopback(30), 4791))
        with pytest.raises(OSError, match="soft-RoCE") as raised:
            devices(address=loopback(30))
    assert raised.value.errno == errno.EADDRINUSE
    with pytest.raises(OSError, match=r"192\.0\.2\.77"):
        devices(address="192.0.2.77")


def test_the_wildcard_leaves_addresses_for_others(reactor, devices):
    server, client = devices(), devices()
    try:
        server.listen("0.0.0.0", 1, lambda request: None)
    except OSError as error:
        pytest.skip(f"another program has the port on one of the addresses: {error}")
    _, theirs = exchange(joined(reactor, server, client, "127.0.0.1"))
    assert theirs.connection.local_address[0] == "127.0.0.1"
    assert theirs.connection.peer_address[0] != "127.0.0.1"


TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 127.0.0.1
        /32 host LOCAL
Local:
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
"""
INET6 = """00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000000000000000001 02 40 20 80     eth0
20010db8000000000000000000000002 02 40 00 80     eth0
"""


def test_local_addresses(monkeypatch, tmp_path):
    (tmp_path / "trie").write_text(TRIE)
    (tmp_path / "inet6").write_text(INET6)
    monkeypatch.setattr(routes, "_FIB_TRIE", tmp_path / "trie")
    monkeypatch.setattr(routes, "_IF_INET6", tmp_path / "inet6")
    assert routes.local_addresses("0.0.0.0") == ["127.0.0.1", "192.0.2.2"]
    assert routes.local_addresses("::") == ["::1", "fe80::1%eth0", "2001:db8::2"]
    monkeypatch.setattr(routes, "_FIB_TRIE", tmp_path / "absent")
    assert routes.local_addresses("0.0.0.0") == ["0.0.0.0"]


def test_without_segmentation_offload(reactor, devices, monkeypatch):
    monkeypatch.setattr(soft, "segmentation_offload", lambda: False)
    plain = devices()
    assert not plain.engine.gso
    monkeypatch.undo()
    exchange(joined(reactor, devices(), plain, HERE))


class Grudging:
    """A socket on which every third send is refused, and segmentation always."""

    def __init__(self, inner, refusal=errno.EIO):
        self.inner = inner
        self.sends = 0
        self.refusal = refusal

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def sendmsg(self, buffers, ancillary, flags, address):
        if any(kind == udp.UDP_SEGMENT for _, kind, _ in ancillary):
            raise OSError(self.refusal, "no")
        self.sends += 1
        if self.sends % 3 == 0:
            raise BlockingIOError
        return self.inner.sendmsg(buffers, ancillary, flags, address)


@pytest.mark.parametrize("host", [HERE, "::1"], ids=["own", "::1"])
def test_an_interface_that_cannot_segment(reactor, devices, host):
    """Packets then leave one by one with ICRCs that are right, and a full socket is waited for."""
    device = devices(address=host)
    port = device._ports[0]._udp
    port._socket, port._native = Grudging(port._socket), False
    exchange(joined(reactor, device, device, host))
    assert device.udp_counters["no segmentation offload"] == 1
    assert device.engine.own_counters.icrc_errors == 0
    assert port._socket.sends > 100


class Capricious(Grudging):
    def sendmsg(self, buffers, ancillary, flags, address):
        self.sends += 1
        if self.sends % 4 == 0:
            raise BlockingIOError
        if self.sends % 9 == 0:
            raise OSError(errno.ENOBUFS, "no room")
        return self.inner.sendmsg(buffers, ancillary, flags, address)


def test_a_full_socket_and_lost_packets(reactor, devices):
    device = devices(address=HERE)
    port = device._ports[0]._udp
    port._socket, port._native = Capricious(port._socket), False
    exchange(joined(reactor, device, device, HERE))
    assert device.udp_counters["send: ENOBUFS"] > 0


def test_whatever_the_kernel_says_a_packet_is_lost_and_no_more(reactor, devices):
    device = devices(address=HERE)
    port = device._ports[0]._udp
    inner = port._socket

    class Refusing(Grudging):
        def sendmsg(self, *_):
            raise OSError(self.refusal, "no")

    port._native = port._segments = False
    burst = Burst((HERE, 4791), (HERE, 4791), 20, 2, [bytes(40)])
    blocking = {errno.EAGAIN, errno.EALREADY, errno.EINPROGRESS}
    numbers = set(errno.errorcode) - blocking | {-2}
    for number in sorted(numbers):
        port._socket = Refusing(inner, number)
        device.udp_counters.clear()
        assert port.send(burst)
        assert sum(device.udp_counters.values()) == 2, number
    port._socket = inner


def test_a_socket_that_cannot_be_had_loses_packets_too(reactor, devices):
    device = devices(address=HERE)
    burst = Burst(("192.0.2.1", 4791), (HERE, 4791), 20, 2, [bytes(40)])
    assert device._transmit(burst)
    assert device.udp_counters["send: no port"] == 1


def test_a_capture_on_a_full_disk_ends_alone(reactor, devices, caplog):
    class Full:
        closed = 0

        def packets(self, *_):
            raise OSError(errno.ENOSPC, "no space left on device")

        sent = packets

        def close(self):
            self.closed += 1
            raise OSError(errno.ENOSPC, "no space left on device")

    server, client = devices(), devices()
    server._tap, client._tap = Full(), Full()
    exchange(joined(reactor, server, client, HERE))
    assert server._tap is client._tap is None
    assert caplog.text.count("the capture ends here: [Errno 28]") == 2


def test_receive_errors_are_counted(reactor, devices):
    device = devices(address=HERE)
    port = device._ports[0]._udp
    inner = port._socket

    class Failing(Grudging):
        def recvmsg_into(self, *_):
            raise ConnectionRefusedError

    port._socket, port._native = Failing(inner), False
    port._readable()
    port._socket = inner
    assert device.udp_counters["receive errors"] == 1


def test_rubbish_is_counted_and_dropped(reactor, devices):
    device = devices(address=HERE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in (b"", b"x", bytes(60), bytes(2000)):
            stranger.sendto(data, (HERE, 4791))
    reactor.run_until(
        lambda: device.engine.own_counters.malformed + device.engine.own_counters.icrc_errors >= 3,
        5,
    )


def test_flight_follows_the_receive_buffer():
    assert flight_octets(212_992) == 3 * 15 * 4096
    assert flight_octets(2 << 20) == 512 << 10
    assert flight_octets(1 << 30) == 1 << 20


def test_the_length_of_rdma_reads_follows_what_may_be_in_flight() -> None:
    assert read_octets(3 * 15 * 4096) == Tuning().read_octets == 18 * 4096
    assert read_octets(1 << 20) == 256 << 10
    assert read_octets((1 << 20) - 1) == 63 * 4096
    assert read_octets(0) == 18 * 4096


def test_payload_mtu():
    assert routes.payload_mtu(65536) == 4096
    assert routes.payload_mtu(4200) == 4096
    assert routes.payload_mtu(4175) == 2048
    assert routes.payload_mtu(1500) == 1024
    with pytest.raises(OSError, match="too small"):
        routes.payload_mtu(300)


def test_routes():
    assert routes.find_route("127.0.0.1") == routes.Route("127.0.0.1", 4096)
    assert routes.find_route("127.0.0.1", "127.0.0.8").local == "127.0.0.8"
    assert routes.is_local("127.3.2.1")
    assert not routes.is_local("192.0.2.123")
    assert routes.resolve("::1") == ["::1"]
    with pytest.raises(OSError):
        routes.resolve("no-such-host.invalid")


def test_other_addresses_for_ipv6(tmp_path, monkeypatch):
    table = tmp_path / "if_inet6"
    table.write_text(
        "fd000000000000000000000000000002 04 40 00 00     eth0\n"
        "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"
    )
    monkeypatch.setattr(routes, "_IF_INET6", table)
    assert list(routes.alternatives("::1")) == ["fd00::2"]
    monkeypatch.setattr(routes, "_IF_INET6", tmp_path / "absent")
    assert list(routes.alternatives("::1")) == []


@pytest.mark.parametrize(
    "address", [("10.1.2.3", 4791), ("fd00::1:2", 65535), ("fe80::7%lo", 1), ("0.0.0.0", 0)]
)
def test_packed_addresses_are_what_the_kernel_takes(address):
    assert udp._unpacked_address(udp._packed_address(address)) == address


@pytest.mark.parametrize(
    ("wildcard", "host"),
    [("0.0.0.0", HERE), ("::", "::1"), (HERE, HERE)],
    ids=["all of IPv4", "all of IPv6", "own"],
)
@pytest.mark.parametrize("native", [False, True])
def test_both_ways_to_the_kernel_say_the_same(reactor, wildcard, host, native):
    """A burst of three from a stranger and one packet back, by system calls of either kind."""
    if native and udp._udp is None:
        pytest.skip("the native module is not built, or NFSRDMA_NATIVE=0")
    heard = []

    def received(view, size, source, destination):
        heard.append((bytes(view), size, source, destination))

    family = udp.family_of(host)
    try:
        port = udp.UdpPort(
            *(wildcard, reactor, Counter()),
            on_receive=received,
            on_turn=lambda: None,
            on_writable=lambda: None,
        )
    except OSError as error:
        pytest.skip(str(error))
    port._native = native
    with socket.socket(family, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, 0))
        address = stranger.getsockname()[:2]
        segment = (17, udp.UDP_SEGMENT, (40).to_bytes(2, "little"))
        stranger.sendmsg([bytes(range(100))], [segment], 0, (host, 4791))
        reactor.run_until(lambda: heard, 5)
        assert heard == [(bytes(range(100)), 40, address, (host, 4791))]
        row = (b"H" * 12 + b"IIII" + b"h" * 12 + b"iiii", memoryview(b"-payload-")[1:], 0, 4)
        burst = Burst((host, 4791), address, 20, 3, [row, b"bye"])
        assert port.send(burst)
        got = b"".join(stranger.recv(100) for _ in range(3))
    assert got == b"H" * 12 + b"paylIIII" + b"h" * 12 + b"oad-iiii" + b"bye"
    port.close()


def test_what_is_no_burst_is_refused():
    if udp._udp is None:
        pytest.skip("the native module is not built, or NFSRDMA_NATIVE=0")
    view = memoryview(bytes(64))
    for parts in (
        [(bytes(32), view, 0, 33)], [(bytes(32), view, -1, 8)], [(bytes(15), view, 0, 8)],
        [(bytes(16), view, 65, 1)], [(bytes(16), view, 0)], [b"x"] * 1025,
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"row|too many"):
            udp._udp.send(-1, b"", b"", 0, parts)
    with pytest.raises(TypeError):
        udp._udp.send(-1, b"", b"", 0, [None])
    with pytest.raises(TypeError):
        udp._udp.send(-1, b"", b"", 0, (b"x",))
    with pytest.raises(OSError):
        udp._udp.send(-1, b"", b"", 0, [b"x"])
    with pytest.raises(OSError):
        udp._udp.receive(-1, bytearray(10), 1)
    for slots in (0, 17):
        with pytest.raises(ValueError, match="slots"):
            udp._udp.receive(-1, bytearray(10), slots)
    with pytest.raises(TypeError):
        udp._udp.receive(0, bytes(10), 1)


@pytest.mark.parametrize(
    ("skip", "octets", "start", "mtu", "cuts"),
    [
        (0, 32, 0, 33, (2,)), (0, 32, -1, 8, (2,)), (0, 31, 0, 8, (2,)), (0, 32, 65, 8, (2,)),
        (0, 32, 0, 0, (2,)), (1, 32, 0, 8, (2,)), (-1, 32, 0, 8, (2,)), (0, 32, 0, 8, (2, 0)),
        (0, 61, 0, 8, (2,)), (0, 0, 0, 8, ()), (0, 32, 0, 8, (-2, 4)), (0, 32, 0, 1, (129,)),
        (0, 32, 0, 8, (1 << 62, 1 << 62)),
    ],
)  # fmt: skip
def test_what_is_no_train_is_refused(skip, octets, start, mtu, cuts):
    if udp._udp is None:
        pytest.skip("the native module is not built, or NFSRDMA_NATIVE=0")
    view = memoryview(bytes(64))
    with pytest.raises(ValueError, match="train"):
        udp._udp.send_train(-1, b"", b"", skip, bytes(octets), view, start, mtu, cuts)
    with pytest.raises(OSError):
        udp._udp.send_train(-1, b"", b"", 0, bytes(32), view, 0, 8, (2,))
    for wrong in ([2], 2):
        with pytest.raises(TypeError):
            udp._udp.send_train(-1, b"", b"", 0, bytes(32), view, 0, 8, wrong)
    with pytest.raises(TypeError):
        udp._udp.send_train(-1, b"", b"", 0, bytes(32), view, 0, 8, ("x",))


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("segments", [False, True])
def test_a_train_goes_on_where_the_socket_was_full(reactor, native, segments):
    """Several bursts, of which the first packet's header is longer; the socket takes some."""
    if native and udp._udp is None:
        pytest.skip("the native module is not built, or NFSRDMA_NATIVE=0")
    host = loopback(12)
    port = udp.UdpPort(
        *(host, reactor, Counter()),
        on_receive=print,
        on_turn=lambda: None,
        on_writable=lambda: None,
    )
    port._native, port._segments = native, segments
    payload = bytes(range(200)) * 40
    view, mtu, cuts = memoryview(payload), 400, (2, 6, 6, 6)
    here = Flow((host, 4791), (host, 4791))
    octets = twin.train(here, 0x06 << 56, 0x07 << 56, 5, 0, b"RETH" * 4, view, 0, mtu, cuts)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, 0))
        stranger.settimeout(5)
        whole = Burst((host, 4791), stranger.getsockname(), 432, 20, [])
        whole.train = Train(octets, view, 0, mtu, cuts)
        port._sent = 2  # as if two bursts had gone, and then the socket had been full
        assert port.send(whole)
        assert port._sent == 0
        late = [stranger.recv(1000) for _ in range(12)]
        assert port.send(whole)
        got = [stranger.recv(1000) for _ in range(20)]
    port.close()
    assert late == got[8:]
    assert got[0][12:28] == b"RETH" * 4
    assert b"".join([got[0][28:-4], *(each[12:-4] for each in got[1:])]) == payload
    assert [each[:-4] for each in whole.each()] == [each[:-4] for each in got]
    if segments:
        assert list(whole.each()) == got


def test_several_bursts_come_with_one_call(reactor):
    """Those of one peer together, in their order; what a receiver raises keeps none from others."""
    if udp._udp is None:
        pytest.skip("the native module is not built, or NFSRDMA_NATIVE=0")
    host, heard = loopback(13), []

    def received(view, size, source, destination):
        heard.append((bytes(view), size, source))
        raise RuntimeError("one")

    def batch(bursts, source, destination):
        heard.append(([(bytes(view), size) for view, size in bursts], source))
        raise RuntimeError("several")

    port = udp.UdpPort(
        *(host, reactor, Counter()),
        on_receive=received,
        on_batch=batch,
        on_turn=lambda: None,
        on_writable=lambda: None,
        reading=False,
    )
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)
        )
        for each in (one, other):
            each.bind((host, 0))
        segment = (17, udp.UDP_SEGMENT, (40).to_bytes(2, "little"))
        one.sendmsg([bytes(range(100))], [segment], 0, (host, 4791))
        one.sendto(b"more", (host, 4791))
        other.sendto(b"another's", (host, 4791))
        one.sendto(b"last", (host, 4791))
        with pytest.raises(RuntimeError, match="several") as raised:
            port.look()
        assert len(raised.value.__notes__) == 2
        assert heard == [
            ([(bytes(range(100)), 40), (b"more", 4)], one.getsockname()),
            (b"another's", 9, other.getsockname()),
            (b"last", 4, one.getsockname()),
        ]
    port.close()


def test_link_local_addresses_keep_their_scope(reactor):
    interface = socket.if_indextoname(1)
    packed = socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert udp._host6(packed, 1) == f"fe80::1%{interface}"
    assert udp._host6(socket.inet_pton(socket.AF_INET6, "fd00::1"), 1) == "fd00::1"
    level, kind, data = udp._from_address(f"fe80::1%{interface}")
    assert (level, kind, data[:16]) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed)
    assert data[16:] == (1).to_bytes(4, "little")
    assert routes._numeric(f"fe80::1%{interface}", 9) == ("fe80::1", 9, 0, 1)
    try:
        port = udp.UdpPort(
            *("::1", reactor, Counter()),
            on_receive=print,
            on_turn=print,
            on_writable=print,
        )
    except OSError as error:
        pytest.skip(str(error))
    assert port._peer((f"fe80::2%{interface}", 5, 0, 1)) == (f"fe80::2%{interface}", 5)
    port.close()
    port.close()


def test_the_registry(reactor, tmp_path):
    with pytest.raises(ValueError, match=r"there are .*soft"):
        registry.open_device("firewire", reactor)
    with pytest.raises(TypeError, match="colour"):
        registry.open_device("soft", reactor, pcap=tmp_path / "x.pcapng", colour="red")
    device = registry.open_device("soft", reactor, address=loopback(40))
    assert device.name == "soft"
    device.close()
    device.close()


# Captures.

TSHARK = shutil.which("tshark")


def tshark(path, *arguments):
    # What these tests say is no RPC, which Wireshark would presume.
    options = ["--disable-protocol", "rpcordma", "-o", "udp.check_checksum:TRUE"]
    options += ["-o", "ip.check_checksum:TRUE"]
    command = [TSHARK, "-2", "-r", str(path), *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("host", [HERE, "::1"], ids=["own", "::1"])
def test_wireshark_understands_the_capture(reactor, tmp_path, host):
    path = tmp_path / "soft.pcapng"
    try:
        device = registry.open_device("soft", reactor, address=host, pcap=path)
    except OSError as error:
        pytest.skip(str(error))
    client, server = exchange(joined(reactor, device, device, host), size=70_000)
    client.connection.close()
    reactor.run_until(lambda: server.told("disconnected"), 5)
    reactor.run_until(lambda: client.connection.state.name == "TIMEWAIT", 5)
    device.close()
    lines = tshark(path, "-T", "fields", "-e", "_ws.col.Info", "-e", "_ws.malformed")
    assert len(lines) > 30
    for name in ("ConnectRequest", "ConnectReply", "ReadyToUse", "DisconnectRequest"):
        assert any(name in line for line in lines), (name, lines[:5])
    assert not [line for line in lines if "alformed" in line]
    wrong = "udp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed"
    assert tshark(path, "-Y", wrong) == []
    protocols = set(tshark(path, "-T", "fields", "-e", "_ws.col.Protocol"))
    assert protocols <= {"RoCE", "RRoCE", "InfiniBand"}, protocols
    if ":" not in host:
        ids = {int(line, 16) for line in tshark(path, "-T", "fields", "-e", "ip.id")}
        assert ids == set(range(max(ids) + 1))
        assert max(ids) > 3
