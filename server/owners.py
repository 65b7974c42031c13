"""What users and groups are called on the wire (RFC 8881, Section 5.9).

With AUTH_SYS both sides check rights by numbers, so by default owners are numbers written as
strings, both ways. With a domain ``name@domain`` is taken as well, for whom the database of this
host knows; and, if that is asked for, sent. Who is not known is refused, never taken for nobody.

The database may be on another host, so it is asked by a thread, and the answers are kept for a
while: no more than :data:`_KEPT` of them, as names are up to the clients.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from .waiting import then

MAX_ID: Final = 0xFFFFFFFE
_KEPT: Final = 4096
_FRESH_S: Final = 300.0
_UNKNOWN_FRESH_S: Final = 30.0
"""A user who was just made should not have to wait for long."""
_LONGEST: Final = 256
"""Octets of a name, without its domain."""
_NOBODY: Final = (b"nobody", b"nogroup")
"""What clients call those for whom they have no name: to set that would give files away."""

Who: TypeAlias = tuple[bytes, bool]
"""A name without its domain, and whether it is a group's."""
Id: TypeAlias = tuple[int, bool]
"""A number, and whether it is a group's."""
ReadId = Callable[[bytes, bool], int]
"""Who is called so, and whether it is a group. Raises ``NfsError``: INVAL, BADOWNER."""

K = TypeVar("K")
V = TypeVar("V")


class Database(Protocol):
    """The users and groups of this host. Its methods may block, and any thread may call them."""

    def number_of(self, name: bytes, group: bool) -> int | None:
        """Return the number of a user or group; None if there is none of that name."""

    def name_of(self, number: int, group: bool) -> bytes | None:
        """Return the name of a user or group; None if there is none of that number."""


class _Kept(Generic[K, V]):
    """Answers of the database: the oldest gives way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: OrderedDict[K, tuple[float, V | None]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return an answer, however old; None if there is none, or nobody is known."""
        return self._answers.get(key, (0.0, None))[1]

    def missing(self, keys: Iterable[K]) -> list[K]:
        """Return those of the keys that have to be asked for."""
        now = self._clock()
        return [key for key in dict.fromkeys(keys) if self._answers.get(key, (now, None))[0] <= now]

    def keep(self, found: Iterable[tuple[K, V | None]]) -> None:
        """Keep answers."""
        now = self._clock()
        for key, value in found:
            self._answers.pop(key, None)
            if len(self._answers) >= _KEPT:
                self._answers.popitem(last=False)
            until = now + (_UNKNOWN_FRESH_S if value is None else _FRESH_S)
            self._answers[key] = until, value


class Owners:
    """The names of one server. ``domain`` None takes numbers alone; ``sends_names`` needs one.

    ``submit`` runs what may block on a thread, or at once; ``clock`` gives seconds.
    """

    def __init__(
        self,
        domain: str | None,
        sends_names: bool,
        database: Database,
        submit: Callable[[Callable[[], None]], Future[None] | None],
        clock: Callable[[], float],
    ) -> None:
        self.sends_names = sends_names and domain is not None
        self._suffix = None if domain is None else b"@" + domain.encode().lower()
        self._database = database
        self._submit = submit
        self._numbers: _Kept[Who, int] = _Kept(clock)
        self._names: _Kept[Id, bytes] = _Kept(clock)

    # --- What is sent ---

    def user(self, number: int) -> bytes:
        """Return what a user is called, as far as that is known by now."""
        return self._called(number, False)

    def group(self, number: int) -> bytes:
        """Return what a group is called, as far as that is known by now."""
        return self._called(number, True)

    def _called(self, number: int, group: bool) -> bytes:
        if self.sends_names:
            name = self._names.get((number, group))
            if name is not None and self._suffix is not None:
                return name + self._suffix
        return b"%d" % number

    def look_up(self, ids: Iterable[Id]) -> Future[None] | None:
        """Ask for names of users and groups that are not known; None if there is no wait."""
        missing = self._names.missing(ids) if self.sends_names else []
        if not missing:
            return None
        database, found = self._database, list[tuple[Id, bytes | None]]()

        def ask() -> None:
            found.extend((key, database.name_of(*key)) for key in missing)

        return then(self._submit(ask), lambda _: self._names.keep(found))

    # --- What is received ---

    @property
    def takes_names(self) -> bool:
        """Whether there are names besides numbers."""
        return self._suffix is not None

    def number_of(self, value: bytes, group: bool) -> int:
        """Return the number of a user or group, if it is one or :meth:`ask` has found it out.

        INVAL for an empty name, BADOWNER for one that is unknown. A number has no zeros in front.
        """
        if not value:
            raise NfsError(nfs.NFS4ERR_INVAL)
        if value.isdigit() and len(value) <= 10 and (value[:1] != b"0" or len(value) == 1):
            if int(value) <= MAX_ID:
                return int(value)
        else:
            who = self._who(value, group)
            number = None if who is None else self._numbers.get(who)
            if number is not None:
                return number
        raise NfsError(nfs.NFS4ERR_BADOWNER)

    def ask(self, values: Iterable[Who]) -> Future[None] | None:
        """Ask who is called so, unless that is known; None if there is no wait."""
        if self._suffix is None:
            return None
        asked = (self._who(*value) for value in values)
        missing = self._numbers.missing(who for who in asked if who is not None)
        if not missing:
            return None
        database, found = self._database, list[tuple[Who, int | None]]()

        def ask() -> None:
            found.extend((key, database.number_of(*key)) for key in missing)

        return then(self._submit(ask), lambda _: self._numbers.keep(found))

    def _who(self, value: bytes, group: bool) -> Who | None:
        """Return the name in a value, if it is of our domain and of somebody."""
        name, at, domain = value.rpartition(b"@")
        if self._suffix is None or at + domain.lower() != self._suffix:
            return None
        if not name or len(name) > _LONGEST or name in _NOBODY or b"\0" in name:
            return None
        return name, group


class NoDatabase:
    """Knows nobody."""

    def number_of(self, name: bytes, group: bool) -> int | None:
        """Return None."""
        return None

    def name_of(self, number: int, group: bool) -> bytes | None:
        """Return None."""
        return None
