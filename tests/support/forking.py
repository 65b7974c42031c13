"""Functions run in a child that is forked from here, as programs fork: with everything."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import traceback
from collections.abc import Callable
from typing import Any

PATIENCE_S = 30.0
"""How long a child may take before it counts as hanging."""


class Child:
    """A forked child that runs ``function`` and ends, without the parent's clean-up at exit.

    What it writes to standard error is kept, in :attr:`said`: the children here are to be silent.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        result, self._to = os.pipe()
        said, errors = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.dup2(errors, 2)
            try:
                outcome: tuple[bool, Any] = (True, function())
            except BaseException as error:
                traceback.print_exc()
                outcome = (False, repr(error))
            with contextlib.suppress(BaseException), open(self._to, "wb") as file:
                pickle.dump(outcome, file)
            os._exit(0)
        os.close(self._to)
        os.close(errors)
        self._result, self._said = result, said
        self.said = ""

    def result(self) -> Any:
        """What the function returned. Fails if it raised, hung, or said anything."""
        try:
            ready, _, _ = select.select([self._result], [], [], PATIENCE_S)
            if not ready:
                os.kill(self.pid, signal.SIGKILL)
        finally:
            with open(self._result, "rb") as file:
                octets = file.read()
            with open(self._said, errors="replace") as file:
                self.said = file.read()
            _, status = os.waitpid(self.pid, 0)
        assert octets, f"the child ended with status {status}: {self.said}"
        good, value = pickle.loads(octets)
        assert good, f"{value}\n{self.said}"
        assert not self.said, self.said
        return value


def in_child(function: Callable[[], Any]) -> Any:
    """What ``function`` returns in a child."""
    return Child(function).result()
