"""``nfsrdma demo``: the whole main job on this machine, with proof.

The server is one process and the client another, with RoCEv2 between them over UDP 4791. A real
tree is copied in and out, over RDMA and again over TCP, and every file is compared by its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from nfsrdma.bench.servers import ServerError, free_loopback

from .output import check_replaceable, write_whole

if TYPE_CHECKING:
    from nfsrdma.client.copies import Report

START_S = 20.0
MEMORY = "/dev/shm"
SCRATCH_OCTETS = 1 << 30
RECORDINGS = 5
WANTED_FILES = 1000
LEFT_OUT = frozenset({"__pycache__", "site-packages", "dist-packages"})


class DemoError(Exception):
    """A failure that the user should read in one line."""


@dataclass(slots=True)
class Copy:
    """The copy over one transport: seconds, octets, and counters by name."""

    transport: str
    put_s: float = 0.0
    get_s: float = 0.0
    files: int = 0
    octets: int = 0
    wrong: list[str] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)


def source_tree(chosen: Path | None, scratch: Path) -> Path:
    """Return the tree to copy: ``chosen``, or this installation's Python standard library.

    The library is staged in ``scratch``, without what was installed beside it. Compiled files are
    included only where there would be too few files without them (Debian ships no tests).
    """
    if chosen is not None:
        return chosen
    library = Path(sysconfig.get_path("stdlib")).resolve()
    staged = scratch / "stdlib"
    skipped = LEFT_OUT
    if sum(len(files) for _, _, files in _walk(library, LEFT_OUT)) < WANTED_FILES:
        skipped = LEFT_OUT - {"__pycache__"}
    shutil.copytree(
        library,
        staged,
        symlinks=True,
        ignore=lambda _, names: [name for name in names if name in skipped],
    )
    return staged


def _walk(root: Path, skipped: frozenset[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in skipped]
        yield folder, folders, files


def scratch_folder() -> str | None:
    """Return a folder in memory if there is room, or None.

    Each copy is made stable, and the transports are to be compared, not this machine's disk.
    """
    try:
        room = os.statvfs(MEMORY)
    except OSError:
        return None
    return MEMORY if room.f_bavail * room.f_frsize > SCRATCH_OCTETS else None


def digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``root``, and the target of every symbolic link."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(root):
        for name in files + folders:
            path = Path(folder, name)
            key = str(path.relative_to(root))
            if path.is_symlink():
                found[key] = f"-> {os.readlink(path)}"
            elif path.is_file():
                with path.open("rb") as file:
                    found[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def free_tcp_port(address: str) -> int:
    """Return a TCP port that is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(export: Path, address: str, tcp_port: int) -> Iterator[int]:
    """Run ``nfsrdma serve`` in a process of its own; the block gets its process id."""
    command = [sys.executable, "-m", "nfsrdma", "serve", str(export), "--ephemeral"]
    # Packets are to be seen: by default the client would use the server's shared memory.
    command += ["--listen", address, "--provider", "soft", "--tcp", str(tcp_port)]
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _await_server(server, address, tcp_port, log)
            yield server.pid
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_server(server: subprocess.Popen[bytes], address: str, port: int, log: IO[str]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            log.seek(0)
            raise DemoError(f"the server did not start: {log.read().strip()}")
        try:
            socket.create_connection((address, port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise DemoError(f"the server did not start within {START_S:.0f} seconds")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise DemoError("the server is gone")


def record_session(url: str, pcap: str) -> None:
    """Record a short session of every kind of message, with every packet, in ``pcap``.

    It has a mount of its own, so that the capture is whole (from the CM handshake to the
    disconnect) and small enough to read. On a busy machine a packet may be sent twice, which is
    right, but which Wireshark shows as malformed: then the session is recorded once more.
    """
    for _ in range(RECORDINGS):
        counters = _session(url, pcap)
        if not any(counters.get(name) for name in ("retransmitted", "duplicates", "out_of_order")):
            return


def _session(url: str, pcap: str) -> dict[str, int]:
    import nfsrdma.client as nfs

    with nfs.mount(url, pcap=pcap) as fs:
        fs.mkdir("capture")
        fs.listdir("")
        fs.write_bytes("capture/small", b"inline in the call\n")
        fs.write_bytes("capture/large", os.urandom(1 << 20))
        fs.read_bytes("capture/small")
        fs.read_bytes("capture/large")
        fs.symlink("large", "capture/link")
        fs.readlink("capture/link")
        for number in range(64):
            fs.write_bytes(f"capture/entry-{number:02}", b"")
        fs.listdir("capture")
        fs.rename("capture/small", "capture/renamed")
        fs.rmtree("capture")
        return fs.connection_counters()


def copy_there_and_back(
    transport: str, url: str, tree: Path, export: Path, back: Path, bar: Progress
) -> Copy:
    """Copy ``tree`` to the server and back, and compare both copies with the original."""
    import nfsrdma.client as nfs

    copy = Copy(transport)
    want = digests(tree)
    copy.files = sum(not digest.startswith("->") for digest in want.values())
    copy.octets = sum(
        path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink()
    )
    with nfs.mount(url, timeout=30) as fs:
        begin = time.perf_counter()
        with _reporting(bar, f"{transport}: copying in", copy.octets) as report:
            fs.put(tree, "tree", recursive=True, progress=report)
        copy.put_s = time.perf_counter() - begin
        begin = time.perf_counter()
        with _reporting(bar, f"{transport}: copying out", copy.octets) as report:
            fs.get("tree", back, recursive=True, progress=report)
        copy.get_s = time.perf_counter() - begin
        copy.operations = {name: kind.calls for name, kind in fs.stats.operations.items()}
        copy.counters = fs.connection_counters()
        for where in (export / "tree", back):
            have = digests(where)
            names = want.keys() | have.keys()
            copy.wrong += [name for name in names if want.get(name) != have.get(name)]
        fs.rmtree("tree")
    return copy


@contextmanager
def _reporting(bar: Progress, label: str, octets: int) -> Iterator[Report]:
    task = bar.add_task(label, total=octets)
    yield lambda progress: bar.update(task, completed=progress.octets_done)
    bar.update(task, completed=octets)


def run(tree: Path | None, address: str, pcap: str | None, console: Console) -> bool:
    """Run the demo; return whether every file came through unharmed on both transports."""
    with tempfile.TemporaryDirectory(prefix="nfsrdma-demo-", dir=scratch_folder()) as scratch:
        folder = Path(scratch)
        source = source_tree(tree, folder)
        export = folder / "export"
        export.mkdir()
        tcp_port = free_tcp_port(address)
        rdma_url, tcp_url = f"nfs+rdma://{address}/", f"nfs+tcp://{address}:{tcp_port}/"
        console.print(f"Serving {export} at [bold]{rdma_url}[/] and [bold]{tcp_url}[/]")
        columns = (
            TextColumn("{task.description:18}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        with serving(export, address, tcp_port) as server:
            if pcap is not None:
                recorded = folder / "session.pcapng"
                record_session(rdma_url, str(recorded))
                write_whole(pcap, recorded.read_bytes())
                console.print(f"Recorded a session packet by packet: [bold]{pcap}[/]")
            with Progress(*columns, console=console) as bar:
                copies = [
                    copy_there_and_back(name, url, source, export, folder / f"back-{name}", bar)
                    for name, url in (("rdma", rdma_url), ("tcp", tcp_url))
                ]
            memory = resident_mb(server)
    for table in (_speeds(copies), _operations(copies), _chunks(copies[0])):
        console.print(table)
    console.print(f"The server's resident memory at the end: {memory:.0f} MB")
    return _verdict(copies, console)


def _speeds(copies: list[Copy]) -> Table:
    table = Table(title="The tree, there and back", title_justify="left")
    table.add_column("transport")
    for column in ("files", "MB", "in: MB/s", "files/s", "out: MB/s", "files/s"):
        table.add_column(column, justify="right")
    for copy in copies:
        table.add_row(
            copy.transport,
            f"{copy.files:,}",
            f"{copy.octets / 1e6:.1f}",
            f"{copy.octets / 1e6 / copy.put_s:.1f}",
            f"{copy.files / copy.put_s:.0f}",
            f"{copy.octets / 1e6 / copy.get_s:.1f}",
            f"{copy.files / copy.get_s:.0f}",
        )
    return table


def _operations(copies: list[Copy]) -> Table:
    table = Table(title="Compounds by their main operation", title_justify="left")
    table.add_column("operation")
    for copy in copies:
        table.add_column(copy.transport, justify="right")
    for name in sorted({name for copy in copies for name in copy.operations}):
        table.add_row(name, *(f"{copy.operations.get(name, 0):,}" for copy in copies))
    return table


_COUNTERS = {
    "calls": "calls_sent",
    "read chunks (the server fetches)": "read_chunks",
    "write chunks (the server places)": "write_chunks",
    "reply chunks": "reply_chunks",
    "long calls (position zero)": "nomsg_calls",
    "registrations": "registrations",
    "of them ended by the server (SEND_WITH_INV)": "remote_invalidations",
    "waits for a credit": "credit_stalls",
    "packets sent": "packets_sent",
    "packets received": "packets_received",
    "packets sent again": "retransmitted",
    "ICRC errors": "icrc_errors",
}


def _chunks(copy: Copy) -> Table:
    table = Table(title="What crossed the wire, seen from the client", title_justify="left")
    table.add_column("rdma")
    table.add_column("count", justify="right")
    for label, name in _COUNTERS.items():
        table.add_row(label, f"{copy.counters.get(name, 0):,}")
    return table


def _verdict(copies: list[Copy], console: Console) -> bool:
    for copy in copies:
        if copy.wrong:
            names = ", ".join(copy.wrong[:5])
            console.print(f"[red]{copy.transport}: {len(copy.wrong)} files differ:[/] {names}")
    if any(copy.wrong for copy in copies):
        return False
    files = sum(copy.files for copy in copies)
    console.print(f"[green]All equal:[/] {2 * files:,} SHA-256 sums, at the server and back here.")
    return True


@click.command()
@click.option(
    "--tree",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The tree to copy (the Python standard library if none is named).",
)
@click.option("--address", help="The loopback address to serve at (a free one).")
@click.option("--pcap", metavar="FILE", help="Record a short session's packets for Wireshark.")
def demo(tree: Path | None, address: str | None, pcap: str | None) -> None:
    """Serve, copy a real tree in and out over RDMA and TCP, compare every file."""
    console = Console(highlight=False)
    if pcap is not None:
        check_replaceable(pcap)
    try:
        equal = run(tree, address or free_loopback(), pcap, console)
    except (DemoError, ServerError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not equal:
        sys.exit(1)
