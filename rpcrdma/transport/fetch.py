"""Fetching the contents of calls: RDMA READs from the requester's memory to buffers of ours.

The same buffers hold large results of calls that a lane answers, until they have been sent.

A :class:`Fetch` is the record of one call whose Read chunks are wanted. It is made when the call
arrives, may wait for memory, is started, and is released when the call has been answered, or when
the RDMA WRITEs of its reply, which may come from its buffers, have been completed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from nfsrdma.xdr import Decoder
from nfsrdma.xdr.rpc import CALL

from ..budget import Account
from ..verbs.types import Access, SendWR, WrOpcode
from .backchannel import XID_AND_DIRECTION
from .buffers import FetchBuffers
from .chunk import Chunk, boundaries, distribute, fit
from .endpoint import RpcRdmaEndpoint
from .header import ERR_CHUNK, RDMA_MSG, RpcRdmaError, RpcRdmaHeader
from .reassembly import ChunkedDecoder

_READ: Final = int(WrOpcode.RDMA_READ)
_REMOTE_READ: Final = int(Access.REMOTE_READ)


class Fetch:
    """What came of one call so far, and the memory that its contents are fetched to."""

    __slots__ = ("buffers", "contents", "header", "mapped", "message", "read_list", "reads_left")

    def __init__(
        self, header: RpcRdmaHeader | None, message: memoryview, read_list: Sequence[Chunk]
    ) -> None:
        self.header = header
        """The header that ``message`` begins with, or ``None`` if that is the RPC message alone."""
        self.message = message
        """What is in the receive buffer."""
        self.read_list = read_list
        """The chunks that have any octets, by ascending Position."""
        self.buffers: list[memoryview] = []
        """The buffers lent for the chunks, one for each."""
        self.contents: Sequence[memoryview] = ()
        """The contents of each chunk: the buffers, or the requester's own memory."""
        self.mapped: int | None = None
        """The R_key of the requester's memory that is mapped here."""
        self.reads_left = 0
        """RDMA READs that have not been completed."""

    @property
    def size(self) -> int:
        """The octets of all chunks."""
        return sum(chunk.length for chunk in self.read_list)

    def decoder(self) -> Decoder:
        """Return a decoder over the whole call, once its contents are here.

        Raises ``RpcRdmaError`` if a Position-Zero Read chunk holds anything but a call with the
        XID of the header.
        """
        header = self.header
        if header is None:
            return Decoder(self.message)
        if not self.read_list:
            return Decoder(self.message[header.size :])
        inline, read_list, contents = self._inline(header)
        if not read_list:
            return Decoder(inline)
        places = boundaries(read_list, len(inline))
        assert places is not None, "checked when the call arrived"
        return ChunkedDecoder(inline, places, contents)

    def _inline(
        self, header: RpcRdmaHeader
    ) -> tuple[memoryview, Sequence[Chunk], Sequence[memoryview]]:
        """Return the reduced message, and the chunks that were taken out of it."""
        if header.proc == RDMA_MSG:
            return self.message[header.size :], self.read_list, self.contents
        inline = self.contents[0]
        if len(inline) < 8 or XID_AND_DIRECTION.unpack_from(inline) != (header.xid, CALL):
            raise RpcRdmaError(ERR_CHUNK, "the Position-Zero Read chunk holds another message")
        return inline, self.read_list[1:], self.contents[1:]


class Fetcher:
    """Fetches the calls of one connection, as far as its peer's account has memory for them."""

    __slots__ = ("_endpoint", "_in_progress", "_pool", "_reads_done", "_reads_seen")

    def __init__(self, endpoint: RpcRdmaEndpoint, account: Account) -> None:
        self._endpoint = endpoint
        self._pool = FetchBuffers(endpoint.options.max_buffered, account)
        self._in_progress = 0
        self._reads_done = 0
        self._reads_seen = -1

    @property
    def buffered(self) -> int:
        """Octets of memory in use for calls that came in chunks."""
        return self._pool.lent

    def has_room(self, fetch: Fetch) -> bool:
        """Tell whether there is memory for the contents of one more call."""
        return self._pool.has(fetch.size)

    def lend(self, fetch: Fetch, octets: int) -> memoryview | None:
        """Return memory for a result, until the call is released; None if there is no room."""
        if not self._pool.has(octets):
            return None
        try:
            buffer = self._pool.acquire(octets)
        except OSError:
            return None
        fetch.buffers.append(buffer)
        return buffer

    def start(self, fetch: Fetch, done: Callable[[], None]) -> None:
        """Fetch the contents of all chunks; ``done`` is called once they are here."""
        endpoint, stats = self._endpoint, self._endpoint.stats
        self._in_progress += 1
        if endpoint.mapping is not None and self._map(fetch):
            self._in_progress -= 1
            done()
            return
        buffers = fetch.buffers
        try:
            buffers.extend(self._pool.acquire(chunk.length) for chunk in fetch.read_list)
        except OSError as error:
            endpoint.fail(f"no memory to fetch a call in: {error}")
            return
        requests = []
        for chunk, buffer in zip(fetch.read_list, buffers, strict=True):
            transfers = distribute((buffer,), chunk.segments)
            for (handle, _, offset), pieces in fit(transfers, endpoint.limits.max_message):
                requests.append(SendWR(_READ, pieces, remote_address=offset, rkey=handle))
            stats.bytes_read += chunk.length
        stats.rdma_reads += len(requests)
        fetch.contents, fetch.reads_left = buffers, len(requests)

        def read_done() -> None:
            self._reads_done += 1
            fetch.reads_left -= 1
            if not fetch.reads_left:
                self._in_progress -= 1
                done()

        for request in requests:
            endpoint.send_queue.post_read(request, read_done)

    def _map(self, fetch: Fetch) -> bool:
        """See the contents where they are, if there is one chunk of one segment.

        It must not be the RPC message itself: that is looked at more than once, and the requester
        could change it meanwhile.
        """
        mapping, read_list = self._endpoint.mapping, fetch.read_list
        assert mapping is not None
        if len(read_list) != 1 or len(read_list[0].segments) != 1 or not read_list[0].position:
            return False
        handle, length, offset = read_list[0].segments[0]
        view = mapping.map_remote(handle, offset, length, _REMOTE_READ)
        if view is None:
            return False
        fetch.mapped = handle
        fetch.contents = (view,)
        self._endpoint.stats.bytes_read += length
        return True

    def release(self, fetch: Fetch) -> None:
        """Give back the memory of a call."""
        buffers, fetch.buffers, fetch.contents = fetch.buffers, [], ()
        for buffer in buffers:
            self._pool.release(buffer)
        if fetch.mapped is not None:
            assert self._endpoint.mapping is not None
            self._endpoint.mapping.unmap_remote(fetch.mapped)
            fetch.mapped = None

    def stuck(self) -> bool:
        """Tell whether calls are being fetched, and nothing has come since the last time."""
        self._pool.trim()
        seen = self._reads_seen
        self._reads_seen = self._reads_done if self._in_progress else -1
        return self._in_progress > 0 and seen == self._reads_done

    def close(self) -> None:
        """Keep no buffers: the connection is gone, and no fetch that is in progress will finish."""
        self._pool.close()
        self._in_progress = 0
