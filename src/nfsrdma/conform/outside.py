"""What a few tests need beside RDMA: other services of the host, a restart, a security context.

A lab has an :class:`Outside`; the one here has nothing, so that such tests are skipped. What
reaches the world is in ``edge``.
"""

from __future__ import annotations

from typing import Protocol

from .case import NotApplicable


class Mechanism(Protocol):
    """The initiator's side of a GSS-API context (RFC 2743), for one test."""

    oid: bytes
    """The mechanism, encoded in DER."""

    def step(self, token: bytes) -> bytes:
        """Take the acceptor's token, none at first; return ours, empty if there is none."""

    def mic(self, message: bytes) -> bytes:
        """Return a checksum over a message."""

    def check(self, message: bytes, mic: bytes) -> bool:
        """Return whether a checksum is the acceptor's, over this message."""

    def wrap(self, message: bytes) -> bytes:
        """Return a message encrypted."""

    def unwrap(self, message: bytes) -> bytes:
        """Return a message of the acceptor's in plain. Raises ``ValueError`` if it is none."""


class Outside:
    """Nothing: every test that asks for more is skipped."""

    async def ask(self, port: int, octets: bytes) -> bytes:
        """Send an RPC call by TCP to a port of the host; return the reply.

        Raises ``NotApplicable`` if nobody answers.
        """
        raise NotApplicable("nothing but the connections of RDMA is within reach")

    async def restart(self) -> None:
        """Restart the server. Raises ``NotApplicable`` if it is not known how."""
        raise NotApplicable("it is not known how the server is restarted (--restart-cmd)")

    def mechanism(self) -> Mechanism:
        """Return a new context with the server. Raises ``NotApplicable`` if there is no way to."""
        raise NotApplicable("there is no GSS-API mechanism to speak with")
