"""RPC-with-TLS by a key log: handshakes of Python's TLS, cut, lost, out of order, hostile."""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("cryptography")

from tests.support.rdma_wire import (
    Frame,
    compound,
    pattern,
    pcap,
    results,
    write_call,
    write_results,
)
from tests.support.tcp_wire import ACK, call, marked, reply
from tests.support.tls_wire import TlsWire, openssl_wire

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.capture.rewrite import rewrite
from nfsrdma.dissector.tls import Decryption, KeyLog, KeyLogError
from nfsrdma.dissector.tls.keys import SUITES, Keys, expand_label

COUNT = 4
DATA = pattern(40_000)


def talk(folder: Path, **options: Any) -> TlsWire:
    """Calls and replies, one of them larger than a record of TLS."""
    wire = TlsWire(folder, **options)
    wire.connect()
    for xid in range(1, COUNT):
        wire.sealed(wire.client, call(xid))
        wire.sealed(wire.server, reply(xid))
    wire.sealed(wire.client, compound(COUNT, write_call(0, DATA)))
    wire.sealed(wire.server, results(COUNT, write_results(len(DATA))))
    return wire


def shown(folder: Path, frames: list[Frame], log: Path, *options: str, code: int = 0) -> Result:
    path = folder / "tls.pcap"
    path.write_bytes(pcap(frames))
    result = CliRunner().invoke(dissect, ["--key-log", str(log), *options, str(path)])
    assert result.exit_code == code, result.output
    return result


def answered(result: Result) -> list[str]:
    """The RPCs with a call and a reply, but for the probe."""
    lines = [line for line in result.stdout.splitlines() if ">" in line.split()[0]]
    return [line for line in lines if "asks for TLS" not in line]


@pytest.mark.parametrize("mss", [200, 1448, 9000])
def test_calls_and_replies_are_decrypted(tmp_path: Path, mss: int) -> None:
    wire = talk(tmp_path, mss=mss)
    result = shown(tmp_path, wire.frames, wire.log)
    assert len(answered(result)) == COUNT
    assert "WRITE 0+40000 OK" in result.stdout
    assert "note" not in result.stdout
    assert "TLS: " in result.stderr


def test_a_hello_that_was_retried(tmp_path: Path) -> None:
    """The server wants a key that the client has not sent: so it asks for another hello."""
    wire = talk(tmp_path, curve="secp384r1")
    retry = hashlib.sha256(b"HelloRetryRequest").digest()
    assert sum(retry in frame.data for frame in wire.frames) == 1
    result = shown(tmp_path, wire.frames, wire.log)
    assert len(answered(result)) == COUNT
    assert "WRITE 0+40000 OK" in result.stdout
    assert "note" not in result.stdout


def test_keys_that_are_updated(tmp_path: Path) -> None:
    """OpenSSL's client changes its keys alone, then has the server change its own as well."""
    with openssl_wire(tmp_path) as wire:
        for xid, order in enumerate((b"", b"k\n", b"K\n", b"k\n"), 1):
            if order:
                wire.says(0, order)
            wire.says(0, marked(call(xid)))
            wire.says(1, marked(reply(xid)))
    result = shown(tmp_path, wire.frames, wire.log)
    assert len(answered(result)) == 4
    assert "do not fit" not in result.stderr
    assert "note" not in result.stdout


def test_what_was_written_comes_out_again(tmp_path: Path) -> None:
    wire = talk(tmp_path)
    out = tmp_path / "data"
    lines = answered(shown(tmp_path, wire.frames, wire.log))
    frame = lines[-1].split()[0].partition(">")[2]
    shown(tmp_path, wire.frames, wire.log, "--extract", frame, "-o", str(out))
    assert out.read_bytes() == DATA


def test_frames_keep_number_and_time(tmp_path: Path) -> None:
    wire = talk(tmp_path)
    path, out = tmp_path / "a.pcap", tmp_path / "b.pcapng"
    path.write_bytes(pcap(wire.frames))
    with out.open("wb") as file:
        rewrite(open_capture(path), Decryption(KeyLog(wire.log.read_text())), file.write)
    before, after = open_capture(path), open_capture(out)
    while before.read():
        assert after.read()
        assert after.time_ns // 1000 == before.time_ns // 1000
    assert not after.read()


