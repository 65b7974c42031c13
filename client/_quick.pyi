"""The two halves of a call of the common shape; ``quick`` has their twins."""

from nfsrdma.xdr import Decoder

from .attributes import Stat
from .errors import Where
from .quick import Asked, Kind
from .session import Session

def ask(
    session: Session, kind: Kind, where: Where, header: bytes, putfh: bytes, arguments: bytes, /
) -> Asked | None:
    """Take a slot, and make the octets of a call: see ``quick.ask_in_python``."""

def answer(session: Session, asked: Asked, /) -> bytes:
    """Return what the reply begins with: see ``quick.answer_in_python``."""

def took(session: Session, asked: Asked, reply: bytes, /) -> float:
    """Note a reply: see ``quick.took_in_python``."""

def count(session: Session, asked: Asked, now: float, received: int, /) -> None:
    """Count a call: see ``quick.count_in_python``."""

def decode_stat(decoder: Decoder, /) -> Stat:
    """Decode attributes: see ``attributes.decode_stat_in_python``."""

def heed(session: Session, asked: Asked, decoder: Decoder, /) -> float | None:
    """Heed the usual reply: see ``quick.heed_in_python``."""

def take_entries(
    decoder: Decoder, entries: list[tuple[bytes, Stat | int]], cookies: list[int], /
) -> None:
    """Decode entries up to one that is not usual: see ``attributes.decode_entries``."""
