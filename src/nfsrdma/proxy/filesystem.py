"""The back end: each method is an operation of the far server, as the caller."""

from __future__ import annotations

import errno
import stat
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.client.acting import Acting
from nfsrdma.client.attributes import Page, Stat, encode_attributes
from nfsrdma.client.client import Client
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.vfs.interface import (
    EXECUTE,
    NOW,
    READ,
    ROOT,
    WRITE,
    Attributes,
    Changes,
    Entry,
    Eventual,
    FileSystem,
    Job,
    Listing,
    Node,
    OpenFile,
    RangeKeeper,
    Statistics,
    Times,
    User,
    XattrMode,
)
from nfsrdma.server.vfs.posix import failure
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.errors import errno_of

from .far import Acts, answered, attributes_of, node_of
from .file import ProxyFile, open_access
from .ranges import FarRanges

_CALLERS: Final = 1024
"""Callers whose credentials are kept."""
_GROUPS: Final = 16
"""Groups that AUTH_SYS can carry (RFC 5531, Appendix A)."""
_DIRECTORIES: Final = 1024
"""Directories whose cookie verifiers are remembered."""
_PAGES: Final = 64
"""Pages in a row of which nothing can be shown, before a listing is given up."""
_MAX_COOKIE: Final = 1 << 63
_XATTR_MODES: Final = {
    XattrMode.EITHER: t.SETXATTR4_EITHER,
    XattrMode.CREATE: t.SETXATTR4_CREATE,
    XattrMode.REPLACE: t.SETXATTR4_REPLACE,
}
_KINDS: Final = {
    stat.S_IFIFO: t.NF4FIFO,
    stat.S_IFSOCK: t.NF4SOCK,
    stat.S_IFBLK: t.NF4BLK,
    stat.S_IFCHR: t.NF4CHR,
}


