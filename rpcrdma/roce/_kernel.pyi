"""The compiled twin of ``twin``: the same names, the same results."""

from collections.abc import Sequence

from .icrc import Flow
from .twin import Scanned

METHOD: str
"""How it computes a CRC."""

def crc32(data: bytes | bytearray | memoryview, value: int = 0, /) -> int: ...
def scan(
    flow: Flow, view: memoryview, segment_size: int, idents: Sequence[int] | None, /
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
def packet(
    flow: Flow, index: int, header: bytes, views: Sequence[memoryview], offset: int, length: int, /
) -> list[bytes | memoryview]: ...
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
