"""ONC RPC version 2 and its credentials (RFC 5531, RFC 2203).

Emitted by nfsrdma.xdr.compiler from specs/rpc.x.
Do not edit: change those, and run ``python -m nfsrdma.xdr.compiler``.
"""

# fmt: off
# ruff: noqa

from __future__ import annotations

from enum import IntEnum
from struct import Struct, pack
from typing import Any, Final, TypeAlias

from .codec import Decoder, Encoder
from .runtime import (
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
from .runtime import Struct as XdrStruct
from .runtime import Union as XdrUnion

# Numbers

RPCSEC_GSS_VERS_1: Final = 1
MAXSEQ: Final = 0x80000000

# Enumerations


class auth_flavor(IntEnum):
    AUTH_NONE = 0
    AUTH_SYS = 1
    AUTH_SHORT = 2
    AUTH_DH = 3
    RPCSEC_GSS = 6
    AUTH_TLS = 7


AUTH_NONE: Final = 0
AUTH_SYS: Final = 1
AUTH_SHORT: Final = 2
AUTH_DH: Final = 3
RPCSEC_GSS: Final = 6
AUTH_TLS: Final = 7


class msg_type(IntEnum):
    CALL = 0
    REPLY = 1


CALL: Final = 0
REPLY: Final = 1


class reply_stat(IntEnum):
    MSG_ACCEPTED = 0
    MSG_DENIED = 1


MSG_ACCEPTED: Final = 0
MSG_DENIED: Final = 1


class accept_stat(IntEnum):
    SUCCESS = 0
    PROG_UNAVAIL = 1
    PROG_MISMATCH = 2
    PROC_UNAVAIL = 3
    GARBAGE_ARGS = 4
    SYSTEM_ERR = 5


SUCCESS: Final = 0
PROG_UNAVAIL: Final = 1
PROG_MISMATCH: Final = 2
PROC_UNAVAIL: Final = 3
GARBAGE_ARGS: Final = 4
SYSTEM_ERR: Final = 5


class reject_stat(IntEnum):
    RPC_MISMATCH = 0
    AUTH_ERROR = 1


RPC_MISMATCH: Final = 0
AUTH_ERROR: Final = 1


class auth_stat(IntEnum):
    AUTH_OK = 0
    AUTH_BADCRED = 1
    AUTH_REJECTEDCRED = 2
    AUTH_BADVERF = 3
    AUTH_REJECTEDVERF = 4
    AUTH_TOOWEAK = 5
    AUTH_INVALIDRESP = 6
    AUTH_FAILED = 7
    AUTH_KERB_GENERIC = 8
    AUTH_TIMEEXPIRE = 9
    AUTH_TKT_FILE = 10
    AUTH_DECODE = 11
    AUTH_NET_ADDR = 12
    RPCSEC_GSS_CREDPROBLEM = 13
    RPCSEC_GSS_CTXPROBLEM = 14


AUTH_OK: Final = 0
AUTH_BADCRED: Final = 1
AUTH_REJECTEDCRED: Final = 2
AUTH_BADVERF: Final = 3
AUTH_REJECTEDVERF: Final = 4
AUTH_TOOWEAK: Final = 5
AUTH_INVALIDRESP: Final = 6
AUTH_FAILED: Final = 7
AUTH_KERB_GENERIC: Final = 8
AUTH_TIMEEXPIRE: Final = 9
AUTH_TKT_FILE: Final = 10
AUTH_DECODE: Final = 11
AUTH_NET_ADDR: Final = 12
RPCSEC_GSS_CREDPROBLEM: Final = 13
RPCSEC_GSS_CTXPROBLEM: Final = 14


class rpc_gss_proc_t(IntEnum):
    RPCSEC_GSS_DATA = 0
    RPCSEC_GSS_INIT = 1
    RPCSEC_GSS_CONTINUE_INIT = 2
    RPCSEC_GSS_DESTROY = 3


RPCSEC_GSS_DATA: Final = 0
RPCSEC_GSS_INIT: Final = 1
RPCSEC_GSS_CONTINUE_INIT: Final = 2
RPCSEC_GSS_DESTROY: Final = 3


class rpc_gss_service_t(IntEnum):
    rpc_gss_svc_none = 1
    rpc_gss_svc_integrity = 2
    rpc_gss_svc_privacy = 3


rpc_gss_svc_none: Final = 1
rpc_gss_svc_integrity: Final = 2
rpc_gss_svc_privacy: Final = 3


# Layouts: the runs of fields that are packed in one step

_2I = Struct(">2I")
_2i = Struct(">2i")
_3I = Struct(">3I")
_4I = Struct(">4I")
_4IiI = Struct(">4IiI")
_I = Struct(">I")
_Ii = Struct(">Ii")
_IiIiI = Struct(">IiIiI")
_i = Struct(">i")
_i2I = Struct(">i2I")
_iI = Struct(">iI")
_iIiI = Struct(">iIiI")


class opaque_auth(XdrStruct):
    __slots__ = ("flavor", "body")

    def __init__(self, flavor: int, body: bytes) -> None:
        self.flavor = flavor
        self.body = body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            body = self.body
            n = len(body)
            if n > 400:
                raise too_long("opaque_auth.body", n, 400)
            buf += _iI.pack(self.flavor, n)
            buf += body
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("opaque_auth", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> opaque_auth:
        flavor, body_n = dec.unpack(_iI)
        if body_n > 400:
            raise too_long("opaque_auth.body", body_n, 400)
        body = dec.octets(body_n) if body_n else b""
        return cls(flavor, body)


class call_body(XdrStruct):
    __slots__ = ("rpcvers", "prog", "vers", "proc", "cred", "verf")

    def __init__(
        self,
        rpcvers: int,
        prog: int,
        vers: int,
        proc: int,
        cred: opaque_auth,
        verf: opaque_auth,
    ) -> None:
        self.rpcvers = rpcvers
        self.prog = prog
        self.vers = vers
        self.proc = proc
        self.cred = cred
        self.verf = verf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cred = self.cred
            body = cred.body
            n = len(body)
            if n > 400:
                raise too_long("opaque_auth.body", n, 400)
            buf += _4IiI.pack(self.rpcvers, self.prog, self.vers, self.proc, cred.flavor, n)
            buf += body
            if n & 3:
                buf += PAD[n & 3]
            verf = self.verf
            body2 = verf.body
            n2 = len(body2)
            if n2 > 400:
                raise too_long("opaque_auth.body", n2, 400)
            buf += _iI.pack(verf.flavor, n2)
            buf += body2
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("call_body", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> call_body:
        rpcvers, prog, vers, proc, cred__flavor, cred__body_n = dec.unpack(_4IiI)
        if cred__body_n > 400:
            raise too_long("opaque_auth.body", cred__body_n, 400)
        cred__body = dec.octets(cred__body_n) if cred__body_n else b""
        verf__flavor, verf__body_n = dec.unpack(_iI)
        if verf__body_n > 400:
            raise too_long("opaque_auth.body", verf__body_n, 400)
        verf__body = dec.octets(verf__body_n) if verf__body_n else b""
        return cls(rpcvers, prog, vers, proc, opaque_auth(cred__flavor, cred__body), opaque_auth(verf__flavor, verf__body))


class accepted_reply_reply_data_mismatch_info(XdrStruct):
    __slots__ = ("low", "high")

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.low, self.high)
        except StructError as error:
            raise unencodable("accepted_reply_reply_data_mismatch_info", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> accepted_reply_reply_data_mismatch_info:
        low, high = dec.unpack(_2I)
        return cls(low, high)


class accepted_reply_reply_data(XdrUnion):
    __slots__ = ("stat", "value")

    def __init__(
        self,
        stat: int,
        value: accepted_reply_reply_data_mismatch_info | None = None,
    ) -> None:
        self.stat = stat
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        stat = self.stat
        try:
            if stat == PROG_MISMATCH:
                buf += _i2I.pack(stat, value.low, value.high)
            else:
                buf += _i.pack(stat)
        except StructError as error:
            raise unencodable("accepted_reply_reply_data", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> accepted_reply_reply_data:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, stat: int) -> accepted_reply_reply_data:
        if stat == PROG_MISMATCH:
            mismatch_info__low, mismatch_info__high = dec.unpack(_2I)
            return cls(stat, accepted_reply_reply_data_mismatch_info(mismatch_info__low, mismatch_info__high))
        return cls(stat)

    @property
    def mismatch_info(self) -> accepted_reply_reply_data_mismatch_info:
        if not (self.stat == PROG_MISMATCH):
            raise wrong_arm(self, "mismatch_info")
        arm: accepted_reply_reply_data_mismatch_info = self.value
        return arm


class accepted_reply(XdrStruct):
    __slots__ = ("verf", "reply_data")

    def __init__(self, verf: opaque_auth, reply_data: accepted_reply_reply_data) -> None:
        self.verf = verf
        self.reply_data = reply_data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            verf = self.verf
            body = verf.body
            n = len(body)
            if n > 400:
                raise too_long("opaque_auth.body", n, 400)
            buf += _iI.pack(verf.flavor, n)
            buf += body
            if n & 3:
                buf += PAD[n & 3]
            self.reply_data.encode(enc)
        except StructError as error:
            raise unencodable("accepted_reply", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> accepted_reply:
        verf__flavor, verf__body_n = dec.unpack(_iI)
        if verf__body_n > 400:
            raise too_long("opaque_auth.body", verf__body_n, 400)
        verf__body = dec.octets(verf__body_n) if verf__body_n else b""
        reply_data__stat = dec.int32()
        reply_data = accepted_reply_reply_data.decode_arm(dec, reply_data__stat)
        return cls(opaque_auth(verf__flavor, verf__body), reply_data)


class rejected_reply_mismatch_info(XdrStruct):
    __slots__ = ("low", "high")

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.low, self.high)
        except StructError as error:
            raise unencodable("rejected_reply_mismatch_info", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rejected_reply_mismatch_info:
        low, high = dec.unpack(_2I)
        return cls(low, high)


class rejected_reply(XdrUnion):
    __slots__ = ("stat", "value")

    def __init__(self, stat: int, value: rejected_reply_mismatch_info | int | None = None) -> None:
        self.stat = stat
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        stat = self.stat
        try:
            if stat == RPC_MISMATCH:
                buf += _i2I.pack(stat, value.low, value.high)
            elif stat == AUTH_ERROR:
                buf += _2i.pack(stat, value)
            else:
                raise no_arm("rejected_reply", stat)
        except StructError as error:
            raise unencodable("rejected_reply", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rejected_reply:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, stat: int) -> rejected_reply:
        if stat == RPC_MISMATCH:
            mismatch_info__low, mismatch_info__high = dec.unpack(_2I)
            return cls(stat, rejected_reply_mismatch_info(mismatch_info__low, mismatch_info__high))
        if stat == AUTH_ERROR:
            auth_stat2 = dec.int32()
            return cls(stat, auth_stat2)
        raise no_arm("rejected_reply", stat)

    @property
    def mismatch_info(self) -> rejected_reply_mismatch_info:
        if not (self.stat == RPC_MISMATCH):
            raise wrong_arm(self, "mismatch_info")
        arm: rejected_reply_mismatch_info = self.value
        return arm

    @property
    def auth_stat(self) -> int:
        if not (self.stat == AUTH_ERROR):
            raise wrong_arm(self, "auth_stat")
        arm: int = self.value
        return arm


class reply_body(XdrUnion):
    __slots__ = ("stat", "value")

    def __init__(self, stat: int, value: accepted_reply | rejected_reply | None = None) -> None:
        self.stat = stat
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        stat = self.stat
        try:
            if stat == MSG_ACCEPTED:
                buf += _i.pack(stat)
                value.encode(enc)
            elif stat == MSG_DENIED:
                buf += _i.pack(stat)
                value.encode(enc)
            else:
                raise no_arm("reply_body", stat)
        except StructError as error:
            raise unencodable("reply_body", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> reply_body:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, stat: int) -> reply_body:
        if stat == MSG_ACCEPTED:
            areply = accepted_reply.decode(dec)
            return cls(stat, areply)
        if stat == MSG_DENIED:
            rreply__stat = dec.int32()
            rreply = rejected_reply.decode_arm(dec, rreply__stat)
            return cls(stat, rreply)
        raise no_arm("reply_body", stat)

    @property
    def areply(self) -> accepted_reply:
        if not (self.stat == MSG_ACCEPTED):
            raise wrong_arm(self, "areply")
        arm: accepted_reply = self.value
        return arm

    @property
    def rreply(self) -> rejected_reply:
        if not (self.stat == MSG_DENIED):
            raise wrong_arm(self, "rreply")
        arm: rejected_reply = self.value
        return arm


class rpc_msg_body(XdrUnion):
    __slots__ = ("mtype", "value")

    def __init__(self, mtype: int, value: call_body | reply_body | None = None) -> None:
        self.mtype = mtype
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        mtype = self.mtype
        try:
            if mtype == CALL:
                buf += _i.pack(mtype)
                value.encode(enc)
            elif mtype == REPLY:
                buf += _i.pack(mtype)
                value.encode(enc)
            else:
                raise no_arm("rpc_msg_body", mtype)
        except StructError as error:
            raise unencodable("rpc_msg_body", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_msg_body:
        return cls.decode_arm(dec, dec.int32())

    @classmethod
    def decode_arm(cls, dec: Decoder, mtype: int) -> rpc_msg_body:
        if mtype == CALL:
            cbody = call_body.decode(dec)
            return cls(mtype, cbody)
        if mtype == REPLY:
            rbody__stat = dec.int32()
            rbody = reply_body.decode_arm(dec, rbody__stat)
            return cls(mtype, rbody)
        raise no_arm("rpc_msg_body", mtype)

    @property
    def cbody(self) -> call_body:
        if not (self.mtype == CALL):
            raise wrong_arm(self, "cbody")
        arm: call_body = self.value
        return arm

    @property
    def rbody(self) -> reply_body:
        if not (self.mtype == REPLY):
            raise wrong_arm(self, "rbody")
        arm: reply_body = self.value
        return arm


class rpc_msg(XdrStruct):
    __slots__ = ("xid", "body")

    def __init__(self, xid: int, body: rpc_msg_body) -> None:
        self.xid = xid
        self.body = body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.xid)
            self.body.encode(enc)
        except StructError as error:
            raise unencodable("rpc_msg", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_msg:
        xid, body__mtype = dec.unpack(_Ii)
        body = rpc_msg_body.decode_arm(dec, body__mtype)
        return cls(xid, body)


class authsys_parms(XdrStruct):
    __slots__ = ("stamp", "machinename", "uid", "gid", "gids")

    def __init__(self, stamp: int, machinename: bytes, uid: int, gid: int, gids: list[int]) -> None:
        self.stamp = stamp
        self.machinename = machinename
        self.uid = uid
        self.gid = gid
        self.gids = gids

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            machinename = self.machinename
            n = len(machinename)
            if n > 255:
                raise too_long("authsys_parms.machinename", n, 255)
            buf += _2I.pack(self.stamp, n)
            buf += machinename
            if n & 3:
                buf += PAD[n & 3]
            gids = self.gids
            n2 = len(gids)
            if n2 > 16:
                raise too_long("authsys_parms.gids", n2, 16)
            buf += _3I.pack(self.uid, self.gid, n2)
            buf += pack(f">{n2}I", *gids)
        except StructError as error:
            raise unencodable("authsys_parms", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> authsys_parms:
        stamp, machinename_n = dec.unpack(_2I)
        if machinename_n > 255:
            raise too_long("authsys_parms.machinename", machinename_n, 255)
        machinename = dec.octets(machinename_n) if machinename_n else b""
        uid, gid, gids_n = dec.unpack(_3I)
        if gids_n > 16:
            raise too_long("authsys_parms.gids", gids_n, 16)
        gids = dec.numbers("I", gids_n)
        return cls(stamp, machinename, uid, gid, gids)


class rpc_gss_cred_vers_1_t(XdrStruct):
    __slots__ = ("gss_proc", "seq_num", "service", "handle")

    def __init__(self, gss_proc: int, seq_num: int, service: int, handle: bytes) -> None:
        self.gss_proc = gss_proc
        self.seq_num = seq_num
        self.service = service
        self.handle = handle

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            handle = self.handle
            n = len(handle)
            buf += _iIiI.pack(self.gss_proc, self.seq_num, self.service, n)
            buf += handle
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("rpc_gss_cred_vers_1_t", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_gss_cred_vers_1_t:
        gss_proc, seq_num, service, handle_n = dec.unpack(_iIiI)
        handle = dec.octets(handle_n) if handle_n else b""
        return cls(gss_proc, seq_num, service, handle)


class rpc_gss_cred_t(XdrUnion):
    __slots__ = ("version", "value")

    def __init__(self, version: int, value: rpc_gss_cred_vers_1_t | None = None) -> None:
        self.version = version
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        version = self.version
        try:
            if version == RPCSEC_GSS_VERS_1:
                handle = value.handle
                n = len(handle)
                buf += _IiIiI.pack(version, value.gss_proc, value.seq_num, value.service, n)
                buf += handle
                if n & 3:
                    buf += PAD[n & 3]
            else:
                raise no_arm("rpc_gss_cred_t", version)
        except StructError as error:
            raise unencodable("rpc_gss_cred_t", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_gss_cred_t:
        return cls.decode_arm(dec, dec.uint32())

    @classmethod
    def decode_arm(cls, dec: Decoder, version: int) -> rpc_gss_cred_t:
        if version == RPCSEC_GSS_VERS_1:
            cred_vers_1__gss_proc, cred_vers_1__seq_num, cred_vers_1__service, cred_vers_1__handle_n = dec.unpack(_iIiI)
            cred_vers_1__handle = dec.octets(cred_vers_1__handle_n) if cred_vers_1__handle_n else b""
            return cls(version, rpc_gss_cred_vers_1_t(cred_vers_1__gss_proc, cred_vers_1__seq_num, cred_vers_1__service, cred_vers_1__handle))
        raise no_arm("rpc_gss_cred_t", version)

    @property
    def cred_vers_1(self) -> rpc_gss_cred_vers_1_t:
        if not (self.version == RPCSEC_GSS_VERS_1):
            raise wrong_arm(self, "cred_vers_1")
        arm: rpc_gss_cred_vers_1_t = self.value
        return arm


class rpc_gss_init_arg(XdrStruct):
    __slots__ = ("gss_token",)

    def __init__(self, gss_token: bytes) -> None:
        self.gss_token = gss_token

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            gss_token = self.gss_token
            n = len(gss_token)
            buf += _I.pack(n)
            buf += gss_token
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("rpc_gss_init_arg", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_gss_init_arg:
        gss_token_n = dec.uint32()
        gss_token = dec.octets(gss_token_n) if gss_token_n else b""
        return cls(gss_token)


class rpc_gss_init_res(XdrStruct):
    __slots__ = ("handle", "gss_major", "gss_minor", "seq_window", "gss_token")

    def __init__(
        self,
        handle: bytes,
        gss_major: int,
        gss_minor: int,
        seq_window: int,
        gss_token: bytes,
    ) -> None:
        self.handle = handle
        self.gss_major = gss_major
        self.gss_minor = gss_minor
        self.seq_window = seq_window
        self.gss_token = gss_token

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            handle = self.handle
            n = len(handle)
            buf += _I.pack(n)
            buf += handle
            if n & 3:
                buf += PAD[n & 3]
            gss_token = self.gss_token
            n2 = len(gss_token)
            buf += _4I.pack(self.gss_major, self.gss_minor, self.seq_window, n2)
            buf += gss_token
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("rpc_gss_init_res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_gss_init_res:
        handle_n = dec.uint32()
        handle = dec.octets(handle_n) if handle_n else b""
        gss_major, gss_minor, seq_window, gss_token_n = dec.unpack(_4I)
        gss_token = dec.octets(gss_token_n) if gss_token_n else b""
        return cls(handle, gss_major, gss_minor, seq_window, gss_token)


class rpc_gss_integ_data(XdrStruct):
    __slots__ = ("databody_integ", "checksum")

    def __init__(self, databody_integ: bytes, checksum: bytes) -> None:
        self.databody_integ = databody_integ
        self.checksum = checksum

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            databody_integ = self.databody_integ
            n = len(databody_integ)
            buf += _I.pack(n)
            buf += databody_integ
            if n & 3:
                buf += PAD[n & 3]
            checksum = self.checksum
            n2 = len(checksum)
            buf += _I.pack(n2)
            buf += checksum
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("rpc_gss_integ_data", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_gss_integ_data:
        databody_integ_n = dec.uint32()
        databody_integ = dec.octets(databody_integ_n) if databody_integ_n else b""
        checksum_n = dec.uint32()
        checksum = dec.octets(checksum_n) if checksum_n else b""
        return cls(databody_integ, checksum)


class rpc_gss_priv_data(XdrStruct):
    __slots__ = ("databody_priv",)

    def __init__(self, databody_priv: bytes) -> None:
        self.databody_priv = databody_priv

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            databody_priv = self.databody_priv
            n = len(databody_priv)
            buf += _I.pack(n)
            buf += databody_priv
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("rpc_gss_priv_data", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpc_gss_priv_data:
        databody_priv_n = dec.uint32()
        databody_priv = dec.octets(databody_priv_n) if databody_priv_n else b""
        return cls(databody_priv)
