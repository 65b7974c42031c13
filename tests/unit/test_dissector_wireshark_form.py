"""Messages as tshark writes them: ``-T fields``, ``-T json``, ``-G``; the fields of headers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.corpus import talk
from tests.corpus.scene import Scene
from tests.support.shares import shares_of

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.fields.kinds import OWN, FieldKind, FieldType, wireshark_fields, written
from nfsrdma.dissector.fields.names import known
from nfsrdma.dissector.fields.vendors import resolved
from nfsrdma.dissector.filter import compile_filter

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
FOLDER = Path(__file__).parents[1] / "data" / "captures" / "generated"
TCP = str(CAPTURES / "linux" / "linux-client-v42-tcp.pcap")
LINUX = str(CAPTURES / "linux" / "linux-client-v41.pcap")
IPV6 = str(CAPTURES / "linux" / "linux-client-v42-ipv6.pcap")
BASELINE = str(CAPTURES / "generated" / "baseline-rocev2.pcap")


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(dissect, list(arguments))
    assert result.exit_code == code, result.output
    return result


def columns(path: str, wanted: str, *names: str) -> list[list[str]]:
    options = [word for name in names for word in ("-e", name)]
    lines = run("-T", "fields", *options, "-Y", wanted, path).stdout.splitlines()
    return [line.split("\t") for line in lines]


def test_columns_have_tsharks_text() -> None:
    """The values are those of tshark 4.0.17."""
    names = {
        "frame.len": "382",
        "frame.time": "Nov 28, 2026 12:20:57.390324948 UTC",
        "frame.protocols": "eth:ethertype:ip:udp:infiniband:rpcordma:rpc:nfs",
        "eth.src": "52:54:00:99:00:0b",
        "eth.type": "0x0800",
        "ip.id": "0x8482",
        "ip.flags": "0x02",
        "udp.srcport": "65384",
        "infiniband.bth.p_key": "65535",
        "rpc.xid": "0x1c7ed238",
        "rpc.auth.flavor": "1,0",
        "rpcordma.rdma_offset": "0x1c7ed23807aaa000",
        "nfs.opcode": "53,22,18,10,3,9",
        "nfs.session_id4": "00:00:00:01:00:00:00:01:7d:09:da:99:2c:47:a5:19",
        "nfs.attr_mask": "0x00000002,0x0010011a,0x00b0a23a",
        "nfs.mode": "420",
        "nfs.pathname.component": "name-02",
        "nfs.access_check": "0x3d",
    }
    (row,) = columns(LINUX, "frame.number == 127", *names)
    assert dict(zip(names, row, strict=True)) == names
    names = {
        "rpc.repframe": "127",
        "nfs.stateid.hash": "0xa1dd",
        "nfs.stateid.other_hash": "0x6bc31635",
        "nfs.change_info.atomic": "0",
        "nfs.access_supported": "0x2d",
        "nfs.fattr4.mounted_on_fileid": "0x0000000000210028",
        "nfs.nfstime4.seconds": "1795868457,1795868457,1795868457",
    }
    (row,) = columns(LINUX, "frame.number == 129", *names)
    assert dict(zip(names, row, strict=True)) == names


def test_how_columns_are_written() -> None:
    found = run(
        "-T", "fields", "-e", "frame.number", "-e", "nfs.opcode", "-E", "header=y",
        "-E", "separator=;", "-E", "aggregator=/s", "-E", "quote=d",
        "-Y", "frame.number == 127", LINUX,
    ).stdout.splitlines()  # fmt: skip
    assert found == ["frame.number;nfs.opcode", '"127";"53 22 18 10 3 9"']
    for occurrence, text in (("f", "53"), ("l", "9")):
        found = run("-T", "fields", "-e", "nfs.opcode", "-E", f"occurrence={occurrence}",
                    "-Y", "frame.number == 127", LINUX).stdout.splitlines()  # fmt: skip
        assert found == [text]


def test_what_does_not_go_together() -> None:
    for options in (
        ("-T", "fields"), ("-e", "frame.number"), ("-T", "json", "-e", "frame.number"),
        ("-E", "header=y"), ("-T", "json", "-V"), ("-T", "json", "--lint"),
        ("-T", "fields", "-e", "frame.number", "-E", "colour=red"),
    ):  # fmt: skip
        run(*options, LINUX, code=2)
    assert "nfs.opcode" in run("-T", "fields", "-e", "nfs.opcod", LINUX, code=2).output
    assert "not decoded" in run("-T", "fields", "-e", "tcp.payload", LINUX, code=2).output


def test_json_as_tshark_has_it() -> None:
    everything = json.loads(run("-T", "json", BASELINE).stdout)
    assert len(everything) == 20
    layers = everything[0]["_source"]["layers"]
    assert list(layers)[:4] == ["frame", "eth", "ip", "udp"]
    assert layers["rpc"]["rpc.xid"].startswith("0x")
    assert json.loads(run("-T", "json", "-Y", "nfs.offset4 == 77777", BASELINE).stdout) == []


def test_fields_are_listed_as_tshark_does() -> None:
    rows = [line.split("\t") for line in run("-G", "fields").stdout.splitlines()]
    types = {row[2]: row[3] for row in rows if row[0] == "F"}
    assert types["nfs.opcode"] == "FT_UINT32"
    assert types["nfs.path"] == "FT_STRING"
    assert {row[2] for row in rows if row[0] == "P"} >= {"nfs", "rpc", "rpcordma", "ip"}
    assert len(types) > 300


def test_every_name_is_wiresharks_or_ours() -> None:
    theirs = wireshark_fields()
    own = {name for name, type_ in known().items() if name not in theirs}
    own -= {name for name in own if known()[name].kind == FieldKind.PROTOCOL}
    assert all(
        name.startswith(("nfsrdma.", "nfs.fattr3.", "nfs.fs", "nfs.wcc", "nfs.read", "nfs.path"))
        for name in own
    ), own


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (255, FieldType(FieldKind.NUMBER, "FT_UINT24", hexadecimal=True, width=3), "0x0000ff"),
        (True, FieldType(FieldKind.BOOLEAN, "FT_BOOLEAN"), "1"),
        (0.5, OWN[FieldKind.SECONDS], "0.500000000"),
        ("0102ff", OWN[FieldKind.OCTETS], "01:02:ff"),
        (7, FieldType(FieldKind.OCTETS, "FT_BYTES"), "00:00:00:07"),
        (1_500_000_000, FieldType(FieldKind.TIME, "FT_ABSOLUTE_TIME"),
         "Jan  1, 1970 00:00:01.500000000 UTC"),
    ],
)  # fmt: skip
def test_how_values_are_written(value: Any, type_: FieldType, text: str) -> None:
    assert written(value, type_) == text


def test_filters_about_headers() -> None:
    for text, path in (("eth.src[0:3] == 52:54:00", LINUX), ("ipv6.hlim == 64", IPV6)):
        assert columns(path, text, "frame.number"), text
    assert not columns(IPV6, "ip.ttl", "frame.number")
    assert compile_filter("frame.len > 3").derived == ("frame.len",)


@pytest.mark.parametrize("size", [20, 40, 50, 60])
def test_cut_frames_have_the_headers_that_are_there(tmp_path: Path, size: int) -> None:
    """A frame that is cut inside of its headers is no RPC; what remains is decoded."""
    octets = Path(BASELINE).read_bytes()
    cut, at = bytearray(octets[:24]), 24
    while at < len(octets):
        length = int.from_bytes(octets[at + 8 : at + 12], "little")
        kept = min(length, size)
        cut += octets[at : at + 8] + kept.to_bytes(4, "little") + octets[at + 12 : at + 16]
        cut += octets[at + 16 : at + 16 + kept]
        at += 16 + length
    path = tmp_path / "cut.pcap"
    path.write_bytes(cut)
    run("-T", "json", str(path))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark here")
@pytest.mark.parametrize("path", [LINUX, TCP])
def test_most_of_tsharks_fields(path: str) -> None:
    """Of all instances of fields on frames of RPCs: there, and with the same text."""
    shares = shares_of(path)
    assert shares.theirs.total() > 40_000
    assert shares.share > 0.95


@pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark here")
@pytest.mark.parametrize("name", ["baseline-iwarp", "baseline-iwarp-nocrc"])
def test_most_of_tsharks_fields_on_iwarp(name: str) -> None:
    """MPA's, DDP's and RDMAP's headers, and TCP's."""
    shares = shares_of(str(FOLDER / f"{name}.pcap"))
    assert shares.theirs.total() > 2_800
    assert shares.share > 0.95
    assert not shares.missing.keys() & {"tcp.seq", "iwarp_ddp.msn", "iwarp_rdma.opcode"}


@pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark here")
def test_a_connection_of_which_the_beginning_is_missing(tmp_path: Path) -> None:
    """Numbers begin at 1 then, and how windows are scaled is not known."""
    octets, skip = Path(TCP).read_bytes(), 24
    for _ in range(3):  # the handshake
        skip += 16 + int.from_bytes(octets[skip + 8 : skip + 12], "little")
    path = tmp_path / "late.pcap"
    path.write_bytes(octets[:24] + octets[skip:])
    shares = shares_of(str(path))
    assert shares.share > 0.95
    assert not shares.missing.keys() & {"tcp.seq", "tcp.window_size", "tcp.window_size_scalefactor"}


def test_what_a_request_of_rdma_names_leads_to_its_rpc() -> None:
    """Wireshark has it in the packets of RDMA; these values are those of tshark 4.0.17."""
    rows = columns(BASELINE, "infiniband.reth.r_key", "infiniband.reth.r_key",
                   "infiniband.reth.va", "infiniband.reth.dmalen")  # fmt: skip
    assert rows == [
        [key, "0x00007f0000001000", length]
        for key, length in (("0x00000007", "1501"), ("0x00000009", "1302"),
                            ("0x00000055", "1748"), ("0x00000066", "4720"))
    ]  # fmt: skip
    assert len(columns(BASELINE, "infiniband.reth.dmalen > 4000", "frame.number")) == 1
    found = run("--json", "-Y", "infiniband.deth.q_key == 0x80010000", BASELINE).stdout
    assert {json.loads(line)["nfsrdma.cm"] for line in found.splitlines()} >= {"REQ", "REP"}


def test_which_frame_is_the_other_half() -> None:
    """Plain JSON means what the names say; Wireshark has each under the other's name."""
    lines = run("--json", "-Y", "frame.number in {127, 129}", LINUX).stdout.splitlines()
    call, reply = map(json.loads, lines)
    assert (call["frame.number"], call["rpc.repframe"]) == (127, 129)
    assert (reply["frame.number"], reply["rpc.reqframe"]) == (129, 127)
    assert "rpc.reqframe" not in call
    assert "rpc.repframe" not in reply
    assert columns(LINUX, "rpc.repframe == 127", "frame.number") == [["129"]]
    assert columns(LINUX, "rpc.reqframe == 129", "frame.number") == [["127"]]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark here")
