"""Who may use the exports of ``nfsrdma serve``, and as whom: options, and lines about them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import click

from nfsrdma.server.authority import ROOT, Policy
from nfsrdma.server.edge.users import name_of, number_of, own_policy
from nfsrdma.server.vfs.export import Export, Hosts, Squash, is_elsewhere

from .hosts import check_network
from .messages import printable

EVERYONE: Final = "any"


def check_networks(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Read ``--allow``: networks in CIDR notation, addresses, names of hosts, or ``any``."""
    for text in value:
        try:
            check_network(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return value


def check_reach(addresses: Sequence[str], networks: Sequence[str]) -> None:
    """Refuse to listen to other hosts unless an option says which of them may connect."""
    if networks:
        return
    for address in addresses:
        if any(map(is_elsewhere, _numeric(address))):
            raise click.UsageError(
                f"{address} can be reached from other hosts: say which of them may connect, with "
                "--allow NETWORK, or --allow any"
            )


def _numeric(address: str) -> list[str]:
    try:
        # As the listener will read it: "*", for instance, is an address to it alone.
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [str(each[4][0]) for each in found]
    except OSError:
        return [address]  # the listener will say what is wrong with it


def make_policy(allow_users: str | None, insecure: bool) -> Policy:
    """Return whom the server believes, by its own user and the options."""
    policy = own_policy(insecure)
    if allow_users == EVERYONE:
        return replace(policy, users=None)
    if allow_users is not None:
        try:
            named = frozenset(map(number_of, allow_users.split(",")))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--allow-users") from None
        return replace(policy, users=named | {policy.server_user, ROOT})
    return policy


def choices(exports: Sequence[Export], places: Iterable[str], policy: Policy) -> Iterator[str]:
    """Yield a line for each export: what (``places``), to whom, and as whom."""
    named = [export for export in exports if export.above is None]
    for export, place in zip(named, places, strict=True):
        how = "read only" if export.read_only else "read and write"
        what = f"/{printable(export.name)} is {printable(place)}"
        if export.absent:
            yield f"{what}: clients are sent there; for {_where(export)}"
            continue
        where = _where(export)
        if export.readers and not export.read_only:
            where = f"{_hosts(export.writers)}, and read only for {_hosts(export.readers)}"
        yield f"{what}: {how}; {_whose_rights(export)}; for {where}"
    for export in exports:
        if export.above is not None:
            yield f"/{printable(export.name)} is what is mounted there, by the same rules"
    yield _who(policy, any(not export.for_this_host for export in exports))


def _whose_rights(export: Export) -> str:
    if export.fs.acts_as is not None:
        return f"with the rights of {name_of(export.fs.acts_as)}, whoever calls"
    if export.squash is Squash.ALL:
        return "every caller is nobody"
    if export.squash is Squash.NONE:
        return "callers have their own rights, root of any host is root"
    if export.squash_local_root:
        return "callers have their own rights, root is nobody"
    return "callers have their own rights, root of other hosts is nobody"


def _where(export: Export) -> str:
    if export.for_everyone:
        return "every host"
    return ", ".join(map(str, export.networks)) if export.networks else "this host alone"


def _hosts(hosts: Hosts) -> str:
    return "every host" if hosts.everyone else ", ".join(map(str, hosts.networks)) or "nobody"


def _who(policy: Policy, reachable: bool) -> str:
    if policy.users is not None:
        *others, last = (name_of(uid) for uid in sorted(policy.users, reverse=True))
        served = f"{', '.join(others)} and {last} alone are served"
    else:
        served = "all users are served"
    told = "callers on this host are who its kernel says"
    if reachable:
        told += ", those on others who they say they are"
        if policy.server_user == ROOT:
            told += " (from any port)" if policy.insecure else " (over TCP: from a port below 1024)"
    return f"{served}; {told}"
