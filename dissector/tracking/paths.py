"""Which files each exchange is about: handles are followed to paths through what clients do.

LOOKUP, OPEN, CREATE, READDIR with file handles and the like tell names, and RENAME, REMOVE and LINK
change them, in NFS version 4 by way of the current and the saved file handle of a compound. Only
what a server has answered is learned; a call without its reply is told by what was known before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nfsrdma.xdr import XdrError, chain
from nfsrdma.xdr.nfs3 import mount
from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t

from ..messages.body import Body
from ..messages.procedures import MOUNT3, NFS3
from .events import Events
from .model import Exchange
from .names import Names, Node, Server

MAX_FILES = 16
"""Files of one exchange that are told."""

_FRAMING = frozenset((t.OP_SEQUENCE, t.OP_GETFH))
_MINOR = frozenset((t.OP_GETATTR, t.OP_ACCESS, t.OP_VERIFY, t.OP_NVERIFY, t.OP_CLOSE))
"""Operations that matter less than others of their compound."""
_HANDLES: Final = ("fh", "cna_fh", "cnla_fh", "coa_fh", "cpda_fh")
"""What callbacks call the file handle that they are about."""


class Paths:
    """A view that comes before all others: it fills in ``handle`` and ``paths`` of exchanges."""

    def __init__(self, names: Names | None = None) -> None:
        self.names = names or Names()

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Take what an exchange tells of names, and tell it which files it is about."""
        body = exchange.call_body
        if body is None or not body.operations:
            return
        if body.callback:
            self._callback(exchange, body)
            return
        if body.version == 3:
            self._procedure(exchange, body)
            return
        handle = None
        for op in body.operations:
            number = op.number
            if number in _WALKED:
                self._compound(exchange, body)
                return
            if number == t.OP_PUTFH:
                if handle is not None:
                    self._compound(exchange, body)
                    return
                handle = op.value.object
        if handle is not None:
            self._about(exchange, _server(exchange), handle)

    def _about(self, exchange: Exchange, address: str, handle: bytes) -> None:
        """Tell an exchange the one file that it is about."""
        exchange.handle = handle
        server = self.names.server(address)
        node = server.handles.get(handle) if server is not None else None
        if node is not None:
            node.used = True
            path = self.names.path(node)
            if path:
                exchange.paths = (path,)

    def _callback(self, exchange: Exchange, body: Body) -> None:
        for op in body.operations:
            recalled = getattr(getattr(op.value, "clora_recall", None), "value", None)
            found = [getattr(recalled, "lor_fh", None)]
            found += [getattr(op.value, name, None) for name in _HANDLES]
            handle = next((one for one in found if isinstance(one, bytes)), None)
            if handle is not None:
                self._about(exchange, exchange.requester.address, handle)
                return

    def _compound(self, exchange: Exchange, body: Body) -> None:
        """Walk a compound of NFS version 4."""
        address = _server(exchange)
        if not address:
            return
        walk = _Walk(self.names, self.names.learned(address))
        reply = exchange.reply_body
        results = reply.operations if reply is not None else []
        for index, op in enumerate(body.operations):
            number = op.number
            result = None
            if index < len(results) and results[index].number == number:
                result = results[index].value
            ended = -1 if result is None else getattr(result, result.__slots__[0])
            walk.done = ended == 0
            step = _STEPS.get(number)
            if step is not None:
                step(walk, op.value, result)
            elif number not in _FRAMING:
                walk.about(walk.current, minor=number in _MINOR)
            if ended > 0:
                break
        walk.finish(exchange)

    def _procedure(self, exchange: Exchange, body: Body) -> None:
        """Take a procedure of NFS version 3, of MOUNT or of what goes with them."""
        op, address = body.operations[0], _server(exchange)
        step = _PROCEDURES.get(op.number)
        if step is None:
            handle = _first_handle(op.value)
            if handle:
                self._about(exchange, address, handle)
            return
        if not address:
            return
        reply = exchange.reply_body
        result = None
        if reply is not None and reply.status == 0 and reply.operations:
            result = getattr(reply.operations[0].value, "value", None)
        walk = _Walk(self.names, self.names.learned(address))
        walk.done = result is not None
        step(walk, op.value, result)
        walk.finish(exchange)


