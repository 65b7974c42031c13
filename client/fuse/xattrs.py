"""Answers to requests about extended attributes: those of users, and the access control list.

The list is ``system.nfs4_acl``, in XDR, as a mount of Linux itself has it, and as nfs4_getfacl(1)
and nfs4_setfacl(1) expect it. All others are not supported, which is answered without the server,
as the kernel and programs ask for some of them again and again.
"""

from __future__ import annotations

import errno
from typing import Final

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from ..errors import NfsError, make_error
from ..nodes import Node, Nodes
from ..xattr_names import wire_name
from . import wire
from .answers import xattr_size_out
from .mounted import Answer, Mounted
from .wire import Header

ACL: Final = b"system.nfs4_acl"
_SECURITY: Final = b"security."


def is_of_nobody(body: memoryview) -> bool:
    """Return whether GETXATTR is for an attribute of a kind that NFS has not.

    The kernel asks for the capabilities of a file before each write(2).
    """
    return bytes(body[wire.GETXATTR_SIZE : wire.GETXATTR_SIZE + len(_SECURITY)]) == _SECURITY


async def getxattr(mount: Mounted, header: Header, arguments: wire.GetXattr) -> Answer:
    """Answer GETXATTR."""
    nodes, node = mount.nodes_for(header), mount.node(header.node)
    if arguments.name == ACL:
        await mount.behind.drain(node)
        enc = Encoder()
        t.encode_fattr4_acl(enc, await nodes.acl(node))
        return _sized(bytes(enc.buffer), arguments.size, node)
    return _sized(await nodes.getxattr(node, arguments.name), arguments.size, node)


async def setxattr(mount: Mounted, header: Header, arguments: wire.SetXattr) -> Answer:
    """Answer SETXATTR."""
    nodes, node = mount.nodes_for(header), mount.node(header.node)
    if arguments.name != ACL:
        wire_name(arguments.name, node.path())  # cp tries lists that no server has for each file
    await mount.behind.drain(node)
    if arguments.name == ACL:
        await _set_acl(nodes, node, arguments)
        return Answer()
    try:
        await nodes.setxattr(node, arguments.name, arguments.value, arguments.flags)
    except ValueError as error:
        raise make_error(errno.EINVAL, str(error), node.path()) from None
    return Answer()


async def _set_acl(nodes: Nodes, node: Node, arguments: wire.SetXattr) -> None:
    if arguments.flags:  # it can be replaced only, as there always is one
        raise make_error(errno.EINVAL, f"setxattr with the flags {arguments.flags}", node.path())
    try:
        dec = Decoder(arguments.value)
        aces = t.decode_fattr4_acl(dec)
        dec.done()
    except XdrError as error:
        raise make_error(errno.EINVAL, f"no access control list: {error}", node.path()) from None
    await nodes.set_acl(node, aces)


async def listxattr(mount: Mounted, header: Header, arguments: wire.ListXattr) -> Answer:
    """Answer LISTXATTR: those of users, none where the server has none."""
    node = mount.node(header.node)
    try:
        names = await mount.nodes_for(header).listxattr(node)
    except NfsError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        names = []
    return _sized(b"".join(name + b"\0" for name in names), arguments.size, node)


async def removexattr(mount: Mounted, header: Header, arguments: wire.Name) -> Answer:
    """Answer REMOVEXATTR."""
    node = mount.node(header.node)
    await mount.behind.drain(node)
    await mount.nodes_for(header).removexattr(node, arguments.name)
    return Answer()


def _sized(value: bytes, size: int, node: Node) -> Answer:
    """Return a value, or how long it is if the process wants to know that."""
    if not size:
        return Answer(xattr_size_out(len(value)))
    if len(value) > size:
        raise make_error(errno.ERANGE, "more than there is room for", node.path())
    return Answer(value)
