"""The usual messages without chunks; ``endpoint``, ``channel`` and ``exchange`` are the twin."""

from collections.abc import Callable, Sequence

from nfsrdma.xdr import Decoder

from ..task import Future
from .endpoint import RpcRdmaEndpoint
from .pending import PendingCall as PendingCall
from .requester import RpcRdmaRequester
from .responder import RpcRdmaResponder

class Short:
    """The messages that are dealt with here; ``other`` is asked about all others."""

    def __new__(
        cls,
        endpoint: RpcRdmaEndpoint,
        requester: RpcRdmaRequester,
        responder: RpcRdmaResponder,
        other: Callable[[memoryview], bool],
        room_call: int,
        room_reply: int,
        /,
    ) -> Short: ...
    def prompted(self, message: memoryview, /) -> bool:
        """Deal with a message that has no receive of its own, if that is quick."""

    def post(
        self, xid: int, message: Sequence[bytes | memoryview], max_reply: int, /
    ) -> Future[Decoder] | None:
        """Send a call without waiting (``rpc.channel.Swift.post``); ``message`` is a tuple."""

    def take(self, octets: int, /) -> memoryview:
        """Return memory for the reply of a lane, behind a header."""
