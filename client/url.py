"""URLs of exports: ``nfs+rdma://host[:20049]/path?option=value``.

``nfs+tcp://`` is the same over TCP, port 2049. So is plain ``nfs://``, as in other tools. IPv6
addresses are in brackets, with a zone if necessary (``[fe80::1%25eth0]``). The path is
percent-decoded to octets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlsplit

from .options import NCONNECT_MAX, PATHS_MAX, MountOptions

_TRANSPORTS = {"nfs+rdma": "rdma", "nfs+tcp": "tcp", "nfs": "tcp"}
_PORTS = {"rdma": 20049, "tcp": 2049}
_KEPT = "".join(chr(code) for code in range(33, 127))
"""Characters of a URL that are kept as they are, including ``%``."""
_BRACKETS = "an IPv6 address is written in brackets, as [::1]"


class UrlError(ValueError):
    """A string that is no URL of an NFS export; the message says why."""


def _minor(text: str) -> int:
    if text not in ("1", "2"):
        raise ValueError("1 or 2")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError("a number of seconds above 0")
    return value


def _whole(text: str, what: str, least: int, most: int | None = None) -> int:
    """Return the number that ``text`` is. Raises ``ValueError``, which says ``what`` is wanted."""
    value = int(text) if text.isascii() and text.isdigit() else -1
    if value < least or (most is not None and value > most):
        raise ValueError(what)
    return value


def _size(text: str) -> int:
    return _whole(text, "a number of octets, 1024 at least", 1024)


def _cache(text: str) -> int:
    return _whole(text, "a number of octets", 0)


def _connections(text: str) -> int:
    return _whole(text, f"a number from 1 to {NCONNECT_MAX}", 1, NCONNECT_MAX)


def _path(text: str) -> str:
    return text.replace(" ", "+")  # which is what a query has instead of a plus sign


def _yes_or_no(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("1 or 0")
    return text == "1"


def _identity(text: str) -> int:
    return _whole(text, "a number from 0 to 4294967295", 0, (1 << 32) - 1)


# Option of the query -> (field of MountOptions, how its value is read). What is absent is an error.
OPTIONS: Final[dict[str, tuple[str, Callable[[str], str | int | float]]]] = {
    "provider": ("provider", str),
    "device": ("device", str),
    "minor": ("minor_version", _minor),
    "timeout": ("timeout", _positive),
    "rsize": ("rsize", _size),
    "wsize": ("wsize", _size),
    "delegations": ("delegations", _yes_or_no),
    "nconnect": ("nconnect", _connections),
    "path": ("paths", _path),
    "cache": ("cache", _cache),
    "uid": ("uid", _identity),
    "gid": ("gid", _identity),
}


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed URL."""

    transport: str
    """``"rdma"`` or ``"tcp"``."""
    host: str
    """A name or an address, without brackets."""
    port: int
    path: tuple[bytes, ...]
    """The components from the server's root on, without empty ones, ``.`` and ``..``."""
    options: MountOptions = field(default_factory=MountOptions)
    """The options that the query gave."""

    @property
    def default_port(self) -> int:
        """The port of servers that name none."""
        return _PORTS[self.transport]

    def __str__(self) -> str:
        return self.with_path(self.path)

    def with_path(self, path: tuple[bytes, ...]) -> str:
        """Return the URL of ``path`` on the same server, as readable as possible.

        Only characters with a meaning in URLs, or that cannot be printed, are encoded.
        """
        host = self.host.replace("%", "%25")
        host = f"[{host}]" if ":" in host else host
        port = "" if self.port == self.default_port else f":{self.port}"
        return f"nfs+{self.transport}://{host}{port}/{'/'.join(map(_encoded, path))}"


def _encoded(name: bytes) -> str:
    return "".join(
        c if c.isprintable() and c not in "%?#" else quote(c.encode("utf-8", "surrogateescape"))
        for c in name.decode("utf-8", "surrogateescape")
    )


