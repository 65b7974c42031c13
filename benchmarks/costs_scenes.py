"""What the server is full of in the tables of ``costs.py``, and what is done to it then.

A scene is a function of a size. It fills a server and returns the kinds of work that are measured
there; each touches another client, file or range every time, at random.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from costs_world import Costs, Work, World
from tests.support.delegations import READ, WANT_READ, delegreturn
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    SAVEFH,
    close,
    create_session,
    destroy_clientid,
    destroy_session,
    exchange_id,
    free_stateid,
    getattr_,
    lock,
    lockt,
    locku,
    lookup,
    open_,
    putfh,
    read,
    readdir,
    remove,
    rename,
)

from nfsrdma.xdr.nfs4 import types as t

BASIC: Final = (
    t.FATTR4_TYPE,
    t.FATTR4_CHANGE,
    t.FATTR4_SIZE,
    t.FATTR4_FSID,
    t.FATTR4_FILEID,
    t.FATTR4_MODE,
    t.FATTR4_NUMLINKS,
    t.FATTR4_OWNER,
    t.FATTR4_OWNER_GROUP,
    t.FATTR4_RAWDEV,
    t.FATTR4_SPACE_USED,
    t.FATTR4_TIME_ACCESS,
    t.FATTR4_TIME_METADATA,
    t.FATTR4_TIME_MODIFY,
    t.FATTR4_MOUNTED_ON_FILEID,
)
"""What Linux asks for with GETATTR."""
LISTED: Final = (*BASIC, t.FATTR4_RDATTR_ERROR, t.FATTR4_FILEHANDLE)
"""What Linux asks for with READDIR."""
FOLDER: Final = 1000
"""Files of a directory in a tree."""
HANDLES: Final = 20_000
"""Files of a tree whose handles a client has."""
RANGES_PER_FILE: Final = 1000

Works = dict[str, Work]


def _read_4k(stateid: t.stateid4) -> Any:
    return read(stateid, 0, 4096)


class Usual:
    """What any client does to a file of its own, whatever else the server is full of."""

    def __init__(self, world: World, prefix: bytes = b"own") -> None:
        self._world = world
        self._client = world.client()
        self._name = prefix
        self._stateid, self._handle = world.create(self._client, prefix)

    def works(self) -> Works:
        """The kinds of work."""
        return {"data": self.data, "opens": self.opens, "locks": self.locks, "names": self.names}

    def data(self, _: int) -> Costs:
        """Nothing, GETATTR and READ."""
        spend, handle = self._world.spend, putfh(self._handle)
        return {
            "SEQUENCE": spend(self._client),
            "GETATTR": spend(self._client, handle, getattr_(*BASIC)),
            "READ 4 KiB": spend(self._client, handle, _read_4k(self._stateid)),
        }

    def opens(self, _: int) -> Costs:
        """OPEN and CLOSE."""
        world, client = self._world, self._client
        ops = (PUTROOTFH, open_(self._name, READ, owner=b"another"), GETFH)
        spent, reply = world.call(client, *ops)
        last = world.spend(client, putfh(reply[3].object), close(reply[2].stateid))
        return {"OPEN": spent, "CLOSE": last}

    def locks(self, i: int) -> Costs:
        """LOCK, LOCKT and LOCKU."""
        world, client, handle = self._world, self._client, putfh(self._handle)
        spent, reply = world.call(client, handle, lock(self._stateid, i, 1))
        stateid = reply[2].lock_stateid
        test = world.spend(client, handle, lockt(i + 1, 1))
        last = world.spend(client, handle, locku(stateid, i, 1))
        world.spend(client, free_stateid(t.stateid4(0, stateid.other)))
        return {"LOCK": spent, "LOCKT": test, "LOCKU": last}

    def names(self, i: int) -> Costs:
        """CREATE, RENAME and REMOVE."""
        world, client, name = self._world, self._client, b"new %d" % i
        ops = (PUTROOTFH, open_(name, create=t.GUARDED4), GETFH)
        spent, reply = world.call(client, *ops)
        world.spend(client, putfh(reply[3].object), close(reply[2].stateid))
        moved = world.spend(client, PUTROOTFH, SAVEFH, rename(name, name + b"!"))
        gone = world.spend(client, PUTROOTFH, remove(name + b"!"))
        return {"OPEN (create)": spent, "RENAME": moved, "REMOVE": gone}


@contextmanager
def clients(size: int, folder: Path) -> Iterator[Works]:
    """Clients, each with a session and a file that it has open."""
    world = World()
    files = []
    for number in range(size):
        client = world.client()
        files.append((client, *world.create(client, b"file %d" % number)))

    def data(_: int) -> Costs:
        client, stateid, handle = world.any(files)
        return {
            "SEQUENCE": world.spend(client),
            "GETATTR": world.spend(client, putfh(handle), getattr_(*BASIC)),
            "READ 4 KiB": world.spend(client, putfh(handle), _read_4k(stateid)),
        }

    def comes_and_goes(i: int) -> Costs:
        peer = files[0][0].peer
        spent, reply = world.send(peer, exchange_id(b"newcomer %d" % i))
        number = reply[0].eir_clientid
        more, reply = world.send(peer, create_session(number, reply[0].eir_sequenceid))
        gone = world.send(peer, destroy_session(reply[0].csr_sessionid))[0]
        gone += world.send(peer, destroy_clientid(number))[0]
        return {"mount": spent + more, "unmount": gone}

    def sweep(_: int) -> Costs:
        registry = world.server.registry
        begin = world.meter()
        registry.sweep(time.monotonic())
        return {"sweep, each client": (world.meter() - begin) // len(world.clients)}

    try:
        usual = Usual(world).works()
        del usual["data"]
        yield {"data": data, "mounts": comes_and_goes, "sweep": sweep, **usual}
    finally:
        world.close()


def _directory(world: World, size: int) -> Works:
    client = world.client()

    def look(i: int) -> Costs:
        name = b"%06d" % world.rng.randrange(size)
        spent, reply = world.call(client, PUTROOTFH, lookup(name), GETFH)
        handle = putfh(reply[3].object)
        found = world.spend(client, handle, getattr_(*BASIC))
        return {"LOOKUP": spent, "GETATTR of that": found}

    def page(_: int) -> Costs:
        spent, entries, _ = list_from(world.any(cookies))
        return {"READDIR, each entry": spent // entries}

    def list_from(cookie: int) -> tuple[int, int, int]:
        ops = (PUTROOTFH, readdir(cookie, maxcount=1 << 17, numbers=LISTED))
        spent, reply = world.call(client, *ops)
        entries, entry = 0, reply[2].reply.entries
        while entry is not None:
            entries, cookie, entry = entries + 1, entry.cookie, entry.nextentry
        return spent, entries, 0 if reply[2].reply.eof else cookie

    cookies = [0]
    while cookie := list_from(cookies[-1])[2]:
        cookies.append(cookie)
    return {"look": look, "page": page, **Usual(world).works()}


def fill(folder: Path, size: int) -> None:
    """Make empty files in a directory."""
    for number in range(size):
        (folder / f"{number:06}").touch()


@contextmanager
def directory(size: int, folder: Path) -> Iterator[Works]:
    """Files in one directory of a local file system."""
    fill(folder, size)
    world = World.on(folder)
    try:
        yield _directory(world, size)
    finally:
        world.close()


@contextmanager
def memory_directory(size: int, folder: Path) -> Iterator[Works]:
    """Files in one directory of the back end in memory."""
    world = World()
    client = world.client()
    for number in range(size):
        stateid, handle = world.create(client, b"%06d" % number)
        world.spend(client, putfh(handle), close(stateid))
    try:
        yield _directory(world, size)
    finally:
        world.close()


@contextmanager
def tree(size: int, folder: Path) -> Iterator[Works]:
    """Files in a tree of a local file system, 1,000 in a directory."""
    for place in range(size // FOLDER):
        below = folder / f"{place:04}"
        below.mkdir()
        fill(below, FOLDER)
    world = World.on(folder)
    client = world.client()

    def find() -> tuple[int, bytes]:
        place, name = divmod(world.rng.randrange(size), FOLDER)
        ops = (PUTROOTFH, lookup(b"%04d" % place), lookup(b"%06d" % name), GETFH)
        spent, reply = world.call(client, *ops)
        return spent, bytes(reply[4].object)

    handles = [find()[1] for _ in range(min(size, HANDLES))]

    def look(_: int) -> Costs:
        handle = putfh(world.any(handles))
        return {
            "LOOKUP of two names": find()[0],
            "GETATTR by handle": world.spend(client, handle, getattr_(*BASIC)),
        }

    def opens(_: int) -> Costs:
        handle = putfh(world.any(handles))
        spent, reply = world.call(client, handle, open_(None, READ))
        return {
            "OPEN by handle": spent,
            "CLOSE": world.spend(client, handle, close(reply[2].stateid)),
        }

    try:
        yield {"look": look, "opens": opens, "names": Usual(world).names}
    finally:
        world.close()


@contextmanager
def opens(size: int, folder: Path) -> Iterator[Works]:
    """Opens, each of a file of its own, all held by one client."""
    world = World()
    client = world.client()
    held = [world.create(client, b"held %d" % number) for number in range(size)]

    def reads(_: int) -> Costs:
        stateid, handle = world.any(held)
        return {"READ of one of them": world.spend(client, putfh(handle), _read_4k(stateid))}

    def again(_: int) -> Costs:
        stateid, handle = held.pop(world.rng.randrange(len(held)))
        gone = world.spend(client, putfh(handle), close(stateid))
        spent, reply = world.call(client, putfh(handle), open_(None, READ))
        held.append((reply[2].stateid, handle))
        return {"CLOSE of one of them": gone, "OPEN of it again": spent}

    try:
        yield {"reads": reads, "again": again, **Usual(world).works()}
    finally:
        world.close()


@contextmanager
def opens_of_one(size: int, folder: Path) -> Iterator[Works]:
    """Opens of one file, each by another owner of one client."""
    world = World()
    client = world.client()
    handle = world.create(client, b"file")[1]

    def add(number: int) -> tuple[int, t.stateid4]:
        spent, reply = world.call(client, putfh(handle), open_(None, READ, owner=b"o%d" % number))
        return spent, reply[2].stateid

    held = [add(number)[1] for number in range(size)]

    def work(i: int) -> Costs:
        spent, stateid = add(size + i)
        data = world.spend(client, putfh(handle), _read_4k(world.any(held)))
        attributes = world.spend(client, putfh(handle), getattr_(*BASIC))
        gone = world.spend(client, putfh(handle), close(stateid))
        return {"OPEN": spent, "READ 4 KiB": data, "GETATTR": attributes, "CLOSE": gone}

    try:
        yield {"work": work}
    finally:
        world.close()


@contextmanager
def locks_in_a_file(size: int, folder: Path) -> Iterator[Works]:
    """Locked ranges of one file, each by another owner of one client."""
    world = World()
    client = world.client()
    opened, handle = world.create(client, b"file")

    def take(at: int, owner: bytes) -> tuple[int, t.stateid4]:
        spent, reply = world.call(client, putfh(handle), lock(opened, at, 1, owner=owner))
        return spent, reply[2].lock_stateid

    for number in range(size):
        take(4 * number, b"o%d" % number)

    def work(i: int) -> Costs:
        at = 4 * world.rng.randrange(size) + 2
        spent, stateid = take(at, b"new %d" % i)
        test = world.spend(client, putfh(handle), lockt(at - 1, 1))
        gone = world.spend(client, putfh(handle), locku(stateid, at, 1))
        world.spend(client, free_stateid(t.stateid4(0, stateid.other)))
        data = world.spend(client, putfh(handle), _read_4k(opened))
        return {"LOCK": spent, "LOCKT": test, "LOCKU": gone, "READ 4 KiB": data}

    try:
        yield {"work": work}
    finally:
        world.close()


@contextmanager
def readers(size: int, folder: Path) -> Iterator[Works]:
    """Ranges of one file locked for reading, each by another owner of one client."""
    world = World()
    client = world.client()
    opened, handle = world.create(client, b"file")

    def take(at: int, kind: int, owner: bytes) -> tuple[int, t.stateid4]:
        ops = (putfh(handle), lock(opened, at, 2, kind, owner=owner))
        spent, reply = world.call(client, *ops)
        return spent, reply[2].lock_stateid

    def drop(stateid: t.stateid4, at: int) -> int:
        gone = world.spend(client, putfh(handle), locku(stateid, at, 2))
        world.spend(client, free_stateid(t.stateid4(0, stateid.other)))
        return gone

    for number in range(size):
        take(4 * number, t.READ_LT, b"o%d" % number)

    def work(i: int) -> Costs:
        at = 4 * world.rng.randrange(size)
        shared, stateid = take(at + 1, t.READ_LT, b"reader %d" % i)
        given = drop(stateid, at + 1)
        alone, stateid = take(at + 2, t.WRITE_LT, b"writer %d" % i)
        back = drop(stateid, at + 2)
        return {"LOCK to read": shared, "LOCKU of it": given, "LOCK to write": alone, "LOCKU": back}

    try:
        yield {"work": work}
    finally:
        world.close()


@contextmanager
def locks_in_files(size: int, folder: Path) -> Iterator[Works]:
    """Locked ranges of one client, 1,000 by one owner in a file."""
    world = World()
    client = world.client()
    for number in range(size // RANGES_PER_FILE):
        opened, handle = world.create(client, b"locked %d" % number)
        reply = world.call(client, putfh(handle), lock(opened, 0, 1))[1]
        stateid = reply[2].lock_stateid
        for at in range(1, RANGES_PER_FILE):
            reply = world.call(client, putfh(handle), lock(stateid, 4 * at, 1, owner=None))[1]
            stateid = reply[2].lock_stateid
    try:
        yield Usual(world).works()
    finally:
        world.close()


@contextmanager
def delegations(size: int, folder: Path) -> Iterator[Works]:
    """Read delegations, each of a file of its own, all held by one client."""
    world = World(delegations=True)
    client = world.holder()

    def take(name: bytes, create: int | None = None) -> tuple[int, Any, bytes]:
        ops = (PUTROOTFH, open_(name, READ | WANT_READ, create=create), GETFH)
        spent, reply = world.call(client, *ops)
        return spent, reply[2], bytes(reply[3].object)

    def drop(found: Any, handle: bytes) -> tuple[int, int]:
        given = found.delegation.value.stateid
        back = world.spend(client, putfh(handle), delegreturn(given))
        return back, world.spend(client, putfh(handle), close(found.stateid))

    for number in range(size):
        found, handle = take(b"held %d" % number, t.UNCHECKED4)[1:]
        world.spend(client, putfh(handle), close(found.stateid))
    drop(*take(b"mine", t.UNCHECKED4)[1:])

    def work(_: int) -> Costs:
        spent, found, handle = take(b"mine")
        attributes = world.spend(client, putfh(handle), getattr_(*BASIC))
        back, closed = drop(found, handle)
        return {
            "OPEN (delegated)": spent,
            "GETATTR (delegated)": attributes,
            "DELEGRETURN": back,
            "CLOSE (delegated)": closed,
        }

    try:
        yield {"work": work, **Usual(world).works()}
    finally:
        world.close()


@dataclass(frozen=True, slots=True)
class Factor:
    """What there may be many of: the sizes that are measured, and the scene."""

    title: str
    sizes: tuple[int, ...]
    scene: Callable[[int, Path], Any]


FACTORS: Final = {
    "clients": Factor("clients, each with a file open", (1, 8, 64, 512), clients),
    "directory": Factor("files in a local directory", (1000, 10_000, 100_000), directory),
    "memory": Factor("files in a directory in memory", (1000, 10_000, 100_000), memory_directory),
    "tree": Factor("files in a local tree", (1000, 10_000, 100_000, 1_000_000), tree),
    "opens": Factor("opens held, of a file each", (100, 1000, 10_000, 30_000), opens),
    "opens-of-one": Factor("opens held, of one file", (10, 100, 1000, 10_000), opens_of_one),
    "locks": Factor("ranges locked in one file", (10, 100, 1000, 4000), locks_in_a_file),
    "readers": Factor("ranges of one file locked to read", (10, 100, 1000, 4000), readers),
    "ranges": Factor("ranges locked, in many files", (1000, 10_000, 100_000), locks_in_files),
    "delegations": Factor("delegations held", (10, 100, 1000, 8000), delegations),
}
"""By the word that chooses it."""
