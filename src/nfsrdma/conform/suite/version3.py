"""NB and RR of NFSv3 and NFSACL (RFC 8267, Sections 4 and 5)."""

from __future__ import annotations

from typing import Any

from nfsrdma.xdr.nfs3 import sideband
from nfsrdma.xdr.nfs3 import types as t

from .. import nfs3
from ..case import NotApplicable, Severity, case, expect
from ..lab import Lab
from ..nfs import Call
from ..peer import RawPeer
from ..wire import header

_GETACL = 1
_ALL_OF_AN_ACL = 15


class _Files:
    """A directory over NFSv3, on one connection."""

    def __init__(self, lab: Lab, peer: RawPeer, root: bytes) -> None:
        self.lab = lab
        self.peer = peer
        self.root = t.nfs_fh3(root)

    @classmethod
    async def of(cls, lab: Lab) -> _Files:
        """Mount the directory of the URL. Raises ``NotApplicable``."""
        root, peer = await nfs3.root(lab), await lab.peer()
        asked = nfs3.call(lab, t.NFSPROC3_NULL, b"")
        tried = await lab.attempt(peer, header(asked.xid) + asked.whole, asked)
        if tried.body is None:
            raise NotApplicable(f"NFSv3 over RDMA: {tried.how}")
        return cls(lab, peer, root)

    def place(self, name: bytes) -> t.diropargs3:
        """Return a name in the directory, as arguments have it."""
        return t.diropargs3(self.root, name)

    async def ask(self, procedure: int, arguments: Any, result: Any) -> Any:
        """Call inline; return the result, good or bad."""
        asked = nfs3.call(self.lab, procedure, arguments)
        answer = await self.lab.call(self.peer, asked)
        return nfs3.decode(answer.body, asked, result)

    async def create(self) -> tuple[bytes, t.nfs_fh3]:
        """Make a file; return its name and its handle. Raises ``NotApplicable`` if we may not."""
        name = self.lab.file_name()
        how = t.createhow3(t.UNCHECKED, nfs3.attributes(0o600))
        made = await self.ask(t.NFSPROC3_CREATE, t.CREATE3args(self.place(name), how), t.CREATE3res)
        if made.status != t.NFS3_OK:
            raise NotApplicable(f"a file cannot be created by NFSv3: status {made.status}")
        return name, await self.find(name)

    async def find(self, name: bytes) -> t.nfs_fh3:
        """Return the handle of what is there."""
        found = await self.ask(t.NFSPROC3_LOOKUP, t.LOOKUP3args(self.place(name)), t.LOOKUP3res)
        handle: t.nfs_fh3 = nfs3.good(found, "LOOKUP").object
        return handle

    async def remove(self, name: bytes) -> int:
        """Remove a file; return the status."""
        arguments = t.REMOVE3args(self.place(name))
        return int((await self.ask(t.NFSPROC3_REMOVE, arguments, t.REMOVE3res)).status)

    async def reduced(self, asked: Call) -> bytes:
        """Send a call with its one eligible argument in a Read chunk; return the reply."""
        ((position, data),) = asked.payloads
        reads = [(position, part) for part in self.peer.memory.expose(data, (len(data) // 3,))]
        return (await self.lab.call(self.peer, asked, reads=reads, body=asked.reduced)).body


@case("NB3", "RFC 8267, Section 4", Severity.MUST)
async def version_3(lab: Lab) -> str:
    """Move the data of NFSv3's READ and WRITE and the targets of its links by chunks."""
    files = await _Files.of(lab)
    name, file = await files.create()
    data = lab.rng.randbytes(5003)
    asked = nfs3.call(lab, t.NFSPROC3_WRITE, t.WRITE3args(file, 0, len(data), t.FILE_SYNC, data))
    wrote = nfs3.good(nfs3.decode(await files.reduced(asked), asked, t.WRITE3res), "WRITE")
    expect(wrote.count == len(data), f"{wrote.count} octets were written of {len(data)}")
    asked = nfs3.call(lab, t.NFSPROC3_READ, t.READ3args(file, 0, len(data)))
    offer = files.peer.memory.offer(3000, 3000)
    answer = await lab.call(files.peer, asked, writes=[offer])
    read = nfs3.good(nfs3.decode(answer.body, asked, t.READ3res, answer.placed), "READ")
    expect(bytes(read.data) == data, "READ has other octets than were written")
    expect(answer.placed[0] == data, "the data of a READ are not in its Write chunk")
    await _link(lab, files)
    await files.remove(name)
    return f"{len(data)} octets, and a link"


async def _link(lab: Lab, files: _Files) -> None:
    name, target = lab.file_name(), b"/somewhere/" + b"t" * 303
    link = t.symlinkdata3(nfs3.attributes(0o777), target)
    asked = nfs3.call(lab, t.NFSPROC3_SYMLINK, t.SYMLINK3args(files.place(name), link))
    nfs3.good(nfs3.decode(await files.reduced(asked), asked, t.SYMLINK3res), "SYMLINK")
    asked = nfs3.call(lab, t.NFSPROC3_READLINK, t.READLINK3args(await files.find(name)))
    answer = await lab.call(files.peer, asked, writes=[files.peer.memory.offer(1024)])
    found = nfs3.good(nfs3.decode(answer.body, asked, t.READLINK3res, answer.placed), "READLINK")
    expect(bytes(found.data) == target, "the link has another target")
    await files.remove(name)


@case("NB4", "RFC 8267, Section 5.2", Severity.SHOULD)
async def access_lists(lab: Lab) -> str:
    """Reduce nothing of NFSACL: a Write chunk that is offered comes back unused."""
    files = await _Files.of(lab)
    asked = nfs3.call(
        lab,
        _GETACL,
        sideband.GETACL3args(sideband.acl_fh3(files.root.data), _ALL_OF_AN_ACL),
        program=nfs3.ACL_PROGRAM,
    )
    offer, reply = files.peer.memory.offer(2048), files.peer.memory.offer(8192)
    octets = header(asked.xid, writes=[offer.segments], reply=reply.segments) + asked.whole
    tried = await lab.attempt(files.peer, octets, asked, [offer], reply)
    expect(not offer.touched, "the Write chunk was used")
    if tried.body is None:
        raise NotApplicable(f"NFSACL: {tried.how}")
    found = nfs3.decode(tried.body, asked, sideband.GETACL3res)
    if found.status != t.NFS3_OK:
        raise NotApplicable(f"GETACL: status {found.status}")
    return f"{found.value.acl.aclcnt} entries"


@case("RR3", "RFC 8166, Section 4.5.5", Severity.SHOULD)
async def duplicate_requests(lab: Lab) -> str:
    """Repeat the reply of an NFSv3 REMOVE that is sent again over another connection."""
    files = await _Files.of(lab)
    name, _ = await files.create()
    asked = nfs3.call(lab, t.NFSPROC3_REMOVE, t.REMOVE3args(files.place(name)))
    octets = header(asked.xid) + asked.whole
    files.peer.send(octets)
    await files.peer.receive()  # as far as the server knows, nobody saw this
    files.peer.disconnect()
    files.peer = await lab.peer()
    answer = await lab.call(files.peer, asked)
    again = nfs3.decode(answer.body, asked, t.REMOVE3res)
    expect(again.status != t.NFS3ERR_NOENT, "the REMOVE was executed once more")
    nfs3.good(again, "REMOVE, sent again")
    return "from the cache of replies"
