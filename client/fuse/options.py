"""The options of a mount, as in ``mount -o``."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from ..nodes import UNCACHED, Lifetimes
from ..options import NCONNECT_MAX, PATHS_MAX, MountOptions
from ..url import UrlError, parse_url, url_of_place
from .choices import Choices
from .mounting import FLAGS

T = TypeVar("T")

_OPPOSITES: Final = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "async": "sync",
    "atime": "noatime",
    "diratime": "nodiratime",
    "symfollow": "nosymfollow",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
    "nolazytime": "lazytime",
    "loud": "silent",
}
"""Options that take one of mount(2) back."""
_ALLOWED: Final = {"allow_suid": "nosuid", "allow_dev": "nodev"}
"""What mount(8) lets pass in place of ``suid`` and ``dev``, the default of others.

It has ``nosuid`` and ``nodev`` come before all these, wherever they were named: so they prevail.
"""
_IGNORED: Final = frozenset(
    (
        *("defaults", "auto", "noauto", "nofail", "_netdev"),
        *("user", "nouser", "users", "nousers", "owner", "group"),
        *("intr", "nointr", "sloppy", "remount", "resvport", "noresvport"),
        *("mand", "nomand", "iversion", "noiversion", "acl", "noacl"),
    )
)
"""Options for others than us, and those that mean nothing any more (nfs(5))."""
_TIMEOUT_S: Final = 5.0
"""The default of ``timeout``."""
_RETRY_S: Final = 10_000 * 60.0
"""Seconds for which a mount in the background is tried (nfs(5), ``retry``)."""
_UNREACHABLE: Final = {"hard": None, "soft": errno.EIO, "softerr": errno.ETIMEDOUT}
_LOCKS: Final = {
    "none": (True, True),
    "all": (False, False),
    "posix": (False, True),
    "flock": (True, False),
}
"""Whether locks of fcntl(2) and of flock(2) are the server's (nfs(5), ``local_lock``)."""
_NAMES: Final = {
    "all": (True, True),
    "pos": (True, False),
    "positive": (True, False),
    "none": (False, False),
}
"""Whether names, and missing names, are remembered (nfs(5), ``lookupcache``)."""


@dataclass(frozen=True, slots=True)
class FuseOptions:
    """How a file system is mounted."""

    mount: MountOptions = field(default_factory=MountOptions)
    """How the server is used."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    """How long attributes and names are trusted."""
    hard: bool = True
    """Whether requests wait for as long as the server is away."""
    choices: Choices = field(default_factory=Choices)
    """How the mount behaves towards the kernel."""
    allow_other: bool = False
    """Whether others than who has mounted can use it, each with his own rights."""
    modes_checked: bool | None = None
    """Whether the kernel judges by modes before the server does; by default with ``allow_other``,
    since opening a FIFO, socket or device is not asked for at all otherwise."""
    background: bool = False
    """Whether a mount whose server is away is tried again in the background (``bg``)."""
    retry_s: float | None = None
    """Seconds for which it is tried; by default not again, and for a week with ``bg``."""
    flags: tuple[str, ...] = ("nosuid", "nodev")
    """Options of mount(2)."""
    fsname: str | None = None
    """What ``/proc/mounts`` shows as the source; by default the URL."""
    proto: str | None = None
    """``rdma`` or ``tcp``, if that does not follow from the URL."""
    port: int | None = None
    """The server's port, if that does not follow from the URL."""
    paths_max: int = PATHS_MAX
    """How many paths there may be to the server, the URL included (nfs(5), ``max_connect``)."""

    @property
    def default_permissions(self) -> bool:
        """Whether the kernel judges by modes."""
        return self.allow_other if self.modes_checked is None else self.modes_checked

    @property
    def patience_s(self) -> float:
        """Seconds for which a server that is away is tried to be mounted."""
        if self.retry_s is not None:
            return self.retry_s
        return _RETRY_S if self.background else 0.0

    def url(self, source: str) -> str:
        """Return the URL of ``source``, a URL or ``host:/path``. Raises ``ValueError``."""
        if "://" not in source:
            host, colon, path = source.partition(":/")
            if not colon or not host:
                raise UrlError(f"{source!r} is neither a URL nor host:/path")
            return self.url(url_of_place(self.proto or "rdma", host, self.port, path))
        parsed = parse_url(source)
        count = 1 + len(self.mount.over(parsed.options).paths or ())
        if count > self.paths_max:
            raise ValueError(
                f"{count} paths are given, and max_connect={self.paths_max} allows less"
            )
        if self.proto not in (None, parsed.transport):
            raise ValueError(f"proto={self.proto} contradicts {source}")
        if self.port not in (None, parsed.port):
            plain = replace(parsed, port=self.port)
            query = source.partition("?")[2]
            return f"{plain}?{query}" if query else str(plain)
        return source


