"""A call and its reply over a socket; ``exchange.talk_in_python`` is its twin."""

def talk(
    fd: int,
    pieces: tuple[bytes | memoryview, ...],
    expected: bytes,
    mask: bytes,
    most: int,
    sink: memoryview | None,
    look_s: float,
    sleep_s: float,
    in_all_s: float,
    /,
) -> tuple[int, bytes | None, bytes, int]:
    """Send a call, and receive its answer: see ``exchange.talk_in_python``."""