def _server(exchange: Exchange) -> str:
    """Return the address of the side that is called."""
    responder = exchange.responder
    return (responder.address if responder is not None else "") or exchange.requester.towards


def _first_handle(arguments: Any) -> bytes:
    """Return the handle that arguments of NFS version 3, NFS_ACL or NLM begin with."""
    for name in getattr(arguments, "__slots__", ()):
        value = getattr(arguments, name)
        for member in ("data", "fh"):
            handle = getattr(value, member, None)
            if isinstance(handle, bytes):
                return handle
    return b""


class _Walk:
    """One exchange on its way through the names: current and saved object, and what it is about."""

    def __init__(self, names: Names, server: Server) -> None:
        self.names = names
        self.server = server
        self.current: Node | None = None
        self.saved: Node | None = None
        self.done = False
        """The operation in hand was executed."""
        self._upwards = False
        """The current object is the parent that was known, which may no longer be so."""
        self._major: list[tuple[str, Node]] = []
        self._minor: list[tuple[str, Node]] = []

    def about(self, node: Node | None, *, minor: bool = False) -> None:
        """Note that an operation is about an object."""
        if node is not None:
            found = self._minor if minor else self._major
            if len(found) < MAX_FILES:
                found.append((self.names.path(node), node))

    def finish(self, exchange: Exchange) -> None:
        """Tell the exchange what it is about."""
        if not (self._major or self._minor):
            self.about(self.current)
        found = self._major or self._minor[-1:]
        if found:
            exchange.handle = found[0][1].handle
            exchange.paths = tuple(dict.fromkeys(path for path, _ in found if path))

    # --- Objects ---

    def known(self, handle: bytes) -> Node:
        """Return the object with a handle."""
        if self.done:
            return self.names.node(self.server, handle)
        return self.server.handles.get(handle) or Node(None, None, handle)

    def entry(self, parent: Node, name: bytes) -> Node:
        """Return what a name in a directory stands for, if anything, without learning it."""
        return parent.children.get(name) or Node(parent, name)

    def enter(self, name: bytes) -> None:
        """Go to a name in the current directory."""
        self._upwards = False
        parent = self.current
        if parent is not None:
            found = self.names.child(parent, name) if self.done else self.entry(parent, name)
            self.current = found

    def has_handle(self, handle: bytes) -> None:
        """Learn the handle of the current object."""
        current = self.current
        known = self.server.handles.get(handle)
        if current is None or (self._upwards and (known or current.handle)):
            current = known or self.names.node(self.server, handle)
        else:
            before, current = current, self.names.bind(self.server, current, handle)
            for found in (self._major, self._minor):
                found[:] = [(path, current if node is before else node) for path, node in found]
        self.current, self._upwards = current, False

    # --- Operations of NFS version 4 ---

    def put(self, args: Any, result: Any) -> None:
        """Take PUTFH."""
        self.current = self.known(args.object)
        self._upwards = False

    def put_root(self, args: Any, result: Any) -> None:
        """Take PUTROOTFH."""
        self.current = self.names.root(self.server) if self.done else Node(None, b"")
        self._upwards = False

    def put_unknown(self, args: Any, result: Any) -> None:
        """Take PUTPUBFH and OPENATTR, which lead to where there are no paths."""
        self.current, self._upwards = None, False

    def get(self, args: Any, result: Any) -> None:
        """Take GETFH."""
        if self.done:
            self.has_handle(result.value.object)

    def save(self, args: Any, result: Any) -> None:
        """Take SAVEFH."""
        self.saved = self.current

    def restore(self, args: Any, result: Any) -> None:
        """Take RESTOREFH."""
        self.current, self._upwards = self.saved, False

    def look_up(self, args: Any, result: Any) -> None:
        """Take LOOKUP."""
        self.enter(args.objname)
        self.about(self.current, minor=True)

    def look_up_parent(self, args: Any, result: Any) -> None:
        """Take LOOKUPP."""
        current = self.current
        self.current = current.parent if current is not None else None
        self._upwards = True
        self.about(self.current, minor=True)

    def open(self, args: Any, result: Any) -> None:
        """Take OPEN, by name or of the current object itself."""
        value = args.claim.value
        name = value if isinstance(value, bytes) else getattr(value, "file", None)
        if name is not None:
            self.enter(name)
        self.about(self.current)

    def create(self, args: Any, result: Any) -> None:
        """Take CREATE."""
        self.enter(args.objname)
        self.about(self.current)

    def remove(self, args: Any, result: Any) -> None:
        """Take REMOVE."""
        self.unlink(self.current, args.target)

    def rename(self, args: Any, result: Any) -> None:
        """Take RENAME, from the saved directory to the current one."""
        self.move(self.saved, args.oldname, self.current, args.newname)

    def link(self, args: Any, result: Any) -> None:
        """Take LINK, of the saved object into the current directory."""
        self.add_link(self.saved, self.current, args.newname)

    def copy(self, args: Any, result: Any) -> None:
        """Take COPY and CLONE, from the saved file to the current one."""
        self.about(self.saved)
        self.about(self.current)

    def read_directory(self, args: Any, result: Any) -> None:
        """Take READDIR: the handles of entries, if the client asked for them."""
        self.about(self.current)
        parent = self.current
        if parent is not None and self.done:
            for entry in chain(result.value.reply.entries):
                handle = _entry_handle(entry.attrs)
                if handle:
                    self.learn(parent, entry.name, handle)

    # --- What versions 3 and 4 share ---

    def learn(self, parent: Node, name: bytes, handle: bytes) -> Node:
        """Learn the name and the handle of an object."""
        known = self.server.handles.get(handle)
        if known is not None and known.parent is parent and known.name == name:
            known.used = True
            return known
        return self.names.bind(self.server, self.names.child(parent, name), handle)

    def unlink(self, parent: Node | None, name: bytes) -> None:
        """Take a name away."""
        if parent is not None:
            self.about(self.entry(parent, name))
            if self.done:
                self.names.remove(parent, name)

    def move(self, source: Node | None, old: bytes, target: Node | None, new: bytes) -> None:
        """Give something another name."""
        if source is not None:
            self.about(self.entry(source, old))
        if target is not None:
            self.about(Node(target, new))
        if source is not None and target is not None and self.done:
            self.names.rename(source, old, target, new)

    def add_link(self, file: Node | None, parent: Node | None, name: bytes) -> None:
        """Give a file a further name."""
        self.about(file)
        if parent is not None:
            self.about(Node(parent, name))
            if file is not None and self.done:
                self.names.link(file, parent, name)

    # --- Procedures of NFS version 3 and MOUNT ---

    def look_up3(self, args: Any, result: Any) -> None:
        """Take LOOKUP."""
        self.made(args.what, result.object.data if result is not None else b"")

    def make3(self, args: Any, result: Any) -> None:
        """Take CREATE, MKDIR, SYMLINK and MKNOD."""
        told = result is not None and result.obj.handle_follows
        self.made(args.where, result.obj.value.data if told else b"")

    def made(self, where: Any, handle: bytes) -> None:
        """Learn what a name in a directory stands for."""
        self.current = self.known(where.dir.data)
        self.enter(where.name)
        if handle:
            self.has_handle(handle)
        self.about(self.current)

    def remove3(self, args: Any, result: Any) -> None:
        """Take REMOVE and RMDIR."""
        self.unlink(self.known(args.object.dir.data), args.object.name)

    def rename3(self, args: Any, result: Any) -> None:
        """Take RENAME."""
        source, target = self.known(args.from_.dir.data), self.known(args.to.dir.data)
        self.move(source, args.from_.name, target, args.to.name)

    def link3(self, args: Any, result: Any) -> None:
        """Take LINK."""
        file, parent = self.known(args.file.data), self.known(args.link.dir.data)
        self.add_link(file, parent, args.link.name)

    def read_directory3(self, args: Any, result: Any) -> None:
        """Take READDIRPLUS."""
        parent = self.known(args.dir.data)
        self.about(parent)
        for entry in chain(result.reply.entries) if result is not None else ():
            if entry.name_handle.handle_follows and entry.name not in (b".", b".."):
                self.learn(parent, entry.name, entry.name_handle.value.data)

    def mount3(self, args: Any, result: Any) -> None:
        """Take MNT."""
        if result is None:
            self.about(Node(None, args.path))
            return
        self.names.mount(self.server, result.fhandle, args.path)
        self.about(self.names.node(self.server, result.fhandle))