def parse_options(texts: tuple[str, ...], *, sloppy: bool = False) -> FuseOptions:
    """Parse the values of ``-o``. Raises ``ValueError`` with a sentence.

    With ``sloppy`` options that there are not are ignored, as mount(8) may ask for.
    """
    reader = _Reader()
    for text in texts:
        for each in text.split(","):
            if each and not (sloppy and each.partition("=")[0] not in _KNOWN):
                reader.take(each)
    return reader.options()


class _Reader:
    """Reads options one by one; of several that contradict each other, the last one counts."""

    def __init__(self) -> None:
        self.flags = dict.fromkeys(("nosuid", "nodev"))
        self.named: set[str] = set()
        """Those of the flags that were asked for."""
        self.lifetimes = Lifetimes()
        self.mount = MountOptions()
        self.fuse = FuseOptions()
        self.retrans = 0

    def take(self, text: str) -> None:
        """Read one option. Raises ``ValueError``."""
        name, equals, value = text.partition("=")
        if name.startswith("x-") or name == "comment":
            return
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
            self.named.add(name)
        elif name in _OPPOSITES:
            self.flags.pop(_OPPOSITES[name], None)
            self.named.discard(_OPPOSITES[name])
        elif name in _ALLOWED and _ALLOWED[name] not in self.named:
            self.flags.pop(_ALLOWED[name], None)

    def options(self) -> FuseOptions:
        """Return what was read."""
        times = self.lifetimes
        # As in nfs(5), a minimum above the maximum raises the maximum.
        times = replace(
            times,
            file_max=max(times.file_min, times.file_max),
            directory_max=max(times.directory_min, times.directory_max),
        )
        mount = self.mount
        if not self.fuse.hard and self.retrans:
            seconds = mount.timeout if mount.timeout is not None else _TIMEOUT_S
            mount = replace(mount, timeout=seconds * (self.retrans + 1))
        if self.fuse.allow_other and (mount.uid, mount.gid) != (None, None):
            raise ValueError(
                "allow_other is not for a mount with uid= or gid=: all users would have the rights "
                "of that one"
            )
        return replace(self.fuse, mount=mount, lifetimes=times, flags=tuple(self.flags))

    def choose(self, **choices: Any) -> None:
        """Read an option that is one of the choices."""
        self.fuse = replace(self.fuse, choices=replace(self.fuse.choices, **choices))

    def keep_delegations(self) -> None:
        """Read ``delegations``."""
        self.mount = replace(self.mount, delegations=True)

    def hard(self, name: str) -> None:
        """Read ``hard``, ``soft`` or ``softerr``."""
        self.fuse = replace(self.fuse, hard=name == "hard")
        self.choose(unreachable=_UNREACHABLE[name])

    def attribute_cache(self, wanted: bool) -> None:
        """Read ``ac`` or ``noac``."""
        self.lifetimes = replace(
            Lifetimes() if wanted else UNCACHED,
            names=self.lifetimes.names,
            missing=self.lifetimes.missing,
        )
        self.choose(direct=not wanted)

    def names(self, text: str) -> None:
        """Read ``lookupcache``."""
        names, missing = _one_of(text, _NAMES)
        self.lifetimes = replace(self.lifetimes, names=names, missing=missing)

    def local_locks(self, text: str) -> None:
        """Read ``local_lock``."""
        posix, flocks = _one_of(text, _LOCKS)
        self.choose(posix_locks=posix, flocks=flocks)

    def timeout(self, seconds: float) -> None:
        """Read ``timeout``, or ``timeo`` in another unit."""
        if not 0 < seconds < float("inf"):
            raise ValueError("a time above 0")
        self.mount = replace(self.mount, timeout=seconds)

    def version(self, text: str) -> None:
        """Read ``vers``."""
        if text not in ("4.1", "4.2", "4"):
            raise ValueError("4.1 or 4.2: no other version is spoken")
        self.mount = replace(self.mount, minor_version=1 if text == "4.1" else None)

    def transport(self, text: str) -> None:
        """Read ``proto``."""
        if text not in ("rdma", "rdma6", "tcp", "tcp6"):
            raise ValueError("rdma or tcp")
        self.fuse = replace(self.fuse, proto=text.rstrip("6"))

    def port(self, text: str) -> None:
        """Read ``port``."""
        self.fuse = replace(self.fuse, port=_number(text, 1, 65535))

    def path(self, text: str) -> None:
        """Read ``path``, which may be given again."""
        self.mount = replace(self.mount, paths=(*(self.mount.paths or ()), text))

    def all_lifetimes(self, text: str) -> None:
        """Read ``actimeo``."""
        seconds = _seconds(text)
        self.lifetimes = replace(
            self.lifetimes,
            file_min=seconds,
            file_max=seconds,
            directory_min=seconds,
            directory_max=seconds,
        )


