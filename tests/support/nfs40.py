"""A client of minor version 0, on the peers of ``nfs``: it counts for its owners.

client = Client40(Peer(make_server()))
stateid, handle = client.create(b"a")
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.nfs import GETFH, PUTROOTFH, Op, Peer, Reply, putfh

from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4
from nfsrdma.xdr.nfs4.errors import name_of

NOWHERE = t.cb_client4(0, t.netaddr4(b"", b""))
BOTH = t.OPEN4_SHARE_ACCESS_BOTH


def setclientid(name: bytes, verifier: bytes = b"verifier", callback: t.cb_client4 = NOWHERE) -> Op:
    return t.OP_SETCLIENTID, t.SETCLIENTID4args(t.nfs_client_id4(verifier, name), callback, 1)


def setclientid_confirm(client_id: int, confirm: bytes) -> Op:
    return t.OP_SETCLIENTID_CONFIRM, t.SETCLIENTID_CONFIRM4args(client_id, confirm)


def renew(client_id: int) -> Op:
    return t.OP_RENEW, t.RENEW4args(client_id)


def open_confirm(stateid: t.stateid4, seqid: int) -> Op:
    return t.OP_OPEN_CONFIRM, t.OPEN_CONFIRM4args(stateid, seqid)


def close(stateid: t.stateid4, seqid: int) -> Op:
    return t.OP_CLOSE, t.CLOSE4args(seqid, stateid)


def open_downgrade(stateid: t.stateid4, seqid: int, access: int, deny: int = 0) -> Op:
    return t.OP_OPEN_DOWNGRADE, t.OPEN_DOWNGRADE4args(stateid, seqid, access, deny)


def locku(stateid: t.stateid4, seqid: int, offset: int = 0, length: int = 10) -> Op:
    return t.OP_LOCKU, t.LOCKU4args(t.WRITE_LT, seqid, stateid, offset, length)


def lock(stateid: t.stateid4, seqid: int, offset: int = 0, length: int = 10) -> Op:
    locker = t.locker4(False, t.exist_lock_owner4(stateid, seqid))
    return t.OP_LOCK, t.LOCK4args(t.WRITE_LT, False, offset, length, locker)


class Client40:
    """A confirmed client: what it sends has new XIDs, and the next numbers of its owners."""

    xid = 100

    def __init__(self, peer: Peer, name: bytes = b"client", verifier: bytes = b"verifier") -> None:
        self.peer = peer
        self.name = name
        self.seqids: Counter[bytes] = Counter()
        self.id, confirm = self.introduce(verifier)
        self.ok(setclientid_confirm(self.id, confirm))

    def introduce(self, verifier: bytes, **how: Any) -> tuple[int, bytes]:
        """What SETCLIENTID answers: the client's number, and what confirms it."""
        result = self.ok(setclientid(self.name, verifier, **how))[0]
        return result.clientid, result.setclientid_confirm

    def run(self, *ops: Op, **how: Any) -> Reply:
        """Send a compound with an XID of its own."""
        Client40.xid += 1
        return self.peer.call(*ops, minor=0, **{"xid": Client40.xid, **how})

    def ok(self, *ops: Op, **how: Any) -> Reply:
        """The same; it has to succeed."""
        reply = self.run(*ops, **how)
        assert reply.status == t.NFS4_OK, reply
        return reply

    def fails(self, status: int, *ops: Op, **how: Any) -> Reply:
        """The same; the last of the results has to be that failure."""
        reply = self.run(*ops, **how)
        assert name_of(reply.status) == name_of(status), reply
        return reply

    def next(self, owner: bytes) -> int:
        """The next number of an owner."""
        self.seqids[owner] += 1
        return self.seqids[owner]

    def open_(
        self,
        name: bytes,
        *,
        owner: bytes = b"owner",
        seqid: int | None = None,
        create: int | None = t.UNCHECKED4,
        access: int = BOTH,
        deny: int = 0,
        claim: t.open_claim4 | None = None,
    ) -> Op:
        """OPEN by name, creating the file."""
        how = t.openflag4(t.OPEN4_NOCREATE)
        if create is not None:
            how = t.openflag4(t.OPEN4_CREATE, t.createhow4(create, encode_fattr4({})))
        claim = claim or t.open_claim4(t.CLAIM_NULL, name)
        number = self.next(owner) if seqid is None else seqid
        whose = t.open_owner4(self.id, owner)
        return t.OP_OPEN, t.OPEN4args(number, access, deny, whose, how, claim)

    def create(self, name: bytes, owner: bytes = b"owner", **how: Any) -> tuple[t.stateid4, bytes]:
        """Create a file and leave it open, confirmed if need be: its stateid and handle."""
        reply = self.ok(PUTROOTFH, self.open_(name, owner=owner, **how), GETFH)
        result, handle = reply[1], bytes(reply[2].object)
        stateid: t.stateid4 = result.stateid
        if result.rflags & t.OPEN4_RESULT_CONFIRM:
            confirmed = self.ok(putfh(handle), open_confirm(stateid, self.next(owner)))
            stateid = confirmed[1].open_stateid
        return stateid, handle

    def first_lock(
        self,
        stateid: t.stateid4,
        *,
        owner: bytes = b"owner",
        locker: bytes = b"locker",
        seqid: int | None = None,
        lock_seqid: int = 1,
        offset: int = 0,
        length: int = 10,
    ) -> Op:
        """LOCK of a lock-owner that is new to the file."""
        number = self.next(owner) if seqid is None else seqid
        whose = t.lock_owner4(self.id, locker)
        opening = t.open_to_lock_owner4(number, stateid, lock_seqid, whose)
        return t.OP_LOCK, t.LOCK4args(t.WRITE_LT, False, offset, length, t.locker4(True, opening))

    def release_lockowner(self, locker: bytes = b"locker") -> Op:
        owner = t.lock_owner4(self.id, locker)
        return t.OP_RELEASE_LOCKOWNER, t.RELEASE_LOCKOWNER4args(owner)
