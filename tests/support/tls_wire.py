"""A conversation of RPC-with-TLS (RFC 9289): Python's TLS at both ends, and a key log."""

from __future__ import annotations

import datetime
import select
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.support.tcp_wire import Peer, TcpWire, marked

from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.xdr import Encoder

AUTH_TLS = 7
PROBE_XID = 0xABC


def certificate(folder: Path) -> Path:
    """A key and a certificate that it signs itself, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    start = datetime.datetime(2026, 1, 1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        .public_key(key.public_key()).not_valid_before(start)
        .not_valid_after(start.replace(year=2046)).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    return path


def probe() -> bytes:
    """The call that asks for TLS."""
    enc = Encoder()
    encode_call(enc, PROBE_XID, 100003, 4, 0, OpaqueAuth(AUTH_TLS, b""))
    return enc.to_bytes()


def consent() -> bytes:
    """The reply of a server that speaks it: its verifier is STARTTLS (RFC 9289, Section 4.1)."""
    words = (PROBE_XID, 1, 0, 0, 8)
    return b"".join(w.to_bytes(4, "big") for w in words) + b"STARTTLS" + bytes(4)


class TlsWire(TcpWire):
    """Both ends; ``connect`` goes as far as the end of the handshake."""

    def __init__(self, folder: Path, mss: int = 1448, curve: str = "", port: int = 2049) -> None:
        super().__init__(mss=mss, server=Peer("10.0.0.2", port, 1000))
        self.log = folder / "keys.log"
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate(folder))
        if curve:
            # Of none of which the client sends a key before it is asked to.
            server.set_ecdh_curve(curve)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        client.keylog_filename = str(self.log)
        self._ends = []
        for context, is_server in ((client, False), (server, True)):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_side=is_server)
            self._ends.append((tls, incoming, outgoing))

    def _carry(self, index: int) -> bool:
        """Send what one end has to say; whether it had anything."""
        octets = self._ends[index][2].read()
        if octets:
            self.stream((self.client, self.server)[index], octets)
            self._ends[1 - index][1].write(octets)
        return bool(octets)

    def connect(self) -> None:
        super().connect()
        self.record(self.client, probe())
        self.record(self.server, consent())
        done = [False, False]
        while not all(done):
            for index, (tls, _, _) in enumerate(self._ends):
                if not done[index]:
                    try:
                        tls.do_handshake()
                        done[index] = True
                    except ssl.SSLWantReadError:
                        pass
                self._carry(index)

    def sealed(self, sender: Peer, *messages: bytes) -> None:
        """RPC messages under TLS, in as many records of it as it takes."""
        index = int(sender is self.server)
        for message in messages:
            octets = memoryview(marked(message))
            while octets:
                octets = octets[self._ends[index][0].write(octets) :]
        self._carry(index)


class OpensslWire(TcpWire):
    """The same with the programs of OpenSSL at both ends, which can be told to change keys."""

    def __init__(self, folder: Path, near: socket.socket, far: socket.socket) -> None:
        super().__init__()
        self.log = folder / "keys.log"
        self._sockets = near, far
        self._programs: list[subprocess.Popen[bytes]] = []

    def says(self, index: int, octets: bytes) -> None:
        """Give an end something to say, and wait until it has come to the other."""
        program = self._programs[index]
        assert program.stdin is not None
        program.stdin.write(octets)
        program.stdin.flush()
        self._relay(until=index)

    def _relay(self, until: int | None = None, quiet: float = 0.3) -> None:
        """Carry what there is, at least something from the end ``until``, then all that follows."""
        end = time.monotonic() + 20
        while ready := select.select(self._sockets, (), (), 10 if until is not None else quiet)[0]:
            assert time.monotonic() < end
            for index, one in enumerate(self._sockets):
                if one in ready:
                    octets = one.recv(1 << 16)
                    assert octets, "OpenSSL has closed the connection"
                    self._sockets[1 - index].sendall(octets)
                    self.stream((self.client, self.server)[index], octets)
                    until = None if index == until else until
        assert until is None, "OpenSSL says nothing"


def _port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


@contextmanager
def openssl_wire(folder: Path) -> Iterator[OpensslWire]:
    """Both programs, and what they say to each other; they have shaken hands."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl (Debian: apt-get install openssl)")
    pem, port = certificate(folder), _port()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            started = stack.enter_context(
                subprocess.Popen(
                    [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
            stack.callback(started.kill)
            return started

        server = start("s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pem), "-tls1_3",
                       "-num_tickets", "0")  # fmt: skip
        far = stack.enter_context(_patiently(port))
        client = start("s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}",
                       "-tls1_3", "-keylogfile", str(folder / "keys.log"))  # fmt: skip
        near = stack.enter_context(listener.accept()[0])
        wire = OpensslWire(folder, near, far)
        wire.connect()
        wire.record(wire.client, probe())
        wire.record(wire.server, consent())
        wire._programs += [client, server]
        wire._relay(until=1)
        yield wire


def _patiently(port: int) -> socket.socket:
    until = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            assert time.monotonic() < until, "OpenSSL does not listen"
            time.sleep(0.05)
