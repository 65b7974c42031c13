"""The page of a capture of 100,000 RPCs: how long it takes to write, to open, to search.

    python benchmarks/page.py [--rpcs 100000] [--keep FOLDER]

Of ten RPCs one is a READ and one a WRITE of 16 KiB, the others are GETATTRs. Needs Chromium.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.support.browser import Browser, browser  # noqa: E402
from tests.support.rdma_wire import (  # noqa: E402
    Wire,
    do_getattr,
    do_read,
    do_write,
    pattern,
    pcap,
)

from nfsrdma.rpcrdma.transport.chunk import Segment  # noqa: E402

SIZE = 16_384
VA = 0x7F00_0000_0000

QUERY = "byId('query').value ="
ACTIONS = {
    "filter of two fields, the first time": f"{QUERY} 'nfs.opcode == READ and rpc.time > 0.00001'",
    "the same again": f"{QUERY} 'nfs.opcode == READ and rpc.time > 0.00002'",
    "search for words": "byId('query').value = ''; byId('words').value = '4194304'",
    "no filter": "await app.reset()",
    "sort by latency": "await app.sortBy('latency')",
    "open the last RPC, with its octets": "await app.openRow(app.data.count - 1); await app.shown",
    "open by frame": "await app.openRow(app.data.rowOfFrame(100000)); await app.shown",
    "ladder of everything": "app.show('ladder')",
    "timeline": "app.timeline.draw()",
}
SCROLL = """(async () => {
  const list = byId('rpcs'), times = [];
  app.show('rpcs');
  for (let step = 1; step <= 100; step += 1) {
    const before = performance.now();
    list.scrollTop = list.scrollHeight * step / 100;
    app.list.draw();
    list.getBoundingClientRect();
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[95];
})()"""
BY_ID = "const byId = (id) => document.getElementById(id);"


def write_capture(path: Path, rpcs: int) -> None:
    """The capture, a thousand RPCs at a time."""
    wire = Wire(mtu=4096)
    wire.connect()
    data = pattern(SIZE)
    with path.open("wb") as out:
        out.write(pcap([]))
        for xid in range(1, rpcs + 1):
            kind = xid % 10
            segment = [Segment(xid, SIZE, VA + xid * SIZE)]
            if kind == 3:
                do_read(wire, xid, data, segment, xid * SIZE % (1 << 30))
            elif kind == 7:
                do_write(wire, xid, data, segment, xid * SIZE % (1 << 30))
            else:
                do_getattr(wire, xid)
            if not xid % 1000 or xid == rpcs:
                out.write(pcap(wire.frames)[24:])
                wire.frames.clear()


def timed(page: Browser, script: str) -> float:
    """Milliseconds that a script takes in the page."""
    clock = "performance.now()"
    then = "; await app.filter()" if "value =" in script else ""
    body = f"{BY_ID} const t = {clock}; {script}{then}; return {clock} - t"
    return float(page.run(f"(async () => {{ {body} }})()"))


def measure(folder: Path, rpcs: int) -> dict[str, float]:
    """Everything, in seconds, megabytes and milliseconds."""
    capture, out = folder / "rpcs.pcap", folder / "rpcs.html"
    if not capture.exists():
        write_capture(capture, rpcs)
    command = [sys.executable, "-m", "nfsrdma", "dissect", "--html", str(out), str(capture)]
    before = time.monotonic()
    subprocess.run(command, check=True, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "capture (MB)": capture.stat().st_size / 1e6,
        "write the page (s)": time.monotonic() - before,
        "write the page (CPU s)": used.ru_utime + used.ru_stime,
        "peak memory (MB)": used.ru_maxrss / 1e3,
        "page (MB)": out.stat().st_size / 1e6,
    }
    with browser(folder) as page:
        before = time.monotonic()
        page.open(out)
        page.wait("document.body.matches('.ready, .failed')")
        found["open it (s)"] = time.monotonic() - before
        assert page.run("app.data.count") == rpcs
        for name, script in ACTIONS.items():
            found[f"{name} (ms)"] = timed(page, script)
        found["scroll, 95th of 100 (ms)"] = float(page.run(f"{BY_ID} {SCROLL}"))
        page.command("HeapProfiler.collectGarbage")
        heap = page.run("performance.memory.usedJSHeapSize")
        found["memory of the scripts (MB)"] = float(heap) / 1e6
        assert page.complaints == []
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rpcs", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="where capture and page stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = measure(folder, options.rpcs)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}, indent=2))


if __name__ == "__main__":
    main()
