"""The lane for READ, WRITE and GETATTR; ``lane.Lane`` with ``ops.lanes`` is the twin."""

from collections.abc import Callable

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Place, Take
from nfsrdma.rpcrdma.rpc.program import ProcedureLane

from ..state.registry import Registry
from ..state.session import Session
from ..state.stateid import DataState
from ..vfs.export import Export
from ..vfs.interface import Entry
from .core import Core

class Lane:
    """The calls that are answered here, and ``fallback`` for all others."""

    def __new__(
        cls,
        fallback: ProcedureLane,
        core: Core,
        minors: frozenset[int],
        bounds: tuple[float, ...],
        flags: Callable[[Registry, Session, float], int],
        data_state: type[DataState],
        declining: tuple[type[Exception], ...],
        /,
    ) -> Lane: ...
    def answer(
        self,
        channel: Channel,
        claim: Credentials,
        message: memoryview,
        at: int,
        room: int,
        take: Take,
        place: Place | None,
        data: memoryview | None,
        /,
    ) -> int:
        """Answer a call (``rpc.program.ProcedureLane``), or return 0."""

def crc32(octets: bytes | bytearray | memoryview, /) -> int:
    """Return what ``zlib.crc32`` does."""

def entries(
    buffer: bytearray,
    entries: list[Entry],
    index: int,
    limit: int,
    names: int,
    counted: int,
    mask: int,
    export: Export,
    handle_of: Callable[[Export, bytes], bytes],
    /,
) -> tuple[int, int, int, bool]:
    """Append entries from ``index`` on to a listing, up to one that is not usual.

    ``limit`` is how long ``buffer`` may become, ``names`` how many octets names and cookies may
    still take, if any entry was ``counted`` before; all attributes of ``mask`` are of
    ``attributes.LISTED``. Returns where it stopped, ``names`` after that, how many entries were
    appended, and whether the next one found no room.
    """