class ProxyFileSystem(FileSystem):
    """What a client has mounted; ``root`` are the attributes of its root, with the handle.

    ``acts_as`` is the user that all callers are at the far server, None if each is itself there.
    ``machine`` is this host's name, for its credentials. ``finish`` runs a last coroutine.
    """

    def __init__(
        self,
        client: Client,
        root: Stat,
        *,
        acts_as: int | None,
        has_xattrs: bool,
        machine: bytes,
        finish: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.acts_as = acts_as
        self.has_xattrs = has_xattrs
        self._client = client
        self._fsid = root.fsid
        self._root = node_of(root, root.fsid)
        self._machine = machine
        self._finish = finish
        self._own = Acts(client.session, client)
        self._callers: OrderedDict[User, Acts] = OrderedDict()
        self._verifiers: OrderedDict[bytes, bytes] = OrderedDict()

    def _as(self, who: User) -> Acts:
        """Return what a caller does at the far server."""
        if self.acts_as is not None:
            return self._own
        acts = self._callers.get(who)
        if acts is None:
            names = Credentials.sys(who.uid, who.gid, who.groups[:_GROUPS], self._machine)
            acts = self._callers[who] = Acts(Acting(self._client.session, names), self._client)
            if len(self._callers) > _CALLERS:
                self._callers.popitem(last=False)
        return acts

    # --- Finding ---

    @property
    def root(self) -> Node:
        """The top of what is mounted."""
        return self._root

    def node(self, identity: bytes) -> Eventual[Node]:
        """Return the node of a handle of the far server."""
        return answered(self._node(identity))

    async def _node(self, identity: bytes) -> Node:
        if not identity:
            raise failure(errno.EINVAL)
        status = await self._own.by_handle.getattr(identity)
        status.handle = identity
        return node_of(status, self._fsid)

    def lookup(self, directory: Node, name: bytes, who: User) -> Eventual[Node]:
        """Look an entry up."""
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        return answered(self._lookup(directory, name, who))

    async def _lookup(self, directory: Node, name: bytes, who: User) -> Node:
        status = await self._as(who).by_handle.lookup(directory.identity, name)
        return node_of(status, self._fsid)

    def parent(self, directory: Node, who: User) -> Eventual[Node]:
        """Return the directory above; nothing is above the root."""
        if directory.identity == self._root.identity:
            raise failure(errno.ENOENT)
        return answered(self._parent(directory, who))

    async def _parent(self, directory: Node, who: User) -> Node:
        status = await self._as(who).by_handle.lookup_parent(directory.identity)
        return node_of(status, self._fsid)

    # --- Looking ---

    def attributes(self, node: Node, birth: bool = False) -> Eventual[Attributes]:
        """Return the attributes, as the proxy's own user: they are asked for without a caller."""
        return answered(self._attributes(node))

    async def _attributes(self, node: Node) -> Attributes:
        return attributes_of(await self._own.by_handle.getattr(node.identity))

    def permitted(self, node: Node, who: User, mask: int) -> Eventual[int]:
        """Ask the far server what a user may (ACCESS: RFC 8881, Section 18.1)."""
        return answered(self._permitted(node, who, mask))

    async def _permitted(self, node: Node, who: User, mask: int) -> int:
        run = t.ACCESS4_LOOKUP if node.is_directory else t.ACCESS4_EXECUTE
        bits = {READ: t.ACCESS4_READ, WRITE: t.ACCESS4_MODIFY | t.ACCESS4_EXTEND, EXECUTE: run}
        asked = sum(bits[each] for each in bits if mask & each)
        if not asked:
            return 0
        granted = (await self._as(who).by_handle.access(node.identity, asked)).access
        return sum(each for each in bits if mask & each and granted & bits[each] == bits[each])

    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Eventual[Listing]:
        """List entries; what is in other file systems of the far server is left out."""
        if cookie >= _MAX_COOKIE:
            return Listing([], True)
        return answered(self._entries(directory.identity, cookie, who, most))

    async def _entries(self, directory: bytes, cookie: int, who: User, most: int) -> Listing:
        by_handle = self._as(who).by_handle
        for _ in range(_PAGES):
            verifier = self._verifiers.get(directory, bytes(8)) if cookie else bytes(8)
            page = await by_handle.page(directory, cookie, verifier)
            self._remember(directory, page.verifier)
            listed = self._listed(page)
            if listed or page.end:
                return Listing(listed[:most], page.end and len(listed) <= most)
            if not page.entries:
                break
            cookie = page.cookie
        # Cookies may be any numbers, so that a listing goes round is seen by its length alone.
        raise failure(errno.EIO)

    def _listed(self, page: Page) -> list[Entry]:
        listed = []
        for (name, status), cookie in zip(page.entries, page.cookies, strict=True):
            if not 3 <= cookie < _MAX_COOKIE:
                raise failure(errno.EIO)
            if isinstance(status, int):
                listed.append(Entry(cookie, name, failure(errno_of(status))))
                continue
            try:
                found = attributes_of(status), node_of(status, self._fsid).identity
            except OSError as error:
                if error.errno != errno.EXDEV:
                    listed.append(Entry(cookie, name, error))
                continue
            listed.append(Entry(cookie, name, found))
        return listed

    def _remember(self, directory: bytes, verifier: bytes) -> None:
        self._verifiers[directory] = verifier
        self._verifiers.move_to_end(directory)
        if len(self._verifiers) > _DIRECTORIES:
            self._verifiers.popitem(last=False)

    def readlink(self, node: Node, who: User) -> Eventual[bytes]:
        """Return the target of a symbolic link."""
        return answered(self._as(who).by_handle.readlink(node.identity))

    def statistics(self) -> Eventual[Statistics]:
        """Return the room that there is."""
        return answered(self._statistics())

    async def _statistics(self) -> Statistics:
        room = await self._own.by_handle.statfs(self._root.identity)
        unit = room.f_frsize
        spaces = room.f_blocks * unit, room.f_bfree * unit, room.f_bavail * unit
        return Statistics(*spaces, room.f_files, room.f_ffree, room.f_favail)

    # --- Opening ---

    def open(
        self, node: Node, who: User, access: int, *, override: bool = False
    ) -> Eventual[OpenFile]:
        """Open a file; whether its owner always may is the far server's rule."""
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        return answered(self._open(node, who, access))

    async def _open(self, node: Node, who: User, access: int) -> OpenFile:
        # The server opens a file as root to commit it: with rights that the proxy really has.
        acts = self._own if who == ROOT else self._as(who)
        wanted = open_access(bool(access & READ), bool(access & WRITE))
        opening = await acts.by_open.open_handle(node.identity, wanted)
        return ProxyFile(acts, self._client, opening.opened)

    def create(
        self,
        directory: Node,
        name: bytes,
        who: User,
        mode: int,
        access: int,
        times: Times | None = None,
    ) -> Eventual[tuple[Node, OpenFile]]:
        """Make a regular file and open it."""
        atime, mtime = times or (None, None)
        given = encode_attributes(mode=mode, atime_ns=atime, mtime_ns=mtime)
        return answered(self._create(directory, name, who, given, access))

    async def _create(
        self, directory: Node, name: bytes, who: User, given: t.fattr4, access: int
    ) -> tuple[Node, OpenFile]:
        acts = self._as(who)
        guarded = t.createhow4(t.GUARDED4, given)
        how = t.openflag4(t.OPEN4_CREATE, guarded)
        wanted = open_access(bool(access & READ), bool(access & WRITE))
        opening = await acts.by_open.open(directory.identity, name, wanted, how)
        file = ProxyFile(acts, self._client, opening.opened)
        try:
            return node_of(opening.status, self._fsid), file
        except BaseException:
            file.close()
            raise

    # --- Changing ---

    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Eventual[Job | None]:
        """Set attributes."""
        return answered(self._change(node, who, changes, via))

    async def _change(self, node: Node, who: User, changes: Changes, via: OpenFile | None) -> None:
        atime, mtime = changes.atime_ns, changes.mtime_ns
        wanted = encode_attributes(
            size=changes.size,
            mode=changes.mode,
            uid=changes.uid,
            gid=changes.gid,
            atime_ns=None if atime == NOW else atime,
            mtime_ns=None if mtime == NOW else mtime,
            atime_now=atime == NOW,
            mtime_now=mtime == NOW,
        )
        acts = self._as(who)
        if isinstance(via, ProxyFile):
            await acts.by_open.setattr(via.opened, wanted)
        else:
            await acts.by_handle.setattr(node.identity, wanted)

    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> Eventual[Node]:
        """Make a directory."""
        return answered(self._make(directory, name, who, t.createtype4(t.NF4DIR), mode))

    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> Eventual[Node]:
        """Make a symbolic link."""
        return answered(self._make(directory, name, who, t.createtype4(t.NF4LNK, target), 0o777))

    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> Eventual[Node]:
        """Make a fifo, a socket or a device."""
        kind = _KINDS[stat.S_IFMT(mode)]
        device = t.specdata4(*rdev) if kind in (t.NF4BLK, t.NF4CHR) else None
        made = t.createtype4(kind, device)
        return answered(self._make(directory, name, who, made, stat.S_IMODE(mode)))

    async def _make(
        self, directory: Node, name: bytes, who: User, kind: t.createtype4, mode: int
    ) -> Node:
        wanted = encode_attributes(mode=mode)
        made = await self._as(who).by_handle.create(directory.identity, name, kind, wanted)
        return node_of(made.status, self._fsid)

    def link(self, node: Node, directory: Node, name: bytes, who: User) -> Eventual[None]:
        """Give a node another name."""
        return answered(self._link(node, directory, name, who))

    async def _link(self, node: Node, directory: Node, name: bytes, who: User) -> None:
        if node.is_directory:
            raise failure(errno.EPERM)
        await self._as(who).by_handle.link(node.identity, directory.identity, name)

    def remove(self, directory: Node, name: bytes, who: User) -> Eventual[None]:
        """Remove an entry."""
        return answered(self._remove(directory, name, who))

    async def _remove(self, directory: Node, name: bytes, who: User) -> None:
        await self._as(who).by_handle.remove(directory.identity, name)

    def rename(
        self, source: Node, old: bytes, target: Node, new: bytes, who: User
    ) -> Eventual[None]:
        """Move an entry."""
        return answered(self._rename(source, old, target, new, who))

    async def _rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> None:
        await self._as(who).by_handle.rename(source.identity, old, target.identity, new)

    # --- Extended attributes ---

    def get_xattr(self, node: Node, who: User, name: bytes) -> Eventual[bytes]:
        """Return the value of an extended attribute."""
        return answered(self._as(who).by_handle.getxattr(node.identity, name))

    def set_xattr(
        self, node: Node, who: User, name: bytes, value: bytes, mode: XattrMode
    ) -> Eventual[None]:
        """Set an extended attribute."""
        return answered(self._set_xattr(node, who, name, value, mode))

    async def _set_xattr(
        self, node: Node, who: User, name: bytes, value: bytes, mode: XattrMode
    ) -> None:
        option = _XATTR_MODES[mode]
        await self._as(who).by_handle.setxattr(node.identity, name, value, option)

    def list_xattrs(self, node: Node, who: User) -> Eventual[list[bytes]]:
        """Return the names of all extended attributes."""
        return answered(self._as(who).by_handle.listxattrs(node.identity))

    def remove_xattr(self, node: Node, who: User, name: bytes) -> Eventual[None]:
        """Remove an extended attribute."""
        return answered(self._remove_xattr(node, who, name))

    async def _remove_xattr(self, node: Node, who: User, name: bytes) -> None:
        await self._as(who).by_handle.removexattr(node.identity, name)

    # --- Byte-range locks ---

    keeps_ranges = True
    reclaims_ranges = False

    def keep_ranges(self, node: Node, who: User, access: int) -> Eventual[RangeKeeper]:
        """Return what keeps ranges of a file off from the far server's other clients."""
        return answered(self._keep_ranges(node, who, access))

    async def _keep_ranges(self, node: Node, who: User, access: int) -> RangeKeeper:
        acts = self._own if who == ROOT else self._as(who)
        wanted = open_access(bool(access & READ), bool(access & WRITE))
        opening = await acts.by_open.open_handle(node.identity, wanted)
        return FarRanges(acts, opening.opened, access)

    # --- Life ---

    def close(self) -> None:
        """End the session with the far server."""
        self._finish(self._client.unmount())
