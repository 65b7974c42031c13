"""Health of Linux's captures, against a count by an independent reader."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.support.captures import (
    READ_FIRST,
    READ_ONLY,
    READ_REQUEST,
    SEND_LAST_INV,
    SEND_ONLY_INV,
    capture_folder,
    frames,
    linux_captures,
    require,
)

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.health import Health

LOSS = capture_folder() / "linux-nfs42-loss.pcap"
captures = pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)


def seen_by_health(path: Path) -> Health:
    view = Health()
    Pipeline(open_capture(str(require(path))), view).run()
    return view


def counted(path: Path) -> dict[str, Counter[str]]:
    """By sender: packets and octets, those at or below the highest PSN, those with a known one."""
    found: dict[str, Counter[str]] = {}
    seen: dict[tuple[str, bool], set[int]] = {}
    high: dict[str, int] = {}
    mtu = 1024 if "mtu1024" in path.name else 4096
    for frame in frames(path):
        if frame.qpn == 1:
            continue
        count = found.setdefault(frame.source, Counter())
        size = len(frame.payload)
        response = READ_FIRST <= frame.opcode <= READ_ONLY
        known = seen.setdefault((frame.source, response), set())
        if frame.opcode == 0x11:
            kind = "acks" if frame.extension[0] < 0x20 else "naks"
            found.setdefault(frame.destination, Counter())[kind] += 1
        elif response:
            count["responses"] += 1
            count["response_octets"] += size
            count["responses_again"] += frame.psn in known
            count["responses_again_octets"] += size if frame.psn in known else 0
        elif frame.opcode <= READ_REQUEST or frame.opcode in (SEND_LAST_INV, SEND_ONLY_INV):
            count["packets"] += 1
            count["octets"] += size
            if frame.psn <= high.get(frame.source, -1):
                count["again"] += 1
                count["again_octets"] += size
                count["filled"] += frame.psn not in known
            high[frame.source] = max(high.get(frame.source, -1), frame.psn)
        length = (
            int.from_bytes(frame.extension[12:16], "big") if frame.opcode == READ_REQUEST else 1
        )
        known.update(range(frame.psn, frame.psn + max(1, -(-length // mtu))))
    return found


@captures
def test_the_numbers_are_those_of_a_plain_count(path: Path) -> None:
    view = seen_by_health(path)
    expected = counted(path)
    assert {flow.source for flow in view.watches} == set(expected)
    for flow, watch in view.watches.items():
        counts = watch.counts
        numbers = Counter({name: getattr(counts, name) for name in counts.__slots__} | {"naks": 0})
        numbers["naks"] = sum(counts.naks.values())
        mine = {name: numbers[name] for name in expected[flow.source]}
        assert mine == dict(expected[flow.source]), flow.source
        kinds = (counts.filled, counts.lost, counts.dropped, counts.had, counts.unknown)
        assert sum(kinds) == counts.again


def test_without_loss_nobody_suffers() -> None:
    for path in linux_captures():
        if path != LOSS:
            view = seen_by_health(path)
            assert view.events == []
            assert view.sufferers == {}


def test_the_story_of_the_capture_with_loss() -> None:
    """What a reader of the frames finds: twelve NAKs, four silences, and the READs that waited."""
    view = seen_by_health(LOSS)
    again = [event for event in view.events if event.kind == "again"]
    naks = [event.frame for event in view.events if event.kind == "nak"]
    assert naks == [337, 396, 481, 579, 959, 1065, 1095, 1118, 1279, 1872, 1902, 3222]
    # Nothing was heard for two seconds, but in the last case.
    timeouts = {event.frame: event.waited // 10**6 for event in again if event.cause == "timeout"}
    assert timeouts == {845: 2106, 1216: 2286, 1905: 2317, 3771: 5}
    assert [event.frame for event in again if event.cause == "response"] == [1467, 1497, 1564, 1594]
    assert all(event.exchanges for event in view.events)
    worst = next(iter(view.sufferers.values()))
    assert (worst.rpc.operation, worst.rpc.call_frame, worst.rpc.reply_frame) == (
        "OPEN",
        1899,
        1905,
    )
    assert worst.late is not None
    assert worst.late > 2_300_000_000
