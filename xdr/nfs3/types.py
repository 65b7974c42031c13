"""NFS version 3 (RFC 1813).

Emitted by nfsrdma.xdr.compiler from specs/nfs3.x.
Do not edit: change those, and run ``python -m nfsrdma.xdr.compiler``.
"""

# fmt: off
# ruff: noqa

from __future__ import annotations

from enum import IntEnum
from struct import Struct, pack
from typing import Any, Final, TypeAlias

from ..codec import Decoder, Encoder
from ..runtime import (
    MISSING,
    PAD,
    LinkedStruct,
    StructError,
    no_arm,
    not_boolean,
    too_long,
    unencodable,
    wrong_arm,
    wrong_length,
)
from ..runtime import Struct as XdrStruct
from ..runtime import Union as XdrUnion

# Numbers

NFS3_FHSIZE: Final = 64
NFS3_COOKIEVERFSIZE: Final = 8
NFS3_CREATEVERFSIZE: Final = 8
NFS3_WRITEVERFSIZE: Final = 8
NFSPROC3_NULL: Final = 0
NFSPROC3_GETATTR: Final = 1
NFSPROC3_SETATTR: Final = 2
NFSPROC3_LOOKUP: Final = 3
NFSPROC3_ACCESS: Final = 4
NFSPROC3_READLINK: Final = 5
NFSPROC3_READ: Final = 6
NFSPROC3_WRITE: Final = 7
NFSPROC3_CREATE: Final = 8
NFSPROC3_MKDIR: Final = 9
NFSPROC3_SYMLINK: Final = 10
NFSPROC3_MKNOD: Final = 11
NFSPROC3_REMOVE: Final = 12
NFSPROC3_RMDIR: Final = 13
NFSPROC3_RENAME: Final = 14
NFSPROC3_LINK: Final = 15
NFSPROC3_READDIR: Final = 16
NFSPROC3_READDIRPLUS: Final = 17
NFSPROC3_FSSTAT: Final = 18
NFSPROC3_FSINFO: Final = 19
NFSPROC3_PATHCONF: Final = 20
NFSPROC3_COMMIT: Final = 21
ACCESS3_READ: Final = 0x1
ACCESS3_LOOKUP: Final = 0x2
ACCESS3_MODIFY: Final = 0x4
ACCESS3_EXTEND: Final = 0x8
ACCESS3_DELETE: Final = 0x10
ACCESS3_EXECUTE: Final = 0x20
FSF3_LINK: Final = 0x1
FSF3_SYMLINK: Final = 0x2
FSF3_HOMOGENEOUS: Final = 0x8
FSF3_CANSETTIME: Final = 0x10

# Enumerations


class nfsstat3(IntEnum):
    NFS3_OK = 0
    NFS3ERR_PERM = 1
    NFS3ERR_NOENT = 2
    NFS3ERR_IO = 5
    NFS3ERR_NXIO = 6
    NFS3ERR_ACCES = 13
    NFS3ERR_EXIST = 17
    NFS3ERR_XDEV = 18
    NFS3ERR_NODEV = 19
    NFS3ERR_NOTDIR = 20
    NFS3ERR_ISDIR = 21
    NFS3ERR_INVAL = 22
    NFS3ERR_FBIG = 27
    NFS3ERR_NOSPC = 28
    NFS3ERR_ROFS = 30
    NFS3ERR_MLINK = 31
    NFS3ERR_NAMETOOLONG = 63
    NFS3ERR_NOTEMPTY = 66
    NFS3ERR_DQUOT = 69
    NFS3ERR_STALE = 70
    NFS3ERR_REMOTE = 71
    NFS3ERR_BADHANDLE = 10001
    NFS3ERR_NOT_SYNC = 10002
    NFS3ERR_BAD_COOKIE = 10003
    NFS3ERR_NOTSUPP = 10004
    NFS3ERR_TOOSMALL = 10005
    NFS3ERR_SERVERFAULT = 10006
    NFS3ERR_BADTYPE = 10007
    NFS3ERR_JUKEBOX = 10008


NFS3_OK: Final = 0
NFS3ERR_PERM: Final = 1
NFS3ERR_NOENT: Final = 2
NFS3ERR_IO: Final = 5
NFS3ERR_NXIO: Final = 6
NFS3ERR_ACCES: Final = 13
NFS3ERR_EXIST: Final = 17
NFS3ERR_XDEV: Final = 18
NFS3ERR_NODEV: Final = 19
NFS3ERR_NOTDIR: Final = 20
NFS3ERR_ISDIR: Final = 21
NFS3ERR_INVAL: Final = 22
NFS3ERR_FBIG: Final = 27
NFS3ERR_NOSPC: Final = 28
NFS3ERR_ROFS: Final = 30
NFS3ERR_MLINK: Final = 31
NFS3ERR_NAMETOOLONG: Final = 63
NFS3ERR_NOTEMPTY: Final = 66
NFS3ERR_DQUOT: Final = 69
NFS3ERR_STALE: Final = 70
NFS3ERR_REMOTE: Final = 71
NFS3ERR_BADHANDLE: Final = 10001
NFS3ERR_NOT_SYNC: Final = 10002
NFS3ERR_BAD_COOKIE: Final = 10003
NFS3ERR_NOTSUPP: Final = 10004
NFS3ERR_TOOSMALL: Final = 10005
NFS3ERR_SERVERFAULT: Final = 10006
NFS3ERR_BADTYPE: Final = 10007
NFS3ERR_JUKEBOX: Final = 10008


class ftype3(IntEnum):
    NF3REG = 1
    NF3DIR = 2
    NF3BLK = 3
    NF3CHR = 4
    NF3LNK = 5
    NF3SOCK = 6
    NF3FIFO = 7


NF3REG: Final = 1
NF3DIR: Final = 2
NF3BLK: Final = 3
NF3CHR: Final = 4
NF3LNK: Final = 5
NF3SOCK: Final = 6
NF3FIFO: Final = 7


class time_how(IntEnum):
    DONT_CHANGE = 0
    SET_TO_SERVER_TIME = 1
    SET_TO_CLIENT_TIME = 2


DONT_CHANGE: Final = 0
SET_TO_SERVER_TIME: Final = 1
SET_TO_CLIENT_TIME: Final = 2


class stable_how(IntEnum):
    UNSTABLE = 0
    DATA_SYNC = 1
    FILE_SYNC = 2


UNSTABLE: Final = 0
DATA_SYNC: Final = 1
FILE_SYNC: Final = 2


class createmode3(IntEnum):
    UNCHECKED = 0
    GUARDED = 1
    EXCLUSIVE = 2


UNCHECKED: Final = 0
GUARDED: Final = 1
EXCLUSIVE: Final = 2


# Layouts: the runs of fields that are packed in one step

_2I = Struct(">2I")
_2i4I2Q2I2Q6I = Struct(">2i4I2Q2I2Q6I")
_3I = Struct(">3I")
_6I = Struct(">6I")
_6QI = Struct(">6QI")
_7IQ3I = Struct(">7IQ3I")
_8s = Struct(">8s")
_I = Struct(">I")
_IQ = Struct(">IQ")
_IQ4I = Struct(">IQ4I")
_Ii4I2Q2I2Q6I = Struct(">Ii4I2Q2I2Q6I")
_Ii8s = Struct(">Ii8s")
_Q = Struct(">Q")
_Q4I = Struct(">Q4I")
_Q8s2I = Struct(">Q8s2I")
_Q8sI = Struct(">Q8sI")
_QI = Struct(">QI")
_QIi = Struct(">QIi")
_i = Struct(">i")
_i2I = Struct(">i2I")
_i4I2Q2I2Q6I = Struct(">i4I2Q2I2Q6I")
_i8s = Struct(">i8s")

uint64: TypeAlias = int

uint32: TypeAlias = int


filename3: TypeAlias = "bytes"


def encode_filename3(enc: Encoder, value: filename3) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("filename3", error) from None


def decode_filename3(dec: Decoder) -> filename3:
    return dec.opaque()


nfspath3: TypeAlias = "bytes"


def encode_nfspath3(enc: Encoder, value: nfspath3) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("nfspath3", error) from None


def decode_nfspath3(dec: Decoder) -> nfspath3:
    return dec.opaque()

fileid3: TypeAlias = uint64

cookie3: TypeAlias = uint64


cookieverf3: TypeAlias = "bytes"


def encode_cookieverf3(enc: Encoder, value: cookieverf3) -> None:
    buf = enc.buffer
    try:
        if len(value) != 8:
            raise wrong_length("cookieverf3", len(value), 8)
        buf += _8s.pack(value)
    except StructError as error:
        raise unencodable("cookieverf3", error) from None


def decode_cookieverf3(dec: Decoder) -> cookieverf3:
    return dec.fixed_opaque(8)


createverf3: TypeAlias = "bytes"


def encode_createverf3(enc: Encoder, value: createverf3) -> None:
    buf = enc.buffer
    try:
        if len(value) != 8:
            raise wrong_length("createverf3", len(value), 8)
        buf += _8s.pack(value)
    except StructError as error:
        raise unencodable("createverf3", error) from None


def decode_createverf3(dec: Decoder) -> createverf3:
    return dec.fixed_opaque(8)


writeverf3: TypeAlias = "bytes"


def encode_writeverf3(enc: Encoder, value: writeverf3) -> None:
    buf = enc.buffer
    try:
        if len(value) != 8:
            raise wrong_length("writeverf3", len(value), 8)
        buf += _8s.pack(value)
    except StructError as error:
        raise unencodable("writeverf3", error) from None


def decode_writeverf3(dec: Decoder) -> writeverf3:
    return dec.fixed_opaque(8)

uid3: TypeAlias = uint32

gid3: TypeAlias = uint32

size3: TypeAlias = uint64

offset3: TypeAlias = uint64

mode3: TypeAlias = uint32

count3: TypeAlias = uint32


