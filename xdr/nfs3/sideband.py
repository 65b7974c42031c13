"""ACLs, status monitor and quotas of NFSv3.

Emitted by nfsrdma.xdr.compiler from specs/sideband.x.
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

NFS_ACL_MAX_ENTRIES: Final = 1024
SM_MAXSTRLEN: Final = 1024
RQ_PATHLEN: Final = 1024

# Enumerations


class sm_res(IntEnum):
    STAT_SUCC = 0
    STAT_FAIL = 1


STAT_SUCC: Final = 0
STAT_FAIL: Final = 1


class qr_status(IntEnum):
    Q_OK = 1
    Q_NOQUOTA = 2
    Q_EPERM = 3


Q_OK: Final = 1
Q_NOQUOTA: Final = 2
Q_EPERM: Final = 3


# Layouts: the runs of fields that are packed in one step

_16s = Struct(">16s")
_2i = Struct(">2i")
_2i8I = Struct(">2i8I")
_2i9I = Struct(">2i9I")
_3i = Struct(">3i")
_84s = Struct(">84s")
_8I = Struct(">8I")
_I = Struct(">I")
_I84s = Struct(">I84s")
_IiI = Struct(">IiI")
_i = Struct(">i")
_i2I = Struct(">i2I")
_i8I = Struct(">i8I")
_i9I = Struct(">i9I")
_iI = Struct(">iI")


class acl_fh3(XdrStruct):
    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            data = self.data
            n = len(data)
            if n > 64:
                raise too_long("acl_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("acl_fh3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> acl_fh3:
        data_n = dec.uint32()
        if data_n > 64:
            raise too_long("acl_fh3.data", data_n, 64)
        data = dec.octets(data_n) if data_n else b""
        return cls(data)


class acl_attr3(XdrUnion):
    __slots__ = ("attributes_follow", "value")

    def __init__(self, attributes_follow: bool, value: bytes | None = None) -> None:
        self.attributes_follow = attributes_follow
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        attributes_follow = self.attributes_follow
        try:
            if attributes_follow:
                if len(value) != 84:
                    raise wrong_length("acl_attr3.attributes", len(value), 84)
                buf += _I84s.pack(1 if attributes_follow else 0, value)
            else:
                buf += _I.pack(1 if attributes_follow else 0)
        except StructError as error:
            raise unencodable("acl_attr3", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> acl_attr3:
        return cls.decode_arm(dec, dec.boolean())

    @classmethod
    def decode_arm(cls, dec: Decoder, attributes_follow: bool) -> acl_attr3:
        if attributes_follow:
            (attributes,) = dec.unpack(_84s)
            return cls(attributes_follow, attributes)
        return cls(attributes_follow)

    @property
    def attributes(self) -> bytes:
        if not (self.attributes_follow):
            raise wrong_arm(self, "attributes")
        arm: bytes = self.value
        return arm


class aclent(XdrStruct):
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
            raise unencodable("aclent", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> aclent:
        type, id, perm = dec.unpack(_i2I)
        return cls(type, id, perm)


class secattr(XdrStruct):
    __slots__ = ("mask", "aclcnt", "acl", "dfaclcnt", "dfacl")

    def __init__(
        self,
        mask: int,
        aclcnt: int,
        acl: list[aclent],
        dfaclcnt: int,
        dfacl: list[aclent],
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
                raise too_long("secattr.acl", n, 1024)
            buf += _IiI.pack(self.mask, self.aclcnt, n)
            for item in acl:
                buf += _i2I.pack(item.type, item.id, item.perm)
            dfacl = self.dfacl
            n2 = len(dfacl)
            if n2 > 1024:
                raise too_long("secattr.dfacl", n2, 1024)
            buf += _iI.pack(self.dfaclcnt, n2)
            for item2 in dfacl:
                buf += _i2I.pack(item2.type, item2.id, item2.perm)
        except StructError as error:
            raise unencodable("secattr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> secattr:
        mask, aclcnt, acl_n = dec.unpack(_IiI)
        dec.check_count(acl_n, 12, 1024)
        acl = [aclent.decode(dec) for _ in range(acl_n)]
        dfaclcnt, dfacl_n = dec.unpack(_iI)
        dec.check_count(dfacl_n, 12, 1024)
        dfacl = [aclent.decode(dec) for _ in range(dfacl_n)]
        return cls(mask, aclcnt, acl, dfaclcnt, dfacl)


class GETACL3args(XdrStruct):
    __slots__ = ("fh", "mask")

    def __init__(self, fh: acl_fh3, mask: int) -> None:
        self.fh = fh
        self.mask = mask

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fh = self.fh
            data = fh.data
            n = len(data)
            if n > 64:
                raise too_long("acl_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            buf += _I.pack(self.mask)
        except StructError as error:
            raise unencodable("GETACL3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETACL3args:
        fh__data_n = dec.uint32()
        if fh__data_n > 64:
            raise too_long("acl_fh3.data", fh__data_n, 64)
        fh__data = dec.octets(fh__data_n) if fh__data_n else b""
        mask = dec.uint32()
        return cls(acl_fh3(fh__data), mask)


class GETACL3resok(XdrStruct):
    __slots__ = ("attr", "acl")

    def __init__(self, attr: acl_attr3, acl: secattr) -> None:
        self.attr = attr
        self.acl = acl

    def encode(self, enc: Encoder) -> None:
        try:
            self.attr.encode(enc)
            self.acl.encode(enc)
        except StructError as error:
            raise unencodable("GETACL3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETACL3resok:
        attr__attributes_follow = dec.uint32()
        if attr__attributes_follow > 1:
            raise not_boolean("acl_attr3.attributes_follow", attr__attributes_follow)
        attr = acl_attr3.decode_arm(dec, attr__attributes_follow == 1)
        acl = secattr.decode(dec)
        return cls(attr, acl)


class GETACL3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: GETACL3resok | acl_attr3 | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == 0:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("GETACL3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETACL3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> GETACL3res:
        if status == 0:
            resok = GETACL3resok.decode(dec)
            return cls(status, resok)
        resfail__attributes_follow = dec.uint32()
        if resfail__attributes_follow > 1:
            raise not_boolean("acl_attr3.attributes_follow", resfail__attributes_follow)
        resfail = acl_attr3.decode_arm(dec, resfail__attributes_follow == 1)
        return cls(status, resfail)

    @property
    def resok(self) -> GETACL3resok:
        if not (self.status == 0):
            raise wrong_arm(self, "resok")
        arm: GETACL3resok = self.value
        return arm

    @property
    def resfail(self) -> acl_attr3:
        if self.status == 0:
            raise wrong_arm(self, "resfail")
        arm: acl_attr3 = self.value
        return arm


class SETACL3args(XdrStruct):
    __slots__ = ("fh", "acl")

    def __init__(self, fh: acl_fh3, acl: secattr) -> None:
        self.fh = fh
        self.acl = acl

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fh = self.fh
            data = fh.data
            n = len(data)
            if n > 64:
                raise too_long("acl_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            self.acl.encode(enc)
        except StructError as error:
            raise unencodable("SETACL3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETACL3args:
        fh__data_n = dec.uint32()
        if fh__data_n > 64:
            raise too_long("acl_fh3.data", fh__data_n, 64)
        fh__data = dec.octets(fh__data_n) if fh__data_n else b""
        acl = secattr.decode(dec)
        return cls(acl_fh3(fh__data), acl)


class SETACL3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: acl_attr3 | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == 0:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
                value.encode(enc)
        except StructError as error:
            raise unencodable("SETACL3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETACL3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> SETACL3res:
        if status == 0:
            resok__attributes_follow = dec.uint32()
            if resok__attributes_follow > 1:
                raise not_boolean("acl_attr3.attributes_follow", resok__attributes_follow)
            resok = acl_attr3.decode_arm(dec, resok__attributes_follow == 1)
            return cls(status, resok)
        resfail__attributes_follow = dec.uint32()
        if resfail__attributes_follow > 1:
            raise not_boolean("acl_attr3.attributes_follow", resfail__attributes_follow)
        resfail = acl_attr3.decode_arm(dec, resfail__attributes_follow == 1)
        return cls(status, resfail)

    @property
    def resok(self) -> acl_attr3:
        if not (self.status == 0):
            raise wrong_arm(self, "resok")
        arm: acl_attr3 = self.value
        return arm

    @property
    def resfail(self) -> acl_attr3:
        if self.status == 0:
            raise wrong_arm(self, "resfail")
        arm: acl_attr3 = self.value
        return arm


class GETXATTRDIR3args(XdrStruct):
    __slots__ = ("fh", "create")

    def __init__(self, fh: acl_fh3, create: bool) -> None:
        self.fh = fh
        self.create = create

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fh = self.fh
            data = fh.data
            n = len(data)
            if n > 64:
                raise too_long("acl_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            buf += _I.pack(1 if self.create else 0)
        except StructError as error:
            raise unencodable("GETXATTRDIR3args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETXATTRDIR3args:
        fh__data_n = dec.uint32()
        if fh__data_n > 64:
            raise too_long("acl_fh3.data", fh__data_n, 64)
        fh__data = dec.octets(fh__data_n) if fh__data_n else b""
        create = dec.uint32()
        if create > 1:
            raise not_boolean("GETXATTRDIR3args.create", create)
        return cls(acl_fh3(fh__data), create == 1)


class GETXATTRDIR3resok(XdrStruct):
    __slots__ = ("fh", "attr")

    def __init__(self, fh: acl_fh3, attr: acl_attr3) -> None:
        self.fh = fh
        self.attr = attr

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fh = self.fh
            data = fh.data
            n = len(data)
            if n > 64:
                raise too_long("acl_fh3.data", n, 64)
            buf += _I.pack(n)
            buf += data
            if n & 3:
                buf += PAD[n & 3]
            self.attr.encode(enc)
        except StructError as error:
            raise unencodable("GETXATTRDIR3resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETXATTRDIR3resok:
        fh__data_n = dec.uint32()
        if fh__data_n > 64:
            raise too_long("acl_fh3.data", fh__data_n, 64)
        fh__data = dec.octets(fh__data_n) if fh__data_n else b""
        attr__attributes_follow = dec.uint32()
        if attr__attributes_follow > 1:
            raise not_boolean("acl_attr3.attributes_follow", attr__attributes_follow)
        attr = acl_attr3.decode_arm(dec, attr__attributes_follow == 1)
        return cls(acl_fh3(fh__data), attr)


class GETXATTRDIR3res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: GETXATTRDIR3resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == 0:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("GETXATTRDIR3res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETXATTRDIR3res:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> GETXATTRDIR3res:
        if status == 0:
            resok = GETXATTRDIR3resok.decode(dec)
            return cls(status, resok)
        return cls(status)

    @property
    def resok(self) -> GETXATTRDIR3resok:
        if not (self.status == 0):
            raise wrong_arm(self, "resok")
        arm: GETXATTRDIR3resok = self.value
        return arm


class sm_name(XdrStruct):
    __slots__ = ("mon_name",)

    def __init__(self, mon_name: bytes) -> None:
        self.mon_name = mon_name

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            mon_name = self.mon_name
            n = len(mon_name)
            if n > 1024:
                raise too_long("sm_name.mon_name", n, 1024)
            buf += _I.pack(n)
            buf += mon_name
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("sm_name", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sm_name:
        mon_name_n = dec.uint32()
        if mon_name_n > 1024:
            raise too_long("sm_name.mon_name", mon_name_n, 1024)
        mon_name = dec.octets(mon_name_n) if mon_name_n else b""
        return cls(mon_name)


class sm_stat_res(XdrStruct):
    __slots__ = ("res_stat", "state")

    def __init__(self, res_stat: int, state: int) -> None:
        self.res_stat = res_stat
        self.state = state

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2i.pack(self.res_stat, self.state)
        except StructError as error:
            raise unencodable("sm_stat_res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sm_stat_res:
        res_stat, state = dec.unpack(_2i)
        return cls(res_stat, state)


class sm_stat(XdrStruct):
    __slots__ = ("state",)

    def __init__(self, state: int) -> None:
        self.state = state

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.state)
        except StructError as error:
            raise unencodable("sm_stat", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sm_stat:
        state = dec.int32()
        return cls(state)


class my_id(XdrStruct):
    __slots__ = ("my_name", "my_prog", "my_vers", "my_proc")

    def __init__(self, my_name: bytes, my_prog: int, my_vers: int, my_proc: int) -> None:
        self.my_name = my_name
        self.my_prog = my_prog
        self.my_vers = my_vers
        self.my_proc = my_proc

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            my_name = self.my_name
            n = len(my_name)
            if n > 1024:
                raise too_long("my_id.my_name", n, 1024)
            buf += _I.pack(n)
            buf += my_name
            if n & 3:
                buf += PAD[n & 3]
            buf += _3i.pack(self.my_prog, self.my_vers, self.my_proc)
        except StructError as error:
            raise unencodable("my_id", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> my_id:
        my_name_n = dec.uint32()
        if my_name_n > 1024:
            raise too_long("my_id.my_name", my_name_n, 1024)
        my_name = dec.octets(my_name_n) if my_name_n else b""
        my_prog, my_vers, my_proc = dec.unpack(_3i)
        return cls(my_name, my_prog, my_vers, my_proc)


class mon_id(XdrStruct):
    __slots__ = ("mon_name", "my_id")

    def __init__(self, mon_name: bytes, my_id: my_id) -> None:
        self.mon_name = mon_name
        self.my_id = my_id

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            mon_name = self.mon_name
            n = len(mon_name)
            if n > 1024:
                raise too_long("mon_id.mon_name", n, 1024)
            buf += _I.pack(n)
            buf += mon_name
            if n & 3:
                buf += PAD[n & 3]
            my_id2 = self.my_id
            my_name = my_id2.my_name
            n2 = len(my_name)
            if n2 > 1024:
                raise too_long("my_id.my_name", n2, 1024)
            buf += _I.pack(n2)
            buf += my_name
            if n2 & 3:
                buf += PAD[n2 & 3]
            buf += _3i.pack(my_id2.my_prog, my_id2.my_vers, my_id2.my_proc)
        except StructError as error:
            raise unencodable("mon_id", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mon_id:
        mon_name_n = dec.uint32()
        if mon_name_n > 1024:
            raise too_long("mon_id.mon_name", mon_name_n, 1024)
        mon_name = dec.octets(mon_name_n) if mon_name_n else b""
        my_id__my_name_n = dec.uint32()
        if my_id__my_name_n > 1024:
            raise too_long("my_id.my_name", my_id__my_name_n, 1024)
        my_id__my_name = dec.octets(my_id__my_name_n) if my_id__my_name_n else b""
        my_id__my_prog, my_id__my_vers, my_id__my_proc = dec.unpack(_3i)
        return cls(mon_name, my_id(my_id__my_name, my_id__my_prog, my_id__my_vers, my_id__my_proc))


class mon(XdrStruct):
    __slots__ = ("mon_id", "priv")

    def __init__(self, mon_id: mon_id, priv: bytes) -> None:
        self.mon_id = mon_id
        self.priv = priv

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.mon_id.encode(enc)
            if len(self.priv) != 16:
                raise wrong_length("mon.priv", len(self.priv), 16)
            buf += _16s.pack(self.priv)
        except StructError as error:
            raise unencodable("mon", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mon:
        mon_id2 = mon_id.decode(dec)
        (priv,) = dec.unpack(_16s)
        return cls(mon_id2, priv)


class stat_chge(XdrStruct):
    __slots__ = ("mon_name", "state")

    def __init__(self, mon_name: bytes, state: int) -> None:
        self.mon_name = mon_name
        self.state = state

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            mon_name = self.mon_name
            n = len(mon_name)
            if n > 1024:
                raise too_long("stat_chge.mon_name", n, 1024)
            buf += _I.pack(n)
            buf += mon_name
            if n & 3:
                buf += PAD[n & 3]
            buf += _i.pack(self.state)
        except StructError as error:
            raise unencodable("stat_chge", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> stat_chge:
        mon_name_n = dec.uint32()
        if mon_name_n > 1024:
            raise too_long("stat_chge.mon_name", mon_name_n, 1024)
        mon_name = dec.octets(mon_name_n) if mon_name_n else b""
        state = dec.int32()
        return cls(mon_name, state)


class getquota_args(XdrStruct):
    __slots__ = ("gqa_pathp", "gqa_uid")

    def __init__(self, gqa_pathp: bytes, gqa_uid: int) -> None:
        self.gqa_pathp = gqa_pathp
        self.gqa_uid = gqa_uid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            gqa_pathp = self.gqa_pathp
            n = len(gqa_pathp)
            if n > 1024:
                raise too_long("getquota_args.gqa_pathp", n, 1024)
            buf += _I.pack(n)
            buf += gqa_pathp
            if n & 3:
                buf += PAD[n & 3]
            buf += _i.pack(self.gqa_uid)
        except StructError as error:
            raise unencodable("getquota_args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> getquota_args:
        gqa_pathp_n = dec.uint32()
        if gqa_pathp_n > 1024:
            raise too_long("getquota_args.gqa_pathp", gqa_pathp_n, 1024)
        gqa_pathp = dec.octets(gqa_pathp_n) if gqa_pathp_n else b""
        gqa_uid = dec.int32()
        return cls(gqa_pathp, gqa_uid)


class ext_getquota_args(XdrStruct):
    __slots__ = ("gqa_pathp", "gqa_type", "gqa_id")

    def __init__(self, gqa_pathp: bytes, gqa_type: int, gqa_id: int) -> None:
        self.gqa_pathp = gqa_pathp
        self.gqa_type = gqa_type
        self.gqa_id = gqa_id

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            gqa_pathp = self.gqa_pathp
            n = len(gqa_pathp)
            if n > 1024:
                raise too_long("ext_getquota_args.gqa_pathp", n, 1024)
            buf += _I.pack(n)
            buf += gqa_pathp
            if n & 3:
                buf += PAD[n & 3]
            buf += _2i.pack(self.gqa_type, self.gqa_id)
        except StructError as error:
            raise unencodable("ext_getquota_args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ext_getquota_args:
        gqa_pathp_n = dec.uint32()
        if gqa_pathp_n > 1024:
            raise too_long("ext_getquota_args.gqa_pathp", gqa_pathp_n, 1024)
        gqa_pathp = dec.octets(gqa_pathp_n) if gqa_pathp_n else b""
        gqa_type, gqa_id = dec.unpack(_2i)
        return cls(gqa_pathp, gqa_type, gqa_id)


class rquota(XdrStruct):
    __slots__ = (
        "rq_bsize",
        "rq_active",
        "rq_bhardlimit",
        "rq_bsoftlimit",
        "rq_curblocks",
        "rq_fhardlimit",
        "rq_fsoftlimit",
        "rq_curfiles",
        "rq_btimeleft",
        "rq_ftimeleft",
    )

    def __init__(
        self,
        rq_bsize: int,
        rq_active: bool,
        rq_bhardlimit: int,
        rq_bsoftlimit: int,
        rq_curblocks: int,
        rq_fhardlimit: int,
        rq_fsoftlimit: int,
        rq_curfiles: int,
        rq_btimeleft: int,
        rq_ftimeleft: int,
    ) -> None:
        self.rq_bsize = rq_bsize
        self.rq_active = rq_active
        self.rq_bhardlimit = rq_bhardlimit
        self.rq_bsoftlimit = rq_bsoftlimit
        self.rq_curblocks = rq_curblocks
        self.rq_fhardlimit = rq_fhardlimit
        self.rq_fsoftlimit = rq_fsoftlimit
        self.rq_curfiles = rq_curfiles
        self.rq_btimeleft = rq_btimeleft
        self.rq_ftimeleft = rq_ftimeleft

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i9I.pack(self.rq_bsize, 1 if self.rq_active else 0, self.rq_bhardlimit, self.rq_bsoftlimit, self.rq_curblocks, self.rq_fhardlimit, self.rq_fsoftlimit, self.rq_curfiles, self.rq_btimeleft, self.rq_ftimeleft)
        except StructError as error:
            raise unencodable("rquota", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rquota:
        rq_bsize, rq_active, rq_bhardlimit, rq_bsoftlimit, rq_curblocks, rq_fhardlimit, rq_fsoftlimit, rq_curfiles, rq_btimeleft, rq_ftimeleft = dec.unpack(_i9I)
        if rq_active > 1:
            raise not_boolean("rquota.rq_active", rq_active)
        return cls(rq_bsize, rq_active == 1, rq_bhardlimit, rq_bsoftlimit, rq_curblocks, rq_fhardlimit, rq_fsoftlimit, rq_curfiles, rq_btimeleft, rq_ftimeleft)


class getquota_rslt(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: rquota | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == Q_OK:
                buf += _2i9I.pack(status, value.rq_bsize, 1 if value.rq_active else 0, value.rq_bhardlimit, value.rq_bsoftlimit, value.rq_curblocks, value.rq_fhardlimit, value.rq_fsoftlimit, value.rq_curfiles, value.rq_btimeleft, value.rq_ftimeleft)
            elif status == Q_NOQUOTA:
                buf += _i.pack(status)
            elif status == Q_EPERM:
                buf += _i.pack(status)
            else:
                raise no_arm("getquota_rslt", status)
        except StructError as error:
            raise unencodable("getquota_rslt", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> getquota_rslt:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, status: int) -> getquota_rslt:
        if status == Q_OK:
            gqr_rquota__rq_bsize, gqr_rquota__rq_active, gqr_rquota__rq_bhardlimit, gqr_rquota__rq_bsoftlimit, gqr_rquota__rq_curblocks, gqr_rquota__rq_fhardlimit, gqr_rquota__rq_fsoftlimit, gqr_rquota__rq_curfiles, gqr_rquota__rq_btimeleft, gqr_rquota__rq_ftimeleft = dec.unpack(_i9I)
            if gqr_rquota__rq_active > 1:
                raise not_boolean("rquota.rq_active", gqr_rquota__rq_active)
            return cls(status, rquota(gqr_rquota__rq_bsize, gqr_rquota__rq_active == 1, gqr_rquota__rq_bhardlimit, gqr_rquota__rq_bsoftlimit, gqr_rquota__rq_curblocks, gqr_rquota__rq_fhardlimit, gqr_rquota__rq_fsoftlimit, gqr_rquota__rq_curfiles, gqr_rquota__rq_btimeleft, gqr_rquota__rq_ftimeleft))
        if status == Q_NOQUOTA:
            return cls(status)
        if status == Q_EPERM:
            return cls(status)
        raise no_arm("getquota_rslt", status)

    @property
    def gqr_rquota(self) -> rquota:
        if not (self.status == Q_OK):
            raise wrong_arm(self, "gqr_rquota")
        arm: rquota = self.value
        return arm


class sq_dqblk(XdrStruct):
    __slots__ = (
        "rq_bhardlimit",
        "rq_bsoftlimit",
        "rq_curblocks",
        "rq_fhardlimit",
        "rq_fsoftlimit",
        "rq_curfiles",
        "rq_btimeleft",
        "rq_ftimeleft",
    )

    def __init__(
        self,
        rq_bhardlimit: int,
        rq_bsoftlimit: int,
        rq_curblocks: int,
        rq_fhardlimit: int,
        rq_fsoftlimit: int,
        rq_curfiles: int,
        rq_btimeleft: int,
        rq_ftimeleft: int,
    ) -> None:
        self.rq_bhardlimit = rq_bhardlimit
        self.rq_bsoftlimit = rq_bsoftlimit
        self.rq_curblocks = rq_curblocks
        self.rq_fhardlimit = rq_fhardlimit
        self.rq_fsoftlimit = rq_fsoftlimit
        self.rq_curfiles = rq_curfiles
        self.rq_btimeleft = rq_btimeleft
        self.rq_ftimeleft = rq_ftimeleft

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _8I.pack(self.rq_bhardlimit, self.rq_bsoftlimit, self.rq_curblocks, self.rq_fhardlimit, self.rq_fsoftlimit, self.rq_curfiles, self.rq_btimeleft, self.rq_ftimeleft)
        except StructError as error:
            raise unencodable("sq_dqblk", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sq_dqblk:
        rq_bhardlimit, rq_bsoftlimit, rq_curblocks, rq_fhardlimit, rq_fsoftlimit, rq_curfiles, rq_btimeleft, rq_ftimeleft = dec.unpack(_8I)
        return cls(rq_bhardlimit, rq_bsoftlimit, rq_curblocks, rq_fhardlimit, rq_fsoftlimit, rq_curfiles, rq_btimeleft, rq_ftimeleft)


class setquota_args(XdrStruct):
    __slots__ = ("sqa_qcmd", "sqa_pathp", "sqa_id", "sqa_dqblk")

    def __init__(self, sqa_qcmd: int, sqa_pathp: bytes, sqa_id: int, sqa_dqblk: sq_dqblk) -> None:
        self.sqa_qcmd = sqa_qcmd
        self.sqa_pathp = sqa_pathp
        self.sqa_id = sqa_id
        self.sqa_dqblk = sqa_dqblk

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            sqa_pathp = self.sqa_pathp
            n = len(sqa_pathp)
            if n > 1024:
                raise too_long("setquota_args.sqa_pathp", n, 1024)
            buf += _iI.pack(self.sqa_qcmd, n)
            buf += sqa_pathp
            if n & 3:
                buf += PAD[n & 3]
            sqa_dqblk = self.sqa_dqblk
            buf += _i8I.pack(self.sqa_id, sqa_dqblk.rq_bhardlimit, sqa_dqblk.rq_bsoftlimit, sqa_dqblk.rq_curblocks, sqa_dqblk.rq_fhardlimit, sqa_dqblk.rq_fsoftlimit, sqa_dqblk.rq_curfiles, sqa_dqblk.rq_btimeleft, sqa_dqblk.rq_ftimeleft)
        except StructError as error:
            raise unencodable("setquota_args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> setquota_args:
        sqa_qcmd, sqa_pathp_n = dec.unpack(_iI)
        if sqa_pathp_n > 1024:
            raise too_long("setquota_args.sqa_pathp", sqa_pathp_n, 1024)
        sqa_pathp = dec.octets(sqa_pathp_n) if sqa_pathp_n else b""
        sqa_id, sqa_dqblk__rq_bhardlimit, sqa_dqblk__rq_bsoftlimit, sqa_dqblk__rq_curblocks, sqa_dqblk__rq_fhardlimit, sqa_dqblk__rq_fsoftlimit, sqa_dqblk__rq_curfiles, sqa_dqblk__rq_btimeleft, sqa_dqblk__rq_ftimeleft = dec.unpack(_i8I)
        return cls(sqa_qcmd, sqa_pathp, sqa_id, sq_dqblk(sqa_dqblk__rq_bhardlimit, sqa_dqblk__rq_bsoftlimit, sqa_dqblk__rq_curblocks, sqa_dqblk__rq_fhardlimit, sqa_dqblk__rq_fsoftlimit, sqa_dqblk__rq_curfiles, sqa_dqblk__rq_btimeleft, sqa_dqblk__rq_ftimeleft))


class ext_setquota_args(XdrStruct):
    __slots__ = ("sqa_qcmd", "sqa_pathp", "sqa_id", "sqa_type", "sqa_dqblk")

    def __init__(
        self,
        sqa_qcmd: int,
        sqa_pathp: bytes,
        sqa_id: int,
        sqa_type: int,
        sqa_dqblk: sq_dqblk,
    ) -> None:
        self.sqa_qcmd = sqa_qcmd
        self.sqa_pathp = sqa_pathp
        self.sqa_id = sqa_id
        self.sqa_type = sqa_type
        self.sqa_dqblk = sqa_dqblk

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            sqa_pathp = self.sqa_pathp
            n = len(sqa_pathp)
            if n > 1024:
                raise too_long("ext_setquota_args.sqa_pathp", n, 1024)
            buf += _iI.pack(self.sqa_qcmd, n)
            buf += sqa_pathp
            if n & 3:
                buf += PAD[n & 3]
            sqa_dqblk = self.sqa_dqblk
            buf += _2i8I.pack(self.sqa_id, self.sqa_type, sqa_dqblk.rq_bhardlimit, sqa_dqblk.rq_bsoftlimit, sqa_dqblk.rq_curblocks, sqa_dqblk.rq_fhardlimit, sqa_dqblk.rq_fsoftlimit, sqa_dqblk.rq_curfiles, sqa_dqblk.rq_btimeleft, sqa_dqblk.rq_ftimeleft)
        except StructError as error:
            raise unencodable("ext_setquota_args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ext_setquota_args:
        sqa_qcmd, sqa_pathp_n = dec.unpack(_iI)
        if sqa_pathp_n > 1024:
            raise too_long("ext_setquota_args.sqa_pathp", sqa_pathp_n, 1024)
        sqa_pathp = dec.octets(sqa_pathp_n) if sqa_pathp_n else b""
        sqa_id, sqa_type, sqa_dqblk__rq_bhardlimit, sqa_dqblk__rq_bsoftlimit, sqa_dqblk__rq_curblocks, sqa_dqblk__rq_fhardlimit, sqa_dqblk__rq_fsoftlimit, sqa_dqblk__rq_curfiles, sqa_dqblk__rq_btimeleft, sqa_dqblk__rq_ftimeleft = dec.unpack(_2i8I)
        return cls(sqa_qcmd, sqa_pathp, sqa_id, sqa_type, sq_dqblk(sqa_dqblk__rq_bhardlimit, sqa_dqblk__rq_bsoftlimit, sqa_dqblk__rq_curblocks, sqa_dqblk__rq_fhardlimit, sqa_dqblk__rq_fsoftlimit, sqa_dqblk__rq_curfiles, sqa_dqblk__rq_btimeleft, sqa_dqblk__rq_ftimeleft))
