"""READ the short way: one call to the server, whose reply is the answer, without a task of its own.

What cannot be answered so (data of the file is on its way to the server, the reply is not the
usual one, one call does not read so much) is for :func:`.files.read`, which does it in any case.
"""

from __future__ import annotations

from ..file import OpenFile
from ..quick import Begun, Sent
from . import wire
from .mounted import Answer, Mounted

_NOTHING = memoryview(b"")


class Reading:
    """A READ that was begun. ``sent`` is its call; None if there is an answer already.

    Once it has ended it has an ``error``, or ``data`` that stays until :meth:`release`.
    """

    __slots__ = ("_begun", "_buffer", "_file", "_mount", "_offset", "data", "error", "sent")

    def __init__(
        self, mount: Mounted, file: OpenFile, offset: int, buffer: memoryview, sent: Sent | None
    ) -> None:
        self._mount = mount
        self._file = file
        self._offset = offset
        self._buffer = buffer
        self._begun: Begun | None = None
        self.sent = sent
        self.data = _NOTHING
        self.error: Exception | None = None

    def end(self) -> bool:
        """Take the reply, which is there; return False if :meth:`finish` has to do the rest."""
        assert self.sent is not None
        try:
            data = self._file.end_read(self.sent, self._buffer)
        except Exception as error:
            self.error = error
            return True
        if data is None or isinstance(data, Begun):
            self._begun = data
            return False
        self.data = data
        return True

    async def finish(self) -> Answer:
        """Read after a reply that was not the usual one."""
        assert self.sent is not None
        buffer, memory = self._buffer, self._mount.memory
        try:
            count = await self._file.finish_read(self.sent, self._begun, self._offset, buffer)
        except BaseException:
            # The transport may still refer to it: it must not be used again.
            memory.lose(len(buffer))
            raise
        return Answer(buffer[:count], sent=lambda: memory.release(buffer))

    def release(self) -> None:
        """Give the memory back; no data of it is needed any more."""
        if self.error is None:
            self._mount.memory.release(self._buffer)
        else:
            self._mount.memory.lose(len(self._buffer))


def begin(mount: Mounted, body: memoryview) -> Reading | None:
    """Begin to answer READ; None leaves it to :func:`.files.read`. Raises ``struct.error``."""
    number, offset, size = wire.READ.unpack_from(body)
    handle = mount.handles.find(number)
    if handle is None or handle.node in mount.behind:
        return None
    memory = mount.memory
    buffer = memory.take(size)
    if buffer is None:
        return None
    file = handle.file.file
    try:
        sent = file.begin_read(offset, buffer)
    except Exception as error:
        reading = Reading(mount, file, offset, buffer, None)
        reading.error = error
        return reading
    if sent is None:
        memory.release(buffer)
        return None
    if isinstance(sent, Sent):
        return Reading(mount, file, offset, buffer, sent)
    reading = Reading(mount, file, offset, buffer, None)
    reading.data = sent
    return reading
