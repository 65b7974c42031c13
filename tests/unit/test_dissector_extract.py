"""``--extract`` of what came in a Reply chunk: data, and whole replies, with holes or without."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.corpus import talk
from tests.corpus.scene import Chunk, Payload, Scene, pattern
from tests.support.rdma_wire import compound, getattr_call, read_call, read_results, results

from nfsrdma.cli.dissect import dissect
from nfsrdma.xdr.nfs4 import types as t

MTU = 256
DATA = pattern(900)


def scene_of(kind: str) -> tuple[Scene, int, int]:
    """An RPC with its reply in a Reply chunk, the first frame of that, and where the data is."""
    scene = Scene(mtu=MTU)
    scene.connect()
    if kind == "READ":
        asked, answered = read_call(0, len(DATA)), read_results(DATA)
    elif kind == "READLINK":
        asked = [
            t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"h")),
            t.nfs_argop4(t.OP_READLINK, None),
        ]
        answered = [
            t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
            t.nfs_resop4(t.OP_READLINK, t.READLINK4res(0, t.READLINK4resok(DATA))),
        ]
    else:
        value = t.GETATTR4resok(t.fattr4([0x1000], len(DATA).to_bytes(4, "big") + DATA))
        asked = getattr_call()
        answered = [
            t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
            t.nfs_resop4(t.OP_GETATTR, t.GETATTR4res(0, value)),
        ]
    body = results(2, answered)
    room = talk.segment(4096, 0x55)
    rpc = scene.call(2, [], compound(2, asked), reply=Chunk([room]))
    first = len(scene.wire.frames)
    used = scene.spread(Payload(kind, 0, body), [room], scene.put)
    scene.answer(rpc, b"", reply=Chunk(used))
    return scene, first, body.index(DATA)


def extracted(folder: Path, scene: Scene, frame: int = 3) -> tuple[bytes | None, str]:
    capture, out = folder / "capture", folder / "out"
    capture.write_bytes(scene.write())
    result = CliRunner().invoke(dissect, ["--extract", str(frame), "-o", str(out), str(capture)])
    assert (result.exit_code == 0) == out.exists()
    return out.read_bytes() if out.exists() else None, result.output


@pytest.mark.parametrize("kind", ["READ", "READLINK"])
def test_data_out_of_a_reply_chunk(tmp_path: Path, kind: str) -> None:
    octets, said = extracted(tmp_path, scene_of(kind)[0])
    assert octets == DATA
    assert said == "900 octets of 1 operations\n"


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("kind", ["READ", "READLINK"])
def test_data_with_a_hole_has_its_length_and_says_so(tmp_path: Path, kind: str, lost: int) -> None:
    scene, first, at = scene_of(kind)
    del scene.wire.frames[first + lost]
    octets, said = extracted(tmp_path, scene)
    start = lost * MTU - at
    expected = bytearray(DATA)
    expected[start : start + MTU] = bytes(MTU)
    assert octets == expected
    assert said == "900 octets of 1 operations, 256 of them not in the capture\n"


@pytest.mark.parametrize("kind", ["READ", "READLINK", "GETATTR"])
def test_what_lies_behind_a_hole_in_the_header_is_not_guessed(tmp_path: Path, kind: str) -> None:
    scene, first, _ = scene_of(kind)
    del scene.wire.frames[first]
    octets, said = extracted(tmp_path, scene)
    if kind == "GETATTR":
        assert octets is not None
        assert octets[:MTU] == bytes(MTU)
        assert DATA[-200:] in octets
    else:
        assert octets is None
        assert "nothing to extract for 3: 256 octets of its RPC are not in the capture" in said


def test_any_other_long_reply_is_there_as_it_came(tmp_path: Path) -> None:
    octets, said = extracted(tmp_path, scene_of("GETATTR")[0])
    assert octets is not None
    assert octets.endswith(DATA)
    assert len(octets) > len(DATA) + 24
    assert said.startswith(f"{len(octets)} octets of 1 operations")
