"""Every view over every capture that the project has: nothing is raised, whatever is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.targets import show

from nfsrdma.dissector.capture import open_capture

FOLDER = Path(__file__).parents[1] / "data" / "captures"
CAPTURES = sorted(FOLDER.glob("*/*.pcap*"))


def test_all_of_them_are_there() -> None:
    assert len(CAPTURES) > 190


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_view(path: Path) -> None:
    show(open_capture(path))
