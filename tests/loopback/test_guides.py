"""The first pages of the manual, followed to the letter by somebody who has nothing yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.guides import Follower, Step, missing, steps_of

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"start": 12, "howto/operate": 15}
"""The pages, and how many steps they have at least."""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_followed(page: str, tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    steps = steps_of((DOCS / f"{page}.md").read_text())
    assert len(steps) >= PAGES[page]
    if not os.path.exists("/dev/fuse"):
        steps = [step for step in steps if "work" not in step.typed]
    follower = Follower(tmp_path)
    try:
        for step in steps:
            follower.follow(step)
    finally:
        follower.close()


def test_what_is_shown_must_be_printed(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    follower = Follower(tmp_path)
    try:
        follower.follow(Step("console", "echo one; echo two; echo three", ("o…e", "three")))
        for typed, shown in (("echo one; echo two", ("two", "one")), ("false", ())):
            with pytest.raises(AssertionError):
                follower.follow(Step("console", typed, shown))
    finally:
        follower.close()


def test_steps_are_found() -> None:
    page = "x\n```console\n$ cat <<E\n> a\n> E\na\n$ b\n```\n```python\nc\n```\n"
    assert steps_of(page) == [
        Step("console", "cat <<E\na\nE", ("a",)),
        Step("console", "b", ()),
        Step("python", "c\n", ()),
    ]
