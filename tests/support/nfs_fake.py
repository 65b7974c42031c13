"""A small NFSv4.1 server without a network, and virtual time: the client's sparring partner.

It keeps to the rules of sessions strictly (a wrong sequence id is refused, a retry is answered
from the slot's cache) and executes only what the tests use. ``FakeServer.script`` decides the
fate of each call: the tests lose calls and replies, restart the server, or forge answers.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from tests.support.nfs_fake_channel import LATENCY_S, FakeChannel
from tests.support.reactor_fake import FakeReactor

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Service
from nfsrdma.rpcrdma.rpc.message import decode_call, encode_accepted
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import (
    decode_fattr4,
    encode_fattr4,
    mask_from_bitmap,
    numbers_in,
)
from nfsrdma.xdr.nfs4.ops import OPERATIONS

T = TypeVar("T")

HOLE = 4096


class FakeSession:
    def __init__(self, slots: int) -> None:
        self.seqids = [0] * slots
        self.replies: list[bytes | None] = [None] * slots


class Node:
    """A file, a directory or a link."""

    def __init__(self, handle: bytes, kind: int, **fields: Any) -> None:
        self.handle = handle
        self.kind = kind
        self.data = bytearray(fields.get("data", b""))
        self.stable: bytes = bytes(self.data)
        self.children: dict[bytes, Node] = {}
        self.target: bytes = fields.get("target", b"")
        self.mode = 0o755 if kind == t.NF4DIR else 0o644
        self.mtime = (0, 0)
        self.ctime = (3, 4)
        self.owner = b"0"
        self.fileid: int = fields.get("fileid", 9)

    def used(self) -> int:
        """Octets of the blocks that are not all zeros: those are holes here."""
        return sum(min(end, len(self.data)) - start for start, end in self.data_blocks())

    def data_blocks(self) -> list[tuple[int, int]]:
        starts = range(0, len(self.data), HOLE)
        return [(at, at + HOLE) for at in starts if any(self.data[at : at + HOLE])]


class Refused(Exception):
    """An operation fails with a status."""


Script = Callable[[list[str]], str]


class FakeServer:
    """``script`` gets the names of a compound's operations and says what becomes of it:

    ``"ok"``; ``"lose call"`` and ``"lose reply"``: the connection breaks before or after it is
    executed; ``"silence"``: no reply, the connection stands; ``"STATUS"``: that error, of the
    last operation; ``"SEQUENCE STATUS"``: that error of SEQUENCE.
    """

    def __init__(self, reactor: FakeReactor) -> None:
        self.reactor = reactor
        self.script: Script = lambda ops: "ok"
        self.forge: Callable[[bytes], bytes | Exception | None] = lambda reply: reply
        self.up = True
        self.epoch = 0
        self.slots = 8
        self.target = 7
        self.flags = 0
        self.max_minor = 2
        self.max_ops = 64
        self.grace = False
        self.lease_s = 20
        self.uncached_at_sequence = True
        self.exclusive_create = True
        self.can_seek = True
        self.major, self.minor, self.scope = b"fake", 0, b"scope"
        self.client_ids = 7
        self.payload = self.inline = 0
        self.log: list[list[str]] = []
        self.executed: list[str] = []
        self.channels: list[FakeChannel] = []
        self.root = Node(b"root", t.NF4DIR)
        self.nodes: dict[bytes, Node] = {b"root": self.root}
        self.attributeless: set[bytes] = set()
        """Handles of nodes of which READDIR gives no attributes, as who may not search it."""
        self.owners: dict[bytes, int] = {}  # in the order they came
        self._count = 0
        self._forget()

    # -- for tests ---------------------------------------------------------------------------

    def add(self, name: str, kind: int = t.NF4REG, parent: Node | None = None, **f: Any) -> Node:
        self._count += 1
        node = Node(b"handle%d" % self._count, kind, **f)
        self.nodes[node.handle] = node
        (parent or self.root).children[os.fsencode(name)] = node
        return node

    def connect(self, timeout_s: float, service: Service) -> Future[Any]:
        future: Future[Any] = Future()

        def done() -> None:
            if self.up:
                channel = FakeChannel(self, service)
                self.channels.append(channel)
                future.set_result(channel)
            else:
                future.set_error(ConnectionRefusedError(111, "Connection refused"))

        self.reactor.call_at(self.reactor.now + LATENCY_S, done)
        return future

    def restart(self, grace: bool = True) -> None:
        """Forget clients, sessions, opens and what was not committed."""
        self.epoch += 1
        self.grace = grace
        for node in self.nodes.values():
            node.data = bytearray(node.stable)
        self._forget()
        for channel in self.channels:
            channel.lose("the server restarted")

    def client(self, **options: Any) -> FileSystem:
        export, rng = options.pop("export", ()), options.pop("rng", Random(1))
        owner = options.pop("owner", b"tester")
        chosen = ClientOptions(Credentials.sys(0, 0), owner, b"verifier", **options)
        return FileSystem(self.reactor, self.connect, export, chosen, rng)

    def mounted(self, **options: Any) -> FileSystem:
        client = self.client(**options)
        self.reactor.run(client.mount())
        self.log.clear()
        self.executed.clear()
        return client

    def _forget(self) -> None:
        self.verifier = struct.pack(">Q", 1000 + self.epoch)
        self.clients: dict[int, list[int]] = {}  # id -> [next CREATE_SESSION sequence, confirmed]
        self.sessions: dict[bytes, FakeSession] = {}
        self.opens: dict[bytes, bytes] = {}  # stateid.other -> handle

    # -- the protocol ------------------------------------------------------------------------

    def handle(self, channel: FakeChannel, message: bytes) -> bytes | Exception | None:
        dec = Decoder(message)
        header = decode_call(dec)
        enc = Encoder()
        encode_accepted(enc, header.xid)
        self.payload = self.inline = 0
        if header.proc == t.NFSPROC4_NULL:
            fate = self.script(["NULL"])
            return None if fate == "silence" else bytes(enc.buffer)
        call = t.COMPOUND4args.decode(dec)
        dec.done()
        names = [OPERATIONS[op.argop].name for op in call.argarray]
        self.log.append(names)
        fate = self.script(names)
        if fate == "lose call":
            channel.lose()
            return None
        enc.buffer += self._compound(call, fate)
        if fate == "lose reply":
            channel.lose()
        if fate in ("lose reply", "silence"):
            return None
        self.inline = len(enc.buffer) - self.payload
        return self.forge(bytes(enc.buffer))

    def _compound(self, call: t.COMPOUND4args, fate: str) -> bytes:
        if call.minorversion > self.max_minor:
            return _result(t.NFS4ERR_MINOR_VERS_MISMATCH, [])
        ops = call.argarray
        if ops[0].argop != t.OP_SEQUENCE:
            return self._execute(ops, [], fate)
        arguments: t.SEQUENCE4args = ops[0].value
        session = self.sessions.get(arguments.sa_sessionid)
        status = self._check_sequence(session, arguments)
        if fate.startswith("SEQUENCE "):
            status = getattr(t, fate.split()[1])
        if status == -1:
            assert session is not None
            kept = session.replies[arguments.sa_slotid]
            if kept is not None:
                return kept
            status = t.NFS4ERR_RETRY_UNCACHED_REP
            if not self.uncached_at_sequence and not fate.startswith("SEQUENCE "):
                refused = struct.pack(">2I", ops[1].argop, status)
                return _result(status, [self._sequence_result(arguments), refused])
        if status:
            return _result(status, [struct.pack(">2I", t.OP_SEQUENCE, status)])
        assert session is not None
        session.seqids[arguments.sa_slotid] = arguments.sa_sequenceid
        session.replies[arguments.sa_slotid] = None
        body = self._execute(ops[1:], [self._sequence_result(arguments)], fate)
        if arguments.sa_cachethis or len(ops) == 1:
            session.replies[arguments.sa_slotid] = body
        return body

    def _sequence_result(self, arguments: t.SEQUENCE4args) -> bytes:
        sequence = t.SEQUENCE4resok(
            arguments.sa_sessionid,
            arguments.sa_sequenceid,
            arguments.sa_slotid,
            self.slots - 1,
            self.target,
            self.flags,
        )
        head = Encoder()
        head.uint32(t.OP_SEQUENCE)
        t.SEQUENCE4res(t.NFS4_OK, sequence).encode(head)
        return bytes(head.buffer)

    def _check_sequence(self, session: FakeSession | None, arguments: t.SEQUENCE4args) -> int:
        if session is None:
            return t.NFS4ERR_BADSESSION
        if arguments.sa_slotid >= self.slots:
            return t.NFS4ERR_BADSLOT
        last = session.seqids[arguments.sa_slotid]
        if arguments.sa_sequenceid == last:
            return -1
        if arguments.sa_sequenceid != last + 1:
            return t.NFS4ERR_SEQ_MISORDERED
        return 0

    def _execute(self, ops: list[t.nfs_argop4], results: list[bytes], fate: str) -> bytes:
        self.current: Node | None = None
        self.saved: Node | None = None
        self.stateid = bytes(16)
        for index, op in enumerate(ops):
            name = OPERATIONS[op.argop].name
            status = t.NFS4_OK
            body = b""
            try:
                if fate.startswith("NFS4ERR") and index == len(ops) - 1:
                    raise Refused(getattr(t, fate))
                body = getattr(self, "op_" + name.lower())(op.value)
                self.executed.append(name)
            except Refused as refused:
                status = refused.args[0]
            results.append(struct.pack(">2I", op.argop, status) + body)
            if status:
                return _result(status, results)
        return _result(t.NFS4_OK, results)

    # -- clients and sessions ----------------------------------------------------------------

    def op_exchange_id(self, args: t.EXCHANGE_ID4args) -> bytes:
        owner = bytes(args.eia_clientowner.co_ownerid)
        clientid = (
            (self.epoch << 32) + self.client_ids + self.owners.setdefault(owner, len(self.owners))
        )
        record = self.clients.setdefault(clientid, [1, 0])
        flags = t.EXCHGID4_FLAG_USE_NON_PNFS | (t.EXCHGID4_FLAG_CONFIRMED_R if record[1] else 0)
        return _encoded(
            t.EXCHANGE_ID4resok(
                clientid,
                record[0],
                flags,
                t.state_protect4_r(t.SP4_NONE),
                t.server_owner4(self.minor, self.major),
                self.scope,
                [],
            )
        )

    def op_create_session(self, args: t.CREATE_SESSION4args) -> bytes:
        record = self.clients.get(args.csa_clientid)
        if record is None:
            raise Refused(t.NFS4ERR_STALE_CLIENTID)
        if args.csa_sequence not in (record[0], record[0] - 1):
            raise Refused(t.NFS4ERR_SEQ_MISORDERED)
        if args.csa_sequence == record[0]:
            record[0] += 1
            record[1] = 1
            self._count += 1
            self.session_id = b"session %08d" % self._count
            self.sessions[self.session_id] = FakeSession(self.slots)
        attrs = t.channel_attrs4(0, 1 << 20, 1 << 20, 8192, self.max_ops, self.slots, [])
        return _encoded(
            t.CREATE_SESSION4resok(
                self.session_id, args.csa_sequence, 2, attrs, args.csa_back_chan_attrs
            )
        )

    def op_bind_conn_to_session(self, args: t.BIND_CONN_TO_SESSION4args) -> bytes:
        if args.bctsa_sessid not in self.sessions:
            raise Refused(t.NFS4ERR_BADSESSION)
        return _encoded(t.BIND_CONN_TO_SESSION4resok(args.bctsa_sessid, 3, False))

    def op_destroy_session(self, args: t.DESTROY_SESSION4args) -> bytes:
        self.sessions.pop(args.dsa_sessionid, None)
        return b""

    def op_destroy_clientid(self, args: t.DESTROY_CLIENTID4args) -> bytes:
        self.clients.pop(args.dca_clientid, None)
        return b""

    def op_reclaim_complete(self, args: Any) -> bytes:
        self.grace = False
        return b""

    def op_free_stateid(self, args: Any) -> bytes:
        return b""

    def op_delegreturn(self, args: Any) -> bytes:
        return b""

    # -- handles and names -------------------------------------------------------------------

    def op_putrootfh(self, args: None) -> bytes:
        self.current = self.root
        return b""

    def op_putfh(self, args: t.PUTFH4args) -> bytes:
        self.current = self.nodes.get(args.object)
        if self.current is None:
            raise Refused(t.NFS4ERR_STALE)
        return b""

    def op_getfh(self, args: None) -> bytes:
        enc = Encoder()
        enc.opaque(self._now.handle)
        return bytes(enc.buffer)

    def op_savefh(self, args: None) -> bytes:
        self.saved = self.current
        return b""

    def op_restorefh(self, args: None) -> bytes:
        self.current = self.saved
        return b""

    @property
    def _now(self) -> Node:
        assert self.current is not None
        return self.current

    def _directory(self) -> dict[bytes, Node]:
        if self._now.kind == t.NF4LNK:
            raise Refused(t.NFS4ERR_SYMLINK)
        if self._now.kind != t.NF4DIR:
            raise Refused(t.NFS4ERR_NOTDIR)
        return self._now.children

    def op_lookup(self, args: t.LOOKUP4args) -> bytes:
        children = self._directory()
        if args.objname not in children:
            raise Refused(t.NFS4ERR_NOENT)
        self.current = children[args.objname]
        return b""

    def op_create(self, args: t.CREATE4args) -> bytes:
        children = self._directory()
        if args.objname in children:
            raise Refused(t.NFS4ERR_EXIST)
        target = bytes(args.objtype.value or b"")
        self.current = self.add(
            os.fsdecode(args.objname), args.objtype.type, self._now, target=target
        )
        return struct.pack(">I2QI", 1, 0, 0, 0)

    def op_remove(self, args: t.REMOVE4args) -> bytes:
        if self._directory().pop(args.target, None) is None:
            raise Refused(t.NFS4ERR_NOENT)
        return struct.pack(">I2Q", 1, 0, 0)

    def op_rename(self, args: t.RENAME4args) -> bytes:
        assert self.saved is not None
        if args.oldname not in self.saved.children:
            raise Refused(t.NFS4ERR_NOENT)
        self._directory()[args.newname] = self.saved.children.pop(args.oldname)
        return struct.pack(">I2Q", 1, 0, 0) * 2

    def op_link(self, args: t.LINK4args) -> bytes:
        assert self.saved is not None
        self._directory()[args.newname] = self.saved
        return struct.pack(">I2Q", 1, 0, 0)

    def op_readlink(self, args: None) -> bytes:
        if self._now.kind != t.NF4LNK:
            raise Refused(t.NFS4ERR_INVAL)
        enc = Encoder()
        enc.opaque(self._now.target)
        self.payload += len(enc.buffer) - 4
        return bytes(enc.buffer)

    # -- attributes --------------------------------------------------------------------------

    def values(self, node: Node) -> dict[int, Any]:
        return {
            t.FATTR4_TYPE: node.kind,
            t.FATTR4_CHANGE: 1,
            t.FATTR4_SIZE: len(node.data),
            t.FATTR4_FSID: t.fsid4(1, 2),
            t.FATTR4_LEASE_TIME: self.lease_s,
            t.FATTR4_RDATTR_ERROR: 0,
            t.FATTR4_FILEHANDLE: node.handle,
            t.FATTR4_FILEID: node.fileid,
            t.FATTR4_FILES_AVAIL: 10,
            t.FATTR4_FILES_FREE: 10,
            t.FATTR4_FILES_TOTAL: 20,
            t.FATTR4_MAXNAME: 255,
            t.FATTR4_MAXREAD: 65536,
            t.FATTR4_MAXWRITE: 65536,
            t.FATTR4_MODE: node.mode,
            t.FATTR4_NUMLINKS: 1,
            t.FATTR4_OWNER: node.owner,
            t.FATTR4_OWNER_GROUP: b"someone@example.org",
            t.FATTR4_RAWDEV: t.specdata4(0, 0),
            t.FATTR4_SPACE_AVAIL: 1 << 30,
            t.FATTR4_SPACE_FREE: 1 << 30,
            t.FATTR4_SPACE_TOTAL: 1 << 31,
            t.FATTR4_SPACE_USED: node.used(),
            t.FATTR4_TIME_ACCESS: t.nfstime4(1, 2),
            t.FATTR4_TIME_METADATA: t.nfstime4(*node.ctime),
            t.FATTR4_TIME_MODIFY: t.nfstime4(*node.mtime),
        }

    def _fattr4(self, node: Node, words: list[int]) -> t.fattr4:
        values = self.values(node)
        return encode_fattr4(
            {n: values[n] for n in numbers_in(mask_from_bitmap(words)) if n in values}
        )

    def op_getattr(self, args: t.GETATTR4args) -> bytes:
        return _encoded(self._fattr4(self._now, args.attr_request))

    def op_setattr(self, args: t.SETATTR4args) -> bytes:
        if args.stateid.other != bytes(12):
            self._check_stateid(args.stateid)
        self._set(self._now, args.obj_attributes)
        return struct.pack(">I", 0)

    def _set(self, node: Node, attributes: t.fattr4) -> None:
        values = decode_fattr4(attributes)
        size = values.get(t.FATTR4_SIZE)
        if size is not None:
            node.data[size:] = b""
            node.data.extend(bytes(size - len(node.data)))
            node.stable = bytes(node.data)
        node.mode = values.get(t.FATTR4_MODE, node.mode)
        mtime = values.get(t.FATTR4_TIME_MODIFY_SET)
        if mtime is not None and mtime.value is not None:
            node.mtime = (mtime.value.seconds, mtime.value.nseconds)

    def op_verify(self, args: Any, same: bool = True) -> bytes:
        wanted = decode_fattr4(args.obj_attributes)
        values = self.values(self._now)
        equal = all(values[n] == value for n, value in wanted.items())
        if equal != same:
            raise Refused(t.NFS4ERR_NOT_SAME if same else t.NFS4ERR_SAME)
        return b""

    def op_nverify(self, args: Any) -> bytes:
        return self.op_verify(args, same=False)

    def op_access(self, args: t.ACCESS4args) -> bytes:
        return struct.pack(">2I", args.access, args.access & 1)

    def op_readdir(self, args: t.READDIR4args) -> bytes:
        enc = Encoder()
        enc.fixed_opaque(b"verifier", 8)
        names = sorted(self._directory())
        for index, name in enumerate(names[args.cookie : args.cookie + 3], args.cookie + 1):
            enc.boolean(True)
            enc.uint64(index)
            enc.opaque(name)
            child = self._now.children[name]
            if child.handle in self.attributeless:
                t.fattr4([1 << t.FATTR4_RDATTR_ERROR], t.NFS4ERR_ACCESS.to_bytes(4)).encode(enc)
            else:
                self._fattr4(child, args.attr_request).encode(enc)
        enc.boolean(False)
        enc.boolean(args.cookie + 3 >= len(names))
        return bytes(enc.buffer)

    # -- opens and data ----------------------------------------------------------------------

    def op_open(self, args: t.OPEN4args) -> bytes:
        claim = args.claim.claim
        if self.grace != (claim == t.CLAIM_PREVIOUS):
            raise Refused(t.NFS4ERR_GRACE if self.grace else t.NFS4ERR_NO_GRACE)
        if claim == t.CLAIM_NULL:
            self._open_by_name(args)
        self._count += 1
        other = struct.pack(">Q", self._count) + struct.pack(">I", self.epoch)
        self.opens[other] = self._now.handle
        stateid = t.stateid4(1, other)
        self.stateid = struct.pack(">I", 1) + other
        return _encoded(
            t.OPEN4resok(
                stateid,
                t.change_info4(True, 0, 1),
                0,
                [],
                t.open_delegation4(t.OPEN_DELEGATE_NONE),
            )
        )

    def _open_by_name(self, args: t.OPEN4args) -> None:
        children = self._directory()
        name = args.claim.value
        found = children.get(name)
        how = args.openhow.value
        if found is None and how is None:
            raise Refused(t.NFS4ERR_NOENT)
        if how is not None and how.mode == t.EXCLUSIVE4_1 and not self.exclusive_create:
            raise Refused(t.NFS4ERR_INVAL)
        exclusive = how is not None and how.mode == t.EXCLUSIVE4_1
        if found is None:
            found = self.add(os.fsdecode(name), t.NF4REG, self._now)
            self._set(found, how.value.cva_attrs if exclusive else how.value)
        elif how is not None and (exclusive or how.mode == t.GUARDED4):
            raise Refused(t.NFS4ERR_EXIST)
        elif found.kind == t.NF4LNK:
            raise Refused(t.NFS4ERR_SYMLINK)
        elif found.kind == t.NF4DIR:
            raise Refused(t.NFS4ERR_ISDIR)
        elif how is not None and decode_fattr4(how.value).get(t.FATTR4_SIZE) == 0:
            found.data = bytearray()
            found.stable = b""
        self.current = found

    def _check_stateid(self, stateid: t.stateid4) -> None:
        if stateid == t.stateid4(1, bytes(12)):
            return  # the current one
        if stateid.other == bytes(12):
            if self._now.kind == t.NF4LNK:
                raise Refused(t.NFS4ERR_SYMLINK)
            return
        if self.opens.get(stateid.other) != self._now.handle:
            raise Refused(t.NFS4ERR_BAD_STATEID)

    def op_close(self, args: t.CLOSE4args) -> bytes:
        self._check_stateid(args.open_stateid)
        self.opens.pop(args.open_stateid.other, None)
        if args.open_stateid.other == bytes(12):
            self.opens.pop(self.stateid[4:], None)
        return b"\xff" * 4 + bytes(12)

    def op_read(self, args: t.READ4args) -> bytes:
        self._check_stateid(args.stateid)
        data = bytes(self._now.data[args.offset : args.offset + args.count])
        enc = Encoder()
        enc.boolean(args.offset + len(data) >= len(self._now.data))
        enc.opaque(data)
        self.payload += len(enc.buffer) - 8
        return bytes(enc.buffer)

    def op_seek(self, args: t.SEEK4args) -> bytes:
        self._check_stateid(args.sa_stateid)
        if not self.can_seek:
            raise Refused(t.NFS4ERR_NOTSUPP)
        size = len(self._now.data)
        if args.sa_offset >= size:
            raise Refused(t.NFS4ERR_NXIO)
        hole = args.sa_what == t.NFS4_CONTENT_HOLE
        data = [range(*each) for each in self._now.data_blocks()]
        at: int = args.sa_offset
        while at < size and any(at in each for each in data) == hole:
            at = min(size, at - at % HOLE + HOLE)
        return struct.pack(">IQ", at >= size, at)

    def op_write(self, args: t.WRITE4args) -> bytes:
        self._check_stateid(args.stateid)
        node = self._now
        node.data.extend(bytes(max(0, args.offset - len(node.data))))
        node.data[args.offset : args.offset + len(args.data)] = args.data
        if args.stable != t.UNSTABLE4:
            node.stable = bytes(node.data)
        return struct.pack(">2I", len(args.data), args.stable) + self.verifier

    def op_commit(self, args: t.COMMIT4args) -> bytes:
        self._now.stable = bytes(self._now.data)
        return self.verifier


def _encoded(value: Any) -> bytes:
    enc = Encoder()
    value.encode(enc)
    return bytes(enc.buffer)


def _result(status: int, results: list[bytes]) -> bytes:
    return struct.pack(">3I", status, 0, len(results)) + b"".join(results)
