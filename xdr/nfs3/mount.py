"""The MOUNT protocol, version 3 (RFC 1813).

Emitted by nfsrdma.xdr.compiler from specs/mount3.x.
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

MNTPATHLEN: Final = 1024
MNTNAMLEN: Final = 255
FHSIZE3: Final = 64
MOUNTPROC3_NULL: Final = 0
MOUNTPROC3_MNT: Final = 1
MOUNTPROC3_DUMP: Final = 2
MOUNTPROC3_UMNT: Final = 3
MOUNTPROC3_UMNTALL: Final = 4
MOUNTPROC3_EXPORT: Final = 5

# Enumerations


class mountstat3(IntEnum):
    MNT3_OK = 0
    MNT3ERR_PERM = 1
    MNT3ERR_NOENT = 2
    MNT3ERR_IO = 5
    MNT3ERR_ACCES = 13
    MNT3ERR_NOTDIR = 20
    MNT3ERR_INVAL = 22
    MNT3ERR_NAMETOOLONG = 63
    MNT3ERR_NOTSUPP = 10004
    MNT3ERR_SERVERFAULT = 10006


MNT3_OK: Final = 0
MNT3ERR_PERM: Final = 1
MNT3ERR_NOENT: Final = 2
MNT3ERR_IO: Final = 5
MNT3ERR_ACCES: Final = 13
MNT3ERR_NOTDIR: Final = 20
MNT3ERR_INVAL: Final = 22
MNT3ERR_NAMETOOLONG: Final = 63
MNT3ERR_NOTSUPP: Final = 10004
MNT3ERR_SERVERFAULT: Final = 10006


# Layouts: the runs of fields that are packed in one step

_I = Struct(">I")
_i = Struct(">i")
_iI = Struct(">iI")


fhandle3: TypeAlias = "bytes"


def encode_fhandle3(enc: Encoder, value: fhandle3) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 64:
            raise too_long("fhandle3", n, 64)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("fhandle3", error) from None


def decode_fhandle3(dec: Decoder) -> fhandle3:
    return dec.opaque(64)


dirpath: TypeAlias = "bytes"


def encode_dirpath(enc: Encoder, value: dirpath) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 1024:
            raise too_long("dirpath", n, 1024)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("dirpath", error) from None


def decode_dirpath(dec: Decoder) -> dirpath:
    return dec.opaque(1024)


name: TypeAlias = "bytes"


def encode_name(enc: Encoder, value: name) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 255:
            raise too_long("name", n, 255)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("name", error) from None


def decode_name(dec: Decoder) -> name:
    return dec.opaque(255)


class mountargs3(XdrStruct):
    __slots__ = ("path",)

    def __init__(self, path: dirpath) -> None:
        self.path = path

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            path = self.path
            n = len(path)
            if n > 1024:
                raise too_long("mountargs3.path", n, 1024)
            buf += _I.pack(n)
            buf += path
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("mountargs3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mountargs3:
        path_n = dec.uint32()
        if path_n > 1024:
            raise too_long("mountargs3.path", path_n, 1024)
        path = dec.octets(path_n) if path_n else b""
        return cls(path)


class mountres3_ok(XdrStruct):
    __slots__ = ("fhandle", "auth_flavors")

    def __init__(self, fhandle: fhandle3, auth_flavors: list[int]) -> None:
        self.fhandle = fhandle
        self.auth_flavors = auth_flavors

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fhandle = self.fhandle
            n = len(fhandle)
            if n > 64:
                raise too_long("mountres3_ok.fhandle", n, 64)
            buf += _I.pack(n)
            buf += fhandle
            if n & 3:
                buf += PAD[n & 3]
            auth_flavors = self.auth_flavors
            n2 = len(auth_flavors)
            buf += _I.pack(n2)
            buf += pack(f">{n2}i", *auth_flavors)
        except StructError as error:
            raise unencodable("mountres3_ok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mountres3_ok:
        fhandle_n = dec.uint32()
        if fhandle_n > 64:
            raise too_long("mountres3_ok.fhandle", fhandle_n, 64)
        fhandle = dec.octets(fhandle_n) if fhandle_n else b""
        auth_flavors_n = dec.uint32()
        auth_flavors = dec.numbers("i", auth_flavors_n)
        return cls(fhandle, auth_flavors)


class mountres3(XdrUnion):
    __slots__ = ("fhs_status", "value")

    def __init__(self, fhs_status: int, value: mountres3_ok | None = None) -> None:
        self.fhs_status = fhs_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        fhs_status = self.fhs_status
        try:
            if fhs_status == MNT3_OK:
                fhandle = value.fhandle
                n = len(fhandle)
                if n > 64:
                    raise too_long("mountres3_ok.fhandle", n, 64)
                buf += _iI.pack(fhs_status, n)
                buf += fhandle
                if n & 3:
                    buf += PAD[n & 3]
                auth_flavors = value.auth_flavors
                n2 = len(auth_flavors)
                buf += _I.pack(n2)
                buf += pack(f">{n2}i", *auth_flavors)
            else:
                buf += _i.pack(fhs_status)
        except StructError as error:
            raise unencodable("mountres3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mountres3:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, fhs_status: int) -> mountres3:
        if fhs_status == MNT3_OK:
            mountinfo__fhandle_n = dec.uint32()
            if mountinfo__fhandle_n > 64:
                raise too_long("mountres3_ok.fhandle", mountinfo__fhandle_n, 64)
            mountinfo__fhandle = dec.octets(mountinfo__fhandle_n) if mountinfo__fhandle_n else b""
            mountinfo__auth_flavors_n = dec.uint32()
            mountinfo__auth_flavors = dec.numbers("i", mountinfo__auth_flavors_n)
            return cls(fhs_status, mountres3_ok(mountinfo__fhandle, mountinfo__auth_flavors))
        return cls(fhs_status)

    @property
    def mountinfo(self) -> mountres3_ok:
        if not (self.fhs_status == MNT3_OK):
            raise wrong_arm(self, "mountinfo")
        arm: mountres3_ok = self.value
        return arm


class mountbody(LinkedStruct):
    __slots__ = ("ml_hostname", "ml_directory", "ml_next")

    def __init__(
        self,
        ml_hostname: name,
        ml_directory: dirpath,
        ml_next: mountbody | None = None,
    ) -> None:
        self.ml_hostname = ml_hostname
        self.ml_directory = ml_directory
        self.ml_next = ml_next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: mountbody | None = self
            while node is not None:
                ml_hostname = node.ml_hostname
                n = len(ml_hostname)
                if n > 255:
                    raise too_long("mountbody.ml_hostname", n, 255)
                buf += _I.pack(n)
                buf += ml_hostname
                if n & 3:
                    buf += PAD[n & 3]
                ml_directory = node.ml_directory
                n2 = len(ml_directory)
                if n2 > 1024:
                    raise too_long("mountbody.ml_directory", n2, 1024)
                buf += _I.pack(n2)
                buf += ml_directory
                if n2 & 3:
                    buf += PAD[n2 & 3]
                ml_next = node.ml_next
                buf += _I.pack(0 if ml_next is None else 1)
                node = ml_next
        except StructError as error:
            raise unencodable("mountbody", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mountbody:
        head_: mountbody | None = None
        tail_: mountbody | None = None
        while True:
            ml_hostname_n = dec.uint32()
            if ml_hostname_n > 255:
                raise too_long("mountbody.ml_hostname", ml_hostname_n, 255)
            ml_hostname = dec.octets(ml_hostname_n) if ml_hostname_n else b""
            ml_directory_n = dec.uint32()
            if ml_directory_n > 1024:
                raise too_long("mountbody.ml_directory", ml_directory_n, 1024)
            ml_directory = dec.octets(ml_directory_n) if ml_directory_n else b""
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("mountbody.ml_next", more_)
            node_ = cls(ml_hostname, ml_directory)
            if tail_ is None:
                head_ = node_
            else:
                tail_.ml_next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class mountlist3(XdrStruct):
    __slots__ = ("list",)

    def __init__(self, list: mountbody | None) -> None:
        self.list = list

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            list2 = self.list
            if list2 is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                list2.encode(enc)
        except StructError as error:
            raise unencodable("mountlist3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mountlist3:
        list_set = dec.uint32()
        if list_set > 1:
            raise not_boolean("mountlist3.list", list_set)
        list2 = mountbody.decode(dec) if list_set else None
        return cls(list2)


class groupnode(LinkedStruct):
    __slots__ = ("gr_name", "gr_next")

    def __init__(self, gr_name: name, gr_next: groupnode | None = None) -> None:
        self.gr_name = gr_name
        self.gr_next = gr_next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: groupnode | None = self
            while node is not None:
                gr_name = node.gr_name
                n = len(gr_name)
                if n > 255:
                    raise too_long("groupnode.gr_name", n, 255)
                buf += _I.pack(n)
                buf += gr_name
                if n & 3:
                    buf += PAD[n & 3]
                gr_next = node.gr_next
                buf += _I.pack(0 if gr_next is None else 1)
                node = gr_next
        except StructError as error:
            raise unencodable("groupnode", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> groupnode:
        head_: groupnode | None = None
        tail_: groupnode | None = None
        while True:
            gr_name_n = dec.uint32()
            if gr_name_n > 255:
                raise too_long("groupnode.gr_name", gr_name_n, 255)
            gr_name = dec.octets(gr_name_n) if gr_name_n else b""
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("groupnode.gr_next", more_)
            node_ = cls(gr_name)
            if tail_ is None:
                head_ = node_
            else:
                tail_.gr_next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class exportnode(LinkedStruct):
    __slots__ = ("ex_dir", "ex_groups", "ex_next")

    def __init__(
        self,
        ex_dir: dirpath,
        ex_groups: groupnode | None,
        ex_next: exportnode | None = None,
    ) -> None:
        self.ex_dir = ex_dir
        self.ex_groups = ex_groups
        self.ex_next = ex_next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: exportnode | None = self
            while node is not None:
                ex_dir = node.ex_dir
                n = len(ex_dir)
                if n > 1024:
                    raise too_long("exportnode.ex_dir", n, 1024)
                buf += _I.pack(n)
                buf += ex_dir
                if n & 3:
                    buf += PAD[n & 3]
                ex_groups = node.ex_groups
                if ex_groups is None:
                    buf += _I.pack(0)
                else:
                    buf += _I.pack(1)
                    ex_groups.encode(enc)
                ex_next = node.ex_next
                buf += _I.pack(0 if ex_next is None else 1)
                node = ex_next
        except StructError as error:
            raise unencodable("exportnode", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> exportnode:
        head_: exportnode | None = None
        tail_: exportnode | None = None
        while True:
            ex_dir_n = dec.uint32()
            if ex_dir_n > 1024:
                raise too_long("exportnode.ex_dir", ex_dir_n, 1024)
            ex_dir = dec.octets(ex_dir_n) if ex_dir_n else b""
            ex_groups_set = dec.uint32()
            if ex_groups_set > 1:
                raise not_boolean("exportnode.ex_groups", ex_groups_set)
            ex_groups = groupnode.decode(dec) if ex_groups_set else None
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("exportnode.ex_next", more_)
            node_ = cls(ex_dir, ex_groups)
            if tail_ is None:
                head_ = node_
            else:
                tail_.ex_next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class exports3(XdrStruct):
    __slots__ = ("list",)

    def __init__(self, list: exportnode | None) -> None:
        self.list = list

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            list2 = self.list
            if list2 is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                list2.encode(enc)
        except StructError as error:
            raise unencodable("exports3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> exports3:
        list_set = dec.uint32()
        if list_set > 1:
            raise not_boolean("exports3.list", list_set)
        list2 = exportnode.decode(dec) if list_set else None
        return cls(list2)
