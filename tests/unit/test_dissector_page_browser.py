"""The page in a real browser: what it shows, keys, filters, and that markup stays text."""

from __future__ import annotations

import json
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

LINUX = Path(__file__).parents[1] / "data" / "captures" / "linux"
VA = 0x7F00_0000_1000
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
ROWS = "[...document.querySelectorAll('#rpcs [role=row]')]"
DETAIL = "document.getElementById('detail')"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


def opened(chromium: Browser, capture: Path, folder: Path | None = None) -> Browser:
    out = (folder or capture.parent) / f"{capture.stem}.html"
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


def query(page: Browser, text: str, words: str = "") -> list[str]:
    """The rows that are left, after a filter was typed."""
    page.run(
        f"document.getElementById('query').value = {json.dumps(text)};"
        f"document.getElementById('words').value = {json.dumps(words)}; app.filter()"
    )
    return shown(page)


def shown(page: Browser) -> list[str]:
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
    assert query(page, "nfs.opcode == READ") == ["READ 4096+10001"]
    assert query(page, "rpc.xid == 0x3") == ["WRITE 0+7002"]
    assert query(page, "rpc and not rpc.reqframe and rpc.msgtyp == Call") == [f"LOOKUP {HOSTILE}"]
    assert query(page, 'nfs.name contains "onerror"') == [f"LOOKUP {HOSTILE}"]
    assert query(page, "", "onerror") == [f"LOOKUP {HOSTILE}"]
    assert query(page, "rpc.time > 0.000011 and rpc.time < 1.3e-5") == ["READ 4096+10001"]
    assert query(page, "frame.number == 99999") == []
    assert page.run("document.getElementById('count').textContent") == "0 of 5"
    assert page.run(f"{DETAIL}.textContent") == "No RPC fits."
    page.run("app.reset()")
    page.run("app.choose('finding', 'credit-zero')")
    assert shown(page) == ["GETATTR"]
    page.run("app.reset()")
    page.run("app.choose('is', 'unanswered')")
    assert shown(page) == [f"LOOKUP {HOSTILE}"]
    page.run("app.reset()")