def _entry_handle(attributes: t.fattr4) -> bytes:
    """Return the file handle among the attributes of a directory's entry, if it is there."""
    if not attributes.attrmask or not attributes.attrmask[0] >> t.FATTR4_FILEHANDLE & 1:
        return b""
    try:
        handle = attrs.decode_fattr4(attributes)[t.FATTR4_FILEHANDLE]
    except XdrError:
        return b""
    return handle if isinstance(handle, bytes) else b""


_Step = Callable[[_Walk, Any, Any], None]

_STEPS: Final[dict[int, _Step]] = {
    t.OP_PUTFH: _Walk.put,
    t.OP_PUTROOTFH: _Walk.put_root,
    t.OP_PUTPUBFH: _Walk.put_unknown,
    t.OP_OPENATTR: _Walk.put_unknown,
    t.OP_GETFH: _Walk.get,
    t.OP_SAVEFH: _Walk.save,
    t.OP_RESTOREFH: _Walk.restore,
    t.OP_LOOKUP: _Walk.look_up,
    t.OP_LOOKUPP: _Walk.look_up_parent,
    t.OP_OPEN: _Walk.open,
    t.OP_CREATE: _Walk.create,
    t.OP_REMOVE: _Walk.remove,
    t.OP_RENAME: _Walk.rename,
    t.OP_LINK: _Walk.link,
    t.OP_COPY: _Walk.copy,
    t.OP_CLONE: _Walk.copy,
    t.OP_READDIR: _Walk.read_directory,
}
_WALKED: Final = frozenset(number for number in _STEPS if number not in (t.OP_PUTFH, t.OP_GETFH))
"""Operations with which a compound is about something else than what its PUTFH names."""

_PROCEDURES: Final[dict[int, _Step]] = {
    NFS3 + nfs3.NFSPROC3_LOOKUP: _Walk.look_up3,
    NFS3 + nfs3.NFSPROC3_CREATE: _Walk.make3,
    NFS3 + nfs3.NFSPROC3_MKDIR: _Walk.make3,
    NFS3 + nfs3.NFSPROC3_SYMLINK: _Walk.make3,
    NFS3 + nfs3.NFSPROC3_MKNOD: _Walk.make3,
    NFS3 + nfs3.NFSPROC3_REMOVE: _Walk.remove3,
    NFS3 + nfs3.NFSPROC3_RMDIR: _Walk.remove3,
    NFS3 + nfs3.NFSPROC3_RENAME: _Walk.rename3,
    NFS3 + nfs3.NFSPROC3_LINK: _Walk.link3,
    NFS3 + nfs3.NFSPROC3_READDIRPLUS: _Walk.read_directory3,
    MOUNT3 + mount.MOUNTPROC3_MNT: _Walk.mount3,
}
