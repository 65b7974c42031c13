"""NFS version 3 in captures: every procedure, over RDMA and TCP, plain and protected; Wireshark."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.captures import public_capture
from tests.support.dissection import Collected, dissect, dissect_octets
from tests.support.nfs3 import (
    AFTER,
    CALLS,
    DATA,
    FH,
    NONE,
    SET,
    WCC,
    WHERE,
    call,
    reply,
    result_of,
)
from tests.support.rdma_wire import Wire, pcap, reduced
from tests.support.tcp_wire import TcpWire

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.fields.fields import message_fields
from nfsrdma.dissector.filter import compile_filter
from nfsrdma.dissector.messages.procedures import NFS3_NAMES, PROCEDURES
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.extract import payloads
from nfsrdma.dissector.views.line import LineView
from nfsrdma.dissector.views.lint import Lint
from nfsrdma.dissector.views.tree import exchange_lines
from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Encoder, link
from nfsrdma.xdr.nfs3 import mount as m
from nfsrdma.xdr.nfs3 import types as t


def say(wire: Wire, xid: int, asked: bytes, answered: bytes) -> None:
    head = bytes(encode_header(xid, 32, 0))
    wire.send(wire.client, head + asked)
    wire.send(wire.server, head + answered)


def session() -> Wire:
    """Every procedure, each with its successful result and with an error."""
    wire = Wire()
    wire.connect(PrivateData(), PrivateData())
    for procedure, name in enumerate(NFS3_NAMES):
        arguments, resok = CALLS.get(name, (None, None))
        result = None if resok is None else result_of(name, resok)
        say(
            wire,
            1 + procedure,
            call(procedure, arguments, 1 + procedure),
            reply(result, 1 + procedure),
        )
    return wire


def test_every_procedure(tmp_path: Path) -> None:
    view = dissect_octets(pcap(session().frames), tmp_path)
    assert view.rules == []
    names = [e.call_body.kind for e in view.exchanges if e.call_body is not None]
    assert names == list(NFS3_NAMES)
    for exchange, name in zip(view.exchanges[1:], NFS3_NAMES[1:], strict=True):
        assert exchange.call_body is not None
        assert exchange.reply_body is not None
        arguments, resok = CALLS[name]
        assert exchange.call_body.names() == exchange.reply_body.names() == [name]
        assert repr(exchange.call_body.operations[0].value) == repr(arguments)
        assert exchange.reply_body.status == 0
        assert repr(exchange.reply_body.operations[0].value.value) == repr(resok)
        assert "NFS3 " + name in LineView(str).line(exchange)
        assert any(name in line for line in exchange_lines(exchange))


@pytest.mark.parametrize("name", sorted(CALLS))
def test_every_error(name: str, tmp_path: Path) -> None:
    arguments, _ = CALLS[name]
    kind = getattr(t, f"{name}3res")
    fail = getattr(t, f"{name}3resfail", None)
    values = [WCC if "wcc" in slot else NONE for slot in fail.__slots__] if fail else []
    failed = kind(t.NFS3ERR_STALE, fail(*values)) if fail else kind(t.NFS3ERR_STALE)
    wire = TcpWire()
    wire.connect()
    wire.record(wire.client, call(NFS3_NAMES.index(name), arguments))
    wire.record(wire.server, reply(failed))
    view = dissect_octets(pcap(wire.frames), tmp_path)
    (exchange,) = view.exchanges
    assert view.rules == []
    assert exchange.reply_body is not None
    assert exchange.reply_body.status == t.NFS3ERR_STALE
    assert " NFS3ERR_STALE " in LineView(str).line(exchange)
    assert any("NFS3ERR_STALE" in line for line in exchange_lines(exchange))
    assert exchange.reply is not None
    assert message_fields(exchange, exchange.reply)["nfs.status3"] == 70
    assert compile_filter("nfs.status3 == NFS3ERR_STALE")(message_fields(exchange, exchange.reply))


def chunked() -> Wire:
    """READ, READLINK, WRITE and SYMLINK by RDMA, and READDIRPLUS by a Reply chunk."""
    wire = Wire()
    wire.connect(PrivateData(), PrivateData())
    for xid, (name, item) in enumerate((("READ", DATA), ("READLINK", b"l" * 800)), 1):
        segment = Segment(7 + xid, len(item), 0x1000)
        arguments, _ = CALLS[name]
        resok = (
            t.READ3resok(AFTER, len(item), True, item) if name == "READ"
            else t.READLINK3resok(AFTER, item)
        )  # fmt: skip
        head = bytes(encode_header(xid, 32, 0, (), [Chunk([segment])]))
        wire.send(wire.client, head + call(NFS3_NAMES.index(name), arguments, xid))
        wire.rdma_write(wire.server, *segment[::2], item)
        wire.send(wire.server, head + reduced(reply(result_of(name, resok), xid), item))
    target = b"t" * 900
    symlink = t.SYMLINK3args(WHERE, t.symlinkdata3(SET, target))
    for xid, (name, arguments, item) in enumerate(
        (("WRITE", CALLS["WRITE"][0], DATA), ("SYMLINK", symlink, target)), 3
    ):
        whole = call(NFS3_NAMES.index(name), arguments, xid)
        segment = Segment(7 + xid, len(item), 0x1000)
        head = encode_header(xid, 32, 0, [Chunk([segment], whole.index(item))])
        wire.send(wire.client, bytes(head) + reduced(whole, item))
        wire.rdma_read(wire.server, *segment[::2], item)
        wire.send(
            wire.server,
            bytes(encode_header(xid, 32, 0)) + reply(result_of(name, CALLS[name][1]), xid),
        )
    arguments, resok = CALLS["READDIRPLUS"]
    body = reply(result_of("READDIRPLUS", resok), 9)
    room = Segment(99, 4096, 0x1000)
    head = bytes(encode_header(9, 32, 0, (), (), Chunk([room])))
    wire.send(wire.client, head + call(17, arguments, 9))
    wire.rdma_write(wire.server, 99, 0x1000, body)
    used = Chunk([room._replace(length=len(body))])
    wire.send(wire.server, bytes(encode_header(9, 32, 1, (), (), used)))
    return wire


def lint(path: Path) -> list[str]:
    found: list[str] = []
    view = Lint(lambda finding: found.append(finding.rule))
    Pipeline(open_capture(path), view).run()
    return found


def carried(view: Collected, index: int) -> list[tuple[str, int, int]]:
    return [(p.operation, p.offset, p.length) for p in payloads(view.exchanges[index])]


def test_items_in_chunks(tmp_path: Path) -> None:
    view = dissect_octets(pcap(chunked().frames), tmp_path)
    assert view.rules == []
    assert not any(e.undecoded for e in view.exchanges)
    assert carried(view, 0) == [("READ", 4096, 1001)]
    assert carried(view, 1) == [("READLINK", 0, 800)]
    assert carried(view, 2) == [("WRITE", 8192, 1001)]
    assert carried(view, 3) == [("SYMLINK", 0, 900)]
    assert view.data(0) == view.data(2) == DATA
    assert view.data(1) == b"l" * 800
    reply_body = view.exchanges[4].reply_body
    assert reply_body is not None
    assert reply_body.names() == ["READDIRPLUS"]
    assert lint(tmp_path / "capture") == []


def test_what_is_not_eligible(tmp_path: Path) -> None:
    """The name of a LOOKUP may not be moved (RFC 8267, Section 4)."""
    wire = Wire()
    wire.connect(PrivateData(), PrivateData())
    name = b"n" * 240
    whole = call(3, t.LOOKUP3args(t.diropargs3(FH, name)), 1)
    head = encode_header(1, 32, 0, [Chunk([Segment(7, 240, 0x1000)], whole.index(name))])
    wire.send(wire.client, bytes(head) + reduced(whole, name))
    wire.rdma_read(wire.server, 7, 0x1000, name)
    say_back = reply(t.LOOKUP3res(t.NFS3ERR_NOENT, t.LOOKUP3resfail(NONE)))
    wire.send(wire.server, bytes(encode_header(1, 32, 0)) + say_back)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert not view.exchanges[0].undecoded
    assert lint(tmp_path / "capture") == ["chunk-ineligible"]


def protected(service: int, arguments: Any, procedure: int) -> bytes:
    """A call whose arguments RPCSEC_GSS protects (RFC 2203, Section 5.3.2)."""
    context = struct.pack(">5I", 1, 0, 9, service, 4) + b"ctx!"
    enc = Encoder()
    arguments.encode(enc)
    inner = struct.pack(">I", 9) + enc.to_bytes()
    body = struct.pack(">I", len(inner)) + inner + bytes(-len(inner) % 4)
    if service == 2:
        body += struct.pack(">I", 6) + b"a MIC!" + bytes(2)
    return call(procedure, None, 1, OpaqueAuth(6, context)) + body


@pytest.mark.parametrize("service", [2, 3])
def test_rpcsec_gss(service: int, tmp_path: Path) -> None:
    wire = Wire()
    arguments, resok = CALLS["LOOKUP"]
    enc = Encoder()
    result_of("LOOKUP", resok).encode(enc)
    inner = struct.pack(">I", 9) + enc.to_bytes()
    answer = reply(None) + struct.pack(">I", len(inner)) + inner
    if service == 2:
        answer += struct.pack(">I", 6) + b"a MIC!" + bytes(2)
    say(wire, 1, protected(service, arguments, 3), answer)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    (exchange,) = view.exchanges
    assert view.rules == []
    assert exchange.call_rpc is not None
    assert exchange.call_rpc.gss is not None
    assert exchange.call_rpc.gss.sequence == 9
    assert bytes(exchange.call_rpc.gss.handle) == b"ctx!"
    line = LineView(str).line(exchange)
    if service == 2:
        assert "NFS3 LOOKUP name OK" in line
        assert exchange.reply_body is not None
        assert exchange.reply_body.operations[0].value.value == resok
    else:
        assert "NFS3 LOOKUP (encrypted)" in line


def test_mount(tmp_path: Path) -> None:
    flavors = m.mountres3(m.MNT3_OK, m.mountres3_ok(b"root-handle", [1, 390003]))
    groups = link([m.groupnode(b"all", None), m.groupnode(b"some", None)])
    exported = m.exports3(m.exportnode(b"/export", groups, None))
    mounted = m.mountlist3(link([m.mountbody(b"host", b"/export", None)]))
    wire = TcpWire()
    wire.connect()
    results = (None, flavors, mounted, None, None, exported)
    for procedure, row in enumerate(PROCEDURES[100005, 3]):
        arguments = None if row.arguments is None else m.mountargs3(b"/export")
        wire.record(wire.client, call(procedure, arguments, 1 + procedure, program=100005))
        wire.record(wire.server, reply(results[procedure], 1 + procedure))
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert view.rules == []
    lines = [LineView(str).line(exchange) for exchange in view.exchanges]
    assert "MOUNT3 NULL OK" in lines[0]
    assert "MOUNT3 MNT /export OK" in lines[1]
    assert "MOUNT3 EXPORT OK" in lines[5]
    fields = [message_fields(e, e.reply) for e in view.exchanges if e.reply is not None]
    assert fields[1]["mount.status"] == 0
    assert fields[1]["mount.flavor"] == [1, 390003]
    assert fields[2]["mount.dump.directory"] == "/export"
    assert fields[5]["mount.export.group"] == ["all", "some"]


def test_a_reply_of_which_nothing_is_known(tmp_path: Path) -> None:
    """Without its call a reply may be of any version: it is not taken for a broken compound."""
    wire = Wire()
    answer = reply(result_of("GETATTR", CALLS["GETATTR"][1]))
    wire.send(wire.server, bytes(encode_header(1, 32, 0)) + answer)
    say(
        wire,
        2,
        call(1, CALLS["GETATTR"][0], 2),
        reply(result_of("GETATTR", CALLS["GETATTR"][1]), 2),
    )
    wire.send(
        wire.server, bytes(encode_header(3, 32, 0)) + answer.replace(b"\0\0\0\1", b"\0\0\0\3", 1)
    )
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert not any(e.undecoded for e in view.exchanges)
    assert view.rules == ["no-call", "no-call"]


def numbers(value: str) -> int:
    return int(value, 16 if value.startswith("0x") else 10)


def flattened(tree: dict[str, Any]) -> list[tuple[str, Any]]:
    """All named values of tshark's JSON, at whatever depth; duplicate keys included."""
    found = []
    for key, value in tree.items():
        for item in value if isinstance(value, list) else [value]:
            found += flattened(item) if isinstance(item, dict) else [(key, item)]
    return found