class specdata3(XdrStruct):
    __slots__ = ("specdata1", "specdata2")

    def __init__(self, specdata1: uint32, specdata2: uint32) -> None:
        self.specdata1 = specdata1
        self.specdata2 = specdata2

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.specdata1, self.specdata2)
        except StructError as error:
            raise unencodable("specdata3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> specdata3:
        specdata1, specdata2 = dec.unpack(_2I)
        return cls(specdata1, specdata2)


class nfs_fh3(XdrStruct):
    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            data = self.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("nfs_fh3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_fh3:
        data_n = dec.uint32()
        if data_n > 64:
            raise too_long("nfs_fh3.data", data_n, 64)
        data = dec.octets(data_n) if data_n else b""
        return cls(data)


class nfstime3(XdrStruct):
    __slots__ = ("seconds", "nseconds")

    def __init__(self, seconds: uint32, nseconds: uint32) -> None:
        self.seconds = seconds
        self.nseconds = nseconds

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.seconds, self.nseconds)
        except StructError as error:
            raise unencodable("nfstime3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfstime3:
        seconds, nseconds = dec.unpack(_2I)
        return cls(seconds, nseconds)


class fattr3(XdrStruct):
    __slots__ = (
        "type",
        "mode",
        "nlink",
        "uid",
        "gid",
        "size",
        "used",
        "rdev",
        "fsid",
        "fileid",
        "atime",
        "mtime",
        "ctime",
    )

    def __init__(
        self,
        type: int,
        mode: mode3,
        nlink: uint32,
        uid: uid3,
        gid: gid3,
        size: size3,
        used: size3,
        rdev: specdata3,
        fsid: uint64,
        fileid: fileid3,
        atime: nfstime3,
        mtime: nfstime3,
        ctime: nfstime3,
    ) -> None:
        self.type = type
        self.mode = mode
        self.nlink = nlink
        self.uid = uid
        self.gid = gid
        self.size = size
        self.used = used
        self.rdev = rdev
        self.fsid = fsid
        self.fileid = fileid
        self.atime = atime
        self.mtime = mtime
        self.ctime = ctime

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rdev = self.rdev
            atime = self.atime
            mtime = self.mtime
            ctime = self.ctime
            buf += _i4I2Q2I2Q6I.pack(self.type, self.mode, self.nlink, self.uid, self.gid, self.size, self.used, rdev.specdata1, rdev.specdata2, self.fsid, self.fileid, atime.seconds, atime.nseconds, mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds)
        except StructError as error:
            raise unencodable("fattr3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fattr3:
        type, mode, nlink, uid, gid, size, used, rdev__specdata1, rdev__specdata2, fsid, fileid, atime__seconds, atime__nseconds, mtime__seconds, mtime__nseconds, ctime__seconds, ctime__nseconds = dec.unpack(_i4I2Q2I2Q6I)
        return cls(type, mode, nlink, uid, gid, size, used, specdata3(rdev__specdata1, rdev__specdata2), fsid, fileid, nfstime3(atime__seconds, atime__nseconds), nfstime3(mtime__seconds, mtime__nseconds), nfstime3(ctime__seconds, ctime__nseconds))


class post_op_attr(XdrUnion):
    __slots__ = ("attributes_follow", "value")

    def __init__(self, attributes_follow: bool, value: fattr3 | None = None) -> None:
        self.attributes_follow = attributes_follow
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        attributes_follow = self.attributes_follow
        try:
            if attributes_follow:
                rdev = value.rdev
                atime = value.atime
                mtime = value.mtime
                ctime = value.ctime
                buf += _Ii4I2Q2I2Q6I.pack(1 if attributes_follow else 0, value.type, value.mode, value.nlink, value.uid, value.gid, value.size, value.used, rdev.specdata1, rdev.specdata2, value.fsid, value.fileid, atime.seconds, atime.nseconds, mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds)
            elif not attributes_follow:
                buf += _I.pack(1 if attributes_follow else 0)
            else:
                raise no_arm("post_op_attr", attributes_follow)
        except StructError as error:
            raise unencodable("post_op_attr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> post_op_attr:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, attributes_follow: bool) -> post_op_attr:
        if attributes_follow:
            attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__used, attributes__rdev__specdata1, attributes__rdev__specdata2, attributes__fsid, attributes__fileid, attributes__atime__seconds, attributes__atime__nseconds, attributes__mtime__seconds, attributes__mtime__nseconds, attributes__ctime__seconds, attributes__ctime__nseconds = dec.unpack(_i4I2Q2I2Q6I)
            return cls(attributes_follow, fattr3(attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__used, specdata3(attributes__rdev__specdata1, attributes__rdev__specdata2), attributes__fsid, attributes__fileid, nfstime3(attributes__atime__seconds, attributes__atime__nseconds), nfstime3(attributes__mtime__seconds, attributes__mtime__nseconds), nfstime3(attributes__ctime__seconds, attributes__ctime__nseconds)))
        if not attributes_follow:
            return cls(attributes_follow)
        raise no_arm("post_op_attr", attributes_follow)

    @property
    def attributes(self) -> fattr3:
        if not (self.attributes_follow):
            raise wrong_arm(self, "attributes")
        arm: fattr3 = self.value
        return arm


class wcc_attr(XdrStruct):
    __slots__ = ("size", "mtime", "ctime")

    def __init__(self, size: size3, mtime: nfstime3, ctime: nfstime3) -> None:
        self.size = size
        self.mtime = mtime
        self.ctime = ctime

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            mtime = self.mtime
            ctime = self.ctime
            buf += _Q4I.pack(self.size, mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds)
        except StructError as error:
            raise unencodable("wcc_attr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> wcc_attr:
        size, mtime__seconds, mtime__nseconds, ctime__seconds, ctime__nseconds = dec.unpack(_Q4I)
        return cls(size, nfstime3(mtime__seconds, mtime__nseconds), nfstime3(ctime__seconds, ctime__nseconds))


class pre_op_attr(XdrUnion):
    __slots__ = ("attributes_follow", "value")

    def __init__(self, attributes_follow: bool, value: wcc_attr | None = None) -> None:
        self.attributes_follow = attributes_follow
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        attributes_follow = self.attributes_follow
        try:
            if attributes_follow:
                mtime = value.mtime
                ctime = value.ctime
                buf += _IQ4I.pack(1 if attributes_follow else 0, value.size, mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds)
            elif not attributes_follow:
                buf += _I.pack(1 if attributes_follow else 0)
            else:
                raise no_arm("pre_op_attr", attributes_follow)
        except StructError as error:
            raise unencodable("pre_op_attr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> pre_op_attr:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, attributes_follow: bool) -> pre_op_attr:
        if attributes_follow:
            attributes__size, attributes__mtime__seconds, attributes__mtime__nseconds, attributes__ctime__seconds, attributes__ctime__nseconds = dec.unpack(_Q4I)
            return cls(attributes_follow, wcc_attr(attributes__size, nfstime3(attributes__mtime__seconds, attributes__mtime__nseconds), nfstime3(attributes__ctime__seconds, attributes__ctime__nseconds)))
        if not attributes_follow:
            return cls(attributes_follow)
        raise no_arm("pre_op_attr", attributes_follow)

    @property
    def attributes(self) -> wcc_attr:
        if not (self.attributes_follow):
            raise wrong_arm(self, "attributes")
        arm: wcc_attr = self.value
        return arm


class wcc_data(XdrStruct):
    __slots__ = ("before", "after")

    def __init__(self, before: pre_op_attr, after: post_op_attr) -> None:
        self.before = before
        self.after = after

    def encode(self, enc: Encoder) -> None:
        try:
            self.before.encode(enc)
            self.after.encode(enc)
        except StructError as error:
            raise unencodable("wcc_data", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> wcc_data:
        before__attributes_follow = dec.uint32()
        if before__attributes_follow > 1:
            raise not_boolean("pre_op_attr.attributes_follow", before__attributes_follow)
        before = pre_op_attr.decode_arm(dec, before__attributes_follow == 1)
        after__attributes_follow = dec.uint32()
        if after__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", after__attributes_follow)
        after = post_op_attr.decode_arm(dec, after__attributes_follow == 1)
        return cls(before, after)


class post_op_fh3(XdrUnion):
    __slots__ = ("handle_follows", "value")

    def __init__(self, handle_follows: bool, value: nfs_fh3 | None = None) -> None:
        self.handle_follows = handle_follows
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        handle_follows = self.handle_follows
        try:
            if handle_follows:
                data = value.data
                n = len(data)
                if n > 64:
                    raise too_long("nfs_fh3.data", n, 64)
                buf += _2I.pack(1 if handle_follows else 0, n)
                buf += data
                if n & 3:
                    buf += PAD[n & 3]
            elif not handle_follows:
                buf += _I.pack(1 if handle_follows else 0)
            else:
                raise no_arm("post_op_fh3", handle_follows)
        except StructError as error:
            raise unencodable("post_op_fh3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> post_op_fh3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, handle_follows: bool) -> post_op_fh3:
        if handle_follows:
            handle__data_n = dec.uint32()
            if handle__data_n > 64:
                raise too_long("nfs_fh3.data", handle__data_n, 64)
            handle__data = dec.octets(handle__data_n) if handle__data_n else b""
            return cls(handle_follows, nfs_fh3(handle__data))
        if not handle_follows:
            return cls(handle_follows)
        raise no_arm("post_op_fh3", handle_follows)

    @property
    def handle(self) -> nfs_fh3:
        if not (self.handle_follows):
            raise wrong_arm(self, "handle")
        arm: nfs_fh3 = self.value
        return arm


class set_mode3(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: bool, value: mode3 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it:
                buf += _2I.pack(1 if set_it else 0, value)
            else:
                buf += _I.pack(1 if set_it else 0)
        except StructError as error:
            raise unencodable("set_mode3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> set_mode3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, set_it: bool) -> set_mode3:
        if set_it:
            mode = dec.uint32()
            return cls(set_it, mode)
        return cls(set_it)

    @property
    def mode(self) -> mode3:
        if not (self.set_it):
            raise wrong_arm(self, "mode")
        arm: mode3 = self.value
        return arm


class set_uid3(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: bool, value: uid3 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it:
                buf += _2I.pack(1 if set_it else 0, value)
            else:
                buf += _I.pack(1 if set_it else 0)
        except StructError as error:
            raise unencodable("set_uid3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> set_uid3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, set_it: bool) -> set_uid3:
        if set_it:
            uid = dec.uint32()
            return cls(set_it, uid)
        return cls(set_it)

    @property
    def uid(self) -> uid3:
        if not (self.set_it):
            raise wrong_arm(self, "uid")
        arm: uid3 = self.value
        return arm


class set_gid3(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: bool, value: gid3 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it:
                buf += _2I.pack(1 if set_it else 0, value)
            else:
                buf += _I.pack(1 if set_it else 0)
        except StructError as error:
            raise unencodable("set_gid3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> set_gid3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, set_it: bool) -> set_gid3:
        if set_it:
            gid = dec.uint32()
            return cls(set_it, gid)
        return cls(set_it)

    @property
    def gid(self) -> gid3:
        if not (self.set_it):
            raise wrong_arm(self, "gid")
        arm: gid3 = self.value
        return arm


class set_size3(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: bool, value: size3 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it:
                buf += _IQ.pack(1 if set_it else 0, value)
            else:
                buf += _I.pack(1 if set_it else 0)
        except StructError as error:
            raise unencodable("set_size3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> set_size3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, set_it: bool) -> set_size3:
        if set_it:
            size = dec.uint64()
            return cls(set_it, size)
        return cls(set_it)

    @property
    def size(self) -> size3:
        if not (self.set_it):
            raise wrong_arm(self, "size")
        arm: size3 = self.value
        return arm


class set_atime(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: int, value: nfstime3 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it == SET_TO_CLIENT_TIME:
                buf += _i2I.pack(set_it, value.seconds, value.nseconds)
            else:
                buf += _i.pack(set_it)
        except StructError as error:
            raise unencodable("set_atime", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> set_atime:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, set_it: int) -> set_atime:
        if set_it == SET_TO_CLIENT_TIME:
            atime__seconds, atime__nseconds = dec.unpack(_2I)
            return cls(set_it, nfstime3(atime__seconds, atime__nseconds))
        return cls(set_it)

    @property
    def atime(self) -> nfstime3:
        if not (self.set_it == SET_TO_CLIENT_TIME):
            raise wrong_arm(self, "atime")
        arm: nfstime3 = self.value
        return arm


class set_mtime(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: int, value: nfstime3 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it == SET_TO_CLIENT_TIME:
                buf += _i2I.pack(set_it, value.seconds, value.nseconds)
            else:
                buf += _i.pack(set_it)
        except StructError as error:
            raise unencodable("set_mtime", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> set_mtime:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, set_it: int) -> set_mtime:
        if set_it == SET_TO_CLIENT_TIME:
            mtime__seconds, mtime__nseconds = dec.unpack(_2I)
            return cls(set_it, nfstime3(mtime__seconds, mtime__nseconds))
        return cls(set_it)

    @property
    def mtime(self) -> nfstime3:
        if not (self.set_it == SET_TO_CLIENT_TIME):
            raise wrong_arm(self, "mtime")
        arm: nfstime3 = self.value
        return arm


class sattr3(XdrStruct):
    __slots__ = ("mode", "uid", "gid", "size", "atime", "mtime")

    def __init__(
        self,
        mode: set_mode3,
        uid: set_uid3,
        gid: set_gid3,
        size: set_size3,
        atime: set_atime,
        mtime: set_mtime,
    ) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.atime = atime
        self.mtime = mtime

    def encode(self, enc: Encoder) -> None:
        try:
            self.mode.encode(enc)
            self.uid.encode(enc)
            self.gid.encode(enc)
            self.size.encode(enc)
            self.atime.encode(enc)
            self.mtime.encode(enc)
        except StructError as error:
            raise unencodable("sattr3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sattr3:
        mode__set_it = dec.uint32()
        if mode__set_it > 1:
            raise not_boolean("set_mode3.set_it", mode__set_it)
        mode = set_mode3.decode_arm(dec, mode__set_it == 1)
        uid__set_it = dec.uint32()
        if uid__set_it > 1:
            raise not_boolean("set_uid3.set_it", uid__set_it)
        uid = set_uid3.decode_arm(dec, uid__set_it == 1)
        gid__set_it = dec.uint32()
        if gid__set_it > 1:
            raise not_boolean("set_gid3.set_it", gid__set_it)
        gid = set_gid3.decode_arm(dec, gid__set_it == 1)
        size__set_it = dec.uint32()
        if size__set_it > 1:
            raise not_boolean("set_size3.set_it", size__set_it)
        size = set_size3.decode_arm(dec, size__set_it == 1)
        atime__set_it = dec.int32()
        atime = set_atime.decode_arm(dec, atime__set_it)
        mtime__set_it = dec.int32()
        mtime = set_mtime.decode_arm(dec, mtime__set_it)
        return cls(mode, uid, gid, size, atime, mtime)


class diropargs3(XdrStruct):
    __slots__ = ("dir", "name")

    def __init__(self, dir: nfs_fh3, name: filename3) -> None:
        self.dir = dir
        self.name = name

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            dir = self.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = self.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("diropargs3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> diropargs3:
        dir__data_n = dec.uint32()
        if dir__data_n > 64:
            raise too_long("nfs_fh3.data", dir__data_n, 64)
        dir__data = dec.octets(dir__data_n) if dir__data_n else b""
        name_n = dec.uint32()
        name = dec.octets(name_n) if name_n else b""
        return cls(nfs_fh3(dir__data), name)


class GETATTR3args(XdrStruct):
    __slots__ = ("object",)

    def __init__(self, object: nfs_fh3) -> None:
        self.object = object

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            data = object.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("GETATTR3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETATTR3args:
        object__data_n = dec.uint32()
        if object__data_n > 64:
            raise too_long("nfs_fh3.data", object__data_n, 64)
        object__data = dec.octets(object__data_n) if object__data_n else b""
        return cls(nfs_fh3(object__data))


class GETATTR3resok(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: fattr3) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            obj_attributes = self.obj_attributes
            rdev = obj_attributes.rdev
            atime = obj_attributes.atime
            mtime = obj_attributes.mtime
            ctime = obj_attributes.ctime
            buf += _i4I2Q2I2Q6I.pack(obj_attributes.type, obj_attributes.mode, obj_attributes.nlink, obj_attributes.uid, obj_attributes.gid, obj_attributes.size, obj_attributes.used, rdev.specdata1, rdev.specdata2, obj_attributes.fsid, obj_attributes.fileid, atime.seconds, atime.nseconds, mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds)
        except StructError as error:
            raise unencodable("GETATTR3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETATTR3resok:
        obj_attributes__type, obj_attributes__mode, obj_attributes__nlink, obj_attributes__uid, obj_attributes__gid, obj_attributes__size, obj_attributes__used, obj_attributes__rdev__specdata1, obj_attributes__rdev__specdata2, obj_attributes__fsid, obj_attributes__fileid, obj_attributes__atime__seconds, obj_attributes__atime__nseconds, obj_attributes__mtime__seconds, obj_attributes__mtime__nseconds, obj_attributes__ctime__seconds, obj_attributes__ctime__nseconds = dec.unpack(_i4I2Q2I2Q6I)
        return cls(fattr3(obj_attributes__type, obj_attributes__mode, obj_attributes__nlink, obj_attributes__uid, obj_attributes__gid, obj_attributes__size, obj_attributes__used, specdata3(obj_attributes__rdev__specdata1, obj_attributes__rdev__specdata2), obj_attributes__fsid, obj_attributes__fileid, nfstime3(obj_attributes__atime__seconds, obj_attributes__atime__nseconds), nfstime3(obj_attributes__mtime__seconds, obj_attributes__mtime__nseconds), nfstime3(obj_attributes__ctime__seconds, obj_attributes__ctime__nseconds)))


class GETATTR3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: GETATTR3resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                obj_attributes = value.obj_attributes
                rdev = obj_attributes.rdev
                atime = obj_attributes.atime
                mtime = obj_attributes.mtime
                ctime = obj_attributes.ctime
                buf += _2i4I2Q2I2Q6I.pack(status, obj_attributes.type, obj_attributes.mode, obj_attributes.nlink, obj_attributes.uid, obj_attributes.gid, obj_attributes.size, obj_attributes.used, rdev.specdata1, rdev.specdata2, obj_attributes.fsid, obj_attributes.fileid, atime.seconds, atime.nseconds, mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("GETATTR3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETATTR3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> GETATTR3res:
        if status == NFS3_OK:
            resok__obj_attributes__type, resok__obj_attributes__mode, resok__obj_attributes__nlink, resok__obj_attributes__uid, resok__obj_attributes__gid, resok__obj_attributes__size, resok__obj_attributes__used, resok__obj_attributes__rdev__specdata1, resok__obj_attributes__rdev__specdata2, resok__obj_attributes__fsid, resok__obj_attributes__fileid, resok__obj_attributes__atime__seconds, resok__obj_attributes__atime__nseconds, resok__obj_attributes__mtime__seconds, resok__obj_attributes__mtime__nseconds, resok__obj_attributes__ctime__seconds, resok__obj_attributes__ctime__nseconds = dec.unpack(_i4I2Q2I2Q6I)
            return cls(status, GETATTR3resok(fattr3(resok__obj_attributes__type, resok__obj_attributes__mode, resok__obj_attributes__nlink, resok__obj_attributes__uid, resok__obj_attributes__gid, resok__obj_attributes__size, resok__obj_attributes__used, specdata3(resok__obj_attributes__rdev__specdata1, resok__obj_attributes__rdev__specdata2), resok__obj_attributes__fsid, resok__obj_attributes__fileid, nfstime3(resok__obj_attributes__atime__seconds, resok__obj_attributes__atime__nseconds), nfstime3(resok__obj_attributes__mtime__seconds, resok__obj_attributes__mtime__nseconds), nfstime3(resok__obj_attributes__ctime__seconds, resok__obj_attributes__ctime__nseconds))))
        return cls(status)

    @property
    def resok(self) -> GETATTR3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: GETATTR3resok = self.value
        return arm


class sattrguard3(XdrUnion):
    __slots__ = ("check", "value")

    def __init__(self, check: bool, value: nfstime3 | None = None) -> None:
        self.check = check
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        check = self.check
        try:
            if check:
                buf += _3I.pack(1 if check else 0, value.seconds, value.nseconds)
            elif not check:
                buf += _I.pack(1 if check else 0)
            else:
                raise no_arm("sattrguard3", check)
        except StructError as error:
            raise unencodable("sattrguard3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sattrguard3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, check: bool) -> sattrguard3:
        if check:
            obj_ctime__seconds, obj_ctime__nseconds = dec.unpack(_2I)
            return cls(check, nfstime3(obj_ctime__seconds, obj_ctime__nseconds))
        if not check:
            return cls(check)
        raise no_arm("sattrguard3", check)

    @property
    def obj_ctime(self) -> nfstime3:
        if not (self.check):
            raise wrong_arm(self, "obj_ctime")
        arm: nfstime3 = self.value
        return arm


class SETATTR3args(XdrStruct):
    __slots__ = ("object", "new_attributes", "guard")

    def __init__(self, object: nfs_fh3, new_attributes: sattr3, guard: sattrguard3) -> None:
        self.object = object
        self.new_attributes = new_attributes
        self.guard = guard

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            data = object.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            self.new_attributes.encode(enc)
            self.guard.encode(enc)
        except StructError as error:
            raise unencodable("SETATTR3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETATTR3args:
        object__data_n = dec.uint32()
        if object__data_n > 64:
            raise too_long("nfs_fh3.data", object__data_n, 64)
        object__data = dec.octets(object__data_n) if object__data_n else b""
        new_attributes = sattr3.decode(dec)
        guard__check = dec.uint32()
        if guard__check > 1:
            raise not_boolean("sattrguard3.check", guard__check)
        guard = sattrguard3.decode_arm(dec, guard__check == 1)
        return cls(nfs_fh3(object__data), new_attributes, guard)


class SETATTR3resok(XdrStruct):
    __slots__ = ("obj_wcc",)

    def __init__(self, obj_wcc: wcc_data) -> None:
        self.obj_wcc = obj_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj_wcc.encode(enc)
        except StructError as error:
            raise unencodable("SETATTR3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETATTR3resok:
        obj_wcc = wcc_data.decode(dec)
        return cls(obj_wcc)


class SETATTR3resfail(XdrStruct):
    __slots__ = ("obj_wcc",)

    def __init__(self, obj_wcc: wcc_data) -> None:
        self.obj_wcc = obj_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj_wcc.encode(enc)
        except StructError as error:
            raise unencodable("SETATTR3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETATTR3resfail:
        obj_wcc = wcc_data.decode(dec)
        return cls(obj_wcc)


class SETATTR3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: SETATTR3resok | SETATTR3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("SETATTR3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETATTR3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> SETATTR3res:
        if status == NFS3_OK:
            resok = SETATTR3resok.decode(dec)
            return cls(status, resok)
        resfail = SETATTR3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> SETATTR3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: SETATTR3resok = self.value
        return arm

    @property
    def resfail(self) -> SETATTR3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: SETATTR3resfail = self.value
        return arm


class LOOKUP3args(XdrStruct):
    __slots__ = ("what",)

    def __init__(self, what: diropargs3) -> None:
        self.what = what

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            what = self.what
            dir = what.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = what.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("LOOKUP3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUP3args:
        what__dir__data_n = dec.uint32()
        if what__dir__data_n > 64:
            raise too_long("nfs_fh3.data", what__dir__data_n, 64)
        what__dir__data = dec.octets(what__dir__data_n) if what__dir__data_n else b""
        what__name_n = dec.uint32()
        what__name = dec.octets(what__name_n) if what__name_n else b""
        return cls(diropargs3(nfs_fh3(what__dir__data), what__name))


class LOOKUP3resok(XdrStruct):
    __slots__ = ("object", "obj_attributes", "dir_attributes")

    def __init__(
        self,
        object: nfs_fh3,
        obj_attributes: post_op_attr,
        dir_attributes: post_op_attr,
    ) -> None:
        self.object = object
        self.obj_attributes = obj_attributes
        self.dir_attributes = dir_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            data = object.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            self.obj_attributes.encode(enc)
            self.dir_attributes.encode(enc)
        except StructError as error:
            raise unencodable("LOOKUP3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUP3resok:
        object__data_n = dec.uint32()
        if object__data_n > 64:
            raise too_long("nfs_fh3.data", object__data_n, 64)
        object__data = dec.octets(object__data_n) if object__data_n else b""
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        dir_attributes__attributes_follow = dec.uint32()
        if dir_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", dir_attributes__attributes_follow)
        dir_attributes = post_op_attr.decode_arm(dec, dir_attributes__attributes_follow == 1)
        return cls(nfs_fh3(object__data), obj_attributes, dir_attributes)


class LOOKUP3resfail(XdrStruct):
    __slots__ = ("dir_attributes",)

    def __init__(self, dir_attributes: post_op_attr) -> None:
        self.dir_attributes = dir_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_attributes.encode(enc)
        except StructError as error:
            raise unencodable("LOOKUP3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUP3resfail:
        dir_attributes__attributes_follow = dec.uint32()
        if dir_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", dir_attributes__attributes_follow)
        dir_attributes = post_op_attr.decode_arm(dec, dir_attributes__attributes_follow == 1)
        return cls(dir_attributes)


class LOOKUP3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: LOOKUP3resok | LOOKUP3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("LOOKUP3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUP3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> LOOKUP3res:
        if status == NFS3_OK:
            resok = LOOKUP3resok.decode(dec)
            return cls(status, resok)
        resfail = LOOKUP3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> LOOKUP3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: LOOKUP3resok = self.value
        return arm

    @property
    def resfail(self) -> LOOKUP3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: LOOKUP3resfail = self.value
        return arm


class ACCESS3args(XdrStruct):
    __slots__ = ("object", "access")

    def __init__(self, object: nfs_fh3, access: uint32) -> None:
        self.object = object
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            data = object.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            buf += _I.pack(self.access)
        except StructError as error:
            raise unencodable("ACCESS3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS3args:
        object__data_n = dec.uint32()
        if object__data_n > 64:
            raise too_long("nfs_fh3.data", object__data_n, 64)
        object__data = dec.octets(object__data_n) if object__data_n else b""
        access = dec.uint32()
        return cls(nfs_fh3(object__data), access)


class ACCESS3resok(XdrStruct):
    __slots__ = ("obj_attributes", "access")

    def __init__(self, obj_attributes: post_op_attr, access: uint32) -> None:
        self.obj_attributes = obj_attributes
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
            buf += _I.pack(self.access)
        except StructError as error:
            raise unencodable("ACCESS3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS3resok:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        access = dec.uint32()
        return cls(obj_attributes, access)


class ACCESS3resfail(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: post_op_attr) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("ACCESS3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS3resfail:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        return cls(obj_attributes)


class ACCESS3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: ACCESS3resok | ACCESS3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("ACCESS3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> ACCESS3res:
        if status == NFS3_OK:
            resok = ACCESS3resok.decode(dec)
            return cls(status, resok)
        resfail = ACCESS3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> ACCESS3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: ACCESS3resok = self.value
        return arm

    @property
    def resfail(self) -> ACCESS3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: ACCESS3resfail = self.value
        return arm


class READLINK3args(XdrStruct):
    __slots__ = ("symlink",)

    def __init__(self, symlink: nfs_fh3) -> None:
        self.symlink = symlink

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            symlink = self.symlink
            data = symlink.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("READLINK3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READLINK3args:
        symlink__data_n = dec.uint32()
        if symlink__data_n > 64:
            raise too_long("nfs_fh3.data", symlink__data_n, 64)
        symlink__data = dec.octets(symlink__data_n) if symlink__data_n else b""
        return cls(nfs_fh3(symlink__data))


class READLINK3resok(XdrStruct):
    __slots__ = ("symlink_attributes", "data")

    def __init__(
        self,
        symlink_attributes: post_op_attr,
        data: bytes | bytearray | memoryview,
    ) -> None:
        self.symlink_attributes = symlink_attributes
        self.data = data

    def encode(self, enc: Encoder) -> None:
        try:
            self.symlink_attributes.encode(enc)
            enc.payload(self.data)
        except StructError as error:
            raise unencodable("READLINK3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READLINK3resok:
        symlink_attributes__attributes_follow = dec.uint32()
        if symlink_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", symlink_attributes__attributes_follow)
        symlink_attributes = post_op_attr.decode_arm(dec, symlink_attributes__attributes_follow == 1)
        data = dec.payload()
        return cls(symlink_attributes, data)


class READLINK3resfail(XdrStruct):
    __slots__ = ("symlink_attributes",)

    def __init__(self, symlink_attributes: post_op_attr) -> None:
        self.symlink_attributes = symlink_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.symlink_attributes.encode(enc)
        except StructError as error:
            raise unencodable("READLINK3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READLINK3resfail:
        symlink_attributes__attributes_follow = dec.uint32()
        if symlink_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", symlink_attributes__attributes_follow)
        symlink_attributes = post_op_attr.decode_arm(dec, symlink_attributes__attributes_follow == 1)
        return cls(symlink_attributes)


class READLINK3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: READLINK3resok | READLINK3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("READLINK3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READLINK3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> READLINK3res:
        if status == NFS3_OK:
            resok = READLINK3resok.decode(dec)
            return cls(status, resok)
        resfail = READLINK3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> READLINK3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: READLINK3resok = self.value
        return arm

    @property
    def resfail(self) -> READLINK3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: READLINK3resfail = self.value
        return arm


class READ3args(XdrStruct):
    __slots__ = ("file", "offset", "count")

    def __init__(self, file: nfs_fh3, offset: offset3, count: count3) -> None:
        self.file = file
        self.offset = offset
        self.count = count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            file = self.file
            data = file.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            buf += _QI.pack(self.offset, self.count)
        except StructError as error:
            raise unencodable("READ3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ3args:
        file__data_n = dec.uint32()
        if file__data_n > 64:
            raise too_long("nfs_fh3.data", file__data_n, 64)
        file__data = dec.octets(file__data_n) if file__data_n else b""
        offset, count = dec.unpack(_QI)
        return cls(nfs_fh3(file__data), offset, count)


class READ3resok(XdrStruct):
    __slots__ = ("file_attributes", "count", "eof", "data")

    def __init__(
        self,
        file_attributes: post_op_attr,
        count: count3,
        eof: bool,
        data: bytes | bytearray | memoryview,
    ) -> None:
        self.file_attributes = file_attributes
        self.count = count
        self.eof = eof
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.file_attributes.encode(enc)
            buf += _2I.pack(self.count, 1 if self.eof else 0)
            enc.payload(self.data)
        except StructError as error:
            raise unencodable("READ3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ3resok:
        file_attributes__attributes_follow = dec.uint32()
        if file_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", file_attributes__attributes_follow)
        file_attributes = post_op_attr.decode_arm(dec, file_attributes__attributes_follow == 1)
        count, eof = dec.unpack(_2I)
        if eof > 1:
            raise not_boolean("READ3resok.eof", eof)
        data = dec.payload()
        return cls(file_attributes, count, eof == 1, data)


class READ3resfail(XdrStruct):
    __slots__ = ("file_attributes",)

    def __init__(self, file_attributes: post_op_attr) -> None:
        self.file_attributes = file_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.file_attributes.encode(enc)
        except StructError as error:
            raise unencodable("READ3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ3resfail:
        file_attributes__attributes_follow = dec.uint32()
        if file_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", file_attributes__attributes_follow)
        file_attributes = post_op_attr.decode_arm(dec, file_attributes__attributes_follow == 1)
        return cls(file_attributes)


class READ3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: READ3resok | READ3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("READ3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> READ3res:
        if status == NFS3_OK:
            resok = READ3resok.decode(dec)
            return cls(status, resok)
        resfail = READ3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> READ3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: READ3resok = self.value
        return arm

    @property
    def resfail(self) -> READ3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: READ3resfail = self.value
        return arm


class WRITE3args(XdrStruct):
    __slots__ = ("file", "offset", "count", "stable", "data")

    def __init__(
        self,
        file: nfs_fh3,
        offset: offset3,
        count: count3,
        stable: int,
        data: bytes | bytearray | memoryview,
    ) -> None:
        self.file = file
        self.offset = offset
        self.count = count
        self.stable = stable
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            file = self.file
            data = file.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            buf += _QIi.pack(self.offset, self.count, self.stable)
            enc.payload(self.data)
        except StructError as error:
            raise unencodable("WRITE3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE3args:
        file__data_n = dec.uint32()
        if file__data_n > 64:
            raise too_long("nfs_fh3.data", file__data_n, 64)
        file__data = dec.octets(file__data_n) if file__data_n else b""
        offset, count, stable = dec.unpack(_QIi)
        data = dec.payload()
        return cls(nfs_fh3(file__data), offset, count, stable, data)


class WRITE3resok(XdrStruct):
    __slots__ = ("file_wcc", "count", "committed", "verf")

    def __init__(self, file_wcc: wcc_data, count: count3, committed: int, verf: writeverf3) -> None:
        self.file_wcc = file_wcc
        self.count = count
        self.committed = committed
        self.verf = verf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.file_wcc.encode(enc)
            if len(self.verf) != 8:
                raise wrong_length("WRITE3resok.verf", len(self.verf), 8)
            buf += _Ii8s.pack(self.count, self.committed, self.verf)
        except StructError as error:
            raise unencodable("WRITE3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE3resok:
        file_wcc = wcc_data.decode(dec)
        count, committed, verf = dec.unpack(_Ii8s)
        return cls(file_wcc, count, committed, verf)


class WRITE3resfail(XdrStruct):
    __slots__ = ("file_wcc",)

    def __init__(self, file_wcc: wcc_data) -> None:
        self.file_wcc = file_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.file_wcc.encode(enc)
        except StructError as error:
            raise unencodable("WRITE3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE3resfail:
        file_wcc = wcc_data.decode(dec)
        return cls(file_wcc)


class WRITE3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: WRITE3resok | WRITE3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("WRITE3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> WRITE3res:
        if status == NFS3_OK:
            resok = WRITE3resok.decode(dec)
            return cls(status, resok)
        resfail = WRITE3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> WRITE3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: WRITE3resok = self.value
        return arm

    @property
    def resfail(self) -> WRITE3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: WRITE3resfail = self.value
        return arm


class createhow3(XdrUnion):
    __slots__ = ("mode", "value")

    def __init__(self, mode: int, value: sattr3 | createverf3 | None = None) -> None:
        self.mode = mode
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        mode = self.mode
        try:
            if mode in (UNCHECKED, GUARDED):
                buf += _i.pack(mode)
                value.encode(enc)
            elif mode == EXCLUSIVE:
                if len(value) != 8:
                    raise wrong_length("createhow3.verf", len(value), 8)
                buf += _i8s.pack(mode, value)
            else:
                raise no_arm("createhow3", mode)
        except StructError as error:
            raise unencodable("createhow3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> createhow3:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, mode: int) -> createhow3:
        if mode in (UNCHECKED, GUARDED):
            obj_attributes = sattr3.decode(dec)
            return cls(mode, obj_attributes)
        if mode == EXCLUSIVE:
            (verf,) = dec.unpack(_8s)
            return cls(mode, verf)
        raise no_arm("createhow3", mode)

    @property
    def obj_attributes(self) -> sattr3:
        if not (self.mode in (UNCHECKED, GUARDED)):
            raise wrong_arm(self, "obj_attributes")
        arm: sattr3 = self.value
        return arm

    @property
    def verf(self) -> createverf3:
        if not (self.mode == EXCLUSIVE):
            raise wrong_arm(self, "verf")
        arm: createverf3 = self.value
        return arm


class CREATE3args(XdrStruct):
    __slots__ = ("where", "how")

    def __init__(self, where: diropargs3, how: createhow3) -> None:
        self.where = where
        self.how = how

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            where = self.where
            dir = where.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = where.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
            self.how.encode(enc)
        except StructError as error:
            raise unencodable("CREATE3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE3args:
        where__dir__data_n = dec.uint32()
        if where__dir__data_n > 64:
            raise too_long("nfs_fh3.data", where__dir__data_n, 64)
        where__dir__data = dec.octets(where__dir__data_n) if where__dir__data_n else b""
        where__name_n = dec.uint32()
        where__name = dec.octets(where__name_n) if where__name_n else b""
        how__mode = dec.int32()
        how = createhow3.decode_arm(dec, how__mode)
        return cls(diropargs3(nfs_fh3(where__dir__data), where__name), how)


class CREATE3resok(XdrStruct):
    __slots__ = ("obj", "obj_attributes", "dir_wcc")

    def __init__(self, obj: post_op_fh3, obj_attributes: post_op_attr, dir_wcc: wcc_data) -> None:
        self.obj = obj
        self.obj_attributes = obj_attributes
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj.encode(enc)
            self.obj_attributes.encode(enc)
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("CREATE3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE3resok:
        obj__handle_follows = dec.uint32()
        if obj__handle_follows > 1:
            raise not_boolean("post_op_fh3.handle_follows", obj__handle_follows)
        obj = post_op_fh3.decode_arm(dec, obj__handle_follows == 1)
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        dir_wcc = wcc_data.decode(dec)
        return cls(obj, obj_attributes, dir_wcc)


class CREATE3resfail(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("CREATE3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE3resfail:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class CREATE3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: CREATE3resok | CREATE3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("CREATE3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> CREATE3res:
        if status == NFS3_OK:
            resok = CREATE3resok.decode(dec)
            return cls(status, resok)
        resfail = CREATE3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> CREATE3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: CREATE3resok = self.value
        return arm

    @property
    def resfail(self) -> CREATE3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: CREATE3resfail = self.value
        return arm


class MKDIR3args(XdrStruct):
    __slots__ = ("where", "attributes")

    def __init__(self, where: diropargs3, attributes: sattr3) -> None:
        self.where = where
        self.attributes = attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            where = self.where
            dir = where.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = where.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
            self.attributes.encode(enc)
        except StructError as error:
            raise unencodable("MKDIR3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKDIR3args:
        where__dir__data_n = dec.uint32()
        if where__dir__data_n > 64:
            raise too_long("nfs_fh3.data", where__dir__data_n, 64)
        where__dir__data = dec.octets(where__dir__data_n) if where__dir__data_n else b""
        where__name_n = dec.uint32()
        where__name = dec.octets(where__name_n) if where__name_n else b""
        attributes = sattr3.decode(dec)
        return cls(diropargs3(nfs_fh3(where__dir__data), where__name), attributes)


class MKDIR3resok(XdrStruct):
    __slots__ = ("obj", "obj_attributes", "dir_wcc")

    def __init__(self, obj: post_op_fh3, obj_attributes: post_op_attr, dir_wcc: wcc_data) -> None:
        self.obj = obj
        self.obj_attributes = obj_attributes
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj.encode(enc)
            self.obj_attributes.encode(enc)
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("MKDIR3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKDIR3resok:
        obj__handle_follows = dec.uint32()
        if obj__handle_follows > 1:
            raise not_boolean("post_op_fh3.handle_follows", obj__handle_follows)
        obj = post_op_fh3.decode_arm(dec, obj__handle_follows == 1)
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        dir_wcc = wcc_data.decode(dec)
        return cls(obj, obj_attributes, dir_wcc)


class MKDIR3resfail(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("MKDIR3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKDIR3resfail:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class MKDIR3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: MKDIR3resok | MKDIR3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("MKDIR3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKDIR3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> MKDIR3res:
        if status == NFS3_OK:
            resok = MKDIR3resok.decode(dec)
            return cls(status, resok)
        resfail = MKDIR3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> MKDIR3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: MKDIR3resok = self.value
        return arm

    @property
    def resfail(self) -> MKDIR3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: MKDIR3resfail = self.value
        return arm


class symlinkdata3(XdrStruct):
    __slots__ = ("symlink_attributes", "symlink_data")

    def __init__(
        self,
        symlink_attributes: sattr3,
        symlink_data: bytes | bytearray | memoryview,
    ) -> None:
        self.symlink_attributes = symlink_attributes
        self.symlink_data = symlink_data

    def encode(self, enc: Encoder) -> None:
        try:
            self.symlink_attributes.encode(enc)
            enc.payload(self.symlink_data)
        except StructError as error:
            raise unencodable("symlinkdata3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> symlinkdata3:
        symlink_attributes = sattr3.decode(dec)
        symlink_data = dec.payload()
        return cls(symlink_attributes, symlink_data)


class SYMLINK3args(XdrStruct):
    __slots__ = ("where", "symlink")

    def __init__(self, where: diropargs3, symlink: symlinkdata3) -> None:
        self.where = where
        self.symlink = symlink

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            where = self.where
            dir = where.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = where.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
            self.symlink.encode(enc)
        except StructError as error:
            raise unencodable("SYMLINK3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SYMLINK3args:
        where__dir__data_n = dec.uint32()
        if where__dir__data_n > 64:
            raise too_long("nfs_fh3.data", where__dir__data_n, 64)
        where__dir__data = dec.octets(where__dir__data_n) if where__dir__data_n else b""
        where__name_n = dec.uint32()
        where__name = dec.octets(where__name_n) if where__name_n else b""
        symlink = symlinkdata3.decode(dec)
        return cls(diropargs3(nfs_fh3(where__dir__data), where__name), symlink)


class SYMLINK3resok(XdrStruct):
    __slots__ = ("obj", "obj_attributes", "dir_wcc")

    def __init__(self, obj: post_op_fh3, obj_attributes: post_op_attr, dir_wcc: wcc_data) -> None:
        self.obj = obj
        self.obj_attributes = obj_attributes
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj.encode(enc)
            self.obj_attributes.encode(enc)
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("SYMLINK3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SYMLINK3resok:
        obj__handle_follows = dec.uint32()
        if obj__handle_follows > 1:
            raise not_boolean("post_op_fh3.handle_follows", obj__handle_follows)
        obj = post_op_fh3.decode_arm(dec, obj__handle_follows == 1)
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        dir_wcc = wcc_data.decode(dec)
        return cls(obj, obj_attributes, dir_wcc)


class SYMLINK3resfail(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("SYMLINK3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SYMLINK3resfail:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class SYMLINK3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: SYMLINK3resok | SYMLINK3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("SYMLINK3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SYMLINK3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> SYMLINK3res:
        if status == NFS3_OK:
            resok = SYMLINK3resok.decode(dec)
            return cls(status, resok)
        resfail = SYMLINK3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> SYMLINK3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: SYMLINK3resok = self.value
        return arm

    @property
    def resfail(self) -> SYMLINK3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: SYMLINK3resfail = self.value
        return arm


class devicedata3(XdrStruct):
    __slots__ = ("dev_attributes", "spec")

    def __init__(self, dev_attributes: sattr3, spec: specdata3) -> None:
        self.dev_attributes = dev_attributes
        self.spec = spec

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.dev_attributes.encode(enc)
            spec = self.spec
            buf += _2I.pack(spec.specdata1, spec.specdata2)
        except StructError as error:
            raise unencodable("devicedata3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> devicedata3:
        dev_attributes = sattr3.decode(dec)
        spec__specdata1, spec__specdata2 = dec.unpack(_2I)
        return cls(dev_attributes, specdata3(spec__specdata1, spec__specdata2))


class mknoddata3(XdrUnion):
    __slots__ = ("type", "value")

    def __init__(self, type: int, value: devicedata3 | sattr3 | None = None) -> None:
        self.type = type
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        type = self.type
        try:
            if type in (NF3CHR, NF3BLK):
                buf += _i.pack(type)
                value.encode(enc)
            elif type in (NF3SOCK, NF3FIFO):
                buf += _i.pack(type)
                value.encode(enc)
            else:
                buf += _i.pack(type)
        except StructError as error:
            raise unencodable("mknoddata3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mknoddata3:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, type: int) -> mknoddata3:
        if type in (NF3CHR, NF3BLK):
            device = devicedata3.decode(dec)
            return cls(type, device)
        if type in (NF3SOCK, NF3FIFO):
            pipe_attributes = sattr3.decode(dec)
            return cls(type, pipe_attributes)
        return cls(type)

    @property
    def device(self) -> devicedata3:
        if not (self.type in (NF3CHR, NF3BLK)):
            raise wrong_arm(self, "device")
        arm: devicedata3 = self.value
        return arm

    @property
    def pipe_attributes(self) -> sattr3:
        if not (self.type in (NF3SOCK, NF3FIFO)):
            raise wrong_arm(self, "pipe_attributes")
        arm: sattr3 = self.value
        return arm


class MKNOD3args(XdrStruct):
    __slots__ = ("where", "what")

    def __init__(self, where: diropargs3, what: mknoddata3) -> None:
        self.where = where
        self.what = what

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            where = self.where
            dir = where.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = where.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
            self.what.encode(enc)
        except StructError as error:
            raise unencodable("MKNOD3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKNOD3args:
        where__dir__data_n = dec.uint32()
        if where__dir__data_n > 64:
            raise too_long("nfs_fh3.data", where__dir__data_n, 64)
        where__dir__data = dec.octets(where__dir__data_n) if where__dir__data_n else b""
        where__name_n = dec.uint32()
        where__name = dec.octets(where__name_n) if where__name_n else b""
        what__type = dec.int32()
        what = mknoddata3.decode_arm(dec, what__type)
        return cls(diropargs3(nfs_fh3(where__dir__data), where__name), what)


class MKNOD3resok(XdrStruct):
    __slots__ = ("obj", "obj_attributes", "dir_wcc")

    def __init__(self, obj: post_op_fh3, obj_attributes: post_op_attr, dir_wcc: wcc_data) -> None:
        self.obj = obj
        self.obj_attributes = obj_attributes
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj.encode(enc)
            self.obj_attributes.encode(enc)
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("MKNOD3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKNOD3resok:
        obj__handle_follows = dec.uint32()
        if obj__handle_follows > 1:
            raise not_boolean("post_op_fh3.handle_follows", obj__handle_follows)
        obj = post_op_fh3.decode_arm(dec, obj__handle_follows == 1)
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        dir_wcc = wcc_data.decode(dec)
        return cls(obj, obj_attributes, dir_wcc)


class MKNOD3resfail(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("MKNOD3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKNOD3resfail:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class MKNOD3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: MKNOD3resok | MKNOD3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("MKNOD3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> MKNOD3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> MKNOD3res:
        if status == NFS3_OK:
            resok = MKNOD3resok.decode(dec)
            return cls(status, resok)
        resfail = MKNOD3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> MKNOD3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: MKNOD3resok = self.value
        return arm

    @property
    def resfail(self) -> MKNOD3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: MKNOD3resfail = self.value
        return arm


class REMOVE3args(XdrStruct):
    __slots__ = ("object",)

    def __init__(self, object: diropargs3) -> None:
        self.object = object

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            dir = object.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = object.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("REMOVE3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE3args:
        object__dir__data_n = dec.uint32()
        if object__dir__data_n > 64:
            raise too_long("nfs_fh3.data", object__dir__data_n, 64)
        object__dir__data = dec.octets(object__dir__data_n) if object__dir__data_n else b""
        object__name_n = dec.uint32()
        object__name = dec.octets(object__name_n) if object__name_n else b""
        return cls(diropargs3(nfs_fh3(object__dir__data), object__name))


class REMOVE3resok(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("REMOVE3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE3resok:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class REMOVE3resfail(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("REMOVE3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE3resfail:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class REMOVE3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: REMOVE3resok | REMOVE3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("REMOVE3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> REMOVE3res:
        if status == NFS3_OK:
            resok = REMOVE3resok.decode(dec)
            return cls(status, resok)
        resfail = REMOVE3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> REMOVE3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: REMOVE3resok = self.value
        return arm

    @property
    def resfail(self) -> REMOVE3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: REMOVE3resfail = self.value
        return arm


class RMDIR3args(XdrStruct):
    __slots__ = ("object",)

    def __init__(self, object: diropargs3) -> None:
        self.object = object

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            dir = object.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = object.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("RMDIR3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RMDIR3args:
        object__dir__data_n = dec.uint32()
        if object__dir__data_n > 64:
            raise too_long("nfs_fh3.data", object__dir__data_n, 64)
        object__dir__data = dec.octets(object__dir__data_n) if object__dir__data_n else b""
        object__name_n = dec.uint32()
        object__name = dec.octets(object__name_n) if object__name_n else b""
        return cls(diropargs3(nfs_fh3(object__dir__data), object__name))


class RMDIR3resok(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("RMDIR3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RMDIR3resok:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class RMDIR3resfail(XdrStruct):
    __slots__ = ("dir_wcc",)

    def __init__(self, dir_wcc: wcc_data) -> None:
        self.dir_wcc = dir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("RMDIR3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RMDIR3resfail:
        dir_wcc = wcc_data.decode(dec)
        return cls(dir_wcc)


class RMDIR3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: RMDIR3resok | RMDIR3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("RMDIR3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RMDIR3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> RMDIR3res:
        if status == NFS3_OK:
            resok = RMDIR3resok.decode(dec)
            return cls(status, resok)
        resfail = RMDIR3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> RMDIR3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: RMDIR3resok = self.value
        return arm

    @property
    def resfail(self) -> RMDIR3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: RMDIR3resfail = self.value
        return arm


class RENAME3args(XdrStruct):
    __slots__ = ("from_", "to")

    def __init__(self, from_: diropargs3, to: diropargs3) -> None:
        self.from_ = from_
        self.to = to

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            from_ = self.from_
            dir = from_.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            name = from_.name
            n2 = len(name)
            buf += _I.pack(n2)
            buf += name
            if n2 & 3:
                buf += PAD[n2 & 3]
            to = self.to
            dir2 = to.dir
            data2 = dir2.data
            n3 = len(data2)
            if n3 > 64:
                raise too_long("nfs_fh3.data", n3, 64)
            buf += _I.pack(n3)
            buf += data2
            if n3 & 3:
                buf += PAD[n3 & 3]
            name2 = to.name
            n4 = len(name2)
            buf += _I.pack(n4)
            buf += name2
            if n4 & 3:
                buf += PAD[n4 & 3]
        except StructError as error:
            raise unencodable("RENAME3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME3args:
        from___dir__data_n = dec.uint32()
        if from___dir__data_n > 64:
            raise too_long("nfs_fh3.data", from___dir__data_n, 64)
        from___dir__data = dec.octets(from___dir__data_n) if from___dir__data_n else b""
        from___name_n = dec.uint32()
        from___name = dec.octets(from___name_n) if from___name_n else b""
        to__dir__data_n = dec.uint32()
        if to__dir__data_n > 64:
            raise too_long("nfs_fh3.data", to__dir__data_n, 64)
        to__dir__data = dec.octets(to__dir__data_n) if to__dir__data_n else b""
        to__name_n = dec.uint32()
        to__name = dec.octets(to__name_n) if to__name_n else b""
        return cls(diropargs3(nfs_fh3(from___dir__data), from___name), diropargs3(nfs_fh3(to__dir__data), to__name))


class RENAME3resok(XdrStruct):
    __slots__ = ("fromdir_wcc", "todir_wcc")

    def __init__(self, fromdir_wcc: wcc_data, todir_wcc: wcc_data) -> None:
        self.fromdir_wcc = fromdir_wcc
        self.todir_wcc = todir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.fromdir_wcc.encode(enc)
            self.todir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("RENAME3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME3resok:
        fromdir_wcc = wcc_data.decode(dec)
        todir_wcc = wcc_data.decode(dec)
        return cls(fromdir_wcc, todir_wcc)


class RENAME3resfail(XdrStruct):
    __slots__ = ("fromdir_wcc", "todir_wcc")

    def __init__(self, fromdir_wcc: wcc_data, todir_wcc: wcc_data) -> None:
        self.fromdir_wcc = fromdir_wcc
        self.todir_wcc = todir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.fromdir_wcc.encode(enc)
            self.todir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("RENAME3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME3resfail:
        fromdir_wcc = wcc_data.decode(dec)
        todir_wcc = wcc_data.decode(dec)
        return cls(fromdir_wcc, todir_wcc)


class RENAME3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: RENAME3resok | RENAME3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("RENAME3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> RENAME3res:
        if status == NFS3_OK:
            resok = RENAME3resok.decode(dec)
            return cls(status, resok)
        resfail = RENAME3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> RENAME3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: RENAME3resok = self.value
        return arm

    @property
    def resfail(self) -> RENAME3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: RENAME3resfail = self.value
        return arm


class LINK3args(XdrStruct):
    __slots__ = ("file", "link")

    def __init__(self, file: nfs_fh3, link: diropargs3) -> None:
        self.file = file
        self.link = link

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            file = self.file
            data = file.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            link = self.link
            dir = link.dir
            data2 = dir.data
            n2 = len(data2)
            if n2 > 64:
                raise too_long("nfs_fh3.data", n2, 64)
            buf += _I.pack(n2)
            buf += data2
            if n2 & 3:
                buf += PAD[n2 & 3]
            name = link.name
            n3 = len(name)
            buf += _I.pack(n3)
            buf += name
            if n3 & 3:
                buf += PAD[n3 & 3]
        except StructError as error:
            raise unencodable("LINK3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK3args:
        file__data_n = dec.uint32()
        if file__data_n > 64:
            raise too_long("nfs_fh3.data", file__data_n, 64)
        file__data = dec.octets(file__data_n) if file__data_n else b""
        link__dir__data_n = dec.uint32()
        if link__dir__data_n > 64:
            raise too_long("nfs_fh3.data", link__dir__data_n, 64)
        link__dir__data = dec.octets(link__dir__data_n) if link__dir__data_n else b""
        link__name_n = dec.uint32()
        link__name = dec.octets(link__name_n) if link__name_n else b""
        return cls(nfs_fh3(file__data), diropargs3(nfs_fh3(link__dir__data), link__name))


class LINK3resok(XdrStruct):
    __slots__ = ("file_attributes", "linkdir_wcc")

    def __init__(self, file_attributes: post_op_attr, linkdir_wcc: wcc_data) -> None:
        self.file_attributes = file_attributes
        self.linkdir_wcc = linkdir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.file_attributes.encode(enc)
            self.linkdir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("LINK3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK3resok:
        file_attributes__attributes_follow = dec.uint32()
        if file_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", file_attributes__attributes_follow)
        file_attributes = post_op_attr.decode_arm(dec, file_attributes__attributes_follow == 1)
        linkdir_wcc = wcc_data.decode(dec)
        return cls(file_attributes, linkdir_wcc)


class LINK3resfail(XdrStruct):
    __slots__ = ("file_attributes", "linkdir_wcc")

    def __init__(self, file_attributes: post_op_attr, linkdir_wcc: wcc_data) -> None:
        self.file_attributes = file_attributes
        self.linkdir_wcc = linkdir_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.file_attributes.encode(enc)
            self.linkdir_wcc.encode(enc)
        except StructError as error:
            raise unencodable("LINK3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK3resfail:
        file_attributes__attributes_follow = dec.uint32()
        if file_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", file_attributes__attributes_follow)
        file_attributes = post_op_attr.decode_arm(dec, file_attributes__attributes_follow == 1)
        linkdir_wcc = wcc_data.decode(dec)
        return cls(file_attributes, linkdir_wcc)


class LINK3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: LINK3resok | LINK3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("LINK3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> LINK3res:
        if status == NFS3_OK:
            resok = LINK3resok.decode(dec)
            return cls(status, resok)
        resfail = LINK3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> LINK3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: LINK3resok = self.value
        return arm

    @property
    def resfail(self) -> LINK3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: LINK3resfail = self.value
        return arm


class READDIR3args(XdrStruct):
    __slots__ = ("dir", "cookie", "cookieverf", "count")

    def __init__(
        self,
        dir: nfs_fh3,
        cookie: cookie3,
        cookieverf: cookieverf3,
        count: count3,
    ) -> None:
        self.dir = dir
        self.cookie = cookie
        self.cookieverf = cookieverf
        self.count = count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            dir = self.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            if len(self.cookieverf) != 8:
                raise wrong_length("READDIR3args.cookieverf", len(self.cookieverf), 8)
            buf += _Q8sI.pack(self.cookie, self.cookieverf, self.count)
        except StructError as error:
            raise unencodable("READDIR3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR3args:
        dir__data_n = dec.uint32()
        if dir__data_n > 64:
            raise too_long("nfs_fh3.data", dir__data_n, 64)
        dir__data = dec.octets(dir__data_n) if dir__data_n else b""
        cookie, cookieverf, count = dec.unpack(_Q8sI)
        return cls(nfs_fh3(dir__data), cookie, cookieverf, count)


class entry3(LinkedStruct):
    __slots__ = ("fileid", "name", "cookie", "nextentry")

    def __init__(
        self,
        fileid: fileid3,
        name: filename3,
        cookie: cookie3,
        nextentry: entry3 | None = None,
    ) -> None:
        self.fileid = fileid
        self.name = name
        self.cookie = cookie
        self.nextentry = nextentry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: entry3 | None = self
            while node is not None:
                name = node.name
                n = len(name)
                buf += _QI.pack(node.fileid, n)
                buf += name
                if n & 3:
                    buf += PAD[n & 3]
                nextentry = node.nextentry
                buf += _QI.pack(node.cookie, 0 if nextentry is None else 1)
                node = nextentry
        except StructError as error:
            raise unencodable("entry3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> entry3:
        head_: entry3 | None = None
        tail_: entry3 | None = None
        while True:
            fileid, name_n = dec.unpack(_QI)
            name = dec.octets(name_n) if name_n else b""
            cookie, more_ = dec.unpack(_QI)
            if more_ > 1:
                raise not_boolean("entry3.nextentry", more_)
            node_ = cls(fileid, name, cookie)
            if tail_ is None:
                head_ = node_
            else:
                tail_.nextentry = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class dirlist3(XdrStruct):
    __slots__ = ("entries", "eof")

    def __init__(self, entries: entry3 | None, eof: bool) -> None:
        self.entries = entries
        self.eof = eof

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            entries = self.entries
            if entries is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                entries.encode(enc)
            buf += _I.pack(1 if self.eof else 0)
        except StructError as error:
            raise unencodable("dirlist3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> dirlist3:
        entries_set = dec.uint32()
        if entries_set > 1:
            raise not_boolean("dirlist3.entries", entries_set)
        entries = entry3.decode(dec) if entries_set else None
        eof = dec.uint32()
        if eof > 1:
            raise not_boolean("dirlist3.eof", eof)
        return cls(entries, eof == 1)


class READDIR3resok(XdrStruct):
    __slots__ = ("dir_attributes", "cookieverf", "reply")

    def __init__(
        self,
        dir_attributes: post_op_attr,
        cookieverf: cookieverf3,
        reply: dirlist3,
    ) -> None:
        self.dir_attributes = dir_attributes
        self.cookieverf = cookieverf
        self.reply = reply

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.dir_attributes.encode(enc)
            if len(self.cookieverf) != 8:
                raise wrong_length("READDIR3resok.cookieverf", len(self.cookieverf), 8)
            buf += _8s.pack(self.cookieverf)
            self.reply.encode(enc)
        except StructError as error:
            raise unencodable("READDIR3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR3resok:
        dir_attributes__attributes_follow = dec.uint32()
        if dir_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", dir_attributes__attributes_follow)
        dir_attributes = post_op_attr.decode_arm(dec, dir_attributes__attributes_follow == 1)
        (cookieverf,) = dec.unpack(_8s)
        reply = dirlist3.decode(dec)
        return cls(dir_attributes, cookieverf, reply)


class READDIR3resfail(XdrStruct):
    __slots__ = ("dir_attributes",)

    def __init__(self, dir_attributes: post_op_attr) -> None:
        self.dir_attributes = dir_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_attributes.encode(enc)
        except StructError as error:
            raise unencodable("READDIR3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR3resfail:
        dir_attributes__attributes_follow = dec.uint32()
        if dir_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", dir_attributes__attributes_follow)
        dir_attributes = post_op_attr.decode_arm(dec, dir_attributes__attributes_follow == 1)
        return cls(dir_attributes)


class READDIR3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: READDIR3resok | READDIR3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("READDIR3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> READDIR3res:
        if status == NFS3_OK:
            resok = READDIR3resok.decode(dec)
            return cls(status, resok)
        resfail = READDIR3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> READDIR3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: READDIR3resok = self.value
        return arm

    @property
    def resfail(self) -> READDIR3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: READDIR3resfail = self.value
        return arm


class READDIRPLUS3args(XdrStruct):
    __slots__ = ("dir", "cookie", "cookieverf", "dircount", "maxcount")

    def __init__(
        self,
        dir: nfs_fh3,
        cookie: cookie3,
        cookieverf: cookieverf3,
        dircount: count3,
        maxcount: count3,
    ) -> None:
        self.dir = dir
        self.cookie = cookie
        self.cookieverf = cookieverf
        self.dircount = dircount
        self.maxcount = maxcount

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            dir = self.dir
            data = dir.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            if len(self.cookieverf) != 8:
                raise wrong_length("READDIRPLUS3args.cookieverf", len(self.cookieverf), 8)
            buf += _Q8s2I.pack(self.cookie, self.cookieverf, self.dircount, self.maxcount)
        except StructError as error:
            raise unencodable("READDIRPLUS3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIRPLUS3args:
        dir__data_n = dec.uint32()
        if dir__data_n > 64:
            raise too_long("nfs_fh3.data", dir__data_n, 64)
        dir__data = dec.octets(dir__data_n) if dir__data_n else b""
        cookie, cookieverf, dircount, maxcount = dec.unpack(_Q8s2I)
        return cls(nfs_fh3(dir__data), cookie, cookieverf, dircount, maxcount)


class entryplus3(LinkedStruct):
    __slots__ = ("fileid", "name", "cookie", "name_attributes", "name_handle", "nextentry")

    def __init__(
        self,
        fileid: fileid3,
        name: filename3,
        cookie: cookie3,
        name_attributes: post_op_attr,
        name_handle: post_op_fh3,
        nextentry: entryplus3 | None = None,
    ) -> None:
        self.fileid = fileid
        self.name = name
        self.cookie = cookie
        self.name_attributes = name_attributes
        self.name_handle = name_handle
        self.nextentry = nextentry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: entryplus3 | None = self
            while node is not None:
                name = node.name
                n = len(name)
                buf += _QI.pack(node.fileid, n)
                buf += name
                if n & 3:
                    buf += PAD[n & 3]
                buf += _Q.pack(node.cookie)
                node.name_attributes.encode(enc)
                node.name_handle.encode(enc)
                nextentry = node.nextentry
                buf += _I.pack(0 if nextentry is None else 1)
                node = nextentry
        except StructError as error:
            raise unencodable("entryplus3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> entryplus3:
        head_: entryplus3 | None = None
        tail_: entryplus3 | None = None
        while True:
            fileid, name_n = dec.unpack(_QI)
            name = dec.octets(name_n) if name_n else b""
            cookie, name_attributes__attributes_follow = dec.unpack(_QI)
            if name_attributes__attributes_follow > 1:
                raise not_boolean("post_op_attr.attributes_follow", name_attributes__attributes_follow)
            name_attributes = post_op_attr.decode_arm(dec, name_attributes__attributes_follow == 1)
            name_handle__handle_follows = dec.uint32()
            if name_handle__handle_follows > 1:
                raise not_boolean("post_op_fh3.handle_follows", name_handle__handle_follows)
            name_handle = post_op_fh3.decode_arm(dec, name_handle__handle_follows == 1)
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("entryplus3.nextentry", more_)
            node_ = cls(fileid, name, cookie, name_attributes, name_handle)
            if tail_ is None:
                head_ = node_
            else:
                tail_.nextentry = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class dirlistplus3(XdrStruct):
    __slots__ = ("entries", "eof")

    def __init__(self, entries: entryplus3 | None, eof: bool) -> None:
        self.entries = entries
        self.eof = eof

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            entries = self.entries
            if entries is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                entries.encode(enc)
            buf += _I.pack(1 if self.eof else 0)
        except StructError as error:
            raise unencodable("dirlistplus3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> dirlistplus3:
        entries_set = dec.uint32()
        if entries_set > 1:
            raise not_boolean("dirlistplus3.entries", entries_set)
        entries = entryplus3.decode(dec) if entries_set else None
        eof = dec.uint32()
        if eof > 1:
            raise not_boolean("dirlistplus3.eof", eof)
        return cls(entries, eof == 1)


class READDIRPLUS3resok(XdrStruct):
    __slots__ = ("dir_attributes", "cookieverf", "reply")

    def __init__(
        self,
        dir_attributes: post_op_attr,
        cookieverf: cookieverf3,
        reply: dirlistplus3,
    ) -> None:
        self.dir_attributes = dir_attributes
        self.cookieverf = cookieverf
        self.reply = reply

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.dir_attributes.encode(enc)
            if len(self.cookieverf) != 8:
                raise wrong_length("READDIRPLUS3resok.cookieverf", len(self.cookieverf), 8)
            buf += _8s.pack(self.cookieverf)
            self.reply.encode(enc)
        except StructError as error:
            raise unencodable("READDIRPLUS3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIRPLUS3resok:
        dir_attributes__attributes_follow = dec.uint32()
        if dir_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", dir_attributes__attributes_follow)
        dir_attributes = post_op_attr.decode_arm(dec, dir_attributes__attributes_follow == 1)
        (cookieverf,) = dec.unpack(_8s)
        reply = dirlistplus3.decode(dec)
        return cls(dir_attributes, cookieverf, reply)


class READDIRPLUS3resfail(XdrStruct):
    __slots__ = ("dir_attributes",)

    def __init__(self, dir_attributes: post_op_attr) -> None:
        self.dir_attributes = dir_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.dir_attributes.encode(enc)
        except StructError as error:
            raise unencodable("READDIRPLUS3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIRPLUS3resfail:
        dir_attributes__attributes_follow = dec.uint32()
        if dir_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", dir_attributes__attributes_follow)
        dir_attributes = post_op_attr.decode_arm(dec, dir_attributes__attributes_follow == 1)
        return cls(dir_attributes)


class READDIRPLUS3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(
        self,
        status: int,
        value: READDIRPLUS3resok | READDIRPLUS3resfail | None = None,
    ) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("READDIRPLUS3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIRPLUS3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> READDIRPLUS3res:
        if status == NFS3_OK:
            resok = READDIRPLUS3resok.decode(dec)
            return cls(status, resok)
        resfail = READDIRPLUS3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> READDIRPLUS3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: READDIRPLUS3resok = self.value
        return arm

    @property
    def resfail(self) -> READDIRPLUS3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: READDIRPLUS3resfail = self.value
        return arm


class FSSTAT3args(XdrStruct):
    __slots__ = ("fsroot",)

    def __init__(self, fsroot: nfs_fh3) -> None:
        self.fsroot = fsroot

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fsroot = self.fsroot
            data = fsroot.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("FSSTAT3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSSTAT3args:
        fsroot__data_n = dec.uint32()
        if fsroot__data_n > 64:
            raise too_long("nfs_fh3.data", fsroot__data_n, 64)
        fsroot__data = dec.octets(fsroot__data_n) if fsroot__data_n else b""
        return cls(nfs_fh3(fsroot__data))


class FSSTAT3resok(XdrStruct):
    __slots__ = (
        "obj_attributes",
        "tbytes",
        "fbytes",
        "abytes",
        "tfiles",
        "ffiles",
        "afiles",
        "invarsec",
    )

    def __init__(
        self,
        obj_attributes: post_op_attr,
        tbytes: size3,
        fbytes: size3,
        abytes: size3,
        tfiles: size3,
        ffiles: size3,
        afiles: size3,
        invarsec: uint32,
    ) -> None:
        self.obj_attributes = obj_attributes
        self.tbytes = tbytes
        self.fbytes = fbytes
        self.abytes = abytes
        self.tfiles = tfiles
        self.ffiles = ffiles
        self.afiles = afiles
        self.invarsec = invarsec

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
            buf += _6QI.pack(self.tbytes, self.fbytes, self.abytes, self.tfiles, self.ffiles, self.afiles, self.invarsec)
        except StructError as error:
            raise unencodable("FSSTAT3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSSTAT3resok:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        tbytes, fbytes, abytes, tfiles, ffiles, afiles, invarsec = dec.unpack(_6QI)
        return cls(obj_attributes, tbytes, fbytes, abytes, tfiles, ffiles, afiles, invarsec)


class FSSTAT3resfail(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: post_op_attr) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("FSSTAT3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSSTAT3resfail:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        return cls(obj_attributes)


class FSSTAT3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: FSSTAT3resok | FSSTAT3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("FSSTAT3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSSTAT3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> FSSTAT3res:
        if status == NFS3_OK:
            resok = FSSTAT3resok.decode(dec)
            return cls(status, resok)
        resfail = FSSTAT3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> FSSTAT3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: FSSTAT3resok = self.value
        return arm

    @property
    def resfail(self) -> FSSTAT3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: FSSTAT3resfail = self.value
        return arm


class FSINFO3args(XdrStruct):
    __slots__ = ("fsroot",)

    def __init__(self, fsroot: nfs_fh3) -> None:
        self.fsroot = fsroot

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fsroot = self.fsroot
            data = fsroot.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("FSINFO3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSINFO3args:
        fsroot__data_n = dec.uint32()
        if fsroot__data_n > 64:
            raise too_long("nfs_fh3.data", fsroot__data_n, 64)
        fsroot__data = dec.octets(fsroot__data_n) if fsroot__data_n else b""
        return cls(nfs_fh3(fsroot__data))


class FSINFO3resok(XdrStruct):
    __slots__ = (
        "obj_attributes",
        "rtmax",
        "rtpref",
        "rtmult",
        "wtmax",
        "wtpref",
        "wtmult",
        "dtpref",
        "maxfilesize",
        "time_delta",
        "properties",
    )

    def __init__(
        self,
        obj_attributes: post_op_attr,
        rtmax: uint32,
        rtpref: uint32,
        rtmult: uint32,
        wtmax: uint32,
        wtpref: uint32,
        wtmult: uint32,
        dtpref: uint32,
        maxfilesize: size3,
        time_delta: nfstime3,
        properties: uint32,
    ) -> None:
        self.obj_attributes = obj_attributes
        self.rtmax = rtmax
        self.rtpref = rtpref
        self.rtmult = rtmult
        self.wtmax = wtmax
        self.wtpref = wtpref
        self.wtmult = wtmult
        self.dtpref = dtpref
        self.maxfilesize = maxfilesize
        self.time_delta = time_delta
        self.properties = properties

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
            time_delta = self.time_delta
            buf += _7IQ3I.pack(self.rtmax, self.rtpref, self.rtmult, self.wtmax, self.wtpref, self.wtmult, self.dtpref, self.maxfilesize, time_delta.seconds, time_delta.nseconds, self.properties)
        except StructError as error:
            raise unencodable("FSINFO3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSINFO3resok:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        rtmax, rtpref, rtmult, wtmax, wtpref, wtmult, dtpref, maxfilesize, time_delta__seconds, time_delta__nseconds, properties = dec.unpack(_7IQ3I)
        return cls(obj_attributes, rtmax, rtpref, rtmult, wtmax, wtpref, wtmult, dtpref, maxfilesize, nfstime3(time_delta__seconds, time_delta__nseconds), properties)


class FSINFO3resfail(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: post_op_attr) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("FSINFO3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSINFO3resfail:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        return cls(obj_attributes)


class FSINFO3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: FSINFO3resok | FSINFO3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("FSINFO3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FSINFO3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> FSINFO3res:
        if status == NFS3_OK:
            resok = FSINFO3resok.decode(dec)
            return cls(status, resok)
        resfail = FSINFO3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> FSINFO3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: FSINFO3resok = self.value
        return arm

    @property
    def resfail(self) -> FSINFO3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: FSINFO3resfail = self.value
        return arm


class PATHCONF3args(XdrStruct):
    __slots__ = ("object",)

    def __init__(self, object: nfs_fh3) -> None:
        self.object = object

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            data = object.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("PATHCONF3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PATHCONF3args:
        object__data_n = dec.uint32()
        if object__data_n > 64:
            raise too_long("nfs_fh3.data", object__data_n, 64)
        object__data = dec.octets(object__data_n) if object__data_n else b""
        return cls(nfs_fh3(object__data))


class PATHCONF3resok(XdrStruct):
    __slots__ = (
        "obj_attributes",
        "linkmax",
        "name_max",
        "no_trunc",
        "chown_restricted",
        "case_insensitive",
        "case_preserving",
    )

    def __init__(
        self,
        obj_attributes: post_op_attr,
        linkmax: uint32,
        name_max: uint32,
        no_trunc: bool,
        chown_restricted: bool,
        case_insensitive: bool,
        case_preserving: bool,
    ) -> None:
        self.obj_attributes = obj_attributes
        self.linkmax = linkmax
        self.name_max = name_max
        self.no_trunc = no_trunc
        self.chown_restricted = chown_restricted
        self.case_insensitive = case_insensitive
        self.case_preserving = case_preserving

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
            buf += _6I.pack(self.linkmax, self.name_max, 1 if self.no_trunc else 0, 1 if self.chown_restricted else 0, 1 if self.case_insensitive else 0, 1 if self.case_preserving else 0)
        except StructError as error:
            raise unencodable("PATHCONF3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PATHCONF3resok:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        linkmax, name_max, no_trunc, chown_restricted, case_insensitive, case_preserving = dec.unpack(_6I)
        if no_trunc > 1:
            raise not_boolean("PATHCONF3resok.no_trunc", no_trunc)
        if chown_restricted > 1:
            raise not_boolean("PATHCONF3resok.chown_restricted", chown_restricted)
        if case_insensitive > 1:
            raise not_boolean("PATHCONF3resok.case_insensitive", case_insensitive)
        if case_preserving > 1:
            raise not_boolean("PATHCONF3resok.case_preserving", case_preserving)
        return cls(obj_attributes, linkmax, name_max, no_trunc == 1, chown_restricted == 1, case_insensitive == 1, case_preserving == 1)


class PATHCONF3resfail(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: post_op_attr) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("PATHCONF3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PATHCONF3resfail:
        obj_attributes__attributes_follow = dec.uint32()
        if obj_attributes__attributes_follow > 1:
            raise not_boolean("post_op_attr.attributes_follow", obj_attributes__attributes_follow)
        obj_attributes = post_op_attr.decode_arm(dec, obj_attributes__attributes_follow == 1)
        return cls(obj_attributes)


class PATHCONF3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: PATHCONF3resok | PATHCONF3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("PATHCONF3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PATHCONF3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> PATHCONF3res:
        if status == NFS3_OK:
            resok = PATHCONF3resok.decode(dec)
            return cls(status, resok)
        resfail = PATHCONF3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> PATHCONF3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: PATHCONF3resok = self.value
        return arm

    @property
    def resfail(self) -> PATHCONF3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: PATHCONF3resfail = self.value
        return arm


class COMMIT3args(XdrStruct):
    __slots__ = ("file", "offset", "count")

    def __init__(self, file: nfs_fh3, offset: offset3, count: count3) -> None:
        self.file = file
        self.offset = offset
        self.count = count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            file = self.file
            data = file.data
            n = len(data)
            if n > 64:
                raise too_long("nfs_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            buf += _QI.pack(self.offset, self.count)
        except StructError as error:
            raise unencodable("COMMIT3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT3args:
        file__data_n = dec.uint32()
        if file__data_n > 64:
            raise too_long("nfs_fh3.data", file__data_n, 64)
        file__data = dec.octets(file__data_n) if file__data_n else b""
        offset, count = dec.unpack(_QI)
        return cls(nfs_fh3(file__data), offset, count)


class COMMIT3resok(XdrStruct):
    __slots__ = ("file_wcc", "verf")

    def __init__(self, file_wcc: wcc_data, verf: writeverf3) -> None:
        self.file_wcc = file_wcc
        self.verf = verf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.file_wcc.encode(enc)
            if len(self.verf) != 8:
                raise wrong_length("COMMIT3resok.verf", len(self.verf), 8)
            buf += _8s.pack(self.verf)
        except StructError as error:
            raise unencodable("COMMIT3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT3resok:
        file_wcc = wcc_data.decode(dec)
        (verf,) = dec.unpack(_8s)
        return cls(file_wcc, verf)


class COMMIT3resfail(XdrStruct):
    __slots__ = ("file_wcc",)

    def __init__(self, file_wcc: wcc_data) -> None:
        self.file_wcc = file_wcc

    def encode(self, enc: Encoder) -> None:
        try:
            self.file_wcc.encode(enc)
        except StructError as error:
            raise unencodable("COMMIT3resfail", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT3resfail:
        file_wcc = wcc_data.decode(dec)
        return cls(file_wcc)


class COMMIT3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: COMMIT3resok | COMMIT3resfail | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS3_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("COMMIT3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> COMMIT3res:
        if status == NFS3_OK:
            resok = COMMIT3resok.decode(dec)
            return cls(status, resok)
        resfail = COMMIT3resfail.decode(dec)
        return cls(status, resfail)

    @property
    def resok(self) -> COMMIT3resok:
        if not (self.status == NFS3_OK):
            raise wrong_arm(self, "resok")
        arm: COMMIT3resok = self.value
        return arm

    @property
    def resfail(self) -> COMMIT3resfail:
        if self.status == NFS3_OK:
            raise wrong_arm(self, "resfail")
        arm: COMMIT3resfail = self.value
        return arm
