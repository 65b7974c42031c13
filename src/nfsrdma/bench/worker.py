"""The client under measurement, in a process of its own: ``python -m nfsrdma.bench.worker``.

It reads one request in each line of standard input, as JSON, and answers in one line. So its
processor time is the client's alone. ``{"do": "mount"}`` comes first. However the worker ends, even
by the end of its input or by SIGINT, it leaves nothing behind on a server that it can reach.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any

from nfsrdma.client import Mount, NfsError, mount
from nfsrdma.client.errors import ProtocolError

from .load import FileUnderTest, Loader, TooLarge
from .metadata import Names
from .pattern import Pattern, WrongData
from .plan import CALL_OPS, META_OPS

Message = dict[str, Any]


class Worker:
    """One mount, a folder on it, and the loops. Paths are relative to the mount."""

    def __init__(self, order: Message) -> None:
        self._options = order
        self._mount: Mount = mount(order["url"], **order["options"])
        self._folder: str = order["folder"]
        self._made = False
        self._tested: list[FileUnderTest] = []
        try:
            self._mount.mkdir(self._folder)
            self._made = True
            self._loader = Loader(
                self._mount,
                Pattern(order["record_max"], order["seed"], self._mount.buffer),
                verify=order["verify"],
                cached=order["cached"],
                seed=order["seed"],
            )
            self._names = Names(self._mount, f"{self._folder}/names")
        except BaseException:
            self.close()
            raise

    def limits(self) -> Message:
        """Return how much one READ and one WRITE may carry."""
        client = self._mount.client
        return {"rsize": client.rsize, "wsize": client.wsize}

    def measure(self, order: Message) -> Message:
        """Run one operation, and return what was measured."""
        op: str = order["op"]
        if op in CALL_OPS or op in META_OPS:
            return asdict(self._names.measure(op, order["depth"], order["slice_s"]))
        record = order["record"]
        self._fits(record, op)
        if op == "write":
            self._new_files(record, order["size"], order["threads"])
        measured = self._loader.measure(op, self._tested, order["depth"], order["slice_s"])
        return asdict(measured)

    def _fits(self, record: int, op: str) -> None:
        limit = min(self.limits().values())
        if record > limit and not self._options["split"]:
            raise TooLarge(f"a record of {record} octets: the server takes {limit} in one request")

    def _new_files(self, record: int, size: int, count: int) -> None:
        if not self._tested:
            self._tested = [
                FileUnderTest(f"{self._folder}/file-{number}", record, size, 37 * number)
                for number in range(count)
            ]

    def check(self, _: Message) -> Message:
        """Compare every octet of the files, and return how many there were."""
        return {"octets": sum(self._loader.check(file) for file in self._tested)}

    def drop(self, _: Message) -> Message:
        """Close the files and remove them."""
        tested, self._tested = self._tested, []
        for file in tested:
            try:
                self._loader.close(file)
            finally:
                if self._mount.exists(file.path):
                    self._mount.remove(file.path)
        return {}

    def close(self) -> None:
        """Remove what was made, as far as the server lets us, and unmount."""
        try:
            if self._made:
                self._mount.rmtree(self._folder)
        finally:
            self._mount.close()


def describe(error: BaseException) -> Message:
    """Return a worker's answer for an error: the text, and whether all is lost."""
    lost = isinstance(error, ConnectionError | TimeoutError | ProtocolError)
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
        if error.filename is not None:
            name = error.filename
            shown = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            text = f"{shown}: {text}"
    return {"error": text or type(error).__name__, "lost": lost}


_EXPECTED = (NfsError, OSError, WrongData, TooLarge, ValueError)


def serve(orders: IO[str], answers: IO[str]) -> None:
    """Carry out orders until the input ends."""
    worker: Worker | None = None

    def say(message: Message) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def end(_: Message) -> Message:
        nonlocal worker
        leaving, worker = worker, None
        if leaving is not None:
            leaving.close()
        return {}

    try:
        for line in orders:
            order: Message = json.loads(line)
            try:
                if order["do"] == "mount":
                    worker = Worker(order)
                    say(worker.limits())
                    continue
                do: dict[str, Callable[[Message], Message]] = {"end": end}
                if worker is not None:
                    do |= {
                        "measure": worker.measure,
                        "check": worker.check,
                        "drop": worker.drop,
                    }
                say(do[order["do"]](order))
            except _EXPECTED as error:
                say(describe(error))
    except KeyboardInterrupt:
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # a second one must not keep us from tidying up
    finally:
        if worker is not None:
            worker.close()


def main() -> None:
    """Serve the parent. If it has gone, clean up and exit without a complaint."""
    try:
        serve(sys.stdin, sys.stdout)
    except (BrokenPipeError, NfsError):
        sys.exit(1)


if __name__ == "__main__":
    main()
