"""A directory of this machine as a file system to export.

Nothing outside the directory can be reached. A name is looked up alone, never a path, relative to
a descriptor of the directory that holds it, with no link followed and no mount crossed (what is
mounted below an export is invisible: ``junctions`` makes exports of it). Objects are held by
``O_PATH`` descriptors, so that what a name comes to mean later makes no difference; ``..`` is taken
only below the root, and what it led to is checked to lie below the root as well. A directory that
is moved out of the export meanwhile is found out within a second of its use.

Descriptors are a cache with a bound (see ``descriptors``). A node without one is opened again by
its identity (see ``handles``). Files that a client has open keep theirs, and so stay usable when
unlinked.

Every access that depends on rights is made as the caller (see ``identity``) if the server is
root, else as the server's user.

What is known of the export is kept by the server's thread alone. The system calls are made by
``local_calls`` where ``pace`` sees fit: methods that may have to wait are coroutines, which run to
their end at once unless they do wait. A descriptor of the cache is good until a coroutine waits,
so it is fetched again for each call.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final, TypeVar

from ..waiting import started
from . import cookies, local_acls, local_xattrs, syscalls
from .below import Below
from .descriptors import SHARED, Budget, DescriptorCache
from .entries import at_hand
from .handles import Handles, InodeHandles, KernelHandles
from .heavy import Heavy
from .identity import Identity
from .interface import (
    ROOT,
    Attributes,
    Changes,
    Entry,
    Eventual,
    Executor,
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
from .limits import largest_file, largest_size
from .local_attributes import Stamps, node_of, set_times
from .local_calls import Calls, readlink, status_of
from .local_copies import CopyCalls, clone_block
from .local_file import LocalFile, sync_all_job, sync_job
from .local_nodes import Nodes
from .local_ranges import LocalRanges
from .pace import NOT_NOW, Medium, Pace, medium_of
from .posix import failure
from .posix_acl import Acls
from .syscalls import descriptor_path

MAX_IDENTITY: Final = 110
"""The longest identity, in octets, that fits a file handle with what the export adds to it."""

R = TypeVar("R")


class LocalFileSystem(FileSystem):
    """See the module's docstring. Raises OSError if ``path`` is no directory that can be opened.

    ``descriptors`` bounds the ``O_PATH`` descriptors kept for speed, besides the ``budget`` of all
    exports. ``kernel_handles`` false forces the handles of ordinary users; None takes what works.
    ``medium`` is what is behind the files; None finds it out. ``clock`` gives seconds.
    """

    keeps_ranges = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        identity: Identity | None = None,
        descriptors: int | None = None,
        kernel_handles: bool | None = None,
        budget: Budget = SHARED,
        medium: Medium | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        acting = identity or Identity()
        self.budget = budget
        self._clock = clock
        self._root_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.heavy = Heavy()
        self._below = Below(self._root_fd, clock)
        self.stamps = Stamps()
        self.acts_as = None if acting.privileged else os.geteuid()
        self.calls = Calls(os.fstat(self._root_fd).st_dev, acting, self._below, self.heavy)
        self.late_modes = self.calls.late_modes
        self.copies = CopyCalls(acting)
        self.pace = Pace(medium or medium_of(self._root_fd), budget, self.heavy.close, clock)
        cache = self._cache = DescriptorCache(budget, descriptors)
        self.nodes = Nodes(cache, self._below, self.calls, self.pace, self.heavy, clock)
        self._xattrs = local_xattrs.Xattrs(
            acting, self.calls, self.nodes, self.pace, self.heavy, self._changed
        )
        self._acls = local_acls.LocalAcls(acting, self.nodes, self.pace, self.heavy, self._changed)
        self.in_memory = self.pace.medium is Medium.MEMORY
        """Nothing in it is ever durable, or needs to be."""
        try:
            self._handles = self.calls.handles = self._choose_handles(kernel_handles)
            self._root = self.nodes.adopt(self.calls.found(os.dup(self._root_fd), b"", b""), b"")
            self.max_name = os.fpathconf(self._root_fd, "PC_NAME_MAX")
            self.max_link = os.fpathconf(self._root_fd, "PC_LINK_MAX")
            size = largest_file(self._root_fd)
            self._size_known = size is not None
            if size is not None:
                self.max_file_size = size
            self.calls.max_file_size = self.max_file_size
            self.clone_block = clone_block(self._root_fd)
            self.has_xattrs = local_xattrs.are_supported(self._root_fd)
            self.max_xattr_name = local_xattrs.MAX_NAME
            self.has_acls = self.calls.has_acls = local_acls.are_supported(self._root_fd)
            self.has_birth_time = syscalls.birth_time(self._root_fd) >= 0
        except BaseException:
            self.close()
            raise

    def _choose_handles(self, kernel: bool | None) -> Handles:
        if kernel is not False:
            try:
                return KernelHandles(self._root_fd, MAX_IDENTITY)
            except OSError:
                if kernel:
                    raise
        return InodeHandles(self._root_fd, self.calls.open_entry, self._clock)

    @property
    def handle_scheme(self) -> str:
        """``"kernel"`` or ``"inode"``: how file handles are made."""
        return "kernel" if isinstance(self._handles, KernelHandles) else "inode"

    def hide(self, path: str | os.PathLike[str]) -> None:
        """Have clients find nothing in the place of a directory, now and when it is moved."""
        self._below.hide(path)

    def show_mount(self, directory: Node, name: bytes) -> None:
        """List an entry on which something is mounted, which is for the caller to look at.

        The listing has EXDEV in the place of attributes.
        """
        self.calls.mounts.add((directory.identity, name))

    def path_now(self) -> str:
        """Return where the root is in this machine's tree."""
        return os.readlink(os.fsdecode(descriptor_path(self._root_fd)))

    def path_at_hand(self, node: Node) -> bytes | None:
        """Return the path of a node below the root, if there is a descriptor that leads to it."""
        fd = self.nodes.fd_of(node.identity)
        if fd is None:
            return None
        with suppress(OSError):
            path, root = (
                os.readlink(descriptor_path(fd)),
                os.readlink(descriptor_path(self._root_fd)),
            )
            if path == root:
                return b""
            top = root.rstrip(b"/") + b"/"
            return path[len(top) :] if path.startswith(top) else None
        return None

    @property
    def number(self) -> bytes:
        """What tells the file system from others, restarts of the machine included if it can."""
        return os.fstatvfs(self._root_fd).f_fsid.to_bytes(8, "big")

    @property
    def late_times(self) -> bool:  # type: ignore[override]
        """Whether a file that is created with times may get them after its name."""
        return self.calls.late_times

    @property
    def is_visible(self) -> bool:
        """Whether the export's root is neither hidden nor in a directory that is."""
        return self._below.is_visible()

    # --- What FileSystem asks for ---

    @property
    def root(self) -> Node:
        """The top of the tree."""
        return self._root

    def node(self, identity: bytes) -> Eventual[Node]:
        """Return the node of an identity."""
        return started(self._node(identity))

    async def _node(self, identity: bytes) -> Node:
        fd = self.nodes.fd_of(identity)
        if fd is None:
            found = await self.nodes.find(identity)
            return node_of(identity, found.status)
        return node_of(identity, await self.pace.quick(os.fstat, fd))

    def attributes(self, node: Node, birth: bool = False) -> Eventual[Attributes]:
        """Return the node's attributes now."""
        fd = self.nodes.at_hand(node)
        if fd is None or self.pace.any_may_block:
            return started(self._attributes(node, birth))
        return self._attributes_by(node, os.fstat(fd), syscalls.birth_time(fd) if birth else -1)

    def attributes_at_once(self, node: Node, birth: bool = False) -> Attributes | None:
        """Return the node's attributes if its descriptor is at hand."""
        if not birth and not self.pace.any_may_block:
            found = at_hand(self._cache, self.stamps, node, Attributes)
            if found is not None:
                return found
        fd = self.nodes.at_hand(node)
        if fd is None or self.pace.any_may_block:
            return None
        return self._attributes_by(node, os.fstat(fd), syscalls.birth_time(fd) if birth else -1)

    async def _attributes(self, node: Node, birth: bool) -> Attributes:
        (fd,) = await self.nodes.reach(node)
        status, born = await self.pace.quick(status_of, fd)
        return self._attributes_by(node, status, born if birth else -1)

    def _attributes_by(self, node: Node, status: os.stat_result, born: int) -> Attributes:
        identity = node.identity
        if status.st_nlink == 0 and not self.nodes.is_open(node):
            self.nodes.drop(identity)
            raise failure(errno.ESTALE)
        result = self.stamps.attributes(identity, status)
        result.btime_ns = born
        return result

    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Eventual[Job | None]:
        """Set attributes."""
        return started(self._change(node, who, changes, via))

    async def _change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None
    ) -> Job | None:
        self.heavy.require_idle(node.identity)
        if isinstance(via, LocalFile):
            with via.held() as writer:
                left = await self._change_by(node, who, changes, writer)
        else:
            left = await self._change_by(node, who, changes, -1)
        try:
            await self._changed(node)
        except BaseException:
            if left >= 0:
                os.close(left)
            raise
        size = changes.size
        if left < 0 or size is None:
            return None

        def truncate(fd: int) -> None:
            os.ftruncate(fd, size)
            set_times(descriptor_path(fd), changes)

        return self.heavy.job(node.identity, left, truncate)

    async def _change_by(self, node: Node, who: User, changes: Changes, writer: int) -> int:
        (fd,) = await self.nodes.reach(node)
        return await self.pace.quick(
            partial(self.calls.change, node=node, who=who, changes=changes, via=writer), fd
        )

    def permitted(self, node: Node, who: User, mask: int) -> Eventual[int]:
        """Return what a user is granted of a mask."""
        granted = self.permitted_at_once(node, who, mask)
        return started(self._permitted(node, who, mask)) if granted is None else granted

    def permitted_at_once(self, node: Node, who: User, mask: int) -> int | None:
        """Return what a user is granted of a mask if the node's descriptor is at hand."""
        fd = self.nodes.at_hand(node)
        if fd is None or self.pace.any_may_block:
            return None
        return self.calls.permitted(fd, who, mask)

    async def _permitted(self, node: Node, who: User, mask: int) -> int:
        (fd,) = await self.nodes.reach(node)
        return await self.pace.quick(partial(self.calls.permitted, who=who, mask=mask), fd)

    def lookup(self, directory: Node, name: bytes, who: User) -> Eventual[Node]:
        """Look an entry up."""
        found = self.lookup_at_once(directory, name, who)
        return started(self._lookup(directory, name, who)) if found is None else found

    def lookup_at_once(self, directory: Node, name: bytes, who: User) -> Node | None:
        """Look an entry up if the kernel has it, and the directory's descriptor is at hand."""
        parent, pace, above = self.nodes.at_hand(directory), self.pace, directory.identity
        if parent is None or pace.any_may_block:
            return None
        try:
            found = self.calls.lookup(parent, above, name, who, pace.blocks)
        except OSError as error:
            if error.errno not in NOT_NOW:
                raise
            return None
        return self.nodes.adopt(found, above)

    async def _lookup(self, directory: Node, name: bytes, who: User) -> Node:
        (parent,) = await self.nodes.reach(directory)
        above = directory.identity
        look = partial(self.calls.lookup, above=above, name=name, who=who)
        return self.nodes.adopt(await self.pace.slow(look, parent), above)

    def parent(self, directory: Node, who: User) -> Eventual[Node]:
        """Return the directory above."""
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        return started(self._parent(directory, who))

    async def _parent(self, directory: Node, who: User) -> Node:
        (below,) = await self.nodes.reach(directory)
        return self.nodes.adopt(
            await self.pace.quick(partial(self.calls.parent, who=who), below), b""
        )

    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Eventual[Listing]:
        """List entries of a directory."""
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        return started(self._entries(directory, cookie, who, most, birth))

    async def _entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool
    ) -> Listing:
        (parent,) = await self.nodes.reach(directory)
        above, place = directory.identity, (directory.identity, cookie)
        pace = self.pace
        position = cookies.to_position(cookie) if cookie else 0
        look = partial(
            self.calls.entries, above=above, position=position, who=who, most=most, birth=birth
        )
        looked, at_end = await (pace.quick if pace.is_quick(place) else pace.slow)(look, parent)
        pace.done(place)
        change, from_position = self.stamps.change, cookies.from_position
        listed: list[Entry] = []
        for position, name, found in looked:
            cookie = from_position(position)
            if isinstance(found, int):
                listed.append(Entry(cookie, name, failure(found)))
                continue
            attributes, identity = found
            attributes.change = change(identity, attributes.ctime_ns)
            listed.append(Entry(cookie, name, found))
        return Listing(listed, at_end)

    def readlink(self, node: Node, who: User) -> Eventual[bytes]:
        """Return the target of a symbolic link."""
        if node.type != stat.S_IFLNK:
            raise failure(errno.EINVAL)
        fd = self.nodes.at_hand(node)
        if fd is None or not self.pace.is_quick(node.identity):
            return started(self._readlink(node))
        return self.pace.here(readlink, fd)

    async def _readlink(self, node: Node) -> bytes:
        (fd,) = await self.nodes.reach(node)
        target = await self.pace.slow(readlink, fd)
        self.pace.done(node.identity)
        return target

    def open(
        self, node: Node, who: User, access: int, *, override: bool = False
    ) -> Eventual[OpenFile]:
        """Open a regular file."""
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        self.budget.admit()
        path = self.nodes.at_hand(node)
        if path is None or self.pace.any_may_block:
            return started(self._open(node, who, access, override))
        return self._opened(
            node, who, self.pace.here(self.calls.open_inode, path, who, access, override)
        )

    async def _open(self, node: Node, who: User, access: int, override: bool) -> OpenFile:
        (path,) = await self.nodes.reach(node)
        work = partial(self.calls.open_inode, who=who, access=access, override=override)
        return self._opened(node, who, await self.pace.quick(work, path))

    def _opened(self, node: Node, who: User, fd: int) -> LocalFile:
        self._learn_size(fd)
        return LocalFile(self, node, who, fd)

    def _learn_size(self, fd: int) -> None:
        """Ask the first file that is opened, where the file system would not tell before."""
        if not self._size_known:
            self.max_file_size, self._size_known = largest_size(fd), True
            self.calls.max_file_size = self.max_file_size

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
        self.budget.admit()
        if times is None:
            work = partial(self.calls.create, name=name, who=who, mode=mode, access=access)
        else:
            work = partial(
                self.calls.create_at, name=name, who=who, mode=mode, access=access, times=times
            )
        return started(self._create(directory, name, who, work))

    async def _create(
        self, directory: Node, name: bytes, who: User, work: Callable[[int], int]
    ) -> tuple[Node, OpenFile]:
        fd = await self._alter(work, directory)
        try:
            self._learn_size(fd)
            await self._changed(directory)
            above = directory.identity
            # The descriptor is ours, so it stays open meanwhile.
            find = partial(self.calls.found_open, fd, above, name)
            node = self.nodes.adopt(await self.pace.quick(find), above)
            return node, LocalFile(self, node, who, fd)
        except BaseException:
            self.heavy.close(fd)
            raise

    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> Eventual[Node]:
        """Make a directory."""
        work = partial(self.calls.mkdir, name=name, who=who, mode=mode)
        return started(self._make(work, directory, name, who, mode))

    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> Eventual[Node]:
        """Make a symbolic link."""
        work = partial(self.calls.symlink, name=name, who=who, target=target)
        return started(self._make(work, directory, name, who, None))

    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> Eventual[Node]:
        """Make a fifo, a socket or a device."""
        device = os.makedev(*rdev)
        work = partial(self.calls.mknod, name=name, who=who, mode=mode, device=device)
        return started(self._make(work, directory, name, who, stat.S_IMODE(mode)))

    async def _make(
        self,
        work: Callable[[int], None],
        directory: Node,
        name: bytes,
        who: User,
        mode: int | None,
    ) -> Node:
        """Make an entry, whose mode is then corrected for the process's file mask."""
        await self._alter(work, directory)
        await self._changed(directory)
        (parent,) = await self.nodes.reach(directory)
        above = directory.identity
        find = partial(self.calls.made, above=above, name=name, who=who, mode=mode)
        return self.nodes.adopt(await self.pace.quick(find, parent), above)

    def link(self, node: Node, directory: Node, name: bytes, who: User) -> Eventual[None]:
        """Give a node another name."""
        if node.is_directory:
            raise failure(errno.EPERM)
        self.heavy.require_idle(node.identity)
        return started(self._link(node, directory, name, who))

    async def _link(self, node: Node, directory: Node, name: bytes, who: User) -> None:
        await self._alter(partial(self.calls.link, name=name, who=who), node, directory)
        await self._changed(node)
        await self._changed(directory)

    def remove(self, directory: Node, name: bytes, who: User) -> Eventual[None]:
        """Remove an entry."""
        return started(self._remove(directory, name, who))

    async def _remove(self, directory: Node, name: bytes, who: User) -> None:
        work = partial(self.calls.remove, above=directory.identity, name=name, who=who)
        removed = await self._alter(work, directory)
        try:
            await self._changed(directory)
            await self.nodes.drop_if_dead(removed.identity)
        finally:
            if removed.held >= 0:
                self.heavy.close(removed.held)

    def rename(
        self, source: Node, old: bytes, target: Node, new: bytes, who: User
    ) -> Eventual[None]:
        """Move an entry."""
        return started(self._rename(source, old, target, new, who))

    async def _rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> None:
        names = source.identity, old, target.identity, new
        renamed = await self._alter(
            partial(self.calls.rename, names=names, who=who), source, target
        )
        try:
            if renamed.moved is not None and renamed.moved == renamed.victim:
                return  # Both names are of one file, and the kernel did nothing.
            if renamed.moved is not None:
                self._handles.moved(renamed.moved, target.identity, new)
            await self._changed(source)
            await self._changed(target)
            await self.nodes.drop_if_dead(renamed.victim)
        finally:
            if renamed.held >= 0:
                self.heavy.close(renamed.held)

    def statistics(self) -> Eventual[Statistics]:
        """Return the room that there is."""
        if self.pace.any_may_block:
            return started(self._statistics())
        return _statistics_of(os.fstatvfs(self._root_fd))

    async def _statistics(self) -> Statistics:
        return _statistics_of(await self.pace.quick(os.fstatvfs, self._root_fd))

    def get_xattr(self, node: Node, who: User, name: bytes) -> Eventual[bytes]:
        """Return the value of an extended attribute."""
        return started(self._xattrs.get(node, who, name))

    def set_xattr(
        self, node: Node, who: User, name: bytes, value: bytes, mode: XattrMode
    ) -> Eventual[None]:
        """Set an extended attribute."""
        return started(self._xattrs.set(node, who, name, value, mode))

    def list_xattrs(self, node: Node, who: User) -> Eventual[list[bytes]]:
        """Return the names of all extended attributes."""
        return started(self._xattrs.names(node, who))

    def remove_xattr(self, node: Node, who: User, name: bytes) -> Eventual[None]:
        """Remove an extended attribute."""
        return started(self._xattrs.remove(node, who, name))

    def acls(self, node: Node) -> Eventual[Acls]:
        """Return the access control lists of a node."""
        return started(self._acls.get(node))

    def set_acls(self, node: Node, who: User, acls: Acls) -> Eventual[None]:
        """Replace the access control lists of a node."""
        return started(self._acls.set(node, who, acls))

    def keep_ranges(self, node: Node, who: User, access: int) -> Eventual[RangeKeeper]:
        """Return what keeps ranges of a file, opened by the server's own rights."""
        self.budget.admit()
        return started(self._keep_ranges(node, access))

    async def _keep_ranges(self, node: Node, access: int) -> RangeKeeper:
        (path,) = await self.nodes.reach(node)
        work = partial(self.calls.open_inode, who=ROOT, access=access, override=False)
        fd = await self.pace.quick(work, path)
        return LocalRanges(fd, access, self.pace, self.budget, self.heavy.close)

    def sync(self, node: Node) -> Eventual[Job | None]:
        """Return the job that makes a node durable."""
        if self.in_memory:
            return None
        opened = self.nodes.opened(node)
        if opened is not None:
            return sync_job(self.budget.opened(os.dup, opened), metadata=True)
        return started(self._sync(node))

    async def _sync(self, node: Node) -> Job:
        (fd,) = await self.nodes.reach(node)
        open_it = partial(self.calls.open_to_sync, node=node)
        opened = await self.pace.quick(open_it, fd)
        if opened >= 0:
            return sync_job(opened, metadata=True)
        return sync_all_job(self.budget.opened(os.dup, self._root_fd))

    def attach(self, executor: Executor) -> None:
        """Make calls that may block on the executor."""
        self.pace.attach(executor)
        self.heavy.aside = executor.background
        self.heavy.always = self.pace.any_may_block

    def sweep(self) -> None:
        """Close what was not used lately."""
        self.nodes.sweep()

    def close(self) -> None:
        """Release what is held."""
        self.nodes.close()
        root, self._root_fd = self._root_fd, -1
        if root >= 0:
            # Handles are opened by it.
            self.pace.finish(partial(os.close, root))

    # --- Changing directories ---

    async def _alter(self, work: Callable[..., R], *nodes: Node) -> R:
        """Make a call that changes the last of some nodes, a directory."""
        fds = await self.nodes.reach(*nodes)
        directory = nodes[-1].identity
        # What was changed a moment ago is in memory, by and large.
        pace = self.pace
        result = await (pace.quick if pace.is_quick(directory) else pace.slow)(work, *fds)
        pace.done(directory)
        return result

    async def _changed(self, node: Node) -> None:
        """Make sure that the change attribute moves, even within a tick of the kernel's clock."""
        if not self.stamps.bump(node.identity):
            (fd,) = await self.nodes.reach(node)
            self.stamps.begin(node.identity, await self.pace.quick(os.fstat, fd))


def _statistics_of(room: os.statvfs_result) -> Statistics:
    unit = room.f_frsize
    return Statistics(
        room.f_blocks * unit,
        room.f_bfree * unit,
        room.f_bavail * unit,
        room.f_files,
        room.f_ffree,
        room.f_favail,
    )
