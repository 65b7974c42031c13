"""One client of a fake server, in virtual time, whose calls and replies a test may lose."""

from __future__ import annotations

from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.filesystem import FileSystem


class World:
    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.server.add("file", data=b"contents")
        self.fs: FileSystem = self.server.mounted()
        self.run = self.reactor.run

    def once(self, operation: str, fate: str, times: int = 1) -> None:
        """Give the next calls that end in ``operation`` that fate."""
        left = times

        def script(ops: list[str]) -> str:
            nonlocal left
            if left and ops[-1] == operation:
                left -= 1
                return fate
            return "ok"

        self.server.script = script

    def count(self, operation: str) -> int:
        return self.server.executed.count(operation)

    def settle(self) -> None:
        """Everything is in step, and nothing is left behind."""
        self.reactor.advance(5)
        for _ in range(3):
            self.run(self.fs.stat("file"))
        slots = self.fs.session.slots
        assert slots is not None
        assert slots.busy == 0
        session = self.server.sessions[self.fs.session.session_id]
        assert [seqid + 1 for seqid in session.seqids] == slots.seqids