COMPARED = (
    "nfs.procedure_v3", "nfs.status3", "nfs.fh.hash", "nfs.name", "nfs.attributes_follow",
    "nfs.handle_follow", "nfs.fattr3.type", "nfs.mode3", "nfs.fattr3.nlink", "nfs.fattr3.uid",
    "nfs.fattr3.gid", "nfs.fattr3.size", "nfs.fattr3.used", "nfs.specdata1", "nfs.specdata2",
    "nfs.fattr3.fsid", "nfs.fattr3.fileid", "nfs.atime.sec", "nfs.atime.nsec", "nfs.mtime.sec",
    "nfs.mtime.nsec", "nfs.ctime.sec", "nfs.ctime.nsec", "nfs.wcc_attr.size", "nfs.offset3",
    "nfs.count3", "nfs.read.eof", "nfs.write.stable", "nfs.write.committed", "nfs.createmode",
    "nfs.uid3", "nfs.gid3", "nfs.cookie3", "nfs.count3_dircount", "nfs.count3_maxcount",
    "nfs.readdir.entry3.name", "nfs.readdir.entry3.fileid", "nfs.readdir.entry3.cookie",
    "nfs.readdirplus.entry.name", "nfs.access_check", "nfs.access_rights", "nfs.readlink.data",
    "nfs.symlink.to", "nfs.fsinfo.rtmax", "nfs.fsinfo.dtpref", "nfs.fsinfo.maxfilesize",
    "nfs.fsstat3_resok.tbytes", "nfs.fsstat3_resok.afiles", "nfs.pathconf.linkmax",
    "nfs.pathconf.case_preserving", "nfs.sattrguard3", "portmap.rpcb.prog", "portmap.rpcb.version",
    "portmap.rpcb.netid", "portmap.rpcb.addr", "portmap.rpcb.owner", "portmap.uaddr",
)  # fmt: skip
_TEXTS = ("nfs.name", "nfs.readdir.entry3.name", "nfs.readdirplus.entry.name",
          "nfs.readlink.data", "nfs.symlink.to", "portmap.rpcb.netid", "portmap.rpcb.addr",
          "portmap.rpcb.owner", "portmap.uaddr")  # fmt: skip


