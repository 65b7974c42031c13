"""The errors of callbacks."""

from __future__ import annotations


class CallbackError(Exception):
    """A callback got no result."""


class PathDown(CallbackError):
    """The client cannot be reached: no connection brought an answer in time.

    It may have executed the call all the same.
    """


class CallbackRefused(CallbackError):
    """The client does not execute the call; ``status`` (``nfsstat4``) is the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
