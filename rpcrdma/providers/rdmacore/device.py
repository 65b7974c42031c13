"""Opening an adapter."""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random
from typing import Any, Final

from ...io.fork import keep_from_children
from ...task import Reactor
from ...verbs import interfaces
from ...verbs.interfaces import ConnectRequest
from ...verbs.types import DeviceLimits
from ..routes import resolve
from ..tap import Tap
from .bindings import DEVICE_MEM_WINDOW_TYPE_2, Pyverbs, error_code, load
from .completion import CompletionQueue
from .connection import ActiveConnection
from .events import EventChannel
from .handles import Handles
from .librdmacm import Event, Library
from .listener import Listener
from .memory import ProtectionDomain

_MOST_PIECES: Final = 16
"""More scatter-gather elements make every place of a send queue larger."""

_NO_DEVICE: Final = (
    "there is no RDMA device here. An adapter needs its driver (see ibv_devices); soft-RoCE over "
    "an ordinary interface: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev <interface>. "
    "The provider 'soft' needs neither"
)


class VerbsDevice:
    """An adapter by way of rdma-core (``verbs.interfaces.Device``)."""

    def __init__(
        self,
        reactor: Reactor,
        *,
        address: str | None = None,
        device: str | None = None,
        windows: bool = True,
        pyverbs: Pyverbs | None = None,
        library: Library | None = None,
    ) -> None:
        """Open ``device``, or the one that has ``address``, or the first.

        ``address``, a local one or its name, is where connections are made from. With ``windows``
        what the peer may reach is behind memory windows, if the device can do that.
        Raises ``OSError`` that says what is missing.
        """
        pyverbs = pyverbs or load()
        channel = EventChannel(library or Library(), reactor)
        self._closed = False
        try:
            self._source = resolve(address)[0] if address is not None else None
            if device is None and self._source is not None:
                device = _device_of(channel, self._source)
            self._handles = _open(pyverbs, channel, reactor, device, windows)
        except BaseException:
            channel.close()
            raise
        keep_from_children(self)

    @property
    def name(self) -> str:
        """The kernel's name of the device."""
        return self._handles.name

    @property
    def limits(self) -> DeviceLimits:
        """What the device can do."""
        return self._handles.limits

    def packet_counters(self) -> dict[str, int]:
        """Return nothing: the adapter counts its packets itself."""
        return {}

    def create_pd(self) -> ProtectionDomain:
        """Return a new protection domain. Raises ``OSError`` when there are no more."""
        try:
            pd = ProtectionDomain(self._handles)
        except self._handles.pyverbs.PyverbsError as error:
            raise OSError(error_code(error), f"{self.name}: {error}") from error
        self._handles.pds.add(pd)
        return pd

    def create_cq(self, depth: int) -> CompletionQueue:
        """Return a new completion queue. It grows with the queue pairs that use it."""
        handles = self._handles
        return CompletionQueue(depth, handles.pyverbs, handles.context, handles.reactor)

    def listen(
        self, address: str, port: int, on_request: Callable[[interfaces.ConnectionRequest], None]
    ) -> Listener:
        """Listen on an address of the device, its name, or a wildcard (``0.0.0.0``, ``::``).

        Raises ``OSError`` when the address or ``port`` cannot be had.
        """
        return Listener(self._handles, (resolve(address)[0], port), on_request)

    def connect(self, request: ConnectRequest) -> ActiveConnection:
        """Start to connect to an address or a name; names are looked up at once.

        Raises ``OSError`` (no such name, no route, no queue pair) or ``VerbsError``.
        """
        connection = ActiveConnection(self._handles)
        connection.connect(request, (resolve(request.address)[0], request.port), self._source)
        return connection

    def abandon(self) -> None:
        """Forget everything, in a child of ``fork()`` (``io.fork.Holder``)."""
        self._closed = True

    def close(self) -> None:
        """Disconnect everything, flush, free. Good-byes are sent, not awaited.

        Harmless to repeat.
        """
        if self._closed:
            return
        self._closed = True
        handles = self._handles
        for listener in list(handles.listeners):
            listener.close()
        for connection in list(handles.connections):
            connection.disconnect()
        for pd in list(handles.pds):
            pd.close()
        handles.channel.close()
        handles.requests.close()
        handles.context.close()


class _Nobody:
    """The owner of an identifier that is used only for a look-up."""

    def handle(self, event: Event) -> None:
        """Ignore it: there are no events."""


def _device_of(channel: EventChannel, address: str) -> str:
    """Return the name of the device that has a local address. Raises ``OSError``."""
    identifier = channel.create(_Nobody())
    name, cause = "", None
    try:
        channel.library.bind(identifier, (address, 0))
        name, _ = channel.library.device(identifier)
    except OSError as error:
        cause = error
    finally:
        channel.destroy(identifier)
    if not name:
        raise OSError(errno.ENODEV, f"no RDMA device has the address {address}") from cause
    return name


def _device_names(pyverbs: Pyverbs) -> list[str]:
    try:
        found = pyverbs.get_device_list()
    except pyverbs.PyverbsError:
        return []  # raised where the kernel has no RDMA at all
    return [name.decode() if isinstance(name := device.name, bytes) else name for device in found]


def _open(
    pyverbs: Pyverbs, channel: EventChannel, reactor: Reactor, name: str | None, windows: bool
) -> Handles:
    names = _device_names(pyverbs)
    if not names:
        raise OSError(errno.ENODEV, _NO_DEVICE)
    if name is None:
        name = names[0]
    elif name not in names:
        raise OSError(errno.ENODEV, f"no RDMA device {name!r}: there are {', '.join(names)}")
    try:
        context = pyverbs.Context(name=name)
    except pyverbs.PyverbsError as error:
        raise OSError(error_code(error), f"{name} cannot be opened: {error}") from error
    try:
        attributes = context.query_device()
        port = context.query_port(1)
        capable = attributes.device_cap_flags & DEVICE_MEM_WINDOW_TYPE_2 and attributes.max_mw
        windows = windows and bool(capable)
        limits = DeviceLimits(
            max_qp_wr=attributes.max_qp_wr,
            max_sge=min(attributes.max_sge, _MOST_PIECES),
            max_message=port.max_msg_sz,
            max_rd_atomic=min(attributes.max_qp_rd_atom, attributes.max_qp_init_rd_atom),
            remote_invalidation=windows,
        )
    except pyverbs.PyverbsError as error:
        context.close()
        raise OSError(error_code(error), f"{name} cannot be queried: {error}") from error
    return Handles(
        pyverbs,
        context,
        channel,
        reactor,
        name=name,
        port=1,
        limits=limits,
        windows=windows,
    )


def open_device(
    reactor: Reactor,
    *,
    rng: Random | None = None,
    address: str | None = None,
    tap: Tap | None = None,
    device: str | None = None,
    windows: bool = True,
    **unknown: Any,
) -> VerbsDevice:
    """Open a device, for the registry; ``rng`` is unused, as the adapter chooses keys."""
    if unknown:
        raise TypeError(f"the verbs provider has no option {', '.join(unknown)}")
    if tap is not None:
        raise OSError(
            errno.EOPNOTSUPP,
            "an adapter's packets do not pass through here: capture them on the interface "
            "(soft-RoCE) or with the adapter's own means",
        )
    return VerbsDevice(reactor, address=address, device=device, windows=windows)
