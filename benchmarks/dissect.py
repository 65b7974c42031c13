"""How fast captures are decoded: ours beside tshark, on the same generated files, in one run.

    python benchmarks/dissect.py [--packets 500000] [--messages 100000] [--rounds 3] [--out FILE]
                                 [--compiled build/compiled/src]

Two captures are made in a scratch directory and removed again: NFS READs of 1 MiB whose data come
as RDMA WRITEs of 4 KiB (2 GB by default), and GETATTRs and nothing else, both with a handshake.
Each tool decodes each of them in turn, round after round, its output thrown away: `nfsrdma
dissect` (a line for each RPC, all of it decoded), with --json as well for the small ones, and
tshark with the fields of RPC-over-RDMA, in one pass and in the two (-2) that it needs to put READs
together. The median of the rounds is shown; on a machine that does other work as well, what was
decoded in a second of processor time is the figure to compare. With --compiled what `make compiled`
has built takes its turns as well.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rich.console import Console
from rich.table import Table

from nfsrdma.rpcrdma.roce.wire.cm_messages import RdmaCmHeader, Rep, Req, Rtu, service_id
from nfsrdma.rpcrdma.roce.wire.mad import GSI_QUEUE_PAIR, encode_mad
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

MTU = 4096
RECORD = 1 << 20
_CLIENT, _SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"
_QPN = {_CLIENT: 0x22, _SERVER: 0x11}
"""Of the receiver, by sender."""
_CREDENTIAL = Credentials.sys(1000, 100, (), b"client").to_auth()
_RUN = "from nfsrdma.cli import main; main()"
_FIELDS = ("frame.number", "rpcordma.xid", "rpcordma.msg_type", "rpcordma.rdma_length")


class Capture:
    """Writes frames; one of a kind only differs in its numbers, so they are made from templates."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._psn = {_CLIENT: 100, _SERVER: 5000}
        self._templates: dict[tuple[bytes, int, int], bytearray] = {}
        self.frames = 0
        self._time = 1_700_000_000_000_000
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        self._connect()

    def _connect(self) -> None:
        """The handshake: without it tshark cannot tell a reply from anything else."""
        said = PrivateData(4096, 4096, True).encode()
        gids = [bytes(10) + b"\xff\xff" + address for address in (_CLIENT, _SERVER)]
        header = RdmaCmHeader("10.0.0.1", 40000, "10.0.0.2").encode()
        request = Req(
            local_comm_id=5, service_id=service_id(20049), local_ca_guid=1,
            local_qpn=_QPN[_SERVER], starting_psn=self._psn[_SERVER], local_gid=gids[0],
            remote_gid=gids[1], path_mtu=5, private_data=header + said,
        )  # fmt: skip
        reply = Rep(
            local_comm_id=6, remote_comm_id=5, local_qpn=_QPN[_CLIENT],
            starting_psn=self._psn[_CLIENT], local_ca_guid=2, private_data=said,
        )  # fmt: skip
        ready = Rtu(local_comm_id=5, remote_comm_id=6)
        for sender, message in ((_CLIENT, request), (_SERVER, reply), (_CLIENT, ready)):
            mad = encode_mad(message.ATTRIBUTE, 1, message.encode())
            self.frame(sender, 0x64, 1, struct.pack(">II", 0x80010000, 1) + mad)

    def frame(self, sender: bytes, opcode: int, psn: int, body: bytes) -> None:
        """One RoCEv2 packet: ``body`` is what follows the base transport header."""
        key = (sender, opcode, len(body))
        frame = self._templates.get(key)
        if frame is None:
            frame = self._templates[key] = _template(sender, opcode, len(body))
        self.frames += 1
        self._time += 3
        struct.pack_into("<II", frame, 0, *divmod(self._time, 1_000_000))
        struct.pack_into(">H", frame, 34, self.frames & 0xFFFF)
        struct.pack_into(">I", frame, 66, psn & 0xFFFFFF)
        frame[70 : 70 + len(body)] = body
        self._file.write(frame)

    def send(self, sender: bytes, message: bytes) -> None:
        """A SEND of one packet, acknowledged."""
        psn = self.take(sender)
        self.frame(sender, 4, psn, message)
        other = _SERVER if sender == _CLIENT else _CLIENT
        self.frame(other, 0x11, psn, b"\x1f\0\0\0")

    def take(self, sender: bytes) -> int:
        self._psn[sender] += 1
        return self._psn[sender] - 1

    def write(self, handle: int, address: int, length: int, part: bytes) -> None:
        """An RDMA WRITE by the server, each packet with the same octets."""
        count = length // MTU
        self.frame(
            _SERVER, 6, self.take(_SERVER), struct.pack(">QII", address, handle, length) + part
        )
        for _ in range(count - 2):
            self.frame(_SERVER, 7, self.take(_SERVER), part)
        self.frame(_SERVER, 8, self.take(_SERVER), part)


