"""``/etc/exports``, as far as this server can do what it says: see exports(5)."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nfsrdma.server.vfs.export import ANY, Squash
from nfsrdma.server.vfs.location import Location, parse_locations

from .config_exports import flavor_of
from .config_file import ConfigError, files_of, read_text
from .hosts import check_network
from .messages import printable
from .serve_exports import WORDS, ExportOptions, WantedExport

_TOKEN: Final = re.compile(r'"[^"]*"?|[^\s"]+')
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")
_MAX_ID: Final = 0xFFFFFFFE

_NO_DIFFERENCE: Final = (
    *("secure", "subtree_check", "no_subtree_check", "wdelay", "no_wdelay", "hide", "acl"),
    *("no_pnfs", "auth_nlm", "secure_locks"),
)
"""What is so here anyway, or makes no difference to what clients may do."""

_CANNOT: Final = {
    "insecure": "which ports are believed is the server's: start it with --insecure, for all",
    "nohide": "write crossmnt at the export around it",
    "no_acl": "access control lists are those of the file system",
    "mountpoint": "whether something is mounted is not looked at: start the server after the mount",
    "mp": "whether something is mounted is not looked at: start the server after the mount",
    "pnfs": "there is no pNFS",
    "security_label": "there are no security labels",
    "insecure_locks": "locks take rights",
    "no_auth_nlm": "locks take rights",
    "xprtsec": "there is no TLS",
}


@dataclass(frozen=True, slots=True)
class _Line:
    path: str
    number: int
    words: tuple[str, ...]

    @property
    def origin(self) -> str:
        return f"{printable(self.path)}:{self.number}"

    def error(self, why: str) -> ConfigError:
        return ConfigError(f"{self.origin}: {why}")


def read_exports(path: str, usual: ExportOptions, insecure: bool) -> list[WantedExport]:
    """Return the exports of a file, and of those of ``PATH.d`` that end in ``.exports``.

    An export has the name of its directory: clients mount ``host:/srv/data``. The one with
    ``fsid=0`` is the root, and must be alone. Options are those of exports(5), read-only if it is
    not said; ``usual`` has the others. ``insecure`` is whether the server believes all ports.
    Raises ``ConfigError``, which says what would do.
    """
    paths = [path]
    if os.path.isdir(f"{path}.d"):
        paths += files_of(f"{path}.d", ".exports")
    usual = replace(usual, read_only=True, squash=Squash.ROOT, squash_local_root=True)
    lines = [line for each in paths for line in _lines(each, read_text(each))]
    made = [_export(line, usual, insecure) for line in lines]
    said: dict[str, str] = {}
    for line, export in zip(lines, made, strict=True):
        first = said.setdefault(export.name, export.origin)
        if first != export.origin:
            raise line.error(f"/{printable(export.name)} is exported at {first} already")
    root = next((export for export in made if not export.name), None)
    if root is not None and len(made) > 1:
        raise ConfigError(
            f"{root.origin}: an export at the root (fsid=0, or /) leaves no place for others here: "
            "leave fsid=0 out, and clients mount each export by its own path"
        )
    return made


def _lines(path: str, text: str) -> Iterator[_Line]:
    """Yield the lines that say something, those that go on behind a backslash joined."""
    begun, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        first = first if begun else number
        begun += line.rstrip("\r")
        if begun.endswith("\\"):
            begun = begun[:-1] + " "
            continue
        words = tuple(_words(_Line(path, first, ()), begun))
        begun = ""
        if words:
            yield _Line(path, first, words)
    if begun.strip():
        raise ConfigError(f"{printable(path)}:{first}: the file ends behind a backslash")


def _words(line: _Line, text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        if token.startswith("#"):
            return
        if token.startswith('"'):
            if len(token) < 2 or not token.endswith('"'):
                raise line.error("a quotation mark is missing")
            token = token[1:-1]
        octets = _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), token.encode())
        yield os.fsdecode(octets)


def _export(line: _Line, usual: ExportOptions, insecure: bool) -> WantedExport:
    directory, *clients = line.words
    if not directory.startswith("/"):
        raise line.error(f"{printable(directory)} is no path from the root on")
    common: list[str] = []
    rules: list[tuple[str, tuple[str, ...]]] = []
    for word in clients:
        if word.startswith("-"):
            common = word[1:].split(",")
            continue
        host, parenthesis, options = word.partition("(")
        if parenthesis and not options.endswith(")"):
            raise line.error(f"{printable(word)}: a parenthesis is missing, or a space too much")
        if not host:
            raise line.error(
                f"{printable(word)} stands alone, and would be for every host: remove the space "
                "before it, or write *" + printable(word)
            )
        given = [each for each in options.rstrip(")").split(",") if each]
        rules.append((_network(line, host), (*common, *given)))
    if not rules:
        raise line.error("no host is named: *(ro) would be for every host")
    read = [_Options(line, usual, insecure).read(options) for _, options in rules]
    hosts = [(network, options) for (network, _), (options, *_) in zip(rules, read, strict=True)]
    kinds = {(replace(options, read_only=False), *rest) for options, *rest in read}
    if len(kinds) > 1:
        raise line.error(
            "from host to host ro and rw alone may differ here: use several exports of the "
            "directory, with names of their own, in a file for --config"
        )
    chosen, root, locations, absent = read[0]
    writers = tuple(network for network, options in hosts if not options.read_only)
    readers = tuple(network for network, options in hosts if options.read_only)
    return WantedExport(
        "" if root else directory.strip("/"),
        None if absent else directory,
        _of_hosts(chosen, writers, readers),
        locations,
        absent,
        line.origin,
    )


def _of_hosts(
    options: ExportOptions, writers: tuple[str, ...], readers: tuple[str, ...]
) -> ExportOptions:
    """Return options for hosts some of which may change nothing."""
    if not writers:
        return replace(options, read_only=True, networks=readers, readers=())
    return replace(options, read_only=False, networks=writers, readers=readers)


def _network(line: _Line, host: str) -> str:
    """Return a network of ours for what exports(5) calls a machine name format."""
    if host == "*":
        return ANY
    if host.startswith("gss/"):
        raise line.error(f"{printable(host)}: this server has no Kerberos")
    address, slash, mask = host.partition("/")
    try:
        if slash and not mask.isdigit():
            # A network with the mask written out.
            return str(ipaddress.ip_network(f"{address}/{mask}", strict=False))
        if slash:
            return str(ipaddress.ip_network(host, strict=False))
        check_network(host)
    except ValueError as error:
        raise line.error(str(error)) from None
    return host


class _Options:
    """The options of one host, while they are read."""

    def __init__(self, line: _Line, usual: ExportOptions, insecure: bool) -> None:
        self._line = line
        self._insecure = insecure
        self._options = usual
        self._root = False
        self._elsewhere: tuple[Location, ...] = ()
        self._absent = False

    def read(self, words: Sequence[str]) -> tuple[ExportOptions, bool, tuple[Location, ...], bool]:
        """Return the options, whether it is the root, where else it is, and whether only there."""
        for word in words:
            key, equals, value = word.partition("=")
            if word in WORDS:
                self._options = self._options.with_words([word])
            elif equals:
                self._valued(word, key, value)
            elif word in _CANNOT and not (word == "insecure" and self._insecure):
                raise self._line.error(f"{word}: {_CANNOT[word]}")
            elif word not in _NO_DIFFERENCE and word != "insecure":
                raise self._line.error(f"{printable(word)} is no option that is known here")
        return self._options, self._root, self._elsewhere, self._absent

    def _valued(self, word: str, key: str, value: str) -> None:
        try:
            if key in ("anonuid", "anongid"):
                place = ("anonuid", "anongid").index(key)
                ids = list(self._options.anonymous)
                ids[place] = _number(value, 1, _MAX_ID)
                self._options = replace(self._options, anonymous=(ids[0], ids[1]))
            elif key == "fsid":
                self._fsid(value)
            elif key == "sec":
                flavors = frozenset(map(flavor_of, value.split(":")))
                self._options = replace(self._options, flavors=flavors)
            elif key in ("refer", "replicas"):
                self._elsewhere, self._absent = _locations(value), key == "refer"
            elif key in _CANNOT:
                raise ValueError(_CANNOT[key])
            else:
                raise ValueError("no option that is known here")
        except ValueError as error:
            raise self._line.error(f"{printable(word)}: {error}") from None

    def _fsid(self, value: str) -> None:
        if value in ("0", "root"):
            self._root = True
        elif value.isdecimal():
            self._options = replace(self._options, number=_number(value, 1, 0xFFFFFFFF))
        else:
            raise ValueError("the fsid is a number of 32 bits here, or root")


def _number(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ValueError(f"is to be a number from {low} to {high}")
    return int(text)


def _locations(text: str) -> tuple[Location, ...]:
    """Return the locations of ``PATH@HOST[+HOST][:PATH@HOST...]``, as exports(5) writes them."""
    found = []
    for place in text.split(":"):
        path, at, hosts = place.partition("@")
        if not at:
            raise ValueError("is written as /PATH@HOST")
        found += [f"{host}:/{path.strip('/')}" for host in hosts.split("+")]
    return parse_locations(",".join(found))
