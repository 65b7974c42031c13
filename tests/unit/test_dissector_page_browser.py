"""The page in a real browser: what it shows, keys, filters, and that markup stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.browser import Browser, browser
from tests.support.captures import capture_folder, require
from tests.support.rdma_wire import (
    Wire,
    compound,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    results,
)

from nfsrdma.cli.dissect import dissect
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.xdr.nfs4 import types as t

VA = 0x7F00_0000_1000
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
ROWS = "[...document.querySelectorAll('#rpcs [role=row]')]"
DETAIL = "document.getElementById('detail')"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


def opened(chromium: Browser, capture: Path) -> Browser:
    out = capture.with_suffix(".html")
    result = CliRunner().invoke(dissect, ["--html", str(out), str(capture)])
    assert result.exit_code == 0, result.output
    chromium.complaints.clear()
    chromium.open(out)
    chromium.wait("document.body.matches('.ready, .failed')")
    assert chromium.complaints == []
    return chromium


def synthetic(folder: Path) -> Path:
    """GETATTR, READ, WRITE, a LOOKUP of markup that is not answered, a call without credits."""
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(10_001), [Segment(7, 16_384, VA)], 4096)
    do_write(wire, 3, pattern(7_002, 3), [Segment(8, 4_096, VA), Segment(9, 2_906, VA)])
    operations = [t.nfs_argop4(t.OP_LOOKUP, t.LOOKUP4args(HOSTILE.encode()))]
    wire.nfs_call(4, [], inline=compound(4, operations))
    wire.nfs_call(5, getattr_call(), credits=0)
    wire.nfs_reply(5, results(5, getattr_results()))
    path = folder / "capture.pcap"
    path.write_bytes(pcap(wire.frames, nano=True))
    return path


def query(page: Browser, text: str) -> list[str]:
    """The rows that are left, after a filter was typed."""
    page.run(f"document.getElementById('query').value = {text!r}; app.filter()")
    return list(page.run(f"{ROWS}.map((row) => row.children[4].textContent)"))


def test_what_it_shows(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    assert page.run("document.querySelector('h1').textContent") == "capture.pcap: NFS over RDMA"
    names = ["GETATTR", "READ 4096+10001", "WRITE 0+7002", f"LOOKUP {HOSTILE}", "GETATTR"]
    assert page.run(f"{ROWS}.map((row) => row.children[4].textContent)") == names
    # Markup is text, in the list and beside it.
    page.run("app.openRow(3)")
    assert page.run(f"{DETAIL}.querySelector('h2').textContent") == f"LOOKUP {HOSTILE}"
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.run("window.hacked === undefined")
    assert page.complaints == []


def test_a_ladder_and_chunk_maps(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    page.run("app.openRow(1)")
    steps = page.run(f"[...{DETAIL}.querySelectorAll('.step-title')].map((one) => one.textContent)")
    assert steps[0].startswith("call: SEND RDMA_MSG")
    assert steps[1] == "ACK"
    assert steps[2] == "RDMA WRITE 9.77 KiB, 10 packets"
    assert steps[3].startswith("reply: SEND RDMA_MSG")
    assert page.run(f"{DETAIL}.querySelectorAll('.ladder .lane').length") == 2
    assert "10,001 of 16,384 octets used" in page.run(
        f"{DETAIL}.querySelector('.chunk').textContent"
    )
    page.run(f"{DETAIL}.querySelector('details').open = true")
    page.wait(f"{DETAIL}.querySelectorAll('tbody tr').length === 2")
    cells = f"[...{DETAIL}.querySelectorAll('tbody td')].map((cell) => cell.textContent)"
    assert page.run(cells) == [
        "9–17", "9", "+0", "9,216", "4,096", "18", "1", "+9,216", "785", "13,312",
    ]  # fmt: skip
    page.run("app.openRow(2)")
    assert page.run(f"{DETAIL}.querySelectorAll('.segment').length") == 2
    assert page.run(f"{DETAIL}.querySelectorAll('.rung.read .band').length") == 2


def test_filters(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    assert query(page, "op:READ") == ["READ 4096+10001"]
    assert query(page, "xid:0x3") == ["WRITE 0+7002"]
    assert query(page, "-op:getattr is:unanswered") == [f"LOOKUP {HOSTILE}"]
    assert query(page, "onerror") == [f"LOOKUP {HOSTILE}"]
    assert query(page, "frame:10") == ["READ 4096+10001"]
    assert len(query(page, "moved>1k")) == 2
    assert query(page, "finding:credit-zero") == ["GETATTR"]
    assert query(page, "latency>11us latency<13us") == ["READ 4096+10001"]
    assert query(page, "nothing like it") == []
    assert page.run("document.getElementById('count').textContent") == "0 of 5"
    query(page, "latency>soon")
    assert "soon is no number" in page.run("document.getElementById('query-error').textContent")


def test_keys(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    page.run("document.getElementById('rpcs').focus()")
    page.key("ArrowDown")
    page.key("j")
    assert page.run("app.selected") == 2
    page.key("k")
    assert page.run("app.selected") == 1
    page.key("End")
    assert page.run("app.selected") == 4
    page.key("Home")
    page.key("n")
    assert page.run("app.selected") == 4  # the one with a finding
    before = page.run("getComputedStyle(document.body).backgroundColor")
    page.key("t")
    assert page.run("getComputedStyle(document.body).backgroundColor") != before
    page.key("4")
    assert page.run("document.getElementById('panel-findings').hidden") is False
    page.key("/")
    assert page.run("document.activeElement.id") == "query"
    page.key("Escape")
    assert page.complaints == []


def test_a_long_list_has_only_the_rows_in_sight(chromium: Browser, tmp_path: Path) -> None:
    wire = Wire()
    for xid in range(1, 1501):
        do_getattr(wire, xid)
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap(wire.frames))
    page = opened(chromium, path)
    assert page.run(f"{ROWS}.length") < 80
    page.run("document.getElementById('rpcs').focus()")
    page.key("End")
    assert page.run(f"{ROWS}.at(-1).dataset.index") == "1499"
    assert page.run("app.data.rpc.xid[app.selected]") == 1500
    assert page.run(f"{ROWS}.length") < 80
    page.run("app.show('ladder'); app.steps.select(5999)")
    last = "[...document.querySelectorAll('#steps [role=row]')].at(-1)"
    assert page.run(f"{last}.querySelector('.step-label').textContent") == "ACK"
    assert page.run("document.querySelectorAll('#steps [role=row]').length") < 80
    assert page.run("document.documentElement.dataset.theme") == "light"
    page.command(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    page.wait("document.documentElement.dataset.theme === 'dark'")


def test_every_view_of_a_capture_with_loss(chromium: Browser, tmp_path: Path) -> None:
    capture = tmp_path / "loss.pcap"
    capture.write_bytes(require(capture_folder() / "linux-nfs42-loss.pcap").read_bytes())
    page = opened(chromium, capture)
    for tab in ("ladder", "operations", "findings", "health", "connections", "rpcs"):
        page.run(f"app.show('{tab}')")
        assert (
            page.run(f"document.getElementById('panel-{tab}').getBoundingClientRect().height") > 99
        )
    assert page.run("document.querySelectorAll('#event-list [role=row]').length") > 10
    page.run(
        "app.show('health'); document.querySelector('#sufferer-list [data-index=\"0\"]').click()"
    )
    # The RPC that suffered most is opened: frame 1899, as `--health` has it.
    assert page.run("app.data.rpc.call[app.selected]") == 1899
    assert "1 timeout" in page.run(f"{DETAIL}.querySelector('.box.warn').textContent")
    assert page.run(f"{DETAIL}.querySelectorAll('.rung.bad').length") == 3
    assert page.complaints == []
