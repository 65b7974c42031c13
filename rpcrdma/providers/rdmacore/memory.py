"""Protection domains and the memory that the peer may reach.

A region is either a registration with rights for the peer, which ends when it is deregistered, or
a registration without them and a type 2 memory window on it. A window is opened by a request of the
connection's own send queue, so that it is open before any message behind it can tell its key; it
can be used by that queue pair alone; and the peer can close it (SEND_WITH_INV). Windows are used,
if the device was opened with them, for what is registered while one connected queue pair is in the
domain, which is how RPC-over-RDMA does it.

pyverbs cannot tell a window the key under which it was bound, which it would need to be bound once
more. So each window is used once, and costs two system calls. It is freed when its region is
deregistered, for afterwards the peer shall not reach it. Were it not bound by then, because nothing
was sent since and the send queue is long, the connection would break: safe, and very rare.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from ...io.addresses import address_of
from ...software.memory import octets
from ...verbs.types import Access, QpState, VerbsError, WcStatus
from .bindings import ACCESS_LOCAL_WRITE, ACCESS_MW_BIND, ACCESS_REMOTE, MW_TYPE_2
from .handles import Handles
from .staging import LocalMemory, Registration, new_mr


class WindowOwner(Protocol):
    """A queue pair of the domain, whose send queue opens memory windows."""

    @property
    def state(self) -> QpState:
        """Windows can be opened in RTS only."""

    def bind(self, window: Any, registration: Registration, access: int) -> int:
        """Open ``window`` on a registration and return its key. Raises ``VerbsError``."""


class MemoryRegion:
    """A registered buffer (``verbs.interfaces.MemoryRegion``).

    ``end`` takes it out of the peer's reach; it is called once.
    """

    __slots__ = ("_end", "_pd", "address", "queue_pair", "rkey", "valid", "view")

    def __init__(
        self,
        pd: ProtectionDomain,
        view: memoryview,
        address: int,
        rkey: int,
        end: Callable[[], None],
        queue_pair: WindowOwner | None = None,
    ) -> None:
        self._pd = pd
        self._end: Callable[[], None] | None = end
        self.view = view
        self.address = address
        self.rkey = rkey
        self.queue_pair = queue_pair
        """The only one by which the peer reaches it, if it has a window."""
        self.valid = True

    def deregister(self) -> None:
        """End the registration. Harmless to repeat."""
        self.valid = False
        end, self._end = self._end, None
        if end is not None:
            self._pd.forget(self)
            end()


class ProtectionDomain:
    """What regions and queue pairs must share to meet (``verbs.interfaces.ProtectionDomain``)."""

    def __init__(self, handles: Handles) -> None:
        """Make the domain. Raises pyverbs' errors."""
        self._handles = handles
        self.handle: Any = handles.pyverbs.PD(handles.context)
        self.local = LocalMemory(handles.pyverbs, self.handle)
        """Memory that is registered for our own requests."""
        self._regions: dict[MemoryRegion, None] = {}
        self._by_key: dict[int, MemoryRegion] = {}
        self._queue_pairs: set[WindowOwner] = set()
        self._closed = False

    def register(
        self, buffer: memoryview, access: Access | int, *, remote_address: int | None = None
    ) -> MemoryRegion:
        """Register without a copy; the address is the memory's own.

        Raises ``VerbsError``: closed, read-only, not contiguous, empty, no more to be had.
        """
        if self._closed:
            raise VerbsError("the protection domain is closed", WcStatus.LOC_PROT_ERR)
        view = octets(buffer)
        if view.readonly and access & (Access.LOCAL_WRITE | Access.REMOTE_WRITE):
            raise VerbsError("a read-only buffer cannot be written", WcStatus.LOC_PROT_ERR)
        rights = int(access) & ACCESS_REMOTE
        queue_pair = self._window_queue_pair() if rights else None
        if not rights:
            region = self._local(view)
        elif queue_pair is not None:
            region = self._windowed(view, rights, queue_pair)
        else:
            region = self._plain(view, rights)
        self._regions[region] = None
        if rights:
            self._by_key[region.rkey] = region
        return region

    def _window_queue_pair(self) -> WindowOwner | None:
        if self._handles.windows and len(self._queue_pairs) == 1:
            (queue_pair,) = self._queue_pairs
            if queue_pair.state == QpState.RTS:
                return queue_pair
        return None

    def _local(self, view: memoryview) -> MemoryRegion:
        registration = self.local.register(view)
        address, rkey = registration.address, registration.mr.rkey
        return MemoryRegion(self, view, address, rkey, partial(self.local.release, registration))

    def _plain(self, view: memoryview, rights: int) -> MemoryRegion:
        """Register memory with rights for the peer.

        It is not used for requests of our own, which would hinder its end.
        """
        view = memoryview(view)
        if not view.readonly:
            rights |= ACCESS_LOCAL_WRITE
        try:
            source = view
            mr = self._mr(source, rights)
        except VerbsError:
            if not view.readonly:
                raise
            # A read-only mapping of a file, which the kernel does not pin.
            source = memoryview(bytearray(view))
            mr = self._mr(source, rights)

        def end(_alive: memoryview = source) -> None:
            mr.close()

        return MemoryRegion(self, view, address_of(source), mr.rkey, end)

    def _mr(self, view: memoryview, access: int) -> Any:
        return new_mr(self._handles.pyverbs, self.handle, address_of(view), len(view), access)

    def _windowed(self, view: memoryview, rights: int, queue_pair: WindowOwner) -> MemoryRegion:
        registration = self.local.register(view, ACCESS_MW_BIND)
        pyverbs = self._handles.pyverbs
        window = None
        try:
            window = pyverbs.MW(self.handle, MW_TYPE_2)
            rkey = queue_pair.bind(window, registration, rights)
        except BaseException as error:
            if window is not None:
                window.close()
            self.local.release(registration)
            if isinstance(error, pyverbs.PyverbsError):
                raise VerbsError(f"no memory window: {error}") from error
            raise

        def end() -> None:
            window.close()
            self.local.release(registration)

        return MemoryRegion(self, view, registration.address, rkey, end, queue_pair)

    def forget(self, region: MemoryRegion) -> None:
        """Forget a region that has ended."""
        self._regions.pop(region, None)
        if self._by_key.get(region.rkey) is region:
            del self._by_key[region.rkey]

    def invalidated(self, rkey: int) -> None:
        """Mark a region whose window was closed, by the peer or by us; it is freed later."""
        region = self._by_key.get(rkey)
        if region is not None:
            region.valid = False

    def plain_region(self, rkey: int) -> MemoryRegion | None:
        """Return the region of this key if it has no window."""
        region = self._by_key.get(rkey)
        return None if region is None or region.queue_pair is not None else region

    # --- Queue pairs ---

    def attach(self, queue_pair: WindowOwner) -> None:
        """Add a queue pair that is about to be made in this domain."""
        if self._closed:
            raise VerbsError("the protection domain is closed", WcStatus.LOC_PROT_ERR)
        self._queue_pairs.add(queue_pair)

    def close_windows(self, queue_pair: WindowOwner) -> None:
        """End the regions that have a window of this queue pair."""
        for region in [region for region in self._regions if region.queue_pair is queue_pair]:
            region.deregister()

    def detach(self, queue_pair: WindowOwner) -> None:
        """Remove a queue pair that is gone, with nothing in flight."""
        self._queue_pairs.discard(queue_pair)
        self._free()

    def close(self) -> None:
        """End every registration of the domain. Harmless to repeat.

        The domain itself lasts until its last queue pair has gone.
        """
        self._closed = True
        for region in list(self._regions):
            region.deregister()
        self._free()

    def _free(self) -> None:
        if self._closed and not self._queue_pairs and self.handle is not None:
            self.local.close()
            self.handle.close()
            self.handle = None
            self._handles.pds.discard(self)
