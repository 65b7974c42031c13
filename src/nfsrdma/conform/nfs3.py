"""NFSv3 as far as tests of its binding need it (RFC 1813): calls in plain octets, and replies.

File handles come from MOUNT, which is asked for by TCP, as it is not spoken over RDMA (RFC 8267,
Section 5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.rpcrdma.transport.reassembly import PlacedDecoder
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs3 import mount
from nfsrdma.xdr.nfs3 import types as t

from .case import Failed, NotApplicable
from .lab import Lab
from .nfs import Call, accepted
from .wire import words

PROGRAM: Final = 100003
ACL_PROGRAM: Final = 100227
"""NFSACL, which is beside NFS at its port."""
PORTMAP: Final = 111
PORTMAPPER: Final = 100000
_MOUNT, _TCP = 100005, 6
_GETPORT: Final = 3


def attributes(mode: int) -> t.sattr3:
    """Return what a new object gets: a mode."""
    return t.sattr3(
        t.set_mode3(True, mode),
        t.set_uid3(False),
        t.set_gid3(False),
        t.set_size3(False),
        t.set_atime(t.DONT_CHANGE),
        t.set_mtime(t.DONT_CHANGE),
    )


def octets_of(arguments: Any) -> bytes:
    """Return arguments as they are on the wire."""
    enc = Encoder()
    arguments.encode(enc)
    return enc.to_bytes()


def call(
    lab: Lab, procedure: int, arguments: Any, *, program: int = PROGRAM, version: int = 3
) -> Call:
    """Return a call; it knows its stream whole and reduced."""
    xid, enc = lab.xid(), Encoder()
    encode_call(enc, xid, program, version, procedure, lab.target.credentials.to_auth())
    if isinstance(arguments, bytes):
        enc.buffer += arguments
    else:
        arguments.encode(enc)
    return Call(xid, enc, ())


def decode(octets: bytes, asked: Call, result: Any, placed: Sequence[bytes] = ()) -> Any:
    """Return the result in a reply. Raises ``Failed`` if it cannot be decoded."""
    head = accepted(octets, asked.xid).tell()
    decoder = PlacedDecoder(memoryview(octets)[head:], [memoryview(each) for each in placed])
    try:
        found = result.decode(decoder)
        decoder.done()
    except XdrError as error:
        raise Failed(f"the result cannot be decoded: {error}") from None
    return found


def good(result: Any, what: str) -> Any:
    """Return the good arm of a result. Raises ``Failed``."""
    if result.status != t.NFS3_OK:
        raise Failed(f"{what}: status {result.status}")
    return result.value


async def root(lab: Lab) -> bytes:
    """Return the handle of the directory of the URL, which MOUNT gives.

    Raises ``NotApplicable`` if the server has no NFSv3, or does not let us mount.
    """
    asked = words(_MOUNT, 3, _TCP, 0)
    try:
        where = (await plain(lab, PORTMAP, PORTMAPPER, 2, _GETPORT, asked)).uint32()
    except XdrError as error:
        raise NotApplicable(f"the port mapper's reply cannot be decoded: {error}") from None
    if not where:
        raise NotApplicable("the port mapper knows of no MOUNT version 3")
    path = b"/" + b"/".join(lab.target.path)
    asked = octets_of(mount.mountargs3(path))
    found = await plain(lab, where, _MOUNT, 3, mount.MOUNTPROC3_MNT, asked)
    try:
        answer = mount.mountres3.decode(found)
    except XdrError as error:
        raise NotApplicable(f"MOUNT's reply cannot be decoded: {error}") from None
    if answer.fhs_status != mount.MNT3_OK:
        shown = path.decode("utf-8", "replace")
        raise NotApplicable(f"MOUNT of {shown}: status {answer.fhs_status}")
    return bytes(answer.value.fhandle)


async def plain(
    lab: Lab, port: int, program: int, version: int, procedure: int, arguments: bytes
) -> Decoder:
    """Call a service of the host by TCP; return a decoder at its result.

    Raises ``NotApplicable`` if it answers nothing, or an error of RPC.
    """
    asked = call(lab, procedure, arguments, program=program, version=version)
    octets = await lab.outside.ask(port, asked.whole)
    try:
        return accepted(octets, asked.xid)
    except Failed as error:
        raise NotApplicable(f"port {port}: {error}") from None