def tshark_fields(path: Path) -> dict[int, dict[str, list[Any]]]:
    """What Wireshark says of each frame that has NFS or the port mapper in it."""
    output = subprocess.run(
        ["tshark", "-r", path, "-Y", "nfs or portmap", "-T", "json", "--no-duplicate-keys"],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    found: dict[int, dict[str, list[Any]]] = {}
    for packet in json.loads(output):
        layers = packet["_source"]["layers"]
        frame = found.setdefault(int(layers["frame"]["frame.number"]), {})
        layer = layers.get("nfs", layers.get("portmap"))
        for name, value in flattened(layer if isinstance(layer, dict) else {}):
            if name in COMPARED:
                frame.setdefault(name, []).append(value if name in _TEXTS else numbers(value))
    return found


def our_fields(view: Collected) -> dict[int, dict[str, list[Any]]]:
    found: dict[int, dict[str, list[Any]]] = {}
    for exchange in view.exchanges:
        for message in (exchange.call, exchange.reply):
            assert message is not None
            fields = message_fields(exchange, message)
            found[message.frame] = {
                name: fields[name] if isinstance(fields[name], list) else [fields[name]]
                for name in COMPARED
                if name in fields
            }
    return found


def test_wireshark_says_the_same_of_others_traffic() -> None:
    if shutil.which("tshark") is None:
        pytest.skip("no tshark")
    path = public_capture("nfsv3.pcap")
    ours, theirs = our_fields(dissect(path)), tshark_fields(path)
    assert set(ours) == set(theirs)
    for frame, fields in theirs.items():
        assert {k: sorted(v, key=str) for k, v in ours[frame].items()} == {
            k: sorted(v, key=str) for k, v in fields.items()
        }, frame


def test_wireshark_says_the_same_of_every_procedure(tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("no tshark")
    path = tmp_path / "capture"
    path.write_bytes(pcap(session().frames))
    ours, theirs = our_fields(dissect(path)), tshark_fields(path)
    assert set(ours) == set(theirs)
    for frame, fields in theirs.items():
        assert {k: sorted(v, key=str) for k, v in ours[frame].items()} == {
            k: sorted(v, key=str) for k, v in fields.items()
        }, frame