@pytest.mark.parametrize("name", ["company", "pnfs", "callbacks", "gss-context"])
def test_bodies_have_tsharks_fields(name: str) -> None:
    """Of NFS's company as well, the headers of the frames included."""
    shares = shares_of(str(FOLDER / f"{name}.pcap"))
    assert shares.theirs.total() > 900
    assert shares.share > 0.9


def test_adapters_have_their_makers_names() -> None:
    mellanox, unknown = bytes.fromhex("0002c9010203"), bytes.fromhex("020000010203")
    assert resolved(mellanox) == "Mellanox_01:02:03"
    assert resolved(unknown) == "02:00:00:01:02:03"
    assert resolved(b"\xff" * 6) == "Broadcast"


def test_the_time_since_the_frame_before() -> None:
    """Of whatever the frame before was: a message or a packet of a chunk."""
    rows = columns(BASELINE, "frame.number > 0", "frame.number", "frame.time_delta")
    assert len(rows) > 10
    assert {delta for _, delta in rows} == {"0.000001000"}


def test_all_names_of_a_directory_are_fields(tmp_path: Path) -> None:
    scene = Scene(mtu=1024)
    scene.connect()
    talk.readdir(scene, 1, 120)
    path = tmp_path / "long.pcap"
    path.write_bytes(scene.write())
    assert columns(str(path), 'nfs.name == "entry-119"', "rpc.xid") == [["0x00000001"]]
    (row,) = columns(str(path), "nfs.dirlist4.eof", "nfs.value_follows")
    assert row == ["1," * 120 + "0"]