def test_what_is_wrong_with_a_filter(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    error = "document.getElementById('query-error')"
    assert len(query(page, "nfs.opcod == READ <img>")) == 5
    assert page.run(f"{error}.querySelector('mark').textContent") == "nfs.opcod"
    assert "near to it: nfs.opcode" in page.run(f"{error}.textContent")
    assert query(page, "nfs.opcode == READ") == ["READ 4096+10001"]
    assert page.run(f"{error}.textContent") == ""
    assert page.complaints == []


def test_the_list_is_sorted(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    page.run("document.querySelector('[data-sort=latency]').click()")
    rows = "[...app.rows].map((row) => app.data.rpc.xid[row])"
    page.wait("app.sort === 'latency'")
    assert page.run(rows)[0] == 4  # without a reply
    assert page.run(rows)[-1] == 2
    page.run("app.sortBy('latency')")
    assert page.run(rows)[0] == 2
    assert page.run("document.querySelector('[data-sort=latency]').ariaSort") == "descending"
    page.run("app.sortBy('latency')")
    assert page.run(rows) == [1, 2, 3, 4, 5]
    page.run("app.sortBy('operation')")
    assert page.run(rows) == [1, 5, 4, 2, 3]


def test_a_link_carries_what_is_shown(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    query(page, "nfs.opcode in {READ, WRITE}")
    page.run("app.list.select(1); app.sortBy('-time')")
    link = page.run("location.hash")
    assert "frame=" in link
    assert "filter=nfs.opcode" in link
    page.run("app.reset().then(() => app.list.select(0))")
    page.run("location.hash = " + json.dumps(link))
    page.wait("app.rows.length === 2")
    assert page.run("app.data.rpc.xid[app.selected]") == 3
    assert page.run("document.getElementById('query').value") == "nfs.opcode in {READ, WRITE}"
    page.run("location.hash = '#frame=99999'")
    page.wait("document.getElementById('notice').textContent.includes('99999')")
    hostile = (
        "#filter=%3Cimg+src%3Dx+onerror%3Dwindow.hacked%3D1%3E&op=%3Cb%3E&tab=%22%5D"
        "&sort=constructor&from=x&to=NaN"
    )
    page.run(f"location.hash = {json.dumps(hostile)}")
    page.wait("document.getElementById('query').value.startsWith('<img')")
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.run("window.hacked === undefined")
    assert page.complaints == []


def test_a_message_and_its_octets(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    page.run("app.openRow(3).then(() => app.shown)")
    names = page.run("app.pane.message.lines.map((line) => line.name)")
    assert names[0] == "RPC-over-RDMA"
    assert "objname" in names
    assert "not decoded" not in names
    # A line lights its octets; an octet chooses its line.
    page.run(f"app.pane.lines.select({names.index('objname')})")
    lit = page.run(
        "[...document.querySelectorAll('#dump .letters .lit')].map((one) => one.textContent)"
    )
    assert "".join(lit[4:]) in f"{HOSTILE}···"
    assert len(lit) > 16
    page.run("document.querySelector('#dump .hex span').click()")
    chosen = "app.pane.message.lines[app.pane.shown[app.pane.lines.selected]].name"
    assert page.run(chosen) == "rdma_xid"
    page.run("document.getElementById('tree').focus()")
    page.key("Home")
    page.key("ArrowLeft")
    assert page.run("app.pane.shown.length") < len(names)
    page.key("ArrowRight")
    assert page.run("app.pane.shown.length") == len(names)
    page.run("app.openRow(1).then(() => app.pane.show(1, 'reply'))")
    texts = page.run("app.pane.message.lines.map((line) => line.text)")
    assert "10,001 octets in Write chunk 0" in texts
    page.run("app.pane.show(2, 'call')")
    texts = page.run("app.pane.message.lines.map((line) => line.text)")
    assert any(text.startswith("7,002 octets in the Read chunk at Position") for text in texts)
    assert page.complaints == []


def test_bodies_of_layouts_are_decoded(chromium: Browser, tmp_path: Path) -> None:
    capture = Path(__file__).parents[1] / "data" / "captures" / "generated" / "pnfs.pcap"
    page = opened(chromium, capture, tmp_path)
    for row, member in (
        (0, "nfl_util"),
        (1, "bex_vol_id"),
        (2, "ffm_data_servers"),
        (3, "se_state"),
    ):
        page.run(f"app.openRow({row}).then(() => app.pane.show({row}, 'reply'))")
        names = page.run("app.pane.message.lines.map((line) => line.name)")
        assert member in names
        assert "not decoded" not in names
    assert page.complaints == []


def test_the_page_stays_small(chromium: Browser, tmp_path: Path) -> None:
    """Of a long message, too, only what is in sight exists."""
    page = opened(chromium, synthetic(tmp_path))
    for row in range(5):
        page.run(f"app.openRow({row}).then(() => app.shown)")
    assert page.run("document.querySelectorAll('*').length") < 2500
    page.run("app.fitting('rpc.xid == 1 or nfs.opcode == READ')")
    assert page.run("[...app.data.columns.unpacked.keys()]") == ["rpc.xid", "nfs.opcode"]


def test_keys(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, synthetic(tmp_path))
    page.run("document.activeElement.blur()")  # it works wherever the focus is
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
    # After a filter, the first RPC that fits is chosen, and keys go on from there.
    query(page, "nfs.opcode in {READ, WRITE}")
    assert page.run("app.selected") == 1
    page.run("document.getElementById('query').focus()")
    page.key("Enter")
    page.key("j")
    assert page.run("app.selected") == 2
    assert page.run("app.pane.row") == 2
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


def test_who_held_what(chromium: Browser, tmp_path: Path) -> None:
    """The states of a capture of Linux, and the RPC that each was granted by."""
    page = opened(chromium, LINUX / "linux-client-locks.pcap", tmp_path)
    page.run("app.show('state')")
    rows = "[...document.querySelectorAll('#state-list [role=row]')]"
    texts = page.run(f"{rows}.map((row) => row.children[4].textContent)")
    assert len(texts) == 9
    assert texts[3] == "write 50-149 of /l"
    assert page.run("document.querySelectorAll('#state-list .span-lock').length") == 4
    page.run(f"{rows}[3].click()")
    page.wait("app.tab === 'rpcs'")
    assert page.run("app.data.rpc.reply[app.selected]") == 126
    assert page.complaints == []


@pytest.mark.parametrize("width", [1400, 900])
def test_every_tab_fits_its_window(chromium: Browser, tmp_path: Path, width: int) -> None:
    """Nothing is beyond the right edge, and paths of files are to be read beside an open RPC."""
    page = opened(chromium, LINUX / "linux-client-v42-loss.pcap", tmp_path)
    page.command(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=900, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    page.run("app.openRow(20)")
    for tab in ("rpcs", "ladder", "operations", "findings", "health", "connections", "state"):
        page.run(f"app.show('{tab}')")
        panel = f"document.getElementById('panel-{tab}')"
        inside = f"[{panel}, ...{panel}.querySelectorAll('table, .list')]"
        beyond = f"Math.max(...{inside}.map((one) => one.scrollWidth - one.clientWidth))"
        assert page.run(beyond) <= 0, tab
    page.run("app.show('rpcs')")
    cell = f"{ROWS}[0].querySelector('.grow')"
    assert page.run(f"{cell}.getBoundingClientRect().width") > 220
