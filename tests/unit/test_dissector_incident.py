"""The incident of the manual: its three commands are run, and print what it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nfsrdma.cli.dissect import dissect

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "incident.md").read_text()
CAPTURES = ROOT / "tests" / "data" / "captures" / "linux"
STEPS = re.findall(r"^    nfsrdma dissect ([^\n]*)$.*?^```text\n(.*?)^```", PAGE, re.M | re.S)


def printed(command: str) -> list[str]:
    words = shlex.split(command)
    words[-1] = str(CAPTURES / words[-1])
    result = CliRunner().invoke(dissect, words)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_there_are_three_commands() -> None:
    assert len(STEPS) == 3


@pytest.mark.parametrize("step", range(3))
def test_what_is_shown_is_what_is_printed(step: int) -> None:
    """In this order; what the page leaves out may be between."""
    command, shown = STEPS[step]
    lines = iter(printed(command))
    for line in shown.splitlines():
        assert not line or line in lines, f"{command}: {line!r} is not printed, or too early"


def test_what_the_page_says_of_the_incident() -> None:
    """File, client, port and milliseconds, as the objects of the same commands have them."""
    summary, health, _ = (command.split()[0] for command, _ in STEPS)
    capture = str(CAPTURES / "linux-client-v42-loss.pcap")
    runner = CliRunner()
    found = [
        json.loads(line)
        for view in (summary, health)
        for line in runner.invoke(dissect, [view, "--json", capture]).stdout.splitlines()
    ]
    (overview,) = [one for one in found if one["record"] == "summary"]
    worst = overview["sufferers"][0]
    assert (worst["path"], worst["client"]) == ("/d/name-08", "10.99.0.11")
    assert f"{worst['late'] / 1e6:.1f} ms" == "31.7 ms"
    (event,) = [one for one in found if worst["exchange"] in one.get("exchanges", ())]
    assert (event["frame"], event["sender"]) == (227, "10.99.0.1")
    assert f"{event['waited'] / 1e6:.1f} ms" in PAGE
    ports = {one["source"]: one["source_port"] for one in found if one["record"] == "direction"}
    assert ports == {"10.99.0.11": 65179, "10.99.0.1": 4791}
