"""An exchange in the rings of both sides; ``talk.talk_in_python`` is its twin."""

from collections.abc import Callable, Sequence

from ...verbs.types import SendWR
from .exchange import Exchange
from .link import Host
from .responder import Responder
from .send_queue import SendQueue

def talk(
    words: memoryview,
    descriptors: memoryview,
    messages: memoryview,
    peer_words: memoryview,
    peer_descriptors: memoryview,
    peer_messages: memoryview,
    produced: int,
    start: int,
    consumed: int,
    pieces: Sequence[bytes | memoryview],
    expected: bytes,
    mask: bytes,
    most: int,
    sink: memoryview | None,
    nap: float,
    seconds: float,
    reach: tuple[int, int, int],
    arms: int,
    wanted: int,
    report: memoryview[float],
    /,
) -> bytes | int:
    """Post a message, look for the answer, and take it: see ``talk.talk_in_python``."""

def put(
    words: memoryview,
    descriptors: memoryview,
    messages: memoryview,
    peer_words: memoryview,
    produced: int,
    start: int,
    pieces: Sequence[bytes | memoryview],
    /,
) -> int:
    """Post a message: see ``talk.put_in_python``."""

def post(queue: SendQueue, pieces: Sequence[bytes | memoryview], request: SendWR, /) -> bool:
    """Post a message quietly if that is simple; return whether that was done."""

def speak(
    exchange: Exchange,
    pieces: Sequence[bytes | memoryview],
    expected: bytes,
    mask: bytes,
    most: int,
    sink: memoryview | None,
    seconds: float,
    arms: int,
    request: SendWR,
    /,
) -> bytes | int | None:
    """Post a message, look for the answer, take it, and note all of that, if it is simple."""

def show(
    descriptors: memoryview,
    messages: memoryview,
    words: memoryview,
    produced: int,
    responder: Responder,
    host: Host,
    prompt: Callable[[memoryview], bool],
    /,
) -> None:
    """Show messages for as long as they are usual: the first part of ``Responder.consume``."""

def look(peer_words: memoryview, seen: int, wanted: int | None, seconds: float, /) -> int:
    """Look for news: see ``talk.look_in_python``."""

def nap(seconds: float, /) -> None:
    """Sleep: see ``talk.nap_in_python``."""

def place() -> int:
    """Return where we run: see ``talk.place_in_python``."""
