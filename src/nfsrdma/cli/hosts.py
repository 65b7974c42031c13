"""The hosts that may use an export: by address, by network, and by name."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
from collections.abc import Sequence
from typing import Final

from nfsrdma.server.vfs.export import ANY, parse_network

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+\Z")


def check_network(text: str) -> None:
    """Raise ``ValueError`` for what is no network, address or name of a host, and not ``any``."""
    if text != ANY and not is_name(text):
        try:
            parse_network(text)
        except ValueError as error:
            if set(text) & set("*?[]@"):
                raise ValueError(
                    f"{text!r} is a pattern: whose address has which name is not asked. Name each "
                    "host, or their network"
                ) from None
            raise ValueError(f"{error}, nor a name of a host") from None


def is_name(text: str) -> bool:
    """Return whether a text is a name of a host, and no address."""
    # One of digits and dots alone would be an address that was mistyped.
    return _NAME.match(text) is not None and any(map(str.isalpha, text)) and text != ANY


def admitted(networks: Sequence[str]) -> tuple[str, ...]:
    """Return networks with the addresses that names of hosts have now.

    Who names nobody but hosts that are unknown now admits nobody from elsewhere.
    """
    found: list[str] = []
    for network in networks:
        found += _addresses(network) if is_name(network) else [network]
    return tuple(dict.fromkeys(found))


def _addresses(name: str) -> list[str]:
    try:
        told = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        _log.warning("%s is nobody until the exports are read again: %s", name, error)
        return []
    # An address of a link would be another host on another link.
    addresses = (ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in told)
    return [str(address) for address in addresses if not address.is_link_local]
