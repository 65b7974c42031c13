"""The kernel's connection manager in memory: what ``librdmacm.Library`` shows of it."""

from __future__ import annotations

import errno
import os
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

from tests.support.fake_adapter import Adapter

from nfsrdma.rpcrdma.providers.rdmacore import VerbsDevice
from nfsrdma.rpcrdma.providers.rdmacore import librdmacm as cm
from nfsrdma.rpcrdma.providers.rdmacore.librdmacm import ConnectionParameters, Event
from nfsrdma.rpcrdma.verbs.types import QpState

CONSUMER_REJECT, INVALID_SERVICE = 28, 8


@dataclass
class Identifier:
    channel: int
    local: tuple[str, int] = ("", 0)
    remote: tuple[str, int] = ("", 0)
    device: str = ""
    state: str = "idle"
    peer: int = 0
    listener: int = 0
    offered: ConnectionParameters | None = None
    said_goodbye: bool = False


@dataclass
class Channel:
    descriptor: int
    events: deque[Event] = field(default_factory=deque)


class Network:
    """Hosts by address, with the name of each one's device; listeners."""

    def __init__(self, hosts: dict[str, str]) -> None:
        self.hosts = hosts
        self.channels: dict[int, Channel] = {}
        self.ids: dict[int, Identifier] = {}
        self.listeners: dict[tuple[str, int], int] = {}
        self._next = 100

    def number(self) -> int:
        self._next += 1
        return self._next


