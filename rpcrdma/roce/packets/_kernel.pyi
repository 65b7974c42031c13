"""The compiled twin of ``twin``: the same names, the same results."""

from collections.abc import Sequence

from ..wire.icrc import Flow
from .twin import Part, Scanned

METHODS: tuple[str, ...]
"""The ways to compute a CRC that this machine has; the last and quickest is used."""

def crc32(data: bytes | bytearray | memoryview, value: int, way: int, /) -> int:
    """``zlib.crc32`` by the way of that number in ``METHODS``. For the tests."""

def scan(
    flow: Flow, bursts: Sequence[tuple[memoryview, int]], idents: Sequence[int] | None, /
) -> Scanned: ...
def frames(
    flow: Flow,
    index: int,
    head: int,
    psn: int,
    ask: int,
    view: memoryview,
    start: int,
    mtu: int,
    n: int,
    /,
) -> bytes: ...
def train(
    flow: Flow,
    first: int,
    head: int,
    psn: int,
    ask: int,
    extension: bytes,
    view: memoryview,
    start: int,
    mtu: int,
    cuts: tuple[int, ...],
    /,
) -> bytes: ...
def packet(
    flow: Flow, index: int, header: bytes, views: Sequence[memoryview], offset: int, length: int, /
) -> list[bytes | memoryview]: ...
def message(
    flow: Flow,
    heads: tuple[int, int, int, int],
    psn: int,
    ask: int,
    extension: bytes,
    view: memoryview,
    mtu: int,
    /,
) -> bytes: ...
def onlies(flow: Flow, head: int, psn: int, ask: int, views: Sequence[memoryview], /) -> bytes: ...
def place(
    view: memoryview,
    begin: int,
    size: int,
    count: int,
    length: int,
    sink: memoryview,
    at: int,
    /,
) -> None: ...
def spread(
    parts: Sequence[Part], header: int, size: int, length: int, sink: memoryview, at: int, /
) -> None: ...