def test_segments_out_of_order_and_twice(tmp_path: Path) -> None:
    wire = talk(tmp_path, mss=700)
    frames = wire.frames
    for at in range(20, len(frames) - 4, 5):
        frames[at], frames[at + 1] = frames[at + 1], frames[at]
    frames.insert(30, frames[29])
    assert len(answered(shown(tmp_path, frames, wire.log))) == COUNT


def test_a_lost_segment_costs_what_was_in_it(tmp_path: Path) -> None:
    wire = talk(tmp_path, mss=1448)
    large = [at for at, frame in enumerate(wire.frames) if len(frame.data) > 1400]
    del wire.frames[large[12]]
    wire.segment(wire.client, flags=ACK)
    result = shown(tmp_path, wire.frames, wire.log)
    assert len(answered(result)) >= COUNT - 1
    assert "missing" in result.stdout
    assert "TLS: the connection" not in result.stderr


def test_another_connections_secrets_leave_it_as_it_is(tmp_path: Path) -> None:
    wire = talk(tmp_path)
    other = tmp_path / "other.log"
    other.write_text("".join(
        f"{label} {'ab' * 32} {'cd' * 32}\n"
        for label in ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0")
    ))  # fmt: skip
    result = shown(tmp_path, wire.frames, other)
    assert "the key log has no secrets of this connection" in result.stderr
    assert "TLS from here on" in result.stdout
    wrong = tmp_path / "wrong.log"
    wrong.write_text(
        "".join(
            line if line.startswith("#") else " ".join((*line.split()[:2], "00" * 48)) + "\n"
            for line in wire.log.read_text().splitlines(keepends=True)
        )
    )
    result = shown(tmp_path, wire.frames, wrong)
    assert "a record that the key log's secrets do not fit" in result.stderr
    assert not answered(result)


@pytest.mark.parametrize("text", ["", "nothing\n", "CLIENT_RANDOM aa bb\n",
                                  "CLIENT_TRAFFIC_SECRET_0 zz 00\n",
                                  "CLIENT_TRAFFIC_SECRET_0 00 00\n"])  # fmt: skip
def test_what_is_no_key_log(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyLogError):
        KeyLog(text)
    log = tmp_path / "log"
    log.write_text(text)
    assert "Error" in shown(tmp_path, [], log, code=1).output


@pytest.mark.parametrize("seed", range(12))
def test_hostile_records(tmp_path: Path, seed: int) -> None:
    """Whatever is in the segments: a capture comes out, and can be read."""
    wire = talk(tmp_path, mss=500)
    chooser = random.Random(seed)
    frames = []
    for frame in wire.frames:
        data = bytearray(frame.data)
        if chooser.random() < 0.2:
            at = chooser.randrange(34, len(data))
            data[at] = chooser.randrange(256)
        if chooser.random() < 0.05:
            del data[chooser.randrange(54, len(data) + 1) :]
        if chooser.random() < 0.95:
            frames.append(Frame(frame.time, bytes(data)))
    shown(tmp_path, frames, wire.log)


def test_expand_label_is_rfc_8448s() -> None:
    """Section 3: keys of the server's handshake traffic."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    suite = SUITES[0x1301]
    assert expand_label(suite, secret, "key", 16).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expand_label(suite, secret, "iv", 12).hex() == "5d313eb2671276ee13000b30"


@pytest.mark.parametrize("number", sorted(SUITES))
def test_records_of_each_suite(number: int) -> None:
    """What this cipher seals with the nonce of RFC 8446, Section 5.3, is opened; then the next."""
    suite, secret = SUITES[number], bytes(range(32))
    cipher = suite.cipher(expand_label(suite, secret, "key", suite.key))
    iv = int.from_bytes(expand_label(suite, secret, "iv", 12), "big")
    keys = Keys(suite, secret)
    for sequence, inner in enumerate((b"data\x17", b"more\x17\0\0", b"\x16")):
        header = struct.pack(">BHH", 23, 0x303, len(inner) + suite.tag)
        sealed = cipher.encrypt((iv ^ sequence).to_bytes(12, "big"), inner, header)  # type: ignore[attr-defined]
        assert len(sealed) == len(inner) + suite.tag
        assert keys.open(header, sealed) == (inner.rstrip(b"\0")[-1], inner.rstrip(b"\0")[:-1])
    assert keys.open(header, sealed) is None
