"""The options of a mount, as in ``mount -o``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final

from ..nodes import UNCACHED, Lifetimes
from ..options import NCONNECT_MAX, MountOptions
from ..url import UrlError, parse_url
from .mounting import FLAGS

_OPPOSITES: Final = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "async": "sync",
    "atime": "noatime",
    "diratime": "nodiratime",
}
"""Options that take one of mount(2) back."""
_IGNORED: Final = frozenset(
    ("defaults", "auto", "noauto", "nofail", "_netdev", "user", "nouser", "users", "owner", "group")
)
"""Options for others than us."""
_ALLOW_OTHER: Final = (
    "allow_other is refused: every request is made with the credentials of the user who has "
    "mounted, so that other users would have that user's rights"
)


@dataclass(frozen=True, slots=True)
class FuseOptions:
    """How a file system is mounted."""

    mount: MountOptions = field(default_factory=MountOptions)
    """How the server is used."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    """How long attributes and names are trusted."""
    hard: bool = True
    """Whether requests wait for as long as the server is away."""
    direct: bool = False
    """Whether the kernel's page cache is bypassed (``noac``)."""
    close_to_open: bool = True
    """Whether each open looks whether the file has changed; not with ``nocto``."""
    flags: tuple[str, ...] = ("nosuid", "nodev")
    """Options of mount(2)."""
    fsname: str | None = None
    """What ``/proc/mounts`` shows as the source; by default the URL."""
    proto: str | None = None
    """``rdma`` or ``tcp``, if that does not follow from the URL."""
    port: int | None = None
    """The server's port, if that does not follow from the URL."""

    def url(self, source: str) -> str:
        """Return the URL of ``source``, a URL or ``host:/path``. Raises ``ValueError``."""
        if "://" not in source:
            host, colon, path = source.rpartition(":/")
            if not colon or not host:
                raise UrlError(f"{source!r} is neither a URL nor host:/path")
            port = f":{self.port}" if self.port is not None else ""
            return f"nfs+{self.proto or 'rdma'}://{host}{port}/{path}"
        parsed = parse_url(source)
        if self.proto not in (None, parsed.transport):
            raise ValueError(f"proto={self.proto} contradicts {source}")
        if self.port not in (None, parsed.port):
            plain = replace(parsed, port=self.port)
            query = source.partition("?")[2]
            return f"{plain}?{query}" if query else str(plain)
        return source


def parse_options(texts: tuple[str, ...]) -> FuseOptions:
    """Parse the values of ``-o``. Raises ``ValueError`` with a sentence."""
    reader = _Reader()
    for text in texts:
        for each in text.split(","):
            if each:
                reader.take(each)
    return reader.options()


class _Reader:
    """Reads options one by one; of several that contradict each other, the last one counts."""

    def __init__(self) -> None:
        self.flags = dict.fromkeys(("nosuid", "nodev"))
        self.lifetimes = Lifetimes()
        self.mount = MountOptions()
        self.fuse = FuseOptions()

    def take(self, text: str) -> None:
        """Read one option. Raises ``ValueError``."""
        name, equals, value = text.partition("=")
        if name.startswith("x-") or name == "comment":
            return
        if name == "allow_other":
            raise ValueError(_ALLOW_OTHER)
        if name in _VALUED:
            if not equals:
                raise ValueError(f"the option {name} needs a value: {name}=...")
            try:
                _VALUED[name](self, value)
            except ValueError as error:
                raise ValueError(f"{text}: {error}") from None
        elif name not in _KNOWN:
            near = get_close_matches(name, _KNOWN, 1)
            hint = f"; is {near[0]} meant?" if near else f"; there are {', '.join(sorted(_KNOWN))}"
            raise ValueError(f"there is no option {name!r}{hint}")
        elif equals:
            raise ValueError(f"the option {name} takes no value")
        elif name in _PLAIN:
            _PLAIN[name](self)
        elif name in FLAGS:
            self.flags[name] = None
        elif name in _OPPOSITES:
            self.flags.pop(_OPPOSITES[name], None)

    def options(self) -> FuseOptions:
        """Return what was read."""
        times = self.lifetimes
        # As in nfs(5), a minimum above the maximum raises the maximum.
        times = replace(
            times,
            file_max=max(times.file_min, times.file_max),
            directory_max=max(times.directory_min, times.directory_max),
        )
        return replace(self.fuse, mount=self.mount, lifetimes=times, flags=tuple(self.flags))

    def hard(self, hard: bool) -> None:
        """Read ``hard`` or ``soft``."""
        self.fuse = replace(self.fuse, hard=hard)

    def no_attribute_cache(self) -> None:
        """Read ``noac``."""
        self.lifetimes = UNCACHED
        self.fuse = replace(self.fuse, direct=True)

    def timeout(self, seconds: float) -> None:
        """Read ``timeout``, or ``timeo`` in another unit."""
        if not 0 < seconds < float("inf"):
            raise ValueError("a time above 0")
        self.mount = replace(self.mount, timeout=seconds)

    def version(self, text: str) -> None:
        """Read ``vers``."""
        if text not in ("4.1", "4.2", "4"):
            raise ValueError("4.1 or 4.2")
        self.mount = replace(self.mount, minor_version=1 if text == "4.1" else None)

    def transport(self, text: str) -> None:
        """Read ``proto``."""
        if text not in ("rdma", "tcp"):
            raise ValueError("rdma or tcp")
        self.fuse = replace(self.fuse, proto=text)

    def port(self, text: str) -> None:
        """Read ``port``."""
        self.fuse = replace(self.fuse, port=_number(text, 1, 65535))

    def all_lifetimes(self, text: str) -> None:
        """Read ``actimeo``."""
        seconds = _seconds(text)
        self.lifetimes = Lifetimes(seconds, seconds, seconds, seconds)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError("a number of seconds")
    return seconds