def _one_of(text: str, known: dict[str, T]) -> T:
    try:
        return known[text]
    except KeyError:
        raise ValueError(f"one of {', '.join(known)}") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError("a number of seconds")
    return seconds


def _number(text: str, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
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


def _of_mount(name: str, read: Callable[[str], object]) -> Callable[[_Reader, str], None]:
    """Return what reads an option into a field of the client's own options."""

    def take(reader: _Reader, text: str) -> None:
        reader.mount = replace(reader.mount, **{name: read(text)})  # type: ignore[arg-type]

    return take


def _of_fuse(name: str, read: Callable[[str], object]) -> Callable[[_Reader, str], None]:
    """Return what reads an option into a field of :class:`FuseOptions`."""

    def take(reader: _Reader, text: str) -> None:
        reader.fuse = replace(reader.fuse, **{name: read(text)})  # type: ignore[arg-type]

    return take


def _is_set(name: str, value: object) -> Callable[[_Reader], None]:
    take = _of_fuse(name, lambda _: value)
    return lambda reader: take(reader, "")


def _identity(text: str) -> int:
    return _number(text, 0, (1 << 32) - 2)


def _retrans(reader: _Reader, text: str) -> None:
    reader.retrans = _number(text, 0, 1000)


def _security(reader: _Reader, text: str) -> None:
    if text != "sys":
        raise ValueError("only sys is spoken: numbers of users, without a proof")


_PLAIN: Final[dict[str, Callable[[_Reader], None]]] = {
    "hard": lambda reader: reader.hard("hard"),
    "soft": lambda reader: reader.hard("soft"),
    "softerr": lambda reader: reader.hard("softerr"),
    "ac": lambda reader: reader.attribute_cache(True),
    "noac": lambda reader: reader.attribute_cache(False),
    "cto": lambda reader: reader.choose(close_to_open=True),
    "nocto": lambda reader: reader.choose(close_to_open=False),
    "wb": lambda reader: reader.choose(write_back=True),
    "lock": lambda reader: reader.local_locks("none"),
    "nolock": lambda reader: reader.local_locks("all"),
    "rdirplus": lambda reader: reader.choose(read_plus=True),
    "nordirplus": lambda reader: reader.choose(read_plus=False),
    "rdma": lambda reader: reader.transport("rdma"),
    "tcp": lambda reader: reader.transport("tcp"),
    "delegations": lambda reader: reader.keep_delegations(),
    "allow_other": _is_set("allow_other", True),
    "default_permissions": _is_set("modes_checked", True),
    "nodefault_permissions": _is_set("modes_checked", False),
    "bg": _is_set("background", True),
    "fg": _is_set("background", False),
}
_VALUED: Final[dict[str, Callable[[_Reader, str], None]]] = {
    "rsize": _of_mount("rsize", _size),
    "wsize": _of_mount("wsize", _size),
    "nconnect": _of_mount("nconnect", lambda text: _number(text, 1, NCONNECT_MAX)),
    "max_connect": _of_fuse("paths_max", lambda text: _number(text, 1, PATHS_MAX)),
    "path": _Reader.path,
    "uid": _of_mount("uid", _identity),
    "gid": _of_mount("gid", _identity),
    "provider": _of_mount("provider", str),
    "device": _of_mount("device", str),
    "timeo": lambda reader, text: reader.timeout(_number(text, 1, 1_000_000) / 10),
    "timeout": lambda reader, text: reader.timeout(_seconds(text)),
    "retrans": _retrans,
    "retry": _of_fuse("retry_s", lambda text: 60.0 * _number(text, 0, 1_000_000)),
    "actimeo": _Reader.all_lifetimes,
    "acregmin": _file_min,
    "acregmax": _file_max,
    "acdirmin": _directory_min,
    "acdirmax": _directory_max,
    "lookupcache": _Reader.names,
    "local_lock": _Reader.local_locks,
    "sec": _security,
    "vers": _Reader.version,
    "nfsvers": _Reader.version,
    "proto": _Reader.transport,
    "port": _Reader.port,
    "fsname": _of_fuse("fsname", str),
}
_KNOWN: Final = frozenset((*_PLAIN, *_VALUED, *FLAGS, *_OPPOSITES, *_ALLOWED, *_IGNORED))
