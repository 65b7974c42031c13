"""Captures of a client's frames alone: whose data its READ responses are, if that is certain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.corpus import talk
from tests.corpus.found import Watched
from tests.corpus.scene import Scene, pattern
from tests.support.dissection import dissect

from nfsrdma.dissector.views.extract import payloads

MINE, OTHERS = pattern(700, 1), pattern(700, 2)


def in_turn(scene: Scene) -> None:
    talk.write(scene, 1, MINE)
    talk.write(scene, 2, OTHERS)


def at_once(scene: Scene) -> None:
    """Which of the two is read first cannot be told."""
    parts = [[talk.segment(700, 9)], [talk.segment(700, 10)]]
    rpcs = [talk.begin_write(scene, 1, MINE, parts[0], 0)]
    rpcs.append(talk.begin_write(scene, 2, OTHERS, parts[1], 0))
    for rpc, part in zip(reversed(rpcs), reversed(parts), strict=True):
        scene.spread(rpc.payloads[0], part, scene.get)
    for rpc in rpcs:
        talk.end_write(scene, rpc)


def of_other_lengths(scene: Scene) -> None:
    parts = [[talk.segment(700, 9)], [talk.segment(900, 10)]]
    rpcs = [talk.begin_write(scene, 1, MINE, parts[0], 0)]
    rpcs.append(talk.begin_write(scene, 2, pattern(900), parts[1], 0))
    for rpc, part in zip(reversed(rpcs), reversed(parts), strict=True):
        scene.spread(rpc.payloads[0], part, scene.get)


def found(folder: Path, play: Callable[[Scene], None], lost: int | None = None) -> list[bytes]:
    """What is there of the data of each WRITE."""
    watched = Watched("rocev2")
    scene = watched.scene
    play(scene)
    frames = scene.wire.frames
    frames[:] = [frame for frame in frames if id(frame) in watched.clients]
    if lost is not None:
        carrier = scene.rpcs[0].payloads[0].carriers[lost]
        frames.remove(carrier.frame)
    path = folder / "client.pcap"
    path.write_bytes(scene.write())
    view = dissect(path)
    assert view.pipeline is not None
    source = view.pipeline.reader.source.view
    data = []
    for exchange in view.exchanges:
        for payload in payloads(exchange):
            parts: list[bytes] = []
            payload.write(source, lambda at, part, parts=parts: parts.append(bytes(part)), 0)  # type: ignore[misc]
            data.append(b"".join(parts))
    return data


def test_what_came_in_turn(tmp_path: Path) -> None:
    assert found(tmp_path, in_turn) == [MINE, OTHERS]


def test_what_differs_in_length(tmp_path: Path) -> None:
    assert found(tmp_path, of_other_lengths) == [MINE, pattern(900)]


def test_what_may_be_either_is_neither(tmp_path: Path) -> None:
    assert not {MINE, OTHERS} & set(found(tmp_path, at_once))


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_is_not_whole_is_nobodys(tmp_path: Path, lost: int) -> None:
    assert not {MINE, OTHERS} & set(found(tmp_path, in_turn, lost))