def _template(sender: bytes, opcode: int, size: int) -> bytearray:
    """Record header, Ethernet, IPv4, UDP, BTH, and room for the rest and the ICRC."""
    length = 20 + 8 + 12 + size + 4
    receiver = _SERVER if sender == _CLIENT else _CLIENT
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 2, length, 0, 0x4000, 64, 17, 0, sender, receiver)
    udp = struct.pack(">HHHH", 49152, 4791, length - 20, 0)
    to = GSI_QUEUE_PAIR if opcode == 0x64 else _QPN[sender]
    bth = struct.pack(">BBHII", opcode, 0, 0xFFFF, to, 0)
    data = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + udp + bth + bytes(size + 4)
    return bytearray(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


def _call(xid: int, ops: list[t.nfs_argop4]) -> bytes:
    enc = Encoder()
    encode_call(enc, xid, 100003, 4, 1, _CREDENTIAL)
    t.COMPOUND4args(b"", 1, ops).encode(enc)
    return enc.to_bytes()


def _reply(xid: int, ops: list[t.nfs_resop4]) -> bytes:
    enc = Encoder()
    encode_accepted(enc, xid)
    t.COMPOUND4res(0, b"", ops).encode(enc)
    return enc.to_bytes()


def _numbered(message: bytes, header: int, xid: int) -> bytes:
    """A message with another XID in its transport header and its RPC header."""
    word = struct.pack(">I", xid)
    return word + message[4:header] + word + message[header + 4 :]


def _sequence() -> tuple[t.nfs_argop4, t.nfs_resop4]:
    session = bytes(range(16))
    asked = t.SEQUENCE4args(session, 1, 0, 7, False)
    done = t.SEQUENCE4resok(session, 1, 0, 7, 7, 0)
    return (
        t.nfs_argop4(t.OP_SEQUENCE, asked),
        t.nfs_resop4(t.OP_SEQUENCE, t.SEQUENCE4res(0, done)),
    )


def bulk(file: BinaryIO, packets: int) -> int:
    """NFS READs of 1 MiB; how many packets."""
    capture = Capture(file)
    asked, done = _sequence()
    handle = t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"h" * 40))
    handled = t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0))
    part, at, xid = os.urandom(MTU), 0, 1
    while capture.frames < packets:
        segment = Segment(0x100 + xid % 64, RECORD, 0x7F0000000000 + (xid % 64) * RECORD)
        head = bytes(encode_header(xid, 32, 0, (), [Chunk([segment])]))
        read = t.nfs_argop4(t.OP_READ, t.READ4args(t.stateid4(1, bytes(12)), at, RECORD))
        capture.send(_CLIENT, head + _call(xid, [asked, handle, read]))
        capture.write(segment.handle, segment.offset, RECORD, part)
        found = t.nfs_resop4(t.OP_READ, t.READ4res(0, t.READ4resok(False, b"")))
        inline = _reply(xid, [done, handled, found])
        inline = inline[:-4] + struct.pack(">I", RECORD)
        capture.send(_SERVER, head + inline)
        at, xid = at + RECORD, xid + 1
    return capture.frames


