"""Display filters, and the RPCs of captures that tshark finds with them.

    python -m tests.corpus.filters            # write what the installed tshark finds
    python -m tests.corpus.filters --show     # where ours differs

All of them are asked on the second pass (``-2``), where Wireshark has put together what came in
chunks. What is compared are the frames in which both see an RPC message end: Wireshark has a call
with Read chunks in the last READ response, and what was sent again twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.fields.derived import asked_of_message, keep_for
from nfsrdma.dissector.filter import compile_filter
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import Exchange

CAPTURES = Path(__file__).parents[1] / "data" / "captures" / "linux"
ANSWERS = Path(__file__).parents[1] / "data" / "filters.json"
NAMES = ("linux-client-v41", "linux-client-v42-ipv6")

FILTERS = r"""
rpc
nfs
rpcordma
infiniband
udp
tcp
ip
ipv6
eth
frame
not nfs
!(nfs.opcode == READ)
nfs.cb
nfs.opcode
nfs.opcode == 25
nfs.opcode == READ
nfs.opcode == "read"
nfs.opcode eq 0x19
nfs.opcode == 031
nfs.opcode == 0b11001
nfs.opcode != 9
nfs.opcode !== 9
nfs.opcode ~= 9
nfs.opcode === 9
nfs.opcode any_ne 53
nfs.opcode all_eq 53
any nfs.opcode > 50
all nfs.opcode > 50
all nfs.opcode in {53, 22, 9}
nfs.opcode in {9, 25 .. 38}
nfs.opcode not in {9}
nfs.opcode > 50 && nfs.opcode < 54
nfs.opcode & 1
nfs.opcode & 0x30 == 0x10
nfs.opcode == nfs.main_opcode
nfs.opcode#1 == 53
nfs.opcode#2
nfs.opcode#[1-2] == 9
count(nfs.opcode) > 3
max(nfs.opcode) == 53
min(nfs.opcode) < 10
max(nfs.opcode, 54) == 54
abs(nfs.opcode) > 50
len(nfs.opcode) == 4
string(nfs.opcode) contains "3"
string(nfs.opcode) matches "^[35]3$"
nfs.main_opcode == GETATTR or nfs.main_opcode == LOOKUP
nfs.nfsstat4 == NFS4ERR_NOENT
nfs.nfsstat4 != NFS4_OK
nfs.tag == ""
len(nfs.tag) == 0
nfs.name
nfs.name == "small"
nfs.pathname.component != "small"
nfs.pathname.component contains "all"
nfs.pathname.component matches "^S.*L$"
nfs.pathname.component matches r"\d"
nfs.pathname.component ~ "(a|e|i){1,2}[^x]"
upper(nfs.pathname.component) == "SMALL"
lower(nfs.pathname.component) contains "a"
nfs.pathname.component > "m"
nfs.pathname.component[0] == "s"
nfs.pathname.component[0:2] == 73:6d
nfs.pathname.component[-2:] == "ll"
nfs.pathname.component[0-1,3] == "sml"
len(nfs.pathname.component) >= 3 and len(nfs.pathname.component) <= 6
nfs.session_id4[0:4] == 00:00:00:01
nfs.session_id4 contains 00:01
nfs.fhandle[0]
nfs.fhandle[0:1] == 01
nfs.fhandle contains "a"
len(nfs.fhandle) > 20
nfs.fh.hash
nfs.cachethis4
nfs.cachethis4 == True
nfs.cachethis4 == 0
nfs.slotid < 2 and nfs.high_slotid >= 0
nfs.minorversion == 1
nfs.offset4 >= 4096
nfs.seqid == 3
ip.src == 10.99.0.11
ip.src == 10.99.0.0/24
ip.addr == 10.99.0.11/32 and not ip.src == 10.99.0.11
ip.addr != 10.99.0.11
ip.src in {10.99.0.1 .. 10.99.0.5, 10.99.0.11}
ip.src[0:2] == 0a:63
string(ip.src) matches "^10[.]"
ip.src < ip.dst
ipv6.addr == fd99::/64
ipv6.src == fd99::11
udp.port == 4791
udp.dstport - 1 == 4790
{udp.dstport + 9} / 100 == 48
udp.dstport % 100 == 91
-udp.dstport < 0
rpc.msgtyp == "Call"
rpc.msgtyp == 1
rpc.program == 100003
rpc.auth.flavor == AUTH_UNIX
rpc.replystat == accepted
rpc.time > 0.001
rpc.time >= 0.0005 and rpc.time <= 0.002
rpc.xid & 1
rpcordma.xid == rpc.xid
rpcordma.msg_type == RDMA_MSG
rpcordma.msg_type == "RDMA_NOMSG"
rpcordma.reads_count or rpcordma.writes_count
rpcordma.reads_count > 0 || rpcordma.writes_count > 0
rpcordma.rdma_length > 4096
rpcordma.segment_count == 1
infiniband.bth.opcode == 4
infiniband.bth.opcode in {2, 4, 23}
infiniband.bth.psn > 0x800000
infiniband.bth.destqp
infiniband.ieth
nfs.stateid.seqid > 1
frame.len > 300
frame.len == frame.cap_len
frame.len + 1 > 300
frame.time > "2026-11-28 12:22:25"
frame.protocols contains "rpcordma"
eth.src[0:3] == 52:54:00
eth.type == 0x0800
eth.addr == ff:ff:ff:ff:ff:ff
ip.ttl == 64
ip.len > 200
ip.flags.df == 1
ip.dsfield.ecn == 0
udp.length > 200
udp.checksum == 0
infiniband.bth.p_key == 0xffff
infiniband.bth.a == True
infiniband.bth.padcnt == 0
nfs.fattr4.size > 4000
nfs.change_info.atomic == 1
nfs.verifier4
nfs.mode.read_owner == 1
nfs.mode & 0700 == 0700
nfs.changeid4
nfs.attr == 4
nfs.pathname.component == "small"
nfs.sequence.flags == 0
nfs.stateid.hash
udp.srcport == udp.dstport
frame.number > 100 and frame.number < 200
frame.time_relative > 2
frame.time_relative > 2 and frame.time_relative < 4.5
""".strip().splitlines()


class _Found:
    """The frames of RPC messages that fit each filter."""

    def __init__(self) -> None:
        self.filters = {text: compile_filter(text) for text in FILTERS}
        self.frames: dict[str, list[int]] = {text: [] for text in FILTERS}
        self.began_ns = 0

    def subscribe(self, events: Events) -> None:
        for wanted in self.filters.values():
            keep_for(events, wanted.derived)
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        for message in (exchange.call, exchange.reply):
            for text, wanted in self.filters.items() if message is not None else ():
                fields = asked_of_message(exchange, message, wanted.derived, self.began_ns)
                if wanted(fields):
                    self.frames[text].append(message.frame)


def ours(name: str) -> dict[str, list[int]]:
    """Return filter -> the frames that ours finds in a capture, in order."""
    reader = open_capture(str(CAPTURES / f"{name}.pcap"))
    found = _Found()
    pipeline = Pipeline(reader, found)
    reader.began_ns = found.began_ns = _began(name)
    pipeline.run()
    return {text: sorted(frames) for text, frames in found.frames.items()}


def _began(name: str) -> int:
    reader = open_capture(str(CAPTURES / f"{name}.pcap"))
    reader.read()
    return reader.time_ns


def theirs(name: str, text: str) -> list[int]:
    """Return the frames that tshark finds. Raises ``OSError`` and ``CalledProcessError``."""
    done = subprocess.run(
        ("tshark", "-2", "-r", str(CAPTURES / f"{name}.pcap"), "-Y", f"rpc && ({text})",
         "-T", "fields", "-e", "frame.number"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


def packed(frames: Iterable[int], of: list[int]) -> str:
    """Return which frames of ``of`` there are, as the hexadecimal digits of a number."""
    chosen = set(frames)
    return f"{sum(1 << at for at, frame in enumerate(of) if frame in chosen):x}"


def unpacked(digits: str, of: list[int]) -> set[int]:
    """Return the frames that ``packed`` was given."""
    number = int(digits, 16)
    return {frame for at, frame in enumerate(of) if number >> at & 1}


def differences(name: str, answers: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the filters that find other frames than tshark did, with both counts."""
    found, frames = ours(name), answers["frames"]
    both = set(frames) & set(found["rpc"])
    counts = {}
    for text, digits in answers["found"].items():
        one, other = both & set(found[text]), both & unpacked(digits, frames)
        if one != other:
            counts[text] = len(one), len(other)
    return counts


def ask(name: str) -> dict[str, Any]:
    """Return the frames of a capture's RPCs, and which of them tshark finds with each filter."""
    frames = theirs(name, "rpc")
    found = {}
    for text in FILTERS:
        try:
            found[text] = packed(theirs(name, text), frames)
        except subprocess.CalledProcessError as error:
            print(text, error.stderr, file=sys.stderr)
    return {"frames": frames, "found": found}


def main() -> None:
    """Write what tshark finds, or show where ours differs."""
    if "--show" not in sys.argv:
        ANSWERS.write_text(json.dumps({name: ask(name) for name in NAMES}, indent=1) + "\n")
    for name, answers in json.loads(ANSWERS.read_text()).items():
        for text, counts in differences(name, answers).items():
            print(f"{name}: {text}: ours {counts[0]}, theirs {counts[1]}")


if __name__ == "__main__":
    main()