def parse_url(text: str) -> Url:
    """Parse ``text``. Raises :class:`UrlError`."""
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in _TRANSPORTS:
        raise UrlError(f"{text!r} does not begin with nfs+rdma://, nfs+tcp:// or nfs://")
    transport = _TRANSPORTS[scheme.lower()]
    try:
        # As octets, percent-encoded: urlsplit() would drop tabs and newlines from a file's name.
        parts = urlsplit(quote(text.encode("utf-8", "surrogateescape"), safe=_KEPT))
    except ValueError:
        raise UrlError(f"{text!r}: {_BRACKETS}") from None
    try:
        port = parts.port
    except ValueError:
        reason = f"a port is a number from 1 to 65535, and {_BRACKETS}"
        raise UrlError(f"{text!r}: {reason}") from None
    if parts.username is not None or parts.password is not None:
        raise UrlError(f"{text!r}: a user name has no place here; use ?uid= and ?gid=")
    if parts.fragment:
        raise UrlError(f"{text!r}: a '#' in a path is written %23")
    host = _host(text, parts.hostname or "")
    if port == 0:
        raise UrlError(f"{text!r}: 0 is no port")
    return Url(
        transport,
        host,
        port if port is not None else _PORTS[transport],
        _components(text, parts.path),
        _options(text, parts.query),
    )


def _host(text: str, quoted: str) -> str:
    try:
        host = unquote(quoted, errors="strict")
        if ":" not in host:
            host.encode("idna")  # as resolving it will do, with errors of another kind
    except UnicodeError:
        raise UrlError(f"{text!r}: no host has such a name") from None
    if not host or not host.isprintable():
        raise UrlError(f"{text!r} names no host")
    return host


def url_of_place(transport: str, host: str, port: int | None, path: str) -> str:
    """Return the URL of ``host:/path`` as mount(8) writes it: each octet of the path is a name's.

    ``host`` is as in a URL, and so may be an IPv6 address in brackets.
    """
    where = host if port is None else f"{host}:{port}"
    octets = path.encode("utf-8", "surrogateescape")
    return f"nfs+{transport}://{where}/{'/'.join(map(_encoded, octets.split(b'/')))}"


def _components(text: str, path: str) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for part in path.split("/"):
        name = unquote_to_bytes(part)
        if name in (b"", b"."):
            continue
        if name == b"..":
            raise UrlError(f"{text!r}: '..' has no place in a URL's path")
        if b"/" in name or b"\0" in name:
            raise UrlError(f"{text!r}: %2F and %00 cannot be part of a file's name")
        found.append(name)
    return tuple(found)


def _options(text: str, query: str) -> MountOptions:
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise UrlError(f"{text!r}: no option {name!r}; there are {', '.join(OPTIONS)}")
        keyword, read = OPTIONS[name]
        try:
            value_read = read(value)
        except ValueError as error:
            raise UrlError(f"{text!r}: {name}={value}: {error}") from None
        if keyword == "paths":  # the only one that may be given again
            given[keyword] = (*given.get(keyword, ()), value_read)
        else:
            given[keyword] = value_read
    return MountOptions(**given)


def paths_to(main: Url, options: MountOptions) -> list[Url]:
    """Return the paths to the server of ``main``, which is the first of them.

    A further one is a URL without a path of its own, or only a host (and a port), which is reached
    as ``main`` is. Raises :class:`UrlError`.
    """
    found = [main, *(_another(main, text) for text in options.paths or ())]
    if len(found) > PATHS_MAX:
        raise UrlError(f"{len(found)} paths are given, and {PATHS_MAX} may be used")
    seen = set[object]()
    for each in found:
        key = each.transport, each.host, each.port, each.options.provider, each.options.device
        if key in seen:
            raise UrlError(f"the path {each} is given twice: nconnect= is for more connections")
        seen.add(key)
    return found


def _another(main: Url, text: str) -> Url:
    plain = "://" not in text
    if plain:
        if ":" in text and "[" not in text and text.count(":") > 1:
            text = f"[{text}]"
        text = f"nfs+{main.transport}://{text}"
    url = parse_url(text)
    if url.path not in ((), main.path):
        raise UrlError(f"{text!r}: a path is a server's address, and the export is {main}")
    allowed = MountOptions(provider=url.options.provider, device=url.options.device)
    if url.options != allowed:
        raise UrlError(f"{text!r}: a path has no options but provider= and device=")
    host = text.partition("://")[2].partition("/")[0].partition("?")[0]
    if plain and not host.rpartition("]")[2].rpartition(":")[1]:
        url = replace(url, port=main.port)
    return replace(url, path=main.path)
