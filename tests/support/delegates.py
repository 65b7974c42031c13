"""A tiny client that keeps what it is delegated, over our own sessions and any transport.

A ``Delegate`` keeps eight octets of one file. With a delegation it answers from what it has, and
with one for writing it writes only when it has to return it. ``Ledger`` is what all of them agree
on: who holds the file, and which value was acknowledged last.
"""

from __future__ import annotations

from random import Random

from nfsrdma.client.client import Client, ClientOptions, Connect
from nfsrdma.client.compound import Compound
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Future, Reactor, Task
from nfsrdma.xdr.nfs4 import types as t

OCTETS = 8
NAME = b"register"
NO_KIND = t.OPEN_DELEGATE_NONE
HELD = (t.OPEN_DELEGATE_READ, t.OPEN_DELEGATE_WRITE)


class Ledger:
    """What is true of the file, whatever the server does."""

    def __init__(self) -> None:
        self.holders: dict[Delegate, int] = {}
        self.latest = 0
        """The value acknowledged last."""
        self.stored = 0
        """The value that a WRITE was answered for."""
        self.granted = 0
        self.recalled = 0
        self._last = 0
        self._writing: Future[None] | None = None

    def hold(self, client: Delegate, kind: int) -> None:
        """Note that a client holds the file. There must be no conflict."""
        others = {each: held for each, held in self.holders.items() if each is not client}
        if kind == t.OPEN_DELEGATE_WRITE:
            assert not others, f"{client.name!r} may write, and {others} hold the file"
        else:
            assert t.OPEN_DELEGATE_WRITE not in others.values(), "a reader beside a writer"
        self.holders[client] = kind
        self.granted += 1

    def give_up(self, client: Delegate) -> None:
        """Note that a client is about to return what it holds."""
        self.holders.pop(client, None)

    async def write(self, client: Delegate) -> None:
        """Have a client write a value that nobody has written yet. One does so at a time."""
        while self._writing is not None:
            await self._writing
        self._writing = Future()
        self._last += 1
        value = self._last
        try:
            await client.set(value)
            self.latest = value
        finally:
            writing, self._writing = self._writing, None
            writing.set_result(None)

    def died(self, client: Delegate) -> None:
        """Forget a client, and what it has not written yet."""
        if self.holders.pop(client, None) == t.OPEN_DELEGATE_WRITE:
            self.latest = max(self.stored, client.written)


class Delegate:
    """A client of one file."""

    def __init__(
        self, reactor: Reactor, connect: Connect, name: bytes, rng: Random, ledger: Ledger
    ) -> None:
        self.name = name
        self._ledger = ledger
        options = ClientOptions(Credentials.sys(0, 0), name, rng.randbytes(8), timeout=30.0)
        self.client = Client(reactor, connect, options, rng)
        self.client.opens.delegations.recalled = self._recalled  # type: ignore[method-assign]
        self.dead = False
        self.kind = NO_KIND
        self.value = 0
        self.written = 0
        """The value that the server has."""
        self._handle = b""
        self._stateid = b""
        self._other = b""
        self._early: set[bytes] = set()
        self._returning: Future[None] | None = None
        self._busy: Future[None] | None = None

    async def connect(self, lease: float) -> None:
        """Connect to the server."""
        await self.client.connect()
        self.client.recovery.set_lease(lease)
        self.client.session.patience = 3 * lease

    # --- What a program does ---

    async def get(self) -> int:
        """Return the value."""
        await self._settled()
        if self.kind == NO_KIND:
            stateid = await self._open(t.OPEN4_SHARE_ACCESS_READ)
            value = await self._read(stateid)
            await self._close(stateid)
            return value
        return self.value

    async def set(self, value: int) -> None:
        """Write a value; return once it is safe to say so."""
        await self._settled()
        if self.kind == t.OPEN_DELEGATE_READ:
            await self.give_back()
        if self.kind == NO_KIND:
            stateid = await self._open(t.OPEN4_SHARE_ACCESS_BOTH)
            if self.kind != t.OPEN_DELEGATE_WRITE or self._returning is not None:
                self.value = value
                await self._write(stateid, value)
                self.written = value
            else:
                self.value = value
            await self._close(stateid)
            return
        self.value = value

    async def _settled(self) -> None:
        while self._returning is not None:
            await self._returning

    # --- Delegations ---

    def _recalled(self, handle: bytes, other: bytes) -> int:
        """In place of ``Delegations.recalled``."""
        self._ledger.recalled += 1
        if self.dead:
            return t.NFS4_OK
        if self.kind == NO_KIND or other != self._other:
            self._early.add(other)
            return t.NFS4ERR_BAD_STATEID
        self._later()
        return t.NFS4_OK

    def _later(self) -> None:
        if self._returning is None:
            Task(self.give_back())

    async def give_back(self) -> None:
        """Write what has to be written, and return the delegation."""
        if self._returning is not None:
            await self._returning
            return
        self._returning = Future()
        try:
            while self._busy is not None:
                await self._busy
            if self.kind == t.OPEN_DELEGATE_WRITE and self.value != self.written:
                await self._write(self._stateid, self.value)
                self.written = self.value
            self._ledger.give_up(self)
            self.kind = NO_KIND
            compound = self._compound("DELEGRETURN")
            compound.delegreturn(self._stateid)
            await self.client.session.call(compound)
        finally:
            returning, self._returning = self._returning, None
            returning.set_result(None)

    def die(self) -> None:
        """Say nothing any more."""
        self.dead = True
        self._ledger.died(self)

    # --- Calls ---

    def _compound(self, name: str) -> Compound:
        compound = self.client.session.compound(name, idempotent=False)
        compound.putfh(self._handle)
        return compound

    async def _open(self, access: int) -> bytes:
        self._busy = Future()
        try:
            compound = self.client.session.compound("OPEN", idempotent=False)
            compound.putrootfh()
            opened = compound.open(
                t.OPEN4args(
                    *(0, access, t.OPEN4_SHARE_DENY_NONE),
                    t.open_owner4(0, self.client.opens.new_owner()),
                    t.openflag4(t.OPEN4_NOCREATE),
                    t.open_claim4(t.CLAIM_NULL, NAME),
                )
            )
            handle = compound.getfh()
            await self.client.session.call(compound)
            self._handle = handle.value
            delegation = opened.value.delegation
            if delegation.delegation_type in HELD and not self.dead:
                self.kind = delegation.delegation_type
                self._other = delegation.value.stateid.other
                self._stateid = b"\0\0\0\0" + self._other
                self._ledger.hold(self, self.kind)
                self.value = self.written = await self._read(self._stateid)
                if self._other in self._early:
                    self._later()
            return b"\0\0\0\0" + opened.value.stateid.other
        finally:
            busy, self._busy = self._busy, None
            busy.set_result(None)

    async def _read(self, stateid: bytes) -> int:
        compound = self._compound("READ")
        sink = memoryview(bytearray(OCTETS))
        result = compound.read(stateid, 0, sink)
        await self.client.session.call(compound)
        assert result.value.place(sink) == OCTETS
        return int.from_bytes(sink, "big")

    async def _write(self, stateid: bytes, value: int) -> None:
        compound = self._compound("WRITE")
        compound.write(stateid, 0, t.FILE_SYNC4, memoryview(value.to_bytes(OCTETS, "big")))
        await self.client.session.call(compound)
        self._ledger.stored = max(self._ledger.stored, value)

    async def _close(self, stateid: bytes) -> None:
        compound = self._compound("CLOSE")
        compound.close(stateid)
        await self.client.session.call(compound)
