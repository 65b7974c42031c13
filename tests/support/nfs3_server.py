"""NFSv3, NFSACL, the port mapper and MOUNT, as little of each as tests of their binding need."""

from __future__ import annotations

from typing import Any, Final

from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.rpc.message import NO_AUTH, decode_call, encode_accepted
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs3 import mount, sideband
from nfsrdma.xdr.nfs3 import types as t

PROGRAM: Final = 100003
ROOT: Final = b"the root"
MOUNT_PORT: Final = 635
_NO: Final = t.post_op_attr(False)
NOTHING_KNOWN: Final = t.wcc_data(t.pre_op_attr(False), _NO)


class Version3:
    """One directory of files and links in memory; a service of a channel.

    Replies to what changes anything are kept by the XID, wherever the call comes from.
    """

    def __init__(self) -> None:
        self.files: dict[bytes, bytes] = {}
        self.replies: dict[int, Encoder] = {}

    def __call__(self, call: IncomingCall) -> None:
        header = decode_call(call.decoder)
        again = self.replies.get(header.xid)
        if again is not None:
            call.reply(again)
            return
        enc = Encoder()
        if header.proc and header.vers != 3:
            for word in (header.xid, 1, 0, 0, 0, 2, 3, 3):  # PROG_MISMATCH
                enc.uint32(word)
            call.reply(enc)
            return
        encode_accepted(enc, header.xid, NO_AUTH)
        if header.proc or header.prog != PROGRAM:
            self.answer(header.prog, header.proc, call.decoder).encode(enc)
        if header.prog == PROGRAM and header.proc in (t.NFSPROC3_REMOVE, t.NFSPROC3_CREATE):
            self.keep(header.xid, enc)
        call.reply(enc)

    def keep(self, xid: int, reply: Encoder) -> None:
        """Keep a reply for whoever asks again."""
        self.replies[xid] = reply

    def answer(self, program: int, procedure: int, dec: Decoder) -> Any:
        """The result of a call."""
        if program != PROGRAM:
            return self.access_list(sideband.GETACL3args.decode(dec))
        return getattr(self, _PROCEDURES[procedure])(dec)

    def access_list(self, args: sideband.GETACL3args) -> Any:
        """The entries of any object."""
        entries = [sideband.aclent(1, 0, 7), sideband.aclent(4, 0, 5)]
        acl = sideband.secattr(args.mask, 2, entries, 0, [])
        return sideband.GETACL3res(0, sideband.GETACL3resok(sideband.acl_attr3(False), acl))

    def create(self, dec: Decoder) -> Any:
        name = bytes(t.CREATE3args.decode(dec).where.name)
        self.files[name] = b""
        made = t.post_op_fh3(True, t.nfs_fh3(name[-32:]))
        return t.CREATE3res(t.NFS3_OK, t.CREATE3resok(made, _NO, NOTHING_KNOWN))

    def lookup(self, dec: Decoder) -> Any:
        name = bytes(t.LOOKUP3args.decode(dec).what.name)
        if name not in self.files:
            return t.LOOKUP3res(t.NFS3ERR_NOENT, t.LOOKUP3resfail(_NO))
        return t.LOOKUP3res(t.NFS3_OK, t.LOOKUP3resok(t.nfs_fh3(name[-32:]), _NO, _NO))

    def _named(self, handle: t.nfs_fh3) -> bytes:
        return next(name for name in self.files if name.endswith(bytes(handle.data)))

    def write(self, dec: Decoder) -> Any:
        args = t.WRITE3args.decode(dec)
        self.files[self._named(args.file)] = bytes(args.data)
        return t.WRITE3res(
            t.NFS3_OK, t.WRITE3resok(NOTHING_KNOWN, len(args.data), t.FILE_SYNC, bytes(8))
        )

    def read(self, dec: Decoder) -> Any:
        args = t.READ3args.decode(dec)
        data = self.files[self._named(args.file)][args.offset :][: args.count]
        return t.READ3res(t.NFS3_OK, t.READ3resok(_NO, len(data), True, data))

    def symlink(self, dec: Decoder) -> Any:
        args = t.SYMLINK3args.decode(dec)
        self.files[bytes(args.where.name)] = bytes(args.symlink.symlink_data)
        return t.SYMLINK3res(t.NFS3_OK, t.SYMLINK3resok(t.post_op_fh3(False), _NO, NOTHING_KNOWN))

    def readlink(self, dec: Decoder) -> Any:
        target = self.files[self._named(t.READLINK3args.decode(dec).symlink)]
        return t.READLINK3res(t.NFS3_OK, t.READLINK3resok(_NO, target))

    def remove(self, dec: Decoder) -> Any:
        name = bytes(t.REMOVE3args.decode(dec).object.name)
        if self.files.pop(name, None) is None:
            return t.REMOVE3res(t.NFS3ERR_NOENT, t.REMOVE3resfail(NOTHING_KNOWN))
        return t.REMOVE3res(t.NFS3_OK, t.REMOVE3resok(NOTHING_KNOWN))


_PROCEDURES: Final = {
    t.NFSPROC3_CREATE: "create",
    t.NFSPROC3_LOOKUP: "lookup",
    t.NFSPROC3_WRITE: "write",
    t.NFSPROC3_READ: "read",
    t.NFSPROC3_SYMLINK: "symlink",
    t.NFSPROC3_READLINK: "readlink",
    t.NFSPROC3_REMOVE: "remove",
}


def beside(port: int, octets: bytes, rdma: bytes) -> bytes:
    """What port mapper and MOUNT answer; NFS over RDMA is at ``rdma`` (a universal address)."""
    dec = Decoder(octets)
    header = decode_call(dec)
    enc = Encoder()
    encode_accepted(enc, header.xid, NO_AUTH)
    if port == MOUNT_PORT:
        mount.mountres3(mount.MNT3_OK, mount.mountres3_ok(ROOT, [1])).encode(enc)
    elif header.vers == 2:
        enc.uint32(MOUNT_PORT)
    else:
        enc.opaque(rdma)
    return enc.to_bytes()
