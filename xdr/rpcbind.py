"""RPCBIND and the port mapper (RFC 1833).

Emitted by nfsrdma.xdr.compiler from specs/rpcbind.x.
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

RPCB_STRING: Final = 1024
RPCB_OCTETS: Final = 65536
RPCBSTAT_HIGHPROC: Final = 13
RPCBVERS_STAT: Final = 3

# Layouts: the runs of fields that are packed in one step

_13i2iI = Struct(">13i2iI")
_2I = Struct(">2I")
_2I2iI = Struct(">2I2iI")
_2iI = Struct(">2iI")
_3I = Struct(">3I")
_3I3iI = Struct(">3I3iI")
_4I = Struct(">4I")
_5I = Struct(">5I")
_I = Struct(">I")


class mapping(XdrStruct):
    __slots__ = ("prog", "vers", "prot", "port")

    def __init__(self, prog: int, vers: int, prot: int, port: int) -> None:
        self.prog = prog
        self.vers = vers
        self.prot = prot
        self.port = port

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _4I.pack(self.prog, self.vers, self.prot, self.port)
        except StructError as error:
            raise unencodable("mapping", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mapping:
        prog, vers, prot, port = dec.unpack(_4I)
        return cls(prog, vers, prot, port)


class pmaplist(LinkedStruct):
    __slots__ = ("map", "next")

    def __init__(self, map: mapping, next: pmaplist | None = None) -> None:
        self.map = map
        self.next = next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: pmaplist | None = self
            while node is not None:
                map = node.map
                next = node.next
                buf += _5I.pack(map.prog, map.vers, map.prot, map.port, 0 if next is None else 1)
                node = next
        except StructError as error:
            raise unencodable("pmaplist", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> pmaplist:
        head_: pmaplist | None = None
        tail_: pmaplist | None = None
        while True:
            map__prog, map__vers, map__prot, map__port, more_ = dec.unpack(_5I)
            if more_ > 1:
                raise not_boolean("pmaplist.next", more_)
            node_ = cls(mapping(map__prog, map__vers, map__prot, map__port))
            if tail_ is None:
                head_ = node_
            else:
                tail_.next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class pmaps(XdrStruct):
    __slots__ = ("maps",)

    def __init__(self, maps: pmaplist | None) -> None:
        self.maps = maps

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            maps = self.maps
            if maps is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                maps.encode(enc)
        except StructError as error:
            raise unencodable("pmaps", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> pmaps:
        maps_set = dec.uint32()
        if maps_set > 1:
            raise not_boolean("pmaps.maps", maps_set)
        maps = pmaplist.decode(dec) if maps_set else None
        return cls(maps)


class call_args(XdrStruct):
    __slots__ = ("prog", "vers", "proc", "args")

    def __init__(self, prog: int, vers: int, proc: int, args: bytes) -> None:
        self.prog = prog
        self.vers = vers
        self.proc = proc
        self.args = args

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            args = self.args
            n = len(args)
            if n > 65536:
                raise too_long("call_args.args", n, 65536)
            buf += _4I.pack(self.prog, self.vers, self.proc, n)
            buf += args
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("call_args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> call_args:
        prog, vers, proc, args_n = dec.unpack(_4I)
        if args_n > 65536:
            raise too_long("call_args.args", args_n, 65536)
        args = dec.octets(args_n) if args_n else b""
        return cls(prog, vers, proc, args)


class call_result(XdrStruct):
    __slots__ = ("port", "res")

    def __init__(self, port: int, res: bytes) -> None:
        self.port = port
        self.res = res

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            res = self.res
            n = len(res)
            if n > 65536:
                raise too_long("call_result.res", n, 65536)
            buf += _2I.pack(self.port, n)
            buf += res
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("call_result", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> call_result:
        port, res_n = dec.unpack(_2I)
        if res_n > 65536:
            raise too_long("call_result.res", res_n, 65536)
        res = dec.octets(res_n) if res_n else b""
        return cls(port, res)


class pmap_answer(XdrStruct):
    __slots__ = ("answer",)

    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(1 if self.answer else 0)
        except StructError as error:
            raise unencodable("pmap_answer", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> pmap_answer:
        answer = dec.uint32()
        if answer > 1:
            raise not_boolean("pmap_answer.answer", answer)
        return cls(answer == 1)


class pmap_port(XdrStruct):
    __slots__ = ("port",)

    def __init__(self, port: int) -> None:
        self.port = port

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.port)
        except StructError as error:
            raise unencodable("pmap_port", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> pmap_port:
        port = dec.uint32()
        return cls(port)


class rpcb(XdrStruct):
    __slots__ = ("r_prog", "r_vers", "r_netid", "r_addr", "r_owner")

    def __init__(
        self,
        r_prog: int,
        r_vers: int,
        r_netid: bytes,
        r_addr: bytes,
        r_owner: bytes,
    ) -> None:
        self.r_prog = r_prog
        self.r_vers = r_vers
        self.r_netid = r_netid
        self.r_addr = r_addr
        self.r_owner = r_owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            r_netid = self.r_netid
            n = len(r_netid)
            if n > 1024:
                raise too_long("rpcb.r_netid", n, 1024)
            buf += _3I.pack(self.r_prog, self.r_vers, n)
            buf += r_netid
            if n & 3:
                buf += PAD[n & 3]
            r_addr = self.r_addr
            n2 = len(r_addr)
            if n2 > 1024:
                raise too_long("rpcb.r_addr", n2, 1024)
            buf += _I.pack(n2)
            buf += r_addr
            if n2 & 3:
                buf += PAD[n2 & 3]
            r_owner = self.r_owner
            n3 = len(r_owner)
            if n3 > 1024:
                raise too_long("rpcb.r_owner", n3, 1024)
            buf += _I.pack(n3)
            buf += r_owner
            if n3 & 3:
                buf += PAD[n3 & 3]
        except StructError as error:
            raise unencodable("rpcb", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb:
        r_prog, r_vers, r_netid_n = dec.unpack(_3I)
        if r_netid_n > 1024:
            raise too_long("rpcb.r_netid", r_netid_n, 1024)
        r_netid = dec.octets(r_netid_n) if r_netid_n else b""
        r_addr_n = dec.uint32()
        if r_addr_n > 1024:
            raise too_long("rpcb.r_addr", r_addr_n, 1024)
        r_addr = dec.octets(r_addr_n) if r_addr_n else b""
        r_owner_n = dec.uint32()
        if r_owner_n > 1024:
            raise too_long("rpcb.r_owner", r_owner_n, 1024)
        r_owner = dec.octets(r_owner_n) if r_owner_n else b""
        return cls(r_prog, r_vers, r_netid, r_addr, r_owner)


class rp__list(LinkedStruct):
    __slots__ = ("rpcb_map", "rpcb_next")

    def __init__(self, rpcb_map: rpcb, rpcb_next: rp__list | None = None) -> None:
        self.rpcb_map = rpcb_map
        self.rpcb_next = rpcb_next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: rp__list | None = self
            while node is not None:
                node.rpcb_map.encode(enc)
                rpcb_next = node.rpcb_next
                buf += _I.pack(0 if rpcb_next is None else 1)
                node = rpcb_next
        except StructError as error:
            raise unencodable("rp__list", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rp__list:
        head_: rp__list | None = None
        tail_: rp__list | None = None
        while True:
            rpcb_map = rpcb.decode(dec)
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("rp__list.rpcb_next", more_)
            node_ = cls(rpcb_map)
            if tail_ is None:
                head_ = node_
            else:
                tail_.rpcb_next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class rpcblist(XdrStruct):
    __slots__ = ("list",)

    def __init__(self, list: rp__list | None) -> None:
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
            raise unencodable("rpcblist", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcblist:
        list_set = dec.uint32()
        if list_set > 1:
            raise not_boolean("rpcblist.list", list_set)
        list2 = rp__list.decode(dec) if list_set else None
        return cls(list2)


class rpcb_uaddr(XdrStruct):
    __slots__ = ("uaddr",)

    def __init__(self, uaddr: bytes) -> None:
        self.uaddr = uaddr

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            uaddr = self.uaddr
            n = len(uaddr)
            if n > 1024:
                raise too_long("rpcb_uaddr.uaddr", n, 1024)
            buf += _I.pack(n)
            buf += uaddr
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("rpcb_uaddr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_uaddr:
        uaddr_n = dec.uint32()
        if uaddr_n > 1024:
            raise too_long("rpcb_uaddr.uaddr", uaddr_n, 1024)
        uaddr = dec.octets(uaddr_n) if uaddr_n else b""
        return cls(uaddr)


class rpcb_time(XdrStruct):
    __slots__ = ("time",)

    def __init__(self, time: int) -> None:
        self.time = time

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.time)
        except StructError as error:
            raise unencodable("rpcb_time", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_time:
        time = dec.uint32()
        return cls(time)


class rpcb_rmtcallargs(XdrStruct):
    __slots__ = ("prog", "vers", "proc", "args")

    def __init__(self, prog: int, vers: int, proc: int, args: bytes) -> None:
        self.prog = prog
        self.vers = vers
        self.proc = proc
        self.args = args

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            args = self.args
            n = len(args)
            if n > 65536:
                raise too_long("rpcb_rmtcallargs.args", n, 65536)
            buf += _4I.pack(self.prog, self.vers, self.proc, n)
            buf += args
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("rpcb_rmtcallargs", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_rmtcallargs:
        prog, vers, proc, args_n = dec.unpack(_4I)
        if args_n > 65536:
            raise too_long("rpcb_rmtcallargs.args", args_n, 65536)
        args = dec.octets(args_n) if args_n else b""
        return cls(prog, vers, proc, args)


class rpcb_rmtcallres(XdrStruct):
    __slots__ = ("addr", "results")

    def __init__(self, addr: bytes, results: bytes) -> None:
        self.addr = addr
        self.results = results

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            addr = self.addr
            n = len(addr)
            if n > 1024:
                raise too_long("rpcb_rmtcallres.addr", n, 1024)
            buf += _I.pack(n)
            buf += addr
            if n & 3:
                buf += PAD[n & 3]
            results = self.results
            n2 = len(results)
            if n2 > 65536:
                raise too_long("rpcb_rmtcallres.results", n2, 65536)
            buf += _I.pack(n2)
            buf += results
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("rpcb_rmtcallres", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_rmtcallres:
        addr_n = dec.uint32()
        if addr_n > 1024:
            raise too_long("rpcb_rmtcallres.addr", addr_n, 1024)
        addr = dec.octets(addr_n) if addr_n else b""
        results_n = dec.uint32()
        if results_n > 65536:
            raise too_long("rpcb_rmtcallres.results", results_n, 65536)
        results = dec.octets(results_n) if results_n else b""
        return cls(addr, results)


class netbuf(XdrStruct):
    __slots__ = ("maxlen", "buf")

    def __init__(self, maxlen: int, buf: bytes) -> None:
        self.maxlen = maxlen
        self.buf = buf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf2 = self.buf
            n = len(buf2)
            if n > 65536:
                raise too_long("netbuf.buf", n, 65536)
            buf += _2I.pack(self.maxlen, n)
            buf += buf2
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("netbuf", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> netbuf:
        maxlen, buf_n = dec.unpack(_2I)
        if buf_n > 65536:
            raise too_long("netbuf.buf", buf_n, 65536)
        buf2 = dec.octets(buf_n) if buf_n else b""
        return cls(maxlen, buf2)


class rpcb_entry(XdrStruct):
    __slots__ = ("r_maddr", "r_nc_netid", "r_nc_semantics", "r_nc_protofmly", "r_nc_proto")

    def __init__(
        self,
        r_maddr: bytes,
        r_nc_netid: bytes,
        r_nc_semantics: int,
        r_nc_protofmly: bytes,
        r_nc_proto: bytes,
    ) -> None:
        self.r_maddr = r_maddr
        self.r_nc_netid = r_nc_netid
        self.r_nc_semantics = r_nc_semantics
        self.r_nc_protofmly = r_nc_protofmly
        self.r_nc_proto = r_nc_proto

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            r_maddr = self.r_maddr
            n = len(r_maddr)
            if n > 1024:
                raise too_long("rpcb_entry.r_maddr", n, 1024)
            buf += _I.pack(n)
            buf += r_maddr
            if n & 3:
                buf += PAD[n & 3]
            r_nc_netid = self.r_nc_netid
            n2 = len(r_nc_netid)
            if n2 > 1024:
                raise too_long("rpcb_entry.r_nc_netid", n2, 1024)
            buf += _I.pack(n2)
            buf += r_nc_netid
            if n2 & 3:
                buf += PAD[n2 & 3]
            r_nc_protofmly = self.r_nc_protofmly
            n3 = len(r_nc_protofmly)
            if n3 > 1024:
                raise too_long("rpcb_entry.r_nc_protofmly", n3, 1024)
            buf += _2I.pack(self.r_nc_semantics, n3)
            buf += r_nc_protofmly
            if n3 & 3:
                buf += PAD[n3 & 3]
            r_nc_proto = self.r_nc_proto
            n4 = len(r_nc_proto)
            if n4 > 1024:
                raise too_long("rpcb_entry.r_nc_proto", n4, 1024)
            buf += _I.pack(n4)
            buf += r_nc_proto
            if n4 & 3:
                buf += PAD[n4 & 3]
        except StructError as error:
            raise unencodable("rpcb_entry", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_entry:
        r_maddr_n = dec.uint32()
        if r_maddr_n > 1024:
            raise too_long("rpcb_entry.r_maddr", r_maddr_n, 1024)
        r_maddr = dec.octets(r_maddr_n) if r_maddr_n else b""
        r_nc_netid_n = dec.uint32()
        if r_nc_netid_n > 1024:
            raise too_long("rpcb_entry.r_nc_netid", r_nc_netid_n, 1024)
        r_nc_netid = dec.octets(r_nc_netid_n) if r_nc_netid_n else b""
        r_nc_semantics, r_nc_protofmly_n = dec.unpack(_2I)
        if r_nc_protofmly_n > 1024:
            raise too_long("rpcb_entry.r_nc_protofmly", r_nc_protofmly_n, 1024)
        r_nc_protofmly = dec.octets(r_nc_protofmly_n) if r_nc_protofmly_n else b""
        r_nc_proto_n = dec.uint32()
        if r_nc_proto_n > 1024:
            raise too_long("rpcb_entry.r_nc_proto", r_nc_proto_n, 1024)
        r_nc_proto = dec.octets(r_nc_proto_n) if r_nc_proto_n else b""
        return cls(r_maddr, r_nc_netid, r_nc_semantics, r_nc_protofmly, r_nc_proto)


class rpcb_entry_list(LinkedStruct):
    __slots__ = ("rpcb_entry_map", "rpcb_entry_next")

    def __init__(
        self,
        rpcb_entry_map: rpcb_entry,
        rpcb_entry_next: rpcb_entry_list | None = None,
    ) -> None:
        self.rpcb_entry_map = rpcb_entry_map
        self.rpcb_entry_next = rpcb_entry_next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: rpcb_entry_list | None = self
            while node is not None:
                node.rpcb_entry_map.encode(enc)
                rpcb_entry_next = node.rpcb_entry_next
                buf += _I.pack(0 if rpcb_entry_next is None else 1)
                node = rpcb_entry_next
        except StructError as error:
            raise unencodable("rpcb_entry_list", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_entry_list:
        head_: rpcb_entry_list | None = None
        tail_: rpcb_entry_list | None = None
        while True:
            rpcb_entry_map = rpcb_entry.decode(dec)
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("rpcb_entry_list.rpcb_entry_next", more_)
            node_ = cls(rpcb_entry_map)
            if tail_ is None:
                head_ = node_
            else:
                tail_.rpcb_entry_next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class rpcb_entries(XdrStruct):
    __slots__ = ("entries",)

    def __init__(self, entries: rpcb_entry_list | None) -> None:
        self.entries = entries

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            entries = self.entries
            if entries is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                entries.encode(enc)
        except StructError as error:
            raise unencodable("rpcb_entries", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_entries:
        entries_set = dec.uint32()
        if entries_set > 1:
            raise not_boolean("rpcb_entries.entries", entries_set)
        entries = rpcb_entry_list.decode(dec) if entries_set else None
        return cls(entries)


class rpcbs_addrlist(LinkedStruct):
    __slots__ = ("prog", "vers", "success", "failure", "netid", "next")

    def __init__(
        self,
        prog: int,
        vers: int,
        success: int,
        failure: int,
        netid: bytes,
        next: rpcbs_addrlist | None = None,
    ) -> None:
        self.prog = prog
        self.vers = vers
        self.success = success
        self.failure = failure
        self.netid = netid
        self.next = next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: rpcbs_addrlist | None = self
            while node is not None:
                netid = node.netid
                n = len(netid)
                if n > 1024:
                    raise too_long("rpcbs_addrlist.netid", n, 1024)
                buf += _2I2iI.pack(node.prog, node.vers, node.success, node.failure, n)
                buf += netid
                if n & 3:
                    buf += PAD[n & 3]
                next = node.next
                buf += _I.pack(0 if next is None else 1)
                node = next
        except StructError as error:
            raise unencodable("rpcbs_addrlist", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcbs_addrlist:
        head_: rpcbs_addrlist | None = None
        tail_: rpcbs_addrlist | None = None
        while True:
            prog, vers, success, failure, netid_n = dec.unpack(_2I2iI)
            if netid_n > 1024:
                raise too_long("rpcbs_addrlist.netid", netid_n, 1024)
            netid = dec.octets(netid_n) if netid_n else b""
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("rpcbs_addrlist.next", more_)
            node_ = cls(prog, vers, success, failure, netid)
            if tail_ is None:
                head_ = node_
            else:
                tail_.next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class rpcbs_rmtcalllist(LinkedStruct):
    __slots__ = ("prog", "vers", "proc", "success", "failure", "indirect", "netid", "next")

    def __init__(
        self,
        prog: int,
        vers: int,
        proc: int,
        success: int,
        failure: int,
        indirect: int,
        netid: bytes,
        next: rpcbs_rmtcalllist | None = None,
    ) -> None:
        self.prog = prog
        self.vers = vers
        self.proc = proc
        self.success = success
        self.failure = failure
        self.indirect = indirect
        self.netid = netid
        self.next = next

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: rpcbs_rmtcalllist | None = self
            while node is not None:
                netid = node.netid
                n = len(netid)
                if n > 1024:
                    raise too_long("rpcbs_rmtcalllist.netid", n, 1024)
                buf += _3I3iI.pack(node.prog, node.vers, node.proc, node.success, node.failure, node.indirect, n)
                buf += netid
                if n & 3:
                    buf += PAD[n & 3]
                next = node.next
                buf += _I.pack(0 if next is None else 1)
                node = next
        except StructError as error:
            raise unencodable("rpcbs_rmtcalllist", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcbs_rmtcalllist:
        head_: rpcbs_rmtcalllist | None = None
        tail_: rpcbs_rmtcalllist | None = None
        while True:
            prog, vers, proc, success, failure, indirect, netid_n = dec.unpack(_3I3iI)
            if netid_n > 1024:
                raise too_long("rpcbs_rmtcalllist.netid", netid_n, 1024)
            netid = dec.octets(netid_n) if netid_n else b""
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("rpcbs_rmtcalllist.next", more_)
            node_ = cls(prog, vers, proc, success, failure, indirect, netid)
            if tail_ is None:
                head_ = node_
            else:
                tail_.next = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class rpcb_stat(XdrStruct):
    __slots__ = ("info", "setinfo", "unsetinfo", "addrinfo", "rmtinfo")

    def __init__(
        self,
        info: list[int],
        setinfo: int,
        unsetinfo: int,
        addrinfo: rpcbs_addrlist | None,
        rmtinfo: rpcbs_rmtcalllist | None,
    ) -> None:
        self.info = info
        self.setinfo = setinfo
        self.unsetinfo = unsetinfo
        self.addrinfo = addrinfo
        self.rmtinfo = rmtinfo

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            info = self.info
            if len(info) != 13:
                raise wrong_length("rpcb_stat.info", len(info), 13)
            addrinfo = self.addrinfo
            if addrinfo is None:
                buf += _13i2iI.pack(*info, self.setinfo, self.unsetinfo, 0)
            else:
                buf += _13i2iI.pack(*info, self.setinfo, self.unsetinfo, 1)
                addrinfo.encode(enc)
            rmtinfo = self.rmtinfo
            if rmtinfo is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                rmtinfo.encode(enc)
        except StructError as error:
            raise unencodable("rpcb_stat", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_stat:
        info = dec.numbers("i", 13)
        setinfo, unsetinfo, addrinfo_set = dec.unpack(_2iI)
        if addrinfo_set > 1:
            raise not_boolean("rpcb_stat.addrinfo", addrinfo_set)
        addrinfo = rpcbs_addrlist.decode(dec) if addrinfo_set else None
        rmtinfo_set = dec.uint32()
        if rmtinfo_set > 1:
            raise not_boolean("rpcb_stat.rmtinfo", rmtinfo_set)
        rmtinfo = rpcbs_rmtcalllist.decode(dec) if rmtinfo_set else None
        return cls(info, setinfo, unsetinfo, addrinfo, rmtinfo)


class rpcb_stat_byvers(XdrStruct):
    __slots__ = ("stats",)

    def __init__(self, stats: list[rpcb_stat]) -> None:
        self.stats = stats

    def encode(self, enc: Encoder) -> None:
        try:
            stats = self.stats
            if len(stats) != 3:
                raise wrong_length("rpcb_stat_byvers.stats", len(stats), 3)
            for item in stats:
                item.encode(enc)
        except StructError as error:
            raise unencodable("rpcb_stat_byvers", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcb_stat_byvers:
        dec.check_count(3, 68)
        stats = [rpcb_stat.decode(dec) for _ in range(3)]
        return cls(stats)
