"""Exports of ``nfsrdma serve`` that are those of another server."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import click

from nfsrdma.client.url import parse_url
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.server.vfs.interface import FileSystem

from .serve_options import Listeners


def refuse_loop(place: str, addresses: Sequence[str], ports: Sequence[int | None]) -> None:
    """Refuse to export what this very server is going to serve.

    Raises ``click.ClickException``, and ``ValueError`` for what is no URL.
    """
    url = parse_url(place)
    if url.port not in ports:
        return
    ours = {"127.0.0.1", "::1"}.union(*map(_numeric, addresses))
    if _numeric(url.host) & ours or (ours & {"0.0.0.0", "::"} and _is_this_host(url.host)):
        raise click.ClickException(
            f"{place} is served by this very server: export the directory, or another server's URL"
        )


def open_proxied(listeners: Listeners, reactor: SelectReactor, place: str) -> FileSystem:
    """Mount what another server exports, which is not us.

    Raises ``click.ClickException``, ``OSError`` and ``ValueError``.
    """
    refuse_loop(place, listeners.addresses, (listeners.port, listeners.tcp_port))
    # Imported here: most servers have no client.
    from nfsrdma.proxy import open_proxy

    return open_proxy(reactor, place)


def _numeric(host: str) -> set[str]:
    try:
        return {str(each[4][0]) for each in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)}
    except OSError:
        return {host}


def _is_this_host(host: str) -> bool:
    """Return whether one could listen at an address of the host: whether they are ours."""
    for address in _numeric(host):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
                return True
        except OSError:
            continue
    return False
