"""The generated corpus: what the dissector says of it is what its makers know to be true."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import talk
from tests.corpus.__main__ import FOLDER, stale
from tests.corpus.scenarios import SCENARIOS
from tests.corpus.scene import Scene, pattern
from tests.support.dissection import Collected, dissect

from nfsrdma.dissector.base.extent import ByteMap
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.model import Exchange
from nfsrdma.dissector.views.extract import Payload, payloads
from nfsrdma.dissector.views.lint import Lint

MAX_CORPUS = 2 << 20


def truth_of(path: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(
        path.with_name(path.name.split(".")[0] + ".json").read_bytes()
    )
    return truth


def lint(path: Path) -> list[str]:
    rules: list[str] = []
    view = Lint(lambda finding: rules.append(finding.rule))
    Pipeline(open_capture(path), view).run()
    return sorted(rules)


def carried(payload: Payload, source: memoryview) -> dict[str, Any]:
    """A payload as the truth has it."""
    octets = bytearray(payload.length)

    def write(at: int, part: memoryview) -> None:
        octets[at : at + len(part)] = part

    payload.write(source, write, 0)
    holes = list(payload.data.holes()) if isinstance(payload.data, ByteMap) else []
    return {
        "operation": payload.operation,
        "offset": payload.offset,
        "length": payload.length,
        "sha256": hashlib.sha256(octets).hexdigest(),
        "holes": [list(hole) for hole in holes],
    }


def said(exchange: Exchange, expected: dict[str, Any], source: memoryview) -> dict[str, Any]:
    """What was found of an RPC, as far as the truth says something about it."""
    call, reply = exchange.call, exchange.reply
    found: dict[str, Any] = {
        "xid": exchange.xid,
        "call": call.frame if call else None,
        "reply": reply.frame if reply else None,
    }
    if "error" in expected:
        found["error"] = (
            {1: "ERR_VERS", 2: "ERR_CHUNK"}[exchange.error.error] if exchange.error else ""
        )
    names = exchange.call_body.names() if exchange.call_body else []
    found["operations"] = names if expected["operations"] else []
    body = exchange.reply_body
    found["status"] = max(0, body.status) if body is not None else 0
    found["callback"] = exchange.callback
    moved = [carried(payload, source) for payload in payloads(exchange)]
    found["payloads"] = moved if expected["payloads"] else []
    return found


def holds(view: Collected, truth: dict[str, Any]) -> None:
    assert view.pipeline is not None
    source = view.pipeline.reader.source.view
    assert view.pipeline.reader.number == truth["frames"]
    assert not any(exchange.undecoded for exchange in view.exchanges)

    def order(rpc: dict[str, Any]) -> tuple[int, int]:
        return rpc["call"] or 0, rpc["reply"] or 0

    def where(exchange: Exchange) -> tuple[int, int]:
        call, reply = exchange.call, exchange.reply
        return call.frame if call else 0, reply.frame if reply else 0

    rpcs = sorted(truth["rpcs"], key=order)
    exchanges = sorted(view.exchanges, key=where)
    assert [where(exchange) for exchange in exchanges] == [order(rpc) for rpc in rpcs]
    for exchange, rpc in zip(exchanges, rpcs, strict=True):
        assert said(exchange, rpc, source) == rpc


@pytest.mark.parametrize("name", [n for n in SCENARIOS if not n.startswith("violation-")])
def test_what_is_said_is_true(name: str) -> None:
    path = FOLDER / name
    truth = truth_of(path)
    view = dissect(path)
    holds(view, truth)
    assert view.rules == truth["notes"]
    assert lint(path) == truth["findings"]


@pytest.mark.parametrize("name", [n for n in SCENARIOS if n.startswith("violation-")])
def test_what_breaks_a_rule(name: str) -> None:
    path = FOLDER / name
    truth = truth_of(path)
    assert set(lint(path)) == set(truth["findings"])
    assert dissect(path).exchanges


def test_the_corpus_is_fresh_and_small() -> None:
    assert stale() == []
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MAX_CORPUS


def said_of(scene: Scene, folder: Path) -> Collected:
    path = folder / "capture"
    path.write_bytes(scene.write())
    return dissect(path)


def check_payloads(scene: Scene, view: Collected) -> None:
    """Of each RPC that has both its messages: what was moved, and no more holes than there are."""
    assert view.pipeline is not None
    source = view.pipeline.reader.source.view
    found = {exchange.xid: exchange for exchange in view.exchanges}
    for rpc in scene.truth()["rpcs"]:
        if rpc["call"] is None or rpc["reply"] is None:
            continue
        moved = [carried(payload, source) for payload in payloads(found[rpc["xid"]])]
        assert moved == rpc["payloads"], rpc


def lost_scene(link: str = "rocev2") -> Scene:
    """READs and WRITEs of one and of two segments, and other things between them."""
    scene = Scene(link)
    scene.connect()
    talk.getattr_(scene, 1)
    talk.read(scene, 2, pattern(1501))
    talk.write(scene, 3, pattern(1302, 3))
    talk.getattr_(scene, 4)
    parts = [talk.segment(600, 7), talk.segment(640, 8)]
    talk.read(scene, 5, pattern(1200, 5), parts)
    talk.write(scene, 6, pattern(1240, 1), parts)
    talk.readdir(scene, 7)
    talk.getattr_(scene, 8)
    return scene


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("link", ["rocev2", "infiniband"])
def test_frames_that_are_missing_cost_only_what_they_carried(
    link: str, width: int, tmp_path: Path
) -> None:
    count = len(lost_scene(link).wire.frames)
    for index in range(count - width):
        scene = lost_scene(link)
        del scene.wire.frames[index : index + width]
        view = said_of(scene, tmp_path)
        assert not any(exchange.undecoded for exchange in view.exchanges)
        check_payloads(scene, view)
        assert lint(tmp_path / "capture") == []