def small(file: BinaryIO, messages: int) -> int:
    """GETATTRs, all inline; how many packets."""
    capture = Capture(file)
    asked, done = _sequence()
    attributes = t.fattr4([0x0010011A, 0x00B0A23A], bytes(152))
    head = bytes(encode_header(0, 32, 0))
    call = head + _call(
        0,
        [
            asked, t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"h" * 40)),
            t.nfs_argop4(t.OP_GETATTR, t.GETATTR4args([0x0010011A, 0x00B0A23A])),
        ],
    )  # fmt: skip
    reply = head + _reply(
        0,
        [
            done, t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
            t.nfs_resop4(t.OP_GETATTR, t.GETATTR4res(0, t.GETATTR4resok(attributes))),
        ],
    )  # fmt: skip
    for xid in range(1, messages // 2 + 1):
        capture.send(_CLIENT, _numbered(call, len(head), xid))
        capture.send(_SERVER, _numbered(reply, len(head), xid))
    return capture.frames


class Run(NamedTuple):
    """What one decoding took."""

    wall: float
    processor: float
    resident_mb: float


def measured(command: list[str]) -> Run:
    """Run a command, its output thrown away. Raises ``CalledProcessError``."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    wall = time.monotonic() - began
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def tools(
    messages: bool, compiled: Path | None
) -> Iterator[tuple[str, Callable[[Path], list[str]]]]:
    """Who decodes: a name, and the command for a file."""
    yield from _ours("nfsrdma dissect", _RUN, messages)
    if compiled is not None:
        first = f"import sys; sys.path.insert(0, {str(compiled.absolute())!r}); "
        yield from _ours("compiled nfsrdma dissect", first + _RUN, messages)
    tshark = shutil.which("tshark")
    if tshark is None:
        return
    fields = [word for name in _FIELDS for word in ("-e", name)]
    show = ["-Y", "rpcordma", "-T", "fields", *fields]
    yield "tshark, one pass", lambda path: [tshark, "-n", "-r", str(path), *show]
    yield "tshark -2", lambda path: [tshark, "-n", "-2", "-r", str(path), *show]


def _ours(
    name: str, program: str, messages: bool
) -> Iterator[tuple[str, Callable[[Path], list[str]]]]:
    command = [sys.executable, "-c", program, "dissect"]
    yield name, lambda path: [*command, str(path)]
    if messages:
        yield f"{name} --json", lambda path: [*command, "--json", str(path)]


def rows(folder: Path, options: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """Make the files, let everybody decode them, round after round."""
    out = []
    for name, make, size, unit in (
        ("WRITEs of 4 KiB", bulk, options.packets, "packets"),
        ("GETATTR", small, options.messages, "messages"),
    ):
        path = folder / "capture.pcap"
        with path.open("wb") as file:
            packets = make(file, size)
        count = packets if unit == "packets" else size
        octets = path.stat().st_size
        console.print(f"{name}: {packets:,} packets, {octets / 1e6:,.0f} MB", style="dim")
        everybody = list(tools(unit == "messages", options.compiled))
        runs: dict[str, list[Run]] = {tool: [] for tool, _ in everybody}
        for tool, command in everybody:
            if tool.endswith("dissect"):
                measured(command(path))  # writes its bytecode, as an installation has done
        for _ in range(options.rounds):
            for tool, command in everybody:
                runs[tool].append(measured(command(path)))
        for tool, done in runs.items():
            walls = [run.wall for run in done]
            wall = statistics.median(walls)
            processor = statistics.median(run.processor for run in done)
            out.append(
                {
                    "capture": name, "tool": tool, "unit": f"{unit}/s", "value": count / wall,
                    "spread": [count / max(walls), count / min(walls)],
                    "mb_per_s": octets / 1e6 / wall,
                    "cpu_s": processor,
                    "per_cpu_s": count / processor,
                    "resident_mb": max(run.resident_mb for run in done),
                }
            )  # fmt: skip
        path.unlink()
    return out


def table(found: list[dict[str, Any]]) -> Table:
    """The rows for people."""
    shown = Table(title="Decoding captures")
    for heading in ("capture", "tool", "unit"):
        shown.add_column(heading)
    for heading in ("value", "least-greatest", "per CPU s", "MB/s", "RSS MB"):
        shown.add_column(heading, justify="right")
    for row in found:
        low, high = row["spread"]
        shown.add_row(
            row["capture"], row["tool"], row["unit"], f"{row['value']:,.0f}",
            f"{low:,.0f}-{high:,.0f}", f"{row['per_cpu_s']:,.0f}", f"{row['mb_per_s']:,.0f}",
            f"{row['resident_mb']:,.0f}",
        )  # fmt: skip
    return shown


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packets", type=int, default=500_000, help="of the bulk capture")
    parser.add_argument("--messages", type=int, default=100_000, help="of the GETATTR capture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the captures are made for the time")
    parser.add_argument("--compiled", type=Path, help="the src folder of what make compiled built")
    parser.add_argument("--out", type=Path, help="the rows as JSON")
    options = parser.parse_args()
    console = Console(width=max(120, Console().width))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        found = rows(Path(folder), options, console)
    console.print(table(found))
    if shutil.which("tshark") is None:
        console.print("no tshark on this machine: nothing to compare with", style="dim")
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
