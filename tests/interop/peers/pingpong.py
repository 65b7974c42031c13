"""Both roles of ibv_rc_pingpong, with the soft provider's queue pair raised by hand.

There is no connection manager in it: over a TCP connection each side tells, as text of 52 octets,
its LID, queue pair, PSN and GID; the client says "done" when its queue pair is up. Then messages go
to and fro, the client's first. Each side of the original sends from the buffer that it receives to,
so it echoes; the first octet of each page is zero (``-c``: the server looks).
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.verbs.types import QpOptions, RecvWR, SendWR, WcStatus, WrOpcode

LISTENING = "listening"
_ROCE_PORT = 4791
_TEXT = 52
_DONE = b"done\0"
_PATH_MTU = 1024  # what the original asks for unless told otherwise
_PAGE = 4096
_FILL = 0x7B  # of the original's client


class PingPong:
    """One queue pair and the messages on it."""

    def __init__(self, reactor: SelectReactor, address: str, size: int, rounds: int) -> None:
        self.reactor = reactor
        self.address = address
        self.size, self.rounds = size, rounds
        self.device = SoftDevice(reactor, address=address)
        self.pd = self.device.create_pd()
        self.send_cq, self.recv_cq = self.device.create_cq(64), self.device.create_cq(64)
        self.queue_pair = self.device.engine.create_queue_pair(
            self.pd, self.send_cq, self.recv_cq, QpOptions()
        )
        self.psn = random.randrange(1 << 24)
        self.buffers = [bytearray(size) for _ in range(8)]
        for buffer in self.buffers:
            self.queue_pair.post_recv(RecvWR(memoryview(buffer), buffer))

    def exchange(self, peer: socket.socket, *, first: bool) -> None:
        """Tell each other, and raise our queue pair before the other side hears of it."""
        ip = ip_address(self.address)
        gid = bytes(10) + b"\xff\xff" + ip.packed if ip.version == 4 else ip.packed
        ours = f"0000:{self.queue_pair.number:06x}:{self.psn:06x}:{gid.hex()}\0".encode()
        if first:
            peer.sendall(ours)
            self._raise(_exactly(peer, _TEXT))
            peer.sendall(_DONE)
        else:
            self._raise(_exactly(peer, _TEXT))
            peer.sendall(ours)
            _exactly(peer, len(_DONE))

    def _raise(self, theirs: bytes) -> None:
        _, number, psn, gid = theirs.rstrip(b"\0").decode().split(":")
        their_ip = ip_address(bytes.fromhex(gid))
        host = str(getattr(their_ip, "ipv4_mapped", None) or their_ip)
        self.queue_pair.ready_to_receive(
            local=(self.address, _ROCE_PORT),
            remote=(host, _ROCE_PORT),
            remote_qpn=int(number, 16),
            receive_psn=int(psn, 16),
            path_mtu=_PATH_MTU,
            responder_resources=1,
        )
        self.queue_pair.ready_to_send(
            send_psn=self.psn, initiator_depth=1, retry_count=7, rnr_retry_count=7
        )

    def play(self, message: bytes, timeout: float, *, first: bool) -> None:
        """All rounds; what comes must be ``message``."""
        received = 0
        if first:
            self._send(message)

        def turn() -> bool:
            nonlocal received
            for completion in [*self.send_cq.poll(64), *self.recv_cq.poll(64)]:
                if completion.status != WcStatus.SUCCESS:
                    raise RuntimeError(repr(completion))
                buffer = completion.wr_id
                if buffer is None:
                    continue
                if buffer[: completion.byte_len] != message:
                    raise ValueError(f"message {received} is not what was sent")
                received += 1
                self.queue_pair.post_recv(RecvWR(memoryview(buffer), buffer))
                if not first or received < self.rounds:
                    self._send(message)
            return received == self.rounds

        self.reactor.run_until(turn, timeout)

    def _send(self, message: bytes) -> None:
        self.queue_pair.post_send(SendWR(WrOpcode.SEND, [memoryview(message)]))

    def close(self) -> None:
        """Let the last acknowledgements out, and free."""
        settle_at = self.reactor.time() + 0.3
        self.reactor.run_until(lambda: self.reactor.time() >= settle_at, 1.0)
        self.device.close()


def _exactly(peer: socket.socket, count: int) -> bytes:
    octets = peer.recv(count, socket.MSG_WAITALL)
    if len(octets) != count:
        raise ConnectionError(f"{len(octets)} octets where {count} were expected")
    return octets


def server(side: PingPong, address: str, port: int) -> socket.socket:
    """Serve one client."""
    with socket.create_server((address, port)) as listener:
        print(LISTENING, flush=True)
        peer, _ = listener.accept()
    side.exchange(peer, first=False)
    return peer


def client(side: PingPong, address: str, port: int) -> socket.socket:
    """Connect to a server."""
    peer = socket.create_connection((address, port), timeout=30.0)
    side.exchange(peer, first=True)
    return peer


def pattern(size: int, fill: Callable[[int], int]) -> bytes:
    """A message: the first octet of a page is zero, the others are ``fill`` of their place."""
    return bytes(0 if at % _PAGE == 0 else fill(at) for at in range(size))


def main() -> int:
    """Play one role."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("ours", help="our own address, of either family")
    parser.add_argument("tcp", help="the server's IPv4 address, for the exchange")
    parser.add_argument("--port", type=int, default=18515)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--timeout", type=float, default=60.0)
    given = parser.parse_args()
    reactor = SelectReactor()
    side = PingPong(reactor, given.ours, given.size, given.rounds)
    first = given.role == "client"
    peer = (client if first else server)(side, given.tcp, given.port)
    message = pattern(given.size, lambda at: at % 251 if first else _FILL)
    side.play(message, given.timeout, first=first)
    side.close()
    peer.close()
    print(f"{given.rounds} rounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
