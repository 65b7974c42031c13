"""From a call to the lane of its procedure; ``program`` has the twins."""

from collections.abc import Callable, Mapping

from .auth import Credentials
from .channel import Channel, Lane, Place, Take

class Lanes:
    """The lanes of a service, by the heads of calls; ``failed`` is told of errors."""

    def __new__(cls, known: Mapping[bytes, object], failed: Callable[..., None], /) -> Lanes: ...
    @property
    def answer(self) -> Lane:
        """Answer a call (``rpc.channel.Lane``), or return 0."""

def null_lane(
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
    """Answer procedure 0: see ``program.null_lane_in_python``."""
