"""The captures with Linux that are part of the project: everything in them decodes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.captures import ROOT
from tests.support.dissection import dissect

CORPUS = ROOT / "tests/data/captures/linux"
FILES = sorted(CORPUS.glob("*.pcap"))

captures = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)

#: Captures without NFS: what is looked at is the connection manager's messages, and the packets.
BELOW = re.compile(r"rping|ucmatose|perftest|pingpong|connections")

#: How many calls at most have no reply, for their server was killed.
UNANSWERED = {"linux-client-reclaims": 2}


@captures
def test_everything_decodes(path: Path) -> None:
    view = dissect(path)
    assert view.rules == []
    assert not any(exchange.undecoded for exchange in view.exchanges)
    assert all(chunk.content.complete for e in view.exchanges for chunk in e.chunks)
    if BELOW.search(path.stem):
        assert not view.exchanges
    else:
        assert len(view.exchanges) > 25
        assert all(e.call is not None for e in view.exchanges)
        unanswered = [e for e in view.exchanges if e.reply is None]
        assert len(unanswered) <= UNANSWERED.get(path.stem, 0)


@captures
def test_a_line_says_what_happens(path: Path) -> None:
    (line,) = re.findall(
        rf"^\| `{path.name}` \| (.*) \|$", (CORPUS / "README.md").read_text(), re.M
    )
    assert len(line) > 20


def test_the_corpus_is_there_and_small() -> None:
    sizes = [path.stat().st_size for path in FILES]
    assert len(sizes) >= 15
    assert max(sizes) <= 200_000
    assert sum(sizes) <= 3_000_000