def _number(text: str, least: int, most: int) -> int:
    number = int(text) if text.isdigit() else -1
    if not least <= number <= most:
        raise ValueError(f"a number from {least} to {most}")
    return number


def _size(text: str) -> int:
    return _number(text, 1024, 1 << 20)


def _file_min(reader: _Reader, text: str) -> None:
    reader.lifetimes = replace(reader.lifetimes, file_min=_seconds(text))


def _file_max(reader: _Reader, text: str) -> None:
    reader.lifetimes = replace(reader.lifetimes, file_max=_seconds(text))


def _directory_min(reader: _Reader, text: str) -> None:
    reader.lifetimes = replace(reader.lifetimes, directory_min=_seconds(text))


def _directory_max(reader: _Reader, text: str) -> None:
    reader.lifetimes = replace(reader.lifetimes, directory_max=_seconds(text))


def _rsize(reader: _Reader, text: str) -> None:
    reader.mount = replace(reader.mount, rsize=_size(text))


def _wsize(reader: _Reader, text: str) -> None:
    reader.mount = replace(reader.mount, wsize=_size(text))


def _nconnect(reader: _Reader, text: str) -> None:
    reader.mount = replace(reader.mount, nconnect=_number(text, 1, NCONNECT_MAX))


def _fsname(reader: _Reader, text: str) -> None:
    reader.fuse = replace(reader.fuse, fsname=text)


def _provider(reader: _Reader, text: str) -> None:
    reader.mount = replace(reader.mount, provider=text)


def _device(reader: _Reader, text: str) -> None:
    reader.mount = replace(reader.mount, device=text)


def _no_close_to_open(reader: _Reader) -> None:
    reader.fuse = replace(reader.fuse, close_to_open=False)


_PLAIN: Final[dict[str, Callable[[_Reader], None]]] = {
    "hard": lambda reader: reader.hard(True),
    "soft": lambda reader: reader.hard(False),
    "noac": _Reader.no_attribute_cache,
    "nocto": _no_close_to_open,
}
_VALUED: Final[dict[str, Callable[[_Reader, str], None]]] = {
    "rsize": _rsize,
    "wsize": _wsize,
    "nconnect": _nconnect,
    "timeo": lambda reader, text: reader.timeout(_number(text, 1, 1_000_000) / 10),
    "timeout": lambda reader, text: reader.timeout(_seconds(text)),
    "actimeo": _Reader.all_lifetimes,
    "acregmin": _file_min,
    "acregmax": _file_max,
    "acdirmin": _directory_min,
    "acdirmax": _directory_max,
    "vers": _Reader.version,
    "proto": _Reader.transport,
    "port": _Reader.port,
    "provider": _provider,
    "device": _device,
    "fsname": _fsname,
}
_KNOWN: Final = frozenset((*_PLAIN, *_VALUED, *FLAGS, *_OPPOSITES, *_IGNORED))
