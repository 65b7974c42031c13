"""The Network Lock Manager, versions 1 to 3 (X/Open).

Emitted by nfsrdma.xdr.compiler from specs/nlm3.x.
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

LM_MAXSTRLEN: Final = 1024
MAXNETOBJ_SZ: Final = 1024

# Enumerations


class nlm_stats(IntEnum):
    LCK_GRANTED = 0
    LCK_DENIED = 1
    LCK_DENIED_NOLOCKS = 2
    LCK_BLOCKED = 3
    LCK_DENIED_GRACE_PERIOD = 4
    LCK_DEADLCK = 5


LCK_GRANTED: Final = 0
LCK_DENIED: Final = 1
LCK_DENIED_NOLOCKS: Final = 2
LCK_BLOCKED: Final = 3
LCK_DENIED_GRACE_PERIOD: Final = 4
LCK_DEADLCK: Final = 5


class fsh_mode(IntEnum):
    fsm_DN = 0
    fsm_DR = 1
    fsm_DW = 2
    fsm_DRW = 3


fsm_DN: Final = 0
fsm_DR: Final = 1
fsm_DW: Final = 2
fsm_DRW: Final = 3


class fsh_access(IntEnum):
    fsa_NONE = 0
    fsa_R = 1
    fsa_W = 2
    fsa_RW = 3


fsa_NONE: Final = 0
fsa_R: Final = 1
fsa_W: Final = 2
fsa_RW: Final = 3


# Layouts: the runs of fields that are packed in one step

_2I = Struct(">2I")
_2i = Struct(">2i")
_I = Struct(">I")
_Ii = Struct(">Ii")
_IiI = Struct(">IiI")
_i = Struct(">i")
_i2I = Struct(">i2I")


netobj: TypeAlias = "bytes"


def encode_netobj(enc: Encoder, value: netobj) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 1024:
            raise too_long("netobj", n, 1024)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("netobj", error) from None


def decode_netobj(dec: Decoder) -> netobj:
    return dec.opaque(1024)


class nlm_holder(XdrStruct):
    __slots__ = ("exclusive", "uppid", "oh", "l_offset", "l_len")

    def __init__(self, exclusive: bool, uppid: int, oh: netobj, l_offset: int, l_len: int) -> None:
        self.exclusive = exclusive
        self.uppid = uppid
        self.oh = oh
        self.l_offset = l_offset
        self.l_len = l_len

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            oh = self.oh
            n = len(oh)
            if n > 1024:
                raise too_long("nlm_holder.oh", n, 1024)
            buf += _IiI.pack(1 if self.exclusive else 0, self.uppid, n)
            buf += oh
            if n & 3:
                buf += PAD[n & 3]
            buf += _2I.pack(self.l_offset, self.l_len)
        except StructError as error:
            raise unencodable("nlm_holder", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_holder:
        exclusive, uppid, oh_n = dec.unpack(_IiI)
        if exclusive > 1:
            raise not_boolean("nlm_holder.exclusive", exclusive)
        if oh_n > 1024:
            raise too_long("nlm_holder.oh", oh_n, 1024)
        oh = dec.octets(oh_n) if oh_n else b""
        l_offset, l_len = dec.unpack(_2I)
        return cls(exclusive == 1, uppid, oh, l_offset, l_len)


class nlm_testrply(XdrUnion):
    __slots__ = ("stat", "value")

    def __init__(self, stat: int, value: nlm_holder | None = None) -> None:
        self.stat = stat
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        stat = self.stat
        try:
            if stat == LCK_DENIED:
                buf += _i.pack(stat)
                value.encode(enc)
            else:
                buf += _i.pack(stat)
        except StructError as error:
            raise unencodable("nlm_testrply", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_testrply:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, stat: int) -> nlm_testrply:
        if stat == LCK_DENIED:
            holder = nlm_holder.decode(dec)
            return cls(stat, holder)
        return cls(stat)

    @property
    def holder(self) -> nlm_holder:
        if not (self.stat == LCK_DENIED):
            raise wrong_arm(self, "holder")
        arm: nlm_holder = self.value
        return arm


class nlm_stat(XdrStruct):
    __slots__ = ("stat",)

    def __init__(self, stat: int) -> None:
        self.stat = stat

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.stat)
        except StructError as error:
            raise unencodable("nlm_stat", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_stat:
        stat = dec.int32()
        return cls(stat)


class nlm_res(XdrStruct):
    __slots__ = ("cookie", "stat")

    def __init__(self, cookie: netobj, stat: nlm_stat) -> None:
        self.cookie = cookie
        self.stat = stat

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_res.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            stat = self.stat
            buf += _i.pack(stat.stat)
        except StructError as error:
            raise unencodable("nlm_res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_res:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_res.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        stat__stat = dec.int32()
        return cls(cookie, nlm_stat(stat__stat))


class nlm_testres(XdrStruct):
    __slots__ = ("cookie", "stat")

    def __init__(self, cookie: netobj, stat: nlm_testrply) -> None:
        self.cookie = cookie
        self.stat = stat

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_testres.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            self.stat.encode(enc)
        except StructError as error:
            raise unencodable("nlm_testres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_testres:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_testres.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        stat__stat = dec.int32()
        stat = nlm_testrply.decode_arm(dec, stat__stat)
        return cls(cookie, stat)


class nlm_lock(XdrStruct):
    __slots__ = ("caller_name", "fh", "oh", "uppid", "l_offset", "l_len")

    def __init__(
        self,
        caller_name: bytes,
        fh: netobj,
        oh: netobj,
        uppid: int,
        l_offset: int,
        l_len: int,
    ) -> None:
        self.caller_name = caller_name
        self.fh = fh
        self.oh = oh
        self.uppid = uppid
        self.l_offset = l_offset
        self.l_len = l_len

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            caller_name = self.caller_name
            n = len(caller_name)
            if n > 1024:
                raise too_long("nlm_lock.caller_name", n, 1024)
            buf += _I.pack(n)
            buf += caller_name
            if n & 3:
                buf += PAD[n & 3]
            fh = self.fh
            n2 = len(fh)
            if n2 > 1024:
                raise too_long("nlm_lock.fh", n2, 1024)
            buf += _I.pack(n2)
            buf += fh
            if n2 & 3:
                buf += PAD[n2 & 3]
            oh = self.oh
            n3 = len(oh)
            if n3 > 1024:
                raise too_long("nlm_lock.oh", n3, 1024)
            buf += _I.pack(n3)
            buf += oh
            if n3 & 3:
                buf += PAD[n3 & 3]
            buf += _i2I.pack(self.uppid, self.l_offset, self.l_len)
        except StructError as error:
            raise unencodable("nlm_lock", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_lock:
        caller_name_n = dec.uint32()
        if caller_name_n > 1024:
            raise too_long("nlm_lock.caller_name", caller_name_n, 1024)
        caller_name = dec.octets(caller_name_n) if caller_name_n else b""
        fh_n = dec.uint32()
        if fh_n > 1024:
            raise too_long("nlm_lock.fh", fh_n, 1024)
        fh = dec.octets(fh_n) if fh_n else b""
        oh_n = dec.uint32()
        if oh_n > 1024:
            raise too_long("nlm_lock.oh", oh_n, 1024)
        oh = dec.octets(oh_n) if oh_n else b""
        uppid, l_offset, l_len = dec.unpack(_i2I)
        return cls(caller_name, fh, oh, uppid, l_offset, l_len)


class nlm_lockargs(XdrStruct):
    __slots__ = ("cookie", "block", "exclusive", "alock", "reclaim", "state")

    def __init__(
        self,
        cookie: netobj,
        block: bool,
        exclusive: bool,
        alock: nlm_lock,
        reclaim: bool,
        state: int,
    ) -> None:
        self.cookie = cookie
        self.block = block
        self.exclusive = exclusive
        self.alock = alock
        self.reclaim = reclaim
        self.state = state

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_lockargs.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            buf += _2I.pack(1 if self.block else 0, 1 if self.exclusive else 0)
            self.alock.encode(enc)
            buf += _Ii.pack(1 if self.reclaim else 0, self.state)
        except StructError as error:
            raise unencodable("nlm_lockargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_lockargs:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_lockargs.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        block, exclusive = dec.unpack(_2I)
        if block > 1:
            raise not_boolean("nlm_lockargs.block", block)
        if exclusive > 1:
            raise not_boolean("nlm_lockargs.exclusive", exclusive)
        alock = nlm_lock.decode(dec)
        reclaim, state = dec.unpack(_Ii)
        if reclaim > 1:
            raise not_boolean("nlm_lockargs.reclaim", reclaim)
        return cls(cookie, block == 1, exclusive == 1, alock, reclaim == 1, state)


class nlm_cancargs(XdrStruct):
    __slots__ = ("cookie", "block", "exclusive", "alock")

    def __init__(self, cookie: netobj, block: bool, exclusive: bool, alock: nlm_lock) -> None:
        self.cookie = cookie
        self.block = block
        self.exclusive = exclusive
        self.alock = alock

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_cancargs.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            buf += _2I.pack(1 if self.block else 0, 1 if self.exclusive else 0)
            self.alock.encode(enc)
        except StructError as error:
            raise unencodable("nlm_cancargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_cancargs:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_cancargs.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        block, exclusive = dec.unpack(_2I)
        if block > 1:
            raise not_boolean("nlm_cancargs.block", block)
        if exclusive > 1:
            raise not_boolean("nlm_cancargs.exclusive", exclusive)
        alock = nlm_lock.decode(dec)
        return cls(cookie, block == 1, exclusive == 1, alock)


class nlm_testargs(XdrStruct):
    __slots__ = ("cookie", "exclusive", "alock")

    def __init__(self, cookie: netobj, exclusive: bool, alock: nlm_lock) -> None:
        self.cookie = cookie
        self.exclusive = exclusive
        self.alock = alock

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_testargs.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            buf += _I.pack(1 if self.exclusive else 0)
            self.alock.encode(enc)
        except StructError as error:
            raise unencodable("nlm_testargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_testargs:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_testargs.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        exclusive = dec.uint32()
        if exclusive > 1:
            raise not_boolean("nlm_testargs.exclusive", exclusive)
        alock = nlm_lock.decode(dec)
        return cls(cookie, exclusive == 1, alock)


class nlm_unlockargs(XdrStruct):
    __slots__ = ("cookie", "alock")

    def __init__(self, cookie: netobj, alock: nlm_lock) -> None:
        self.cookie = cookie
        self.alock = alock

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_unlockargs.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            self.alock.encode(enc)
        except StructError as error:
            raise unencodable("nlm_unlockargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_unlockargs:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_unlockargs.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        alock = nlm_lock.decode(dec)
        return cls(cookie, alock)


class nlm_share(XdrStruct):
    __slots__ = ("caller_name", "fh", "oh", "mode", "access")

    def __init__(self, caller_name: bytes, fh: netobj, oh: netobj, mode: int, access: int) -> None:
        self.caller_name = caller_name
        self.fh = fh
        self.oh = oh
        self.mode = mode
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            caller_name = self.caller_name
            n = len(caller_name)
            if n > 1024:
                raise too_long("nlm_share.caller_name", n, 1024)
            buf += _I.pack(n)
            buf += caller_name
            if n & 3:
                buf += PAD[n & 3]
            fh = self.fh
            n2 = len(fh)
            if n2 > 1024:
                raise too_long("nlm_share.fh", n2, 1024)
            buf += _I.pack(n2)
            buf += fh
            if n2 & 3:
                buf += PAD[n2 & 3]
            oh = self.oh
            n3 = len(oh)
            if n3 > 1024:
                raise too_long("nlm_share.oh", n3, 1024)
            buf += _I.pack(n3)
            buf += oh
            if n3 & 3:
                buf += PAD[n3 & 3]
            buf += _2i.pack(self.mode, self.access)
        except StructError as error:
            raise unencodable("nlm_share", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_share:
        caller_name_n = dec.uint32()
        if caller_name_n > 1024:
            raise too_long("nlm_share.caller_name", caller_name_n, 1024)
        caller_name = dec.octets(caller_name_n) if caller_name_n else b""
        fh_n = dec.uint32()
        if fh_n > 1024:
            raise too_long("nlm_share.fh", fh_n, 1024)
        fh = dec.octets(fh_n) if fh_n else b""
        oh_n = dec.uint32()
        if oh_n > 1024:
            raise too_long("nlm_share.oh", oh_n, 1024)
        oh = dec.octets(oh_n) if oh_n else b""
        mode, access = dec.unpack(_2i)
        return cls(caller_name, fh, oh, mode, access)


class nlm_shareargs(XdrStruct):
    __slots__ = ("cookie", "share", "reclaim")

    def __init__(self, cookie: netobj, share: nlm_share, reclaim: bool) -> None:
        self.cookie = cookie
        self.share = share
        self.reclaim = reclaim

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_shareargs.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            self.share.encode(enc)
            buf += _I.pack(1 if self.reclaim else 0)
        except StructError as error:
            raise unencodable("nlm_shareargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_shareargs:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_shareargs.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        share = nlm_share.decode(dec)
        reclaim = dec.uint32()
        if reclaim > 1:
            raise not_boolean("nlm_shareargs.reclaim", reclaim)
        return cls(cookie, share, reclaim == 1)


class nlm_shareres(XdrStruct):
    __slots__ = ("cookie", "stat", "sequence")

    def __init__(self, cookie: netobj, stat: int, sequence: int) -> None:
        self.cookie = cookie
        self.stat = stat
        self.sequence = sequence

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cookie = self.cookie
            n = len(cookie)
            if n > 1024:
                raise too_long("nlm_shareres.cookie", n, 1024)
            buf += _I.pack(n)
            buf += cookie
            if n & 3:
                buf += PAD[n & 3]
            buf += _2i.pack(self.stat, self.sequence)
        except StructError as error:
            raise unencodable("nlm_shareres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_shareres:
        cookie_n = dec.uint32()
        if cookie_n > 1024:
            raise too_long("nlm_shareres.cookie", cookie_n, 1024)
        cookie = dec.octets(cookie_n) if cookie_n else b""
        stat, sequence = dec.unpack(_2i)
        return cls(cookie, stat, sequence)


class nlm_notify(XdrStruct):
    __slots__ = ("name", "state")

    def __init__(self, name: bytes, state: int) -> None:
        self.name = name
        self.state = state

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            name = self.name
            n = len(name)
            if n > 1024:
                raise too_long("nlm_notify.name", n, 1024)
            buf += _I.pack(n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
            buf += _i.pack(self.state)
        except StructError as error:
            raise unencodable("nlm_notify", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nlm_notify:
        name_n = dec.uint32()
        if name_n > 1024:
            raise too_long("nlm_notify.name", name_n, 1024)
        name = dec.octets(name_n) if name_n else b""
        state = dec.int32()
        return cls(name, state)
