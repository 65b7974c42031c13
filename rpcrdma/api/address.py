"""Where a program is served: ``rdma://host:port``, ``tcp://host:port``, or by one provider.

``soft://``, ``verbs://`` and ``shm://`` name an RDMA provider. ``rdma://`` leaves the choice open:
whoever listens takes packets (``soft``), whoever connects tries shared memory first if the server
is on this host. Without a host it is 127.0.0.1. IPv6 addresses stand in brackets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from ..providers.registry import PROVIDERS

LOOPBACK: Final = "127.0.0.1"
_TCP: Final = "tcp"
_ANY_RDMA: Final = "rdma"


class AddressError(ValueError):
    """A text that is no address; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address."""

    scheme: str
    """``"rdma"``, ``"tcp"`` or the name of a provider."""
    host: str
    port: int
    """0 has one picked, by whoever listens."""

    @property
    def is_tcp(self) -> bool:
        """Whether it is a TCP port."""
        return self.scheme == _TCP

    @property
    def provider(self) -> str | None:
        """The RDMA provider that is asked for, or ``None`` for any."""
        return None if self.scheme in (_TCP, _ANY_RDMA) else self.scheme

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_address(text: str, *, provider: str | None = None) -> Address:
    """Read an address; ``provider`` decides what ``rdma://`` leaves open.

    Errors: ``AddressError``.
    """
    schemes = (_ANY_RDMA, _TCP, *sorted(PROVIDERS))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        reason = "a port is a number from 1 to 65535, and an IPv6 address in brackets, as [::1]"
        raise AddressError(f"{text!r}: {reason}") from None
    scheme = parts.scheme
    if scheme not in schemes or not text.startswith(f"{scheme}://"):
        known = ", ".join(f"{name}://" for name in schemes)
        raise AddressError(f"{text!r} begins with none of {known}")
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise AddressError(f"{text!r}: only a host and a port belong into an address")
    if port is None:
        raise AddressError(f"{text!r} names no port")
    if provider is not None:
        if provider not in PROVIDERS:
            raise AddressError(
                f"no provider {provider!r}: there are {', '.join(sorted(PROVIDERS))}"
            )
        if scheme not in (_ANY_RDMA, provider):
            raise AddressError(f"{text!r} is not served by the provider {provider}")
        scheme = provider
    return Address(scheme, unquote(parts.hostname or LOOPBACK), port)