class FakeLibrary:
    """``Library`` on a host of a network."""

    def __init__(self, network: Network, host: str) -> None:
        self.network = network
        self.host = host
        self.fail_at: set[str] = set()
        """Methods that fail."""

    def _check(self, doing: str) -> None:
        if doing in self.fail_at:
            raise OSError(errno.EIO, f"{doing} fails")

    def create_channel(self) -> tuple[int, int]:
        self._check("create_channel")
        number = self.network.number()
        descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
        self.network.channels[number] = Channel(descriptor)
        return number, descriptor

    def destroy_channel(self, channel: int) -> None:
        assert not any(found.channel == channel for found in self.network.ids.values())
        os.close(self.network.channels.pop(channel).descriptor)

    def next_event(self, channel: int) -> Event | None:
        found = self.network.channels[channel]
        if not found.events:
            return None
        os.eventfd_read(found.descriptor)
        return found.events.popleft()

    def tell(self, identifier: int, kind: int, **fields: Any) -> None:
        """Queue an event."""
        values = {"listener": 0, "status": 0, "private_data": b"", "responder_resources": 0}
        values |= {"initiator_depth": 0, **fields}
        of = fields.get("listener") or identifier
        channel = self.network.channels[self.network.ids[of].channel]
        channel.events.append(Event(kind=kind, id=identifier, **values))
        os.eventfd_write(channel.descriptor, 1)

    def create_id(self, channel: int) -> int:
        self._check("create_id")
        number = self.network.number()
        self.network.ids[number] = Identifier(channel)
        return number

    def destroy_id(self, identifier: int) -> None:
        found = self.network.ids.pop(identifier)
        events = self.network.channels[found.channel].events
        for event in [event for event in events if event.id == identifier]:
            events.remove(event)
            os.eventfd_read(self.network.channels[found.channel].descriptor)
        if found.state == "listening":
            del self.network.listeners[found.local]
        if found.peer not in self.network.ids:
            return
        if found.state in ("requesting", "asked"):
            self.tell(found.peer, cm.REJECTED, status=4)
        elif found.state == "up" and not found.said_goodbye:
            self.tell(found.peer, cm.DISCONNECTED)

    def bind(self, identifier: int, address: tuple[str, int]) -> None:
        found = self.network.ids[identifier]
        if address[0] not in ("0.0.0.0", "::", "127.0.0.1"):
            if address[0] not in self.network.hosts:
                raise OSError(errno.ENODEV, "no such device")
            found.device = self.network.hosts[address[0]]
        if address in self.network.listeners:
            raise OSError(errno.EADDRINUSE, "address in use")
        found.local = address

    def listen(self, identifier: int) -> None:
        found = self.network.ids[identifier]
        found.state = "listening"
        self.network.listeners[found.local] = identifier

    def resolve_address(
        self, identifier: int, source: str | None, to: tuple[str, int], timeout_s: float
    ) -> None:
        self._check("resolve_address")
        found = self.network.ids[identifier]
        found.remote = to
        if to[0] in self.network.hosts:
            host = source or self.host
            found.local = (host, 40000 + identifier)
            found.device = self.network.hosts[host]
            self.tell(identifier, cm.ADDR_RESOLVED)

    def resolve_route(self, identifier: int, timeout_s: float) -> None:
        self._check("resolve_route")
        self.tell(identifier, cm.ROUTE_RESOLVED)

    def connect(self, identifier: int, parameters: ConnectionParameters) -> None:
        self._check("connect")
        network, found = self.network, self.network.ids[identifier]
        listener = network.listeners.get(found.remote) or network.listeners.get(
            ("0.0.0.0", found.remote[1])
        )
        found.offered = parameters
        if listener is None:
            self.tell(identifier, cm.REJECTED, status=INVALID_SERVICE, private_data=bytes(148))
            return
        child = network.number()
        found.state, found.peer = "requesting", child
        network.ids[child] = Identifier(
            network.ids[listener].channel,
            local=found.remote,
            remote=found.local,
            device=network.hosts[found.remote[0]],
            state="asked",
            peer=identifier,
            listener=listener,
        )
        self.tell(
            child,
            cm.CONNECT_REQUEST,
            listener=listener,
            private_data=parameters.private_data.ljust(56, b"\0"),
            responder_resources=parameters.initiator_depth,
            initiator_depth=parameters.responder_resources,
        )

    def accept(self, identifier: int, parameters: ConnectionParameters) -> None:
        self._check("accept")
        found = self.network.ids[identifier]
        if found.peer not in self.network.ids:
            raise OSError(errno.EINVAL, "too late")
        found.state, found.offered = "up", parameters
        self.network.ids[found.peer].state = "answered"
        self.tell(
            found.peer,
            cm.CONNECT_RESPONSE,
            private_data=parameters.private_data.ljust(196, b"\0"),
            responder_resources=parameters.initiator_depth,
            initiator_depth=parameters.responder_resources,
        )

    def establish(self, identifier: int) -> None:
        self._check("establish")
        found = self.network.ids[identifier]
        found.state = "up"
        if found.peer in self.network.ids:
            self.tell(found.peer, cm.ESTABLISHED)

    def reject(self, identifier: int, private_data: bytes) -> None:
        self._check("reject")
        found = self.network.ids[identifier]
        found.state = "rejected"
        if found.peer in self.network.ids:
            data = private_data.ljust(148, b"\0")
            self.tell(found.peer, cm.REJECTED, status=CONSUMER_REJECT, private_data=data)

    def disconnect(self, identifier: int) -> None:
        self._check("disconnect")
        found = self.network.ids[identifier]
        other = self.network.ids.get(found.peer)
        found.said_goodbye = True
        if other is None or not other.said_goodbye:
            if other is not None:
                self.tell(found.peer, cm.DISCONNECTED)
        else:
            self.tell(found.peer, cm.DISCONNECTED)  # the answer

    def qp_attributes(self, identifier: int, state: int) -> tuple[Any, int]:
        found = self.network.ids[identifier]
        other = self.network.ids.get(found.peer)
        attributes = cm.QpAttributes()
        attributes.port_num = 1
        if state != QpState.INIT:
            if other is None or other.offered is None:
                raise OSError(errno.EINVAL, "not in this state")
            attributes.dest_qp_num = other.offered.qp_num
            attributes.rnr_retry = other.offered.rnr_retry_count
            attributes.timeout = 19
            attributes.ah_attr.is_global = 1
        return attributes, 0xFFFFFF

    def addresses(self, identifier: int) -> tuple[tuple[str, int], tuple[str, int]]:
        found = self.network.ids[identifier]
        return found.local, found.remote

    def device(self, identifier: int) -> tuple[str, int]:
        found = self.network.ids[identifier]
        return found.device, 1 if found.device else 0


def two_devices(reactor: Any, *, windows: bool, tells_descriptors: bool = True) -> SimpleNamespace:
    """Two openings of an adapter in memory, which is both 10.0.0.1 and 10.0.0.2.

    ``close`` of the result, after the devices', checks that nothing is left.
    """
    adapter = Adapter(windows=windows, tells_descriptors=tells_descriptors)
    network = Network({"10.0.0.1": "fake0", "10.0.0.2": "fake0"})
    made = SimpleNamespace(adapter=adapter, network=network)
    made.libraries = [FakeLibrary(network, host) for host in network.hosts]
    made.close = partial(_check_empty, adapter, network)
    made.a, made.b = (
        VerbsDevice(reactor, pyverbs=adapter.pyverbs(), library=library)
        for library in made.libraries
    )
    return made


def _check_empty(adapter: Adapter, network: Network) -> None:
    assert not +adapter.open, f"left open: {+adapter.open}"
    assert not network.channels
    assert not network.ids
    assert not network.listeners
