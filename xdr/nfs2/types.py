"""NFS version 2, and MOUNT (RFC 1094).

Emitted by nfsrdma.xdr.compiler from specs/nfs2.x.
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

MAXDATA: Final = 8192
MAXPATHLEN: Final = 1024
MAXNAMLEN: Final = 255
COOKIESIZE: Final = 4
FHSIZE: Final = 32
NFS_ACL2_MAX_ENTRIES: Final = 1024

# Enumerations


class stat(IntEnum):
    NFS_OK = 0
    NFSERR_PERM = 1
    NFSERR_NOENT = 2
    NFSERR_IO = 5
    NFSERR_NXIO = 6
    NFSERR_ACCES = 13
    NFSERR_EXIST = 17
    NFSERR_NODEV = 19
    NFSERR_NOTDIR = 20
    NFSERR_ISDIR = 21
    NFSERR_FBIG = 27
    NFSERR_NOSPC = 28
    NFSERR_ROFS = 30
    NFSERR_NAMETOOLONG = 63
    NFSERR_NOTEMPTY = 66
    NFSERR_DQUOT = 69
    NFSERR_STALE = 70
    NFSERR_WFLUSH = 99


NFS_OK: Final = 0
NFSERR_PERM: Final = 1
NFSERR_NOENT: Final = 2
NFSERR_IO: Final = 5
NFSERR_NXIO: Final = 6
NFSERR_ACCES: Final = 13
NFSERR_EXIST: Final = 17
NFSERR_NODEV: Final = 19
NFSERR_NOTDIR: Final = 20
NFSERR_ISDIR: Final = 21
NFSERR_FBIG: Final = 27
NFSERR_NOSPC: Final = 28
NFSERR_ROFS: Final = 30
NFSERR_NAMETOOLONG: Final = 63
NFSERR_NOTEMPTY: Final = 66
NFSERR_DQUOT: Final = 69
NFSERR_STALE: Final = 70
NFSERR_WFLUSH: Final = 99


class ftype(IntEnum):
    NFNON = 0
    NFREG = 1
    NFDIR = 2
    NFBLK = 3
    NFCHR = 4
    NFLNK = 5


NFNON: Final = 0
NFREG: Final = 1
NFDIR: Final = 2
NFBLK: Final = 3
NFCHR: Final = 4
NFLNK: Final = 5


# Layouts: the runs of fields that are packed in one step

_2I = Struct(">2I")
_2i16I = Struct(">2i16I")
_2i17I = Struct(">2i17I")
_32s = Struct(">32s")
_32s32sI = Struct(">32s32sI")
_32s3I = Struct(">32s3I")
_32s4sI = Struct(">32s4sI")
_32s8I = Struct(">32s8I")
_32sI = Struct(">32sI")
_32si16I = Struct(">32si16I")
_4s = Struct(">4s")
_4sI = Struct(">4sI")
_5I = Struct(">5I")
_6i2I = Struct(">6i2I")
_6i2I2I = Struct(">6i2I2I")
_8I = Struct(">8I")
_I = Struct(">I")
_I32s = Struct(">I32s")
_IiI = Struct(">IiI")
_i = Struct(">i")
_i16I = Struct(">i16I")
_i17I = Struct(">i17I")
_i2I = Struct(">i2I")
_i32si16I = Struct(">i32si16I")
_i5I = Struct(">i5I")
_iI = Struct(">iI")


fhandle: TypeAlias = "bytes"


def encode_fhandle(enc: Encoder, value: fhandle) -> None:
    buf = enc.buffer
    try:
        if len(value) != 32:
            raise wrong_length("fhandle", len(value), 32)
        buf += _32s.pack(value)
    except StructError as error:
        raise unencodable("fhandle", error) from None


def decode_fhandle(dec: Decoder) -> fhandle:
    return dec.fixed_opaque(32)


filename: TypeAlias = "bytes"


def encode_filename(enc: Encoder, value: filename) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 255:
            raise too_long("filename", n, 255)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("filename", error) from None


def decode_filename(dec: Decoder) -> filename:
    return dec.opaque(255)


path: TypeAlias = "bytes"


def encode_path(enc: Encoder, value: path) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 1024:
            raise too_long("path", n, 1024)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("path", error) from None


def decode_path(dec: Decoder) -> path:
    return dec.opaque(1024)


nfsdata: TypeAlias = "bytes"


def encode_nfsdata(enc: Encoder, value: nfsdata) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 8192:
            raise too_long("nfsdata", n, 8192)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("nfsdata", error) from None


def decode_nfsdata(dec: Decoder) -> nfsdata:
    return dec.opaque(8192)


nfscookie: TypeAlias = "bytes"


def encode_nfscookie(enc: Encoder, value: nfscookie) -> None:
    buf = enc.buffer
    try:
        if len(value) != 4:
            raise wrong_length("nfscookie", len(value), 4)
        buf += _4s.pack(value)
    except StructError as error:
        raise unencodable("nfscookie", error) from None


def decode_nfscookie(dec: Decoder) -> nfscookie:
    return dec.fixed_opaque(4)


class timeval(XdrStruct):
    __slots__ = ("seconds", "useconds")

    def __init__(self, seconds: int, useconds: int) -> None:
        self.seconds = seconds
        self.useconds = useconds

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.seconds, self.useconds)
        except StructError as error:
            raise unencodable("timeval", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> timeval:
        seconds, useconds = dec.unpack(_2I)
        return cls(seconds, useconds)


class fattr(XdrStruct):
    __slots__ = (
        "type",
        "mode",
        "nlink",
        "uid",
        "gid",
        "size",
        "blocksize",
        "rdev",
        "blocks",
        "fsid",
        "fileid",
        "atime",
        "mtime",
        "ctime",
    )

    def __init__(
        self,
        type: int,
        mode: int,
        nlink: int,
        uid: int,
        gid: int,
        size: int,
        blocksize: int,
        rdev: int,
        blocks: int,
        fsid: int,
        fileid: int,
        atime: timeval,
        mtime: timeval,
        ctime: timeval,
    ) -> None:
        self.type = type
        self.mode = mode
        self.nlink = nlink
        self.uid = uid
        self.gid = gid
        self.size = size
        self.blocksize = blocksize
        self.rdev = rdev
        self.blocks = blocks
        self.fsid = fsid
        self.fileid = fileid
        self.atime = atime
        self.mtime = mtime
        self.ctime = ctime

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            atime = self.atime
            mtime = self.mtime
            ctime = self.ctime
            buf += _i16I.pack(self.type, self.mode, self.nlink, self.uid, self.gid, self.size, self.blocksize, self.rdev, self.blocks, self.fsid, self.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds)
        except StructError as error:
            raise unencodable("fattr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fattr:
        type, mode, nlink, uid, gid, size, blocksize, rdev, blocks, fsid, fileid, atime__seconds, atime__useconds, mtime__seconds, mtime__useconds, ctime__seconds, ctime__useconds = dec.unpack(_i16I)
        return cls(type, mode, nlink, uid, gid, size, blocksize, rdev, blocks, fsid, fileid, timeval(atime__seconds, atime__useconds), timeval(mtime__seconds, mtime__useconds), timeval(ctime__seconds, ctime__useconds))


class sattr(XdrStruct):
    __slots__ = ("mode", "uid", "gid", "size", "atime", "mtime")

    def __init__(
        self,
        mode: int,
        uid: int,
        gid: int,
        size: int,
        atime: timeval,
        mtime: timeval,
    ) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.atime = atime
        self.mtime = mtime

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            atime = self.atime
            mtime = self.mtime
            buf += _8I.pack(self.mode, self.uid, self.gid, self.size, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds)
        except StructError as error:
            raise unencodable("sattr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sattr:
        mode, uid, gid, size, atime__seconds, atime__useconds, mtime__seconds, mtime__useconds = dec.unpack(_8I)
        return cls(mode, uid, gid, size, timeval(atime__seconds, atime__useconds), timeval(mtime__seconds, mtime__useconds))


class attrstat(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: fattr | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                atime = value.atime
                mtime = value.mtime
                ctime = value.ctime
                buf += _2i16I.pack(status, value.type, value.mode, value.nlink, value.uid, value.gid, value.size, value.blocksize, value.rdev, value.blocks, value.fsid, value.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("attrstat", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> attrstat:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> attrstat:
        if status == NFS_OK:
            attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds, attributes__ctime__seconds, attributes__ctime__useconds = dec.unpack(_i16I)
            return cls(status, fattr(attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds), timeval(attributes__ctime__seconds, attributes__ctime__useconds)))
        return cls(status)

    @property
    def attributes(self) -> fattr:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "attributes")
        arm: fattr = self.value
        return arm


class fhandleargs(XdrStruct):
    __slots__ = ("file",)

    def __init__(self, file: fhandle) -> None:
        self.file = file

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("fhandleargs.file", len(self.file), 32)
            buf += _32s.pack(self.file)
        except StructError as error:
            raise unencodable("fhandleargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fhandleargs:
        (file,) = dec.unpack(_32s)
        return cls(file)


class diropargs(XdrStruct):
    __slots__ = ("dir", "name")

    def __init__(self, dir: fhandle, name: filename) -> None:
        self.dir = dir
        self.name = name

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.dir) != 32:
                raise wrong_length("diropargs.dir", len(self.dir), 32)
            name = self.name
            n = len(name)
            if n > 255:
                raise too_long("diropargs.name", n, 255)
            buf += _32sI.pack(self.dir, n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("diropargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> diropargs:
        dir, name_n = dec.unpack(_32sI)
        if name_n > 255:
            raise too_long("diropargs.name", name_n, 255)
        name = dec.octets(name_n) if name_n else b""
        return cls(dir, name)


class diropok(XdrStruct):
    __slots__ = ("file", "attributes")

    def __init__(self, file: fhandle, attributes: fattr) -> None:
        self.file = file
        self.attributes = attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("diropok.file", len(self.file), 32)
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            ctime = attributes.ctime
            buf += _32si16I.pack(self.file, attributes.type, attributes.mode, attributes.nlink, attributes.uid, attributes.gid, attributes.size, attributes.blocksize, attributes.rdev, attributes.blocks, attributes.fsid, attributes.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds)
        except StructError as error:
            raise unencodable("diropok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> diropok:
        file, attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds, attributes__ctime__seconds, attributes__ctime__useconds = dec.unpack(_32si16I)
        return cls(file, fattr(attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds), timeval(attributes__ctime__seconds, attributes__ctime__useconds)))


class diropres(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: diropok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                if len(value.file) != 32:
                    raise wrong_length("diropok.file", len(value.file), 32)
                attributes = value.attributes
                atime = attributes.atime
                mtime = attributes.mtime
                ctime = attributes.ctime
                buf += _i32si16I.pack(status, value.file, attributes.type, attributes.mode, attributes.nlink, attributes.uid, attributes.gid, attributes.size, attributes.blocksize, attributes.rdev, attributes.blocks, attributes.fsid, attributes.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("diropres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> diropres:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> diropres:
        if status == NFS_OK:
            ok__file, ok__attributes__type, ok__attributes__mode, ok__attributes__nlink, ok__attributes__uid, ok__attributes__gid, ok__attributes__size, ok__attributes__blocksize, ok__attributes__rdev, ok__attributes__blocks, ok__attributes__fsid, ok__attributes__fileid, ok__attributes__atime__seconds, ok__attributes__atime__useconds, ok__attributes__mtime__seconds, ok__attributes__mtime__useconds, ok__attributes__ctime__seconds, ok__attributes__ctime__useconds = dec.unpack(_32si16I)
            return cls(status, diropok(ok__file, fattr(ok__attributes__type, ok__attributes__mode, ok__attributes__nlink, ok__attributes__uid, ok__attributes__gid, ok__attributes__size, ok__attributes__blocksize, ok__attributes__rdev, ok__attributes__blocks, ok__attributes__fsid, ok__attributes__fileid, timeval(ok__attributes__atime__seconds, ok__attributes__atime__useconds), timeval(ok__attributes__mtime__seconds, ok__attributes__mtime__useconds), timeval(ok__attributes__ctime__seconds, ok__attributes__ctime__useconds))))
        return cls(status)

    @property
    def ok(self) -> diropok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: diropok = self.value
        return arm


class sattrargs(XdrStruct):
    __slots__ = ("file", "attributes")

    def __init__(self, file: fhandle, attributes: sattr) -> None:
        self.file = file
        self.attributes = attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("sattrargs.file", len(self.file), 32)
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            buf += _32s8I.pack(self.file, attributes.mode, attributes.uid, attributes.gid, attributes.size, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds)
        except StructError as error:
            raise unencodable("sattrargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sattrargs:
        file, attributes__mode, attributes__uid, attributes__gid, attributes__size, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds = dec.unpack(_32s8I)
        return cls(file, sattr(attributes__mode, attributes__uid, attributes__gid, attributes__size, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds)))


class readlinkok(XdrStruct):
    __slots__ = ("link",)

    def __init__(self, link: bytes | bytearray | memoryview) -> None:
        self.link = link

    def encode(self, enc: Encoder) -> None:
        try:
            enc.payload(self.link, 1024)
        except StructError as error:
            raise unencodable("readlinkok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readlinkok:
        link = dec.payload(1024)
        return cls(link)


class readlinkres(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: readlinkok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                buf += _i.pack(status)
                enc.payload(value.link, 1024)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("readlinkres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readlinkres:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> readlinkres:
        if status == NFS_OK:
            ok__link = dec.payload(1024)
            return cls(status, readlinkok(ok__link))
        return cls(status)

    @property
    def ok(self) -> readlinkok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: readlinkok = self.value
        return arm


class readargs(XdrStruct):
    __slots__ = ("file", "offset", "count", "totalcount")

    def __init__(self, file: fhandle, offset: int, count: int, totalcount: int) -> None:
        self.file = file
        self.offset = offset
        self.count = count
        self.totalcount = totalcount

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("readargs.file", len(self.file), 32)
            buf += _32s3I.pack(self.file, self.offset, self.count, self.totalcount)
        except StructError as error:
            raise unencodable("readargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readargs:
        file, offset, count, totalcount = dec.unpack(_32s3I)
        return cls(file, offset, count, totalcount)


class readok(XdrStruct):
    __slots__ = ("attributes", "data")

    def __init__(self, attributes: fattr, data: bytes | bytearray | memoryview) -> None:
        self.attributes = attributes
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            ctime = attributes.ctime
            buf += _i16I.pack(attributes.type, attributes.mode, attributes.nlink, attributes.uid, attributes.gid, attributes.size, attributes.blocksize, attributes.rdev, attributes.blocks, attributes.fsid, attributes.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds)
            enc.payload(self.data, 8192)
        except StructError as error:
            raise unencodable("readok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readok:
        attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds, attributes__ctime__seconds, attributes__ctime__useconds = dec.unpack(_i16I)
        data = dec.payload(8192)
        return cls(fattr(attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds), timeval(attributes__ctime__seconds, attributes__ctime__useconds)), data)


class readres(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: readok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("readres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readres:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> readres:
        if status == NFS_OK:
            ok = readok.decode(dec)
            return cls(status, ok)
        return cls(status)

    @property
    def ok(self) -> readok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: readok = self.value
        return arm


class writeargs(XdrStruct):
    __slots__ = ("file", "beginoffset", "offset", "totalcount", "data")

    def __init__(
        self,
        file: fhandle,
        beginoffset: int,
        offset: int,
        totalcount: int,
        data: bytes | bytearray | memoryview,
    ) -> None:
        self.file = file
        self.beginoffset = beginoffset
        self.offset = offset
        self.totalcount = totalcount
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("writeargs.file", len(self.file), 32)
            buf += _32s3I.pack(self.file, self.beginoffset, self.offset, self.totalcount)
            enc.payload(self.data, 8192)
        except StructError as error:
            raise unencodable("writeargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> writeargs:
        file, beginoffset, offset, totalcount = dec.unpack(_32s3I)
        data = dec.payload(8192)
        return cls(file, beginoffset, offset, totalcount, data)


class createargs(XdrStruct):
    __slots__ = ("where", "attributes")

    def __init__(self, where: diropargs, attributes: sattr) -> None:
        self.where = where
        self.attributes = attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            where = self.where
            if len(where.dir) != 32:
                raise wrong_length("diropargs.dir", len(where.dir), 32)
            name = where.name
            n = len(name)
            if n > 255:
                raise too_long("diropargs.name", n, 255)
            buf += _32sI.pack(where.dir, n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            buf += _8I.pack(attributes.mode, attributes.uid, attributes.gid, attributes.size, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds)
        except StructError as error:
            raise unencodable("createargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> createargs:
        where__dir, where__name_n = dec.unpack(_32sI)
        if where__name_n > 255:
            raise too_long("diropargs.name", where__name_n, 255)
        where__name = dec.octets(where__name_n) if where__name_n else b""
        attributes__mode, attributes__uid, attributes__gid, attributes__size, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds = dec.unpack(_8I)
        return cls(diropargs(where__dir, where__name), sattr(attributes__mode, attributes__uid, attributes__gid, attributes__size, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds)))


class statres(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("statres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> statres:
        status = dec.int32()
        return cls(status)


class renameargs(XdrStruct):
    __slots__ = ("from_", "to")

    def __init__(self, from_: diropargs, to: diropargs) -> None:
        self.from_ = from_
        self.to = to

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            from_ = self.from_
            if len(from_.dir) != 32:
                raise wrong_length("diropargs.dir", len(from_.dir), 32)
            name = from_.name
            n = len(name)
            if n > 255:
                raise too_long("diropargs.name", n, 255)
            buf += _32sI.pack(from_.dir, n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
            to = self.to
            if len(to.dir) != 32:
                raise wrong_length("diropargs.dir", len(to.dir), 32)
            name2 = to.name
            n2 = len(name2)
            if n2 > 255:
                raise too_long("diropargs.name", n2, 255)
            buf += _32sI.pack(to.dir, n2)
            buf += name2
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("renameargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> renameargs:
        from___dir, from___name_n = dec.unpack(_32sI)
        if from___name_n > 255:
            raise too_long("diropargs.name", from___name_n, 255)
        from___name = dec.octets(from___name_n) if from___name_n else b""
        to__dir, to__name_n = dec.unpack(_32sI)
        if to__name_n > 255:
            raise too_long("diropargs.name", to__name_n, 255)
        to__name = dec.octets(to__name_n) if to__name_n else b""
        return cls(diropargs(from___dir, from___name), diropargs(to__dir, to__name))


class linkargs(XdrStruct):
    __slots__ = ("from_", "to")

    def __init__(self, from_: fhandle, to: diropargs) -> None:
        self.from_ = from_
        self.to = to

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.from_) != 32:
                raise wrong_length("linkargs.from", len(self.from_), 32)
            to = self.to
            if len(to.dir) != 32:
                raise wrong_length("diropargs.dir", len(to.dir), 32)
            name = to.name
            n = len(name)
            if n > 255:
                raise too_long("diropargs.name", n, 255)
            buf += _32s32sI.pack(self.from_, to.dir, n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("linkargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> linkargs:
        from_, to__dir, to__name_n = dec.unpack(_32s32sI)
        if to__name_n > 255:
            raise too_long("diropargs.name", to__name_n, 255)
        to__name = dec.octets(to__name_n) if to__name_n else b""
        return cls(from_, diropargs(to__dir, to__name))


class symlinkargs(XdrStruct):
    __slots__ = ("from_", "target", "attributes")

    def __init__(
        self,
        from_: diropargs,
        target: bytes | bytearray | memoryview,
        attributes: sattr,
    ) -> None:
        self.from_ = from_
        self.target = target
        self.attributes = attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            from_ = self.from_
            if len(from_.dir) != 32:
                raise wrong_length("diropargs.dir", len(from_.dir), 32)
            name = from_.name
            n = len(name)
            if n > 255:
                raise too_long("diropargs.name", n, 255)
            buf += _32sI.pack(from_.dir, n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
            enc.payload(self.target, 1024)
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            buf += _8I.pack(attributes.mode, attributes.uid, attributes.gid, attributes.size, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds)
        except StructError as error:
            raise unencodable("symlinkargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> symlinkargs:
        from___dir, from___name_n = dec.unpack(_32sI)
        if from___name_n > 255:
            raise too_long("diropargs.name", from___name_n, 255)
        from___name = dec.octets(from___name_n) if from___name_n else b""
        target = dec.payload(1024)
        attributes__mode, attributes__uid, attributes__gid, attributes__size, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds = dec.unpack(_8I)
        return cls(diropargs(from___dir, from___name), target, sattr(attributes__mode, attributes__uid, attributes__gid, attributes__size, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds)))


class readdirargs(XdrStruct):
    __slots__ = ("dir", "cookie", "count")

    def __init__(self, dir: fhandle, cookie: nfscookie, count: int) -> None:
        self.dir = dir
        self.cookie = cookie
        self.count = count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.dir) != 32:
                raise wrong_length("readdirargs.dir", len(self.dir), 32)
            if len(self.cookie) != 4:
                raise wrong_length("readdirargs.cookie", len(self.cookie), 4)
            buf += _32s4sI.pack(self.dir, self.cookie, self.count)
        except StructError as error:
            raise unencodable("readdirargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readdirargs:
        dir, cookie, count = dec.unpack(_32s4sI)
        return cls(dir, cookie, count)


class entry(LinkedStruct):
    __slots__ = ("fileid", "name", "cookie", "nextentry")

    def __init__(
        self,
        fileid: int,
        name: filename,
        cookie: nfscookie,
        nextentry: entry | None = None,
    ) -> None:
        self.fileid = fileid
        self.name = name
        self.cookie = cookie
        self.nextentry = nextentry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: entry | None = self
            while node is not None:
                name = node.name
                n = len(name)
                if n > 255:
                    raise too_long("entry.name", n, 255)
                buf += _2I.pack(node.fileid, n)
                buf += name
                if n & 3:
                    buf += PAD[n & 3]
                if len(node.cookie) != 4:
                    raise wrong_length("entry.cookie", len(node.cookie), 4)
                nextentry = node.nextentry
                buf += _4sI.pack(node.cookie, 0 if nextentry is None else 1)
                node = nextentry
        except StructError as error:
            raise unencodable("entry", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> entry:
        head_: entry | None = None
        tail_: entry | None = None
        while True:
            fileid, name_n = dec.unpack(_2I)
            if name_n > 255:
                raise too_long("entry.name", name_n, 255)
            name = dec.octets(name_n) if name_n else b""
            cookie, more_ = dec.unpack(_4sI)
            if more_ > 1:
                raise not_boolean("entry.nextentry", more_)
            node_ = cls(fileid, name, cookie)
            if tail_ is None:
                head_ = node_
            else:
                tail_.nextentry = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class readdirok(XdrStruct):
    __slots__ = ("entries", "eof")

    def __init__(self, entries: entry | None, eof: bool) -> None:
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
            raise unencodable("readdirok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readdirok:
        entries_set = dec.uint32()
        if entries_set > 1:
            raise not_boolean("readdirok.entries", entries_set)
        entries = entry.decode(dec) if entries_set else None
        eof = dec.uint32()
        if eof > 1:
            raise not_boolean("readdirok.eof", eof)
        return cls(entries, eof == 1)


class readdirres(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: readdirok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("readdirres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> readdirres:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> readdirres:
        if status == NFS_OK:
            ok = readdirok.decode(dec)
            return cls(status, ok)
        return cls(status)

    @property
    def ok(self) -> readdirok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: readdirok = self.value
        return arm


class statfsok(XdrStruct):
    __slots__ = ("tsize", "bsize", "blocks", "bfree", "bavail")

    def __init__(self, tsize: int, bsize: int, blocks: int, bfree: int, bavail: int) -> None:
        self.tsize = tsize
        self.bsize = bsize
        self.blocks = blocks
        self.bfree = bfree
        self.bavail = bavail

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _5I.pack(self.tsize, self.bsize, self.blocks, self.bfree, self.bavail)
        except StructError as error:
            raise unencodable("statfsok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> statfsok:
        tsize, bsize, blocks, bfree, bavail = dec.unpack(_5I)
        return cls(tsize, bsize, blocks, bfree, bavail)


class statfsres(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: statfsok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                buf += _i5I.pack(status, value.tsize, value.bsize, value.blocks, value.bfree, value.bavail)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("statfsres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> statfsres:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> statfsres:
        if status == NFS_OK:
            ok__tsize, ok__bsize, ok__blocks, ok__bfree, ok__bavail = dec.unpack(_5I)
            return cls(status, statfsok(ok__tsize, ok__bsize, ok__blocks, ok__bfree, ok__bavail))
        return cls(status)

    @property
    def ok(self) -> statfsok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: statfsok = self.value
        return arm


class fhandleok(XdrStruct):
    __slots__ = ("directory",)

    def __init__(self, directory: fhandle) -> None:
        self.directory = directory

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.directory) != 32:
                raise wrong_length("fhandleok.directory", len(self.directory), 32)
            buf += _32s.pack(self.directory)
        except StructError as error:
            raise unencodable("fhandleok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fhandleok:
        (directory,) = dec.unpack(_32s)
        return cls(directory)


class fhstatus(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: fhandleok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == 0:
                if len(value.directory) != 32:
                    raise wrong_length("fhandleok.directory", len(value.directory), 32)
                buf += _I32s.pack(status, value.directory)
            else:
                buf += _I.pack(status)
        except StructError as error:
            raise unencodable("fhstatus", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fhstatus:
        return cls.decode_arm(dec, dec.uint32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> fhstatus:
        if status == 0:
            (ok__directory,) = dec.unpack(_32s)
            return cls(status, fhandleok(ok__directory))
        return cls(status)

    @property
    def ok(self) -> fhandleok:
        if not (self.status == 0):
            raise wrong_arm(self, "ok")
        arm: fhandleok = self.value
        return arm


class ppathcnf(XdrStruct):
    __slots__ = (
        "pc_link_max",
        "pc_max_canon",
        "pc_max_input",
        "pc_name_max",
        "pc_path_max",
        "pc_pipe_buf",
        "pc_vdisable",
        "pc_xxx",
        "pc_mask",
    )

    def __init__(
        self,
        pc_link_max: int,
        pc_max_canon: int,
        pc_max_input: int,
        pc_name_max: int,
        pc_path_max: int,
        pc_pipe_buf: int,
        pc_vdisable: int,
        pc_xxx: int,
        pc_mask: list[int],
    ) -> None:
        self.pc_link_max = pc_link_max
        self.pc_max_canon = pc_max_canon
        self.pc_max_input = pc_max_input
        self.pc_name_max = pc_name_max
        self.pc_path_max = pc_path_max
        self.pc_pipe_buf = pc_pipe_buf
        self.pc_vdisable = pc_vdisable
        self.pc_xxx = pc_xxx
        self.pc_mask = pc_mask

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            pc_mask = self.pc_mask
            if len(pc_mask) != 2:
                raise wrong_length("ppathcnf.pc_mask", len(pc_mask), 2)
            buf += _6i2I2I.pack(self.pc_link_max, self.pc_max_canon, self.pc_max_input, self.pc_name_max, self.pc_path_max, self.pc_pipe_buf, self.pc_vdisable, self.pc_xxx, *pc_mask)
        except StructError as error:
            raise unencodable("ppathcnf", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ppathcnf:
        pc_link_max, pc_max_canon, pc_max_input, pc_name_max, pc_path_max, pc_pipe_buf, pc_vdisable, pc_xxx = dec.unpack(_6i2I)
        pc_mask = dec.numbers("I", 2)
        return cls(pc_link_max, pc_max_canon, pc_max_input, pc_name_max, pc_path_max, pc_pipe_buf, pc_vdisable, pc_xxx, pc_mask)


class aclent2(XdrStruct):
    __slots__ = ("type", "id", "perm")

    def __init__(self, type: int, id: int, perm: int) -> None:
        self.type = type
        self.id = id
        self.perm = perm

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i2I.pack(self.type, self.id, self.perm)
        except StructError as error:
            raise unencodable("aclent2", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> aclent2:
        type, id, perm = dec.unpack(_i2I)
        return cls(type, id, perm)


class secattr2(XdrStruct):
    __slots__ = ("mask", "aclcnt", "acl", "dfaclcnt", "dfacl")

    def __init__(
        self,
        mask: int,
        aclcnt: int,
        acl: list[aclent2],
        dfaclcnt: int,
        dfacl: list[aclent2],
    ) -> None:
        self.mask = mask
        self.aclcnt = aclcnt
        self.acl = acl
        self.dfaclcnt = dfaclcnt
        self.dfacl = dfacl

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            acl = self.acl
            n = len(acl)
            if n > 1024:
                raise too_long("secattr2.acl", n, 1024)
            buf += _IiI.pack(self.mask, self.aclcnt, n)
            for item in acl:
                buf += _i2I.pack(item.type, item.id, item.perm)
            dfacl = self.dfacl
            n2 = len(dfacl)
            if n2 > 1024:
                raise too_long("secattr2.dfacl", n2, 1024)
            buf += _iI.pack(self.dfaclcnt, n2)
            for item2 in dfacl:
                buf += _i2I.pack(item2.type, item2.id, item2.perm)
        except StructError as error:
            raise unencodable("secattr2", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> secattr2:
        mask, aclcnt, acl_n = dec.unpack(_IiI)
        dec.check_count(acl_n, 12, 1024)
        acl = [aclent2.decode(dec) for _ in range(acl_n)]
        dfaclcnt, dfacl_n = dec.unpack(_iI)
        dec.check_count(dfacl_n, 12, 1024)
        dfacl = [aclent2.decode(dec) for _ in range(dfacl_n)]
        return cls(mask, aclcnt, acl, dfaclcnt, dfacl)


class GETACL2args(XdrStruct):
    __slots__ = ("file", "mask")

    def __init__(self, file: fhandle, mask: int) -> None:
        self.file = file
        self.mask = mask

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("GETACL2args.file", len(self.file), 32)
            buf += _32sI.pack(self.file, self.mask)
        except StructError as error:
            raise unencodable("GETACL2args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETACL2args:
        file, mask = dec.unpack(_32sI)
        return cls(file, mask)


class GETACL2resok(XdrStruct):
    __slots__ = ("attributes", "acl")

    def __init__(self, attributes: fattr, acl: secattr2) -> None:
        self.attributes = attributes
        self.acl = acl

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            ctime = attributes.ctime
            buf += _i16I.pack(attributes.type, attributes.mode, attributes.nlink, attributes.uid, attributes.gid, attributes.size, attributes.blocksize, attributes.rdev, attributes.blocks, attributes.fsid, attributes.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds)
            self.acl.encode(enc)
        except StructError as error:
            raise unencodable("GETACL2resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETACL2resok:
        attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds, attributes__ctime__seconds, attributes__ctime__useconds = dec.unpack(_i16I)
        acl = secattr2.decode(dec)
        return cls(fattr(attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds), timeval(attributes__ctime__seconds, attributes__ctime__useconds)), acl)


class GETACL2res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: GETACL2resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("GETACL2res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETACL2res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> GETACL2res:
        if status == NFS_OK:
            ok = GETACL2resok.decode(dec)
            return cls(status, ok)
        return cls(status)

    @property
    def ok(self) -> GETACL2resok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: GETACL2resok = self.value
        return arm


class SETACL2args(XdrStruct):
    __slots__ = ("file", "acl")

    def __init__(self, file: fhandle, acl: secattr2) -> None:
        self.file = file
        self.acl = acl

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("SETACL2args.file", len(self.file), 32)
            buf += _32s.pack(self.file)
            self.acl.encode(enc)
        except StructError as error:
            raise unencodable("SETACL2args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETACL2args:
        (file,) = dec.unpack(_32s)
        acl = secattr2.decode(dec)
        return cls(file, acl)


class ACCESS2args(XdrStruct):
    __slots__ = ("file", "access")

    def __init__(self, file: fhandle, access: int) -> None:
        self.file = file
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.file) != 32:
                raise wrong_length("ACCESS2args.file", len(self.file), 32)
            buf += _32sI.pack(self.file, self.access)
        except StructError as error:
            raise unencodable("ACCESS2args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS2args:
        file, access = dec.unpack(_32sI)
        return cls(file, access)


class ACCESS2resok(XdrStruct):
    __slots__ = ("attributes", "access")

    def __init__(self, attributes: fattr, access: int) -> None:
        self.attributes = attributes
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            attributes = self.attributes
            atime = attributes.atime
            mtime = attributes.mtime
            ctime = attributes.ctime
            buf += _i17I.pack(attributes.type, attributes.mode, attributes.nlink, attributes.uid, attributes.gid, attributes.size, attributes.blocksize, attributes.rdev, attributes.blocks, attributes.fsid, attributes.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds, self.access)
        except StructError as error:
            raise unencodable("ACCESS2resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS2resok:
        attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, attributes__atime__seconds, attributes__atime__useconds, attributes__mtime__seconds, attributes__mtime__useconds, attributes__ctime__seconds, attributes__ctime__useconds, access = dec.unpack(_i17I)
        return cls(fattr(attributes__type, attributes__mode, attributes__nlink, attributes__uid, attributes__gid, attributes__size, attributes__blocksize, attributes__rdev, attributes__blocks, attributes__fsid, attributes__fileid, timeval(attributes__atime__seconds, attributes__atime__useconds), timeval(attributes__mtime__seconds, attributes__mtime__useconds), timeval(attributes__ctime__seconds, attributes__ctime__useconds)), access)


class ACCESS2res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: ACCESS2resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS_OK:
                attributes = value.attributes
                atime = attributes.atime
                mtime = attributes.mtime
                ctime = attributes.ctime
                buf += _2i17I.pack(status, attributes.type, attributes.mode, attributes.nlink, attributes.uid, attributes.gid, attributes.size, attributes.blocksize, attributes.rdev, attributes.blocks, attributes.fsid, attributes.fileid, atime.seconds, atime.useconds, mtime.seconds, mtime.useconds, ctime.seconds, ctime.useconds, value.access)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("ACCESS2res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS2res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> ACCESS2res:
        if status == NFS_OK:
            ok__attributes__type, ok__attributes__mode, ok__attributes__nlink, ok__attributes__uid, ok__attributes__gid, ok__attributes__size, ok__attributes__blocksize, ok__attributes__rdev, ok__attributes__blocks, ok__attributes__fsid, ok__attributes__fileid, ok__attributes__atime__seconds, ok__attributes__atime__useconds, ok__attributes__mtime__seconds, ok__attributes__mtime__useconds, ok__attributes__ctime__seconds, ok__attributes__ctime__useconds, ok__access = dec.unpack(_i17I)
            return cls(status, ACCESS2resok(fattr(ok__attributes__type, ok__attributes__mode, ok__attributes__nlink, ok__attributes__uid, ok__attributes__gid, ok__attributes__size, ok__attributes__blocksize, ok__attributes__rdev, ok__attributes__blocks, ok__attributes__fsid, ok__attributes__fileid, timeval(ok__attributes__atime__seconds, ok__attributes__atime__useconds), timeval(ok__attributes__mtime__seconds, ok__attributes__mtime__useconds), timeval(ok__attributes__ctime__seconds, ok__attributes__ctime__useconds)), ok__access))
        return cls(status)

    @property
    def ok(self) -> ACCESS2resok:
        if not (self.status == NFS_OK):
            raise wrong_arm(self, "ok")
        arm: ACCESS2resok = self.value
        return arm
