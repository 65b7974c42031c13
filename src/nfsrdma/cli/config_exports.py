"""The exports and the limits that a file in TOML names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

from nfsrdma.server.state.limits import ClientLimits, StateLimits
from nfsrdma.server.vfs.export import Squash, export_path
from nfsrdma.server.vfs.location import Location, parse_locations
from nfsrdma.xdr.rpc import AUTH_NONE, AUTH_SYS

from .config_file import Document, Section
from .hosts import check_network
from .messages import printable
from .serve_backends import is_url, name_of_place
from .serve_exports import ExportOptions, WantedExport

SQUASHES: Final = {
    "remote-root": (Squash.ROOT, False),
    "root": (Squash.ROOT, True),
    "all": (Squash.ALL, False),
    "none": (Squash.NONE, False),
}
FLAVOR_NAMES: Final = {"sys": AUTH_SYS, "none": AUTH_NONE}
_MAX_ID: Final = 0xFFFFFFFE
_OCTETS: Final = ("sessions", "memory")
"""Limits that are sizes; the others are counts."""
_MAX_LIMIT: Final = 1 << 31


def exports_of(documents: Sequence[Document], usual: ExportOptions) -> list[WantedExport]:
    """Return the exports of some files; what they do not say is as ``usual``.

    Raises ``ConfigError``.
    """
    places = [(each, index) for each in documents for index in range(len(_list(each)))]
    made: list[WantedExport] = []
    said: dict[str, str] = {}
    for document, index in places:
        export = _export(document, index, usual)
        first = said.setdefault(export.name, export.origin)
        if first is not export.origin:
            name = printable(export.name)
            raise document.error(("export", index), f"there is an export /{name} at {first}")
        made.append(export)
    return made


def _list(document: Document) -> list[Any]:
    tables = document.table.get("export", [])
    if not isinstance(tables, list):
        raise document.error(["export"], "write [[export]], as there may be several")
    return tables


def _export(document: Document, index: int, usual: ExportOptions) -> WantedExport:
    section = Section(document, ("export", index), _list(document)[index])
    path, name = section.text("path"), section.text("name")
    refer, memory = section.texts("refer"), section.flag("memory", False)
    if [path is not None, refer is not None, memory].count(True) != 1:
        raise section.error(
            "", 'an export has one of path = "DIR", memory = true, refer = ["SERVER:/PATH"]'
        )
    if path is not None and not (os.path.isabs(path) or is_url(path)):
        raise section.error("path", f"{path!r} is to begin with a slash, or to be a URL")
    if name is None and path is None:
        raise section.error("", "an export without a path takes a name")
    if name is None:
        # Also of one alone, unlike on the command line: another may come, and it is to stay.
        name = name_of_place(path or "")
    section.checked("name", export_path, name)
    options = _options(section, usual)
    replicas = section.texts("replicas")
    if replicas is not None and refer is not None:
        raise section.error("replicas", "refer names all servers that have the files")
    key = "replicas" if refer is None else "refer"
    locations = _locations(section, key, refer or replicas or ())
    section.end()
    origin = document.where("export", index)
    absent = refer is not None
    return WantedExport(name.strip("/"), path, options, locations, absent, origin)


def _locations(section: Section, key: str, texts: Sequence[str]) -> tuple[Location, ...]:
    if not texts:
        return ()
    found: tuple[Location, ...] = section.checked(key, parse_locations, ",".join(texts))
    return found


def _options(section: Section, usual: ExportOptions) -> ExportOptions:
    options = replace(
        usual,
        read_only=section.flag("read-only", usual.read_only),
        sync=not section.flag("async", not usual.sync),
        utf8_only=section.flag("utf8-only", usual.utf8_only),
        local_locks=section.flag("local-locks", usual.local_locks),
        cross_mounts=section.flag("crossmnt", usual.cross_mounts),
        anonymous=(
            section.number("anonuid", 1, _MAX_ID) or usual.anonymous[0],
            section.number("anongid", 1, _MAX_ID) or usual.anonymous[1],
        ),
        number=section.number("fsid", 1, 0xFFFFFFFF),
    )
    squash = section.text("squash")
    if squash is not None:
        chosen = section.checked("squash", lambda name: _choice(name, SQUASHES), squash)
        options = replace(options, squash=chosen[0], squash_local_root=chosen[1])
    networks, readers = (_hosts(section, key) for key in ("allow", "allow-read-only"))
    if networks is not None:
        options = replace(options, networks=networks)
    if readers is not None:
        options = replace(options, readers=readers)
    security = section.texts("security")
    if security is not None:
        flavors = [section.checked("security", flavor_of, name) for name in security]
        if not flavors:
            raise section.error("security", f"is to name one of {', '.join(FLAVOR_NAMES)}")
        options = replace(options, flavors=frozenset(flavors))
    return options


def _hosts(section: Section, key: str) -> tuple[str, ...] | None:
    """Return networks, addresses and names of hosts; None if the key is not there."""
    networks = section.texts(key)
    for network in networks or ():
        section.checked(key, check_network, network)
    return networks


def flavor_of(name: str) -> int:
    """Return the number of a security flavor. Raises ``ValueError``."""
    if name.startswith("krb5"):
        raise ValueError(f"this server has no Kerberos ({name}): {' and '.join(FLAVOR_NAMES)} are")
    flavor: int = _choice(name, FLAVOR_NAMES)
    return flavor


def _choice(name: str, choices: dict[str, Any]) -> Any:
    if name not in choices:
        raise ValueError(f"{name!r} is none of {', '.join(choices)}")
    return choices[name]


# --- Limits ---

CLIENT_LIMITS: Final = tuple(each.name for each in fields(ClientLimits))
STATE_LIMITS: Final = tuple(each.name for each in fields(StateLimits) if each.name != "clients")


def limits_of(documents: Sequence[Document], usual: StateLimits) -> tuple[StateLimits, int | None]:
    """Return the limits of state, and the octets for data held for clients, that files name.

    Later files win. Raises ``ConfigError``.
    """
    memory = None
    for document in documents:
        if "limits" not in document.table:
            continue
        section = Section(document, ("limits",), document.table["limits"])
        given = {name: _limit(section, name) for name in (*STATE_LIMITS, *CLIENT_LIMITS)}
        clients = {n: v for n in CLIENT_LIMITS if (v := given.pop(n)) is not None}
        states = {n: v for n, v in given.items() if v is not None}
        usual = replace(usual, clients=replace(usual.clients, **clients), **states)
        memory = _limit(section, "memory") or memory
        section.end()
    return usual, memory


def _limit(section: Section, name: str) -> int | None:
    key = name.replace("_", "-")
    value = section.size(key) if name in _OCTETS else section.number(key, 1, _MAX_LIMIT)
    if value == 0:
        raise section.error(key, "is to be more than nothing")
    return value
