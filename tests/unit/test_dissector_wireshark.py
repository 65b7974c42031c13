"""What is installed into Wireshark: the Lua post-dissector, the extcap, and its stream."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import tshark
from tests.support.dissection import dissect_octets
from tests.support.offload import superframes
from tests.support.rdma_wire import Segment, Wire, do_getattr, do_read, pattern, pcap
from tests.unit.test_cli_dissect import environment
from tests.unit.test_dissector_annotate import broken, options_of

from nfsrdma.cli.dissect import dissect
from nfsrdma.cli.extcap import main
from nfsrdma.cli.wireshark import EXTCAP, LUA, wireshark
from nfsrdma.dissector.wireshark.stream import annotate_stream


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    folder = tmp_path / "wireshark"
    result = CliRunner().invoke(wireshark, ["--install", "--dir", str(folder)])
    assert result.exit_code == 0, result.output
    assert f"wrote {folder / LUA}" in result.output
    assert os.access(folder / EXTCAP, os.X_OK)
    return folder


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    result = CliRunner().invoke(wireshark, ["--dir", str(folder)])
    assert str(folder / LUA) in result.output
    assert not folder.exists()


def test_who_may_not_write_there_learns_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(wireshark, ["--install", "--dir", str(tmp_path / "file" / "x")])
    assert result.exit_code == 1
    assert f"{tmp_path / 'file' / 'x' / LUA}: " in result.output
    assert "--dir DIR writes elsewhere" in result.output


@pytest.mark.parametrize("annotated", [False, True])
def test_the_post_dissector_shows_findings(
    tmp_path: Path, installed: Path, annotated: bool
) -> None:
    path = broken(tmp_path)
    if annotated:
        out = tmp_path / "annotated.pcapng"
        CliRunner().invoke(dissect, ["--pcapng", str(out), str(path)])
        path = out
    script = ("-X", f"lua_script:{installed / LUA}")
    names = ("frame.number", "nfsrdma.finding", "nfsrdma.severity", "nfsrdma.source")
    lines = tshark.fields(path, *names, wanted="nfsrdma.finding", options=script)
    source = "RFC 8166, Section 3.3.1"
    assert [line.split("\t") for line in lines] == [
        ["3", "credit-zero", "error", source], ["5", "credit-zero", "error", source],
    ]  # fmt: skip
    texts = tshark.fields(path, "nfsrdma.text", wanted="nfsrdma.error", options=script)
    assert ("octets 8 to 12" in texts[0]) == annotated


def test_the_extcap_names_its_interfaces(installed: Path) -> None:
    done = subprocess.run(
        [installed / EXTCAP, "--extcap-interfaces", "--extcap-version=4.0"],
        capture_output=True, text=True, env=environment(), timeout=60, check=True,
    )  # fmt: skip
    assert "{value=nfsrdma-lo}" in done.stdout
    assert main(["--extcap-interface", "nfsrdma-lo", "--extcap-dlts"]) == 0
    assert main(["--extcap-interface", "nfsrdma-lo", "--extcap-config"]) == 0
    assert main([]) == 1


def test_wireshark_finds_the_extcap_in_a_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 4.4 on; before, Debian's looks in the folder of the whole machine alone."""
    if tshark.release() < (4, 4):
        pytest.skip("this Wireshark has no folder for a user's extcaps")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    result = CliRunner().invoke(wireshark, ["--install"])
    assert result.exit_code == 0, result.output
    assert str(tmp_path) in result.output
    done = subprocess.run(
        [tshark.need(), "-D"], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert "nfsrdma-lo (NFS over RDMA on lo, annotated)" in done.stdout


class Canned:
    """A capture that is over."""

    link_type = 1

    def __init__(self, octets: bytes) -> None:
        self._left = octets

    def fill(self, room: memoryview) -> int:
        part, self._left = self._left[: len(room)], self._left[len(room) :]
        room[: len(part)] = part
        return len(part)


def streamed(octets: bytes) -> bytes:
    out = bytearray()
    annotate_stream(Canned(octets), out.extend)  # type: ignore[arg-type]
    return bytes(out)


def test_the_stream_has_all_frames_and_comments(tmp_path: Path) -> None:
    octets = broken(tmp_path).read_bytes()
    out = streamed(octets)
    # Of the call it is known once it is answered: two comments on the reply.
    comments = [text for _, text in options_of(out, 5)]
    assert len(comments) == 2
    assert all(text.startswith(b"nfsrdma error: credit-zero: ") for text in comments)
    assert sum(text.endswith(b" (frame 3)") for text in comments) == 1
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    ours, plain = dissect_octets(out, tmp_path / "one"), dissect_octets(octets, tmp_path / "two")
    assert [e.xid for e in ours.exchanges] == [e.xid for e in plain.exchanges]


def test_the_stream_gets_a_handshake_as_soon_as_it_is_known(tmp_path: Path) -> None:
    wire = Wire()
    for xid in range(1, 6):
        do_getattr(wire, 2 * xid)
        do_read(wire, 2 * xid + 1, pattern(5000), [Segment(xid, 8192, xid << 16)])
    out = streamed(pcap(superframes(wire.frames)))
    view = dissect_octets(out, tmp_path)
    assert [event.name for event in view.events] == ["REQ", "REP", "RTU"]
    assert view.events[0].frame <= 4
    path = tmp_path / "streamed.pcapng"
    path.write_bytes(out)
    tshark.need()
    # All but the first call, which came before the queue pairs were known, and its reply.
    assert tshark.nfs_messages(path) == 18
