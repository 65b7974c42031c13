"""The requests that are answered: how their arguments are parsed, and what is done.

What is not in :data:`TABLE` is answered with ENOSYS, so that the kernel does not ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from . import directories, files, names, wire, xattrs
from .mounted import Answer, Mounted
from .wire import Header, Opcode

A = TypeVar("A")


class Operation(Generic[A]):
    """How one kind of request is answered."""

    __slots__ = ("_parse", "_run")

    def __init__(
        self,
        parse: Callable[[memoryview], A],
        run: Callable[[Mounted, Header, A], Coroutine[Any, Any, Answer]],
    ) -> None:
        self._parse = parse
        self._run = run

    def start(
        self, mount: Mounted, header: Header, body: memoryview
    ) -> Coroutine[Any, Any, Answer]:
        """Parse ``body``, and return what answers the request; it needs ``body`` no more."""
        return self._run(mount, header, self._parse(body))


TABLE: Final[dict[int, Operation[Any]]] = {
    Opcode.LOOKUP: Operation(wire.Name.parse, names.lookup),
    Opcode.GETATTR: Operation(wire.GetAttr.parse, names.getattr),
    Opcode.SETATTR: Operation(wire.SetAttr.parse, names.setattr),
    Opcode.READLINK: Operation(wire.Nothing.parse, names.readlink),
    Opcode.SYMLINK: Operation(wire.SymLink.parse, names.symlink),
    Opcode.MKNOD: Operation(wire.MkNod.parse, names.mknod),
    Opcode.MKDIR: Operation(wire.MkDir.parse, names.mkdir),
    Opcode.UNLINK: Operation(wire.Name.parse, names.remove),
    Opcode.RMDIR: Operation(wire.Name.parse, names.remove),
    Opcode.RENAME: Operation(wire.Rename.parse, names.rename),
    Opcode.RENAME2: Operation(wire.Rename2.parse, names.rename2),
    Opcode.LINK: Operation(wire.Link.parse, names.link),
    Opcode.STATFS: Operation(wire.Nothing.parse, names.statfs),
    Opcode.ACCESS: Operation(wire.Access.parse, names.access),
    Opcode.GETXATTR: Operation(wire.GetXattr.parse, xattrs.getxattr),
    Opcode.SETXATTR: Operation(wire.SetXattr.parse, xattrs.setxattr),
    Opcode.LISTXATTR: Operation(wire.ListXattr.parse, xattrs.listxattr),
    Opcode.REMOVEXATTR: Operation(wire.Name.parse, xattrs.removexattr),
    Opcode.OPENDIR: Operation(wire.Open.parse, directories.opendir),
    Opcode.READDIR: Operation(wire.Read.parse, directories.readdir),
    Opcode.READDIRPLUS: Operation(wire.Read.parse, directories.readdirplus),
    Opcode.RELEASEDIR: Operation(wire.Release.parse, directories.releasedir),
    Opcode.FSYNCDIR: Operation(wire.Fsync.parse, directories.fsyncdir),
    Opcode.OPEN: Operation(wire.Open.parse, files.open_file),
    Opcode.CREATE: Operation(wire.Create.parse, files.create),
    Opcode.READ: Operation(wire.Read.parse, files.read),
    Opcode.WRITE: Operation(wire.Write.parse, files.write),
    Opcode.FLUSH: Operation(wire.Flush.parse, files.flush),
    Opcode.FSYNC: Operation(wire.Fsync.parse, files.fsync),
    Opcode.RELEASE: Operation(wire.Release.parse, files.release),
    Opcode.LSEEK: Operation(wire.LSeek.parse, files.lseek),
    Opcode.FALLOCATE: Operation(wire.FAllocate.parse, files.fallocate),
    Opcode.COPY_FILE_RANGE: Operation(wire.CopyRange.parse, files.copy_file_range),
    Opcode.GETLK: Operation(wire.Lock.parse, files.getlk),
    Opcode.SETLK: Operation(wire.Lock.parse, files.setlk),
    Opcode.SETLKW: Operation(wire.Lock.parse, files.setlkw),
}


def write_apart(
    mount: Mounted, header: Header, body: memoryview, data: memoryview
) -> Coroutine[Any, Any, Answer]:
    """Answer a WRITE whose data is in memory of its own."""
    return files.write(mount, header, wire.Write.parse_apart(body, data))
